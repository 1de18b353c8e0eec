"""What changes from one index date of a young person to the next, worked out by hand, on both engines."""

from __future__ import annotations

import numpy as np
import pytest
from records_kit import CATALOGUE, cohort, columns, records

from riskmodel.features.matrix import build_columns
from riskmodel.features.reference import reference_features

START, END, DB, PP = "CSC//CIN//START", "CSC//CIN//END", "EDU//SUSPENSION//DB", "EDU//SUSPENSION//PP"
WATCHED = [
    {"subject_id": subject, "agency": agency, "start": -20_000}
    for subject in (1, 2)
    for agency in ("CSC", "EDU")
]
SPELL = {"start": START, "end": END, "windows": "90d"}


def kernel(data, dates, wanted):
    return build_columns(data, cohort(dates), wanted, CATALOGUE, threads=1)


def reference(data, dates, wanted):
    return reference_features(data, cohort(dates), wanted)


@pytest.fixture(params=[kernel, reference], ids=["kernel", "reference"])
def values(request):
    def of(rows, dates, feature, watched=WATCHED):
        data = records(
            events_rows=[
                {
                    "subject_id": s,
                    "code": code,
                    "time": time,
                    "known_time": known,
                    "superseded_time": gone,
                    "numeric_value": value[0] if value else None,
                }
                for s, code, time, known, gone, *value in rows
            ],
            observation_rows=watched,
        )
        found = request.param(data, dates, columns(feature))[:, 0].tolist()
        return [None if np.isnan(one) else one for one in found]

    return of


def test_an_end_of_the_same_day_that_became_known_later(values):
    rows = [(1, START, 80, 80, None), (1, END, 80, 95, None)]
    assert values(rows, [(1, 90), (1, 100)], SPELL | {"aggregations": "in_spell"}) == [1, 0]


def test_a_beginning_withdrawn_between_two_dates(values):
    rows = [(1, START, 80, 80, 95)]
    dates = [(1, 90), (1, 95), (1, 96)]  # on the day of the withdrawal nobody knew of it yet
    assert values(rows, dates, SPELL | {"aggregations": "in_spell"}) == [1, 1, 0]
    assert values(rows, dates, SPELL | {"aggregations": "spell_days"}) == [10, 15, 0]


def test_one_young_persons_spells_leave_nothing_for_the_next(values):
    rows = [(1, START, 70, 70, None), (1, END, 80, 80, None), (2, START, 75, 75, None)]
    assert values(rows, [(1, 90), (2, 90)], SPELL | {"aggregations": "in_spell"}) == [0, 1]


@pytest.mark.parametrize("day", [0, -3000])
def test_days_around_1970_are_days_like_others(values, day):
    rows = [(1, START, day, day, None), (1, END, day + 5, day + 5, None)]
    assert values(rows, [(1, day + 3), (1, day + 9)], SPELL | {"aggregations": "spell_days"}) == [3, 5]


def test_before_the_first_and_after_the_last_event(values):
    rows = [(1, DB, 80, 80, None)]
    since = {"events": DB, "aggregations": "days_since_last", "windows": "30d"}
    assert values(rows, [(1, 80), (1, 81), (1, 110), (1, 111)], since) == [None, 1, 30, None]


def test_a_mean_is_not_defined_before_and_after_its_values(values):
    rows = [(1, DB, 80, 80, None, 4.0), (1, DB, 85, 85, None, 7.0)]
    mean = {"events": DB, "aggregations": "mean", "windows": "30d"}
    dates = [(1, 80), (1, 81), (1, 86), (1, 111), (1, 116)]
    assert values(rows, dates, mean) == [None, 4.0, 5.5, 7.0, None]


def test_kinds_that_left_the_window_are_counted_no_more(values):
    rows = [(1, DB, 60, 60, None), (1, PP, 85, 85, None)]
    kinds = {"events": "EDU//SUSPENSION//*", "aggregations": "distinct", "windows": "30d"}
    assert values(rows, [(1, 86), (1, 90), (1, 91), (1, 115), (1, 116)], kinds) == [2, 2, 1, 1, 0]


def test_a_move_on_the_bounds_of_a_band(values):
    rows = [(1, START, 10, 10, None), (1, START, 80, 80, None)]
    moves = {"start": START, "end": END, "aggregations": "moves", "windows": "10d_to_20d"}
    # A band begins on its far day and ends before its near day.
    assert values(rows, [(1, 90), (1, 91), (1, 100), (1, 101)], moves) == [0, 1, 1, 0]


def test_no_moves_is_a_zero_only_where_somebody_looked(values):
    moves = {"start": START, "end": END, "aggregations": "moves", "windows": "90d"}
    assert values([(1, DB, 80, 80, None)], [(1, 90)], moves) == [0]
    assert values([(1, DB, 80, 80, None)], [(1, 90)], moves, watched=WATCHED[1:2]) == [None]


@pytest.mark.parametrize(
    "window",
    [
        {"windows": "since_birth"},
        {"windows": "ever", "ever_expires": "age_5y", "ever_reason": "it is told until school begins"},
    ],
    ids=lambda window: window["windows"],
)
def test_who_is_born_on_the_index_date_is_not_born_yet(values, window):
    rows = [(1, "MEDS_BIRTH", 80, 79, None)]
    assert values(rows, [(1, 80), (1, 81)], {"events": DB, "aggregations": "count"} | window) == [None, 0]
