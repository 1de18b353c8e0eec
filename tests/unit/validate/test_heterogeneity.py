"""Held-out groups: each one's numbers, and how far groups are apart beyond chance."""

import json
import math
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from scipy.stats import chi2
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from riskmodel.files import to_json
from riskmodel.validate import ScoredRows, evaluate, heterogeneity, resample
from riskmodel.validate.heterogeneity import SCALES, between_variance, further_groups, spread_of
from riskmodel.validate.spec import ValidateSpec

# Cases and others, with and without the vaccine, in 13 trials of BCG (Colditz et al. 1994, JAMA 271:698).
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    dtype=float,
)


def held_out(groups=5, people=120, *, seed=1):
    """Return rows in groups, their names and resamples."""
    rng = np.random.default_rng(seed)
    n = groups * people
    risk = rng.beta(2, 5, n)
    rows = ScoredRows(
        raw=np.log(risk / (1 - risk)),
        risk=risk,
        outcome=(rng.random(n) < risk).astype(np.int8),
        weight=rng.choice([0.0, 1.0, 1.5], n, p=[0.1, 0.6, 0.3]),
        offered=(rng.random(n) < 0.2).astype(float),
        subject_id=np.arange(n),
    )
    names = np.array([f"area {i // people + 1}" for i in range(n)])
    return rows, names, resample(rows.subject_id, replicates=300, seed=seed)


def measure(rows, names, draws, **more):
    settings = {
        "kind": "area",
        "seed": 1,
        "members": {name: (name,) for name in dict.fromkeys(names.tolist())},
    }
    return heterogeneity(rows, names, draws, **{**settings, **more})


def test_the_variance_between_published_trials():
    """0.3180 solves Q = k - 1 for the log risk ratios of the BCG trials, as several packages report."""
    a, b, c, d = BCG.T
    values = np.log(a / (a + b)) - np.log(c / (c + d))
    chance = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    found = between_variance(values, np.diag(chance))
    assert found == pytest.approx(0.3180, abs=5e-4)
    weight = 1 / (chance + found)
    mean = (weight * values).sum() / weight.sum()
    assert (weight * (values - mean) ** 2).sum() == pytest.approx(len(values) - 1)


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=8), st.floats(0.01, 2))
def test_equal_chance_has_a_closed_form(values, chance):
    values = np.array(values)
    found = between_variance(values, chance * np.eye(len(values)))
    assert found == pytest.approx(max(0.0, values.var(ddof=1) - chance), abs=1e-9)


def test_each_group_has_the_numbers_of_its_own_rows():
    rows, names, draws = held_out()
    found = measure(rows, names, draws)
    for name, results in found.groups.items():
        own = names == name
        alone, known = rows.take(own), rows.weight[own] > 0
        whole = evaluate(alone, draws.take(own), ValidateSpec(replicates=300))
        for one in ("auroc", "precision_at_capacity", "recall_at_capacity"):
            assert results[one].to_json() == pytest.approx(whole[one].to_json())
        weight = alone.weight
        assert results["auroc"].estimate == pytest.approx(
            roc_auc_score(alone.outcome[known], alone.raw[known], sample_weight=weight[known])
        )
        assert results["observed_expected"].estimate == pytest.approx(
            (weight * alone.outcome).sum() / (weight * alone.risk).sum()
        )


def test_the_order_of_groups_is_that_of_their_places():
    rows, names, draws = held_out(groups=3)
    members = {"area 3": ("C",), "area 1": ("A",), "area 2": ("B", "D")}
    found = measure(rows, names, draws, members=members).to_json()
    assert [one["name"] for one in found["groups"]] == list(members)
    assert found["groups"][2]["members"] == ["B", "D"]
    dates = measure(rows, names, draws, kind="date", members={}).to_json()
    assert [one["name"] for one in dates["groups"]] == ["area 1", "area 2", "area 3"]


def test_the_record_follows_its_schema():
    text = resources.files("riskmodel").joinpath("publish/schemas/heterogeneity.schema.json").read_text()
    Draft202012Validator.check_schema(json.loads(text))
    judge = Draft202012Validator(json.loads(text))
    for groups in (4, 5):  # four are too few for a spread
        record = {"family": "ebm", **measure(*held_out(groups=groups)).to_json()}
        judge.validate(json.loads(to_json(record)))
        assert record["spread"]["auroc"]["status"] == ("undefined" if groups == 4 else "ok")


def apart(*values, error=0.1, replicates=4000, seed=3):
    """Return independent groups on the logarithm's scale, with known errors of chance."""
    rng = np.random.default_rng(seed)
    return [(math.exp(v), np.exp(rng.normal(v, error, replicates))) for v in values]


def test_groups_that_are_alike_are_not_said_to_differ():
    found = spread_of(apart(0.0, 0.05, -0.05, 0.02, 0.0), SCALES["observed_expected"], np.eye(5), seed=1)
    assert found.tau == 0
    assert found.p_alike == pytest.approx(
        chi2.sf(5 * np.var([0, 0.05, -0.05, 0.02, 0]) / 0.1**2, 4), rel=0.02
    )
    error = 0.1 / math.sqrt(5)
    assert math.log(found.upper / found.estimate) == pytest.approx(student.ppf(0.975, 4) * error, rel=0.05)
    assert found.further_lower < found.lower
    assert found.upper < found.further_upper


def test_groups_that_differ_have_a_wide_range_for_one_more():
    values = (0.0, 1.0, -1.0, 0.5, -0.5)
    found = spread_of(apart(*values), SCALES["observed_expected"], np.eye(5), seed=1)
    assert found.p_alike == pytest.approx(chi2.sf(5 * np.var(values) / 0.1**2, 4), abs=1e-12)
    between = np.var(values, ddof=1) - 0.1**2
    assert found.tau == pytest.approx(math.sqrt(between), rel=0.01)
    assert found.further_lower < found.lower < found.estimate < found.upper < found.further_upper


@pytest.mark.slow
def test_a_further_group_is_drawn_as_a_plain_loop_would_draw_it():
    """One chi-square a draw, and the variance that gives it found by halving."""
    values, errors = np.array([0.0, 0.4, -0.2, 0.9, 0.1]), np.array([0.1, 0.2, 0.15, 0.3, 0.1])

    def pooled(between):
        weight = 1 / (errors**2 + between)
        mean = (weight * values).sum() / weight.sum()
        return mean, weight.sum() ** -0.5, (weight * (values - mean) ** 2).sum()

    rng = np.random.default_rng(8)
    plain = []
    for squares in rng.chisquare(4, 20_000):
        low, high = 0.0, 1e4
        for _ in range(40 if pooled(0)[2] > squares else 0):
            middle = (low + high) / 2
            low, high = (middle, high) if pooled(middle)[2] > squares else (low, middle)
        mean, error, _ = pooled(low)
        plain.append(mean + error * rng.standard_t(4) + math.sqrt(low) * rng.standard_normal())
    found = further_groups(values, np.diag(errors**2), seed=1)
    shares = [0.025, 0.1, 0.5, 0.9, 0.975]
    assert np.quantile(found, shares) == pytest.approx(np.quantile(plain, shares), rel=0.06, abs=0.03)


def test_chance_that_groups_share_is_not_taken_for_agreement():
    """Groups that err together are known less well on average than independent ones."""
    rng = np.random.default_rng(4)
    common = rng.normal(0, 0.1, 4000)
    drawn = [(1.0, np.exp(common + rng.normal(0, 0.02, 4000))) for _ in range(5)]
    together = spread_of(drawn, SCALES["observed_expected"], np.ones((5, 5)), seed=1)
    independent = spread_of(drawn, SCALES["observed_expected"], np.eye(5), seed=1)
    assert math.log(together.upper) > 1.5 * math.log(independent.upper)


def test_people_at_two_dates_are_known_to_be_the_same():
    rows, _, _ = held_out(groups=6)
    same = ScoredRows(**{**vars(rows), "subject_id": np.arange(len(rows)) % 120})
    dates = np.array([f"20{i // 120 + 10}-01-01" for i in range(len(rows))])
    draws = resample(same.subject_id, replicates=300, seed=1)
    found = measure(same, dates, draws, kind="date", members={})
    assert found.spread["auroc"].status == "ok"
    assert found.groups["2010-01-01"]["auroc"].n_subjects < 120


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param((0.0, np.zeros(500)), id="no outcome was reached"),
        pytest.param((0.7, np.full(500, 0.7)), id="chance cannot be told"),
        pytest.param((0.7, np.where(np.arange(500) % 10 == 0, np.nan, 0.7)), id="too many draws undefined"),
        pytest.param((1.0, np.ones(500)), id="perfect"),
    ],
)
def test_a_group_that_cannot_be_used_leaves_no_spread(spoilt):
    good = [(0.7, np.random.default_rng(i).normal(0.7, 0.02, 500)) for i in range(5)]
    assert spread_of(good, SCALES["auroc"], np.eye(5), seed=1).status == "ok"
    found = spread_of([*good, spoilt], SCALES["auroc"], np.eye(6), seed=1)
    assert found.status == "undefined"
    assert found.estimate is None
    assert found.n_groups == 6


def test_small_groups_do_not_decide_the_spread():
    rows, names, draws = held_out(groups=6)
    few = np.flatnonzero(names == "area 4")[12:]
    outcome = rows.outcome.copy()
    outcome[few] = 0
    report = measure(ScoredRows(**{**vars(rows), "outcome": outcome}), names, draws)
    assert report.groups["area 4"]["auroc"].n_outcomes < 10
    assert report.spread["auroc"].n_groups == 5


@pytest.mark.parametrize("name", SCALES)
def test_scales_come_back(name):
    for value in (0.05, 0.5, 0.9):
        assert SCALES[name].back(float(SCALES[name].to(np.array(value)))) == pytest.approx(value)


@pytest.mark.slow
@pytest.mark.parametrize("tau", [0.0, 0.1, 0.3])
def test_one_more_group_lies_in_the_range(tau):
    """The range for a further group holds it 19 times out of 20, or more where groups do not differ."""
    rng = np.random.default_rng(11)
    hits, trials = 0, 1000
    for _ in range(trials):
        truth = rng.normal(0.4, tau, 9)
        errors = rng.uniform(0.1, 0.3, 8)
        seen = rng.normal(truth[:8], errors)
        drawn = [
            (1 / (1 + math.exp(-v)), 1 / (1 + np.exp(-rng.normal(v, e, 200))))
            for v, e in zip(seen, errors, strict=True)
        ]
        found = spread_of(drawn, SCALES["auroc"], np.eye(8), seed=1)
        hits += found.further_lower <= 1 / (1 + math.exp(-truth[8])) <= found.further_upper
    assert 0.93 <= hits / trials <= (0.975 if tau == 0.3 else 1.0)


def test_where_nobody_was_reached_there_is_no_interval():
    rows, names, draws = held_out()
    offered = np.where(names == "area 2", 1.0 - rows.outcome, rows.offered)
    report = measure(ScoredRows(**{**vars(rows), "offered": offered}), names, draws)
    assert report.groups["area 2"]["precision_at_capacity"].status == "undefined"
    assert report.groups["area 1"]["precision_at_capacity"].status == "ok"
    assert report.spread["auroc"].status == "ok"
