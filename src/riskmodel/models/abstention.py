"""When a record is too thin to say anything: decided by what could not be read, never by what happened or to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from riskmodel.models.protocol import RiskModel
from riskmodel.tables.cohort import BoolArray, FloatArray
from riskmodel.tables.features import FeatureInfo, FeatureMatrix

EMPTY_WITHOUT_EVENT = ("days_since_last", "days_since_first", "mean", "max", "min", "last", "trend")
"""Aggregations that have no value where nothing happened: an empty one does not say that nobody looked."""

_SAMPLE = 5000


@dataclass(frozen=True)
class Reliance:
    """What a model relies on, and how much of it may be missing before the model gives no estimate.

    Parameters
    ----------
    names : tuple of str
        Features the model uses whose emptiness means that the record could not be read.
    share : tuple of float
        How much of all movement of the raw score each of them makes; adds up to 1, or all 0.
    most_missing : float or None
        A record is too thin if more than this share is missing; None never abstains.
    """

    names: tuple[str, ...]
    share: tuple[float, ...]
    most_missing: float | None

    def missing(self, features: FeatureMatrix) -> FloatArray:
        """Return how much of what the model relies on could not be read, in [0, 1], shape (n,)."""
        where = {name: j for j, name in enumerate(features.names)}
        empty = np.isnan(features.values[:, [where[name] for name in self.names]])
        share = empty @ np.array(self.share, dtype=np.float64)
        return np.asarray(np.clip(share, 0.0, 1.0))

    def too_thin(self, features: FeatureMatrix) -> BoolArray:
        """Return for which rows the model gives no estimate, shape (n,)."""
        if self.most_missing is None:
            return np.zeros(len(features), dtype=np.bool_)
        thin: BoolArray = self.missing(features) > self.most_missing
        return thin

    def to_state(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {"names": list(self.names), "share": list(self.share), "most_missing": self.most_missing}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        return cls(tuple(state["names"]), tuple(state["share"]), state["most_missing"])


def measure_reliance(model: RiskModel, features: FeatureMatrix, *, most_missing: float | None) -> Reliance:
    """Return how much each feature moves a model's raw score, on average over young people.

    Parameters
    ----------
    model : RiskModel
    features : FeatureMatrix
        Training rows; of very many, an even sample of about 5,000 is read.
    most_missing : float or None

    Returns
    -------
    Reliance
        A feature weighs by the mean absolute contribution of its known values, over everyone; what is never moved by
        anything readable weighs nothing.
    """
    sample = features.take(np.arange(0, len(features), max(1, len(features) // _SAMPLE)))
    contributions = model.contributions(sample)
    telling = _telling(sample.infos, contributions.names)
    known = ~np.isnan(sample.select(contributions.names).values)
    moved = np.where(known, np.abs(contributions.values), 0.0).mean(axis=0)[telling]
    total = float(moved.sum())
    share = moved / total if total > 0 else np.zeros(len(moved))
    return Reliance(tuple(contributions.names[j] for j in telling), tuple(share.tolist()), most_missing)


def _telling(infos: Sequence[FeatureInfo], names: Sequence[str]) -> list[int]:
    kind = {info.name: info.aggregation for info in infos}
    return [j for j, name in enumerate(names) if kind[name] not in EMPTY_WITHOUT_EVENT]
