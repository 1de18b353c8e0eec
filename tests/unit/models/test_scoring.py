"""Scores of a folder of features: what is null for whom the model says nothing about."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from records_kit import CATALOGUE, cohort, columns, records

from riskmodel.features.matrix import build_columns
from riskmodel.features.shards import write_shards
from riskmodel.features.streaming import Wanted, write_features
from riskmodel.models import Band, CalibratedModel, Calibration, ModelsSpec, Reliance, fit
from riskmodel.models.scoring import score_parts
from riskmodel.tables.features import FeatureMatrix

EVENTS = [
    {"subject_id": one, "time": "2024-01-10", "code": "EDU//SUSPENSION//DB", "agency": "EDU"}
    for one in range(1, 101)
    for _ in range(one % 4)
]
OBSERVED = [{"subject_id": one, "agency": "EDU", "start": "2020-01-01"} for one in range(1, 101)]
DATA = records(events_rows=EVENTS, observation_rows=OBSERVED)
ROWS = cohort([(one, "2024-05-01") for one in range(1, 121)])
COLUMNS = columns({"events": "EDU//SUSPENSION//*", "aggregations": ["count"], "windows": "365d"})
PLACES = ["risk_estimate", "lower", "upper"]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scoring")
    shards = write_shards(DATA.events, DATA.observation, folder / "shards")
    return write_features(
        shards, Wanted(ROWS.subject_id, ROWS.index_day, COLUMNS, CATALOGUE), folder / "made"
    )


def trained(**beside):
    infos = tuple(column.info for column in COLUMNS)
    matrix = FeatureMatrix(build_columns(DATA, ROWS, COLUMNS, CATALOGUE), infos)
    outcome = (np.arange(120) % 3 == 0).astype(np.int8)
    model = fit("xgboost", matrix, outcome, np.ones(120), spec=ModelsSpec(), seed=1, threads=1)
    return CalibratedModel(model, Calibration("sigmoid", -1.0, 0.5), **beside)


def scores(model, parts, folder):
    return pa.concat_tables(pq.read_table(one) for one in score_parts(model, parts, folder)).sort_by(
        "subject_id"
    )


def test_who_has_too_thin_a_record_has_a_raw_score_and_nothing_else(parts, tmp_path):
    """Subjects above 100 were never observed: their count could not be read."""
    band = Band("monotone", (-10.0, 10.0), (0.05, 0.1), (0.8, 0.9))
    model = trained(band=band, reliance=Reliance((COLUMNS[0].info.name,), (1.0,), 0.5))
    found = scores(model, parts, tmp_path / "scores")
    thin = found.column("subject_id").to_numpy() > 100
    assert found.column("abstained").to_numpy(zero_copy_only=False).tolist() == thin.tolist()
    for place in PLACES:
        assert found.column(place).is_null().to_numpy(zero_copy_only=False).tolist() == thin.tolist()
    assert found.column("raw_score").null_count == 0
    risk, lower, upper = (found.column(place).drop_null().to_numpy() for place in PLACES)
    assert ((lower <= risk) & (risk <= upper)).all()


def test_without_ranges_and_a_rule_limits_are_null_and_nobody_is_left_out(parts, tmp_path):
    found = scores(trained(), parts, tmp_path / "scores")
    assert [found.column(place).null_count for place in PLACES] == [0, 120, 120]
    assert not any(found.column("abstained").to_pylist())
