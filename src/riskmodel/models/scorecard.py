"""The ``logistic`` family as a card of whole points, to be added up by hand.

Each step of a curve becomes a whole number of points of at most ten, of the same sign. The number of points for a unit of
log-odds is chosen among ten, by the likelihood of the total, and then each step is moved by one point as long as the
likelihood rises: rounding each step by itself ignores that errors add up (Ustun and Rudin 2019, J. Mach. Learn. Res.
20:150; the search over multipliers is that of Liu et al. 2022, NeurIPS). Intercept and log-odds per point are fitted for
each try, so the total is a good score in its own right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from riskmodel.models.additive import AdditiveModel, Curve
from riskmodel.models.bins import mass_by_part, parts_of
from riskmodel.models.logistic import Ladder, Patterns
from riskmodel.models.regression import deviance, fit_binomial
from riskmodel.models.training import TrainingRows
from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix

MOST_POINTS = 10
"""Of one step, as many as fingers."""

_RIDGE = 1e-6


@dataclass(frozen=True)
class Scorecard:
    """Points of each part of each feature, and what a total means.

    Parameters
    ----------
    points : AdditiveModel
        Heights are whole points, from 0 in the part of each feature that has the fewest; base 0.
    base : float
        Log-odds at a total of 0.
    per_point : float
        Log-odds of a point, above 0.
    """

    points: AdditiveModel
    base: float
    per_point: float

    def total(self, features: FeatureMatrix) -> IntArray:
        """Return everybody's points, shape (n,)."""
        return self.points.raw_score(features).round().astype(np.int64)

    def log_odds(self, features: FeatureMatrix) -> FloatArray:
        """Return the raw score, shape (n,)."""
        return self.of_total(self.total(features))

    def of_total(self, total: IntArray) -> FloatArray:
        """Return the raw score that goes with a total."""
        return self.base + self.per_point * total.astype(np.float64)

    def to_state(self) -> dict[str, Any]:
        """Return points and line as JSON-ready data."""
        return {"points": self.points.to_state(), "base": self.base, "per_point": self.per_point}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        return cls(AdditiveModel.from_state(state["points"]), state["base"], state["per_point"])


@dataclass(frozen=True)
class Line:
    """Log-odds as a straight line of the total, and how well it fits."""

    base: float
    per_point: float
    deviance: float


def make_scorecard(model: AdditiveModel, rows: TrainingRows) -> Scorecard | None:
    """Turn a fitted ``logistic`` into points.

    Parameters
    ----------
    model : AdditiveModel
    rows : TrainingRows
        What the model learned from.

    Returns
    -------
    Scorecard or None
        None if the model learned nothing, or nothing that whole points can hold.
    """
    steps, sizes = steps_of(model, rows.features)
    if not len(sizes):
        return None
    patterns = Patterns.of(steps, tuple(range(len(sizes))), rows)
    points = improve(best_rounding(sizes, patterns), np.sign(sizes), patterns)
    line = fit_line(points, patterns)
    if line.per_point <= 0 or not points.any():
        return None
    lowest, curves = zip(*_curves(model, steps, points), strict=True)
    base = line.base + line.per_point * sum(lowest)
    return Scorecard(AdditiveModel("scorecard", model.spec_hash, 0.0, curves), base, line.per_point)


def steps_of(model: AdditiveModel, features: FeatureMatrix) -> tuple[Ladder, FloatArray]:
    """Return the steps of all curves as yes-or-no columns, and their sizes in log-odds; none of size 0."""
    columns, meaning, sizes = [], [], []
    for j, curve in enumerate(model.curves):
        part, heights = parts_of(features.column(curve.name), curve.cuts), np.array(curve.scores)
        shown = [(np.nan, part == 0, heights[0] - heights[1])]
        shown += [(cut, part >= k, heights[k] - heights[k - 1]) for k, cut in enumerate(curve.cuts, start=2)]
        for cut, column, size in shown:
            if abs(size) > 1e-9:
                columns.append(column.astype(np.uint8))
                meaning.append((j, cut))
                sizes.append(size)
    return Ladder(
        np.column_stack(columns) if columns else np.empty((len(features), 0), dtype=np.uint8),
        np.array([j for j, _ in meaning], dtype=np.int64),
        np.array([cut for _, cut in meaning], dtype=np.float64),
        np.sign(sizes).astype(np.int64),
    ), np.array(sizes)


def best_rounding(sizes: FloatArray, patterns: Patterns) -> IntArray:
    """Return the rounded steps of the multiplier whose total fits best, of those that give 1 to 10 points at most."""
    tries = [
        np.rint(sizes / np.abs(sizes).max() * most).astype(np.int64) for most in range(1, MOST_POINTS + 1)
    ]
    return min(tries, key=lambda points: fit_line(points, patterns).deviance)


def improve(points: IntArray, sign: FloatArray, patterns: Patterns) -> IntArray:
    """Move one step by one point, the best move first, until none fits better."""
    best = fit_line(points, patterns).deviance
    while True:
        tries = [(fit_line(moved, patterns).deviance, moved) for moved in _moves(points, sign)]
        found, moved = min(tries, key=lambda one: one[0])
        if found >= best - 1e-9:
            return points
        best, points = found, moved


def _moves(points: IntArray, sign: FloatArray) -> Iterator[IntArray]:
    for j in range(len(points)):
        for by in (-1, 1):
            moved = points.copy()
            moved[j] += by
            if abs(moved[j]) <= MOST_POINTS and moved[j] * sign[j] >= 0:
                yield moved


def fit_line(points: IntArray, patterns: Patterns) -> Line:
    """Fit log-odds as a line of the total."""
    level, place = np.unique((patterns.indicators @ points).astype(np.int64), return_inverse=True)
    cases, weight = (mass_by_part(place, mass, len(level)) for mass in (patterns.cases, patterns.weight))
    base, slope = fit_binomial(level[:, None].astype(np.float64), cases, weight, ridge=_RIDGE)
    return Line(float(base), float(slope), deviance(base + slope * level, cases, weight))


def _curves(model: AdditiveModel, steps: Ladder, points: IntArray) -> Iterator[tuple[int, Curve]]:
    """Add up the points of each curve; give the fewest, and the curve moved up or down so that the fewest are 0.

    Cuts without a point are left out, and so are curves without any.
    """
    for j, curve in enumerate(model.curves):
        mine = (steps.feature == j) & (points != 0)
        if not mine.any():
            continue
        cut, step = steps.cut[mine], points[mine]
        missing = np.isnan(cut)
        heights = np.concatenate([[step[missing].sum(), 0], np.cumsum(step[~missing])])
        lowest = int(heights.min())
        moved = (heights - lowest).astype(np.float64)
        yield lowest, Curve(curve.name, tuple(cut[~missing].tolist()), tuple(moved.tolist()))
