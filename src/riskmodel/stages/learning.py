"""The stage that asks whether more young people would help: trees learn again from fewer of them. Only where a study asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from riskmodel import models as modelling
from riskmodel.stages.fitting import Fitted, crossfit_scores, side_by_side
from riskmodel.stages.front import Population
from riskmodel.stages.parts import CROSSFIT, Part, enough_outcomes, parts, resamples, scored
from riskmodel.study import Study
from riskmodel.tables.cohort import FloatArray, IntArray, Labels
from riskmodel.validate import Round, ScoredRows, Split
from riskmodel.validate.folds import linked_groups
from riskmodel.validate.learning_curve import LearningCurve, Step, family_curve, learning_from_share

Inputs = Mapping[str, Any]
Rounds = Sequence[Round]

TREES = ("ebm", "xgboost")


def learning_curve(study: Study, inputs: Inputs, _folder: Path) -> LearningCurve:
    """Measure trees out of fold after learning from rising shares of the households; the last step is the study itself."""
    population, split, fitted = inputs["population"], inputs["split"], inputs["models"]
    spec = study.validation.learning_curve
    families = [family for family in TREES if family in fitted.models]
    smaller = _smaller(study, population, split)
    jobs = {
        f"{family} {share} {draw}": partial(_scores, study, inputs, family, rounds)
        for share, draws in smaller.items()
        for draw, rounds in enumerate(draws)
        if all(_enough(one, population) for one in draws)
        for family in families
    }
    again = side_by_side(lambda name: jobs[name](), list(jobs), threads=study.threads)
    part = next(one for one in parts(population, split) if one.name == CROSSFIT)
    resampled = resamples(study, part, population)
    curves = {}
    for family in families:
        names = [[f"{family} {share} {draw}" for draw in range(spec.draws)] for share in smaller]
        scores = [[again[name] for name in step if name in again] for step in names]
        rows = _rescored(study, population, part, family, fitted=fitted, scores=scores)
        curves[family] = family_curve(
            rows, resampled, worth=spec.worth, seed=study.seed, threads=study.threads
        )
    steps = [_step(share, draws, population) for share, draws in {**smaller, 1.0: [split.rounds]}.items()]
    return LearningCurve(spec.worth, spec.draws, steps, curves)


def _smaller(study: Study, population: Population, split: Split) -> dict[float, list[Rounds]]:
    """Return the rounds in which less is learned from, by share and draw."""
    spec, cohort = study.validation.learning_curve, population.cohort
    group, _ = linked_groups(cohort.household_id, cohort.subject_id)
    return {
        share: [
            [learning_from_share(one, group, share, seed=study.seed, draw=draw) for one in split.rounds]
            for draw in range(spec.draws)
        ]
        for share in spec.shares
    }


def _scores(study: Study, inputs: Inputs, family: str, rounds: Rounds) -> FloatArray:
    """Return out-of-fold scores of the judged rows."""
    whole = crossfit_scores(study, inputs, family, inputs["tuning"], rounds)
    return np.asarray(whole[inputs["split"].judged])


def _rescored(
    study: Study,
    population: Population,
    part: Part,
    family: str,
    *,
    fitted: Fitted,
    scores: Sequence[Sequence[FloatArray]],
) -> list[list[ScoredRows]]:
    """Return the judged rows with the scores of each step, and last as the study scores them; the same records are too thin."""
    whole = scored(part, family, fitted=fitted, population=population, study=study)
    cohort, withheld = population.cohort.take(part.rows), fitted.thin[family][part.rows]

    def rescored(score: FloatArray) -> ScoredRows:
        offered = modelling.offers(score, cohort, study.capacity, withheld=withheld)
        return replace(whole, raw=score, offered=offered)  # risk estimates are not looked at

    return [*([rescored(score) for score in step] for step in scores), [whole]]


def _learned_from(rounds: Rounds, population: Population) -> Iterator[tuple[Labels, IntArray]]:
    """Give labels and people of the rows that each fold of each round learns from."""
    for one in rounds:
        labels = population.outcomes.as_known(one.known_by)
        for learn in one.learning.values():
            yield labels.take(learn), population.cohort.subject_id[learn]


def _enough(rounds: Rounds, population: Population) -> bool:
    return all(enough_outcomes(labels) for labels, _ in _learned_from(rounds, population))


def _step(share: float, draws: Sequence[Rounds], population: Population) -> Step:
    counts = []
    for rounds in draws:
        for labels, person in _learned_from(rounds, population):
            seen = labels.weight > 0
            happened = seen & (labels.outcome == 1)
            counts.append([len(np.unique(person[rows])) for rows in (seen, happened)])
    people, outcomes = np.rint(np.mean(counts, axis=0)).astype(int).tolist()
    return Step(share, people, outcomes)
