import json
from itertools import combinations
from math import factorial

import numpy as np
import pytest

from riskmodel.models import ModelsSpec, fit
from riskmodel.tables.features import FeatureMatrix


def small_model(people):
    names = tuple(people.features.names[j] for j in (0, 1, 3, 4))
    features = people.features.select(names)
    spec = ModelsSpec.model_validate({"xgboost": {"depth": 2, "rounds": 12, "learning_rate": 0.3}})
    model = fit("xgboost", features, people.outcome, people.weight, spec=spec, seed=3, threads=1)
    return model, features


def walk(tree, values, known, node=0):
    """Expected leaf value when only the known features may be asked; the others split by training cover."""
    left, right = tree["left_children"][node], tree["right_children"][node]
    if left == -1:
        return tree["split_conditions"][node]
    feature = tree["split_indices"][node]
    if feature in known:
        value = values[feature]
        if np.isnan(value):
            go_left = bool(tree["default_left"][node])
        else:
            go_left = value < np.float32(tree["split_conditions"][node])
        return walk(tree, values, known, left if go_left else right)
    cover = tree["sum_hessian"]
    share = cover[left] / (cover[left] + cover[right])
    return share * walk(tree, values, known, left) + (1 - share) * walk(tree, values, known, right)


def test_contributions_are_shapley_values_of_a_plain_walk_of_the_trees(people):
    model, features = small_model(people)
    trees = model.trees["learner"]["gradient_booster"]["model"]["trees"]
    some = features.take(np.arange(25))
    parts = model.contributions(some)
    n = len(features.names)
    assert model.names == features.names
    for row in range(25):
        values = some.values[row]

        def value(known, values=values):
            return sum(walk(tree, values, known) for tree in trees)

        for j in range(n):
            others = [k for k in range(n) if k != j]
            by_force = sum(
                factorial(size)
                * factorial(n - size - 1)
                / factorial(n)
                * (value({*group, j}) - value(set(group)))
                for size in range(n)
                for group in combinations(others, size)
            )
            assert parts.values[row, j] == pytest.approx(by_force, abs=1e-5)
    prevalence = people.outcome.mean()
    intercept = np.log(prevalence / (1 - prevalence))
    assert parts.base == pytest.approx(intercept + value(set()), abs=1e-5)


def test_only_features_that_a_tree_asks_about_are_named(fitted, people):
    model = fitted["xgboost"]
    asked = {
        index
        for tree in model.trees["learner"]["gradient_booster"]["model"]["trees"]
        for index, left in zip(tree["split_indices"], tree["left_children"], strict=True)
        if left != -1
    }
    assert model.names == tuple(people.features.names[j] for j in sorted(asked))
    assert "flat__count__365d" not in model.names


def test_a_model_without_any_split_is_the_average(tools):
    features = FeatureMatrix(np.zeros((100, 1), dtype=np.float32), (tools.info("flat"),))
    outcome = (np.arange(100) < 25).astype(np.int8)
    model = fit("xgboost", features, outcome, np.ones(100), spec=ModelsSpec(), seed=0, threads=1)
    assert model.names == ()
    assert model.contributions(features).values.shape == (100, 0)
    assert model.raw_score(features) == pytest.approx(np.full(100, np.log(1 / 3)), abs=1e-5)
    assert model.contributions(features).base == pytest.approx(np.log(1 / 3), abs=1e-5)


def test_a_leaf_holds_four_rows_for_each_unit_of_information(people):
    spec = ModelsSpec.model_validate({"xgboost": {"min_information": 20, "rounds": 30}})
    model = fit("xgboost", people.features, people.outcome, people.weight, spec=spec, seed=0, threads=1)
    leaves = model.parts(people.features)
    assert leaves.shape == (5000, 30)
    fewest = min(np.unique(leaves[:, tree], return_counts=True)[1].min() for tree in range(30))
    assert fewest >= 80


def test_the_state_is_plain_json_without_pickled_bytes(fitted):
    state = json.loads(json.dumps(fitted["xgboost"].to_state(), allow_nan=False))
    assert state["trees"]["learner"]["objective"]["name"] == "binary:logistic"


def test_threads_do_not_change_what_is_learned_beyond_float32(people, fresh, spec):
    one, two = (
        fit("xgboost", people.features, people.outcome, people.weight, spec=spec, seed=0, threads=t)
        for t in (1, 2)
    )
    assert np.abs(one.raw_score(fresh.features) - two.raw_score(fresh.features)).max() < 1e-4


def test_contributions_do_not_depend_on_how_many_rows_are_asked_at_a_time(people, monkeypatch):
    model, features = small_model(people)
    whole = model.contributions(features)
    monkeypatch.setattr("riskmodel.models.xgboost._ROWS_AT_A_TIME", 7)
    assert np.array_equal(model.contributions(features).values, whole.values)
    assert len(model.contributions(features.take(np.arange(0)))) == 0
