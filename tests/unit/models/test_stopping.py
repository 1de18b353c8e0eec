import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.models.stopping import best_round, stopping_folds
from riskmodel.models.training import Timeline, TrainingRows
from riskmodel.tables.features import FeatureInfo, FeatureMatrix


def rows_on(day, household, outcome, *, person=None):
    n = len(outcome)
    features = FeatureMatrix(np.zeros((n, 1), dtype=np.float32), (info("flat"),))
    person = np.arange(n) if person is None else person
    timeline = None if day is None else Timeline(np.asarray(day), np.asarray(household))
    return TrainingRows(features, np.asarray(outcome, dtype=np.float64), np.ones(n), person, timeline)


def panel(dates, people, *, seed=0, share=0.45):
    """People who are all there at every date; two live in each household."""
    day = np.repeat(np.arange(dates) * 90, people)
    household = np.tile(np.arange(people) // 2, dates)
    outcome = np.random.default_rng(seed).random(len(day)) < share
    return day, household, outcome


def info(name):
    return FeatureInfo(name, "w", "c", "EDU", "times", 1, "count", "365d", ("EDU//X",))


@given(st.integers(2, 6), st.integers(0, 10))
def test_each_half_at_later_dates_judges_the_other_at_earlier_ones(dates, seed):
    day, household, outcome = panel(dates, 400, seed=seed)
    one, two = stopping_folds(rows_on(day, household, outcome), seed=seed)
    for fold in (one, two):
        assert fold.kind == "later_dates"
        assert not set(household[fold.learn]) & set(household[fold.judge])
        assert day[fold.learn].max() < day[fold.judge].min()
    late = one.judge | two.judge
    assert np.array_equal(late, day >= day[late].min())
    assert np.array_equal(one.learn | two.learn, ~late)
    assert late.mean() >= 0.2
    assert (day > day[late].min()).mean() < 0.2  # no fewer dates would do
    assert one.judge.sum() == two.judge.sum()


def test_with_one_date_the_halves_judge_each_other():
    day, household, outcome = panel(1, 600)
    for timeline in ((day, household), (None, None)):
        one, two = stopping_folds(rows_on(*timeline, outcome, person=household), seed=3)
        assert one.kind == two.kind == "other_households"
        assert np.array_equal(one.judge, two.learn)
        assert np.array_equal(one.learn, ~one.judge)
        assert not set(household[one.learn]) & set(household[one.judge])


@pytest.mark.parametrize(("judged", "kind"), [(100, "later_dates"), (99, "other_households")])
def test_latest_dates_with_too_few_outcomes_do_not_judge_alone(judged, kind):
    day, household, outcome = panel(4, 300)
    outcome[day == day.max()] = np.arange(300) < judged
    assert {fold.kind for fold in stopping_folds(rows_on(day, household, outcome), seed=3)} == {kind}


def test_one_household_with_all_later_outcomes_does_not_judge():
    day, household, outcome = panel(2, 600)
    household[day == day.max()] = 7
    assert {fold.kind for fold in stopping_folds(rows_on(day, household, outcome), seed=3)} == {
        "other_households"
    }


def test_dates_before_the_latest_without_outcomes_teach_nothing():
    day, household, outcome = panel(2, 600)
    outcome[day == 0] = np.arange(600) < 30  # about 15 in each half
    assert {fold.kind for fold in stopping_folds(rows_on(day, household, outcome), seed=3)} == {
        "other_households"
    }


@pytest.mark.parametrize("turned", [False, True])
def test_too_few_outcomes_to_hold_any_out(turned):
    day, household, _ = panel(2, 300)
    outcome = (np.arange(600) < 99) != turned
    assert stopping_folds(rows_on(day, household, outcome), seed=3) == ()


def test_the_seed_deals_the_households():
    rows = rows_on(*panel(3, 400))
    again, other = (stopping_folds(rows, seed=seed)[0].judge for seed in (1, 2))
    assert np.array_equal(stopping_folds(rows, seed=1)[0].judge, again)
    assert not np.array_equal(again, other)


def test_the_best_round_serves_both_folds_by_their_weight():
    one, two = np.array([3.0, 2.0, 1.0, 2.0]), np.array([1.0, 2.0, 4.0])
    assert best_round([one, two], [1.0, 1.0]) == 1  # 4, 4, 5: the first of several
    assert best_round([one, two], [2.0, 1.0]) == 2  # 7, 6, 6
    assert best_round([one, two], [5.0, 1.0]) == 3  # 16, 12, 9; the fourth was not reached by both
