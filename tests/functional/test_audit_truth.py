"""The audit of the audit: its page is made from its results, its truth is counted apart, and what it claims is what was asked."""

import json
from pathlib import Path

import numpy as np
import pytest
from experiments_kit import load_experiment

from riskmodel.audit.spec import METRICS

HERE = Path(__file__).parents[2] / "experiments" / "audit_truth"


@pytest.fixture(scope="module")
def experiment():
    names = ("people", "truth", "audit_page", "audit_truth")
    return {name: load_experiment("audit_truth", name) for name in names}


@pytest.fixture(scope="module")
def results():
    return json.loads((HERE / "results.json").read_text(encoding="utf-8"))


def test_the_page_is_made_from_the_results(experiment, results):
    assert (HERE / "README.md").read_text(encoding="utf-8") == experiment["audit_page"].page(results)


def test_the_truth_is_that_of_rows_and_not_of_bins(experiment):
    people, truth, main = (experiment[name] for name in ("people", "truth", "audit_truth"))
    some = people.draw(30_000, shift=0.8, rng=np.random.default_rng(3))
    weights = people.fit(some)
    report, cut = main.audit(some, weights, seed=1)
    found = truth.differences(truth.count(weights, some, cut=cut))
    for row, one in zip(report.rows, report.differences, strict=True):
        value, gap = found[row.attribute, row.group, row.metric]
        if row.estimate is not None:  # the audit's own point values, of the same people
            close = 1e-12 if row.metric in METRICS[:5] else 2e-3
            assert row.estimate == pytest.approx(value, abs=close)
        if one.estimate is not None:
            assert one.estimate == pytest.approx(gap, abs=4e-3)


def test_the_gap_that_is_asked_for_is_the_gap_that_is_there(experiment):
    people, truth, main = (experiment[name] for name in ("people", "truth", "audit_truth"))
    pool = people.draw(200_000, shift=main.shift_for(0.2), rng=np.random.default_rng(4))
    weights = people.fit(pool)
    cut = float(np.quantile(people.score(weights, pool), 1 - main.CAPACITY))
    found = truth.differences(truth.count(weights, pool, cut=cut))
    assert found["ethnicity", people.TARGET, "fnr"][1] == pytest.approx(0.2, abs=0.02)


def test_what_issue_and_card_claim_is_in_the_results(results):
    scenarios = results["scenarios"]
    n = sum(one["replicates"] for one in scenarios)
    assert n >= 2000
    assert sum(one["with_alarm"] for one in scenarios) <= 0.05 * n
    assert sum(one["with_reassurance"] for one in scenarios) <= 0.05 * n
    assert sum(one["thirty_confident"] or 0 for one in scenarios) == 0
    assert results["shuffles"]["n"] == 200
    assert results["shuffles"]["with_exceeds"] <= 16
    by_size = {(one["n"], one["gap_wanted"]): one for one in scenarios}
    for key in ((20_000, 0.30), (60_000, 0.20)):
        one = by_size[key]
        assert one["verdicts"]["exceeds"] >= 0.9 * one["replicates"]


def test_point_values_are_those_of_aequitas_and_of_fairlearn():
    """Whole offers and weights, where all three define the same thing."""
    from fairlearn.metrics import (
        MetricFrame,
        false_negative_rate,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import precision_score

    from riskmodel.audit import audit_fairness
    from riskmodel.audit.spec import AuditSpec
    from riskmodel.tables.cohort import AuditedAttributes
    from riskmodel.validate import ScoredRows, resample

    frame = load_experiment("audit_truth", "peers").people()
    n, offered = len(frame), frame["score"].to_numpy(dtype=float)
    ethnicity, outcome = frame["ethnicity"].to_numpy().astype(str), frame["label_value"].to_numpy(np.int8)
    rows = ScoredRows(offered, 0.2 + 0.3 * offered, outcome, np.ones(n), offered, np.arange(n))
    report = audit_fairness(
        {"model": rows},
        AuditedAttributes({"ethnicity": ethnicity}),
        resample(np.arange(n), replicates=20, seed=1),
        AuditSpec(attributes=("ethnicity",), intersections=()),
    )
    ours = {(r.group, r.metric): r.estimate for r in report.rows if r.metric in METRICS[:5]}
    theirs = {
        (one["group"], one["metric"]): one["estimate"]
        for one in json.loads((HERE / "peers.json").read_text(encoding="utf-8"))["rows"]
    }
    assert ours == pytest.approx(theirs, abs=1e-12)
    functions = {
        "selection_rate": selection_rate, "tpr": true_positive_rate, "fnr": false_negative_rate, "fpr": false_positive_rate,
        "ppv": precision_score,
    }  # fmt: skip
    by_group = MetricFrame(
        metrics=functions, y_true=outcome, y_pred=offered.astype(int), sensitive_features=ethnicity
    ).by_group
    third = {(group, name): by_group.loc[group, name] for group in by_group.index for name in functions}
    assert ours == pytest.approx(third, abs=1e-12)
