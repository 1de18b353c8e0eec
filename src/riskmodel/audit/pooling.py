"""Rates of small groups that borrow strength from the groups they are made of.

Where several attributes are looked at together, many groups hold few young people, and their own rates say little. A group's
pooled rate comes from a logistic model of all groups: an effect of each single attribute's value, and a departure of the group's
own, which is drawn towards nought the more strongly the fewer people it has and the less the large groups depart (partial
pooling; structured regression, Herlihy et al. 2024, arXiv 2401.14893; Gelman and Hill 2007, chapter 14). How far groups depart is
not known: the posterior is a mixture over it, each part approximated by a normal distribution at its mode (Laplace). A pooled
rate is a description. It gets no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from riskmodel.audit.spec import Metric
from riskmodel.models.regression import expit
from riskmodel.tables.cohort import FloatArray

_DEPARTURES = np.geomspace(0.02, 2.0, 17)
"""Standard deviations of groups' own departures, on the log-odds; before the data, a half-normal of 0.5 weighs them."""
_EFFECTS = 1.5  # standard deviation, before the data, of an attribute's effect on the log-odds
_STEPS = 100
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class PooledRate:
    """A group's rate, pooled.

    Parameters
    ----------
    model, attribute, group : str
    metric : str
    estimate, lower, upper : float
        Posterior median and 95% limits.
    """

    model: str
    attribute: str
    group: str
    metric: Metric
    estimate: float
    lower: float
    upper: float


def pool(
    top: FloatArray, rest: FloatArray, labels: Sequence[tuple[str, ...]]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return pooled rates of groups.

    Parameters
    ----------
    top, rest : ndarray of float64, shape (g,)
        What counts for and against the rate, in independent young people; a group may hold nobody.
    labels : sequence of tuple of str
        One value per attribute for each group.

    Returns
    -------
    estimate, lower, upper : ndarray of float64, shape (g,)
        NaN for all where nothing, or everything, counts for the rate.
    """
    from scipy.special import ndtr

    n = top + rest
    if top.sum() <= 0 or rest.sum() <= 0:
        nothing = np.full(len(top), np.nan)
        return nothing, nothing, nothing
    design = _design(labels)
    fits = [_mode(design, top, n, departure=one) for one in _DEPARTURES]
    evidence = np.array([fit[2] for fit in fits]) - 0.5 * (_DEPARTURES / 0.5) ** 2 + np.log(_DEPARTURES)
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    middle, spread = (np.stack([fit[i] for fit in fits]) for i in range(2))

    def quantile(p: float) -> FloatArray:
        low, high = (middle - 12 * spread).min(axis=0), (middle + 12 * spread).max(axis=0)
        for _ in range(60):
            at = (low + high) / 2
            below = share @ ndtr((at - middle) / spread) < p
            low, high = np.where(below, at, low), np.where(below, high, at)
        return expit((low + high) / 2)

    return quantile(0.5), quantile(0.025), quantile(0.975)


def _design(labels: Sequence[tuple[str, ...]]) -> FloatArray:
    """Return columns of ones and noughts: everyone, each value of each attribute, and each group itself."""
    values = [
        np.array([label[part] == value for label in labels], dtype=np.float64)
        for part in range(len(labels[0]))
        for value in sorted({label[part] for label in labels})
    ]
    return np.column_stack([np.ones(len(labels)), *values, np.eye(len(labels))])


def _mode(
    design: FloatArray, top: FloatArray, n: FloatArray, *, departure: float
) -> tuple[FloatArray, FloatArray, float]:
    """Return each group's log-odds at the posterior's mode, their standard deviations, and the log evidence (Laplace)."""
    groups = len(top)
    effects = design.shape[1] - groups - 1
    prior = np.array([0.01, *([1 / _EFFECTS**2] * effects), *([1 / departure**2] * groups)])
    weights = np.zeros(design.shape[1])
    overall = top.sum() / n.sum()
    weights[0] = np.log(overall / (1 - overall))
    start = weights[0]

    def moments(at: FloatArray) -> tuple[FloatArray, FloatArray]:
        rate = expit(design @ at)
        away = at - np.eye(len(at))[0] * start
        gradient = design.T @ (top - n * rate) - prior * away
        return gradient, (design * (n * rate * (1 - rate))[:, None]).T @ design + np.diag(prior)

    for _ in range(_STEPS):
        gradient, information = moments(weights)
        move = np.linalg.solve(information, gradient)
        weights = weights + move * min(1.0, 3.0 / max(float(np.abs(move).max()), 1e-12))
        if np.abs(move).max() < _TOLERANCE:
            break
    information = moments(weights)[1]
    log_odds = design @ weights
    variance = np.einsum("gi,ij,gj->g", design, np.linalg.inv(information), design)
    away = weights - np.eye(len(weights))[0] * start
    fit = top @ log_odds - n @ np.logaddexp(0.0, log_odds) - 0.5 * (prior * away**2).sum()
    evidence = fit + 0.5 * (np.log(prior).sum() - np.linalg.slogdet(information)[1])
    return log_odds, np.sqrt(variance), float(evidence)
