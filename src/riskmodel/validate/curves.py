"""Pictures' numbers: reliability by tenths of risk, decision, capacity and lift curve; all with 95% intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskmodel.tables.cohort import BoolArray, FloatArray
from riskmodel.validate.estimate import Estimate, ratio
from riskmodel.validate.metrics import (
    ScoredRows,
    n_people,
    net_benefit,
    net_benefit_columns,
    offers_per_person_reached,
)
from riskmodel.validate.resample import Resamples
from riskmodel.validate.spec import ValidateSpec

LIFT_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class ReliabilityBin:
    """People with like estimates: their mean estimate, and the share to whom the outcome happened."""

    risk: float
    observed: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return ``risk``, ``observed``, ``lower``, ``upper``, counts and status."""
        record = self.observed.to_json()
        return {"risk": self.risk, "observed": record.pop("estimate"), **record}


@dataclass(frozen=True)
class DecisionPoint:
    """Net benefit per person of three policies at one threshold."""

    threshold: float
    model: Estimate
    everyone: float

    def to_json(self) -> dict[str, Any]:
        """Return ``threshold``, ``net_benefit`` with its interval, ``everyone``, and ``nobody`` (always 0)."""
        record = self.model.to_json()
        return {
            "threshold": self.threshold,
            "net_benefit": record.pop("estimate"),
            "everyone": self.everyone,
            "nobody": 0.0,
            **record,
        }


@dataclass(frozen=True)
class CapacityPoint:
    """What offers reach if support could be offered to this share of people at each index date."""

    share: float
    precision: Estimate
    recall: Estimate
    number_needed_to_offer: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return the share and the three estimates."""
        names = ("precision", "recall", "number_needed_to_offer")
        return {"share": self.share, **{name: getattr(self, name).to_json() for name in names}}


@dataclass(frozen=True)
class LiftPoint:
    """How many times the base rate the outcome is among this share of rows with the highest scores."""

    share: float
    lift: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return the share and the estimate."""
        return {"share": self.share, "lift": self.lift.to_json()}


def reliability_curve(
    rows: ScoredRows, resamples: Resamples, *, bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """Compare estimates with what happened, in groups of equal size ordered by risk.

    Parameters
    ----------
    rows : ScoredRows
    resamples : Resamples
        Aligned with the rows.
    bins : int
        At most so many groups; people with one and the same estimate stay together, so there may be fewer.

    Returns
    -------
    tuple of ReliabilityBin
        From the lowest risk to the highest; empty if no outcome could be seen.
    """
    if not rows.known.any():
        return ()
    edges = np.unique(np.quantile(rows.risk[rows.known], np.arange(1, bins) / bins))
    place = np.searchsorted(edges, rows.risk, side="left")
    used, place = np.unique(np.where(rows.known, place, place[rows.known][0]), return_inverse=True)
    columns = np.column_stack([rows.weight, rows.weight * rows.outcome, rows.weight * rows.risk])
    drawn = resamples.sums_by_group(columns, place, len(used))
    total = np.stack([columns[place == one].sum(axis=0) for one in range(len(used))])
    rates, draws = ratio(total[:, 1], total[:, 0]), ratio(drawn[..., 1], drawn[..., 0])
    return tuple(
        ReliabilityBin(
            risk=float(total[one, 2] / total[one, 0]),
            observed=_estimate(rows, place == one, float(rates[one]), draws[:, one]),
        )
        for one in range(len(used))
    )


def decision_curve(rows: ScoredRows, resamples: Resamples, spec: ValidateSpec) -> tuple[DecisionPoint, ...]:
    """Compare offering by the model with offering to everyone and to nobody (Vickers and Elkin 2006).

    Parameters
    ----------
    rows : ScoredRows
    resamples : Resamples
        Aligned with the rows.
    spec : ValidateSpec
        Its thresholds, shown in ascending order.

    Returns
    -------
    tuple of DecisionPoint
        Empty if no outcome could be seen.
    """
    if not rows.known.any():
        return ()
    thresholds = sorted(spec.thresholds)
    blocks = [net_benefit_columns(rows, one) for one in thresholds]
    columns = np.column_stack([rows.weight, *blocks])
    total, drawn = columns.sum(axis=0), resamples.sums(columns)
    prevalence = (rows.weight * rows.outcome).sum() / rows.weight.sum()
    points = []
    for i, threshold in enumerate(thresholds):
        true, false = 1 + 2 * i, 2 + 2 * i
        value = float(net_benefit(total[true], total[false], total[0], threshold))
        draws = net_benefit(drawn[:, true], drawn[:, false], drawn[:, 0], threshold)
        everyone = float(prevalence - (1 - prevalence) * threshold / (1 - threshold))
        points.append(DecisionPoint(threshold, _estimate(rows, rows.known, value, draws), everyone))
    return tuple(points)


def capacity_curve(
    rows: ScoredRows, offered_at: Mapping[float, FloatArray], resamples: Resamples
) -> tuple[CapacityPoint, ...]:
    """Measure precision, recall and number needed to offer over capacities.

    Parameters
    ----------
    rows : ScoredRows
    offered_at : mapping of share to ndarray, shape (n,)
        Chance of being offered support at each capacity, as for ``ScoredRows.offered``.
    resamples : Resamples
        Aligned with the rows.

    Returns
    -------
    tuple of CapacityPoint
        By ascending share.
    """
    people = _people(rows)
    return tuple(
        CapacityPoint(
            share,
            precision=people(ratio(sums.reached, sums.offers)),
            recall=people(ratio(sums.reached, sums.outcomes)),
            number_needed_to_offer=people(offers_per_person_reached(sums.offers, sums.reached)),
        )
        for share, sums in _policies(rows, offered_at, resamples)
    )


def lift_curve(
    rows: ScoredRows, resamples: Resamples, *, shares: Sequence[float] = LIFT_SHARES
) -> tuple[LiftPoint, ...]:
    """Measure lift among the rows with the highest raw scores, all index dates together and whatever the capacity.

    Parameters
    ----------
    rows : ScoredRows
    resamples : Resamples
        Aligned with the rows.
    shares : sequence of float
        Shares of the rows whose outcome could be seen, by weight; rows that tie at the cut are in it in part.

    Returns
    -------
    tuple of LiftPoint
        By ascending share; empty if no outcome could be seen.
    """
    if not rows.known.any():
        return ()
    people = _people(rows)
    chosen = {share: highest(rows.raw, rows.weight, share) for share in shares}
    return tuple(
        LiftPoint(share, people(ratio(ratio(sums.reached, sums.offers), ratio(sums.outcomes, sums.everyone))))
        for share, sums in _policies(rows, chosen, resamples)
    )


def highest(score: FloatArray, weight: FloatArray, share: float) -> FloatArray:
    """Return how much of each row is among the highest scores that make up a share of all weight, in [0, 1]."""
    level = np.unique(-score, return_inverse=True)[1]
    mass = np.bincount(level, weights=weight).astype(np.float64)
    before = np.cumsum(mass) - mass
    part = np.clip(ratio(share * weight.sum() - before, mass), 0.0, 1.0)
    inside: FloatArray = np.nan_to_num(part)[level]  # a level without weight counts nowhere
    return inside


def all_curves(
    rows: ScoredRows, offered_at: Mapping[float, FloatArray], resamples: Resamples, spec: ValidateSpec
) -> dict[str, list[dict[str, Any]]]:
    """Return every curve of this module as ``curves.json`` holds it."""
    return {
        "reliability": [one.to_json() for one in reliability_curve(rows, resamples)],
        "decision_curve": [one.to_json() for one in decision_curve(rows, resamples, spec)],
        "capacity": [one.to_json() for one in capacity_curve(rows, offered_at, resamples)],
        "lift": [one.to_json() for one in lift_curve(rows, resamples)],
    }


@dataclass(frozen=True)
class _Sums:
    """Weight of everyone, of outcomes, of offers, and of offers that reached an outcome: all rows, then each resample."""

    everyone: FloatArray
    outcomes: FloatArray
    offers: FloatArray
    reached: FloatArray


def _policies(
    rows: ScoredRows, offered_at: Mapping[float, FloatArray], resamples: Resamples
) -> Iterator[tuple[float, _Sums]]:
    shares, happened = sorted(offered_at), rows.weight * rows.outcome
    offers = [part * offered_at[share] for share in shares for part in (rows.weight, happened)]
    columns = np.column_stack([rows.weight, happened, *offers])
    sums = np.vstack([columns.sum(axis=0), resamples.sums(columns)]).T
    for i, share in enumerate(shares):
        yield share, _Sums(sums[0], sums[1], sums[2 + 2 * i], sums[3 + 2 * i])


def _people(rows: ScoredRows) -> Callable[[FloatArray], Estimate]:
    """Return what makes an estimate about everyone seen from a value and its draws, in one array."""
    counts = {"n_subjects": rows.n_subjects, "n_outcomes": rows.n_outcomes}
    return lambda values: Estimate.from_draws(float(values[0]), values[1:], **counts)


def _estimate(rows: ScoredRows, chosen: BoolArray, value: float, draws: FloatArray) -> Estimate:
    seen = chosen & rows.known
    people = n_people(rows.subject_id, seen)
    return Estimate.from_draws(
        value, draws, n_subjects=people, n_outcomes=n_people(rows.subject_id, seen & (rows.outcome == 1))
    )
