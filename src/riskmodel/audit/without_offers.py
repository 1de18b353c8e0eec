"""Rows as recorded and as they would count without new support: sums in every resample, and whether anybody can stand for whom.

Every rate is a weighted sum over rows. Each resample also moves the weights, by how far it would move the model of offers: intervals
that took the weights for known would be too wide for the rates (Robins, Rotnitzky and Zhao 1995, JASA 90:106), and of unknown width for
the changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter
from riskmodel.audit.offer_hazard import OfferHazard
from riskmodel.audit.spec import NoSupportSpec
from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray
from riskmodel.validate.estimate import percentile_interval, ratio
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

Reason = Literal["few_offered", "few_outcomes", "little_overlap"]

EVERYONE = "everyone"

_HEAVY = 0.05  # of a group's weight, at most so much on rows that stand for very many
_STOOD_FOR = 0.5  # of those offered support, at least so many must have others who stand for them


@dataclass(frozen=True)
class Overlap:
    """Whether those to whom nothing was offered can stand for those to whom something was, in one group.

    Parameters
    ----------
    attribute, group : str
    n_subjects : int
        Different people whose outcome could be seen.
    n_offered : int
        Those to whom new support was offered before the outcome, if there was one.
    n_outcomes : int
        Different people with the outcome and no such offer before it.
    effective_rows, effective_outcomes : float
        How many equally weighted ones would say as much (Kish 1965).
    largest_weight : float or None
        The most rows that one row stands for.
    heavy : float or None
        Share of the weight on rows that stand for more than the study's ``largest_weight``; over all rows, so that whether a group is refused
        does not hang on the outcomes of a few.
    stood_for : float or None
        Weight of others that stand for those offered support, over the weight of those; 1 if the model of offers is right.
    reason : str or None
        Why the group is insufficient.
    """

    attribute: str
    group: str
    n_subjects: int
    n_offered: int
    n_outcomes: int
    effective_rows: float
    effective_outcomes: float
    largest_weight: float | None
    heavy: float | None
    stood_for: float | None
    reason: Reason | None


@dataclass(frozen=True)
class Balance:
    """How unlike everyone those to whom nothing was offered are, in standard deviations: as they are, and weighted."""

    fact: str
    before: float
    after: float


@dataclass(frozen=True)
class Effect:
    """What support seems to have done to those who were offered it.

    Parameters
    ----------
    observed : float
        Rows with the outcome after an offer, by censoring weight.
    expected : float
        How many there would have been without, by those who stand for them.
    ratio, lower, upper : float or None
        ``observed / expected``, with its 95% interval.
    e_value, e_value_limit : float or None
        How many times as common an unrecorded reason would have to be among those offered support, and how many times it would have to raise
        or lower the risk, to make the ratio (or the end of its interval nearer to 1) what it is if support did nothing (VanderWeele and
        Ding 2017, Annals of Internal Medicine 167:268).
    """

    observed: float
    expected: float
    ratio: float | None
    lower: float | None
    upper: float | None
    e_value: float | None
    e_value_limit: float | None


def everyone(n: int) -> Grouping:
    """Return one group of all rows."""
    return Grouping(EVERYONE, ((EVERYONE,),), np.zeros(n, dtype=np.int64))


class Weighted:
    """Rows as recorded and without new support, and how both move from resample to resample."""

    def __init__(
        self, rows: ScoredRows, offered: BoolArray, hazard: OfferHazard, resamples: Resamples, *, threads: int
    ) -> None:
        self.recorded, self.offered, self.hazard, self.resamples = rows, offered, hazard, resamples
        self.threads = threads
        self.unlike = np.where(offered, 0.0, rows.weight)  # nothing offered, standing for nobody else
        self.stands = np.exp(hazard.cumulative)
        self.rows = replace(rows, weight=self.unlike * self.stands)
        self.moved = hazard.moved(resamples, threads=threads)

    def sums(
        self, before: FloatArray, after: FloatArray, grouping: Grouping
    ) -> tuple[FloatArray, FloatArray]:
        """Return sums by group of fixed columns, and of columns that carry the weight without new support.

        Each has the data first and then every resample, shape (1 + replicates, groups, columns).
        """
        n_groups, k = len(grouping.labels), before.shape[1]
        columns = np.column_stack([before, after])
        point = np.stack([columns[grouping.code == g].sum(axis=0) for g in range(n_groups)])
        draws = self.resamples.sums_by_group(columns, grouping.code, n_groups, threads=self.threads)
        draws[..., k:] += np.einsum("rp,gcp->rgc", self.moved, self._slopes(after, grouping))
        both = np.concatenate([point[None], draws])
        return both[..., :k], both[..., k:]

    def _slopes(self, columns: FloatArray, grouping: Grouping) -> FloatArray:
        """Return how the sums change with the coefficients of the model of offers, shape (groups, columns, p)."""
        slopes = self.hazard.slopes
        parts = [
            [columns[own].T @ slopes[own]]
            for own in (np.flatnonzero(grouping.code == g) for g in range(len(grouping.labels)))
        ]
        return np.concatenate([np.asarray(one) for one in parts])

    def effect(self) -> Effect:
        """Compare outcomes after an offer with those of the rows that stand for them."""
        happened = self.recorded.outcome.astype(np.float64)
        fixed = np.column_stack([self.recorded.weight * self.offered * happened, self.unlike * happened])
        seen, stood = self.sums(fixed, (self.rows.weight * happened)[:, None], everyone(len(happened)))
        observed, expected = seen[:, 0, 0], stood[:, 0, 0] - seen[:, 0, 1]
        with np.errstate(invalid="ignore"):
            found = ratio(observed, np.where(expected > 0, expected, 0.0))
        lower, upper = percentile_interval(found[1:])
        if not np.isfinite([found[0], lower, upper]).all() or found[0] <= 0:
            return Effect(float(observed[0]), float(expected[0]), None, None, None, None, None)
        nearest = 1.0 if lower <= 1 <= upper else (lower if lower > 1 else upper)
        values = (float(found[0]), lower, upper)
        return Effect(float(observed[0]), float(expected[0]), *values, e_value(values[0]), e_value(nearest))


def e_value(risk_ratio: float) -> float:
    """Return the least strength, on both sides, of an unrecorded reason that makes a risk ratio out of 1 (VanderWeele and Ding 2017)."""
    away = max(risk_ratio, 1 / risk_ratio) if risk_ratio > 0 else math.inf
    return away + math.sqrt(away * (away - 1)) if math.isfinite(away) else math.inf


def overlaps(weighted: Weighted, grouping: Grouping, spec: NoSupportSpec, *, least: int) -> Iterator[Overlap]:
    """Say of each group whether others can stand for those offered support.

    Parameters
    ----------
    weighted : Weighted
    grouping : Grouping
    spec : NoSupportSpec
    least : int
        The fewest outcomes, counted as equally weighted people, from which rates are told.
    """
    count = PeopleCounter(grouping, weighted.recorded.subject_id).count
    known, happened = weighted.recorded.known, weighted.rows.known & (weighted.recorded.outcome == 1)
    people = [count(one) for one in (known, weighted.offered, happened)]
    for g, group in enumerate(grouping.groups):
        own = grouping.code == g
        n_subjects, n_offered, n_outcomes = (int(one[g]) for one in people)
        weight = weighted.rows.weight[own]
        outcomes = weighted.rows.weight[own & happened]
        heavy = ratio(weighted.rows.weight[own & (weighted.stands > spec.largest_weight)].sum(), weight.sum())
        stood = ratio(
            weight.sum() - weighted.unlike[own].sum(),
            (weighted.recorded.weight * weighted.offered)[own].sum(),
        )
        effective = _effective(outcomes) * n_outcomes / max(len(outcomes), 1)
        largest = weighted.stands[own & weighted.rows.known].max(initial=0.0)
        yield Overlap(
            *(grouping.attribute, group, n_subjects, n_offered, n_outcomes),
            _effective(weight),
            effective,
            float(largest) if largest > 0 else None,
            _number(heavy),
            _number(stood),
            _refused(n_offered, effective, float(heavy), float(stood), spec, least=least),
        )


def _refused(
    n_offered: int, effective: float, heavy: float, stood: float, spec: NoSupportSpec, *, least: int
) -> Reason | None:
    if effective < least:
        return "few_outcomes"
    if heavy > _HEAVY or (n_offered >= spec.minimum_offered and stood < _STOOD_FOR):
        return "little_overlap"
    return None


def _effective(weight: FloatArray) -> float:
    """Return how many equally weighted rows say as much (Kish 1965)."""
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def balance(weighted: Weighted, groupings: Sequence[Grouping], cohort: Cohort) -> Iterator[Balance]:
    """Compare those to whom nothing was offered with everyone, fact by fact, as they are and weighted.

    Parameters
    ----------
    weighted : Weighted
    groupings : sequence of Grouping
        Of one attribute each; others are left out.
    cohort : Cohort
        Of the rows.
    """
    rows = weighted.recorded
    facts = {"score": rows.raw, "offered by the model": rows.offered, "age": cohort.age.astype(np.float64)}
    for grouping in groupings:
        if len(grouping.labels[0]) == 1:
            for g, group in enumerate(grouping.groups):
                facts[f"{grouping.attribute}: {group}"] = (grouping.code == g).astype(np.float64)
    for fact, values in facts.items():
        middle = np.average(values, weights=rows.weight)
        spread = math.sqrt(np.average((values - middle) ** 2, weights=rows.weight))
        if spread > 0:
            means = [np.average(values, weights=one) for one in (weighted.unlike, weighted.rows.weight)]
            yield Balance(fact, *(float((one - middle) / spread) for one in means))
