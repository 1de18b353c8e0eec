"""The picture about whole boroughs: each group's gap as recorded, and as it truly is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from boroughs_page import NAMES, in_order

from riskmodel.publish.figures.canvas import BLUE, GREY, INK, ORANGE, svg

Json = Mapping[str, Any]
METRIC = "calibration_intercept"
TITLE = "The gap in calibration of each ethnic group, by records and by the truth"


def picture(results: Json) -> str:
    """Return it as SVG: one panel for each arm, one line for each ethnic group."""
    arms = {name: _gaps(one) for name, one in in_order(results["arms"]).items()}
    words = "; ".join(
        f"{NAMES[name]}: "
        + ", ".join(
            f"{row['group']} {row['recorded']:+.2f} by records and {row['true']:+.2f} truly" for row in rows
        )
        for name, rows in arms.items()
    )

    def draw(axes: Any) -> None:
        panels = np.atleast_1d(axes)
        for axis, (name, rows) in zip(panels, arms.items(), strict=True):
            _panel(axis, NAMES[name], rows)
        reach = max(1.1 * max(abs(end) for end in axis.get_xlim()) for axis in panels)
        for axis in panels:
            axis.set_xlim(-reach, reach)
        panels[0].legend(loc="upper right")
        panels[-1].set_xlabel("more than estimated, next to everyone else")

    return svg("boroughs", TITLE, words, draw, height=0.5 + 1.9 * len(arms), panels=len(arms))


def _gaps(arm: Json) -> list[Json]:
    found = [row for row in arm["gaps"] if row["attribute"] == "ethnicity" and row["metric"] == METRIC]
    return [row for row in found if row["recorded"] is not None and row["true"] is not None]


def _panel(axis: Any, name: str, rows: Sequence[Json]) -> None:
    place = np.arange(len(rows))[::-1]
    axis.set_title(name, loc="left")
    if rows:
        axis.axvspan(-rows[0]["tolerance"], rows[0]["tolerance"], color=GREY, alpha=0.15, linewidth=0)
    axis.axvline(0, color=GREY, linewidth=0.8)
    ends = [np.array([row[kind] for row in rows]) for kind in ("recorded", "true")]
    axis.hlines(place, *ends, color=GREY, linewidth=1)
    axis.plot(ends[0], place, "o", color=ORANGE, markerfacecolor="white", label="by records")
    axis.plot(ends[1], place, "o", color=BLUE, label="truly")
    axis.set_yticks(place, [row["group"] for row in rows], color=INK)
