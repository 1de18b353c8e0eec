"""The only importer of shap: its bar plot of global importance, drawn on an axis that the figures hand in."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

BAR = "#1d4f91"
INK = "#1a1a1a"
LETTER = 10.5


def draw_importance(axis: Any, *, labels: Sequence[str], sizes: Sequence[float], x_label: str) -> None:
    """Draw mean absolute contributions as shap's global bar plot, restyled for reading on a phone.

    Parameters
    ----------
    axis : matplotlib Axes
        Where to draw.
    labels : sequence of str
        Plain words, one a bar.
    sizes : sequence of float
        Mean absolute contributions, already aggregated: no value of a person reaches shap.
    x_label : str
        What the length of a bar means.
    """
    shap = _shap()
    explanation = shap.Explanation(values=np.asarray(sizes, dtype=float), feature_names=list(labels))
    shap.plots.bar(explanation, max_display=len(labels), show_data=False, ax=axis, show=False)
    _restyle(axis, labels=labels, x_label=x_label)


def _shap() -> Any:
    with warnings.catch_warnings():
        # shap 0.51 calls functions of matplotlib and numpy that will go away; the warnings are about its own import.
        warnings.simplefilter("ignore")
        import shap
    return shap


def _restyle(axis: Any, *, labels: Sequence[str], x_label: str) -> None:
    for text in list(axis.texts):
        text.remove()
    for bar in axis.patches:
        bar.set(facecolor=BAR, edgecolor="none", height=0.6)
    order = [label.get_text() for label in axis.get_yticklabels()][: len(labels)]
    positions = list(axis.get_yticks())[: len(labels)]
    axis.set_yticks(positions, order, color=INK)  # shap writes every label twice
    axis.tick_params("both", labelsize=LETTER)
    axis.set_xlabel(x_label, fontsize=LETTER)
