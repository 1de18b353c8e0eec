"""Figures as SVG: the only importers of matplotlib. Aggregates only, never a point for a person."""

from riskmodel.publish.figures.card import (
    attrition,
    bounds,
    capacity,
    decision_curve,
    fairness_intervals,
    importance_bars,
    learning_curves,
    offers,
    ranking_by_group,
    reliability,
    selection,
    spread,
)
from riskmodel.publish.figures.frontier import frontier

__all__ = [
    "attrition",
    "bounds",
    "capacity",
    "decision_curve",
    "fairness_intervals",
    "frontier",
    "importance_bars",
    "learning_curves",
    "offers",
    "ranking_by_group",
    "reliability",
    "selection",
    "spread",
]
