"""Measures how the default study's features are filled, for the reference page: two minutes, most of them simulation."""

from __future__ import annotations

from pathlib import Path

from riskmodel.features.coverage import measure_use
from riskmodel.files import write_json
from riskmodel.jobs import STORE
from riskmodel.pipeline import run_stages
from riskmodel.provenance import code_version
from riskmodel.stages import front_end
from riskmodel.study import load_study

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "src" / "riskmodel" / "features" / "library" / "use.json"


def main() -> None:
    """Write ``use.json`` beside the libraries."""
    study = load_study(None)
    store = ROOT / "runs" / STORE
    done = run_stages(front_end(study), study, store=store, progress=lambda title, _n, _of: print(title))
    cohort, features = done.results["population"].cohort, done.results["features"]
    found = [one.to_json() for one in measure_use(features, cohort, study.disclosure)]
    facts = {"study": study.name, "seed": study.seed, "rows": len(cohort), "code": code_version()}
    write_json(PLACE, {**facts, "features": found})


if __name__ == "__main__":
    main()
