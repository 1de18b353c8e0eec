"""Folds inside the rows that a model may learn from: where settings are tried, at later dates and on other households."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from riskmodel.models.training import MIN_OUTCOMES
from riskmodel.models.trying import Step
from riskmodel.tables.cohort import BoolArray, Cohort, IntArray
from riskmodel.validate.folds import NO_FOLD, grouped_folds

FOLDS = 3

FEWEST_SCORED = 50
"""With fewer scored outcomes nothing can be told apart, and the study's own settings stay."""

Design = Literal["time_ordered", "all_dates"]


@dataclass(frozen=True)
class InnerFolds:
    """How settings are tried.

    Parameters
    ----------
    design : str
        ``time_ordered``: learn from the earlier half of the index dates, score the later ones. ``all_dates``: both hold all.
    steps : tuple of Step
        One for each fold that is scored.
    n_outcomes : int
        Rows with the outcome among all that are scored.
    """

    design: Design
    steps: tuple[Step, ...]
    n_outcomes: int


def inner_folds(cohort: Cohort, rows: BoolArray, happened: BoolArray, *, seed: int) -> InnerFolds | None:
    """Deal the households of some rows into three folds; each is scored by what is learned from the others.

    Parameters
    ----------
    cohort : Cohort
    rows : ndarray of bool, shape (n,)
        Nothing else is looked at.
    happened : ndarray of bool, shape (n,)
        Rows known to have the outcome.
    seed : int

    Returns
    -------
    InnerFolds or None
        Time-ordered where there are two index dates and outcomes enough, else of all dates; None where outcomes are too
        few for either.
    """
    happened = happened & rows
    if int(happened.sum()) < FEWEST_SCORED:
        return None
    fold = np.full(len(cohort), NO_FOLD, dtype=np.int64)
    fold[rows] = grouped_folds(
        cohort.household_id[rows], cohort.subject_id[rows], folds=FOLDS, seed=seed, happened=happened[rows]
    )
    days = np.unique(cohort.index_day[rows])
    early = cohort.index_day <= days[(len(days) - 1) // 2]
    everything = np.ones(len(cohort), dtype=np.bool_)
    later = _steps(fold, early, ~early)
    if len(days) > 1 and _enough(later, happened):
        return InnerFolds("time_ordered", later, _scored(later, happened))
    steps = _steps(fold, everything, everything)
    return InnerFolds("all_dates", steps, _scored(steps, happened)) if _enough(steps, happened) else None


def _steps(fold: IntArray, learned: BoolArray, judged: BoolArray) -> tuple[Step, ...]:
    used = fold != NO_FOLD
    return tuple(Step(used & learned & (fold != one), judged & (fold == one)) for one in range(FOLDS))


def _scored(steps: tuple[Step, ...], happened: BoolArray) -> int:
    return sum(int((happened & step.score).sum()) for step in steps)


def _enough(steps: tuple[Step, ...], happened: BoolArray) -> bool:
    fewest = min(min(int((step.learn & side).sum()) for side in (happened, ~happened)) for step in steps)
    return fewest >= MIN_OUTCOMES and _scored(steps, happened) >= FEWEST_SCORED
