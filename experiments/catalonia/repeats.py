"""Repeated cross-validation: every young person scored by models that never saw them, under many deals of the folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel import models
from riskmodel.features import TableData
from riskmodel.models.spec import ModelsSpec
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate.folds import grouped_folds


@dataclass(frozen=True)
class Question:
    """What is to be learned from whom.

    Parameters
    ----------
    features : FeatureMatrix, n rows
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
        0 where the outcome is not known: such people are scored and neither learned from nor judged on.
    person : ndarray of int64, shape (n,)
        People who share a number stay in one fold.
    """

    features: FeatureMatrix
    outcome: npt.NDArray[np.int8]
    weight: FloatArray
    person: IntArray

    @classmethod
    def of(cls, table: TableData) -> Question:
        """Return the question that a study's table asks."""
        labels = table.outcomes.test[table.outcomes.chosen]
        return cls(table.features, labels.outcome, labels.weight, table.cohort.household_id)

    def without(self, names: Sequence[str]) -> Question:
        """Return the same question without some features."""
        kept = tuple(name for name in self.features.names if name not in names)
        return Question(self.features.select(kept), self.outcome, self.weight, self.person)

    def with_columns(self, more: FeatureMatrix) -> Question:
        """Return the same question with further features of the same people."""
        values = np.hstack([self.features.values, more.values])
        features = FeatureMatrix(values, self.features.infos + more.infos)
        return Question(features, self.outcome, self.weight, self.person)

    def take(self, rows: BoolArray) -> Question:
        """Return the question about some of the people."""
        return Question(self.features.take(rows), self.outcome[rows], self.weight[rows], self.person[rows])

    def permuted(self, seed: int) -> Question:
        """Return a question without an answer: the outcomes dealt out again at random."""
        order = np.random.default_rng(seed).permutation(len(self.outcome))
        return Question(self.features, self.outcome[order], self.weight[order], self.person)


@dataclass(frozen=True)
class Fitting:
    """How models are fitted and scored out of fold.

    Parameters
    ----------
    spec : ModelsSpec
        With the families and the number of folds.
    repeats : int
        Deals of the folds; each has its own seed, derived from ``seed`` and its number only.
    seed, threads : int
    """

    spec: ModelsSpec
    repeats: int
    seed: int
    threads: int

    def scores(self, question: Question, families: Sequence[str]) -> dict[str, FloatArray]:
        """Return out-of-fold raw scores by family, each of shape (repeats, n)."""
        return {
            family: np.stack([self.once(question, family, repeat=r) for r in range(self.repeats)])
            for family in families
        }

    def once(self, question: Question, family: str, *, repeat: int = 0) -> FloatArray:
        """Return the out-of-fold raw scores of one repeat, shape (n,)."""
        seed = int(np.random.SeedSequence([self.seed, repeat]).generate_state(1)[0])
        return models.crossfit(
            family,
            question.features,
            question.outcome,
            question.weight,
            self.fold(question, seed=seed),
            spec=self.spec,
            seed=seed,
            threads=self.threads,
            person=question.person,
        )

    def fold(self, question: Question, *, seed: int) -> IntArray:
        """Deal people into folds; those who share a number fall in the same one.

        People with and without the outcome are dealt apart, so that every fold has its share of both.
        """
        person = question.person
        with_outcome = np.isin(person, person[question.outcome == 1])
        fold = np.empty(len(person), dtype=np.int64)
        for side in (with_outcome, ~with_outcome):
            fold[side] = grouped_folds(person[side], person[side], folds=self.spec.folds, seed=seed)
        return fold
