"""Pictures' numbers: reliability by tenths of risk, decision curve, capacity curve; all with 95% intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskmodel.tables.cohort import BoolArray, FloatArray
from riskmodel.validate.estimate import Estimate, ratio
from riskmodel.validate.metrics import ScoredRows, n_people, net_benefit, net_benefit_columns
from riskmodel.validate.resample import Resamples
from riskmodel.validate.spec import ValidateSpec


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
    """Precision and recall if support could be offered to this share of people at each index date."""

    share: float
    precision: Estimate
    recall: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return the share and both estimates."""
        return {"share": self.share, "precision": self.precision.to_json(), "recall": self.recall.to_json()}


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
    """Measure precision and recall over capacities.

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
    shares = sorted(offered_at)
    helped = rows.weight * rows.outcome
    columns = np.column_stack(
        [helped, *(part for s in shares for part in (rows.weight * offered_at[s], helped * offered_at[s]))]
    )
    total, drawn = columns.sum(axis=0), resamples.sums(columns)
    points = []
    for i, share in enumerate(shares):
        offers, reached = 1 + 2 * i, 2 + 2 * i
        precision = _estimate(
            rows,
            rows.known,
            float(ratio(total[reached], total[offers])),
            ratio(drawn[:, reached], drawn[:, offers]),
        )
        recall = _estimate(
            rows, rows.known, float(ratio(total[reached], total[0])), ratio(drawn[:, reached], drawn[:, 0])
        )
        points.append(CapacityPoint(share, precision, recall))
    return tuple(points)


def _estimate(rows: ScoredRows, chosen: BoolArray, value: float, draws: FloatArray) -> Estimate:
    seen = chosen & rows.known
    people = n_people(rows.subject_id, seen)
    return Estimate.from_draws(
        value, draws, n_subjects=people, n_outcomes=n_people(rows.subject_id, seen & (rows.outcome == 1))
    )
