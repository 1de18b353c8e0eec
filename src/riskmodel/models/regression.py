"""Logistic regression by Newton's method: exact, small, and the same bits every time."""

from __future__ import annotations

import numpy as np

from riskmodel.tables.cohort import FloatArray

_MAX_STEPS = 100
_TOLERANCE = 1e-12


def expit(log_odds: FloatArray) -> FloatArray:
    """Return the probability for log-odds, without overflow."""
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, small) / (1.0 + small)


def deviance(log_odds: FloatArray, cases: FloatArray, weight: FloatArray) -> float:
    """Return minus twice the log-likelihood; ``cases`` is the weight that had the outcome, out of ``weight``."""
    # log(1 + e^z) without overflow
    partition = np.maximum(log_odds, 0.0) + np.log1p(np.exp(-np.abs(log_odds)))
    return 2.0 * float(np.sum(weight * partition - cases * log_odds))


def fit_binomial(columns: FloatArray, cases: FloatArray, weight: FloatArray, *, ridge: float) -> FloatArray:
    """Fit log-odds = intercept + columns @ slopes, with a squared penalty on the slopes.

    Parameters
    ----------
    columns : ndarray of float64, shape (m, k)
        One row per person or, the same but faster, per distinct pattern.
    cases : ndarray of float64, shape (m,)
        Weight with the outcome.
    weight : ndarray of float64, shape (m,)
        Weight in all.
    ridge : float
        Penalty ``ridge / 2 * sum(slope**2)`` on minus the log-likelihood; above 0, so that a finite best fit exists.

    Returns
    -------
    ndarray of float64, shape (k + 1,)
        Intercept first.
    """
    design = np.column_stack([np.ones(len(columns)), columns])
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0.0
    share = cases.sum() / weight.sum()
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.log(share) - np.log1p(-share)

    def cost(at: FloatArray) -> float:
        return deviance(design @ at, cases, weight) / 2.0 + float(penalty @ at**2) / 2.0

    here = cost(coefficients)
    for _ in range(_MAX_STEPS):
        risk = expit(design @ coefficients)
        slope = design.T @ (cases - weight * risk) - penalty * coefficients
        curvature = (design * (weight * risk * (1.0 - risk))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        length = 1.0
        while cost(coefficients + length * step) > here and length > _TOLERANCE:
            length /= 2.0
        coefficients = coefficients + length * step
        before, here = here, cost(coefficients)
        if before - here <= _TOLERANCE * abs(here):
            return coefficients
    raise AssertionError("Newton's method with halved steps settles on a convex problem")
