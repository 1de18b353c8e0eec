"""How near a model comes to the best that anyone could do, where the truth is known (simulated boroughs only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.tables.cohort import FloatArray
from riskmodel.validate.estimate import Estimate
from riskmodel.validate.resample import Resamples, ranking

# Below this AUROC the truth itself hardly predicts, and a ratio to it would be noise.
LOWEST_ORACLE = 0.60


@dataclass(frozen=True)
class OracleRatio:
    """Share of what could be known that the model knows, with both AUROCs it is made of."""

    ratio: Estimate
    model_auroc: float
    oracle_auroc: float

    def to_json(self) -> dict[str, Any]:
        """Return the estimate's fields and both AUROCs (null where undefined)."""
        both = {"model_auroc": self.model_auroc, "oracle_auroc": self.oracle_auroc}
        return {**self.ratio.to_json(), **{k: v if np.isfinite(v) else None for k, v in both.items()}}


def oracle_ratio(
    model_score: FloatArray,
    true_hazard: FloatArray,
    true_outcome: npt.NDArray[np.int8],
    resamples: Resamples,
    *,
    threads: int = 2,
) -> OracleRatio:
    """Return (AUROC of the model - .5) / (AUROC of the true hazard - .5), both against the same true outcome.

    Parameters
    ----------
    model_score, true_hazard : ndarray of float64, shape (n,)
    true_outcome : ndarray of int8, shape (n,)
        What happened, recorded or not.
    resamples : Resamples
        Aligned with the rows; both AUROCs use the same resamples, so the interval is a paired one.
    threads : int
        The result does not depend on it.

    Returns
    -------
    OracleRatio
        ``ratio`` is undefined if the oracle's AUROC is below .60.
    """
    weight = np.ones(len(model_score))
    model = ranking(model_score, true_outcome, weight, resamples, threads=threads)
    oracle = ranking(true_hazard, true_outcome, weight, resamples, threads=threads)
    counts = {
        "n_subjects": resamples.counts.shape[1],
        "n_outcomes": len(np.unique(resamples.cluster[true_outcome == 1])),
    }
    if not oracle.auroc >= LOWEST_ORACLE:
        return OracleRatio(Estimate.without_value("undefined", **counts), model.auroc, oracle.auroc)
    # A resample in which the oracle is no better than chance has no ratio.
    above = np.where(oracle.auroc_draws > 0.5, oracle.auroc_draws - 0.5, np.nan)
    draws = (model.auroc_draws - 0.5) / above
    value = (model.auroc - 0.5) / (oracle.auroc - 0.5)
    return OracleRatio(Estimate.from_draws(value, draws, **counts), model.auroc, oracle.auroc)
