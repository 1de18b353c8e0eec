"""A measuring instrument: ridge least squares on ranks, fitted out of fold.

It is no risk model and is never shown to anyone. The leak hunt asks it how well the other features explain a feature
or the outcome; the audit asks it how well the features give away a group. Ranks make it robust to scale and outliers;
a missing value gets the middle rank and a column of its own that says so. What it finds is a lower bound: a cleverer
model could find more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix

RIDGE = 1e-3
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class RankDesign:
    """Ranks in [-.5, .5] and missing indicators, centred.

    Parameters
    ----------
    values : ndarray of float64, shape (n, q)
    feature : ndarray of int64, shape (q,)
        The feature that a column belongs to.
    """

    values: FloatArray
    feature: IntArray

    @classmethod
    def of(cls, features: FeatureMatrix) -> RankDesign:
        """Rank every feature; a constant one keeps a column of zeros."""
        columns: list[FloatArray] = []
        owner: list[int] = []
        for j in range(features.values.shape[1]):
            missing = np.isnan(features.values[:, j])
            columns.append(midranks(features.values[:, j]))
            owner.append(j)
            if missing.any() and not missing.all():
                columns.append(missing - float(missing.mean()))
                owner.append(j)
        return cls(np.column_stack(columns), np.array(owner, dtype=np.int64))


def midranks(values: npt.NDArray[np.floating]) -> FloatArray:
    """Return centred ranks, ties sharing the middle one, scaled by the number of values; 0 where missing."""
    out = np.zeros(len(values))
    present = ~np.isnan(values)
    if present.any():
        _, place, times = np.unique(values[present], return_inverse=True, return_counts=True)
        middle = np.cumsum(times) - 0.5 * (times - 1)
        out[present] = (middle[place] - 0.5 * (1 + place.size)) / place.size
    return out


def solve(gram: FloatArray, cross: FloatArray) -> FloatArray:
    """Return the ridge solution from cross-products; the penalty is a thousandth of the mean column variance."""
    penalty = RIDGE * max(float(np.trace(gram)) / len(gram), 1e-12)
    return np.asarray(np.linalg.solve(gram + penalty * np.eye(len(gram)), cross), dtype=np.float64)


def crossfit(design: FloatArray, targets: FloatArray, fold: IntArray) -> FloatArray:
    """Return out-of-fold fitted values, shape (n, t).

    Parameters
    ----------
    design : ndarray, shape (n, q)
    targets : ndarray, shape (n, t)
    fold : ndarray of int64, shape (n,)
        From 0; every row is scored by a fit to the other folds.
    """
    out = np.empty(targets.shape)
    gram, cross = design.T @ design, design.T @ (targets - targets.mean(axis=0))
    for one in range(int(fold.max()) + 1):
        held = fold == one
        kept_out = design[held]
        beta = solve(
            gram - kept_out.T @ kept_out, cross - kept_out.T @ (targets[held] - targets.mean(axis=0))
        )
        out[held] = kept_out @ beta
    return out


def auroc_interval(auroc: float, inside: int, outside: int) -> tuple[float, float]:
    """Return the 95% interval of an AUROC from the numbers of people on both sides (Hanley and McNeil 1982)."""
    above, below = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    spread = auroc * (1 - auroc) + (inside - 1) * (above - auroc**2) + (outside - 1) * (below - auroc**2)
    reach = _Z95 * math.sqrt(max(spread, 0.0) / (inside * outside))
    return max(0.0, auroc - reach), min(1.0, auroc + reach)


def influence(
    score: FloatArray, inside: npt.NDArray[np.bool_], outside: npt.NDArray[np.bool_]
) -> tuple[float, FloatArray]:
    """Return an AUROC and what each row moves it by, so that differences of AUROCs get a standard error.

    The square root of the sum of squares, added up by person first, is the standard error (DeLong, DeLong and
    Clarke-Pearson 1988, Biometrics 44:837; by person: Obuchowski 1997, Biometrics 53:567).

    Parameters
    ----------
    score : ndarray, shape (n,)
    inside, outside : ndarray of bool, shape (n,)
        The two sides, neither empty; other rows move nothing.

    Returns
    -------
    auroc : float
        Ties as half.
    moved : ndarray of float64, shape (n,)
    """
    below = _share_below(score[inside], score[outside])
    auroc = float(below.mean())
    moved = np.zeros(len(score))
    moved[inside] = (below - auroc) / len(below)
    above = 1 - _share_below(score[outside], score[inside])
    moved[outside] = (above - auroc) / len(above)
    return auroc, moved


def _share_below(values: FloatArray, others: FloatArray) -> FloatArray:
    """Return for each value the share of the others below it, ties as half."""
    ranked = np.sort(others)
    places = np.searchsorted(ranked, values, "left") + np.searchsorted(ranked, values, "right")
    return np.asarray(0.5 * places / len(others), dtype=np.float64)


def standard_error(moved: FloatArray, person: IntArray) -> float:
    """Return the standard error of what ``influence`` came from; rows of one person are added up first."""
    return float(np.sqrt((np.bincount(person, weights=moved) ** 2).sum()))


def separation(score: FloatArray, member: npt.NDArray[np.bool_]) -> float:
    """Return the AUROC of a score for membership, ties as half; NaN if one side is empty."""
    inside = int(member.sum())
    outside = len(member) - inside
    if inside == 0 or outside == 0:
        return float("nan")
    ranks = midranks(score) * len(score)
    return float(0.5 + (ranks[member].mean() - ranks[~member].mean()) / len(score))
