import dataclasses

import numpy as np
import pytest

from riskmodel.tables.predictions import Contributions, Predictions


def predictions(**changes):
    columns = {
        "row_id": np.array([7, 3, 7], dtype=np.int64),
        "family": np.array(["ebm", "ebm", "prior"]),
        "split": np.array(["test_all", "test_new", "crossfit"]),
        "raw_score": np.array([-1.5, 0.1, 3.0]),
        "risk_estimate": np.array([0.2, np.nan, 0.6]),
        "lower": np.array([0.1, np.nan, np.nan]),
        "upper": np.array([0.3, np.nan, np.nan]),
        "abstained": np.array([False, True, False]),
        "offered": np.array([0.0, 0.0, 0.5]),
    }
    return Predictions(**{**columns, **changes})


def test_predictions_come_back_the_same(tmp_path):
    import pyarrow.parquet as pq

    made = predictions()
    made.save(tmp_path)
    again = Predictions.load(tmp_path)
    for field in dataclasses.fields(Predictions):
        ours, theirs = getattr(made, field.name), getattr(again, field.name)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs, equal_nan=ours.dtype == np.float64)
    assert len(again) == 3
    table = pq.read_table(tmp_path / "predictions.parquet")
    assert table.column("risk_estimate").null_count == 1  # undefined is null, not a number
    assert table.column("lower").null_count == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offered": np.zeros(2)}, "same length"),
        ({"split": np.array(["test_all", "test", "train"])}, "a split is one of"),
        ({"abstained": np.zeros(3, dtype=bool)}, "exactly where the model abstained"),
        ({"risk_estimate": np.array([0.2, np.nan, 1.6])}, "probabilities"),
        ({"risk_estimate": np.array([-0.2, np.nan, 0.6])}, "probabilities"),
        ({"offered": np.array([0.0, 0.0, np.nan])}, "probabilities"),
        ({"offered": np.array([0.0, 0.0, 1.1])}, "probabilities"),
    ],
)
def test_predictions_that_cannot_be(changes, message):
    with pytest.raises(ValueError, match=message):
        predictions(**changes)


def test_contributions_add_up_and_rows_can_be_taken():
    parts = Contributions(np.array([[1.0, 2.0], [0.5, -1.0]]), ("a", "b"), 0.25, "log-odds")
    assert parts.raw_score.tolist() == [3.25, -0.25]
    assert len(parts) == 2
    second = parts.take(np.array([1]))
    assert second.raw_score.tolist() == [-0.25]
    assert (second.names, second.base, second.unit) == (("a", "b"), 0.25, "log-odds")


@pytest.mark.parametrize(
    ("values", "base", "message"),
    [
        (np.zeros((2, 2), np.float32), 0.0, "float64 matrix"),
        (np.zeros(2), 0.0, "float64 matrix"),
        (np.zeros((2, 1)), 0.0, "one name per column"),
        (np.full((2, 2), np.nan), 0.0, "finite"),
        (np.zeros((2, 2)), np.inf, "finite"),
    ],
)
def test_contributions_that_cannot_be(values, base, message):
    with pytest.raises(ValueError, match=message):
        Contributions(values, ("a", "b"), base, "log-odds")
