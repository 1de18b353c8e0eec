"""What the model would do with worse data, in words for the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import agency_words, number_words, share_words
from riskmodel.publish.checks import Check
from riskmodel.publish.results import safe_row
from riskmodel.validate.estimate import Estimate
from riskmodel.validate.robustness import RobustnessReport, Shift

MOST_ROWS = 10
_HIDDEN = "not shown"
_AS_IS = "the data as they are"


def robustness_check(report: RobustnessReport, disclosure: Disclosure) -> Check:
    """Return the card's section about worse data, the worst first.

    Parameters
    ----------
    report : RobustnessReport
    disclosure : Disclosure
        Where too few young people had the outcome, or were found, numbers are hidden.
    """
    shown = report.shifts[: MOST_ROWS - 1]
    sentences = (
        *_worst(report.shifts, disclosure),
        (
            "The same model, not trained again, with worse data: an agency left out, wrong codes in the records, or an outcome that is more or less "
            "common. “Found” is the share of those with the outcome who would be offered support; the change from the data as they are stands "
            "beside it, with what chance can do."
        ),
        *(
            ["The model learned from these very young people, so all numbers here look too good."]
            if report.apparent
            else []
        ),
        *(
            ["What did the least harm is left out here; the file robustness.json has all of it."]
            if len(report.shifts) > len(shown)
            else []
        ),
    )
    head = (
        "If …",
        "Ranking (AUROC)",
        "Found, of 100",
        "Change",
        "Right, of 100 offers",
        "Calibration in the large",
        "Offers that move",
        "No estimate",
    )
    first = _row(_AS_IS, report.as_is, "", ("", ""), disclosure)
    rows = [
        _row(
            shift_words(one),
            one.metrics,
            _change(one, disclosure),
            (share_words(one.offers_moved), share_words(one.abstained)),
            disclosure,
        )
        for one in shown
    ]
    return Check("robustness", "What if the data get worse?", sentences, head, [first, *rows])


def shift_words(shift: Shift) -> str:
    """Return a way of spoiling the data in words."""
    if shift.kind == "prevalence":
        times = float(shift.what)
        common = {0.5: "half as common", 2.0: "twice as common"}
        return f"the outcome were {common.get(times, f'{number_words(times)} times as common')}"
    if shift.kind == "codes":
        return f"codes were wrong for {share_words(float(shift.what))} of young people"
    who = agency_words(shift.what)
    return (
        f"nothing came from {who}"
        if shift.kind == "missing"
        else f"records of {who} came a year late, unnoticed"
    )


def _worst(shifts: Sequence[Shift], disclosure: Disclosure) -> list[str]:
    """Say which way of spoiling the data clearly finds fewer, or that none does; clear although so many were tried."""
    clear = [
        shift_words(one)
        for one in shifts
        if (change := _allowed(one.change["recall_at_capacity"], disclosure)) is not None
        and change.clear_among(len(shifts))
        and (change.estimate or 0.0) < 0
    ]
    if not clear:
        return [
            "Nothing tried here clearly makes it find fewer; with few outcomes, much could stay unseen. Look at how many offers move: they go to other young people."
        ]
    return [f"It would clearly find fewer if {'; if '.join(clear)}."]


def _row(
    words: str, metrics: Mapping[str, Estimate], change: str, moves: tuple[str, str], disclosure: Disclosure
) -> tuple[str, ...]:
    def number(name: str, scale: float, digits: int) -> str:
        found = _allowed(metrics[name], disclosure)
        return _HIDDEN if found is None else f"{scale * (found.estimate or 0.0):.{digits}f}"

    return (
        words,
        number("auroc", 1, 2),
        number("recall_at_capacity", 100, 0),
        change,
        number("precision_at_capacity", 100, 0),
        number("calibration_intercept", 1, 2),
        *moves,
    )


def _change(shift: Shift, disclosure: Disclosure) -> str:
    found = _allowed(shift.change["recall_at_capacity"], disclosure)
    if found is None:
        return _HIDDEN
    low, middle, high = (round(100 * (one or 0.0)) for one in (found.lower, found.estimate, found.upper))
    return f"{middle:+d} ({low:+d} to {high:+d})"


def _allowed(found: Estimate, disclosure: Disclosure) -> Estimate | None:
    """Return an estimate that may be shown: enough people with the outcome and without it stand behind it."""
    safe = safe_row(found.to_json(), disclosure)
    return found if safe["estimate"] is not None else None
