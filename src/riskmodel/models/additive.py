"""A model that is a sum of one step curve per feature, and of tables of two: the form of both ``logistic`` and ``ebm``.

Every curve and table has mean 0 over the training rows, so the base is the average young person's score and a contribution
says how far this feature moves the score from it. Half of what a table adds goes to each of its two features. These are the
exact Shapley values against the training rows (Lundberg and Lee 2017, interventional form); for tables because they are
purified, see ``pairs.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from riskmodel.models.bins import parts_of
from riskmodel.models.pairs import Pair
from riskmodel.models.protocol import check_matrix
from riskmodel.models.spec import LOG_ODDS
from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.predictions import Contributions


@dataclass(frozen=True)
class Curve:
    """What one feature adds to the score.

    Parameters
    ----------
    name : str
        The feature.
    cuts : tuple of float
        Where the steps are; a value equal to a cut is above it.
    scores : tuple of float, length ``len(cuts) + 2``
        First for missing, then for each bin from the lowest.
    """

    name: str
    cuts: tuple[float, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.cuts) + 2:
            raise ValueError("a curve has a score for missing and one for each bin")

    @classmethod
    def centred(
        cls, name: str, cuts: tuple[float, ...], scores: FloatArray, mass: FloatArray
    ) -> tuple[Self, float]:
        """Return the curve moved to mean 0 over the training weight in its parts, and the mean taken away."""
        mean = float(mass @ scores / mass.sum())
        return cls(name, cuts, tuple((scores - mean).tolist())), mean


@dataclass(frozen=True)
class AdditiveModel:
    """A base plus one curve per feature, in log-odds; ``pairs`` are of features that have a curve, the strongest first."""

    family: str
    spec_hash: str
    base: float
    curves: tuple[Curve, ...]
    pairs: tuple[Pair, ...] = ()
    unit: ClassVar[str] = LOG_ODDS

    @property
    def names(self) -> tuple[str, ...]:
        """The features it uses."""
        return tuple(curve.name for curve in self.curves)

    def raw_score(self, features: FeatureMatrix) -> FloatArray:
        """Return the log-odds, shape (n,)."""
        check_matrix(self, features)
        score = np.full(len(features), self.base)
        for curve in self.curves:
            score += _heights(curve, features)
        for pair in self.pairs:
            score += pair.heights(features)
        return score

    def contributions(self, features: FeatureMatrix) -> Contributions:
        """Return each curve's height and half of each table's that the feature is in, shape (n, curves)."""
        check_matrix(self, features)
        values = np.empty((len(features), len(self.curves)))
        for j, curve in enumerate(self.curves):
            values[:, j] = _heights(curve, features)
        for pair in self.pairs:
            half = pair.heights(features) / 2
            for name in pair.names:
                values[:, self.names.index(name)] += half
        return Contributions(values, self.names, self.base, self.unit, tuple(p.names for p in self.pairs))

    def parts(self, features: FeatureMatrix) -> IntArray:
        """Return the bin of each feature and the cell of each pair, shape (n, curves + pairs)."""
        check_matrix(self, features)
        columns = [parts_of(features.column(curve.name), curve.cuts) for curve in self.curves]
        columns += [pair.cells(features) for pair in self.pairs]
        return np.column_stack(columns) if columns else np.empty((len(features), 0), dtype=np.int64)

    def to_state(self) -> dict[str, Any]:
        """Return base, cuts and scores; ``pairs`` only where there are some."""
        curves = [{"name": c.name, "cuts": list(c.cuts), "scores": list(c.scores)} for c in self.curves]
        state = {"family": self.family, "spec_hash": self.spec_hash, "base": self.base, "curves": curves}
        return {**state, "pairs": [pair.to_state() for pair in self.pairs]} if self.pairs else state

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        curves = tuple(Curve(c["name"], tuple(c["cuts"]), tuple(c["scores"])) for c in state["curves"])
        pairs = tuple(Pair.from_state(pair) for pair in state.get("pairs", ()))
        return cls(state["family"], state["spec_hash"], state["base"], curves, pairs)


def _heights(curve: Curve, features: FeatureMatrix) -> FloatArray:
    return np.asarray(curve.scores)[parts_of(features.column(curve.name), curve.cuts)]
