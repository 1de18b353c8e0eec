"""The experiment that chose the rule of selection: its page, and that its rule is the one of the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from experiments_kit import load_experiment

from riskmodel.models import SIMPLEST_FIRST, Resampled, select

HERE = Path(__file__).parents[2] / "experiments" / "selection"


@pytest.fixture(scope="module")
def experiment():
    return load_experiment("selection", "rules")


@pytest.fixture(scope="module")
def trials():
    return json.loads((HERE / "trials.json").read_text(encoding="utf-8"))["trials"]


def test_the_kept_page_is_made_from_the_kept_trials(experiment, trials):
    assert experiment.page(trials) == (HERE / "README.md").read_text(encoding="utf-8")
    assert {one["truth"] for one in trials} == set(experiment.TRUTHS)
    assert len(trials) == len(experiment.TRUTHS) * sum(experiment.SIZES.values())


def test_the_rule_of_the_experiment_is_the_rule_of_the_package(experiment):
    (rule,) = [rule for name, rule in experiment.RULES.items() if "riskmodel" in name]
    rng = np.random.default_rng(3)
    chosen = set()
    for _ in range(100):
        common = rng.normal(size=300)
        seen = {
            family: {
                "auroc": drawn(rng, common, 0.7, 0.01),
                "recall": drawn(rng, common, 0.3, 0.03),
            }
            for family in SIMPLEST_FIRST
        }
        ordering, utility = (
            {family: Resampled(*one[measure]) for family, one in seen.items()}
            for measure in ("auroc", "recall")
        )
        found = rule({measure: experiment._behind(seen, measure) for measure in ("auroc", "recall")})
        assert found == select(ordering, utility).selected
        chosen.add(found)
    assert len(chosen) >= 4


def drawn(rng, common, level, spread):
    value = round(level + spread * rng.normal(), 6)
    return value, value + spread * (0.7 * common + 0.7 * rng.normal(size=len(common)))


def test_the_rule_is_seldom_worse_than_the_one_before_it(experiment, trials):
    rules = experiment.RULES
    (new,) = [rule for name, rule in rules.items() if "riskmodel" in name]
    (old,) = [rule for name, rule in rules.items() if "before" in name]
    now, then = experiment.judged(trials, new), experiment.judged(trials, old)
    assert now["worse"] < 0.75 * then["worse"]
    assert now["lost"] < 0.75 * then["lost"]
    assert now["needless"] < then["needless"] + 0.08


def test_bad_choices_are_counted_by_hand(experiment):
    true = {
        "prior": {"auroc": 0.70, "recall": 0.20},
        "count": {"auroc": 0.795, "recall": 0.295},
        "logistic": {"auroc": 0.796, "recall": 0.30},
        "ebm": {"auroc": 0.80, "recall": 0.30},
        "xgboost": {"auroc": 0.80, "recall": 0.305},
    }
    trials = [{"true": true, "seen": {}}]
    judged = {f: experiment.judged(trials, lambda _, f=f: f) for f in SIMPLEST_FIRST}
    assert [judged[f]["worse"] for f in SIMPLEST_FIRST] == [1, 0, 0, 0, 0]
    assert [judged[f]["needless"] for f in SIMPLEST_FIRST] == [0, 0, 1, 0, 1]
    assert judged["count"]["lost"] == pytest.approx(0.01)


@pytest.mark.slow
def test_a_trial_sees_out_of_fold_and_is_judged_on_new_people(experiment):
    new = experiment.draw("a sum", 20_000, np.random.default_rng(1))
    one = experiment.trial("a sum", 1500, 0, new)
    assert new[1].mean() == pytest.approx(experiment.PREVALENCE, abs=0.01)
    assert set(one["true"]) == set(SIMPLEST_FIRST)
    assert one["true"]["logistic"]["auroc"] > one["true"]["prior"]["auroc"] + 0.05
    assert one["seen"]["auroc"]["prior"][1] == 0.0  # no standard error against itself
