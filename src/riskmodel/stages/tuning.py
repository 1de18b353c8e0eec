"""The stage that searches the families' settings, if the study asks for it, and the one that says what that was worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

import numpy as np

from riskmodel import audit as auditing
from riskmodel import models as modelling
from riskmodel import validate as validating
from riskmodel.files import digest_bytes, to_json
from riskmodel.models import Search, Trial, Trials, Tuned
from riskmodel.models.spec import TunedFamily
from riskmodel.provenance import package_versions, source_digest
from riskmodel.stages.fitting import crossfit_scores, side_by_side
from riskmodel.stages.front import Population
from riskmodel.stages.parts import CROSSFIT, parts, resamples, scored
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, Labels
from riskmodel.validate import Estimate

Inputs = Mapping[str, Any]
OnTrial = Callable[[Search, Trial], None]


@dataclass(frozen=True)
class _Task:
    """One search to make: what it may look at, and the labels as they were known to whoever learns from it."""

    family: TunedFamily
    held_out: int | None
    rows: BoolArray
    labels: Labels


def tune(study: Study, inputs: Inputs, folder: Path, *, on_trial: OnTrial) -> Tuned:
    """Search settings for each family that the study tunes: for each fold on its learning rows, then on all training rows.

    Parameters
    ----------
    study : Study
    inputs : mapping
    folder : Path
        Journals are kept beside it, in ``tuning-<digest>``; the digest is of settings, data and code, so that a changed
        study starts anew and an unchanged one goes on where it was.
    on_trial : callable
        Called with each trial and the search it belongs to, one at a time.
    """
    tasks = {f"{one.family}/{one.held_out}": one for one in _tasks(study, inputs)}
    if not tasks:
        return Tuned(study.models)
    journals, lock = folder.parent / _name(study, inputs), Lock()
    stopped = Event()

    def told(search: Search, trial: Trial) -> None:
        if stopped.is_set():
            raise CancelledError
        with lock:
            on_trial(search, trial)

    found = side_by_side(
        lambda name: _search(
            study, inputs, tasks[name], journals, seconds=_seconds(study, len(tasks)), told=told
        ),
        list(tasks),
        threads=study.threads,
        stop=stopped.set,
    )
    return Tuned(study.models, tuple(found.values()))


def _tasks(study: Study, inputs: Inputs) -> Iterator[_Task]:
    population, split = inputs["population"], inputs["split"]
    for family in study.models.tuned_families:
        for one in split.rounds:
            labels = population.outcomes.as_known(one.known_by)
            for fold, learning in one.learning.items():
                yield _Task(family, fold, learning, labels)
        yield _Task(family, None, split.train, population.outcomes.as_known(None))


def _seconds(study: Study, searches: int) -> float | None:
    """Return each search's share of the time: as many as there are threads run at a time."""
    minutes = study.models.tuning.minutes
    return None if minutes is None else 60.0 * minutes * min(study.threads, searches) / searches


def _search(
    study: Study,
    inputs: Inputs,
    task: _Task,
    journals: Path,
    *,
    seconds: float | None,
    told: OnTrial,
) -> Search:
    population, spec = inputs["population"], study.models
    labels, space = task.labels, getattr(spec, task.family).search
    start = {name: getattr(getattr(spec, task.family), name) for name in space}
    happened = (labels.outcome == 1) & (labels.weight > 0)
    inner = validating.inner_folds(population.cohort, task.rows, happened, seed=study.seed)
    if inner is None:
        return Search(task.family, task.held_out, start, None, 0)
    blank = Search(task.family, task.held_out, start, inner.design, inner.n_outcomes)
    trials = Trials(
        task.family,
        inputs["features"],
        labels.outcome,
        labels.weight,
        population.cohort,
        inner.steps,
        study.capacity,
        study.seed,
        _limit(study, population, labels),
    )
    done = modelling.search(
        space,
        start,
        lambda settings, go_on: trials.judge(spec.with_settings(task.family, settings), go_on),
        trials=spec.tuning.trials,
        seconds=seconds,
        seed=study.seed,
        journal=journals / f"{blank.place}.jsonl",
        on_trial=lambda trial: told(blank, trial),
    )
    return Search(task.family, task.held_out, start, inner.design, inner.n_outcomes, done)


def _limit(study: Study, population: Population, labels: Labels) -> modelling.Limit | None:
    fairness = study.models.tuning.fairness
    if fairness is None:
        return None
    people = population.cohort.subject_id
    return auditing.FairnessLimit(fairness, population.audited, labels.outcome, labels.weight, people)


def _name(study: Study, inputs: Inputs) -> str:
    """Return the journals' folder: its digest changes with anything that could change a trial's result.

    Not with the number of trials or minutes, so that a search can be given more and goes on.
    """
    population, split = inputs["population"], inputs["split"]
    said = {
        "models": study.models.model_dump(mode="json", exclude={"tuning": {"trials", "minutes", "families"}}),
        "capacity": study.capacity.model_dump(mode="json"),
        "seed": study.seed,
        "features": inputs["features"].spec_hash,
        "source": source_digest(("models", "tables", "validate", "audit", "stages")),
        "packages": dict(package_versions()),
    }
    known = [population.outcomes.as_known(one.known_by) for one in split.rounds]
    labels = [population.outcomes.as_known(None), *known]
    cohort = population.cohort
    arrays = [
        inputs["features"].values,
        cohort.index_day,
        cohort.subject_id,
        cohort.household_id,
        split.train,
    ]
    arrays += [part for one in labels for part in (one.outcome, one.weight)]
    arrays += [rows for one in split.rounds for rows in one.learning.values()]
    digest = digest_bytes(to_json(said).encode(), *(np.ascontiguousarray(one).tobytes() for one in arrays))
    return f"tuning-{digest[:16]}"


def gains(study: Study, inputs: Inputs, _folder: Path) -> dict[str, dict[str, Estimate]]:
    """Return what tuning was worth to each family: recall at capacity ``before`` (the study's own settings) and ``after``.

    Neither the settings nor the model that a row is scored with have seen it. The difference is paired: the same resamples
    of people serve both.
    """
    population, split, fitted = (inputs[name] for name in ("population", "split", "models"))
    part = next(one for one in parts(population, split) if one.name == CROSSFIT)
    draws = resamples(study, part, population)
    own = Tuned(study.models)

    def gain(family: str) -> dict[str, Estimate]:
        rows = scored(part, family, fitted=fitted, population=population, study=study)
        raw = crossfit_scores(study, inputs, family, own, inputs["split"].rounds)[part.rows]
        thin, cohort = fitted.thin[family][part.rows], population.cohort.take(part.rows)
        offered = modelling.offers(raw, cohort, study.capacity, withheld=thin)
        before, after = (
            validating.recall(one, rows.outcome, rows.weight, draws) for one in (offered, rows.offered)
        )
        difference = (after[0] - before[0], after[1] - before[1])
        return {
            name: Estimate.from_draws(*found, n_subjects=rows.n_subjects, n_outcomes=rows.n_outcomes)
            for name, found in {"before": before, "after": after, "difference": difference}.items()
        }

    return side_by_side(gain, study.models.tuned_families, threads=study.threads)
