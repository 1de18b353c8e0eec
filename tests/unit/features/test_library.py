"""The packaged library: enough features, each with its meaning and its source, and hardly any that say nothing."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.errors import PolicyError
from riskmodel.features.columns import columns_of
from riskmodel.features.coverage import measure_use
from riskmodel.features.spec import FeatureSpec, FeaturesSpec
from riskmodel.policy import PolicySpec, check_features
from riskmodel.tables.catalogue import load_catalogue
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.features import FeatureMatrix

LIBRARY = columns_of(FeaturesSpec(libraries=("default",)), load_catalogue(None))


def test_at_least_120_features_of_60_pairs_of_codes_and_aggregation():
    assert len(LIBRARY) >= 120
    assert len({(column.info.codes, column.aggregation) for column in LIBRARY}) >= 60


@pytest.mark.parametrize("column", LIBRARY, ids=lambda column: column.info.name)
def test_each_says_what_it_means_and_where_that_comes_from(column):
    info = column.info
    assert len(info.description) > 10
    assert info.unit
    assert info.concept
    assert info.direction in {-1, 0, 1}
    assert column.evidence is not None
    assert len(column.evidence) > 20


def test_the_policy_bars_none():
    check_features(tuple(column.info for column in LIBRARY), PolicySpec())


def test_the_policy_would_bar_a_language():
    spoken = FeatureSpec(
        stem="edu_language",
        words="language spoken at home",
        events="EDU//SEN_NEED//SLCN",
        aggregations="any",
        windows="365d",
    )
    infos = tuple(c.info for c in columns_of(FeaturesSpec(libraries=(), own=(spoken,)), load_catalogue(None)))
    with pytest.raises(PolicyError, match="language"):
        check_features(infos, PolicySpec())


def test_at_least_80_percent_were_not_constant_when_last_measured():
    place = resources.files("riskmodel.features").joinpath("library/use.json")
    measured = json.loads(place.read_text(encoding="utf-8"))["features"]
    assert [one["name"] for one in measured] == [column.info.name for column in LIBRARY]
    varied = [one for one in measured if one["constant"] is False]
    assert len(varied) >= 0.8 * len(LIBRARY)


def _cohort(subject):
    n = len(subject)
    return Cohort(
        np.array(subject),
        np.arange(n, dtype=np.int32),
        np.arange(n),
        np.full(n, "unknown"),
        np.full(n, 12, np.int16),
    )


def test_what_few_people_stand_behind_is_hidden():
    nan, n = np.nan, 40
    values = np.zeros((n, 4), np.float32)
    values[:9, 0] = 3  # nine people
    values[:20, 1] = 3
    values[:, 2] = nan
    values[:20, 3] = [2] * 10 + [7] * 10
    infos = tuple(column.info for column in LIBRARY[:4])
    few, half, never, two = measure_use(FeatureMatrix(values, infos), _cohort(range(n)), Disclosure())
    assert (few.coverage, few.prevalence, few.median, few.constant) == (1.0, None, None, None)
    assert (half.coverage, half.prevalence, half.median, half.constant) == (1.0, 0.5, 3.0, False)
    assert (never.coverage, never.prevalence, never.median, never.constant) == (0.0, None, None, True)
    assert (two.prevalence, two.median) == (0.5, 4.5)


def test_one_person_at_many_dates_is_one_person():
    values = np.zeros((40, 1), np.float32)
    values[:20] = 3
    subject = [1] * 20 + list(range(2, 22))
    (found,) = measure_use(FeatureMatrix(values, (LIBRARY[0].info,)), _cohort(subject), Disclosure())
    assert found.prevalence is None
