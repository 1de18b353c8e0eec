"""Folds: who is scored out of fold, and whom the model that scores them may learn from.

A round is one cross-fit. Most designs have one. A rolling origin has one for each held-out date: in it everything is
done as somebody would have done it on that date, with the rows, and the labels, that could be known then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from riskmodel.errors import DataError, StudyError
from riskmodel.tables.cohort import BoolArray, Cohort, IntArray
from riskmodel.tables.days import from_day

NO_FOLD = -1


@dataclass(frozen=True)
class Round:
    """One cross-fit over cohort rows; arrays have one entry per row.

    Parameters
    ----------
    fold : ndarray of int64, shape (n,)
        Fold in which a row is scored; -1 where it is not. Rounds share no number.
    learning : mapping of int to ndarray of bool, shape (n,)
        For each fold, the rows that its model may learn from: nobody of the fold, and nobody of their households.
    judged : ndarray of bool, shape (n,)
        Rows whose scores are results. The scores of the others serve calibration alone.
    known_by : int or None
        Labels to learn from are those known on the morning of this day (days since 1970-01-01); None: by the training
        cut-off.
    """

    fold: IntArray
    learning: Mapping[int, BoolArray]
    judged: BoolArray
    known_by: int | None = None

    def calibrating(self, fold: int) -> BoolArray:
        """Return the rows whose out-of-fold scores calibrate a fold: of other folds, and fit to learn from."""
        return np.asarray((self.fold != NO_FOLD) & (self.fold != fold) & self.learning[fold])


def folds_apart(cohort: Cohort, fold: IntArray) -> Round:
    """Return the round in which each fold is judged by a model of all others.

    Somebody who is, or whose household is, in the fold at any index date is not learned from at any other.
    """
    scored = fold != NO_FOLD
    learning = {
        one: scored & (fold != one) & ~linked_to(cohort, fold == one)
        for one in np.unique(fold[scored]).tolist()
    }
    return Round(fold, learning, scored)


def rolling_origins(cohort: Cohort, home: IntArray, *, gap_days: int) -> tuple[Round, ...]:
    """Return a round for each training date that has others at least ``gap_days`` before it.

    ``home`` is each training row's fold of households, -1 elsewhere. The model of a fold learns from the other households
    at the early dates, and scores its own at the held-out date (results) and at the early ones (to calibrate the other
    folds). So the first origin is calibrated like any other, with nothing that was not known by then.

    Raises
    ------
    StudyError
        If no date has an early enough one before it.
    """
    days = np.unique(cohort.index_day[home != NO_FOLD]).tolist()
    origins = [day for day in days if day - days[0] >= gap_days]
    if not origins:
        first, last = from_day(days[0]), from_day(days[-1])
        raise StudyError(
            [
                (
                    f"split.design rolling_origin needs training dates that lie at least {gap_days} days apart (horizon and "
                    f"recording lag); found {len(days)}, from {first} to {last}. Add earlier or later dates, or use temporal"
                )
            ]
        )
    folds = int(home.max()) + 1
    return tuple(
        _origin(cohort, home, day, first=folds * i, gap_days=gap_days) for i, day in enumerate(origins)
    )


def _origin(cohort: Cohort, home: IntArray, day: int, *, first: int, gap_days: int) -> Round:
    in_training = home != NO_FOLD
    judged = in_training & (cohort.index_day == day)
    early = in_training & (cohort.index_day <= day - gap_days)
    fold = np.where(judged | early, home + first, NO_FOLD)
    learning = {one: early & (fold != one) for one in np.unique(fold[judged]).tolist()}
    # A household that is not there on the held-out date needs no model.
    return Round(np.where(np.isin(fold, list(learning)), fold, NO_FOLD), learning, judged, known_by=day)


def grouped_folds(
    household_id: IntArray,
    subject_id: IntArray,
    *,
    folds: int,
    seed: int,
    happened: BoolArray | None = None,
) -> IntArray:
    """Deal rows into folds so that no household and no person is in two of them.

    Households that share a person (somebody who moved) are linked and stay together. Linked groups are dealt from
    the largest to the smallest, each to the fold that has the fewest rows; equal ones in an order drawn from ``seed``.
    Where it is known what happened, groups with outcomes go first, the most first, each to the fold with the fewest
    outcomes: no two folds then differ by more outcomes than one group has (Graham 1969, longest processing time first).

    Parameters
    ----------
    household_id, subject_id : ndarray of int64, shape (n,)
        A negative household means "not known": the person is then a household.
    folds : int
        At least 2.
    seed : int
        Order of groups of equal size.
    happened : ndarray of bool, shape (n,), optional
        Rows with the outcome, to spread them evenly.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    DataError
        If there are fewer linked groups than folds, or one holds more than half of all rows.
    """
    group, size = linked_groups(household_id, subject_id)
    if len(size) < folds or 2 * size.max() > len(group):
        raise DataError(
            expected=f"at least {folds} separate households, none linked to more than half of the rows",
            found=f"{len(size)} separate groups of linked households, the largest with {size.max() / len(group):.0%} of the rows",
            where="split",
            next_step="Check that household ids are filled; use fewer folds if the data are small.",
        )
    cases = np.zeros_like(size) if happened is None else np.bincount(group[happened], minlength=len(size))
    shuffled = np.random.default_rng(seed).permutation(len(size))
    order = shuffled[np.lexsort((-size[shuffled], -cases[shuffled]))]
    return _deal(order, size, cases, folds)[group]


def _deal(order: IntArray, size: IntArray, cases: IntArray, folds: int) -> IntArray:
    fold_of_group = np.empty(len(size), dtype=np.int64)
    rows, found = [0] * folds, [0] * folds
    for one in order.tolist():
        counts = zip(found if cases[one] else rows, rows, range(folds), strict=True)
        fold = min(counts)[-1]
        fold_of_group[one] = fold
        rows[fold] += int(size[one])
        found[fold] += int(cases[one])
    return fold_of_group


def linked_to(cohort: Cohort, rows: BoolArray) -> BoolArray:
    """Return every row of the people in some rows, and of the households that they live in there."""
    known = cohort.household_id >= 0
    people = np.isin(cohort.subject_id, cohort.subject_id[rows])
    return people | (known & np.isin(cohort.household_id, cohort.household_id[rows & known]))


def linked_groups(household_id: IntArray, subject_id: IntArray) -> tuple[IntArray, IntArray]:
    """Return each row's linked group (0, 1, ... by smallest household) and the rows in each group."""
    own = household_id < 0
    keys = np.stack([own.astype(np.int64), np.where(own, subject_id, household_id)], axis=1)
    household = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    subject = np.unique(subject_id, return_inverse=True)[1]
    label = np.arange(household.max() + 1)
    while True:
        # Each person carries the smallest label of their households, each household that of its people.
        carried = np.full(subject.max() + 1, len(label))
        np.minimum.at(carried, subject, label[household])
        spread = label.copy()
        np.minimum.at(spread, household, carried[subject])
        if np.array_equal(spread, label):
            break
        label = spread
    group = np.unique(label[household], return_inverse=True)[1].astype(np.int64)
    return group, np.bincount(group)
