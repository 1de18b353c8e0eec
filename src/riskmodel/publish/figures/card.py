"""The figures of a model's card. Aggregates only, never a point for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from riskmodel.explain.words import counted, number_words, share_words
from riskmodel.publish.figures.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    Rows,
    few_ticks,
    say,
    svg,
    wrapped,
)
from riskmodel.publish.pages import capital

# 0.7 on log-odds is a factor of two.
_SPREAD_UNITS = {"log-odds": "\n(in log-odds: 0.7 about doubles\na small estimate)"}

_VERDICT = {"within": (BLUE, "o"), "exceeds": (ORANGE, "s"), "inconclusive": (GREY, "D"), "insufficient": (GREY, "x"),
            "chosen": (GREEN, "s"), "other": (BLUE, "o")}  # fmt: skip


def reliability(rows: Rows, *, past: str) -> str:
    """Draw what was estimated against what happened, in groups of people with like estimates.

    Parameters
    ----------
    rows : sequence of mappings
        ``risk``, ``observed``, ``lower``, ``upper`` as shares; null where suppressed.
    past : str
        The outcome in the past tense.
    """
    shown = [row for row in rows if row["risk"] is not None and row["observed"] is not None]

    def _draw(axis: Any) -> None:
        top = (
            max([row["upper"] or row["observed"] for row in shown] + [row["risk"] for row in shown] + [0.01])
            * 110
        )
        axis.plot(
            [0, top], [0, top], color=GREY, linestyle="--", linewidth=1.2, label="Estimates that are right"
        )
        _points(axis, [100 * row["risk"] for row in shown], shown, label="What happened, with 95% interval")
        axis.set(xlim=(0, top), ylim=(0, top))
        axis.set_xlabel("Estimated: of 100 young people, so many")
        axis.set_ylabel(wrapped(f"Of 100, so many {past}", 34))
        axis.legend(loc="lower right")

    return svg(
        "reliability", "Do the estimates come true?", _reliability_words(shown, past), _draw, height=4.0
    )


def decision_curve(rows: Rows, *, label: str) -> str:
    """Draw net benefit of offering by the model, to everyone and to nobody, against the threshold.

    Parameters
    ----------
    rows : sequence of mappings
        ``threshold``, ``net_benefit``, ``everyone`` and optionally ``lower``, ``upper``; null where undefined.
        Net benefit: Vickers and Elkin 2006.
    label : str
        The model in plain words.
    """
    shown = [row for row in rows if row["net_benefit"] is not None]

    def _draw(axis: Any) -> None:
        x = [100 * row["threshold"] for row in shown]
        axis.plot(
            x, [1000 * row["net_benefit"] for row in shown], color=BLUE, marker="o", label=f"Offer by {label}"
        )
        if shown and all(row.get("lower") is not None and row.get("upper") is not None for row in shown):
            low, high = ([1000 * row[end] for row in shown] for end in ("lower", "upper"))
            axis.fill_between(x, low, high, color=BLUE, alpha=0.18, linewidth=0, label="95% interval")
        everyone = [
            (100 * row["threshold"], 1000 * row["everyone"])
            for row in rows
            if row.get("everyone") is not None
        ]
        axis.plot(
            [x for x, _ in everyone],
            [y for _, y in everyone],
            color=ORANGE,
            linestyle="--",
            label="Offer to everyone",
        )
        axis.axhline(0, color=GREY, linestyle=":", label="Offer to nobody")
        heights = [1000 * row["net_benefit"] for row in shown] + [1.0]
        axis.set_ylim(-0.5 * max(heights), 1.4 * max(heights))
        axis.set_xlabel("Offer when the estimate is at least (of 100)")
        axis.set_ylabel("Net benefit per 1,000 young people")
        axis.legend(loc="upper right")

    words = "Net benefit counts young people rightly offered support, minus a small part for each offer that was not needed."
    return svg(
        "decision_curve", "When does the model help more than offering to all?", words, _draw, height=3.8
    )


def capacity(rows: Rows, *, own: float, past: str) -> str:
    """Draw recall and precision against the number of offers, with 95% intervals.

    Parameters
    ----------
    rows : sequence of mappings
        ``share``, ``recall`` and ``precision`` (results with ``estimate``, ``lower``, ``upper``), by ascending share.
    own : float
        The study's capacity, as a share of 1.
    past : str
        The outcome in the past tense.
    """
    panels = (
        ("recall", f"Of 100 who {past}, so many would be offered support"),
        ("precision", f"Of 100 offered support, so many {past}"),
    )

    def _draw(axes: Any) -> None:
        for axis, (key, title) in zip(axes, panels, strict=True):
            _curve_of_100(axis, rows, key)
            axis.axvline(100 * own, color=GREY, linestyle="--", linewidth=1, label="This study's capacity")
            axis.set_title(wrapped(title, 36), loc="left")
            axis.set(xlim=(0, None), ylim=(0, None))
            axis.xaxis.set_major_locator(few_ticks())
        axes[0].legend(loc="lower right")
        axes[-1].set_xlabel("Offers at each date,\nof 100 young people so many")

    words = "; ".join(
        f"offers to {100 * row['share']:g} of 100: {100 * row['recall']['estimate']:.0f} of 100 who {past} found, "
        f"{100 * row['precision']['estimate']:.0f} of 100 offered {past}"
        for row in rows
    )
    return svg("capacity", "What if there were more or fewer offers?", words, _draw, height=5.6, panels=2)


def offers(policies: Rows, *, past: str) -> str:
    """Draw, for each way of choosing, how many of 100 offered came to harm and how many of 100 harmed were offered.

    Parameters
    ----------
    policies : sequence of mappings
        The card's ``headline.policies``: ``label`` and two results with ``estimate``, ``lower``, ``upper``, each of 100.
    """
    panels = (
        ("harmed_per_100_offered", f"Of 100 offered support, so many {past}"),
        ("offered_per_100_harmed", f"Of 100 who {past}, so many were offered support"),
    )

    def _draw(axes: Any) -> None:
        for axis, (key, title) in zip(axes, panels, strict=True):
            _bars_of_100(axis, policies, key)
            axis.set_title(wrapped(title, 36), loc="left")

    return svg("offers", "Who would be offered support, and who missed?", _offers_words(policies, past), _draw,
                height=1.8 + 0.95 * len(policies), panels=2)  # fmt: skip


def fairness_intervals(rows: Rows, *, title: str, overall: float | None) -> str:
    """Draw one metric by group with intervals; a group that cannot be judged keeps its line and says why.

    Parameters
    ----------
    rows : sequence of mappings
        Rows of ``fairness.public.json`` of one attribute and metric.
    title : str
        What is measured, in plain words.
    overall : float or None
        The value for everyone.
    """
    places = list(range(len(rows), 0, -1))

    def _draw(axis: Any) -> None:
        axis.set(ylim=(0.4, len(rows) + 0.9), xlim=(0, 100))
        if overall is not None:
            axis.axvline(100 * overall, color=GREY, linestyle="--", linewidth=1)
            axis.annotate(
                "everyone",
                (100 * overall, len(rows) + 0.6),
                xytext=(3, 0),
                textcoords="offset points",
                color=GREY,
            )
        for place, row in zip(places, rows, strict=True):
            _interval(axis, place, row)
        axis.set_yticks(places, [wrapped(str(row["group"]), 20) for row in rows])
        axis.set_xlabel(wrapped(title, 36))

    attribute = str(rows[0]["attribute"]) if rows else "group"
    words = "; ".join(f"{row['group']}: {_value_words(row)}" for row in rows)
    return svg(
        f"fairness-{attribute}",
        f"{title}, by {attribute}",
        words,
        _draw,
        height=1.4 + 0.42 * max(1, len(rows)),
    )


def ranking_by_group(rows: Rows, spread: Mapping[str, Any], *, kind: str, past: str) -> str:
    """Draw the AUROC of each held-out area, school or date, their average, and where one more would lie.

    Parameters
    ----------
    rows : sequence of mappings
        ``group``, ``estimate``, ``lower``, ``upper`` as shares, ``status``; null where it may not be shown.
    spread : mapping
        ``estimate``, ``further_lower`` and ``further_upper``, null where they cannot be told.
    kind : str
        ``area``, ``school`` or ``date``.
    past : str
        The outcome in the past tense.
    """
    lowest = min([0.5, *(row["lower"] for row in rows if row["lower"] is not None)])
    places = list(range(len(rows), 0, -1))

    def _draw(axis: Any) -> None:
        axis.set(ylim=(0.4, len(rows) + 0.6), xlim=(100 * lowest - 2, 100))
        if spread["status"] == "ok":
            ends = (100 * max(lowest - 0.02, spread["further_lower"]), 100 * spread["further_upper"])
            axis.axvspan(*ends, color=GREY, alpha=0.18, label=f"One more {kind}, 19 times in 20")
            axis.axvline(100 * spread["estimate"], color=GREY, linestyle="--", linewidth=1, label="Average")
            axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1 + 0.75 / (len(rows) + 0.2)), ncols=2)
        for place, row in zip(places, rows, strict=True):
            _interval(axis, place, row)
        axis.set_yticks(places, [wrapped(capital(str(row["group"])), 20) for row in rows])
        axis.set_xlabel(
            wrapped(
                f"Of 100 pairs, one who {past} and one who did not, so many in the right order (50: a coin toss)",
                40,
            )
        )

    words = "; ".join(f"{row['group']}: {_value_words(row)}" for row in rows)
    return svg(
        "heterogeneity",
        f"How well are young people put in order, by {kind}?",
        words,
        _draw,
        height=1.9 + 0.42 * len(rows),
    )


def learning_curves(lines: Rows) -> str:
    """Draw the AUROC of each family after learning from rising shares of the households, with 95% intervals.

    Parameters
    ----------
    lines : sequence of mappings
        ``label`` and ``points``, each with ``share``, ``estimate``, ``lower`` and ``upper`` as shares of 1.
    """
    styles = ((BLUE, "o", "-"), (ORANGE, "s", "--"))

    def _draw(axis: Any) -> None:
        for i, (line, (colour, marker, dashes)) in enumerate(zip(lines, styles, strict=False)):
            beside = 1.6 * (i - (len(lines) - 1) / 2)  # so that intervals do not hide one another
            x = [100 * one["share"] + beside for one in line["points"]]
            axis.plot(
                x,
                [100 * one["estimate"] for one in line["points"]],
                color=colour,
                marker=marker,
                linestyle=dashes,
                label=line["label"],
            )
            ends = ([100 * one[end] for one in line["points"]] for end in ("lower", "upper"))
            axis.vlines(x, *ends, color=colour, linewidth=1.4)
        axis.set_xlim(0, 104)
        axis.set_xlabel("Learned from, of 100 households")
        axis.set_ylabel(wrapped("Of 100 pairs, so many in the right order (50: a coin toss)", 34))
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.28), ncols=1)

    words = "; ".join(
        f"{line['label']}: "
        + ", ".join(f"{one['words']} from {share_words(one['share'])}" for one in line["points"])
        for line in lines
    )
    return svg("learning_curve", "Would more young people's records help?", words, _draw, height=3.6)


def importance_bars(rows: Rows) -> str:
    """Draw what moves the estimates most, by concept (shap's bar plot).

    Parameters
    ----------
    rows : sequence of mappings
        ``description`` and ``share`` (of all movement), largest first; at most the first ten.
    """
    shown = [row for row in rows if row["share"] is not None][:10]

    def _draw(axis: Any) -> None:
        if not shown:
            say(axis, "Nothing moves this model's estimates.")
            return
        from riskmodel.explain.shap_bars import draw_importance

        draw_importance(
            axis,
            labels=[wrapped(capital(str(row["description"])), 20) for row in shown],
            # Ties keep the order that they are given in; so small a step cannot be seen.
            sizes=[100 * row["share"] - 1e-6 * place for place, row in enumerate(shown)],
            x_label="Of all that moves estimates\nup or down, so many of 100",
        )

    words = "; ".join(f"{row['description']}: {100 * row['share']:.0f}%" for row in shown)
    return svg(
        "importance", "What moves the estimates most?", words, _draw, height=1.1 + 0.55 * max(1, len(shown))
    )


def spread(entries: Rows, *, unit: str = "") -> str:
    """Draw, for each top feature, the middle half of its contributions by bins of its value; nothing is a person.

    Parameters
    ----------
    entries : sequence of mappings
        ``spread`` of ``explanations.json``: each with ``description`` and ``bins``.
    unit : str, optional
        Unit of the contributions; ``log-odds`` is explained.
    """
    lines = [one for entry in entries for one in entry["bins"]]

    def _draw(axis: Any) -> None:
        if not lines:
            say(axis, "Too few young people to show.")
            return
        place, ticks, names = 0.0, [], []
        for entry in entries:
            heading = wrapped(capital(str(entry["description"])), 34)
            place -= 0.75 * heading.count("\n")
            axis.text(
                0, place - 0.3, heading, va="bottom", transform=axis.get_yaxis_transform(), weight="bold"
            )
            # The line at zero stops short of the headings.
            axis.plot([0, 0], [place - 0.5, place - len(entry["bins"]) - 0.5], color=GREY, linewidth=1)
            for one in entry["bins"]:
                place -= 1
                _spread_bin(axis, place, one)
                ticks.append(place)
                names.append(_bin_words(one, entry["unit"]))
            place -= 1.2
        axis.set_yticks(ticks, names)
        axis.spines["left"].set_visible(False)  # it would touch the headings
        axis.tick_params(axis="y", length=0)
        axis.set_ylim(place + 0.6, 0.6)
        axis.set_xlabel("← lowers the estimate    |    raises it →" + _SPREAD_UNITS.get(unit, ""))

    words = "Each bar is the middle half of at least ten young people whose records hold like values; the mark is the median."
    height = 1.3 + 0.27 * len(lines) + 0.6 * len(entries)
    return svg("spread", "How values move the estimates", words, _draw, height=height)


def selection(rows: Rows, *, past: str) -> str:
    """Draw why one family was chosen: how useful each is, and how far behind the best in usefulness and in ordering.

    Parameters
    ----------
    rows : sequence of mappings
        The card's ``performance.selection``, the simplest first.
    past : str
        The outcome in the past tense.
    """
    places = list(range(len(rows), 0, -1))
    labels = [f"{row['label']} (chosen)" if row["chosen"] else str(row["label"]) for row in rows]
    panels: tuple[tuple[str, Callable[[Any, float, Mapping[str, Any]], None]], ...] = (
        (f"Of 100 who {past}, so many would be offered support (95% interval)", _found),
        (
            "Behind the most useful, of 100 (bar: one standard error)",
            partial(_behind, name="found_behind", scale=100),
        ),
        (
            "Behind the best ordering, in AUROC (bar: one standard error)",
            partial(_behind, name="ordering_behind", scale=1),
        ),
    )

    def _draw(axes: Any) -> None:
        for axis, (title, draw_row) in zip(axes, panels, strict=True):
            axis.set(ylim=(0.4, len(rows) + 0.6))
            axis.set_yticks(places, [wrapped(label, 19) for label in labels])
            axis.set_title(wrapped(title, 36), loc="left")
            for place, row in zip(places, rows, strict=True):
                draw_row(axis, place, row)
            axis.margins(x=0.08)
        axes[0].set_xlim(left=0)
        for axis in axes[1:]:
            axis.axvline(0, color=GREY, linestyle="--", linewidth=1)

    words = "; ".join(f"{row['label']}: {row['words']}, {_value_words(row['found'])}" for row in rows)
    return svg("selection", "Why was this model chosen?", words, _draw,
               height=2.4 + 1.35 * max(1, len(rows)), panels=3)  # fmt: skip


def _mark(row: Mapping[str, Any]) -> dict[str, Any]:
    colour, marker = _VERDICT["chosen" if row["chosen"] else "other"]
    return {"color": colour, "marker": marker, "markersize": 6}


def _found(axis: Any, place: float, row: Mapping[str, Any]) -> None:
    _interval(axis, place, {**row["found"], "verdict": "chosen" if row["chosen"] else "other"})


def _behind(axis: Any, place: float, row: Mapping[str, Any], *, name: str, scale: float) -> None:
    """Draw how far behind the best a family is; a bar that reaches the line at 0 means: close enough."""
    behind = row[name]
    if behind is None:
        axis.annotate(
            "too few to show", (0, place), xytext=(4, 0), textcoords="offset points", va="center", color=GREY
        )
        return
    middle, reach = scale * behind["estimate"], scale * behind["standard_error"]
    axis.plot([middle - reach, middle + reach], [place, place], color=_mark(row)["color"], linewidth=2)
    axis.plot(middle, place, **_mark(row))


def attrition(steps: Rows) -> str:
    """Draw how many rows each rule leaves.

    Parameters
    ----------
    steps : sequence of mappings
        ``rule`` and ``rows_left``, rounded; null where hidden.
    """
    places = list(range(len(steps), 0, -1))

    def _draw(axis: Any) -> None:
        axis.barh(places, [row["rows_left"] or 0 for row in steps], color=BLUE, height=0.55)
        for place, row in zip(places, steps, strict=True):
            left = "hidden" if row["rows_left"] is None else f"{row['rows_left']:,}"
            axis.annotate(
                left, (row["rows_left"] or 0, place), xytext=(4, 0), textcoords="offset points", va="center"
            )
        axis.set_yticks(places, [wrapped(capital(str(row["rule"])), 20) for row in steps])
        axis.set_xlim(0, 1.25 * max([row["rows_left"] or 0 for row in steps] + [1]))
        axis.set_ylim(0.4, len(steps) + 0.6)
        axis.set_xlabel("Rows left (one young person\nat one date is one row)")
        axis.xaxis.set_major_locator(few_ticks())

    words = "; ".join(
        f"{row['rule']}: {'hidden' if row['rows_left'] is None else row['rows_left']}" for row in steps
    )
    return svg("attrition", "Who is counted", words, _draw, height=1.1 + 0.62 * max(1, len(steps)))


def _points(axis: Any, x: Sequence[float], rows: Rows, *, label: str) -> None:
    y = [100 * row["observed"] for row in rows]
    low = [
        max(0.0, 100 * (row["observed"] - (row["observed"] if row["lower"] is None else row["lower"])))
        for row in rows
    ]
    high = [
        max(0.0, 100 * ((row["observed"] if row["upper"] is None else row["upper"]) - row["observed"]))
        for row in rows
    ]
    axis.errorbar(x, y, yerr=[low, high], color=BLUE, marker="o", linestyle="none", capsize=3, label=label)


def _curve_of_100(axis: Any, rows: Rows, key: str) -> None:
    x = [100 * row["share"] for row in rows]
    middle, low, high = ([100 * row[key][end] for row in rows] for end in ("estimate", "lower", "upper"))
    axis.plot(x, middle, color=BLUE, marker="o", label="This model")
    axis.fill_between(x, low, high, color=BLUE, alpha=0.18, linewidth=0, label="95% interval")


def _bars_of_100(axis: Any, policies: Rows, key: str) -> None:
    places = list(range(len(policies), 0, -1))
    for place, policy in zip(places, policies, strict=True):
        result = policy[key]
        if result["estimate"] is None:
            axis.annotate(
                result["words"],
                (0, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=GREY,
            )
            continue
        axis.barh(place, result["estimate"], color=BLUE if policy.get("main") else "#9db9d3", height=0.6)
        if result["lower"] is not None and result["upper"] is not None:
            axis.plot([result["lower"], result["upper"]], [place, place], color=INK, linewidth=1.5)
        edge = result["estimate"] if result["upper"] is None else max(result["estimate"], result["upper"])
        axis.annotate(
            number_words(result["estimate"]),
            (edge, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    axis.set_yticks(places, [wrapped(str(policy["label"]), 19) for policy in policies])
    axis.set(xlim=(0, 110), ylim=(0.4, len(policies) + 0.6))
    axis.set_xticks([0, 25, 50, 75, 100])


def _interval(axis: Any, place: float, row: Mapping[str, Any]) -> None:
    if row["estimate"] is None:
        axis.annotate(
            _value_words(row),
            (axis.get_xlim()[0], place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=GREY,
        )
        return
    colour, marker = _VERDICT.get(str(row.get("verdict")), (BLUE, "o"))
    if row["lower"] is not None and row["upper"] is not None:
        axis.plot([100 * row["lower"], 100 * row["upper"]], [place, place], color=colour, linewidth=2)
    axis.plot(100 * row["estimate"], place, color=colour, marker=marker, markersize=6)


def _spread_bin(axis: Any, place: float, one: Mapping[str, Any]) -> None:
    axis.plot(
        [one["lower"], one["upper"]],
        [place, place],
        color=BLUE,
        linewidth=7,
        alpha=0.4,
        solid_capstyle="butt",
    )
    axis.plot(one["median"], place, color=INK, marker="|", markersize=9, markeredgewidth=2)


def _bin_words(one: Mapping[str, Any], unit: str) -> str:
    if one["value_median"] is None:
        return "not recorded"
    if unit == "yes or no":
        return "yes" if one["value_median"] > 0 else "no"
    if unit == "share":
        return share_words(one["value_median"])
    return counted(one["value_median"], unit)


def _value_words(row: Mapping[str, Any]) -> str:
    if row["estimate"] is None:
        return {
            "suppressed": "too few to show",
            "protected": "not shown",
            "undefined": "cannot be worked out",
        }.get(str(row.get("status")), "not measured")
    middle = f"{100 * row['estimate']:.0f} of 100"
    if row["lower"] is None or row["upper"] is None:
        return middle
    return f"{middle} ({100 * row['lower']:.0f} to {100 * row['upper']:.0f})"


def _reliability_words(rows: Rows, past: str) -> str:
    return "; ".join(
        f"estimated {100 * row['risk']:.1f} of 100, {100 * row['observed']:.1f} {past}" for row in rows
    )


def _offers_words(policies: Rows, past: str) -> str:
    return "; ".join(
        f"{policy['label']}: of 100 offered, {policy['harmed_per_100_offered']['words']} {past}; "
        f"of 100 who {past}, {policy['offered_per_100_harmed']['words']} offered"
        for policy in policies
    )
