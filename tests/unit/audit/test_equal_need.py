"""Need at equal score: against a regression of all rows at once, and groups whose need is known."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from riskmodel.audit.equal_need import STRATA, equal_need
from riskmodel.audit.groups import Grouping
from riskmodel.tables.cohort import Labels
from riskmodel.validate import ScoredRows, resample

AB = (("a",), ("b",))


def labelled(outcome, weight=None):
    weight = np.ones(len(outcome)) if weight is None else weight
    return Labels(outcome, np.zeros(len(outcome), dtype=np.int32), weight == 0, weight)


def people(n=4000, *, extra=0.0, seed=0, rate=0.1):
    """Draw two groups with different scores; at equal score, group b needs help more often by ``extra``."""
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.3).astype(np.int64)
    raw = np.round(rng.normal(0.4 * group, 1), 2)
    risk = np.clip(rate * np.exp(0.5 * raw), 0, 1)
    outcome = (rng.random(n) < np.clip(risk + extra * group, 0, 1)).astype(np.int8)
    weight = np.where(rng.random(n) < 0.1, 0.0, 1.1)
    rows = ScoredRows(raw, risk, outcome, weight, np.zeros(n), np.arange(n) // 2)
    return rows, labelled(outcome, weight), Grouping("g", AB, group)


def found(n=4000, replicates=200, minimum_cell=10, **drawn):
    rows, labels, grouping = people(n, **drawn)
    draws = resample(rows.subject_id, replicates=replicates, seed=1)
    report = equal_need(rows, labels, [grouping], draws, minimum_cell=minimum_cell)
    return {(row.group, row.where): row for row in report}, rows, labels, grouping


def regression(rows, labels, member, first):
    """Regress need on the group, the stratum and a line of the estimate in each stratum, all at once; return the group's coefficient."""
    n = len(rows)
    below, upto = (np.searchsorted(np.sort(rows.raw), rows.raw, side) for side in ("left", "right"))
    inside = ((below + upto) / 2 / n >= first) & (labels.weight > 0)
    raw, risk = rows.raw[inside], rows.risk[inside]
    so_far = np.array([risk[raw < one].sum() + risk[raw == one].sum() / 2 for one in raw]) / risk.sum()
    stratum = np.minimum((STRATA * so_far).astype(int), STRATA - 1)
    dummies = (stratum[:, None] == np.arange(STRATA)).astype(float)
    inputs = np.column_stack([member[inside], dummies, dummies * risk[:, None]])
    fit = LinearRegression(fit_intercept=False).fit(inputs, labels.outcome[inside], labels.weight[inside])
    return fit.coef_[0]


def test_it_is_the_coefficient_of_one_regression():
    report, rows, labels, grouping = found(1500)
    for where, first in (("all scores", 0.0), ("highest tenth", 0.9)):
        row = report["b", where]
        assert row.estimate == pytest.approx(regression(rows, labels, grouping.code == 1, first), abs=1e-9)
        assert row.estimate == pytest.approx(row.need - row.others, abs=1e-12)
        assert row.lower < row.estimate < row.upper
        assert row.together_lower < row.estimate < row.together_upper
        assert report["a", where].estimate == pytest.approx(
            -row.estimate, abs=1e-12
        )  # two groups mirror each other


def test_resamples_move_it_as_a_refit_would():
    report, rows, labels, grouping = found(3000, replicates=150)
    draws = resample(rows.subject_id, replicates=150, seed=1)
    for where, first in (("all scores", 0.0), ("highest tenth", 0.9)):
        again = [
            regression(rows, labelled(labels.outcome, labels.weight * times[draws.cluster]), grouping.code == 1, first)
            for times in draws.counts[:60]
        ]  # fmt: skip
        row = report["b", where]
        assert row.upper - row.lower == pytest.approx(2 * 1.96 * np.std(again), rel=0.3)


def test_a_difference_in_need_is_found_and_a_difference_in_scores_is_not_taken_for_one():
    more, *_ = found(20_000, extra=0.06)
    assert more["b", "all scores"].estimate == pytest.approx(0.06, abs=0.02)
    assert more["b", "all scores"].clear
    assert more["a", "all scores"].clear
    assert more["b", "all scores"].lower > 0 > more["a", "all scores"].upper
    equal, rows, _, grouping = found(20_000)
    gap = rows.outcome[grouping.code == 1].mean() - rows.outcome[grouping.code == 0].mean()
    assert gap > 0.02  # scores differ, and need with them
    assert equal["b", "all scores"].lower < 0 < equal["b", "all scores"].upper
    assert not equal["b", "all scores"].clear


def skewed(n=50_000, seed=5):
    """Estimates like those of a study with few outcomes: 2 of 100, and the highest fiftieth from .2 to .8."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(0, 1.35, n) + 0.5 * rng.exponential(1, n)
    return expit(spread + brentq(lambda a: expit(a + spread).mean() - 0.02, -20, 20))


def told_by(risk, rng, share, steepness=2.05):
    """Draw a group that the estimate alone tells apart, with AUROC .92."""
    z = logit(risk)
    z = (z - z.mean()) / z.std()
    level = brentq(lambda a: expit(a + steepness * z).mean() - share, -60, 60)
    return (rng.random(len(risk)) < expit(level + steepness * z)).astype(np.int64)


@pytest.mark.parametrize("bend", [0.6, 1.0, 1.4])
@pytest.mark.parametrize("share", [0.0136, 0.1])
def test_a_group_that_the_score_tells_apart_does_not_look_needier(bend, share):
    """The regression is linear in the outcome: four outcomes a row, in proportion to its chance, leave little to luck."""
    risk, rng = skewed(), np.random.default_rng(1)
    need = expit(logit(0.75 * risk) * bend)
    member = told_by(risk, rng, share)
    assert 0.88 < roc_auc_score(member, risk) < 0.93
    # Each person twice, with the outcome and without, weighted by the chance of it: the outcome's mean, without its noise.
    twice = [np.concatenate([one, one]) for one in (risk, member)]
    outcome = np.repeat([1, 0], len(risk)).astype(np.int8)
    rows = ScoredRows(logit(twice[0]), twice[0], outcome, np.ones(len(outcome)), np.zeros(len(outcome)),
                      np.tile(np.arange(len(risk)), 2))  # fmt: skip
    draws = resample(rows.subject_id, replicates=2, seed=1)
    report = equal_need(
        rows,
        labelled(outcome, np.concatenate([need, 1 - need])),
        [Grouping("g", AB, twice[1])],
        draws,
        minimum_cell=10,
    )
    for row in report:
        assert abs(row.estimate) < (0.002 if row.where == "all scores" else 0.005) / 20


@pytest.mark.slow
@pytest.mark.parametrize("odds", [1.0, 2.0])
def test_intervals_hold_the_truth_and_label_bias_is_found(odds):
    risk, rng = skewed(), np.random.default_rng(2)
    draws = resample(np.arange(len(risk)) // 2, replicates=300, seed=1)
    member = told_by(risk, rng, 0.02)
    other = rng.choice(6, p=[0.4, 0.25, 0.15, 0.1, 0.07, 0.03], size=len(risk))
    chance = expit(logit(0.75 * risk) + np.log(odds) * member)
    tables = []
    for _ in range(60):
        outcome = (rng.random(len(risk)) < chance).astype(np.int8)
        rows = ScoredRows(
            logit(risk), risk, outcome, np.ones(len(risk)), np.zeros(len(risk)), np.arange(len(risk)) // 2
        )
        groups = [Grouping("told", AB, member), Grouping("other", tuple((str(i),) for i in range(6)), other)]
        report = equal_need(rows, labelled(outcome), groups, draws, minimum_cell=10)
        tables.append({(row.attribute, row.group, row.where): row for row in report if row.status == "ok"})
    if odds > 1:
        assert np.mean([table["told", "b", "highest tenth"].clear for table in tables]) > 0.9
        return
    assert sum(any(row.clear for row in table.values()) for table in tables) <= 8  # 1 in 100 if 5 of 100 do
    held = [row.lower <= 0 <= row.upper for table in tables for row in table.values()]
    assert 0.93 < np.mean(held) < 0.97


def test_few_in_need_are_not_shown_nor_are_those_beside_few():
    report, *_ = found(300, rate=0.02)
    for group in "ab":  # nobody is compared with fewer than the smallest cell in need
        row = report[group, "highest tenth"]
        assert (row.status, row.need, row.others, row.estimate, row.together_lower) == (
            "suppressed",
            *[None] * 4,
        )
        assert not row.clear
    assert report["b", "highest tenth"].n_outcomes < 10


def test_nobody_else_with_the_same_scores_is_undefined():
    rows, labels, grouping = people(400, rate=0.4)
    apart = ScoredRows(
        rows.raw + 100 * grouping.code, rows.risk, rows.outcome, rows.weight, rows.offered, rows.subject_id
    )
    draws = resample(rows.subject_id, replicates=50, seed=1)
    report = {(r.group, r.where): r for r in equal_need(apart, labels, [grouping], draws, minimum_cell=0)}
    assert report["b", "highest tenth"].status == "undefined"
    assert report["b", "highest tenth"].to_json()["need"] is None


def test_equal_scores_share_a_stratum():
    rows, labels, grouping = people(500)
    flat = ScoredRows(
        np.zeros(500), np.full(500, 0.1), rows.outcome, rows.weight, rows.offered, rows.subject_id
    )
    draws = resample(rows.subject_id, replicates=20, seed=1)
    row = equal_need(flat, labels, [grouping], draws, minimum_cell=1)[0]
    w, own = labels.weight, grouping.code == 0
    expected = np.average(labels.outcome[own], weights=w[own]) - np.average(
        labels.outcome[~own], weights=w[~own]
    )
    assert row.estimate == pytest.approx(expected)


def test_nothing_to_compare_has_no_intervals_to_widen():
    rows, labels, _ = people(200)
    one = Grouping("g", (("a",),), np.zeros(200, dtype=np.int64))
    draws = resample(rows.subject_id, replicates=20, seed=1)
    assert {row.status for row in equal_need(rows, labels, [one], draws, minimum_cell=0)} == {"undefined"}
