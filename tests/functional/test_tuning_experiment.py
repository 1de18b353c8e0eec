"""The experiment that chose what tuning looks for: its page, and that its rule is the one of the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from experiments_kit import load_experiment

HERE = Path(__file__).parents[2] / "experiments" / "tuning"


@pytest.fixture(scope="module")
def experiment():
    return load_experiment("tuning", "objective")


@pytest.fixture(scope="module")
def results():
    return json.loads((HERE / "results.json").read_text(encoding="utf-8"))


def test_the_kept_page_is_made_from_the_kept_results(experiment, results):
    assert experiment.page(results) == (HERE / "README.md").read_text(encoding="utf-8")
    assert {int(n): len(studies) for n, studies in results.items()} == experiment.SIZES


def test_no_choice_is_better_than_the_best_and_one_study_comes_out_the_same(experiment, results):
    for studies in results.values():
        for one in studies:
            assert max(one.values()) == one["the best of all"]
    new = experiment.draw(experiment.NEW_PEOPLE, np.random.default_rng(experiment.SEED))
    first = {name: round(value, 5) for name, value in experiment.study(2000, 0, new).items()}
    assert first == results["2000"][0]
