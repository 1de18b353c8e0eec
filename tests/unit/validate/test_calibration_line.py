import numpy as np
import pytest

from riskmodel.validate import kernels, resample
from riskmodel.validate.calibration_line import (
    CalibrationLine,
    LineRows,
    fit_line,
    information_columns,
    score_columns,
    step,
)


def drawn(n=4000, seed=0, intercept=0.4, slope=0.7):
    rng = np.random.default_rng(seed)
    logit = rng.normal(-2, 1.2, size=n)
    risk = 1 / (1 + np.exp(-logit))
    outcome = (rng.random(n) < 1 / (1 + np.exp(-(intercept + slope * logit)))).astype(np.int8)
    return risk, outcome, rng.uniform(0.5, 2, size=n)


def test_the_line_equals_an_unpenalised_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    risk, outcome, weight = drawn()
    logit = np.log(risk / (1 - risk))[:, None]
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit, outcome, sample_weight=weight)
    line = fit_line(LineRows.of(risk, outcome, weight))
    assert line.slope == pytest.approx(oracle.coef_[0, 0], abs=1e-5)
    assert line.constant == pytest.approx(oracle.intercept_[0], abs=1e-5)


def test_the_intercept_makes_expected_and_observed_agree():
    risk, outcome, weight = drawn()
    line = fit_line(LineRows.of(risk, outcome, weight))
    moved = 1 / (1 + np.exp(-(np.log(risk / (1 - risk)) + line.intercept)))
    assert (weight * moved).sum() == pytest.approx((weight * outcome).sum(), rel=1e-9)


def test_true_risks_have_intercept_0_and_slope_1():
    risk, outcome, weight = drawn(n=200_000, intercept=0, slope=1)
    line = fit_line(LineRows.of(risk, outcome, np.ones_like(weight)))
    assert line.intercept == pytest.approx(0, abs=0.03)
    assert line.slope == pytest.approx(1, abs=0.03)


def test_the_start_does_not_change_the_answer():
    rows = LineRows.of(*drawn())
    far = fit_line(rows, start=CalibrationLine(3.0, -2.0, 4.0))
    near = fit_line(rows, start=CalibrationLine(np.nan, np.nan, np.nan))
    assert far.values == pytest.approx(near.values, abs=1e-9)


@pytest.mark.parametrize(
    ("risk", "outcome", "intercept_too"),
    [
        ([0.1, 0.2, 0.3, 0.4], [0, 0, 0, 0], True),  # nobody had the outcome
        ([0.1, 0.2, 0.3, 0.4], [1, 1, 1, 1], True),
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], False),  # separated: no finite slope
        ([0.3, 0.3, 0.3, 0.3], [0, 1, 0, 1], False),  # one estimate for all: no slope
        ([0.0, 0.2, 0.3, 0.4], [1, 0, 1, 0], True),  # said impossible, happened
        ([1.0, 0.2, 0.3, 0.4], [0, 0, 1, 0], True),
        ([], [], True),
    ],
)
def test_without_a_finite_answer_the_line_is_undefined(risk, outcome, intercept_too):
    line = fit_line(LineRows.of(np.array(risk), np.array(outcome, dtype=np.int8), np.ones(len(risk))))
    assert np.isnan(line.slope)
    assert np.isnan(line.intercept) == intercept_too


def test_certain_and_right_says_nothing():
    risk, outcome, weight = drawn(n=500)
    line = fit_line(LineRows.of(risk, outcome, weight))
    more = LineRows.of(
        np.append(risk, [0.0, 1.0]), np.append(outcome, [0, 1]).astype(np.int8), np.append(weight, [5, 5])
    )
    assert fit_line(more).values == pytest.approx(line.values, abs=1e-12)
    assert (score_columns(more, line)[-2:] == 0).all()


def test_a_wrong_certainty_of_weight_0_is_forgiven():
    risk, outcome, weight = drawn(n=500)
    more = LineRows.of(np.append(risk, 0.0), np.append(outcome, 1).astype(np.int8), np.append(weight, 0.0))
    assert np.isfinite(fit_line(more).slope)


def test_one_step_is_near_full_refits():
    """On 1,000 rows with about 190 outcomes: draws within .02 in the mean, intervals within .03 of refits."""
    risk, outcome, weight = drawn(n=1000)
    rows = LineRows.of(risk, outcome, weight)
    line = fit_line(rows)
    resamples = resample(np.arange(1000), replicates=200, seed=1)
    columns = np.column_stack([score_columns(rows, line), information_columns(rows, line)])
    sums = resamples.sums(columns)
    fast = line.values + step(sums[:, :3], sums[:, 3:])
    slow = np.array(
        [fit_line(LineRows.of(risk, outcome, weight * times)).values for times in resamples.counts]
    )
    assert np.abs(fast - slow).mean(axis=0).max() < 0.02
    for k in range(2):
        assert np.quantile(fast[:, k], [0.025, 0.975]) == pytest.approx(
            np.quantile(slow[:, k], [0.025, 0.975]), abs=0.03
        )


def test_scores_vanish_at_the_fit_and_information_is_their_slope():
    rows = LineRows.of(*drawn())
    line = fit_line(rows)
    assert score_columns(rows, line).sum(axis=0) == pytest.approx([0, 0, 0], abs=1e-7)
    nudged = CalibrationLine(line.intercept + 1e-5, line.constant + 1e-5, line.slope)
    change = (score_columns(rows, line) - score_columns(rows, nudged)).sum(axis=0) / 1e-5
    assert information_columns(rows, line).sum(axis=0)[:3] == pytest.approx(change, rel=1e-4)


def test_too_little_information_is_undefined():
    assert np.isnan(step(np.ones(3), np.zeros(4))).all()
    assert np.isnan(step(np.ones(3), np.array([1.0, 4.0, 2.0, 1.0]))).tolist() == [False, True]


def test_an_undefined_line_gives_finite_columns():
    rows = LineRows.of(np.array([0.2, 0.3]), np.zeros(2, dtype=np.int8), np.ones(2))
    undefined = CalibrationLine(np.nan, np.nan, np.nan)
    assert np.isfinite(score_columns(rows, undefined)).all()
    assert np.isfinite(information_columns(rows, undefined)).all()


@pytest.mark.parametrize("free_slope", [True, False])
def test_the_compiled_fit_equals_the_plain_one(free_slope):
    risk, outcome, weight = drawn(n=200)
    rows = LineRows.of(risk, outcome, weight)
    data = (rows.logit, rows.outcome, rows.weight, 0.0, 1.0, free_slope)
    assert kernels.newton(*data) == pytest.approx(kernels.newton_reference(*data), abs=1e-9)


def test_the_plain_fit_gives_up_where_there_is_no_answer():
    one = np.ones(3)
    assert np.isnan(kernels.newton_reference(np.zeros(3), one, 0 * one, 0.0, 1.0, False)).all()
    assert np.isnan(kernels.newton_reference(one, np.array([0.0, 1.0, 0.0]), one, 0.0, 1.0, True)).all()
    assert np.isnan(
        kernels.newton_reference(np.array([-1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0]), one, 0.0, 1.0, True)
    ).all()
    for name in ("newton", "newton_reference"):
        started_far = getattr(kernels, name)(
            np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 0.0]), one, 40.0, 30.0, True
        )
        assert np.isnan(started_far).all()
