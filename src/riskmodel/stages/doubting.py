"""The stages that ask how sure the selected model is, and what it would say on worse data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from riskmodel import models as modelling
from riskmodel.audit.uncertainty import UncertaintyReport, measure_uncertainty
from riskmodel.stages.parts import CHECK_RESAMPLES, CROSSFIT, audit_part, resamples, scored
from riskmodel.study import Study
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate import ScoredRows
from riskmodel.validate.robustness import RobustnessReport, Said, robustness, spoil

Inputs = Mapping[str, Any]


def uncertainty(study: Study, inputs: Inputs, _folder: Path) -> UncertaintyReport:
    """Measure how often the ranges hold, and about whom nothing is said."""
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


def worse_data(study: Study, inputs: Inputs, _folder: Path) -> RobustnessReport:
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
