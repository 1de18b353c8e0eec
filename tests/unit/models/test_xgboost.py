import json
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import xgboost

from riskmodel.models import ModelsSpec, Timeline, crossfit, fit
from riskmodel.models.stopping import stopping_folds
from riskmodel.models.training import TrainingRows
from riskmodel.models.xgboost import UNSTOPPED
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
    spec = ModelsSpec.model_validate({"xgboost": {"min_information": 20, "rounds": 30, "patience": 0}})
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


def dated(people, *, dates=4):
    """Index day and household for made-up people: households of two, each person at one date."""
    number = np.arange(len(people.outcome))
    return Timeline(number % dates * 90, number // 2 // dates * dates + number % dates)


def trees_of(model):
    return model.trees["learner"]["gradient_booster"]["model"]["trees"]


def test_so_many_trees_as_serve_other_households_at_later_dates(people):
    """The oracle: grow all trees on each fold's learning rows, and look for the smallest loss by hand."""
    settings = {"rounds": 90, "learning_rate": 0.3}
    stopped, every = (
        ModelsSpec.model_validate({"xgboost": settings | {"patience": patience}}) for patience in (90, 0)
    )
    timeline, given = dated(people), {"seed": 3, "threads": 1}
    model = fit(
        "xgboost",
        people.features,
        people.outcome,
        people.weight,
        timeline=timeline,
        spec=stopped,
        **given,
    )
    rows = TrainingRows.build(
        people.features, people.outcome, people.weight, person=None, where="test", timeline=timeline
    )
    few = rows.thinned(10, seed=3)
    losses = np.zeros(90)
    folds = stopping_folds(few, seed=3)
    for fold in folds:
        learn = few.features.take(fold.learn)
        grown = fit(
            "xgboost",
            learn,
            few.outcome[fold.learn].astype(np.int8),
            few.weight[fold.learn],
            spec=every,
            **given,
        )
        assert (grown.stopped_on, len(trees_of(grown))) == ("nothing", 90)
        judge = xgboost.DMatrix(few.features.values[fold.judge], missing=np.nan)
        for count in range(1, 91):
            margin = grown._booster.predict(judge, output_margin=True, iteration_range=(0, count))
            each = np.logaddexp(0, margin.astype(np.float64)) - few.outcome[fold.judge] * margin
            losses[count - 1] += few.weight[fold.judge] @ each
    assert model.stopped_on == folds[0].kind == "later_dates"
    best, half = int(losses.argmin()) + 1, np.mean([few.weight[fold.learn].sum() for fold in folds])
    assert half / few.weight.sum() == pytest.approx(
        3 / 8, abs=0.02
    )  # half the households, three of four dates
    assert len(trees_of(model)) == round(best * (few.weight.sum() / half) ** 0.5)
    assert 3 < len(trees_of(model)) < 80


def test_patience_stops_the_search_and_not_the_choice(people):
    counts = {}
    for patience in (10, 60):
        spec = ModelsSpec.model_validate({"xgboost": {"patience": patience, "learning_rate": 0.3}})
        model = fit(
            "xgboost",
            people.features,
            people.outcome,
            people.weight,
            spec=spec,
            seed=3,
            threads=1,
            timeline=dated(people),
        )
        counts[patience] = len(trees_of(model))
    assert counts[10] <= counts[60] < 400


def test_with_too_few_outcomes_to_hold_any_out_a_fixed_number_is_grown(people):
    outcome = (np.arange(5000) < 90).astype(np.int8)
    for rounds, grown in ((400, UNSTOPPED), (7, 7)):
        spec = ModelsSpec.model_validate({"xgboost": {"rounds": rounds}})
        model = fit("xgboost", people.features, outcome, people.weight, spec=spec, seed=0, threads=1)
        assert (model.stopped_on, len(trees_of(model))) == ("nothing", grown)


def test_nothing_of_a_held_out_fold_reaches_its_score(people, tools, spec):
    """Change outcomes, dates and households of a fold: the scores of that fold stay, those of the others do not."""
    people = tools.draw_people(8000, seed=4, intercept=-2.0)
    fold, timeline = people.person % 3, dated(people)
    hidden = fold == 1
    outcome = np.where(hidden, 1 - people.outcome, people.outcome).astype(np.int8)
    moved = Timeline(
        np.where(hidden, timeline.day + 9999, timeline.day), np.where(hidden, 7, timeline.household)
    )
    inside = {"spec": spec, "seed": 5, "threads": 1, "person": people.person}
    given = ("xgboost", people.features)
    one = crossfit(*given, people.outcome, people.weight, fold, timeline=timeline, **inside)
    two = crossfit(*given, outcome, people.weight, fold, timeline=moved, **inside)
    assert one[hidden].tobytes() == two[hidden].tobytes()
    assert one[fold == 0].tobytes() != two[fold == 0].tobytes()
    learn = people.take(~hidden)
    alone = fit(
        *("xgboost", learn.features, learn.outcome, learn.weight),
        **{**inside, "person": learn.person},
        timeline=timeline.take(~hidden),
    )
    assert alone.stopped_on == "later_dates"


def test_trees_are_monotone_between_all_their_splits_also_when_other_values_are_missing(people, fitted):
    model = fitted["xgboost"]
    rng = np.random.default_rng(1)
    backgrounds = people.features.values[:300].copy()
    backgrounds[rng.random(backgrounds.shape) < 0.3] = np.nan
    checked = 0
    for name in model.names:
        column = people.features.names.index(name)
        direction = people.features.infos[column].direction
        splits = sorted(
            {
                cut
                for tree in trees_of(model)
                for cut, asked, left in zip(
                    tree["split_conditions"], tree["split_indices"], tree["left_children"], strict=True
                )
                if asked == column and left != -1
            }
        )
        # One value in each gap between splits is all that trees can tell apart.
        grid = np.array([splits[0] - 1, *splits], dtype=np.float32)
        values = np.repeat(backgrounds[None], len(grid), axis=0)
        values[:, :, column] = grid[:, None]
        flat = FeatureMatrix(values.reshape(-1, values.shape[2]), people.features.infos)
        steps = np.diff(model.raw_score(flat).reshape(len(grid), -1), axis=0)
        assert np.abs(steps).max() > 0
        if direction:
            assert (steps * direction).min() >= -1e-5
            checked += 1
    assert checked >= 5


def test_without_its_direction_a_column_of_noise_is_not_monotone(people, tools):
    """The test above can fail: the same trees without the constraint go up and down."""
    free = tuple(tools.info(info.name, direction=0) for info in people.features.infos)
    features = FeatureMatrix(people.features.values, free)
    spec = ModelsSpec.model_validate({"xgboost": {"patience": 0, "rounds": 150, "min_information": 1}})
    model = fit("xgboost", features, people.outcome, people.weight, spec=spec, seed=0, threads=1)
    values = np.repeat(people.features.values[:300][None], 7, axis=0)
    values[:, :, 1] = np.arange(7)[:, None]  # unauthorised absence, from 0 to 6
    score = model.raw_score(FeatureMatrix(values.reshape(-1, values.shape[2]), free)).reshape(7, -1)
    assert np.diff(score, axis=0).min() < -0.01


def test_contributions_do_not_depend_on_how_many_rows_are_asked_at_a_time(people, monkeypatch):
    model, features = small_model(people)
    whole = model.contributions(features)
    monkeypatch.setattr("riskmodel.models.xgboost._ROWS_AT_A_TIME", 7)
    assert np.array_equal(model.contributions(features).values, whole.values)
    assert len(model.contributions(features.take(np.arange(0)))) == 0
