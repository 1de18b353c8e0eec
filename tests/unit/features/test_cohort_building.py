"""Who is in the cohort: every rule with its edge, by what was known."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from records_kit import as_day, records

from riskmodel.errors import StudyError
from riskmodel.features import CohortSpec, OutcomeSpec, OutcomesSpec, build_cohort
from riskmodel.tables.days import from_day

INDEX = "2024-03-01"


def spec(**changes):
    return CohortSpec.model_validate({"ages": (10, 17), "train": [INDEX], **changes})


def person(subject, *, born="2010-01-01", **home):
    birth = {"subject_id": subject, "time": born, "code": "MEDS_BIRTH", "known_time": "2015-01-01"}
    address = {"subject_id": subject, "start": "2015-01-01", "household_id": subject, **home}
    return birth, address


def built(people, extra=(), **changes):
    # Somebody ordinary is always there, so that the cohort is not empty.
    pairs = [person(99), *people]
    data = records(
        events_rows=[birth for birth, _ in pairs] + list(extra), residence_rows=[home for _, home in pairs]
    )
    return build_cohort(data, spec(**changes))


def members(people, extra=(), **changes):
    rows, _ = built(people, extra, **changes)
    return set(rows.subject_id.tolist()) - {99}


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("2014-03-01", 10),  # the tenth birthday is the index date
        ("2014-03-02", None),  # it is the day after
        ("2014-04-01", None),
        ("2006-03-02", 17),  # 18 tomorrow
        ("2006-03-01", None),  # 18 today
        ("2012-02-29", 12),  # born on a leap day
    ],
)
def test_completed_years_on_the_index_date(born, age):
    rows, _ = built([person(1, born=born)])
    found = dict(zip(rows.subject_id.tolist(), rows.age.tolist(), strict=True))
    assert found.get(1) == age


def test_a_leap_day_birthday_is_on_the_first_of_march_in_other_years():
    day_before, day = (
        built([person(1, born="2012-02-29")], train=[d])[0] for d in ("2023-02-28", "2023-03-01")
    )
    ages = [
        dict(zip(rows.subject_id.tolist(), rows.age.tolist(), strict=True))[1] for rows in (day_before, day)
    ]
    assert ages == [10, 11]


def test_a_birth_that_is_not_known_yet_is_no_birth():
    birth, home = person(1)
    assert members([({**birth, "known_time": INDEX}, home)]) == set()
    assert members([({**birth, "known_time": "2024-02-29"}, home)]) == {1}


def test_a_corrected_birth_counts_from_when_the_correction_was_known():
    birth, home = person(1, born="2000-01-01")
    old = {**birth, "superseded_time": "2024-02-29"}
    new = {**birth, "time": "2010-01-01", "known_time": "2024-02-29"}
    assert members([(old, home)], [new]) == {1}
    late = {**new, "known_time": INDEX}
    assert members([({**old, "superseded_time": INDEX}, home)], [late]) == set()


def test_of_two_births_the_one_known_last_counts():
    birth, home = person(1, born="2000-01-01")
    assert members([(birth, home)], [{**birth, "time": "2010-01-01", "known_time": "2020-01-01"}]) == {1}
    assert members([(birth, home)], [{**birth, "time": "2010-01-01", "known_time": "2014-01-01"}]) == set()


@pytest.mark.parametrize(
    ("home", "inside"),
    [
        ({"start": "2024-02-29"}, True),
        ({"start": INDEX, "known_time": "2024-01-01"}, False),
        ({"end": INDEX}, False),
        ({"end": "2024-03-02"}, True),
        ({"known_time": INDEX}, False),
        ({"known_time": "2024-02-29"}, True),
        ({"superseded_time": "2024-02-29"}, False),
        ({"superseded_time": INDEX}, True),
    ],
)
def test_residence_as_known(home, inside):
    assert members([person(1, **home)]) == ({1} if inside else set())


def test_a_move_away_that_is_not_known_yet_keeps_somebody_in():
    birth, home = person(1)
    still = {**home, "superseded_time": "2024-05-01"}
    gone = {**home, "end": "2024-01-15", "known_time": "2024-05-01"}
    data = records(events_rows=[birth], residence_rows=[still, gone])
    assert build_cohort(data, spec())[0].subject_id.tolist() == [1]


def test_household_and_area_of_the_newest_address():
    birth, home = person(1)
    new = {**home, "start": "2020-01-01", "household_id": 77, "area": "S01000077"}
    rows, _ = build_cohort(records(events_rows=[birth], residence_rows=[new, home]), spec())
    assert (rows.household_id.tolist(), rows.area.tolist()) == ([77], ["S01000077"])


def test_without_residence_nobody_needs_an_address_and_each_is_alone():
    births = [person(1)[0], person(2)[0]]
    rows, attrition = build_cohort(records(events_rows=births), spec(residence=False))
    assert rows.subject_id.tolist() == [1, 2]
    assert len(set(rows.household_id.tolist())) == 2
    assert set(rows.area.tolist()) == {"unknown"}
    assert all("borough" not in rule for rule, _, _ in attrition.steps)


def test_without_the_rule_a_known_address_still_gives_the_household():
    (birth, home), (other, _) = person(1), person(2)
    rows, _ = build_cohort(records(events_rows=[birth, other], residence_rows=[home]), spec(residence=False))
    assert rows.household_id.tolist() == [1, -3]
    assert rows.area.tolist() == ["S01000001", "unknown"]


@pytest.mark.parametrize("code", ["PERSON//OBJECTION", "MEDS_DEATH"])
def test_objection_and_death_count_once_known(code):
    event = {"subject_id": 1, "time": "2024-01-01", "code": code}
    assert members([person(1)], [event]) == set()
    assert members([person(1)], [{**event, "known_time": "2024-02-29"}]) == set()
    assert members([person(1)], [{**event, "known_time": INDEX}]) == {1}
    assert members([person(1)], [{**event, "superseded_time": "2024-02-01"}]) == {1}
    assert members([person(1)], [{**event, "time": INDEX, "known_time": "2024-01-01"}]) == {1}


@pytest.mark.parametrize(
    ("day", "known", "inside"),
    [
        ("2023-03-02", "2023-03-02", False),  # first day of the washout of 365 days
        ("2023-03-01", "2023-03-01", True),
        ("2024-02-29", "2024-02-29", False),
        ("2024-02-01", INDEX, True),
    ],
)
def test_washout(day, known, inside):
    own = OutcomeSpec(
        name="hurt",
        description="hurt badly",
        phrase="were hurt",
        codes="HEALTH//ED//ASSAULT",
        washout_days=365,
    )
    outcomes = OutcomesSpec(chosen="hurt", alternatives=(), own=(own,))
    pairs = [person(99), person(1)]
    data = records(
        events_rows=[b for b, _ in pairs]
        + [{"subject_id": 1, "time": day, "known_time": known, "code": "HEALTH//ED//ASSAULT"}],
        residence_rows=[h for _, h in pairs],
    )
    rows, attrition = build_cohort(data, spec(), outcomes=outcomes)
    assert (1 in rows.subject_id.tolist()) is inside
    assert attrition.steps[-1][0] == "no outcome known in the 365 days before"


def test_attrition_adds_up_over_dates_and_rules():
    people = [
        person(1),
        person(2, born="2000-01-01"),
        person(3, start="2024-02-01"),
        person(4, born="2013-09-01"),
    ]
    rows, attrition = built(people, train=["2023-03-01"], test=["2024-03-01"])
    assert attrition.steps[0][1] == 10  # five people on two dates
    assert attrition.steps[-1][1] == len(rows)
    for _, steps in (*attrition.by_date, ("all", attrition.steps)):
        for (_, before, _), (_, left, removed) in pairwise(steps):
            assert before - removed == left
    told = attrition.to_json()
    assert [s["rows_left"] for s in told["steps"]] == [
        sum(day[i]["rows_left"] for day in told["by_index_date"].values()) for i in range(len(told["steps"]))
    ]
    assert rows.index_day.tolist() == sorted(rows.index_day.tolist())


def test_somebody_first_known_later_is_counted_only_then():
    _, attrition = built(
        [({**person(1)[0], "known_time": "2023-06-01"}, person(1)[1])],
        train=["2023-06-01"],
        test=["2024-03-01"],
    )
    assert [steps[0][1] for _, steps in attrition.by_date] == [1, 2]


def test_an_empty_date_is_refused_with_the_rule_that_emptied_it():
    birth, home = person(1, born="2000-01-01")
    with pytest.raises(StudyError, match=r"2024-03-01: the rule 'aged 10 to 17' removed the most"):
        build_cohort(records(events_rows=[birth], residence_rows=[home]), spec())
    with pytest.raises(StudyError, match="nothing was known yet"):
        build_cohort(records(), spec())


def test_the_rows_say_the_date_of_the_study():
    rows, _ = built([])
    assert [from_day(day) for day in rows.index_day.tolist()] == [date(2024, 3, 1)]
    assert rows.index_day.dtype == np.int32
    assert as_day(INDEX) == rows.index_day[0]


def test_the_newborn_and_the_unborn():
    assert members([person(1, born="2024-02-29")], ages=(0, 17)) == {1}
    # Born on the index date: written down before, but not yet true.
    assert members([person(1, born=INDEX)], ages=(0, 17)) == set()
