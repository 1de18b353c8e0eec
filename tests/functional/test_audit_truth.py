"""The audit of the audit: its page is made from its results, its truth is counted apart, and what it claims is what was asked."""

import json
from pathlib import Path

import numpy as np
import pytest
from experiments_kit import load_experiment

from riskmodel.audit.report import Difference
from riskmodel.audit.spec import METRICS

HERE = Path(__file__).parents[2] / "experiments" / "audit_truth"


@pytest.fixture(scope="module")
def experiment():
    names = ("people", "truth", "audit_page", "audit_picture", "audit_truth")
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


def test_the_truth_is_what_happens_to_a_drawn_million(experiment):
    """Counted apart from the integral: within five standard errors of the million, for every group and metric."""
    people, truth = experiment["people"], experiment["truth"]
    rng, shift = np.random.default_rng(8), 0.8
    weights = people.fit(people.draw(20_000, shift=shift, rng=rng))
    pool = people.draw(1_000_000, shift=shift, rng=rng)
    cut = float(np.quantile(people.score(weights, pool), 0.9))
    counts = truth.count(weights, pool, cut=cut)
    drawn = truth.differences(counts)
    for place, (value, gap) in truth.differences(truth.expected(weights, shift=shift, cut=cut)).items():
        attribute, group, metric = place
        cells = truth.groups()[attribute, group]
        outcomes = counts.outcomes[cells].sum()
        offers = counts.people[cells][:, counts.offered == 1].sum()
        few = {
            "selection_rate": counts.people[cells].sum(),
            "fpr": counts.people[cells].sum() - outcomes,
            "ppv": offers,
        }
        unit = 2.0 if metric.startswith("calibration") else 0.5
        error = unit / np.sqrt(few.get(metric, outcomes))
        assert drawn[place][0] == pytest.approx(value, abs=5 * error), place
        assert drawn[place][1] == pytest.approx(gap, abs=8 * error), place


@pytest.mark.parametrize("gap", [0.045, 0.2])
def test_the_gap_that_is_asked_for_is_the_gap_that_is_there(experiment, gap):
    people, truth, main = (experiment[name] for name in ("people", "truth", "audit_truth"))
    shift = main.shift_for(gap)
    pool = people.draw(200_000, shift=shift, rng=np.random.default_rng(4))
    weights = people.fit(pool)
    cut = float(np.quantile(people.score(weights, pool), 1 - main.CAPACITY))
    found = truth.differences(truth.expected(weights, shift=shift, cut=cut))
    assert found["ethnicity", people.TARGET, "fnr"][1] == pytest.approx(gap, abs=0.002)


def test_what_could_be_false_is_told_from_what_is(experiment):
    of = experiment["audit_truth"]._Said.of

    def said(verdict, low, high, gap):
        one = of(Difference("m", "sex", "F", "fnr", (low + high) / 2, low, high, 0.05, 0.1, verdict), gap)
        return {name for name in vars(one) if getattr(one, name)}

    assert said("exceeds", 0.06, 0.1, 0.04) == {"truth_within", "with_alarm", "with_any_outside"}
    assert said("exceeds", 0.06, 0.1, 0.07) == {"truth_beyond", "could_reassure"}
    assert said("within", -0.04, 0.04, -0.06) == {
        "truth_beyond", "could_reassure", "with_reassurance", "with_any_outside",
    }  # fmt: skip
    assert said("inconclusive", -0.1, 0.2, 0.06) == {"truth_beyond"}  # too wide to say within


def test_scenarios_that_are_run_again_take_the_place_of_their_namesakes(experiment):
    merged = experiment["audit_truth"].merged
    before = {"shuffles": {"n": 1}, "scenarios": [{"name": "60000:0", "n": 1}, {"name": "20000:0", "n": 2}]}
    found = merged(before, {"scenarios": [{"name": "400000:0", "n": 3}, {"name": "60000:0", "n": 4}]})
    assert [one["name"] for one in found["scenarios"]] == ["20000:0", "60000:0", "400000:0"]
    assert [one["n"] for one in found["scenarios"]] == [2, 4, 3]
    assert found["shuffles"] == {"n": 1}


def test_what_issue_and_card_claim_is_in_the_results(experiment, results):
    scenarios = results["scenarios"]
    assert [one["name"] for one in scenarios] == [one.name for one in experiment["audit_truth"].SCENARIOS]
    n = sum(one["replicates"] for one in scenarios)
    assert n >= 2000
    for false, possible in (("with_alarm", "truth_within"), ("with_reassurance", "could_reassure")):
        could = sum(one[possible] for one in scenarios)
        assert could >= 500
        assert sum(one[false] for one in scenarios) <= 0.05 * could
    assert sum(one["thirty_confident"] or 0 for one in scenarios) == 0
    assert results["shuffles"]["n"] == 200
    assert results["shuffles"]["with_exceeds"] <= 16
    by_name = {one["name"]: one for one in scenarios}
    for name in ("20000:0.3", "60000:0.2"):
        assert by_name[name]["verdicts"]["exceeds"] >= 0.9 * by_name[name]["replicates"]


def test_what_the_page_says_of_ranges_that_miss_is_so(results):
    scenarios = results["scenarios"]
    n, outside = (sum(one[name] for one in scenarios) for name in ("replicates", "with_any_outside"))
    assert outside <= 0.05 * n


def test_the_hardest_gaps_are_tried_where_the_audit_can_say_within(results):
    by_name = {one["name"]: one for one in results["scenarios"]}
    none, inside, outside = (by_name[f"400000:{gap}"] for gap in ("0", "0.045", "0.055"))
    assert none["verdicts"]["within"] >= 0.5 * none["replicates"]
    assert inside["gap"] < results["tolerance"] < outside["gap"]
    assert outside["could_reassure"] == outside["replicates"]
    for one in (none, inside, outside, by_name["20000:0.045"], by_name["20000:0.055"]):
        assert one["with_alarm"] <= 0.05 * one["replicates"]
        assert one["with_reassurance"] <= 0.05 * one["replicates"]


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
