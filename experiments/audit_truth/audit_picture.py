"""The picture of the audit of the audit: how often a gap of each size is found, by the number of young people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit_page import wilson

from riskmodel.publish.figures.canvas import BLUE, GREEN, GREY, ORANGE, svg

_LOOKS = ((BLUE, "o", "-"), (ORANGE, "s", "--"), (GREEN, "^", ":"))


def power(results: Mapping[str, Any]) -> str:
    """Return the picture as SVG."""
    sizes = sorted({one["n"] for one in results["scenarios"]})
    lines = {
        n: sorted((o for o in results["scenarios"] if o["n"] == n), key=lambda o: o["gap"]) for n in sizes
    }

    def draw(axis: Any) -> None:
        for (colour, marker, style), (n, rows) in zip(_LOOKS, lines.items(), strict=False):
            gaps, shares = [100 * one["gap"] for one in rows], [100 * _found(one) for one in rows]
            axis.plot(gaps, shares, color=colour, marker=marker, linestyle=style, label=f"{n:,} young people")
            for gap, one in zip(gaps, rows, strict=True):
                ends = [100 * end for end in wilson(one["verdicts"]["exceeds"], one["replicates"])]
                axis.plot([gap, gap], ends, color=colour, linewidth=1)
        axis.axvline(100 * results["tolerance"], color=GREY, linewidth=1)
        axis.axhline(90, color=GREY, linestyle="--", linewidth=1)
        axis.set(
            ylim=(-3, 103),
            xlabel="True gap in who is missed, of 100.\nUpright line: the limit",
            ylabel="Found, of 100 audits",
        )
        axis.legend(loc="lower right")

    words = "; ".join(
        f"{n:,} young people: "
        + ", ".join(
            f"a gap of {100 * one['gap']:.1f} of 100 in {100 * _found(one):.0f} of 100 audits" for one in rows
        )
        for n, rows in lines.items()
    )
    return svg("power", "How often a gap of each size is found", words, draw, height=3.6)


def _found(one: Mapping[str, Any]) -> float:
    return float(one["verdicts"]["exceeds"] / one["replicates"])
