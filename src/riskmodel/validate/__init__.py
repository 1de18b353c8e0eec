"""Splits, metrics with intervals, curves, the leak hunt and the oracle ratio."""

from riskmodel.validate.curves import capacity_curve, decision_curve, reliability_curve
from riskmodel.validate.estimate import Estimate
from riskmodel.validate.folds import Round, grouped_folds
from riskmodel.validate.leaks import LeakReport, hunt_leaks
from riskmodel.validate.metrics import METRICS, ScoredRows, evaluate, recall
from riskmodel.validate.oracle import OracleRatio, oracle_ratio
from riskmodel.validate.resample import Resamples, ranking, resample
from riskmodel.validate.splits import Split, split

__all__ = [
    "METRICS",
    "Estimate",
    "LeakReport",
    "OracleRatio",
    "Resamples",
    "Round",
    "ScoredRows",
    "Split",
    "capacity_curve",
    "decision_curve",
    "evaluate",
    "grouped_folds",
    "hunt_leaks",
    "oracle_ratio",
    "ranking",
    "recall",
    "reliability_curve",
    "resample",
    "split",
]
