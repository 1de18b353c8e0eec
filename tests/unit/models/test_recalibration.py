import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.errors import DataError
from riskmodel.models import CalibratedModel, Calibration, recalibrate_in_the_large
from riskmodel.models.calibration import shifted


class Model:
    unit = "log-odds"
    family = "toy"


def draw(n=20_000, *, seed=0, drift=0.7):
    rng = np.random.default_rng(seed)
    raw = rng.normal(-3, 1, n)
    outcome = (rng.random(n) < 1 / (1 + np.exp(-(raw + drift)))).astype(np.int8)
    return raw, outcome, rng.uniform(0.5, 2, n)


CURVES = [
    Calibration("none"),
    Calibration("sigmoid", -0.2, 0.9),
    Calibration("beta", beta=(0.8, 1.2, 0.1)),
    Calibration("isotonic", -0.2, 0.9, knots_raw=(-5.0, -3.0, 0.0), knots_risk=(0.0, 0.04, 0.5)),
]


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.kind)
def test_as_many_are_expected_as_were_seen_and_nothing_else_changes(curve):
    raw, outcome, weight = draw()
    before = CalibratedModel(Model(), curve)
    after = recalibrate_in_the_large(before, raw, outcome, weight, on="last year")
    assert weight @ after.risk(raw) == pytest.approx(weight @ outcome, rel=1e-9)
    old, new = before.risk(raw), after.risk(raw)
    moved = (old > 0) & (old < 1)
    change = np.log(new / (1 - new))[moved] - np.log(old / (1 - old))[moved]
    assert change == pytest.approx(np.full(moved.sum(), after.calibration.shift), abs=1e-6)
    assert np.array_equal(np.argsort(old, kind="stable"), np.argsort(new, kind="stable"))


def test_a_drift_in_the_log_odds_is_found():
    raw, outcome, _ = draw(200_000)
    after = recalibrate_in_the_large(
        CalibratedModel(Model(), Calibration("none")), raw, outcome, np.ones(len(raw)), on="last year"
    )
    assert after.calibration.shift == pytest.approx(0.7, abs=0.03)


def test_the_shift_is_the_root_that_a_general_solver_finds():
    from scipy.optimize import brentq

    raw, outcome, weight = draw(4000)
    expected = brentq(lambda d: weight @ (1 / (1 + np.exp(-(raw + d))) - outcome), -5, 5, xtol=1e-12)
    after = recalibrate_in_the_large(
        CalibratedModel(Model(), Calibration("none")), raw, outcome, weight, on="last year"
    )
    assert after.calibration.shift == pytest.approx(expected, abs=1e-9)


def test_it_says_what_it_was_done_on_in_rounded_counts_and_twice_is_once():
    raw, outcome, weight = draw(4003)
    weight[:2] = 0
    raw[3] = np.nan
    once = recalibrate_in_the_large(
        CalibratedModel(Model(), Calibration("none")), raw, outcome, weight, on="2024"
    )
    said = once.recalibration
    assert (said.on, said.n_rows, said.n_outcomes % 5) == ("2024", 4000, 0)
    assert said.n_outcomes == pytest.approx(outcome.sum(), abs=4)
    assert said.shift == once.calibration.shift
    twice = recalibrate_in_the_large(once, raw, outcome, weight, on="2024")
    assert twice.calibration.shift == pytest.approx(once.calibration.shift, abs=1e-9)


def test_too_few_outcomes_are_refused():
    raw = np.zeros(500)
    outcome = (np.arange(500) < 19).astype(np.int8)
    with pytest.raises(DataError, match="recalibration on last year"):
        recalibrate_in_the_large(
            CalibratedModel(Model(), Calibration("none")), raw, outcome, np.ones(500), on="last year"
        )


def test_nothing_in_it_can_be_told_a_group():
    assert set(inspect.signature(recalibrate_in_the_large).parameters) == {
        "calibrated", "raw", "outcome", "weight", "on", "disclosure",
    }  # fmt: skip


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(-20, 20))
def test_a_shifted_risk_is_a_risk_and_keeps_the_order(risks, shift):
    risk = np.sort(np.array(risks))
    moved = shifted(risk, shift)
    assert ((moved >= 0) & (moved <= 1)).all()
    assert (np.diff(moved) >= -1e-15).all()
