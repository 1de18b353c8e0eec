"""Any CSV files through a mapping: events, attributes, and every fault of a mapping at once."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from riskmodel.errors import DataError, StudyError
from riskmodel.intake import CsvSpec, Intake, read_csv_files

PERIOD = {"first_day": date(2020, 1, 1), "last_day": date(2020, 12, 31)}
VISITS = {
    "path": "visits.csv",
    "subject": "who",
    "time": "when",
    "code": "HEALTH//VISIT",
    "known_delay_days": 3,
}


def read(folder: Path, *files: dict[str, Any], **options: Any) -> Intake:
    return read_csv_files(CsvSpec.model_validate({"path": folder, "files": files, **options}), threads=1)


def write(folder: Path, name: str, *lines: str, encoding: str = "utf-8") -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding=encoding)


def test_a_constant_code_and_a_declared_delay(tmp_path: Path, events_of) -> None:
    write(tmp_path, "visits.csv", "who,when,noise", "7,2020-02-01,x", "3,2020-03-01,y", "7,2020-02-01,z")
    intake = read(tmp_path, VISITS)
    assert events_of(intake, "") == [
        (3, "HEALTH//VISIT", "2020-03-01", "2020-03-04", None),
        (7, "HEALTH//VISIT", "2020-02-01", "2020-02-04", None),
    ]
    table = intake.records.events.table
    assert table.column("known_basis").unique().to_pylist() == ["declared_delay"]
    assert table.column("agency").unique().to_pylist() == ["HEALTH"]
    file = intake.report.files["visits.csv"]
    assert (file.rows_in, file.rows_accepted, file.events_out) == (3, 3, 2)


def test_a_code_column_a_value_a_recorded_day_and_another_way_to_write_dates(
    tmp_path: Path, events_of
) -> None:
    write(
        tmp_path, "s.csv", "id,d,r,reason,n", "1,03/02/2020,05/02/2020,DB,4.5", "1,04/02/2020,05/02/2020,PP,"
    )
    intake = read(
        tmp_path,
        {
            "path": "s.csv", "subject": "id", "time": "d", "known_time": "r", "value": "n", "date_format": "%d/%m/%Y",
            "code": {"column": "reason", "prefix": "EDU//SUSPENSION//"},
        },
    )  # fmt: skip
    assert events_of(intake, "") == [
        (1, "EDU//SUSPENSION//DB", "2020-02-03", "2020-02-05", 4.5),
        (1, "EDU//SUSPENSION//PP", "2020-02-04", "2020-02-05", None),
    ]
    assert intake.records.events.table.column("known_basis").unique().to_pylist() == ["recorded"]


def test_a_key_that_is_no_number_becomes_one_the_same_in_every_file_and_is_seen_nowhere(
    tmp_path: Path,
) -> None:
    write(tmp_path, "visits.csv", "who,when", "ann-key,2020-02-01", "007,2020-02-01", "-5,2020-02-01")
    write(tmp_path, "more.csv", "who,when", "ann-key,2020-03-01")
    intake = read(tmp_path, VISITS, {**VISITS, "path": "more.csv"})
    expected = {int(hashlib.sha256(key).hexdigest()[:15], 16) for key in (b"ann-key", b"007")} | {-5}
    assert set(intake.records.events.table.column("subject_id").to_pylist()) == expected


def test_birth_can_be_a_column_of_any_file(tmp_path: Path, events_of) -> None:
    write(tmp_path, "people.csv", "who,born", "1,2010-05-17")
    intake = read(
        tmp_path,
        {"path": "people.csv", "subject": "who", "time": "born", "code": "MEDS_BIRTH", "known_delay_days": 0},
    )
    assert events_of(intake, "MEDS_BIRTH") == [(1, "MEDS_BIRTH", "2010-05-17", "2010-05-17", None)]
    assert intake.records.events.table.column("agency").to_pylist() == ["PERSON"]


def test_attributes_are_known_from_the_first_event(tmp_path: Path, days_of) -> None:
    write(tmp_path, "visits.csv", "who,when", "1,2020-02-01", "2,2020-03-01", "1,2020-01-01")
    write(tmp_path, "people.csv", "who,Sex,Region", "1,F,North", "2,,South", "3,M,East", "2,F,South")
    intake = read(
        tmp_path,
        VISITS,
        attributes=[{"path": "people.csv", "subject": "who", "columns": {"sex": "Sex", "area": "Region"}}],
    )
    rows = days_of(intake.records.attributes.table, "subject_id", "attribute", "value", "known_time")
    assert rows == [
        (1, "area", "North", "2020-01-04"),
        (1, "sex", "F", "2020-01-04"),
        (2, "area", "South", "2020-03-04"),
        (2, "sex", "Unknown", "2020-03-04"),
    ]
    assert intake.report.files["people.csv"].reasons == {"repeats an earlier row": 1}


def test_observation_is_declared_or_missing(tmp_path: Path) -> None:
    write(tmp_path, "visits.csv", "who,when", "1,2020-02-01")
    assert len(read(tmp_path, VISITS).records.observation) == 0
    declared = read(tmp_path, VISITS, observation=PERIOD)
    assert declared.records.observation.table.column("agency").to_pylist() == ["HEALTH"]
    assert len(declared.records.residence) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2020-02-01,2020-02-02,A,1", "no value in who's id"),
        ("1,2020-02-31,2020-02-02,A,1", "when is not a date as this layout writes it"),
        ("1,,2020-02-02,A,1", "no value in when"),
        ("1,2020-02-01,,A,1", "no value in known"),
        ("1,2020-02-03,2020-02-02,A,1", "known is before when"),
        ("1,2020-02-01,2020-02-02,,1", "no value in what"),
        ("1,2020-02-01,2020-02-02,A,many", "count is not a number from -1e+30 to 1e+30"),
        ("1,2020-02-01,2020-02-02", "the row has 3 values, not 5"),
    ],
)
def test_each_way_a_row_is_set_aside(tmp_path: Path, row: str, reason: str) -> None:
    write(tmp_path, "x.csv", "who's id,when,known,what,count", "1,2020-02-01,2020-02-02,A,1", row)
    mapping = {
        "path": "x.csv",
        "subject": "who's id",
        "time": "when",
        "known_time": "known",
        "value": "count",
        "code": {"column": "what"},
    }
    intake = read(tmp_path, mapping)
    file = intake.report.files["x.csv"]
    assert (file.rows_in, file.rows_accepted, dict(file.reasons)) == (2, 1, {reason: 1})
    assert "who's id" not in intake.quarantine["x.csv"].column_names


def test_every_fault_of_a_mapping_is_said_at_once(tmp_path: Path) -> None:
    write(tmp_path, "visits.csv", "who,date", "1,2020-02-01")
    with pytest.raises(StudyError) as caught:
        read(
            tmp_path,
            {**VISITS, "date_format": "%H:%M"},
            {**VISITS, "path": "gone.csv"},
            {**VISITS, "encoding": "klingon"},
            attributes=[{"path": "visits.csv", "subject": "whom", "columns": {"sex": "Sex"}}],
        )
    assert caught.value.faults == (
        "visits.csv: no column when. For when, did you mean who?",
        "visits.csv: date_format %H:%M does not hold a day, a month and a year",
        "gone.csv: no such file",
        "visits.csv: no encoding is called klingon",
        "visits.csv: no column whom. For whom, did you mean who?",
        "visits.csv: no column Sex. No name is like Sex: does the file begin with a header row?",
    )
    assert caught.value.exit_code == 2


def test_a_file_in_a_declared_encoding(tmp_path: Path, events_of) -> None:
    write(tmp_path, "x.csv", "qui,quand,été", "1,2020-02-01,é", encoding="latin-1")
    mapping = {
        "path": "x.csv",
        "subject": "qui",
        "time": "quand",
        "code": {"column": "été", "prefix": "A//"},
        "known_delay_days": 0,
    }
    assert events_of(read(tmp_path, {**mapping, "encoding": "latin-1"}), "A//") == [
        (1, "A//é", "2020-02-01", "2020-02-01", None)
    ]
    with pytest.raises(DataError, match="text encoded as UTF-8"):
        read(tmp_path, mapping)


def test_one_file_may_be_mapped_twice_and_be_empty(tmp_path: Path) -> None:
    write(tmp_path, "visits.csv", "who,when")
    intake = read(tmp_path, VISITS, {**VISITS, "code": "HEALTH//OTHER"})
    assert set(intake.report.files) == {"visits.csv", "visits.csv#2"}
    assert "visits.csv: the file has no rows." in intake.report.notes
    assert intake.report.events == 0


@pytest.mark.parametrize(
    "change", [{"known_time": "r"}, {"known_delay_days": None}, {"known_delay_days": -1}, {"code": ""}]
)
def test_a_mapping_says_one_way_to_know_and_a_code(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CsvSpec.model_validate({"path": tmp_path, "files": [{**VISITS, **change}]})


def test_columns_may_have_any_names_even_ours_and_differ_in_case_only(tmp_path: Path, events_of) -> None:
    write(
        tmp_path,
        "x.csv",
        'file,row,Row,"select ""x""",reason',
        "1,2020-02-01,2020-02-02,A//B,4",
        "1,soon,2020-02-02,A//B,4",
    )
    mapping = {
        "path": "x.csv", "subject": "file", "time": "row", "known_time": "Row", "value": "reason",
        "code": {"column": 'select "x"'},
    }  # fmt: skip
    intake = read(tmp_path, mapping)
    assert events_of(intake, "") == [(1, "A//B", "2020-02-01", "2020-02-02", 4.0)]
    assert intake.quarantine["x.csv"].to_pylist() == [
        {
            "row": 2, "reason": "row is not a date as this layout writes it", "row (theirs)": "soon", "Row": "2020-02-02",
            'select "x"': "A//B", "reason (theirs)": "4",
        }
    ]  # fmt: skip
