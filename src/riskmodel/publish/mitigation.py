"""What could be done about gaps between groups, and what people chose to do, in words for the board."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from riskmodel.audit.frontier import FrontierReport, Gap, Missed, Point
from riskmodel.audit.plans import (
    AS_IS,
    CAPACITY,
    EXPONENTIATED_GRADIENT,
    LABEL,
    REWEIGHING,
    THRESHOLDS,
    WITHOUT_ENFORCEMENT,
)
from riskmodel.audit.spec import AuditSpec
from riskmodel.audit.words import attribute_words, group_words
from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import number_words
from riskmodel.publish.checks import Check
from riskmodel.publish.pages import capital
from riskmodel.publish.results import WHY_NOT, at_capacity, metric, per_100
from riskmodel.validate.estimate import Estimate

Json = Mapping[str, Any]

LEGAL_ADVICE = "needs legal advice: Equality Act 2010"
NOTHING = "Nothing was mitigated: nobody has chosen to change the model because of gaps between groups."
_NOT_MEASURED = (
    "What other choices would do was not measured in this run. Every choice means that the model is trained again, so a "
    "study has to ask for it."
)
_TOO_SMALL = (
    "Other choices were measured, but too few young people had the outcome: what a choice would do for the groups that are "
    "missed most cannot be told, or must not be shown."
)
_HIDDEN = "not shown"
_VERDICT = {
    "within": "within the tolerance",
    "exceeds": "too large",
    "inconclusive": "cannot tell",
    "insufficient": "too few to say",
    "none": "not judged",
}
_METRIC = {"fnr": "missed", "selection_rate": "offered"}


def mitigation_check(
    report: FrontierReport | None,
    spec: AuditSpec,
    disclosure: Disclosure,
    *,
    past: str,
    outcomes: Mapping[str, str],
) -> Check:
    """Return the card's section: what was chosen and by whom, and what each choice would do.

    Parameters
    ----------
    report : FrontierReport or None
        None where the study did not ask for the frontier.
    spec : AuditSpec
        Holds the chosen point, its chooser and the reason.
    disclosure : Disclosure
        Applied to every number.
    past : str
        The outcome in the past tense.
    outcomes : mapping of str to str
        Plain words of each outcome.
    """
    title = "What could be done about gaps, and what was chosen?"
    chosen = (*_chosen(spec, outcomes),)
    if report is None:
        return Check("mitigation", title, (*chosen, _NOT_MEASURED))
    sentences = (*chosen, *_explained(report, past, outcomes))
    who = None if report.attribute is None else attribute_words(report.attribute)
    head = (
        "Choice",
        f"Found, of 100 who {past}",
        "Right, of 100 offers",
        "Ranking (AUROC)",
        "Missed, of 100 in the group worst off as it is" + (f" (by {who})" if who else ""),
        "Largest gap in who is missed" + (f" (by {who})" if who else ""),
        "Largest gap in who is offered" + (f" (by {who})" if who else ""),
        "Other attributes with a gap that is clearly too large",
    )
    rows = [_row(point, report, disclosure) for point in _apart(report.points, disclosure)]
    if report.attribute and all(_missed(_worst(one, report))["estimate"] is None for one in report.points):
        return Check("mitigation", title, (*chosen, _TOO_SMALL))
    return Check("mitigation", title, sentences, head, rows)


def frontier_rows(report: FrontierReport | None, disclosure: Disclosure) -> list[dict[str, Any]]:
    """Return what the figure shows: for each point its label, and two results of 100 that may be shown.

    ``found``: of those with the outcome, so many are offered support. ``missed``: of those in the group that is worst off as
    it is, so many are not. Empty where no number of ``missed`` may be shown.
    """
    if report is None:
        return []
    rows: list[dict[str, Any]] = []
    for point in _apart(report.points, disclosure):
        worst = _worst(point, report)
        rows.append(
            {
                "label": short_label(point.name),
                "selectable": point.selectable,
                "main": point.name == AS_IS,
                "group": None if worst is None else group_words(worst.attribute, worst.group),
                "found": _found(point, "recall_at_capacity", disclosure),
                "missed": _missed(worst),
            }
        )
    return rows if any(row["missed"]["estimate"] is not None for row in rows) else []


def choice_words(point: str, attribute: str | None, outcomes: Mapping[str, str]) -> str:
    """Return a point of the frontier in words."""
    who = "groups" if attribute is None else f"groups by {attribute_words(attribute)}"
    if point.startswith(LABEL):
        name = point.removeprefix(LABEL)
        return f"learning from another outcome, {outcomes.get(name, name)}"
    if point.startswith(CAPACITY):
        return f"offers to {_share(point)} of 100 young people"
    return {
        AS_IS: "the model as it is",
        REWEIGHING: f"other weights in training, under which {who} have the outcome equally often",
        WITHOUT_ENFORCEMENT: "leaving out inputs made by enforcement",
        EXPONENTIATED_GRADIENT: (
            f"training again and again until {who} are reached more alike (exponentiated gradient); one of several models is "
            "then drawn by lot"
        ),
        THRESHOLDS: f"a threshold of its own for each of the {who}",
    }[point]


def short_label(point: str) -> str:
    """Return a point of the frontier in a few words, for a table or a figure."""
    if point.startswith(LABEL):
        return f"Learned from: {point.removeprefix(LABEL).replace('_', ' ')}"
    if point.startswith(CAPACITY):
        return f"Offers to {_share(point)} of 100"
    return {
        AS_IS: "As it is",
        REWEIGHING: "Reweighing",
        WITHOUT_ENFORCEMENT: "Without enforcement inputs",
        EXPONENTIATED_GRADIENT: "Exponentiated gradient",
        THRESHOLDS: "Thresholds by group",
    }[point]


def _share(point: str) -> str:
    return number_words(100 * float(point.removeprefix(CAPACITY)))


def _chosen(spec: AuditSpec, outcomes: Mapping[str, str]) -> Iterator[str]:
    chosen = spec.mitigation.chosen
    if chosen is None:
        yield NOTHING
        return
    who, reason = capital(chosen.by), chosen.reason.rstrip(".")
    if chosen.point == AS_IS:
        yield f"{who} chose to leave the model as it is; nothing was mitigated. The reason given: {reason}."
        return
    words = choice_words(chosen.point, spec.mitigated, outcomes)
    yield f"{who} chose {words}. This model was trained, or makes its offers, that way. The reason given: {reason}."
    if chosen.point.startswith(LABEL):
        yield "It learned from that outcome; its estimates and everything on this card still speak of the outcome above."


def _explained(report: FrontierReport, past: str, outcomes: Mapping[str, str]) -> Iterator[str]:
    yield (
        "Each row is a choice that people can make. The same kind of model was trained again, or made its offers in another way, and was judged on the "
        f"same young people. “Found” is how many of 100 who {past} would be offered support; the change from the model as it is stands "
        "beside it, with what chance can do to it."
    )
    for point in report.points:
        if point.name != AS_IS and not point.name.startswith(CAPACITY):
            yield f"“{short_label(point.name)}”: {choice_words(point.name, report.attribute, outcomes)}."
    if report.chosen != AS_IS:
        yield "“As it is” is the model of this card, with what was chosen in it."
    yield (
        "Less of a gap often means that fewer are found in all, or that more offers go to others. Which of the two matters more is for people to "
        "decide and to say why; this table does not decide it."
    )
    if any(not point.selectable for point in report.points):
        yield (
            "Two kinds of row are for looking only. A threshold for each group treats young people by their group, and "
            f"{LEGAL_ADVICE}. A model drawn by lot cannot be explained to the young person it is about."
        )
    for name, why in report.left_out.items():
        yield f"Not in the table: {choice_words(name, report.attribute, outcomes)}. Why: {why}."


def _row(point: Point, report: FrontierReport, disclosure: Disclosure) -> tuple[str, ...]:
    worst, before = _worst(point, report), report.points[0]
    found, missed = _found(point, "recall_at_capacity", disclosure), _missed(worst)
    # A change beside a shown number would give away the hidden number that it is a change from.
    found_before = _found(before, "recall_at_capacity", disclosure)["estimate"] is not None
    missed_before = _missed(_worst(before, report))["estimate"] is not None
    other = point is not before
    return (
        short_label(point.name) + _mark(point),
        _with_change(found, point.change["recall_at_capacity"] if other and found_before else None),
        str(_found(point, "precision_at_capacity", disclosure)["words"]),
        str(metric("auroc", asdict(point.metrics["auroc"]), disclosure)["words"]),
        _with_change(missed, worst.change if worst and other and missed_before else None),
        *(_gap_words(_gap(point, report.attribute, name)) for name in _METRIC),
        _elsewhere(point, report.attribute),
    )


def _apart(points: Sequence[Point], disclosure: Disclosure) -> list[Point]:
    """Return the points without those that find a few people more or fewer than the same model with other offers.

    The offers of one lie within those of the other, so that the difference would tell how many those few are.
    """
    kept: list[Point] = []
    counts: list[int] = []
    for point in points:
        recall = point.metrics["recall_at_capacity"]
        nested = point.name == AS_IS or point.name.startswith(CAPACITY)
        if nested and recall.estimate is not None:
            found = round(recall.estimate * recall.n_outcomes)
            if any(0 < abs(found - other) < disclosure.threshold for other in counts):
                continue
            counts.append(found)
        kept.append(point)
    return kept


def _mark(point: Point) -> str:
    if point.selectable:
        return ""
    return f" ({LEGAL_ADVICE}; cannot be chosen)" if point.name == THRESHOLDS else " (cannot be chosen)"


def _found(point: Point, name: str, disclosure: Disclosure) -> dict[str, Any]:
    """Return recall or precision of 100, if enough of those with the outcome were found and missed."""
    recall = asdict(point.metrics["recall_at_capacity"])
    result = at_capacity(asdict(point.metrics[name]), recall, disclosure)
    if result is None or result["estimate"] is None:
        return per_100({**asdict(point.metrics[name]), **(result or {})}, disclosure)
    ends = ("estimate", "lower", "upper")
    return per_100({**result, **{end: 100 * result[end] for end in ends}}, disclosure)


def _worst(point: Point, report: FrontierReport) -> Missed | None:
    return next((one for one in point.worst if one.attribute == report.attribute), None)


def _missed(worst: Missed | None) -> dict[str, Any]:
    if worst is None or worst.public is None:
        status = "insufficient" if worst is None else "suppressed"
        return {"estimate": None, "lower": None, "upper": None, "status": status, "words": WHY_NOT[status]}
    middle, low, high = (round(100 * end) for end in worst.public)
    words = f"{middle} ({low} to {high})"
    return {"estimate": middle, "lower": low, "upper": high, "status": "ok", "words": words}


def _with_change(result: Json, change: Estimate | None) -> str:
    """Return a number with its change, as whole people of 100; where either number is hidden there is no change."""
    if result["estimate"] is None or change is None or change.estimate is None:
        return str(result["words"])
    low, middle, high = (_signed(end or 0.0) for end in (change.lower, change.estimate, change.upper))
    return f"{result['words']}; change {middle} ({low} to {high})"


def _signed(share: float) -> str:
    whole = round(100 * share)
    return f"{whole:+d}" if whole else "0"


def _gap(point: Point, attribute: str | None, name: str) -> Gap | None:
    return next((one for one in point.gaps if (one.attribute, one.metric) == (attribute, name)), None)


def _gap_words(gap: Gap | None) -> str:
    if gap is None:
        return WHY_NOT["missing"]
    if gap.group is None:
        return _VERDICT[gap.verdict]
    if gap.public is None:
        return f"{_HIDDEN}; {_VERDICT['insufficient']}"
    who = group_words(gap.attribute, gap.group)
    if round(gap.public, 3) == 0:
        return f"{who}: about as many; {_VERDICT[gap.verdict]}"
    side = "more" if gap.public > 0 else "fewer"
    return f"{who}: {_of_100(abs(gap.public))} {side} of 100; {_VERDICT[gap.verdict]}"


def _of_100(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.095 else number_words(100 * share)


def _elsewhere(point: Point, attribute: str | None) -> str:
    """Return how many of the other attributes have a gap that is clearly too large."""
    others = [gap for gap in point.gaps if gap.attribute != attribute]
    if not others:
        return "no other is audited"
    counts = []
    for name, words in _METRIC.items():
        gaps = [gap for gap in others if gap.metric == name]
        judged = [gap for gap in gaps if gap.public is not None and gap.verdict in ("within", "exceeds")]
        large = sum(gap.verdict == "exceeds" for gap in judged)
        counts.append(f"{words}: {large} of the {len(judged)} that could be judged")
    return "; ".join(counts)
