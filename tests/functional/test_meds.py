"""MEDS: what we write is judged by the standard's own schemas, and comes back as it was."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from meds import CodeMetadataSchema, DataSchema, DatasetMetadataSchema

from riskmodel.cli import main
from riskmodel.intake import EventsSpec, read_events, take_in
from riskmodel.intake.meds import write_meds
from riskmodel.intake.spec import DelaySpec
from riskmodel.simulate import SimulateSpec, simulate
from riskmodel.tables.catalogue import load_catalogue

TABLES = ("events", "observation", "residence", "attributes", "objections")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    simulate(SimulateSpec(size=600, years=5), seed=3, out=folder / "borough")
    taken = take_in(folder / "borough" / "extracts", delays=DelaySpec())
    (folder / "events").mkdir()
    taken.records.save(folder / "events")
    return folder / "events"


@pytest.fixture(scope="module")
def dataset(log, tmp_path_factory):
    place = tmp_path_factory.mktemp("meds") / "dataset"
    records = read_events(EventsSpec(path=log)).records
    shards = write_meds(records, place, catalogue=load_catalogue(), name="borough", rows_a_shard=5000)
    assert shards == len(list((place / "data").iterdir())) > 3
    return place


def test_the_standards_own_schemas_accept_every_file(dataset):
    for shard in sorted((dataset / "data").iterdir()):
        DataSchema.validate(pq.read_table(shard))
    codes = pq.read_table(dataset / "metadata" / "codes.parquet")
    CodeMetadataSchema.validate(codes)
    facts = json.loads((dataset / "metadata" / "dataset.json").read_text())
    DatasetMetadataSchema.validate(facts)
    assert facts["meds_version"] == "0.4.1"
    assert facts["other_extension_columns"] == ["known_time", "superseded_time", "known_basis", "agency"]


def test_every_code_is_listed_and_described(dataset):
    codes = pq.read_table(dataset / "metadata" / "codes.parquet").to_pydict()
    used = {
        code
        for shard in (dataset / "data").iterdir()
        for code in pq.read_table(shard, columns=["code"]).column("code").unique().to_pylist()
    }
    assert set(codes["code"]) == used
    assert all(codes["description"])


def test_a_subject_is_in_one_shard_and_its_events_are_in_order_with_static_facts_first(dataset):
    seen = set()
    for shard in sorted((dataset / "data").iterdir(), key=lambda path: int(path.stem)):
        rows = pq.read_table(shard, columns=["subject_id", "time"]).to_pylist()
        here = {row["subject_id"] for row in rows}
        assert not here & seen
        seen |= here
        keys = [(row["subject_id"], row["time"] is not None, row["time"] or 0) for row in rows]
        assert [key[:2] for key in keys] == sorted(key[:2] for key in keys)
        dated = [key for key in keys if key[1]]
        assert dated == sorted(dated)


def test_what_is_written_is_read_back_as_it_was(log, dataset):
    before, after = (read_events(EventsSpec(path=folder)) for folder in (log, dataset))
    for name in TABLES:
        assert getattr(after.records, name).table.equals(getattr(before.records, name).table), name
    assert after.records.notes == before.records.notes
    assert sum(table.num_rows for table in after.quarantine.values()) == 0


def test_the_command_writes_it_and_never_over_something(log, tmp_path, capsys):
    asked = ["meds", str(log), "--out", str(tmp_path / "meds"), "--quiet"]
    assert main([*asked, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["events"] == pq.read_metadata(log / "events.parquet").num_rows
    assert said["set_aside"] == 0
    assert main(asked) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["meds", str(tmp_path / "nowhere"), "--out", str(tmp_path / "x")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_rows_that_cannot_be_read_are_counted(tmp_path, capsys):
    (tmp_path / "plain" / "data").mkdir(parents=True)
    rows = {
        "subject_id": pa.array([1, 1, None], pa.int64()),
        "time": pa.array([0, 86_400_000_000, 0], pa.timestamp("us")),
        "code": ["MEDS_BIRTH", "EDU//SUSPENSION//DB", "EDU//SUSPENSION//DB"],
    }
    pq.write_table(pa.table(rows), tmp_path / "plain" / "data" / "0.parquet")
    assert main(["meds", str(tmp_path / "plain"), "--out", str(tmp_path / "meds"), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "2 events in 1 shard:" in said
    assert "1 rows were set aside" in said


def test_a_catalogue_is_drafted_for_the_codes_nobody_described(dataset, tmp_path, capsys):
    place = tmp_path / "draft.yaml"
    assert main(["meds", str(dataset), "--draft-catalogue", str(place)]) == 0
    assert "Every code is described" in capsys.readouterr().out
    assert not place.exists()

    other = tmp_path / "other"
    (other / "metadata").mkdir(parents=True)
    assert main(["meds", str(other), "--draft-catalogue", str(place)]) == 5
    assert "codes.parquet" in capsys.readouterr().err
    codes = {
        "code": ["LAB//HBA1C", "EDU//SUSPENSION//DB", "WARD//7"],
        "description": ["blood sugar over three months", "x", None],
    }
    pq.write_table(pa.table(codes), other / "metadata" / "codes.parquet")
    assert main(["meds", str(other), "--draft-catalogue", str(place)]) == 0
    assert "2 codes are not described" in capsys.readouterr().out
    drafted = yaml.safe_load(place.read_text())
    assert [(one["code"], one["description"]) for one in drafted["codes"]] == [
        ("LAB//HBA1C", "blood sugar over three months"),
        ("WARD//7", "had the code WARD//7"),
    ]
    assert load_catalogue(place).lookup("LAB//HBA1C").concept == "not yet described"
    assert main(["meds", str(other), "--draft-catalogue", str(place)]) == 2
    assert "exists already" in capsys.readouterr().err
