from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.errors import DataError, StudyError
from riskmodel.models import (
    CalibratedModel,
    Calibration,
    ModelsSpec,
    fit_calibration,
    recalibrate_in_the_large,
)


def draw(n=40_000, *, slope=0.6, intercept=-1.5, seed=0):
    rng = np.random.default_rng(seed)
    raw = rng.normal(-1, 1.2, n)
    outcome = (rng.random(n) < 1 / (1 + np.exp(-(intercept + slope * raw)))).astype(np.int8)
    return raw, outcome


def test_sigmoid_recovers_the_line_that_made_the_data():
    raw, outcome = draw()
    found = fit_calibration(raw, outcome, np.ones(len(raw)), kind="sigmoid")
    # About 4,700 outcomes: standard errors are near 0.014 (slope) and 0.023 (intercept).
    assert found.slope == pytest.approx(0.6, abs=0.05)
    assert found.intercept == pytest.approx(-1.5, abs=0.08)


def test_sigmoid_is_scikit_learns_unpenalised_fit():
    from sklearn.linear_model import LogisticRegression

    raw, outcome = draw(3000)
    weight = np.random.default_rng(2).uniform(0.2, 3, len(raw))
    ours = fit_calibration(raw, outcome, weight, kind="sigmoid")
    theirs = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(
        raw[:, None], outcome, sample_weight=weight
    )
    assert (ours.intercept, ours.slope) == pytest.approx((theirs.intercept_[0], theirs.coef_[0, 0]), abs=1e-4)


@pytest.mark.parametrize("kind", ["sigmoid", "beta", "isotonic"])
def test_the_mean_risk_is_the_weighted_outcome_rate(kind):
    raw, outcome = draw(20_000)
    weight = np.random.default_rng(2).uniform(0.2, 3, len(raw))
    risk = fit_calibration(raw, outcome, weight, kind=kind).risk(raw)
    assert np.average(risk, weights=weight) == pytest.approx(np.average(outcome, weights=weight), rel=5e-3)


@pytest.mark.parametrize("kind", ["sigmoid", "beta", "isotonic"])
def test_rows_without_a_score_or_of_weight_zero_are_left_out(kind):
    raw, outcome = draw(4000)
    weight = np.ones(len(raw))
    wrong = np.arange(len(raw)) % 5 == 0
    expected = fit_calibration(raw[~wrong], outcome[~wrong], weight[~wrong], kind=kind)
    turned = np.where(wrong, 1 - outcome, outcome).astype(np.int8)
    assert fit_calibration(np.where(wrong, np.nan, raw), turned, weight, kind=kind) == expected
    assert fit_calibration(raw, turned, np.where(wrong, 0.0, 1.0), kind=kind) == expected


def test_isotonic_follows_a_shape_that_no_sigmoid_has():
    rng = np.random.default_rng(4)
    raw = rng.uniform(0, 1, 60_000)
    truth = np.where(raw < 0.5, 0.02, np.where(raw < 0.9, 0.10, 0.50))
    outcome = (rng.random(len(raw)) < truth).astype(np.int8)
    risk = fit_calibration(raw, outcome, np.ones(len(raw)), kind="isotonic").risk(raw)
    for low, high in ((0.05, 0.45), (0.55, 0.85), (0.92, 1.0)):
        inside = (raw > low) & (raw < high)
        assert risk[inside].mean() == pytest.approx(truth[inside].mean(), rel=0.15)


def test_isotonic_knots_are_those_of_pooling_neighbours_by_hand():
    # Rates by level 0, 1, 2, 3 are .1, .3, .2, .6: the middle two are pooled to .25.
    raw = np.repeat([0.0, 1.0, 2.0, 3.0], 10)
    outcome = np.concatenate([np.arange(10) < k for k in (1, 3, 2, 6)]).astype(np.int8)
    found = fit_calibration(raw, outcome, np.ones(40), kind="isotonic")
    assert found.knots_raw == pytest.approx((0, 1, 2, 3))
    assert found.knots_risk == pytest.approx((0.1, 0.25, 0.25, 0.6))
    assert found.risk(np.array([0.5, 1.5, 9.0])) == pytest.approx([0.175, 0.25, 0.6], abs=2e-6)


def test_each_isotonic_knot_stands_for_ten_rows():
    raw, outcome = draw(600)
    found = fit_calibration(raw, outcome, np.ones(len(raw)), kind="isotonic")
    assert 10 < len(found.knots_raw) <= 60


@pytest.mark.parametrize("kind", ["sigmoid", "beta", "isotonic"])
@given(st.lists(st.floats(-6, 4), min_size=2, max_size=30, unique=True))
def test_risk_keeps_the_order_of_raw_scores_without_ties(kind, values):
    raw, outcome = draw(4000)
    found = fit_calibration(raw, outcome, np.ones(len(raw)), kind=kind)
    ordered = np.sort(np.round(values, 6))
    ordered = ordered[np.concatenate([[True], np.diff(ordered) > 0])]
    risk = found.risk(ordered)
    assert ((risk >= 0) & (risk <= 1)).all()
    assert (np.diff(risk) > 0).all()


@pytest.mark.parametrize("kind", ["sigmoid", "beta", "isotonic"])
def test_an_order_turned_round_gives_everybody_the_base_rate_and_says_so(kind):
    raw, outcome = draw(4000)
    found = fit_calibration(-raw, outcome, np.ones(len(raw)), kind=kind)
    assert not found.learned
    assert found.risk(-raw) == pytest.approx(np.full(len(raw), outcome.mean()), abs=1e-5)
    assert found.beta == ()
    ordered = np.sort(-raw)
    assert (np.diff(found.risk(ordered)) >= 0).all()


def test_a_score_that_is_the_same_for_everyone_has_learned_nothing():
    found = fit_calibration(np.ones(40), (np.arange(40) % 2).astype(np.int8), np.ones(40), kind="sigmoid")
    assert not found.learned
    assert found.risk(np.ones(1))[0] == pytest.approx(0.5, abs=1e-6)


def test_a_rising_order_has_learned_something():
    raw, outcome = draw(4000)
    assert fit_calibration(raw, outcome, np.ones(len(raw)), kind="sigmoid").learned


def test_one_outcome_only_is_refused():
    with pytest.raises(DataError, match="same outcome in all 40 rows"):
        fit_calibration(np.arange(40.0), np.zeros(40, np.int8), np.ones(40), kind="sigmoid")


def test_none_takes_the_raw_score_as_log_odds():
    found = fit_calibration(np.array([0.0]), np.array([1], np.int8), np.ones(1), kind="none")
    assert found.risk(np.array([0.0, np.log(3)])) == pytest.approx([0.5, 0.75])


def test_a_count_needs_a_calibration(fitted):
    with pytest.raises(StudyError, match="a number of factors and no probability"):
        CalibratedModel(fitted["count"], Calibration("none"))
    with pytest.raises(StudyError, match="is beta, but the score of 'count'"):
        CalibratedModel(fitted["count"], Calibration("beta", beta=(1.0, 1.0, 0.0)))


@pytest.mark.parametrize(
    ("setting", "unit", "curves"),
    [
        ("auto", "log-odds", ("none", "sigmoid", "beta", "isotonic")),
        ("auto", "factors", ("sigmoid", "isotonic")),
        ("none", "log-odds", ("none",)),
        ("none", "factors", ("sigmoid",)),
        ("beta", "events", ("sigmoid",)),
        ("isotonic", "events", ("isotonic",)),
    ],
)
def test_a_score_that_is_no_probability_always_gets_a_curve_of_its_own(setting, unit, curves):
    assert ModelsSpec(calibration=setting).curves_for(unit) == curves


LOG_ODDS = ("logistic", "ebm", "xgboost")  # a number of events is no probability, which beta curves need


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        *product(("sigmoid", "isotonic"), ("prior", "count", *LOG_ODDS)),
        *product(("beta",), LOG_ODDS),
    ],
)
def test_a_saved_model_gives_the_same_risk_bit_by_bit(kind, family, fitted, people, tmp_path):
    raw = fitted[family].raw_score(people.features)
    calibrated = CalibratedModel(
        fitted[family], fit_calibration(raw, people.outcome, people.weight, kind=kind)
    )
    calibrated = recalibrate_in_the_large(
        calibrated, raw, (people.outcome * (raw > np.median(raw))).astype(np.int8), people.weight, on="a test"
    )
    calibrated.save(tmp_path / "model.json")
    again = CalibratedModel.load(tmp_path / "model.json")
    new = people.features
    assert (
        again.risk(again.model.raw_score(new)).tobytes()
        == calibrated.risk(calibrated.model.raw_score(new)).tobytes()
    )
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "model.json").read_bytes()


def beta_data(a, b, c, *, n=60_000, seed=5):
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 3.0, n)
    truth = 1 / (1 + np.exp(-(c + a * np.log(p) - b * np.log1p(-p))))
    return np.log(p) - np.log1p(-p), (rng.random(n) < truth).astype(np.int8)


def by_scipy(raw, outcome, weight):
    """Kull et al.'s likelihood under bounds, by a general optimiser."""
    from scipy.optimize import minimize

    p = 1 / (1 + np.exp(-raw))

    def cost(at):
        z = at[2] + at[0] * np.log(p) - at[1] * np.log1p(-p)
        return np.average(np.logaddexp(0, z) - outcome * z, weights=weight)

    bounds = [(0, None), (0, None), (None, None)]
    return minimize(cost, [1, 1, 0], bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-10}).x


@pytest.mark.parametrize("truth", [(0.4, 1.5, -0.5), (1.6, 0.3, 0.8), (1.4, -0.6, 0.3), (-0.4, 2.0, -0.7)])
def test_beta_is_the_best_rising_curve_that_a_general_optimiser_finds(truth):
    raw, outcome = beta_data(*truth)
    weight = np.random.default_rng(1).uniform(0.2, 2.0, len(raw))
    found = fit_calibration(raw, outcome, weight, kind="beta")
    assert found.beta == pytest.approx(by_scipy(raw, outcome, weight), abs=2e-3)
    assert min(found.beta[:2]) >= 0
    assert (min(found.beta[:2]) == 0) == (min(truth[:2]) < 0)  # a and b below 0 are held at 0


def test_beta_holds_the_sigmoid_and_the_score_itself():
    raw, _ = draw()
    sigmoid = Calibration("sigmoid", -1.5, 0.6)
    assert Calibration("beta", beta=(0.6, 0.6, -1.5)).risk(raw) == pytest.approx(sigmoid.risk(raw))
    assert Calibration("beta", beta=(1.0, 1.0, 0.0)).risk(np.array([-800.0, 0.0, 800.0])) == pytest.approx(
        [0, 0.5, 1]
    )


def test_a_calibration_from_a_file_is_what_was_written():
    for one in (Calibration("beta", 0.1, 0.9, beta=(1.0, 0.5, 0.2), shift=0.3), Calibration("none")):
        assert Calibration.from_state(one.to_state()) == one
