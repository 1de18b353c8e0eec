"""School census: what a term's files become, and each way a row can be set aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from riskmodel.intake import DelaySpec
from riskmodel.intake.layouts.school_census import term_days

ROLL = (
    "pupilonrolltableid,NativeId,dob,upn,sex,entrydate,termlysessionspossible,ethnicity,enrolstatus,senprovision,"
    "ncyearactual,language"
)
Events = Callable[..., list[tuple[object, ...]]]


def pupil(
    number: str = "r1",
    upn: str = "edu-ann",
    *,
    school: str = "SCH1",
    entry: str = "2019-Sep-03 00:00:00",
    **said: str,
) -> str:
    values = {
        "dob": "2008-May-01 00:00:00", "sex": "F", "possible": "", "ethnicity": "", "status": "C", "sen": "N", **said,
    }  # fmt: skip
    return (
        f"{number},{school},{values['dob']},{upn},{values['sex']},{entry},{values['possible']},{values['ethnicity']},"
        f"{values['status']},{values['sen']},7,ENG"
    )


def roll(folder, term: str, *rows: str) -> None:
    folder.csv(f"school_census/{term}_pupilonroll.csv", [ROLL, *rows])


def reasons(intake, name: str) -> dict[str, int]:
    return dict(intake.report.files[f"school_census/{name}.csv"].reasons)


@pytest.mark.parametrize(
    ("year", "season", "census", "ends"),
    [
        (2024, "autumn", date(2024, 10, 3), date(2024, 12, 20)),  # census days as published by the DfE
        (2025, "spring", date(2025, 1, 16), date(2025, 3, 31)),
        (2025, "summer", date(2025, 5, 15), date(2025, 7, 20)),
        (2020, "autumn", date(2020, 10, 1), date(2020, 12, 20)),
        (2023, "spring", date(2023, 1, 19), date(2023, 3, 31)),
    ],
)
def test_terms_have_the_official_census_days(year: int, season: str, census: date, ends: date) -> None:
    term = term_days(year, season)
    assert (term["census"], term["ends"]) == (census, ends)


def test_terms_are_numbered_without_gaps_in_order_of_time() -> None:
    seasons = [(2019, "autumn"), (2020, "spring"), (2020, "summer"), (2020, "autumn"), (2021, "spring")]
    numbers = [term_days(*season)["term"] for season in seasons]
    assert numbers == list(range(numbers[0], numbers[0] + 5))  # type: ignore[arg-type, operator]


def test_a_roll_row_that_each_term_repeats_is_one_start_known_at_the_first_census(
    folder, events_of: Events
) -> None:
    for term in ("2019_autumn", "2020_spring", "2020_summer"):
        roll(folder, term, pupil())
    intake = folder.take_in()
    assert events_of(intake, "EDU//ENROL") == [(1, "EDU//ENROL", "2019-09-03", "2019-10-03", None)]
    files = intake.report.files
    assert [
        files[f"school_census/{t}_pupilonroll.csv"].events_out for t in ("2019_autumn", "2020_spring")
    ] == [1, 0]
    assert files["school_census/2020_summer_pupilonroll.csv"].rows_accepted == 1


def test_a_second_school_is_a_move_and_a_return_to_the_first_is_one_too(folder, events_of: Events) -> None:
    roll(folder, "2019_autumn", pupil())
    roll(folder, "2020_spring", pupil(school="SCH2", entry="2020-Jan-06 00:00:00"))
    roll(folder, "2020_summer", pupil(entry="2020-Apr-20 00:00:00"))
    assert events_of(folder.take_in(), "EDU//SCHOOL_MOVE") == [
        (1, "EDU//SCHOOL_MOVE", "2020-01-06", "2020-01-16", None),
        (1, "EDU//SCHOOL_MOVE", "2020-04-20", "2020-05-21", None),
    ]


def test_an_earlier_school_that_is_learnt_of_later_makes_the_move_known_later(
    folder, events_of: Events
) -> None:
    roll(folder, "2019_autumn", pupil())
    roll(folder, "2020_spring", pupil(), pupil("r2", school="SCH2", entry="2018-Sep-03 00:00:00", status="S"))
    assert events_of(folder.take_in(), "EDU//SCHOOL_MOVE") == [
        (1, "EDU//SCHOOL_MOVE", "2019-09-03", "2020-01-16", None),
    ]


def test_attendance_is_summed_over_reasons_and_known_six_weeks_after_term(folder, events_of: Events) -> None:
    roll(folder, "2020_spring", pupil(possible="110"), pupil("r2", "edu-ben", possible="108"))
    folder.csv(
        "school_census/2020_spring_termlysessiondetailsonroll.csv",
        [
            "pupilonrolltableid,NativeId,sessions,attendancereason",
            "r1,SCH1,4,I", "r1,SCH1,3,M", "r1,SCH1,2,O", "r1,SCH1,5,U", "r1,SCH1,6,E", "r1,SCH1,90,/", "r2,SCH1,0,O",
        ],
    )  # fmt: skip
    intake = folder.take_in()
    assert events_of(intake, "EDU//ABSENCE") == [
        (1, "EDU//ABSENCE//AUTHORISED", "2020-03-31", "2020-05-12", 7.0),
        (1, "EDU//ABSENCE//EXCLUDED", "2020-03-31", "2020-05-12", 6.0),
        (1, "EDU//ABSENCE//UNAUTHORISED", "2020-03-31", "2020-05-12", 7.0),
    ]
    assert events_of(intake, "EDU//SESSIONS") == [
        (1, "EDU//SESSIONS//POSSIBLE", "2020-03-31", "2020-05-12", 110.0),
        (2, "EDU//SESSIONS//POSSIBLE", "2020-03-31", "2020-05-12", 108.0),
    ]


def test_delays_are_declared_and_can_be_changed(folder, events_of: Events) -> None:
    roll(folder, "2020_spring", pupil(possible="110"))
    intake = folder.take_in(delays=DelaySpec(school_term_days=1, school_roll_days=20))
    assert events_of(intake, "EDU//SESSIONS")[0][3] == "2020-04-01"
    assert events_of(intake, "EDU//ENROL")[0][3] == "2020-02-05"


def test_suspensions_exclusions_and_lunchtimes(folder, events_of: Events) -> None:
    roll(folder, "2020_spring", pupil())
    folder.csv(
        "school_census/2020_spring_termlyexclusionsonroll.csv",
        [
            "pupilonrolltableid,NativeId,startdate,sessions,reason1,reason2,reason3,category,senprovision",
            "r1,SCH1,2020-Jan-20 00:00:00,4,DB,PP,,SUSP,",
            "r1,SCH1,2020-Feb-03 00:00:00,6,PA,,,FIXD,",
            "r1,SCH1,2020-Feb-10 00:00:00,1,VP,,,LNCH,",
            "r1,SCH1,2020-03-02,,OW,,,PERM,",
        ],
    )
    assert events_of(folder.take_in(), "EDU//") == [
        (1, "EDU//ENROL", "2019-09-03", "2020-01-16", None),
        (1, "EDU//SUSPENSION//DB", "2020-01-20", "2020-05-12", 4.0),
        (1, "EDU//SUSPENSION//PA", "2020-02-03", "2020-05-12", 6.0),
        (1, "EDU//LUNCH_EXCLUSION//VP", "2020-02-10", "2020-05-12", 1.0),
        (1, "EDU//EXCLUSION//OW", "2020-03-02", "2020-05-12", None),
    ]


def test_support_changes_at_the_census_that_first_shows_them(folder, events_of: Events) -> None:
    for term, sen in (
        ("2019_autumn", "K"),
        ("2020_spring", "S"),
        ("2020_summer", ""),
        ("2020_autumn", "E"),
        ("2021_spring", "N"),
    ):
        roll(folder, term, pupil(sen=sen))
    intake = folder.take_in()
    assert events_of(intake, "EDU//SEN_SUPPORT") == [
        (1, "EDU//SEN_SUPPORT//START", "2019-10-03", "2019-10-03", None),
        (1, "EDU//SEN_SUPPORT//END", "2020-10-01", "2020-10-01", None),
    ]
    assert events_of(intake, "EDU//EHCP") == [
        (1, "EDU//EHCP//START", "2020-10-01", "2020-10-01", None),
        (1, "EDU//EHCP//END", "2021-01-21", "2021-01-21", None),
    ]


def test_of_two_schools_in_one_term_the_main_one_says_what_support_there_is(
    folder, events_of: Events
) -> None:
    roll(folder, "2019_autumn", pupil(sen="N", status="S"), pupil("r2", school="SCH2", sen="E", status="M"))
    assert [event[1] for event in events_of(folder.take_in(), "EDU//EHCP")] == ["EDU//EHCP//START"]


def test_a_need_counts_from_the_first_census_that_lists_it(folder, events_of: Events) -> None:
    for term in ("2019_spring", "2020_spring"):
        roll(folder, term, pupil())
        folder.csv(
            f"school_census/{term}_senneeds.csv",
            ["pupilonrolltableid,NativeId,sentyperank,sentype", "r1,SCH1,1,SEMH", "r1,SCH1,2,NSA"],
        )
    assert events_of(folder.take_in(), "EDU//SEN_NEED") == [
        (1, "EDU//SEN_NEED//SEMH", "2019-01-17", "2019-01-17", None)
    ]


def test_free_meals_open_then_closed_then_corrected(folder, events_of: Events, days_of) -> None:
    header = "pupilonrolltableid,NativeId,fsmstartdate,fsmenddate,ukcountry"
    ends = {"2019_autumn": "", "2020_spring": "2020-Jan-10 00:00:00", "2020_summer": "2020-Jan-31 00:00:00"}
    for term, end in ends.items():
        roll(folder, term, pupil())
        folder.csv(
            f"school_census/{term}_fsmperiodsonroll.csv", [header, f"r1,SCH1,2019-Sep-03 00:00:00,{end},ENG"]
        )
    intake = folder.take_in()
    assert events_of(intake, "EDU//FSM") == [
        (1, "EDU//FSM//START", "2019-09-03", "2019-10-03", None),
        (1, "EDU//FSM//END", "2020-01-10", "2020-01-16", None),
        (1, "EDU//FSM//END", "2020-01-31", "2020-05-21", None),
    ]
    superseded = [
        row for row in days_of(intake.records.events.table, "code", "time", "superseded_time") if row[2]
    ]
    assert superseded == [("EDU//FSM//END", "2020-01-10", "2020-05-21")]


def test_an_end_that_is_taken_back_and_given_again_is_seen_as_it_was_known(folder, days_of) -> None:
    header = "pupilonrolltableid,NativeId,fsmstartdate,fsmenddate,ukcountry"
    end = "2020-Jan-10 00:00:00"
    for term, said in (("2020_spring", end), ("2020_summer", ""), ("2020_autumn", end)):
        roll(folder, term, pupil())
        folder.csv(
            f"school_census/{term}_fsmperiodsonroll.csv", [header, f"r1,SCH1,2019-Sep-03 00:00:00,{said},ENG"]
        )
    rows = days_of(folder.take_in().records.events.table, "code", "time", "known_time", "superseded_time")
    assert [row[1:] for row in rows if row[0] == "EDU//FSM//END"] == [
        ("2020-01-10", "2020-01-16", "2020-05-21"),
        ("2020-01-10", "2020-10-01", None),
    ]


def test_alternative_provision_is_a_spell(folder, events_of: Events) -> None:
    roll(folder, "2020_spring", pupil())
    folder.csv(
        "school_census/2020_spring_apdetail.csv",
        [
            "pupilonrolltableid,NativeId,apentrydate,apleavingdate,apreason",
            "r1,SCH1,2020-Jan-20 00:00:00,2020-Feb-20 00:00:00,EX",
            "r1,SCH1,2020-Mar-02 00:00:00,,EX",
        ],
    )
    assert events_of(folder.take_in(), "EDU//AP") == [
        (1, "EDU//AP//START", "2020-01-20", "2020-05-12", None),
        (1, "EDU//AP//END", "2020-02-20", "2020-05-12", None),
        (1, "EDU//AP//START", "2020-03-02", "2020-05-12", None),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (pupil("", "edu-ben"), "no value in pupilonrolltableid"),
        (pupil("r2", ""), "no value in upn"),
        (pupil("r2", "edu-nobody"), "nobody in the spine has this key"),
        (pupil("r2", "edu-ben", dob="31/02/2010"), "dob is not a date as this layout writes it"),
        (pupil("r2", "edu-ben", dob="2010-Feb-31 00:00:00"), "dob is not a date as this layout writes it"),
        (pupil("r2", "edu-ben", dob=""), "no value in dob"),
        (pupil("r2", "edu-ben", dob="1810-Feb-01 00:00:00"), "dob is before 1900"),
        (pupil("r2", "edu-ben", dob="2022-Feb-01 00:00:00"), "dob is after the extract date"),
        (pupil("r2", "edu-ben", dob="2020-Feb-01 00:00:00"), "entrydate is before dob"),
        (pupil("r2", "edu-ben", sex="X"), "sex is not a known code"),
        (pupil("r2", "edu-ben", sen="Q"), "senprovision is not a known code"),
        (pupil("r2", "edu-ben", ethnicity="ZZZZ"), "ethnicity is not a known code"),
        (pupil("r2", "edu-ben", possible="999"), "termlysessionspossible is not a number from 0 to 400"),
        (pupil("r2", "edu-ben", possible="nan"), "termlysessionspossible is not a number from 0 to 400"),
        (pupil("r1", "edu-ben"), "repeats an earlier row"),
        (pupil("r2", "edu-ann"), "repeats an earlier row"),
        ("r2,SCH1", "the row has 2 values, not 12"),
    ],
)
def test_each_way_a_pupil_is_set_aside(folder, row: str, reason: str) -> None:
    roll(folder, "2020_spring", pupil(), row)
    intake = folder.take_in()
    name = "school_census/2020_spring_pupilonroll.csv"
    file = intake.report.files[name]
    assert (file.rows_in, file.rows_accepted, file.rows_quarantined) == (2, 1, 1)
    assert file.reasons == {reason: 1}
    assert intake.quarantine[name].select(["row", "reason"]).to_pylist() == [{"row": 2, "reason": reason}]


def test_rows_of_a_pupil_who_was_set_aside_are_set_aside_too(folder) -> None:
    roll(folder, "2020_spring", pupil(dob="never"), pupil("r2", "edu-ben"))
    roll(folder, "2020_summer", pupil())  # r1 is fine in another term, which must not help
    folder.csv(
        "school_census/2020_spring_termlysessiondetailsonroll.csv",
        [
            "pupilonrolltableid,NativeId,sessions,attendancereason",
            "r1,SCH1,4,I",
            "r2,SCH1,4,I",
            "r2,SCH1,4,!",
        ],
    )
    assert reasons(folder.take_in(), "2020_spring_termlysessiondetailsonroll") == {
        "attendancereason is not a known code": 1,
        "no accepted row of the roll of this term has this pupil": 1,
    }


def test_wrong_rows_of_spells_and_exclusions(folder) -> None:
    roll(folder, "2020_spring", pupil())
    folder.csv(
        "school_census/2020_spring_fsmperiodsonroll.csv",
        [
            "pupilonrolltableid,NativeId,fsmstartdate,fsmenddate,ukcountry",
            "r1,SCH1,2020-Jan-10 00:00:00,2020-Jan-09 00:00:00,ENG",
        ],
    )
    folder.csv(
        "school_census/2020_spring_apdetail.csv",
        [
            "pupilonrolltableid,NativeId,apentrydate,apleavingdate,apreason",
            "r1,SCH1,2020-Jan-10 00:00:00,2020-Jan-09 00:00:00,EX",
        ],
    )
    folder.csv(
        "school_census/2020_spring_termlyexclusionsonroll.csv",
        [
            "pupilonrolltableid,NativeId,startdate,sessions,reason1,reason2,reason3,category,senprovision",
            "r1,SCH1,2020-Jan-10 00:00:00,1,QQ,,,SUSP,",
            "r1,SCH1,2020-Jan-10 00:00:00,1,DB,,,WHAT,",
            "r1,SCH1,2020-Jan-10 00:00:00,1,,,,SUSP,",
        ],
    )
    intake = folder.take_in()
    assert reasons(intake, "2020_spring_fsmperiodsonroll") == {"fsmenddate is before fsmstartdate": 1}
    assert reasons(intake, "2020_spring_apdetail") == {"apleavingdate is before apentrydate": 1}
    assert reasons(intake, "2020_spring_termlyexclusionsonroll") == {
        "category is not a known code": 1,
        "no value in reason1": 1,
        "reason1 is not a known code": 1,
    }
