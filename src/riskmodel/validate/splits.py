"""Who a model learns from, who it is judged on, and the folds for out-of-fold predictions.

Households are dealt into two arms by a salted hash before time is looked at, so that a new extract deals a known
household the same way. Training uses the first arm at early index dates. The test is read twice: everyone eligible
at the latest index dates (``test_all``, as in use), and among them those of the second arm (``test_new``) whom the
model has never seen, at any address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from riskmodel.errors import DataError, StudyError
from riskmodel.tables.cohort import UNKNOWN, BoolArray, Cohort, IntArray, TextArray
from riskmodel.tables.days import from_day
from riskmodel.tables.sampling import TEST, TRAIN
from riskmodel.validate.folds import (
    NO_FOLD,
    Round,
    folds_apart,
    grouped_folds,
    linked_to,
    rolling_origins,
)
from riskmodel.validate.places import group_places
from riskmodel.validate.spec import SplitSpec

HELD_OUT: Mapping[str, str] = {
    "rolling_origin": "date",
    "leave_one_area_out": "area",
    "leave_one_school_out": "school",
}
"""What a design holds out by itself; the folds of the others mean nothing."""


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
        Everyone eligible at a test index date, or in the file's own test rows.
    fold : ndarray of int64, shape (n,)
        Fold in which a training row is judged, from 0; -1 for every other row.
    rounds : tuple of Round
        How out-of-fold scores are made.
    apart : ndarray of int64, shape (n,)
        Folds of the training rows for fits that are no results (the leak hunt), -1 elsewhere. Nobody, and no household, is
        in two. ``fold`` itself, but where somebody may be judged twice: at two dates, or after a move in two places.
    group : ndarray of str, shape (n,)
        Held-out area, school or date of a judged row; empty where folds mean nothing in themselves.
    members : mapping of str to tuple of str
        The areas or schools of each group, as the data call them.
    set_aside : int
        Training rows of the file that were left out because the person, or the household, is in the test too.
    """

    train: BoolArray
    test_new: BoolArray
    test_all: BoolArray
    fold: IntArray
    rounds: tuple[Round, ...]
    apart: IntArray
    group: TextArray
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    set_aside: int = 0

    @property
    def judged(self) -> BoolArray:
        """Training rows that are judged out of fold: all but the first dates of a rolling origin."""
        return np.asarray(self.fold != NO_FOLD)

    def judged_by_their_own(self, subject_id: IntArray) -> int:
        """Return how many people are judged by a model that has learned from them: nobody, if the design is sound."""
        found = [
            np.intersect1d(subject_id[one.judged & (one.fold == fold)], subject_id[learn])
            for one in self.rounds
            for fold, learn in one.learning.items()
        ]
        return len(np.unique(np.concatenate(found)))


@dataclass(frozen=True)
class _Sides:
    """Training and test rows, before folds are made."""

    train: BoolArray
    test_new: BoolArray
    test_all: BoolArray
    set_aside: int = 0


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
    happened: BoolArray | None = None,
    side: TextArray | None = None,
) -> Split:
    """Divide a cohort for training and testing.

    Parameters
    ----------
    cohort : Cohort
        All rows of all index dates.
    spec : SplitSpec
        The design.
    train_days, test_days : sequence of int
        Index dates as days since 1970-01-01; ignored by ``cross_validation`` and ``declared``.
    folds : int
        Number of cross-fitting folds, at least 2.
    seed : int
        Decides which household falls in which fold.
    horizon_days, recording_lag_days : int
        A training label may look so far ahead, and is known so much later.
    happened : ndarray of bool, shape (n,), optional
        Rows with the chosen outcome, as known for training: spread evenly over random folds, and counted in areas and
        schools. By default nothing is known.
    side : ndarray of str, shape (n,), optional
        The file's own division, for ``declared``.

    Returns
    -------
    Split

    Raises
    ------
    StudyError
        If an outcome of a training row could still be open, or unknown, at the first test date; if a random split
        of dated records has no written reason; if the data lack what the design divides by.
    DataError
        If nobody is left on one side, or too few separate households are left to make the folds.
    """
    gap = (horizon_days, recording_lag_days)
    sides = _sides(cohort, spec, train_days, test_days, gap=gap, side=side)
    none = np.zeros(len(cohort), dtype=np.bool_)
    cases = none if happened is None else happened
    if spec.design == "rolling_origin":
        _check_horizon(horizon_days)
        home = _folds_of(cohort, sides.train, folds=folds, seed=seed, happened=none)
        rounds = rolling_origins(cohort, home, gap_days=sum(gap))
        fold = np.max([np.where(one.judged, one.fold, NO_FOLD) for one in rounds], axis=0)
        dates = np.array([str(from_day(int(day))) for day in cohort.index_day])
        group = np.where(fold != NO_FOLD, dates, "")
        return Split(**vars(sides), fold=fold, rounds=rounds, apart=home, group=group)
    spread = none if spec.design == "temporal" else cases
    apart = _folds_of(cohort, sides.train, folds=folds, seed=seed, happened=spread)
    if spec.design in HELD_OUT:
        return _by_place(cohort, spec, sides, cases, apart=apart)
    no_group = np.full(len(cohort), "")
    return Split(**vars(sides), fold=apart, rounds=(folds_apart(cohort, apart),), apart=apart, group=no_group)


def _sides(
    cohort: Cohort,
    spec: SplitSpec,
    train_days: Sequence[int],
    test_days: Sequence[int],
    *,
    gap: tuple[int, int],
    side: TextArray | None,
) -> _Sides:
    if spec.design == "declared":
        return _declared(cohort, spec, side, gap_days=sum(gap))
    if spec.design == "cross_validation" or (spec.design != "temporal" and not len(test_days)):
        if spec.design == "cross_validation":
            _check_reason(cohort, spec)
        everyone = np.ones(len(cohort), dtype=np.bool_)
        return _Sides(everyone, ~everyone, ~everyone)
    _check_gap(train_days, test_days, horizon_days=gap[0], lag_days=gap[1])
    first_arm = _first_arm(cohort, spec)
    train = first_arm & np.isin(cohort.index_day, train_days)
    test_all = np.isin(cohort.index_day, test_days)
    seen = np.isin(cohort.subject_id, cohort.subject_id[train])
    test_new = test_all & ~first_arm & ~seen
    _check_somebody({"training": train, "test": test_all, "test of people never seen": test_new})
    return _Sides(train, test_new, test_all)


def _declared(cohort: Cohort, spec: SplitSpec, side: TextArray | None, *, gap_days: int) -> _Sides:
    """Take the file's division; who is on both sides, or shares a household with the other, is not learned from."""
    if side is None or not np.isin(side, (TRAIN, TEST)).any():
        raise StudyError(
            ["split.design declared: the data do not say which rows are for training and which for the test"]
        )
    test = side == TEST
    wanted = side == TRAIN
    train = wanted & ~linked_to(cohort, test)
    _check_somebody({"training": train, "test": test})
    if cohort.index_day[test].min() < cohort.index_day[train].max() + max(gap_days, 1):
        _check_reason(cohort, spec)
    return _Sides(train, np.zeros_like(test), test, int((wanted & ~train).sum()))


def _by_place(
    cohort: Cohort, spec: SplitSpec, sides: _Sides, happened: BoolArray, *, apart: IntArray
) -> Split:
    kind = HELD_OUT[spec.design]
    column = cohort.area if kind == "area" else cohort.school
    place = np.full(len(cohort), UNKNOWN) if column is None else column
    rows = sides.train
    places = group_places(
        place[rows],
        cohort.subject_id[rows],
        happened[rows],
        kind=kind,
        people=spec.group_people,
        outcomes=spec.group_outcomes,
    )
    fold = np.full(len(cohort), NO_FOLD, dtype=np.int64)
    fold[rows] = places.code
    group = np.where(rows, np.array(places.names)[fold], "")
    return Split(
        **vars(sides),
        fold=fold,
        rounds=(folds_apart(cohort, fold),),
        apart=apart,
        group=group,
        members=places.members,
    )


def _check_reason(cohort: Cohort, spec: SplitSpec) -> None:
    if spec.reason is None and len(np.unique(cohort.index_day)) > 1:
        raise StudyError(
            [
                f"split.design is {spec.design} although the cohort has several index dates: write the reason in split.reason, or use temporal"
            ]
        )


def _check_horizon(horizon_days: int) -> None:
    if horizon_days < 1:
        raise StudyError(
            [
                "split.design rolling_origin: the chosen outcome has no horizon_days, so nobody can say when it was known"
            ]
        )


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


def _folds_of(cohort: Cohort, rows: BoolArray, *, folds: int, seed: int, happened: BoolArray) -> IntArray:
    fold = np.full(len(cohort), NO_FOLD, dtype=np.int64)
    household, subject = cohort.household_id[rows], cohort.subject_id[rows]
    fold[rows] = grouped_folds(household, subject, folds=folds, seed=seed, happened=happened[rows])
    return fold
