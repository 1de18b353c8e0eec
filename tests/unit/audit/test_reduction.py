"""Exponentiated gradient for offers at capacity: a lottery over models that reaches groups alike on planted bias."""

import importlib.util

import numpy as np
import pytest

from riskmodel.audit.reduction import exponentiated_gradient, require_fairlearn
from riskmodel.errors import StudyError

N, SHARE = 4000, 0.1
RNG = np.random.default_rng(4)
GROUP = (RNG.random(N) < 0.4).astype(np.int64)
NEED = RNG.normal(size=N)
OUTCOME = (RNG.random(N) < 1 / (1 + np.exp(2.5 - 1.2 * NEED))).astype(np.int8)
# A record that says the same of both, and one that is inflated for group 1.
COLUMNS = np.column_stack([NEED + RNG.normal(size=N), NEED + 2.0 * GROUP + 0.5 * RNG.normal(size=N)])
LEARNING = np.arange(N)


def fit(labels, weight):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10.0).fit(COLUMNS, labels, sample_weight=weight)
    return model.decision_function(COLUMNS)


def reached(raw, group):
    offered = raw > np.quantile(raw, 1 - SHARE)
    return offered[(group == GROUP) & (OUTCOME == 1)].mean()


def search(**changed):
    common = {"share": SHARE, "tolerance": 0.02, "rounds": 12}
    return exponentiated_gradient(fit, LEARNING, OUTCOME, np.ones(N), GROUP, **(common | changed))


def test_the_lottery_reaches_groups_more_alike_than_the_model_as_it_is():
    plain = fit(OUTCOME, np.ones(N))
    before = abs(reached(plain, 0) - reached(plain, 1))
    drawn = search()
    after = abs(sum(one.chance * (reached(one.raw, 0) - reached(one.raw, 1)) for one in drawn))
    assert before > 0.15
    assert after < before / 2


def test_chances_add_up_and_the_likeliest_comes_first():
    drawn = search()
    chances = [one.chance for one in drawn]
    assert sum(chances) == pytest.approx(1.0)
    assert chances == sorted(chances, reverse=True)
    assert all(one.raw.shape == (N,) for one in drawn)


def test_the_same_inputs_give_the_same_lottery():
    first, second = search(), search()
    assert [one.chance for one in first] == [one.chance for one in second]
    assert all(np.array_equal(a.raw, b.raw) for a, b in zip(first, second, strict=True))


def test_a_round_takes_a_few_fits():
    fits = []

    def counted(labels, weight):
        fits.append(1)
        return fit(labels, weight)

    exponentiated_gradient(
        counted, LEARNING, OUTCOME, np.ones(N), GROUP, share=SHARE, tolerance=0.001, rounds=3
    )
    assert 3 <= len(fits) <= 3 * 9


def test_rows_are_weighted_and_only_those_learned_from_are_judged():
    half = np.flatnonzero(np.arange(N) % 2 == 0)
    seen = []

    def noted(labels, weight):
        seen.append((len(labels), weight))
        everyone = np.zeros(N)
        everyone[half] = COLUMNS[half, 0]
        return everyone

    weight = np.linspace(0.5, 1.5, len(half))
    drawn = exponentiated_gradient(
        noted, half, OUTCOME[half], weight, GROUP[half], share=SHARE, tolerance=0.05, rounds=2
    )
    assert {length for length, _ in seen} == {len(half)}
    assert seen[0][1][-1] > seen[0][1][0]
    assert drawn[0].raw.shape == (N,)


def test_without_the_library_the_message_says_how_to_get_it(monkeypatch):
    require_fairlearn()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(StudyError, match=r"pip install riskmodel\[fairness\]"):
        require_fairlearn()
