"""``xgboost``: shallow boosted trees, monotone where the catalogue gives a direction.

Contributions are the library's exact Shapley values (``pred_contribs``; Lundberg et al. 2020, path-dependent form): the
base is the mean score over the training rows as the trees saw them. The library works in float32, so sums agree to 1e-5.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from riskmodel.models.protocol import check_matrix
from riskmodel.models.spec import LOG_ODDS, ModelsSpec
from riskmodel.models.training import TrainingRows
from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix, Float32Array
from riskmodel.tables.predictions import Contributions

_ROWS_AT_A_TIME = 65_536  # contributions of all columns, also of those that no tree asks about, need memory


@dataclass(frozen=True)
class XGBoostModel:
    """Trees as XGBoost's own JSON.

    Parameters
    ----------
    spec_hash : str
    columns : tuple of str
        All columns of the matrix, in the order that the trees number them.
    names : tuple of str
        Those that a tree asks about.
    trees : dict
        XGBoost's JSON model.
    """

    spec_hash: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    trees: dict[str, Any]
    family: ClassVar[str] = "xgboost"
    unit: ClassVar[str] = LOG_ODDS

    @cached_property
    def _booster(self) -> Any:
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(bytearray(json.dumps(self.trees).encode()))
        return booster

    @cached_property
    def _base(self) -> float:
        nobody = np.full((1, len(self.columns)), np.nan, dtype=np.float32)
        return float(self._ask(nobody, pred_contribs=True)[0, -1])

    def raw_score(self, features: FeatureMatrix) -> FloatArray:
        """Return the log-odds, shape (n,)."""
        check_matrix(self, features)
        if len(features) == 0:
            return np.empty(0)
        return self._ask(features.values, output_margin=True).astype(np.float64)

    def contributions(self, features: FeatureMatrix) -> Contributions:
        """Return exact Shapley values of the features in ``names``, shape (n, names)."""
        check_matrix(self, features)
        where = [self.columns.index(name) for name in self.names]
        values = np.empty((len(features), len(where)))
        for start in range(0, len(features) if where else 0, _ROWS_AT_A_TIME):
            block = slice(start, start + _ROWS_AT_A_TIME)
            values[block] = self._ask(features.values[block], pred_contribs=True)[:, where]
        return Contributions(values, self.names, self._base, self.unit)

    def parts(self, features: FeatureMatrix) -> IntArray:
        """Return the leaf of each tree, shape (n, trees)."""
        check_matrix(self, features)
        if len(features) == 0:
            return np.empty((0, 0), dtype=np.int64)
        return self._ask(features.values, pred_leaf=True).reshape(len(features), -1).astype(np.int64)

    def to_state(self) -> dict[str, Any]:
        """Return the trees as JSON."""
        return {
            "family": self.family,
            "spec_hash": self.spec_hash,
            "columns": list(self.columns),
            "names": list(self.names),
            "trees": self.trees,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        return cls(state["spec_hash"], tuple(state["columns"]), tuple(state["names"]), state["trees"])

    def _ask(self, values: Float32Array, **question: bool) -> npt.NDArray[np.float32]:
        import xgboost

        answer = self._booster.predict(xgboost.DMatrix(values, missing=np.nan), **question)
        return np.asarray(answer, dtype=np.float32)


def fit_xgboost(rows: TrainingRows, *, spec: ModelsSpec, seed: int, threads: int) -> XGBoostModel:
    """Fit a fixed number of trees by the histogram method; deterministic for a number of threads."""
    import xgboost

    matrix = xgboost.QuantileDMatrix(
        rows.features.values,
        rows.outcome,
        weight=rows.weight,
        missing=np.nan,
        max_bin=spec.xgboost.max_bins,
        nthread=threads,
    )
    directions = ",".join(str(info.direction) for info in rows.features.infos)
    settings = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": spec.xgboost.depth,
        "max_bin": spec.xgboost.max_bins,
        "learning_rate": spec.xgboost.learning_rate,
        "min_child_weight": spec.xgboost.min_information,
        "reg_lambda": spec.xgboost.ridge,
        "monotone_constraints": f"({directions})",
        "base_score": float(rows.weight @ rows.outcome / rows.weight.sum()),
        "seed": seed % 2**31,
        "nthread": threads,
    }
    booster = xgboost.train(settings, matrix, num_boost_round=spec.xgboost.rounds)
    asked = {int(name.removeprefix("f")) for name in booster.get_score(importance_type="weight")}
    columns = rows.features.names
    names = tuple(name for j, name in enumerate(columns) if j in asked)
    trees = json.loads(bytes(booster.save_raw("json")))
    return XGBoostModel(rows.features.spec_hash, columns, names, trees)
