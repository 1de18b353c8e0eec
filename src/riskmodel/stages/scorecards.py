"""The stage after the models: the ``logistic`` family as a scorecard, and what the short form loses.

The loss is measured on the rows on which families are compared: out of fold, where the model of each fold becomes a card
of its own, and on the test rows. Both times in pairs: the same resamples of people serve the full model and its card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from riskmodel.audit.compare import Comparison, compare
from riskmodel.audit.spec import AuditSpec
from riskmodel.models import Calibration, fit_calibration, offers
from riskmodel.models.additive import AdditiveModel
from riskmodel.models.bins import choose_cuts
from riskmodel.models.protocol import RiskModel
from riskmodel.models.scorecard import Scorecard, make_scorecard
from riskmodel.models.training import TrainingRows
from riskmodel.stages.fitting import SELECTION_RESAMPLES
from riskmodel.stages.front import Population
from riskmodel.stages.parts import CROSSFIT, Part, audit_part, parts, resamples, scored
from riskmodel.study import Study
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, FloatArray, Labels
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate import ScoredRows

LOGISTIC = "logistic"
MOST_BANDS = 10


@dataclass(frozen=True)
class ScorecardReport:
    """A scorecard, what its totals mean, and what it loses.

    Parameters
    ----------
    card : Scorecard
    calibration : Calibration
        From the log-odds of the cards' totals to risk, on out-of-fold rows.
    bands : tuple of int
        Lowest total of each band of the table from points to risk but the first; at least as many people as may be
        shown are in each.
    band_risk : tuple of float
        Mean risk estimate in each band, over the training rows.
    losses : mapping of str to Comparison
        By split: full model first, its card second.
    """

    card: Scorecard
    calibration: Calibration
    bands: tuple[int, ...]
    band_risk: tuple[float, ...]
    losses: Mapping[str, Comparison]

    def to_state(self) -> dict[str, Any]:
        """Return card and calibration as JSON-ready data."""
        return {**self.card.to_state(), "calibration": self.calibration.to_state()}


def write_scorecard(study: Study, inputs: Mapping[str, Any], _folder: Path) -> ScorecardReport | None:
    """Write the scorecard; None where there is no ``logistic``, or it learned nothing."""
    population, features, split = (inputs[name] for name in ("population", "features", "split"))
    fitted = inputs["models"]
    if LOGISTIC not in fitted.models:
        return None
    labels = population.outcomes.as_known(None)
    card = _card(fitted.models[LOGISTIC].model, features, labels, population, split.train)
    if card is None:
        return None
    judged = _out_of_fold(inputs)
    known = labels.take(split.judged)
    calibration = fit_calibration(judged[split.judged], known.outcome, known.weight, kind="sigmoid")
    whole = card.log_odds(features)

    def loss(part: Part) -> Comparison:
        raw = (judged if part.name == CROSSFIT else whole)[part.rows]
        return _loss(study, inputs, part, raw, calibration)

    two = {part.name: part for part in (*_crossfit(inputs), audit_part(population, split))}
    cuts, risk = _bands(
        study, card, calibration, features.take(split.train), population.cohort.subject_id[split.train]
    )
    return ScorecardReport(card, calibration, cuts, risk, {name: loss(part) for name, part in two.items()})


def _card(
    model: RiskModel, features: FeatureMatrix, labels: Labels, population: Population, rows: BoolArray
) -> Scorecard | None:
    own = labels.take(rows)
    learned_from = TrainingRows.build(
        features.take(rows),
        own.outcome,
        own.weight,
        person=population.cohort.subject_id[rows],
        where="scorecard",
    )
    return make_scorecard(cast(AdditiveModel, model), learned_from)


def _out_of_fold(inputs: Mapping[str, Any]) -> FloatArray:
    """Return the log-odds of each judged row by the card of its fold; the base rate's where a fold has no card."""
    population, features, split = (inputs[name] for name in ("population", "features", "split"))
    score = np.full(len(features), np.nan)
    for one, models in zip(split.rounds, inputs["models"].fold_models[LOGISTIC], strict=True):
        labels = population.outcomes.as_known(one.known_by)
        for fold, model in models.items():
            own = one.judged & (one.fold == fold)
            card = _card(model, features, labels, population, one.learning[fold])
            held_out = features.take(own)
            score[own] = model.raw_score(held_out) if card is None else card.log_odds(held_out)
    return score


def _crossfit(inputs: Mapping[str, Any]) -> Iterator[Part]:
    yield from (part for part in parts(inputs["population"], inputs["split"]) if part.name == CROSSFIT)


def _loss(
    study: Study, inputs: Mapping[str, Any], part: Part, raw: FloatArray, calibration: Calibration
) -> Comparison:
    population = inputs["population"]
    full = scored(part, LOGISTIC, fitted=inputs["models"], population=population, study=study)
    offered = offers(raw, population.cohort.take(part.rows), study.capacity)
    card: ScoredRows = replace(full, raw=raw, risk=calibration.risk(raw), offered=offered)
    return compare(
        full,
        card,
        AuditedAttributes({}),
        resamples(study, part, population).first(SELECTION_RESAMPLES),
        audit=AuditSpec(attributes=(), intersections=()),
        validate=study.validation,
        disclosure=study.disclosure,
        threads=study.threads,
    )


def _bands(
    study: Study, card: Scorecard, calibration: Calibration, learned_from: FeatureMatrix, person: Any
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Cut totals into few bands of about the same number of rows, and return their mean risk estimates."""
    total, number = card.total(learned_from), np.unique(person, return_inverse=True)[1].astype(np.int64)
    cuts = choose_cuts(
        total.astype(np.float64),
        np.ones(len(total)),
        number,
        max_bins=MOST_BANDS,
        min_people=max(study.disclosure.threshold, 1),
    )
    band = np.searchsorted(np.array(cuts), total, side="right")
    risk = calibration.risk(card.of_total(total))
    return tuple(int(cut) for cut in cuts), tuple(float(risk[band == b].mean()) for b in range(len(cuts) + 1))
