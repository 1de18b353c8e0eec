"""The card's words and pictures about records that are unequal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from riskmodel.audit import RecordsReport
from riskmodel.audit.equal_need import EqualNeedRow
from riskmodel.audit.groups import TOGETHER
from riskmodel.audit.lens import InformedRange
from riskmodel.audit.recording import TRUE_METRICS
from riskmodel.audit.tipping import MEASURED_BY, TippingRow
from riskmodel.audit.words import attribute_words, group_words
from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import number_words
from riskmodel.publish import figures
from riskmodel.publish.checks import Check
from riskmodel.publish.pages import capital

_TITLE = "What if the records are unequal?"
_WHY = (
    "The audit compares groups by what is on record. If more is missed in one group than in another, a model can look even-handed and be "
    "wrong, or look wrong and be even-handed."
)
_HOW = (
    "The table shows how little it takes for a statement to fall: 0% is records that are right, 100% is the worst the study allows, not the worst there could be. "
    "A statement falls where the audit could no longer be sure of it; one that was only just sure falls at once. The next column is where the "
    "difference itself would cross the line that the statement is about, with a 95% interval. The last column gives the records with which it would fall first."
)
_UNTESTED = "How many are offered support does not rest on these records. What is said of how far apart estimates lie was not tested."
_FIGURE = "The figure shows between which numbers each group may lie, if its own records are as far off as the study allows. The thin line adds chance."
_HELPED = "Support that was already given is not in this. It keeps some safe, and they then look as if they had not needed it. The next part asks about them."
_RATES = {
    "tpr": "Of 100 who {past}, so many would be offered support",
    "fnr": "Of 100 who {past}, so many would be missed",
    "fpr": "Of 100 others, so many would be offered support",
    "ppv": "Of 100 offered support, so many {past}",
    "prevalence": "Of 100 in the group, so many {past}",
    "observed_to_expected": "For each 1 that the estimates expect, so many {past}",
}
_LENS = {
    "police": "The police alone write the outcome down. Where they look more, more of what happened may be on record.",
    "police_in_part": (
        "The police write down a part of the outcome. Where they look more, more of that part may be on record. About the part that others "
        "write down, searches say little."
    ),
    "others": "The police do not write the outcome down, so searches say little about who is on record. The range stays as it was.",
    "not_said": "The study does not say who writes the outcome down. In case the police do: where they look more, more may be on record.",
}
_LENS_LIMIT = (
    "Searches cannot say how recording goes with the score, because they hold no number for a person. Nor do they go into the model or "
    "the outcome."
)
_STATEMENTS = {
    "fnr": "how many are missed",
    "fpr": "how many others are offered support",
    "ppv": "how many offers are right",
    "calibration_intercept": "whether estimates are right on average",
}
_SHORT = {"within": "close", "exceeds": "unlike"}
_VERDICTS = {"within": "close to everyone else's", "exceeds": "clearly unlike everyone else's"}


def recording_check(report: RecordsReport, disclosure: Disclosure, *, past: str) -> Check:
    """Return the card's check of what unequal records could overturn.

    Parameters
    ----------
    report : RecordsReport
    disclosure : Disclosure
        Statements about groups that are too small, or protect one that is, are left out.
    past : str
        What happened to people with the outcome, such as "came to harm".
    """
    rows = _firm_statements(report, disclosure)
    return Check(
        "recording",
        _TITLE,
        [
            _answer(rows),
            _WHY,
            *_range_words(report, past),
            *([_HOW] if rows else []),
            _UNTESTED,
            _FIGURE,
            _HELPED,
        ],
        ("Looked at", "Group", "Statement", "Falls at", "The difference itself", "With these records")
        if rows
        else (),
        [_row(row) for row in rows],
    )


def _firm_statements(report: RecordsReport, disclosure: Disclosure) -> list[TippingRow]:
    """Return the statements that may be shown, those first that fall first."""
    shown = {(row.attribute, row.group, row.metric) for row in report.shown_bounds(disclosure)}
    rows = [
        row
        for row in report.tipping_points
        if row.path == "anything"
        and row.metric in _STATEMENTS  # who is reached mirrors who is missed
        and TOGETHER not in row.attribute
        and (row.attribute, row.group, MEASURED_BY[row.metric]) in shown
        and row.status in ("ok", "none")
    ]
    rows.sort(key=lambda row: 2.0 if row.tipping_point is None else row.tipping_point)
    return rows


def _answer(rows: Sequence[TippingRow]) -> str:
    if not rows:
        return "The audit made no firm statement about a group that can be shown here, so there is none to overturn."
    fallen = sum(row.status == "ok" for row in rows)
    number = f"{fallen} of {len(rows)}" if fallen else f"None of {len(rows)}"
    return f"{number} firm statements that rest on these records would fall if records were as unequal as the study allows."


def _range_words(report: RecordsReport, past: str) -> Iterator[str]:
    low, high = (number_words(100 * end) for end in report.spec.detection)
    often = low if low == high else f"{low} to {high}"
    wrong = number_words(1000 * report.spec.false_recording[1])
    yield (
        f"What the study allows, in each group: of 100 young people who {past}, {often} are on record; of 1,000 others, up to {wrong} are on "
        "record by mistake."
    )
    smallest, largest = report.spec.gamma
    if (smallest, largest) != (1, 1):
        yield (
            "Those who are missed may also have other scores than those on record. One step up the scores (one standard deviation) multiplies "
            f"the odds of being noticed by {smallest:.3g} to {largest:.3g}."
        )
    if report.lens is not None:
        yield from _lens_words(report.lens)


def _lens_words(found: InformedRange) -> Iterator[str]:
    """Say what was measured of stop and search, what it did to the range, and what it cannot say."""
    most, least = found.lens.widest
    yield (
        f"Stop and search was measured ({found.lens.spec.report.name}; {found.lens.scope}; against {found.lens.spec.benchmark}). For their "
        f"numbers, {most.group} people were searched {most.ratio / least.ratio:.1f} times as often as {least.group} people, and "
        f"the ratio may be up to {found.lens.highest_over_lowest:.1f}."
    )
    yield _LENS[found.maker]
    if found.maker != "others":
        yield _widened_words(found)
    yield _LENS_LIMIT


def _widened_words(found: InformedRange) -> str:
    low, high = found.stated.detection
    if not found.widened:
        return f"The study already allows a ratio of {high / low:.1f} between two groups, so the range stays as it was."
    was, now = (number_words(100 * spec.detection[0]) for spec in (found.stated, found.spec))
    return (
        f"So the lowest share on record was lowered from {was} to {now} of 100. That allows for all of the difference in looking; how much of it "
        "ends in records was not measured."
    )


def _row(row: TippingRow) -> list[str]:
    statement = f"{_STATEMENTS[row.metric]}: {_VERDICTS[row.verdict]}"
    names = [capital(attribute_words(row.attribute)), group_words(row.attribute, row.group)]
    if row.tipping_point is None or row.at is None:
        return [*names, statement, "nowhere in the range", _difference(row), ""]
    return [*names, statement, _percent(row.tipping_point), _difference(row), _records(row.at)]


def _difference(row: TippingRow) -> str:
    point, low, high = (
        _percent(end) for end in (row.difference_tipping_point, row.difference_lower, row.difference_upper)
    )
    return point if row.difference_lower is None else f"{point} ({low} to {high})"


def _percent(share: float | None) -> str:
    if share is None:
        return "beyond the range"
    return "under 1%" if share < 0.01 else f"{100 * share:.0f}%"


def _records(at: dict[str, dict[str, float]]) -> str:
    here, there = (number_words(round(100 * at[side]["detection"])) for side in ("group", "others"))
    words = [f"{here} of 100 on record in this group, {there} of 100 elsewhere"]
    words += [
        f"those missed {where} have {'higher' if at[side]['gamma'] < 1 else 'lower'} scores"
        for side, where in (("group", "in it"), ("others", "elsewhere"))
        if at[side]["gamma"] != 1 and at[side]["detection"] < 1
    ]
    return "; ".join(words)


def equal_need_check(report: RecordsReport, disclosure: Disclosure, *, need: str | None) -> Check:
    """Return the card's check of need at equal score.

    Parameters
    ----------
    report : RecordsReport
    disclosure : Disclosure
        Groups that are too small, or protect one that is, are left out.
    need : str or None
        The outcome that measured need, in words.
    """
    title = "Is need equal at equal score?"
    if need is None:
        return Check(
            "equal_need", title, ("The study has no second measure of need, so this was not tested.",)
        )
    shown = [row for row in report.shown_needs(disclosure) if TOGETHER not in row.attribute]
    high = [row for row in shown if row.where == "highest tenth"]
    rows = high or shown
    if not rows:
        return Check("equal_need", title, ("There are too few young people in need to say.",))
    return Check(
        "equal_need",
        title,
        (
            _need_answer(rows),
            f"Need was measured by another outcome: {need.rstrip('.')}.",
            (
                "If what the model learned is recorded less often in one group, that group's scores are too low: among young people with the same "
                "score, more of them need help (Obermeyer and others 2019)."
            ),
            (
                "That is not the only reason there can be. A model that is not told the group can be wrong for it even if everything is recorded: "
                "where the same record means more need in one group than in another."
            ),
            *(["High scores are the highest tenth."] if high else []),
            "The intervals hold for all groups at once: if need were equal at equal scores, at most 1 audit in 20 would call any group clearly unlike.",
        ),
        (
            "Looked at",
            "Group",
            "Of 100, in need",
            "Of 100 others with these scores",
            "Difference (95% interval for all at once)",
        ),
        [_need_row(row) for row in rows],
    )


def _need_answer(rows: Sequence[EqualNeedRow]) -> str:
    where = "the same high scores" if rows[0].where == "highest tenth" else "the same scores"
    clear = [row for row in rows if row.clear and not _mirrored(row, rows)]
    groups = f"{len(rows)} groups" if len(rows) > 1 else "1 group"
    if not clear:
        return f"We looked at {groups}. None of them clearly needs help more or less often than everyone else with {where}."
    named = "; ".join(
        f"{attribute_words(row.attribute)}: {group_words(row.attribute, row.group)} ({'more' if (row.estimate or 0) > 0 else 'less'} often)"
        for row in clear
    )
    return f"We looked at {groups}. Clearly unlike everyone else with {where} in how often they need help: {named}."


def _mirrored(row: EqualNeedRow, rows: Sequence[EqualNeedRow]) -> bool:
    """Return whether a group of two is the one in less need: the same comparison as the other's."""
    own = [one for one in rows if one.attribute == row.attribute]
    return len(own) == 2 and all(one.clear for one in own) and (row.estimate or 0) < 0


def _need_row(row: EqualNeedRow) -> list[str]:
    names = [capital(attribute_words(row.attribute)), group_words(row.attribute, row.group)]
    shares = [number_words(100 * (value or 0)) for value in (row.need, row.others)]
    middle, low, high = (
        number_words(100 * (value or 0)) for value in (row.estimate, row.together_lower, row.together_upper)
    )
    return [*names, *shares, f"{middle} ({low} to {high})"]


def bounds_figures(report: RecordsReport, disclosure: Disclosure, *, past: str) -> dict[str, str]:
    """Return a picture of each metric's bounds by group; that of who is missed is shown on the card, under ``recording``.

    Parameters
    ----------
    report : RecordsReport
    disclosure : Disclosure
    past : str
        What happened to people with the outcome.
    """
    drawn = {}
    rows = [row for row in report.shown_bounds(disclosure) if TOGETHER not in row.attribute]
    for metric in TRUE_METRICS:
        own = [
            _drawn(row, scale=1 if metric == "observed_to_expected" else 100)
            for row in rows
            if row.metric == metric
        ]
        name = "recording" if metric == "fnr" else f"recording-{metric.replace('_', '-')}"
        if own:
            drawn[name] = figures.bounds(own, name=name, title=_RATES[metric].format(past=past))
    return drawn


def _drawn(row: Any, *, scale: float) -> dict[str, Any]:
    ends = ("lower", "lower_bound", "upper_bound", "upper")
    return {
        "attribute": capital(attribute_words(row.attribute)),
        "group": group_words(row.attribute, row.group),
        **{end: round(scale * getattr(row, end), 2) for end in ends},
    }


def tipping_figures(report: RecordsReport, disclosure: Disclosure) -> dict[str, str]:
    """Return a picture for each metric of how little overturns the firm statements about it.

    Parameters
    ----------
    report : RecordsReport
    disclosure : Disclosure
        Statements about groups that are too small, or protect one that is, are left out.
    """
    drawn, rows = {}, _firm_statements(report, disclosure)
    for metric, words in _STATEMENTS.items():
        own = [_statement(row) for row in rows if row.metric == metric]
        if own:
            name = f"tipping-{metric.replace('_', '-')}"
            drawn[name] = figures.tipping(own, name=name, title=f"When statements fall about {words}")
    return drawn


def _statement(row: TippingRow) -> dict[str, Any]:
    group = f"{capital(attribute_words(row.attribute))}: {group_words(row.attribute, row.group)}"
    ends = {
        end: getattr(row, end)
        for end in ("tipping_point", "difference_tipping_point", "difference_lower", "difference_upper")
    }
    return {"label": f"{group} ({_SHORT[row.verdict]})", **ends}
