"""The frontier: what could be done about gaps between groups, point by point, beside the model as it is.

All points are judged on the same young people, by the same outcome, in the same resamples, so that what makes one set of
people harder than another falls out of every change. Gaps are those of ``audit.fairness``: a group less everyone else,
with intervals that hold for all groups of an attribute at once, and verdicts against the study's tolerance. A change in a
gap is that of the group in which it is largest as it is: the largest gap of another point may be another group's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from riskmodel.audit.fairness import audit_fairness
from riskmodel.audit.groups import Grouping, groupings
from riskmodel.audit.plans import AS_IS, NEVER
from riskmodel.audit.report import Difference, FairnessReport, Verdict
from riskmodel.audit.spec import AuditSpec, Metric
from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, FloatArray, IntArray
from riskmodel.validate.estimate import Estimate, ratio
from riskmodel.validate.metrics import Drawn as DrawnMetrics
from riskmodel.validate.metrics import ScoredRows, draw_metrics, n_people
from riskmodel.validate.resample import Resamples
from riskmodel.validate.spec import ValidateSpec

UTILITY = ("auroc", "precision_at_capacity", "recall_at_capacity")
GAPS: tuple[Metric, ...] = ("fnr", "selection_rate")


@dataclass(frozen=True)
class Gap:
    """The largest gap of one metric under one attribute.

    Parameters
    ----------
    attribute, metric : str
    group : str or None
        In which it is largest; None where no group can be judged.
    estimate, lower, upper : float or None
        That group less everyone else.
    tolerance : float or None
    verdict : str
        Of this gap; ``insufficient`` or ``none`` where no group can be judged.
    public : float or None
        The gap that may leave, from rounded counts on both sides; None where it may not.
    change : Estimate
        Of the gap in the group in which it is largest as it is, with its sign: a gap of .10 that becomes -.02 changes by
        -.12. Sizes would be folded at 0, where intervals mislead.
    """

    attribute: str
    metric: str
    group: str | None
    estimate: float | None
    lower: float | None
    upper: float | None
    tolerance: float | None
    verdict: Verdict
    public: float | None
    change: Estimate


@dataclass(frozen=True)
class Missed:
    """Who is missed in the group that is worst off as it is.

    Parameters
    ----------
    attribute, group : str
        The group that is missed most, among those with enough outcomes for a verdict.
    missed : Estimate
        Share of those with the outcome who are not offered support.
    change : Estimate
        Less the share as it is.
    public : tuple of float or None
        Estimate and interval that may leave, from rounded counts; None where they may not.
    """

    attribute: str
    group: str
    missed: Estimate
    change: Estimate
    public: tuple[float, float, float] | None


@dataclass(frozen=True)
class Point:
    """One point of the frontier.

    Parameters
    ----------
    name : str
    selectable : bool
    note : str or None
        Why it may not be chosen.
    share : float
        Offers over rows.
    offers_moved : float
        Share of the offers as it is that would not stay with whom they are.
    metrics, change : mapping of str to Estimate
        Every name of ``UTILITY``, and its change from as it is.
    gaps : tuple of Gap
    worst : tuple of Missed
        One for each attribute that has a group to judge.
    """

    name: str
    selectable: bool
    note: str | None
    share: float
    offers_moved: float
    metrics: Mapping[str, Estimate]
    change: Mapping[str, Estimate]
    gaps: tuple[Gap, ...]
    worst: tuple[Missed, ...]


@dataclass(frozen=True)
class FrontierReport:
    """Every point, the one as it is first.

    Parameters
    ----------
    family : str
        The selected one, which every point has in common.
    attribute : str or None
        What reweighing, exponentiated gradient and thresholds by group look at.
    chosen : str
        The point that the run's model follows.
    left_out : mapping of str to str
        Points that could not be made, and why.
    points : tuple of Point
    """

    family: str
    attribute: str | None
    chosen: str
    left_out: Mapping[str, str]
    points: tuple[Point, ...]

    def to_json(self) -> dict[str, Any]:
        """Return ``mitigation.json``: exact, for the secure environment."""
        return asdict(self)


def measure_points(
    points: Mapping[str, ScoredRows],
    attributes: AuditedAttributes,
    resamples: Resamples,
    *,
    audit: AuditSpec,
    validate: ValidateSpec,
    disclosure: Disclosure,
    worst_first: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    threads: int = 2,
) -> tuple[Point, ...]:
    """Measure every point of the frontier.

    Parameters
    ----------
    points : mapping of str to ScoredRows
        ``as_is`` among them; same people, outcome and weights.
    attributes : AuditedAttributes
        Aligned with the rows.
    resamples : Resamples
        Of people, aligned with the rows.
    audit : AuditSpec
    validate : ValidateSpec
    disclosure : Disclosure
        Decides what is marked as hidden.
    worst_first : mapping of str to sequence of str, optional
        By attribute its groups, those first that are missed most on *other* rows. A group that is picked because it looks
        worst on the very rows that it is judged on looks better at any other point, by regression to the mean. Without it,
        that is how it is picked.
    seed : int
    threads : int
        The result does not depend on it.

    Returns
    -------
    tuple of Point
        In the order given.

    Raises
    ------
    StudyError
        If an attribute is absent.
    ValueError
        If points or resamples are about different rows.
    """
    fairness = audit_fairness(points, attributes, resamples, audit, seed=seed, threads=threads)
    drawn = {name: draw_metrics(rows, resamples, validate, threads=threads) for name, rows in points.items()}
    judge = _Judge(points, fairness, drawn, resamples, disclosure, worst_first or {}, threads)
    return tuple(judge.point(name) for name in points)


def missed_most_first(
    rows: ScoredRows, attributes: AuditedAttributes, audit: AuditSpec
) -> dict[str, tuple[str, ...]]:
    """Return the groups of every attribute by the share of those with the outcome who are not offered support, the highest first.

    Parameters
    ----------
    rows : ScoredRows
        Not those on which points are to be judged.
    attributes : AuditedAttributes
        Aligned with the rows.
    audit : AuditSpec
    """
    happened = rows.weight * rows.outcome
    found = {}
    for grouping in groupings(attributes, audit):
        top, bottom = (
            np.bincount(grouping.code, weights=one, minlength=len(grouping.groups)).astype(np.float64)
            for one in (happened * (1 - rows.offered), happened)
        )
        order = np.argsort(-np.nan_to_num(ratio(top, bottom), nan=-1.0), kind="stable")
        found[grouping.attribute] = tuple(grouping.groups[g] for g in order)
    return found


def equal_reach(risk: FloatArray, group: IntArray, date: IntArray) -> FloatArray:
    """Return a score whose cut-off is a threshold of its own for each group, so that groups are reached alike.

    Parameters
    ----------
    risk : ndarray of float64, shape (n,)
        Risk estimates; the outcome itself is not looked at.
    group : ndarray of int64, shape (n,)
    date : ndarray of int, shape (n,)
        Index date of a row.

    Returns
    -------
    ndarray of float64, shape (n,)
        Minus the share of the group's expected outcomes at that date that lies at or above the row's risk. Whoever takes
        the highest of it is expected to reach the same share of those with the outcome in each group.
    """
    score = np.zeros(len(risk))
    order = np.lexsort((-risk, group, date))
    edges = np.flatnonzero(np.diff(group[order]) | np.diff(date[order])) + 1
    for rows in np.split(order, edges):
        above = np.cumsum(risk[rows])
        last = np.searchsorted(-risk[rows], -risk[rows], side="right") - 1  # equal estimates stay equal
        score[rows] = -ratio(above[last], np.full(len(rows), above[-1]))
    return np.nan_to_num(score, nan=-1.0)


@dataclass(frozen=True)
class _Judge:
    """Every point, measured, and how to lay one beside the point as it is."""

    points: Mapping[str, ScoredRows]
    fairness: FairnessReport
    drawn: Mapping[str, DrawnMetrics]
    resamples: Resamples
    disclosure: Disclosure
    worst_first: Mapping[str, Sequence[str]]
    threads: int

    def point(self, name: str) -> Point:
        rows = self.points[name]
        people = {"n_subjects": rows.n_subjects, "n_outcomes": rows.n_outcomes}
        own, less = self.drawn[name], self.drawn[name].less(self.drawn[AS_IS])
        metrics, change = (
            {
                metric: Estimate.from_draws(one.points[metric], one.draws[metric], **people)
                for metric in UTILITY
            }
            for one in (own, less)
        )
        before = self.points[AS_IS].offered
        return Point(
            name=name,
            selectable=name not in NEVER,
            note=NEVER.get(name),
            share=float(rows.offered.mean()),
            offers_moved=moved(before, rows.offered),
            metrics=metrics,
            change=change,
            gaps=tuple(self._gap(name, one, metric) for one in self.fairness.groupings for metric in GAPS),
            worst=tuple(found for one in self.fairness.groupings if (found := self._missed(name, one))),
        )

    def _differences(self, name: str, attribute: str, metric: str) -> list[Difference]:
        return [
            one
            for one in self.fairness.differences
            if (one.model, one.attribute, one.metric) == (name, attribute, metric)
        ]

    def _largest(self, name: str, attribute: str, metric: str) -> Difference:
        """Return the largest gap; one without a number where no group can be judged."""
        return max(self._differences(name, attribute, metric), key=lambda one: abs(one.estimate or 0.0))

    def _gap(self, name: str, grouping: Grouping, metric: Metric) -> Gap:
        found = self._largest(name, grouping.attribute, metric)
        first = self._largest(AS_IS, grouping.attribute, metric)
        judged = found.estimate is not None
        return Gap(
            grouping.attribute,
            metric,
            found.group if judged else None,
            found.estimate,
            found.lower,
            found.upper,
            found.tolerance,
            found.verdict,
            public=self._public_gap(name, grouping, found) if judged else None,
            change=self._gap_change(name, grouping, first, metric),
        )

    def _public_gap(self, name: str, grouping: Grouping, found: Difference) -> float | None:
        """Return a gap from rounded counts, if the group's rate is shown and enough people are on each side of the others'."""
        if self._public(name, found.attribute, found.group, found.metric) is None:
            return None
        rows, member = self.points[name], grouping.code == grouping.groups.index(found.group)
        counted = (
            rows.known & (rows.outcome == 1) if found.metric == "fnr" else np.ones(len(rows), dtype=np.bool_)
        )
        inside, outside = (
            public_rate(rows, counted & side, self.disclosure, missed=found.metric == "fnr")
            for side in (member, ~member)
        )
        return None if inside is None or outside is None else inside - outside

    def _gap_change(self, name: str, grouping: Grouping, first: Difference, metric: Metric) -> Estimate:
        if first.estimate is None:
            return Estimate.without_value("undefined", n_subjects=0, n_outcomes=0)
        member = grouping.code == grouping.groups.index(first.group)
        before, after = (self._signed(one, member, metric) for one in (AS_IS, name))
        return self._change(before, after, member)

    def _missed(self, name: str, grouping: Grouping) -> Missed | None:
        worst = self._worst_off(grouping)
        if worst is None:
            return None
        member = grouping.code == grouping.groups.index(worst)
        before, after = (self._rates(one, member, "fnr")[1] for one in (AS_IS, name))
        rows = self.points[name].take(member)
        people = {"n_subjects": rows.n_subjects, "n_outcomes": rows.n_outcomes}
        return Missed(
            grouping.attribute,
            worst,
            Estimate.from_draws(float(after[0]), after[1:], **people),
            self._change(before, after, member),
            self._public(name, grouping.attribute, worst, "fnr"),
        )

    def _worst_off(self, grouping: Grouping) -> str | None:
        """Return the group that is missed most as it is, among those with enough outcomes for a verdict."""
        judged = {
            one.group
            for one in self._differences(AS_IS, grouping.attribute, "fnr")
            if one.estimate is not None
        }
        if grouping.attribute in self.worst_first:
            return next((group for group in self.worst_first[grouping.attribute] if group in judged), None)
        found = {
            row.group: row.estimate
            for row in self.fairness.rows
            if (row.model, row.attribute, row.metric) == (AS_IS, grouping.attribute, "fnr")
            and row.group in judged
            and row.estimate is not None
        }
        return max(found, key=lambda group: found[group]) if found else None

    def _rates(self, name: str, member: BoolArray, metric: Metric) -> FloatArray:
        """Return a rate outside (row 0) and inside a group (row 1): the point value first, then one a resample."""
        rows = self.points[name]
        happened = rows.weight * rows.outcome
        top, bottom = (
            (happened * (1 - rows.offered), happened)
            if metric == "fnr"
            else (rows.offered, np.ones(len(rows)))
        )
        columns, side = np.column_stack([top, bottom]), member.astype(np.int64)
        point = np.stack([columns[side == one].sum(axis=0) for one in (0, 1)])
        draws = self.resamples.sums_by_group(columns, side, 2, threads=self.threads)
        sums = np.concatenate([point[None], draws])
        return ratio(sums[..., 0], sums[..., 1]).T

    def _signed(self, name: str, member: BoolArray, metric: Metric) -> FloatArray:
        outside, inside = self._rates(name, member, metric)
        return np.asarray(inside - outside)

    def _change(self, before: FloatArray, after: FloatArray, member: BoolArray) -> Estimate:
        rows, less = self.points[AS_IS].take(member), after - before
        return Estimate.from_draws(
            float(less[0]), less[1:], n_subjects=rows.n_subjects, n_outcomes=rows.n_outcomes
        )

    def _public(
        self, name: str, attribute: str, group: str, metric: str
    ) -> tuple[float, float, float] | None:
        return self._shown.get((name, attribute, group, metric))

    @cached_property
    def _shown(self) -> Mapping[tuple[str, str, str, str], tuple[float, float, float]]:
        """Every rate that may leave."""
        return {
            (row["model"], row["attribute"], row["group"], row["metric"]): (
                row["estimate"],
                row["lower"],
                row["upper"],
            )
            for row in self.fairness.public(self.disclosure)["rows"]
            if row["estimate"] is not None
        }


def public_rate(
    rows: ScoredRows, counted: BoolArray, disclosure: Disclosure, *, missed: bool = False
) -> float | None:
    """Return the share of the counted rows that is offered support, or missed, from rounded counts; None if people are few.

    Parameters
    ----------
    rows : ScoredRows
    counted : ndarray of bool, shape (n,)
    disclosure : Disclosure
        At least its threshold of people must be offered support, and as many not.
    missed : bool
        Return the share that is not offered.
    """
    people = (n_people(rows.subject_id, counted & side) for side in (rows.offered > 0, rows.offered < 1))
    if min(people) < disclosure.threshold:
        return None
    offered, total = float(rows.offered[counted].sum()), int(counted.sum())
    return disclosure.rate(round(total - offered if missed else offered), total)


def moved(before: FloatArray, after: FloatArray) -> float:
    """Return the share of offers that do not stay with whom they were; 0 where there were none."""
    gone, made = (np.array([one.sum()]) for one in (np.maximum(before - after, 0.0), before))
    return float(np.nan_to_num(ratio(gone, made)[0]))
