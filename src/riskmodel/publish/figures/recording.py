"""Figures of what unequal records could hide: bounds by group, and how little overturns a statement."""

from __future__ import annotations

from typing import Any

from riskmodel.publish.figures.canvas import BLUE, GREY, Rows, svg, wrapped

_LEGEND = "Full dot: the statement. Open dot: the difference itself, with a 95% interval."


def bounds(rows: Rows, *, name: str, title: str) -> str:
    """Draw, for each group, between which bounds a rate may lie if records are unequal, and its interval.

    Parameters
    ----------
    rows : sequence of mappings
        ``attribute`` and ``group`` in words; ``lower_bound``, ``upper_bound``, ``lower`` and ``upper`` as they are drawn.
    name : str
        Of the figure.
    title : str
        What is measured, in plain words.
    """
    places = list(range(len(rows), 0, -1))
    labels = [wrapped(f"{row['attribute']}: {row['group']}", 30) for row in rows]
    lines = 1 + max((label.count("\n") for label in labels), default=0)

    def _draw(axis: Any) -> None:
        for place, row in zip(places, rows, strict=True):
            axis.plot([row["lower"], row["upper"]], [place, place], color=BLUE, linewidth=1)
            ends = [row["lower_bound"], row["upper_bound"]]
            axis.plot(ends, [place, place], color=BLUE, linewidth=6, alpha=0.5, solid_capstyle="butt")
        axis.set_yticks(places, labels)
        axis.set(ylim=(0.4, len(rows) + 0.6), xlim=(0, None))
        axis.set_xlabel(wrapped(title, 28))

    words = "; ".join(
        f"{row['attribute']}, {row['group']}: {row['lower_bound']:g} to {row['upper_bound']:g}"
        for row in rows
    )
    return svg(name, title, words, _draw, height=1.4 + 0.21 * lines * max(1, len(rows)))


def tipping(rows: Rows, *, name: str, title: str) -> str:
    """Draw, for each firm statement, how far records must be off for it to fall, and for the difference itself to reach the tolerance, with its interval.

    Parameters
    ----------
    rows : sequence of mappings
        ``label``; ``tipping_point`` (a full dot), ``difference_tipping_point`` (an open one), ``difference_lower`` and ``difference_upper``
        (a line) as shares of the way to the worst that the study allows: null where that lies beyond the range.
    name : str
        Of the figure.
    title : str
        What the statements are about, in plain words.
    """
    places = list(range(len(rows), 0, -1))

    def _draw(axis: Any) -> None:
        for place, row in zip(places, rows, strict=True):
            _falls_at(axis, place, row)
        axis.set_yticks(places, [wrapped(str(row["label"]), 24) for row in rows])
        axis.set(ylim=(0.4, len(rows) + 0.6), xlim=(-2, 112))
        axis.set_xticks([0, 50, 100], ["0\nrecords\nare right", "50", "100\nworst\nallowed"])
        axis.set_xlabel(wrapped(title, 28) + "\n" + wrapped(_LEGEND, 28))

    words = "; ".join(f"{row['label']}: {_falls_words(row)}" for row in rows)
    return svg(name, title, words, _draw, height=2.6 + 0.55 * max(1, len(rows)))


def _falls_at(axis: Any, place: float, row: Any) -> None:
    low, high, difference = (row[f"difference_{end}"] for end in ("lower", "upper", "tipping_point"))
    if low is not None:
        axis.plot([100 * low, 100 if high is None else 100 * high], [place, place], color=BLUE, linewidth=2)
        if high is None:
            axis.plot(103, place, color=BLUE, marker=">", markersize=5)
    if difference is not None:
        axis.plot(100 * difference, place, color=BLUE, marker="o", markersize=6, markerfacecolor="white")
    if row["tipping_point"] is not None:
        axis.plot(100 * row["tipping_point"], place, color=BLUE, marker="o", markersize=6)
    elif low is None:
        axis.annotate(
            "stands throughout",
            (0, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=GREY,
        )


def _falls_words(row: Any) -> str:
    difference = row["difference_tipping_point"]
    itself = "beyond the range" if difference is None else f"at {100 * difference:.0f}"
    if row["tipping_point"] is None:
        return "stands within the range"
    return f"falls at {100 * row['tipping_point']:.0f} of 100 (the difference itself {itself})"
