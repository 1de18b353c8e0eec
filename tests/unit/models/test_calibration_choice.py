from types import SimpleNamespace

import numpy as np
import pytest

from riskmodel.models import Calibration, calibrate, fold_risks
from riskmodel.models.calibration_choice import _standard_error

ALL = ("none", "sigmoid", "beta", "isotonic")


def expit(z):
    return 1 / (1 + np.exp(-z))


def draw(truth, *, n=40_000, seed=3):
    rng = np.random.default_rng(seed)
    raw = rng.normal(-2, 1.3, n)
    outcome = (rng.random(n) < truth(raw)).astype(np.int8)
    return raw, outcome, rng.integers(0, 5, n), np.arange(n) // 2


def bend(raw):
    """Kull et al.'s curve with a = 0.3, b = 3: no sigmoid bends so."""
    return expit(-1 + 0.3 * np.log(expit(raw)) - 3 * np.log1p(-expit(raw)))


def steps(raw):
    return np.where(raw < -2.5, 0.02, np.where(raw < -1.0, 0.25, 0.30))


def calibrated(raw, outcome, weight, *, fold, person, kinds):
    """Calibrate as a study with one round does: every fold on all others."""
    others = {one: fold != one for one in np.unique(fold).tolist()}
    risks = fold_risks(raw, outcome, weight, fold=fold, others=others, person=person, kinds=kinds)
    curve, choice = calibrate(raw, outcome, weight, risks.by_kind, person=person)
    return SimpleNamespace(calibration=curve, choice=choice, risk=risks.risk)


@pytest.mark.parametrize(
    ("truth", "kind"),
    [
        (expit, "none"),
        (lambda raw: expit(0.5 + 0.6 * raw), "sigmoid"),
        (bend, "beta"),
        (steps, "isotonic"),
    ],
)
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_kind_that_made_the_data_is_chosen(truth, kind, seed):
    raw, outcome, fold, person = draw(truth, seed=seed)
    found = calibrated(raw, outcome, np.ones(len(raw)), fold=fold, person=person, kinds=ALL)
    assert found.choice.selected == found.calibration.kind == kind
    assert [one.kind for one in found.choice.curves] == list(ALL)
    risk = found.risk
    assert np.corrcoef(risk, truth(raw))[0, 1] > 0.97
    assert risk.mean() == pytest.approx(outcome.mean(), rel=0.02)


def test_log_loss_is_scikit_learns_and_out_of_fold():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    raw, outcome, fold, person = draw(bend, n=3000)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(raw))
    found = calibrated(raw, outcome, weight, fold=fold, person=person, kinds=("none", "sigmoid"))
    risk = np.empty(len(raw))
    for one in range(5):
        others, own = fold != one, fold == one
        line = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
        line.fit(raw[others, None], outcome[others], sample_weight=weight[others])
        risk[own] = line.predict_proba(raw[own, None])[:, 1]
    by_kind = {one.kind: one for one in found.choice.curves}
    assert by_kind["sigmoid"].log_loss == pytest.approx(
        log_loss(outcome, risk, sample_weight=weight), abs=1e-6
    )
    assert by_kind["none"].log_loss == pytest.approx(
        log_loss(outcome, expit(raw), sample_weight=weight), abs=1e-9
    )


def test_standard_errors_are_over_people():
    values = np.repeat(np.random.default_rng(0).normal(size=500), 4)
    person = np.repeat(np.arange(500), 4)
    once = _standard_error(values[::4], np.ones(500), person[::4])
    assert once == pytest.approx(values[::4].std(ddof=1) / np.sqrt(500))
    assert _standard_error(values, np.ones(2000), person) == pytest.approx(once)


def test_a_fold_has_no_say_in_the_kind_of_its_own_curve():
    raw, outcome, fold, person = draw(bend)
    seen = calibrated(raw, outcome, np.ones(len(raw)), fold=fold, person=person, kinds=ALL)
    turned = np.where(fold == 2, 0, outcome).astype(np.int8)
    turned[np.flatnonzero(fold == 2)[:3]] = 1
    other = calibrated(raw, turned, np.ones(len(raw)), fold=fold, person=person, kinds=("beta",))
    own = calibrated(raw, outcome, np.ones(len(raw)), fold=fold, person=person, kinds=("beta",))
    assert np.array_equal(other.risk[fold == 2], own.risk[fold == 2])  # nor in its parameters
    assert np.array_equal(seen.risk[fold == 2], own.risk[fold == 2])


def test_no_choice_makes_a_wrong_order_right():
    raw, outcome, fold, person = draw(expit)
    found = calibrated(-raw, outcome, np.ones(len(raw)), fold=fold, person=person, kinds=ALL)
    assert not found.calibration.learned
    assert found.calibration.risk(-raw) == pytest.approx(np.full(len(raw), outcome.mean()), abs=1e-4)


def test_an_estimate_of_zero_for_somebody_who_came_to_harm_is_not_forgiven():
    raw, outcome, fold, person = draw(expit, n=400)
    found = calibrated(raw, outcome, np.ones(400), fold=fold, person=person, kinds=("sigmoid", "isotonic"))
    assert found.choice.selected == "sigmoid"


def test_one_kind_needs_no_choice():
    raw, outcome, fold, person = draw(expit, n=2000)
    found = calibrated(raw, outcome, np.ones(2000), fold=fold, person=person, kinds=("none",))
    assert found.calibration == Calibration("none")
    assert found.choice.curves[0].behind == 0.0
    assert found.choice.to_json()["selected"] == "none"
