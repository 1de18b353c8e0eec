"""Figures as SVG: the only importers of matplotlib. Aggregates only, never a point for a person."""

from riskmodel.publish.figures.card import (
    attrition,
    bounds,
    capacity,
    decision_curve,
    fairness_intervals,
    importance_bars,
    offers,
    reliability,
    selection,
    spread,
)

__all__ = [
    "attrition",
    "bounds",
    "capacity",
    "decision_curve",
    "fairness_intervals",
    "importance_bars",
    "offers",
    "reliability",
    "selection",
    "spread",
]
