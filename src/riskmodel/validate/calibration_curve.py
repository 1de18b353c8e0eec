"""A smooth calibration curve, and how far the estimates lie from it: ICI, E50 and E90.

The curve is a logistic regression of the outcome on a restricted cubic spline of the log-odds of the estimate, with four
knots at the places that Harrell recommends (Austin and Steyerberg 2019, Statistics in Medicine 38:4051; Harrell 2015,
Regression Modeling Strategies, 2.4). ICI is the mean absolute distance between estimate and curve over people, E50 its
median and E90 its 90th centile.

People with like estimates share a cell, at most 200 cells of equal weight, each at its mean; with no more different
estimates than that, nothing is lost. A resample is then two numbers a cell, how many people and how many of them with
the outcome, and its curve is one Newton step from the curve of all rows: small products of matrices instead of 2,000 fits.

Chance only ever adds to a distance, and a resample adds it a second time: the plain draws of a perfect model would never
come near 0. The draws are therefore moved until their squares average the square of the estimate (docs/decisions/0011). The
estimate itself is the published one: above 0 by chance where people are few.

An estimate of exactly 0 or 1 has no log-odds. Those who got one are compared with what happened to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.validate.estimate import ratio
from riskmodel.validate.resample import Resamples

DISTANCES = ("ici", "e50", "e90")

_CELLS = 200
_KNOTS = (0.05, 0.35, 0.65, 0.95)
_NEWTON_STEPS = 100


@dataclass(frozen=True)
class Cells:
    """People with like estimates, from the lowest: their mean estimate, how many, and how many had the outcome.

    Parameters
    ----------
    place : ndarray of int64, shape (n,)
        Cell of each row; rows whose outcome could not be seen lie in the first.
    risk, weight, cases : ndarray of float64, shape (cells,)
    """

    place: IntArray
    risk: FloatArray
    weight: FloatArray
    cases: FloatArray

    @classmethod
    def of(cls, risk: FloatArray, outcome: npt.NDArray[np.int8], weight: FloatArray) -> Cells:
        """Group rows; some weight must be above 0."""
        seen = weight > 0
        levels, level = np.unique(risk[seen], return_inverse=True)
        mass = _mass(level, weight[seen], len(levels))
        cell = np.arange(len(levels)) if len(levels) <= _CELLS else _equal_weight(levels, mass)
        place = np.zeros(len(risk), dtype=np.int64)
        place[seen] = cell[level]
        n_cells = int(cell[-1]) + 1
        columns = (weight, weight * outcome, weight * risk)
        total, cases, sums = (_mass(place, one, n_cells) for one in columns)
        return cls(place, sums / total, total, cases)

    @property
    def certain(self) -> BoolArray:
        """Cells whose estimate is exactly 0 or 1."""
        edge: BoolArray = (self.risk <= 0.0) | (self.risk >= 1.0)
        return edge

    def drawn(self, columns: FloatArray, resamples: Resamples, *, threads: int) -> FloatArray:
        """Return the sums of columns in each resample and cell, shape (replicates, cells, k)."""
        return resamples.sums_by_group(columns, self.place, len(self.risk), threads=threads)


@dataclass(frozen=True)
class CalibrationCurve:
    """The fitted curve on the cells that have log-odds.

    Parameters
    ----------
    design : ndarray of float64, shape (cells, k)
        Constant, log-odds and spline columns, each of spread 1.
    coefficients : ndarray of float64, shape (k,)
        NaN where no finite curve exists: nobody, or everybody, had the outcome, or it is separated.
    """

    design: FloatArray
    coefficients: FloatArray

    @classmethod
    def fit(cls, cells: Cells) -> CalibrationCurve:
        """Fit by Newton's method to the cells between 0 and 1."""
        inside = ~cells.certain
        design = np.zeros((len(cells.risk), 1))
        if inside.any():
            columns = _spline(_logit(cells.risk[inside]), cells.weight[inside])
            design = np.zeros((len(cells.risk), columns.shape[1]))
            design[inside] = columns
        return cls(design, _fit(design[inside], cells.cases[inside], cells.weight[inside]))

    def observed(self, cells: Cells) -> FloatArray:
        """Return the curve's height at each cell."""
        height = _logistic(self.design @ self.coefficients)
        return np.where(cells.certain, ratio(cells.cases, cells.weight), height)

    def observed_draws(self, cells: Cells, weight: FloatArray, cases: FloatArray) -> FloatArray:
        """Return the curve's height at each cell in each resample, one Newton step away; shape (replicates, cells)."""
        inside = ~cells.certain
        start = _logistic(self.design @ self.coefficients)
        k = len(self.coefficients)
        scores = ((cases - weight * start) * inside) @ self.design
        pairs = (self.design[:, :, None] * self.design[:, None, :]).reshape(len(start), k * k)
        information = ((weight * (start * (1 - start) * inside)) @ pairs).reshape(-1, k, k)
        moved = self.coefficients + _solve(information, scores)
        height = _logistic(moved @ self.design.T)
        total, happened = (weight * inside).sum(axis=1), (cases * inside).sum(axis=1)
        height[(happened <= 0) | (happened >= total)] = np.nan
        return np.where(cells.certain, ratio(cases, weight), height)


@dataclass(frozen=True)
class Distances:
    """ICI, E50 and E90: point values (3,) and one value per resample (replicates, 3); NaN where undefined."""

    values: FloatArray
    draws: FloatArray


def calibration_distances(
    risk: FloatArray,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    resamples: Resamples,
    *,
    threads: int = 2,
) -> Distances:
    """Measure how far estimates lie from what happened, along a smooth curve.

    Parameters
    ----------
    risk, weight : ndarray of float64, shape (n,)
    outcome : ndarray of int8, shape (n,)
    resamples : Resamples
        Aligned with the rows.
    threads : int
        The result does not depend on it.

    Returns
    -------
    Distances
    """
    undefined = Distances(np.full(3, np.nan), np.full((len(resamples), 3), np.nan))
    if not (weight > 0).any():
        return undefined
    cells = Cells.of(risk, outcome, weight)
    curve = CalibrationCurve.fit(cells)
    if not np.isfinite(curve.coefficients).all():
        return undefined
    drawn = cells.drawn(np.column_stack([weight, weight * outcome]), resamples, threads=threads)
    draws = curve.observed_draws(cells, drawn[..., 0], drawn[..., 1])
    values = distances(cells.risk, curve.observed(cells)[None], cells.weight[None])[0]
    return Distances(values, _centred(distances(cells.risk, draws, drawn[..., 0]), values))


def _centred(draws: FloatArray, values: FloatArray) -> FloatArray:
    """Take from each squared draw what resampling added to the squares on average."""
    known = np.isfinite(draws)
    mean_square = (np.where(known, draws, 0.0) ** 2).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    added = np.maximum(mean_square - values**2, 0.0)
    centred: FloatArray = np.sqrt(np.maximum(draws**2 - added, 0.0))
    return centred


def distances(risk: FloatArray, observed: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the mean, the median and the 90th centile of ``|risk - observed|``.

    Parameters
    ----------
    risk : ndarray of float64, shape (cells,)
    observed, weight : ndarray of float64, shape (r, cells)
        Cells of weight 0 do not count.

    Returns
    -------
    ndarray of float64, shape (r, 3)
        A centile is the smallest distance that at least so many people do not exceed. NaN where a cell that counts has
        no observed value.
    """
    far = np.where(weight > 0, np.abs(risk - observed), 0.0)
    order = np.argsort(far, axis=1)
    ascending, mass = (np.take_along_axis(one, order, axis=1) for one in (far, weight))
    reached = np.cumsum(mass, axis=1)
    total = reached[:, -1]
    mean = ratio((far * weight).sum(axis=1), total)
    centiles = [_first(ascending, reached >= share * total[:, None] * (1 - 1e-12)) for share in (0.5, 0.9)]
    found = np.column_stack([mean, *centiles])
    found[~np.isfinite(mean)] = np.nan
    return found


def _first(values: FloatArray, reached: BoolArray) -> FloatArray:
    return np.take_along_axis(values, reached.argmax(axis=1)[:, None], axis=1)[:, 0]


def _mass(place: IntArray, weight: FloatArray, n: int) -> FloatArray:
    return np.bincount(place, weights=weight, minlength=n).astype(np.float64)


def _equal_weight(levels: FloatArray, mass: FloatArray) -> IntArray:
    """Return the cell of each level: about equal weight each, exact 0 and 1 by themselves."""
    middle = np.cumsum(mass) - 0.5 * mass
    share = np.minimum((middle / mass.sum() * _CELLS).astype(np.int64), _CELLS - 1) + 1
    share = np.where(levels <= 0.0, 0, np.where(levels >= 1.0, _CELLS + 1, share))
    return np.unique(share, return_inverse=True)[1].astype(np.int64)


def _spline(x: FloatArray, weight: FloatArray) -> FloatArray:
    """Return constant, x and restricted cubic spline columns (Harrell 2015, equation 2.25), each of spread 1."""
    columns = [x] if len(x) > 1 else []
    knots = np.unique(_centiles(x, weight, _KNOTS))
    if len(knots) > 2:
        last, end = knots[-2], knots[-1]
        cubes = [np.maximum(x - knot, 0.0) ** 3 for knot in knots]
        for knot, cube in zip(knots[:-2], cubes[:-2], strict=True):
            columns.append(
                cube - cubes[-2] * (end - knot) / (end - last) + cubes[-1] * (last - knot) / (end - last)
            )
    scaled = [_standard(one, weight) for one in columns]
    return np.column_stack([np.ones(len(x)), *scaled])


def _centiles(x: FloatArray, weight: FloatArray, shares: tuple[float, ...]) -> FloatArray:
    """Return weighted centiles of ascending values."""
    reached = np.cumsum(weight) / weight.sum()
    return x[np.minimum(np.searchsorted(reached, np.array(shares)), len(x) - 1)]


def _standard(column: FloatArray, weight: FloatArray) -> FloatArray:
    centred: FloatArray = column - np.average(column, weights=weight)
    scaled: FloatArray = centred / np.sqrt(np.average(centred**2, weights=weight))
    return scaled


def _fit(design: FloatArray, cases: FloatArray, weight: FloatArray) -> FloatArray:
    """Fit by Newton's method from the overall rate; NaN without a finite answer."""
    undefined = np.full(max(design.shape[1], 1), np.nan)
    total, happened = weight.sum(), cases.sum()
    if len(weight) == 0:
        return np.zeros(1)  # certain estimates only: there is no curve to fit
    if not 0 < happened < total:
        return undefined
    at: FloatArray = np.zeros(design.shape[1])
    at[0] = np.log(happened / (total - happened))
    for _ in range(_NEWTON_STEPS):
        chance = _logistic(design @ at)
        score = design.T @ (cases - weight * chance)
        information = (design.T * (weight * chance * (1 - chance))) @ design
        step = _solve(information[None], score[None])[0]
        at = at + step / max(1.0, float(np.abs(step).max()))  # never further than 1 at once
        if not np.isfinite(at).all() or np.abs(at).max() > 50.0:
            return undefined
        if np.abs(step).max() < 1e-10:
            return at
    return undefined


def _solve(information: FloatArray, score: FloatArray) -> FloatArray:
    """Solve each system; NaN where there is too little information."""
    scale = np.sqrt(np.einsum("rkk->rk", information))
    usable = (scale > 1e-12).all(axis=1) & np.isfinite(scale).all(axis=1)
    found = np.full(score.shape, np.nan)
    if usable.any():
        s = scale[usable]
        unit = information[usable] / (s[:, :, None] * s[:, None, :])
        # So small a ridge changes no digit that is shown, and a resample without enough different people does not stop the rest.
        unit += 1e-9 * np.eye(score.shape[1])
        found[usable] = np.linalg.solve(unit, (score[usable] / s)[:, :, None])[:, :, 0] / s
    return found


def _logit(risk: FloatArray) -> FloatArray:
    return np.log(risk) - np.log1p(-risk)


def _logistic(x: FloatArray) -> FloatArray:
    half: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * x))
    return half
