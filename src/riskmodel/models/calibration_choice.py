"""Which curve turns raw scores into risk estimates: the simplest whose log loss is within one standard error of the best.

Everything is judged out of fold: a curve is fitted on the out-of-fold scores of the other folds. Log loss is the score,
because with a rare outcome the Brier score is almost blind to estimates that are several times too low, and because it
does not forgive an estimate of zero for somebody who came to harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.models.calibration import Calibration, fit_calibrations
from riskmodel.models.spec import CalibrationKind
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray

_NEAREST_TO_CERTAIN = 1e-12


@dataclass(frozen=True)
class CurveLoss:
    """How well one kind of curve predicted people it had not seen.

    Parameters
    ----------
    kind : str
    log_loss : float
        Weighted mean over the rows.
    behind : float
        This loss minus that of the best kind.
    standard_error : float
        Of ``behind``, over people (paired); 0 for the best.
    good_enough : bool
        ``behind`` is at most one standard error.
    """

    kind: CalibrationKind
    log_loss: float
    behind: float
    standard_error: float
    good_enough: bool


@dataclass(frozen=True)
class CurveChoice:
    """The chosen kind, the kind with the lowest log loss, and every kind tried, the simplest first."""

    selected: CalibrationKind
    best: CalibrationKind
    curves: tuple[CurveLoss, ...]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "selected": self.selected,
            "best": self.best,
            "curves": [asdict(curve) for curve in self.curves],
        }


@dataclass(frozen=True)
class Calibrated:
    """A curve for the final model, and out-of-fold risk estimates that neither curve nor choice has seen.

    Parameters
    ----------
    calibration : Calibration
        Of the chosen kind, fitted on all rows.
    risk : ndarray of float64, shape (n,)
        Each fold's estimates come from a curve fitted on the other folds, of the kind that the losses in the other
        folds choose.
    choice : CurveChoice
    """

    calibration: Calibration
    risk: FloatArray
    choice: CurveChoice


def calibrate(
    raw: FloatArray,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    *,
    fold: IntArray,
    person: IntArray,
    kinds: Sequence[CalibrationKind],
) -> Calibrated:
    """Choose a kind of curve and fit it.

    Parameters
    ----------
    raw : ndarray of float64, shape (n,)
        Out-of-fold scores; rows that are NaN are left out.
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
        Rows of weight 0 are left out.
    fold : ndarray of int64, shape (n,)
        The folds of the scores; at least two.
    person : ndarray of int64, shape (n,)
        Standard errors are over people.
    kinds : sequence of str
        To choose from, the simplest first.

    Returns
    -------
    Calibrated
        Where a higher score does not go with a higher risk, the flat curve of ``fit_calibration``.

    Raises
    ------
    DataError
        If all rows, or all outside one fold, have the same outcome.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=1, user_api="blas"):  # the same bits for any number of threads
        return _calibrate(raw, outcome, weight, fold=fold, person=person, kinds=kinds)


def _calibrate(
    raw: FloatArray,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    *,
    fold: IntArray,
    person: IntArray,
    kinds: Sequence[CalibrationKind],
) -> Calibrated:
    risk = _out_of_fold(raw, outcome, weight, fold, kinds)
    used = np.isfinite(raw) & (weight > 0)
    loss = {kind: _log_loss(one, outcome) for kind, one in risk.items()}

    def choose(rows: BoolArray) -> CurveChoice:
        return _choose({kind: one[rows] for kind, one in loss.items()}, weight[rows], person[rows])

    own = np.full(len(raw), np.nan)
    for one in np.unique(fold):
        others = fold != one
        own[~others] = risk[choose(used & others).selected][~others]
    choice = choose(used)
    curves = fit_calibrations(raw, outcome, weight, kinds=tuple(dict.fromkeys((*kinds, "sigmoid"))))
    # No choice makes a wrong order right: without one that rises, the flat curve stands.
    rises = len(kinds) == 1 or curves["sigmoid"].learned
    return Calibrated(curves[choice.selected if rises else "sigmoid"], own, choice)


def _out_of_fold(
    raw: FloatArray,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    fold: IntArray,
    kinds: Sequence[CalibrationKind],
) -> dict[CalibrationKind, FloatArray]:
    """Return each row's risk by curves that were fitted on the other folds."""
    risk = {kind: np.full(len(raw), np.nan) for kind in kinds}
    for one in np.unique(fold):
        others = fold != one
        curves = fit_calibrations(raw[others], outcome[others], weight[others], kinds=kinds)
        for kind, curve in curves.items():
            risk[kind][~others] = curve.risk(raw[~others])
    return risk


def _log_loss(risk: FloatArray, outcome: npt.NDArray[np.int8]) -> FloatArray:
    """Return each row's loss: minus the log of the chance that was given to what happened."""
    given = np.where(outcome == 1, risk, 1.0 - risk)
    return -np.log(np.maximum(given, _NEAREST_TO_CERTAIN))


def _choose(loss: Mapping[CalibrationKind, FloatArray], weight: FloatArray, person: IntArray) -> CurveChoice:
    mean = {kind: float(np.average(one, weights=weight)) for kind, one in loss.items()}
    best = min(mean, key=lambda kind: mean[kind])  # the simplest of several best
    curves = []
    for kind, one in loss.items():
        behind = mean[kind] - mean[best]
        error = _standard_error(one - loss[best], weight, person)
        curves.append(CurveLoss(kind, mean[kind], behind, error, good_enough=behind <= error))
    return CurveChoice(next(c.kind for c in curves if c.good_enough), best, tuple(curves))


def _standard_error(values: FloatArray, weight: FloatArray, person: IntArray) -> float:
    """Return the standard error of a weighted mean of rows that are drawn person by person (ratio estimator)."""
    mean = np.average(values, weights=weight)
    place = np.unique(person, return_inverse=True)[1]
    totals = np.bincount(place, weights=weight * (values - mean))
    n = len(totals)
    return float(np.sqrt(n / max(n - 1, 1) * np.sum(totals**2)) / weight.sum())
