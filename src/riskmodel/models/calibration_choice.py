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
class FoldRisks:
    """Out-of-fold risk estimates, each fold's by curves that were fitted on scores of the others.

    Parameters
    ----------
    by_kind : mapping of str to ndarray of float64, shape (n,)
        By curves of each kind; NaN for rows in no fold.
    risk : ndarray of float64, shape (n,)
        By curves of the kind that the other folds choose: a fold has no say in the kind of its own curve.
    """

    by_kind: Mapping[CalibrationKind, FloatArray]
    risk: FloatArray


def fold_risks(
    raw: FloatArray,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    *,
    fold: IntArray,
    others: Mapping[int, BoolArray],
    person: IntArray,
    kinds: Sequence[CalibrationKind],
) -> FoldRisks:
    """Calibrate each fold on others.

    Parameters
    ----------
    raw : ndarray of float64, shape (n,)
        Out-of-fold scores.
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
        Rows of weight 0 teach nothing.
    fold : ndarray of int64, shape (n,)
        Fold of each score.
    others : mapping of int to ndarray of bool, shape (n,)
        For each fold, the scored rows that its curve may be fitted on.
    person : ndarray of int64, shape (n,)
        Standard errors are over people.
    kinds : sequence of str
        To choose from, the simplest first.

    Returns
    -------
    FoldRisks

    Raises
    ------
    DataError
        If all rows outside one fold have the same outcome.
    """
    by_kind = {kind: np.full(len(raw), np.nan) for kind in kinds}
    for one, learn in others.items():
        curves = fit_calibrations(raw[learn], outcome[learn], weight[learn], kinds=kinds)
        for kind, curve in curves.items():
            by_kind[kind][fold == one] = curve.risk(raw[fold == one])
    if len(by_kind) == 1:
        return FoldRisks(by_kind, next(iter(by_kind.values())))
    risk = np.full(len(raw), np.nan)
    for one, learn in others.items():
        used = learn & np.isfinite(raw) & (weight > 0)
        kind = choose_curve(_rows(by_kind, used), outcome[used], weight[used], person=person[used]).selected
        risk[fold == one] = by_kind[kind][fold == one]
    return FoldRisks(by_kind, risk)


def calibrate(
    raw: FloatArray,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    by_kind: Mapping[CalibrationKind, FloatArray],
    *,
    person: IntArray,
) -> tuple[Calibration, CurveChoice]:
    """Choose a kind of curve by out-of-fold estimates, and fit it on all out-of-fold scores.

    Parameters
    ----------
    raw : ndarray of float64, shape (n,)
        Out-of-fold scores; rows that are NaN are left out.
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
        Rows of weight 0 are left out.
    by_kind : mapping of str to ndarray of float64, shape (n,)
        See ``FoldRisks``; the kinds to choose from, the simplest first.
    person : ndarray of int64, shape (n,)
        Standard errors are over people.

    Returns
    -------
    Calibration
        For the final model. Where a higher score does not go with a higher risk, the flat curve of ``fit_calibrations``.
    CurveChoice

    Raises
    ------
    DataError
        If all rows have the same outcome.
    """
    kinds = tuple(by_kind)
    used = np.isfinite(raw) & (weight > 0)
    choice = choose_curve(_rows(by_kind, used), outcome[used], weight[used], person=person[used])
    curves = fit_calibrations(raw, outcome, weight, kinds=tuple(dict.fromkeys((*kinds, "sigmoid"))))
    # No choice makes a wrong order right: without one that rises, the flat curve stands.
    rises = len(kinds) == 1 or curves["sigmoid"].learned
    return curves[choice.selected if rises else "sigmoid"], choice


def choose_curve(
    by_kind: Mapping[CalibrationKind, FloatArray],
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    *,
    person: IntArray,
) -> CurveChoice:
    """Return the simplest kind whose log loss is within one standard error of the best."""
    loss = {kind: _log_loss(one, outcome) for kind, one in by_kind.items()}
    mean = {kind: float(np.average(one, weights=weight)) for kind, one in loss.items()}
    best = min(mean, key=lambda kind: mean[kind])  # the simplest of several best
    curves = []
    for kind, one in loss.items():
        behind = mean[kind] - mean[best]
        error = _standard_error(one - loss[best], weight, person)
        curves.append(CurveLoss(kind, mean[kind], behind, error, good_enough=behind <= error))
    return CurveChoice(next(c.kind for c in curves if c.good_enough), best, tuple(curves))


def _rows(
    by_kind: Mapping[CalibrationKind, FloatArray], rows: BoolArray
) -> dict[CalibrationKind, FloatArray]:
    return {kind: one[rows] for kind, one in by_kind.items()}


def _log_loss(risk: FloatArray, outcome: npt.NDArray[np.int8]) -> FloatArray:
    """Return each row's loss: minus the log of the chance that was given to what happened."""
    given = np.where(outcome == 1, risk, 1.0 - risk)
    return -np.log(np.maximum(given, _NEAREST_TO_CERTAIN))


def _standard_error(values: FloatArray, weight: FloatArray, person: IntArray) -> float:
    """Return the standard error of a weighted mean of rows that are drawn person by person (ratio estimator)."""
    mean = np.average(values, weights=weight)
    place = np.unique(person, return_inverse=True)[1]
    totals = np.bincount(place, weights=weight * (values - mean))
    n = len(totals)
    return float(np.sqrt(n / max(n - 1, 1) * np.sum(totals**2)) / weight.sum())
