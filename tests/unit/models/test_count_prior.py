import numpy as np
import pytest

from riskmodel.errors import StudyError
from riskmodel.models import ModelsSpec, fit
from riskmodel.tables.features import FeatureMatrix

NAN = np.nan


def many(rows, tools, columns):
    """Repeat a few rows, so that there are enough outcomes to fit on."""
    values = np.repeat(np.array(rows, dtype=np.float32), 20, axis=0)
    outcome = (np.arange(len(values)) % 2).astype(np.int8)
    return FeatureMatrix(values, tuple(tools.info(*c) for c in columns)), outcome, np.ones(len(values))


def test_a_factor_counts_once_and_is_shown_by_its_first_present_feature(tools):
    columns = [
        ("a1", "school", 1, "count", "365d"),
        ("a2", "school", 1, "any", "365d"),
        ("b", "home", 1, "spell_days", "365d"),
        ("c", "strength", -1, "count", "365d"),
        ("d", "old", 1, "count", "1095d"),
        ("e", "mean", 1, "mean", "365d"),
        ("f", "care", 1, "in_spell", "now"),
    ]
    rows = [
        [2, 1, 0, 5, 9, 9, 0],
        [0, 1, 30, 5, 9, 9, 1],
        [NAN, NAN, NAN, NAN, NAN, NAN, NAN],
    ]
    features, outcome, weight = many(rows, tools, columns)
    model = fit("count", features, outcome, weight, spec=ModelsSpec(), seed=0, threads=1)
    three = features.take(np.array([0, 20, 40]))
    parts = model.contributions(three)
    assert model.names == ("a1", "a2", "b", "f")
    assert model.raw_score(three).tolist() == [1.0, 3.0, 0.0]
    assert parts.values.tolist() == [[1, 0, 0, 0], [0, 1, 1, 1], [0, 0, 0, 0]]
    assert (parts.base, parts.unit) == (0.0, "factors")


def test_another_lookback_uses_the_features_of_that_window(tools):
    columns = [("new", "x", 1, "count", "365d"), ("old", "y", 1, "count", "1095d")]
    features, outcome, weight = many([[1, 0], [0, 1]], tools, columns)
    spec = ModelsSpec.model_validate({"count": {"lookback": "1095d"}})
    assert fit("count", features, outcome, weight, spec=spec, seed=0, threads=1).names == ("old",)


def test_a_declared_number_counts_above_the_weighted_80th_percentile(tools):
    columns = [("score", "x", 1, "declared", "declared"), ("yes", "y", 1, "declared", "declared")]
    rows = [[value, value % 2] for value in range(1, 11)]
    features, outcome, weight = many(rows, tools, columns)
    model = fit("count", features, outcome, weight, spec=ModelsSpec(), seed=0, threads=1)
    thresholds = [sign.threshold for factor in model.factors for sign in factor.signs]
    assert thresholds == [8.0, 0.0]
    # The lower half of the scores weighs nine times the upper half: 50 people in 9 + 1 parts of 10.
    heavy = np.where(features.values[:, 0] <= 5, 9.0, 1.0)
    weighted = fit("count", features, outcome, heavy, spec=ModelsSpec(), seed=0, threads=1)
    assert weighted.factors[0].signs[0].threshold == 5.0


def test_a_declared_number_nobody_has_is_never_present(tools):
    columns = [("empty", "x", 1, "declared", "declared"), ("yes", "y", 1, "declared", "declared")]
    features, outcome, weight = many([[NAN, 1], [NAN, 0]], tools, columns)
    model = fit("count", features, outcome, weight, spec=ModelsSpec(), seed=0, threads=1)
    assert model.raw_score(features.take(np.array([0, 20]))).tolist() == [1.0, 0.0]


def test_a_count_without_anything_to_count_names_the_windows_there_are(tools):
    features, outcome, weight = many([[1], [0]], tools, [("old", "y", 1, "count", "1095d")])
    with pytest.raises(StudyError, match="windows of features that raise risk: 1095d"):
        fit("count", features, outcome, weight, spec=ModelsSpec(), seed=0, threads=1)
    features, outcome, weight = many([[1], [0]], tools, [("old", "y", 0, "count", "365d")])
    with pytest.raises(StudyError, match="windows of features that raise risk: none"):
        fit("count", features, outcome, weight, spec=ModelsSpec(), seed=0, threads=1)


def test_prior_adds_up_the_named_features_and_missing_adds_nothing(tools):
    features, outcome, weight = many([[2, 7, 1], [NAN, 7, 3], [NAN, 7, NAN]], tools, [("a",), ("b",), ("c",)])
    spec = ModelsSpec.model_validate({"prior": {"features": ["c", "a"]}})
    model = fit("prior", features, outcome, weight, spec=spec, seed=0, threads=1)
    three = features.take(np.array([0, 20, 40]))
    assert model.names == ("a", "c")
    assert model.raw_score(three).tolist() == [3.0, 3.0, 0.0]
    assert model.contributions(three).values.tolist() == [[2, 1], [0, 3], [0, 0]]


def test_prior_says_what_to_name(tools):
    features, outcome, weight = many([[2], [0]], tools, [("harm__count__365d",)])
    with pytest.raises(StudyError, match=r"'models.prior.features' is empty"):
        fit("prior", features, outcome, weight, spec=ModelsSpec(), seed=0, threads=1)
    spec = ModelsSpec.model_validate({"prior": {"features": ["harm__count__36d"]}})
    with pytest.raises(StudyError, match="did you mean harm__count__365d"):
        fit("prior", features, outcome, weight, spec=spec, seed=0, threads=1)
