import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.models.bins import _short_decimal, choose_cuts, parts_of, people_by_part


def cuts_of(values, *, person=None, weight=None, max_bins=8, min_people=10):
    values = np.asarray(values, dtype=np.float32)
    person = np.arange(len(values)) if person is None else person
    weight = np.ones(len(values)) if weight is None else weight
    return choose_cuts(values, weight, person, max_bins=max_bins, min_people=min_people)


def test_small_counts_are_cut_between_whole_numbers():
    assert cuts_of([0] * 900 + [1] * 60 + [2] * 30 + [3] * 10) == (1.0, 2.0, 3.0)


def test_a_bin_of_nine_people_is_merged_with_its_smaller_neighbour():
    assert cuts_of([0] * 900 + [1] * 60 + [2] * 30 + [3] * 9) == (1.0, 2.0)
    assert cuts_of([0] * 9 + [1] * 60 + [2] * 30) == (2.0,)
    assert cuts_of([0] * 60 + [1] * 9 + [2] * 30) == (1.0,)
    assert cuts_of([0] * 30 + [1] * 9 + [2] * 60) == (2.0,)


def test_rows_are_not_people():
    values = [0] * 100 + [1] * 20
    person = np.concatenate([np.arange(100), np.arange(20) // 4])
    assert cuts_of(values) == (1.0,)
    assert cuts_of(values, person=person) == ()


def test_a_common_value_gets_its_own_bin_and_the_rest_share_the_others():
    values = np.concatenate([np.zeros(9000), np.arange(1, 1001)])
    cuts = cuts_of(values, max_bins=5)
    assert cuts[0] == 1.0
    people = people_by_part(parts_of(values, cuts), np.arange(10_000), 6)
    assert people.tolist() == [0, 9000, 250, 250, 250, 250]


def test_weight_moves_the_cuts():
    values = np.arange(100, dtype=np.float32)
    assert cuts_of(values, max_bins=2) == (50.0,)
    assert cuts_of(values, max_bins=2, weight=np.where(values < 20, 16.0, 1.0)) == (13.0,)


def test_nothing_to_cut():
    assert cuts_of([]) == ()
    assert cuts_of([np.nan, np.nan]) == ()
    assert cuts_of([3.0] * 50) == ()


def test_missing_is_part_zero_and_a_cut_belongs_to_the_bin_above():
    values = np.array([np.nan, 0.5, 1.0, 1.5, 2.0, 9.0], dtype=np.float32)
    assert parts_of(values, (1.0, 2.0)).tolist() == [0, 1, 2, 2, 3, 3]


@given(
    st.floats(-1e6, 1e6, allow_nan=False, width=32),
    st.floats(-1e6, 1e6, allow_nan=False, width=32),
)
def test_a_short_decimal_parts_the_same_values(one, other):
    below, above = sorted((one, other))
    if below < above:
        assert below < _short_decimal(below, above) <= above


def test_a_short_decimal_is_short():
    assert _short_decimal(0.9298, 0.9312) == 0.93
    assert _short_decimal(2.0, 3.0) == 3.0
    assert _short_decimal(0.1, 0.1 + 1e-12) == 0.1 + 1e-12


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 12)), st.integers(0, 30)), max_size=200),
    st.integers(2, 8),
)
def test_every_bin_holds_enough_people(rows, max_bins):
    values = np.array([np.nan if v is None else v for v, _ in rows], dtype=np.float32)
    person = np.array([p for _, p in rows], dtype=np.int64)
    cuts = cuts_of(values, person=person, max_bins=max_bins)
    assert list(cuts) == sorted(set(cuts))
    assert len(cuts) < max_bins
    part = parts_of(values, cuts)
    for one in range(1, len(cuts) + 2):
        people = {p for p, q in zip(person.tolist(), part.tolist(), strict=True) if q == one}
        assert len(people) >= 10 or not cuts
        assert people_by_part(part, person, len(cuts) + 2)[one] == len(people)
