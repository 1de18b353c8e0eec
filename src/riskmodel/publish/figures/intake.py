"""The figures of an intake: what came month by month, what was set aside, how late, and against last time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from riskmodel.publish.figures.canvas import BLUE, GREEN, GREY, INK, ORANGE, Rows, svg, wrapped
from riskmodel.publish.pages import capital

# None, then four shades of one blue: up to a quarter, a half, three quarters of a busy month, or more.
SHADES = ("#f4f4f4", "#cfe3f1", "#8fbfdf", "#3d8fc4", "#00508a")
_DECLARED = "#b5b5b5"
# Early delays in blues, late ones in oranges, so that the border between them shows.
_EARLY, _LATE = (
    ("#00508a", "#2b7fb8", "#6aacd6", "#a3cde6", "#d3e7f3"),
    (
        "#ffe0c2",
        "#fdbb84",
        "#f08a3c",
        "#D55E00",
        "#8a3c00",
    ),
)
_LINES = (
    (BLUE, "-", "o"),
    (ORANGE, "--", "s"),
    (GREEN, ":", "^"),
    (INK, "-.", "D"),
    ("#8a5a9e", "-", "v"),
    (GREY, "--", "P"),
)
OTHER_FAULTS = "other faults"
# Faults by colour and hatch, most frequent first.
_FAULTS = (
    (BLUE, ""),
    ("#f0a45d", "///"),
    ("#8fd0bc", "..."),
    ("#c9c9c9", "xxx"),
    ("#8a5a9e", "|||"),
    ("#e8d84a", "---"),
)


def arrivals(strips: Mapping[str, Rows]) -> str:
    """Draw one strip an agency, one cell a month: how many events, and where some are missing.

    Parameters
    ----------
    strips : mapping of str to sequence of mappings
        By what an agency is called, one row a month: ``month`` (``2019-03``), ``events``, ``state``, and ``shade`` from
        0 (none) to 4 (most).
    """
    months = sorted({row["month"] for rows in strips.values() for row in rows})

    def _draw(axis: Any) -> None:
        for place, rows in enumerate(strips.values()):
            _fill(axis, [(months.index(row["month"]), place, _colour(row)) for row in rows])
            _mark(
                axis,
                [(months.index(row["month"]), place) for row in rows if row["state"] in ("empty", "low")],
            )
        axis.set(xlim=(0, len(months)), ylim=(len(strips) - 0.6, -0.75))
        axis.set_yticks(range(len(strips)), [wrapped(name, 13) for name in strips])
        januaries = [at for at, month in enumerate(months) if month.endswith("-01")]
        step = -(-len(januaries) // 6) or 1
        axis.set_xticks(januaries[::step], [months[at][:4] for at in januaries[::step]])
        _bare(axis)

    words = "; ".join(_strip_words(name, rows) for name, rows in strips.items())
    height = 0.7 + 0.52 * max(1, len(strips))
    return svg("arrivals", "What came: events by agency and month", words, _draw, height=height)


def set_aside(rows: Rows) -> str:
    """Draw, for each kind of file, how many of 1,000 rows were set aside, by kind of fault.

    Parameters
    ----------
    rows : sequence of mappings
        ``label``, ``rows_in`` and ``faults`` (rows by kind of fault); the worst first.
    """
    faults = _order(rows)

    def _draw(axis: Any) -> None:
        for place, row in enumerate(rows):
            left = 0.0
            for fault, (colour, hatch) in zip(faults, _FAULTS, strict=False):
                size = 1000 * row["faults"].get(fault, 0) / row["rows_in"]
                label = capital(fault) if not place else None
                axis.barh(
                    place, size, left=left, height=0.6, color=colour, hatch=hatch, edgecolor="white", linewidth=0.4,
                    label=label,
                )  # fmt: skip
                left += size
            words = f"{sum(row['faults'].values()):,} rows"
            axis.annotate(
                words, (left, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9
            )
        axis.set_yticks(range(len(rows)), [row["label"] for row in rows])
        most = max([1000 * sum(row["faults"].values()) / row["rows_in"] for row in rows] + [1.0])
        axis.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 1.45 * most))
        axis.set_xlabel("Of 1,000 rows,\nso many were set aside")
        axis.legend(loc="lower center", bbox_to_anchor=(0.2, 1.0), ncols=1, handlelength=1.4)

    words = "; ".join(
        f"{row['label']}: {sum(row['faults'].values()):,} of {row['rows_in']:,} rows" for row in rows
    )
    height = 1.1 + 0.36 * max(1, len(rows)) + 0.2 * len(faults)
    return svg(
        "set-aside", "Rows that were set aside, by file and kind of fault", words, _draw, height=height
    )


def delays(rows: Rows, names: Mapping[str, str], *, bins: Sequence[int], late_days: int) -> str:
    """Draw, for each agency, how many of 100 events were recorded how soon.

    Parameters
    ----------
    rows : sequence of mappings
        ``delays`` of ``checks.json`` with a measured delay: ``agency``, ``measured``, ``bins``.
    names : mapping of str to str
        What agencies are called.
    bins : sequence of int
        First day of each bin.
    late_days : int
        Longer delays are late: their bins are drawn in orange.
    """
    early = sum(first <= late_days for first in bins)
    colours = [*_spread(_EARLY, early), *_spread(_LATE, len(bins) - early)]

    def _draw(axis: Any) -> None:
        for place, row in enumerate(rows):
            left = 0.0
            for at, (count, colour) in enumerate(zip(row["bins"], colours, strict=True)):
                size = 100 * count / row["measured"]
                label = _bin_words(bins, at) if not place else None
                axis.barh(place, size, left=left, height=0.6, color=colour, edgecolor="white", linewidth=0.5,
                          label=label)  # fmt: skip
                left += size
            soon = 100 * sum(row["bins"][:early]) / row["measured"]
            axis.plot([soon, soon], [place - 0.42, place + 0.42], color=INK, linewidth=2)
        axis.set_yticks(
            range(len(rows)), [wrapped(names.get(row["agency"], row["agency"]), 13) for row in rows]
        )
        axis.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 100))
        axis.set_xticks([0, 25, 50, 75, 100])
        axis.set_xlabel(
            f"Of 100 events, so many were recorded by then\n(black mark: within {late_days} days)"
        )
        axis.legend(
            loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, handlelength=1.2, columnspacing=1.2
        )

    words = "; ".join(
        f"{names.get(row['agency'], row['agency'])}: half within {row['median_days']} days, 90 of 100 within "
        f"{row['p90_days']} days"
        for row in rows
    )
    height = 0.9 + 0.45 * max(1, len(rows)) + 0.2 * -(-len(bins) // 2)
    return svg("delays", "How soon events were recorded", words, _draw, height=height)


def delay_years(rows: Rows, names: Mapping[str, str]) -> str:
    """Draw, for each agency, the days within which 90 of 100 events were known, by year of recording.

    Parameters
    ----------
    rows : sequence of mappings
        ``delay_years`` of ``checks.json``: ``agency``, ``year``, ``p90_days``.
    names : mapping of str to str
        What agencies are called.
    """
    lines = _by(rows, "agency")

    def _draw(axis: Any) -> None:
        for at, (agency, mine) in enumerate(lines.items()):
            colour, style, marker = _LINES[at % len(_LINES)]
            axis.plot(
                [row["year"] for row in mine],
                [row["p90_days"] for row in mine],
                color=colour,
                linestyle=style,
                marker=marker,
                markersize=5,
                label=names.get(agency, agency),
            )
        axis.set_ylim(bottom=0)
        axis.xaxis.set_major_locator(_years_apart())
        axis.set_xlabel("Year in which they were recorded")
        axis.set_ylabel(wrapped("Days until 90 of 100 events were known", 24))
        axis.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, handlelength=2.6)

    words = "; ".join(
        f"{names.get(agency, agency)}: " + ", ".join(f"{row['year']} {row['p90_days']}" for row in mine)
        for agency, mine in lines.items()
    )
    height = 2.9 + 0.2 * -(-len(lines) // 2)
    return svg("delay-years", "Does recording become slower?", words, _draw, height=height)


def against_last(rows: Rows) -> str:
    """Draw rows by kind of file as a percentage of the intake before.

    Parameters
    ----------
    rows : sequence of mappings
        ``label``, ``rows_in``, ``rows_before``; those that fell most first.
    """
    places = range(len(rows))

    def _draw(axis: Any) -> None:
        shares = [100 * row["rows_in"] / row["rows_before"] for row in rows]
        axis.axvline(100, color=GREY, linestyle="--", linewidth=1)
        for place, row, share in zip(places, rows, shares, strict=True):
            low = share < 80
            axis.plot([100, share], [place, place], color=ORANGE if low else BLUE, linewidth=2)
            axis.plot(share, place, color=ORANGE if low else BLUE, marker="s" if low else "o", markersize=7)
            words = f"{row['rows_in']:,} ({share:.0f}%)"
            axis.annotate(words, (max(share, 100), place), xytext=(8, 0), textcoords="offset points", va="center",
                          fontsize=9)  # fmt: skip
        axis.set_yticks(places, [row["label"] for row in rows])
        axis.set(
            ylim=(len(rows) - 0.4, -0.6), xlim=(min(0.0, *shares), max(200.0, *(1.6 * s for s in shares)))
        )
        axis.set_xticks([0, 50, 100])
        axis.set_xlabel("Rows now, as a percentage of last time\n(dashed: as many as last time)")

    words = "; ".join(
        f"{row['label']}: {row['rows_before']:,} rows last time, {row['rows_in']:,} now" for row in rows
    )
    return svg("against-last", "Rows now and last time", words, _draw, height=1.0 + 0.4 * max(1, len(rows)))


def observed(rows: Rows, names: Mapping[str, str]) -> str:
    """Draw, for each agency, how many of 100 residents it observed: the last whole year, and the range of years.

    Parameters
    ----------
    rows : sequence of mappings
        ``observation`` of ``checks.json`` of whole years with residents: ``agency``, ``year``, ``people``, ``residents``.
    names : mapping of str to str
        What agencies are called.
    """
    lines = _by(rows, "agency")
    shares = {
        agency: [100 * row["people"] / row["residents"] for row in mine] for agency, mine in lines.items()
    }

    def _draw(axis: Any) -> None:
        for place, mine in enumerate(shares.values()):
            axis.plot(
                [min(mine), max(mine)], [place, place], color="#8fbfdf", linewidth=7, solid_capstyle="butt"
            )
            axis.plot(mine[-1], place, color=BLUE, marker="o", markersize=7)
            axis.annotate(f"{mine[-1]:.0f}", (max(mine), place), xytext=(9, 0), textcoords="offset points",
                          va="center")  # fmt: skip
        axis.set_yticks(range(len(shares)), [wrapped(names.get(agency, agency), 13) for agency in shares])
        axis.set(
            ylim=(len(shares) - 0.4, -0.6),
            xlim=(0, max([100.0, *(max(mine) for mine in shares.values())]) * 1.12),
        )
        axis.set_xlabel("Of 100 people who lived here,\nso many were observed")

    year = max(row["year"] for row in rows) if rows else ""
    words = "; ".join(
        f"{names.get(agency, agency)}: {mine[-1]:.0f} of 100 in {year}" for agency, mine in shares.items()
    )
    return svg("observed", "Who was observed by whom", words, _draw, height=0.8 + 0.42 * max(1, len(shares)))


def _by(rows: Rows, column: str) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


def _colour(row: Mapping[str, Any]) -> str:
    return _DECLARED if row["state"] == "declared_gap" else SHADES[row["shade"]]


def _fill(axis: Any, cells: Iterable[tuple[int, int, str]]) -> None:
    """Draw cells, those of one colour as one path: ten years of months stay small."""
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.path import Path

    boxes: dict[str, list[Any]] = {}
    for x, y, colour in cells:
        box = Rectangle((x, y - 0.28), 1, 0.56)
        boxes.setdefault(colour, []).append(box.get_transform().transform_path(box.get_path()))
    for colour, paths in sorted(boxes.items()):
        hatch = "////" if colour == _DECLARED else None
        whole = Path.make_compound_path(*paths)
        axis.add_patch(PathPatch(whole, facecolor=colour, edgecolor="white", linewidth=0, hatch=hatch))


def _mark(axis: Any, places: Sequence[tuple[int, int]]) -> None:
    """Put a triangle above months where events are missing: a thin cell alone is easily overlooked."""
    if places:
        x, y = zip(*places, strict=True)
        axis.plot([at + 0.5 for at in x], [at - 0.43 for at in y], color=ORANGE, marker="v", markersize=5.5,
                  linestyle="none", clip_on=False)  # fmt: skip


def _bare(axis: Any) -> None:
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)
    axis.tick_params(length=0)


def _strip_words(name: str, rows: Rows) -> str:
    missing = [row["month"] for row in rows if row["state"] == "empty"]
    low = [row["month"] for row in rows if row["state"] == "low"]
    total = sum(row["events"] for row in rows)
    words = f"{name}: {total:,} events from {rows[0]['month']} to {rows[-1]['month']}"
    words += f", nothing in {', '.join(missing)}" if missing else ""
    return words + (f", few in {', '.join(low)}" if low else "")


def _order(rows: Rows) -> list[str]:
    """Return kinds of fault, most rows first, what is other last."""
    sums: dict[str, int] = {}
    for row in rows:
        for fault, count in row["faults"].items():
            sums[fault] = sums.get(fault, 0) + count
    return sorted(sums, key=lambda fault: (fault == OTHER_FAULTS, -sums[fault], fault))


def _bin_words(bins: Sequence[int], at: int) -> str:
    if at == len(bins) - 1:
        return f"after {bins[at] - 1} days"
    last = bins[at + 1] - 1
    if last == 0:
        return "same day"
    return f"day {bins[at]}" if last == bins[at] else f"days {bins[at]} to {last}"


def _spread(colours: Sequence[str], count: int) -> list[str]:
    """Choose so many colours from light to dark, evenly."""
    return [colours[round(at * (len(colours) - 1) / max(1, count - 1))] for at in range(count)]


def _years_apart() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, integer=True)
