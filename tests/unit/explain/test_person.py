import json
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest

from riskmodel.explain.person import LastEvent, Person, explain_person
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


@pytest.mark.parametrize("value", [0, np.nan])
def test_what_did_not_happen_or_is_not_known_has_no_date(value):
    events = log((7, "2024-08-01", "2024-08-02", None, "EDU//SUSPENSION//DB", "EDU"))
    assert explain([info("a")], [value], [0.5], events).raised[0].factors[0].last is None


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
    ]  # fmt: skip
    found = explain(infos, [0.97, 0.96, 0.4, 0, np.nan, 1, 900], [-0.1, -0.3, 0.2, -0.1, -0.1, -0.5, -0.9])
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
    )


def test_offers_follow_needs_that_are_recorded_and_may_be_printed():
    infos = [
        info("a", concept="exclusion from school"), info("b", concept="mental health"),
        info("c", concept="violence at home", safe_to_share=False), info("d", concept="drug use"),
    ]  # fmt: skip
    found = explain(infos, [2, np.nan, 1, 0], [0.4, 0.3, 0.2, 0.1])
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
