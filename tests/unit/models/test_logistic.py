from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.models import ModelsSpec, fit
from riskmodel.models.bins import parts_of
from riskmodel.models.logistic import (
    Ladder,
    Patterns,
    _order_of_entry,
    build_ladder,
    fit_columns,
    screen,
    sizes,
)
from riskmodel.models.regression import deviance, expit, fit_binomial
from riskmodel.models.spec import LogisticSpec
from riskmodel.models.training import TrainingRows
from riskmodel.tables.features import FeatureMatrix


def rows_of(people):
    return TrainingRows.build(
        people.features, people.outcome, people.weight, person=people.person, where="test"
    )


def parameters(model):
    """Steps that are not zero, plus the intercept; the missing bin counts if it differs from the lowest."""
    steps = 0
    for curve in model.curves:
        missing, *bins = curve.scores
        steps += sum(abs(d) > 1e-12 for d in np.diff(bins)) + (abs(missing - bins[0]) > 1e-12)
    return 1 + steps


def test_there_are_at_most_as_many_parameters_as_allowed(people, tools):
    for allowed in (2, 4, 8):
        spec = ModelsSpec.model_validate({"logistic": {"max_parameters": allowed}})
        model = fit("logistic", people.features, people.outcome, people.weight, spec=spec, seed=0, threads=1)
        assert 1 < parameters(model) <= allowed
    many = tools.draw_people(30_000, seed=4)
    model = fit("logistic", many.features, many.outcome, many.weight, spec=ModelsSpec(), seed=0, threads=1)
    assert 10 < parameters(model) <= 30


def test_what_tells_nothing_is_left_out(fitted):
    assert not {"noise__count__365d", "flat__count__365d"} & set(fitted["logistic"].names)
    assert {"suspension__count__365d", "harm__count__365d", "attendance__mean__365d"} <= set(
        fitted["logistic"].names
    )


def test_a_feature_that_goes_against_its_direction_is_not_used(people, tools):
    rng = np.random.default_rng(1)
    fewer = rng.poisson(np.where(people.outcome == 1, 0.5, 2.0)).astype(np.float32)[:, None]
    for direction, used in ((1, False), (-1, True), (0, True)):
        infos = (*people.features.infos, tools.info("fewer", direction=direction))
        features = FeatureMatrix(np.hstack([people.features.values, fewer]), infos)
        model = fit("logistic", features, people.outcome, people.weight, spec=ModelsSpec(), seed=0, threads=1)
        assert ("fewer" in model.names) is used


def test_steps_against_their_direction_are_dropped_until_none_is_left(people):
    rows = rows_of(people)
    ladder = build_ladder(rows, LogisticSpec())
    every = tuple(range(len(ladder.cut)))
    fitted = fit_columns(ladder, every, rows, ridge=0.1)
    free = fit_binomial(ladder.indicators.astype(float), rows.outcome * rows.weight, rows.weight, ridge=0.1)
    assert (free[1:] * ladder.direction < 0).any()
    assert 0 < len(fitted.columns) < len(every)
    assert (fitted.coefficients[1:] * ladder.direction[list(fitted.columns)] >= 0).all()


def test_bic_is_deviance_plus_log_of_the_rarer_outcome_per_column(people):
    rows = rows_of(people)
    ladder = build_ladder(rows, LogisticSpec())
    fitted = fit_columns(ladder, (5, 0), rows, ridge=0.1)
    assert fitted.columns == (0, 5)
    log_odds = fitted.coefficients[0] + ladder.indicators[:, [0, 5]] @ fitted.coefficients[1:]
    risk = expit(log_odds)
    loss = -2 * np.where(rows.outcome == 1, np.log(risk), np.log1p(-risk)).sum()
    assert fitted.bic == pytest.approx(loss + 2 * np.log(rows.outcome.sum()), rel=1e-12)


def test_columns_are_ordered_by_when_they_enter_and_then_by_size():
    path = np.array([[0, 0, 0.1, 0.2], [0, 0.2, 0.1, 0.0], [0, 0, 0, 0], [0, 0, 0.3, 0.4], [0, 0, 0, 0.5]])
    # The last row is the other sign of column 7, which entered before.
    assert _order_of_entry(path, np.array([4, 7, 2, 9, 7])) == (7, 9, 4)


def test_how_many_columns_are_tried():
    assert sizes(0) == []
    assert sizes(1) == [1]
    assert sizes(3) == [1, 2, 3]
    assert sizes(29) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 19, 22, 26, 29]


def test_a_model_of_nothing_but_wrong_directions_is_the_average(people, tools):
    fewer = np.random.default_rng(1).poisson(np.where(people.outcome == 1, 0.5, 2.0)).astype(np.float32)
    features = FeatureMatrix(fewer[:, None], (tools.info("fewer", direction=1),))
    model = fit("logistic", features, people.outcome, people.weight, spec=ModelsSpec(), seed=0, threads=1)
    assert model.names == ()


def test_screening_keeps_the_strongest_columns_in_their_direction(people, monkeypatch):
    rows = rows_of(people)
    ladder = build_ladder(rows, LogisticSpec())
    monkeypatch.setattr("riskmodel.models.logistic._MOST_COLUMNS", 4)
    kept = screen(ladder, rows)
    x = ladder.indicators.astype(float)
    share = rows.outcome.mean()
    score = (x - x.mean(0)).T @ (rows.outcome - share) / np.sqrt(len(x) * x.var(0))
    strength = np.where(ladder.direction == 0, abs(score), score * ladder.direction)
    best = np.sort(np.argsort(-strength)[:4])
    assert kept.cut.tobytes() == ladder.cut[best].tobytes()
    assert np.array_equal(kept.indicators, ladder.indicators[:, best])


def test_the_exact_fit_is_that_of_scikit_learn(people):
    from sklearn.linear_model import LogisticRegression

    columns = people.features.values[:, [0, 6, 10]].astype(float)
    weight = np.random.default_rng(3).uniform(0.5, 2, len(columns))
    ours = fit_binomial(columns, weight * people.outcome, weight, ridge=0.5)
    theirs = LogisticRegression(C=2.0, tol=1e-12, max_iter=10_000).fit(
        columns, people.outcome, sample_weight=weight
    )
    assert ours == pytest.approx([theirs.intercept_[0], *theirs.coef_[0]], abs=1e-5)


def test_a_fit_survives_an_outcome_that_is_separated():
    column = np.array([[0.0], [1.0]])
    coefficients = fit_binomial(column, np.array([0.0, 50.0]), np.array([50.0, 50.0]), ridge=1e-6)
    risk = expit(coefficients[0] + column[:, 0] * coefficients[1])
    assert np.isfinite(coefficients).all()
    assert risk == pytest.approx([0, 1], abs=1e-4)


def test_expit_and_deviance_do_not_overflow():
    far = np.array([-800.0, 0.0, 800.0])
    assert expit(far).tolist() == [0.0, 0.5, 1.0]
    assert deviance(far, np.array([0.0, 1.0, 1.0]), np.ones(3)) == pytest.approx(2 * np.log(2))


@pytest.mark.parametrize("width", [0, 1, 7, 8, 29, 64, 65, 90])
def test_distinct_patterns_stand_for_all_rows(width):
    rng = np.random.default_rng(width)
    n = 300
    indicators = (rng.random((n, width)) < 0.05).astype(np.uint8)

    class Rows:
        weight = rng.random(n)
        outcome = (rng.random(n) < 0.3).astype(float)

    ladder = Ladder(indicators, np.arange(width), np.zeros(width), np.zeros(width, dtype=np.int64))
    found_patterns = Patterns.of(ladder, tuple(range(width)), Rows)
    pattern, cases, weight = found_patterns.indicators, found_patterns.cases, found_patterns.weight
    expected = {}
    for row, w, y in zip(indicators.tolist(), Rows.weight, Rows.outcome, strict=True):
        total = expected.setdefault(tuple(row), [0.0, 0.0])
        total[0] += w * y
        total[1] += w
    found = {
        tuple(p): [c, w]
        for p, c, w in zip(pattern.astype(int).tolist(), cases.tolist(), weight.tolist(), strict=True)
    }
    assert found.keys() == expected.keys()
    assert len(pattern) == len(expected)
    for key, totals in expected.items():
        assert found[key] == pytest.approx(totals)


def test_identical_columns_are_kept_once(people):
    twice = FeatureMatrix(
        np.hstack([people.features.values[:, :1]] * 2), (people.features.infos[0], people.features.infos[1])
    )
    rows = TrainingRows.build(twice, people.outcome, people.weight, person=None, where="test")
    ladder = build_ladder(rows, LogisticSpec())
    assert set(ladder.feature.tolist()) == {0}


def test_missing_gets_a_column_only_where_enough_people_miss_it(tools):
    outcome = (np.arange(200) % 2).astype(np.int8)
    for missing, expected in ((9, 0), (10, 1)):
        values = np.arange(200, dtype=np.float32)[:, None]
        values[:missing] = np.nan
        rows = TrainingRows.build(
            FeatureMatrix(values, (tools.info("a"),)), outcome, np.ones(200), person=None, where="test"
        )
        assert np.isnan(build_ladder(rows, LogisticSpec()).cut).sum() == expected


def test_nothing_to_learn_gives_the_average_for_everyone(tools):
    values = np.zeros((100, 1), dtype=np.float32)
    outcome = (np.arange(100) < 25).astype(np.int8)
    features = FeatureMatrix(values, (tools.info("flat"),))
    model = fit("logistic", features, outcome, np.ones(100), spec=ModelsSpec(), seed=0, threads=1)
    assert model.names == ()
    assert model.raw_score(features) == pytest.approx(np.full(100, np.log(1 / 3)))
    assert model.parts(features).shape == (100, 0)


def shapley(value, players):
    """Brute force: the average gain over all orders of joining."""
    n = len(players)
    result = {}
    for one in players:
        others = [p for p in players if p != one]
        result[one] = sum(
            factorial(size)
            * factorial(n - size - 1)
            / factorial(n)
            * (value({*group, one}) - value(set(group)))
            for size in range(n)
            for group in combinations(others, size)
        )
    return result


@pytest.mark.parametrize("family", ["logistic", "ebm"])
def test_contributions_are_shapley_values_against_the_training_rows(family, people, spec):
    names = people.features.names[:4] + people.features.names[10:11]
    features = people.features.select(names)
    model = fit(family, features, people.outcome, people.weight, spec=spec, seed=1, threads=1)
    one = FeatureMatrix(np.array([[2, 5, 1, 30, 1]], dtype=np.float32), features.infos)

    def value(group):
        mixed = features.values.copy()
        for j, name in enumerate(features.names):
            if name in group:
                mixed[:, j] = one.values[0, j]
        return model.raw_score(FeatureMatrix(mixed, features.infos)).mean()

    expected = shapley(value, model.names)
    parts = model.contributions(one)
    assert parts.base == pytest.approx(value(set()), abs=1e-9)
    for name, effect in zip(parts.names, parts.values[0], strict=True):
        assert effect == pytest.approx(expected[name], abs=1e-9)


@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.parametrize("family", ["logistic", "ebm", "xgboost"])
def test_more_of_what_raises_risk_never_lowers_the_score(family, fitted, fresh, data):
    infos = fresh.features.infos
    directed = [j for j, info in enumerate(infos) if info.direction]
    column = data.draw(st.sampled_from(directed))
    row = data.draw(st.integers(0, len(fresh.outcome) - 1))
    values = np.repeat(fresh.features.values[row : row + 1], 2, axis=0)
    low, high = sorted(data.draw(st.tuples(*[st.floats(-10, 2000, width=32)] * 2)))
    values[:, column] = (low, high)
    before, after = fitted[family].raw_score(FeatureMatrix(values, infos))
    assert (after - before) * infos[column].direction >= 0


def test_curves_are_read_off_by_hand(fitted, people):
    model = fitted["logistic"]
    values = people.features.values[:50]
    for row in range(50):
        by_hand = model.base
        for curve in model.curves:
            value = values[row, people.features.names.index(curve.name)]
            part = 0 if np.isnan(value) else 1 + sum(value >= cut for cut in curve.cuts)
            assert (
                part
                == parts_of(values[row : row + 1, people.features.names.index(curve.name)], curve.cuts)[0]
            )
            by_hand += curve.scores[part]
        assert model.raw_score(people.features.take(np.array([row])))[0] == pytest.approx(by_hand, abs=1e-12)
