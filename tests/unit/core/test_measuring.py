"""The stage that measures: its curves make the offers that the model itself makes."""

import numpy as np
from records_kit import cohort

from riskmodel.stages.measuring import _curves
from riskmodel.study import load_study
from riskmodel.validate import ScoredRows, resample


def test_whom_the_model_says_nothing_about_is_offered_nothing_at_any_capacity():
    n = 200
    people = cohort((number, "2024-03-01") for number in range(n))
    raw = np.linspace(-3, 3, n)
    outcome = (np.arange(n) >= n - 10).astype(np.int8)  # the ten highest scores
    thin = np.arange(n) >= n - 4  # of whom four are too thin a record
    study = load_study(None, settings=["validation.capacities=[0.05]"])
    rows = ScoredRows(raw, 1 / (1 + np.exp(-raw)), outcome, np.ones(n), np.zeros(n), people.subject_id)
    found = _curves(
        study,
        rows,
        thin,
        people,
        resample(people.subject_id, replicates=20, seed=1),
    )
    point = next(one for one in found["capacity"] if one["share"] == 0.05)
    assert point["recall"]["estimate"] == 0.6  # ten offers go to the next ten, of whom six had the outcome
    assert point["precision"]["estimate"] == 0.6
