"""What every family of models can do."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from riskmodel.errors import DataError
from riskmodel.models.bins import people_by_part
from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.predictions import Contributions


class RiskModel(Protocol):
    """A fitted model.

    Parameters
    ----------
    family : str
    names : tuple of str
        The features it uses, in the order of the matrix.
    spec_hash : str
        Of the matrix it was fitted on; a matrix whose columns mean something else is refused.
    unit : str
        Of the raw score: ``factors``, ``events`` or ``log-odds``.
    """

    @property
    def family(self) -> str:
        """Name of the family."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The features it uses."""
        ...

    @property
    def spec_hash(self) -> str:
        """Hash of what the columns mean."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the raw score."""
        ...

    def raw_score(self, features: FeatureMatrix) -> FloatArray:
        """Return one number per row; more means more risk."""
        ...

    def contributions(self, features: FeatureMatrix) -> Contributions:
        """Return what each feature in ``names`` adds; base plus row sum is the raw score."""
        ...

    def parts(self, features: FeatureMatrix) -> IntArray:
        """Return which part of the model (bin, leaf, factor) each row falls in, shape (n, number of partings)."""
        ...

    def to_state(self) -> dict[str, Any]:
        """Return everything as JSON-ready data; floats survive the round trip bit by bit."""
        ...


def check_matrix(model: RiskModel, features: FeatureMatrix) -> None:
    """Refuse a matrix whose columns do not mean what the model learned.

    Raises
    ------
    DataError
        If the hash of the columns' meaning differs from the model's.
    """
    if features.spec_hash != model.spec_hash:
        raise DataError(
            expected="the feature columns, with the meaning, that the model was fitted on",
            found=f"{len(features.names)} columns that differ in name, order or meaning",
            where=f"model '{model.family}'",
            next_step="Build the features with the study that the model came from, or train again.",
        )


def smallest_group(model: RiskModel, features: FeatureMatrix, person: IntArray) -> int | None:
    """Return how many people stand behind the smallest part of a model: a bin, a leaf, a factor.

    Parameters
    ----------
    model : RiskModel
    features : FeatureMatrix
        The rows it was fitted on.
    person : ndarray of int64, shape (n,)
        Subject (or household) of each row.

    Returns
    -------
    int or None
        None if the model learned nothing from anybody.
    """
    parts = model.parts(features)
    if parts.shape[1] == 0 or len(parts) == 0:
        return None
    number = np.unique(person, return_inverse=True)[1].astype(np.int64)
    return min(_fewest(parts[:, j], number) for j in range(parts.shape[1]))


def _fewest(part: IntArray, person: IntArray) -> int:
    people = people_by_part(part, person, int(part.max()) + 1)
    return int(people[people > 0].min())
