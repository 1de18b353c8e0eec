import numpy as np
import pytest

from riskmodel.tables.cohort import AuditedAttributes, Cohort, Labels, OutcomeTable
from riskmodel.tables.features import FeatureInfo, FeatureMatrix


def cohort(subjects=(1, 2, 1), days=(10, 10, 20)):
    n = len(subjects)
    return Cohort(
        subject_id=np.array(subjects, dtype=np.int64),
        index_day=np.array(days, dtype=np.int32),
        household_id=np.arange(n, dtype=np.int64),
        area=np.array(["A"] * n),
        age=np.full(n, 12, dtype=np.int16),
    )


def info(name, **changes):
    values = {
        "name": name,
        "description": "d",
        "concept": "c",
        "agency": "EDU",
        "unit": "times",
        "direction": 1,
        "aggregation": "count",
        "window": "365d",
        "codes": ("EDU//A",),
    }
    return FeatureInfo(**{**values, **changes})


def test_a_cohort_is_sorted_and_has_no_row_twice():
    with pytest.raises(ValueError, match="sorted"):
        cohort(subjects=(2, 1, 1))
    with pytest.raises(ValueError, match="one row per"):
        cohort(subjects=(1, 1, 2), days=(10, 10, 20))


def test_a_cohort_survives_the_disk_and_taking(tmp_path):
    rows = cohort()
    rows.save(tmp_path)
    loaded = Cohort.load(tmp_path)
    for name in Cohort.__dataclass_fields__:
        assert np.array_equal(getattr(loaded, name), getattr(rows, name))
    assert rows.take(np.array([True, False, True])).subject_id.tolist() == [1, 1]


def labels(outcome):
    n = len(outcome)
    return Labels(np.array(outcome, dtype=np.int8), np.zeros(n, np.int32), np.zeros(n, bool), np.ones(n))


def test_outcomes_survive_the_disk(tmp_path):
    table = OutcomeTable(
        "harm", test={"harm": labels([1, 0]), "other": labels([0, 0])}, training={"harm": labels([0, 0])}
    )
    table.save(tmp_path)
    loaded = OutcomeTable.load(tmp_path)
    assert loaded.chosen == "harm"
    assert loaded.test["harm"].outcome.tolist() == [1, 0]
    assert loaded.training["harm"].outcome.dtype == np.int8
    assert set(loaded.test) == {"harm", "other"}
    assert loaded.test["harm"].take(np.array([1])).outcome.tolist() == [0]
    assert len(loaded.test["other"]) == 2


def test_audited_attributes_survive_the_disk(tmp_path):
    audited = AuditedAttributes({"ethnicity x sex": np.array(["Black, Male", "Unknown"])})
    audited.save(tmp_path)
    loaded = AuditedAttributes.load(tmp_path)
    assert loaded.columns["ethnicity x sex"].tolist() == ["Black, Male", "Unknown"]
    assert loaded.take(np.array([1])).columns["ethnicity x sex"].tolist() == ["Unknown"]


def test_a_matrix_survives_the_disk_with_its_meaning(tmp_path):
    values = np.array([[1, np.nan], [2, 3]], dtype=np.float32)
    matrix = FeatureMatrix(values, (info("a"), info("b", direction=-1)))
    matrix.save(tmp_path)
    loaded = FeatureMatrix.load(tmp_path)
    assert np.array_equal(loaded.values, values, equal_nan=True)
    assert loaded.infos == matrix.infos
    assert loaded.spec_hash == matrix.spec_hash
    assert matrix.column("b")[1] == 3
    assert matrix.select(("b",)).names == ("b",)
    assert matrix.take(np.array([1])).values.tolist() == [[2, 3]]


def test_the_hash_follows_the_meaning():
    one = FeatureMatrix(np.zeros((1, 1), np.float32), (info("a"),))
    other = FeatureMatrix(np.zeros((1, 1), np.float32), (info("a", window="90d"),))
    assert one.spec_hash != other.spec_hash


@pytest.mark.parametrize(
    ("values", "infos", "message"),
    [
        (np.zeros((1, 1)), (info("a"),), "float32"),
        (np.zeros((1, 2), np.float32), (info("a"),), "one FeatureInfo"),
        (np.zeros((1, 2), np.float32), (info("a"), info("a")), "unique"),
    ],
)
def test_a_matrix_that_does_not_fit_its_columns_is_refused(values, infos, message):
    with pytest.raises(ValueError, match=message):
        FeatureMatrix(values, infos)
