"""Pooled rates lie between a group's own rate and what its attributes foretell, and are nearer to the truth."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.audit import audit_fairness
from riskmodel.audit.pooling import _design, _mode, pool
from riskmodel.audit.spec import AuditSpec

LABELS = tuple(product(("Asian", "Black", "Mixed", "White"), ("Female", "Male"), ("10-13", "14-17")))
COUNTS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 300)), min_size=len(LABELS), max_size=len(LABELS)
)


@given(COUNTS)
def test_a_range_holds_the_estimate_and_both_are_rates(counts):
    top, rest = np.array(counts, dtype=float).T
    estimate, lower, upper = pool(top, rest, LABELS)
    if top.sum() == 0 or rest.sum() == 0:
        assert np.isnan([estimate, lower, upper]).all()
        return
    assert ((lower > 0) & (lower < estimate) & (estimate < upper) & (upper < 1)).all()


def test_a_group_with_many_keeps_its_own_rate_and_one_with_none_takes_what_its_attributes_foretell():
    n = np.full(len(LABELS), 50_000.0)
    rate = np.where([label[0] == "Black" for label in LABELS], 0.3, 0.1)
    rate[3] = 0.25  # departs from what its attributes foretell
    n[0] = 0.0  # the same attributes as group 1, but for its age
    estimate, lower, upper = pool(rate * n, (1 - rate) * n, LABELS)
    assert estimate[1:] == pytest.approx(rate[1:], abs=0.003)
    assert lower[0] < 0.1 < upper[0]
    assert upper[0] - lower[0] > 10 * (upper[1] - lower[1])


def test_the_mode_is_where_scipy_finds_it():
    from scipy.optimize import minimize

    rng = np.random.default_rng(0)
    n = rng.integers(5, 400, len(LABELS)).astype(float)
    top = rng.binomial(n.astype(int), 0.2).astype(float)
    design, start = _design(LABELS), np.log(top.sum() / (n - top).sum())
    prior = np.array([0.01, *([1 / 1.5**2] * 8), *([1 / 0.3**2] * 16)])

    def minus(w):
        z = design @ w
        away = w - np.eye(len(w))[0] * start
        return -(top @ z - n @ np.logaddexp(0, z) - 0.5 * prior @ away**2)

    best = minimize(minus, np.zeros(25), method="BFGS", options={"gtol": 1e-6}).x
    assert _mode(design, top, n, departure=0.3)[0] == pytest.approx(design @ best, abs=1e-3)


def truth(rng, spread):
    effects = {value: rng.normal(0, 0.4) for label in LABELS for value in label}
    log_odds = np.array([-1.0 + sum(effects[v] for v in label) for label in LABELS])
    return 1 / (1 + np.exp(-(log_odds + rng.normal(0, spread, len(LABELS)))))


@pytest.mark.parametrize("spread", [0.0, 0.3, 0.8])
def test_pooled_rates_of_small_groups_are_nearer_to_the_truth_and_their_ranges_hold_it(spread):
    rng, inside, errors = np.random.default_rng(7), [], []
    sizes = np.geomspace(8, 800, len(LABELS)).astype(int)
    for _ in range(150):
        rate = truth(rng, spread)
        n = rng.permutation(sizes)
        top = rng.binomial(n, rate).astype(float)
        estimate, lower, upper = pool(top, n - top, LABELS)
        small = n < 60
        inside.append(((lower <= rate) & (rate <= upper)).mean())
        errors.append([((estimate - rate)[small] ** 2).mean(), ((top / n - rate)[small] ** 2).mean()])
    pooled, own = np.sqrt(np.mean(errors, axis=0))
    assert pooled < 0.95 * own
    assert 0.93 < np.mean(inside) < 0.985


def test_the_report_pools_groups_of_several_attributes_only(borough):
    spec = AuditSpec(attributes=("ethnicity", "sex"), intersections=(("ethnicity", "sex"),))
    report = audit_fairness({"m": borough.rows}, borough.attributes, borough.resamples, spec)
    assert {one.attribute for one in report.pooled} == {"ethnicity x sex"}
    assert {one.metric for one in report.pooled} == {"selection_rate", "tpr", "fnr", "fpr", "ppv"}
    rows = {(r.group, r.metric): r for r in report.rows if r.attribute == "ethnicity x sex"}
    small = [one for one in report.pooled if rows[one.group, one.metric].status == "suppressed"]
    assert small  # a group that is too small for a number of its own has a pooled one
