"""Learning from fewer: which households, and what the last step brought."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from riskmodel.tables.cohort import Cohort
from riskmodel.validate import Estimate, ScoredRows, resample
from riskmodel.validate.folds import folds_apart, grouped_folds, linked_groups
from riskmodel.validate.learning_curve import family_curve, learning_from_share, verdict
from riskmodel.validate.spec import LearningCurveSpec


def town(n=200, *, seed=0):
    """Return people seen twice, two to a household, some of whom move between."""
    rng = np.random.default_rng(seed)
    subject = np.tile(np.arange(n), 2)
    household = subject // 2 + np.where(rng.random(2 * n) < 0.05, 1, 0)
    household[rng.random(2 * n) < 0.1] = -1
    day = np.repeat([18000, 18400], n).astype(np.int32)
    names = np.full(2 * n, "A")
    return Cohort(subject, day, household, names, np.full(2 * n, 12, np.int16), names)


def divided(cohort, *, folds=3, seed=0):
    fold = grouped_folds(cohort.household_id, cohort.subject_id, folds=folds, seed=seed)
    return folds_apart(cohort, fold), linked_groups(cohort.household_id, cohort.subject_id)[0]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 99), st.integers(0, 3), st.lists(st.floats(0.02, 1), min_size=2, max_size=4, unique=True)
)
def test_shares_are_nested_and_hold_whole_households_that_the_fold_may_learn_from(seed, draw, shares):
    cohort = town(seed=seed)
    whole, group = divided(cohort, seed=seed)
    made = [learning_from_share(whole, group, one, seed=seed, draw=draw) for one in sorted(shares)]
    for fold, allowed in whole.learning.items():
        before = np.zeros(len(cohort), dtype=bool)
        for share, one in zip(sorted(shares), made, strict=True):
            learn = one.learning[fold]
            assert not (before & ~learn).any()
            assert not (learn & ~allowed).any()
            assert not set(cohort.subject_id[learn]) & set(cohort.subject_id[one.fold == fold])
            kept, there = set(group[learn]), set(group[allowed])
            assert (np.isin(group, list(kept)) & allowed == learn).all()
            assert len(kept) - 1 < share * len(there) <= len(kept)
            before = learn


def test_everybody_is_what_it_was():
    whole, group = divided(town())
    again = learning_from_share(whole, group, 1.0, seed=3)
    assert all((again.learning[fold] == learn).all() for fold, learn in whole.learning.items())
    assert again.fold is whole.fold


def test_draws_and_folds_differ():
    whole, group = divided(town())
    first, same, other = (learning_from_share(whole, group, 0.5, seed=3, draw=one) for one in (0, 0, 1))
    for fold, learn in first.learning.items():
        assert (same.learning[fold] == learn).all()
        assert (other.learning[fold] != learn).any()
    both = whole.learning[0] & whole.learning[1]
    assert (first.learning[0][both] != first.learning[1][both]).any()


def judged(n=400, *, seed=1):
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=n)
    happened = rng.random(n) < 1 / (1 + np.exp(1 - raw))
    return ScoredRows(
        raw=raw,
        risk=np.full(n, 0.1),
        outcome=happened.astype(np.int8),
        weight=rng.choice([0.0, 1.0, 2.0], n),
        offered=(raw > 1).astype(float),
        subject_id=np.arange(n),
    )


def worse(rows, noise, *, seed):
    raw = rows.raw + np.random.default_rng(100 + seed).normal(0, noise, len(rows))
    return replace(rows, raw=raw, offered=(raw > 1).astype(float))


def curve(steps, rows, *, worth=0.01, replicates=500):
    return family_curve(steps, resample(rows.subject_id, replicates=replicates, seed=1), worth=worth, seed=2)


def test_each_step_is_the_mean_over_its_draws():
    rows = judged()
    step = [worse(rows, 1.0, seed=one) for one in range(3)]
    found = curve([step, [rows]], rows)
    aurocs = [roc_auc_score(one.outcome, one.raw, sample_weight=one.weight) for one in [*step, rows]]
    recalls = [
        (one.weight * one.outcome * one.offered).sum() / (one.weight * one.outcome).sum()
        for one in [*step, rows]
    ]
    assert [one.estimate for one in found.auroc] == pytest.approx([np.mean(aurocs[:3]), aurocs[3]])
    assert [one.estimate for one in found.recall_at_capacity] == pytest.approx(
        [np.mean(recalls[:3]), recalls[3]]
    )
    assert found.auroc_gain.estimate == pytest.approx(aurocs[3] - np.mean(aurocs[:3]))
    assert found.recall_gain.estimate == pytest.approx(recalls[3] - np.mean(recalls[:3]))


def test_the_gain_is_paired_and_the_luck_of_the_draw_is_in_it():
    rows = judged()
    alike = curve([[rows, rows], [rows]], rows)
    assert (alike.auroc_gain.lower, alike.auroc_gain.estimate, alike.auroc_gain.upper) == (0, 0, 0)
    assert alike.verdict == "little"
    lucky = curve([[rows, worse(rows, 3.0, seed=1)], [rows]], rows)
    assert lucky.auroc_gain.lower == 0  # half of the resamples took the draw that lost nothing
    assert lucky.verdict == "cannot_tell"
    unlucky = curve([[worse(rows, 3.0, seed=one) for one in range(2)], [rows]], rows)
    assert unlucky.verdict == "helps"


def test_a_step_of_too_few_is_undefined_and_so_is_what_came_after():
    rows = judged()
    first = curve([[], [rows], [rows]], rows)
    assert [one.status for one in first.auroc] == ["undefined", "ok", "ok"]
    last = curve([[rows], [], [rows]], rows)
    assert (last.auroc_gain.status, last.recall_gain.status) == ("undefined", "undefined")
    assert last.verdict == "cannot_tell"
    assert last.auroc_gain.n_outcomes == rows.n_outcomes


@pytest.mark.parametrize("steps", [[], [[judged()]], [[judged()], []]])
def test_a_curve_needs_the_study_itself_and_something_before(steps):
    with pytest.raises(ValueError, match="two steps or more"):
        curve(steps, judged())


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        (-0.02, 0.0099, "little"),
        (0.001, 0.0099, "little"),
        (-0.03, -0.01, "little"),
        (-0.001, 0.01, "cannot_tell"),
        (0.0, 0.02, "cannot_tell"),
        (0.001, 0.02, "helps"),
    ],
)
def test_the_interval_decides(lower, upper, said):
    assert verdict(Estimate((lower + upper) / 2, lower, upper, 100, 50, "ok"), worth=0.01) == said


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.5, 0.25], [0.5, 1.0], [0.0, 0.5]])
def test_shares_rise_below_one(shares):
    with pytest.raises(ValidationError):
        LearningCurveSpec(shares=shares)
    assert LearningCurveSpec(shares=[0.25, 0.5]).shares == (0.25, 0.5)
