"""Ranges of risk estimates: against rates that are known, plain loops, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.errors import DataError
from riskmodel.models import CalibrationRows, ModelsSpec, bag, fit_calibration, monotone_band
from riskmodel.models.band import Band
from riskmodel.models.calibration import Calibration
from riskmodel.models.intervals import bagged_band, wilson


def truth(score):
    """A risk that rises with the score and that no sigmoid draws."""
    log_odds = (
        -3.6 + 0.75 * score + 0.12 * np.maximum(score - 1, 0) ** 1.5 - 0.1 * np.minimum(score + 1, 0) ** 2
    )
    return 1 / (1 + np.exp(-log_odds))


def draw(n, *, seed, alike=1):
    rng = np.random.default_rng(seed)
    score = np.repeat(rng.normal(size=n // alike), alike)
    outcome = np.repeat(rng.random(n // alike) < truth(score[::alike]), alike).astype(np.int8)
    return score, outcome, np.repeat(np.arange(n // alike), alike)


def band_of(score, outcome, household):
    weight = np.ones(len(score))
    calibration = fit_calibration(score, outcome, weight, kind="sigmoid")
    return calibration, monotone_band(
        CalibrationRows.build(score, outcome, weight, (household,)), calibration
    )


def covered(seed, *, n=6000):
    calibration, band = band_of(*draw(n, seed=seed))
    at = np.quantile(np.random.default_rng(99).normal(size=20_000), [0.05, 0.2, 0.5, 0.8, 0.95, 0.99])
    lower, upper = band.around(calibration.risk(at), at)
    return (lower <= truth(at)) & (truth(at) <= upper)


def test_the_range_holds_the_true_rate_though_the_curve_has_the_wrong_shape():
    assert np.mean([covered(seed) for seed in range(20)]) >= 0.95


def width_at_0(score, outcome, household):
    calibration, band = band_of(score, outcome, household)
    lower, upper = band.around(calibration.risk(np.zeros(1)), np.zeros(1))
    return float(upper[0] - lower[0])


def test_rows_that_are_copies_of_each_other_do_not_make_it_narrow():
    """Ten equal rows of a household say no more than one of them."""
    score, outcome, household = draw(100_000, seed=1, alike=10)
    as_one = width_at_0(score[::10], outcome[::10], household[::10])
    assert width_at_0(score, outcome, household) == pytest.approx(as_one, rel=0.15)
    assert width_at_0(score, outcome, np.arange(len(score))) < 0.6 * as_one


def test_the_range_narrows_with_more_people():
    assert width_at_0(*draw(30_000, seed=3)) < 0.7 * width_at_0(*draw(3000, seed=3))


def test_scores_that_go_the_wrong_way_by_chance_do_not_make_a_range_that_is_too_narrow():
    """Four like groups whose rates happen to fall: each limit holds the rate of them all."""
    score = np.repeat([0.0, 0.1, 0.2, 0.3, 3.0], [1600, 1600, 1600, 1600, 400])
    outcome = np.concatenate(
        [
            np.arange(size) < cases
            for size, cases in zip([1600] * 4 + [400], [36, 24, 18, 16, 60], strict=True)
        ]
    ).astype(np.int8)
    calibration, band = band_of(score, outcome, np.arange(len(score)))
    together = (36 + 24 + 18 + 16) / 6400
    lower, upper = band.around(
        calibration.risk(np.array([0.0, 0.1, 0.2, 0.3])), np.array([0.0, 0.1, 0.2, 0.3])
    )
    assert (lower < together).all()
    assert (upper > together).all()


def test_a_model_that_learned_nothing_has_one_range_for_all():
    rng = np.random.default_rng(5)
    outcome = (np.arange(1000) < 100).astype(np.int8)
    flat = fit_calibration(-outcome + 0.01 * rng.normal(size=1000), outcome, np.ones(1000), kind="sigmoid")
    rows = CalibrationRows.build(rng.normal(size=1000), outcome, np.ones(1000), (np.arange(1000),))
    band = monotone_band(rows, flat)
    assert not flat.learned
    assert (band.lower, band.upper) == (
        (pytest.approx(0.0829, abs=1e-4),),
        (pytest.approx(0.1202, abs=1e-4),),
    )


def test_wilson_is_that_of_the_book():
    """Newcombe 1998 (Stat Med 17:857), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    lower, upper = wilson(np.array([81.0, 15.0, 0.0, 1.0]), np.array([263.0, 148.0, 20.0, 29.0]))
    assert lower == pytest.approx([0.2553, 0.0624, 0.0, 0.0061], abs=1e-4)
    assert upper == pytest.approx([0.3662, 0.1605, 0.1611, 0.1718], abs=1e-4)


def test_effective_rows_are_kishs_over_the_design_effect():
    weight = np.array([1.0, 2.0, 1.0, 2.0])
    rows = CalibrationRows.build(
        np.zeros(4), np.array([1, 1, 0, 0], np.int8), weight, (np.array([7, 7, 9, 9]),)
    )
    residual = weight * (np.array([1, 1, 0, 0]) - 0.5)
    deff = ((residual[0] + residual[1]) ** 2 + (residual[2] + residual[3]) ** 2) / (residual**2).sum()
    assert rows.effective(np.full(4, 0.5)).sum() == pytest.approx(
        weight.sum() ** 2 / (weight**2).sum() / deff
    )


def test_perfect_estimates_need_no_design_effect():
    rows = CalibrationRows.build(np.zeros(2), np.array([1, 0], np.int8), np.ones(2), (np.array([0, 0]),))
    assert rows.effective(np.array([1.0, 0.0])).sum() == 2.0


def test_rows_that_do_not_count_are_left_out_and_none_is_refused():
    raw, outcome = np.array([0.0, np.nan, 1.0]), np.array([0, 1, 1], np.int8)
    rows = CalibrationRows.build(raw, outcome, np.array([1.0, 1.0, 0.0]), (np.array([5, 6, 7]),))
    assert rows.raw.tolist() == [0.0]
    with pytest.raises(DataError, match="interval of the risk estimates"):
        CalibrationRows.build(raw, outcome, np.zeros(3), ())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(200, 1500), decimals=st.integers(0, 3))
def test_limits_rise_lie_in_0_to_1_and_hold_the_estimate(seed, n, decimals):
    rng = np.random.default_rng(seed)
    score = np.round(rng.normal(size=n), decimals)
    outcome = (rng.random(n) < 1 / (1 + np.exp(1 - score))).astype(np.int8)
    calibration, band = band_of(score, outcome, np.arange(n) // 2)
    assert (np.diff(band.knots) >= 0).all()
    assert (np.diff(band.lower) >= 0).all()
    assert (np.diff(band.upper) >= 0).all()
    at = np.linspace(-6, 6, 50)
    risk = calibration.risk(at)
    lower, upper = band.around(risk, at)
    assert ((lower >= 0) & (lower <= risk) & (risk <= upper) & (upper <= 1)).all()


def test_an_estimate_beyond_the_limits_moves_them_outwards():
    band = Band("monotone", (0.0, 1.0), (0.1, 0.2), (0.3, 0.4))
    lower, upper = band.around(np.array([0.05, 0.2, 0.9]), np.array([-5.0, 0.5, 9.0]))
    assert lower == pytest.approx([0.05, 0.15, 0.2])
    assert upper == pytest.approx([0.3, 0.35, 0.9])
    assert Band.from_state(band.to_state()) == band


def test_bagged_limits_are_those_of_a_plain_loop_over_refits():
    """A refit that shifts everybody's log-odds: the band's width is the spread of the shifts."""
    score, outcome, household = draw(2000, seed=11)
    rows = CalibrationRows.build(score, outcome, np.ones(2000), (household,))
    shifts = []

    def refit(drawn, left):
        assert ((drawn == 0) == left).all()
        shifts.append(float((drawn @ score) / drawn.sum()))
        return score[left] + shifts[-1]

    band = bagged_band(
        rows, Calibration("none"), refit, calibrate=lambda _raw, _left: Calibration("none"), bags=40, seed=2
    )
    middle = np.array(band.knots)
    half = np.subtract(*(np.log(np.array(one) / (1 - np.array(one))) for one in (band.upper, band.lower))) / 2
    assert half == pytest.approx(np.full(len(middle), 1.96 * np.std(shifts, ddof=1)), rel=0.25)


def test_bagging_fits_the_family_again_and_repeats_itself(people):
    spec = ModelsSpec.model_validate({"uncertainty": {"method": "bagged", "bags": 10}})
    few = people.take(np.arange(3000))
    rows = CalibrationRows.build(few.log_odds, few.outcome, few.weight, (few.person,))
    calibration = fit_calibration(few.log_odds, few.outcome, few.weight, kind="sigmoid")
    first, again = (
        bag("logistic", few.features, rows, calibration, kind="sigmoid", spec=spec, seed=4) for _ in range(2)
    )
    assert first == again
    assert first.method == "bagged"
    assert (np.subtract(first.upper, first.lower) > 0).all()
