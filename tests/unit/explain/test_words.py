from datetime import date

import pytest

from riskmodel.explain.words import (
    agency_words,
    ago_words,
    counted,
    date_words,
    horizon_words,
    number_words,
    per_hundred,
    per_thousand,
    share_words,
    strength_words,
    times_words,
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "words"),
    [(3.0, "3"), (2.5, "2.5"), (1200, "1,200"), (-0.01, "0"), (0.96, "1"), (999.96, "1,000")],
)
def test_numbers_have_at_most_one_decimal(value, words):
    assert number_words(value) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (0.004, "less than 1%"), (0.124, "12%"), (0.996, "more than 99%"), (1, "100%")],
)
def test_a_share_never_rounds_to_none_or_all_without_saying_so(share, words):
    assert share_words(share) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1, "days", "1 day"),
        (2, "days", "2 days"),
        (0, "points", "0 points"),
        (1, "", "1"),
        (1, "loss", "1 loss"),
        (-1, "points", "-1 point"),
        (2, "number", "2"),
    ],
)
def test_one_is_singular(value, unit, words):
    assert counted(value, unit) == words


def test_times():
    assert [times_words(n) for n in (1, 2, 3)] == ["once", "twice", "3 times"]


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (1, "1 day ago"),
        (59, "59 days ago"),
        (60, "about 2 months ago"),
        (729, "about 24 months ago"),
        (730, "about 2 years ago"),
    ],
)
def test_ago(days, words):
    assert ago_words(days) == words


def test_dates_and_horizons():
    assert date_words(date(2024, 9, 1)) == "1 September 2024"
    assert date_words(0) == "1 January 1970"
    assert [horizon_words(d) for d in (365, 730, 180, 90, 1)] == [
        "a year",
        "2 years",
        "6 months",
        "90 days",
        "1 day",
    ]


def test_risk_as_people_of_a_hundred():
    assert [per_hundred(s) for s in (0.0342, 0.0049, 0.0051, 1.0)] == [
        "about 3", "fewer than 1", "about 1", "about 100",
    ]  # fmt: skip


def test_risk_as_people_of_a_thousand():
    assert [per_thousand(s) for s in (0.0342, 0.0004, 0.0006, 1.0)] == [
        "about 34", "fewer than 1", "about 1", "about 1,000",
    ]  # fmt: skip


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_risk_outside_0_to_1_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        per_thousand(share)


def test_strength_and_agencies():
    assert [strength_words(s) for s in (0.25, 0.2499, 0.10, 0.0999)] == ["a lot", "some", "some", "a little"]
    assert agency_words("EDU") == "school"
    assert agency_words("Centre") == "Centre"
