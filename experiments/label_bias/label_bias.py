"""Do the label-bias intervals hold the truth? Young people are made up whose true and recorded outcomes are both known.

Scores, true outcomes, records and offers are drawn directly, many times over. Each time the package's bounds are worked out from the
records alone, and compared with the metrics under true labels, which follow from the recipe by numerical integration and not
from the package's formulas. The same is done for tipping points. Writes ``results.json`` and ``README.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

from riskmodel.audit.groups import Grouping
from riskmodel.audit.label_bounds import PeopleBehind, bounds, recordings
from riskmodel.audit.recording import FACE_VALUE, TRUE_METRICS, RecordedSums, Recording, recorded_sums
from riskmodel.audit.report import Difference
from riskmodel.audit.spec import RecordingSpec
from riskmodel.audit.tipping import gammas_needed, pairs, tipping_points
from riskmodel.tables.cohort import FloatArray
from riskmodel.validate import ScoredRows, resample

HERE = Path(__file__).parent
SHARE = (0.6, 0.4)  # of the two groups
MEAN = (0.0, 0.3)  # of their scores, whose standard deviation is 1
LEVEL = -3.2  # log-odds of the outcome at score 0; they rise by 1 for each 1 of the score
CUT = 1.3  # above it, support is offered; half of the offers that there could be between it and 0.2 below
RESAMPLES = 400
GRID = np.linspace(-8.5, 8.5, 4001)
GROUPING = (("first",), ("second",))
_ENOUGH = np.ones((2, 6), dtype=np.bool_)
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Scenario:
    """How records are truly made in each group, and the range that people stated."""

    words: str
    truth: tuple[Recording, Recording]
    stated: RecordingSpec
    inside: bool


SCENARIOS = {
    "right": Scenario("records are right", (Recording(), Recording()), RecordingSpec(), inside=True),
    "inside": Scenario(
        "well inside the range", (Recording(0.7, 0.0005, 1.3), Recording(0.5, 0.0005, 0.8)), RecordingSpec(), inside=True,
    ),
    "end": Scenario(
        "each group at another end of the range", (Recording(0.4, 0.0, 1.6), Recording(1.0, 0.001, 0.625)), RecordingSpec(), inside=True,
    ),
    "narrow": Scenario(
        "at the end of a narrow range", (Recording(0.6, 0.001, 1.2), Recording(0.6, 0.001, 1.2)),
        RecordingSpec(detection=(0.58, 0.6), false_recording=(0.001, 0.001), gamma=(1.15, 1.2)), inside=True,
    ),
    "outside": Scenario(
        "outside the range", (Recording(0.25, 0.003, 2.5), Recording(0.25, 0.003, 0.4)), RecordingSpec(), inside=False,
    ),
}  # fmt: skip

# metric, verdict, path, and how far the tolerance lies from the difference as recorded
STATEMENTS = (
    ("fnr", "within", "anything", 0.04),
    ("fnr", "exceeds", "anything", 0.04),
    ("ppv", "within", "detection", 0.06),
    ("ppv", "exceeds", "detection", 0.03),
    ("fpr", "exceeds", "anything", 0.01),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment and write its results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=1000, help="how often people are drawn (default: 1,000)")
    parser.add_argument("--people", type=int, default=10_000, help="young people each time (default: 10,000)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and README.md")
    arguments = parser.parse_args(argv)
    found = measure(times=arguments.times, people=arguments.people)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "results.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (arguments.out / "README.md").write_text(page(found), encoding="utf-8")
    return 0


def measure(*, times: int, people: int) -> dict[str, Any]:
    """Return how often intervals held the truth, by scenario, and how often tipping points' did."""
    scenarios = {}
    for name, one in SCENARIOS.items():
        print(f"{name}: {one.words}", file=sys.stderr, flush=True)
        scenarios[name] = _coverage(one, times=times, people=people)
    print("tipping points", file=sys.stderr, flush=True)
    return {
        "times": times,
        "people": people,
        "resamples": RESAMPLES,
        "scenarios": scenarios,
        "tipping": _tipping(SCENARIOS["inside"], times=times, people=people),
    }


def drawn(scenario: Scenario, *, people: int, seed: int) -> tuple[ScoredRows, Grouping]:
    """Draw young people and what was recorded of them."""
    rng = np.random.default_rng(seed)
    group = (rng.random(people) < SHARE[1]).astype(np.int64)
    score = rng.normal(np.array(MEAN)[group], 1.0)
    happened = rng.random(people) < expit(LEVEL + score)
    recorded = np.zeros(people, dtype=np.int8)
    for g, one in enumerate(scenario.truth):
        own = group == g
        chance = np.where(happened[own], detected(one, g)(score[own]), one.false_recording)
        recorded[own] = rng.random(int(own.sum())) < chance
    rows = ScoredRows(
        raw=score, risk=expit(LEVEL + score), outcome=recorded, weight=np.ones(people),
        offered=offers(score), subject_id=np.arange(people),
    )  # fmt: skip
    return rows, Grouping("group", GROUPING, group)


def offers(score: FloatArray) -> FloatArray:
    """Return the chance of being offered support."""
    return np.where(score > CUT, 1.0, np.where(score > CUT - 0.2, 0.5, 0.0))


def density(g: int) -> FloatArray:
    """Return how the scores of a group are spread over the grid; adds up to 1."""
    at = norm.pdf(GRID, MEAN[g], 1.0)
    spread: FloatArray = at / at.sum()
    return spread


def detected(one: Recording, g: int) -> Any:
    """Return P(recorded | happened, score) as a function of the score: its mean over those to whom it happened is the detection."""
    d, f = one.detection, one.false_recording
    if d == 1:
        return np.ones_like

    def chance(level: float, score: FloatArray) -> FloatArray:
        noticed: FloatArray = expit(level + np.log(one.gamma) * np.clip(score - MEAN[g], -4, 4))
        return noticed + (1 - noticed) * f

    happened = density(g) * expit(LEVEL + GRID)
    level = brentq(lambda a: (happened * (chance(a, GRID) - d)).sum(), -12, 12)
    return lambda score: chance(level, score)


def true_metrics(g: int) -> dict[str, float]:
    """Return a group's metrics under true labels, integrated over the score."""
    return _metrics(g, expit(LEVEL + GRID))


def _metrics(g: int, outcome: FloatArray) -> dict[str, float]:
    weight, offered = density(g), offers(GRID)
    total, hits, all_offers = (
        (weight * outcome).sum(),
        (weight * outcome * offered).sum(),
        (weight * offered).sum(),
    )
    values = (
        hits / total, 1 - hits / total, (all_offers - hits) / (1 - total), hits / all_offers, total,
        total / (weight * expit(LEVEL + GRID)).sum(),
    )  # fmt: skip
    return {name: float(value) for name, value in zip(TRUE_METRICS, values, strict=True)}


def _recorded(one: Recording, g: int) -> FloatArray:
    happened: FloatArray = expit(LEVEL + GRID)
    found: FloatArray = happened * detected(one, g)(GRID) + (1 - happened) * one.false_recording
    return found


def corrected(recorded: FloatArray, assumed: Recording, g: int) -> dict[str, float]:
    """Return the metrics that an assumed recording makes of what is recorded at each score, solved at each score."""
    d, f = assumed.detection, assumed.false_recording
    weight = density(g)

    def truth(level: float) -> tuple[FloatArray, FloatArray]:
        noticed = expit(level + np.log(assumed.gamma) * np.clip(GRID - MEAN[g], -4, 4))
        chance = noticed + (1 - noticed) * f
        return (recorded - f) / (chance - f), chance

    if d == 1:
        return _metrics(g, (recorded - f) / (1 - f))

    def surplus(level: float) -> float:
        outcome, chance = truth(level)
        return float((weight * (chance - d) * outcome).sum())

    return _metrics(g, truth(brentq(surplus, -12, 12))[0])


def _sums(rows: ScoredRows, grouping: Grouping, stated: RecordingSpec, *, seed: int) -> RecordedSums:
    gammas = {*gammas_needed(stated), *(one.gamma for one in recordings(stated))}
    draws = resample(rows.subject_id, replicates=RESAMPLES, seed=seed)
    return recorded_sums(rows, grouping, draws, gammas, threads=1)


def _coverage(scenario: Scenario, *, times: int, people: int) -> dict[str, Any]:
    truth = [true_metrics(g) for g in (0, 1)]
    held: Counter[tuple[str, str, int]] = Counter()
    for time in range(times):
        rows, grouping = drawn(scenario, people=people, seed=100_000 + time)
        sums = _sums(rows, grouping, scenario.stated, seed=time)
        behind = PeopleBehind(rows, grouping)
        for way, over in (("range", recordings(scenario.stated)), ("records", (FACE_VALUE,))):
            for one in bounds(sums, grouping, behind, over=over, minimum_cell=10):
                g = grouping.groups.index(one.group)
                if one.lower is None or one.upper is None:
                    continue
                held[f"{way} given", one.metric, g] += 1
                held[way, one.metric, g] += one.lower <= truth[g][one.metric] <= one.upper
    return {
        "words": scenario.words,
        "inside": scenario.inside,
        "truth": [asdict(one) for one in scenario.truth],
        "stated": scenario.stated.model_dump(mode="json", exclude={"need"}),
        "rows": [
            {
                "metric": metric,
                "group": grouping_name(g),
                "true": truth[g][metric],
                "range": coverage(held["range", metric, g], held["range given", metric, g]),
                "records": coverage(held["records", metric, g], held["records given", metric, g]),
            }
            for metric in TRUE_METRICS
            for g in (0, 1)
        ],
    }


def grouping_name(g: int) -> str:
    """Return the name of a group."""
    return GROUPING[g][0]


def coverage(held: int, given: int) -> dict[str, Any]:
    """Return how often, of how many, and the Monte Carlo interval of the share (Wilson 1927)."""
    if not given:
        return {"held": 0, "given": 0, "share": None, "lower": None, "upper": None}
    share, weight = held / given, Z95**2 / given
    middle = (share + weight / 2) / (1 + weight)
    half = Z95 * np.sqrt(share * (1 - share) / given + weight / (4 * given)) / (1 + weight)
    return {
        "held": held,
        "given": given,
        "share": share,
        "lower": float(middle - half),
        "upper": float(min(1, middle + half)),
    }


def _tipping(scenario: Scenario, *, times: int, people: int) -> list[dict[str, Any]]:
    truths = [true_tipping_point(scenario, *one) for one in STATEMENTS]
    held = [0] * len(STATEMENTS)
    given = [0] * len(STATEMENTS)
    for time in range(times):
        rows, grouping = drawn(scenario, people=people, seed=500_000 + time)
        sums = _sums(rows, grouping, scenario.stated, seed=time)
        for i, one in enumerate(truths):
            row = next(
                row
                for row in tipping_points(sums, grouping, [one.statement], scenario.stated, enough=_ENOUGH)
                if row.path == one.path
            )
            if row.status != "undefined":
                given[i] += 1
                lower, upper = (
                    np.inf if end is None else end for end in (row.difference_lower, row.difference_upper)
                )
                held[i] += lower <= one.tipping_point <= upper
    return [
        {
            "metric": one.statement.metric, "verdict": one.statement.verdict, "path": one.path,
            "difference": one.statement.estimate, "tolerance": one.statement.tolerance,
            "tipping_point": one.tipping_point, **coverage(held[i], given[i]),
        }
        for i, one in enumerate(truths)
    ]  # fmt: skip


@dataclass(frozen=True)
class TrueTip:
    """A statement about the second group, and its tipping point among everybody there could be."""

    statement: Difference
    path: str
    tipping_point: float


def true_tipping_point(scenario: Scenario, metric: Any, verdict: Any, path: Any, distance: float) -> TrueTip:
    """Walk the path in steps of 1 in 200, with the metrics solved at each score and no resample."""
    recorded = [_recorded(one, g) for g, one in enumerate(scenario.truth)]
    ends = pairs(scenario.stated)[path]

    def gaps(share: float) -> list[float]:
        own, rest = (
            {
                end: corrected(recorded[g], end.part_way(share), g)[metric]
                for end in {pair[i] for pair in ends}
            }
            for i, g in enumerate((1, 0))
        )
        return [own[a] - rest[b] for a, b in ends]

    found = gaps(0.0)[0]
    tolerance = abs(found) + distance if verdict == "within" else abs(found) - distance
    statement = Difference(
        "made up", "group", grouping_name(1), metric, found, found, found, tolerance, None, verdict
    )

    def slack(share: float) -> float:
        now = np.array(gaps(share))
        if verdict == "within":
            return float(tolerance - np.abs(now).max())
        return float((now * np.sign(found)).min() - tolerance)

    for step in range(1, 201):
        if slack(step / 200) <= 0:
            return TrueTip(statement, path, float(brentq(slack, (step - 1) / 200, step / 200, xtol=1e-5)))
    raise ValueError(f"nothing in the range overturns {metric} {verdict}")


def page(found: Mapping[str, Any]) -> str:
    """Return the page; every number comes from the results."""
    lines = [
        "# Do the label-bias intervals hold the truth?", "",
        f"Made-up young people only: {found['people']:,} each time, drawn {found['times']:,} times, {found['resamples']} resamples each. The page is made by",
        "`python experiments/label_bias/label_bias.py`; no number is typed. Behind each share, its Monte Carlo interval (95%).", "",
        "The truth is each group's metric under true labels, integrated over the score. *Range* is the interval over the stated range of recordings; it is",
        "meant to hold the truth at least 95 times in 100 if the recording lies in the range; well inside it, it holds it nearly always. *Records* is the usual",
        "interval, which takes records at face value.", "",
    ]  # fmt: skip
    for one in found["scenarios"].values():
        lines += [
            f"## The recording is {one['words']}"
            if one["words"] != "records are right"
            else "## The records are right",
            "",
        ]
        lines += [_truth_words(g, truth) for g, truth in enumerate(one["truth"])]
        lines += ["", "| metric | group | true | range holds it | records hold it |", "|---|---|---|---|---|"]
        lines += [
            f"| {row['metric']} | {row['group']} | {row['true']:.3f} | {_share(row['range'])} | {_share(row['records'])} |"
            for row in one["rows"]
        ]
        lines += [""]
    lines += [
        "## Tipping points", "",
        "Records as in *well inside the range*. The tolerance is set so that the difference of the second group tips inside the range: this is where the difference",
        "itself meets the tolerance. Where a statement about it falls is a property of the data at hand and has no interval.", "",
        "| metric | statement | path | difference | tolerance | true tipping point | interval holds it |", "|---|---|---|---|---|---|---|",
        *(
            f"| {row['metric']} | {row['verdict']} | {row['path']} | {row['difference']:.3f} | {row['tolerance']:.3f} | {row['tipping_point']:.3f} | {_share(row)} |"
            for row in found["tipping"]
        ), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _truth_words(g: int, truth: Mapping[str, float]) -> str:
    return (
        f"- {grouping_name(g)} group: detection {truth['detection']:g}, false recording {truth['false_recording']:g}, "
        f"gamma {truth['gamma']:g}"
    )


def _share(one: Mapping[str, Any]) -> str:
    if one["share"] is None:
        return "no interval"
    return f"{100 * one['share']:.1f}% ({100 * one['lower']:.1f} to {100 * one['upper']:.1f})"


if __name__ == "__main__":
    sys.exit(main())
