"""The model of offers against its equations by a plain loop, a product limit, and a second fit."""

from dataclasses import replace

import numpy as np
import pytest
from experiments_kit import load_experiment
from sklearn.linear_model import PoissonRegressor

from riskmodel.audit.groups import Grouping
from riskmodel.audit.histories import follow_up, stretches
from riskmodel.audit.offer_hazard import CLOSE, design, fit_offers
from riskmodel.audit.spec import NoSupportSpec
from riskmodel.validate import resample
from riskmodel.validate.resample import Resamples

OFFERS = NoSupportSpec().offers


@pytest.fixture(scope="module")
def lives():
    return load_experiment("no_support", "made_up_lives")


def prepared(lives, n=3000, seed=3):
    people = lives.live(lives.World(), n, seed=seed)
    log, cohort, labels = lives.event_log(people), lives.cohort(people), lives.labels(people)
    follow = follow_up(log, cohort, labels, offers=OFFERS, horizon=365)
    cuts = stretches(log, cohort, follow, offers=OFFERS, cut=182)
    group = Grouping("group", (("a",), ("b",)), people.group)
    rng = np.random.default_rng(0)
    weight = np.where(rng.random(n) < 0.05, 0.0, 1 + 0.1 * rng.random(n))
    return people, follow, cuts, design(cuts, cohort, people.score, (group,), cut=182), weight


@pytest.fixture(scope="module")
def fitted(lives):
    people, follow, cuts, columns, weight = prepared(lives)
    return people, follow, cuts, columns, weight, fit_offers(columns, cuts, weight)


def by_hand(cuts, columns, coefficients, scale, n):
    """Expected offers and what offers exceed them by, row by row."""
    dense = np.column_stack([np.ones(len(cuts)), columns.columns.toarray()]) * scale
    cumulative, scores, slopes = np.zeros(n), np.zeros((n, dense.shape[1])), np.zeros((n, dense.shape[1]))
    for j in range(len(cuts)):
        expected = np.exp(dense[j] @ coefficients) * cuts.days[j]
        cumulative[cuts.row[j]] += expected
        scores[cuts.row[j]] += (cuts.offered[j] - expected) * dense[j]
        slopes[cuts.row[j]] += expected * dense[j]
    return cumulative, scores, slopes


def test_coefficients_solve_the_equations_with_their_priors(fitted):
    _, _, cuts, columns, weight, found = fitted
    cumulative, scores, slopes = by_hand(cuts, columns, found.coefficients, found.scale, len(weight))
    assert found.cumulative == pytest.approx(cumulative, abs=1e-9)
    assert found.scores.toarray() == pytest.approx(weight[:, None] * scores, abs=1e-9)
    assert found.slopes.toarray() == pytest.approx(slopes, abs=1e-9)
    pull = np.append(0.0, found.coefficients[1:])  # of a normal prior with variance 1
    assert (weight[:, None] * scores).sum(axis=0) == pytest.approx(pull, abs=1e-4)


def test_the_spread_of_each_prior_is_the_likeliest(fitted):
    """MacKay's fixed point: squared coefficients add up to how many of them the data decide on."""
    _, _, _, columns, _, found = fitted
    told = 1 - np.diag(found.inverse)[1:]
    for block in set(columns.block.tolist()) - {CLOSE}:
        own = columns.block == block
        spread = found.scale[1:][own][0]
        if (
            told[own].sum() > 0.5 and spread < 1.4
        ):  # where the data decide on hardly anything, the spread goes on shrinking
            assert (found.coefficients[1:][own] ** 2).sum() == pytest.approx(told[own].sum(), rel=0.35)
    assert set(found.scale[1:][columns.block == CLOSE]) == {5.0}


def test_it_finds_what_decides_on_offers(fitted):
    *_, found = fitted
    ratios = found.rate_ratios
    (name,) = (one for one in ratios if one in ("group: a", "group: b"))
    soon = ratios[name] * ratios[f"{name}, soon"]  # after trouble twice as often; otherwise as often
    assert 1.6 < (soon if name.endswith("a") else 1 / soon) < 2.5
    assert 0.7 < ratios[name] < 1.4
    assert all(0.7 < ratios[one] < 1.4 for one in ratios if one.startswith("score"))
    assert min(ratios[one] for one in ratios if one.startswith("EDU//SUSPENSION") and "29-" not in one) > 50
    assert ratios["EDU//SUSPENSION 29-91"] < 5


def test_chances_agree_with_a_product_limit_where_one_fact_decides(lives):
    """Of those with one trouble after the index date: Kaplan and Meier's chance of no offer by days since it."""
    people = lives.live(replace(lives.World(), offers=0.03), 6000, seed=8)
    people = replace(people, group=np.zeros_like(people.group))
    log, cohort, labels = lives.event_log(people), lives.cohort(people), lives.labels(people)
    follow = follow_up(log, cohort, labels, offers=OFFERS, horizon=365)
    cuts = stretches(log, cohort, follow, offers=OFFERS, cut=182)
    found = fit_offers(design(cuts, cohort, np.zeros(6000), (), cut=182), cuts, np.ones(6000))
    assert np.where(follow.offered, 0.0, np.exp(found.cumulative)).sum() == pytest.approx(6000, rel=0.03)
    who, day = people.trouble
    times = np.bincount(who, minlength=6000)
    ago = (follow.end - follow.start)[who] - 1 - day  # days from each trouble to the last day of follow-up
    alone = (times[who] == 1) & (day >= 0) & (ago > 0)
    chance = 1.0
    for lag in range(1, 29):
        at_risk = alone & (ago >= lag)
        chance *= 1 - (follow.offered[who] & (ago == lag))[at_risk].sum() / at_risk.sum()
    outlasted = alone & ~follow.offered[who] & (ago > 28)
    assert outlasted.sum() > 200
    assert np.exp(-found.cumulative[who[outlasted]]).mean() == pytest.approx(chance, rel=0.12)


def test_a_resample_moves_the_coefficients_as_a_second_fit_would(fitted):
    """With the same priors: one step of Newton's method goes almost all the way."""
    _, _, cuts, columns, weight, found = fitted
    everybody = Resamples(np.arange(len(weight)), np.ones((1, len(weight)), dtype=np.uint8))
    assert found.moved(everybody) == pytest.approx(0, abs=1e-9)
    drawn = resample(np.arange(len(weight)), replicates=3, seed=5)
    moved = found.moved(drawn, threads=1)
    scaled = columns.columns.toarray() * found.scale[1:]
    for one in range(3):
        exposed = (weight * drawn.counts[one])[cuts.row] * cuts.days / 1000
        used = exposed > 0
        again = PoissonRegressor(alpha=1 / exposed.sum(), solver="newton-cholesky", tol=1e-9, max_iter=200)
        again.fit(scaled[used], (cuts.offered / cuts.days)[used] * 1000, sample_weight=exposed[used])
        expected = np.exp(scaled @ again.coef_ + again.intercept_) / 1000 * cuts.days
        step = np.bincount(cuts.row, expected, minlength=len(weight)) - found.cumulative
        linear = found.slopes @ moved[one]
        assert np.corrcoef(linear, step)[0, 1] > 0.95
        assert linear.std() == pytest.approx(step.std(), rel=0.15)


def test_the_number_of_threads_changes_nothing(fitted):
    _, _, _, _, weight, found = fitted
    drawn = resample(np.arange(len(weight)), replicates=600, seed=6)
    assert np.array_equal(found.moved(drawn, threads=1), found.moved(drawn, threads=2))
