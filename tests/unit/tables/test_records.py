import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from riskmodel.errors import DataError
from riskmodel.tables.days import ALWAYS, NEVER, day_column, from_day, to_day, to_timestamps
from riskmodel.tables.records import Attributes, EventLog, Observation, Records, Residence


def stamp(text):
    return dt.datetime.fromisoformat(text)


def events(**changes):
    columns = {
        "subject_id": [2, 1, 1],
        "time": [stamp("2020-01-02T23:59"), None, stamp("1969-12-31T05:00")],
        "known_time": [stamp("2020-01-03")] * 3,
        "superseded_time": pa.array([None] * 3, pa.timestamp("us")),
        "known_basis": ["recorded"] * 3,
        "code": ["EDU//B", "EDU//C", "EDU//A"],
        "numeric_value": [1.0, None, 2.0],
        "agency": ["EDU"] * 3,
    }
    return pa.table({**columns, **changes})


def test_events_are_sorted_by_subject_and_time_with_static_facts_last():
    log = EventLog.build(events())
    assert log.table.column("code").to_pylist() == ["EDU//A", "EDU//C", "EDU//B"]
    assert len(log) == 3


def test_ties_are_ordered_by_the_word_not_by_the_dictionary():
    rows = events(subject_id=[1, 1, 1], time=[stamp("2020-01-01")] * 3, code=["z", "a", "m"])
    assert EventLog.build(rows).table.column("code").to_pylist() == ["a", "m", "z"]


def test_row_order_does_not_matter():
    rows = events()
    assert EventLog.build(rows).table.equals(EventLog.build(rows.take([2, 0, 1])).table)


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="no column known_time"):
        EventLog.build(events().drop_columns(["known_time"]))


def test_a_null_where_a_value_is_required_is_counted_and_not_shown():
    with pytest.raises(DataError, match=r"'known_time'; found 1 empty of 3 rows"):
        EventLog.build(events(known_time=[None, stamp("2020-01-03"), stamp("2020-01-03")]))


def test_a_column_of_another_type_is_refused_without_its_value():
    with pytest.raises(DataError) as caught:
        EventLog.build(events(subject_id=["zqx", "bob", "cy"]))
    assert "zqx" not in str(caught.value)


def test_records_survive_the_disk(tmp_path):
    spell = {
        "subject_id": [1],
        "start": [stamp("2019-01-01")],
        "end": pa.array([None], pa.timestamp("us")),
        "known_time": [stamp("2019-02-01")],
        "superseded_time": pa.array([None], pa.timestamp("us")),
    }
    records = Records(
        events=EventLog.build(events()),
        observation=Observation.build(pa.table({**spell, "agency": ["EDU"]})),
        residence=Residence.build(pa.table({**spell, "household_id": [7], "area": ["S1"]})),
        attributes=Attributes.build(
            pa.table(
                {
                    "subject_id": [1],
                    "attribute": ["sex"],
                    "value": ["Male"],
                    "known_time": [stamp("2019-02-01")],
                }
            )
        ),
        notes=("A note.", "Another."),
    )
    records.save(tmp_path)
    loaded = Records.load(tmp_path)
    assert loaded.notes == records.notes
    for name in ("events", "observation", "residence", "attributes"):
        assert getattr(loaded, name).table.equals(getattr(records, name).table)


def test_no_notes_stay_no_notes(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    assert tuple((tmp_path / "notes.txt").read_text().splitlines()) == ()


def test_an_instant_belongs_to_its_day_also_before_1970():
    column = pa.chunked_array(
        [pa.array([stamp("1969-12-31T05:00"), stamp("2020-02-29T23:59:59"), None], pa.timestamp("us"))]
    )
    assert day_column(column, null=NEVER).tolist() == [-1, to_day(dt.date(2020, 2, 29)), NEVER]


def test_days_and_dates_agree():
    assert from_day(to_day(dt.date(2024, 2, 29))) == dt.date(2024, 2, 29)
    assert ALWAYS < 0 < NEVER
    back = to_timestamps(np.array([0, 5], dtype=np.int32), null=5)
    assert back.to_pylist() == [stamp("1970-01-01"), None]
