"""A folder of events: our own shape, or a plain MEDS dataset."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from riskmodel.errors import DataError
from riskmodel.intake import EventsSpec, Intake, read_events
from riskmodel.intake.declared import DECLARED_OBSERVED, NOT_OBSERVED, OWN_HOUSEHOLD
from riskmodel.intake.events_folder import NO_KNOWN_TIME
from riskmodel.intake.spec import AlwaysObserved
from riskmodel.tables.records import Observation, Residence

STAMP = pa.timestamp("us")
PERIOD = AlwaysObserved(first_day=date(2020, 1, 1), last_day=date(2020, 12, 31))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def meds(rows: list[tuple[object, ...]]) -> pa.Table:
    """Build a MEDS table: subject_id, time, code, numeric_value."""
    columns = list(zip(*rows, strict=True))
    kinds = (pa.int64(), STAMP, pa.string(), pa.float32())
    names = ("subject_id", "time", "code", "numeric_value")
    return pa.table(
        {name: pa.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    )


ROWS = [
    (1, None, "SEX//F", None),
    (1, at("2020-03-01T10:30"), "LAB//X", 1.5),
    (2, at("2010-01-01"), "MEDS_BIRTH", None),
    (2, at("2020-04-01"), "LAB//X", None),
]


def write_meds(folder: Path, table: pa.Table, name: str = "data/train/0.parquet") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / name)


def read(folder: Path, observation: AlwaysObserved | None = PERIOD) -> Intake:
    return read_events(EventsSpec(path=folder, observation=observation), threads=1)


def test_a_plain_meds_dataset(tmp_path: Path) -> None:
    write_meds(tmp_path, meds(ROWS[:2]))
    write_meds(tmp_path, meds(ROWS[2:]), "data/held_out/0.parquet")
    intake = read(tmp_path)
    rows = intake.records.events.table.to_pylist()
    assert [
        (row["subject_id"], row["time"], row["known_time"], row["code"], row["agency"]) for row in rows
    ] == [
        (1, at("2020-03-01T10:30"), at("2020-03-01T10:30"), "LAB//X", "LAB"),
        (1, None, at("2020-03-01T10:30"), "SEX//F", "SEX"),  # static: known from the first event on
        (2, at("2010-01-01"), at("2010-01-01"), "MEDS_BIRTH", "PERSON"),
        (2, at("2020-04-01"), at("2020-04-01"), "LAB//X", "LAB"),
    ]
    assert {row["known_basis"] for row in rows} == {"extract"}
    assert {row["superseded_time"] for row in rows} == {None}
    assert NO_KNOWN_TIME in intake.report.notes
    assert NO_KNOWN_TIME in intake.records.notes
    assert {name: file.rows_in for name, file in intake.report.files.items()} == {
        "data/held_out/0.parquet": 2, "data/train/0.parquet": 2,
    }  # fmt: skip
    assert sum(file.events_out for file in intake.report.files.values()) == intake.report.events == 4
    assert intake.report.subjects == 2


def test_declared_observation_is_every_agency_for_everybody_in_the_period(tmp_path: Path) -> None:
    write_meds(tmp_path, meds(ROWS))
    intake = read(tmp_path)
    rows = intake.records.observation.table.to_pylist()
    assert {(row["subject_id"], row["agency"]) for row in rows} == {
        (s, a) for s in (1, 2) for a in ("LAB", "SEX")
    }
    assert {(row["start"], row["end"], row["known_time"]) for row in rows} == {
        (at("2020-01-01"), at("2021-01-01"), at("2020-01-01"))
    }
    assert DECLARED_OBSERVED in intake.report.notes


def test_without_a_declaration_nobody_is_observed_and_the_notes_say_what_that_means(tmp_path: Path) -> None:
    write_meds(tmp_path, meds(ROWS))
    intake = read(tmp_path, observation=None)
    assert len(intake.records.observation) == 0
    assert NOT_OBSERVED in intake.report.notes


def test_each_person_is_a_household_of_one(tmp_path: Path) -> None:
    write_meds(tmp_path, meds(ROWS))
    intake = read(tmp_path)
    rows = intake.records.residence.table.to_pylist()
    assert [(row["subject_id"], row["household_id"], row["area"], row["start"]) for row in rows] == [
        (1, 1, "unknown", at("2020-03-01T10:30")),
        (2, 2, "unknown", at("2010-01-01")),
    ]
    assert OWN_HOUSEHOLD in intake.report.notes
    assert len(intake.records.attributes) == 0


def test_our_own_shape_comes_back_as_it_was_saved(folder, tmp_path: Path) -> None:
    folder.csv(
        "police/people.csv",
        [
            "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date",
            "police-ann,VICTIM,THEFT,2020-01-01,,2020-01-02",
        ],
    )
    intake = folder.take_in(out=tmp_path / "saved")
    back = read(tmp_path / "saved", observation=None)
    for part in ("events", "observation", "residence", "attributes"):
        assert getattr(back.records, part).table.equals(getattr(intake.records, part).table), part
    assert back.report.notes == intake.records.notes  # the card says what intake said


def test_words_may_be_dictionaries_and_times_may_have_zones(tmp_path: Path) -> None:
    table = pa.table(
        {
            "subject_id": pa.array([1], pa.int32()),
            "time": pa.array([at("2020-03-01T10:30")], pa.timestamp("ns", tz="UTC")),
            "code": pa.array(["A//B"]).dictionary_encode(),
            "numeric_value": pa.array([2.0], pa.float64()),
        }
    )
    write_meds(tmp_path, table)
    row = read(tmp_path).records.events.table.to_pylist()[0]
    assert (row["time"], row["code"], row["numeric_value"]) == (at("2020-03-01T10:30"), "A//B", 2.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"subject_id": None}, "no subject_id"),
        ({"code": " "}, "no code"),
        ({"code": None}, "no code"),
        ({"agency": ""}, "no agency"),
        ({"known_time": None}, "no known_time"),
        ({"known_time": at("2019-01-01")}, "known before it happened"),
        ({"superseded_time": at("2020-01-01")}, "superseded before it was known"),
        ({"known_basis": "rumour"}, "known_basis is none of recorded, declared_delay, extract"),
        ({"known_basis": None}, "known_basis is none of recorded, declared_delay, extract"),
        (
            {"time": None, "known_time": None, "subject_id": 9},
            "no time is known for anything about this subject",
        ),
    ],
)
def test_each_way_an_event_is_set_aside(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    good = {
        "subject_id": 1, "time": at("2020-03-01"), "known_time": at("2020-03-02"), "superseded_time": None,
        "known_basis": "recorded", "code": "A//B", "numeric_value": 1.0, "agency": "A",
    }  # fmt: skip
    kinds = (pa.int64(), STAMP, STAMP, STAMP, pa.string(), pa.string(), pa.float32(), pa.string())
    schema = pa.schema(list(zip(good, kinds, strict=True)))
    pq.write_table(
        pa.Table.from_pylist([good, {**good, **change}], schema=schema), tmp_path / "events.parquet"
    )
    intake = read(tmp_path)
    file = intake.report.files["events.parquet"]
    assert (file.rows_in, file.rows_accepted, dict(file.reasons)) == (2, 1, {reason: 1})
    assert intake.quarantine["events.parquet"].column("row").to_pylist() == [2]
    subject = change.get("subject_id", 1)  # so that erasure finds the row
    found = intake.quarantine["events.parquet"].column("subject_id").to_pylist()
    assert found == [None if subject is None else str(subject)]
    assert intake.report.notes == (DECLARED_OBSERVED, OWN_HOUSEHOLD)


def test_a_folder_without_events_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected events\.parquet, or the data folder"):
        read(tmp_path)


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    write_meds(tmp_path, pa.table({"patient": [1], "code": ["A"]}))
    with pytest.raises(DataError, match="found no column subject_id, time"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", b"subject_id,time,code\n"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "events.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"events\.parquet: expected a whole Parquet file"):
        read(tmp_path)


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    table = pa.table({"subject_id": ["ann"], "time": pa.array([at("2020-03-01")], STAMP), "code": ["A"]})
    write_meds(tmp_path, table)
    with pytest.raises(DataError, match="a column of another type") as caught:
        read(tmp_path)
    assert "ann" not in str(caught.value)


def test_files_beside_the_events_are_used_and_checked(tmp_path: Path) -> None:
    write_meds(tmp_path, meds(ROWS))
    Observation.build(Observation.schema.empty_table()).save(tmp_path)
    Residence.build(Residence.schema.empty_table()).save(tmp_path)
    intake = read(tmp_path)
    assert len(intake.records.observation) == len(intake.records.residence) == 0
    assert intake.report.notes == (NO_KNOWN_TIME,)
    (tmp_path / "attributes.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"attributes\.parquet: expected a whole Parquet file"):
        read(tmp_path)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValidationError, match="last_day is before first_day"):
        AlwaysObserved(first_day=date(2020, 1, 2), last_day=date(2020, 1, 1))


def test_saved_like_any_other_intake(tmp_path: Path) -> None:
    write_meds(tmp_path / "in", meds(ROWS))
    intake = read(tmp_path / "in")
    intake.save(tmp_path / "out")
    assert Intake.load(tmp_path / "out").report == intake.report
