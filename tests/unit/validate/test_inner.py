"""Folds inside the rows that a model may learn from."""

import numpy as np
import pytest

from riskmodel.tables.cohort import Cohort
from riskmodel.validate import inner_folds


def cohort_of(people=1200, dates=4):
    """Households of three; every fifth person lives alone, without a household that anybody knows."""
    subject = np.tile(np.arange(people), dates)
    household = np.where(subject % 5 == 0, -1, subject // 3)
    day = np.repeat(np.arange(dates) * 365, people).astype(np.int32)
    n = len(subject)
    return Cohort(subject, day, household, np.full(n, "x"), np.full(n, 12, np.int16))


def happened_in(cohort, share=0.1, seed=0):
    return np.random.default_rng(seed).random(len(cohort)) < share


def homes(cohort, rows):
    alone = cohort.household_id[rows] < 0
    return {*(-1 - cohort.subject_id[rows][alone]).tolist(), *cohort.household_id[rows][~alone].tolist()}


def test_settings_are_tried_at_later_dates_on_other_households_and_nothing_held_out_is_seen():
    cohort = cohort_of()
    rows = cohort.subject_id % 7 > 0
    happened = happened_in(cohort)
    found = inner_folds(cohort, rows, happened, seed=3)
    assert found.design == "time_ordered"
    scored = np.zeros(len(cohort), dtype=int)
    for step in found.steps:
        assert cohort.index_day[step.learn].max() < cohort.index_day[step.score].min()
        assert not homes(cohort, step.learn) & homes(cohort, step.score)
        assert not set(cohort.subject_id[step.learn]) & set(cohort.subject_id[step.score])
        assert rows[step.learn].all()
        scored += step.score
    late = cohort.index_day >= 2 * 365
    assert np.array_equal(scored, (rows & late).astype(int))  # each once
    assert found.n_outcomes == (rows & late & happened).sum()


@pytest.mark.parametrize(("dates", "share"), [(1, 0.1), (4, 0.013)])
def test_dates_are_mixed_where_there_is_one_or_outcomes_are_few(dates, share):
    cohort = cohort_of(dates=dates)
    happened = happened_in(cohort, share)
    everybody = np.ones(len(cohort), dtype=bool)
    found = inner_folds(cohort, everybody, happened, seed=3)
    assert found.design == "all_dates"
    assert np.array_equal(sum(step.score.astype(int) for step in found.steps), everybody.astype(int))
    assert found.n_outcomes == happened.sum()
    for step in found.steps:
        assert not homes(cohort, step.learn) & homes(cohort, step.score)


def test_nothing_is_tried_on_too_few_outcomes():
    cohort = cohort_of(people=400, dates=1)
    happened = np.arange(len(cohort)) < 49
    everybody = np.ones(len(cohort), dtype=bool)
    assert inner_folds(cohort, everybody, happened, seed=3) is None
    happened = np.arange(len(cohort)) < 60
    assert inner_folds(cohort, everybody, happened, seed=3) is not None
    assert inner_folds(cohort, everybody, np.arange(len(cohort)) >= 5, seed=3) is None  # too few without it
