"""The page of the audit of the audit: every number comes from the results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
Z = 1.959963984540054


def page(results: Json) -> str:
    """Return the page as Markdown."""
    scenarios = results["scenarios"]
    quiet = [one for one in scenarios if one["thirty_confident"] is not None]
    return "\n".join(
        [
            "# Does the audit say what is true?",
            "",
            "Made by `experiments/audit_truth/audit_truth.py`; no number is typed. Young people are drawn directly, with facts, groups and what",
            "truly happened. A logistic regression is fitted to as many as are audited, and the audit is run on others. The truth is what",
            f"*that fitted model*, with that cut-off, does to {results['pool']:,} more; it is counted apart from the audit's own code. Offers go to",
            f"{100 * results['capacity']:.0f} of 100. In the {results['target']} group something is recorded less than it is, so that more of them are missed. Ranges",
            "in brackets: 95%, for the number of replicates (Wilson). [Whole boroughs](boroughs.md), simulated and audited end to end, are on a page of their own.",
            "",
            "## False alarms and false reassurance",
            "",
            "A false alarm: *exceeds* where the truth lies within the tolerance. False reassurance: *within* where it does not. Each should happen in at most",
            "5 of 100 audits, over all statements of an audit together.",
            "",
            "| young people | true gap in who is missed | audits | with a false alarm | with false reassurance | with any range of a difference off the truth |",
            "|---:|---:|---:|---:|---:|---:|",
            *(
                f"| {one['n']:,} | {one['gap']:.2f} | {one['replicates']:,} | {rate(one['with_alarm'], one['replicates'])} | "
                f"{rate(one['with_reassurance'], one['replicates'])} | {rate(one['with_any_outside'], one['replicates'])} |"
                for one in scenarios
            ),
            _together(scenarios),
            "",
            "## What it can see",
            "",
            "How often the gap in who is missed in that group gets each verdict. The last column is what the audit itself says it could have found nine",
            "times in ten (the middle one of its replicates).",
            "",
            "| young people | true gap | exceeds | cannot tell | within | gap that the audit says it could find |",
            "|---:|---:|---:|---:|---:|---:|",
            *(
                f"| {one['n']:,} | {one['gap']:.2f} | {rate(one['verdicts']['exceeds'], one['replicates'])} | "
                f"{rate(one['verdicts']['inconclusive'], one['replicates'])} | {rate(one['verdicts']['within'], one['replicates'])} | "
                f"{'–' if one['detectable'] is None else format(one['detectable'], '.2f')} |"
                for one in scenarios
            ),
            "",
            "## Ranges of single numbers",
            "",
            f"How often a 95% range holds the truth, over groups with at least {results['minimum_outcomes']} young people with the outcome (which get verdicts), and over",
            "smaller ones (which never do). Groups of one audit are alike, so the brackets are too narrow.",
            "",
            "| metric | groups large enough | smaller groups |",
            "|---|---:|---:|",
            *(
                f"| {metric} | {_coverage(scenarios, metric, 'enough')} | {_coverage(scenarios, metric, 'few')} |"
                for metric in METRICS
            ),
            "",
            "## A group of thirty, and groups that mean nothing",
            "",
            *(
                f"- In {one['replicates']:,} audits one group had thirty members. It got a confident verdict, alone or with a sex, {one['thirty_confident']:,} times."
                for one in quiet
            ),
            _shuffles(results["shuffles"]),
            "",
        ]
    )


METRICS = (
    "selection_rate",
    "tpr",
    "fnr",
    "fpr",
    "ppv",
    "calibration_intercept",
    "calibration_slope",
)


def rate(count: int, n: int) -> str:
    """Return so many of 100, with Wilson's 95% limits."""
    low, high = wilson(count, n)
    return f"{100 * count / n:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def wilson(count: int, n: int) -> tuple[float, float]:
    """Return Wilson's (1927) limits of a share."""
    share = count / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    reach = Z * (share * (1 - share) / n + Z**2 / (4 * n**2)) ** 0.5 / (1 + Z**2 / n)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _shuffles(found: Json) -> str:
    return (
        f"- Ethnicity was dealt out at random {found['n']:,} times. The audit said *exceeds* about any of the made-up groups in "
        f"{found['with_exceeds']:,} of them."
    )


def _together(scenarios: list[Json]) -> str:
    n = sum(one["replicates"] for one in scenarios)
    cells = [
        rate(sum(one[name] for one in scenarios), n)
        for name in ("with_alarm", "with_reassurance", "with_any_outside")
    ]
    return f"| together | | {n:,} | {' | '.join(cells)} |"


def _coverage(scenarios: list[Json], metric: str, size: str) -> str:
    found = [one["cells"][f"{metric}|{size}"] for one in scenarios if f"{metric}|{size}" in one["cells"]]
    total = sum(one["total"] for one in found)
    return rate(sum(one["inside"] for one in found), total) if total else "–"
