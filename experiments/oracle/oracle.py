"""How near the models come to the best that anyone could do.

Where the truth is known, a model can be held against the true hazard itself. This trains the default study's learned families on one
simulated borough, and on ten times the data, and scores young people in boroughs that neither has seen. Both AUROCs of

    oracle ratio = (AUROC of the model - .5) / (AUROC of the true hazard - .5)

use the same *true* outcome (every harm, recorded or not) and the same resamples of people. Writes ``results.json`` and ``README.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from riskmodel.models import RiskModel, fit
from riskmodel.pipeline import run_stages
from riskmodel.stages import front_end
from riskmodel.study import Study, load_study
from riskmodel.tables.cohort import FloatArray, IntArray
from riskmodel.tables.days import to_day
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate import resample
from riskmodel.validate.oracle import oracle_ratio
from riskmodel.validate.splits import split

HERE = Path(__file__).parent
FAMILIES = ("logistic", "ebm", "xgboost")
INDEX = date(2024, 6, 1)
HORIZON = 365


@dataclass(frozen=True)
class Learned:
    """Training rows of one or more boroughs."""

    features: FeatureMatrix
    outcome: npt.NDArray[np.int8]
    weight: FloatArray
    person: IntArray


@dataclass(frozen=True)
class Fresh:
    """Young people whom no model has seen, at one index date, with the truth about them."""

    features: FeatureMatrix
    hazard: FloatArray
    harmed: npt.NDArray[np.int8]
    person: IntArray


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison and write its results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--times", type=int, default=10, help="times the data for the second training (default: 10)"
    )
    parser.add_argument(
        "--fresh", type=int, default=8, help="fresh boroughs to score (default: 8, about 210,000 people)"
    )
    parser.add_argument("--size", type=int, default=45_000, help="residents aged 5 to 17 in each borough")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and README.md")
    arguments = parser.parse_args(argv)
    results = compare(times=arguments.times, fresh=arguments.fresh, size=arguments.size)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (arguments.out / "README.md").write_text(page(results), encoding="utf-8")
    print(json.dumps(results["models"], indent=2))
    return 0


def compare(*, times: int, fresh: int, size: int, replicates: int = 1000) -> dict[str, Any]:
    """Return every family's oracle ratio after one and after ``times`` boroughs of training data."""
    boroughs = [_learned(_study(size, seed=seed)) for seed in range(1, times + 1)]
    rows = _joined_fresh([_fresh(_study(size, seed=1000 + number)) for number in range(fresh)])
    study = _study(size, seed=1)
    draws = resample(rows.person, replicates=replicates, seed=1)
    found = {}
    trainings = {"1_borough": boroughs[0]} | ({f"{times}_boroughs": _joined(boroughs)} if times > 1 else {})
    for label, data in trainings.items():
        for family in FAMILIES:
            model = _fit(family, data, study)
            ratio = oracle_ratio(model.raw_score(rows.features), rows.hazard, rows.harmed, draws)
            found[f"{family}/{label}"] = {**ratio.to_json(), "training_rows": len(data.outcome)}
    return {
        "people": len(np.unique(rows.person)),
        "harmed": int(rows.harmed.sum()),
        "index_date": INDEX.isoformat(),
        "times": times,
        "size": size,
        "models": found,
    }


def page(results: Mapping[str, Any]) -> str:
    """Return the page; every number comes from the results."""
    rows = [
        f"| {name.replace('/', ', ').replace('_', ' ')} | {one['training_rows']:,} | {one['model_auroc']:.3f} | "
        f"{one['oracle_auroc']:.3f} | {_interval(one)} |"
        for name, one in results["models"].items()
    ]
    intro = (
        "# How near to the best that anyone could do?\n\n"
        "Simulated boroughs only: here the truth is known. The page is made by `experiments/oracle/oracle.py`; no number is typed.\n\n"
        f"{results['people']:,} young people in boroughs that no model has seen, on {results['index_date']}; {results['harmed']:,} of them "
        "came to harm within a year, recorded or not. The *oracle* is the true hazard: nobody could order young people better.\n"
        "The oracle ratio is the share of what could be known that the model knows.\n"
    )
    table = "\n".join(
        [
            "| model | training rows | AUROC of the model | AUROC of the oracle | oracle ratio (95% interval) |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )
    lost = (
        "\n## What is lost, and why\n\n"
        "- **What no agency records.** The hazard depends on a latent susceptibility that shows in records only in part, and late. More data do not\n"
        "  bring it back: compare the rows for one borough with those for more.\n"
        "- **The label.** Models learn from *recorded* harm; emergency departments see about half of it. Here they are judged by all of it.\n"
        "- **Delay.** Records known only after the index date are not read, as they could not have been.\n"
    )
    return f"{intro}\n{table}\n{lost}{_crowded(results)}"


def _crowded(results: Mapping[str, Any]) -> str:
    """Say why more data can make the short model worse, where they did."""
    ratios = [one["estimate"] for name, one in results["models"].items() if name.startswith("logistic/")]
    if None in ratios or ratios[-1] >= ratios[0]:
        return ""
    return (
        "- **A short model.** `logistic` may hold 30 parameters and takes the columns that enter its path first. With more data near-copies of\n"
        "  one fact (several counts of suspensions, say) enter early and leave no room for others. This is a fault of how it chooses.\n"
    )


def _interval(one: Mapping[str, Any]) -> str:
    if one["estimate"] is None:
        return str(one["status"])
    return f"{one['estimate']:.2f} ({one['lower']:.2f} to {one['upper']:.2f})"


def _study(size: int, *, seed: int) -> Study:
    return load_study(None, settings=[f"data.size={size}", f"seed={seed}", "tracking.enabled=false"])


def _fit(family: str, data: Learned, study: Study) -> RiskModel:
    return fit(
        family,
        data.features,
        data.outcome,
        data.weight,
        spec=study.models,
        seed=1,
        threads=study.threads,
        person=data.person,
    )


def _learned(study: Study) -> Learned:
    with _front(study) as (results, _extracts):
        population, features = results["population"], results["features"]
        assert study.cohort is not None  # noqa: S101 - the default study has one
        rows = split(
            population.cohort,
            study.split,
            train_days=[to_day(one) for one in study.cohort.train],
            test_days=[to_day(one) for one in study.cohort.test],
            folds=study.models.folds,
            seed=study.seed,
            horizon_days=HORIZON,
        ).train
        labels = population.outcomes.training["harm"].take(rows)
        return Learned(features.take(rows), labels.outcome, labels.weight, population.cohort.subject_id[rows])


def _fresh(study: Study) -> Fresh:
    with _front(study) as (results, extracts):
        cohort = results["population"].cohort
        at_date = np.flatnonzero(cohort.index_day == to_day(INDEX))
        truth = extracts.folder / "borough" / "truth"
        hazard = _hazard(truth, cohort.subject_id[at_date])
        known = np.isfinite(hazard)
        rows = at_date[known]
        harmed = _harmed(truth, cohort.subject_id[rows])
        return Fresh(results["features"].take(rows), hazard[known], harmed, cohort.subject_id[rows])


def _hazard(truth: Path, subject: IntArray) -> FloatArray:
    """Return each subject's true hazard on the index date; NaN where the truth has none (not resident then)."""
    table = pq.read_table(truth / "hazard.parquet", filters=[("month", "=", INDEX)])
    ids, values = table.column("subject_id").to_numpy(), table.column("hazard").to_numpy().astype(np.float64)
    order = np.argsort(ids)
    place = np.minimum(np.searchsorted(ids[order], subject), len(ids) - 1)
    return np.where(ids[order][place] == subject, values[order][place], np.nan)


def _harmed(truth: Path, subject: IntArray) -> npt.NDArray[np.int8]:
    table = pq.read_table(truth / "harm.parquet", columns=["subject_id", "time"])
    day = table.column("time").to_numpy().astype("datetime64[D]").astype(np.int64)
    inside = (day >= to_day(INDEX)) & (day < to_day(INDEX) + HORIZON)
    return np.isin(subject, table.column("subject_id").to_numpy()[inside]).astype(np.int8)


class _front:  # noqa: N801 - used as a function: `with _front(study) as ...`
    """The front end of a study in a folder that is gone afterwards: ten boroughs would fill a small disk."""

    def __init__(self, study: Study) -> None:
        self._study, self._folder = study, tempfile.TemporaryDirectory(prefix="riskmodel-oracle-")

    def __enter__(self) -> tuple[Mapping[str, Any], Any]:
        print(f"borough {self._study.seed}", file=sys.stderr, flush=True)
        store = Path(self._folder.name)
        done = run_stages(front_end(self._study), self._study, store=store, progress=lambda *_: None)
        return done.results, done.results["extracts"]

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _joined(boroughs: Sequence[Learned]) -> Learned:
    return Learned(
        FeatureMatrix(np.concatenate([one.features.values for one in boroughs]), boroughs[0].features.infos),
        np.concatenate([one.outcome for one in boroughs]),
        np.concatenate([one.weight for one in boroughs]),
        _people(one.person for one in boroughs),
    )


def _joined_fresh(boroughs: Sequence[Fresh]) -> Fresh:
    return Fresh(
        FeatureMatrix(np.concatenate([one.features.values for one in boroughs]), boroughs[0].features.infos),
        np.concatenate([one.hazard for one in boroughs]),
        np.concatenate([one.harmed for one in boroughs]),
        _people(one.person for one in boroughs),
    )


def _people(boroughs: Iterator[IntArray]) -> IntArray:
    """Return numbers that tell people of different boroughs apart."""
    numbers, start = [], 0
    for person in boroughs:
        own = np.unique(person, return_inverse=True)[1] + start
        start = int(own.max()) + 1
        numbers.append(own)
    return np.concatenate(numbers).astype(np.int64)


if __name__ == "__main__":
    sys.exit(main())
