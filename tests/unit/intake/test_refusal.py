"""Analyst commands refuse files that look as if they held direct identifiers, in every form they read."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from workbook_kit import write_workbook

from riskmodel.errors import PolicyError
from riskmodel.features.spec import TableSpec
from riskmodel.features.table import read_table
from riskmodel.intake import CsvSpec, EventsSpec, read_csv_files, read_events, take_in
from riskmodel.intake.refusal import identifiers_in, refuse_identifiers, refuse_identifiers_in_csv

POSTCODES = ["E17 4PP", "E17 4QR", "N1C 4AG"]
EVENTS = {
    "subject_id": [1, 2],
    "time": ["2020-01-01", "2020-01-02"],
    "code": ["EDU//ENROL", "HEALTH//ED//ASSAULT"],
}


def found_in(folder: Path, name: str, content: str) -> dict[str, str]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return identifiers_in(folder).get(name, {})


def test_names_of_columns_and_values_in_csv(tmp_path: Path) -> None:
    rows = "\n".join(f"{i},Ann,,{postcode}" for i, postcode in enumerate(POSTCODES))
    found = found_in(tmp_path, "a/x.csv", f"key,forename,surname,home\n{rows}\n")
    assert found == {"forename": "a name", "home": "full postcodes"}  # surname is wholly empty


def test_a_value_far_down_in_a_column_that_is_mostly_empty(tmp_path: Path) -> None:
    lines = [f"{i},{'x' * 60}," for i in range(20_000)]
    assert found_in(tmp_path, "x.csv", "\n".join(["key,other,formerupn", *lines, ""])) == {}
    lines[13_333] = lines[13_333] + "A123456789012"
    content = "\n".join(["key,other,formerupn", *lines, ""])
    assert found_in(tmp_path, "x.csv", content) == {"formerupn": "a pupil or learner number"}


def test_identifiers_anywhere_in_a_long_file(tmp_path: Path) -> None:
    lines = [f"{i},{'x' * 60},{POSTCODES[i % 3][:-2]}{'ABDEFGHJ'[i % 8]}A" for i in range(20_000)]
    found = found_in(tmp_path, "x.csv", "\n".join(["key,other,place", *lines, ""]))
    assert found == {"place": "full postcodes"}


def test_a_long_file_costs_little(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("key,code,day\n" + "7f3a,IMO,2020-01-01\n" * 1_000_000, encoding="utf-8")
    before = time.process_time()
    assert identifiers_in(tmp_path) == {}
    assert time.process_time() - before < 1.0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_other_encodings_do_not_hide_anything(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "x.csv").write_bytes("surname,key\nZoë,1\n".encode(encoding))
    assert list(identifiers_in(tmp_path)) == ["x.csv"]


def test_lines_that_are_no_csv_are_left_to_the_reader(tmp_path: Path) -> None:
    assert found_in(tmp_path, "x.csv", '"key\n') == {}
    assert found_in(tmp_path, "x.csv", "") == {}
    assert found_in(tmp_path, "x.csv", f'key,surname\n"{"x" * 140_000}\n') == {}


def test_a_file_without_header_is_told_by_the_number_of_its_column(tmp_path: Path) -> None:
    rows = "\n".join(f"Zarquon,{postcode}" for postcode in [*POSTCODES, "E17 4AA"])
    assert found_in(tmp_path, "x.csv", f"{rows}\n") == {"column 2": "full postcodes"}


def test_every_sheet_of_a_workbook(tmp_path: Path) -> None:
    first = [["key", "surname"], ["1", None]]
    second = [["key", "home"], *([i, postcode] for i, postcode in enumerate(POSTCODES))]
    write_workbook(tmp_path / "x.xlsx", {"One": first, "Two": second})
    assert identifiers_in(tmp_path) == {"x.xlsx": {"home": "full postcodes"}}


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("<UPN>A123456789123</UPN>", {"UPN": "pupil numbers (UPN)"}),
        ("<x:UPN xmlns:x='u'>A123456789123</x:UPN>", {"UPN": "pupil numbers (UPN)"}),
        ("<FormerUPN>X98765432123B</FormerUPN>", {"FormerUPN": "a pupil or learner number"}),
        ("<Surname>Zarquon</Surname>", {"Surname": "a name"}),
        ("<UPN/><FormerUPN></FormerUPN><Surname> </Surname><UPNunknown>UN3</UPNunknown>", {}),
        ("<LAchildID>7f3a</LAchildID><UPN>5184b506c4bbec1e39225da06ba3b702</UPN>", {}),
    ],
)
def test_elements_of_xml(tmp_path: Path, inside: str, found: dict[str, str]) -> None:
    assert found_in(tmp_path, "x.xml", f"<Message><Children>{inside}</Children></Message>") == found


def test_an_element_far_down_in_a_long_xml_file(tmp_path: Path) -> None:
    child = "<Child><LAchildID>7f3a</LAchildID></Child>\n"
    content = child * 30_000 + "<FormerUPN>X98765432123B</FormerUPN>" + child * 30_000
    assert found_in(tmp_path, "x.xml", content) == {"FormerUPN": "a pupil or learner number"}
    assert found_in(tmp_path, "x.xml", "") == {}


def test_parquet_columns_codes_and_attributes(tmp_path: Path) -> None:
    pq.write_table(pa.table({**EVENTS, "surname": [None, "Zarquon"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({**EVENTS, "surname": pa.nulls(2, pa.string())}), tmp_path / "b.parquet")
    pq.write_table(pa.table({**EVENTS, "code": ["EDU//FORENAME//ANN", "X"]}), tmp_path / "c.parquet")
    pq.write_table(pa.table({"subject_id": [9434765919, 4010232137, 9434765870]}), tmp_path / "d.parquet")
    pq.write_table(pa.table({"attribute": ["sex", "email"], "value": ["F", "x"]}), tmp_path / "e.parquet")
    (tmp_path / "f.parquet").write_bytes(b"PAR1")
    assert identifiers_in(tmp_path) == {
        "a.parquet": {"surname": "a name"},
        "c.parquet": {"code": "a name"},
        "d.parquet": {"subject_id": "NHS numbers"},
        "e.parquet": {"attribute": "an email address"},
    }


def test_the_refusal_names_file_and_column_and_the_way_out_and_no_value(tmp_path: Path) -> None:
    found_in(tmp_path, "a/x.csv", "key,surname\n1,Zarquon\n")
    with pytest.raises(PolicyError) as caught:
        refuse_identifiers(tmp_path, {})
    assert str(caught.value) == (
        "Analyst commands refuse data that look like direct identifiers:\n"
        "  - a/x.csv: surname looks like a name\n"
        "Run 'riskmodel pseudonymise' at the linking party. If a column is no direct identifier, name it and write "
        "down why in declared_use of manifest.json."
    )
    assert caught.value.exit_code == 3
    refuse_identifiers(tmp_path, {"surname": "the surname of the fictional author of the form"})


def test_take_in_refuses_unless_the_manifest_declares_the_use(folder) -> None:
    folder.csv("notes/extra.csv", ["name", "Zarquon"])  # no layout reads it, and yet it is there
    with pytest.raises(PolicyError, match=r"notes/extra\.csv: name looks like a name"):
        folder.take_in()
    folder.manifest(extract_date="2021-08-31", declared_use={"name": "the name of the school's form"})
    assert folder.take_in().report.files["spine.csv"].rows_in == 24


def test_take_in_takes_workbooks_for_csv_files_but_not_beside_them(folder) -> None:
    header = ["nominal", "role", "offence_class", "incident_date", "ethnicity_officer", "recorded_date"]
    row = ["police-ann", "VICTIM", "THEFT", "2020-01-01", "", "2020-01-02"]
    write_workbook(folder.path / "police/people.xlsx", {"People": [header, row]})
    taken = take_in(folder.path, threads=1)
    assert taken.report.files["police/people.xlsx"].rows_accepted == 1
    folder.csv("police/people.csv", [",".join(header), ",".join(row)])
    with pytest.raises(Exception, match="found two for the same period"):
        folder.take_in()


def test_a_study_of_events_refuses_unless_it_declares_the_use(tmp_path: Path) -> None:
    table = pa.table({**EVENTS, "subject_id": [1, 2], "postcode": ["E17", "N1"]})
    pq.write_table(
        table.set_column(1, "time", table.column("time").cast(pa.timestamp("us"))),
        tmp_path / "events.parquet",
    )
    with pytest.raises(
        PolicyError, match=r"events\.parquet: postcode looks like a postcode\n.*\n?.*data\.declared_use"
    ):
        read_events(EventsSpec(path=tmp_path), threads=1)
    declared = {"postcode": "the district only"}
    assert len(read_events(EventsSpec(path=tmp_path, declared_use=declared), threads=1).records.events) == 2


def test_a_study_of_csv_files_refuses_unless_it_declares_the_use(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,day,name\n1,2020-01-01,Zarquon\n")
    file = {"path": "x.csv", "subject": "id", "time": "day", "code": "A//B", "known_delay_days": 0}
    with pytest.raises(PolicyError, match=r"x\.csv: name looks like a name"):
        read_csv_files(CsvSpec.model_validate({"path": tmp_path, "files": [file]}), threads=1)
    spec = CsvSpec.model_validate(
        {"path": tmp_path, "files": [file], "declared_use": {"name": "of the event"}}
    )
    assert len(read_csv_files(spec, threads=1).records.events) == 1


def test_a_study_of_csv_files_may_be_about_a_workbook(tmp_path: Path) -> None:
    write_workbook(tmp_path / "x.xlsx", {"One": [["id", "day"], [1, date(2020, 1, 31)]], "Two": [["z"], [1]]})
    file = {"path": "x.xlsx", "subject": "id", "time": "day", "code": "A//B", "known_delay_days": 0}
    spec = CsvSpec.model_validate({"path": tmp_path, "files": [file | {"date_format": "%d.%m.%Y"}]})
    events = read_csv_files(spec, threads=1).records.events.table.to_pylist()
    assert [(event["subject_id"], event["time"].date()) for event in events] == [(1, date(2020, 1, 31))]


def test_a_study_of_a_flat_table_refuses_unless_it_declares_the_use(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id;forename;y;f\n1;Zarquon;1;2\n2;Zarquon;0;1\n")
    outcome = {"column": "y", "yes": ["1"], "no": ["0"], "description": "harm in a year", "phrase": "harm"}
    feature = {
        "column": "f",
        "kind": "number",
        "description": "days away",
        "concept": "schooling",
        "agency": "EDU",
    }
    said: dict[str, object] = {
        "path": path,
        "subject": "id",
        "delimiter": ";",
        "chosen": "y",
        "outcomes": {"y": outcome},
        "features": {"f": feature},
    }
    with pytest.raises(PolicyError, match=r"x\.csv: forename looks like a name"):
        read_table(TableSpec.model_validate(said))
    assert (
        len(read_table(TableSpec.model_validate({**said, "declared_use": {"forename": "made up"}})).cohort)
        == 2
    )
    refuse_identifiers_in_csv(path, declared={"forename": "made up"}, delimiter=";")
