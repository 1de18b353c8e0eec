"""Times training, the bootstrap by group and scoring against the bare libraries, each in a process of its own.

`python benchmarks/train.py` writes ``benchmarks/results/train.json``: medians of at least three runs, tools in turn.

train: from the feature matrix of the default study to a complete run folder (MLflow apart), against ``bare``: the library
fits of the same models on the same matrix and folds and nothing else, as many at a time as the study has threads (XGBoost
stops early on a random fifth, then learns from all rows, as its documentation would have it). ``bare-kept``
is the same with the EBM on the rows that ours keeps (`models/ebm.py`); the two baselines have no library.
groups: 2,000 resamples of every fairness metric in 40 groups at 100,000 rows, against fairlearn's ``n_boot``, per replicate; both must
give the same point values.
score: a million rows with raw score, risk and contributions, against XGBoost's ``pred_contribs`` alone.

Speed is shown, never tested.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

PLACE = Path(__file__).parent / "results" / "train.json"
TOOLS = {
    "train": ("riskmodel", "bare", "bare-kept"),
    "groups": ("riskmodel", "fairlearn"),
    "score-xgboost": ("riskmodel", "bare"),
    "score-ebm": ("riskmodel",),
    "score-logistic": ("riskmodel",),
}
FAIRLEARN_REPLICATES = 5
Json = dict[str, Any]


def main() -> int:
    """Run the cases and write the results, or run one case as a child of that."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=list(TOOLS), choices=TOOLS)
    parser.add_argument("--repeats", type=int, default=3, help="runs a tool and case (default: 3)")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows to score (default: a million)")
    parser.add_argument("--out", type=Path, default=PLACE, help="where results go")
    parser.add_argument("--child", nargs=2, metavar=("CASE", "TOOL"), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        case, tool = arguments.child
        print(json.dumps(_child(case, tool, arguments)))
        return 0
    rows = []
    with tempfile.TemporaryDirectory(prefix="riskmodel-bench-") as work:
        if arguments.cases != ["groups"]:
            _start("prepare", "riskmodel", Path(work), arguments)
        for case in arguments.cases:
            found = _case(case, Path(work), arguments)
            print(json.dumps(found, indent=2), flush=True)
            rows += found
    _keep(arguments.out, rows)
    return 0


def _case(case: str, work: Path, arguments: argparse.Namespace) -> list[Json]:
    """Run the tools in turn, and take medians."""
    runs: dict[str, list[Json]] = {tool: [] for tool in TOOLS[case]}
    for _ in range(arguments.repeats):
        for tool in TOOLS[case]:
            runs[tool].append(_start(case, tool, work, arguments))
    said = {tool: some[0]["checksum"] for tool, some in runs.items()}
    if case == "groups" and len(set(said.values())) > 1:
        raise SystemExit("groups: the tools do not give the same point values")
    median = {
        tool: {name: round(statistics.median(run[name] for run in some), 6) for name in ("wall_s", "cpu_s")}
        for tool, some in runs.items()
    }
    peers = [tool for tool in TOOLS[case] if tool != "riskmodel"]
    ratios = {peer: _ratio(peer, runs) for peer in peers}
    rows = [
        {"case": case, **some[0], **median[tool], "peak_mb": max(run["peak_mb"] for run in some)}
        for tool, some in runs.items()
    ]
    rows[0]["ratios"] = ratios
    return rows


def _ratio(peer: str, runs: dict[str, list[Json]]) -> dict[str, float]:
    """Return our time over the peer's, by the clock and by the processor; per replicate where there are some."""

    def time_of(tool: str, name: str) -> float:
        return float(statistics.median(run[name] / run.get("replicates", 1) for run in runs[tool]))

    return {name: round(time_of("riskmodel", name) / time_of(peer, name), 6) for name in ("wall_s", "cpu_s")}


def _start(case: str, tool: str, work: Path, arguments: argparse.Namespace) -> Json:
    command = [
        sys.executable,
        __file__,
        "--child",
        case,
        tool,
        "--work",
        str(work),
        "--rows",
        str(arguments.rows),
    ]
    command += [word for one in arguments.settings for word in ("--set", one)]
    # As `python -m riskmodel.train` sets it; for every tool alike.
    quiet = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=quiet)
    found: Json = json.loads(done.stdout.splitlines()[-1])
    return found


def _child(case: str, tool: str, arguments: argparse.Namespace) -> Json:
    if case == "groups":
        job = {"riskmodel": _groups_riskmodel, "fairlearn": _groups_fairlearn}[tool]()
    elif case.startswith("score-"):
        job = _score(case.removeprefix("score-"), tool, arguments)
    else:
        job = _train(tool, arguments, keep=arguments.work / "run" if case == "prepare" else None)
    started, cpu = time.perf_counter(), time.process_time()
    facts = job()
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    wall -= facts.pop("not_counted_s", 0.0)
    if "replicates" in facts:
        facts["per_replicate_s"] = wall / facts["replicates"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "tool": tool,
        "version": _version(tool),
        "wall_s": wall,
        "cpu_s": used,
        "peak_mb": round(peak),
        **facts,
    }


def _version(tool: str) -> str:
    if not tool.startswith("bare"):
        return metadata.version(tool)
    import xgboost  # its distribution goes by another name where only the CPU build is installed

    return f"xgboost {xgboost.__version__}, interpret-core {metadata.version('interpret-core')}"


def _front(arguments: argparse.Namespace) -> tuple[Any, Json]:
    """Return the study and everything up to its feature matrix, from the store where it is there."""
    from riskmodel.pipeline import run_stages
    from riskmodel.stages import front_end
    from riskmodel.study import load_study

    study = load_study(None, settings=arguments.settings)
    done = run_stages(front_end(study), study, store=arguments.work / ".store", progress=lambda *_: None)
    return study, dict(done.results)


def _train(tool: str, arguments: argparse.Namespace, *, keep: Path | None) -> Callable[[], Json]:
    study, inputs = _front(arguments)
    if tool == "riskmodel":
        return partial(_train_riskmodel, study, arguments.work / ".store", keep)
    return partial(_train_bare, study, inputs, kept_only=tool == "bare-kept")


def _train_riskmodel(study: Any, store: Path, keep: Path | None) -> Json:
    from datetime import UTC, datetime

    from riskmodel.files import digest_path
    from riskmodel.pipeline import run_stages
    from riskmodel.runfolder import RunResults, write_run
    from riskmodel.stages import front_end
    from riskmodel.stages.back import back_end

    done = run_stages([*front_end(study), *back_end(study)], study, store=store, progress=lambda *_: None)
    with tempfile.TemporaryDirectory(prefix="riskmodel-bench-") as other:
        folder = keep or Path(other) / "run"
        folder.mkdir()
        write_run(folder, RunResults(study, done), started=datetime.now(UTC))
        checksum = digest_path(folder / "metrics.json")
    return {
        "rows": len(done.results["features"]),
        "checksum": checksum,
        # The matrix is where the race starts: reading it back is nobody's time.
        "not_counted_s": sum(one.seconds for one in done.timings if one.reused),
        "stages": {one.stage: round(one.seconds, 2) for one in done.timings if not one.reused},
    }


def _train_bare(study: Any, inputs: Json, *, kept_only: bool) -> Json:
    from riskmodel.stages.back import back_end

    split = back_end(study)[0].run(study, inputs, Path())
    outcomes = inputs["population"].outcomes
    labels = outcomes.training[outcomes.chosen].take(split.train)
    learn, fold = inputs["features"].take(split.train), split.fold[split.train]
    seen = labels.weight > 0
    parts = [seen, *(seen & (fold != one) for one in np.unique(fold))]
    fits = {
        "ebm": partial(_bare_ebm, kept_only=kept_only),
        "xgboost": _bare_xgboost,
        "logistic": _bare_logistic,
    }
    jobs = [(fits[family], part) for family in fits if family in study.models.families for part in parts]

    def one(job: tuple[Callable[..., None], Any]) -> None:
        fit, rows = job
        fit(learn.take(rows), labels.outcome[rows], labels.weight[rows], study)

    with ThreadPoolExecutor(study.threads) as pool:
        list(pool.map(one, jobs))
    return {"rows": len(inputs["features"]), "checksum": None, "fits": len(jobs)}


def _bare_xgboost(features: Any, outcome: Any, weight: Any, study: Any) -> None:
    import xgboost

    spec = study.models.xgboost
    held = np.random.default_rng(study.seed).random(len(outcome)) < 0.2  # as a user of the library would

    def matrix(rows: Any, reference: Any = None) -> Any:
        return xgboost.QuantileDMatrix(
            features.values[rows], outcome[rows], weight=weight[rows], missing=np.nan, max_bin=spec.max_bins, nthread=1,
            ref=reference,
        )  # fmt: skip

    settings = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": spec.depth,
        "max_bin": spec.max_bins,
        "learning_rate": spec.learning_rate,
        "min_child_weight": spec.min_information,
        "reg_lambda": spec.ridge,
        "monotone_constraints": tuple(info.direction for info in features.infos),
        "nthread": 1,
    }
    learn = matrix(~held)
    stopped = xgboost.train(
        settings | {"eval_metric": "logloss"},
        learn,
        num_boost_round=spec.rounds,
        evals=[(matrix(held, learn), "held_out")],
        early_stopping_rounds=spec.patience,
        verbose_eval=False,
    )
    xgboost.train(settings, matrix(np.ones(len(outcome), bool)), num_boost_round=stopped.best_iteration + 1)


def _bare_ebm(features: Any, outcome: Any, weight: Any, study: Any, *, kept_only: bool) -> None:
    import warnings

    from interpret.glassbox import ExplainableBoostingClassifier

    from riskmodel.models.training import TrainingRows

    spec, values = study.models.ebm, features.values
    if kept_only:
        rows = TrainingRows.build(features, outcome, weight, person=None, where="bare")
        kept = rows.thinned(spec.rows_per_rare, seed=study.seed)
        values, outcome, weight = kept.features.values, kept.outcome, kept.weight
    learner = ExplainableBoostingClassifier(
        feature_types=["continuous"] * values.shape[1],
        monotone_constraints=[info.direction for info in features.infos],
        max_bins=spec.max_bins,
        interactions=0,
        outer_bags=spec.bags,
        learning_rate=spec.learning_rate,
        max_rounds=spec.max_rounds,
        early_stopping_rounds=spec.early_stopping_rounds,
        n_jobs=1,
        random_state=study.seed % 2**31,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learner.fit(values, outcome, sample_weight=weight)


def _bare_logistic(features: Any, outcome: Any, weight: Any, _study: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    values = np.nan_to_num(features.values.astype(np.float64))
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    LogisticRegression(max_iter=1000).fit(scaled, outcome, sample_weight=weight)


def _people() -> tuple[Any, Any]:
    """Return 100,000 rows, each another person, and one of 40 groups for each."""
    from riskmodel.validate import ScoredRows

    rng = np.random.default_rng(20261122)
    n = 100_000
    raw = rng.normal(-3.5, 1.0, size=n)
    risk = 1 / (1 + np.exp(-raw))
    outcome = (rng.random(n) < risk).astype(np.int8)
    offered = (raw >= np.quantile(raw, 0.95)).astype(float)
    group = np.char.add("group ", np.char.zfill((np.arange(n) % 40).astype(str), 2))
    return ScoredRows(raw, risk, outcome, np.ones(n), offered, np.arange(n)), group


def _groups_riskmodel() -> Callable[[], Json]:
    from riskmodel.audit import audit_fairness
    from riskmodel.audit.spec import AuditSpec
    from riskmodel.tables.cohort import AuditedAttributes
    from riskmodel.validate import ScoredRows, resample

    (rows, group), spec = _people(), AuditSpec(attributes=("group",), intersections=())
    # Compiled code counts as compiled, as a library counts as loaded.
    few = ScoredRows(*(getattr(rows, name)[:5000] for name in rows.__dataclass_fields__))
    audit_fairness(
        {"model": few},
        AuditedAttributes({"group": group[:5000]}),
        resample(few.subject_id, replicates=100, seed=0),
        spec,
    )

    def job() -> Json:
        drawn = resample(rows.subject_id, replicates=2000, seed=1)
        found = audit_fairness({"model": rows}, AuditedAttributes({"group": group}), drawn, spec)
        said = {(str(one.metric), one.group): one.estimate for one in found.rows}
        return {"rows": len(rows), "replicates": len(drawn), "checksum": _points(said, np.unique(group))}

    return job


def _groups_fairlearn() -> Callable[[], Json]:
    from fairlearn.metrics import (
        MetricFrame,
        false_negative_rate,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import precision_score

    rows, group = _people()
    metrics = {
        "selection_rate": selection_rate,
        "tpr": true_positive_rate,
        "fnr": false_negative_rate,
        "fpr": false_positive_rate,
        "ppv": precision_score,
    }

    def job() -> Json:
        frame = MetricFrame(
            metrics=metrics,
            y_true=rows.outcome,
            y_pred=rows.offered.astype(int),
            sensitive_features=group,
            n_boot=FAIRLEARN_REPLICATES,
            ci_quantiles=[0.025, 0.975],
            random_state=1,
        )
        said = {(name, g): frame.by_group[name][g] for name in metrics for g in np.unique(group)}
        return {
            "rows": len(rows),
            "replicates": FAIRLEARN_REPLICATES,
            "checksum": _points(said, np.unique(group)),
        }

    return job


def _points(said: dict[tuple[str, str], float | None], groups: Any) -> str:
    from riskmodel.files import digest_bytes

    order = [(name, str(g)) for name in ("selection_rate", "tpr", "fnr", "fpr", "ppv") for g in groups]
    return digest_bytes(
        ",".join("none" if (value := said[one]) is None else f"{value:.9f}" for one in order).encode()
    )


def _score(family: str, tool: str, arguments: argparse.Namespace) -> Callable[[], Json]:
    from riskmodel.models import CalibratedModel
    from riskmodel.tables.features import FeatureMatrix

    _, inputs = _front(arguments)
    features = inputs["features"]
    values = features.values[np.arange(arguments.rows) % len(features)]
    matrix = FeatureMatrix(values, features.infos)
    del inputs, features
    place = arguments.work / "run" / "models" / f"{family}.json"
    if tool == "bare":
        return partial(_score_bare, json.loads(place.read_text(encoding="utf-8")), values)
    model = CalibratedModel.load(place)

    def job() -> Json:
        found = model.model.contributions(matrix)
        risk = model.risk(model.model.raw_score(matrix))
        return {"rows": len(risk), "checksum": f"{found.values.sum():.6g}", "columns": found.values.shape[1]}

    return job


def _score_bare(state: Json, values: Any) -> Json:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(json.dumps(state["model"]["trees"]).encode()))
    found = booster.predict(xgboost.DMatrix(values, missing=np.nan), pred_contribs=True)
    return {
        "rows": len(found),
        "checksum": f"{found[:, :-1].sum(dtype=np.float64):.6g}",
        "columns": found.shape[1] - 1,
    }


def _keep(place: Path, rows: list[Json]) -> None:
    """Write the rows beside those of cases that were not run this time."""
    fresh = {row["case"] for row in rows}
    before = json.loads(place.read_text(encoding="utf-8"))["rows"] if place.exists() else []
    kept = [row for row in before if row["case"] not in fresh]
    place.parent.mkdir(exist_ok=True)
    text = json.dumps({"machine": _machine(), "rows": [*kept, *rows]}, indent=2) + "\n"
    place.write_text(text, encoding="utf-8")


def _machine() -> Json:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "kind": platform.machine(),
    }


if __name__ == "__main__":
    sys.exit(main())
