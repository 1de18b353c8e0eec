"""The chosen outcome beside its alternatives: a small table for the card, and what must not be read into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import number_words
from riskmodel.publish.pages import capital
from riskmodel.publish.results import at_capacity, per_100

Json = Mapping[str, Any]

NOT_COMPARED = "The alternatives to this outcome were not compared."
# Nearly half of 13- to 17-year-olds who were victims had also been violent: Youth Endowment Fund, Children, Violence and
# Vulnerability 2023. A review: Jennings, Piquero and Reingle 2012.
OVERLAP = (
    "Why so was not measured. The model learned from the outcome used here alone. These may often be the same young people, with the "
    "same things in their records: in a survey of 13- to 17-year-olds, nearly half of those hurt by violence had also hurt "
    "somebody (Youth Endowment Fund 2023). Whoever got hold of the list could use it against them."
)
NOT_A_TOOL = "This is not a tool to find suspects, and must never be used as one."
_MISSING = {"estimate": None, "lower": None, "upper": None, "n_subjects": None, "n_outcomes": None}


def alternatives_section(
    label_bias: Json, *, alternatives: Json, past: str, disclosure: Disclosure
) -> dict[str, Any]:
    """Return ``rows`` (outcome, reached, to others), ``sentences``, and ``found_by_justice``.

    The last says whether the offers clearly reach more of those whom justice records name than of those with the outcome.

    Parameters
    ----------
    label_bias : mapping
        ``label_bias.json``: exact; only rows about everyone are used.
    alternatives : mapping
        By name of an outcome, its ``description`` and ``kind``.
    past : str
        The chosen outcome in the past tense.
    disclosure : Disclosure
        Applied to every number.
    """
    found = {
        (row["outcome"], row["metric"]): row
        for row in label_bias.get("rows", ())
        if row["attribute"] == "everyone"
    }
    if not found:
        told = [str(one) for one in label_bias.get("summary", [NOT_COMPARED])]
        return {"rows": [], "sentences": told, "found_by_justice": False}
    rows = [
        _row(name, found, alternatives.get(name, {}), chosen=name == label_bias["chosen"], safe=disclosure)
        for name in dict.fromkeys(name for name, _ in found)
    ]
    chosen = next((row for row in rows if row["chosen"]), None)
    justice = [row for row in rows if row["kind"] == "justice" and not row["chosen"]]
    if chosen is None or not justice:
        return {"rows": rows, "sentences": [], "found_by_justice": False}
    more = [] if chosen["kind"] == "justice" else [row for row in justice if _clearly_more(row, chosen)]
    told = [_reached_words(more, chosen, past), OVERLAP] if more else []
    return {"rows": rows, "sentences": [*told, NOT_A_TOOL], "found_by_justice": bool(more)}


def _row(
    name: str, found: Mapping[Any, Json], facts: Json, *, chosen: bool, safe: Disclosure
) -> dict[str, Any]:
    recall = found.get((name, "recall"))
    reached = at_capacity(recall, recall, safe) or {**_MISSING, "status": "missing"}
    return {
        "name": name,
        "label": capital(str(facts.get("description", name)).rstrip(".")),
        "kind": facts.get("kind"),
        "chosen": chosen,
        "reached": per_100(_times_100(reached), safe),
        "others": None if chosen else per_100(_to_others(name, found, safe), safe),
    }


def _to_others(name: str, found: Mapping[Any, Json], safe: Disclosure) -> Json:
    """Return how many of 100 offers would go to others, if as many offers were ranked for this outcome."""
    added, offers = (found.get((name, metric)) for metric in ("added", "selection_rate"))
    if added is None or offers is None or added["estimate"] is None or not offers["estimate"]:
        return {**_MISSING, "status": "missing"}
    moved, all_ = (round(one["estimate"] * one["n_subjects"]) for one in (added, offers))
    if None in (safe.count(moved), safe.count(max(0, all_ - moved))):
        return {**_MISSING, "status": "suppressed"}
    return {**_MISSING, "estimate": 100 * added["estimate"] / offers["estimate"], "status": "ok"}


def _times_100(row: Json) -> Json:
    ends = {end: None if row[end] is None else 100 * row[end] for end in ("estimate", "lower", "upper")}
    return {**row, **ends}


def _clearly_more(row: Json, chosen: Json) -> bool:
    lower, upper = row["reached"]["lower"], chosen["reached"]["upper"]
    return lower is not None and upper is not None and bool(lower > upper)


def _reached_words(more: Sequence[Json], chosen: Json, past: str) -> str:
    most = max(more, key=lambda row: float(row["reached"]["estimate"]))
    number, own = (number_words(row["reached"]["estimate"]) for row in (most, chosen))
    return (
        f"The offers would reach {own} of 100 young people who {past}, but {number} of 100 with another outcome: "
        f"{most['label'][:1].lower()}{most['label'][1:]}."
    )
