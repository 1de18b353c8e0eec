import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.audit.privacy import Structure, _structure_row
from riskmodel.files import to_json
from riskmodel.models import ModelsSpec, fit, from_state, smallest_group
from riskmodel.models.additive import AdditiveModel, Curve
from riskmodel.models.bins import parts_of, people_by_part
from riskmodel.models.ebm import HELD_OUT, _usable, boost, boost_pairs, learners, rank_pairs
from riskmodel.models.pairs import (
    MOST_LEVELS,
    Binned,
    Grid,
    Pair,
    Tables,
    choose_grids,
    coarse_cuts,
    coarse_parts,
    safe_grid,
)
from riskmodel.models.training import TrainingRows
from riskmodel.tables.features import FeatureInfo, FeatureMatrix

NAMES = ("first", "second", "third", "fourth")
SPEC = ModelsSpec.model_validate(
    {"ebm": {"interactions": 2, "max_rounds": 300, "learning_rate": 0.05, "rows_per_rare": 50}}
)


def draw(tools, n=6000, *, seed=0, directions=(0, 0, 0, 0), missing=0.08):
    """Two facts of which exactly one raises the risk, and two that matter by themselves."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 5, size=(n, 4)).astype(np.float32)
    exactly_one = (values[:, 0] > 1) != (values[:, 1] > 1)
    log_odds = -2.2 + 1.8 * exactly_one + 0.3 * values[:, 2]
    outcome = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    values[rng.random((n, 4)) < missing] = np.nan
    infos = tuple(tools.info(name, direction=d) for name, d in zip(NAMES, directions, strict=True))
    return FeatureMatrix(values, infos), outcome


def learn(features, outcome, spec=SPEC, **changed):
    return fit("ebm", features, outcome, np.ones(len(outcome)), spec=spec, seed=3, threads=1, **changed)


@pytest.fixture(scope="module")
def planted(tools):
    return draw(tools)


@pytest.fixture(scope="module")
def model(planted):
    return learn(*planted)


@pytest.fixture(scope="module")
def with_directions(tools):
    features, outcome = draw(tools, directions=(1, 0, 1, -1), seed=4)
    return learn(
        features, outcome, SPEC.model_copy(update={"ebm": SPEC.ebm.model_copy(update={"interactions": 6})})
    )


def rows_of(features, outcome, weight=None, person=None):
    weight = np.ones(len(outcome)) if weight is None else weight
    return TrainingRows.build(features, outcome, weight, person=person, where="test")


def all_values(features):
    """Every combination of a missing value and one value in each bin."""
    levels = [np.nan, 0, 1, 2, 3, 4]
    grid = np.array(list(itertools.product(levels, repeat=4)), dtype=np.float32)
    return FeatureMatrix(grid, features.infos)


def test_a_planted_pair_is_found_and_orders_new_people_better(model, planted, tools):
    assert set(model.pairs[0].names) == {"first", "second"}
    features, outcome = draw(tools, 20_000, seed=1)
    alone = learn(*planted, ModelsSpec.model_validate({"ebm": {**SPEC.ebm.model_dump(), "interactions": 0}}))
    assert alone.pairs == ()
    without = tools.auroc(alone.raw_score(features), outcome)
    assert tools.auroc(model.raw_score(features), outcome) > without + 0.1


def interprets_own(rows, spec, *, most=2):
    """Return interpret's curves, its tables, and which features stand in them."""
    usable = _usable(rows, spec.ebm)
    kept = rows.thinned(spec.ebm.rows_per_rare, seed=3)
    curves = boost(kept, usable, spec=spec.ebm, seed=3)
    learn = learners(kept, seed=3)
    ranked = rank_pairs(kept, usable, curves, learn)
    grids = choose_grids(usable, ranked, rows.weight, rows.person, most=most, min_people=10)
    tables = boost_pairs(kept, usable, grids, curves, learn, spec=spec.ebm, seed=3)
    return curves, tables, [number for grid in grids for number, _ in grid.sides]


def test_our_scorer_agrees_with_interprets_own(planted, model, tools):
    curves, tables, columns = interprets_own(rows_of(*planted), SPEC)
    new = draw(tools, 3000, seed=2)[0]
    theirs = tables.decision_function(new.values[:, columns], init_score=curves.decision_function(new.values))
    assert np.isnan(new.values).any(axis=1).mean() > 0.2
    assert np.abs(model.raw_score(new) - theirs).max() < 1e-9


def test_our_scorer_agrees_with_interprets_own_on_thinned_and_weighted_rows(planted, tools):
    features, outcome = planted
    spec = ModelsSpec.model_validate(
        {"ebm": {**SPEC.ebm.model_dump(), "rows_per_rare": 1, "interactions": 3}}
    )
    weight, person = np.random.default_rng(0).uniform(0.5, 2, len(outcome)), np.arange(len(outcome)) // 2
    rows = rows_of(features, outcome, weight, person)
    assert len(rows.thinned(1, seed=3)) < len(rows)
    curves, tables, columns = interprets_own(rows, spec, most=3)
    ours = fit("ebm", features, outcome, weight, spec=spec, seed=3, threads=1, person=person)
    new = draw(tools, 3000, seed=2)[0]
    theirs = tables.decision_function(new.values[:, columns], init_score=curves.decision_function(new.values))
    assert len(ours.pairs) == 3
    assert np.abs(ours.raw_score(new) - theirs).max() < 1e-9


def test_the_pairs_are_interprets_own_ranking(planted):
    from interpret.utils import measure_interactions

    rows = rows_of(*planted)
    usable = _usable(rows, SPEC.ebm)
    curves = boost(rows, usable, spec=SPEC.ebm, seed=3)
    learn = learners(rows, seed=3)
    found = measure_interactions(
        rows.features.values[learn],
        rows.outcome[learn],
        init_score=curves.decision_function(rows.features.values[learn]),
        feature_types=[list(b.cuts) for b in usable],
        objective="log_loss",
    )
    assert rank_pairs(rows, usable, curves, learn) == [pair for pair, strength in found if strength > 0]


def test_pairs_stop_early_on_whole_people_of_both_kinds():
    rng = np.random.default_rng(0)
    person = np.arange(2100) // 3
    outcome = (person % 50 == 7) & (rng.random(2100) < 0.7)
    features = FeatureMatrix(np.zeros((2100, 0), np.float32), ())
    rows = TrainingRows(features, outcome.astype(float), np.ones(2100), person)
    learn = learners(rows, seed=1)
    by_person = learn.reshape(-1, 3)
    assert (by_person == by_person[:, :1]).all()
    assert (~by_person[:, 0]).sum() == 700 // HELD_OUT
    ever = outcome.reshape(-1, 3).any(axis=1)
    assert abs((~by_person[ever, 0]).sum() - ever.sum() / HELD_OUT) < 1
    assert np.array_equal(learn, learners(rows, seed=1))
    assert not np.array_equal(learn, learners(rows, seed=2))


def test_one_person_with_the_outcome_is_not_enough_for_pairs(tools):
    features, _ = draw(tools, 2000)
    person = np.maximum(np.arange(2000) - 19, 0)
    outcome = (person == 0).astype(np.int8)
    model = learn(features, outcome, person=person)
    assert model.pairs == ()
    assert len(model.curves) == 4


def test_contributions_are_the_shapley_values_by_brute_force(planted):
    background = planted[0].take(np.arange(3000))
    centre = learn(background, planted[1][:3000])
    people = planted[0].take(np.arange(3000, 3010))
    found = centre.contributions(people)
    assert len(centre.pairs) == 2
    for i, name in enumerate(found.names):
        assert found.values[:, i] == pytest.approx(shapley(centre, background, people, name), abs=1e-9)
    assert found.base == pytest.approx(centre.raw_score(background).mean(), abs=1e-9)


def shapley(model, background, people, name):
    """Return the interventional Shapley values of one feature, by every order of all four."""
    orders = list(itertools.permutations(NAMES))
    value = {}
    for size in range(5):
        for chosen in itertools.combinations(NAMES, size):
            value[frozenset(chosen)] = expected(model, background, people, chosen)
    gains = [
        value[frozenset(order[: order.index(name) + 1])] - value[frozenset(order[: order.index(name)])]
        for order in orders
    ]
    return np.mean(gains, axis=0)


def expected(model, background, people, chosen):
    """Return the mean score over the background with some features set to each person's values."""
    where = [NAMES.index(name) for name in chosen]
    scores = []
    for person in people.values:
        mixed = background.values.copy()
        mixed[:, where] = person[where]
        scores.append(model.raw_score(FeatureMatrix(mixed, background.infos)).mean())
    return np.array(scores)


def test_contributions_sum_to_the_score_on_every_grid_with_missing_values(model, planted):
    grid = all_values(planted[0])
    found = model.contributions(grid)
    assert np.abs(found.raw_score - model.raw_score(grid)).max() < 1e-12
    assert found.together == tuple(pair.names for pair in model.pairs)
    assert found.take(np.arange(3)).together == found.together


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-3, 8) | st.just(float("nan")), min_size=4, max_size=4), min_size=1, max_size=5
    )
)
def test_contributions_sum_to_the_score_for_any_values(model, planted, values):
    features = FeatureMatrix(np.array(values, dtype=np.float32), planted[0].infos)
    assert np.abs(model.contributions(features).raw_score - model.raw_score(features)).max() < 1e-12


def test_state_survives_the_round_trip_bit_by_bit(model, planted):
    text = to_json(model.to_state())
    again = from_state(json.loads(text))
    assert again == model
    assert to_json(again.to_state()) == text
    grid = all_values(planted[0])
    assert again.raw_score(grid).tobytes() == model.raw_score(grid).tobytes()
    assert to_json(learn(*planted).to_state()) == text


def test_a_state_without_pairs_says_nothing_of_them(fitted):
    assert "pairs" not in fitted["ebm"].to_state()
    assert from_state(fitted["ebm"].to_state()).pairs == ()


def test_curves_and_tables_have_mean_zero_and_tables_nothing_of_one_feature(model, planted):
    features = planted[0]
    for pair in model.pairs:
        assert pair.heights(features).mean() == pytest.approx(0, abs=1e-12)
        table = np.array(pair.scores)
        shares = [
            np.bincount(parts_of(features.column(name), cuts), minlength=len(cuts) + 2) / len(features)
            for name, cuts in zip(pair.names, pair.cuts, strict=True)
        ]
        assert np.ptp(table @ shares[1]) < 1e-12
        assert np.ptp(shares[0] @ table) < 1e-12
    assert model.base == pytest.approx(model.raw_score(features).mean(), abs=1e-9)


def test_a_direction_holds_whatever_the_other_values_are_and_whether_they_are_known(with_directions):
    model = with_directions
    assert len(model.pairs) > 2
    assert any("first" in pair.names for pair in model.pairs)
    assert max(np.abs(pair.scores).max() for pair in model.pairs if "first" in pair.names) > 0.05
    levels = [np.nan, 0, 1, 2, 3, 4]
    grid = np.array(list(itertools.product(levels, repeat=4)), dtype=np.float32)
    names = [curve.name for curve in model.curves]
    score = sum_of(model, dict(zip(NAMES, grid.T, strict=True))).reshape((6,) * 4)
    for axis, sign in ((0, 1), (2, 1), (3, -1)):
        known = np.take(score, range(1, 6), axis=axis)
        assert (sign * np.diff(known, axis=axis)).min() > -1e-9
    free = np.diff(np.take(score, range(1, 6), axis=1), axis=1)
    assert free.min() < -0.1  # what has no direction may move both ways
    assert free.max() > 0.1
    assert set(names) == set(NAMES)


def sum_of(model, columns):
    """Return the score by a plain loop over rows, from the state alone."""
    state = model.to_state()
    n = len(next(iter(columns.values())))
    place = lambda value, cuts: 0 if np.isnan(value) else 1 + sum(value >= cut for cut in cuts)  # noqa: E731
    total = np.full(n, state["base"])
    for i in range(n):
        for curve in state["curves"]:
            total[i] += curve["scores"][place(columns[curve["name"]][i], curve["cuts"])]
        for pair in state["pairs"]:
            a, b = (place(columns[x][i], cuts) for x, cuts in zip(pair["names"], pair["cuts"], strict=True))
            total[i] += pair["scores"][a][b]
    return total


def test_the_plain_loop_over_the_state_gives_the_score(model, planted):
    some = planted[0].take(np.arange(200))
    assert sum_of(model, {name: some.column(name) for name in NAMES}) == pytest.approx(
        model.raw_score(some), abs=1e-12
    )


SIGN = st.sampled_from((-1, 0, 1))
NUMBER = st.floats(-2, 2)


@st.composite
def tables_to_level(draw_one):
    signs = draw_one(st.tuples(SIGN, SIGN, SIGN))
    curves = [np.array(draw_one(st.lists(NUMBER, min_size=5, max_size=5))) for _ in signs]
    for sign, curve in zip(signs, curves, strict=True):
        if sign:
            curve[1:] = sign * np.sort(curve[1:])
    learned = [np.array(draw_one(st.lists(NUMBER, min_size=16, max_size=16))).reshape(4, 4) for _ in signs]
    return signs, curves, learned


PAIRED = ((0, 1), (0, 2), (1, 2))
FINE, COARSE = (1.0, 2.0, 3.0), (1.0, 3.0)


def whole_score(tables):
    """Return the score in every part of three features, by a plain loop."""
    to_coarse = [0, 1, 2, 2, 3]
    score = np.empty((5, 5, 5))
    for at in itertools.product(range(5), repeat=3):
        score[at] = tables.base + sum(tables.heights[j][at[j]] for j in range(3))
        for pair, (a, b) in zip(tables.pairs, PAIRED, strict=False):
            score[at] += pair.scores[to_coarse[at[a]]][to_coarse[at[b]]]
    return score


@settings(max_examples=150, deadline=None)
@given(tables_to_level())
def test_any_tables_on_any_curves_keep_every_direction(drawn):
    signs, curves, learned = drawn
    rng = np.random.default_rng(0)
    part = rng.integers(0, 5, size=(3, 300))
    usable = [Binned(j, FINE, part[j], np.full(5, 60)) for j in range(3)]
    tables = Tables.before_any(usable, infos_of(signs), rng.uniform(0.5, 2, 300), curves)
    for (first, second), table in zip(PAIRED, learned, strict=True):
        tables = tables.take(Grid(first, second, (COARSE, COARSE)), table)
    score = whole_score(tables)
    for axis, sign in enumerate(signs):
        if sign:
            assert (sign * np.diff(np.take(score, range(1, 5), axis=axis), axis=axis)).min() > -1e-9
    if not any(signs):  # nothing to level: the sum is that of what was learned
        to_coarse = np.array([0, 1, 2, 2, 3])
        plain = curves[0][:, None, None] + curves[1][None, :, None] + curves[2][None, None, :]
        one, two, three = (table[np.ix_(to_coarse, to_coarse)] for table in learned)
        assert score == pytest.approx(plain + one[:, :, None] + two[:, None, :] + three[None], abs=1e-9)


def infos_of(signs):
    return [
        FeatureInfo(name, name, "c", "EDU", "times", sign, "count", "365d", ("X",))
        for name, sign in zip(NAMES, signs, strict=False)
    ]


def test_a_table_that_keeps_the_direction_is_left_as_it_is():
    first, second = np.repeat(np.arange(4), 40), np.tile(np.arange(4), 40)
    usable = [Binned(j, (1.0, 2.0), part, np.full(4, 40)) for j, part in enumerate((first, second))]
    learned = np.array([[9, 8, 3, 9], [0.1, 0.0, 0.4, 0.1], [0.1, 0.2, 0.3, 0.2], [0.1, 0.3, 0.3, 0.5]])
    curves = [np.array([0.0, 0.0, 0.2, 0.4]), np.zeros(4)]
    tables = Tables.before_any(usable, infos_of((1, 0)), np.ones(160), curves)
    tables = tables.take(Grid(0, 1, ((1.0, 2.0), (1.0, 2.0))), learned)
    whole = (
        tables.base
        + np.array(tables.pairs[0].scores)
        + tables.heights[0][:, None]
        + tables.heights[1][None, :]
    )
    assert whole == pytest.approx(learned + curves[0][:, None], abs=1e-12)
    # The table falls by 0.1 at the first cut, where the curve rises by 0.2: half of that is left for other tables.
    assert tables.slack[0] == pytest.approx([0.1, 0.2])
    assert not tables.slack[1].any()


def test_the_levelled_model_expects_as_many_outcomes_as_there_are(tools):
    features, outcome = draw(tools, directions=(1, 0, 1, -1), seed=4)
    spec = ModelsSpec.model_validate(
        {"ebm": {**SPEC.ebm.model_dump(), "interactions": 6, "rows_per_rare": 1}}
    )
    model = learn(features, outcome, spec)
    kept = rows_of(features, outcome).thinned(1, seed=3)
    risk = 1 / (1 + np.exp(-model.raw_score(kept.features)))
    assert len(kept) < len(outcome)
    assert kept.weight @ risk == pytest.approx(kept.weight @ kept.outcome, rel=1e-9)


def count_cells(parts, person):
    """Return the people in each filled cell by a plain loop."""
    people = {}
    for a, b, who in zip(*(p.tolist() for p in parts), person.tolist(), strict=True):
        people.setdefault((a, b), set()).add(who)
    return {cell: len(who) for cell, who in people.items()}


def binned(part, cuts, person=None):
    person = np.arange(len(part)) if person is None else person
    return Binned(0, cuts, part, people_by_part(part, person, len(cuts) + 2))


def safe(first, second, cuts, person=None, *, min_people=10):
    person = np.arange(len(first)) if person is None else person
    two = (binned(first, cuts[0], person), binned(second, cuts[1], person))
    grid = safe_grid(two, (0, 1), np.ones(len(first)), person, min_people=min_people)
    return None if grid is None else grid.cuts


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(30, 600), st.floats(0.1, 3), st.sampled_from((0.0, 0.02, 0.3)))
def test_no_cell_holds_one_to_nine_people(seed, n, tilt, missing):
    rng = np.random.default_rng(seed)
    person = np.arange(n) // 2
    values = np.column_stack([rng.poisson(tilt, n), rng.poisson(1, n) * (rng.random(n) < 0.7)]).astype(float)
    values[rng.random((n, 2)) < missing] = np.nan
    cuts = ((1.0, 2.0, 3.0), (1.0, 2.0, 3.0, 4.0))
    found = safe(*(parts_of(values[:, j], cuts[j]) for j in (0, 1)), cuts, person)
    if found is None:
        return
    assert all(set(found[j]) <= set(cuts[j]) and found[j] for j in (0, 1))
    parts = tuple(parts_of(values[:, j], found[j]) for j in (0, 1))
    assert min(count_cells(parts, person).values()) >= 10


def test_cuts_go_only_where_a_cell_is_small():
    first, second = np.repeat([1, 1, 2, 2], 30), np.tile(np.repeat([1, 2], 30), 2)
    cuts = ((1.0,), (1.0,))
    assert safe(first, second, cuts) == cuts
    empty = (first == 2) & (second == 2)  # an empty cell tells of nobody
    assert safe(first[~empty], second[~empty], cuts) == cuts
    nine = ~empty | (np.arange(120) >= 111)  # a feature would be left without cuts
    assert safe(first[nine], second[nine], cuts) is None
    assert safe(first[nine], second[nine], cuts, min_people=9) == cuts
    rows_are_not_people = np.where(first + second == 4, 0, np.arange(120))
    assert safe(first, second, cuts, rows_are_not_people) is None


def test_the_cut_that_leaves_the_fewest_small_cells_goes_first():
    cells = {(1, 1): 40, (1, 2): 40, (2, 1): 40, (2, 2): 5, (3, 1): 40, (3, 2): 40}
    first = np.repeat([a for a, _ in cells], list(cells.values()))
    second = np.repeat([b for _, b in cells], list(cells.values()))
    assert safe(first, second, ((1.0, 2.0), (1.0,))) == ((2.0,), (1.0,))
    assert safe(4 - first, second, ((1.0, 2.0), (1.0,))) == ((2.0,), (1.0,))


def test_a_missing_value_is_a_row_of_cells_like_others():
    first = np.repeat([0, 0, 1, 1, 2, 2], [20, 9, 40, 40, 40, 40])
    second = np.repeat([1, 2, 1, 2, 1, 2], [20, 9, 40, 40, 40, 40])
    cuts = ((1.0,), (1.0,))
    assert safe(first, second, cuts) is None  # nine who miss one value are in one part of the other
    enough = (first > 0) | (second == 1)
    assert safe(first[enough], second[enough], cuts) == cuts
    few = (first > 0) | (np.arange(len(first)) >= 20)  # nine in all, whom no cut puts with others
    assert safe(first[few], second[few], cuts) is None
    nobody = first > 0
    assert safe(first[nobody], second[nobody], cuts) == cuts


def test_a_pair_that_too_few_people_miss_both_of_is_passed_over():
    first = np.repeat([0, 0, 0, 1, 1, 1, 2, 2, 2], [9, 20, 20, 20, 20, 20, 20, 20, 20])
    second = np.repeat([0, 1, 2, 0, 1, 2, 0, 1, 2], [9, 20, 20, 20, 20, 20, 20, 20, 20])
    cuts = ((1.0,), (1.0,))
    assert safe(first, second, cuts) is None
    assert safe(first[9:], second[9:], cuts) == cuts
    assert safe(first, second, cuts, min_people=9) == cuts


def test_the_state_of_a_model_shows_no_rare_cell_and_the_privacy_check_sees_its_cells(tools):
    features, outcome = draw(tools, 3000, seed=6)
    values = features.values.copy()
    corner = (values[:, 0] == 4) & (values[:, 1] == 4)
    values[np.flatnonzero(corner)[6:], 0] = 3  # six young people alone have both
    few = FeatureMatrix(values, features.infos)
    person = np.arange(3000)
    model = learn(few, outcome, person=person)
    assert any(set(pair.names) == {"first", "second"} for pair in model.pairs)
    for pair in model.pairs:
        assert all(np.isnan(few.column(name)).sum() >= 10 for name in pair.names)
        parts = tuple(
            parts_of(few.column(name), cuts) for name, cuts in zip(pair.names, pair.cuts, strict=True)
        )
        assert min(count_cells(parts, person).values()) >= 10
        assert all(len(cuts) < MOST_LEVELS for cuts in pair.cuts)
    codes = model.parts(few)
    assert codes.shape == (3000, 4 + len(model.pairs))
    row = _structure_row(Structure("ebm", "part", tuple("abcdef"), codes), person, 10)
    assert row.verdict == "enough"
    assert smallest_group(model, few, person) >= 10
    # A table of finer cuts, as it would be without care, is seen.
    pair = next(one for one in model.pairs if set(one.names) == {"first", "second"})
    fine = Pair(pair.names, ((1.0, 2.0, 3.0, 4.0),) * 2, ((0.0,) * 6,) * 6)
    careless = replace(model, pairs=(fine,))
    assert smallest_group(careless, few, person) == 6
    codes = careless.parts(few)
    assert _structure_row(Structure("ebm", "part", tuple("abcde"), codes), person, 10).verdict == "too_few"


def test_coarse_cuts_are_some_of_the_features_own():
    rng = np.random.default_rng(0)
    cuts = tuple(float(c) for c in range(1, 16))
    part = rng.integers(0, 17, 4000)
    people = np.bincount(part, minlength=17)
    fine = Binned(0, cuts, part, people)
    found = coarse_cuts(fine, np.ones(4000), np.arange(4000), min_people=10)
    assert set(found) <= set(cuts)
    assert len(found) == MOST_LEVELS - 1
    values = part.astype(float) - 0.5
    values[part == 0] = np.nan
    assert np.array_equal(coarse_parts(fine, found)[part], parts_of(values, found))
    mass = np.bincount(coarse_parts(fine, found)[part])[1:]
    assert mass.max() < 1.2 * mass[:-1].min()  # the highest takes what is left
    few = Binned(0, (1.0, 2.0), np.minimum(part, 3), people)
    assert coarse_cuts(few, np.ones(4000), np.arange(4000), min_people=10) == (1.0, 2.0)


def test_as_many_pairs_as_wanted_and_one_that_cannot_be_made_safe_is_passed_over():
    part = np.repeat([1, 2], 50)
    other = np.tile([1, 2], 50)
    rare = np.where(np.arange(100) < 95, 1, 2)
    usable = [
        Binned(j, (1.0,), p, np.bincount(p, minlength=3)) for j, p in enumerate((part, other, rare, part))
    ]
    ranked = [(0, 2), (0, 1), (1, 3), (1, 2)]
    grids = choose_grids(usable, ranked, np.ones(100), np.arange(100), most=2, min_people=10)
    assert [(grid.first, grid.second) for grid in grids] == [(0, 1), (1, 3)]
    assert choose_grids(usable, [(0, 2)], np.ones(100), np.arange(100), most=2, min_people=10) == []


def test_pairs_that_cannot_be_made_safe_leave_the_curves_alone(tools):
    rng = np.random.default_rng(1)
    n = 400
    values = np.zeros((n, 2), dtype=np.float32)
    values[:12, 0] = 1
    values[8:20, 1] = 1  # each is had by twelve young people, both by four
    outcome = (rng.random(n) < 0.2).astype(np.int8)
    features = FeatureMatrix(values, (tools.info("first"), tools.info("second")))
    model = learn(features, outcome)
    assert [curve.name for curve in model.curves] == ["first", "second"]
    assert model.pairs == ()
    assert "pairs" not in model.to_state()


def test_a_pair_that_moves_nobody_is_not_listed():
    part = np.tile([1, 2], 50)
    usable = [Binned(j, (1.0,), part, np.array([0, 50, 50])) for j in (0, 1)]
    tables = Tables.before_any(usable, infos_of((0, 0)), np.ones(100), [np.zeros(3)] * 2)
    flat = tables.take(Grid(0, 1, ((1.0,), (1.0,))), np.zeros((3, 3)))
    assert len(flat.pairs) == 1
    assert flat.strongest_first() == ()


def test_the_strongest_pair_comes_first(tools):
    features, outcome = draw(tools, seed=9)
    model = learn(features, outcome)
    moves = [np.abs(pair.heights(features)).mean() for pair in model.pairs]
    assert moves == sorted(moves, reverse=True)
    assert len(moves) == 2


def test_a_pair_needs_a_score_for_every_two_parts():
    with pytest.raises(ValueError, match="a score for each two parts"):
        Pair(("a", "b"), ((1.0,), (1.0,)), ((0.0, 0.0, 0.0),) * 2)
    with pytest.raises(ValueError, match="a score for each two parts"):
        Pair(("a", "b"), ((1.0,), (1.0,)), ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0,)))


def test_half_of_a_pair_goes_to_each_feature(tools):
    infos = (tools.info("a"), tools.info("b"))
    features = FeatureMatrix(np.array([[0, 0], [1, 1], [1, np.nan]], dtype=np.float32), infos)
    curves = (Curve("a", (1.0,), (0.0, -1.0, 1.0)), Curve("b", (1.0,), (0.5, 0.0, 0.0)))
    pair = Pair(("b", "a"), ((1.0,), (1.0,)), ((0.0, 0.2, 0.4), (0.0, 0.6, 0.0), (0.0, 0.0, -0.8)))
    model = AdditiveModel("ebm", features.spec_hash, 0.25, curves, (pair,))
    found = model.contributions(features)
    assert found.values == pytest.approx(np.array([[-0.7, 0.3], [0.6, -0.4], [1.2, 0.7]]))
    assert model.raw_score(features).tolist() == pytest.approx([-0.15, 0.45, 2.15])
    assert model.parts(features).tolist() == [[1, 1, 4], [2, 2, 8], [2, 0, 2]]
