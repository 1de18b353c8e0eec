"""How sure the estimates are and whom the model says nothing about, in words for the board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from riskmodel.audit.groups import TOGETHER
from riskmodel.audit.release import protect
from riskmodel.audit.uncertainty import EVERYONE, AbstentionRow, CoverageRow, UncertaintyReport
from riskmodel.audit.words import attribute_words, group_words
from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import share_words
from riskmodel.publish.checks import Check

_MOST_NAMED = 5
_VERDICT = {
    "inside": "inside the range",
    "chance": "outside it, perhaps by chance",
    "outside": "clearly outside it",
    "insufficient": "too few to say",
}
_HIDDEN = "not shown"


def uncertainty_check(report: UncertaintyReport, disclosure: Disclosure) -> Check:
    """Return the card's section about the ranges of estimates.

    Parameters
    ----------
    report : UncertaintyReport
    disclosure : Disclosure
        Applied to every rate that was observed.
    """
    overall = [row for row in report.coverage if row.attribute == EVERYONE]
    groups = [row for row in report.coverage if row.attribute != EVERYONE and row.verdict != "insufficient"]
    sentences = (
        *([_tally("Over everyone", overall)] if overall else []),
        *_meaning(report),
        *([_tally("In single groups of young people", groups), *_named(groups)] if groups else []),
    )
    head = ("Mean estimate of 1,000", "Mean range", "What happened, of 1,000", "Verdict")
    return Check(
        "uncertainty",
        "How sure are the estimates?",
        sentences,
        head if overall else (),
        [_row(one, disclosure) for one in overall],
    )


def abstention_check(report: UncertaintyReport, disclosure: Disclosure) -> Check:
    """Return the card's section about records that are too thin.

    Parameters
    ----------
    report : UncertaintyReport
    disclosure : Disclosure
        Applied to every count and rate, group by group, so that none can be worked out from the others.
    """
    title = "Whom does the model say nothing about?"
    if report.most_missing is None:
        return Check("abstention", title, ("The model gives everyone an estimate, however thin the record.",))
    by_attribute: dict[str, list[AbstentionRow]] = {}
    for row in report.abstention:
        by_attribute.setdefault(row.attribute, []).append(row)
    everyone = by_attribute.pop(EVERYONE)[0]
    rows = [_extremes(name, some, disclosure) for name, some in by_attribute.items() if TOGETHER not in name]
    sentences = (
        *_silent(everyone, disclosure),
        (
            f"If more than {share_words(report.most_missing)} of what the model relies on could not be read, it says “not enough information”. "
            "Only what could not be read decides this: not who somebody is, nor what happened to them."
        ),
        "The model offers them nothing, so whoever of them has the outcome counts as missed. A referral never needs a score.",
    )
    return Check("abstention", title, sentences, ("Looked at by", "Most often", "Least often"), rows)


def _meaning(report: UncertaintyReport) -> Iterator[str]:
    if not report.coverage:
        yield "The estimates carry no ranges."
        return
    yield (
        "Every estimate has a range. It should hold the share, among many young people with such a score, who have the outcome. "
        "It is not about one young person, who either has it or not."
    )
    if report.apparent:
        yield "The ranges were made from the same young people as are looked at here, so that they fit proves little."


def _tally(who: str, rows: Sequence[CoverageRow]) -> str:
    judged = [row for row in rows if row.verdict != "insufficient"]
    if not judged:
        return f"{who}: too few young people to say whether the ranges are right."
    number = {v: sum(row.verdict == v for row in judged) for v in ("inside", "chance", "outside")}
    return (
        f"{who}, we looked at {len(judged)} bands of like estimates. What happened lay inside the mean range in {number['inside']}, "
        f"outside it but perhaps by chance in {number['chance']}, and clearly outside it in {number['outside']}."
    )


def _named(groups: Sequence[CoverageRow]) -> Iterator[str]:
    """Name the groups whose range clearly fails: the rate lies away from it, and on which side is said."""
    found = [row for row in groups if row.verdict == "outside"]
    names = dict.fromkeys(
        f"{attribute_words(row.attribute)}: {group_words(row.attribute, row.group)} ({_side(row)})"
        for row in found
    )
    if names:
        rest = "" if len(names) <= _MOST_NAMED else " and others"
        yield f"Clearly outside in at least one band: {'; '.join(list(names)[:_MOST_NAMED])}{rest}."
    yield (
        "The ranges are made for everyone alike. They do not promise to be right for one group, because the model may not "
        "know what sets that group apart."
    )


def _side(row: CoverageRow) -> str:
    above = row.observed is not None and row.upper is not None and row.observed > row.upper
    return "more had the outcome than the range says" if above else "fewer had it than the range says"


def _row(row: CoverageRow, disclosure: Disclosure) -> tuple[str, str, str, str]:
    if row.estimate is None or row.lower is None or row.upper is None or row.observed is None:
        return (_HIDDEN, _HIDDEN, _HIDDEN, _VERDICT[row.verdict])
    happened = disclosure.rate(round(row.observed * row.n_subjects), row.n_subjects)
    return (
        _thousandths(row.estimate),
        f"{_thousandths(row.lower)} to {_thousandths(row.upper)}",
        _HIDDEN if happened is None else _thousandths(happened),
        _VERDICT[row.verdict],
    )


def _thousandths(share: float) -> str:
    return f"{1000 * share:,.0f}"


def _silent(everyone: AbstentionRow, disclosure: Disclosure) -> Iterator[str]:
    n, of = disclosure.count(everyone.n_abstained), disclosure.count(everyone.share.n_subjects)
    if n is None or not of:
        yield "In this study it says nothing about a few young people, too few to give a number."
        return
    if n == 0:
        yield "In this study there was enough to read about everybody."
        return
    missed = disclosure.count(everyone.n_outcomes_abstained)
    words = "too few to give a number" if missed is None else f"about {missed:,}"
    yield f"In this study it says nothing of {n:,} in {of:,} young people ({share_words(n / of)}). Of them, {words} had the outcome."


def _extremes(attribute: str, rows: Sequence[AbstentionRow], disclosure: Disclosure) -> tuple[str, str, str]:
    """Return the groups with most and with fewest abstentions, of those whose numbers may be shown."""
    families = [range(len(rows))]
    silent = protect([row.n_abstained for row in rows], families, disclosure)
    people = protect([row.share.n_subjects for row in rows], families, disclosure)
    shown = sorted(
        (n / of, group_words(attribute, row.group))
        for row, n, of in zip(rows, silent, people, strict=True)
        if n is not None and of
    )
    words = [f"{group}: {share_words(share)}" for share, group in shown]
    if not words:
        return attribute_words(attribute), _HIDDEN, _HIDDEN
    return attribute_words(attribute), words[-1], words[0] if len(words) > 1 else _HIDDEN
