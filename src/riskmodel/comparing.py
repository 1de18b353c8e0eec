"""Two finished runs on the same young people: what each says about them, made again from the run folders.

A run's own rows carry numbers that are random for the run where people are real, so two runs cannot be joined by their
files. Inside the secure environment each study's rows are made again, its saved model scores them, and the result must be
what ``metrics.json`` says. Where nothing was kept for a test, the scores out of fold are made again by fitting again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from riskmodel.audit.compare import Comparison, compare
from riskmodel.errors import DataError, StudyError, did_you_mean
from riskmodel.files import read_json
from riskmodel.models import CalibratedModel, offers
from riskmodel.pipeline import Outcome, Progress, Stage, run_stages
from riskmodel.runfolder import chosen_outcome
from riskmodel.stages import Population, front_end
from riskmodel.stages.back import back_end
from riskmodel.stages.parts import CROSSFIT, Part, audit_part, resamples, scored
from riskmodel.study import Study
from riskmodel.validate import ScoredRows

RESOLVED = "study.resolved.yaml"


@dataclass(frozen=True)
class Rescored:
    """What one model of a run says about the rows that the run was judged on."""

    study: Study
    family: str
    part: Part
    population: Population
    rows: ScoredRows


def compare_runs(
    first: Path,
    second: Path,
    *,
    families: tuple[str | None, str | None],
    store: Path,
    progress: Progress,
) -> tuple[Rescored, Rescored, Comparison]:
    """Compare a model of each of two runs in pairs, overall and by group.

    Parameters
    ----------
    first, second : Path
        Run folders.
    families : tuple of str or None
        Which family of each; None is the selected one.
    store : Path
        Where made stages are kept.
    progress : callable

    Returns
    -------
    tuple
        Both models on the rows, and their comparison, the second less the first.

    Raises
    ------
    StudyError
        If a folder is no run, a family was not fitted, or the runs are not about the same outcome, people, dates and
        capacity.
    DataError
        If a run cannot be made again as it was.
    """
    for folder in (first, second):
        study_of(folder)  # a mistyped name is told before the long stages
    one, other = (
        rescore(folder, family=family, store=store, progress=progress)
        for folder, family in zip((first, second), families, strict=True)
    )
    _refuse_unlike(one, other)
    found = compare(
        one.rows,
        other.rows,
        one.population.audited.take(one.part.rows),
        resamples(one.study, one.part, one.population),
        audit=one.study.audit,
        validate=one.study.validation,
        disclosure=one.study.disclosure,
        threads=one.study.threads,
    )
    return one, other, found


def rescore(folder: Path, *, family: str | None, store: Path, progress: Progress) -> Rescored:
    """Make a run's rows again and score them.

    Raises
    ------
    StudyError
        If the folder is no run, or the family was not fitted.
    DataError
        If data or code changed since, so that the rows or the scores are others.
    """
    study = study_of(folder)
    metrics = read_json(folder / "metrics.json")
    name = metrics["selected"] if family is None else family
    if name not in metrics["models"]:
        raise StudyError(
            [f"--family: '{name}' was not fitted in '{folder}'; {did_you_mean(name, metrics['models'])}"],
            where="the command",
        )
    make = _on_test if "test_all" in metrics["models"][name] else _out_of_fold
    found = make(
        folder, study, name, lambda stages: run_stages(stages, study, store=store, progress=progress)
    )
    _check_same(folder, found, metrics["models"][name])
    return found


def study_of(folder: Path) -> Study:
    """Return the study of a run folder.

    Raises
    ------
    StudyError
        If it is no run folder; with the names of runs beside it.
    """
    resolved = folder / RESOLVED
    if not resolved.is_file():
        beside = [str(one.parent) for one in sorted(folder.parent.glob(f"*/{RESOLVED}"))]
        hint = f"; {did_you_mean(str(folder), beside)}" if beside else ""
        raise StudyError([f"'{folder}' is not a run folder: it has no {RESOLVED}{hint}"], where="the command")
    return Study.model_validate(yaml.safe_load(resolved.read_text(encoding="utf-8")))


Run = Callable[[Any], Outcome]


def _until(name: str, study: Study) -> list[Stage]:
    """Return the stages up to and including one."""
    stages = [*front_end(study), *back_end(study)]
    return stages[: [stage.name for stage in stages].index(name) + 1]


def _on_test(folder: Path, study: Study, family: str, run: Run) -> Rescored:
    """Score the test rows with the saved model."""
    done = run(_until("split", study))
    _check_data(folder, done)
    population, features = done.results["population"], done.results["features"]
    part = audit_part(population, done.results["split"])
    model = CalibratedModel.load(folder / "models" / f"{family}.json")
    own = features.take(part.rows)
    raw = model.model.raw_score(own)
    cohort = population.cohort.take(part.rows)
    rows = ScoredRows(
        raw=raw,
        risk=model.risk(raw),
        outcome=part.labels.outcome,
        weight=part.labels.weight,
        offered=offers(raw, cohort, study.capacity, withheld=model.too_thin(own)),
        subject_id=cohort.subject_id,
    )
    return Rescored(study, family, part, population, rows)


def _out_of_fold(folder: Path, study: Study, family: str, run: Run) -> Rescored:
    """Fit the family again, fold by fold: the same seed gives the same scores."""
    done = run(_until("models", study))
    _check_data(folder, done)
    population, fitted = done.results["population"], done.results["models"]
    part = audit_part(population, done.results["split"])
    rows = scored(part, family, fitted=fitted, population=population, study=study)
    return Rescored(study, family, part, population, rows)


def _check_data(folder: Path, done: Outcome) -> None:
    address = done.addresses.get("intake", done.addresses["population"])
    if read_json(folder / "provenance.json")["data_fingerprint"] != address:
        raise _changed(
            folder, "the data and the code that the run was made with", "other data, or other code"
        )


def _check_same(folder: Path, found: Rescored, recorded: Mapping[str, Any]) -> None:
    """Refuse to compare scores that are not those of the run."""
    split = "test_all" if found.part.name != CROSSFIT else CROSSFIT
    brier = float(np.average((found.rows.risk - found.rows.outcome) ** 2, weights=found.rows.weight))
    said = recorded[split]["brier"]["estimate"]
    if said is None or abs(brier - said) > 1e-9:
        raise _changed(folder, "the scores that the run was judged by", "other scores for the same rows")


def _changed(folder: Path, expected: str, found: str) -> DataError:
    return DataError(
        expected=expected, found=found, where=str(folder), next_step="Train again and compare the new run."
    )


def _refuse_unlike(one: Rescored, other: Rescored) -> None:
    faults = [
        f"the runs differ in {what}: nothing that is compared would be about the same"
        for what, same in (
            ("outcome or horizon", chosen_outcome(one.study) == chosen_outcome(other.study)),
            ("capacity", one.study.capacity == other.study.capacity),
            ("the young people or dates that they were judged on", _same_rows(one, other)),
        )
        if not same
    ]
    if faults:
        raise StudyError(faults, where="the two runs")


def _same_rows(one: Rescored, other: Rescored) -> bool:
    cohorts = [each.population.cohort.take(each.part.rows) for each in (one, other)]
    return (
        one.part.name == other.part.name
        and all(
            np.array_equal(getattr(cohorts[0], name), getattr(cohorts[1], name))
            for name in ("subject_id", "index_day")
        )
        and np.array_equal(one.rows.outcome, other.rows.outcome)
        and np.array_equal(one.rows.weight, other.rows.weight)
    )
