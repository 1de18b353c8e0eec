"""An objection is recorded once, where the subject is known, and no cohort of any date holds them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from records_kit import records
from rights_kit import ANN, BEN, CAT

from riskmodel.errors import DataError
from riskmodel.features import CohortSpec, build_cohort
from riskmodel.intake import CsvSpec, EventsSpec, read_csv_files, read_events, take_in
from riskmodel.intake.left_out import digest_data, objections_in, read_objections
from riskmodel.rights.audit_log import read_audit_log
from riskmodel.rights.objections import record_objections
from riskmodel.tables.records import Objections, Records

DAY = date(2021, 6, 1)


def test_the_list_may_hold_subjects_or_keys_and_unknown_ones_are_only_counted(extracts: Path, ask) -> None:
    report = record_objections(
        ask("EDU,E-ann-0001", "EDU,E-zed-0009", header="agency,key"), [extracts], on=DAY
    )
    assert (report.people, report.changed, report.unknown) == (1, 1, 1)
    assert (extracts / "objections.csv").read_text() == f"subject_id,objected_on\n{ANN},2021-06-01\n"
    record_objections(ask(str(BEN)), [extracts], on=date(2021, 7, 1))
    assert objections_in(extracts / "objections.csv") == [(str(ANN), DAY), (str(BEN), date(2021, 7, 1))]
    assert str(ANN) not in report.words()


def test_a_second_objection_keeps_the_first_day_and_every_byte(extracts: Path, ask) -> None:
    record_objections(ask(str(ANN)), [extracts], on=DAY)
    before = {path: path.read_bytes() for path in extracts.rglob("*") if path.is_file()}
    again = record_objections(ask(str(ANN)), [extracts], on=date(2021, 8, 1))
    assert again.changed == 0
    assert {path: path.read_bytes() for path in extracts.rglob("*") if path.is_file()} == before


def test_nobody_known_is_refused_without_a_file(extracts: Path, ask) -> None:
    with pytest.raises(DataError, match="none of 2") as caught:
        record_objections(ask("11", "12"), [extracts], on=DAY)
    assert caught.value.exit_code == 5
    assert not (extracts / "objections.csv").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("subject_id\n", "no row"),
        ("subject_id\nx1\n", "not a whole number"),
        ("agency,key\nEDU,\n", "without an agency or a key"),
        ("name\nann\n", "other columns"),
        ("", "other columns"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_without_its_values(
    extracts: Path, tmp_path: Path, text: str, found: str
) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(DataError, match=found) as caught:
        record_objections(tmp_path / "bad.csv", [extracts], on=DAY)
    assert "x1" not in str(caught.value)


def test_a_folder_without_data_is_refused(tmp_path: Path, ask) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"expected a folder of extracts"):
        record_objections(ask("1"), [tmp_path / "empty"], on=DAY)


def test_a_key_that_the_spine_gives_to_two_people_is_refused(extracts: Path, ask) -> None:
    with (extracts / "spine.csv").open("a") as spine:
        spine.write(f"EDU,E-ann-0001,{BEN}\n")
    with pytest.raises(DataError, match="1 that the spine gives to two people"):
        record_objections(ask("EDU,E-ann-0001", header="agency,key"), [extracts], on=DAY)


def test_an_intake_carries_objections_into_events_and_a_withdrawal_takes_them_out(
    extracts: Path, tmp_path: Path, ask
) -> None:
    record_objections(ask(str(ANN), str(BEN)), [extracts], on=DAY)
    events = tmp_path / "events"
    assert take_in(extracts, out=events, threads=1).records.objections.table.to_pylist() == [
        {"subject_id": ANN, "objected_on": DAY},
        {"subject_id": BEN, "objected_on": DAY},
    ]
    assert len(Records.load(events).objections) == 2
    record_objections(ask(str(CAT)), [events], on=DAY)
    ours = read_events(EventsSpec(kind="events", path=events)).records.objections
    assert ours.table.column("subject_id").to_pylist() == [ANN, BEN, CAT]
    report = record_objections(ask(str(ANN), str(CAT)), [events], on=DAY, withdraw=True)
    assert (report.changed, report.withdrawn) == (2, True)
    assert "taken back" in report.words()
    assert read_objections(events).table.column("subject_id").to_pylist() == [BEN]
    assert record_objections(ask(str(ANN)), [events], on=DAY, withdraw=True).changed == 0
    assert [entry["verb"] for entry in read_audit_log(events).entries] == ["object", "withdraw objection"]


def test_each_shard_says_so_for_its_own_people(tmp_path: Path, ask) -> None:
    schema = pa.schema([("subject_id", pa.int64()), ("time", pa.timestamp("us")), ("code", pa.string())])
    for number, subject in enumerate((ANN, BEN)):
        folder = tmp_path / "events" / f"shard-00{number}"
        folder.mkdir(parents=True)
        pq.write_table(
            pa.Table.from_pylist([{"subject_id": subject}], schema=schema), folder / "events.parquet"
        )
    record_objections(ask(str(BEN)), [tmp_path / "events"], on=DAY)
    assert not (tmp_path / "events" / "shard-000" / "objections.csv").exists()
    assert read_objections(tmp_path / "events").table.column("subject_id").to_pylist() == [BEN]


@pytest.mark.parametrize(
    "text", ["subject_id\n1\n", "subject_id,objected_on\n1,soon\n", "subject_id,objected_on\nx,2021-01-01\n"]
)
def test_a_damaged_list_of_objections_is_refused_by_intake(extracts: Path, text: str) -> None:
    (extracts / "objections.csv").write_text(text)
    with pytest.raises(DataError, match=r"objections\.csv: expected"):
        take_in(extracts, threads=1)


def test_cohorts_of_every_date_leave_out_who_objected_however_late() -> None:
    born = [{"subject_id": i, "time": "2007-05-01", "code": "MEDS_BIRTH"} for i in (1, 2, 3)]
    homes = [{"subject_id": i, "start": "2010-01-01"} for i in (1, 2, 3)]
    everybody = records(events_rows=born, residence_rows=homes)
    late = pa.table({"subject_id": [2], "objected_on": pa.array([date(2024, 1, 1)], pa.date32())})
    spec = CohortSpec(train=(date(2018, 9, 1),), test=(date(2020, 9, 1),), ages=(8, 17))
    before, plain = build_cohort(everybody, spec)
    objected = Records(
        everybody.events, everybody.observation, everybody.residence, everybody.attributes,
        objections=Objections.build(late),
    )  # fmt: skip
    after, attrition = build_cohort(objected, spec)
    assert before.subject_id.tolist() == [1, 2, 3, 1, 2, 3]
    assert after.subject_id.tolist() == [1, 3, 1, 3]
    step = ("has not asked to be left out (objection, Article 21)", 4, 2)
    assert step in attrition.steps
    assert step[0] not in [rule for rule, _, _ in plain.steps]


def test_csv_files_take_objections_under_the_sender_s_own_names(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,day\nann,2020-01-01\n7,2020-01-01\n")
    (tmp_path / "objections.csv").write_text("subject_id,objected_on\nann,2021-06-01\n7,2021-06-01\n")
    file = {"path": "x.csv", "subject": "id", "time": "day", "code": "A//B", "known_delay_days": 1}
    found = read_csv_files(CsvSpec.model_validate({"kind": "csv", "path": tmp_path, "files": [file]}))
    ids = sorted(found.records.events.table.column("subject_id").to_pylist())
    assert sorted(found.records.objections.table.column("subject_id").to_pylist()) == ids


def test_the_digest_of_data_sees_objections_but_not_the_audit_log(extracts: Path, tmp_path: Path) -> None:
    table = tmp_path / "flat" / "table.csv"
    table.parent.mkdir()
    table.write_text("a\n")
    first, flat = digest_data(extracts), digest_data(table)
    (extracts / "audit.jsonl").write_text("{}")
    (table.parent / "audit.jsonl").write_text("{}")
    (table.parent / "other.csv").write_text("{}")
    assert (digest_data(extracts), digest_data(table)) == (first, flat)
    for folder in (extracts, table.parent):
        (folder / "objections.csv").write_text("subject_id,objected_on\n1,2020-01-01\n")
    assert digest_data(extracts) != first
    assert digest_data(table) != flat
