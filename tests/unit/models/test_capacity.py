import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from riskmodel.errors import DataError
from riskmodel.models import CapacitySpec, offers
from riskmodel.tables.cohort import Cohort


def cohort_of(dates):
    """One list of subjects per index day."""
    subject = np.array([s for _, people in dates for s in sorted(people)], dtype=np.int64)
    day = np.array([d for d, people in dates for _ in people], dtype=np.int32)
    n = len(subject)
    return Cohort(subject, day, subject, np.full(n, "E01"), np.full(n, 14, np.int16))


def test_the_highest_scores_come_first_and_ties_share():
    cohort = cohort_of([(0, range(8))])
    score = np.array([9.0, 5.0, 5.0, 5.0, 5.0, 1.0, 0.0, 0.0])
    found = offers(score, cohort, CapacitySpec(share=3 / 8))
    assert found.tolist() == [1.0, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(("share", "k"), [(0.05, 1), (0.15, 2), (0.24, 2), (0.25, 3), (1.0, 10), (0.01, 0)])
def test_k_is_rounded_halves_up(share, k):
    found = offers(np.arange(10.0), cohort_of([(0, range(10))]), CapacitySpec(share=share))
    assert found.tolist() == [0.0] * (10 - k) + [1.0] * k


@pytest.mark.parametrize(("later", "expected"), [(89, [0.0, 1.0]), (90, [1.0, 0.0])])
def test_nobody_is_offered_support_again_within_ninety_days(later, expected):
    cohort = cohort_of([(0, [1, 2]), (later, [1, 2])])
    found = offers(np.array([2.0, 1.0, 2.0, 1.0]), cohort, CapacitySpec(share=0.5))
    assert found.tolist() == [1.0, 0.0, *expected]


def test_half_an_offer_leaves_half_a_person_available():
    # Day 0: two tie for one offer. Day 30: the same two and a third; the first has half left, then the second half.
    cohort = cohort_of([(0, [1, 2]), (30, [1, 2, 3])])
    found = offers(np.array([1.0, 1.0, 3.0, 2.0, 1.0]), cohort, CapacitySpec(share=0.5))
    assert found.tolist() == [0.5, 0.5, 0.5, 0.5, 1.0]


def test_people_who_were_not_there_before_are_fully_available():
    cohort = cohort_of([(0, [5]), (10, [1, 9])])
    assert offers(np.ones(3), cohort, CapacitySpec(share=1.0)).tolist() == [1.0, 1.0, 1.0]


def test_if_fewer_are_available_than_offers_all_of_them_get_one():
    cohort = cohort_of([(0, [1, 2, 3]), (30, [1, 2, 3])])
    assert offers(np.ones(6), cohort, CapacitySpec(share=1.0)).tolist() == [1.0] * 3 + [0.0] * 3


def test_no_rule_against_repeats():
    cohort = cohort_of([(0, [1, 2]), (0 + 1, [1, 2])])
    found = offers(np.array([2.0, 1.0, 2.0, 1.0]), cohort, CapacitySpec(share=0.5, repeat_days=0))
    assert found.tolist() == [1.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("score", [np.array([1.0, np.nan]), np.array([1.0])])
def test_everyone_needs_a_score(score):
    with pytest.raises(DataError, match="a score for each of 2 cohort rows"):
        offers(score, cohort_of([(0, [1, 2])]), CapacitySpec())


def test_an_empty_cohort():
    assert offers(np.empty(0), cohort_of([]), CapacitySpec()).shape == (0,)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_a_share_is_a_share(share):
    with pytest.raises(ValidationError):
        CapacitySpec(share=share)


@st.composite
def dated_scores(draw):
    days = sorted(draw(st.lists(st.integers(0, 400), min_size=1, max_size=5, unique=True)))
    dates = [(d, draw(st.sets(st.integers(0, 25), min_size=1, max_size=20))) for d in days]
    cohort = cohort_of(dates)
    score = draw(
        st.lists(st.integers(0, 6), min_size=len(cohort), max_size=len(cohort)).map(
            lambda x: np.array(x, float)
        )
    )
    return cohort, score, draw(st.floats(0.05, 1.0))


@given(dated_scores())
def test_properties_of_offers(case):
    cohort, score, share = case
    found = offers(score, cohort, CapacitySpec(share=share))
    assert ((found >= 0) & (found <= 1)).all()
    for day in np.unique(cohort.index_day):
        here = cohort.index_day == day
        recent = (cohort.index_day < day) & (day - cohort.index_day < 90)
        taken = {s: found[recent & (cohort.subject_id == s)].sum() for s in cohort.subject_id[here].tolist()}
        available = np.array([1 - taken[s] for s in cohort.subject_id[here].tolist()])
        k = np.floor(share * here.sum() + 0.5)
        assert found[here].sum() == pytest.approx(min(k, available.sum()), abs=1e-9)
        assert (found[here] <= available + 1e-9).all()
        free = here.copy()
        free[here] = available > 1 - 1e-12
        for one in np.flatnonzero(free):
            for other in np.flatnonzero(free):
                if score[one] > score[other]:
                    assert found[one] >= found[other] - 1e-12
                if score[one] == score[other]:
                    assert found[one] == pytest.approx(found[other], abs=1e-12)
    for subject in np.unique(cohort.subject_id):
        mine = np.flatnonzero(cohort.subject_id == subject)
        for first in mine:
            window = [m for m in mine if 0 <= cohort.index_day[m] - cohort.index_day[first] < 90]
            assert found[window].sum() <= 1 + 1e-9


def test_withheld_rows_get_no_offer_and_cost_nobody_else_one():
    """Of ten, the two highest are withheld: the two offers go to the next two."""
    cohort, score = cohort_of([(0, range(10))]), np.arange(10.0)
    withheld = score >= 8
    found = offers(score, cohort, CapacitySpec(share=0.2), withheld=withheld)
    assert found.tolist() == [0.0] * 6 + [1.0, 1.0, 0.0, 0.0]
    assert offers(score, cohort, CapacitySpec(share=0.2), withheld=np.ones(10, bool)).sum() == 0
    nobody = offers(score, cohort, CapacitySpec(share=0.2), withheld=np.zeros(10, bool))
    assert nobody.tolist() == offers(score, cohort, CapacitySpec(share=0.2)).tolist()
