"""The figures of the stop-and-search report: ratios with intervals, shares by kind of search, months, and a map."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.publish.figures.canvas import BLUE, GREEN, GREY, INK, ORANGE, Rows, svg, wrapped
from riskmodel.publish.pages import capital

_SERIES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), ("#8a5a9e", "D"), (INK, "v"), (GREY, "P"))
# Four shades of one blue, the darkest for most; hatched where the number is hidden.
SHADES = ("#dcebf5", "#8fbfdf", "#3d8fc4", "#00508a")
HIDDEN = "#f4f4f4"
_TICKS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 3, 4, 5, 7, 10, 20, 50, 100)


def ratios(rows: Rows, *, name: str, title: str, axis: str) -> str:
    """Draw ratios with intervals on a scale where twice as often and half as often are as far from equal.

    Parameters
    ----------
    rows : sequence of mappings
        ``label``, ``series``, ``value``, ``lower``, ``upper``; a value of None is said in words.
    name : str
        Makes the figure's ids unique.
    title, axis : str
        What it shows, and what its scale means.
    """
    labels = list(dict.fromkeys(row["label"] for row in rows))
    series = list(dict.fromkeys(row["series"] for row in rows))

    def _draw(canvas: Any) -> None:
        canvas.set_xscale("log")
        canvas.axvline(1, color=GREY, linestyle="--", linewidth=1)
        for row in rows:
            at = series.index(row["series"])
            place = labels.index(row["label"]) + 0.24 * (at - (len(series) - 1) / 2)
            _one_ratio(canvas, row, place, *_SERIES[at % len(_SERIES)])
        _ratio_scale(canvas, rows)
        canvas.set_yticks(range(len(labels)), [wrapped(label, 14) for label in labels])
        canvas.set(ylim=(len(labels) - 0.4, -0.6))
        canvas.set_xlabel(axis)
        for at, one in enumerate(series):
            colour, marker = _SERIES[at % len(_SERIES)]
            canvas.plot([], [], marker=marker, color=colour, label=wrapped(one, 44))
        canvas.legend(loc="lower left", bbox_to_anchor=(-0.25, 1.0), handlelength=1.6)

    words = "; ".join(f"{row['label']}, {row['series']}: {_ratio_words(row)}" for row in rows)
    height = 1.1 + 0.62 * max(1, len(labels)) + 0.4 * len(series)
    return svg(name, title, words, _draw, height=height)


def _one_ratio(canvas: Any, row: Mapping[str, Any], place: float, colour: str, marker: str) -> None:
    if row["value"] is None:
        canvas.annotate(
            "too few to say", (1, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=9
        )
        return
    if row["lower"] is not None:
        canvas.plot([row["lower"], row["upper"]], [place, place], color=colour, linewidth=2)
    canvas.plot([row["value"]], [place], marker=marker, color=colour, markersize=6)


def _ratio_scale(canvas: Any, rows: Rows) -> None:
    """Reach a little beyond every interval, with ticks that read as numbers of times."""
    ends = [row[side] for row in rows for side in ("value", "lower", "upper") if row[side]]
    low, high = min([*ends, 0.8]) / 1.1, max([*ends, 1.25]) * 1.1
    ticks = _spaced([tick for tick in _TICKS if low <= tick <= high], math.log(high / low) / 7)
    canvas.set_xlim(low, high)
    canvas.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    canvas.minorticks_off()


def _spaced(ticks: Sequence[float], least: float) -> list[float]:
    """Keep ticks that are so far apart on the scale, first of all 1."""
    kept: list[float] = []
    for tick in sorted(ticks, key=lambda one: abs(math.log(one))):
        if all(abs(math.log(tick / one)) >= least for one in kept):
            kept.append(tick)
    return sorted(kept)


def _ratio_words(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "too few to say"
    if row["lower"] is None:
        return f"{row['value']:.2f} times"
    return f"{row['value']:.2f} times ({row['lower']:.2f} to {row['upper']:.2f})"


def shares(rows: Rows, *, name: str, title: str, axis: str) -> str:
    """Draw shares by level, one sign a group.

    Parameters
    ----------
    rows : sequence of mappings
        ``label``, ``series`` and ``share`` (None where it is hidden).
    name : str
        Makes the figure's ids unique.
    title, axis : str
        What it shows, and what its scale means.
    """
    labels = list(dict.fromkeys(row["label"] for row in rows))
    series = list(dict.fromkeys(row["series"] for row in rows))

    def _draw(canvas: Any) -> None:
        for at, one in enumerate(series):
            mine = [row for row in rows if row["series"] == one and row["share"] is not None]
            colour, marker = _SERIES[at % len(_SERIES)]
            places = [labels.index(row["label"]) + 0.12 * (at - (len(series) - 1) / 2) for row in mine]
            canvas.plot(
                [100 * row["share"] for row in mine], places, marker, color=colour, markersize=7, label=one
            )
        canvas.set_yticks(range(len(labels)), [wrapped(label, 17) for label in labels])
        canvas.set(ylim=(len(labels) - 0.4, -0.6))
        canvas.set_xlim(0, 108 * max((row["share"] or 0 for row in rows), default=1) or 1)
        canvas.grid(axis="y", color="#e4e4e4", linewidth=1)
        canvas.set_axisbelow(True)
        canvas.set_xlabel(axis)
        if len(series) > 1:
            canvas.legend(
                loc="lower left", bbox_to_anchor=(-0.3, 1.0), ncols=3, handlelength=1, columnspacing=1
            )

    words = "; ".join(f"{row['label']}, {row['series']}: {_share_words(row['share'])}" for row in rows)
    height = 1.3 + 0.55 * max(1, len(labels)) + (0.2 if len(series) > 3 else 0)
    return svg(name, title, words, _draw, height=height)


def _share_words(share: float | None) -> str:
    return "hidden" if share is None else f"{100 * share:.0f} of 100"


def months(rows: Rows) -> str:
    """Draw the number of searches month by month, and say in which of them something is blank.

    Parameters
    ----------
    rows : sequence of mappings
        ``month``, ``n`` and ``lacks`` (what most of its rows do not say).
    """

    def _draw(canvas: Any) -> None:
        most = max(row["n"] for row in rows)
        for place, row in enumerate(rows):
            lacks = row["lacks"]
            canvas.barh(place, row["n"], height=0.65, color="#f0a45d" if lacks else BLUE, hatch="///" if lacks else "", edgecolor="white")  # fmt: skip
            words = f"{row['n']:,}" + "".join(f"\n{one}" for one in lacks)
            canvas.annotate(
                words, (row["n"], place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9
            )
        canvas.set_yticks(range(len(rows)), [row["month"] for row in rows])
        canvas.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 1.6 * most))
        canvas.set_xlabel("Searches of people")

    words = "; ".join(", ".join([f"{row['month']}: {row['n']:,}", *row["lacks"]]) for row in rows)
    return svg("months", "Searches by month", words, _draw, height=0.8 + 0.5 * len(rows))


def area_map(areas: Rows, *, limits: Sequence[int]) -> str:
    """Draw areas, the darker the more searches.

    Parameters
    ----------
    areas : sequence of mappings
        ``name``, ``rings`` (longitude and latitude along its borders), ``n`` (None where it is hidden).
    limits : sequence of int
        Upper limits of the shades but the last.
    """

    def _draw(canvas: Any) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        for area in areas:
            vertices = [point for ring in area["rings"] for point in ring]
            codes = [
                code for ring in area["rings"] for code in (Path.MOVETO, *[Path.LINETO] * (len(ring) - 1))
            ]
            hidden = area["n"] is None
            canvas.add_patch(
                PathPatch(
                    Path(vertices, codes), facecolor=HIDDEN if hidden else SHADES[shade(area["n"], limits)],
                    edgecolor="#7d8b96" if hidden else "white", linewidth=0.4, hatch="////" if hidden else "",
                )
            )  # fmt: skip
        canvas.autoscale_view()
        south, north = canvas.get_ylim()
        canvas.set_aspect(1 / math.cos(math.radians((south + north) / 2)))
        canvas.set_axis_off()

    shown = [area for area in areas if area["n"] is not None]
    top = sorted(shown, key=lambda area: -area["n"])[:3]
    words = f"{len(areas)} areas; most searches in " + ", ".join(
        f"{one['name']} ({one['n']:,})" for one in top
    )
    return svg("area-map", "Where searches were placed", words, _draw, height=4.8)


def shade(n: int, limits: Sequence[int]) -> int:
    """Return the number of the shade of a count."""
    return sum(n > limit for limit in limits)


def thresholds(rows: Rows) -> str:
    """Draw at what chance of finding something searches begin, group by group.

    Parameters
    ----------
    rows : sequence of mappings
        ``group``, ``threshold``, ``lower``, ``upper``.
    """

    def _draw(canvas: Any) -> None:
        for place, row in enumerate(rows):
            canvas.plot([100 * row["lower"], 100 * row["upper"]], [place, place], color=BLUE, linewidth=2)
            canvas.plot([100 * row["threshold"]], [place], marker="o", color=BLUE, markersize=7)
        canvas.set_yticks(range(len(rows)), [capital(row["group"]) for row in rows])
        canvas.set(ylim=(len(rows) - 0.4, -0.6))
        canvas.set_xlim(left=0)
        canvas.set_xlabel("Chance of finding something\nat which a search begins (of 100)")

    words = "; ".join(
        f"{row['group']}: {100 * row['threshold']:.0f} of 100 ({100 * row['lower']:.0f} to {100 * row['upper']:.0f})"
        for row in rows
    )
    return svg(
        "thresholds",
        "The bar for a search, by the threshold test",
        words,
        _draw,
        height=1.0 + 0.5 * len(rows),
    )
