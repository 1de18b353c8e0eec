"""From feature matrix to results: split, models, metrics, audit and explanation, each one stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from riskmodel.audit.uncertainty import Ranges, UncertaintyReport, measure_uncertainty
from riskmodel.explain.importance import explanations
from riskmodel.models import (
    Band,
    CalibratedModel,
    Calibration,
    CalibrationRows,
    Resampled,
    RiskModel,
    Selection,
)
from riskmodel.audit import GroupCalibration, Structure
from riskmodel.explain.importance import explanations
from riskmodel.models import CalibratedModel, CurveChoice, FoldRisks, Resampled, RiskModel, Selection
from riskmodel.models.training import MIN_OUTCOMES
from riskmodel.pipeline import Stage
from riskmodel.stages import Population, horizon_and_lag, outcome_words
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray, IntArray, Labels
from riskmodel.tables.days import to_day
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.predictions import Contributions, Predictions
from riskmodel.validate import Drawn, Estimate, Resamples, Round, ScoredRows, Split
from riskmodel.validate.leak_checks import TrainingRecord, look_for_leaks
from riskmodel.validate.leaks import LeakReport
from riskmodel.validate.robustness import RobustnessReport, Said, robustness, spoil
from riskmodel.validate.sample_size import SampleSizeReport, sample_size

Inputs = Mapping[str, Any]
Json = dict[str, Any]

Found = TypeVar("Found")

CROSSFIT = "crossfit"
BASELINES = ("prior", "count")
SELECTION_RESAMPLES = 400
"""Enough for the standard error of a difference in AUROC, whose every resample walks all rows."""
MOST_RESAMPLES = 20_000
CHECK_RESAMPLES = 400
"""For the checks of ranges and of worse data: they are many, and their intervals are read at a glance."""


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
    thin : mapping of str to ndarray of bool, shape (n,)
        Rows whose record is too thin for the model to say anything.
    curves : mapping of str to CurveChoice
        Which calibration each family got, and why.
    selection : Selection
    leaks : LeakReport
    """

    models: Mapping[str, CalibratedModel]
    crossfit: Mapping[str, FloatArray]
    crossfit_risk: Mapping[str, FloatArray]
    curves: Mapping[str, CurveChoice]
    raw: Mapping[str, FloatArray]
    thin: Mapping[str, BoolArray]
    selection: Selection
    leaks: LeakReport


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

    def ranges(self, family: str, fitted: Fitted) -> Ranges:
        """Return what is said beside a family's estimates on these rows: limits, and nothing where the record is too thin."""
        raw, risk = self.of(family, fitted)
        return Ranges(*fitted.models[family].around(risk, raw), fitted.thin[family][self.rows])


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
    """What the audit found; ``fairness`` and ``calibration`` (of the selected model, by group) are exact."""

    fairness: Any
    calibration: tuple[GroupCalibration, ...]
    label_bias: Json
    proxies: Json
    privacy: Json


@dataclass(frozen=True)
class Explained:
    """Contributions of the selected model on the audit's rows, and what matters to it overall."""

    rows: BoolArray
    contributions: Contributions
    overall: Json


def back_end(
    *, strict: bool = False, tell: Callable[[str], None] = lambda _words: None, late: bool = False
) -> list[Stage]:
    """Return the stages from feature matrix to results; they run each time.

    Parameters
    ----------
    strict : bool
        Stop before training if the study is too small.
    tell : callable, optional
        Called with a sentence that a person should read before the long stages.
    late : bool
        Whether the study wants to see agencies a year late, for which the records are read again.
    """
    stage = partial(Stage, settings=lambda study: study.model_dump(mode="json"), rooms=("",))
    rows = ("population", "features", "split")
    later = ("intake",) if late else ()
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
        stage("uncertainty", "Measuring how sure they are", (*rows, "models"), run=_uncertainty),
        stage("robustness", "Trying worse data", (*rows, "models", *later), run=_robustness),
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
        offered=modelling.offers(raw, cohort, study.capacity, withheld=fitted.thin[family][part.rows]),
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
        models=modelling.with_usable_families(study.models, features.infos),
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
    fit = partial(modelling.fit, spec=study.models, seed=study.seed, threads=1, person=person[split.train])

    def learned(family: str) -> tuple[list[FloatArray], RiskModel]:
        scores = [_round_scores(study, family, features, population, one) for one in split.rounds]
        return scores, fit(family, learn, labels.outcome, labels.weight)

    families = modelling.with_usable_families(study.models, features.infos).families
    slowest_first = sorted(families, key=modelling.SIMPLEST_FIRST.index, reverse=True)
    found = _side_by_side(learned, slowest_first, threads=study.threads)
    raw = {family: _judged(split, scores) for family, (scores, _) in found.items()}
    out_of_fold = {family: score[split.judged] for family, score in raw.items()}
    calibration = {
        family: _calibration(study, model, out_of_fold[family], judged) for family, model in fitted.items()
    }
    relied = {
        family: modelling.measure_reliance(model, learn, most_missing=study.models.abstain.most_missing)
        for family, model in fitted.items()
    }
    thin = {family: one.too_thin(features) for family, one in relied.items()}
    selection = _select(study, population, split, out_of_fold, labels=judged, thin=thin)
    bands = _bands(study, inputs, out_of_fold, calibration, labels=judged, selected=selection.selected)
    return Fitted(
        models={
            family: CalibratedModel(model, calibration[family], bands[family], relied[family])
            for family, model in fitted.items()
        },
        crossfit=raw,
        crossfit_risk={
            family: _judged(split, _round_risks(study, model, scores, population, split))
            for family, (scores, model) in found.items()
        },
        raw={family: model.raw_score(features) for family, model in fitted.items()},
        thin=thin,
        selection=selection,

    def curved(family: str) -> tuple[FloatArray, CalibratedModel, CurveChoice]:
        scores, model = found[family]
        return _curved(study, model, scores, population=population, split=split)

    curves = _side_by_side(curved, slowest_first, threads=study.threads)
    return Fitted(
        models={family: model for family, (_, model, _) in curves.items()},
        crossfit=raw,
        crossfit_risk={family: risk for family, (risk, _, _) in curves.items()},
        curves={family: choice for family, (_, _, choice) in curves.items()},
        raw={family: model.raw_score(features) for family, (_, model) in found.items()},
        selection=_select(study, population, split, out_of_fold, judged),
        leaks=look_for_leaks(
            TrainingRecord(learn, labels, population.cohort.take(split.train), split.fold[split.train]),
            spec=study.validation.leaks,
            seed=study.seed,
        ),
    )


def _side_by_side(job: Callable[[str], Found], names: Sequence[str], *, threads: int) -> dict[str, Found]:
    """Run a job for each name; each has one thread of its own, so that results do not depend on how many there are."""
    with validating.one_blas_thread(), ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            return dict(zip(names, pool.map(job, names), strict=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _round_scores(
    study: Study, family: str, features: FeatureMatrix, population: Population, one: Round
) -> FloatArray:
    """Return the scores of one round: each fold by a model of what it may learn from, with labels as then known."""
    labels = population.outcomes.as_known(one.known_by)
    return modelling.crossfit(
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
    )


def _curved(
    study: Study, model: RiskModel, scores: Sequence[FloatArray], *, population: Population, split: Split
) -> tuple[FloatArray, CalibratedModel, CurveChoice]:
    """Return out-of-fold risk estimates, the model with its curve, and why that curve."""
    outcomes, person = population.outcomes, population.cohort.subject_id
    kinds = study.models.curves_for(model.unit)
    found: list[FoldRisks] = []
    for one, raw in zip(split.rounds, scores, strict=True):
        known = outcomes.as_known(one.known_by)
        others = {fold: one.calibrating(fold) for fold in one.learning}
        found.append(
            modelling.fold_risks(
                raw, known.outcome, known.weight, fold=one.fold, others=others, person=person, kinds=kinds
            )
        )
    judged, labels = split.judged, outcomes.as_known(None).take(split.judged)
    raw = _judged(split, scores)[judged]
    by_kind = {kind: _judged(split, [one.by_kind[kind] for one in found])[judged] for kind in kinds}
    curve, choice = modelling.calibrate(raw, labels.outcome, labels.weight, by_kind, person=person[judged])
    calibrated = CalibratedModel(model, curve)
    if study.models.recalibrate == "latest_training_date":
        day = population.cohort.index_day[judged]
        latest = np.asarray(day == day.max())
        calibrated = _recalibrated(study, calibrated, raw, labels, latest)
    return _judged(split, [one.risk for one in found]), calibrated, choice


def _recalibrated(
    study: Study, calibrated: CalibratedModel, raw: FloatArray, labels: Labels, latest: BoolArray
) -> CalibratedModel:
    """Move a model's estimates to the latest training date, by scores of models that had not seen the people."""
    return modelling.recalibrate_in_the_large(
        calibrated,
        raw[latest],
        labels.outcome[latest],
        labels.weight[latest],
        on="the latest training index date",
        disclosure=study.disclosure,
    )


def _judged(split: Split, rounds: Sequence[FloatArray]) -> FloatArray:
    """Return what each round says about the rows that it judges, NaN for the others."""
    whole = np.full(len(split.fold), np.nan)
    for one, values in zip(split.rounds, rounds, strict=True):
        whole[one.judged] = values[one.judged]
    return whole


def _calibration(study: Study, model: RiskModel, raw: FloatArray, labels: Labels) -> Calibration:
    kind = study.models.calibration_for(model.unit)
    return modelling.fit_calibration(raw, labels.outcome, labels.weight, kind=kind)


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
            spec=study.models,
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


def resamples(
    study: Study, part: Part, population: Population, *, at_most: int = MOST_RESAMPLES
) -> Resamples:
    """Return resamples of people, or of a survey's units within strata, for the rows of a part."""
    sampling, replicates = population.sampling.take(part.rows), min(study.validation.replicates, at_most)
    return validating.resample(
        sampling.unit, replicates=replicates, seed=study.seed, stratum=sampling.stratum
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
        predictions=_predictions(ids, population, split, said, fitted),
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
    """Measure the present route, where the data hold it: young people referred in the year before the index date."""
    if population.referred is None:
        return None
    referred = population.referred[part.rows].astype(np.float64)
    found = _policy(rows, referred, draws, study)
    return {
        "offered_share": float(referred.mean()),
        "precision": found["precision_at_capacity"].to_json(),
        "recall": found["recall_at_capacity"].to_json(),
    }


def _predictions(
    ids: IntArray,
    population: Population,
    split: Split,
    said: Mapping[tuple[str, str], ScoredRows],
    fitted: Fitted,
) -> Predictions:
    by_name = {part.name: part for part in parts(population, split)}
    rows = {name: ids[part.rows] for name, part in by_name.items()}
    kept = [(family, name, one) for (family, name), one in said.items() if name != "train"]
    beside = [by_name[name].ranges(family, fitted) for family, name, _ in kept]
    thin = np.concatenate([one.thin for one in beside])
    risk, lower, upper = (
        np.where(thin, np.nan, np.concatenate(values))
        for values in (
            [one.risk for _, _, one in kept],
            [one.lower for one in beside],
            [one.upper for one in beside],
        )
    )
    columns = {
        "row_id": np.concatenate([rows[name] for _, name, _ in kept]),
        "family": np.concatenate([np.full(len(one), family) for family, _, one in kept]),
        "split": np.concatenate([np.full(len(one), name) for _, name, one in kept]),
        "raw_score": np.concatenate([one.raw for _, _, one in kept]),
        "risk_estimate": risk,
        "lower": lower,
        "upper": upper,
        "abstained": thin,
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
    found = _side_by_side(lambda name: jobs[name](), list(jobs), threads=study.threads)
    calibration = auditing.calibration_by_group(
        chosen, draws, found["fairness"], family=fitted.selection.selected, threads=study.threads
    )
    return Audited(calibration=calibration, **found)


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
    fit = partial(modelling.fit, spec=study.models, seed=study.seed, threads=1)

    def offers(name: str) -> FloatArray:
        own = labels[name]
        model = fit(family, learn, own.outcome, own.weight, person=population.cohort.subject_id[split.train])
        relied = modelling.measure_reliance(model, learn, most_missing=study.models.abstain.most_missing)
        thin = relied.too_thin(scored_rows)
        return modelling.offers(model.raw_score(scored_rows), cohort, study.capacity, withheld=thin)

    enough = [name for name, one in labels.items() if _enough(one)]
    return _side_by_side(offers, enough, threads=study.threads)


def _enough(labels: Labels) -> bool:
    happened = labels.outcome[labels.weight > 0] == 1
    return min(int(happened.sum()), int((~happened).sum())) >= MIN_OUTCOMES


def _uncertainty(study: Study, inputs: Inputs, _folder: Path) -> UncertaintyReport:
    population, split, fitted = inputs["population"], inputs["split"], inputs["models"]
    part, family = audit_part(population, split), fitted.selection.selected
    return measure_uncertainty(
        scored(part, family, fitted=fitted, population=population, study=study),
        part.ranges(family, fitted),
        population.audited.take(part.rows),
        resamples(study, part, population, at_most=CHECK_RESAMPLES),
        study.audit,
        method=study.models.uncertainty.method,
        most_missing=study.models.abstain.most_missing,
        apparent=part.name == CROSSFIT,
    )


def _robustness(study: Study, inputs: Inputs, _folder: Path) -> RobustnessReport:
    """Score the final model's rows again on worse data; out of fold there is no one model, so its own rows are judged."""
    population, split, fitted = inputs["population"], inputs["split"], inputs["models"]
    part, family = audit_part(population, split), fitted.selection.selected
    cohort, model = population.cohort.take(part.rows), fitted.models[family]
    own = inputs["features"].take(part.rows)

    def say(features: FeatureMatrix) -> Said:
        raw, thin = model.model.raw_score(features), model.too_thin(features)
        offered = modelling.offers(raw, cohort, study.capacity, withheld=thin)
        return Said(raw, model.risk(raw), thin, offered)

    said, labels, spec = say(own), part.labels, study.validation.robustness
    rows = ScoredRows(said.raw, said.risk, labels.outcome, labels.weight, said.offered, cohort.subject_id)
    spoiled = spoil(
        own,
        cohort.index_day,
        spec,
        used=model.model.names,
        late=_late(study, inputs, cohort),
        seed=study.seed,
    )
    return robustness(
        rows,
        say,
        spoiled,
        resamples(study, part, population, at_most=CHECK_RESAMPLES),
        study.validation,
        apparent=part.name == CROSSFIT,
        abstained=float(said.thin.mean()),
        threads=study.threads,
    )


def _late(study: Study, inputs: Inputs, cohort: Cohort) -> Iterable[tuple[str, FeatureMatrix]]:
    """Give the features with each agency a year late; nothing where the study does not ask."""
    if not study.validation.robustness.late:
        return ()
    from riskmodel import features
    from riskmodel.tables.catalogue import load_catalogue

    spec = study.features
    assert spec is not None  # noqa: S101 - the study checks it
    return features.late_features(
        inputs["intake"].records, cohort, spec, load_catalogue(spec.catalogue), threads=study.threads
    )


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
