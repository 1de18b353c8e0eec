import json
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest

from riskmodel.explain.person import BLANKS, LastEvent, Person, explain_person
from riskmodel.explain.spec import ExplainSpec
from riskmodel.tables.days import to_day
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.tables.predictions import Contributions
from riskmodel.tables.records import EventLog

INDEX = date(2024, 9, 1)


def info(name, **changed):
    fields = {
        "description": "times suspended from school in the past year", "concept": name, "agency": "EDU",
        "unit": "times", "direction": 1, "aggregation": "count", "window": "365d", "codes": ("EDU//SUSPENSION//*",),
    }  # fmt: skip
    return FeatureInfo(name=name, **(fields | changed))


def log(*rows):
    """Rows of (subject, time, known, superseded, code, agency)."""
    at = lambda text: None if text is None else datetime.fromisoformat(text)  # noqa: E731
    columns = {
        "subject_id": [r[0] for r in rows], "time": [at(r[1]) for r in rows], "known_time": [at(r[2]) for r in rows],
        "superseded_time": [at(r[3]) for r in rows], "known_basis": ["recorded" for _ in rows],
        "code": [r[4] for r in rows], "numeric_value": [None for _ in rows], "agency": [r[5] for r in rows],
    }  # fmt: skip
    return EventLog.build(
        pa.table(
            {
                name: pa.array(
                    columns[name],
                    EventLog.schema.field(name).type
                    if name not in ("known_basis", "code", "agency")
                    else pa.string(),
                )
                for name in EventLog.schema.names
            }
        )
    )


def person(**changed):
    fields = {
        "subject_id": 7, "index_day": to_day(INDEX), "risk": 0.034, "lower": None, "upper": None, "base_rate": 0.02,
        "outcome_phrase": "came to harm from violence", "horizon_days": 365,
    }  # fmt: skip
    return Person(**(fields | changed))


def explain(infos, values, effects, events=None, spec=None):
    matrix = FeatureMatrix(np.array([values], dtype=np.float32), tuple(infos))
    moved = Contributions(np.array([effects], dtype=float), matrix.names, 0.0, "log-odds")
    return explain_person(
        person(), features=matrix, contributions=moved, events=log() if events is None else events,
        spec=spec or ExplainSpec(),
    )  # fmt: skip


def test_concepts_sum_their_features_and_order_by_size():
    infos = [
        info("a", concept="school"),
        info("b", concept="school"),
        info("c", concept="home"),
        info("d", concept="even"),
    ]
    found = explain(infos, [2, 1, 1, 1], [0.5, -0.1, -0.6, 0.0])
    assert [(one.concept, round(one.contribution, 9)) for one in found.raised] == [("school", 0.4)]
    assert [(one.concept, one.contribution) for one in found.lowered] == [("home", -0.6)]
    # Shares of movement: .4 and .6 of 1.0.
    assert (found.raised[0].strength, found.lowered[0].strength) == ("a lot", "a lot")
    # The feature that pulled the other way is not given as a reason.
    assert [factor.feature for factor in found.raised[0].factors] == ["a"]


def test_top_and_factors_per_concept_are_limits():
    infos = [info(f"f{i}", concept=f"c{i // 3}") for i in range(9)]
    found = explain(
        infos, [1] * 9, [0.3, 0.2, 0.1, 0.03, 0.02, 0.01, 0.003, 0.002, 0.001], spec=ExplainSpec(top=2)
    )
    assert [one.concept for one in found.raised] == ["c0", "c1"]
    assert [factor.feature for factor in found.raised[0].factors] == ["f0", "f1"]
    assert [one.strength for one in found.raised] == ["a lot", "a little"]


@pytest.mark.parametrize(
    ("time", "known", "superseded", "seen"),
    [
        ("2024-08-31", "2024-08-31", None, True),
        ("2024-09-01", "2024-08-31", None, False),  # happens on the index date
        ("2024-08-30", "2024-09-01", None, False),  # becomes known on the index date
        ("2024-08-30", "2024-08-31T23:59:59", None, True),
        ("2024-08-30", "2024-08-30", "2024-08-31", False),  # replaced before
        ("2024-08-30", "2024-08-30", "2024-09-01", True),  # replaced on the index date: nobody knew yet
        ("2023-09-02", "2023-09-02", None, True),  # 365 days before: the first day of the window
        ("2023-09-01", "2023-09-01", None, False),  # one day earlier
        (None, "2024-08-30", None, False),  # a static fact has no date
    ],
)
def test_the_last_event_is_one_that_could_be_read_on_the_index_date(time, known, superseded, seen):
    events = log((7, time, known, superseded, "EDU//SUSPENSION//DB", "EDU"))
    factor = explain([info("a")], [2], [0.5], events).raised[0].factors[0]
    assert (factor.last is not None) == seen
    if seen:
        assert factor.last == LastEvent(to_day(date.fromisoformat(time)), "EDU")


def test_the_last_event_is_this_persons_latest_of_the_right_code():
    events = log(
        (7, "2024-03-01", "2024-03-02", None, "EDU//SUSPENSION//DB", "EDU"),
        (7, "2024-05-01", "2024-05-02", None, "EDU//SUSPENSION//PP", "EDU"),
        (7, "2024-06-01", "2024-06-02", None, "EDU//EXCLUSION//PP", "EDU"),
        (8, "2024-07-01", "2024-07-02", None, "EDU//SUSPENSION//PP", "EDU"),
    )
    factor = explain([info("a")], [2], [0.5], events).raised[0].factors[0]
    assert factor.last == LastEvent(to_day(date(2024, 5, 1)), "EDU")


def test_a_spell_may_have_begun_before_its_window():
    events = log((7, "2020-01-05", "2020-01-06", None, "CLA//CARE//START", "CLA"))
    care = info(
        "a",
        description="days in care in the past year",
        unit="days",
        aggregation="spell_days",
        codes=("CLA//CARE//*",),
    )
    assert explain([care], [365], [0.5], events).raised[0].factors[0].last == LastEvent(
        to_day(date(2020, 1, 5)), "CLA"
    )


@pytest.mark.parametrize(
    ("window", "last"),
    [
        ("365d", "2024-05-01"),
        ("365d_to_730d", "2023-03-01"),
        ("11y_to_13y", "2023-03-01"),  # born in March 2010, corrected from 2012
        ("before_11y", "2020-06-01"),
        ("before_5y", None),
        ("ever", "2024-05-01"),
    ],
)
@pytest.mark.parametrize("aggregation", ["count", "days_since_last", "moves"])
def test_the_last_event_lies_in_the_window_of_the_fact(window, last, aggregation):
    events = log(
        (7, "2010-03-02", "2020-01-01", None, "MEDS_BIRTH", "NHS"),
        (7, "2012-03-01", "2019-01-01", None, "MEDS_BIRTH", "NHS"),
        *(
            (7, day, day, None, "EDU//SUSPENSION//DB", "EDU")
            for day in ("2020-06-01", "2023-03-01", "2024-05-01")
        ),
    )
    fact = info(
        "a", window=window, aggregation=aggregation, unit="days" if "days" in aggregation else "times"
    )
    factor = explain([fact], [2], [0.5], events).raised[0].factors[0]
    assert factor.last == (None if last is None else LastEvent(to_day(date.fromisoformat(last)), "EDU"))


def test_the_last_event_is_of_those_that_the_fact_reads():
    events = log(
        (7, "2024-03-01", "2024-03-02", None, "EDU//SUSPENSION//DB", "EDU"),
        (7, "2024-05-01", "2024-05-02", None, "EDU//SUSPENSION//DB", "PRU"),
    )
    by_school = info("a", details='{"recorded_by": ["EDU"]}')
    assert explain([by_school], [1], [0.5], events).raised[0].factors[0].last == LastEvent(
        to_day(date(2024, 3, 1)), "EDU"
    )
    of_value = info(
        "a", details='{"value_least": 2.0}'
    )  # which event had the value is not known: no date is named
    assert explain([of_value], [1], [0.5], events).raised[0].factors[0].last is None


def test_what_did_not_happen_has_no_date():
    events = log((7, "2024-08-01", "2024-08-02", None, "EDU//SUSPENSION//DB", "EDU"))
    assert explain([info("a")], [0], [-0.5], events).lowered[0].factors[0].last is None


SEN = {
    "aggregation": "in_spell",
    "window": "now",
    "codes": ("EDU//SEN_SUPPORT//START", "EDU//SEN_SUPPORT//END"),
}


@pytest.mark.parametrize(
    ("rows", "since"),
    [
        ([("2017-10-05", "START")], "2017-10-05"),
        ([("2017-10-05", "START"), ("2019-10-05", "START")], "2017-10-05"),  # the census lists it again
        ([("2017-10-05", "START"), ("2019-02-01", "END"), ("2020-03-02", "START")], "2020-03-02"),
        (
            [("2017-10-05", "START"), ("2019-02-01", "START"), ("2020-03-02", "END")],
            "2017-10-05",
        ),  # one still open
        (
            [("2017-10-05", "START"), ("2019-02-01", "END"), ("2019-02-01", "START")],
            "2017-10-05",
        ),  # on the same day
        ([("2015-01-01", "END"), ("2017-10-05", "START")], "2017-10-05"),  # an end without a start
    ],
)
def test_what_lasts_is_dated_by_the_day_since_when(rows, since):
    events = log(*((7, day, day, None, f"EDU//SEN_SUPPORT//{what}", "EDU") for day, what in rows))
    factor = explain([info("a", **SEN)], [1], [0.5], events).raised[0].factors[0]
    assert factor.last == LastEvent(to_day(date.fromisoformat(since)), "EDU", ongoing=True)


def test_a_spell_that_ended_is_dated_by_its_last_event():
    events = log(
        (7, "2023-10-05", "2023-10-05", None, "EDU//SEN_SUPPORT//START", "EDU"),
        (7, "2024-02-01", "2024-02-01", None, "EDU//SEN_SUPPORT//END", "EDU"),
    )
    days = info("a", **(SEN | {"aggregation": "spell_days", "window": "365d"}))
    assert explain([days], [119], [0.5], events).raised[0].factors[0].last == LastEvent(
        to_day(date(2024, 2, 1)), "EDU"
    )


def test_what_is_not_known_is_no_reason_and_is_said_once():
    infos = [
        info("a__count__365d", concept="known"),
        info("b", concept="blank"),
        info("c", concept="blank too"),
    ]
    found = explain(infos, [1, np.nan, np.nan], [0.1, 0.4, -0.3])
    assert [one.concept for one in (*found.raised, *found.lowered)] == ["known"]
    assert found.unknown == ("Part of what school may know could not be read: 2 of 3 facts.", BLANKS)
    # It was 0.1 of a movement of 0.8: the blanks are not handed to the known fact.
    assert found.raised[0].strength == "some"
    assert BLANKS not in explain(infos[:2], [1, np.nan], [0.1, 0.0]).unknown


def test_what_did_not_happen_never_raised_an_estimate():
    infos = [info("a", concept="both"), info("b", concept="both"), info("c", concept="none")]
    found = explain(infos, [1, 0, 0], [0.1, 0.4, 0.3])
    assert [one.concept for one in found.raised] == ["both"]
    assert [factor.feature for factor in found.raised[0].factors] == ["a"]
    assert found.raised[0].contribution == pytest.approx(0.1)
    assert found.lowered == ()


@pytest.mark.parametrize("effect", [0.5, -0.5])
def test_what_may_not_be_printed_leaves_no_trace(effect):
    secret = info(
        "secret", concept="hidden need", agency="POLICE", safe_to_share=False, description="a hidden fact",
        codes=("POLICE//VICTIM//DOMESTIC",),
    )  # fmt: skip
    events = log((7, "2024-08-01", "2024-08-02", None, "POLICE//VICTIM//DOMESTIC", "POLICE"))
    for value in (1, np.nan):
        found = explain([info("a", concept="school"), secret], [1, value], [0.1, effect], events)
        assert "hidden" not in json.dumps(found.to_json())
        assert "police" not in json.dumps(found.to_json())
        assert BLANKS not in found.unknown
    mixed = explain(
        [info("a", concept="home"), replace(secret, concept="home", direction=-1)],
        [1, 1],
        [0.1, effect],
        events,
    )
    assert [(one.concept, one.contribution) for one in mixed.raised] == [("home", pytest.approx(0.1))]
    assert [factor.feature for factor in mixed.raised[0].factors] == ["a"]
    assert mixed.strengths == ()


def test_a_wider_fact_does_not_give_away_what_may_not_be_printed():
    crime = info("any_crime", concept="crime", agency="POLICE", codes=("POLICE//VICTIM//*",), direction=-1)
    domestic = info(
        "domestic", concept="home", agency="POLICE", codes=("POLICE//VICTIM//DOMESTIC",), safe_to_share=False
    )
    for code, shown in (("POLICE//VICTIM//DOMESTIC", 0), ("POLICE//VICTIM//THEFT", 1)):
        events = log((7, "2024-08-01", "2024-08-02", None, code, "POLICE"))
        assert len(explain([crime, domestic], [30, 1], [0.3, 0.1], events).raised) == shown


def test_two_windows_of_one_fact_are_said_once():
    infos = [
        info(name, concept="school")
        for name in ("edu_x__count__365d", "edu_x__count__1095d", "edu_y__any__365d", "edu_x__any__90d")
    ]
    found = explain(infos, [3, 3, 1, 1], [0.2, 0.3, 0.1, 0.15])
    assert [factor.feature for factor in found.raised[0].factors] == [
        "edu_x__count__1095d",
        "edu_y__any__365d",
    ]
    assert found.raised[0].contribution == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("CSC//CPP//START//NEG", "CSC//CPP//END"),
        ("CSC//CIN//START", "CSC//CIN//END"),
        ("CLA//CARE//START", "CLA//CARE//END"),
    ],
)
def test_a_plan_or_care_that_lasts_is_known_whatever_the_model_uses(start, end):
    began, ended = (
        (7, "2024-03-01", "2024-03-02", None, start, "CSC"),
        (7, "2024-05-01", "2024-05-02", None, end, "CSC"),
    )
    assert explain([info("a")], [1], [0.1], log(began)).social_care_now
    assert not explain([info("a")], [1], [0.1], log(began, ended)).social_care_now
    assert not explain([info("a")], [1], [0.1], log((8, *began[1:]))).social_care_now
    assert not explain([info("a")], [1], [0.1]).social_care_now


def test_strengths_are_protective_and_present_one_a_concept():
    protective = {
        "direction": -1,
        "description": "share of school sessions attended",
        "unit": "share",
        "aggregation": "ratio",
    }
    infos = [
        info("att90", concept="attendance", **protective), info("att365", concept="attendance", **protective),
        info("poor", concept="other attendance", **protective), info("none", concept="support", direction=-1),
        info("unseen", concept="hobby", direction=-1), info("risk", concept="risk"),
        info("ago", concept="long ago", direction=-1, aggregation="days_since_last"),
        info("area", concept="area", direction=-1, aggregation="last"),
    ]  # fmt: skip
    found = explain(
        infos, [0.97, 0.96, 0.4, 0, np.nan, 1, 900, 2], [-0.1, -0.3, 0.2, -0.1, -0.1, -0.5, -0.9, -0.2]
    )
    assert [factor.feature for factor in found.strengths] == ["att365"]


def test_unknown_names_the_agencies_that_could_not_be_read():
    infos = [
        info("a", agency="HEALTH"), info("b", agency="HEALTH"), info("c", agency="EDU"), info("d", agency="EDU"),
        info("e", agency="CSC"), info("f", agency="CSC", aggregation="days_since_last", unit="days"),
    ]  # fmt: skip
    found = explain(infos, [np.nan, np.nan, np.nan, 1, 1, np.nan], [0.1] * 6)
    assert found.unknown == (
        "Nothing could be read from health services. This may be because nobody there would have known.",
        "Part of what school may know could not be read: 1 of 2 facts.",
        BLANKS,
    )


def test_offers_follow_needs_that_are_recorded_and_may_be_printed():
    infos = [
        info("a", concept="exclusion from school"), info("b", concept="mental health"),
        info("c", concept="violence at home", safe_to_share=False), info("d", concept="drug use"),
        info("e", concept="poverty", direction=-1), info("f", concept="self-harm", direction=0),
        info("g", concept="special educational needs"), info("h", concept="alternative provision"),
        info("i", concept="alternative provision", direction=-1),
    ]  # fmt: skip
    # "g" is present but lowered the estimate; "h" is present and lowered it, in a concept that raised it.
    values, effects = [2, np.nan, 1, 0, 1, 1, 1, 1, 1], [0.4, 0.3, 0.2, 0.1, 0.1, 0.1, -0.2, -0.1, 0.2]
    found = explain(infos, values, effects, spec=ExplainSpec(top=20))
    assert [one.concept for one in found.raised] == [
        "exclusion from school", "alternative provision", "poverty", "self-harm",
    ]  # fmt: skip
    assert [offer.needs for offer in found.offers] == [("exclusion from school",)]
    assert "mentor" in found.offers[0].offer


def test_one_row_is_required():
    matrix = FeatureMatrix(np.ones((2, 1), dtype=np.float32), (info("a"),))
    moved = Contributions(np.ones((2, 1)), ("a",), 0.0, "log-odds")
    with pytest.raises(ValueError, match="one row"):
        explain_person(person(), features=matrix, contributions=moved, events=log(), spec=ExplainSpec())


def test_a_risk_that_is_no_share_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        person(risk=1.2)


def test_the_record_holds_no_identifier():
    record = explain([info("a")], [2], [0.5]).to_json()
    assert "subject_id" not in json.dumps(record)
    assert record["raised"][0]["factors"][0]["sentence"].startswith("Suspended from school: twice")
