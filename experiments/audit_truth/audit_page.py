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
            "*that fitted model*, with that cut-off, does to all who could be drawn; it is worked out apart from the audit's own code, as an",
            f"integral. Offers go to {100 * results['capacity']:.0f} of 100. In the {results['target']} group something is recorded less than it is, so that more of them are",
            f"missed. An audit draws {results['resamples']:,} resamples of its young people ({results['resamples_of_many']} of more than {results['many']:,}). Ranges in",
            "brackets: 95%, for the number of replicates (Wilson). [Whole boroughs](boroughs.md), simulated and audited end to end, are on a page of their own.",
            "",
            "## False alarms and false reassurance",
            "",
            "A false alarm: *exceeds* where the truth lies within the tolerance. False reassurance: *within* where it does not. Each should happen in at most",
            "5 of 100 audits, over all statements of an audit together. Neither can happen in every audit: a false alarm needs a statement whose truth lies",
            "within the tolerance; false reassurance needs one whose truth lies beyond it, and a range narrow enough to fit inside. The shares are of",
            f"the audits in which it could happen. The tolerance of who is missed is {results['tolerance']:.2f}: gaps just inside and just outside are the hardest.",
            "",
            "| young people | true gap in who is missed | audits | alarm could be false in | is false, of 100 of these | some truth beyond tolerance in | reassurance could be false in | is false, of 100 of these | any range of a difference off the truth, of 100 audits |",
            "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
            *(_wrong(f"{one['n']:,} | {_gap(one)}", one) for one in scenarios),
            _together(scenarios),
            "",
            "The last column should be at most 5. With the spread of resamples alone it was more (8.4 of 100 in an earlier version), because of small numbers; since",
            "then a range reaches at least as far as the exact limits of both shares.",
            "",
            "## What it can see",
            "",
            "How often the gap in who is missed in that group gets each verdict. The last column is what the audit itself says it could have found nine",
            "times in ten (the middle one of its replicates).",
            "",
            "![How often a gap of each size is found](power.svg)",
            "",
            "| young people | true gap | exceeds | cannot tell | within | gap that the audit says it could find |",
            "|---:|---:|---:|---:|---:|---:|",
            *(
                f"| {one['n']:,} | {_gap(one)} | {rate(one['verdicts']['exceeds'], one['replicates'])} | "
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
    """Return so many of 100, with Wilson's 95% limits; a dash of none."""
    if n == 0:
        return "–"
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


def _gap(one: Json) -> str:
    """Return the mean true gap, with a third digit where the tolerance is near; no gap is 0, whatever integrals round to."""
    digits = 2 if one["gap_wanted"] == round(one["gap_wanted"], 2) else 3
    return f"{max(one['gap'], 0.0):.{digits}f}"


def _together(scenarios: list[Json]) -> str:
    names = ("replicates", "truth_within", "with_alarm", "truth_beyond", "could_reassure", "with_reassurance",
             "with_any_outside")  # fmt: skip
    return _wrong("together |", {name: sum(one[name] for one in scenarios) for name in names})


def _wrong(first: str, one: Json) -> str:
    cells = [
        f"{one['replicates']:,}",
        f"{one['truth_within']:,}",
        rate(one["with_alarm"], one["truth_within"]),
        f"{one['truth_beyond']:,}",
        f"{one['could_reassure']:,}",
        rate(one["with_reassurance"], one["could_reassure"]),
        rate(one["with_any_outside"], one["replicates"]),
    ]
    return f"| {first} | {' | '.join(cells)} |"


def _coverage(scenarios: list[Json], metric: str, size: str) -> str:
    found = [one["cells"][f"{metric}|{size}"] for one in scenarios if f"{metric}|{size}" in one["cells"]]
    total = sum(one["total"] for one in found)
    return rate(sum(one["inside"] for one in found), total) if total else "–"
