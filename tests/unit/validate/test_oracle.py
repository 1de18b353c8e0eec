import numpy as np
import pytest

from riskmodel.validate import oracle_ratio, resample


def world(strength, n=3000, seed=0):
    rng = np.random.default_rng(seed)
    true = strength * rng.normal(size=n)
    outcome = (rng.random(n) < 1 / (1 + np.exp(2 - true))).astype(np.int8)
    return true, outcome, rng, resample(np.arange(n), replicates=200, seed=1)


def test_the_truth_scores_one_and_noise_about_nought():
    true, outcome, rng, resamples = world(1.0)
    best = oracle_ratio(3 * true, true, outcome, resamples)
    assert (best.ratio.estimate, best.ratio.lower, best.ratio.upper) == (1, 1, 1)
    noise = oracle_ratio(rng.normal(size=len(true)), true, outcome, resamples)
    assert noise.ratio.lower < 0 < noise.ratio.upper


def test_the_ratio_is_of_both_aurocs():
    from sklearn.metrics import roc_auc_score

    true, outcome, rng, resamples = world(1.0)
    score = true + rng.normal(size=len(true))
    found = oracle_ratio(score, true, outcome, resamples)
    model, oracle = roc_auc_score(outcome, score), roc_auc_score(outcome, true)
    assert found.ratio.estimate == pytest.approx((model - 0.5) / (oracle - 0.5))
    record = found.to_json()
    assert (record["model_auroc"], record["oracle_auroc"]) == pytest.approx((model, oracle))
    assert record["n_outcomes"] == outcome.sum()
    assert record["lower"] < record["estimate"] < record["upper"]


def test_an_oracle_below_060_has_no_ratio():
    true, outcome, _, resamples = world(0.1)
    found = oracle_ratio(true, true, outcome, resamples)
    assert 0.5 < found.oracle_auroc < 0.6
    assert found.to_json()["estimate"] is None
    assert found.ratio.status == "undefined"


def test_without_outcomes_everything_is_null():
    true, outcome, _, resamples = world(1.0, n=50)
    record = oracle_ratio(true, true, 0 * outcome, resamples).to_json()
    assert record["estimate"] is record["model_auroc"] is record["oracle_auroc"] is None
