"""Does the audit say what is true? False alarms, false reassurance, coverage and power, where the truth is known.

``python experiments/audit_truth/audit_truth.py`` (about 25 minutes on two cores) draws young people, fits a model to some of
them, audits it on others, and compares each statement with what the same model does to a million: the *fitted* model's metric
under true outcomes, not an ideal model's. Writes ``results.json`` and ``README.md`` beside itself. ``--quick`` is a taste.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from audit_page import page
from people import ETHNICITY, SEX, TARGET, FloatArray, People, draw, fit, score
from truth import TOGETHER, count, differences

from riskmodel.audit import audit_fairness
from riskmodel.audit.report import FairnessReport
from riskmodel.audit.spec import AuditSpec
from riskmodel.console import guarded
from riskmodel.files import read_json, write_json, write_text
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.validate import ScoredRows, resample

HERE = Path(__file__).parent
POOL = 1_000_000
CAPACITY = 0.10
RESAMPLES = 1000
SPEC = AuditSpec(attributes=("ethnicity", "sex"), intersections=(("ethnicity", "sex"),))
ENOUGH = SPEC.minimum_outcomes


@dataclass(frozen=True)
class Scenario:
    """How many are audited, and how much larger the share missed is in the target group."""

    n: int
    gap: float
    replicates: int
    thirty: bool = False


SCENARIOS = (
    Scenario(20_000, 0.0, 700, thirty=True),
    Scenario(20_000, 0.10, 300),
    Scenario(20_000, 0.20, 300),
    Scenario(20_000, 0.30, 200),
    Scenario(20_000, 0.35, 100),
    Scenario(60_000, 0.0, 150),
    Scenario(60_000, 0.10, 100),
    Scenario(60_000, 0.15, 100),
    Scenario(60_000, 0.20, 100),
    Scenario(60_000, 0.30, 50),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment and write its results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a hundredth of the replicates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and README.md")
    parser.add_argument("--page-only", action="store_true", help="make README.md again from results.json")
    return guarded(partial(_run, parser.parse_args(argv)))


def _run(arguments: argparse.Namespace) -> int:
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = arguments.out / "results.json"
    if not arguments.page_only:
        share = 0.01 if arguments.quick else 1.0
        write_json(results, measure(seed=arguments.seed, share=share))
    write_text(arguments.out / "README.md", page(read_json(results)))
    return 0


def measure(*, seed: int, share: float) -> dict[str, Any]:
    """Run every scenario, and the shuffles."""
    jobs = [
        (one, seed * 1_000_003 + 10_000 * s + r)
        for s, one in enumerate(SCENARIOS)
        for r in range(max(2, round(share * one.replicates)))
    ]
    found: dict[Scenario, list[dict[str, Any]]] = {one: [] for one in SCENARIOS}
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        for number, ((scenario, _), one) in enumerate(
            zip(jobs, pool.map(_replicate, jobs, chunksize=2), strict=True)
        ):
            found[scenario].append(one)
            if number % 50 == 0:
                print(f"{number} of {len(jobs)} replicates", file=sys.stderr, flush=True)
        shuffles = list(
            pool.map(_shuffled, [seed + i for i in range(max(3, round(200 * share)))], chunksize=2)
        )
    return {
        "seed": seed,
        "pool": POOL,
        "capacity": CAPACITY,
        "resamples": RESAMPLES,
        "minimum_outcomes": ENOUGH,
        "target": TARGET,
        "scenarios": [_summary(one, rows) for one, rows in found.items()],
        "shuffles": {"n": len(shuffles), "with_exceeds": sum(shuffles)},
    }


@cache
def shift_for(gap: float) -> float:
    """Return how much less must be recorded of the target group so that so many more of them are missed (bisection)."""
    if gap == 0.0:
        return 0.0
    low, high = 0.0, 6.0
    for _ in range(12):
        middle = (low + high) / 2
        people = draw(300_000, shift=middle, rng=np.random.default_rng(99))
        weights = fit(people)
        cut = float(np.quantile(score(weights, people), 1 - CAPACITY))
        found = differences(count(weights, people, cut=cut))["ethnicity", TARGET, "fnr"][1]
        low, high = (middle, high) if found < gap else (low, middle)
    return (low + high) / 2


@cache
def pool_of(gap: float) -> People:
    """Return the million of a scenario; the gap decides who they are."""
    return draw(POOL, shift=shift_for(gap), rng=np.random.default_rng(7))


def audit(people: People, weights: FloatArray, *, seed: int) -> tuple[FairnessReport, float]:
    """Audit a fitted model on some people, with offers to the highest scores; return the report and the cut-off."""
    raw = score(weights, people)
    cut = float(np.sort(raw)[-round(CAPACITY * len(people))])
    risk = 1 / (1 + np.exp(-raw))
    who = np.arange(len(people))
    rows = ScoredRows(
        raw, risk, people.outcome.astype(np.int8), np.ones(len(people)), (raw >= cut).astype(float), who
    )
    names = {"ethnicity": np.array(ETHNICITY)[people.ethnicity], "sex": np.array(SEX)[people.sex]}
    draws = resample(who, replicates=RESAMPLES, seed=seed)
    return audit_fairness({"model": rows}, AuditedAttributes(names), draws, SPEC, seed=seed, threads=1), cut


def _replicate(job: tuple[Scenario, int]) -> dict[str, Any]:
    """Fit, audit, and compare every statement and interval with the truth about this fitted model."""
    scenario, seed = job
    rng, shift = np.random.default_rng(seed), shift_for(scenario.gap)
    weights = fit(draw(scenario.n, shift=shift, rng=rng))
    people = draw(scenario.n, shift=shift, rng=rng, thirty=scenario.thirty)
    report, cut = audit(people, weights, seed=seed)
    truth = differences(count(weights, pool_of(scenario.gap), cut=cut))
    alarms = reassured = outside = 0
    cells: dict[str, list[int]] = {}
    for one, row in zip(report.differences, report.rows, strict=True):
        value, gap = truth[one.attribute, one.group, one.metric]
        if one.tolerance is not None and one.estimate is not None and one.lower is not None:
            alarms += one.verdict == "exceeds" and abs(gap) <= one.tolerance
            reassured += one.verdict == "within" and abs(gap) > one.tolerance
            outside += not one.lower <= gap <= (one.upper or 0.0)
        if row.lower is not None and row.upper is not None:
            tally = cells.setdefault(f"{one.metric}|{_size(row.n_outcomes or 0)}", [0, 0])
            tally[0] += row.lower <= value <= row.upper
            tally[1] += 1
    target = _of_target(report)
    return {
        "alarms": alarms,
        "reassured": reassured,
        "outside": outside,
        "cells": cells,
        "target": target.verdict,
        "detectable": target.detectable,
        "gap": truth["ethnicity", TARGET, "fnr"][1],
        "thirty": [one.verdict for one in report.differences if one.group.split(TOGETHER)[0] == "Other"],
    }


def _size(outcomes: int) -> str:
    return "enough" if outcomes >= ENOUGH else "few"


def _of_target(report: FairnessReport) -> Any:
    place = ("ethnicity", TARGET, "fnr")
    return next(one for one in report.differences if (one.attribute, one.group, one.metric) == place)


def _shuffled(seed: int) -> bool:
    """Return whether the audit alarms about ethnicity where ethnicity was dealt out at random."""
    rng = np.random.default_rng(5)
    people = draw(20_000, shift=shift_for(0.2), rng=rng)
    weights = fit(draw(20_000, shift=shift_for(0.2), rng=rng))
    dealt = np.random.default_rng(10_000 + seed).permutation(people.ethnicity)
    report, _ = audit(People(people.facts, people.outcome, dealt, people.sex), weights, seed=seed)
    return any(
        one.verdict == "exceeds" for one in report.differences if one.attribute.startswith("ethnicity")
    )


def _summary(scenario: Scenario, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    cells: dict[str, list[int]] = {}
    for row in rows:
        for name, (inside, total) in row["cells"].items():
            tally = cells.setdefault(name, [0, 0])
            tally[0] += inside
            tally[1] += total
    detectable = [row["detectable"] for row in rows if row["detectable"] is not None]
    return {
        "n": scenario.n,
        "gap_wanted": scenario.gap,
        "gap": float(np.mean([row["gap"] for row in rows])),
        "replicates": len(rows),
        "with_alarm": sum(row["alarms"] > 0 for row in rows),
        "with_reassurance": sum(row["reassured"] > 0 for row in rows),
        "with_any_outside": sum(row["outside"] > 0 for row in rows),
        "verdicts": {
            name: sum(row["target"] == name for row in rows)
            for name in ("exceeds", "inconclusive", "within", "insufficient")
        },
        "detectable": float(np.median(detectable)) if detectable else None,
        "cells": {name: {"inside": a, "total": b} for name, (a, b) in sorted(cells.items())},
        "thirty_confident": sum(verdict in {"within", "exceeds"} for row in rows for verdict in row["thirty"])
        if scenario.thirty
        else None,
    }


if __name__ == "__main__":
    sys.exit(main())
