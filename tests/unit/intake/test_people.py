"""Birth, attributes, residence and observation, each with the day it became known."""

from __future__ import annotations

import hashlib

import pytest

RESIDENCE = "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end"
ROLL = "pupilonrolltableid,NativeId,dob,upn,sex,entrydate,termlysessionspossible,ethnicity,enrolstatus,senprovision"
POLICE = "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date"
SPAN = ("agency", "start", "end", "known_time", "superseded_time")


def roll(folder, term: str, ethnicity: str = "", *, entry: str = "2010-09-01", upn: str = "edu-ann") -> None:
    folder.csv(
        f"school_census/{term}_pupilonroll.csv",
        [ROLL, f"r1,SCH1,2005-05-01,{upn},F,{entry},,{ethnicity},C,N"],
    )


def observed(intake, days_of, subject: int, agency: str) -> list[tuple[object, ...]]:
    rows = days_of(intake.records.observation.table, "subject_id", *SPAN)
    return [row[2:] for row in rows if row[0] == subject and row[1] == agency]


def test_birth_is_known_from_the_first_record_of_any_kind(folder, events_of) -> None:
    roll(folder, "2019_autumn", upn="edu-cat")
    folder.csv("police/people.csv", [POLICE, "police-cat,VICTIM,THEFT,2017-01-01,,2017-02-01"])
    assert events_of(folder.take_in(), "MEDS_BIRTH") == [(3, "MEDS_BIRTH", "2005-05-01", "2017-02-01", None)]


def test_birth_is_never_known_before_it_happened(folder, events_of) -> None:
    folder.csv(
        "ssda903/2020_header.csv", ["CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB", "cla-ann,2,20/06/2010,,,,"]
    )
    folder.csv("housing/residence.csv", [RESIDENCE, "housing-ann,home,S1,2010-05-01,,2010-05-02,"])
    assert events_of(folder.take_in(), "MEDS_BIRTH") == [(1, "MEDS_BIRTH", "2010-06-01", "2010-06-01", None)]


def test_two_birth_months_the_first_known_is_used_and_a_note_counts_them(folder, events_of) -> None:
    roll(folder, "2019_autumn")
    folder.csv(
        "ssda903/2019_header.csv", ["CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB", "cla-ann,2,20/06/2006,,,,"]
    )
    intake = folder.take_in()
    assert [event[2] for event in events_of(intake, "MEDS_BIRTH")] == [
        "2006-06-01"
    ]  # the return of March 2019
    assert (
        "1 people have more than one birth month in their records: the first known is used."
        in intake.report.notes
    )


def test_who_has_no_birth_month_is_counted_in_a_note(folder) -> None:
    assert any(note.startswith("3 people have no birth month") for note in folder.take_in().report.notes)


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("WROM", "White"), ("WIRT", "White"), ("MWBC", "Mixed"), ("APKN", "Asian"), ("CHNE", "Asian"),
        ("BAFR", "Black"), ("OOTH", "Other"), ("REFU", "Unknown"), ("NOBT", "Unknown"), ("", "Unknown"),
    ],
)  # fmt: skip
def test_ethnicity_is_told_in_five_groups(folder, days_of, code: str, group: str) -> None:
    roll(folder, "2020_spring", code)
    rows = days_of(folder.take_in().records.attributes.table, "subject_id", "attribute", "value")
    assert [row[2] for row in rows if row[:2] == (1, "ethnicity")] == (
        ["Unknown"] if group == "Unknown" else ["Unknown", group]
    )


HEADER = "CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB"


def ethnicity(intake, days_of, subject: int) -> list[tuple[object, ...]]:
    rows = days_of(intake.records.attributes.table, "subject_id", "attribute", "value", "known_time")
    return [row[2:] for row in rows if row[:2] == (subject, "ethnicity")]


def test_a_later_ethnicity_counts_from_when_it_was_known_even_when_it_goes_back(folder, days_of) -> None:
    for year, code in ((2018, "MOTH"), (2019, "BCRB"), (2020, "BAFR"), (2021, "MWBC")):
        roll(folder, f"{year}_spring", code)
    assert ethnicity(folder.take_in(), days_of, 1) == [
        ("Unknown", "2010-06-01"),
        ("Mixed", "2018-01-18"),
        ("Black", "2019-01-17"),
        ("Mixed", "2021-01-21"),
    ]


def test_once_a_school_has_said_an_ethnicity_social_care_is_not_asked(folder, days_of) -> None:
    folder.csv(
        "ssda903/2019_header.csv", [HEADER, "cla-ann,2,20/06/2006,WBRI,,,", "cla-ben,2,20/06/2006,WBRI,,,"]
    )
    roll(folder, "2020_spring", "BCRB")
    folder.csv(
        "ssda903/2020_header.csv", [HEADER, "cla-ann,2,20/06/2006,AIND,,,", "cla-ben,2,20/06/2006,AIND,,,"]
    )
    intake = folder.take_in()
    assert ethnicity(intake, days_of, 1) == [
        ("Unknown", "2010-06-01"), ("White", "2019-04-14"), ("Black", "2020-01-16"),
    ]  # fmt: skip
    assert ethnicity(intake, days_of, 2) == [
        ("Unknown", "2011-03-01"), ("White", "2019-04-14"), ("Asian", "2020-04-14"),
    ]  # fmt: skip
    assert ethnicity(intake, days_of, 3) == [("Unknown", "2018-09-10")]


def test_residence_is_open_until_its_end_is_recorded(folder, days_of) -> None:
    rows = days_of(
        folder.take_in().records.residence.table,
        "subject_id",
        "area",
        "start",
        "end",
        "known_time",
        "superseded_time",
    )
    assert rows == [
        (1, "S01000001", "2010-05-01", None, "2010-06-01", None),
        (2, "S01000001", "2011-02-01", None, "2011-03-01", None),
        (3, "S01000002", "2018-09-01", None, "2018-09-10", "2020-02-01"),
        (3, "S01000002", "2018-09-01", "2020-01-15", "2020-02-01", None),
    ]


def test_people_at_one_address_share_a_household_that_does_not_show_the_address(folder) -> None:
    table = folder.take_in().records.residence.table
    homes = dict(
        zip(table.column("subject_id").to_pylist(), table.column("household_id").to_pylist(), strict=True)
    )
    assert homes[1] == homes[2] != homes[3]

    assert homes[1] == _sixty_bits("home-1")


def _sixty_bits(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)


def test_an_agency_without_files_observes_nobody(folder) -> None:
    intake = folder.take_in()
    assert intake.records.observation.table.column("agency").unique().to_pylist() == ["HOME"]
    assert "No files from POLICE: nobody counts as observed by it." in intake.records.notes


def test_an_agency_observes_residents_while_they_live_here_within_the_period_of_the_extract(
    folder, days_of
) -> None:
    folder.csv("police/people.csv", [POLICE])
    intake = folder.take_in()
    assert observed(intake, days_of, 1, "POLICE") == [("2015-09-01", None, "2010-06-01", None)]
    assert observed(intake, days_of, 3, "POLICE") == [
        ("2018-09-01", None, "2018-09-10", "2020-02-01"),
        ("2018-09-01", "2020-01-15", "2020-02-01", None),
    ]
    assert observed(intake, days_of, 1, "HOME") == [("2010-05-01", None, "2010-06-01", None)]


def test_a_move_inside_the_borough_does_not_break_observation(folder, days_of) -> None:
    folder.csv(
        "housing/residence.csv",
        [
            RESIDENCE,
            "housing-ann,home-1,S1,2015-05-01,2018-06-01,2015-06-01,2018-06-20",
            "housing-ann,home-2,S2,2018-06-01,2019-01-01,2018-06-10,2019-01-31",
        ],
    )
    assert observed(folder.take_in(), days_of, 1, "HOME") == [
        ("2015-05-01", None, "2015-06-01", "2019-01-31"),
        ("2015-05-01", "2019-01-01", "2019-01-31", None),
    ]


def test_a_move_that_is_recorded_late_shows_the_gap_that_was_seen_then(folder, days_of) -> None:
    folder.csv(
        "housing/residence.csv",
        [
            RESIDENCE,
            "housing-ann,home-1,S1,2015-05-01,2018-06-01,2015-06-01,2018-06-20",
            "housing-ann,home-2,S2,2018-06-01,,2018-07-10,",
        ],
    )
    assert observed(folder.take_in(), days_of, 1, "HOME") == [
        ("2015-05-01", None, "2015-06-01", "2018-06-20"),
        ("2015-05-01", "2018-06-01", "2018-06-20", None),
        ("2018-06-01", None, "2018-07-10", None),
    ]


def test_yearly_returns_cover_the_years_they_are_for(folder, days_of) -> None:
    folder.csv("ssda903/2019_missing.csv", ["CHILD,DOB,MISSING,MIS_START,MIS_END"])
    folder.csv("ssda903/2020_missing.csv", ["CHILD,DOB,MISSING,MIS_START,MIS_END"])
    intake = folder.take_in()
    assert observed(intake, days_of, 1, "CLA") == [
        ("2018-04-01", None, "2010-06-01", "2020-04-01"),
        ("2018-04-01", "2020-04-01", "2020-04-01", None),
    ]
    # She left in January, before the returns end.
    assert observed(intake, days_of, 3, "CLA") == [
        ("2018-09-01", None, "2018-09-10", "2020-02-01"),
        ("2018-09-01", "2020-01-15", "2020-02-01", None),
    ]


def test_returns_that_reach_the_extract_date_go_on(folder, days_of) -> None:
    folder.csv("ssda903/2022_missing.csv", ["CHILD,DOB,MISSING,MIS_START,MIS_END"])
    assert observed(folder.take_in(), days_of, 1, "CLA") == [("2021-04-01", None, "2010-06-01", None)]


def test_a_leaver_recorded_after_the_returns_end_is_closed_twice(folder, days_of) -> None:
    folder.csv(
        "housing/residence.csv",
        [RESIDENCE, "housing-ann,home-1,S1,2015-05-01,2020-03-01,2015-06-01,2020-06-20"],
    )
    folder.csv("ssda903/2020_missing.csv", ["CHILD,DOB,MISSING,MIS_START,MIS_END"])
    assert observed(folder.take_in(), days_of, 1, "CLA") == [
        ("2019-04-01", None, "2015-06-01", "2020-04-01"),
        ("2019-04-01", "2020-04-01", "2020-04-01", "2020-06-20"),
        ("2019-04-01", "2020-03-01", "2020-06-20", None),
    ]


def test_pupils_are_observed_from_term_to_term_until_a_census_does_not_list_them(folder, days_of) -> None:
    for term in ("2019_autumn", "2020_spring"):
        roll(folder, term)
    roll(folder, "2020_autumn", entry="2020-09-14")
    assert observed(folder.take_in(), days_of, 1, "EDU") == [
        ("2019-09-01", None, "2019-10-03", "2020-05-21"),
        ("2019-09-01", "2020-04-01", "2020-05-21", None),
        ("2020-09-14", None, "2020-10-01", "2021-01-21"),
        ("2020-09-14", "2020-12-21", "2021-01-21", None),
    ]


def test_a_pupil_of_the_last_census_is_still_observed(folder, days_of) -> None:
    roll(folder, "2021_summer")
    assert observed(folder.take_in(), days_of, 1, "EDU") == [("2021-04-01", None, "2021-05-20", None)]


def test_an_empty_roll_observes_nobody(folder) -> None:
    folder.csv("school_census/2021_summer_pupilonroll.csv", [ROLL])
    assert folder.take_in().records.observation.table.column("agency").unique().to_pylist() == ["HOME"]
