"""The five families by name: fit one, or read one back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.errors import DataError, StudyError, did_you_mean
from riskmodel.models.additive import AdditiveModel
from riskmodel.models.count import CountModel, fit_count
from riskmodel.models.ebm import fit_ebm
from riskmodel.models.logistic import fit_logistic
from riskmodel.models.prior import PriorModel, fit_prior
from riskmodel.models.protocol import RiskModel
from riskmodel.models.spec import ModelsSpec
from riskmodel.models.training import Timeline, TrainingRows
from riskmodel.models.xgboost import XGBoostModel, fit_xgboost
from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix

_FITTERS: Mapping[str, Callable[..., RiskModel]] = MappingProxyType(
    {
        "count": fit_count,
        "prior": fit_prior,
        "logistic": fit_logistic,
        "ebm": fit_ebm,
        "xgboost": fit_xgboost,
    }
)
_READERS: Mapping[str, Callable[[dict[str, Any]], RiskModel]] = MappingProxyType(
    {
        "count": CountModel.from_state,
        "prior": PriorModel.from_state,
        "logistic": AdditiveModel.from_state,
        "ebm": AdditiveModel.from_state,
        "xgboost": XGBoostModel.from_state,
    }
)


_LIBRARIES = {"logistic": "sklearn.linear_model", "ebm": "interpret.glassbox", "xgboost": "xgboost"}


def load_libraries(families: Iterable[str]) -> None:
    """Import what some families load when they are first fitted; to be called before they are fitted in threads.

    Two threads that import parts of one library for the first time may find it half made: rather than wait for each other
    for ever, Python lets one of them go on.
    """
    for family in families:
        if family in _LIBRARIES:
            import_module(_LIBRARIES[family])


def fit(
    family: str,
    features: FeatureMatrix,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    *,
    spec: ModelsSpec,
    seed: int,
    threads: int,
    person: IntArray | None = None,
    timeline: Timeline | None = None,
) -> RiskModel:
    """Fit one family.

    Parameters
    ----------
    family : str
        count, prior, logistic, ebm or xgboost.
    features : FeatureMatrix
    outcome : ndarray of int8, shape (n,)
        0 or 1.
    weight : ndarray of float64, shape (n,)
        Rows of weight 0 are left out.
    spec : ModelsSpec
    seed : int
        Same inputs, seed and threads give the same state, byte for byte.
    threads : int
    person : ndarray of int64, shape (n,), optional
        Subject (or household) of each row, so that a bin's fewest people are people and not rows. Without it each row
        is taken for a different person.
    timeline : Timeline, optional
        Index day and household of each row: xgboost stops early on a later fold cut by them. Without it all rows are
        of one day, and ``person`` stands for the household.

    Returns
    -------
    RiskModel

    Raises
    ------
    DataError
        If the rows cannot be learned from; the message says why.
    StudyError
        If the family is unknown or its part of the study does not fit the features.
    """
    if family not in _FITTERS:
        raise StudyError([f"'{family}' is not a model family; {did_you_mean(family, _FITTERS)}"])
    where = f"training of '{family}'"
    rows = TrainingRows.build(features, outcome, weight, person=person, where=where, timeline=timeline)
    return _FITTERS[family](rows, spec=spec, seed=seed, threads=threads)


def from_state(state: dict[str, Any]) -> RiskModel:
    """Read what ``to_state`` wrote; the model scores the same, bit by bit.

    Raises
    ------
    DataError
        If the state names no known family.
    """
    family = str(state.get("family"))
    if family not in _READERS:
        raise DataError(
            expected=f"a model of family {', '.join(_READERS)}",
            found="another family, or none",
            where="model state",
            next_step="Read it with the version of riskmodel that wrote it.",
        )
    return _READERS[family](state)
