"""Exact limits of rates that few people stand behind, and of differences between two of them."""

from __future__ import annotations

import numpy as np

from riskmodel.tables.cohort import FloatArray, IntArray


def rate_limits(rate: FloatArray, people: IntArray, *, reach: float) -> tuple[FloatArray, FloatArray]:
    """Return the limits of Clopper and Pearson (1934).

    Parameters
    ----------
    rate : ndarray of float64, shape (n,)
        NaN where there is none. Rate times people need not be whole: rates are weighted, and offers may be shared.
    people : ndarray of int64, shape (n,)
        Different people behind it: one person's rows are no two witnesses (Korn and Graubard 1998).
    reach : float
        In standard deviations of a normal curve; each limit is passed with the chance that lies beyond it there.

    Returns
    -------
    tuple of ndarray of float64, shape (n,)
        NaN where the rate is, or where nobody is behind it.
    """
    from scipy.special import betaincinv, ndtr

    events, tail = np.asarray(rate * people, dtype=np.float64), float(ndtr(-reach))
    known = np.isfinite(events) & (people > 0)
    happened, others = np.where(known, events, 0.5), np.where(known, people - events, 0.5)
    # Where nothing, or everything, happened the limit is the end of the scale.
    low = np.where(happened > 0, betaincinv(np.maximum(happened, 1e-12), others + 1, tail), 0.0)
    high = np.where(others > 0, betaincinv(happened + 1, np.maximum(others, 1e-12), 1 - tail), 1.0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def jeffreys_limits(rate: FloatArray, people: IntArray, *, reach: float) -> tuple[FloatArray, FloatArray]:
    """Return the limits of Jeffreys, which hold the truth about as often as they say where events are few (Brown, Cai and DasGupta 2001).

    Parameters
    ----------
    rate : ndarray of float64, shape (n,)
        NaN where there is none.
    people : ndarray of int64, shape (n,)
        Different people behind it.
    reach : float
        In standard deviations of a normal curve.

    Returns
    -------
    tuple of ndarray of float64, shape (n,)
        NaN where the rate is.
    """
    from scipy.special import betaincinv, ndtr

    happened, others = rate * people + 0.5, (1 - rate) * people + 0.5
    tails = (float(ndtr(end)) for end in (-reach, reach))
    low, high = (np.asarray(betaincinv(happened, others, tail)) for tail in tails)
    return low, high


def difference_distances(
    rate: FloatArray, people: IntArray, other_rate: FloatArray, other_people: IntArray, *, reach: float
) -> FloatArray:
    """Return how far below and above a difference of two rates its limits lie.

    Each side's distance to its own limit, squared and added (Newcombe 1998, method 10; Zou and Donner 2008), with exact limits.

    Parameters
    ----------
    rate, other_rate : ndarray of float64, shape (n,)
        The difference is the first less the second.
    people, other_people : ndarray of int64, shape (n,)
    reach : float
        In standard deviations of a normal curve.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        NaN where a rate is.
    """
    low, high = rate_limits(rate, people, reach=reach)
    other_low, other_high = rate_limits(other_rate, other_people, reach=reach)
    down = np.hypot(rate - low, other_high - other_rate)
    up = np.hypot(high - rate, other_rate - other_low)
    return np.column_stack([down, up])
