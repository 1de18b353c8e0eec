"""How young people were divided into those a model learns from and those it is judged on, in words for the board."""

from __future__ import annotations

from collections.abc import Iterator

from riskmodel.disclosure import Disclosure
from riskmodel.publish.checks import Check
from riskmodel.validate.spec import Design, SplitSpec

_WORDS: dict[Design, str] = {
    "temporal": "The models learned at early dates and were judged at the latest ones, as in use. Some households were never shown to them.",
    "rolling_origin": "At each later date the models learned anew from what was known by then, and were judged at that date. Nobody whose household was learned from was judged.",
    "leave_one_area_out": "Each area in turn was left out: models that had learned from all others were judged there, as in an area that is new to them.",
    "leave_one_school_out": "Each school in turn was left out: models that had learned from all others were judged there, as in a school that is new to them.",
    "cross_validation": "Young people were dealt at random into parts, households together. Each part was judged by models that had learned from the others. Nobody was kept for a test on a later time.",
    "declared": "The file itself says which rows are for learning and which for the test.",
}


def division_check(spec: SplitSpec, disclosure: Disclosure, *, set_aside: int, readings: int | None) -> Check:
    """Return the card's section about the split.

    Parameters
    ----------
    spec : SplitSpec
    disclosure : Disclosure
        Applied to ``set_aside``.
    set_aside : int
        Rows that were not learned from because the person, or the household, is in the test too.
    readings : int or None
        Different studies that have looked at the test rows by now; None without a test, or where nobody counted.
    """
    return Check(
        "division", "On whom was it judged?", tuple(_sentences(spec, disclosure, set_aside, readings))
    )


def _sentences(
    spec: SplitSpec, disclosure: Disclosure, set_aside: int, readings: int | None
) -> Iterator[str]:
    yield _WORDS[spec.design]
    if spec.reason is not None and spec.design != "temporal":
        yield f"Why it was done this way, in the words of whoever wrote the study: “{spec.reason}”"
    if set_aside:
        shown = disclosure.count(set_aside)
        number = "A few" if shown is None else f"About {shown:,}"
        yield f"{number} rows were not learned from, because the same person or household is in the test."
    if readings is not None:
        yield from _reading(readings)


def _reading(number: int) -> Iterator[str]:
    if number == 1:
        yield "This is the first study that has looked at these test results."
    else:
        yield (
            f"{number} different studies have looked at these test results by now. Each look makes it easier to choose what happens to suit "
            "these young people, so the results may be too good."
        )
