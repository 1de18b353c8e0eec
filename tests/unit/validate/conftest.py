"""Rows with a known shape: few people, ties, censored rows, several rows a person."""

import numpy as np
import pytest

from riskmodel.validate import ScoredRows, resample


def scored(*, n_people=120, seed=0, slope=1.0, rounded=1):
    rng = np.random.default_rng(seed)
    subject = np.concatenate([np.arange(n_people), rng.permutation(n_people)[: n_people // 2]])
    n = len(subject)
    raw = np.round(rng.normal(size=n), rounded)
    risk = 1 / (1 + np.exp(-(raw - 1)))
    outcome = (rng.random(n) < 1 / (1 + np.exp(-(slope * raw - 1)))).astype(np.int8)
    weight = np.where(rng.random(n) < 0.1, 0.0, rng.uniform(1.0, 1.5, size=n))
    offered = np.select([raw > 1, raw == 1], [1.0, 0.5], 0.0)
    return ScoredRows(raw, risk, outcome, weight, offered, subject)


@pytest.fixture
def rows():
    return scored()


@pytest.fixture
def resamples(rows):
    return resample(rows.subject_id, replicates=150, seed=3)
