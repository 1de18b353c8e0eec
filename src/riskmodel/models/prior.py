"""``prior``: one number from the past, such as how often the same harm was recorded in the last year.

A model that cannot beat this one is not worth its complexity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from riskmodel.errors import StudyError, did_you_mean
from riskmodel.models.protocol import check_matrix
from riskmodel.models.spec import ModelsSpec
from riskmodel.models.training import TrainingRows
from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.predictions import Contributions


@dataclass(frozen=True)
class PriorModel:
    """The sum of the named features; a missing value adds nothing."""

    spec_hash: str
    names: tuple[str, ...]
    family: ClassVar[str] = "prior"
    unit: ClassVar[str] = "events"

    def raw_score(self, features: FeatureMatrix) -> FloatArray:
        """Return the sum, shape (n,)."""
        return self.contributions(features).raw_score

    def contributions(self, features: FeatureMatrix) -> Contributions:
        """Return the values themselves, shape (n, features)."""
        check_matrix(self, features)
        values = np.nan_to_num(features.select(self.names).values.astype(np.float64), nan=0.0)
        return Contributions(values, self.names, 0.0, self.unit)

    def parts(self, features: FeatureMatrix) -> IntArray:
        """Return no parts: nothing was learned from anybody."""
        return np.empty((len(features), 0), dtype=np.int64)

    def to_state(self) -> dict[str, Any]:
        """Return the names."""
        return {"family": self.family, "spec_hash": self.spec_hash, "names": list(self.names)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        return cls(state["spec_hash"], tuple(state["names"]))


def fit_prior(rows: TrainingRows, *, spec: ModelsSpec, seed: int, threads: int) -> PriorModel:  # noqa: ARG001
    """Look up the named features.

    Raises
    ------
    StudyError
        If the study names none, or one that the matrix does not have.
    """
    known = rows.features.names
    if not spec.prior.features:
        raise StudyError(
            [
                (
                    "'models.prior.features' is empty: name the columns that count the same harm in the past year, or leave "
                    "'prior' out of 'models.families'"
                )
            ]
        )
    faults = [
        f"'models.prior.features' names '{name}', which is not a feature; {did_you_mean(name, known)}"
        for name in spec.prior.features
        if name not in known
    ]
    if faults:
        raise StudyError(faults)
    names = tuple(name for name in known if name in spec.prior.features)
    return PriorModel(rows.features.spec_hash, names)
