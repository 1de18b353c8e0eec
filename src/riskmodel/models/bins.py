"""Cutting a feature into few bins, each with enough people in it.

Part 0 is "missing"; part i (from 1) holds the values from cut i-1 (included) to cut i (not included).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from riskmodel.tables.cohort import FloatArray, IntArray

AnyFloats = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def choose_cuts(
    values: AnyFloats, weight: FloatArray, person: IntArray, *, max_bins: int, min_people: int
) -> tuple[float, ...]:
    """Choose where to cut, so that bins hold about the same weight and each holds enough people.

    A value that is common by itself, such as "no suspensions", gets its own bin, and the other bins share the rest.
    A cut is the number with the fewest decimals that parts the same values, so that it reads well and is nobody's
    own value.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        NaN where missing.
    weight : ndarray of float64, shape (n,)
    person : ndarray of int64, shape (n,)
        From 0.
    max_bins : int
    min_people : int
        Bins with fewer different people are merged with the smaller neighbour.

    Returns
    -------
    tuple of float
        Ascending; empty when the values cannot be parted.
    """
    known = ~np.isnan(values)
    levels, level = np.unique(values[known], return_inverse=True)
    ends = _equal_weight(mass_by_part(level, weight[known], len(levels)), max_bins)
    cuts = [_short_decimal(float(levels[end - 1]), float(levels[end])) for end in ends]
    return _merge_small(cuts, values[known], person[known], min_people)


def parts_of(values: AnyFloats, cuts: Sequence[float]) -> IntArray:
    """Return the part that each value falls in: 0 for missing, else 1 to ``len(cuts) + 1``."""
    part = np.searchsorted(np.asarray(cuts, dtype=np.float64), values, side="right") + 1
    part[np.isnan(values)] = 0
    return part.astype(np.int64)


def mass_by_part(part: npt.NDArray[np.integer], weight: FloatArray, n_parts: int) -> FloatArray:
    """Return the weight in each part."""
    return np.asarray(np.bincount(part, weights=weight, minlength=n_parts), dtype=np.float64)


def people_by_part(part: IntArray, person: IntArray, n_parts: int) -> IntArray:
    """Return how many different people have a row in each part."""
    n_people = int(person.max()) + 1 if len(person) else 1
    seen = np.zeros(n_parts * n_people, dtype=bool)
    seen[part * n_people + person] = True
    return np.asarray(seen.reshape(n_parts, n_people).sum(axis=1), dtype=np.int64)


def _equal_weight(weight: FloatArray, max_bins: int) -> list[int]:
    """Return the first level of every bin but the lowest; every level is its own bin if there are few."""
    if len(weight) <= max_bins:
        return list(range(1, len(weight)))
    cumulative = np.cumsum(weight)
    ends: list[int] = []
    start, done = 0, 0.0
    for bins_left in range(max_bins, 1, -1):
        target = done + (cumulative[-1] - done) / bins_left
        end = max(start + 1, int(np.searchsorted(cumulative, target)) + 1)
        if end >= len(weight):
            break
        ends.append(end)
        start, done = end, float(cumulative[end - 1])
    return ends


def _short_decimal(below: float, above: float) -> float:
    """Return the number with the fewest decimals that is greater than ``below`` and at most ``above``."""
    for decimals in range(9):
        scale = 10.0**decimals
        short = math.floor(above * scale) / scale
        if below < short <= above:
            return short
    return above


def _merge_small(
    cuts: list[float], values: AnyFloats, person: IntArray, min_people: int
) -> tuple[float, ...]:
    part = parts_of(values, cuts) - 1
    rows = np.bincount(part, minlength=len(cuts) + 1)
    most_rows = int(np.bincount(person).max()) if len(person) else 1
    if cuts and rows.min() >= min_people * most_rows:
        return tuple(cuts)  # so many rows that even the fewest people are enough
    while cuts:
        people = people_by_part(part, person, len(cuts) + 1)
        small = int(people.argmin())
        if people[small] >= min_people:
            break
        left_is_smaller = small == len(cuts) or (small > 0 and people[small - 1] <= people[small + 1])
        gone = small - 1 if left_is_smaller else small
        del cuts[gone]
        part = part - (part > gone)
    return tuple(cuts)
