"""Inputs with what a group explains taken from them, for comparison with leaving them out.

Each value is replaced by the value at the same place among everybody: a young person in the middle of their own group gets
everybody's middle. Afterwards the input is spread alike in every group (on the rows it was learned from), so that it alone no longer
tells the group. Where groups differ in their mean only, this is the residual of a regression on the group, on everybody's scale.

Plain residuals would not do. Most inputs are 0 for most people, and 0 less a group's mean is a number that only that group has: families that
cut inputs into bins, as most of ours do, would read the group off it. The same holds for inputs that are yes or no. So people with the
same value share the places that their value takes up in their group, by lot, and every input keeps the values it had (Feldman
and others 2015, KDD, for one input at a time; Johndrow and Lum 2019, Annals of Applied Statistics 13:189, for lots). Several inputs
together can still tell a group, and so can whether something was recorded: what is missing stays missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Residual:
    """Features, and the attribute whose groups' part is taken from them."""

    attribute: str
    features: tuple[str, ...]


def residualise(
    features: FeatureMatrix,
    names: tuple[str, ...],
    group: IntArray,
    learn: BoolArray,
    *,
    least: int,
    seed: int,
) -> FeatureMatrix:
    """Return the features, some of them without what the group explains.

    Parameters
    ----------
    features : FeatureMatrix
        n rows.
    names : tuple of str
        Features to change.
    group : ndarray of int64, shape (n,)
        From 0.
    learn : ndarray of bool, shape (n,)
        Rows from which it is learned what is usual in each group and among everybody; no outcome is used.
    least : int
        A group with fewer known values to learn from keeps its values as they are.
    seed : int
        Of the lots.

    Returns
    -------
    FeatureMatrix
    """
    values = features.values.copy()
    lots = np.random.default_rng(seed).random((len(features), len(names)))
    for name, lot in zip(names, lots.T, strict=True):
        place = features.names.index(name)
        values[:, place] = _alike(features.values[:, place], group, learn, lot, least=least)
    return FeatureMatrix(values, features.infos)


def _alike(
    values: Float32Array, group: IntArray, learn: BoolArray, lot: FloatArray, *, least: int
) -> Float32Array:
    """Return each known value moved to the same place among everybody."""
    known = ~np.isnan(values)
    everybody = np.sort(values[known & learn])
    moved = values.copy()
    for one in np.unique(group):
        rows = known & (group == one)
        own = np.sort(values[rows & learn])
        if len(own) >= least:
            moved[rows] = _at(everybody, _places(own, values[rows], lot[rows]))
    return moved


def _places(own: Float32Array, values: Float32Array, lot: FloatArray) -> FloatArray:
    """Return where values lie in a group, from 0 to 1: by lot among those with the same value."""
    below, upto = (np.searchsorted(own, values, side=side) for side in ("left", "right"))
    return np.asarray((below + lot * (upto - below)) / len(own))


def _at(everybody: Float32Array, places: FloatArray) -> Float32Array:
    """Return everybody's value at each place."""
    index = np.minimum((places * len(everybody)).astype(np.int64), len(everybody) - 1)
    return everybody[index]
