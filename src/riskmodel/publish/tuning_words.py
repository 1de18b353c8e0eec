"""The card's words about tuning: what was searched, and whether it helped people that the search had not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.publish.checks import Check
from riskmodel.publish.results import FAMILIES, at_capacity

Json = Mapping[str, Any]


def tuning_check(report: Json, disclosure: Disclosure, *, past: str) -> Check:
    """Return the card's section about tuning.

    Parameters
    ----------
    report : mapping
        ``tuning.json``.
    disclosure : Disclosure
    past : str
        The outcome in the past tense.

    Returns
    -------
    Check
    """
    searches = [search for one in report["families"].values() for search in one["searches"]]
    return Check(
        name="tuning",
        title="How were the models' settings chosen?",
        sentences=[*_method(report, searches, past), *_fairness(report, searches), *_kept(searches)],
        head=(
            "Model",
            "Settings tried",
            f"Of 100 who {past}, so many offered support",
            "More than without the search",
        ),
        rows=[_row(family, one, disclosure) for family, one in report["families"].items()],
    )


def _method(report: Json, searches: list[Json], past: str) -> Iterator[str]:
    budget = report["budget"]
    limit = "" if budget["minutes"] is None else f" and {budget['minutes']:g} minutes in all"
    yield (
        f"A computer searched for good settings: {budget['searches']} searches, each with at most {budget['trials']} tries{limit}. "
        f"It looked for settings that would have offered support to most of the young people who {past}."
    )
    designs = {search["design"] for search in searches}
    if "time_ordered" in designs:
        yield "Settings were tried as they would be used: learned from earlier dates, judged on later ones."
    if "all_dates" in designs:
        yield "In some searches there were too few dates or too few young people for that: they mixed dates."
    yield (
        "The table is about young people whom neither the search nor the model had seen. A difference whose range includes 0 "
        "may be chance."
    )


def _fairness(report: Json, searches: list[Json]) -> Iterator[str]:
    limit = report["fairness"]
    if limit is None:
        return
    names = ", ".join(limit["attributes"])
    yield (
        f"Settings under which groups ({names}) differed by more than {100 * limit['tolerance']:g} of 100 were not "
        "used. Whether the finished model keeps this is in the part about fairness."
    )
    if not all(one["limit_judged"] for one in searches if one["status"] != "too_few_outcomes"):
        yield "In some searches the groups were too small to judge this (insufficient): those went on without it."


def _kept(searches: list[Json]) -> Iterator[str]:
    statuses = {search["status"] for search in searches}
    if "too_few_outcomes" in statuses:
        yield "Some searches had too few young people with the outcome to tell settings apart. There the study's own settings stayed."
    if "none_within_limit" in statuses:
        yield "In some searches no settings kept groups within the limit. There the study's own settings stayed."


def _row(family: str, one: Json, disclosure: Disclosure) -> tuple[str, ...]:
    tried = sum(search["complete"] + search["pruned"] for search in one["searches"])
    return (FAMILIES[family], f"{tried:,}", *_worth(one["gain"], disclosure))


def _worth(gain: Json, disclosure: Disclosure) -> tuple[str, str]:
    """Return how many were found and how many more; a difference of few people would tell how many those few are."""
    after, difference = gain["after"], gain["difference"]
    shown = [at_capacity(gain[name], gain[name], disclosure) for name in ("before", "after")]
    if any(one is None or one["status"] != "ok" for one in shown) or difference["status"] != "ok":
        return "too few to say", "too few to say"
    found = f"{100 * after['estimate']:.0f}"
    if 0 < abs(difference["estimate"] * after["n_outcomes"]) < disclosure.threshold:
        return found, f"about the same: fewer than {disclosure.threshold} young people more or fewer"
    lower, upper = (100 * difference[end] for end in ("lower", "upper"))
    return found, f"{100 * difference['estimate']:+.1f} ({lower:+.1f} to {upper:+.1f})"
