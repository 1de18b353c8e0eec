"""How uncertain a risk estimate is: a range, for each raw score, that should hold the risk among people with such scores.

The range is of the *rate* that a large number of new young people with this raw score would have, given the model as it
was trained. It is not of one person's future, which is 0 or 1.

``monotone`` assumes only that a higher score does not mean a lower risk, not that the calibration curve has the right
shape. Those who score at most s then have on average at most the risk at s, so the lower limit of the rate in a window of
scores that ends at s is a lower limit of the risk at s; a window that begins at s gives the upper limit. (The idea is that
of confidence bounds for monotone regression; Dumbgen and Johns 2004, and for calibration curves Dimitriadis et al. 2023.)
Windows are laid by expected, never by observed, outcomes. Limits that chance put in the wrong order are evened out (least squares); the
tightest of them would be a winner's curse. So made, ranges err on the wide side. Each limit is Wilson's (1927), at an effective number of rows
that allows for weights and for rows of one household, or one drawn cluster, being alike (Kish 1965).

``bagged`` fits the model again on resampled households, calibrates each on the households that were not drawn, and reads
how far their estimates lie apart on the log-odds scale, for people with like scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from riskmodel.errors import DataError
from riskmodel.models.band import Band
from riskmodel.models.bins import choose_cuts, mass_by_part, parts_of
from riskmodel.models.calibration import Calibration
from riskmodel.models.regression import expit
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray

CONFIDENCE = 0.95
WINDOW = 50.0
"""Expected outcomes in a window: enough for a limit that is near, few enough that scores in it are alike."""

_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
_SHARE_OF_ALL = 0.2  # a window holds at most so much of all expected outcomes
_MOST_KNOTS = 200
_FEWEST_PEOPLE = 10  # between two knots, because knots are written down

Refit = Callable[[FloatArray, BoolArray], FloatArray]


@dataclass(frozen=True)
class CalibrationRows:
    """Out-of-fold raw scores with what happened; rows without a score or of weight 0 are left out.

    Parameters
    ----------
    raw, outcome, weight : ndarray of float64, shape (n,)
    units : tuple of ndarray of int64, shape (n,)
        What rows may be alike in: households, and drawn clusters where a survey drew them.
    """

    raw: FloatArray
    outcome: FloatArray
    weight: FloatArray
    units: tuple[IntArray, ...]

    @classmethod
    def build(
        cls,
        raw: FloatArray,
        outcome: npt.NDArray[np.int8],
        weight: FloatArray,
        units: Sequence[IntArray],
    ) -> CalibrationRows:
        """Leave out what does not count, and number the units from 0.

        Raises
        ------
        DataError
            If nothing is left.
        """
        used = cls.usable(raw, weight)
        if not used.any():
            raise DataError(
                expected="scored rows whose outcome could be seen",
                found="none",
                where="interval of the risk estimates",
                next_step="Look at the outcome, the index dates and the folds in the study.",
            )
        numbered = (np.unique(unit[used], return_inverse=True)[1].astype(np.int64) for unit in units)
        return cls(raw[used], outcome[used].astype(np.float64), weight[used], tuple(numbered))

    @staticmethod
    def usable(raw: FloatArray, weight: FloatArray) -> BoolArray:
        """Return which rows count: scored, and their outcome seen."""
        counts: BoolArray = np.isfinite(raw) & (weight > 0)
        return counts

    def effective(self, risk: FloatArray) -> FloatArray:
        """Return weights that add up to the effective number of rows: Kish's, divided by the design effect of the units.

        Parameters
        ----------
        risk : ndarray of float64, shape (n,)
            The estimates whose residuals tell how alike the rows of a unit are.
        """
        residual = self.weight * (self.outcome - risk)
        apart = float((residual**2).sum())
        together = (float((mass_by_part(u, residual, int(u.max()) + 1) ** 2).sum()) for u in self.units)
        alike = max((1.0, *(one / apart for one in together))) if apart > 0 else 1.0
        return np.asarray(self.weight * self.weight.sum() / ((self.weight**2).sum() * alike))


def monotone_band(rows: CalibrationRows, calibration: Calibration) -> Band:
    """Return limits of the risk at each raw score that assume only that risk rises with the score.

    Parameters
    ----------
    rows : CalibrationRows
    calibration : Calibration
        Of the same scores. Says how many outcomes to expect where, so that windows do not depend on those that happened.

    Returns
    -------
    Band
        Of the rate among everyone where the model has learned nothing. At the upper end the limits are those of the
        highest group as a whole; at the lower end the lower limit is 0.
    """
    from sklearn.isotonic import isotonic_regression

    risk = calibration.risk(rows.raw)
    size = rows.effective(risk)
    if not calibration.learned:
        low, high = wilson(np.array([size @ rows.outcome]), np.array([size.sum()]))
        return Band("monotone", (0.0,), (float(low[0]),), (float(high[0]),))
    cuts, part = _groups(rows, size * risk)
    n, happened, expected = (
        np.append(0.0, np.cumsum(mass_by_part(part, one, len(cuts) + 1)))
        for one in (size, size * rows.outcome, size * risk)
    )
    window = min(WINDOW, _SHARE_OF_ALL * float(expected[-1]))
    # Edge i lies below group i: windows below it end there, windows above it begin there.
    first = np.searchsorted(expected, expected - window, side="right") - 1
    last = np.minimum(np.searchsorted(expected, expected + window, side="left"), len(cuts) + 1)
    below = _rate(happened, n, np.maximum(first[1:], 0), np.arange(1, len(n)))[0]
    above = _rate(happened, n, np.arange(len(n) - 1), last[:-1])[1]
    lower, upper = np.append(0.0, below), np.append(above, above[-1])
    return Band(
        "monotone",
        _knots(rows, cuts, part),
        tuple(isotonic_regression(lower).tolist()),
        tuple(isotonic_regression(upper).tolist()),
    )


def bagged_band(
    rows: CalibrationRows,
    calibration: Calibration,
    refit: Refit,
    *,
    calibrate: Callable[[FloatArray, BoolArray], Calibration],
    bags: int,
    seed: int,
) -> Band:
    """Return estimates plus and minus 1.96 standard deviations of the log-odds that refitted models give.

    Parameters
    ----------
    rows : CalibrationRows
        Of every training row, in order; units of the first kind are resampled.
    calibration : Calibration
        Of the final model.
    refit : callable
        Takes how often each row was drawn, and which rows were not; returns the raw scores of the latter by a model
        fitted on the former.
    calibrate : callable
        Takes raw scores and the rows they belong to.
    bags, seed : int
    """
    rng = np.random.default_rng(seed)
    household = rows.units[0]
    n_households = int(household.max()) + 1
    total, squares, times = (np.zeros(len(rows.raw)) for _ in range(3))
    for _ in range(bags):
        drawn = np.bincount(rng.integers(0, n_households, n_households), minlength=n_households)[household]
        left = drawn == 0
        raw = refit(drawn.astype(np.float64), left)
        said = _log_odds(calibrate(raw, left).risk(raw))
        total[left] += said
        squares[left] += said**2
        times[left] += 1.0
    risk = calibration.risk(rows.raw)
    cuts, part = _groups(rows, rows.weight * risk)
    several = times >= 2
    spread = (squares[several] - total[several] ** 2 / times[several]).clip(0.0)
    pooled, free = (mass_by_part(part[several], one, len(cuts) + 1) for one in (spread, times[several] - 1.0))
    deviation = np.sqrt(pooled / np.maximum(free, 1.0))
    middle = mass_by_part(part, rows.raw, len(cuts) + 1) / np.bincount(part, minlength=len(cuts) + 1)
    centre = _log_odds(calibration.risk(middle))
    ends = (expit(centre + sign * _Z * deviation) for sign in (-1.0, 1.0))
    lower, upper = (tuple(np.maximum.accumulate(one).tolist()) for one in ends)
    return Band("bagged", tuple(middle.tolist()), lower, upper)


def wilson(happened: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the 95% limits of rates by Wilson (1927); counts need not be whole.

    Parameters
    ----------
    happened, n : ndarray of float64, shape (k,)
        ``n`` above 0.
    """
    rate, pull = happened / n, _Z**2 / n
    middle = (rate + pull / 2.0) / (1.0 + pull)
    reach = _Z * np.sqrt((rate * (1.0 - rate) + pull / 4.0) / n) / (1.0 + pull)
    return np.clip(middle - reach, 0.0, 1.0), np.clip(middle + reach, 0.0, 1.0)


def _rate(
    happened: FloatArray, n: FloatArray, first: IntArray, last: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the rates between edges, from cumulative counts."""
    return wilson(np.clip(happened[last] - happened[first], 0.0, None), n[last] - n[first])


def _groups(rows: CalibrationRows, expected: FloatArray) -> tuple[tuple[float, ...], IntArray]:
    """Cut scores into groups that share out the expected outcomes, each of at least ten households."""
    cuts = choose_cuts(rows.raw, expected, rows.units[0], max_bins=_MOST_KNOTS, min_people=_FEWEST_PEOPLE)
    return cuts, parts_of(rows.raw, cuts) - 1


def _knots(rows: CalibrationRows, cuts: Sequence[float], part: IntArray) -> tuple[float, ...]:
    """Return the cuts, and at both ends the mean score of the outermost group: an extreme score is somebody's own."""
    ends = [float(rows.raw[part == one].mean()) for one in (0, len(cuts))]
    return (ends[0], *cuts, ends[1])


def _log_odds(risk: FloatArray) -> FloatArray:
    inside = np.clip(risk, 1e-9, 1.0 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))
