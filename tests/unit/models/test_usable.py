"""Baselines are left out where they have nothing to work with, unless a study names them."""

from dataclasses import replace

import pytest

from riskmodel.models import ModelsSpec, with_usable_families

ALL = ("count", "prior", "logistic", "ebm", "xgboost")


def no_direction(people):
    return [replace(info, direction=0) for info in people.features.infos]


@pytest.mark.parametrize(
    ("settings", "directed", "expected"),
    [
        ({}, True, ("count", "logistic", "ebm", "xgboost")),
        ({}, False, ("logistic", "ebm", "xgboost")),
        ({"prior": {"features": ["a"]}}, False, ("prior", "logistic", "ebm", "xgboost")),
        ({"families": ["count", "prior"]}, False, ("count", "prior")),
    ],
)
def test_which_families_are_fitted(people, settings, directed, expected):
    infos = people.features.infos if directed else no_direction(people)
    found = with_usable_families(ModelsSpec.model_validate(settings), infos)
    assert found.families == expected
    assert ModelsSpec().families == ALL


def test_a_count_in_another_lookback_is_none(people):
    infos = [replace(info, aggregation="count", window="30d") for info in people.features.infos]
    settings = ModelsSpec.model_validate({"count": {"lookback": "365d"}})
    assert "count" not in with_usable_families(settings, infos).families
