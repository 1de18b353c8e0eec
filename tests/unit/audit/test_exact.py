"""Exact limits are those of Clopper and Pearson, and hold where few events make the normal curve too thin."""

import numpy as np
import pytest
from scipy.stats import beta, binom, binomtest, norm

from riskmodel.audit import audit_fairness
from riskmodel.audit.exact import difference_distances, jeffreys_limits, rate_limits
from riskmodel.audit.spec import AuditSpec
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.validate import ScoredRows, resample

_SLACK = 1.15  # exact limits, squared and added, are exact for each rate and nearly so for the difference


@pytest.mark.parametrize(("events", "people"), [(0, 160), (1, 98), (5, 50), (20, 20), (49, 50)])
@pytest.mark.parametrize("reach", [1.96, 3.6])
def test_limits_of_whole_counts_are_scipys(events, people, reach):
    low, high = rate_limits(np.array([events / people]), np.array([people]), reach=reach)
    found = binomtest(events, people).proportion_ci(1 - 2 * norm.sf(reach), "exact")
    assert (low[0], high[0]) == pytest.approx((found.low, found.high), abs=1e-9)


def test_without_a_rate_or_people_there_are_no_limits():
    low, high = rate_limits(np.array([np.nan, 0.5]), np.array([10, 0]), reach=2.0)
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize("rates", [(0.01, 0.019), (0.1, 0.15), (0.98, 0.9)])
def test_a_difference_is_passed_no_more_often_than_it_should_be(rates):
    """All pairs of counts, by their chances: no simulation."""
    people, reach = (80, 400), 2.5
    counts = [np.arange(n + 1) for n in people]
    a, b = (one.ravel() for one in np.meshgrid(*counts, indexing="ij"))
    chance = np.outer(
        *(binom.pmf(count, n, rate) for count, n, rate in zip(counts, people, rates, strict=True))
    ).ravel()
    shares = [count / n for count, n in zip((a, b), people, strict=True)]
    distances = difference_distances(
        shares[0],
        np.full(len(a), people[0]),
        shares[1],
        np.full(len(b), people[1]),
        reach=reach,
    )
    gap, truth = shares[0] - shares[1], rates[0] - rates[1]
    assert chance[gap - distances[:, 0] > truth].sum() <= _SLACK * norm.sf(reach)
    assert chance[gap + distances[:, 1] < truth].sum() <= _SLACK * norm.sf(reach)


def _audit(rng):
    """Audit offers to 2 of 100, at two dates a person, where five small groups get fewer, but not by more than the limit."""
    group = np.array([f"small {i}" for i in range(5) for _ in range(180)] + ["most"] * 8000)
    few = np.char.startswith(group, "small")
    outcome = rng.random(len(group)) < 0.03
    chance = np.where(outcome, 0.11, np.where(few, 0.0087, 0.0172))
    lead = rng.random(len(group)) < chance
    offered = np.concatenate(
        [np.where(rng.random(len(group)) < 0.9, lead, rng.random(len(group)) < chance) for _ in range(2)]
    )
    person = np.tile(np.arange(len(group)), 2)
    rows = ScoredRows(
        rng.normal(size=2 * len(group)),
        np.full(2 * len(group), 0.03) * np.exp(rng.normal(0, 0.3, 2 * len(group))),
        np.tile(outcome, 2).astype(np.int8),
        np.ones(2 * len(group)),
        offered.astype(float),
        person,
    )
    report = audit_fairness(
        {"m": rows},
        AuditedAttributes({"group": np.tile(group, 2)}),
        resample(person, replicates=300, seed=int(rng.integers(1000))),
        AuditSpec(attributes=("group",), intersections=()),
        threads=1,
    )
    return [
        one for one in report.differences if one.metric == "selection_rate" and one.group.startswith("small")
    ]


def test_few_offers_in_small_groups_raise_no_false_alarms():
    """With the spread of resamples alone, 19 to 29 of 100 such audits said ``exceeds`` of a group within its tolerance."""
    audits = [_audit(np.random.default_rng(seed)) for seed in range(40)]
    true_gap = 0.97 * (0.0172 - 0.0087)
    inside = [audit for audit in audits if audit[0].tolerance >= true_gap]
    assert len(inside) >= 30
    assert sum(any(one.verdict == "exceeds" for one in audit) for audit in inside) <= 3


def test_nobody_offered_is_no_alarm_in_a_small_group_and_one_in_a_large():
    verdicts = {}
    for size in (150, 3000):
        group = np.array(["own"] * size + ["rest"] * 20_000)
        rng = np.random.default_rng(size)
        offered = ((group == "rest") & (rng.random(len(group)) < 0.02)).astype(float)
        outcome = (rng.random(len(group)) < 0.03).astype(np.int8)
        person = np.arange(len(group))
        rows = ScoredRows(
            rng.normal(size=len(group)),
            np.full(len(group), 0.03),
            outcome,
            np.ones(len(group)),
            offered,
            person,
        )
        report = audit_fairness(
            {"m": rows}, AuditedAttributes({"group": group}), resample(person, replicates=300, seed=1),
            AuditSpec(attributes=("group",), intersections=()), threads=1,
        )  # fmt: skip
        found = next(o for o in report.differences if (o.group, o.metric) == ("own", "selection_rate"))
        verdicts[size] = found.verdict
    assert verdicts == {150: "inconclusive", 3000: "exceeds"}


def test_jeffreys_limits_are_those_of_the_beta_distribution():
    low, high = jeffreys_limits(np.array([0.06, 0.0, np.nan]), np.array([100, 30, 5]), reach=1.959964)
    assert (low[0], high[0]) == pytest.approx(beta(6.5, 94.5).ppf([0.025, 0.975]), abs=1e-6)
    assert (low[1], high[1]) == pytest.approx(beta(0.5, 30.5).ppf([0.025, 0.975]), abs=1e-6)
    assert np.isnan([low[2], high[2]]).all()


def test_a_range_that_rests_on_few_people_with_two_rows_each_holds_the_truth():
    """Of 80 with the outcome few are reached, most of them at both dates: rows are no witnesses of their own."""
    inside, n, truth = 0, 240, 0.06
    spec = AuditSpec(attributes=("group",), intersections=())
    for seed in range(200):
        rng = np.random.default_rng(seed)
        outcome = (np.arange(n) < 80).astype(np.int8)
        group = np.where(np.arange(n) % 2, "a", "b")  # of each, 40 with the outcome
        lead = rng.random(n) < truth
        offered = np.concatenate([np.where(rng.random(n) < 0.9, lead, rng.random(n) < truth) for _ in "ab"])
        person = np.tile(np.arange(n), 2)
        rows = ScoredRows(
            rng.normal(size=2 * n), np.full(2 * n, 0.3), np.tile(outcome, 2), np.ones(2 * n), offered.astype(float), person
        )  # fmt: skip
        report = audit_fairness(
            {"m": rows}, AuditedAttributes({"group": np.tile(group, 2)}), resample(person, replicates=200, seed=seed),
            spec, seed=seed, threads=1,
        )  # fmt: skip
        (row,) = [one for one in report.rows if (one.group, one.metric) == ("a", "tpr")]
        inside += row.lower <= truth <= row.upper
    assert 0.92 <= inside / 200 <= 0.995
