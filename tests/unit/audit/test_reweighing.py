"""Weights of Kamiran and Calders, against a plain loop, the published formula in counts, and what they are for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.audit.reweighing import reweighing


def plain_loop(group, outcome, weight):
    """Each row's weight times P(group) P(outcome) / P(group, outcome), one row at a time."""
    out = []
    total = sum(weight)
    for g, y, w in zip(group, outcome, weight, strict=True):
        of_group = sum(v for h, v in zip(group, weight, strict=True) if h == g)
        of_outcome = sum(v for z, v in zip(outcome, weight, strict=True) if z == y)
        of_both = sum(v for h, z, v in zip(group, outcome, weight, strict=True) if (h, z) == (g, y))
        out.append(w * (of_group / total) * (of_outcome / total) / (of_both / total))
    return np.array(out)


def rows(seed, n=60, groups=3):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, size=n)
    outcome = (rng.random(n) < 0.2 + 0.2 * group).astype(np.int8)
    # Both outcomes in every group.
    group = np.concatenate([group, np.repeat(np.arange(groups), 2)])
    outcome = np.concatenate([outcome, np.tile([0, 1], groups)]).astype(np.int8)
    return group.astype(np.int64), outcome, 0.5 + rng.random(len(group))


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_those_of_a_plain_loop(seed):
    group, outcome, weight = rows(seed)
    assert reweighing(group, outcome, weight) == pytest.approx(plain_loop(group, outcome, weight), rel=1e-12)


def test_weights_are_the_published_ones_in_counts():
    """AIF360's Reweighing: n_group * n_outcome / (n * n_group_and_outcome), for privileged and unprivileged."""
    n_priv, n_unpriv, n_fav, n_unfav = 60, 40, 50, 50
    n_p_fav, n_p_unfav, n_up_fav, n_up_unfav = 36, 24, 14, 26
    group = np.array([0] * n_priv + [1] * n_unpriv)
    outcome = np.array([1] * n_p_fav + [0] * n_p_unfav + [1] * n_up_fav + [0] * n_up_unfav, dtype=np.int8)
    found = reweighing(group, outcome, np.ones(100))
    published = {
        (0, 1): n_fav * n_priv / (100 * n_p_fav),
        (0, 0): n_unfav * n_priv / (100 * n_p_unfav),
        (1, 1): n_fav * n_unpriv / (100 * n_up_fav),
        (1, 0): n_unfav * n_unpriv / (100 * n_up_unfav),
    }
    for (g, y), expected in published.items():
        assert found[(group == g) & (outcome == y)] == pytest.approx(expected, rel=1e-12)


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_group_and_outcome_are_independent_under_the_weights(seed, groups):
    group, outcome, weight = rows(seed, groups=groups)
    found = reweighing(group, outcome, weight)
    overall = np.average(outcome, weights=weight)
    for g in range(groups):
        member = group == g
        assert np.average(outcome[member], weights=found[member]) == pytest.approx(overall, abs=1e-9)
        assert found[member].sum() == pytest.approx(weight[member].sum(), rel=1e-9)


def test_a_group_with_one_outcome_keeps_its_weights():
    group = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    outcome = np.array([0, 1, 1, 0, 0, 0, 0, 1], dtype=np.int8)
    found = reweighing(group, outcome, np.full(8, 2.0))
    assert found[group == 1].tolist() == [2.0, 2.0]
    assert found[group != 1] == pytest.approx(
        plain_loop(group[group != 1], outcome[group != 1], np.full(6, 2.0))
    )


def test_rows_that_do_not_count_still_do_not():
    group, outcome, weight = rows(1)
    weight[::7] = 0.0
    found = reweighing(group, outcome, weight)
    assert (found[weight == 0] == 0).all()
    assert np.isfinite(found).all()
