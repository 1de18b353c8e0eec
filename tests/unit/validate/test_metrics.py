from dataclasses import replace

import numpy as np
import pytest

from riskmodel.validate import METRICS, ScoredRows, evaluate, resample
from riskmodel.validate.estimate import Estimate, percentile_interval, ratio
from riskmodel.validate.metrics import draw_metrics
from riskmodel.validate.spec import ValidateSpec

SPEC = ValidateSpec(thresholds=(0.3, 0.1))


def test_points_equal_scikit_learn(rows, resamples):
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    found = evaluate(rows, resamples, SPEC)
    y, w = rows.outcome, rows.weight
    assert found["auroc"].estimate == pytest.approx(roc_auc_score(y, rows.raw, sample_weight=w), abs=1e-12)
    assert found["average_precision"].estimate == pytest.approx(
        average_precision_score(y, rows.raw, sample_weight=w), abs=1e-12
    )
    assert found["brier"].estimate == pytest.approx(
        brier_score_loss(y, rows.risk, sample_weight=w), abs=1e-12
    )
    assert set(found) == set(METRICS)


def test_capacity_and_net_benefit_by_hand():
    rows = ScoredRows(
        raw=np.array([4.0, 3.0, 2.0, 1.0, 0.0]),
        risk=np.array([0.8, 0.5, 0.5, 0.2, 0.1]),
        outcome=np.array([1, 0, 1, 1, 0], dtype=np.int8),
        weight=np.array([1.0, 1.0, 2.0, 0.0, 1.0]),  # the fourth is censored
        offered=np.array([1.0, 0.5, 0.5, 1.0, 0.0]),
        subject_id=np.array([1, 2, 3, 4, 1]),
    )
    found = evaluate(rows, resample(rows.subject_id, replicates=100, seed=0), ValidateSpec(thresholds=(0.5,)))
    # Offers 1 + .5 + 1 = 2.5, of which 1 + 1 = 2 had the outcome; outcomes weigh 3 of 5.
    assert found["precision_at_capacity"].n_subjects == 3
    assert found["precision_at_capacity"].n_outcomes == 2
    points = plain_points(rows, 0.5)
    assert points["precision_at_capacity"] == pytest.approx(2 / 2.5)
    assert points["recall_at_capacity"] == pytest.approx(2 / 3)
    assert points["number_needed_to_offer"] == pytest.approx(2.5 / 2)
    # Errors .04, .25, 2 x .25 and .01 over 5; the base rate .6 gives .24.
    assert points["scaled_brier"] == pytest.approx(1 - 0.16 / 0.24)
    assert points["lift_at_capacity"] == pytest.approx((2 / 2.5) / (3 / 5))
    # At or above .5: outcomes weigh 3, others 1; odds 1.
    assert points["net_benefit"] == pytest.approx((3 - 1) / 5)
    for name, value in points.items():
        if found[name].status == "ok":
            assert found[name].estimate == pytest.approx(value)


def plain_points(rows, threshold, times=1):
    """Write every sum out; the oracle of points and draws."""
    w = rows.weight * times
    y = rows.outcome
    high = rows.risk >= threshold
    precision = (w * rows.offered * y).sum() / (w * rows.offered).sum()
    base_rate = (w * y).sum() / w.sum()
    return {
        "brier": (w * (rows.risk - y) ** 2).sum() / w.sum(),
        "scaled_brier": 1 - (w * (rows.risk - y) ** 2).sum() / (w * (base_rate - y) ** 2).sum(),
        "number_needed_to_offer": 1 / precision,
        "precision_at_capacity": precision,
        "recall_at_capacity": (w * rows.offered * y).sum() / (w * y).sum(),
        "lift_at_capacity": precision / ((w * y).sum() / w.sum()),
        "net_benefit": ((w * y * high).sum() - (w * (1 - y) * high).sum() * threshold / (1 - threshold))
        / w.sum(),
    }


def test_intervals_equal_a_loop_over_resamples(rows, resamples):
    found = evaluate(rows, resamples, SPEC)
    loop = [plain_points(rows, 0.3, resamples.counts[r, resamples.cluster]) for r in range(len(resamples))]
    for name in loop[0]:
        low, high = np.quantile([one[name] for one in loop], [0.025, 0.975])
        assert (found[name].lower, found[name].upper) == pytest.approx((low, high), abs=1e-12)


def test_rows_that_could_not_be_seen_change_nothing(rows, resamples):
    other = replace(rows, outcome=np.where(rows.weight == 0, 1 - rows.outcome, rows.outcome))
    assert evaluate(other, resamples, SPEC) == evaluate(rows, resamples, SPEC)


def test_order_of_rows_changes_nothing(rows):
    turned = ScoredRows(*(getattr(rows, name)[::-1] for name in rows.__dataclass_fields__))
    there, back = (evaluate(r, resample(r.subject_id, replicates=120, seed=1), SPEC) for r in (rows, turned))
    for name in METRICS:
        assert there[name].estimate == pytest.approx(back[name].estimate, abs=1e-12)
        assert there[name].lower == pytest.approx(back[name].lower, abs=1e-10)


def test_no_outcome_is_undefined_and_never_a_number(rows, resamples):
    found = evaluate(replace(rows, outcome=np.zeros_like(rows.outcome)), resamples, SPEC)
    for name in (
        "auroc",
        "average_precision",
        "calibration_slope",
        "calibration_intercept",
        "recall_at_capacity",
        "lift_at_capacity",
        "scaled_brier",
        "ici",
        "e50",
        "e90",
        "number_needed_to_offer",
    ):
        assert found[name] == Estimate(None, None, None, rows.n_subjects, 0, "undefined")
    assert found["precision_at_capacity"].estimate == 0
    assert found["brier"].status == "ok"


def test_nobody_offered_is_undefined(rows, resamples):
    found = evaluate(replace(rows, offered=np.zeros(len(rows))), resamples, SPEC)
    assert found["precision_at_capacity"].status == "undefined"
    assert found["recall_at_capacity"].estimate == 0


def test_a_list_that_reaches_nobody_has_no_number_needed_to_offer(rows, resamples):
    none = replace(rows, offered=np.where(rows.outcome == 1, 0.0, 1.0))
    assert np.isinf(draw_metrics(none, resamples, SPEC).points["number_needed_to_offer"])
    assert evaluate(none, resamples, SPEC)["number_needed_to_offer"].status == "undefined"
    # One person reached: a third of the resamples miss them, and the interval has no end.
    first = np.flatnonzero((rows.outcome == 1) & rows.known)[0]
    one = replace(none, offered=np.where(np.arange(len(rows)) == first, 1.0, none.offered))
    found, name = draw_metrics(one, resamples, SPEC), "number_needed_to_offer"
    assert np.isfinite(found.points[name])
    assert np.isinf(found.draws[name]).any()
    assert not np.isnan(found.draws[name]).any()
    assert np.isnan(found.less(found).draws[name]).any()
    assert evaluate(one, resamples, SPEC)["number_needed_to_offer"].status == "undefined"


def test_certain_and_useless_estimates_have_scaled_brier_1_and_0(rows, resamples):
    sure = replace(rows, risk=rows.outcome.astype(float))
    assert evaluate(sure, resamples, SPEC)["scaled_brier"].estimate == pytest.approx(1)
    rate = (rows.weight * rows.outcome).sum() / rows.weight.sum()
    same = replace(rows, risk=np.full(len(rows), rate))
    assert evaluate(same, resamples, SPEC)["scaled_brier"].estimate == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("risk", 1.2),
        ("offered", -0.1),
        ("raw", np.nan),
        ("outcome", 2),
        ("weight", np.nan),
        ("weight", -1.0),
        ("risk", np.nan),
    ],
)
def test_rows_that_make_no_sense_are_refused(rows, column, value):
    broken = getattr(rows, column).copy()
    broken[0] = value
    with pytest.raises(ValueError, match="scored rows"):
        replace(rows, **{column: broken})


def test_unequal_lengths_and_foreign_resamples_are_refused(rows, resamples):
    with pytest.raises(ValueError, match="one entry per row"):
        replace(rows, risk=rows.risk[:-1])
    shorter = ScoredRows(*(getattr(rows, name)[:-1] for name in rows.__dataclass_fields__))
    with pytest.raises(ValueError, match="other rows"):
        evaluate(shorter, resamples, SPEC)


def test_an_interval_needs_nineteen_of_twenty_resamples():
    draws = np.concatenate([np.linspace(0, 1, 95), np.full(5, np.nan)])
    assert percentile_interval(draws) == pytest.approx((0.025, 0.975))
    draws[0] = np.nan
    assert np.isnan(percentile_interval(draws)).all()
    assert np.isnan(percentile_interval(np.array([]))).all()


def test_nothing_to_divide_by_is_nan_even_after_rounding():
    found = ratio(np.array([1.0, 1.0, 0.0]), np.array([2.0, 1e-12, 0.0]))
    assert found[0] == 0.5
    assert np.isnan(found[1:]).all()


def test_an_estimate_as_json_has_the_fields_of_the_contract():
    one = Estimate.from_draws(0.5, np.linspace(0.4, 0.6, 101), n_subjects=9, n_outcomes=3)
    assert one.to_json() == {
        "estimate": 0.5,
        "lower": pytest.approx(0.405),
        "upper": pytest.approx(0.595),
        "n_subjects": 9,
        "n_outcomes": 3,
        "status": "ok",
    }


@pytest.mark.parametrize("name", ["thresholds", "capacities"])
def test_thresholds_and_capacities_must_differ(name):
    with pytest.raises(ValueError, match=f"{name} must differ"):
        ValidateSpec(**{name: (0.1, 0.1)})
