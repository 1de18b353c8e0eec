"""Outcomes, follow-up and censoring weights, each with its edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records_kit import as_day, cohort, records

from riskmodel.errors import StudyError
from riskmodel.features import OutcomesSpec, label_outcomes
from riskmodel.features.outcomes import censoring_weights
from riskmodel.tables.days import NEVER

INDEX = "2023-03-01"
CUTOFF = "2024-06-01"
HOME = {"start": "2015-01-01"}
# Somebody who was followed to the end, and a late record that says how long the data are.
OTHERS = [{"subject_id": 98, "time": "2025-06-01", "code": "HOME//MOVE"}]


def labels(event_rows, *, homes=({},), spec=None, cutoff=CUTOFF, use="test", name="harm", last_day=None):
    residence = [{**HOME, **home} for home in homes] + [{**HOME, "subject_id": 98}]
    data = records(events_rows=[*event_rows, *OTHERS], residence_rows=residence)
    rows = cohort([(1, INDEX), (98, INDEX)])
    last = None if last_day is None else as_day(last_day)
    table = label_outcomes(
        data, rows, spec or OutcomesSpec(), training_cutoff_day=as_day(cutoff), last_day=last
    )
    return getattr(table, use)[name]


def assault(day, **fields):
    return {"subject_id": 1, "time": day, "code": "HEALTH//ED//ASSAULT", **fields}


@pytest.mark.parametrize(
    ("day", "outcome"),
    [
        ("2023-02-28", 0),
        ("2023-03-01", 1),  # on the index date: the first day of the horizon
        ("2024-02-28", 1),  # 364 days on: the last
        ("2024-02-29", 0),  # 365 days on
    ],
)
def test_the_horizon_is_half_open(day, outcome):
    found = labels([assault(day)])
    assert found.outcome[0] == outcome
    assert found.first_day[0] == (as_day(day) if outcome else NEVER)


def test_the_first_of_several_outcomes():
    found = labels([assault("2023-09-01"), assault("2023-05-01"), assault("2023-01-01")])
    assert found.first_day[0] == as_day("2023-05-01")


def test_each_outcome_reads_its_own_codes():
    rows = [
        {"subject_id": 1, "time": "2023-05-01", "code": c}
        for c in ("POLICE//VICTIM//VIOLENCE_INJURY", "POLICE//SUSPECT//VIOLENCE_NO_INJURY")
    ]
    found = {
        name: int(labels(rows, name=name).outcome[0])
        for name in ("harm", "harm_health", "victim", "suspect_violence", "proven_violence")
    }
    assert found == {"harm": 1, "harm_health": 0, "victim": 1, "suspect_violence": 1, "proven_violence": 0}


def test_somebody_elses_outcome_is_not_mine():
    found = labels([assault("2023-05-01", subject_id=2), assault("2023-05-01", subject_id=0)])
    assert found.outcome.tolist() == [0, 0]


@pytest.mark.parametrize(("known", "training"), [("2024-05-31", 1), ("2024-06-01", 0), ("2024-06-02", 0)])
def test_training_labels_know_nothing_from_the_cutoff_on(known, training):
    row = assault("2023-05-01", known_time=known)
    assert labels([row], use="training").outcome[0] == training
    assert labels([row], use="test").outcome[0] == 1


@pytest.mark.parametrize(("superseded", "training"), [("2024-05-31", 0), ("2024-06-01", 1)])
def test_a_withdrawn_record_counts_for_training_until_it_was_withdrawn(superseded, training):
    row = assault("2023-05-01", superseded_time=superseded)
    assert labels([row], use="training").outcome[0] == training
    assert labels([row], use="test").outcome[0] == 0


@pytest.mark.parametrize(
    ("end", "censored"),
    [("2024-02-28", True), ("2024-02-29", False), ("2023-04-01", True), ("2023-02-01", True)],
)
def test_moving_away_before_the_horizon_ends_is_censoring(end, censored):
    found = labels([], homes=[{"end": end}])
    assert bool(found.censored[0]) is censored
    assert found.weight[0] == (0 if censored else 1)


def test_an_outcome_that_was_seen_stands_though_somebody_moved_away():
    found = labels([assault("2023-09-01")], homes=[{"end": "2023-06-01"}])
    assert (int(found.outcome[0]), bool(found.censored[0])) == (1, False)


@pytest.mark.parametrize(("gap", "censored"), [(30, False), (31, True)])
def test_a_short_gap_between_addresses_is_not_leaving(gap, censored):
    first_end = as_day("2023-06-01")
    found = labels([], homes=[{"end": first_end}, {"start": first_end + gap}])
    assert bool(found.censored[0]) is censored


def test_an_address_inside_another_does_not_end_the_stay():
    homes = [
        {"start": "2015-01-01", "end": "2024-12-01"},
        {"start": "2016-01-01", "end": "2017-01-01"},
        {"start": "2024-12-01"},
    ]
    assert not labels([], homes=homes).censored[0]


def test_coming_back_later_does_not_close_the_gap():
    assert labels([], homes=[{"end": "2023-06-01"}, {"start": "2023-12-01"}]).censored[0]


def test_residence_is_read_as_known_at_the_cutoff():
    homes = [{"superseded_time": "2024-07-01"}, {"end": "2023-06-01", "known_time": "2024-07-01"}]
    assert not labels([], homes=homes, use="training").censored[0]
    assert labels([], homes=homes, use="test").censored[0]


@pytest.mark.parametrize(
    ("cutoff", "lag", "censored"),
    [
        (
            "2024-05-29",
            90,
            False,
        ),  # the horizon ends on 2024-02-29; 90 days later all of it has been recorded
        ("2024-05-28", 90, True),
        ("2024-02-29", 0, False),
        ("2024-02-28", 0, True),
    ],
)
def test_follow_up_for_training_ends_one_recording_lag_before_the_cutoff(cutoff, lag, censored):
    found = labels([], cutoff=cutoff, use="training", spec=OutcomesSpec(recording_lag_days=lag))
    assert bool(found.censored[0]) is censored


@pytest.mark.parametrize(("last", "fine"), [("2024-05-28", True), ("2024-05-27", False)])
def test_data_that_end_before_the_horizon_are_refused(last, fine):
    if fine:
        assert not labels([], last_day=last).censored.any()
    else:
        with pytest.raises(StudyError, match="2023-03-01: nobody could be followed"):
            labels([], last_day=last)


def test_without_any_residence_everybody_is_followed_to_the_end_of_the_data():
    data = records(events_rows=OTHERS)
    table = label_outcomes(data, cohort([(1, INDEX)]), OutcomesSpec(), training_cutoff_day=as_day(CUTOFF))
    assert not table.test["harm"].censored.any()


def test_weights_by_hand():
    # Four people, horizon 10. One leaves at day 2 (of four still there), one has the outcome at day 5, one leaves at
    # day 6 (of two still there): 1, 4/3 at day 5, and 4/3 * 2 for the one who stays.
    weight = censoring_weights(np.array([2, 5, 6, 10]), np.array([True, False, True, False]))
    np.testing.assert_allclose(weight, [0, 4 / 3, 0, 8 / 3])


def test_an_outcome_on_the_day_somebody_leaves_was_still_at_risk():
    weight = censoring_weights(np.array([3, 3, 10]), np.array([True, False, False]))
    np.testing.assert_allclose(weight, [0, 1.5, 1.5])


def redistribute_to_the_right(time, censored):
    """Efron 1967: each censored person's weight is shared out equally among those who outlast them."""
    weight = [1.0] * len(time)
    for day in sorted(set(time)):
        leaving = [i for i, t in enumerate(time) if t == day and censored[i]]
        staying = [i for i, t in enumerate(time) if t >= day and i not in leaving]
        share = sum(weight[i] for i in leaving)
        for i in leaving:
            weight[i] = 0.0
        for i in staying:
            # Those already gone by an outcome before this day have kept theirs.
            weight[i] += share / len(staying)
    return weight


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=30))
def test_weights_are_efrons_redistribution(people):
    time = np.array([t for t, _ in people] + [13])
    censored = np.array([c for _, c in people] + [False])
    weight = censoring_weights(time, censored)
    np.testing.assert_allclose(weight, redistribute_to_the_right(time.tolist(), censored.tolist()), atol=1e-9)
    assert weight.sum() == pytest.approx(len(time))


def test_weights_belong_to_their_index_date():
    data = records(
        events_rows=OTHERS,
        residence_rows=[
            {"subject_id": 1, "start": "2015-01-01", "end": "2022-06-01"},
            {"subject_id": 2, "start": "2015-01-01"},
            {"subject_id": 98, "start": "2015-01-01"},
        ],
    )
    rows = cohort([(1, "2022-01-01"), (2, "2022-01-01"), (98, "2022-01-01"), (2, INDEX), (98, INDEX)])
    found = label_outcomes(data, rows, OutcomesSpec(), training_cutoff_day=as_day(CUTOFF)).test["harm"]
    np.testing.assert_allclose(found.weight, [0, 1.5, 1.5, 1, 1])


def test_addresses_that_nobody_knew_at_the_cutoff_follow_nobody():
    homes = [{"known_time": "2024-12-01"}]
    data = records(events_rows=OTHERS, residence_rows=[{**HOME, **homes[0]}])
    rows = cohort([(1, INDEX)])
    table = label_outcomes(data, rows, OutcomesSpec(), training_cutoff_day=as_day(CUTOFF))
    assert table.training["harm"].censored.tolist() == [True]
    assert table.test["harm"].censored.tolist() == [False]


@pytest.mark.parametrize(("start", "censored"), [(INDEX, False), ("2023-03-02", True)])
def test_a_stay_that_begins_on_the_index_date_is_followed(start, censored):
    assert bool(labels([], homes=[{"start": start}]).censored[0]) is censored


def test_a_stay_that_ended_before_is_not_the_stay_of_somebody_who_came_back():
    homes = [{"start": "2010-01-01", "end": "2012-01-01"}, {"start": "2020-01-01"}]
    assert not labels([], homes=homes).censored[0]
    assert labels([], homes=homes[:1]).censored[0]


def test_subjects_before_between_and_after_those_with_events():
    rows = [assault("2023-05-01", subject_id=5), assault("2023-06-01", subject_id=7)]
    data = records(events_rows=[*rows, {"subject_id": 8, "time": "2025-06-01", "code": "HOME//MOVE"}])
    some = cohort([(subject, INDEX) for subject in (1, 5, 6, 7, 8)])
    found = label_outcomes(data, some, OutcomesSpec(), training_cutoff_day=as_day(CUTOFF)).test["harm"]
    assert found.outcome.tolist() == [0, 1, 0, 1, 0]
    assert not found.censored.any()
