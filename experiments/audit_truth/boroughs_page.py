"""The page about whole boroughs: every number comes from the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist, mean
from typing import Any

from audit_page import METRICS, rate

Json = Mapping[str, Any]

NAMES = {
    "alike": "harm, records alike",
    "trees": "the same, xgboost",
    "unlike": "harm, searches unlike",
    "enforcement": "police suspect, searches unlike",
}
EXPLAINED = {
    "alike": "Nobody's records differ by group. The outcome is recorded harm; the truth is all harm.",
    "trees": "Other boroughs like these, with boosted trees in place of a logistic model.",
    "unlike": (
        "Black young people are searched 3.9 times as often as White ones who live alike, so that what models read differs. Harm itself is "
        "written down alike."
    ),
    "enforcement": (
        "The same boroughs. The outcome is being named by the police as a suspect of violence; the truth is having taken part in it. Who is named "
        "depends on who is searched, so that the label itself differs."
    ),
}
KINDS = (("recorded", "records"), ("true", "truth"))
TRUE_METRICS = ("tpr", "fnr", "fpr", "ppv", "prevalence", "observed_to_expected")
GAPS = ("selection_rate", "fnr", "ppv", "calibration_intercept")


def page(results: Json) -> str:
    """Return the page as Markdown."""
    arms = in_order(results["arms"])
    return "\n".join(
        [
            *_opening(arms, results["size"]),
            "",
            *_truths(arms),
            "",
            *_false(arms),
            "",
            *_coverage(arms),
            "",
            *_bounds(arms),
            "",
            *_warnings(arms),
            "",
            *_gaps(arms),
            "",
        ]
    )


def in_order(arms: Json) -> dict[str, Any]:
    """Return the arms in the order in which they are told."""
    return {name: arms[name] for name in NAMES if name in arms}


def _opening(arms: Json, size: int) -> list[str]:
    audits = sum(len(one["audits"]) for one in arms.values())
    boroughs = len({(one["study"], audit["seed"]) for one in arms.values() for audit in one["audits"]})
    return [
        "# Whole boroughs: does the audit say what is true?",
        "",
        "Made by `experiments/audit_truth/boroughs.py`; no number is typed. The cheap replicates are on [another page](README.md).",
        "",
        f"{boroughs} boroughs of {size:,} residents aged 5 to 17 were simulated, and on each a study was run whole: intake, features, split, models, offers,",
        f"audit, with its own settings but for one family of models and no outcome to compare with. That makes {audits} audits.",
        "",
        "**What an audit is held against.** Its offers are fixed: it speaks of *this fitted model with this cut-off*. So each model is taken to the young people",
        "of all *other* boroughs of its kind, none of whom it has seen, and makes offers there down to its own borough's cut-off score. What comes of",
        "that is counted twice: by what was recorded, which is all that an audit can know, and by what truly happened, which only a simulation knows. Ranges in",
        "brackets: 95% (Wilson).",
        "",
        *(f"- **{NAMES[name]}** (`{one['study']}.yaml`). {EXPLAINED[name]}" for name, one in arms.items()),
        "",
        "| | boroughs | young people audited, at two dates | with the outcome | held against, at least | different young people |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {NAMES[name]} | {one['boroughs']} | {_span(one, 'rows')} | {_span(one, 'outcomes')} | {one['pool_rows']:,} | {one['pool_people']:,} |"
            for name, one in arms.items()
        ),
    ]


def _span(arm: Json, name: str) -> str:
    values = [one[name] for one in arm["audits"]]
    return f"{min(values):,} to {max(values):,}"


def _truths(arms: Json) -> list[str]:
    return [
        "## How records were truly made",
        "",
        "Detection: the share of those to whom it happened who are recorded. Gamma: the odds ratio of being recorded for one standard deviation of the",
        "model's score (the middle model, and the lowest and highest). Then whether all three lie in the range of recordings that the study states, and in one that",
        "was stated anew for an outcome that is recorded far less often.",
        "",
        "| | group | detection | recorded falsely | gamma | in the stated range | in the one stated anew |",
        "|---|---|---:|---:|---:|---|---|",
        *(
            f"| {NAMES[name]} | {row['group']} | {row['detection']:.2f} | {row['false_recording']:.4f} | {row['gamma']:.2f} "
            f"({row['gamma_lowest']:.2f} to {row['gamma_highest']:.2f}) | {_in_range(row, 'stated')} | {_in_range(row, 'restated')} |"
            for name, one in arms.items()
            for row in one["recordings"]
            if row["attribute"] == "ethnicity"
        ),
        "",
        *_ranges(arms),
    ]


def _in_range(row: Json, stated: str) -> str:
    inside = row["in_range"].get(stated)
    if inside is None:
        return "–"
    if inside in (0, row["measured"]):
        return "yes" if inside else "no"
    return f"for {inside} of {row['measured']} models"


def _ranges(arms: Json) -> list[str]:
    """Return each range of recordings once, in words."""
    words = {"stated": "Stated", "restated": "Stated anew"}
    found = [
        f"- {words[which]}: {_range(one[which])}."
        for one in arms.values()
        for which in words
        if one[which] is not None
    ]
    return list(dict.fromkeys(found))


def _range(stated: Json) -> str:
    low_high = {name: f"{low:g} to {high:g}" for name, (low, high) in stated.items()}
    return f"detection {low_high['detection']}, recorded falsely {low_high['false_recording']}, gamma {low_high['gamma']}"


def _false(arms: Json) -> list[str]:
    cell = next(iter(arms.values()))["minimum_cell"]
    return [
        "## False alarms and false reassurance",
        "",
        "In how many of 100 audits any statement was a false alarm (*exceeds* where the difference lies within the tolerance), any a false reassurance (*within* where it",
        "does not), and any range of a difference did not hold it. Each should happen in at most 5 of 100, by what was recorded. The last column leaves out",
        f"ranges that rest on fewer than {cell} young people on one side, such as those offered support.",
        "",
        *_false_table(arms, "cut"),
        "",
        "The same where offers in the other boroughs go to the same *share* of young people, and not down to the same score:",
        "",
        *_false_table(arms, "share"),
    ]


def _false_table(arms: Json, way: str) -> list[str]:
    return [
        "| | by what | audits | statements | exceeds | within | with a false alarm | with false reassurance | with any range off | but for few |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {NAMES[name]} | {words} | {_false_row(one['audits'], f'{kind}|{way}')} |"
            for name, one in arms.items()
            for kind, words in KINDS
        ),
    ]


def _false_row(audits: Sequence[Json], against: str) -> str:
    n = len(audits)
    counts = [
        sum(one["statements"] for one in audits),
        *(sum(one["verdicts"].get(verdict, 0) for one in audits) for verdict in ("exceeds", "within")),
    ]
    shares = [
        rate(sum(one["against"][against][name] > 0 for one in audits), n)
        for name in ("alarms", "reassured", "outside")
    ]
    many = sum(one["against"][against]["outside"] > one["against"][against]["outside_few"] for one in audits)
    return " | ".join([str(n), *(f"{one:,}" for one in counts), *shares, rate(many, n)])


SIZES = {
    "enough": "groups large enough",
    "thin": "large enough, but few on one side",
    "few": "too few with the outcome",
}


def _coverage(arms: Json) -> list[str]:
    one = next(iter(arms.values()))
    lines = [
        "## Ranges of single numbers",
        "",
        f"How often a 95% range holds the number of the other boroughs: over groups with at least {one['minimum_outcomes']} young people with the outcome; over those of them in which fewer",
        f"than {one['minimum_cell']} young people stand on one side of the metric, such as those reached; and over groups with fewer with the outcome (which get no verdict). Groups of one audit",
        "are alike, so the brackets are too narrow. The other boroughs are not everybody either: the first row is how often a perfect range would hold their number.",
    ]
    for kind, words in (("recorded", "By what was recorded:"), ("true", "By what truly happened:")):
        lines += ["", words, "", *_coverage_table(arms, kind)]
    return lines


def _coverage_table(arms: Json, kind: str) -> list[str]:
    columns = [(name, size) for name in arms for size in SIZES]
    return [
        "| metric |" + "".join(f" {NAMES[name]}: {SIZES[size]} |" for name, size in columns),
        "|---|" + "---:|" * len(columns),
        "| a perfect range |" + "".join(f" {_at_best(arms[name])} |" for name, _ in columns),
        *(
            f"| {metric} |"
            + "".join(
                f" {_held(arms[name]['cells'], f'{kind}|cut|{metric}|{size}')} |" for name, size in columns
            )
            for metric in METRICS
        ),
    ]


def _at_best(arm: Json) -> str:
    """Return how often a perfect 95% range of one borough holds the mean of so many others, which is not exact either."""
    normal, others = NormalDist(), arm["pool_rows"] / mean(one["rows"] for one in arm["audits"])
    held = 2 * normal.cdf(normal.inv_cdf(0.975) / (1 + 1 / others) ** 0.5) - 1
    return f"{100 * held:.1f}"


def _held(cells: Json, name: str) -> str:
    found = cells.get(name)
    return rate(found["inside"], found["total"]) if found and found["total"] else "–"


def _bounds(arms: Json) -> list[str]:
    columns = [
        (name, which, where)
        for name, one in arms.items()
        for which in ("stated", "restated")
        for where in ("inside", "outside")
        if _any(one["bounds"], which, where)
    ]
    words = {
        ("stated", "inside"): "records as stated",
        ("stated", "outside"): "records not as stated",
        ("restated", "inside"): "records as stated anew",
        ("restated", "outside"): "records not as stated anew",
    }
    return [
        "## What unequal records could change",
        "",
        "How often the interval over a range of recordings holds the metric *under true labels*, in groups whose records were truly made as the range says, and in groups",
        "where they were not. It is meant to hold it at least 95 times in 100 in the first. In the second it may fail, and this shows how much.",
        "",
        "| metric |" + "".join(f" {NAMES[name]}: {words[which, where]} |" for name, which, where in columns),
        "|---|" + "---:|" * len(columns),
        *(
            f"| {metric} |"
            + "".join(
                f" {_held(arms[name]['bounds'], f'{which}|{metric}|{where}')} |"
                for name, which, where in columns
            )
            for metric in TRUE_METRICS
        ),
    ]


def _any(bounds: Json, which: str, where: str) -> bool:
    return any(name.startswith(f"{which}|") and name.endswith(f"|{where}") for name in bounds)


def _warnings(arms: Json) -> list[str]:
    return [
        "## Does the audit warn?",
        "",
        "Statements (*exceeds* or *within*) that have a tipping point. A warning: something in the stated range of recordings overturns the statement. What is false should have one;",
        "where nearly all that is true has one too, it tells little.",
        "",
        "| | false by the truth | of them with a warning | true by the truth | of them with a warning |",
        "|---|---:|---:|---:|---:|",
        *(f"| {NAMES[name]} | {_warned(one['audits'])} |" for name, one in arms.items()),
    ]


def _warned(audits: Sequence[Json]) -> str:
    cells = []
    for which in ("wrong", "right"):
        n, warned = (sum(one["warned"][name] for one in audits) for name in (which, f"{which}_warned"))
        cells += [f"{n:,}", rate(warned, n) if n else "–"]
    return " | ".join(cells)


def _gaps(arms: Json) -> list[str]:
    return [
        "## Where a plain audit cannot know",
        "",
        "![The gap in calibration of each ethnic group, by records and by the truth](boroughs.svg)",
        "",
        "The grey band is the tolerance.",
        "",
        "Each ethnic group less everyone else, in the other boroughs, on average over the models: by what was recorded, and as it truly was. Then the verdicts of the audits.",
        "",
        "| | metric | group | by records | truly | tolerance | exceeds | cannot tell | within | too few |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {NAMES[name]} | {row['metric']} | {row['group']} | {_number(row['recorded'])} | {_number(row['true'])} | {_number(row['tolerance'], '.3f')} | "
            + " | ".join(
                str(row["verdicts"].get(one, 0))
                for one in ("exceeds", "inconclusive", "within", "insufficient")
            )
            + " |"
            for name, one in arms.items()
            for metric in GAPS
            for row in one["gaps"]
            if row["metric"] == metric
        ),
    ]


def _number(value: float | None, how: str = "+.3f") -> str:
    return "–" if value is None else format(value, how)
