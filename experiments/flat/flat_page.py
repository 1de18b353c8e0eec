"""The results as a page; no number is typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ALLOWED = 0.01
_HEAD = (
    "file",
    "rows",
    "columns",
    "with the outcome, %",
    "better peer",
    "ours: selected",
    "behind the better peer (95% interval)",
    "best of ours",
    "within .01",
    "seconds",
    "peak MB",
)


def page(results: Mapping[str, Any]) -> str:
    """Return the page that tells the results.

    Parameters
    ----------
    results : mapping
        As ``results.json`` holds them.

    Returns
    -------
    str
        Markdown.
    """
    files = results["files"]
    near = sum(_near(one) for one in files)
    offered = sum(one["best_behind"] <= ALLOWED for one in files)
    simpler = sum(one["selected"] != "xgboost" for one in files)
    rows = "\n".join(_row(_cells(one)) for one in files)
    says = "\n".join(f"- `{one['file']}`: {one['says']}." for one in files)
    return f"""# Flat files: one YAML each, beside an untuned gradient boosting

Made by `compare_flat.py` (seed {results["seed"]}) from `results.json`; no number is typed.

Every file is read by the same few lines of YAML (`features_from: {{columns: ["*"]}}` and the outcome; weights, strata, clusters, official sides, delimiter and
encoding where the file has them), run whole, from the file to the model card, with default models, on two threads. The peers are scikit-learn's
`HistGradientBoostingClassifier` (the file's own columns, categories as categories) and `GradientBoostingClassifier` (our columns, medians for what is
missing), both untuned, in the same folds or on the same official test rows, with the same weights. Above {results["most_rows"]:,} rows only the first.
The *better* of the two is what ours is held against, chosen on the very rows it is judged on, which favours it.
Intervals: {results["replicates"]:,} resamples of people or clusters, both models in the same resamples.

**{near} of {len(files)} selected models are within .01 AUROC of the better peer or above it; {simpler} of {len(files)} are simpler than boosted trees.**
In {offered} of {len(files)} some family of ours is within .01: in the others of those, the rule of selection preferred a simpler one.

{_row(_HEAD)}
{_row(["---"] * len(_HEAD))}
{rows}

The files:

{says}

"Behind" below 0 means that ours is ahead. "Seconds" are of the whole run, card and audit included; "peak MB" is the most memory that one run, in a process of its own,
held.
"""


def _near(one: Mapping[str, Any]) -> bool:
    return bool(one["behind"]["estimate"] <= ALLOWED)


def _cells(one: Mapping[str, Any]) -> Sequence[str]:
    ours, best, gap = one["selected"], one["best_of_ours"], one["behind"]
    return (
        f"`{one['file']}`",
        f"{one['rows']:,}",
        str(one["columns"]),
        f"{100 * one['rate']:.0f}",
        f"{one['against']} {one['peers'][one['against']]:.3f}",
        f"{ours} {one['families'][ours]:.3f}",
        f"{gap['estimate']:.3f} ({gap['lower']:.3f} to {gap['upper']:.3f})",
        f"{best} {one['families'][best]:.3f}",
        "yes" if _near(one) else "**no**",
        f"{one['seconds']:.0f}",
        f"{one['peak_mb']:,.0f}",
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
