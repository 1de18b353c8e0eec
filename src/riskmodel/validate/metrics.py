"""The metrics of a risk model, each with a 95% interval from a bootstrap over people.

Offers are fixed: a resample changes who is counted and not who was offered support, so the intervals of the
metrics at capacity speak of this list of offers. Rows of weight 0 (censored) are left out of everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.validate.calibration_curve import DISTANCES, calibration_distances
from riskmodel.validate.calibration_line import LineRows, fit_line, information_columns, score_columns, step
from riskmodel.validate.estimate import Estimate, ratio
from riskmodel.validate.resample import Resamples, ranking
from riskmodel.validate.spec import ValidateSpec

METRICS = (
    "auroc",
    "average_precision",
    "brier",
    "calibration_slope",
    "calibration_intercept",
    "precision_at_capacity",
    "recall_at_capacity",
    "lift_at_capacity",
    "net_benefit",
    "scaled_brier",
    "ici",
    "e50",
    "e90",
    "number_needed_to_offer",
)


@dataclass(frozen=True)
class ScoredRows:
    """What a model said about rows, and what happened; all arrays have shape (n,).

    Parameters
    ----------
    raw : ndarray of float64
        Raw score; orders people.
    risk : ndarray of float64
        Risk estimate in [0, 1].
    outcome : ndarray of int8
        1 where the outcome happened.
    weight : ndarray of float64
        Censoring weight, 0 where the outcome could not be seen.
    offered : ndarray of float64
        Chance in [0, 1] of being offered support at capacity; between 0 and 1 only for ties at the cut.
    subject_id : ndarray of int64
        The person a row is about.
    """

    raw: FloatArray
    risk: FloatArray
    outcome: npt.NDArray[np.int8]
    weight: FloatArray
    offered: FloatArray
    subject_id: IntArray

    def __post_init__(self) -> None:
        if len({len(getattr(self, name)) for name in self.__dataclass_fields__}) != 1:
            raise ValueError("scored rows: one entry per row in every column")
        if not (np.isfinite(self.raw).all() and _within(self.risk) and _within(self.offered)):
            raise ValueError("scored rows: raw scores are finite, risks and offers lie in [0, 1]")
        if not (
            np.isin(self.outcome, (0, 1)).all()
            and np.isfinite(self.weight).all()
            and (self.weight >= 0).all()
        ):
            raise ValueError("scored rows: outcomes are 0 or 1, weights finite and not negative")

    def __len__(self) -> int:
        return len(self.raw)

    def take(self, rows: BoolArray) -> ScoredRows:
        """Return the chosen rows, in the same order."""
        return ScoredRows(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})

    @property
    def known(self) -> BoolArray:
        """Rows whose outcome could be seen."""
        seen: BoolArray = self.weight > 0
        return seen

    @property
    def n_subjects(self) -> int:
        """Different people whose outcome could be seen."""
        return n_people(self.subject_id, self.known)

    @property
    def n_outcomes(self) -> int:
        """Different people to whom the outcome happened."""
        return n_people(self.subject_id, self.known & (self.outcome == 1))


@dataclass(frozen=True)
class Drawn:
    """The metrics of one model on one set of rows: each point value, and its value in every resample; NaN where undefined.

    An infinite draw is a value: an interval that reaches it is undefined.
    """

    points: Mapping[str, float]
    draws: Mapping[str, FloatArray]

    def less(self, other: Drawn) -> Drawn:
        """Return by how much each metric is above that of another model or split, drawn with the same resamples."""
        with np.errstate(invalid="ignore"):  # between two infinite draws there is no number
            draws = {name: one - other.draws[name] for name, one in self.draws.items()}
        return Drawn({name: one - other.points[name] for name, one in self.points.items()}, draws)


def n_people(subject_id: IntArray, rows: BoolArray) -> int:
    """Return the number of different people in the chosen rows."""
    return len(np.unique(subject_id[rows]))


def evaluate(
    rows: ScoredRows, resamples: Resamples, spec: ValidateSpec, *, threads: int = 2
) -> dict[str, Estimate]:
    """Measure one model on one set of rows.

    Parameters
    ----------
    rows : ScoredRows
    resamples : Resamples
        Aligned with the rows; share it between models to compare them in pairs.
    spec : ValidateSpec
        The first threshold is the one of ``net_benefit``.
    threads : int
        The result does not depend on it.

    Returns
    -------
    dict
        Every name of ``METRICS`` with its Estimate. ``brier`` is the mean squared error of the risk, ``scaled_brier`` by
        how much it is below that of giving everybody the base rate (1 is perfect, 0 no better);
        ``calibration_intercept`` has the slope held at 1; precision is the share of offers that reached somebody with
        the outcome, recall the share of those with the outcome who were offered, lift precision over prevalence;
        ``net_benefit`` is per person, for offering at or above the threshold; ``ici``, ``e50`` and ``e90`` are the mean,
        median and 90th centile of the distance between estimate and smooth calibration curve;
        ``number_needed_to_offer`` is offers per offer that reached somebody with the outcome.

    Raises
    ------
    ValueError
        If resamples and rows are not aligned.
    """
    return summarise(rows, draw_metrics(rows, resamples, spec, threads=threads))


def draw_metrics(rows: ScoredRows, resamples: Resamples, spec: ValidateSpec, *, threads: int = 2) -> Drawn:
    """Measure one model on all rows and in every resample, so that models can be compared in pairs.

    Parameters
    ----------
    rows, resamples, spec, threads
        As for ``evaluate``.

    Returns
    -------
    Drawn
        Every name of ``METRICS``.

    Raises
    ------
    ValueError
        If resamples and rows are not aligned.
    """
    if len(resamples.cluster) != len(rows):
        raise ValueError("resamples were drawn for other rows")
    order = ranking(rows.raw, rows.outcome, rows.weight, resamples, threads=threads)
    smooth = calibration_distances(rows.risk, rows.outcome, rows.weight, resamples, threads=threads)
    points, draws = _from_sums(rows, resamples, threshold=spec.thresholds[0], threads=threads)
    points |= {"auroc": order.auroc, "average_precision": order.average_precision}
    draws |= {"auroc": order.auroc_draws, "average_precision": order.average_precision_draws}
    points |= dict(zip(DISTANCES, smooth.values.tolist(), strict=True))
    draws |= dict(zip(DISTANCES, smooth.draws.T, strict=True))
    return Drawn(points, draws)


def summarise(rows: ScoredRows, drawn: Drawn) -> dict[str, Estimate]:
    """Return every metric with its interval and the people behind it."""
    people, outcomes = rows.n_subjects, rows.n_outcomes
    return {
        name: Estimate.from_draws(
            drawn.points[name], drawn.draws[name], n_subjects=people, n_outcomes=outcomes
        )
        for name in METRICS
    }


def recall(
    offered: FloatArray, outcome: npt.NDArray[np.int8], weight: FloatArray, resamples: Resamples
) -> tuple[float, FloatArray]:
    """Return the share of those with the outcome who are offered, and its value in each resample; NaN without any.

    Parameters
    ----------
    offered, weight : ndarray of float64, shape (n,)
    outcome : ndarray of int8, shape (n,)
    resamples : Resamples
        Aligned with the rows.

    Returns
    -------
    tuple of float and ndarray, shape (replicates,)
    """
    columns = np.column_stack([weight * outcome * offered, weight * outcome])
    drawn, total = resamples.sums(columns), columns.sum(axis=0)
    return float(ratio(total[0], total[1])), ratio(drawn[:, 0], drawn[:, 1])


def _from_sums(
    rows: ScoredRows, resamples: Resamples, *, threshold: float, threads: int
) -> tuple[dict[str, float], dict[str, FloatArray]]:
    line_rows = LineRows.of(rows.risk, rows.outcome, rows.weight)
    line = fit_line(line_rows)
    calibration = [score_columns(line_rows, line), information_columns(line_rows, line)]
    columns = np.column_stack([_capacity_columns(rows), net_benefit_columns(rows, threshold), *calibration])
    total, drawn = columns.sum(axis=0), resamples.sums(columns, threads=threads)
    points = {name: float(value) for name, value in _ratios(total, threshold).items()}
    draws = _ratios(drawn, threshold)
    moved = line.values + step(drawn[:, -7:-4], drawn[:, -4:])
    for i, name in enumerate(("calibration_intercept", "calibration_slope")):
        points[name], draws[name] = float(line.values[i]), moved[:, i]
    return points, draws


def _capacity_columns(rows: ScoredRows) -> FloatArray:
    w, y = rows.weight, rows.outcome
    return np.column_stack([w, w * y, w * rows.offered, w * rows.offered * y, w * (rows.risk - y) ** 2])


def net_benefit_columns(rows: ScoredRows, threshold: float) -> FloatArray:
    """Return the weight of true and of false offers at a threshold, shape (n, 2)."""
    at_or_above = rows.weight * (rows.risk >= threshold)
    return np.column_stack([at_or_above * rows.outcome, at_or_above * (1 - rows.outcome)])


def net_benefit(true: FloatArray, false: FloatArray, everyone: FloatArray, threshold: float) -> FloatArray:
    """Return net benefit per person (Vickers and Elkin 2006): true offers less false ones at the threshold's odds."""
    return ratio(true - false * threshold / (1 - threshold), everyone)


def offers_per_person_reached(offers: FloatArray, reached: FloatArray) -> FloatArray:
    """Return offers for each that reached somebody with the outcome: infinite if none did, NaN if there were no offers."""
    return np.where((offers > 1e-9) & (reached <= 1e-9), np.inf, ratio(offers, reached))


def _ratios(sums: FloatArray, threshold: float) -> dict[str, FloatArray]:
    everyone, outcomes, offers, helped, squares, true, false = np.moveaxis(sums[..., :7], -1, 0)
    precision, prevalence = ratio(helped, offers), ratio(outcomes, everyone)
    brier = ratio(squares, everyone)
    return {
        "brier": brier,
        "scaled_brier": 1 - ratio(brier, prevalence * (1 - prevalence)),
        "number_needed_to_offer": offers_per_person_reached(offers, helped),
        "precision_at_capacity": precision,
        "recall_at_capacity": ratio(helped, outcomes),
        "lift_at_capacity": ratio(precision, prevalence),
        "net_benefit": net_benefit(true, false, everyone, threshold),
    }


def _within(values: FloatArray) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())
