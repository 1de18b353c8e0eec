"""SSDA903: periods of care from episodes, missing spells, yearly health."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Events = Callable[..., list[tuple[object, ...]]]
EPISODES = "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN"


OC2 = (
    "CHILD,DOB,SDQ_SCORE,SDQ_REASON,CONVICTED,HEALTH_CHECK,IMMUNISATIONS,TEETH_CHECK,HEALTH_ASSESSMENT,"
    "SUBSTANCE_MISUSE,INTERVENTION_RECEIVED,INTERVENTION_OFFERED"
)


def episode(start: str, rne: str, end: str = "", rec: str = "", key: str = "cla-ann") -> str:
    return f"{key},{start},{rne},C2,N1,U1,PR1,{end},{rec},,,,"


def test_care_is_one_spell_over_episodes_that_follow_each_other(folder, events_of: Events) -> None:
    folder.csv(
        "ssda903/2020_episodes.csv",
        [
            EPISODES,
            episode("01/06/2019", "S", "01/08/2019", "X1"),
            episode("01/08/2019", "P", "01/10/2019", "X1"),
            episode("01/10/2019", "L", "15/12/2019", "E4A"),
            episode("01/02/2020", "S"),
        ],
    )
    assert events_of(folder.take_in(), "CLA//") == [
        (1, "CLA//CARE//START", "2019-06-01", "2019-06-15", None),
        (1, "CLA//PLACEMENT_MOVE", "2019-08-01", "2019-08-15", None),
        (1, "CLA//CARE//END", "2019-12-15", "2019-12-29", None),
        (1, "CLA//CARE//START", "2020-02-01", "2020-02-15", None),
    ]


def test_care_that_began_before_the_files_starts_at_its_first_episode(folder, events_of: Events) -> None:
    folder.csv(
        "ssda903/2020_episodes.csv",
        [EPISODES, episode("01/06/2018", "P", "01/08/2019", "X1"), episode("01/08/2019", "L")],
    )
    assert [e[1:3] for e in events_of(folder.take_in(), "CLA//CARE")] == [("CLA//CARE//START", "2018-06-01")]


def test_the_next_year_repeats_an_episode_and_ends_it(folder, events_of: Events) -> None:
    folder.csv("ssda903/2020_episodes.csv", [EPISODES, episode("01/06/2019", "S")])
    folder.csv("ssda903/2021_episodes.csv", [EPISODES, episode("01/06/2019", "S", "05/05/2020", "E4A")])
    assert [event[1:4] for event in events_of(folder.take_in(), "CLA//CARE")] == [
        ("CLA//CARE//START", "2019-06-01", "2019-06-15"),
        ("CLA//CARE//END", "2020-05-05", "2020-05-19"),
    ]


def test_an_end_that_the_next_year_takes_back_is_superseded(folder, days_of) -> None:
    folder.csv("ssda903/2020_episodes.csv", [EPISODES, episode("01/06/2019", "S", "05/07/2019", "E4A")])
    folder.csv("ssda903/2021_episodes.csv", [EPISODES, episode("01/06/2019", "S")])
    rows = days_of(folder.take_in().records.events.table, "code", "known_time", "superseded_time")
    assert ("CLA//CARE//END", "2019-07-19", "2021-04-14") in rows


def test_missing_and_away_are_spells_of_their_own(folder, events_of: Events) -> None:
    folder.csv(
        "ssda903/2020_missing.csv",
        [
            "CHILD,DOB,MISSING,MIS_START,MIS_END",
            "cla-ann,01/05/2008,M,01/06/2019,03/06/2019",
            "cla-ann,01/05/2008,A,01/07/2019,",
        ],
    )
    assert [event[1:4] for event in events_of(folder.take_in(), "CLA//")] == [
        ("CLA//MISSING//START", "2019-06-01", "2019-06-15"),
        ("CLA//MISSING//END", "2019-06-03", "2019-06-17"),
        ("CLA//AWAY//START", "2019-07-01", "2019-07-15"),
    ]


def test_yearly_health(folder, events_of: Events) -> None:
    folder.csv(
        "ssda903/2020_oc2.csv",
        [
            OC2,
            "cla-ann,01/05/2008,17,,1,1,1,1,1,1,0,0",
            "cla-ben,01/02/2009,,SDQ1,0,1,1,1,1,0,0,0",
            "cla-cat,01/02/2009,41,,0,1,1,1,1,0,0,0",
        ],
    )
    intake = folder.take_in()
    assert events_of(intake, "CLA//") == [
        (1, "CLA//SDQ", "2020-03-31", "2020-04-14", 17.0),
        (1, "CLA//SUBSTANCE_MISUSE", "2020-03-31", "2020-04-14", None),
    ]
    assert intake.report.files["ssda903/2020_oc2.csv"].reasons == {
        "SDQ_SCORE is not a number from 0 to 40": 1
    }


def test_a_year_under_way_ends_on_the_extract_date(folder, events_of: Events) -> None:
    folder.csv("ssda903/2022_oc2.csv", [OC2, "cla-ann,01/05/2008,17,,1,1,1,1,1,0,0,0"])
    assert events_of(folder.take_in(), "CLA//") == [(1, "CLA//SDQ", "2021-08-31", "2021-09-14", 17.0)]


@pytest.mark.parametrize(("sex", "value"), [("1", "Male"), ("2", "Female"), ("M", "Male"), ("U", "Unknown")])
def test_header_gives_birth_and_sex_in_old_and_new_codes(
    folder, events_of: Events, days_of, sex: str, value: str
) -> None:
    folder.csv(
        "ssda903/2020_header.csv",
        ["CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB", f"cla-ann,{sex},15/05/2008,MOTH,,,"],
    )
    intake = folder.take_in()
    assert events_of(intake, "MEDS_BIRTH") == [(1, "MEDS_BIRTH", "2008-05-01", "2010-06-01", None)]
    rows = days_of(intake.records.attributes.table, "subject_id", "attribute", "value")
    assert (1, "sex", value) in rows
    assert (1, "ethnicity", "Mixed") in rows


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (episode("06/13/2019", "S"), "DECOM is not a date as this layout writes it"),
        (episode("", "S"), "no value in DECOM"),
        (episode("01/06/2019", "Q"), "RNE is not a known code"),
        (episode("01/06/2019", "S", "31/05/2019", "E4A"), "DEC is before DECOM"),
        (episode("01/06/2019", "S", "31/07/2019", "ZZ"), "REC is not a known code"),
        (episode("01/06/2019", "S", key="cla-nobody"), "nobody in the spine has this key"),
        (episode("01/06/2022", "S"), "DECOM is after the extract date"),
        (episode("01/01/2019", "P", key="cla-ben"), "repeats an earlier row"),
    ],
)
def test_each_way_an_episode_is_set_aside(folder, row: str, reason: str) -> None:
    folder.csv("ssda903/2020_episodes.csv", [EPISODES, episode("01/01/2019", "S", key="cla-ben"), row])
    file = folder.take_in().report.files["ssda903/2020_episodes.csv"]
    assert (file.rows_in, file.rows_accepted, dict(file.reasons)) == (2, 1, {reason: 1})


def test_a_missing_spell_that_ends_before_it_starts(folder) -> None:
    folder.csv(
        "ssda903/2020_missing.csv",
        ["CHILD,DOB,MISSING,MIS_START,MIS_END", "cla-ann,,M,03/06/2019,01/06/2019"],
    )
    assert folder.take_in().report.files["ssda903/2020_missing.csv"].reasons == {
        "MIS_END is before MIS_START": 1
    }
