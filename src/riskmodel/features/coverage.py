"""How much of a cohort each feature covers, and how common it is: what a person looks at before trusting a column."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import BoolArray, Cohort
from riskmodel.tables.features import FeatureMatrix, Float32Array


@dataclass(frozen=True)
class FeatureUse:
    """How a feature is filled on a cohort; what few people stand behind is None.

    Parameters
    ----------
    name : str
    coverage : float or None
        Share of the rows in which it is not missing.
    prevalence : float or None
        Of these, the share in which it is not zero.
    median : float or None
        Of the values that are not zero, to two digits.
    constant : bool or None
        Whether it has one value, or none, for everybody; None where too few people stand behind the answer.
    """

    name: str
    coverage: float | None
    prevalence: float | None
    median: float | None
    constant: bool | None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)


def measure_use(features: FeatureMatrix, cohort: Cohort, door: Disclosure) -> tuple[FeatureUse, ...]:
    """Return coverage and prevalence of every column, after disclosure control.

    Parameters
    ----------
    features : FeatureMatrix
        Aligned with the cohort.
    cohort : Cohort
        A person with several index dates counts once when it is judged whether too few stand behind a share.
    door : Disclosure

    Returns
    -------
    tuple of FeatureUse
        In the order of the columns.
    """
    person = np.unique(cohort.subject_id, return_inverse=True)[1]
    return tuple(
        _use(info.name, features.values[:, j], person, door) for j, info in enumerate(features.infos)
    )


def _use(name: str, values: Float32Array, person: np.ndarray[Any, Any], door: Disclosure) -> FeatureUse:
    present = np.isfinite(values)
    other = present & (values != 0)
    coverage = _share(present, np.ones(len(values), dtype=np.bool_), person, door)
    prevalence = _share(other, present, person, door)
    enough = door.count(_people(other, person)) not in (None, 0)
    median = float(f"{np.median(values[other]):.2g}") if enough else None
    return FeatureUse(name, coverage, prevalence, median, _constant(values[present], prevalence))


def _share(part: BoolArray, whole: BoolArray, person: np.ndarray[Any, Any], door: Disclosure) -> float | None:
    """Return a share of rows from rounded counts, hidden if few people are on either side of it."""
    sides = (_people(part, person), _people(whole & ~part, person))
    if not whole.any() or None in (door.count(n) for n in sides):
        return None
    rows, all_rows = door.count(int(part.sum())), door.count(int(whole.sum()))
    return None if rows is None or not all_rows else round(min(1.0, rows / all_rows), 4)


def _people(rows: BoolArray, person: np.ndarray[Any, Any]) -> int:
    return len(np.unique(person[rows]))


def _constant(present: Float32Array, prevalence: float | None) -> bool | None:
    if len(present) == 0 or present.min() == present.max():
        return True
    return None if prevalence is None else False
