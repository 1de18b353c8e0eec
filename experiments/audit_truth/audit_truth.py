"""Does the audit say what is true? False alarms, false reassurance, coverage and power, where the truth is known.

``python experiments/audit_truth/audit_truth.py`` (about 25 minutes on two cores) draws young people, fits a model to some of
them, audits it on others, and compares each statement with what the same model does to all who could be drawn: the *fitted* model's
metric under true outcomes, not an ideal model's. Writes ``results.json``, ``README.md`` and ``power.svg`` beside itself. ``--quick`` is a taste;
``--only 400000:0.055`` runs some scenarios again and leaves the other results as they are.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from audit_page import page
from audit_picture import power
from people import ETHNICITY, SEX, TARGET, FloatArray, People, draw, fit, score
from truth import TOGETHER, differences, expected

from riskmodel.audit import audit_fairness
from riskmodel.audit.report import Difference, FairnessReport
from riskmodel.audit.spec import AuditSpec
from riskmodel.console import guarded
from riskmodel.files import read_json, write_json, write_text
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.validate import ScoredRows, resample

HERE = Path(__file__).parent
CAPACITY = 0.10
MANY = 100_000
RESAMPLES, RESAMPLES_OF_MANY = 1000, 500
SPEC = AuditSpec(attributes=("ethnicity", "sex"), intersections=(("ethnicity", "sex"),))
ENOUGH = SPEC.minimum_outcomes


@dataclass(frozen=True)
class Scenario:
    """How many are audited, and how much larger the share missed is in the target group."""

    n: int
    gap: float
    replicates: int
    thirty: bool = False

    @property
    def name(self) -> str:
        """Such as ``20000:0.1``."""
        return f"{self.n}:{self.gap:g}"


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
    # The tolerance is .05: just inside and just outside, also where there are enough people to say "within".
    Scenario(20_000, 0.045, 100),
    Scenario(20_000, 0.055, 100),
    Scenario(400_000, 0.0, 60),
    Scenario(400_000, 0.045, 60),
    Scenario(400_000, 0.055, 60),
)
"""Seeds go by position: new ones belong at the end."""

SHUFFLES = "shuffles"
PARTS = [*(one.name for one in SCENARIOS), SHUFFLES]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment and write its results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a hundredth of the replicates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and README.md")
    parser.add_argument("--page-only", action="store_true", help="make README.md again from results.json")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="run these again, into results.json"
    )
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    return guarded(partial(_run, parser.parse_args(argv)))


def _run(arguments: argparse.Namespace) -> int:
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = arguments.out / "results.json"
    if not arguments.page_only:
        before = {"scenarios": []} if arguments.only == PARTS else read_json(results)
        with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
            found = measure(pool, arguments.only, seed=arguments.seed, share=0.01 if arguments.quick else 1.0)
        write_json(results, merged(before, found))
    found = read_json(results)
    write_text(arguments.out / "README.md", page(found))
    write_text(arguments.out / "power.svg", power(found))
    return 0


def measure(pool: ProcessPoolExecutor, names: Sequence[str], *, seed: int, share: float) -> dict[str, Any]:
    """Run some scenarios, and the shuffles if named; what each draws does not depend on which others are run."""
    jobs = [
        (one, seed * 1_000_003 + 10_000 * s + r)
        for s, one in enumerate(SCENARIOS)
        if one.name in names
        for r in range(max(2, round(share * one.replicates)))
    ]
    found: dict[Scenario, list[dict[str, Any]]] = {scenario: [] for scenario, _ in jobs}
    for number, ((scenario, _), one) in enumerate(
        zip(jobs, pool.map(_replicate, jobs, chunksize=2), strict=True)
    ):
        found[scenario].append(one)
        if number % 50 == 0:
            print(f"{number} of {len(jobs)} replicates", file=sys.stderr, flush=True)
    seeds = [seed + i for i in range(max(3, round(200 * share)))] if SHUFFLES in names else []
    dealt = list(pool.map(_shuffled, seeds, chunksize=2))
    return {
        "seed": seed,
        "capacity": CAPACITY,
        "resamples": RESAMPLES,
        "many": MANY,
        "resamples_of_many": RESAMPLES_OF_MANY,
        "minimum_outcomes": ENOUGH,
        "tolerance": SPEC.tolerance.fnr,
        "target": TARGET,
        "scenarios": [_summary(one, rows) for one, rows in found.items()],
        **({SHUFFLES: {"n": len(dealt), "with_exceeds": sum(dealt)}} if dealt else {}),
    }


def merged(before: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was found, and what was there before of everything else."""
    by_name = {one["name"]: one for one in [*before["scenarios"], *found["scenarios"]]}
    scenarios = [by_name[one.name] for one in SCENARIOS if one.name in by_name]
    return {**before, **found, "scenarios": scenarios}


@cache
def shift_for(gap: float) -> float:
    """Return how much less must be recorded of the target group so that so many more of them are missed (bisection)."""
    if gap == 0.0:
        return 0.0
    low, high = 0.0, 6.0
    for _ in range(16):
        middle = (low + high) / 2
        people = draw(300_000, shift=middle, rng=np.random.default_rng(99))
        weights = fit(people)
        cut = float(np.quantile(score(weights, people), 1 - CAPACITY))
        found = differences(expected(weights, shift=middle, cut=cut))["ethnicity", TARGET, "fnr"][1]
        low, high = (middle, high) if found < gap else (low, middle)
    return (low + high) / 2


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
    draws = resample(who, replicates=RESAMPLES if len(who) <= MANY else RESAMPLES_OF_MANY, seed=seed)
    return audit_fairness({"model": rows}, AuditedAttributes(names), draws, SPEC, seed=seed, threads=1), cut


def _replicate(job: tuple[Scenario, int]) -> dict[str, Any]:
    """Fit, audit, and compare every statement and interval with the truth about this fitted model."""
    scenario, seed = job
    rng, shift = np.random.default_rng(seed), shift_for(scenario.gap)
    weights = fit(draw(scenario.n, shift=shift, rng=rng))
    people = draw(scenario.n, shift=shift, rng=rng, thirty=scenario.thirty)
    report, cut = audit(people, weights, seed=seed)
    truth = differences(expected(weights, shift=shift, cut=cut))
    said = [
        _Said.of(one, truth[one.attribute, one.group, one.metric][1])
        for one in report.differences
        if one.estimate is not None
    ]
    cells: dict[str, list[int]] = {}
    for row in report.rows:
        if row.lower is None or row.upper is None:
            continue
        value = truth[row.attribute, row.group, row.metric][0]
        tally = cells.setdefault(f"{row.metric}|{_size(row.n_outcomes or 0)}", [0, 0])
        tally[0] += row.lower <= value <= row.upper
        tally[1] += 1
    target = _of_target(report)
    return {
        **{one.name: any(getattr(each, one.name) for each in said) for one in fields(_Said)},
        "cells": cells,
        "target": target.verdict,
        "detectable": target.detectable,
        "gap": truth["ethnicity", TARGET, "fnr"][1],
        "thirty": [one.verdict for one in report.differences if one.group.split(TOGETHER)[0] == "Other"],
    }


@dataclass(frozen=True)
class _Said:
    """One statement held against the truth.

    ``with_alarm``: *exceeds*, and the truth lies within; ``with_reassurance``: *within*, and the truth does not. Either can only
    happen where the truth is on that side (``truth_within``, ``truth_beyond``), and reassurance where the range is also narrow
    enough for *within* (``could_reassure``). ``with_any_outside``: the range does not hold the truth.
    """

    truth_within: bool
    truth_beyond: bool
    could_reassure: bool
    with_alarm: bool
    with_reassurance: bool
    with_any_outside: bool

    @classmethod
    def of(cls, one: Difference, gap: float) -> _Said:
        tolerance, low, high = one.tolerance or 0.0, one.lower or 0.0, one.upper or 0.0
        within, outside = abs(gap) <= tolerance, not low <= gap <= high
        return cls(
            truth_within=within,
            truth_beyond=not within,
            could_reassure=not within and high - low <= 2 * tolerance,
            with_alarm=within and one.verdict == "exceeds",
            with_reassurance=not within and one.verdict == "within",
            with_any_outside=outside,
        )


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
        "name": scenario.name,
        "n": scenario.n,
        "gap_wanted": scenario.gap,
        "gap": float(np.mean([row["gap"] for row in rows])),
        "replicates": len(rows),
        **{one.name: sum(row[one.name] for row in rows) for one in fields(_Said)},
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
