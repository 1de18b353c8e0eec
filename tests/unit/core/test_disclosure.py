import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.disclosure import Disclosure

door = Disclosure()


@pytest.mark.parametrize(
    ("n", "shown"), [(0, 0), (1, None), (9, None), (10, 10), (12, 10), (13, 15), (1234, 1235)]
)
def test_small_counts_are_hidden_and_others_rounded(n, shown):
    assert door.count(n) == shown


@pytest.mark.parametrize(
    ("top", "bottom", "shown"),
    [
        (50, 100, 0.5),
        (3, 100, None),
        (97, 100, None),
        (0, 100, 0.0),
        (100, 100, 1.0),
        (0, 0, None),
        (0, 4, None),
    ],
)
def test_a_rate_comes_from_rounded_counts_and_hides_its_complement_too(top, bottom, shown):
    assert door.rate(top, bottom) == shown


def test_a_single_hidden_part_takes_the_smallest_other_with_it():
    assert door.parts({"a": 3, "b": 40, "c": 100}) == {"a": None, "b": None, "c": 100}


def test_two_hidden_parts_need_no_more():
    assert door.parts({"a": 3, "b": 4, "c": 100}) == {"a": None, "b": None, "c": 100}


def test_nothing_hidden_hides_nothing_and_zero_is_no_cover():
    assert door.parts({"a": 20, "b": 40}) == {"a": 20, "b": 40}
    assert door.parts({"a": 3, "b": 0}) == {"a": None, "b": 0}


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 60), min_size=1, max_size=6))
def test_no_part_can_be_had_back_by_subtraction(counts):
    hidden = [name for name, n in door.parts(counts).items() if n is None]
    positive = [name for name, n in counts.items() if n > 0]
    assert len(hidden) != 1 or positive == hidden


@given(st.integers(0, 10_000))
def test_rounding_moves_a_count_by_at_most_half_a_step(n):
    shown = door.count(n)
    assert shown is None or abs(shown - n) <= 2.5


def test_a_record_with_a_small_count_loses_every_number():
    record = {"group": "g", "n": 100, "k": 4, "estimate": 0.04, "status": "ok", "flag": True}
    shown = door.drop_small(record, counts=("n", "k"))
    assert shown == {
        "group": "g",
        "n": None,
        "k": None,
        "estimate": None,
        "status": "suppressed",
        "flag": True,
    }
    kept = door.drop_small({**record, "k": 42}, counts=("n", "k"))
    assert kept == {"group": "g", "n": 100, "k": 40, "estimate": 0.04, "status": "ok", "flag": True}
