"""``count``: how many risk factors are present. The baseline that needs no learning, only counting.

One factor per concept of the catalogue. A factor is present if any of its features that raise risk shows it. What is
missing is counted as not present.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from riskmodel.errors import StudyError
from riskmodel.models.protocol import check_matrix
from riskmodel.models.spec import ModelsSpec
from riskmodel.models.training import TrainingRows
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.tables.predictions import Contributions

HIGH = 0.8
"""A declared number counts as a factor above the value that this share of the training weight does not exceed."""

_WINDOWED = ("any", "count", "spell_days")


@dataclass(frozen=True)
class Sign:
    """One feature that can show a factor: present when above the threshold."""

    name: str
    threshold: float


@dataclass(frozen=True)
class Factor:
    """A risk factor and the features that can show it, in the order of the matrix."""

    concept: str
    signs: tuple[Sign, ...]


@dataclass(frozen=True)
class CountModel:
    """The number of factors present."""

    spec_hash: str
    factors: tuple[Factor, ...]
    family: ClassVar[str] = "count"
    unit: ClassVar[str] = "factors"

    @property
    def names(self) -> tuple[str, ...]:
        """The features it uses."""
        return tuple(sign.name for factor in self.factors for sign in factor.signs)

    def raw_score(self, features: FeatureMatrix) -> FloatArray:
        """Return the number of factors present, shape (n,)."""
        return np.asarray(self.parts(features).sum(axis=1), dtype=np.float64)

    def contributions(self, features: FeatureMatrix) -> Contributions:
        """Return 1 for the first feature that shows each factor, 0 elsewhere."""
        check_matrix(self, features)
        columns = []
        for factor in self.factors:
            seen = np.zeros(len(features), dtype=bool)
            for sign in factor.signs:
                shown = _shows(sign, features)
                columns.append(shown & ~seen)
                seen |= shown
        return Contributions(np.column_stack(columns).astype(np.float64), self.names, 0.0, self.unit)

    def parts(self, features: FeatureMatrix) -> IntArray:
        """Return whether each factor is present, shape (n, factors)."""
        check_matrix(self, features)
        present = [np.any([_shows(s, features) for s in f.signs], axis=0) for f in self.factors]
        return np.column_stack(present).astype(np.int64)

    def to_state(self) -> dict[str, Any]:
        """Return the factors and their thresholds."""
        factors = [
            {"concept": f.concept, "signs": [{"name": s.name, "threshold": s.threshold} for s in f.signs]}
            for f in self.factors
        ]
        return {"family": self.family, "spec_hash": self.spec_hash, "factors": factors}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        factors = (
            Factor(f["concept"], tuple(Sign(s["name"], s["threshold"]) for s in f["signs"]))
            for f in state["factors"]
        )
        return cls(state["spec_hash"], tuple(factors))


def fit_count(rows: TrainingRows, *, spec: ModelsSpec, seed: int, threads: int) -> CountModel:  # noqa: ARG001
    """Find the factors that the matrix can show; only thresholds of declared numbers look at the data.

    Raises
    ------
    StudyError
        If no feature raises risk in the lookback that the study names.
    """
    by_concept: dict[str, list[Sign]] = {}
    for j, info in enumerate(rows.features.infos):
        if info.direction == 1 and _counts(info, spec.count.lookback):
            threshold = _threshold(info, rows.features.values[:, j].astype(np.float64), rows.weight)
            by_concept.setdefault(info.concept, []).append(Sign(info.name, threshold))
    if not by_concept:
        windows = sorted({info.window for info in rows.features.infos if info.direction == 1})
        raise StudyError(
            [
                (
                    f"'models.count.lookback' is '{spec.count.lookback}', but no feature that raises risk counts something "
                    f"in it; windows of features that raise risk: {', '.join(windows) or 'none'}. Choose one of them, "
                    "declare directions, or leave 'count' out of 'models.families'"
                )
            ]
        )
    return CountModel(
        rows.features.spec_hash, tuple(Factor(concept, tuple(signs)) for concept, signs in by_concept.items())
    )


def can_count(infos: Iterable[FeatureInfo], lookback: str) -> bool:
    """Return whether any feature raises risk and counts something in the lookback."""
    return any(info.direction == 1 and _counts(info, lookback) for info in infos)


def _counts(info: FeatureInfo, lookback: str) -> bool:
    # Being in a spell is about the index date itself, whatever the window.
    if info.aggregation in ("declared", "in_spell"):
        return True
    return info.aggregation in _WINDOWED and info.window == lookback


def _threshold(info: FeatureInfo, values: FloatArray, weight: FloatArray) -> float:
    if info.aggregation != "declared":
        return 0.0
    known = ~np.isnan(values)
    if not known.any() or np.isin(values[known], (0.0, 1.0)).all():
        return 0.0
    return _quantile(values[known], weight[known], HIGH)


def _quantile(values: FloatArray, weight: FloatArray, share: float) -> float:
    """Return the smallest value that at least this share of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1])])


def _shows(sign: Sign, features: FeatureMatrix) -> BoolArray:
    return features.column(sign.name) > sign.threshold
