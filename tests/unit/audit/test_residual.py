"""Inputs without what a group explains: against a plain loop, fairlearn, and what a model that bins could read off."""

import numpy as np
import pytest
from fairlearn.preprocessing import CorrelationRemover
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from riskmodel.audit.residual import residualise
from riskmodel.tables.features import FeatureInfo, FeatureMatrix

N = 20_000
RNG = np.random.default_rng(6)
GROUP = RNG.choice(3, N, p=[0.5, 0.3, 0.2]).astype(np.int64)
LEARN = RNG.random(N) < 0.6
SHIFT = np.array([0.0, 1.0, -0.5])[GROUP]


def matrix(**columns):
    infos = tuple(FeatureInfo(name, "d", "c", "A", "times", 0, "count", "365d", ()) for name in columns)
    return FeatureMatrix(np.column_stack(list(columns.values())).astype(np.float32), infos)


SOME = matrix(
    normal=RNG.normal(size=N) + SHIFT,
    count=RNG.poisson(np.exp(SHIFT - 2)),
    flag=RNG.random(N) < np.array([0.05, 0.2, 0.1])[GROUP],
    kept=RNG.normal(size=N) + SHIFT,
)
NAMES = ("normal", "count", "flag")
FOUND = residualise(SOME, NAMES, GROUP, LEARN, least=50, seed=3)


def loop(values, group, learn, lot):
    """Return the same, person by person."""
    everybody, out = np.sort(values[learn]), []
    for value, one, draw in zip(values, group, lot, strict=True):
        own = values[learn & (group == one)]
        below, same = (own < value).sum(), (own == value).sum()
        place = (below + draw * same) / len(own)
        out.append(everybody[min(int(place * len(everybody)), len(everybody) - 1)])
    return np.array(out)


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_that_of_a_plain_loop(name):
    few = np.arange(600)
    lots = np.random.default_rng(3).random((len(few), 1))[:, 0]
    some = SOME.select((name,)).take(few)
    found = residualise(some, (name,), GROUP[few], LEARN[few], least=50, seed=3)
    expected = loop(some.values[:, 0], GROUP[few], LEARN[few], lots)
    assert found.values[:, 0] == pytest.approx(expected, abs=0)


def test_where_groups_differ_in_mean_only_it_is_the_residual_of_a_regression_as_fairlearn_takes_it():
    groups = np.eye(3)[GROUP][:, 1:]
    remover = CorrelationRemover(sensitive_feature_ids=[0, 1]).fit(
        np.column_stack([groups, SOME.column("normal")])[LEARN]
    )
    theirs = remover.transform(np.column_stack([groups, SOME.column("normal")]))[:, 0]
    ours = FOUND.column("normal")
    assert np.corrcoef(ours - ours.mean(), theirs)[0, 1] > 0.998
    # Everybody's spread is that of the mixture of groups: the residual on everybody's scale.
    scale = SOME.column("normal")[LEARN].std() / theirs[LEARN].std()
    assert (ours - SOME.column("normal")[LEARN].mean()).std() / (scale * theirs).std() == pytest.approx(
        1, abs=0.02
    )


def test_fairlearn_finds_nothing_more_to_remove():
    groups = np.eye(3)[GROUP][:, 1:]
    for values, least, most in ((SOME, 0.03, 2.0), (FOUND, 0.0, 0.03)):
        own = np.column_stack([values.column(name) for name in NAMES]).astype(float)
        removed = CorrelationRemover(sensitive_feature_ids=[0, 1]).fit_transform(
            np.column_stack([groups, own])
        )
        moved = np.abs(removed - own).max(axis=0) / own.std(axis=0)
        assert (moved >= least).all()
        assert (moved <= most).all()


def test_a_model_that_bins_cannot_read_the_group_where_from_plain_residuals_it_could():
    """A 0 less a group's mean is a number of its own."""
    count = SOME.column("count").astype(float)
    plain = count - np.array([count[LEARN & (g == GROUP)].mean() for g in range(3)])[GROUP]
    told = []
    for values in (plain, FOUND.column("count")):
        tree = DecisionTreeClassifier(max_leaf_nodes=16, random_state=0)
        tree.fit(values[LEARN, None], GROUP[LEARN] == 1)
        told.append(roc_auc_score(GROUP[~LEARN] == 1, tree.predict_proba(values[~LEARN, None])[:, 1]))
    assert told[0] > 0.99
    assert told[1] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_an_input_keeps_its_values_and_their_order_within_a_group(name):
    before, after = SOME.column(name), FOUND.column(name)
    assert set(np.unique(after)) <= set(np.unique(before))
    for g in range(3):
        own = g == GROUP
        order = np.argsort(before[own], kind="stable")
        steps = np.flatnonzero(np.diff(before[own][order]) > 0)
        highest = np.maximum.accumulate(after[own][order])
        assert (highest[steps] <= after[own][order][steps + 1]).all()


def test_other_inputs_stay_and_the_same_seed_gives_the_same():
    assert (FOUND.column("kept") == SOME.column("kept")).all()
    assert FOUND.infos == SOME.infos
    assert (residualise(SOME, NAMES, GROUP, LEARN, least=50, seed=3).values == FOUND.values).all()
    assert (residualise(SOME, NAMES, GROUP, LEARN, least=50, seed=4).values != FOUND.values).any()


def test_nothing_is_learned_from_other_rows():
    changed = FeatureMatrix(np.where(LEARN[:, None], SOME.values, SOME.values + 5), SOME.infos)
    found = residualise(changed, NAMES, GROUP, LEARN, least=50, seed=3)
    assert (found.values[LEARN] == FOUND.values[LEARN]).all()


def test_what_is_missing_stays_missing_and_is_not_learned_from():
    missing = RNG.random(N) < 0.3
    some = FeatureMatrix(
        np.where(missing, np.nan, SOME.column("normal"))[:, None].astype(np.float32), SOME.infos[:1]
    )
    found = residualise(some, ("normal",), GROUP, LEARN, least=50, seed=3).values[:, 0]
    assert (np.isnan(found) == missing).all()
    alone = residualise(some.take(~missing), ("normal",), GROUP[~missing], LEARN[~missing], least=50, seed=3)
    apart = np.abs(found[~missing] - alone.values[:, 0])  # the lots are others
    assert np.quantile(apart, 0.98) < 0.01


def test_a_group_too_small_to_learn_from_keeps_its_values():
    group = np.where(np.arange(N) < 60, 3, GROUP)
    n_known = int(LEARN[:60].sum())
    kept = residualise(SOME, NAMES, group, LEARN, least=n_known + 1, seed=3)
    moved = residualise(SOME, NAMES, group, LEARN, least=n_known, seed=3)
    assert (kept.values[:60] == SOME.values[:60]).all()
    assert (moved.values[:60] != SOME.values[:60]).any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.5, np.nan]), min_size=3, max_size=40), st.integers(0, 9))
def test_one_group_alone_keeps_how_often_each_value_occurs(values, seed):
    """Nothing is explained: shares of values stay, to within what chance leaves of lots."""
    one = matrix(x=values)
    everybody = np.ones(len(values), dtype=bool)
    found = residualise(one, ("x",), np.zeros(len(values), dtype=np.int64), everybody, least=1, seed=seed)
    assert np.array_equal(found.values, one.values, equal_nan=True)
