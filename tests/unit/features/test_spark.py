"""Spark: the same values as the local engine on a real session, whatever the order and the cut of its input."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from records_kit import CATALOGUE, cohort, columns, records
from spark_kit import tagged, words_of
from spark_session import needs_spark, running
from spec_cases import CASES, event_rows, observation_rows

from riskmodel.errors import DataError, StudyError
from riskmodel.features import build_features, builder, spark
from riskmodel.features.matrix import build_columns
from riskmodel.features.shards import write_shards
from riskmodel.features.spec import FeaturesSpec
from riskmodel.features.streaming import Wanted, read_features, write_features
from riskmodel.models import CalibratedModel, Calibration, ModelsSpec, fit
from riskmodel.models.scoring import score_parts
from riskmodel.tables.features import FeatureMatrix

EVENTS = [
    {
        "subject_id": subject,
        "time": f"2024-{1 + one % 3:02d}-{1 + subject % 28:02d}",
        "known_time": f"2024-{1 + one % 5:02d}-{1 + subject % 28:02d}",
        "code": "EDU//SUSPENSION//DB" if one % 2 else "EDU//SUSPENSION//PP",
        "numeric_value": one + subject / 7,
        "agency": "EDU" if one % 3 else "CSC",
    }
    for subject in range(1, 61)
    for one in range(subject % 9)
]
OBSERVED = [{"subject_id": s, "agency": "EDU", "start": "2020-01-01"} for s in range(1, 51)]
DATA = records(events_rows=EVENTS, observation_rows=OBSERVED)
COHORT = cohort([(subject, date) for subject in range(1, 66) for date in ("2024-02-15", "2024-05-01")])
COLUMNS = columns(
    {"events": "EDU//SUSPENSION//*", "aggregations": ["count", "mean", "last", "distinct"], "windows": "90d"},
    {"events": "EDU//SUSPENSION//*", "aggregations": ["sum"], "windows": "90d", "recorded_by": "CSC"},
)
WANTED = Wanted(COHORT.subject_id, COHORT.index_day, COLUMNS, CATALOGUE)


@pytest.fixture(scope="module")
def session():
    with running() as one:
        yield one


def bits(values):
    """What the numbers are made of; one kind of missing only."""
    return np.where(np.isnan(values), np.float32("nan"), values).view(np.int32)


def shuffled(shards):
    """Put the rows of every file of shards out of order, as a cluster's storage may give them."""
    for number, file in enumerate(sorted(shards.folder.glob("*.parquet"))):
        table = pq.read_table(file)
        order = np.random.default_rng(number).permutation(len(table))
        pq.write_table(table.take(pa.array(order)), file)
    return shards


def in_cohort_order(folder, of):
    _, _, found = read_features(folder)
    values = np.empty_like(found.values)
    values[np.lexsort((of.index_day, of.subject_id))] = found.values
    return values


@needs_spark
def test_every_spec_case_on_shuffled_input_in_seven_partitions(tmp_path):
    cases = list(CASES.values())
    rows = {"events_rows": [], "observation_rows": []}
    for subject, case in enumerate(cases, start=1):
        rows["events_rows"] += [{**row, "subject_id": subject} for row in event_rows(case)]
        rows["observation_rows"] += [{**row, "subject_id": subject} for row in observation_rows(case)]
    data = records(**rows)
    people = cohort([(subject, str(case["index"])) for subject, case in enumerate(cases, start=1)])
    wanted = tuple(
        replace(column, info=replace(column.info, name=f"case_{number}"))
        for number, case in enumerate(cases)
        for column in columns(case["feature"])
    )
    shards = shuffled(write_shards(data.events, data.observation, tmp_path / "shards", events_a_shard=20))
    asked = Wanted(people.subject_id, people.index_day, wanted, CATALOGUE)
    parts = spark.write_on_spark(shards, asked, tmp_path / "features", partitions=7)
    assert len(parts) == 7
    found = in_cohort_order(tmp_path / "features", people)
    np.testing.assert_array_equal(bits(found), bits(build_columns(data, people, wanted, CATALOGUE)))
    own = found[np.arange(len(people)), people.subject_id - 1]
    expected = [float(cases[subject - 1]["expect"]) for subject in people.subject_id]
    np.testing.assert_allclose(own, expected, rtol=1e-6)


@needs_spark
def test_spark_and_local_agree_to_the_bit_and_score_the_same(tmp_path):
    shards = write_shards(DATA.events, DATA.observation, tmp_path / "shards", events_a_shard=30)
    local = build_columns(DATA, COHORT, COLUMNS, CATALOGUE)
    seen = []
    parts = spark.write_on_spark(
        shuffled(shards), WANTED, tmp_path / "spark", partitions=7, progress=lambda *told: seen.append(told)
    )
    assert seen == [(0, 7), (7, 7)]
    np.testing.assert_array_equal(bits(in_cohort_order(tmp_path / "spark", COHORT)), bits(local))

    infos = tuple(column.info for column in COLUMNS)
    matrix = FeatureMatrix(local, infos)
    outcome = (COHORT.subject_id % 3 == 0).astype(np.int8)
    model = fit("xgboost", matrix, outcome, np.ones(len(outcome)), spec=ModelsSpec(), seed=1, threads=1)
    calibrated = CalibratedModel(model, Calibration("sigmoid", -1.0, 0.5))
    on_spark = score_parts(calibrated, parts, tmp_path / "scores", engine="spark")
    here = score_parts(calibrated, parts, tmp_path / "scores-here")
    assert [one.name for one in on_spark] == [one.name for one in here]
    together = pa.concat_tables(pq.read_table(one) for one in on_spark).sort_by(
        [("subject_id", "ascending"), ("index_date", "ascending")]
    )
    order = np.lexsort((COHORT.index_day, COHORT.subject_id))
    raw = model.raw_score(matrix)[order]
    np.testing.assert_array_equal(together.column("raw_score").to_numpy(), raw)
    np.testing.assert_array_equal(together.column("risk_estimate").to_numpy(), calibrated.risk(raw))
    for left, right in zip(on_spark, here, strict=True):
        assert pq.read_table(left).equals(pq.read_table(right))


@needs_spark
def test_a_study_with_the_engine_spark_has_the_same_features():
    spec = FeaturesSpec(libraries=("default",), engine="spark")
    found = builder("spark")(DATA, COHORT, spec, CATALOGUE)
    local = build_features(DATA, COHORT, FeaturesSpec(libraries=("default",)), CATALOGUE)
    assert found.spec_hash == local.spec_hash
    np.testing.assert_array_equal(bits(found.values), bits(local.values))


@needs_spark
def test_nobody_at_all_is_an_empty_part(tmp_path):
    shards = write_shards(DATA.events, DATA.observation, tmp_path / "shards")
    nobody = Wanted(COHORT.subject_id[:0], COHORT.index_day[:0], COLUMNS, CATALOGUE)
    (part,) = spark.write_on_spark(shards, nobody, tmp_path / "features", partitions=2)
    assert pq.read_table(part).num_rows == 0
    assert len(read_features(tmp_path / "features")[2]) == 0


def test_scores_refuse_another_specification_and_nothing(tmp_path):
    shards = write_shards(DATA.events, DATA.observation, tmp_path / "shards")
    parts = write_features(shards, WANTED, tmp_path / "features")
    infos = tuple(column.info for column in COLUMNS)
    other = FeatureMatrix(
        build_columns(DATA, COHORT, COLUMNS, CATALOGUE), (*infos[:-1], replace(infos[-1], window="30d"))
    )
    outcome = (COHORT.subject_id % 3 == 0).astype(np.int8)
    model = fit("xgboost", other, outcome, np.ones(len(outcome)), spec=ModelsSpec(), seed=1, threads=1)
    for engine in ("local", "spark"):
        with pytest.raises(DataError, match="specification"):
            score_parts(
                CalibratedModel(model, Calibration("none")), parts, tmp_path / "scores", engine=engine
            )
        assert not (tmp_path / "scores").exists()
    with pytest.raises(DataError, match="at least one part"):
        score_parts(CalibratedModel(model, Calibration("none")), [], tmp_path / "scores")


def batch(*subjects):
    return pa.record_batch({"subject_id": pa.array(subjects, pa.int64())})


def test_a_subject_in_many_batches_stays_whole():
    stream = [batch(1, 1, 2), batch(2, 2), batch(), batch(2), batch(2, 3), batch(4), batch(5, 5)]
    cut = [table.column("subject_id").to_pylist() for table in spark.whole_subjects(iter(stream))]
    assert cut == [[1, 1], [2, 2, 2, 2, 2], [3], [4], [5, 5]]
    assert list(spark.whole_subjects(iter([]))) == []


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_worker_gives_the_same_whatever_the_size_of_its_batches(tmp_path, size):
    """The worker's own function, without a session: sorted tagged records in, a part out."""
    walk = spark.Walk(COLUMNS, CATALOGUE, tmp_path, **words_of(DATA))
    (told,) = walk(iter(tagged(DATA, COHORT).to_batches(max_chunksize=size)))
    assert told.column("part").to_pylist() == ["00000"]
    found = in_cohort_order(tmp_path, COHORT)
    np.testing.assert_array_equal(bits(found), bits(build_columns(DATA, COHORT, COLUMNS, CATALOGUE)))
    walk.write_nobody()
    assert pq.read_table(tmp_path / "features-00000.parquet").num_rows == 0
    assert list(walk(iter([]))) == []


def test_without_pyspark_and_java_both_are_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StudyError) as refused:
        spark.session()
    assert [("pyspark" in fault, "Java 17" in fault) for fault in refused.value.faults] == [
        (True, False),
        (False, True),
    ]
