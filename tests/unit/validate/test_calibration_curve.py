from dataclasses import replace

import numpy as np
import pytest

from riskmodel.validate import resample
from riskmodel.validate.calibration_curve import CalibrationCurve, Cells, calibration_distances, distances
from riskmodel.validate.resample import Resamples


def drawn(n=600, seed=0, digits=2, slope=0.7):
    """Estimates with two digits: fewer than 200 different ones, so that no cell mixes two."""
    rng = np.random.default_rng(seed)
    risk = np.clip(np.round(1 / (1 + np.exp(-rng.normal(-1.5, 1.2, size=n))), digits), 0.01, 0.99)
    logit = np.log(risk / (1 - risk))
    outcome = (rng.random(n) < 1 / (1 + np.exp(-(0.3 + slope * logit)))).astype(np.int8)
    return risk, outcome, rng.uniform(0.5, 2, size=n)


def weighted_centile(values, weight, share):
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) / weight.sum()
    return values[order][np.flatnonzero(reached >= share - 1e-12)[0]]


def plain_design(x, weight):
    """Restricted cubic splines written out as truncated cubes that are straight beyond the outer knots."""
    t = [weighted_centile(x, weight, share) for share in (0.05, 0.35, 0.65, 0.95)]

    def cube(at):
        return np.clip(x - at, 0, None) ** 3

    columns = [np.ones_like(x), x]
    for j in range(2):
        a, b = (t[3] - t[j]) / (t[3] - t[2]), (t[2] - t[j]) / (t[3] - t[2])
        columns.append((cube(t[j]) - a * cube(t[2]) + b * cube(t[3])) / (t[3] - t[0]) ** 2)
    return np.column_stack(columns)


def plain_fit(design, outcome, weight):
    """Minimise the deviance with scipy."""
    from scipy.optimize import minimize

    scaled = design / np.abs(design).max(axis=0)

    def loss(b):
        eta = scaled @ b
        chance = 1 / (1 + np.exp(-eta))
        return (weight * (np.logaddexp(0, eta) - outcome * eta)).sum(), scaled.T @ (
            weight * (chance - outcome)
        )

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, tol=1e-12, options={"maxiter": 5000})
    return 1 / (1 + np.exp(-(scaled @ found.x)))


def plain_distances(risk, observed, weight):
    far = np.abs(risk - observed)
    return (
        np.average(far, weights=weight),
        weighted_centile(far, weight, 0.5),
        weighted_centile(far, weight, 0.9),
    )


def test_ici_e50_and_e90_equal_a_spline_fitted_row_by_row():
    risk, outcome, weight = drawn()
    assert len(np.unique(risk)) < 200
    observed = plain_fit(plain_design(np.log(risk / (1 - risk)), weight), outcome, weight)
    found = calibration_distances(
        risk, outcome, weight, resample(np.arange(len(risk)), replicates=100, seed=0)
    )
    assert found.values == pytest.approx(plain_distances(risk, observed, weight), abs=2e-5)


def test_a_resample_is_close_to_a_refit_of_it():
    risk, outcome, weight = drawn(n=4000)
    draws = resample(np.arange(len(risk)), replicates=100, seed=0)
    cells = Cells.of(risk, outcome, weight)
    curve = CalibrationCurve.fit(cells)
    sums = cells.drawn(np.column_stack([weight, weight * outcome]), draws, threads=1)
    heights = curve.observed_draws(cells, sums[..., 0], sums[..., 1])
    for r in range(0, 100, 20):
        times = weight * draws.counts[r, draws.cluster]
        full = plain_fit(plain_design(np.log(risk / (1 - risk)), weight), outcome, times)
        first = np.unique(risk, return_index=True)[1]
        moved = heights[r] - curve.observed(cells)
        assert np.average(np.abs(heights[r] - full[first]), weights=cells.weight) < 0.1 * np.average(
            np.abs(moved), weights=cells.weight
        )


def test_the_known_distances_of_known_curves():
    # True risk is the estimate on the log-odds scale, times .7 plus .3: distances follow from it.
    risk, outcome, _ = drawn(n=400_000, digits=9)
    logit = np.log(risk / (1 - risk))
    true = 1 / (1 + np.exp(-(0.3 + 0.7 * logit)))
    found = calibration_distances(
        risk, outcome, np.ones(len(risk)), resample(np.zeros(len(risk), dtype=np.int64), replicates=1, seed=0)
    )
    assert found.values == pytest.approx(plain_distances(risk, true, np.ones(len(risk))), abs=2e-3)


def test_weights_count_like_repeated_rows():
    risk, outcome, _ = drawn(n=300)
    times = np.random.default_rng(1).integers(1, 4, size=300)
    once = resample(np.arange(300), replicates=20, seed=0)
    weighted = calibration_distances(risk, outcome, times.astype(float), once)
    again = Resamples(np.repeat(once.cluster, times), once.counts)
    repeated = calibration_distances(
        np.repeat(risk, times), np.repeat(outcome, times), np.ones(times.sum()), again
    )
    assert weighted.values == pytest.approx(repeated.values, abs=1e-10)
    assert weighted.draws == pytest.approx(repeated.draws, abs=1e-9)


def test_draws_are_centred_on_the_estimate_and_reach_zero_for_a_perfect_model():
    rng = np.random.default_rng(0)
    risk = rng.uniform(0.05, 0.5, size=3000)
    outcome = (rng.random(3000) < risk).astype(np.int8)
    found = calibration_distances(
        risk, outcome, np.ones(3000), resample(np.arange(3000), replicates=400, seed=1)
    )
    low, high = np.quantile(found.draws, [0.025, 0.975], axis=0)
    assert (low < 0.4 * found.values).all()
    assert (found.draws**2).mean(axis=0) == pytest.approx(found.values**2, rel=0.1)
    assert (low <= found.values).all()
    assert (found.values <= high).all()


def test_people_with_certain_estimates_are_compared_with_what_happened():
    risk = np.array([0.0] * 10 + [1.0] * 10)
    outcome = np.array([1] + [0] * 9 + [1] * 8 + [0] * 2, dtype=np.int8)
    found = calibration_distances(risk, outcome, np.ones(20), resample(np.arange(20), replicates=50, seed=0))
    assert found.values == pytest.approx([0.15, 0.1, 0.2])


def test_certain_and_other_estimates_together():
    risk, outcome, weight = drawn()
    risk[:50] = 0.0
    outcome[:50] = 0
    one = resample(np.arange(len(risk)), replicates=30, seed=0)
    rest = calibration_distances(
        risk[50:], outcome[50:], weight[50:], resample(np.arange(550), replicates=30, seed=0)
    )
    whole = calibration_distances(risk, outcome, weight, one)
    assert whole.values[0] == pytest.approx(rest.values[0] * weight[50:].sum() / weight.sum())


def test_one_estimate_for_everybody_is_compared_with_the_rate():
    risk = np.full(40, 0.3)
    outcome = np.array([1] * 20 + [0] * 20, dtype=np.int8)
    found = calibration_distances(risk, outcome, np.ones(40), resample(np.arange(40), replicates=50, seed=0))
    assert found.values == pytest.approx([0.2, 0.2, 0.2])


@pytest.mark.parametrize("outcome", [np.zeros(6), np.ones(6), np.array([0, 0, 0, 1, 1, 1])])
def test_without_a_finite_curve_nothing_is_said(outcome):
    risk = np.array([0.1, 0.15, 0.2, 0.6, 0.7, 0.8])
    found = calibration_distances(
        risk, outcome.astype(np.int8), np.ones(6), resample(np.arange(6), replicates=20, seed=0)
    )
    assert np.isnan(found.values).all()
    assert np.isnan(found.draws).all()


def test_nobody_seen_is_undefined():
    risk, outcome, weight = drawn(n=30)
    found = calibration_distances(risk, outcome, 0 * weight, resample(np.arange(30), replicates=20, seed=0))
    assert np.isnan(found.values).all()


def test_a_resample_without_the_outcome_is_undefined_and_the_others_are_not():
    risk, outcome, weight = drawn(n=60)
    counts = np.stack([np.ones(60), outcome == 0, np.ones(60)]).astype(np.uint8)
    found = calibration_distances(risk, outcome, weight, Resamples(np.arange(60), counts))
    assert np.isnan(found.draws).any(axis=1).tolist() == [False, True, False]


def test_threads_and_order_change_nothing():
    risk, outcome, weight = drawn(n=5000, digits=9)
    draws = resample(np.arange(5000), replicates=700, seed=2)
    one, two = (calibration_distances(risk, outcome, weight, draws, threads=t) for t in (1, 2))
    assert np.array_equal(one.draws, two.draws)
    back = replace(draws, cluster=draws.cluster[::-1])
    turned = calibration_distances(risk[::-1], outcome[::-1], weight[::-1], back)
    assert turned.values == pytest.approx(one.values, abs=1e-10)


def test_cells_hold_about_equal_weight_and_leave_certain_estimates_alone():
    rng = np.random.default_rng(0)
    risk = np.concatenate([np.zeros(5), rng.random(5000), np.ones(7)])
    cells = Cells.of(risk, np.zeros(len(risk), dtype=np.int8), np.ones(len(risk)))
    assert (cells.risk[0], cells.weight[0], cells.risk[-1], cells.weight[-1]) == (0.0, 5.0, 1.0, 7.0)
    assert cells.certain.sum() == 2
    assert len(cells.weight) == 202
    assert np.abs(cells.weight[2:-2] - 25).max() <= 1
    assert cells.weight[1:-1].max() <= 26
    assert (np.diff(cells.risk) > 0).all()


def test_a_centile_is_the_smallest_distance_that_so_many_do_not_exceed():
    found = distances(np.zeros(3), np.array([[0.1, 0.3, 0.2]]), np.array([[5.0, 1.0, 4.0]]))[0]
    assert found == pytest.approx([0.16, 0.1, 0.2])
    unseen = distances(np.zeros(2), np.array([[0.1, np.nan]]), np.array([[1.0, 0.0]]))[0]
    assert unseen == pytest.approx([0.1, 0.1, 0.1])
    assert np.isnan(distances(np.zeros(2), np.array([[0.1, np.nan]]), np.ones((1, 2)))).all()
