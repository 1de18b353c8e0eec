"""Which objective finds settings that serve new people best? Made-up studies, judged on 40,000 new people.

    python experiments/tuning/objective.py           # about five minutes on one core; writes results.json and README.md
    python experiments/tuning/objective.py --page    # README.md from results.json

Each study tries 16 settings of ``xgboost``: its own and 15 drawn at random from where tuning looks. The number of trees is
drawn as well instead of found, which is quicker. An objective sees what tuning sees (scores of three folds). What it costs is the true recall at capacity that its choice gives up against the
best of the 16.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from riskmodel import models
from riskmodel.files import write_text
from riskmodel.models import CapacitySpec, ModelsSpec, Trial
from riskmodel.models.trying import BAND
from riskmodel.models.tuning import Judged, best
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.validate.resample import Resamples, ranking

HERE = Path(__file__).parent
SIZES = {2000: 24, 6000: 16}
"""People in a study, and how many studies of that size."""
NEW_PEOPLE, INTERCEPT, FOLDS, RANDOM, SEED = 40_000, -5.0, 3, 15, 20261126
TREES = (20, 200)
CAPACITY = CapacitySpec(share=0.05)

Values = np.ndarray[Any, Any]
Seen = dict[str, float]


def draw(n: int, rng: np.random.Generator) -> tuple[FeatureMatrix, Values]:
    """Return made-up people: counts, flags and scores, a curve and a pair; and what happened to them."""
    values = np.column_stack(
        [rng.poisson(0.5, (n, 6)), rng.random((n, 6)) < 0.2, rng.normal(size=(n, 6))]
    ).astype(np.float32)
    x = values.astype(np.float64)
    slope = 0.5 * x[:, :3].sum(axis=1) + 0.8 * x[:, 6] + 0.5 * x[:, 12] ** 2 + 0.7 * x[:, 13] * x[:, 14]
    outcome = rng.random(n) < 1 / (1 + np.exp(-(slope + INTERCEPT)))
    return FeatureMatrix(values, _infos(values.shape[1])), outcome.astype(np.int8)


def _infos(columns: int) -> tuple[FeatureInfo, ...]:
    return tuple(
        FeatureInfo(
            name=f"column{i}", description="made up", concept=f"column{i}", agency="X", unit="times",
            direction=0, aggregation="last", window="365d", codes=("X",),
        )
        for i in range(columns)
    )  # fmt: skip


def settings(rng: np.random.Generator) -> list[ModelsSpec]:
    """Return the study's own settings and others drawn from where tuning looks."""
    found = [ModelsSpec().with_settings("xgboost", {"patience": 0, "rounds": 60})]
    for _ in range(RANDOM):
        drawn: dict[str, float] = {"patience": 0, "rounds": int(np.exp(rng.uniform(*np.log(TREES))))}
        for name, one in ModelsSpec().xgboost.search.items():
            if isinstance(one.low, int):
                drawn[name] = int(rng.integers(int(one.low), int(one.high) + 1))
            else:
                drawn[name] = float(np.exp(rng.uniform(np.log(one.low), np.log(one.high))))
        found.append(ModelsSpec().with_settings("xgboost", drawn))
    return found


def study(n: int, number: int, new: tuple[FeatureMatrix, Values]) -> dict[str, float]:
    """Return the true recall at capacity of each objective's choice."""
    rng = np.random.default_rng([SEED, n, number])
    features, outcome = draw(n, rng)
    fold, weight = rng.integers(0, FOLDS, n), np.ones(n)
    trials, seen, true = [], [], []
    for place, spec in enumerate(settings(rng)):
        raw = models.crossfit("xgboost", features, outcome, weight, fold, spec=spec, seed=number, threads=1)
        judged = {name: _judged(raw, outcome, band) for name, band in (("band", BAND), ("one", (1.0,)))}
        trials.append({name: Trial(place, {}, 0.0, one, resumed=False) for name, one in judged.items()})
        seen.append(_seen(raw, outcome, judged))
        fitted = models.fit("xgboost", features, outcome, weight, spec=spec, seed=number, threads=1)
        true.append(_judged(fitted.raw_score(new[0]), new[1], (1.0,)).utility)
    found = {name: true[int(np.argmax([one[name] for one in seen]))] for name in seen[0]}
    for name, words in (("one", "recall, ties by log loss"), ("band", TUNING)):
        choice = best(tuple(one[name] for one in trials))
        found[words] = true[0 if choice is None else choice.number]
    return {**found, "the study's own settings": true[0], "the best of all": max(true)}


TUNING = "recall over a band, ties by log loss (tuning)"


def _judged(raw: Values, outcome: Values, band: tuple[float, ...]) -> Judged:
    own = np.arange(len(raw))
    cohort = Cohort(
        own, np.zeros(len(raw), np.int32), own, np.full(len(raw), "x"), np.full(len(raw), -1, np.int16)
    )
    shares = [CapacitySpec(share=times * CAPACITY.share) for times in band]
    reached = np.mean([models.offers(raw, cohort, share)[outcome == 1] for share in shares], axis=0)
    loss = float(np.mean(np.logaddexp(0.0, raw) - outcome * raw))
    return Judged(float(reached.mean()), loss, None, reached, np.ones(len(reached)))


def _seen(raw: Values, outcome: Values, judged: dict[str, Judged]) -> Seen:
    none = Resamples(np.arange(len(raw)), np.ones((1, len(raw)), dtype=np.uint8))
    return {
        "recall at capacity": judged["one"].utility,
        "recall over a band": judged["band"].utility,
        "log loss": -judged["one"].log_loss,
        "AUROC": ranking(raw, outcome, np.ones(len(raw)), none).auroc,
    }


def page(results: dict[str, list[dict[str, float]]]) -> str:
    """Return README.md."""
    sizes = list(results)
    names = sorted((name for name in results[sizes[0]][0] if name != "the best of all"), key=_order)
    rows = [
        " | ".join([f"| {_bold(name)}", *(_lost(results[n], name) for n in sizes)]) + " |" for name in names
    ]
    head = " | ".join(["| objective", *(f"{int(n):,} people" for n in sizes)]) + " |"
    studies = " and ".join(str(len(results[n])) for n in sizes)
    return "\n".join(
        [
            "# What should tuning look for?",
            "",
            "Made by `objective.py` from `results.json`; no number is typed.",
            "",
            f"Made-up studies, {studies} of the two sizes, 5% offered support. Each tries 16 settings of `xgboost`, scored out of fold. The table",
            "shows the true recall at capacity, in points of 100, that the choice of each objective gives up against the best of the 16",
            f"on {NEW_PEOPLE:,} new people: mean over studies, and its standard error.",
            "",
            head,
            "|---" * (len(sizes) + 1) + "|",
            *rows,
            "",
        ]
    )


def _order(name: str) -> tuple[bool, str]:
    return name.startswith("the study"), name


def _bold(name: str) -> str:
    return f"**{name}**" if name == TUNING else name


def _lost(studies: list[dict[str, float]], name: str) -> str:
    lost = 100 * np.array([one["the best of all"] - one[name] for one in studies])
    return f"{lost.mean():.2f} ({lost.std(ddof=1) / np.sqrt(len(lost)):.2f})"


def main(run: Callable[[], dict[str, list[dict[str, float]]]]) -> None:
    """Run the studies, or read what they gave, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", action="store_true", help="only make README.md again")
    if not parser.parse_args().page:
        write_text(HERE / "results.json", json.dumps(run(), indent=1) + "\n")
    write_text(HERE / "README.md", page(json.loads((HERE / "results.json").read_text(encoding="utf-8"))))


def all_studies() -> dict[str, list[dict[str, float]]]:
    """Return the choices of every study, by size."""
    new = draw(NEW_PEOPLE, np.random.default_rng(SEED))
    return {
        str(n): [{k: round(v, 5) for k, v in study(n, number, new).items()} for number in range(count)]
        for n, count in SIZES.items()
    }


if __name__ == "__main__":
    main(all_studies)
