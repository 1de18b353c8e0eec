"""The fairness table in words: who would be missed, group by group, and what the audit can and cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.publish.results import per_100

Json = Mapping[str, Any]

VERDICTS = {
    "within": "within the agreed limit",
    "exceeds": "larger than the agreed limit",
    "inconclusive": "cannot tell: the interval is too wide",
    "insufficient": "cannot tell: too few young people",
    "none": "no limit was agreed",
}
# In the order a reader needs them: a missed young person matters most when the decision is an offer of support.
SHOWN = ("fnr", "selection_rate", "ppv")
LABELS = {
    "fnr": "Of 100 who {past}, missed",
    "tpr": "Of 100 who {past}, offered support",
    "fpr": "Of 100 who did not, offered support",
    "ppv": "Of 100 offered support, {past}",
    "selection_rate": "Of 100, offered support",
    "calibration_intercept": "Estimates right on average (0 is right)",
    "calibration_slope": "Estimates spread as they should (1 is right)",
}
_PLAIN = {
    "fnr": "how many who {past} would be missed",
    "tpr": "how many who {past} would be offered support",
    "fpr": "how many of the others would be offered support",
    "ppv": "how many of those offered support {past}",
    "selection_rate": "how many would be offered support",
    "calibration_intercept": "whether estimates are right on average",
    "calibration_slope": "how far estimates are spread",
}


def attribute_words(attribute: str) -> str:
    """Return an audited attribute as a reader says it: "age band", "ethnicity and sex"."""
    return attribute.replace(" x ", " and ").replace("_", " ")


def fairness_section(fairness: Json, *, model: str, past: str, disclosure: Disclosure) -> dict[str, Any]:
    """Return the card's fairness section for one model.

    Parameters
    ----------
    fairness : mapping
        ``fairness.public.json``.
    model : str
        The selected family.
    past : str
        The outcome in the past tense.
    disclosure : Disclosure
        Applied again; the public file was already treated.

    Returns
    -------
    dict
        ``attributes`` (one table each), ``counts`` of verdicts, and the sentences ``exceeds`` and ``undecided``.
    """
    rows = [row for row in fairness["rows"] if row["model"] == model]
    judged = [row for row in rows if row["verdict"] != "none"]
    return {
        "columns": [{"metric": name, "label": LABELS[name].format(past=past)} for name in SHOWN],
        "attributes": [
            _attribute(name, rows, disclosure) for name in dict.fromkeys(row["attribute"] for row in rows)
        ],
        "counts": {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS},
        "exceeds": [_sentence(row, past, disclosure) for row in judged if row["verdict"] == "exceeds"],
        "undecided": _undecided(judged),
        "summary": _summary(rows),
    }


def _attribute(name: str, rows: Sequence[Json], disclosure: Disclosure) -> dict[str, Any]:
    mine = [row for row in rows if row["attribute"] == name]
    groups = list(dict.fromkeys(row["group"] for row in mine))
    return {
        "attribute": name,
        "label": attribute_words(name),
        "groups": [_group(group, mine, disclosure) for group in groups],
    }


def _group(group: str, rows: Sequence[Json], disclosure: Disclosure) -> dict[str, Any]:
    mine = {row["metric"]: row for row in rows if row["group"] == group}
    cells = {name: _cell(mine.get(name), disclosure) for name in SHOWN}
    return {"group": group, "cells": cells}


def _cell(row: Json | None, disclosure: Disclosure) -> dict[str, Any]:
    if row is None:
        return {
            **per_100({"estimate": None, "lower": None, "upper": None}, disclosure),
            "verdict": "none",
            "verdict_words": "",
        }
    verdict = str(row["verdict"])
    return {
        **_of_100(row, disclosure),
        "verdict": verdict,
        "verdict_words": VERDICTS[verdict] if verdict != "none" else "",
    }


def _of_100(row: Json, disclosure: Disclosure) -> dict[str, Any]:
    scaled = {end: None if row[end] is None else 100 * row[end] for end in ("estimate", "lower", "upper")}
    return per_100({**row, **scaled}, disclosure)


def _sentence(row: Json, past: str, disclosure: Disclosure) -> str:
    what = _PLAIN.get(row["metric"], str(row["metric"])).format(past=past)
    head = f"{attribute_words(row['attribute']).capitalize()}, {row['group']}: {what}"
    if row["metric"].startswith("calibration"):
        return f"{head}."
    return f"{head}: {_of_100(row, disclosure)['words']} of 100."


def _undecided(rows: Sequence[Json]) -> list[str]:
    sentences = []
    for attribute in dict.fromkeys(row["attribute"] for row in rows):
        groups = [
            str(row["group"])
            for row in rows
            if row["attribute"] == attribute
            and row["metric"] == "fnr"
            and row["verdict"] in ("inconclusive", "insufficient")
        ]
        if groups:
            sentences.append(
                f"By {attribute_words(attribute)}, the audit cannot say whether too many are missed among: {', '.join(groups)}."
            )
    return sentences


def _number(count: int) -> str:
    return "1 is" if count == 1 else f"{count} are"


def _summary(rows: Sequence[Json]) -> str:
    judged = [row for row in rows if row["verdict"] != "none"]
    if not judged:
        return "No difference between groups was judged, because no limit was agreed or nothing could be measured."
    count = {verdict: sum(row["verdict"] == verdict for row in judged) for verdict in VERDICTS}
    return (
        f"Of {len(judged)} comparisons of a group with everyone else, {_number(count['within'])} within the agreed limit, "
        f"{_number(count['exceeds'])} larger, and for {count['inconclusive'] + count['insufficient']} the audit cannot tell. "
        "An audit assesses. It does not put anything right by itself."
    )
