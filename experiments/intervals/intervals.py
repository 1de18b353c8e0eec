"""Whether the range of an estimate holds the rate that it speaks of, where many more young people can be looked at.

A range is of the rate among many young people with such a score. One borough cannot show that rate, because its own numbers are
small; a simulation can make more boroughs. This trains the default study's models on some boroughs, one at a time, scores young
people of others that no model has seen, puts them in bands of like estimates, and asks in how many bands the mean range holds
the rate among them. It asks so of *recorded* harm, which models learn and ranges speak of, and of *all* harm, which only the
simulation knows. Writes ``results.json`` and ``README.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.append(str(Path(__file__).parents[1]))  # what experiments share
from simulated import at_test_dates, run, true_labels, truth_folder

from riskmodel.audit.uncertainty import like_estimates
from riskmodel.models import CalibratedModel
from riskmodel.study import Study, load_study
from riskmodel.tables.cohort import FloatArray
from riskmodel.tables.features import FeatureMatrix

HERE = Path(__file__).parent
FAMILIES = ("logistic", "xgboost")
BANDS = 10
Z = 1.96


@dataclass(frozen=True)
class Fresh:
    """Young people whom no model has seen, with what was recorded of them and what truly happened."""

    features: FeatureMatrix
    recorded: npt.NDArray[np.int8]
    weight: FloatArray
    harmed: npt.NDArray[np.int8]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment and write its results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trained", type=int, default=4, help="boroughs to train on (default: 4)")
    parser.add_argument("--fresh", type=int, default=5, help="boroughs to look at (default: 5)")
    parser.add_argument("--size", type=int, default=45_000, help="residents aged 5 to 17 in each borough")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and README.md")
    arguments = parser.parse_args(argv)
    found = measure(trained=arguments.trained, fresh=arguments.fresh, size=arguments.size)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "results.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (arguments.out / "README.md").write_text(page(found), encoding="utf-8")
    print(json.dumps(found["families"], indent=2))
    return 0


def measure(*, trained: int, fresh: int, size: int) -> dict[str, Any]:
    """Return, for every family, in how many bands the ranges hold the rate among fresh young people."""
    models = [_trained(_study(size, seed=seed)) for seed in range(1, trained + 1)]
    people = _joined([_fresh(_study(size, seed=1000 + number)) for number in range(fresh)])
    bands = {family: [band for one in models for band in judge(one[family], people)] for family in FAMILIES}
    return {
        "rows": len(people.recorded),
        "recorded": int(people.recorded[people.weight > 0].sum()),
        "harmed": int(people.harmed.sum()),
        "trained": trained,
        "fresh": fresh,
        "size": size,
        "bands": BANDS,
        "families": {family: _summary(found) for family, found in bands.items()},
    }


def judge(model: CalibratedModel, people: Fresh) -> list[dict[str, float]]:
    """Return each band's mean estimate and range, and the rates among fresh young people."""
    raw = model.model.raw_score(people.features)
    shown = ~model.too_thin(people.features) & (people.weight > 0)
    raw, weight = raw[shown], people.weight[shown]
    risk, (lower, upper) = model.risk(raw), model.interval(raw)
    band = like_estimates(risk, weight, BANDS)
    columns: dict[str, npt.NDArray[Any]] = {"estimate": risk, "lower": lower, "upper": upper,
               "recorded": people.recorded[shown], "harmed": people.harmed[shown]}  # fmt: skip
    found = []
    for one in range(int(band.max()) + 1):
        rows = band == one
        means = {name: float(np.average(c[rows], weights=weight[rows])) for name, c in columns.items()}
        error = float(np.sqrt(means["recorded"] * (1 - means["recorded"]) / rows.sum()))
        found.append({**means, "error": error})
    return found


def page(found: Mapping[str, Any]) -> str:
    """Return the page; every number comes from the results."""
    rows = [
        f"| {family} | {one['bands']} | {one['inside']} | {one['inside_or_chance']} | {one['width']:.2f} | {one['inside_all_harm']} |"
        for family, one in found["families"].items()
    ]
    return "\n".join(
        [
            "# Do the ranges hold?",
            "",
            "Simulated boroughs only. The page is made by `experiments/intervals/intervals.py`; no number is typed.",
            "",
            f"The default study's models, trained on {found['trained']} boroughs of {found['size']:,} residents, one at a time,",
            f"and {found['rows']:,} rows of young people in {found['fresh']} other boroughs;",
            f"{found['recorded']:,} of these rows have the outcome as recorded. Each model's estimates are put in {found['bands']} bands.",
            "",
            "| model | bands, over all trainings | rate inside the mean range | … or outside by less than its own error | mean width / estimate | rate of *all* harm inside |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "- A range is meant to hold the rate in 95 of 100 bands. The third column counts a band as a miss even where the fresh young people are",
            "  too few to be sure; the fourth gives the benefit of two standard errors. The truth lies between them.",
            "- The last column is a warning, not a fault of the method: models learn *recorded* harm, and about half of all harm is recorded.",
            "  No range around an estimate of recorded harm speaks of the harm that nobody wrote down.",
            "",
        ]
    )


def _summary(bands: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    def within(name: str, slack: float) -> int:
        return sum(
            one["lower"] - slack * one["error"] <= one[name] <= one["upper"] + slack * one["error"]
            for one in bands
        )

    return {
        "bands": len(bands),
        "inside": within("recorded", 0.0),
        "inside_or_chance": within("recorded", Z),
        "inside_all_harm": within("harmed", 0.0),
        "width": float(np.mean([(one["upper"] - one["lower"]) / one["estimate"] for one in bands])),
        "by_band": [dict(one) for one in bands],
    }


def _study(size: int, *, seed: int) -> Study:
    families = f"models.families=[{','.join(FAMILIES)}]"
    return load_study(None, settings=[f"data.size={size}", f"seed={seed}", families])


def _trained(study: Study) -> Mapping[str, CalibratedModel]:
    print(f"training on borough {study.seed}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="riskmodel-intervals-") as store:
        done = run(study, Path(store), back={"split", "tuning", "models"})
        models: Mapping[str, CalibratedModel] = done["models"].models
        return models


def _fresh(study: Study) -> Fresh:
    print(f"looking at borough {study.seed}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="riskmodel-intervals-") as store:
        done = run(study, Path(store))
        population, features = done["population"], done["features"]
        rows = at_test_dates(study, population.cohort)
        labels = population.outcomes.test["harm"].take(rows)
        true = true_labels(truth_folder(done), "harm", population.cohort.take(rows))
        return Fresh(features.take(rows), labels.outcome, labels.weight, true.outcome)


def _joined(boroughs: Sequence[Fresh]) -> Fresh:
    values = np.concatenate([one.features.values for one in boroughs])
    recorded, weight, harmed = (
        np.concatenate([getattr(one, name) for one in boroughs]) for name in ("recorded", "weight", "harmed")
    )
    return Fresh(FeatureMatrix(values, boroughs[0].features.infos), recorded, weight, harmed)


if __name__ == "__main__":
    sys.exit(main())
