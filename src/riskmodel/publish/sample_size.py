"""Whether there are enough people, in words for the board."""

from __future__ import annotations

from collections.abc import Iterator

from riskmodel.disclosure import Disclosure
from riskmodel.publish.checks import Check
from riskmodel.publish.results import FAMILIES
from riskmodel.validate.sample_size import (
    FamilySize,
    SampleSizeReport,
    cox_snell_of_auroc,
    needed,
    rounded_up,
)
from riskmodel.validate.spec import SampleSizeSpec

_VERDICT = {
    "enough": "enough",
    "too_small": "too few",
    "open": "the formula cannot tell",
}
_MEANING = {
    "enough": "There are enough young people for every model.",
    "too_small": "There are too few young people: the results of this study may not hold for others.",
    "open": "No model has too few, but for some the formula cannot tell how many are enough.",
}


def sample_size_check(
    report: SampleSizeReport, disclosure: Disclosure, *, reached: float | None, spec: SampleSizeSpec
) -> Check:
    """Return the card's section about the number of young people.

    Parameters
    ----------
    report : SampleSizeReport
    disclosure : Disclosure
        Applied to every count of people in the data; what a model needs is rounded up to two digits.
    reached : float or None
        AUROC of the chosen model out of fold.
    spec : SampleSizeSpec
    """
    supply = report.supply
    people, outcomes = disclosure.count(supply.effective_people), disclosure.count(supply.people_with_outcome)
    shown = (
        "too few to say"
        if people is None or outcomes is None
        else f"about {people:,}, {outcomes:,} of them with the outcome"
    )
    sentences = (
        _MEANING[report.verdict],
        f"The models learn from this many young people: {shown}. Each counts once, however many dates there are.",
        (
            "The numbers needed are from Riley's rules, worked out before training. They trust that a model will be good: of a pair with "
            f"and without the outcome, it would put the right one first {100 * report.auroc:.0f} times out of 100. A weaker model needs more young people."
        ),
        *_in_hindsight(report, reached, spec),
    )
    head = ("Model", "Numbers it may learn", "Young people needed", "Verdict")
    return Check(
        "sample_size",
        "Are there enough young people to learn from?",
        sentences,
        head,
        [_row(one) for one in report.families],
    )


def _in_hindsight(report: SampleSizeReport, reached: float | None, spec: SampleSizeSpec) -> Iterator[str]:
    """Say what would have been needed, had it been known how good the chosen model is."""
    if reached is None or reached >= report.auroc:
        return
    if reached <= 0.5:
        yield "The chosen model is no better than a coin toss: no number of young people would be enough."
        return
    longest = max(report.families, key=lambda one: one.at_least.parameters).at_least.parameters
    prevalence = report.supply.prevalence
    people = needed(longest, prevalence, cox_snell_of_auroc(reached, prevalence), spec).people
    yield (
        f"In hindsight: the chosen model does so {100 * reached:.0f} times. Had that been known, {longest} numbers would have needed "
        f"{rounded_up(people)} young people. Whether the estimates came out too bold is seen in the calibration slope."
    )


def _row(one: FamilySize) -> tuple[str, str, str, str]:
    least, most = one.at_least, one.at_most
    numbers, people = f"{least.parameters:,}", rounded_up(least.people)
    if most is None:
        numbers, people = f"{numbers} or more", f"at least {people}"
    elif most.parameters > least.parameters:
        numbers, people = f"{numbers} to {most.parameters:,}", f"{people} to {rounded_up(most.people)}"
    return FAMILIES.get(one.family, one.family), numbers, people, _VERDICT[one.verdict]
