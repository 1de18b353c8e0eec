"""The fairness table: what a model does for each group, with intervals, and a verdict against the study's tolerance.

Every group is compared with *everyone else* under the same attribute. All rates are made of sums over rows, so one set
of resamples of people serves every model, attribute and metric. Offers are fixed, as in ``validate.metrics``; the
selection rate counts every eligible row, the other metrics those whose outcome could be seen, by censoring weight.

Verdicts use intervals of the difference that hold for all statements about a model at once, over attributes, metrics and
groups (max-t: the 95% point of the largest standardised difference over the resamples; Romano and Wolf 2005): the chance
that any of them is a false alarm, or false reassurance, is at most 5%. ``within``: the interval lies inside
plus or minus the tolerance; ``exceeds``: it lies outside on one side; ``inconclusive``: neither; ``insufficient``:
too few people (``AuditSpec``); ``none``: no tolerance was chosen, or there is nobody to compare with.

Calibration of a group is fitted to its rows; its resamples move that fit by the change in the scores (taken at the fit to
everyone) over the group's information: the infinitesimal jackknife, which makes them sums over rows.

Where fewer than ``minimum_cell`` people are on one side of a rate, resampling alone cannot show what could have
happened (no event gives an interval of width zero). Half an event and half a non-event with gamma noise are then added to
each resample, which for independent people is the interval of Jeffreys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter, groupings
from riskmodel.audit.pooling import PooledRate, pool
from riskmodel.audit.report import RATES, Basis, Difference, FairnessReport, FairnessRow, Verdict
from riskmodel.audit.spec import METRICS, AuditSpec, Metric
from riskmodel.audit.tally import Drawn, Prepared, draw, rates, tally, top_and_rest
from riskmodel.audit.unknown import UNKNOWN, UnknownBounds, extreme_differences
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, FloatArray, IntArray
from riskmodel.validate.estimate import Estimate, ratio
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

_Z95 = 1.959963984540054
_Z90_POWER = 1.2815515655446004


def audit_fairness(
    models: Mapping[str, ScoredRows],
    attributes: AuditedAttributes,
    resamples: Resamples,
    spec: AuditSpec,
    *,
    seed: int = 0,
    threads: int = 2,
) -> FairnessReport:
    """Measure every model in every group.

    Parameters
    ----------
    models : mapping of family to ScoredRows
        Same people, outcome and weights; scores and offers of each model.
    attributes : AuditedAttributes
        Aligned with the rows.
    resamples : Resamples
        Of people, aligned with the rows.
    spec : AuditSpec
    seed : int
        For the small-cell noise only.
    threads : int
        The result does not depend on it.

    Returns
    -------
    FairnessReport
        Rows by attribute, model, metric and group.

    Raises
    ------
    StudyError
        If an attribute is absent.
    ValueError
        If models or resamples are about different rows.
    """
    _check_same_rows(models, resamples)
    wanted = groupings(attributes, spec)
    noise = np.random.default_rng(seed).gamma(0.5, size=(len(resamples), 2))
    prepared = {family: Prepared.of(rows) for family, rows in models.items()}
    panels = [
        _Panel(family, scored, grouping, drawn[family], noise=noise, spec=spec)
        for grouping in wanted
        for drawn in [draw(prepared, grouping, resamples, threads=threads)]
        for family, scored in models.items()
    ]
    reach = {family: _max_t([one for one in panels if one.family == family]) for family in models}
    rows: list[FairnessRow] = []
    differences: list[Difference] = []
    bases: list[Basis] = []
    bounds: list[UnknownBounds] = []
    for panel in panels:
        own = reach[panel.family]
        judged = [panel.judge(k, own) for k in range(len(METRICS))]
        bounds += panel.unknown_bounds(judged, own)
        for k, metric in enumerate(METRICS):
            differences += judged[k]
            rows += [panel.row(g, k, metric, one.verdict) for g, one in enumerate(judged[k])]
            bases += [panel.basis(g, k) for g in range(len(judged[k]))]
    pooled = [one for panel in panels for one in panel.pooled()]
    return FairnessReport(
        tuple(rows), tuple(differences), tuple(bases), wanted, spec, tuple(bounds), tuple(pooled)
    )


def _check_same_rows(models: Mapping[str, ScoredRows], resamples: Resamples) -> None:
    first = next(iter(models.values()))
    same = all(
        np.array_equal(getattr(rows, name), getattr(first, name))
        for rows in models.values()
        for name in ("outcome", "weight", "subject_id")
    )
    if not same or len(resamples.cluster) != len(first):
        raise ValueError("models and resamples must be about the same rows")


class _People:
    """Different people in each group (first axis) behind each metric (second axis)."""

    def __init__(self, rows: ScoredRows, grouping: Grouping) -> None:
        count = PeopleCounter(grouping, rows.subject_id).count
        happened, others = rows.known & (rows.outcome == 1), rows.known & (rows.outcome == 0)
        offered, passed = rows.offered > 0, rows.offered < 1
        self.everyone, self.seen, self.outcomes = (
            count(np.ones(len(rows), dtype=np.bool_)),
            count(rows.known),
            count(happened),
        )
        reached, missed, n_others = count(happened & offered), count(happened & passed), count(others)
        needless, spared = count(others & offered), count(others & passed)
        line = (self.outcomes, n_others)  # both sides of a calibration line
        sides = [
            (count(offered), count(passed)),
            (reached, missed),
            (missed, reached),
            (needless, spared),
            (reached, needless),
            line,
            line,
        ]
        self.top, self.rest = (np.column_stack([side[i] for side in sides]) for i in range(2))
        seen_offered = count(rows.known & offered)
        self.bottom = np.column_stack(
            [
                self.everyone,
                self.outcomes,
                self.outcomes,
                n_others,
                seen_offered,
                self.outcomes,
                self.outcomes,
            ]
        )


@dataclass(frozen=True)
class _Statements:
    """One metric of all groups: tolerance, spread of each difference, which get a verdict, and the largest deviation (r,)."""

    tolerance: float | None
    spread: FloatArray
    usable: BoolArray
    largest: FloatArray


class _Panel:
    """One model under one attribute; ``g`` numbers groups and ``k`` metrics."""

    def __init__(
        self,
        family: str,
        rows: ScoredRows,
        grouping: Grouping,
        drawn: Drawn,
        *,
        noise: FloatArray,
        spec: AuditSpec,
    ) -> None:
        self.family, self.grouping, self.spec = family, grouping, spec
        self.tally = drawn.tally
        self.people = _People(rows, grouping)
        self.n_rows = _rows_behind(rows, grouping)
        outside = drawn.tally.sum(axis=0) - drawn.tally
        outside_draws = drawn.tally_draws.sum(axis=1, keepdims=True) - drawn.tally_draws
        self.overall = rates(drawn.tally.sum(axis=0))
        self.estimate = np.column_stack([rates(drawn.tally), drawn.line])
        self.draws = np.concatenate([self._rate_draws(drawn.tally_draws, noise), drawn.line_draws], axis=2)
        self.gap = self.estimate - np.column_stack([rates(outside), drawn.rest_line])
        self.gap_draws = self.draws - np.concatenate([rates(outside_draws), drawn.rest_line_draws], axis=2)

    def _rate_draws(self, tally_draws: FloatArray, noise: FloatArray) -> FloatArray:
        top, rest = top_and_rest(tally_draws)
        few = np.minimum(self.people.top, self.people.rest)[:, : len(RATES)] < self.spec.minimum_cell
        top, rest = top + few * noise[:, None, None, 0], rest + few * noise[:, None, None, 1]
        return ratio(top, top + rest)

    def basis(self, g: int, k: int) -> Basis:
        """Return the people and rows behind a rate."""
        top, rest = (0, 0) if k >= len(RATES) else (round(float(side[g, k])) for side in self.n_rows)
        return Basis(int(self.people.top[g, k]), int(self.people.rest[g, k]), top, rest)

    def row(self, g: int, k: int, metric: Metric, verdict: Verdict) -> FairnessRow:
        """Return the row of the table."""
        found = self._estimate(g, k, metric)
        return FairnessRow(
            self.family,
            self.grouping.attribute,
            self.grouping.groups[g],
            metric,
            **found.to_json(),
            verdict=verdict,
        )

    def _estimate(self, g: int, k: int, metric: Metric) -> Estimate:
        people = self.people.everyone if metric == "selection_rate" else self.people.seen
        counts = {"n_subjects": int(people[g]), "n_outcomes": int(self.people.outcomes[g])}
        bottom = int(self.people.bottom[g, k])
        if 0 < bottom < self.spec.minimum_cell or 0 < people[g] < self.spec.minimum_cell:
            return Estimate.without_value("suppressed", **counts)
        found = Estimate.from_draws(float(self.estimate[g, k]), self.draws[:, g, k], **counts)
        if found.estimate is None or found.lower is None or found.upper is None:
            return found
        # The small-cell noise keeps resamples away from 0 and 1, where the estimate itself may lie.
        return replace(found, lower=min(found.lower, found.estimate), upper=max(found.upper, found.estimate))

    def _usable(self, k: int, metric: Metric, spread: FloatArray) -> BoolArray:
        """Return which groups have enough people, themselves and outside, for a verdict."""
        needed: list[tuple[IntArray, int]] = []
        if metric != "selection_rate":
            needed.append((self.people.outcomes, self.spec.minimum_outcomes))
        if metric in {
            "selection_rate",
            "ppv",
        }:  # of everyone, and of those offered: neither is bounded by outcomes
            needed.append((self.people.bottom[:, k], self.spec.minimum_people))
        enough = [(counts >= least) & (counts.sum() - counts >= least) for counts, least in needed]
        groups = range(len(self.grouping.groups))
        shown = np.array([self._estimate(g, k, metric).status == "ok" for g in groups])
        usable: BoolArray = np.all(enough, axis=0) & shown & np.isfinite(self.gap[:, k]) & (spread > 0)
        return usable

    def _tolerance(self, k: int) -> float | None:
        """Return how far a group may be from everyone else; None where nothing is judged."""
        if len(self.grouping.groups) == 1:
            return None
        return self.spec.tolerance.of(METRICS[k], float(self.overall[k]) if k < len(RATES) else None)

    @cached_property
    def statements(self) -> tuple[_Statements, ...]:
        """What is judged of each metric, and how far chance moves it."""
        found = []
        for k, metric in enumerate(METRICS):
            moved, tolerance = self.gap_draws[:, :, k] - self.gap[:, k], self._tolerance(k)
            spread = _spread(moved)
            usable = self._usable(k, metric, spread)
            standard = np.abs(moved[:, usable]) / spread[usable]
            largest = np.where(np.isfinite(standard), standard, 0.0).max(axis=1, initial=0.0)
            found.append(_Statements(tolerance, spread, usable, largest))
        return tuple(found)

    def judge(self, k: int, reach: float) -> list[Difference]:
        """Compare every group with everyone else; ``reach`` is how many spreads an interval reaches on each side."""
        metric, one = METRICS[k], self.statements[k]
        tolerance, spread, usable = one.tolerance, one.spread, one.usable
        out = []
        for g, group in enumerate(self.grouping.groups):
            place = (self.family, self.grouping.attribute, group, metric)
            if tolerance is None:
                out.append(Difference(*place, None, None, None, tolerance, None, "none"))
            elif not usable[g]:
                out.append(Difference(*place, None, None, None, tolerance, None, "insufficient"))
            else:
                gap, low, high = (float(self.gap[g, k] + end * reach * spread[g]) for end in (0, -1, 1))
                detectable = float(tolerance + (reach + _Z90_POWER) * spread[g])
                out.append(
                    Difference(*place, gap, low, high, tolerance, detectable, _verdict(low, high, tolerance))
                )
        return out

    def unknown_bounds(self, judged: Sequence[Sequence[Difference]], reach: float) -> Iterator[UnknownBounds]:
        """Return, for every verdict about a rate, whether it would stand whatever the groups of those not recorded."""
        if self.grouping.groups.count(UNKNOWN) != 1:
            return
        lowest, highest = extreme_differences(self.tally, self.grouping.groups.index(UNKNOWN))
        for k, metric in enumerate(RATES):
            for g, one in enumerate(judged[k]):
                low, high = float(lowest[g, k]), float(highest[g, k])
                if one.tolerance is None or one.estimate is None or not np.isfinite((low, high)).all():
                    continue
                out = float(reach * self.statements[k].spread[g])
                said = [_sided(end, out, one.tolerance) for end in (one.estimate, low, high)]
                yield UnknownBounds(
                    *(self.family, self.grouping.attribute, one.group, metric),
                    *(low, high, low - out, high + out),
                    verdict="stands" if len(set(said)) == 1 else "could_change",
                )

    def pooled(self) -> Iterator[PooledRate]:
        """Return the pooled rates of groups of several attributes, in independent young people rather than rows."""
        if len(self.grouping.labels[0]) < 2:
            return
        top, rest = top_and_rest(self.tally)
        for k, metric in enumerate(RATES):
            people = (self.people.top[:, k] + self.people.rest[:, k]).astype(np.float64)
            rows = top[:, k] + rest[:, k]
            alike = np.divide(np.minimum(people, rows), rows, out=np.zeros_like(rows), where=rows > 0)
            found = pool(top[:, k] * alike, rest[:, k] * alike, self.grouping.labels)
            for group, *values in zip(self.grouping.groups, *(one.tolist() for one in found), strict=True):
                if np.isfinite(values).all():
                    yield PooledRate(self.family, self.grouping.attribute, group, metric, *values)


def _rows_behind(rows: ScoredRows, grouping: Grouping) -> tuple[FloatArray, FloatArray]:
    """Return unweighted numbers of rows for and against each rate."""
    plain = tally(replace(rows, weight=rows.known.astype(np.float64)))
    n_groups = len(grouping.labels)
    return top_and_rest(
        np.stack([np.bincount(grouping.code, weights=one, minlength=n_groups) for one in plain.T], axis=1)
    )


def _spread(deviations: FloatArray) -> FloatArray:
    """Return the root mean square over the resamples in which both sides hold somebody; 0 where none does."""
    known = np.isfinite(deviations)
    squares = np.where(known, deviations, 0.0) ** 2
    spread: FloatArray = np.sqrt(squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    return spread


def _max_t(panels: Sequence[_Panel]) -> float:
    """Return the 95% point of the largest standardised deviation over all statements, never below that of one."""
    judged = [one.largest for panel in panels for one in panel.statements if one.tolerance is not None]
    return max(_Z95, float(np.quantile(np.max(judged, axis=0), 0.95))) if judged else _Z95


def _sided(gap: float, reach: float, tolerance: float) -> tuple[Verdict, bool]:
    """Return a verdict, and whether it speaks of a group above everyone else."""
    verdict = _verdict(gap - reach, gap + reach, tolerance)
    return verdict, verdict == "exceeds" and gap > 0


def _verdict(lower: float, upper: float, tolerance: float) -> Verdict:
    if -tolerance <= lower and upper <= tolerance:
        return "within"
    if lower > tolerance or upper < -tolerance:
        return "exceeds"
    return "inconclusive"
