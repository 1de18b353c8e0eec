from dataclasses import replace

import numpy as np
import pytest

from riskmodel.validate import (
    all_curves,
    capacity_curve,
    decision_curve,
    evaluate,
    lift_curve,
    reliability_curve,
    resample,
)
from riskmodel.validate.curves import highest
from riskmodel.validate.spec import ValidateSpec


def test_reliability_bins_hold_like_estimates_and_their_observed_share(rows, resamples):
    bins = reliability_curve(rows, resamples, bins=4)
    edges = np.quantile(rows.risk[rows.known], [0.25, 0.5, 0.75])
    place = np.searchsorted(edges, rows.risk)
    for g, one in enumerate(bins):
        inside = (place == g) & rows.known
        w = rows.weight[inside]
        assert one.risk == pytest.approx((w * rows.risk[inside]).sum() / w.sum())
        assert one.observed.estimate == pytest.approx((w * rows.outcome[inside]).sum() / w.sum())
        assert one.observed.n_subjects == len(set(rows.subject_id[inside]))
        assert one.observed.lower < one.observed.estimate < one.observed.upper
    assert [one.risk for one in bins] == sorted(one.risk for one in bins)


def test_reliability_interval_equals_a_loop(rows, resamples):
    lowest = reliability_curve(rows, resamples, bins=2)[0]
    inside = rows.risk <= np.quantile(rows.risk[rows.known], 0.5)
    shares = []
    for times in resamples.counts[:, resamples.cluster]:
        w = rows.weight * times * inside
        shares.append((w * rows.outcome).sum() / w.sum())
    assert (lowest.observed.lower, lowest.observed.upper) == pytest.approx(
        tuple(np.quantile(shares, [0.025, 0.975]))
    )


def test_one_estimate_for_everybody_is_one_bin(rows, resamples):
    same = replace(rows, risk=np.full(len(rows), 0.2))
    (only,) = reliability_curve(same, resamples)
    assert only.risk == pytest.approx(0.2)
    record = only.to_json()
    assert set(record) == {"risk", "observed", "lower", "upper", "n_subjects", "n_outcomes", "status"}


def test_curves_of_nobody_seen_are_empty(rows, resamples):
    unseen = replace(rows, weight=np.zeros(len(rows)))
    assert reliability_curve(unseen, resamples) == ()
    assert decision_curve(unseen, resamples, ValidateSpec()) == ()
    assert lift_curve(unseen, resamples) == ()


def alike(one, other):
    """Sums of other columns beside them may differ in the last bit."""
    assert one.to_json() == {
        name: pytest.approx(value, abs=1e-12) if isinstance(value, float) else value
        for name, value in other.to_json().items()
    }


def test_the_decision_curve_agrees_with_the_metric_and_with_offering_to_all(rows, resamples):
    spec = ValidateSpec(thresholds=(0.3, 0.001))
    low, main = decision_curve(rows, resamples, spec)
    assert (low.threshold, main.threshold) == (0.001, 0.3)
    alike(main.model, evaluate(rows, resamples, spec)["net_benefit"])
    # Below the lowest risk the model offers to everyone.
    assert rows.risk.min() > 0.001
    assert low.model.estimate == pytest.approx(low.everyone)
    record = main.to_json()
    assert record["net_benefit"] == main.model.estimate
    assert record["nobody"] == 0
    prevalence = (rows.weight * rows.outcome).sum() / rows.weight.sum()
    assert record["everyone"] == pytest.approx(prevalence - (1 - prevalence) * 3 / 7)


def test_the_capacity_curve_agrees_with_the_metrics(rows, resamples):
    none, some = capacity_curve(rows, {0.2: rows.offered, 0.01: np.zeros(len(rows))}, resamples)
    found = evaluate(rows, resamples, ValidateSpec())
    assert (none.share, some.share) == (0.01, 0.2)
    alike(some.precision, found["precision_at_capacity"])
    alike(some.recall, found["recall_at_capacity"])
    alike(some.number_needed_to_offer, found["number_needed_to_offer"])
    assert none.precision.status == "undefined"
    assert none.number_needed_to_offer.status == "undefined"
    assert none.to_json()["recall"]["estimate"] == 0


def test_censored_rows_do_not_make_a_bin_of_their_own(rows):
    weight = np.where(rows.risk > np.quantile(rows.risk, 0.6), 0.0, 1.0)
    bins = reliability_curve(
        replace(rows, weight=weight), resample(rows.subject_id, replicates=100, seed=0), bins=3
    )
    assert all(one.observed.status == "ok" for one in bins)
    assert len(bins) == 3


def test_lift_equals_a_loop_over_the_sorted_rows(rows, resamples):
    tenth, everyone = lift_curve(rows, resamples, shares=(1.0, 0.1))
    assert (tenth.share, everyone.share) == (0.1, 1.0)
    assert everyone.lift.estimate == pytest.approx(1)
    left, reached = 0.1 * rows.weight.sum(), 0.0
    for score in np.unique(rows.raw)[::-1]:
        tie = rows.raw == score
        part = min(1.0, left / rows.weight[tie].sum()) if rows.weight[tie].sum() else 0.0
        reached += part * (rows.weight * rows.outcome)[tie].sum()
        left -= part * rows.weight[tie].sum()
    prevalence = (rows.weight * rows.outcome).sum() / rows.weight.sum()
    assert tenth.lift.estimate == pytest.approx(reached / (0.1 * rows.weight.sum()) / prevalence)
    assert tenth.lift.lower < tenth.lift.estimate < tenth.lift.upper
    assert tenth.to_json() == {"share": 0.1, "lift": tenth.lift.to_json()}


def test_the_highest_share_what_is_left_at_the_cut():
    score = np.array([1.0, 3.0, 2.0, 2.0, 9.0])
    inside = highest(score, np.array([1.0, 1.0, 1.0, 1.0, 0.0]), 0.5)
    assert inside.tolist() == [0.0, 1.0, 0.5, 0.5, 0.0]


def test_all_curves_are_those_of_this_module(rows, resamples):
    spec = ValidateSpec()
    found = all_curves(rows, {0.2: rows.offered}, resamples, spec)
    assert set(found) == {"reliability", "decision_curve", "capacity", "lift"}
    assert found["capacity"] == [
        one.to_json() for one in capacity_curve(rows, {0.2: rows.offered}, resamples)
    ]
    assert found["reliability"] == [one.to_json() for one in reliability_curve(rows, resamples)]
