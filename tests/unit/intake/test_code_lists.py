"""Code lists with their years, and rules between fields: each with a row that is right and one that is not."""

from __future__ import annotations

import pytest

from riskmodel.intake.extracts import SOURCES

EPISODES = "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE"
REVIEWS = "CHILD,DOB,REVIEW,REVIEW_CODE"
OC2 = (
    "CHILD,DOB,SDQ_SCORE,SDQ_REASON,CONVICTED,HEALTH_CHECK,IMMUNISATIONS,TEETH_CHECK,HEALTH_ASSESSMENT,"
    "SUBSTANCE_MISUSE,INTERVENTION_RECEIVED,INTERVENTION_OFFERED"
)
ROLL = "pupilonrolltableid,NativeId,dob,upn,sex,entrydate,termlysessionspossible,enrolstatus,senprovision"
EXCLUSIONS = "pupilonrolltableid,startdate,sessions,reason1,reason2,reason3,category"
SCHOOL = " 00:00:00"
STOP = (
    "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,Gender,Age range,"
    "Self-defined ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,"
    "Outcome linked to object of search,Removal of more than just outer clothing"
)


def reasons(folder, name: str) -> dict[str, int]:
    return dict(folder.take_in().report.files[name].reasons)


def episode(**said: str) -> str:
    row = {
        "CHILD": "cla-ann",
        "DECOM": "01/06/2019",
        "RNE": "S",
        "LS": "C2",
        "CIN": "N1",
        "PLACE": "U1",
        "PLACE_PROVIDER": "PR1",
    }
    return ",".join({**dict.fromkeys(EPISODES.split(","), ""), **row, **said}.values())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, None),
        ({"CIN": "N8", "PLACE": "Z1", "PLACE_PROVIDER": "PR0", "REASON_PLACE_CHANGE": "CUSTOD"}, None),
        ({"PLACE": "H5"}, None),
        ({"CIN": "N9"}, "CIN is not a known code"),
        ({"PLACE": "X9"}, "PLACE is not a known code"),
        ({"PLACE_PROVIDER": "PR6"}, "PLACE_PROVIDER is not a known code"),
        ({"REASON_PLACE_CHANGE": "BORED"}, "REASON_PLACE_CHANGE is not a known code"),
        ({"PLACE": "Z11"}, "PLACE is not a code of this year's return"),
    ],
)
def test_episodes(folder, said: dict[str, str], reason: str | None) -> None:
    folder.csv("ssda903/2020_episodes.csv", [EPISODES, episode(**said)])
    assert reasons(folder, "ssda903/2020_episodes.csv") == ({} if reason is None else {reason: 1})


@pytest.mark.parametrize(
    ("year", "place", "accepted"), [(2024, "P2", 1), (2025, "P2", 0), (2025, "Z12", 0), (2026, "Z12", 1)]
)
def test_placement_codes_come_and_go(folder, year: int, place: str, accepted: int) -> None:
    folder.manifest(extract_date="2026-08-31")
    folder.csv(f"ssda903/{year}_episodes.csv", [EPISODES, episode(PLACE=place)])
    assert folder.take_in().report.files[f"ssda903/{year}_episodes.csv"].rows_accepted == accepted


def test_files_may_come_without_columns_that_give_no_event(folder) -> None:
    folder.csv("ssda903/2020_episodes.csv", ["CHILD,DECOM,RNE,LS,DEC,REC", "cla-ann,01/06/2019,S,C2,,"])
    assert folder.take_in().report.files["ssda903/2020_episodes.csv"].rows_accepted == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("17,,1,1,1,1,1,1,0,0", None),
        (",SDQ5,0,0,0,0,0,0,0,1", None),
        (",SDQ6,0,0,0,0,0,0,0,1", "SDQ_REASON is not a known code"),
        (",,2,0,0,0,0,0,0,1", "CONVICTED is not yes or no"),
        (",,0,0,0,?,0,0,0,1", "TEETH_CHECK is not yes or no"),
        (",,0,0,0,0,0,0,0,9", "INTERVENTION_OFFERED is not yes or no"),
    ],
)
def test_yearly_health(folder, row: str, reason: str | None) -> None:
    folder.csv("ssda903/2020_oc2.csv", [OC2, f"cla-ann,01/05/2008,{row}"])
    assert reasons(folder, "ssda903/2020_oc2.csv") == ({} if reason is None else {reason: 1})


@pytest.mark.parametrize("code", ["PN0", "PN1", "PN2", "PN3", "PN4", "PN5", "PN6", "PN7"])
def test_a_review_is_an_event(folder, events_of, code: str) -> None:
    folder.csv("ssda903/2020_reviews.csv", [REVIEWS, f"cla-ann,01/05/2008,01/07/2019,{code}"])
    assert events_of(folder.take_in(), "CLA//") == [
        (1, f"CLA//REVIEW//{code}", "2019-07-01", "2019-07-15", None)
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("cla-ann,01/05/2008,01/07/2019,PN8", "REVIEW_CODE is not a known code"),
        ("cla-ann,01/05/2008,,PN1", "no value in REVIEW"),
        ("cla-ann,15/05/2008,30/04/2008,PN1", "REVIEW is before DOB"),
        ("cla-ann,15/05/2008,01/07/2022,PN1", "REVIEW is after the extract date"),
        ("cla-zed,15/05/2008,01/07/2019,PN1", "nobody in the spine has this key"),
    ],
)
def test_each_way_a_review_is_set_aside(folder, row: str, reason: str) -> None:
    folder.csv(
        "ssda903/2020_reviews.csv", [REVIEWS, "cla-ben,15/05/2008,02/05/2008,PN1", row]
    )  # same month: right
    assert reasons(folder, "ssda903/2020_reviews.csv") == {reason: 1}


@pytest.mark.parametrize(
    ("season", "row", "reason"),
    [
        ("2020_summer", "2020-May-03,4,OT,,,SUSP", None),
        ("2020_autumn", "2020-Sep-23,4,OT,,,SUSP", "reason1 is not a code of this year's return"),
        ("2020_autumn", "2020-Sep-23,4,DB,OT,,FIXD", "reason2 is not a code of this year's return"),
        ("2020_autumn", "2020-Sep-23,4,DB,PP,ZZ,PERM", "reason3 is not a known code"),
        ("2020_autumn", "2020-Sep-23,4,DB,PP,TH,EXPL", "category is not a known code"),
        ("2020_autumn", "2007-Sep-23,4,DB,PP,TH,LNCH", "startdate is before dob"),
        ("2020_autumn", "2020-Sep-23,4,DB,PP,TH,LNCH", None),
    ],
)  # fmt: skip
def test_exclusions(folder, season: str, row: str, reason: str | None) -> None:
    pupil = f"r1,SCH1,2008-May-01{SCHOOL},edu-ann,F,2018-Sep-03{SCHOOL},120,C,N"
    folder.csv(f"school_census/{season}_pupilonroll.csv", [ROLL, pupil])
    day, rest = row.split(",", 1)
    name = f"school_census/{season}_termlyexclusionsonroll.csv"
    folder.csv(name, [EXCLUSIONS, f"r1,{day}{SCHOOL},{rest}"])
    assert reasons(folder, name) == ({} if reason is None else {reason: 1})


@pytest.mark.parametrize(
    ("outcome", "linked", "reason"),
    [
        ("Arrest", "True", None),
        ("Suspect arrested", "False", None),
        ("False", "", None),
        ("", "", None),
        ("Let go", "", "Outcome is not a known code"),
        ("Arrest", "Perhaps", "Outcome linked to object of search is not a known code"),
    ],
)
def test_outcomes_of_searches(folder, outcome: str, linked: str, reason: str | None) -> None:
    name = "stop_search/2020-02-x-stop-and-search.csv"
    folder.csv(name, [STOP, f"Person search,2020-02-01T23:30:00+00:00,,,,,,,,,,,{outcome},{linked},"])
    assert reasons(folder, name) == ({} if reason is None else {reason: 1})


def test_nothing_happens_before_the_month_of_birth_that_another_agency_gives(folder) -> None:
    folder.csv("ssda903/2020_header.csv", ["CHILD,SEX,DOB,ETHNIC", "cla-ann,2,20/06/2006,WBRI"])
    police = "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date"
    row = "police-{},VICTIM,THEFT,{},,2020-01-02"
    folder.csv(
        "police/people.csv",
        [
            police,
            row.format("ann", "2006-05-31"),
            row.format("ann", "2006-06-01"),
            row.format("ben", "2001-01-01"),
        ],
    )
    folder.csv("ssda903/2020_episodes.csv", [EPISODES, episode(DECOM="31/05/2006")])
    files = folder.take_in().report.files
    wanted = {"happened before the month in which the person was born": 1}
    assert files["police/people.csv"].reasons == wanted
    assert files["ssda903/2020_episodes.csv"].reasons == wanted


def test_every_code_that_a_layout_gives_is_one_that_it_says_it_tells() -> None:
    """The beginnings are told apart: no two files claim the same code, or one of an agency that is not theirs."""
    for source in SOURCES:
        told = [prefix for layout in source.layouts for prefix in layout.tells]
        assert len(told) == len(set(told)), source.agency
        for prefix in told:
            assert not any(other != prefix and prefix.startswith(other) for other in told), prefix
            assert prefix.split("//")[0] in (source.agency, "AREA")
