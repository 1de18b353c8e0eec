"""``engine: spark``: on a real session, the same JSON as on this machine."""

from __future__ import annotations

import numpy as np
import pytest
from spark_session import needs_spark, running

from riskmodel.models import ModelsSpec, Timeline, fit, from_state


@pytest.fixture(scope="module")
def session():
    with running() as one:
        yield one


# xgboost.spark reads its workers' answers through pandas, whose own advice about Arrow is no concern of ours.
@needs_spark
def test_trees_grown_on_spark_are_those_grown_here(tools):
    people = tools.draw_people(4000, seed=3, intercept=-2.0)
    number = np.arange(4000)
    timeline = Timeline(number % 4 * 90, number // 8)
    grown = {
        engine: fit(
            "xgboost",
            people.features,
            people.outcome,
            np.where(number % 9 == 0, 0.5, 1.0),
            spec=ModelsSpec.model_validate({"xgboost": {"engine": engine, "learning_rate": 0.3}}),
            seed=3,
            threads=1,
            timeline=timeline,
        )
        for engine in ("local", "spark")
    }
    assert grown["spark"].stopped_on == "later_dates"
    assert grown["spark"].to_state() == grown["local"].to_state()
    again = from_state(grown["spark"].to_state())
    score = grown["local"].raw_score(people.features)
    assert np.array_equal(again.raw_score(people.features), score)
