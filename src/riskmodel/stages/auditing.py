"""The stage that audits the selected model by group, and asks what another outcome would have meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from riskmodel import audit as auditing
from riskmodel import models as modelling
from riskmodel.audit import (
    FairnessReport,
    Followed,
    GroupCalibration,
    NoSupportReport,
    RecordsReport,
    Structure,
)
from riskmodel.stages.fitting import Fitted, side_by_side, timeline
from riskmodel.stages.front import Population, horizon_and_lag, outcome_words
from riskmodel.stages.parts import (
    CHECK_RESAMPLES,
    CROSSFIT,
    Part,
    audit_part,
    enough_outcomes,
    resamples,
    scored,
)
from riskmodel.study import Study
from riskmodel.tables.cohort import FloatArray, Labels
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate import Resamples, ScoredRows

Inputs = Mapping[str, Any]
Json = dict[str, Any]

BASELINES = ("prior", "count")
USUAL_NEED = "harm_health"
"""Emergency departments and hospitals only: no police officer decides whether it is written down."""


@dataclass(frozen=True)
class Audited:
    """What the audit found; ``fairness`` and ``calibration`` (of the selected model, by group) are exact."""

    fairness: Any
    calibration: tuple[GroupCalibration, ...]
    label_bias: Json
    recording: RecordsReport
    no_support: NoSupportReport
    proxies: Json
    privacy: Json


def audit(study: Study, inputs: Inputs, _folder: Path) -> Audited:
    """Audit on the rows that the audit is about, its four parts side by side."""
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
    found = side_by_side(lambda name: jobs[name](), list(jobs), threads=study.threads)
    calibration = auditing.calibration_by_group(
        chosen, draws, found["fairness"], family=fitted.selection.selected, threads=study.threads
    )
    recording = auditing.audit_records(
        chosen,
        draws.first(CHECK_RESAMPLES),
        found["fairness"],
        family=fitted.selection.selected,
        need=_need(study, population, part),
        lens=inputs.get("lens"),
        threads=study.threads,
    )
    no_support = _no_support(study, inputs, chosen, draws, found["fairness"])
    return Audited(calibration=calibration, recording=recording, no_support=no_support, **found)


def _no_support(
    study: Study, inputs: Inputs, chosen: ScoredRows, draws: Resamples, fairness: FairnessReport
) -> NoSupportReport:
    """Return what the selected model's audit would say if nobody had been offered new support."""
    population, family = inputs["population"], inputs["models"].selection.selected
    if not study.audit.no_support.enabled:
        return NoSupportReport("off", family)
    if "intake" not in inputs:
        return NoSupportReport("no_dates", family)
    part = audit_part(population, inputs["split"])
    followed = Followed(
        inputs["intake"].records.events,
        population.cohort.take(part.rows),
        part.labels,
        population.audited.take(part.rows),
        horizon_and_lag(study)[0],
    )
    return auditing.audit_no_support(
        followed,
        chosen,
        draws,
        fairness,
        family=family,
        checks=CHECK_RESAMPLES,
        seed=study.seed,
        threads=study.threads,
    )


def _need(study: Study, population: Population, part: Part) -> tuple[str, Labels] | None:
    """Return the outcome that measures need, on the rows of a part; None where the study has none."""
    name, outcomes = study.audit.recording.need or USUAL_NEED, population.outcomes
    labels = outcomes.training if part.name == CROSSFIT else outcomes.test
    if name not in labels or name == outcomes.chosen:
        return None
    return name, labels[name].take(part.rows)


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
        spec=inputs["models"].spec,
        seed=study.seed,
        threads=1,
        person=population.cohort.subject_id[split.train],
        timeline=timeline(population).take(split.train),
    )

    def offers(name: str) -> FloatArray:
        own = labels[name]
        model = fit(family, learn, own.outcome, own.weight)
        relied = modelling.measure_reliance(model, learn, most_missing=study.models.abstain.most_missing)
        thin = relied.too_thin(scored_rows)
        return modelling.offers(model.raw_score(scored_rows), cohort, study.capacity, withheld=thin)

    enough = [name for name, one in labels.items() if enough_outcomes(one)]
    return side_by_side(offers, enough, threads=study.threads)
