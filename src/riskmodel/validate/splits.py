"""Who a model learns from, who it is judged on, and the folds for out-of-fold predictions.

Households are dealt into two arms by a salted hash before time is looked at, so that a new extract deals a known
household the same way. Training uses the first arm at early index dates. The test is read twice: everyone eligible
at the latest index dates (``test_all``, as in use), and among them those of the second arm (``test_new``) whom the
model has never seen, at any address.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.errors import DataError, StudyError
from riskmodel.tables.cohort import BoolArray, Cohort, IntArray
from riskmodel.tables.days import from_day
from riskmodel.validate.spec import SplitSpec

NO_FOLD = -1


@dataclass(frozen=True)
class Split:
    """Which cohort row is used for what; all arrays have one entry per cohort row.

    Parameters
    ----------
    train : ndarray of bool, shape (n,)
        Rows that fitting, tuning, calibration and selection may use.
    test_new : ndarray of bool, shape (n,)
        Test rows of people and households that occur in no training row.
    test_all : ndarray of bool, shape (n,)
        Everyone eligible at a test index date.
    fold : ndarray of int64, shape (n,)
        Fold of a training row, from 0; -1 for every other row. Neither a household nor a person is in two folds.
    """

    train: BoolArray
    test_new: BoolArray
    test_all: BoolArray
    fold: IntArray

    def save(self, folder: Path) -> None:
        """Write ``split.parquet``."""
        pq.write_table(
            pa.table({name: getattr(self, name) for name in self.__dataclass_fields__}),
            folder / "split.parquet",
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        table = pq.read_table(folder / "split.parquet")
        return cls(**{name: table.column(name).to_numpy() for name in cls.__dataclass_fields__})


def split(
    cohort: Cohort,
    spec: SplitSpec,
    *,
    train_days: Sequence[int],
    test_days: Sequence[int],
    folds: int,
    seed: int,
    horizon_days: int,
    recording_lag_days: int = 0,
) -> Split:
    """Divide a cohort for training and testing.

    Parameters
    ----------
    cohort : Cohort
        All rows of all index dates.
    spec : SplitSpec
        The design.
    train_days, test_days : sequence of int
        Index dates as days since 1970-01-01; ignored by ``cross_validation``.
    folds : int
        Number of cross-fitting folds, at least 2.
    seed : int
        Decides which household falls in which fold.
    horizon_days, recording_lag_days : int
        A training label may look so far ahead, and is known so much later.

    Returns
    -------
    Split

    Raises
    ------
    StudyError
        If an outcome of a training row could still be open, or unknown, at the first test date; if a random split
        of dated records has no written reason.
    DataError
        If nobody is left on one side, or too few separate households are left to make the folds.
    """
    if spec.design == "cross_validation":
        return _cross_validation(cohort, spec, folds=folds, seed=seed)
    _check_gap(train_days, test_days, horizon_days=horizon_days, lag_days=recording_lag_days)
    first_arm = _first_arm(cohort, spec)
    train = first_arm & np.isin(cohort.index_day, train_days)
    test_all = np.isin(cohort.index_day, test_days)
    seen = np.isin(cohort.subject_id, cohort.subject_id[train])
    test_new = test_all & ~first_arm & ~seen
    _check_somebody({"training": train, "test": test_all, "test of people never seen": test_new})
    return Split(train, test_new, test_all, _folds_of(cohort, train, folds=folds, seed=seed))


def grouped_folds(household_id: IntArray, subject_id: IntArray, *, folds: int, seed: int) -> IntArray:
    """Deal rows into folds so that no household and no person is in two of them.

    Households that share a person (somebody who moved) are linked and stay together. Linked groups are dealt from
    the largest to the smallest, each to the fold that has the fewest rows; equal ones in an order drawn from ``seed``.

    Parameters
    ----------
    household_id, subject_id : ndarray of int64, shape (n,)
        A negative household means "not known": the person is then a household.
    folds : int
        At least 2.
    seed : int
        Order of groups of equal size.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    DataError
        If there are fewer linked groups than folds, or one holds more than half of all rows.
    """
    group, size = _linked_groups(household_id, subject_id)
    if len(size) < folds or 2 * size.max() > len(group):
        raise DataError(
            expected=f"at least {folds} separate households, none linked to more than half of the rows",
            found=f"{len(size)} separate groups of linked households, the largest with {size.max() / len(group):.0%} of the rows",
            where="split",
            next_step="Check that household ids are filled; use fewer folds if the data are small.",
        )
    shuffled = np.random.default_rng(seed).permutation(len(size))
    order = shuffled[np.argsort(-size[shuffled], kind="stable")]
    fold_of_group = np.empty(len(size), dtype=np.int64)
    fullness = [(0, fold) for fold in range(folds)]
    for one in order:
        rows, fold = heapq.heappop(fullness)
        fold_of_group[one] = fold
        heapq.heappush(fullness, (rows + int(size[one]), fold))
    return fold_of_group[group]


def _cross_validation(cohort: Cohort, spec: SplitSpec, *, folds: int, seed: int) -> Split:
    if spec.reason is None and len(np.unique(cohort.index_day)) > 1:
        raise StudyError(
            [
                "split.design is cross_validation although the cohort has several index dates: write the reason in split.reason, or use temporal"
            ]
        )
    everyone = np.ones(len(cohort), dtype=np.bool_)
    return Split(everyone, ~everyone, ~everyone, _folds_of(cohort, everyone, folds=folds, seed=seed))


def _check_gap(
    train_days: Sequence[int], test_days: Sequence[int], *, horizon_days: int, lag_days: int
) -> None:
    if not len(train_days) or not len(test_days):
        raise StudyError(["a temporal split needs at least one training index date and one test index date"])
    last_train, first_test = from_day(max(train_days)), from_day(min(test_days))
    gap = timedelta(days=horizon_days + lag_days)
    if last_train + gap > first_test:
        fault = (
            f"the last training index date {last_train} is too late for the first test index date {first_test}: outcomes need "
            f"{horizon_days} days to happen and {lag_days} to be recorded. Train no later than {first_test - gap}, "
            f"or test no earlier than {last_train + gap}"
        )
        raise StudyError([fault])


def _check_somebody(sides: dict[str, BoolArray]) -> None:
    empty = [name for name, rows in sides.items() if not rows.any()]
    if empty:
        raise DataError(
            expected="eligible people on every side of the split",
            found=f"nobody for {' and for '.join(empty)}",
            where="split",
            next_step="Compare the index dates with the dates the records cover, and split.second_arm_share with the size of the data.",
        )


def _first_arm(cohort: Cohort, spec: SplitSpec) -> BoolArray:
    own = cohort.household_id < 0
    ids = np.where(own, cohort.subject_id, cohort.household_id)
    # A person without a known household is hashed as one, and never as the household that happens to bear that number.
    keys, row_key = np.unique(np.stack([own.astype(np.int64), ids], axis=1), axis=0, return_inverse=True)
    draws = np.array([_uniform(spec.salt, int(kind), int(key)) for kind, key in keys])
    first: BoolArray = (draws >= spec.second_arm_share)[row_key.reshape(-1)]
    return first


def _uniform(salt: str, kind: int, key: int) -> float:
    digest = hashlib.blake2b(f"{salt}/{kind}/{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def _folds_of(cohort: Cohort, rows: BoolArray, *, folds: int, seed: int) -> IntArray:
    fold = np.full(len(cohort), NO_FOLD, dtype=np.int64)
    fold[rows] = grouped_folds(cohort.household_id[rows], cohort.subject_id[rows], folds=folds, seed=seed)
    return fold


def _linked_groups(household_id: IntArray, subject_id: IntArray) -> tuple[IntArray, IntArray]:
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
