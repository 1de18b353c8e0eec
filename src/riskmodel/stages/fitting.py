"""The stage that learns: every family fitted, calibrated, given its ranges, and one of them selected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from riskmodel import models as modelling
from riskmodel import validate as validating
from riskmodel.audit.groups import groupings
from riskmodel.audit.plans import Plan, chosen_plan
from riskmodel.audit.reweighing import reweighing
from riskmodel.audit.spec import AuditSpec
from riskmodel.models import (
    Band,
    CalibratedModel,
    Calibration,
    CalibrationRows,
    CurveChoice,
    FoldRisks,
    ModelsSpec,
    Resampled,
    RiskModel,
    Selection,
    Timeline,
    Tuned,
)
from riskmodel.stages.front import Population
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, FloatArray, Labels
from riskmodel.validate import Round, Split
from riskmodel.validate.leak_checks import TrainingRecord, look_for_leaks
from riskmodel.validate.leaks import LeakReport

Inputs = Mapping[str, Any]
Found = TypeVar("Found")

SELECTION_RESAMPLES = 400
"""Enough for the standard error of a difference in AUROC, whose every resample walks all rows."""


@dataclass(frozen=True)
class Fitted:
    """Every family, fitted and calibrated, and what it says about every cohort row.

    Parameters
    ----------
    spec : ModelsSpec
        Settings of the final models: the study's, or tuned ones.
    models : mapping of str to CalibratedModel
    crossfit : mapping of str to ndarray, shape (n,)
        Out-of-fold raw scores; NaN outside the training rows.
    crossfit_risk : mapping of str to ndarray, shape (n,)
        Their risk estimates, each fold calibrated on the others: a curve judged on its own rows would look perfect.
    raw : mapping of str to ndarray, shape (n,)
        Raw scores of the final models.
    thin : mapping of str to ndarray of bool, shape (n,)
        Rows whose record is too thin for the model to say anything.
    curves : mapping of str to CurveChoice
        Which calibration each family got, and why.
    selection : Selection
    leaks : LeakReport
    fold_models : mapping of str to sequence of mapping of int to RiskModel
        For each round of the split, the model of each fold.
    """

    spec: ModelsSpec
    models: Mapping[str, CalibratedModel]
    crossfit: Mapping[str, FloatArray]
    crossfit_risk: Mapping[str, FloatArray]
    curves: Mapping[str, CurveChoice]
    raw: Mapping[str, FloatArray]
    thin: Mapping[str, BoolArray]
    selection: Selection
    leaks: LeakReport
    fold_models: Mapping[str, Sequence[Mapping[int, RiskModel]]]


@dataclass(frozen=True)
class Learned:
    """A family before anything is said of risk: the final model, those of the folds, and the scores of these by round."""

    model: RiskModel
    fold_models: Sequence[Mapping[int, RiskModel]]
    scores: Sequence[FloatArray]


@dataclass(frozen=True)
class Curved:
    """A family's out-of-fold risk estimates, its calibration, and why that curve."""

    risk: FloatArray
    calibration: Calibration
    choice: CurveChoice


def fit_families(study: Study, inputs: Inputs, _folder: Path) -> Fitted:
    """Fit every family on the training rows and on each fold's, calibrate them out of fold, and select one."""
    population, features, split = inputs["population"], inputs["features"], inputs["split"]
    everybody = population.outcomes.as_known(None)
    labels, learn = everybody.take(split.train), features.take(split.train)
    judged, threads = everybody.take(split.judged), study.threads
    families = modelling.with_usable_families(study.models, features.infos).families
    slowest_first = sorted(families, key=modelling.SIMPLEST_FIRST.index, reverse=True)
    modelling.load_libraries(families)
    plan = chosen_plan(study.audit)
    learned = side_by_side(
        lambda family: fit_with_folds(study, inputs, family, plan), slowest_first, threads=threads
    )
    raw = {family: judged_scores(split, one.scores) for family, one in learned.items()}
    out_of_fold = {family: score[split.judged] for family, score in raw.items()}
    curves = side_by_side(
        lambda family: calibrated(study, population, split, learned[family]), slowest_first, threads=threads
    )
    relied = {
        family: modelling.measure_reliance(one.model, learn, most_missing=study.models.abstain.most_missing)
        for family, one in learned.items()
    }
    thin = {family: one.too_thin(features) for family, one in relied.items()}
    selection = _select(study, population, split, out_of_fold, labels=judged, thin=thin)
    calibration = {family: one.calibration for family, one in curves.items()}
    bands = _bands(study, inputs, out_of_fold, calibration, labels=judged, selected=selection.selected)
    models = {
        family: CalibratedModel(one.model, calibration[family], bands[family], relied[family])
        for family, one in learned.items()
    }
    return Fitted(
        spec=inputs["tuning"].spec,
        models=_up_to_date(study, population, split, models, out_of_fold=out_of_fold, labels=judged),
        crossfit=raw,
        crossfit_risk={family: one.risk for family, one in curves.items()},
        curves={family: one.choice for family, one in curves.items()},
        raw={family: one.model.raw_score(features) for family, one in learned.items()},
        thin=thin,
        selection=selection,
        leaks=look_for_leaks(
            TrainingRecord(
                learn,
                labels,
                population.cohort.take(split.train),
                split.apart[split.train],
                split.judged_by_their_own(population.cohort.subject_id),
            ),
            spec=study.validation.leaks,
            seed=study.seed,
        ),
        fold_models={family: one.fold_models for family, one in learned.items()},
    )


def side_by_side(
    job: Callable[[str], Found],
    names: Sequence[str],
    *,
    threads: int,
    stop: Callable[[], None] = lambda: None,
) -> dict[str, Found]:
    """Run a job for each name; each has one thread of its own, so that results do not depend on how many there are.

    ``stop`` is called when one fails or a person interrupts: long jobs that are running can heed it.
    """
    with validating.one_blas_thread(), ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            return dict(zip(names, pool.map(job, names), strict=True))
        except BaseException:
            stop()
            pool.shutdown(cancel_futures=True)
            raise


def timeline(population: Population) -> Timeline:
    """Return when each row is looked at, and its household: early stopping holds out other households at later dates."""
    return Timeline(population.cohort.index_day.astype(np.int64), population.cohort.household_id)


def fit_with_folds(study: Study, inputs: Inputs, family: str, plan: Plan) -> Learned:
    """Fit a family on all training rows, and for each round and fold on what may be learned from."""
    split: Split = inputs["split"]
    tuned: Tuned = inputs["tuning"]
    models = _fold_models(study, inputs, family, plan, tuned=tuned, rounds=split.rounds)
    return Learned(
        _fit(study, inputs, family, plan, rows=split.train, day=None, spec=tuned.spec),
        models,
        _scores_of(inputs, models, split.rounds),
    )


def crossfit_scores(
    study: Study, inputs: Inputs, family: str, tuned: Tuned, rounds: Sequence[Round]
) -> FloatArray:
    """Return a family's raw scores out of fold under some settings, shape (n,); NaN for rows that are not judged."""
    models = _fold_models(study, inputs, family, chosen_plan(study.audit), tuned=tuned, rounds=rounds)
    return judged_scores(inputs["split"], _scores_of(inputs, models, rounds))


def _fold_models(
    study: Study, inputs: Inputs, family: str, plan: Plan, *, tuned: Tuned, rounds: Sequence[Round]
) -> list[dict[int, RiskModel]]:
    """Return the models of each round: each fold's of what it may learn from, with labels as then known."""
    return [
        {
            fold: _fit(
                study,
                inputs,
                family,
                plan,
                rows=rows,
                day=one.known_by,
                spec=tuned.by_fold.get(fold, tuned.spec),
            )
            for fold, rows in one.learning.items()
        }
        for one in rounds
    ]


def _scores_of(
    inputs: Inputs, models: Sequence[Mapping[int, RiskModel]], rounds: Sequence[Round]
) -> list[FloatArray]:
    pairs = zip(models, rounds, strict=True)
    return [modelling.out_of_fold(each, inputs["features"], one.fold) for each, one in pairs]


def learned_from(population: Population, plan: Plan, day: int | None) -> Labels:
    """Return the labels of a plan as they were known on a day; by the training cut-off if None."""
    outcomes = population.outcomes
    return outcomes.as_known(day) if plan.label is None else outcomes.training[plan.label]


def _fit(
    study: Study,
    inputs: Inputs,
    family: str,
    plan: Plan,
    *,
    rows: BoolArray,
    day: int | None,
    spec: ModelsSpec,
) -> RiskModel:
    """Fit a family on some rows, with labels as then known and weights as planned."""
    population = inputs["population"]
    labels = learned_from(population, plan, day).take(rows)
    weight = labels.weight
    if plan.reweigh is not None:
        one = AuditSpec(attributes=(plan.reweigh,), intersections=())
        group = groupings(population.audited.take(rows), one)[0].code
        weight = reweighing(group, labels.outcome, weight)
    return modelling.fit(
        family,
        inputs["features"].take(rows),
        labels.outcome,
        weight,
        spec=spec,
        seed=study.seed,
        threads=1,  # so that the result does not depend on how many families are fitted at a time
        person=population.cohort.subject_id[rows],
        timeline=timeline(population).take(rows),
    )


def calibrated(study: Study, population: Population, split: Split, learned: Learned) -> Curved:
    """Calibrate each fold on the others, choose the kind of curve by that, and fit it on all."""
    outcomes, person = population.outcomes, population.cohort.subject_id
    kinds = study.models.curves_for(learned.model.unit)
    found: list[FoldRisks] = []
    for one, raw in zip(split.rounds, learned.scores, strict=True):
        known = outcomes.as_known(one.known_by)
        others = {fold: one.calibrating(fold) for fold in one.learning}
        found.append(
            modelling.fold_risks(
                raw, known.outcome, known.weight, fold=one.fold, others=others, person=person, kinds=kinds
            )
        )
    judged, labels = split.judged, outcomes.as_known(None).take(split.judged)
    raw = judged_scores(split, learned.scores)[judged]
    by_kind = {kind: judged_scores(split, [one.by_kind[kind] for one in found])[judged] for kind in kinds}
    curve, choice = modelling.calibrate(raw, labels.outcome, labels.weight, by_kind, person=person[judged])
    return Curved(judged_scores(split, [one.risk for one in found]), curve, choice)


def _up_to_date(
    study: Study,
    population: Population,
    split: Split,
    models: Mapping[str, CalibratedModel],
    *,
    out_of_fold: Mapping[str, FloatArray],
    labels: Labels,
) -> dict[str, CalibratedModel]:
    """Move the estimates to the latest training date, by scores of models that had not seen the people, if so asked."""
    if study.models.recalibrate != "latest_training_date":
        return dict(models)
    day = population.cohort.index_day[split.judged]
    latest = np.asarray(day == day.max())
    return {
        family: modelling.recalibrate_in_the_large(
            model,
            out_of_fold[family][latest],
            labels.outcome[latest],
            labels.weight[latest],
            on="the latest training index date",
            disclosure=study.disclosure,
        )
        for family, model in models.items()
    }


def judged_scores(split: Split, rounds: Sequence[FloatArray]) -> FloatArray:
    """Return what each round says about the rows that it judges, NaN for the others."""
    whole = np.full(len(split.fold), np.nan)
    for one, values in zip(split.rounds, rounds, strict=True):
        whole[one.judged] = values[one.judged]
    return whole


def _bands(
    study: Study,
    inputs: Inputs,
    out_of_fold: Mapping[str, FloatArray],
    calibration: Mapping[str, Calibration],
    *,
    labels: Labels,
    selected: str,
) -> dict[str, Band | None]:
    """Return every family's band as the study wants it; refits are for the selected family only."""
    population, judged = inputs["population"], inputs["split"].judged
    units = (population.cohort.household_id[judged], population.sampling.unit[judged])
    rows = {
        family: CalibrationRows.build(raw, labels.outcome, labels.weight, units)
        for family, raw in out_of_fold.items()
    }
    method = study.models.uncertainty.method
    if method == "monotone":
        return {family: modelling.monotone_band(one, calibration[family]) for family, one in rows.items()}
    bands: dict[str, Band | None] = dict.fromkeys(rows)
    if method == "bagged":
        own = inputs["features"].take(judged)
        used = CalibrationRows.usable(out_of_fold[selected], labels.weight)
        bands[selected] = modelling.bag(
            selected,
            own.take(used),
            rows[selected],
            calibration[selected],
            kind=calibration[selected].kind,
            spec=inputs["tuning"].spec,
            seed=study.seed,
        )
    return bands


def _select(
    study: Study,
    population: Population,
    split: Split,
    out_of_fold: Mapping[str, FloatArray],
    *,
    labels: Labels,
    thin: Mapping[str, BoolArray],
) -> Selection:
    cohort = population.cohort.take(split.judged)
    sampling = population.sampling.take(split.judged)
    # Households are alike, and a survey's units hold whole households or are drawn within strata that households may cross.
    units = sampling.unit if sampling.stratified else cohort.household_id
    draws = validating.resample(
        units, replicates=study.validation.replicates, seed=study.seed, stratum=sampling.stratum
    )
    ordering, utility = {}, {}
    for family, raw in out_of_fold.items():
        offered = modelling.offers(raw, cohort, study.capacity, withheld=thin[family][split.judged])
        rank = validating.ranking(
            raw, labels.outcome, labels.weight, draws.first(SELECTION_RESAMPLES), threads=study.threads
        )
        ordering[family] = Resampled(rank.auroc, rank.auroc_draws)
        utility[family] = Resampled(*validating.recall(offered, labels.outcome, labels.weight, draws))
    return modelling.select(ordering, utility)
