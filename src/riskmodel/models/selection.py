"""Which family to use: the simplest whose usefulness is within one standard error of the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.errors import DataError
from riskmodel.models.spec import SIMPLEST_FIRST
from riskmodel.tables.cohort import FloatArray, IntArray


@dataclass(frozen=True)
class FamilyUtility:
    """How useful one family is, and how far it is from the best.

    Parameters
    ----------
    family : str
    utility : float
        Of those who came to harm, the share who would have been offered support.
    lower, upper : float
        95% interval over resamples.
    behind : float
        Utility of the best family minus this one's.
    standard_error : float
        Of ``behind``, from the same resamples for both (paired); 0 for the best.
    good_enough : bool
        ``behind`` is at most one standard error.
    """

    family: str
    utility: float
    lower: float
    upper: float
    behind: float
    standard_error: float
    good_enough: bool


@dataclass(frozen=True)
class Selection:
    """The chosen family and every family's utility, the simplest first."""

    selected: str
    best: str
    families: tuple[FamilyUtility, ...]

    @property
    def reason(self) -> str:
        """One plain sentence that says why."""
        if self.selected == self.best:
            return (
                f"'{self.selected}' found most, and no simpler family came within one standard error of it."
            )
        return f"'{self.best}' found most, but '{self.selected}' is simpler and the difference is within one standard error."

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "selected": self.selected,
            "best": self.best,
            "reason": self.reason,
            "families": [asdict(family) for family in self.families],
        }


def select(
    offered: Mapping[str, FloatArray],
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    *,
    cluster: IntArray,
    counts: npt.NDArray[np.integer],
) -> Selection:
    """Choose by the one-standard-error rule (Breiman et al. 1984) on paired differences.

    Parameters
    ----------
    offered : mapping of str to ndarray of float64, shape (n,)
        For each family, each row's probability of an offer at capacity, from out-of-fold scores.
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
    cluster : ndarray of int64, shape (n,)
        Household of each row, from 0.
    counts : ndarray of int, shape (replicates, households)
        How often each household was drawn in each resample.

    Returns
    -------
    Selection

    Raises
    ------
    DataError
        If nobody in these rows came to harm.
    """
    families = [family for family in SIMPLEST_FIRST if family in offered]
    harmed = np.flatnonzero((outcome == 1) & (weight > 0))
    if len(harmed) == 0:
        raise DataError(
            expected="rows with the outcome among the out-of-fold predictions",
            found="none",
            where="selection of a family",
            next_step="Look at the outcome's codes and the index dates in the study.",
        )
    columns = np.column_stack([np.ones(len(harmed)), *(offered[f][harmed] for f in families)])
    columns *= weight[harmed, None]
    point = columns[:, 1:].sum(axis=0) / columns[:, 0].sum()
    draws = _resampled(columns, cluster[harmed], counts)
    best = int(point.argmax())  # the simplest of several best
    rows = tuple(_compare(family, j, best, point, draws) for j, family in enumerate(families))
    selected = next(row.family for row in rows if row.good_enough)
    return Selection(selected, families[best], rows)


def _resampled(columns: FloatArray, cluster: IntArray, counts: npt.NDArray[np.integer]) -> FloatArray:
    """Return each family's utility in each resample that drew somebody who came to harm."""
    households, place = np.unique(cluster, return_inverse=True)
    per_household = np.zeros((len(households), columns.shape[1]))
    np.add.at(per_household, place, columns)
    sums = counts[:, households].astype(np.float64) @ per_household
    sums = sums[sums[:, 0] > 0]
    return np.asarray(sums[:, 1:] / sums[:, :1])


def _compare(family: str, j: int, best: int, point: FloatArray, draws: FloatArray) -> FamilyUtility:
    lower, upper = np.quantile(draws[:, j], [0.025, 0.975])
    behind = float(point[best] - point[j])
    error = float(np.std(draws[:, best] - draws[:, j], ddof=1))
    return FamilyUtility(
        family, float(point[j]), float(lower), float(upper), behind, error, good_enough=behind <= error
    )
