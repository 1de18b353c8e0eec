"""The compiled loops of this room. Each is plain Python first, which tests call directly, and releases the lock."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]


def rank_walk_reference(  # noqa: PLR0917 - compiled loops take plain arguments
    times: npt.NDArray[np.uint8],
    cluster: npt.NDArray[np.int32],
    positive: Floats,
    negative: Floats,
    tie: npt.NDArray[np.int8],
    out: Floats,
) -> None:
    """Write AUROC and average precision of each resample into ``out``, shape (2, replicates).

    Rows come sorted from the highest score to the lowest. ``positive`` and ``negative`` hold a row's weight on the
    side of its outcome. ``tie`` marks the first (bit 1) and last row (bit 2) of equal scores among which somebody had the
    outcome. ``times`` says how often each person was drawn, shape (clusters, replicates): one walk over the rows
    serves all resamples, several with each instruction of the machine. NaN where a side is empty.
    """
    n = times.shape[1]
    above, others = np.zeros(n), np.zeros(n)  # weight with and without the outcome so far
    before, gained = np.zeros(n), np.zeros(n)  # without it before this tie, with it in this tie
    misplaced, area = np.zeros(n), np.zeros(n)
    for i in range(cluster.shape[0]):
        drawn = times[cluster[i]]
        if tie[i] & 1:
            before[:] = others
        if positive[i] > 0.0:
            for r in range(n):
                gained[r] += drawn[r] * positive[i]
        else:
            for r in range(n):
                others[r] += drawn[r] * negative[i]
        if tie[i] & 2:
            for r in range(n):
                if gained[r] > 0.0:
                    above[r] += gained[r]
                    misplaced[r] += gained[r] * 0.5 * (before[r] + others[r])
                    area[r] += gained[r] * above[r] / (above[r] + others[r])
                    gained[r] = 0.0
    for r in range(n):
        pairs = above[r] * others[r]
        out[0, r] = 1.0 - misplaced[r] / pairs if pairs > 0.0 else np.nan
        out[1, r] = area[r] / above[r] if above[r] > 0.0 else np.nan


def newton_reference(  # noqa: PLR0917
    logit: Floats,
    outcome: Floats,
    weight: Floats,
    constant: float,
    slope: float,
    free_slope: bool,  # noqa: FBT001
) -> tuple[float, float]:
    """Fit ``outcome`` to ``constant + slope * logit`` by Newton's method from a start; NaN without a finite answer."""
    for _ in range(100):
        s0 = s1 = h00 = h01 = h11 = 0.0
        for i in range(logit.shape[0]):
            chance = 1.0 / (1.0 + math.exp(-(constant + slope * logit[i])))
            residual = weight[i] * (outcome[i] - chance)
            spread = weight[i] * chance * (1.0 - chance)
            s0 += residual
            s1 += residual * logit[i]
            h00 += spread
            h01 += spread * logit[i]
            h11 += spread * logit[i] * logit[i]
        determinant = h00 * h11 - h01 * h01
        if not h00 > 0.0 or (free_slope and not determinant > 1e-12 * h00 * h11):
            return np.nan, np.nan
        step0 = (h11 * s0 - h01 * s1) / determinant if free_slope else s0 / h00
        step1 = (h00 * s1 - h01 * s0) / determinant if free_slope else 0.0
        furthest = max(1.0, abs(step0), abs(step1))  # never further than 1 at once
        constant += step0 / furthest
        slope += step1 / furthest
        # A coefficient beyond 50 means that the outcome is separated: no finite estimate exists.
        if abs(constant) > 50.0 or abs(slope) > 50.0:
            return np.nan, np.nan
        if abs(step0) < 1e-10 and abs(step1) < 1e-10:
            return constant, slope
    return np.nan, np.nan


rank_walk: Callable[..., None] = njit(nogil=True, cache=True)(rank_walk_reference)
newton: Callable[..., Any] = njit(nogil=True, cache=True)(newton_reference)
