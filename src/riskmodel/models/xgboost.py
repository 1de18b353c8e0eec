"""``xgboost``: shallow boosted trees, monotone where the catalogue gives a direction.

Contributions are the library's exact Shapley values (``pred_contribs``; Lundberg et al. 2020, path-dependent form): the
base is the mean score over the training rows as the trees saw them. The library works in float32, so sums agree to 1e-5.

The number of trees is where the log loss of other households at later dates (``stopping.py``) is smallest, and more in
the proportion that all rows bear more than those of a fold; then all rows are learned from with that number. Inside cross-fitting each fold does so for itself, on its own learning rows. Only
to choose the number, rows are thinned to ten without the outcome for each with it, which stand for all by their weight.

``engine: spark`` grows the trees through ``xgboost.spark``; folds, settings and JSON are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskmodel.models.protocol import check_matrix
from riskmodel.models.spec import LOG_ODDS, ModelsSpec, XGBoostSpec
from riskmodel.models.stopping import StoppedOn, StoppingFold, best_round, more_rounds, stopping_folds
from riskmodel.models.training import TrainingRows
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix, Float32Array
from riskmodel.tables.predictions import Contributions

UNSTOPPED = 60
"""Trees where there are too few outcomes to hold any out: about where the default study stops."""

_ROWS_PER_RARE = 10

_Grow = Callable[..., tuple[Any, FloatArray]]
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
    stopped_on : str
        What the number of trees was chosen on: ``later_dates``, ``other_households`` or ``nothing``.
    """

    spec_hash: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    trees: dict[str, Any]
    stopped_on: StoppedOn = "nothing"
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
            "stopped_on": self.stopped_on,
            "trees": self.trees,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        columns, names = tuple(state["columns"]), tuple(state["names"])
        return cls(state["spec_hash"], columns, names, state["trees"], state["stopped_on"])

    def _ask(self, values: Float32Array, **question: bool) -> npt.NDArray[np.float32]:
        import xgboost

        answer = self._booster.predict(xgboost.DMatrix(values, missing=np.nan), **question)
        return np.asarray(answer, dtype=np.float32)


def fit_xgboost(rows: TrainingRows, *, spec: ModelsSpec, seed: int, threads: int) -> XGBoostModel:
    """Choose the number of trees on later folds and grow so many on all rows, by the histogram method.

    Deterministic for a number of threads.
    """
    grow = _grow_on_spark if spec.xgboost.engine == "spark" else _grow
    settings = _settings(rows, spec.xgboost, seed=seed, threads=threads)
    rounds, stopped_on = _rounds(rows, settings, spec.xgboost, grow, seed=seed)
    booster, _ = grow(rows, settings, rounds)
    asked = {int(name.removeprefix("f")) for name in booster.get_score(importance_type="weight")}
    columns = rows.features.names
    names = tuple(name for j, name in enumerate(columns) if j in asked)
    trees = json.loads(bytes(booster.save_raw("json")))
    return XGBoostModel(rows.features.spec_hash, columns, names, trees, stopped_on)


def _rounds(
    rows: TrainingRows, settings: dict[str, Any], spec: XGBoostSpec, grow: _Grow, *, seed: int
) -> tuple[int, StoppedOn]:
    """Return how many trees to grow, and what that was chosen on."""
    if spec.patience == 0:
        return spec.rounds, "nothing"
    few = rows.thinned(_ROWS_PER_RARE, seed=seed)
    folds = stopping_folds(few, seed=seed)
    if not folds:
        return min(spec.rounds, UNSTOPPED), "nothing"
    losses = [grow(few, settings, spec.rounds, fold, spec.patience)[1] for fold in folds]
    best = best_round(losses, [float(few.weight[fold.judge].sum()) for fold in folds])
    return min(spec.rounds, more_rounds(best, few, folds)), folds[0].kind


def _settings(rows: TrainingRows, spec: XGBoostSpec, *, seed: int, threads: int) -> dict[str, Any]:
    directions = ",".join(str(info.direction) for info in rows.features.infos)
    return {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": spec.depth,
        "max_bin": spec.max_bins,
        "learning_rate": spec.learning_rate,
        "min_child_weight": spec.min_information,
        "reg_lambda": spec.ridge,
        "monotone_constraints": f"({directions})",
        "seed": seed % 2**31,
        "nthread": threads,
    }


def _base_score(rows: TrainingRows, part: BoolArray | slice) -> float:
    return float(np.average(rows.outcome[part], weights=rows.weight[part]))


def _grow(
    rows: TrainingRows,
    settings: dict[str, Any],
    rounds: int,
    fold: StoppingFold | None = None,
    patience: int | None = None,
) -> tuple[Any, FloatArray]:
    """Return XGBoost's own booster of all rows, or of a fold's learning rows and the loss on those that judge."""
    import xgboost

    def _matrix(part: BoolArray | slice, like: Any = None) -> Any:
        return xgboost.QuantileDMatrix(
            rows.features.values[part],
            rows.outcome[part],
            weight=rows.weight[part],
            missing=np.nan,
            max_bin=settings["max_bin"],
            nthread=settings["nthread"],
            ref=like,
        )

    part = slice(None) if fold is None else fold.learn
    settings, learn = settings | {"base_score": _base_score(rows, part)}, _matrix(part)
    if fold is None:
        return xgboost.train(settings, learn, num_boost_round=rounds), np.empty(0)
    said: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        settings,
        learn,
        num_boost_round=rounds,
        evals=[(_matrix(fold.judge, learn), "later")],
        early_stopping_rounds=patience,
        verbose_eval=False,
        evals_result=said,
    )
    return booster, np.array(said["later"]["logloss"])


def _grow_on_spark(
    rows: TrainingRows,
    settings: dict[str, Any],
    rounds: int,
    fold: StoppingFold | None = None,
    patience: int | None = None,
) -> tuple[Any, FloatArray]:
    """Return the same, grown by ``xgboost.spark`` on the session that is running, or on this machine."""
    from riskmodel.features.spark import session

    spark = session(settings["nthread"])  # first: it says what is not installed
    from xgboost.spark import SparkXGBClassifier

    names = [f"f{j}" for j in range(len(rows.features.names))]
    columns = dict(zip(names, rows.features.values.T, strict=True))
    columns |= {"outcome": rows.outcome, "weight": rows.weight}
    stopping: dict[str, Any] = {}
    if fold is not None:
        used = fold.learn | fold.judge
        columns = {name: column[used] for name, column in columns.items()} | {"judge": fold.judge[used]}
        stopping = {"validation_indicator_col": "judge", "early_stopping_rounds": patience}
    given = {name: value for name, value in settings.items() if name not in ("objective", "nthread", "seed")}
    learner = SparkXGBClassifier(
        features_col=names,
        label_col="outcome",
        weight_col="weight",
        n_estimators=rounds,
        random_state=settings["seed"],
        num_workers=1,
        missing=np.nan,
        base_score=_base_score(rows, slice(None) if fold is None else fold.learn),
        **given,
        **stopping,
    )
    model = learner.fit(spark.createDataFrame(pa.table(columns)))
    booster = model.get_booster()
    booster.feature_names = booster.feature_types = None  # the local engine numbers its columns as well
    losses = model.training_summary.validation_objective_history.get("logloss", [])
    return booster, np.array(losses, dtype=np.float64)
