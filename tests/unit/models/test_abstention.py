"""When a record is too thin: known contributions, known gaps."""

import numpy as np
import pytest

from riskmodel.models import CalibratedModel, Calibration, ModelsSpec, Reliance, measure_reliance
from riskmodel.models.band import Band
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.predictions import Contributions

NAMES = ("a__count__365d", "b__count__365d", "c__days_since_last__ever", "d__count__365d")
KINDS = ("count", "count", "days_since_last", "count")


@pytest.fixture
def features(tools):
    values = np.array(
        [[1, 1, 5, 0], [1, np.nan, 5, 0], [np.nan, 1, np.nan, 0], [np.nan, np.nan, 5, 0]], np.float32
    )
    infos = tuple(tools.info(name, aggregation=kind) for name, kind in zip(NAMES, KINDS, strict=True))
    return FeatureMatrix(values, infos)


class Known:
    """Contributions as written down: 3 for a, -1 for b, 9 for c, nothing for d; blanks move the score as well."""

    def contributions(self, features):
        values = np.tile([3.0, -1.0, 9.0, 0.0], (len(features), 1))
        return Contributions(values, NAMES, 0.0, "log-odds")


def test_a_feature_weighs_by_how_far_its_known_values_move_the_score(features):
    """Two of four rows know a (2 x 3), two know b (2 x 1); c says nothing when empty."""
    found = measure_reliance(Known(), features, most_missing=0.7)
    assert found.names == ("a__count__365d", "b__count__365d", "d__count__365d")
    assert found.share == pytest.approx((0.75, 0.25, 0.0))
    assert found.missing(features) == pytest.approx([0.0, 0.25, 0.75, 1.0])
    assert found.too_thin(features).tolist() == [False, False, True, True]


def test_exactly_the_limit_is_not_too_thin(features):
    found = measure_reliance(Known(), features, most_missing=0.75)
    assert found.too_thin(features).tolist() == [False, False, False, True]


def test_none_never_abstains_and_a_model_that_nothing_moves_neither(features):
    assert not measure_reliance(Known(), features, most_missing=None).too_thin(features).any()
    assert not Reliance(("a__count__365d",), (0.0,), 0.1).too_thin(features).any()
    blank = FeatureMatrix(np.full((4, 4), np.nan, np.float32), features.infos)
    assert measure_reliance(Known(), blank, most_missing=0.5).share == (0.0, 0.0, 0.0)


def test_the_outcome_and_the_people_play_no_part(fitted, people):
    """The same gaps give the same answer, whatever the values beside them are."""
    relied = measure_reliance(fitted["xgboost"], people.features, most_missing=0.3)
    other = np.where(np.isnan(people.features.values), np.nan, 7.0).astype(np.float32)
    assert np.array_equal(
        relied.too_thin(people.features), relied.too_thin(FeatureMatrix(other, people.features.infos))
    )
    gone = FeatureMatrix(np.full_like(other, np.nan), people.features.infos)
    assert relied.too_thin(gone).all()


@pytest.mark.parametrize("family", ModelsSpec().families)
def test_a_saved_model_keeps_its_range_and_its_rule(family, fitted, people, tmp_path):
    whole = CalibratedModel(
        fitted[family],
        Calibration("sigmoid", -1.0, 0.5),
        Band("monotone", (-1.0, 1.0), (0.1, 0.2), (0.5, 0.6)),
        measure_reliance(fitted[family], people.features, most_missing=0.01),
    )
    whole.save(tmp_path / "model.json")
    again = CalibratedModel.load(tmp_path / "model.json")
    raw = fitted[family].raw_score(people.features)
    assert again.band == whole.band
    assert np.array_equal(again.too_thin(people.features), whole.too_thin(people.features))
    assert np.array_equal(again.interval(raw), whole.interval(raw))


def test_without_a_band_or_a_rule_there_is_no_range_and_no_abstention(fitted, people):
    bare = CalibratedModel(fitted["ebm"], Calibration("none"))
    assert np.isnan(bare.interval(np.zeros(3))).all()
    assert not bare.too_thin(people.features).any()
