"""From feature matrix to results: split, models, metrics, audit and explanation, each one stage that runs each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from riskmodel import models as modelling
from riskmodel import validate as validating
from riskmodel.pipeline import Stage
from riskmodel.stages.auditing import audit
from riskmodel.stages.doubting import uncertainty, worse_data
from riskmodel.stages.explaining import explain
from riskmodel.stages.fitting import fit_families
from riskmodel.stages.front import Population, horizon_and_lag
from riskmodel.stages.learning import learning_curve
from riskmodel.stages.lens import lens
from riskmodel.stages.measuring import measure
from riskmodel.stages.mitigating import input_audit, mitigation
from riskmodel.stages.scorecards import write_scorecard
from riskmodel.stages.tuning import OnTrial, gains, tune
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, Labels
from riskmodel.tables.days import to_day
from riskmodel.validate import Split
from riskmodel.validate.sample_size import SampleSizeReport, sample_size

Inputs = Mapping[str, Any]


def back_end(
    study: Study,
    *,
    strict: bool = False,
    tell: Callable[[str], None] = lambda _words: None,
    on_trial: OnTrial = lambda _search, _trial: None,
) -> list[Stage]:
    """Return the stages from feature matrix to results that a study asks for; they run each time.

    Parameters
    ----------
    study : Study
    strict : bool
        Stop before training if the study is too small.
    tell : callable, optional
        Called with a sentence that a person should read before the long stages.
    on_trial : callable, optional
        Called with every trial of tuning and the search it belongs to.
    """
    stage = partial(Stage, settings=lambda study: study.model_dump(mode="json"), rooms=("",))
    rows = ("population", "features", "split")
    again = (*rows, "tuning", "models")  # what a stage that fits again reads
    later = ("intake",) if study.validation.robustness.late else ()  # the records are read again
    looked = [stage("lens", "Reading how unequally police look", ("population",), run=lens)]
    looked = looked if study.audit.recording.stop_search else []
    # The audit looks at offers of support in the records.
    dated = () if study.data.kind == "table" else ("intake",)
    smaller = stage("learning_curve", "Learning from fewer", again, run=learning_curve)
    worth = stage("gains", "Asking what tuning was worth", (*rows, "models"), run=gains)
    return [
        *looked,
        stage("split", "Setting young people apart for the test", ("population",), run=_split),
        stage(
            "sample_size",
            "Asking whether there are enough people",
            rows,
            run=partial(_sample_size, strict=strict, tell=tell),
        ),
        stage("tuning", "Choosing the models' settings", rows, run=partial(tune, on_trial=on_trial)),
        stage("models", "Training the models", (*rows, "tuning"), run=fit_families),
        *([worth] if study.models.tuned_families else []),
        stage("measured", "Measuring how good they are", (*rows, "models"), run=measure),
        *([smaller] if study.validation.learning_curve.shares else []),
        stage(
            "audited",
            "Auditing by group",
            (*rows, "models", *dated, *(one.name for one in looked)),
            run=audit,
        ),
        stage("mitigation", "Asking what could be done about gaps", again, run=mitigation),
        stage("inputs", "Leaving out inputs", (*again, "audited"), run=input_audit),
        stage("uncertainty", "Measuring how sure they are", (*rows, "models"), run=uncertainty),
        stage("robustness", "Trying worse data", (*rows, "models", *later), run=worse_data),
        stage("explained", "Explaining", (*rows, "models"), run=explain),
        stage("scorecard", "Writing the scorecard", (*rows, "models"), run=write_scorecard),
    ]


def _split(study: Study, inputs: Inputs, _folder: Path) -> Split:
    population: Population = inputs["population"]
    horizon, lag = horizon_and_lag(study)
    dates = (study.cohort.train, study.cohort.test) if study.cohort else ((), ())
    train_days, test_days = ([to_day(date) for date in some] for some in dates)
    return validating.split(
        population.cohort,
        study.split,
        train_days=train_days,
        test_days=test_days,
        folds=study.models.folds,
        seed=study.seed,
        horizon_days=horizon,
        recording_lag_days=lag,
        happened=_happened(population.outcomes.as_known(None)),
        side=population.sampling.side,
    )


def _happened(labels: Labels) -> BoolArray:
    """Return the rows that are known to have the outcome."""
    return np.asarray((labels.outcome == 1) & (labels.weight > 0))


def _sample_size(
    study: Study, inputs: Inputs, _folder: Path, *, strict: bool, tell: Callable[[str], None]
) -> SampleSizeReport:
    population, features, split = (inputs[name] for name in ("population", "features", "split"))
    outcomes = population.outcomes
    found = sample_size(
        features.take(split.train),
        outcomes.training[outcomes.chosen].take(split.train),
        population.cohort.subject_id[split.train],
        models=modelling.with_usable_families(study.models, features.infos),
        spec=study.validation.sample_size,
    )
    if strict:
        found.require_enough()
    for warning in found.warnings:
        tell(warning.words)
    return found
