"""Which rows tell when to stop learning: later dates, and households that were not learned from.

A number of rounds that is chosen on rows like those already learned from is too large for tomorrow. So households are
dealt into two halves: each half's rows at the latest index dates judge a model of the other half's rows at earlier dates,
and the number of rounds is the one that serves both together. Most young people are in the cohort at many dates:
leaving out everybody who is there at the latest one would leave nobody to learn from, which is why households are dealt,
as in the study's own split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from riskmodel.models.training import Timeline, TrainingRows
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray

LATEST = 0.2
"""The latest dates that together hold at least this share of the rows judge."""

FEWEST_EACH = 20
"""Rows of either outcome in every part that learns or judges."""
FEWEST_JUDGED = 100
"""Rows with the outcome (and without) that judge, both folds together: with fewer, chance would choose the number."""

StoppedOn = Literal["later_dates", "other_households", "nothing"]


@dataclass(frozen=True)
class StoppingFold:
    """Rows that are learned from and rows that judge, by mask; no household is in both.

    ``kind`` is ``later_dates``, or ``other_households`` where the dates cannot be parted.
    """

    kind: StoppedOn
    learn: BoolArray
    judge: BoolArray


def stopping_folds(rows: TrainingRows, *, seed: int) -> tuple[StoppingFold, ...]:
    """Cut the two later folds.

    Parameters
    ----------
    rows : TrainingRows
    seed : int
        Deals the households.

    Returns
    -------
    tuple of StoppingFold
        Two later folds; where they would judge by fewer than 100 rows with the outcome or without it, or where one of
        them would learn from or judge by fewer than 20 (as when there is one date only), the two halves with all their
        dates; none where those are too small as well.
    """
    timeline = rows.timeline or Timeline(np.zeros(len(rows), dtype=np.int64), rows.person)
    households, number = np.unique(timeline.household, return_inverse=True)
    first = (np.random.default_rng(seed).permutation(len(households)) % 2 == 0)[number]
    late, halves = _latest(timeline.day), ((first, ~first), (~first, first))
    later = tuple(StoppingFold("later_dates", learn & ~late, judge & late) for learn, judge in halves)
    other = tuple(StoppingFold("other_households", learn, judge) for learn, judge in halves)
    return next((folds for folds in (later, other) if _enough(rows, folds)), ())


def best_round(losses: Sequence[FloatArray], weights: Sequence[float]) -> int:
    """Return the round, from 1, with the smallest loss over folds together.

    Parameters
    ----------
    losses : sequence of ndarray of float64
        For each fold, the mean loss after each round; rounds that not every fold has reached are left out.
    weights : sequence of float
        Weight of the rows that judged.
    """
    reached = min(len(loss) for loss in losses)
    total = np.sum([w * loss[:reached] for w, loss in zip(weights, losses, strict=True)], axis=0)
    return int(total.argmin()) + 1


def more_rounds(rounds: int, rows: TrainingRows, folds: Sequence[StoppingFold]) -> int:
    """Return how many rounds all rows bear, if a fold's learning rows bear ``rounds``.

    The noise that a round may fit falls with the root of the rows. A rule of thumb: on three simulated boroughs the
    out-of-fold log loss was the same or lower for factors from 1 to 2.
    """
    learned = np.mean([rows.weight[fold.learn].sum() for fold in folds])
    return round(rounds * float(np.sqrt(rows.weight.sum() / learned)))


def _latest(day: IntArray) -> BoolArray:
    """Return the rows of the fewest latest dates that hold a fifth of all rows; none where there is one date."""
    days, count = np.unique(day, return_counts=True)
    at_or_after = np.cumsum(count[::-1])[::-1]
    first = days[at_or_after >= LATEST * len(day)][-1]
    return np.asarray(day >= first) if first > days[0] else np.zeros(len(day), dtype=bool)


def _enough(rows: TrainingRows, folds: Sequence[StoppingFold]) -> bool:
    learned = [_rarer(rows, fold.learn) for fold in folds]
    judged = [_rarer(rows, fold.judge) for fold in folds]
    return sum(judged) >= FEWEST_JUDGED and min(*learned, *judged) >= FEWEST_EACH


def _rarer(rows: TrainingRows, part: BoolArray) -> int:
    with_it = int(rows.outcome[part].sum())
    return min(with_it, int(part.sum()) - with_it)
