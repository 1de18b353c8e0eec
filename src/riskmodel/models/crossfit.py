"""Out-of-fold scores: every training row is scored by a model that never saw its household."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from riskmodel.models.families import fit
from riskmodel.models.protocol import RiskModel
from riskmodel.models.spec import ModelsSpec
from riskmodel.models.training import Timeline
from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix

NOT_SCORED = -1


def crossfit(
    family: str,
    features: FeatureMatrix,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    fold: IntArray,
    *,
    spec: ModelsSpec,
    seed: int,
    threads: int,
    person: IntArray | None = None,
    timeline: Timeline | None = None,
) -> FloatArray:
    """Fit one model per fold on the other folds, and score the fold with it.

    Parameters
    ----------
    family : str
    features : FeatureMatrix
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
    fold : ndarray of int, shape (n,)
        Fold of each row; rows of fold -1 are neither learned from nor scored.
    spec : ModelsSpec
    seed : int
    threads : int
    person : ndarray of int64, shape (n,), optional
        See ``fit``.
    timeline : Timeline, optional
        See ``fit``; early stopping cuts its later fold from the rows that a fold's own model learns from.

    Returns
    -------
    ndarray of float64, shape (n,)
        Raw scores; NaN where the fold is -1.
    """
    models = {}
    for one in np.unique(fold[fold != NOT_SCORED]).tolist():
        learn = (fold != NOT_SCORED) & (fold != one)
        models[one] = fit(
            family,
            features.take(learn),
            outcome[learn],
            weight[learn],
            spec=spec,
            seed=seed,
            threads=threads,
            person=None if person is None else person[learn],
            timeline=None if timeline is None else timeline.take(learn),
        )
    return out_of_fold(models, features, fold)


def out_of_fold(models: Mapping[int, RiskModel], features: FeatureMatrix, fold: IntArray) -> FloatArray:
    """Return the raw score of each row by the model of its fold; NaN where there is none."""
    score = np.full(len(features), np.nan)
    for one, model in models.items():
        held_out = fold == one
        score[held_out] = model.raw_score(features.take(held_out))
    return score
