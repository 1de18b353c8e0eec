"""Figures as SVG: the only importers of matplotlib. Aggregates only, never a point for a person."""

from riskmodel.publish.figures.card import (
    attrition,
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
from riskmodel.publish.figures.recording import bounds, tipping

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
    "tipping",
]
