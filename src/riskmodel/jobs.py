"""What training does, once its arguments are read: from data to run folder."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from riskmodel import console
from riskmodel.audit.lens import read_lens
from riskmodel.audit.plans import chosen_plan
from riskmodel.audit.reduction import require_fairlearn
from riskmodel.disclosure import Disclosure
from riskmodel.errors import DataError
from riskmodel.features.spec import OutcomesSpec, TableSpec
from riskmodel.files import read_json, whole_folder
from riskmodel.pipeline import Progress, run_stages
from riskmodel.policy import check_features, check_outcome
from riskmodel.stages import front_end
from riskmodel.study import Study, load_study
from riskmodel.tables.features import FeatureInfo
from riskmodel.tracking import ChildRecord, MlflowRecorder, NullRecorder, Recorder, RunRecord
from riskmodel.validate.warning import RunWarning

if TYPE_CHECKING:
    from riskmodel.models import Search, Trial
    from riskmodel.runfolder import RunResults

STORE = ".store"


def train_and_report(arguments: argparse.Namespace) -> int:
    """Train a study, write its run folder, log it, and print where to look next."""
    study = load_study(arguments.study, settings=arguments.settings)
    check_policy(study)
    quiet = arguments.quiet or arguments.json
    with console.progress(quiet=quiet) as show:
        folder = train(
            study, out=arguments.out, progress=show, strict=arguments.strict, tell=console.teller(quiet=quiet)
        )
    if arguments.copy_card is not None:
        copy_card(folder, arguments.copy_card, name=study.name)
    print(json.dumps(summary(folder)) if arguments.json else report(folder))
    return 0


def dry_run(arguments: argparse.Namespace) -> int:
    """Print the attrition, the features and what the card will note about the data of a study; train nothing."""
    study = load_study(arguments.study, settings=arguments.settings)
    check_policy(study)
    with console.progress(quiet=arguments.quiet or arguments.json) as show:
        done = run_stages(front_end(study), study, store=arguments.out / STORE, progress=show)
    attrition, notes = done.results["population"].attrition, done.results["population"].notes
    infos = done.results["features"].infos
    if arguments.json:
        names = [info.name for info in infos]
        print(json.dumps({"attrition": attrition, "features": names, "notes": notes}))
        return 0
    steps = [[one["rule"], f"{one['rows_left']:,}", f"{one['removed']:,}"] for one in attrition["steps"]]
    print(console.table(["rule", "rows left", "removed"], steps))
    print()
    print(console.table(["feature", "in words"], [[info.name, info.description] for info in infos]))
    print("".join(f"\n- {note}" for note in notes))
    print("\nNothing was trained.")
    return 0


def train(
    study: Study,
    *,
    out: Path,
    progress: Progress = lambda _title, _number, _count: None,
    strict: bool = False,
    tell: Callable[[str], None] = lambda _words: None,
) -> Path:
    """Run a study from data to run folder.

    Parameters
    ----------
    study : Study
    out : Path
        Folder of runs; the store of kept stages and the logbook live there too.
    progress : callable, optional
        Called with a stage's title, its number and how many there are.
    strict : bool
        Stop at the first reason to doubt the results: before training if the study is too small, after it and before
        anything is written if something looks like a leak.
    tell : callable, optional
        Called with a sentence that a person should read before the long stages.

    Returns
    -------
    Path
        The run folder, complete.

    Raises
    ------
    RiskModelError
        Of the kind that fits; nothing half-written is left behind.
    """
    from riskmodel.runfolder import RunResults, run_name, run_warnings, study_digest, write_run
    from riskmodel.stages.back import back_end

    check_policy(study)
    _require_extras(study)
    started = datetime.now(UTC)
    out.mkdir(parents=True, exist_ok=True)
    with _recorded(study, out, started) as recorder:

        def tried(search: Search, trial: Trial) -> None:
            recorder.result().child(_child(search, trial, study.disclosure))

        back = back_end(study, strict=strict, tell=tell, on_trial=tried)
        stages = [*front_end(study), *back]
        last, front = len(stages), len(front_end(study))

        def shown(title: str, number: int, _count: int) -> None:
            if number == front:
                recorder.result()  # a logbook that cannot be opened is told before the long stages, not after
            progress(title, number, last + 2)

        done = run_stages(stages, study, store=out / STORE, progress=shown)
        with _one_look(RunResults(study, done), out / STORE, started) as run:
            if strict:
                _refuse_doubt(run_warnings(run))
            folder = out / run_name(study, started=started, digest=study_digest(study, run.fingerprint))
            progress("Writing the model card", last, last + 2)
            with whole_folder(folder) as part:
                write_run(part, run, started=started)
                progress("Logging the run", last + 1, last + 2)
                recorder.result().finish(_record(study, part, run))
    return folder


def _require_extras(study: Study) -> None:
    """Tell of a missing library, or of a measurement that cannot be used, before the long stages."""
    from riskmodel.models import require_optuna

    if study.models.tuned_families:
        require_optuna()
    if study.audit.mitigation.frontier and study.audit.mitigation.exponentiated_gradient:
        require_fairlearn()
    if study.audit.recording.stop_search is not None:
        read_lens(study.audit.recording.stop_search)


@contextmanager
def _one_look(run: RunResults, store: Path, started: datetime) -> Iterator[RunResults]:
    """Give the run with which look at the test rows it is, and put the look into the register when it was shown."""
    from riskmodel.readings import reading_of, record_reading
    from riskmodel.runfolder import test_rows

    rows = test_rows(run)
    if rows is None:
        yield run
        return
    yield replace(run, reading=reading_of(rows, store))
    record_reading(rows, store, started=started)


def _refuse_doubt(warnings: Sequence[RunWarning]) -> None:
    """Refuse to write a run whose card would warn that its results may not be believed."""
    if warnings:
        raise DataError(
            expected="no reason to doubt the results",
            found=" ".join(one.words for one in warnings),
            where="--strict",
            next_step="Take out or repair what is named, or leave out --strict to see the whole run.",
        )


def check_policy(study: Study) -> None:
    """Refuse what the policy bars, before any record is read.

    Raises
    ------
    PolicyError
        Naming the features or the outcome, and the rule.
    """
    check_features(feature_infos(study), study.policy)
    for name, codes, enforcement_made in _outcome_facts(study):
        used_for = "training" if name in (_chosen(study), chosen_plan(study.audit).label) else "audit"
        check_outcome(name, codes, enforcement_made=enforcement_made, spec=study.policy, used_for=used_for)


def feature_infos(study: Study) -> tuple[FeatureInfo, ...]:
    """Return what every feature of a study means, without reading a record."""
    from riskmodel.features import describe, describe_table
    from riskmodel.tables.catalogue import load_catalogue

    if isinstance(study.data, TableSpec):
        return describe_table(study.data)
    assert study.features is not None  # noqa: S101 - the study checks it
    return describe(study.features, load_catalogue(study.features.catalogue))


def _chosen(study: Study) -> str:
    return study.data.chosen if isinstance(study.data, TableSpec) else _outcomes(study).chosen


def _outcomes(study: Study) -> OutcomesSpec:
    assert study.outcomes is not None  # noqa: S101 - the study checks it
    return study.outcomes


def _outcome_facts(study: Study) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Give each outcome's name, what it reads, and whether it is made by enforcement."""
    if isinstance(study.data, TableSpec):
        for name, declared in study.data.outcomes.items():
            yield name, (declared.column,), declared.kind == "justice"
        return
    from riskmodel.tables.catalogue import load_catalogue

    catalogue = load_catalogue(None if study.features is None else study.features.catalogue)
    for outcome in _outcomes(study).all:
        codes = [code for pattern in outcome.codes for code in catalogue.match(pattern)]
        made = outcome.kind == "justice" or any(catalogue.lookup(code).enforcement_made for code in codes)
        yield outcome.name, outcome.codes, made


def copy_card(folder: Path, target: Path, *, name: str) -> None:
    """Copy a run's card to a folder, named after the study."""
    target.mkdir(parents=True, exist_ok=True)
    for kind in ("json", "md", "html"):
        shutil.copyfile(folder / f"card.{kind}", target / f"{name}.{kind}")


def summary(folder: Path) -> dict[str, Any]:
    """Return a run in a few numbers: where it is, what was selected, and every family on its last split."""
    metrics, provenance = read_json(folder / "metrics.json"), read_json(folder / "provenance.json")
    split = _last_split(metrics)
    return {
        "run": str(folder),
        "digest": provenance["model_digest"],
        "selected": metrics["selected"],
        "split": split,
        "models": {family: splits[split] for family, splits in metrics["models"].items()},
        "suspected_leaks": read_json(folder / "leaks.json")["suspects"],
        "warnings": metrics["warnings"],
        "seconds": round(sum(one["seconds"] for one in provenance["timings"]), 1),
        "peak_memory_mb": provenance["peak_memory_mb"],
    }


def report(folder: Path) -> str:
    """Return the closing table of a run and where to look next."""
    found = summary(folder)
    rows = [
        [
            f"{family}{' *' if family == found['selected'] else ''}",
            *(
                _shown(metrics[name])
                for name in ("auroc", "precision_at_capacity", "recall_at_capacity", "calibration_slope")
            ),
        ]
        for family, metrics in found["models"].items()
    ]
    warning = "".join(f"LOOK AT THIS FIRST: {one['words']}\n" for one in found["warnings"])
    table = console.table(
        ["model", "AUROC", "precision at capacity", "recall at capacity", "calibration slope"], rows
    )
    return (
        f"\n{table}\n\n{warning}* selected: the simplest that orders people and finds them about as well as the best, out of fold. Split: {found['split']}; 95% intervals.\n\n"
        f"{_honesty(folder)}\n\n"
        f"{found['seconds']:.0f} s in stages, {found['peak_memory_mb']} MB at most.\n\n"
        f"Look next at\n  {folder}/card.html      the model card, for the ethics board\n"
        f"  {folder}/metrics.json   every metric with its interval\n  make ui   the run in MLflow, on 127.0.0.1\n"
    )


def _honesty(folder: Path) -> str:
    """Return a line about the number of people, and one for each check of the leak hunt: verdict and evidence."""
    size, leaks = read_json(folder / "sample_size.json"), read_json(folder / "leaks.json")
    families = ", ".join(f"{one['family']} {one['verdict'].replace('_', ' ')}" for one in size["families"])
    checks = [
        ("enough people", families),
        *((one["name"].replace("_", " "), _said(one)) for one in leaks["checks"]),
    ]
    width = max(len(name) for name, _ in checks)
    return "\n".join(f"{name.ljust(width)}  {words}" for name, words in checks)


def _said(check: Mapping[str, Any]) -> str:
    return f"{check['verdict'].replace('_', ' ').upper()}. {check['words']}"


def _last_split(metrics: Mapping[str, Any]) -> str:
    splits = metrics["models"][metrics["selected"]]
    return "test_all" if "test_all" in splits else "crossfit"


def _shown(one: Mapping[str, Any]) -> str:
    if one["estimate"] is None:
        return str(one["status"])
    return f"{one['estimate']:.3f} ({one['lower']:.3f} to {one['upper']:.3f})"


@contextmanager
def _recorded(study: Study, out: Path, started: datetime) -> Iterator[Future[Recorder]]:
    """Open the logbook while the first stages run: MLflow takes seconds to load and to make its database."""

    def opened() -> Recorder:
        recorder = _recorder(study, out)
        recorder.start(run_name=f"{study.name}-{started:%Y%m%dT%H%M%S}")
        return recorder

    with ThreadPoolExecutor(max_workers=1) as pool:
        recorder = pool.submit(opened)
        try:
            yield recorder
        except BaseException as error:
            recorder.result().fail(interrupted=isinstance(error, KeyboardInterrupt))
            raise


def _recorder(study: Study, out: Path) -> Recorder:
    if not study.tracking.enabled:
        return NullRecorder()
    return MlflowRecorder(
        uri=study.tracking.uri or f"sqlite:///{(out / 'mlflow.db').resolve()}",
        experiment=study.tracking.experiment or study.name,
        artifacts=out / "mlartifacts",
    )


def _record(study: Study, folder: Path, run: Any) -> RunRecord:
    metrics, door = read_json(folder / "metrics.json"), study.disclosure
    selected = run["models"].models[metrics["selected"]].model
    rows = len(run["population"].cohort)
    return RunRecord(
        params=dict(_flat("", study.model_dump(mode="json"))),
        metrics=dict(_public_metrics(metrics, door)),
        files=(
            *(folder / f"card.{kind}" for kind in ("html", "md", "json")),
            folder / "fairness.public.json",
            folder / "study.resolved.yaml",
            folder / "plots",
        ),
        dataset={
            "name": study.name,
            "digest": run.fingerprint,
            "source": study.data.kind,
            "profile": {"rows": door.count(rows), "features": len(run["features"].infos)},
        },
        model={
            "family": metrics["selected"],
            "digest": read_json(folder / "provenance.json")["model_digest"],
            "features": list(selected.names),
            "note": "A description only: the model stays in the run folder and scores nobody before approval.",
        },
        tags={
            "selected": metrics["selected"],
            "simulated": str(study.simulated).lower(),
            "mlflow.source.name": "python -m riskmodel.train",
            "mlflow.source.type": "LOCAL",
        },
    )


def _child(search: Search, trial: Trial, door: Disclosure) -> ChildRecord:
    """Describe settings that tuning tried; how useful they were only where enough people stand behind it."""
    judged, metrics = trial.judged, {}
    if judged is not None:
        reached = round(judged.utility * search.n_outcomes)
        if door.rate(reached, search.n_outcomes) is not None:
            metrics = {"utility": round(judged.utility, 4), "log_loss": round(judged.log_loss, 5)}
    return ChildRecord(
        name=f"{search.place}-{trial.number}",
        params={
            f"models.{search.family}.{name}": json.dumps(value) for name, value in trial.settings.items()
        },
        metrics=metrics,
        tags={
            "search": search.place,
            "state": trial.state,
            "within_limit": str(trial.feasible).lower(),
            "resumed": str(trial.resumed).lower(),
        },
    )


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, json.dumps(value)


def _public_metrics(metrics: Mapping[str, Any], door: Disclosure) -> Iterator[tuple[str, float]]:
    """Give what may leave: nothing from few people, nor about offers that reached, or missed, few of those harmed."""
    from riskmodel.publish.results import at_capacity

    for family, splits in metrics["models"].items():
        for split, found in splits.items():
            recall = found["recall_at_capacity"]
            for name, one in found.items():
                safe = at_capacity(one, recall, door) if name.endswith("_at_capacity") else one
                shown = door.drop_small(safe or one, counts=("n_subjects", "n_outcomes"))
                for end, key in (("", "estimate"), ("/lower", "lower"), ("/upper", "upper")):
                    if shown[key] is not None:
                        yield f"{family}/{split}/{name}{end}", round(float(shown[key]), 4)


def compile_kernels() -> None:
    """Compile the numba kernels once, so that no run has to: part of setting the package up.

    The kernels are compiled for the types they are called with, so a tiny study of made-up people is run.
    """
    settings = [
        "data.size=1200",
        "data.years=7",
        "models.families=[prior, count]",
        "validation.replicates=100",
    ]
    quiet = [
        "audit.attributes=[sex]",
        "audit.intersections=[]",
        "tracking.enabled=false",
        "data.prevalence=0.05",
    ]
    with TemporaryDirectory(prefix="riskmodel-compile-") as folder:
        train(load_study(None, settings=[*settings, *quiet]), out=Path(folder))
