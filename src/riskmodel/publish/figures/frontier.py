"""The figure of the frontier: usefulness beside who is missed, choice by choice."""

from __future__ import annotations

from typing import Any

from riskmodel.publish.figures.canvas import BLUE, GREY, ORANGE, Rows, svg, wrapped

_MARKS = {True: (BLUE, "o"), False: (ORANGE, "x")}


def frontier(rows: Rows, *, past: str) -> str:
    """Draw, for each choice, how many are found and how many are missed in the group that is worst off as it is.

    Parameters
    ----------
    rows : sequence of mappings
        ``label``, ``selectable``, ``main``, ``group``, and two results of 100: ``found`` and ``missed``.
    past : str
        The outcome in the past tense.
    """
    group = next((row["group"] for row in rows if row["group"]), "")
    panels = (
        ("missed", f"Worst-off group as it is ({group}): of 100 who {past}, so many missed. Less is better"),
        ("found", f"Everyone: of 100 who {past}, so many found. More is better"),
    )
    places = list(range(len(rows), 0, -1))

    def _draw(axes: Any) -> None:
        for axis, (key, title) in zip(axes, panels, strict=True):
            _as_it_is(axis, rows, key)
            for place, row in zip(places, rows, strict=True):
                _result(axis, place, row, key)
            axis.set(xlim=(0, 100), ylim=(0.4, len(rows) + 0.6))
            axis.set_xticks([0, 25, 50, 75, 100])
            axis.set_yticks(places, [wrapped(str(row["label"]), 18) for row in rows])
            axis.set_title(wrapped(title, 30), loc="left")
        axes[-1].set_xlabel("Bar: 95% interval. Dashed: as it is.\n× cannot be chosen")

    words = "; ".join(
        f"{row['label']}: missed in the worst-off group {row['missed']['words']}, found {row['found']['words']}"
        for row in rows
    )
    height = 3.2 + 2 * 0.44 * max(1, len(rows))
    return svg("mitigation", "What could be done about gaps?", words, _draw, height=height, panels=2)


def _as_it_is(axis: Any, rows: Rows, key: str) -> None:
    for row in rows:
        if row["main"] and row[key]["estimate"] is not None:
            axis.axvline(row[key]["estimate"], color=GREY, linestyle="--", linewidth=1)


def _result(axis: Any, place: float, row: Any, key: str) -> None:
    result = row[key]
    if result["estimate"] is None:
        axis.annotate(
            result["words"].split(":")[0],
            (0, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=GREY,
        )
        return
    colour, marker = _MARKS[bool(row["selectable"])]
    if result["lower"] is not None and result["upper"] is not None:
        axis.plot([result["lower"], result["upper"]], [place, place], color=colour, linewidth=2)
    axis.plot(result["estimate"], place, color=colour, marker=marker, markersize=6, markeredgewidth=2)
