"""Which rule of selection chooses well? Eight truths, three sizes, every family fitted, judged on 200,000 new people.

    python experiments/selection/rules.py            # about 15 minutes on one core; writes trials.json and README.md
    python experiments/selection/rules.py --page     # README.md from trials.json

A trial keeps what a rule may see (out of fold: how far each family is behind the best, and the standard error) and what
it may not (AUROC and recall at capacity on the new people), so that every rule is judged on the same trials.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from riskmodel import models, validate
from riskmodel.files import write_text
from riskmodel.models import SIMPLEST_FIRST, CapacitySpec, ModelsSpec
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.validate.resample import Resamples, ranking

HERE = Path(__file__).parent
SIZES = {800: 25, 3000: 25, 12000: 12}
"""People in a study and how many studies of that size are drawn from each truth."""
NEW_PEOPLE, PREVALENCE, REPLICATES, SEED = 200_000, 0.05, 400, 20261125
CLEARLY_WORSE, NEEDLESS = 0.01, 0.002
FEWEST = 26
COUNTS, FLAGS, SCORES = 4, 4, 4
CAPACITY = CapacitySpec(share=0.05)
SPEC = ModelsSpec.model_validate({"prior": {"features": ["count0__count__365d"]}})

Values = np.ndarray
TRUTHS: Mapping[str, Callable[[Values], Values]] = {
    "one count matters": lambda x: 1.2 * np.minimum(x[:, 0], 4),
    "number of flags": lambda x: 0.9 * x[:, 4:8].sum(axis=1) + 0.9 * (x[:, :4] > 0).sum(axis=1),
    "a sum": lambda x: 0.5 * x[:, :4].sum(axis=1) + 0.6 * x[:, 8:].sum(axis=1),
    "steps": lambda x: 1.5 * (x[:, 8] > 1) + 1.5 * (x[:, 9] > 1) + 1.2 * (x[:, 0] > 1) + x[:, 4],
    "curves": lambda x: 0.9 * x[:, 8] ** 2 - 0.7 * x[:, 9] ** 2 + 1.2 * np.sin(2 * x[:, 10]),
    "pairs": lambda x: 1.5 * x[:, 8] * x[:, 9] + 2.0 * x[:, 4] * (x[:, 0] > 0),
    "a sum and a pair": lambda x: 0.5 * x[:, :4].sum(axis=1) + 0.5 * x[:, 8] + 0.5 * x[:, 9] * x[:, 10],
    "weak": lambda x: 0.15 * x[:, 0] + 0.2 * x[:, 8] + 0.2 * x[:, 4],
}


def draw(truth: str, n: int, rng: np.random.Generator) -> tuple[FeatureMatrix, Values]:
    """Return made-up people and their outcomes; the truth's intercept gives the prevalence."""
    values = np.column_stack(
        [rng.poisson(0.5, (n, COUNTS)), rng.random((n, FLAGS)) < 0.2, rng.normal(size=(n, SCORES))]
    ).astype(np.float32)
    slope = TRUTHS[truth](values.astype(np.float64))
    chance = 1 / (1 + np.exp(-(slope + _intercept(truth))))
    return FeatureMatrix(values, _infos()), (rng.random(n) < chance).astype(np.int8)


def _intercept(truth: str) -> float:
    rng = np.random.default_rng(0)
    values = np.column_stack(
        [
            rng.poisson(0.5, (20_000, COUNTS)),
            rng.random((20_000, FLAGS)) < 0.2,
            rng.normal(size=(20_000, SCORES)),
        ]
    )
    slope, low, high = TRUTHS[truth](values), -30.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (low, middle) if (1 / (1 + np.exp(-(slope + middle)))).mean() > PREVALENCE else (middle, high)
        )
    return low


def _infos() -> tuple[FeatureInfo, ...]:
    names = [f"count{i}__count__365d" for i in range(COUNTS)] + [f"flag{i}__any__365d" for i in range(FLAGS)]
    names += [f"score{i}__last__365d" for i in range(SCORES)]
    return tuple(
        FeatureInfo(
            name=name, description=name, concept=name, agency="X", unit="times",
            direction=0 if name.startswith("score") else 1, aggregation=name.split("__")[1], window="365d", codes=("X",),
        )
        for name in names
    )  # fmt: skip


def people(n: int) -> Cohort:
    """Return so many different people at one date."""
    own = np.arange(n)
    return Cohort(own, np.zeros(n, np.int32), own, np.full(n, "x"), np.full(n, -1, np.int16))


def trial(truth: str, n: int, seed: int, new: tuple[FeatureMatrix, Values]) -> dict[str, Any]:
    """Draw one study, fit every family, and return what was seen and what is true."""
    rng = np.random.default_rng([SEED, n, seed, list(TRUTHS).index(truth)])
    features, outcome = draw(truth, n, rng)
    while outcome.sum() < FEWEST:  # a study with fewer would be refused
        features, outcome = draw(truth, n, rng)
    fold = _folds(outcome, rng)
    draws = validate.resample(np.arange(n), replicates=REPLICATES, seed=seed)
    seen: dict[str, Any] = {}
    true = {}
    for family in SIMPLEST_FIRST:
        out_of_fold = models.crossfit(
            family, features, outcome, np.ones(n), fold, spec=SPEC, seed=seed, threads=1
        )
        seen[family] = _seen(out_of_fold, outcome, draws)
        fitted = models.fit(family, features, outcome, np.ones(n), spec=SPEC, seed=seed, threads=1)
        true[family] = _point(fitted.raw_score(new[0]), new[1])
    return {"truth": truth, "n": n, "seen": {m: _behind(seen, m) for m in ("auroc", "recall")}, "true": true}


def _folds(outcome: Values, rng: np.random.Generator) -> Values:
    fold = np.empty(len(outcome), dtype=np.int64)
    for kind in (0, 1):
        rows = np.flatnonzero(outcome == kind)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % SPEC.folds
    return fold


def _seen(score: Values, outcome: Values, draws: Resamples) -> dict[str, tuple[float, Values]]:
    order = ranking(score, outcome, np.ones(len(score)), draws)
    offered = models.offers(score, people(len(score)), CAPACITY)
    sums = draws.sums(np.column_stack([offered * outcome, outcome]))
    recall = float(offered @ outcome / outcome.sum())
    return {"auroc": (order.auroc, order.auroc_draws), "recall": (recall, sums[:, 0] / sums[:, 1])}


def _point(score: Values, outcome: Values) -> dict[str, float]:
    none = Resamples(np.arange(len(score)), np.ones((1, len(score)), dtype=np.uint8))
    return {name: round(value, 5) for name, (value, _) in _seen(score, outcome, none).items()}


def _behind(seen: Mapping[str, Any], measure: str) -> dict[str, list[float]]:
    """Return the value of each family and the standard errors of its difference from each other one."""
    values = {f: one[measure] for f, one in seen.items()}
    return {
        f: [
            round(value, 6),
            *(round(float(np.std(drawn - other, ddof=1)), 6) for _, other in values.values()),
        ]
        for f, (value, drawn) in values.items()
    }


# --- rules: from what was seen to a family ---

Seen = Mapping[str, Mapping[str, Sequence[float]]]


def near_best(seen: Mapping[str, Sequence[float]], among: Sequence[str], *, least: float = 0.0) -> list[str]:
    """Return the families within one standard error (or ``least``, if that is more) of the best of some."""
    best = max(among, key=lambda f: (seen[f][0], -SIMPLEST_FIRST.index(f)))
    place = 1 + SIMPLEST_FIRST.index(best)
    return [f for f in among if seen[best][0] - seen[f][0] <= max(seen[f][place], least)]


def simplest(seen: Mapping[str, Sequence[float]], among: Sequence[str]) -> str:
    """Return the simplest of some families within one standard error of the best of them."""
    return near_best(seen, among)[0]


RULES: Mapping[str, Callable[[Seen], str]] = {
    "highest recall": lambda s: max(SIMPLEST_FIRST, key=lambda f: s["recall"][f][0]),
    "highest AUROC": lambda s: max(SIMPLEST_FIRST, key=lambda f: s["auroc"][f][0]),
    "one standard error in recall (before)": lambda s: simplest(s["recall"], SIMPLEST_FIRST),
    "one standard error in AUROC": lambda s: simplest(s["auroc"], SIMPLEST_FIRST),
    "screened by one standard error in AUROC, then that rule": lambda s: simplest(
        s["recall"], near_best(s["auroc"], SIMPLEST_FIRST)
    ),
    "**the same, forgiving .005 in AUROC (the rule of riskmodel)**": lambda s: simplest(
        s["recall"], near_best(s["auroc"], SIMPLEST_FIRST, least=0.005)
    ),
    "AUROC within .005, no standard error": lambda s: _within(s["auroc"], 0.005),
    "AUROC within .002, no standard error": lambda s: _within(s["auroc"], 0.002),
}


def _within(seen: Mapping[str, Sequence[float]], margin: float) -> str:
    best = max(one[0] for one in seen.values())
    return next(f for f in SIMPLEST_FIRST if best - seen[f][0] <= margin)


def judged(trials: Sequence[Mapping[str, Any]], rule: Callable[[Seen], str]) -> dict[str, float]:
    """Return how often a rule chose badly: clearly worse ordering, needless complexity, and the recall it gave up."""
    worse, needless, lost = [], [], []
    for one in trials:
        true, chosen = one["true"], rule(one["seen"])
        best = max(family["auroc"] for family in true.values())
        worse.append(best - true[chosen]["auroc"] > CLEARLY_WORSE)
        simpler = SIMPLEST_FIRST[: SIMPLEST_FIRST.index(chosen)]
        needless.append(
            any(
                true[chosen]["auroc"] - true[f]["auroc"] <= NEEDLESS
                and true[chosen]["recall"] - true[f]["recall"] <= CLEARLY_WORSE
                for f in simpler
            )
        )
        lost.append(max(f["recall"] for f in true.values()) - true[chosen]["recall"])
    return {
        "worse": float(np.mean(worse)),
        "needless": float(np.mean(needless)),
        "lost": float(np.mean(lost)),
    }


def page(trials: Sequence[Mapping[str, Any]]) -> str:
    """Return the page as Markdown."""
    sizes = sorted({one["n"] for one in trials})
    head = (
        "# Which rule of selection chooses well?\n\nMade by `rules.py` from `trials.json`; no number is typed.\n\n"
        f"{len(trials)} made-up studies from {len(TRUTHS)} truths ({', '.join(TRUTHS)}), {PREVALENCE:.0%} with the outcome. Every family is\n"
        f"fitted with default settings; its true AUROC and recall at capacity (5% offered) are measured on {NEW_PEOPLE:,} new people.\n"
        "*Worse*: of 100 studies, in so many the chosen family's true AUROC is more than .01 below the best family's. *Needless*: in so many a\n"
        "simpler family is truly as good (AUROC within .002 and recall within .01). *Lost*: recall at capacity given up, in points of 100, on average.\n\n"
    )
    columns = "".join(f" worse, {n:,} | needless, {n:,} | lost, {n:,} |" for n in sizes)
    lines = [f"| rule |{columns} worse, all | needless, all |", "|---|" + "---|" * (3 * len(sizes) + 2)]
    for name, rule in RULES.items():
        by_size = [judged([t for t in trials if t["n"] == n], rule) for n in sizes]
        cells = [
            f" {100 * j['worse']:.0f} | {100 * j['needless']:.0f} | {100 * j['lost']:.1f} |" for j in by_size
        ]
        whole = judged(trials, rule)
        lines.append(
            f"| {name} |{''.join(cells)} {100 * whole['worse']:.0f} | {100 * whole['needless']:.0f} |"
        )
    return head + "\n".join(lines) + "\n"


def main() -> None:
    """Run the trials, or make the page again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", action="store_true", help="README.md from trials.json")
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    if not arguments.page:
        trials = []
        for truth in TRUTHS:
            new = draw(truth, NEW_PEOPLE, np.random.default_rng([SEED, list(TRUTHS).index(truth)]))
            trials += [trial(truth, n, seed, new) for n, some in SIZES.items() for seed in range(some)]
            print(truth, flush=True)
        compact = json.dumps({"trials": trials}, separators=(",", ":")).replace('{"truth"', '\n{"truth"')
        write_text(arguments.out / "trials.json", compact + "\n")
    found = json.loads((arguments.out / "trials.json").read_text(encoding="utf-8"))["trials"]
    write_text(arguments.out / "README.md", page(found))


if __name__ == "__main__":
    main()
