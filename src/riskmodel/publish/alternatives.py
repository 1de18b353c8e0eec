"""The chosen outcome beside its alternatives: a small table for the card, and what must not be read into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.publish.pages import capital
from riskmodel.publish.results import at_capacity, per_100

Json = Mapping[str, Any]

NOT_COMPARED = "The alternatives to this outcome were not compared."
# Nearly half of 13- to 17-year-olds who were victims had also been violent: Youth Endowment Fund, Children, Violence and
# Vulnerability 2023. A review: Jennings, Piquero and Reingle 2012.
OVERLAP = (
    "Why do the offers reach a larger share of those whom justice records name than of those with the outcome used here? "
    "Not because the model looks for them: it learned from the outcome used here alone. A likely reason is that these are "
    "often the same young people, with the same things in their records. In a survey of 13- to 17-year-olds, nearly half of "
    "those hurt by violence had also hurt somebody (Youth Endowment Fund 2023). How far the two overlap in these data was "
    "not measured."
)
NOT_A_TOOL = "This is not a tool to find suspects, and must never be used as one."
_MISSING = {"estimate": None, "lower": None, "upper": None, "n_subjects": None, "n_outcomes": None}


def alternatives_section(label_bias: Json, *, alternatives: Json, disclosure: Disclosure) -> dict[str, Any]:
    """Return ``rows`` (outcome, reached, to others) and ``sentences``.

    Parameters
    ----------
    label_bias : mapping
        ``label_bias.json``: exact; only rows about everyone are used.
    alternatives : mapping
        By name of an outcome, its ``description`` and ``kind``.
    disclosure : Disclosure
        Applied to every number.
    """
    found = {
        (row["outcome"], row["metric"]): row
        for row in label_bias.get("rows", ())
        if row["attribute"] == "everyone"
    }
    if not found:
        return {"rows": [], "sentences": [str(one) for one in label_bias.get("summary", [NOT_COMPARED])]}
    rows = [
        _row(name, found, alternatives.get(name, {}), chosen=name == label_bias["chosen"], safe=disclosure)
        for name in dict.fromkeys(name for name, _ in found)
    ]
    return {"rows": rows, "sentences": _sentences(rows)}


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


def _sentences(rows: list[dict[str, Any]]) -> list[str]:
    chosen = next((row for row in rows if row["chosen"]), None)
    justice = [row for row in rows if row["kind"] == "justice" and not row["chosen"]]
    if chosen is None or not justice:
        return []
    top = chosen["reached"]["upper"]
    clearly = [
        row for row in justice if None not in (top, row["reached"]["lower"]) and row["reached"]["lower"] > top
    ]
    return ([OVERLAP] if clearly and chosen["kind"] != "justice" else []) + [NOT_A_TOOL]
