"""Calibration in one line: a logistic regression of the outcome on the log-odds of the risk estimate.

The slope is 1 and the intercept 0 when the estimates are right on average at every level. The intercept is
"in the large": with the slope held at 1 (Cox 1958; Van Calster et al. 2019, BMC Medicine 17:230). Resamples take one
Newton step from the fit to all rows instead of a refit, which makes them sums over rows.

An estimate of exactly 0 or 1 that was right says nothing about the line and is left out; one that was wrong can be
mended by no line, and the result is undefined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.tables.cohort import BoolArray, FloatArray
from riskmodel.validate.estimate import ratio


@dataclass(frozen=True)
class CalibrationLine:
    """The fitted intercept (slope held at 1) and the fitted line (constant, slope); NaN where undefined."""

    intercept: float
    constant: float
    slope: float

    @property
    def values(self) -> FloatArray:
        """Intercept in the large and slope."""
        return np.array([self.intercept, self.slope])


@dataclass(frozen=True)
class LineRows:
    """Rows made ready for the line: log-odds, outcome and weight, weight 0 where a row does not count."""

    logit: FloatArray
    outcome: FloatArray
    weight: FloatArray
    possible: BoolArray

    @classmethod
    def of(cls, risk: FloatArray, outcome: npt.NDArray[np.int8], weight: FloatArray) -> LineRows:
        """Prepare risk estimates in [0, 1]."""
        certain = (risk <= 0.0) | (risk >= 1.0)
        possible = ~(certain & (risk != outcome) & (weight > 0))
        inside = np.where(certain, 0.5, risk)
        logit = np.log(inside) - np.log1p(-inside)
        return cls(logit, outcome.astype(np.float64), np.where(certain, 0.0, weight), possible)

    def take(self, rows: BoolArray) -> LineRows:
        """Return the chosen rows."""
        return LineRows(self.logit[rows], self.outcome[rows], self.weight[rows], self.possible[rows])


def fit_line(rows: LineRows, *, start: CalibrationLine | None = None) -> CalibrationLine:
    """Fit by Newton's method.

    Parameters
    ----------
    rows : LineRows
    start : CalibrationLine, optional
        Where to start, such as the fit to more rows.

    Returns
    -------
    CalibrationLine
        NaN where the outcome has one value only, all estimates are equal (slope), or the outcome is separated.
    """
    from riskmodel.validate.kernels import newton

    used = rows.take(rows.weight > 0)
    if not rows.possible.all() or len(used.outcome) == 0 or used.outcome.min() == used.outcome.max():
        return CalibrationLine(np.nan, np.nan, np.nan)
    data = (used.logit, used.outcome, used.weight)
    at = (0.0, 0.0, 1.0) if start is None else (start.intercept, start.constant, start.slope)
    first, constant, slope = np.where(np.isfinite(at), at, (0.0, 0.0, 1.0))
    intercept, _ = newton(*data, float(first), 1.0, free_slope=False)
    constant, slope = newton(*data, float(constant), float(slope), free_slope=True)
    return CalibrationLine(float(intercept), float(constant), float(slope))


def score_columns(rows: LineRows, line: CalibrationLine) -> FloatArray:
    """Return what each row adds to the scores at a line: of the intercept, and two of the line; shape (n, 3).

    An undefined line gives scores at 0 and 1; what is made of them is undefined all the same.
    """
    intercept, constant, slope = _at(line)
    large = _logistic(rows.logit + intercept)
    residual = rows.weight * (rows.outcome - _logistic(constant + slope * rows.logit))
    return np.column_stack([rows.weight * (rows.outcome - large), residual, residual * rows.logit])


def information_columns(rows: LineRows, line: CalibrationLine) -> FloatArray:
    """Return what each row adds to the information at a line: of the intercept, and three of the line; shape (n, 4)."""
    intercept, constant, slope = _at(line)
    large, chance = _logistic(rows.logit + intercept), _logistic(constant + slope * rows.logit)
    spread = rows.weight * chance * (1 - chance)
    return np.column_stack(
        [rows.weight * large * (1 - large), spread, spread * rows.logit, spread * rows.logit**2]
    )


def step(scores: FloatArray, information: FloatArray) -> FloatArray:
    """Return how far one Newton step moves intercept and slope.

    Parameters
    ----------
    scores : ndarray, shape (..., 3)
    information : ndarray, shape (..., 4)
        Broadcast against the scores.

    Returns
    -------
    ndarray, shape (..., 2)
        NaN where there is too little information.
    """
    s, s0, s1 = np.moveaxis(scores, -1, 0)
    h, h00, h01, h11 = np.moveaxis(information, -1, 0)
    determinant = h00 * h11 - h01 * h01
    determinant = np.where(determinant > 1e-9 * h00 * h11, determinant, 0.0)
    return np.stack([ratio(s, h), ratio(h00 * s1 - h01 * s0, determinant)], axis=-1)


def _at(line: CalibrationLine) -> tuple[float, float, float]:
    values = np.array([line.intercept, line.constant, line.slope])
    intercept, constant, slope = np.where(np.isfinite(values), values, (0.0, 0.0, 1.0))
    return float(intercept), float(constant), float(slope)


def _logistic(x: FloatArray) -> FloatArray:
    half: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * x))
    return half
