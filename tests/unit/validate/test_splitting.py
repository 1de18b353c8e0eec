from datetime import date

import numpy as np
import pytest

from riskmodel.errors import DataError, StudyError
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.days import to_day
from riskmodel.validate import grouped_folds, split
from riskmodel.validate.spec import SplitSpec

EARLY, LATE = to_day(date(2020, 1, 1)), to_day(date(2021, 4, 1))
GAP = LATE - EARLY  # 456 days


def cohort(rows):
    """Build from (subject, day, household) triples."""
    rows = sorted(rows, key=lambda r: (r[1], r[0]))
    subject, day, household = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Cohort(
        subject,
        day.astype(np.int32),
        household,
        np.full(len(rows), "S1"),
        np.full(len(rows), 12, dtype=np.int16),
    )


def borough(n_households=400, dates=(EARLY, LATE)):
    return cohort([(2 * h + k, day, h) for h in range(n_households) for k in range(2) for day in dates])


def divide(people, spec=None, **changes):
    settings = {
        "train_days": [EARLY],
        "test_days": [LATE],
        "folds": 4,
        "seed": 1,
        "horizon_days": 365,
        "recording_lag_days": 90,
    }
    return split(people, spec or SplitSpec(), **{**settings, **changes})


def test_arms_dates_and_folds():
    people = borough()
    made = divide(people)
    assert made.test_all.tolist() == (people.index_day == LATE).tolist()
    assert not (made.train & made.test_all).any()
    assert (people.index_day[made.train] == EARLY).all()
    # 400 households, a quarter in the second arm: three standard errors are 26.
    assert abs(made.train.sum() / 2 - 300) < 26
    # Nobody moves, so every test row is of a training household or new.
    assert made.test_new.sum() == 800 - made.train.sum()
    assert ((made.fold >= 0) == made.train).all()
    assert abs(np.bincount(made.fold[made.train]) - made.train.sum() / 4).max() <= 2


def test_a_household_is_dealt_the_same_way_in_every_extract():
    there = divide(borough(400))
    more = borough(500)
    here = divide(more)
    known = more.household_id < 400
    assert here.train[known].tolist() == there.train.tolist()


def test_the_salt_and_the_share_decide_the_arms():
    people = borough()
    assert not np.array_equal(divide(people).train, divide(people, SplitSpec(salt="other")).train)
    half = divide(people, SplitSpec(second_arm_share=0.5))
    assert abs(half.train.sum() / 2 - 200) < 30
    assert not (half.train & ~divide(people).train).any()


def test_somebody_who_moved_out_of_a_training_household_is_not_new():
    people = borough()
    made = divide(people)
    trained = int(people.household_id[made.train][0])
    new = int(people.household_id[made.test_new][0])
    mover = 2 * trained
    moved = cohort(
        [
            (s, d, new if (s == mover and d == LATE) else h)
            for s, d, h in zip(people.subject_id, people.index_day, people.household_id, strict=True)
        ]
    )
    again = divide(moved)
    where = (moved.subject_id == mover) & (moved.index_day == LATE)
    assert moved.household_id[where] == new
    assert not again.test_new[where]
    assert again.test_new.sum() == made.test_new.sum()


def test_a_person_without_a_household_is_one_and_not_the_household_of_that_number():
    unknown = [(10_000 + i, day, -1) for i in range(300) for day in (EARLY, LATE)]
    people = cohort([*unknown, *((s, d, 10_000 + s // 2) for s in range(600) for d in (EARLY, LATE))])
    made = divide(people)
    alone = (people.household_id == -1) & (people.index_day == EARLY)
    assert 190 < made.train[alone].sum() < 260
    shared = [
        bool(made.train[alone & (people.subject_id == 10_000 + i)][0])
        == bool(made.train[(people.household_id == 10_000 + i) & (people.index_day == EARLY)][0])
        for i in range(300)
    ]
    assert not all(shared)


@pytest.mark.parametrize(("lag", "fits"), [(GAP - 365, True), (GAP - 364, False)])
def test_the_gap_holds_horizon_and_lag_to_the_day(lag, fits):
    people = borough()
    if fits:
        assert divide(people, recording_lag_days=lag).train.any()
        return
    with pytest.raises(StudyError) as error:
        divide(people, recording_lag_days=lag)
    assert "Train no later than 2019-12-31" in str(error.value)
    assert "test no earlier than 2021-04-02" in str(error.value)


def test_the_gap_is_between_the_last_training_and_the_first_test_date():
    days = [to_day(date(2018, 1, 1)), EARLY], [LATE, LATE + 100]
    people = borough(dates=(*days[0], *days[1]))
    assert divide(people, train_days=days[0], test_days=days[1]).train.sum() > 0
    with pytest.raises(StudyError, match="too late"):
        divide(people, train_days=[*days[0], EARLY + 10], test_days=days[1])


def test_no_dates_are_a_fault_of_the_study():
    with pytest.raises(StudyError, match="at least one training index date"):
        divide(borough(), train_days=[])
    with pytest.raises(StudyError, match="one test index date"):
        divide(borough(), test_days=[])


def test_an_empty_side_is_named():
    with pytest.raises(DataError, match="nobody for training"):
        divide(borough(dates=(LATE,)))
    with pytest.raises(DataError, match="nobody for test and for test of people never seen"):
        divide(borough(dates=(EARLY,)))


def test_cross_validation_uses_everyone_and_tests_nobody():
    people = borough(dates=(0,))
    made = divide(people, SplitSpec(design="cross_validation"), folds=3)
    assert made.train.all()
    assert not made.test_all.any()
    assert not made.test_new.any()
    assert set(made.fold) == {0, 1, 2}


def test_a_random_split_of_dated_records_needs_a_written_reason():
    with pytest.raises(StudyError, match=r"split\.reason"):
        divide(borough(), SplitSpec(design="cross_validation"))
    reasoned = SplitSpec(design="cross_validation", reason="Too few young people for a test set.")
    assert divide(borough(), reasoned).train.all()


def test_the_seed_shuffles_folds():
    ids = np.arange(100)
    first, again, other = (grouped_folds(ids, ids, folds=5, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.bincount(first).tolist() == [20] * 5


def test_households_linked_by_a_mover_stay_together():
    # 1-2-3 are linked by people who moved; 4 and 5 are not.
    household = np.array([1, 2, 2, 3, 4, 4, 5, 5])
    subject = np.array([10, 10, 11, 11, 12, 13, 14, 15])
    fold = grouped_folds(household, subject, folds=3, seed=0)
    assert len(set(fold[:4])) == 1
    assert len({fold[0], fold[4], fold[6]}) == 3


def test_large_groups_first_keeps_folds_even():
    sizes = [50, 10, 10, 10, 10, 10]
    household = np.repeat(np.arange(6), sizes)
    fold = grouped_folds(household, np.arange(100), folds=2, seed=0)
    assert np.bincount(fold).tolist() == [50, 50]


@pytest.mark.parametrize("household", [[1, 1, 1, 2], [1, 1, 1, 1]])
def test_too_few_separate_households_are_refused(household):
    with pytest.raises(DataError, match="separate"):
        grouped_folds(np.array(household), np.arange(4), folds=2, seed=0)


def test_half_of_the_rows_in_one_group_is_still_allowed():
    assert grouped_folds(np.array([1, 1, 2, 3]), np.arange(4), folds=2, seed=0).tolist()[:2] in (
        [0, 0],
        [1, 1],
    )


def test_household_nought_is_a_household():
    people = borough()
    for salt in "abcdefgh":
        made = divide(people, SplitSpec(salt=salt))
        nought = (people.household_id == 0) & (people.index_day == EARLY)
        assert len(set(made.train[nought])) == 1
    assert len(set(grouped_folds(np.repeat(np.arange(4), 2), np.arange(8), folds=3, seed=0)[:2])) == 1


def test_a_household_exactly_at_the_share_is_in_the_first_arm():
    from riskmodel.validate.splits import _uniform

    people = borough()
    made = divide(people, SplitSpec(second_arm_share=_uniform("riskmodel", 0, 5)))
    assert made.train[(people.household_id == 5) & (people.index_day == EARLY)].all()
