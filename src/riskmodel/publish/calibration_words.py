"""The card's words about how scores became risk estimates, and how right these are in each group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.audit.groups import TOGETHER
from riskmodel.audit.words import attribute_words, group_words
from riskmodel.disclosure import Disclosure
from riskmodel.publish.checks import Check
from riskmodel.publish.pages import capital

Json = Mapping[str, Any]

_CURVES = {
    "none": "the score as it is",
    "sigmoid": "an S-shaped curve",
    "beta": "a curve with two bends",
    "isotonic": "a staircase that only rises",
}
_WHAT_IT_IS = "A score puts people in order. A curve turns it into a risk: an estimate of 3% should come true for about 3 of 100 young people."
_SAME_FOR_ALL = (
    "The same curve is used for everybody. It is never fitted by group: two young people with the same record get the same estimate. "
    "The table shows, in each group, how many {past} for each 1 that was expected. More than 1 means that estimates were too low."
)


def calibration_check(record: Json, door: Disclosure, *, past: str) -> Check:
    """Return the card's check of calibration.

    Parameters
    ----------
    record : mapping
        ``calibration.json``.
    door : Disclosure
    past : str
        What happened to people with the outcome, such as "came to harm".

    Returns
    -------
    Check
        About the selected family.
    """
    own = record["families"][record["selected"]]
    return Check(
        name="calibration",
        title="From score to risk",
        sentences=[_choice(own), _WHAT_IT_IS, *_moved(own["recalibration"]), _SAME_FOR_ALL.format(past=past)],
        head=["Looked at", "Group", f"{past[0].upper()}{past[1:]}, for 1 expected", "95% interval"],
        rows=[_row(one, door) for one in record["by_group"] if _shown(one)],
    )


def _choice(own: Json) -> str:
    used = _CURVES[own["used"]]
    if own["asked"] != "auto":
        return f"The study chose the curve beforehand: {used}."
    by_kind = {one["kind"]: one for one in own["curves"]}
    if own["used"] != own["selected"]:
        return "A higher score did not go with a higher risk. Everybody gets the same estimate."
    tried = len(by_kind)
    if own["selected"] == own["best"]:
        return f"Of {tried} curves, {used} foretold best what happened to people that it had not seen (log loss {by_kind[own['best']]['log_loss']:.5f})."
    behind = by_kind[own["selected"]]
    return (
        f"Of {tried} curves, {_CURVES[own['best']]} foretold best what happened to people that it had not seen. The card's model uses {used}: it is "
        f"simpler, and its log loss is only {_plain(behind['behind'])} higher, which may be chance (standard error {_plain(behind['standard_error'])})."
    )


def _moved(recalibration: Json | None) -> Sequence[str]:
    if recalibration is None:
        return ()
    way = "raised" if recalibration["shift"] > 0 else "lowered"
    rows = "few" if recalibration["n_rows"] is None else f"{recalibration['n_rows']:,}"
    return (
        f"All estimates were then {way} together, so that their sum is right for {recalibration['on']} (about {rows} rows).",
        "Nobody's place in the order changed.",
    )


def _shown(one: Json) -> bool:
    """Return whether a row is on the card: intersections are many, and in ``calibration.json``."""
    return bool(one["metric"] == "observed_to_expected") and TOGETHER not in str(one["attribute"])


def _row(one: Json, door: Disclosure) -> list[str]:
    names = [capital(attribute_words(one["attribute"])), group_words(one["attribute"], one["group"])]
    shown = door.drop_small(one, counts=("n_subjects", "n_outcomes"))
    if shown["estimate"] is None:
        value = "too few people to say" if shown["status"] == "suppressed" else "cannot be worked out"
        return [*names, value, ""]
    interval = f"{shown['lower']:.2f} to {shown['upper']:.2f}"
    return [*names, f"{shown['estimate']:.2f}", interval]


def _plain(value: float) -> str:
    """Return a small number to its first digit, without a power of ten."""
    digits = 0 if value == 0 else max(0, -math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"
