"""The stages that fit the selected family again: what could be done about gaps, and what each block of inputs does.

Nothing here changes the run's model. Every refit learns, is calibrated and offers as the model itself does, on the same
split; only what its plan says is different.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from riskmodel import models as modelling
from riskmodel import validate as validating
from riskmodel.audit.frontier import FrontierReport, equal_reach, measure_points, missed_most_first
from riskmodel.audit.groups import groupings
from riskmodel.audit.inputs import Block, InputAudit, audit_inputs, blocks_of
from riskmodel.audit.plans import (
    AS_IS,
    CAPACITY,
    EXPONENTIATED_GRADIENT,
    LABEL,
    REWEIGHING,
    THRESHOLDS,
    WITHOUT_ENFORCEMENT,
    Plan,
    chosen_plan,
    chosen_point,
    enforcement_made,
    without,
)
from riskmodel.audit.reduction import Drawn, Labelled, exponentiated_gradient
from riskmodel.audit.residual import residualise
from riskmodel.models.training import MIN_OUTCOMES
from riskmodel.stages.auditing import BASELINES
from riskmodel.stages.fitting import (
    Fitted,
    calibrated,
    fit_with_folds,
    judged_scores,
    learned_from,
    side_by_side,
    timeline,
)
from riskmodel.stages.front import Population
from riskmodel.stages.parts import CHECK_RESAMPLES, CROSSFIT, Part, audit_part, parts, resamples, scored
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate import ScoredRows, Split
from riskmodel.validate.probe import midranks

Inputs = Mapping[str, Any]

DEFAULT_TOLERANCE = 0.05
"""Of exponentiated gradient, where a study judges no gap in who is missed."""

_NEEDS_TEST = "without rows kept for a test it would have to be made for each fold"
_NOT_LEARNED = "the selected model is a baseline, which learns nothing that this could change"


def mitigation(study: Study, inputs: Inputs, _folder: Path) -> FrontierReport | None:
    """Measure every point of the frontier; None where the study does not ask for it."""
    if not study.audit.mitigation.frontier:
        return None
    again = _Again.of(study, inputs)
    refits, left_out = _plans(again)
    rows = side_by_side(lambda name: again.fit(refits[name]), list(refits), threads=study.threads)
    lottery, no_lottery = again.lottery()
    points = {AS_IS: again.as_is, **rows, **lottery, **again.capacities(), **again.thresholds()}
    return FrontierReport(
        family=again.family,
        attribute=study.audit.mitigated,
        chosen=chosen_point(study.audit),
        left_out=left_out | no_lottery,
        points=measure_points(
            points,
            again.population.audited.take(again.part.rows),
            resamples(study, again.part, again.population, at_most=CHECK_RESAMPLES),
            audit=study.audit,
            validate=study.validation,
            disclosure=study.disclosure,
            worst_first=again.worst_first(),
            seed=study.seed,
            threads=study.threads,
        ),
    )


def input_audit(study: Study, inputs: Inputs, _folder: Path) -> InputAudit | None:
    """Fit again with each block of inputs changed; None where the study does not ask for it, or there is nothing to learn."""
    spec, again = study.audit.inputs, _Again.of(study, inputs)
    if not spec.enabled or again.family in BASELINES:
        return None
    blocks: dict[str, Block] = {
        one.name: one
        for one in blocks_of(
            inputs["features"].infos, inputs["audited"].proxies["rows"], carriers=spec.carriers
        )
    }
    own = chosen_plan(study.audit)
    rows = side_by_side(
        lambda name: again.fit(blocks[name].changes(own)), list(blocks), threads=study.threads
    )
    return audit_inputs(
        again.as_is,
        {blocks[name]: one for name, one in rows.items()},
        again.population.audited.take(again.part.rows),
        resamples(study, again.part, again.population, at_most=CHECK_RESAMPLES),
        family=again.family,
        audit=study.audit,
        validate=study.validation,
        disclosure=study.disclosure,
        threads=study.threads,
    )


def _plans(again: _Again) -> tuple[dict[str, Plan], dict[str, str]]:
    """Return how each point that is a refit learns, and why others cannot be made."""
    study, own = again.study, chosen_plan(again.study.audit)
    plans: dict[str, Plan] = {}
    left_out: dict[str, str] = {}
    if own.reweigh is None and study.audit.mitigated is not None:
        plans[REWEIGHING] = replace(own, reweigh=study.audit.mitigated)
    infos = again.inputs["features"].infos
    made = enforcement_made(infos)
    if not made:
        left_out[WITHOUT_ENFORCEMENT] = "no input is made by enforcement"
    elif len(made) < len(infos):
        plans[WITHOUT_ENFORCEMENT] = replace(own, drop=made)
    outcomes = again.population.outcomes
    for name in (one for one in outcomes.training if one not in (outcomes.chosen, own.label)):
        plan = replace(own, label=name)
        if outcomes.origins:
            left_out[f"{LABEL}{name}"] = (
                "how this outcome was known on each day of a rolling origin is not kept"
            )
        elif again.can_learn(plan):
            plans[f"{LABEL}{name}"] = plan
        else:
            left_out[f"{LABEL}{name}"] = "too few young people had this outcome to learn from"
    if again.family in BASELINES:
        return {}, left_out | dict.fromkeys(plans, _NOT_LEARNED)
    return plans, left_out


@dataclass(frozen=True)
class _Again:
    """The selected family of a run, ready to be fitted again; ``thin``: rows that get no offer as it is."""

    study: Study
    inputs: Inputs
    part: Part
    as_is: ScoredRows
    thin: BoolArray

    @classmethod
    def of(cls, study: Study, inputs: Inputs) -> _Again:
        fitted: Fitted = inputs["models"]
        part = audit_part(inputs["population"], inputs["split"])
        family = fitted.selection.selected
        rows = scored(part, family, fitted=fitted, population=inputs["population"], study=study)
        return cls(study, inputs, part, rows, fitted.thin[family][part.rows])

    @property
    def family(self) -> str:
        selected: str = self.inputs["models"].selection.selected
        return selected

    @property
    def population(self) -> Population:
        found: Population = self.inputs["population"]
        return found

    @property
    def split(self) -> Split:
        found: Split = self.inputs["split"]
        return found

    def can_learn(self, plan: Plan) -> bool:
        """Return whether every fit would see enough people with the outcome, and enough without it."""
        sets = [(rows, one.known_by) for one in self.split.rounds for rows in one.learning.values()]
        for rows, day in [(self.split.train, None), *sets]:
            labels = learned_from(self.population, plan, day).take(rows)
            happened = labels.outcome[labels.weight > 0] == 1
            if min(int(happened.sum()), int((~happened).sum())) < MIN_OUTCOMES:
                return False
        return True

    def fit(self, plan: Plan) -> ScoredRows:
        """Fit by a plan, calibrate, and return what is said of the audited rows."""
        features = self.features(plan)
        inputs = {**self.inputs, "features": features}
        learned = fit_with_folds(self.study, inputs, self.family, plan)
        curved = calibrated(self.study, self.population, self.split, learned)
        own = features.take(self.part.rows)
        if self.part.name == CROSSFIT:
            raw, risk = (
                one[self.part.rows] for one in (judged_scores(self.split, learned.scores), curved.risk)
            )
        else:
            raw = learned.model.raw_score(own)
            risk = curved.calibration.risk(raw)
        relied = modelling.measure_reliance(
            learned.model,
            features.take(self.split.train),
            most_missing=self.study.models.abstain.most_missing,
        )
        return replace(self.as_is, raw=raw, risk=risk, offered=self.offers(raw, thin=relied.too_thin(own)))

    def features(self, plan: Plan) -> FeatureMatrix:
        """Return what a plan learns from and scores with."""
        kept = without(self.inputs["features"], plan.drop)
        if plan.residual is None:
            return kept
        return residualise(
            kept,
            plan.residual.features,
            self.group(plan.residual.attribute),
            self.split.train,
            least=self.study.audit.minimum_people,
            seed=self.study.seed,
        )

    def offers(self, raw: FloatArray, *, thin: BoolArray, share: float | None = None) -> FloatArray:
        capacity = self.study.capacity
        if share is not None:
            capacity = capacity.model_copy(update={"share": share})
        return modelling.offers(raw, self.population.cohort.take(self.part.rows), capacity, withheld=thin)

    def capacities(self) -> dict[str, ScoredRows]:
        """Return the model as it is with other numbers of offers."""
        return {
            f"{CAPACITY}{share:g}": replace(
                self.as_is, offered=self.offers(self.as_is.raw, thin=self.thin, share=share)
            )
            for share in self.study.audit.mitigation.capacities
            if share != self.study.capacity.share
        }

    def thresholds(self) -> dict[str, ScoredRows]:
        """Return the model as it is with a threshold for each group: never to be chosen."""
        if (attribute := self.study.audit.mitigated) is None:
            return {}
        day = self.population.cohort.index_day[self.part.rows].astype(np.int64)
        raw = equal_reach(self.as_is.risk, self.group(attribute)[self.part.rows], day)
        return {THRESHOLDS: replace(self.as_is, raw=raw, offered=self.offers(raw, thin=self.thin))}

    def group(self, attribute: str) -> IntArray:
        """Return the group of every cohort row under an attribute."""
        one = self.study.audit.model_copy(update={"attributes": (attribute,), "intersections": ()})
        return groupings(self.population.audited, one)[0].code

    def worst_first(self) -> dict[str, tuple[str, ...]] | None:
        """Return which groups are missed most out of fold, before the test; None where those rows are judged themselves."""
        if self.part.name == CROSSFIT:
            return None
        before = next(one for one in parts(self.population, self.split) if one.name == CROSSFIT)
        rows = scored(
            before, self.family, fitted=self.inputs["models"], population=self.population, study=self.study
        )
        return missed_most_first(rows, self.population.audited.take(before.rows), self.study.audit)

    def lottery(self) -> tuple[dict[str, ScoredRows], dict[str, str]]:
        """Return exponentiated gradient, whose offers are the mean over the models that may be drawn, or why not."""
        attribute = self.study.audit.mitigated
        if not self.study.audit.mitigation.exponentiated_gradient or attribute is None:
            return {}, {}
        if self.family in BASELINES:
            return {}, {EXPONENTIATED_GRADIENT: _NOT_LEARNED}
        if self.part.name == CROSSFIT:
            return {}, {EXPONENTIATED_GRADIENT: _NEEDS_TEST}
        drawn = self._drawn(attribute)
        offered = sum((one.chance * self.offers(one.raw, thin=self.thin) for one in drawn), np.zeros(1))
        place = sum((one.chance * midranks(one.raw) for one in drawn), np.zeros(1))
        found = replace(self.as_is, raw=place, offered=np.clip(offered, 0.0, 1.0))
        return {EXPONENTIATED_GRADIENT: found}, {}

    def _drawn(self, attribute: str) -> list[Drawn]:
        """Return the models of the lottery with their scores of the audited rows."""
        spec, cohort, features = self.study.audit, self.population.cohort, self.inputs["features"]
        labels = learned_from(self.population, chosen_plan(spec), None)
        learning = np.flatnonzero(self.split.train & (labels.weight > 0))
        seen, moments = features.take(learning), timeline(self.population).take(learning)

        def fit(outcome: Labelled, weight: FloatArray) -> FloatArray:
            model = modelling.fit(
                self.family,
                seen,
                outcome,
                weight,
                spec=self.study.models,
                seed=self.study.seed,
                threads=1,
                person=cohort.subject_id[learning],
                timeline=moments,
            )
            return model.raw_score(features)

        with validating.one_blas_thread():
            found = exponentiated_gradient(
                fit,
                learning,
                labels.outcome[learning],
                labels.weight[learning],
                self.group(attribute)[learning],
                share=self.study.capacity.share,
                tolerance=spec.tolerance.fnr or DEFAULT_TOLERANCE,
                rounds=spec.mitigation.rounds,
            )
        return [Drawn(one.chance, one.raw[self.part.rows]) for one in found]
