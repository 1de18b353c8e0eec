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

__all__ = [
    "attrition",
    "capacity",
    "decision_curve",
    "fairness_intervals",
    "importance_bars",
    "learning_curves",
    "offers",
    "ranking_by_group",
    "reliability",
    "selection",
    "spread",
]
