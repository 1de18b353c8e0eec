import json
from itertools import product

import numpy as np
import pytest

from riskmodel.models import fit
from riskmodel.models.additive import AdditiveModel, Curve
from riskmodel.models.logistic import Patterns
from riskmodel.models.regression import deviance, fit_binomial
from riskmodel.models.scorecard import (
    MOST_POINTS,
    Scorecard,
    best_rounding,
    fit_line,
    improve,
    make_scorecard,
    steps_of,
)
from riskmodel.models.training import TrainingRows


def rows_of(people):
    return TrainingRows.build(
        people.features, people.outcome, people.weight, person=people.person, where="test"
    )


@pytest.fixture(scope="module")
def card(fitted, people):
    return make_scorecard(fitted["logistic"], rows_of(people))


def test_steps_add_up_to_the_model(fitted, people):
    model = fitted["logistic"]
    steps, sizes = steps_of(model, people.features)
    rest = model.raw_score(people.features) - steps.indicators @ sizes
    assert np.ptp(rest) < 1e-9
    assert (sizes != 0).all()


def test_points_are_whole_start_at_zero_and_are_at_most_ten_a_step(card):
    for curve in card.points.curves:
        points = np.array(curve.scores)
        assert np.array_equal(points, points.round())
        assert points.min() == 0
        assert np.abs(np.diff(points[1:])).max(initial=0) <= MOST_POINTS
    assert card.per_point > 0


def test_a_total_is_what_somebody_adds_up_by_hand(card, fresh):
    values = {name: fresh.features.column(name) for name in card.points.names}
    for row in range(50):
        total = 0
        for curve in card.points.curves:
            value = values[curve.name][row]
            part = 0 if np.isnan(value) else 1 + sum(value >= cut for cut in curve.cuts)
            total += curve.scores[part]
        assert card.total(fresh.features)[row] == total
    assert card.log_odds(fresh.features) == pytest.approx(
        card.base + card.per_point * card.total(fresh.features)
    )


def test_points_keep_the_direction_of_the_evidence(card, people):
    direction = dict(
        zip(people.features.names, (info.direction for info in people.features.infos), strict=True)
    )
    for curve in card.points.curves:
        assert (np.diff(curve.scores[1:]) * direction[curve.name] >= 0).all()


def test_the_line_is_the_likelihood_of_the_total_row_by_row(people, card):
    rows = rows_of(people)
    total = card.total(rows.features).astype(np.float64)
    by_row = fit_binomial(total[:, None], rows.outcome * rows.weight, rows.weight, ridge=1e-6)
    assert [card.base, card.per_point] == pytest.approx(by_row.tolist(), abs=1e-6)


def test_the_card_fits_better_than_plain_rounding_and_loses_almost_nothing(fitted, people, card):
    rows = rows_of(people)
    steps, sizes = steps_of(fitted["logistic"], rows.features)
    patterns = Patterns.of(steps, tuple(range(len(sizes))), rows)

    def off(log_odds):
        return deviance(log_odds, rows.outcome * rows.weight, rows.weight)

    found = off(card.log_odds(rows.features))
    full = off(fitted["logistic"].raw_score(rows.features))
    for most in range(1, MOST_POINTS + 1):
        plain = np.rint(sizes / np.abs(sizes).max() * most).astype(np.int64)
        assert found <= fit_line(plain, patterns).deviance + 1e-6
    nothing = off(np.full(len(rows), np.log(rows.outcome.mean() / (1 - rows.outcome.mean()))))
    assert (found - full) / (nothing - full) < 0.01


def test_three_steps_have_the_best_points_there_are(people):
    """Brute force over all points of three steps; the search moves one point at a time and finds the same fit."""
    names = ("suspension__count__365d", "cin__in_spell", "harm__count__365d")
    features = people.features.select(names)
    curves = (
        Curve(names[0], (1.0,), (0.0, 0.0, 0.7)),
        Curve(names[1], (1.0,), (0.0, 0.0, 1.1)),
        Curve(names[2], (1.0,), (0.0, 0.0, 1.6)),
    )
    model = AdditiveModel("logistic", features.spec_hash, -3.0, curves)
    rows = TrainingRows.build(features, people.outcome, people.weight, person=None, where="test")
    steps, _ = steps_of(model, features)
    patterns = Patterns.of(steps, (0, 1, 2), rows)
    sizes = fit_binomial(patterns.indicators, patterns.cases, patterns.weight, ridge=1e-6)[1:]
    best = min(
        fit_line(np.array(points), patterns).deviance
        for points in product(range(MOST_POINTS + 1), repeat=3)
        if any(points)
    )
    points = improve(best_rounding(sizes, patterns), np.sign(sizes), patterns)
    assert fit_line(points, patterns).deviance == pytest.approx(best, abs=0.02)
    # From a poor start it climbs: a search that never moved would stay there.
    poor = np.array([MOST_POINTS, 1, 1])
    climbed = improve(poor, np.ones(3), patterns)
    assert fit_line(climbed, patterns).deviance < fit_line(poor, patterns).deviance - 1


def test_the_state_is_json_and_scores_the_same(card, fresh):
    again = Scorecard.from_state(json.loads(json.dumps(card.to_state())))
    assert again == card
    assert np.array_equal(again.log_odds(fresh.features), card.log_odds(fresh.features))


def test_a_model_that_learned_nothing_has_no_card(people):
    empty = AdditiveModel("logistic", people.features.spec_hash, -2.0, ())
    assert make_scorecard(empty, rows_of(people)) is None


def test_a_model_whose_order_does_not_hold_here_has_no_card(people):
    """Points keep the sign of their step; where the outcome runs against it, no total is worth writing down."""
    name = "harm__count__365d"
    features = people.features.select((name,))
    turned = AdditiveModel("logistic", features.spec_hash, -2.0, (Curve(name, (1.0,), (0.0, 0.0, -1.0)),))
    rows = TrainingRows.build(features, people.outcome, people.weight, person=None, where="test")
    assert make_scorecard(turned, rows) is None


def test_a_column_and_its_opposite_are_not_both_in_the_model(tools, spec):
    """Known when something last happened, and whether it ever happened, say the same: one line on the card."""
    people = tools.draw_people(6000, seed=6)
    values = people.features.values.copy()
    values[:, 10] = ~np.isnan(values[:, 3])  # harm counted once for everybody with a last assault
    outcome = (np.random.default_rng(0).random(6000) < np.where(values[:, 10] > 0, 0.3, 0.05)).astype(np.int8)
    features = type(people.features)(values, people.features.infos)
    model = fit("logistic", features, outcome, people.weight, spec=spec, seed=0, threads=1)
    whole = {curve.name for curve in model.curves if len(curve.cuts) == 0}
    assert "harm__count__365d" in model.names
    assert "days_since_assault" not in whole
