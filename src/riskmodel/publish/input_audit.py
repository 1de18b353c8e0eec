"""What each block of inputs does, in words for the board."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

from riskmodel.audit.inputs import BlockResult, InputAudit
from riskmodel.audit.words import attribute_words, group_words
from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import agency_words, counted, share_words
from riskmodel.publish.checks import Check
from riskmodel.publish.pages import capital
from riskmodel.publish.results import at_capacity, safe_row
from riskmodel.validate.estimate import Estimate

_HIDDEN = "not shown"
_ROWS_FOR_DECIMALS = 1000
_NOT_ASKED = (
    "Not asked in this run: for each kind of input the model would have to be trained again without it, so a study has to "
    "ask for it."
)
_NEVER_CHOSEN = (
    "Rows with “what … explains” keep those inputs and make them alike in every group: they are for comparison only and can never be chosen, because "
    "we would have to know each young person's group (such as their ethnicity) every time, which is not allowed here and needs legal advice (Equality "
    "Act 2010)."
)
_TITLE = "What does each kind of input do?"


def input_check(report: InputAudit | None, disclosure: Disclosure) -> Check:
    """Return the card's section about inputs left out.

    Parameters
    ----------
    report : InputAudit or None
        None where the study did not ask for it, or the selected model learns nothing.
    disclosure : Disclosure
        Applied to every number.
    """
    if report is None:
        return Check(
            "inputs",
            _TITLE,
            (_NOT_ASKED,),
        )
    sentences = (
        *_leading(report, disclosure),
        (
            "The same kind of model was trained again without one block of inputs and judged on the same young people. Beside each change stands what "
            "chance can do to it. “Calibration in the large” above 0 means that estimates become too low."
        ),
        (
            "Where a block gives away a group, the table says how well the estimate alone tells a young person of that group from others, before and after: "
            "50 of 100 is a guess."
        ),
        *([_NEVER_CHOSEN] if any(one.block.kind == "residual" for one in report.blocks) else []),
    )
    head = (
        "Without …",
        "Ranking (AUROC), change",
        "Found, of 100, change",
        "Calibration in the large, change",
        "Offers that move",
        "Largest change in who is offered",
        "The estimate tells the group, of 100",
    )
    return Check("inputs", _TITLE, sentences, head, [_row(one, report, disclosure) for one in report.blocks])


def block_words(result: BlockResult) -> str:
    """Return a block in words."""
    block = result.block
    if block.kind == "agency":
        return f"everything from {agency_words(block.what)}"
    if block.kind == "enforcement":
        return "everything made by enforcement"
    told = "" if block.group is None else f" (above all: {group_words(block.what, block.group)})"
    inputs, attribute = counted(len(block.features), "inputs"), attribute_words(block.what)
    if block.kind == "residual":
        return f"what {attribute} explains of the {inputs} that give away most about it{told}"
    return f"{inputs} that give away most about {attribute}{told}"


def _leading(report: InputAudit, disclosure: Disclosure) -> Iterator[str]:
    """Say without which blocks the order is clearly worse, or clearly better, although so many were tried."""
    clear = [
        (block_words(one), change)
        for one in report.blocks
        if (change := _safe(one.change["auroc"], disclosure)) is not None
        and change.clear_among(len(report.blocks))
    ]
    worse = [words for words, change in clear if (change.estimate or 0.0) < 0]
    better = [words for words, change in clear if (change.estimate or 0.0) > 0]
    if not clear:
        yield (
            "No block clearly changes how well young people are put in order when it is left out. With few outcomes, much could stay unseen."
        )
    if worse:
        yield f"It would put young people in order clearly less well without: {'; '.join(worse)}."
    if better:
        yield f"It would put young people in order clearly better without: {'; '.join(better)}."
    if clear:
        yield f"{capital(counted(len(report.blocks), 'blocks'))} were tried; “clearly” allows for so many."


def _row(result: BlockResult, report: InputAudit, disclosure: Disclosure) -> tuple[str, ...]:
    recall = _at_capacity(result, report, disclosure)
    return (
        block_words(result),
        _signed(_safe(result.change["auroc"], disclosure), scale=1, digits=3),
        _signed(recall, scale=100, digits=0),
        _signed(_safe(result.change["calibration_intercept"], disclosure), scale=1, digits=2),
        share_words(result.offers_moved),
        _largest(result),
        _told(result),
    )


def _safe(found: Estimate, disclosure: Disclosure) -> Estimate | None:
    return found if safe_row(asdict(found), disclosure)["estimate"] is not None else None


def _at_capacity(result: BlockResult, report: InputAudit, disclosure: Disclosure) -> Estimate | None:
    """Return the change in recall, if enough were found and missed both times."""
    both = (report.as_is["recall_at_capacity"], result.metrics["recall_at_capacity"])
    for one in both:
        shown = at_capacity(asdict(one), asdict(one), disclosure)
        if shown is None or shown["estimate"] is None:
            return None
    return _safe(result.change["recall_at_capacity"], disclosure)


def _signed(found: Estimate | None, *, scale: float, digits: int) -> str:
    if found is None or found.estimate is None:
        return _HIDDEN
    low, middle, high = (
        round(scale * (end or 0.0), digits) + 0.0 for end in (found.lower, found.estimate, found.upper)
    )
    shown = [f"{value:+.{digits}f}" if value else "0" for value in (middle, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})" if any((low, middle, high)) else "none"


def _largest(result: BlockResult) -> str:
    """Return the group whose share of offers changes most, of the clear changes that may be shown; no decimals in small groups."""
    n = len(result.selection)
    clear = [one for one in result.selection if one.public is not None and one.change.clear_among(n)]
    if not clear:
        return "none that is clear"
    most = max(clear, key=lambda one: abs(one.change.estimate or 0.0))
    shown = replace(most.change, estimate=most.public)
    change = _signed(shown, scale=100, digits=1 if (most.rows or 0) >= _ROWS_FOR_DECIMALS else 0)
    return f"{attribute_words(most.attribute)}, {group_words(most.attribute, most.group)}: {change} of 100"


def _told(result: BlockResult) -> str:
    told = result.told
    if told is None:
        return "" if result.block.group is None else _HIDDEN
    ends = (f"{round(100 * end):+d}" if round(100 * end) else "0" for end in (told.lower, told.upper))
    return f"{100 * told.before:.0f} before, {100 * told.after:.0f} after (change {' to '.join(ends)})"
