"""Splits, metrics with intervals, curves, the leak hunt and the oracle ratio."""

from riskmodel.validate.curves import (
    all_curves,
    capacity_curve,
    decision_curve,
    lift_curve,
    reliability_curve,
)
from riskmodel.validate.estimate import Estimate
from riskmodel.validate.folds import Round, grouped_folds
from riskmodel.validate.heterogeneity import heterogeneity
from riskmodel.validate.inner import InnerFolds, inner_folds
from riskmodel.validate.leaks import LeakReport, hunt_leaks
from riskmodel.validate.metrics import METRICS, Drawn, ScoredRows, draw_metrics, evaluate, recall, summarise
from riskmodel.validate.optimism import optimism
from riskmodel.validate.oracle import OracleRatio, oracle_ratio
from riskmodel.validate.resample import Resamples, one_blas_thread, ranking, resample
from riskmodel.validate.splits import HELD_OUT, Split, split

__all__ = [
    "HELD_OUT",
    "METRICS",
    "Drawn",
    "Estimate",
    "InnerFolds",
    "LeakReport",
    "OracleRatio",
    "Resamples",
    "Round",
    "ScoredRows",
    "Split",
    "all_curves",
    "capacity_curve",
    "decision_curve",
    "draw_metrics",
    "evaluate",
    "grouped_folds",
    "heterogeneity",
    "hunt_leaks",
    "inner_folds",
    "lift_curve",
    "one_blas_thread",
    "optimism",
    "oracle_ratio",
    "ranking",
    "recall",
    "reliability_curve",
    "resample",
    "split",
    "summarise",
]
