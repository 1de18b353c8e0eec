"""Weights under which a group and the outcome are independent in training; the group reaches the weights only.

F. Kamiran and T. Calders 2012, Data preprocessing techniques for classification without discrimination, Knowledge and
Information Systems 33:1, section 4.3: a row of group g with outcome y counts P(g) P(y) / P(g, y) times.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.validate.estimate import ratio


def reweighing(group: IntArray, outcome: npt.NDArray[np.int8], weight: FloatArray) -> FloatArray:
    """Return weights under which every group has the outcome equally often.

    Parameters
    ----------
    group : ndarray of int64, shape (n,)
        From 0.
    outcome : ndarray of int8, shape (n,)
        0 or 1.
    weight : ndarray of float64, shape (n,)
        Weights before; shares are of them.

    Returns
    -------
    ndarray of float64, shape (n,)
        The share of each group is kept, and so is how common the outcome is, wherever a group has both outcomes. A group
        with one outcome only cannot be made independent of it: its rows keep their weight.
    """
    n_groups = int(group.max()) + 1
    mass = np.bincount(2 * group + outcome, weights=weight, minlength=2 * n_groups).reshape(-1, 2)
    both = (mass > 0).all(axis=1, keepdims=True)
    usable: FloatArray = np.where(both, mass, 0.0)
    expected = np.outer(usable.sum(axis=1), usable.sum(axis=0)) / max(float(usable.sum()), 1e-12)
    factor = np.where(both, ratio(expected, usable), 1.0)
    return np.asarray(weight * factor[group, outcome], dtype=np.float64)
