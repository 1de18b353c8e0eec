"""Districts: written apart, numbered apart, the same bytes every time, and nothing left when one fails."""

from __future__ import annotations

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from riskmodel.errors import RiskModelError
from riskmodel.files import digest_path
from riskmodel.simulate import SimulateSpec, shards, simulate

SPEC = SimulateSpec(size=1601, years=2, shards=3)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("shards") / "borough"
    return out, simulate(SPEC, seed=4, out=out)


def column(root, name, *columns):
    found = csv.DictReader((root / "extracts" / name).read_text(encoding="utf-8").splitlines())
    return {tuple(row[column] for column in columns) for row in found}


def test_one_folder_a_district_with_its_own_extracts_and_truth(written):
    out, report = written
    folders = sorted(path.name for path in out.iterdir())
    assert folders == ["shard-000", "shard-001", "shard-002"]
    assert {path.name for path in (out / "shard-001").iterdir()} == {"extracts", "truth"}
    assert report.districts == 3
    people = [pq.read_metadata(out / name / "truth/people.parquet").num_rows for name in folders]
    assert report.people == sum(people) == report.truth["people.parquet"]
    assert min(people) > 0.8 * max(people)
    lines = sum(len((out / name / "extracts/spine.csv").read_text().splitlines()) - 1 for name in folders)
    assert report.extracts["spine.csv"] == lines


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("spine.csv", ("subject_id",)),
        ("spine.csv", ("agency", "key")),
        ("housing/residence.csv", ("uprn_key",)),
        ("housing/lsoa.csv", ("lsoa",)),
        ("housing/lsoa.csv", ("ward",)),
        ("health/emergency.csv", ("record_id",)),
        ("school_census/2024_spring_pupilonroll.csv", ("NativeId",)),
        ("school_census/2024_spring_pupilonroll.csv", ("pupilonrolltableid",)),
    ],
)
def test_no_two_districts_share_a_number(written, name, columns):
    spoilt = {("S09999999",), ("E99999999",), ("R99999999",), ("H99999999",)}
    parts = [column(written[0] / f"shard-{n:03d}", name, *columns) - spoilt for n in range(3)]
    assert all(parts)
    assert len(set().union(*parts)) == sum(map(len, parts))


def test_districts_differ_and_are_the_same_bytes_again(written, tmp_path):
    simulate(SPEC, seed=4, out=tmp_path / "again")
    assert digest_path(tmp_path / "again") == digest_path(written[0])
    digests = {digest_path(written[0] / f"shard-{n:03d}/extracts") for n in range(3)}
    assert len(digests) == 3


def test_residents_are_shared_out_evenly():
    assert [spec.size for spec in shards.district_specs(SPEC)] == [534, 534, 533]
    assert {spec.districts for spec in shards.district_specs(SPEC)} == {1}


@pytest.mark.parametrize(("size", "count"), [(45_000, 1), (200_000, 1), (200_001, 3), (1_000_000, 10)])
def test_one_district_up_to_200_000_then_one_for_every_100_000(size, count):
    assert SimulateSpec(size=size).districts == count
    assert SimulateSpec(size=size, shards=2).districts == 2


def test_a_district_that_fails_stops_the_others_and_leaves_nothing(tmp_path, monkeypatch):
    start, processes = shards._start, []

    def broken(spec, numbering, **rest):
        if numbering.district == 1:
            spec = spec.model_copy(update={"size": -1})  # refused by the process
        processes.append(start(spec, numbering, **rest))
        return processes[-1]

    monkeypatch.setattr(shards, "_start", broken)
    with pytest.raises(RiskModelError, match="district 1 of the simulated borough was not written"):
        simulate(SPEC, seed=4, out=tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
    assert all(process.poll() is not None for process in processes)


def test_an_interruption_stops_all_districts_and_leaves_nothing(tmp_path, monkeypatch):
    start, processes = shards._start, []

    def watched(*arguments, **rest):
        processes.append(start(*arguments, **rest))
        return processes[-1]

    def interrupted(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(shards, "_start", watched)
    monkeypatch.setattr(shards.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate(SPEC, seed=4, out=tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
    assert len(processes) == 2
    assert all(process.returncode is not None for process in processes)


def test_progress_counts_districts(tmp_path):
    told = []
    spec = SimulateSpec(size=1000, years=2, shards=2)
    simulate(spec, seed=1, out=tmp_path / "b", progress=lambda words, share: told.append((words, share)))
    assert told == [("simulating districts", share) for share in (0.0, 0.5, 1.0)]


def test_the_process_of_a_district_does_what_its_input_says(written, tmp_path, monkeypatch, capsys):
    (tmp_path / "shard").mkdir()
    task = {
        "spec": shards.district_specs(SPEC)[2].model_dump(mode="json"), "seed": 4, "folder": str(tmp_path / "shard"),
        "identities": False, "district": 2, "districts": 3,
    }  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(task)))
    shards.main()
    told = json.loads(capsys.readouterr().out)
    assert told["people"] == pq.read_metadata(tmp_path / "shard/truth/people.parquet").num_rows
    assert digest_path(tmp_path / "shard") == digest_path(written[0] / "shard-002")
