"""The card's words about what would have happened without new support."""

from __future__ import annotations

from collections.abc import Iterator

from riskmodel.audit.groups import TOGETHER
from riskmodel.audit.label_bounds import TrueMetric
from riskmodel.audit.no_support import NoSupportReport, NoSupportRow
from riskmodel.audit.without_offers import EVERYONE, Effect
from riskmodel.audit.words import attribute_words, group_words
from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import number_words
from riskmodel.publish.checks import Check
from riskmodel.publish.pages import capital

_TITLE = "What if nobody had been offered new support?"
_WHY = (
    "Support keeps some young people safe. They then look as if they had not needed it, and a model that found them looks wrong. A group that "
    "is offered more support can look less in need than it is."
)
_HOW = (
    "So we asked what would have happened with no new offers in the time looked at. Young people who were offered nothing stand for others "
    "whose recent records were like theirs, up to the day on which the others were offered something."
)
_HIDDEN_REASONS = (
    "Why somebody was offered support is not always written down, and not all help is. If those offered support were more at risk than their records "
    "say, the true change is larger than the one shown here."
)
_JUSTICE = (
    "Some outcomes here are made by the police or the courts. Only young people whom somebody looked at can have them. No weights can mend that: of "
    "the others there is no record either way."
)
_REFUSED = {
    "off": "This study does not ask that question.",
    "no_dates": "These data do not say when support was offered, so this could not be worked out.",
    "no_offers": "These data hold no offers of support, so this could not be worked out.",
    "few_offered": "Too few young people were offered new support to say.",
    "few_outcomes": "There are too few young people to say who were offered no new support and {past}.",
    "little_overlap": "Those who were offered support are too unlike those who were not, so nobody can stand for them.",
}
_STATEMENTS: tuple[TrueMetric, ...] = ("fnr", "fpr", "ppv")
_FIRM = ("within", "exceeds")


def no_support_check(report: NoSupportReport, disclosure: Disclosure, *, past: str, justice: bool) -> Check:
    """Return the card's check of what new support hides.

    Parameters
    ----------
    report : NoSupportReport
    disclosure : Disclosure
        Groups that are too small, or protect one that is, are left out.
    past : str
        What happened to people with the outcome, such as "came to harm".
    justice : bool
        Whether the outcome or an alternative is made by the police or the courts.
    """
    last = [_JUSTICE] if justice else []
    if report.status != "ok":
        why = _REFUSED[report.reason or report.status].format(past=past)
        return Check("no_support", _TITLE, [why, _WHY, *last])
    shown = [row for row in report.shown("fnr", disclosure) if TOGETHER not in row.attribute]
    return Check(
        "no_support",
        _TITLE,
        [
            *_answer(report, disclosure, past),
            _WHY,
            _HOW,
            *_verdicts(report, disclosure),
            *_effect(report.effect, past),
            _HIDDEN_REASONS,
            *last,
        ],
        (
            "Looked at",
            "Group",
            f"Of 100 who {past}, missed",
            "The same without new support",
            "Change (95% interval)",
        )
        if shown
        else (),
        [_row(row) for row in shown],
    )


def _answer(report: NoSupportReport, disclosure: Disclosure, past: str) -> Iterator[str]:
    rows = [row for row in report.shown("prevalence", disclosure) if row.attribute == EVERYONE]
    if not rows:
        yield "There are too few young people to show a number."
    for row in rows:
        recorded, without, low, high = (
            _of(one, 1000) for one in (row.recorded, row.without, row.lower, row.upper)
        )
        yield f"Of 1,000 young people, {recorded} {past}. Without new support it would have been about {without} ({low} to {high})."


def _verdicts(report: NoSupportReport, disclosure: Disclosure) -> Iterator[str]:
    """Say how many firm statements about groups that can be shown would be others."""
    shown = {
        (row.attribute, row.group, metric)
        for metric in _STATEMENTS
        for row in report.shown(metric, disclosure)
    }
    firm = [
        one
        for one in report.verdicts
        if one.recorded in _FIRM
        and TOGETHER not in one.attribute
        and (one.attribute, one.group, one.metric) in shown
    ]
    if not firm:
        return
    other = sum(one.without in _FIRM and one.without != one.recorded for one in firm)
    unsure = sum(one.without not in _FIRM for one in firm)
    yield (
        f"Of {len(firm)} firm statements about groups in the audit, {_some(other)} would be the opposite without new support, and {_some(unsure)} could not be made."
    )


def _some(count: int) -> str:
    return str(count) if count else "none"


def _effect(effect: Effect | None, past: str) -> Iterator[str]:
    if effect is None or effect.ratio is None or effect.lower is None or effect.upper is None:
        return
    low, middle, high = (f"{one:.1f}" for one in (effect.lower, effect.ratio, effect.upper))
    if effect.lower <= 1 <= effect.upper:
        yield f"Whether support kept anybody safe cannot be told from these records: those offered it {past} {middle} times as often as expected without it ({low} to {high})."
    elif effect.upper < 1:
        yield f"Those offered support {past} {middle} times as often as expected without it ({low} to {high})."
        yield (
            "A reason that nobody wrote down could explain all of this only if it made offers more likely and this outcome less likely, each at least "
            f"{effect.e_value_limit or 1:.1f} times."
        )
    else:
        yield (
            f"Those offered support {past} {middle} times as often as expected without it ({low} to {high}). Support hardly does harm: they were more at risk than "
            "their records say, and the numbers here are too low."
        )


def _of(value: float | None, many: int) -> str:
    return number_words(round(many * (value or 0.0)))


def _row(row: NoSupportRow) -> list[str]:
    names = [capital(attribute_words(row.attribute)), group_words(row.attribute, row.group)]
    if row.attribute == EVERYONE:
        names = ["Everyone", ""]
    change, low, high = (_of(one, 100) for one in (row.change, row.change_lower, row.change_upper))
    return [*names, _of(row.recorded, 100), _of(row.without, 100), f"{change} ({low} to {high})"]
