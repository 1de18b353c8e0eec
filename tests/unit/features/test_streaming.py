"""Shards and parts: what is refused, what is kept after a kill, and how many are held at once."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from records_kit import CATALOGUE, cohort, columns, records

from riskmodel.errors import DataError
from riskmodel.features import streaming
from riskmodel.features.matrix import build_columns
from riskmodel.features.shards import EventShards, ShardWriter, write_shards
from riskmodel.features.streaming import Wanted, read_features, stream_matrix, write_features
from riskmodel.tables.features import require_spec

EVENTS = [
    {"subject_id": subject, "time": f"2024-01-{1 + subject % 28:02d}", "code": "EDU//SUSPENSION//DB"}
    for subject in range(1, 41)
    for _ in range(subject % 3)
]
DATA = records(
    events_rows=EVENTS,
    observation_rows=[{"subject_id": s, "agency": "EDU", "start": "2020-01-01"} for s in range(1, 41)],
)
COHORT = cohort([(subject, date) for subject in range(1, 46) for date in ("2024-01-15", "2024-03-01")])
COLUMNS = columns({"events": "EDU//SUSPENSION//*", "aggregations": ["count", "mean"], "windows": "90d"})
WANTED = Wanted(COHORT.subject_id, COHORT.index_day, COLUMNS, CATALOGUE)


@pytest.fixture
def shards(tmp_path):
    return write_shards(DATA.events, DATA.observation, tmp_path / "shards", events_a_shard=5)


def test_shards_are_cut_by_subject_and_say_what_the_whole_says(shards):
    assert len(shards) > 5
    seen = [set(shards.events(number).column("subject_id").to_pylist()) for number in range(len(shards))]
    assert sum(map(len, seen)) == len(set.union(*seen))
    assert sum(shards.events(number).num_rows for number in range(len(shards))) == len(EVENTS)
    whole = build_columns(DATA, COHORT, COLUMNS, CATALOGUE, threads=1)
    np.testing.assert_array_equal(stream_matrix(shards, WANTED, threads=2), whole)


def test_a_killed_run_is_taken_up_from_the_parts_that_are_there(shards, tmp_path, monkeypatch):
    place, calls = tmp_path / "features", []
    table = streaming._Job.table

    def killed(job, number, layout, digest):
        if number == 3:
            raise KeyboardInterrupt
        calls.append(number)
        return table(job, number, layout, digest)

    monkeypatch.setattr(streaming._Job, "table", killed)
    with pytest.raises(KeyboardInterrupt):
        write_features(shards, WANTED, place, threads=1)
    assert calls == [0, 1, 2]  # nothing is begun after a failure
    assert not list(place.glob(".*part-*"))
    kept = {part.name: part.stat().st_mtime_ns for part in place.iterdir()}
    monkeypatch.setattr(streaming._Job, "table", table)
    told = []
    write_features(shards, WANTED, place, threads=1, progress=lambda done, of: told.append((done, of)))
    assert told[0] == (len(calls), len(shards))
    assert told[-1] == (len(shards), len(shards))
    assert all((place / name).stat().st_mtime_ns == when for name, when in kept.items())
    _, _, matrix = read_features(place)
    assert len(matrix) == len(COHORT)


def test_parts_of_something_else_are_made_again(shards, tmp_path):
    place = tmp_path / "features"
    write_features(shards, WANTED, place)
    other = columns({"events": "EDU//SUSPENSION//*", "aggregations": "any", "windows": "90d"})
    (place / "features-99999.parquet").write_bytes(b"left by a larger run")
    write_features(shards, Wanted(COHORT.subject_id, COHORT.index_day, other, CATALOGUE), place)
    _, _, matrix = read_features(place)
    assert matrix.names == ("one_0__any__90d",)
    assert not (place / "features-99999.parquet").exists()


def test_a_part_that_is_no_parquet_file_is_made_again(shards, tmp_path):
    place = tmp_path / "features"
    first = write_features(shards, WANTED, place)[0]
    whole = first.read_bytes()
    first.write_bytes(b"half")
    write_features(shards, WANTED, place)
    assert first.read_bytes() == whole


def test_features_of_another_specification_are_refused(shards, tmp_path):
    place = tmp_path / "features"
    write_features(shards, WANTED, place)
    found = read_features(place)[2].spec_hash
    assert read_features(place, expected=found)[2].names == ("one_0__count__90d", "one_0__mean__90d")
    with pytest.raises(DataError, match="that the model was trained on"):
        read_features(place, expected="0" * 64)
    with pytest.raises(DataError, match="000000000000"):
        require_spec(found, "0" * 64, where="here")
    require_spec(found, found, where="here")


@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_both_layouts_keep_names_and_meaning(shards, tmp_path, layout):
    part = write_features(shards, WANTED, tmp_path / "features", layout=layout)[0]
    schema = pq.read_schema(part)
    assert schema.metadata[b"layout"].decode() == layout
    assert [info["name"] for info in json.loads(schema.metadata[b"infos"])] == [c.info.name for c in COLUMNS]
    body = ["columns", "values"] if layout == "sparse" else [c.info.name for c in COLUMNS]
    assert schema.names == ["subject_id", "index_date", *body]


def test_folders_that_hold_nothing_whole_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"shards\.json"):
        EventShards.open(tmp_path)
    with pytest.raises(DataError, match="Build the features first"):
        read_features(tmp_path)


def test_subjects_out_of_order_are_refused(shards, tmp_path):
    writer = ShardWriter(tmp_path)
    writer.add(shards.events(1, agency=True), shards.observation(1), last=int(shards.last[1]))
    with pytest.raises(DataError, match="each subject in one shard"):
        writer.add(shards.events(0, agency=True), shards.observation(0), last=int(shards.last[0]))


def test_records_without_events_are_one_shard(tmp_path):
    empty = records(observation_rows=[{"subject_id": 3, "agency": "EDU", "start": "2020-01-01"}])
    shards = write_shards(empty.events, empty.observation, tmp_path / "shards")
    assert len(shards) == 1
    rows = cohort([(3, "2024-03-01"), (4, "2024-03-01")])
    found = stream_matrix(shards, Wanted(rows.subject_id, rows.index_day, COLUMNS[:1], CATALOGUE))
    np.testing.assert_array_equal(found, [[0.0], [np.nan]])
