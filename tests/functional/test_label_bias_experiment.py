"""The experiment on label bias: its page follows from its results, its truth is right, and a quick version runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from experiments_kit import load_experiment
from scipy.stats import binomtest

from riskmodel.audit.recording import Recording, true_label_metrics
from riskmodel.validate import ScoredRows

HERE = Path(__file__).parents[2] / "experiments" / "label_bias"
RESULTS = json.loads((HERE / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def experiment():
    return load_experiment("label_bias", "label_bias")


def test_the_page_follows_from_the_results(experiment):
    assert (HERE / "README.md").read_text(encoding="utf-8") == experiment.page(RESULTS)


def test_the_results_say_what_they_are_cited_for():
    assert RESULTS["times"] >= 500
    for one in RESULTS["scenarios"].values():
        if one["inside"]:
            for row in one["rows"]:
                assert row["range"]["share"] >= 0.95, (one["words"], row)
    inside = RESULTS["scenarios"]["inside"]["rows"]
    assert min(row["records"]["share"] for row in inside) < 0.05  # what taking records at face value costs
    outside = RESULTS["scenarios"]["outside"]["rows"]
    assert min(row["range"]["share"] for row in outside) < 0.05  # and what a wrong range costs
    for row in RESULTS["tipping"]:
        assert row["lower"] <= 0.97, row
        assert row["upper"] >= 0.93, row


def test_a_quick_version_runs(experiment, tmp_path):
    assert experiment.main(["--times", "3", "--people", "4000", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found["scenarios"]) == set(RESULTS["scenarios"])
    assert len(found["tipping"]) == len(RESULTS["tipping"])
    assert all(0 <= row["range"]["held"] <= 3 for one in found["scenarios"].values() for row in one["rows"])
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == experiment.page(found)


def test_people_are_drawn_as_the_recipe_says(experiment):
    scenario = experiment.SCENARIOS["inside"]
    rows, grouping = experiment.drawn(scenario, people=400_000, seed=1)
    for g in (0, 1):
        own = grouping.code == g
        expected = (experiment.density(g) * experiment._recorded(scenario.truth[g], g)).sum()
        assert rows.outcome[own].mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / own.sum()))
        assert experiment.corrected(
            experiment._recorded(scenario.truth[g], g), scenario.truth[g], g
        ) == pytest.approx(experiment.true_metrics(g), abs=1e-9)


def test_the_truth_is_that_of_many_people_whose_outcomes_are_known(experiment):
    rng = np.random.default_rng(2)
    score = rng.normal(experiment.MEAN[1], 1.0, size=1_000_000)
    risk = 1 / (1 + np.exp(-(experiment.LEVEL + score)))
    happened = (rng.random(len(score)) < risk).astype(np.int8)
    rows = ScoredRows(
        score, risk, happened, np.ones(len(score)), experiment.offers(score), np.arange(len(score))
    )
    assert true_label_metrics(rows, Recording()) == pytest.approx(experiment.true_metrics(1), rel=0.02)


def test_a_true_tipping_point_is_where_the_difference_meets_the_tolerance(experiment):
    scenario = experiment.SCENARIOS["inside"]
    one = experiment.true_tipping_point(scenario, "ppv", "within", "detection", 0.06)
    recorded = [experiment._recorded(truth, g) for g, truth in enumerate(scenario.truth)]
    unequal = Recording(detection=0.4).part_way(one.tipping_point)
    gaps = [
        experiment.corrected(recorded[1], a, 1)["ppv"] - experiment.corrected(recorded[0], b, 0)["ppv"]
        for a, b in ((unequal, Recording()), (Recording(), unequal))
    ]
    assert max(map(abs, gaps)) == pytest.approx(one.statement.tolerance, abs=1e-4)
    with pytest.raises(ValueError, match="nothing in the range"):
        experiment.true_tipping_point(scenario, "fnr", "within", "detection", 0.01)


@pytest.mark.parametrize(("held", "given"), [(96, 100), (600, 600), (0, 40)])
def test_shares_have_the_interval_of_wilson(experiment, held, given):
    expected = binomtest(held, given).proportion_ci(method="wilson")
    found = experiment.coverage(held, given)
    assert (found["lower"], found["upper"]) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert experiment.coverage(0, 0)["share"] is None
