"""Versions of one record: what an earlier one said is superseded when the next was recorded."""

from __future__ import annotations

import pytest

POLICE = "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date,record_id"
COLUMNS = ("subject_id", "code", "time", "known_time", "superseded_time")


def version(
    offence: str, recorded: str, *, key: str = "police-ann", record: str = "p1", day: str = "2020-01-01"
) -> str:
    return f"{key},VICTIM,{offence},{day},,{recorded},{record}"


@pytest.fixture
def told(folder, days_of):
    """Return what police rows give: the rows of the event log, and the reasons of rows set aside."""

    def take(*rows: str) -> tuple[list[tuple[object, ...]], dict[str, int]]:
        folder.csv("police/people.csv", [POLICE, *rows])
        intake = folder.take_in()
        found = [
            row for row in days_of(intake.records.events.table, *COLUMNS) if str(row[1]).startswith("POLICE")
        ]
        found = [(row[0], str(row[1]).split("//")[2], *row[2:]) for row in found]
        return found, dict(intake.report.files["police/people.csv"].reasons)

    return take


def test_another_offence_replaces_the_first(told) -> None:
    assert told(version("THEFT", "2020-01-02"), version("ROBBERY", "2020-02-01")) == (
        [
            (1, "THEFT", "2020-01-01", "2020-01-02", "2020-02-01"),
            (1, "ROBBERY", "2020-01-01", "2020-02-01", None),
        ],
        {},
    )


def test_a_version_that_says_the_same_changes_nothing(told) -> None:
    assert told(version("THEFT", "2020-01-02"), version("THEFT", "2020-02-01")) == (
        [(1, "THEFT", "2020-01-01", "2020-01-02", None)],
        {},
    )


def test_a_version_that_goes_back_to_the_first_is_known_again(told) -> None:
    rows = [version("THEFT", "2020-01-02"), version("ROBBERY", "2020-02-01"), version("THEFT", "2020-03-01")]
    assert told(*rows)[0] == [
        (1, "THEFT", "2020-01-01", "2020-01-02", "2020-02-01"),
        (1, "ROBBERY", "2020-01-01", "2020-02-01", "2020-03-01"),
        (1, "THEFT", "2020-01-01", "2020-03-01", None),
    ]


def test_of_two_versions_of_one_day_the_later_line_stands(told) -> None:
    assert told(version("THEFT", "2020-01-02"), version("ROBBERY", "2020-01-02"))[0] == [
        (1, "ROBBERY", "2020-01-01", "2020-01-02", None)
    ]


def test_a_version_may_be_about_somebody_else(told) -> None:
    assert told(version("THEFT", "2020-01-02"), version("THEFT", "2020-02-01", key="police-ben"))[0] == [
        (1, "THEFT", "2020-01-01", "2020-01-02", "2020-02-01"),
        (2, "THEFT", "2020-01-01", "2020-02-01", None),
    ]


def test_records_without_a_number_are_each_their_own(told) -> None:
    assert told(version("THEFT", "2020-01-02", record=""), version("ROBBERY", "2020-02-01", record=""))[
        0
    ] == [
        (1, "THEFT", "2020-01-01", "2020-01-02", None),
        (1, "ROBBERY", "2020-01-01", "2020-02-01", None),
    ]


def test_two_records_of_one_event_are_one_event_while_either_says_so(told) -> None:
    rows = [
        version("THEFT", "2020-01-02"),
        version("ROBBERY", "2020-03-01"),
        version("THEFT", "2020-02-01", record="p2"),
    ]
    assert told(*rows)[0] == [
        (1, "THEFT", "2020-01-01", "2020-01-02", None),
        (1, "ROBBERY", "2020-01-01", "2020-03-01", None),
    ]


def test_a_line_that_is_there_twice_is_set_aside(told) -> None:
    assert told(version("THEFT", "2020-01-02"), version("THEFT", "2020-01-02"))[1] == {
        "repeats an earlier row": 1
    }
    plain = [version("THEFT", "2020-01-02", record=""), version("THEFT", "2020-01-02", record="")]
    assert told(*plain)[1] == {"repeats an earlier row": 1}


def test_a_referral_that_is_taken_back_as_accepted(folder, days_of) -> None:
    folder.csv(
        "health/camhs.csv",
        [
            "person_key,referral_date,accepted,recorded_date,record_id",
            "health-ann,2020-01-01,1,2020-01-02,r1",
            "health-ann,2020-01-01,0,2020-02-01,r1",
        ],
    )
    intake = folder.take_in()
    assert intake.report.files["health/camhs.csv"].rows_accepted == 2
    rows = days_of(intake.records.events.table, *COLUMNS)
    assert [row[1:] for row in rows if str(row[1]).startswith("HEALTH")] == [
        ("HEALTH//CAMHS//ACCEPTED", "2020-01-01", "2020-01-02", "2020-02-01"),
        ("HEALTH//CAMHS//REFERRAL", "2020-01-01", "2020-01-02", None),
    ]


def test_an_outcome_comes_with_a_later_version(folder, days_of) -> None:
    folder.csv(
        "youth_justice/cases.csv",
        [
            "ypid,sex,ethnicity,offence_category,gravity,offence_date,outcome_tier,outcome_date,recorded_date,record_id",
            "yj-ann,F,W1,THEFT,2,2020-01-01,,,2020-01-03,c1",
            "yj-ann,F,W1,THEFT,2,2020-01-01,PRE_COURT,2020-02-01,2020-02-03,c1",
        ],
    )
    rows = days_of(folder.take_in().records.events.table, *COLUMNS, "numeric_value")
    assert [row[1:] for row in rows if str(row[1]).startswith("YJ")] == [
        ("YJ//OFFENCE//THEFT", "2020-01-01", "2020-01-03", None, 2.0),
        ("YJ//OUTCOME//PRE_COURT", "2020-02-01", "2020-02-03", None, None),
    ]
