import numpy as np
import pytest

from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.validate import hunt_leaks
from riskmodel.validate.probe import RankDesign, auroc_interval, crossfit, midranks, separation
from riskmodel.validate.spec import LeakSpec


def matrix(columns):
    infos = tuple(FeatureInfo(name, name, name, "EDU", "times", 1, "count", "365d", ()) for name in columns)
    return FeatureMatrix(np.column_stack(list(columns.values())).astype(np.float32), infos)


def borough(n=20_000, seed=0, intercept=-3.9):
    """Counts that share two hidden causes with the outcome, at a prevalence near 4%, with gaps in the record."""
    rng = np.random.default_rng(seed)
    adversity, susceptibility = rng.normal(size=(2, n))
    columns = {}
    for j in range(20):
        rate = np.exp(-1.5 + rng.uniform(0.3, 1.0) * adversity + rng.uniform(0.1, 0.8) * susceptibility)
        columns[f"honest_{j}"] = np.where(rng.random(n) < 0.05, np.nan, rng.poisson(rate))
    # The strongest honest feature there is: a good view of one of the hidden causes.
    columns["honest_strong"] = susceptibility + 0.3 * rng.normal(size=n)
    chance = 1 / (1 + np.exp(-(intercept + 0.7 * adversity + 0.8 * susceptibility)))
    outcome = (rng.random(n) < chance).astype(np.int8)
    return columns, outcome, rng


def flipped(outcome, rng, share=0.3):
    return np.where(rng.random(len(outcome)) < share, 1 - outcome, outcome)


def hunt(columns, outcome, *, weight=None, **spec):
    n = len(outcome)
    return hunt_leaks(
        matrix(columns),
        outcome,
        weight=np.ones(n) if weight is None else weight,
        subject_id=np.arange(n),
        fold=np.arange(n) % 5,
        spec=LeakSpec(**spec),
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_outcome_with_three_in_ten_flipped_is_named_and_no_honest_feature(seed):
    columns, outcome, rng = borough(seed=seed)
    assert hunt(columns, outcome).suspects == ()
    report = hunt({**columns, "planted": flipped(outcome, rng)}, outcome)
    assert report.suspects == ("planted",)
    found = next(one for one in report.findings if one.feature == "planted")
    assert found.verdict == "strong_and_alone"
    assert found.auroc == pytest.approx(0.7, abs=0.02)
    assert found.auroc_alike == pytest.approx(0.7, abs=0.03)
    assert found.explained < 0.01
    strong = next(one for one in report.findings if one.feature == "honest_strong")
    assert strong.auroc > 0.64
    assert strong.explained > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_feature_with_half_of_the_outcome_mixed_in_is_named(seed):
    columns, outcome, rng = borough(seed=seed)
    mixed = np.maximum(columns["honest_1"] > 2, (rng.random(len(outcome)) < 0.5) & (outcome == 1))
    report = hunt({**columns, "honest_1": mixed}, outcome)
    assert report.suspects == ("honest_1",)
    found = next(one for one in report.findings if one.feature == "honest_1")
    assert found.verdict == "strong_among_alike"
    assert found.auroc_alike > 0.68
    assert found.explained > 0.02


def test_two_copies_of_a_leak_do_not_hide_each_other():
    columns, outcome, rng = borough()
    leak = flipped(outcome, rng)
    report = hunt({**columns, "first": leak, "second": 3 - 2 * leak}, outcome)
    assert set(report.suspects) == {"first", "second"}


def test_a_leak_through_what_is_missing_is_named():
    columns, outcome, rng = borough()
    gaps = np.where(flipped(outcome, rng) == 1, np.nan, rng.normal(size=len(outcome)))
    assert hunt({**columns, "gaps": gaps}, outcome).suspects == ("gaps",)


def test_a_feature_that_is_nearly_the_outcome_is_too_strong_even_among_unrelated_ones():
    rng = np.random.default_rng(0)
    outcome = (rng.random(5000) < 0.1).astype(np.int8)
    report = hunt({"noise": rng.normal(size=5000), "copy": flipped(outcome, rng, 0.02)}, outcome)
    assert report.suspects == ("copy",)
    assert report.findings[0].verdict == "too_strong"
    assert report.to_json()["summary"] == [report.findings[0].words]


def test_among_unrelated_honest_features_none_is_named():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(6000, 8))
    eta = -3 + features @ np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0, 0, 0])
    outcome = (rng.random(6000) < 1 / (1 + np.exp(-eta))).astype(np.int8)
    columns = {f"x{j}": features[:, j] for j in range(8)}
    report = hunt(columns, outcome)
    assert report.suspects == ()
    assert report.findings[0].auroc > 0.63
    assert hunt({**columns, "planted": flipped(outcome, rng)}, outcome).suspects == ("planted",)


def test_a_single_honest_feature_is_not_named():
    rng = np.random.default_rng(1)
    x = rng.normal(size=4000)
    outcome = (rng.random(4000) < 1 / (1 + np.exp(2 - 0.4 * x))).astype(np.int8)
    assert hunt({"only": x, "constant": np.ones(4000)}, outcome).suspects == ()


def test_too_few_outcomes_are_not_judged():
    columns, outcome, _ = borough(n=600, intercept=-5)
    assert outcome.sum() < 50
    report = hunt(columns, outcome)
    assert {one.verdict for one in report.findings} == {"insufficient"}
    assert report.findings[0].auroc is None
    assert report.to_json()["suspects"] == []


def test_rows_of_weight_0_are_left_out():
    columns, outcome, rng = borough(intercept=-2.5)
    weight = (rng.random(len(outcome)) < 0.1).astype(float)
    bad = {**columns, "bad": np.where(weight > 0, rng.normal(size=len(outcome)), 100.0 * outcome)}
    assert hunt(bad, outcome, weight=weight).suspects == ()
    assert hunt(bad, outcome).suspects == ("bad",)


def test_midranks_by_hand():
    assert midranks(np.array([5.0, 1.0, 5.0, 9.0])) == pytest.approx([0, -0.375, 0, 0.375])
    assert midranks(np.array([np.nan, 1.0, 2.0])) == pytest.approx([0, -0.25, 0.25])
    assert midranks(np.array([np.nan, np.nan])).tolist() == [0, 0]


def test_separation_equals_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    score, member = np.round(rng.normal(size=300), 1), rng.random(300) < 0.2
    assert separation(score, member) == pytest.approx(roc_auc_score(member, score), abs=1e-12)
    assert np.isnan(separation(score, np.zeros(300, dtype=bool)))


def test_the_interval_equals_the_formula_of_hanley_and_mcneil():
    # Their 1982 paper, theta = .85 with 50 and 50: standard error .0387 or so; by hand:
    q1, q2 = 0.85 / 1.15, 2 * 0.85**2 / 1.85
    variance = (0.85 * 0.15 + 49 * (q1 - 0.7225) + 49 * (q2 - 0.7225)) / 2500
    low, high = auroc_interval(0.85, 50, 50)
    assert (high - low) / 2 == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-6)
    assert (low + high) / 2 == pytest.approx(0.85)


def test_out_of_fold_values_never_see_their_own_fold():
    rng = np.random.default_rng(0)
    design, targets, fold = rng.normal(size=(300, 4)), rng.normal(size=(300, 2)), np.arange(300) % 3
    design -= design.mean(axis=0)
    first = crossfit(design, targets, fold)
    changed = targets.copy()
    changed[fold == 1] = changed[fold == 1][::-1]  # same sums, other order
    second = crossfit(design, changed, fold)
    assert first[fold == 1] == pytest.approx(second[fold == 1], abs=1e-12)
    assert not np.allclose(first[fold == 0], second[fold == 0])


def test_the_design_says_what_is_missing():
    made = RankDesign.of(matrix({"full": [1.0, 2.0, 3.0], "gaps": [np.nan, 2.0, 1.0], "none": [np.nan] * 3}))
    assert made.feature.tolist() == [0, 1, 1, 2]
    assert made.values[:, 2] == pytest.approx([2 / 3, -1 / 3, -1 / 3])
