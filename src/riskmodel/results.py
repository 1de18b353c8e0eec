"""From feature matrix to results: split, models, metrics, audit and explanation, each one stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from riskmodel import audit as auditing
from riskmodel import models as modelling
from riskmodel import validate as validating
from riskmodel.audit import Structure
from riskmodel.explain.importance import explanations
from riskmodel.models import CalibratedModel, Calibration, Resampled, RiskModel, Selection, Timeline
from riskmodel.models.training import MIN_OUTCOMES
from riskmodel.pipeline import Stage
from riskmodel.stages import Population, horizon_and_lag, outcome_words
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray, Labels
from riskmodel.tables.days import to_day
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.predictions import Contributions, Predictions
from riskmodel.validate import Drawn, Estimate, Resamples, Round, ScoredRows, Split
from riskmodel.validate.leak_checks import TrainingRecord, look_for_leaks
from riskmodel.validate.leaks import LeakReport
from riskmodel.validate.sample_size import SampleSizeReport, sample_size

Inputs = Mapping[str, Any]
Json = dict[str, Any]

Found = TypeVar("Found")

CROSSFIT = "crossfit"
BASELINES = ("prior", "count")
SELECTION_RESAMPLES = 400
"""Enough for the standard error of a difference in AUROC, whose every resample walks all rows."""


@dataclass(frozen=True)
class Fitted:
    """Every family, fitted and calibrated, and what it says about every cohort row.

    Parameters
    ----------
    models : mapping of str to CalibratedModel
    crossfit : mapping of str to ndarray, shape (n,)
        Out-of-fold raw scores; NaN outside the training rows.
    crossfit_risk : mapping of str to ndarray, shape (n,)
        Their risk estimates, each fold calibrated on the others: a curve judged on its own rows would look perfect.
    raw : mapping of str to ndarray, shape (n,)
        Raw scores of the final models.
    selection : Selection
    leaks : LeakReport
    fold_models : mapping of str to sequence of mapping of int to RiskModel
        For each round of the split, the model of each fold.
    """

    models: Mapping[str, CalibratedModel]
    crossfit: Mapping[str, FloatArray]
    crossfit_risk: Mapping[str, FloatArray]
    raw: Mapping[str, FloatArray]
    selection: Selection
    leaks: LeakReport
    fold_models: Mapping[str, Sequence[Mapping[int, RiskModel]]]


@dataclass(frozen=True)
class Part:
    """One split: which cohort rows, with which labels, scored out of fold or not."""

    name: str
    rows: BoolArray
    labels: Labels

    def of(self, family: str, fitted: Fitted) -> tuple[FloatArray, FloatArray]:
        """Return a family's raw scores and risk estimates on these rows."""
        if self.name == CROSSFIT:
            return fitted.crossfit[family][self.rows], fitted.crossfit_risk[family][self.rows]
        raw = fitted.raw[family][self.rows]
        return raw, fitted.models[family].risk(raw)


@dataclass(frozen=True)
class Measured:
    """Metrics of every family on every split, curves of the selected one, and comparisons with other policies."""

    metrics: Json
    optimism: Json
    curves: Json
    everyone: Estimate
    referral: Json | None
    predictions: Predictions
    row_id: IntArray


@dataclass(frozen=True)
class Audited:
    """What the audit found; ``fairness`` is exact."""

    fairness: Any
    label_bias: Json
    proxies: Json
    privacy: Json


@dataclass(frozen=True)
class Explained:
    """Contributions of the selected model on the audit's rows, and what matters to it overall."""

    rows: BoolArray
    contributions: Contributions
    overall: Json


def back_end(*, strict: bool = False, tell: Callable[[str], None] = lambda _words: None) -> list[Stage]:
    """Return the stages from feature matrix to results; they run each time.

    Parameters
    ----------
    strict : bool
        Stop before training if the study is too small.
    tell : callable, optional
        Called with a sentence that a person should read before the long stages.
    """
    stage = partial(Stage, settings=lambda study: study.model_dump(mode="json"), rooms=("",))
    rows = ("population", "features", "split")
    return [
        stage("split", "Setting young people apart for the test", ("population",), run=_split),
        stage(
            "sample_size",
            "Asking whether there are enough people",
            rows,
            run=partial(_sample_size, strict=strict, tell=tell),
        ),
        stage("models", "Training the models", rows, run=_fit),
        stage("measured", "Measuring how good they are", (*rows, "models"), run=_measure),
        stage("audited", "Auditing by group", (*rows, "models"), run=_audit),
        stage("explained", "Explaining", (*rows, "models"), run=_explain),
    ]


def parts(population: Population, split: Split) -> list[Part]:
    """Return the splits that a study has, in the order of the run folder's contract."""
    outcomes = population.outcomes
    learned, final = outcomes.training[outcomes.chosen], outcomes.test[outcomes.chosen]
    found = [Part("train", split.train, learned), Part(CROSSFIT, split.judged, learned)]
    tests = [Part("test_new", split.test_new, final), Part("test_all", split.test_all, final)]
    return [Part(p.name, p.rows, p.labels.take(p.rows)) for p in (*found, *tests) if p.rows.any()]


def audit_part(population: Population, split: Split) -> Part:
    """Return the audit's population: everyone at the latest dates, or all out of fold where nobody was kept for a test."""
    return parts(population, split)[-1]


def scored(part: Part, family: str, *, fitted: Fitted, population: Population, study: Study) -> ScoredRows:
    """Return what a family says about one split, with the offers that capacity allows."""
    cohort, (raw, risk) = population.cohort.take(part.rows), part.of(family, fitted)
    return ScoredRows(
        raw=raw,
        risk=risk,
        outcome=part.labels.outcome,
        weight=part.labels.weight,
        offered=modelling.offers(raw, cohort, study.capacity),
        subject_id=cohort.subject_id,
    )


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
        models=study.models,
        spec=study.validation.sample_size,
    )
    if strict:
        found.require_enough()
    for warning in found.warnings:
        tell(warning.words)
    return found


def _fit(study: Study, inputs: Inputs, _folder: Path) -> Fitted:
    population, features, split = inputs["population"], inputs["features"], inputs["split"]
    everybody, person = population.outcomes.as_known(None), population.cohort.subject_id
    labels, judged = everybody.take(split.train), everybody.take(split.judged)
    learn = features.take(split.train)
    # One thread each, so that the result does not depend on how many families are fitted at a time.
    fit = partial(
        modelling.fit,
        spec=study.models,
        seed=study.seed,
        threads=1,
        person=person[split.train],
        timeline=_timeline(population).take(split.train),
    )

    def learned(family: str) -> tuple[list[dict[int, RiskModel]], list[FloatArray], RiskModel]:
        models = [_round_models(study, family, features, population, one) for one in split.rounds]
        scores = [
            modelling.out_of_fold(each, features, one.fold)
            for each, one in zip(models, split.rounds, strict=True)
        ]
        return models, scores, fit(family, learn, labels.outcome, labels.weight)

    slowest_first = sorted(study.models.families, key=modelling.SIMPLEST_FIRST.index, reverse=True)
    found = _side_by_side(learned, slowest_first, threads=study.threads)
    fitted = {family: model for family, (_, _, model) in found.items()}
    raw = {family: _judged(split, scores) for family, (_, scores, _) in found.items()}
    out_of_fold = {family: score[split.judged] for family, score in raw.items()}
    calibrated = {
        family: CalibratedModel(model, _calibration(study, model, out_of_fold[family], judged))
        for family, model in fitted.items()
    }
    return Fitted(
        models=calibrated,
        crossfit=raw,
        crossfit_risk={
            family: _judged(split, _round_risks(study, model, scores, population, split))
            for family, (_, scores, model) in found.items()
        },
        raw={family: model.raw_score(features) for family, model in fitted.items()},
        selection=_select(study, population, split, out_of_fold, judged),
        leaks=look_for_leaks(
            TrainingRecord(learn, labels, population.cohort.take(split.train), split.fold[split.train]),
            spec=study.validation.leaks,
            seed=study.seed,
        ),
        fold_models={family: models for family, (models, _, _) in found.items()},
    )


def _side_by_side(job: Callable[[str], Found], names: Sequence[str], *, threads: int) -> dict[str, Found]:
    """Run a job for each name; each has one thread of its own, so that results do not depend on how many there are."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            return dict(zip(names, pool.map(job, names), strict=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _round_models(
    study: Study, family: str, features: FeatureMatrix, population: Population, one: Round
) -> dict[int, RiskModel]:
    """Return the models of one round: each fold's of what it may learn from, with labels as then known."""
    labels = population.outcomes.as_known(one.known_by)
    return modelling.fold_models(
        family,
        features,
        labels.outcome,
        labels.weight,
        one.fold,
        learning=one.learning,
        spec=study.models,
        seed=study.seed,
        threads=1,
        person=population.cohort.subject_id,
        timeline=_timeline(population),
    )


def _timeline(population: Population) -> Timeline:
    return Timeline(population.cohort.index_day.astype(np.int64), population.cohort.household_id)


def _round_risks(
    study: Study, model: RiskModel, scores: Sequence[FloatArray], population: Population, split: Split
) -> list[FloatArray]:
    """Return out-of-fold risk estimates: each fold is calibrated on out-of-fold scores of others that were known by then."""
    risks = []
    for one, raw in zip(split.rounds, scores, strict=True):
        labels, risk = population.outcomes.as_known(one.known_by), np.full(len(raw), np.nan)
        for fold in one.learning:
            others, own = one.calibrating(fold), one.judged & (one.fold == fold)
            risk[own] = _calibration(study, model, raw[others], labels.take(others)).risk(raw[own])
        risks.append(risk)
    return risks


def _judged(split: Split, rounds: Sequence[FloatArray]) -> FloatArray:
    """Return what each round says about the rows that it judges, NaN for the others."""
    whole = np.full(len(split.fold), np.nan)
    for one, values in zip(split.rounds, rounds, strict=True):
        whole[one.judged] = values[one.judged]
    return whole


def _calibration(study: Study, model: RiskModel, raw: FloatArray, labels: Labels) -> Calibration:
    kind = study.models.calibration_for(model.unit)
    return modelling.fit_calibration(raw, labels.outcome, labels.weight, kind=kind)


def _select(
    study: Study, population: Population, split: Split, out_of_fold: Mapping[str, FloatArray], labels: Labels
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
        offered = modelling.offers(raw, cohort, study.capacity)
        rank = validating.ranking(
            raw, labels.outcome, labels.weight, draws.first(SELECTION_RESAMPLES), threads=study.threads
        )
        ordering[family] = Resampled(rank.auroc, rank.auroc_draws)
        utility[family] = Resampled(*validating.recall(offered, labels.outcome, labels.weight, draws))
    return modelling.select(ordering, utility)


def resamples(study: Study, part: Part, population: Population) -> Resamples:
    """Return resamples of people, or of a survey's units within strata, for the rows of a part."""
    sampling = population.sampling.take(part.rows)
    return validating.resample(
        sampling.unit, replicates=study.validation.replicates, seed=study.seed, stratum=sampling.stratum
    )


def _measure(study: Study, inputs: Inputs, _folder: Path) -> Measured:
    population, split, fitted = inputs["population"], inputs["split"], inputs["models"]
    by_family: dict[str, Json] = {family: {} for family in fitted.models}
    draws: dict[str, Resamples] = {}
    said: dict[tuple[str, str], ScoredRows] = {}
    measured: dict[tuple[str, str], Drawn] = {}
    for part in parts(population, split):
        same_rows = part.name == "train" and np.array_equal(split.train, split.judged)
        key = CROSSFIT if same_rows else part.name  # the same rows, so the same resamples
        draws.setdefault(key, resamples(study, part, population))
        for family in fitted.models:
            rows = scored(part, family, fitted=fitted, population=population, study=study)
            found = validating.draw_metrics(rows, draws[key], study.validation, threads=study.threads)
            by_family[family][part.name] = _as_json(validating.summarise(rows, found))
            said[family, part.name], measured[family, part.name] = rows, found
    last, ids = audit_part(population, split), row_ids(study, population)
    selected = fitted.selection.selected
    chosen = said[selected, last.name]
    return Measured(
        metrics={"models": by_family, "selected": selected},
        optimism={"models": _optimism(study, inputs, said, measured), "selected": selected},
        curves={
            "family": selected,
            "split": last.name,
            "own_capacity": study.capacity.share,
            **_curves(study, chosen, population, last, draws[last.name]),
        },
        everyone=_policy(chosen, np.ones(len(chosen)), draws[last.name], study)["precision_at_capacity"],
        referral=_referral(chosen, population, last, draws[last.name], study),
        predictions=_predictions(ids, population, split, said),
        row_id=ids,
    )


def _as_json(found: Mapping[str, Estimate]) -> Json:
    return {name: one.to_json() for name, one in found.items()}


def _optimism(
    study: Study,
    inputs: Inputs,
    said: dict[tuple[str, str], ScoredRows],
    measured: dict[tuple[str, str], Drawn],
) -> Json:
    """Compare apparent with corrected performance on the rows that were both learned from and judged out of fold."""
    population, split, fitted = inputs["population"], inputs["split"], inputs["models"]
    if not np.array_equal(split.train, split.judged):
        said, measured = {}, {}
        both = split.train & split.judged
        labels = population.outcomes.training[population.outcomes.chosen].take(both)
        sides = [Part(name, both, labels) for name in ("train", CROSSFIT)]
        draws = resamples(study, sides[0], population)
        for part, family in product(sides, fitted.models):
            rows = scored(part, family, fitted=fitted, population=population, study=study)
            said[family, part.name] = rows
            measured[family, part.name] = validating.draw_metrics(
                rows, draws, study.validation, threads=study.threads
            )
    found = {
        family: validating.optimism(
            said[family, CROSSFIT], measured[family, "train"], measured[family, CROSSFIT]
        )
        for family in fitted.models
    }
    return {family: {name: _as_json(one) for name, one in own.items()} for family, own in found.items()}


def _curves(study: Study, rows: ScoredRows, population: Population, part: Part, draws: Resamples) -> Json:
    cohort = population.cohort.take(part.rows)
    offered = {
        share: modelling.offers(rows.raw, cohort, study.capacity.model_copy(update={"share": share}))
        for share in {study.capacity.share, *study.validation.capacities}
    }
    return validating.all_curves(rows, offered, draws, study.validation)


def _policy(rows: ScoredRows, offered: FloatArray, draws: Resamples, study: Study) -> dict[str, Estimate]:
    policy = ScoredRows(offered, offered, rows.outcome, rows.weight, offered, rows.subject_id)
    return validating.evaluate(policy, draws, study.validation, threads=study.threads)


def _referral(
    rows: ScoredRows, population: Population, part: Part, draws: Resamples, study: Study
) -> Json | None:
    """Measure the present route, where the data hold it: young people referred in the year before the index date.

    As it is, and with as many offers as the models make: those referred first, chance among equals.
    """
    if population.referred is None:
        return None
    referred = population.referred[part.rows].astype(np.float64)
    first = modelling.offers(referred, population.cohort.take(part.rows), study.capacity)

    def measured(offered: FloatArray) -> Json:
        found = _policy(rows, offered, draws, study)
        return {
            "offered_share": float(offered.mean()),
            "precision": found["precision_at_capacity"].to_json(),
            "recall": found["recall_at_capacity"].to_json(),
        }

    return {**measured(referred), "at_capacity": measured(first)}


def _predictions(
    ids: IntArray, population: Population, split: Split, said: Mapping[tuple[str, str], ScoredRows]
) -> Predictions:
    rows = {part.name: ids[part.rows] for part in parts(population, split)}
    kept = [(family, name, one) for (family, name), one in said.items() if name != "train"]
    risk = np.concatenate([one.risk for _, _, one in kept])
    columns = {
        "row_id": np.concatenate([rows[name] for _, name, _ in kept]),
        "family": np.concatenate([np.full(len(one), family) for family, _, one in kept]),
        "split": np.concatenate([np.full(len(one), name) for _, name, one in kept]),
        "raw_score": np.concatenate([one.raw for _, _, one in kept]),
        "risk_estimate": risk,
        "lower": np.full(len(risk), np.nan),
        "upper": np.full(len(risk), np.nan),
        "abstained": np.isnan(risk),
        "offered": np.concatenate([one.offered for _, _, one in kept]),
    }
    order = np.lexsort((columns["row_id"], columns["split"], columns["family"]))
    return Predictions(**{name: column[order] for name, column in columns.items()})


def row_ids(study: Study, population: Population) -> IntArray:
    """Return a number for each cohort row.

    Simulated young people keep their place in the cohort, so that a page can be made for one. For real people the
    numbers are drawn from the system's own randomness and kept nowhere: there is no way back.
    """
    n = len(population.cohort)
    if study.simulated:
        return np.arange(n, dtype=np.int64)
    return np.random.default_rng().permutation(n).astype(np.int64)


def _audit(study: Study, inputs: Inputs, _folder: Path) -> Audited:
    population, features, split, fitted = (
        inputs[name] for name in ("population", "features", "split", "models")
    )
    part = audit_part(population, split)
    draws = resamples(study, part, population)
    audited = population.audited.take(part.rows)
    rows = {
        family: scored(part, family, fitted=fitted, population=population, study=study)
        for family in fitted.models
    }
    chosen = rows[fitted.selection.selected]
    cohort, own = population.cohort.take(part.rows), features.take(part.rows)
    people = {"household_id": cohort.household_id, "subject_id": cohort.subject_id}
    jobs: dict[str, Callable[[], Any]] = {
        "label_bias": lambda: _label_choice(study, inputs, chosen, draws),
        "proxies": lambda: auditing.proxies(
            own, chosen.raw, audited, **people, spec=study.audit, seed=study.seed
        ).to_json(),
        "fairness": lambda: auditing.audit_fairness(rows, audited, draws, study.audit, seed=study.seed),
        "privacy": lambda: auditing.privacy(
            _structures(fitted, features.take(split.train)),
            {family: one.offered for family, one in rows.items()},
            audited,
            training_subject_id=population.cohort.subject_id[split.train],
            subject_id=cohort.subject_id,
            spec=study.audit,
        ).to_json(),
    }
    with validating.one_blas_thread():
        return Audited(**_side_by_side(lambda name: jobs[name](), list(jobs), threads=study.threads))


def _structures(fitted: Fitted, learned_from: FeatureMatrix) -> list[Structure]:
    found = {family: one.model.parts(learned_from) for family, one in fitted.models.items()}
    return [
        Structure(family, "part", tuple(f"part {i + 1}" for i in range(codes.shape[1])), codes)
        for family, codes in found.items()
        if codes.shape[1]
    ]


def _label_choice(study: Study, inputs: Inputs, chosen: ScoredRows, draws: Resamples) -> Json:
    population, split = inputs["population"], inputs["split"]
    part, outcomes = audit_part(population, split), population.outcomes
    labels = outcomes.training if part.name == CROSSFIT else outcomes.test
    found: Json = auditing.label_choice(
        chosen.offered,
        {name: one.take(part.rows) for name, one in labels.items()},
        _alternative_offers(study, inputs, part),
        population.audited.take(part.rows),
        chosen=outcomes.chosen,
        subject_id=chosen.subject_id,
        resamples=draws,
        spec=study.audit,
        words=outcome_words(study),
    ).to_json()
    return found


def _alternative_offers(study: Study, inputs: Inputs, part: Part) -> dict[str, FloatArray]:
    """Return who would be offered support if the selected family had learned another outcome from the same features.

    The same family, or the figures would tell families apart and not outcomes. A baseline learns nothing from an outcome:
    then there is nothing to compare.
    """
    population, features, split = inputs["population"], inputs["features"], inputs["split"]
    family = inputs["models"].selection.selected
    if family in BASELINES:
        return {}
    cohort, learn = population.cohort.take(part.rows), features.take(split.train)
    scored_rows = features.take(part.rows)
    labels = {
        name: one.take(split.train)
        for name, one in population.outcomes.training.items()
        if name != population.outcomes.chosen
    }
    fit = partial(
        modelling.fit,
        spec=study.models,
        seed=study.seed,
        threads=1,
        person=population.cohort.subject_id[split.train],
        timeline=_timeline(population).take(split.train),
    )

    def offers(name: str) -> FloatArray:
        own = labels[name]
        model = fit(family, learn, own.outcome, own.weight)
        return modelling.offers(model.raw_score(scored_rows), cohort, study.capacity)

    enough = [name for name, one in labels.items() if _enough(one)]
    return _side_by_side(offers, enough, threads=study.threads)


def _enough(labels: Labels) -> bool:
    return int(labels.outcome[labels.weight > 0].sum()) >= MIN_OUTCOMES


def _explain(study: Study, inputs: Inputs, _folder: Path) -> Explained:
    population, features, split, fitted = (
        inputs[name] for name in ("population", "features", "split", "models")
    )
    part = audit_part(population, split)
    rows, people = features.take(part.rows), population.cohort.subject_id[part.rows]
    found = {family: one.model.contributions(rows) for family, one in fitted.models.items()}
    overall = {
        family: explanations(
            contributions,
            rows,
            weight=np.ones(len(rows)),
            subject_id=people,
            spec=study.explain,
            disclosure=study.disclosure,
        )
        for family, contributions in found.items()
    }
    selected = fitted.selection.selected
    return Explained(part.rows, found[selected], {"models": overall, "selected": selected})
