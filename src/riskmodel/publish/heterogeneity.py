"""How the model does in each held-out area, school or date, in words for the board."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.publish.checks import Check
from riskmodel.publish.pages import capital
from riskmodel.publish.results import about, at_capacity, metric, of_100

Json = Mapping[str, Any]

_SURPRISING = 0.05  # shared out between ranking and calibration
_MANY = {"area": "areas", "school": "schools", "date": "dates"}
_HOW = {
    "area": "Each area was left out in turn and judged by a model that had learned from all others. Small areas were put together.",
    "school": "Each school was left out in turn and judged by a model that had learned from all others. Small schools were put together.",
    "date": "Each date was judged by models that had learned from what was known by then.",
}
_TITLE = {
    "area": "Does it work as well in every area?",
    "school": "Does it work as well in every school?",
    "date": "Does it work as well at every date?",
}


def heterogeneity_check(report: Json, *, past: str, disclosure: Disclosure) -> Check:
    """Return the card's section about held-out groups; a figure of the same name shows the ranking.

    Parameters
    ----------
    report : mapping
        ``heterogeneity.json``.
    past : str
        The outcome in the past tense.
    disclosure : Disclosure
        Applied to every number.

    Returns
    -------
    Check
    """
    kind = report["kind"]
    people = disclosure.parts({one["name"]: one["auroc"]["n_subjects"] for one in report["groups"]})
    rows = [
        [capital(one["name"]), about(people[one["name"]]), *_cells(one, disclosure)]
        for one in report["groups"]
    ]
    head = (
        kind.capitalize(),
        "Young people",
        "Ranking (AUROC)",
        f"For each 100 expected, so many {past}",
        f"Of 100 offered, so many {past}",
    )
    return Check("heterogeneity", _TITLE[kind], tuple(_sentences(report, past)), head, rows)


def ranking_rows(report: Json, disclosure: Disclosure) -> list[dict[str, Any]]:
    """Return the AUROC of each group as it may be drawn."""
    return [{"group": one["name"], **metric("auroc", one["auroc"], disclosure)} for one in report["groups"]]


def _cells(group: Json, disclosure: Disclosure) -> Iterator[str]:
    yield metric("auroc", group["auroc"], disclosure)["words"]
    yield of_100(group["observed_expected"], disclosure)["words"]
    found = at_capacity(group["precision_at_capacity"], group["recall_at_capacity"], disclosure)
    yield of_100(found or group["precision_at_capacity"], disclosure)["words"]


def _apart(many: str, *, beyond_chance: bool) -> str:
    if beyond_chance:
        return f"These {many} are further apart than chance alone explains. Find out why before the model is used in all of them."
    return f"These {many} may be truly alike: chance alone could put them as far apart as this. It does not show that they are."


def _sentences(report: Json, past: str) -> Iterator[str]:
    kind = report["kind"]
    auroc, expected = report["spread"]["auroc"], report["spread"]["observed_expected"]
    if known := [one["p_alike"] for one in (auroc, expected) if one["status"] == "ok"]:
        yield _apart(_MANY[kind], beyond_chance=min(known) < _SURPRISING / len(known))
    else:
        yield f"There are too few {_MANY[kind]}, or too few young people in them, to say what to expect in one more."
    yield _HOW[kind]
    if auroc["status"] == "ok":
        yield (
            f"Over {auroc['n_groups']} {_MANY[kind]} the ranking (AUROC) is {auroc['estimate']:.2f} on average "
            f"({auroc['lower']:.2f} to {auroc['upper']:.2f}). In one more {kind} like these we expect it between "
            f"{auroc['further_lower']:.2f} and {auroc['further_upper']:.2f}. 0.5 is a coin toss, 1 is perfect."
        )
    if expected["status"] == "ok":
        yield (
            f"In one more {kind} like these, where the estimates expect 100 young people who {past}, we expect between "
            f"{100 * expected['further_lower']:.0f} and {100 * expected['further_upper']:.0f}."
        )
    yield f"Some difference is chance: the fewer young people {past}, the wider the range."
