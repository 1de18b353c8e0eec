"""Youth justice, health, police, support, housing and stop and search: rows to events, and rows set aside."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from riskmodel.errors import DataError

Events = Callable[..., list[tuple[object, ...]]]
CASES = "ypid,sex,ethnicity,offence_category,gravity,offence_date,outcome_tier,outcome_date,recorded_date"
EMERGENCY = "person_key,arrival_date,injury_intent,mechanism,disposal,recorded_date"
POLICE = "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date"
OFFERS = "person_key,referral_date,referrer,offer,offered_date,taken_up,recorded_date"
STOPS = (
    "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,Gender,Age range,"
    "Self-defined ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,"
    "Outcome linked to object of search,Removal of more than just outer clothing"
)


def test_youth_justice(folder, events_of: Events) -> None:
    folder.csv(
        "youth_justice/cases.csv",
        [
            CASES,
            "yj-ann,F,B1,VIOLENCE,5,2020-01-02,FIRST_TIER,2020-03-01,2020-03-05",
            "yj-ben,M,W1,THEFT,,2020-01-02,,,2020-01-09",
        ],
    )
    assert events_of(folder.take_in(), "YJ//") == [
        (1, "YJ//OFFENCE//VIOLENCE", "2020-01-02", "2020-03-05", 5.0),
        (1, "YJ//OUTCOME//FIRST_TIER", "2020-03-01", "2020-03-05", None),
        (2, "YJ//OFFENCE//THEFT", "2020-01-02", "2020-01-09", None),
    ]


def test_health(folder, events_of: Events) -> None:
    folder.csv(
        "health/emergency.csv",
        [
            EMERGENCY,
            "health-ann,2020-02-01,ASSAULT,SHARP,ADMITTED,2020-02-09",
            "health-ann,2020-02-02,NONE,,DISCHARGED,2020-02-09",
        ],
    )
    folder.csv(
        "health/camhs.csv",
        ["person_key,referral_date,accepted,recorded_date", "health-ben,2020-03-01,1,2020-03-04", "health-ben,2020-05-01,0,2020-05-04"],
    )  # fmt: skip
    folder.csv(
        "health/births.csv",
        [
            "person_key,birth_month,mother_under_20,smoking_in_pregnancy,low_birth_weight,recorded_date",
            "health-cat,2018-08-01,1,,0,2018-08-20",
        ],
    )
    intake = folder.take_in()
    assert events_of(intake, "HEALTH//") == [
        (1, "HEALTH//ADMISSION//ASSAULT", "2020-02-01", "2020-02-09", None),
        (1, "HEALTH//ED//ASSAULT", "2020-02-01", "2020-02-09", None),
        (1, "HEALTH//ED_MECHANISM//SHARP", "2020-02-01", "2020-02-09", None),
        (1, "HEALTH//ED//OTHER", "2020-02-02", "2020-02-09", None),
        (2, "HEALTH//CAMHS//ACCEPTED", "2020-03-01", "2020-03-04", None),
        (2, "HEALTH//CAMHS//REFERRAL", "2020-03-01", "2020-03-04", None),
        (2, "HEALTH//CAMHS//REFERRAL", "2020-05-01", "2020-05-04", None),
        (3, "HEALTH//BIRTH//MOTHER_UNDER_20", "2018-08-01", "2018-08-20", None),
    ]
    assert events_of(intake, "MEDS_BIRTH") == [(3, "MEDS_BIRTH", "2018-08-01", "2018-08-20", None)]


def test_police(folder, events_of: Events) -> None:
    folder.csv(
        "police/people.csv",
        [
            POLICE,
            "police-ann,VICTIM,VIOLENCE_INJURY,2020-02-01,Black,2020-02-03",
            "police-ann,SUSPECT,THEFT,2020-02-02,,2020-02-03",
        ],
    )
    assert events_of(folder.take_in(), "POLICE//") == [
        (1, "POLICE//VICTIM//VIOLENCE_INJURY", "2020-02-01", "2020-02-03", None),
        (1, "POLICE//SUSPECT//THEFT", "2020-02-02", "2020-02-03", None),
    ]


def test_support(folder, events_of: Events) -> None:
    folder.csv(
        "support/offers.csv",
        [
            OFFERS,
            "support-ann,2020-02-01,SCHOOL,MENTOR,2020-02-10,1,2020-02-11",
            "support-ben,2020-02-01,YJ,OUTREACH,2020-02-10,0,2020-02-11",
            "support-cat,2020-01-02,FAMILY,PARENTING,,0,2020-01-03",
        ],
    )
    assert events_of(folder.take_in(), "SUPPORT//") == [
        (1, "SUPPORT//REFERRED//SCHOOL", "2020-02-01", "2020-02-11", None),
        (1, "SUPPORT//OFFERED//MENTOR", "2020-02-10", "2020-02-11", None),
        (1, "SUPPORT//TAKEN_UP//MENTOR", "2020-02-10", "2020-02-11", None),
        (2, "SUPPORT//REFERRED//YJ", "2020-02-01", "2020-02-11", None),
        (2, "SUPPORT//OFFERED//OUTREACH", "2020-02-10", "2020-02-11", None),
        (3, "SUPPORT//REFERRED//FAMILY", "2020-01-02", "2020-01-03", None),
    ]


def test_housing_gives_moves_and_deprivation(folder, events_of: Events) -> None:
    folder.csv(
        "housing/residence.csv",
        [
            "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end",
            "housing-ann,home-1,S01000001,2015-05-01,2018-06-01,2015-06-01,2018-06-20",
            "housing-ann,home-2,S01000002,2018-06-01,,2018-06-10,",
            "housing-ben,home-2,S01000009,2016-01-01,,2016-01-02,",
        ],
    )
    intake = folder.take_in()
    assert events_of(intake, "HOME//") == [(1, "HOME//MOVE", "2018-06-01", "2018-06-10", None)]
    assert events_of(intake, "AREA//") == [
        (1, "AREA//IMD_DECILE", "2015-05-01", "2015-06-01", 1.0),
        (1, "AREA//IMD_DECILE", "2018-06-01", "2018-06-10", 7.0),
    ]
    assert set(intake.records.events.table.column("agency").unique().to_pylist()) == {"HOME"}


STOP = "Person search,2020-02-01T23:30:00+00:00,False,,51.5,-0.1,Male,10-17,,Black,,Controlled drugs,Arrest,,"


def test_stops_are_kept_apart_and_never_linked(folder) -> None:
    folder.csv(
        "stop_search/2020-02-borough-stop-and-search.csv",
        [STOPS, STOP, STOP, STOP.replace("T23:30:00+00:00", "T00:30:00+01:00")],
    )
    intake = folder.take_in()
    assert intake.stops is not None
    assert intake.stops.column_names == STOPS.split(",")
    assert intake.stops.num_rows == 3  # two alike may be two people stopped together
    at = [moment.isoformat() for moment in intake.stops.column("Date").to_pylist()]
    assert at[1:] == ["2020-02-01T23:30:00", "2020-01-31T23:30:00"]
    assert intake.stops.column("Outcome").to_pylist()[0] == "Arrest"
    assert intake.report.agencies == ("HOME",)
    assert not [
        code for code in intake.records.events.table.column("code").unique().to_pylist() if "STOP" in code
    ]
    assert intake.report.files["stop_search/2020-02-borough-stop-and-search.csv"].events_out == 0


def test_without_stop_and_search_there_are_no_stops(folder) -> None:
    assert folder.take_in().stops is None


@pytest.mark.parametrize(
    ("name", "header", "row", "reason"),
    [
        ("youth_justice/cases", CASES, "yj-ann,F,B1,VIOLENCE,5,2020-01-02,FIRST_TIER,2020-03-01,2020-02-28", "recorded_date is before outcome_date"),
        ("youth_justice/cases", CASES, "yj-ann,F,B1,VIOLENCE,5,2020-01-02,FIRST_TIER,2020-01-01,2020-02-28", "outcome_date is before offence_date"),
        ("youth_justice/cases", CASES, "yj-ann,F,B1,NOISE,5,2020-01-02,,,2020-02-28", "offence_category is not a known code"),
        ("youth_justice/cases", CASES, "yj-ann,F,B1,THEFT,9,2020-01-02,,,2020-02-28", "gravity is not a number from 1 to 8"),
        ("health/emergency", EMERGENCY, "health-ann,2020-02-03,ASSAULT,,ADMITTED,2020-02-02", "recorded_date is before arrival_date"),
        ("health/emergency", EMERGENCY, "health-ann,2020-02-03,FALL,,ADMITTED,2020-02-04", "injury_intent is not a known code"),
        ("health/emergency", EMERGENCY, "health-ann,2020-02-03,NONE,,HOME,2020-02-04", "disposal is not a known code"),
        ("health/emergency", EMERGENCY, "health-ann,2021-08-31,NONE,,ADMITTED,2021-09-01", "recorded_date is after the extract date"),
        ("health/camhs", "person_key,referral_date,accepted,recorded_date", "health-ann,2020-02-03,maybe,2020-02-04", "accepted is not yes or no"),
        ("health/births", "person_key,birth_month,mother_under_20,smoking_in_pregnancy,low_birth_weight,recorded_date", "health-ann,2020-02-31,1,1,1,2020-04-01", "birth_month is not a date as this layout writes it"),
        ("police/people", POLICE, "police-ann,WITNESS,THEFT,2020-02-01,,2020-02-03", "role is not a known code"),
        ("police/people", POLICE, "police-nobody,VICTIM,THEFT,2020-02-01,,2020-02-03", "nobody in the spine has this key"),
        ("police/people", POLICE, "police-ann,VICTIM,THEFT,2020-02-01,,", "no value in recorded_date"),
        ("support/offers", OFFERS, "support-ann,2020-02-01,SCHOOL,MENTOR,2020-01-31,1,2020-02-11", "offered_date is before referral_date"),
        ("support/offers", OFFERS, "support-ann,2020-02-01,SCHOOL,PONY,,,2020-02-11", "offer is not a known code"),
        ("housing/residence", "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end", "housing-ann,h,S1,2015-05-01,2018-06-01,2015-06-01,", "only one of end_date and recorded_end has a value"),
        ("housing/residence", "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end", "housing-ann,h,S1,2015-05-01,,2015-04-30,", "recorded_start is before start_date"),
        ("housing/residence", "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end", "housing-ann,h,S1,2015-05-01,2015-04-01,2015-06-01,2015-07-01", "end_date is before start_date"),
        ("housing/lsoa", "lsoa,imd_decile", "S01000001,11", "imd_decile is not a number from 1 to 10"),
        ("housing/lsoa", "lsoa,imd_decile", ",1", "no value in lsoa"),
        ("stop_search/2020-02-x-stop-and-search", STOPS, STOP.replace("2020-02-01T", "2020-02-31T"), "Date is not a date as this layout writes it"),
        ("stop_search/2020-02-x-stop-and-search", STOPS, STOP.replace("Person search", "Stroll"), "Type is not a known code"),
        ("stop_search/2020-02-x-stop-and-search", STOPS, STOP.replace("51.5", "151.5"), "Latitude is not a number from -90 to 90"),
    ],
)  # fmt: skip
def test_each_way_a_row_is_set_aside(folder, name: str, header: str, row: str, reason: str) -> None:
    folder.csv(f"{name}.csv", [header, row])
    file = folder.take_in().report.files[f"{name}.csv"]
    assert (file.rows_in, file.rows_accepted, dict(file.reasons)) == (1, 0, {reason: 1})


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("police/people", POLICE, "police-ann,VICTIM,THEFT,2020-02-01,,2020-02-03"),
        ("health/emergency", EMERGENCY, "health-ann,2020-02-03,NONE,,ADMITTED,2020-02-04"),
        ("support/offers", OFFERS, "support-ann,2020-02-01,SCHOOL,MENTOR,2020-02-10,1,2020-02-11"),
        ("youth_justice/cases", CASES, "yj-ann,F,B1,THEFT,3,2020-01-02,,,2020-02-28"),
    ],
)
def test_the_same_row_twice_is_one_event(folder, name: str, header: str, row: str) -> None:
    folder.csv(f"{name}.csv", [header, row, row, row])
    file = folder.take_in().report.files[f"{name}.csv"]
    assert (file.rows_accepted, dict(file.reasons)) == (1, {"repeats an earlier row": 2})


def test_a_row_that_repeats_one_that_was_set_aside_is_judged_for_itself(folder) -> None:
    row = "police-ann,VICTIM,THEFT,2020-02-01,,"
    folder.csv("police/people.csv", [POLICE, row, row])
    assert folder.take_in().report.files["police/people.csv"].reasons == {"no value in recorded_date": 2}


@pytest.mark.parametrize(
    "name", ["police/people", "health/emergency", "youth_justice/cases", "support/offers"]
)
def test_a_missing_column_stops_the_intake_and_names_the_file(folder, name: str) -> None:
    folder.csv(f"{name}.csv", ["person_key,ypid,nominal", "1,2,3"])
    with pytest.raises(DataError, match=rf"{name}\.csv: expected columns .* found no column"):
        folder.take_in()
