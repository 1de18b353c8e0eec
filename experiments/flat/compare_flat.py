"""How near the selected model comes to an untuned gradient boosting, on flat files that one YAML each reads.

``python experiments/flat/compare_flat.py`` (about 12 minutes on two cores) writes the files and their studies to temporary folders, runs each study whole,
gives the same folds or test rows to scikit-learn's two gradient boostings as they come, and writes ``results.json`` and
``README.md`` beside itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from flat_files import FILES, OUTCOME, SUBJECT, FlatFile, make_file
from flat_page import page

from riskmodel.console import guarded
from riskmodel.files import read_json, write_json, write_text
from riskmodel.pipeline import Outcome, run_stages
from riskmodel.provenance import peak_memory_mb
from riskmodel.runfolder import RunResults, write_run
from riskmodel.stages import front_end
from riskmodel.stages.back import back_end
from riskmodel.stages.parts import CROSSFIT, Part, audit_part
from riskmodel.study import Study, load_study
from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray
from riskmodel.validate import resample
from riskmodel.validate.resample import Resamples, ranking

HERE = Path(__file__).parent
PEERS = ("HistGradientBoosting", "GradientBoosting")
MOST_ROWS = 20_000
"""Above them the second peer, which looks at every value, would take longer than all the rest together."""

REPLICATES = 1000


@dataclass(frozen=True)
class Rows:
    """The rows that everybody is judged on, the same for ours and theirs."""

    part: Part
    draws: Resamples

    def auroc(self, score: FloatArray) -> tuple[float, FloatArray]:
        """Return the AUROC and one value for each resample."""
        found = ranking(score, self.part.labels.outcome, self.part.labels.weight, self.draws)
        return found.auroc, found.auroc_draws


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison and write its results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=5, help="of the made files (default: 5)")
    parser.add_argument("--only", nargs="*", choices=FILES, help="names of files; default: all")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and README.md")
    parser.add_argument("--page-only", action="store_true", help="make README.md again from results.json")
    arguments = parser.parse_args(argv)
    return guarded(lambda: run(arguments))


def run(arguments: argparse.Namespace) -> int:
    """Compare on the files, beside what is known of the others, and write the page."""
    results = arguments.out / "results.json"
    arguments.out.mkdir(parents=True, exist_ok=True)
    known = read_json(results)["files"] if results.exists() else []
    found = {one["file"]: one for one in known}
    for name in () if arguments.page_only else arguments.only or FILES:
        found[name] = _compared(name, arguments.seed)
        files = [found[one] for one in FILES if one in found]
        written = {"seed": arguments.seed, "replicates": REPLICATES, "most_rows": MOST_ROWS, "files": files}
        write_json(results, written)  # after each, so that a stop loses one file only
    write_text(arguments.out / "README.md", page(read_json(results)))
    return 0


def _compared(name: str, seed: int) -> dict[str, Any]:
    """Compare in a process of its own, so that the memory is that of one run."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(compare, name, seed).result()
    print(_line(found), flush=True)
    return found


def _line(one: dict[str, Any]) -> str:
    scores = ", ".join(f"{name} {value:.3f}" for name, value in {**one["families"], **one["peers"]}.items())
    return f"{one['file']}: {one['selected']} selected; {scores}; {one['seconds']:.0f} s"


def compare(name: str, seed: int) -> dict[str, Any]:
    """Run the study of one file whole, and the peers on the same rows.

    Returns
    -------
    dict
        AUROC of every family and peer, and how far the selected one is behind the better peer, with its 95% interval.
    """
    file = make_file(name, seed)
    study, done, spent = _run_whole(file)
    population, fitted = done.results["population"], done.results["models"]
    part = audit_part(population, done.results["split"])
    rows = Rows(part, resample(population.sampling.unit[part.rows], replicates=REPLICATES, seed=study.seed))
    ours = {family: rows.auroc(part.of(family, fitted)[0]) for family in fitted.models}
    theirs = {name: rows.auroc(score) for name, score in _peers(file, done.results, part).items()}
    selected = fitted.selection.selected
    best = max(theirs, key=lambda name: theirs[name][0])
    return {
        "file": file.name,
        "says": file.says,
        "rows": len(file.table),
        "columns": file.table.shape[1] - 2,
        "rate": round(float(file.table[OUTCOME].mean()), 4),
        "features": len(done.results["features"].infos),
        "judged_on": part.name,
        "families": {name: round(value, 4) for name, (value, _) in ours.items()},
        "peers": {name: round(value, 4) for name, (value, _) in theirs.items()},
        "selected": selected,
        "against": best,
        "behind": _difference(theirs[best], ours[selected]),
        "best_of_ours": max(ours, key=lambda name: ours[name][0]),
        "best_behind": round(theirs[best][0] - max(value for value, _ in ours.values()), 4),
        **spent,
    }


def _run_whole(file: FlatFile) -> tuple[Study, Outcome, dict[str, float]]:
    """Run the study of a file from the file to the card, and say what it took."""
    with tempfile.TemporaryDirectory(prefix="riskmodel-flat-") as place:
        folder = Path(place)
        study = load_study(file.write(folder))
        started = time.perf_counter()
        stages = [*front_end(study), *back_end(study)]
        done = run_stages(stages, study, store=folder / "store", progress=lambda *_: None)
        (folder / "run").mkdir()
        write_run(folder / "run", RunResults(study, done), started=datetime.now(UTC))
        seconds = time.perf_counter() - started
    return study, done, {"seconds": round(seconds, 1), "peak_mb": peak_memory_mb()}


def _difference(theirs: tuple[float, FloatArray], ours: tuple[float, FloatArray]) -> dict[str, float]:
    lower, upper = np.nanquantile(theirs[1] - ours[1], [0.025, 0.975])
    return {
        "estimate": round(theirs[0] - ours[0], 4),
        "lower": round(float(lower), 4),
        "upper": round(float(upper), 4),
    }


def _peers(file: FlatFile, results: Mapping[str, Any], part: Part) -> dict[str, FloatArray]:
    """Return the scores of scikit-learn's gradient boostings with default settings, on the rows of a part.

    The histogram one gets the file's own columns, with categories as categories. The other cannot read missing values or
    texts: it gets our columns, with medians for what is missing, and only up to ``MOST_ROWS`` rows.
    """
    population = results["population"]
    raw = _raw_columns(file, population.inferred, population.cohort)
    filled = pd.DataFrame(results["features"].values).astype(np.float64)
    filled = filled.fillna(filled.median()).fillna(0.0)
    labels = population.outcomes.training[OUTCOME]
    fold, train = results["split"].fold, results["split"].train
    tasks = (
        [(train & (fold != one), fold == one) for one in np.unique(fold[train])]
        if part.name == CROSSFIT
        else [(train, part.rows)]
    )
    return {
        name: _scores(name, columns, labels.outcome, labels.weight, tasks)[part.rows]
        for name, columns in zip(PEERS, (raw, filled), strict=True)
        if name == PEERS[0] or len(raw) <= MOST_ROWS
    }


def _scores(
    name: str,
    columns: pd.DataFrame,
    outcome: Any,
    weight: FloatArray,
    tasks: list[tuple[BoolArray, BoolArray]],
) -> FloatArray:
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

    score = np.full(len(columns), np.nan)
    for learn, judge in tasks:
        used = learn & (weight > 0)
        model = (
            HistGradientBoostingClassifier(random_state=0, categorical_features="from_dtype")
            if name == PEERS[0]
            else GradientBoostingClassifier(random_state=0)
        )
        model.fit(columns[used], outcome[used], sample_weight=weight[used])
        score[judge] = model.decision_function(columns[judge])
    return score


def _raw_columns(file: FlatFile, inferred: Mapping[str, Any], cohort: Cohort) -> pd.DataFrame:
    """Return the columns that became features as a data scientist would read them, in the order of the cohort."""
    rows = file.table.set_index(SUBJECT).loc[cohort.subject_id]
    return rows[[one["column"] for one in inferred.values()]].apply(_as_numbers_or_category)


def _as_numbers_or_category(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().mean() > 0.5:
        return numbers
    common = column.value_counts().index[:250]
    return column.where(column.isin(common), "rest").astype("category")


if __name__ == "__main__":
    sys.exit(main())
