"""The experiment on ranges: its page follows from its results, and its judgement from a count by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from experiments_kit import load_experiment

from riskmodel.models import Band, CalibratedModel, Calibration
from riskmodel.tables.features import FeatureInfo, FeatureMatrix

HERE = Path(__file__).parents[2] / "experiments" / "intervals"
RESULTS = json.loads((HERE / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def experiment():
    return load_experiment("intervals", "intervals")


def test_the_page_follows_from_the_results(experiment):
    assert (HERE / "README.md").read_text(encoding="utf-8") == experiment.page(RESULTS)


def test_the_summary_follows_from_the_bands():
    for one in RESULTS["families"].values():
        inside = [b["lower"] <= b["recorded"] <= b["upper"] for b in one["by_band"]]
        assert (one["bands"], one["inside"]) == (len(inside), sum(inside))
        assert one["inside"] >= 0.95 * one["bands"]


class OneNumber:
    """A model whose raw score is its only feature."""

    unit = "log-odds"

    def raw_score(self, features):
        return features.values[:, 0].astype(np.float64)


def test_a_band_is_judged_as_counted_by_hand(experiment):
    score = np.repeat([-2.0, 0.0], 500).astype(np.float32)
    infos = (FeatureInfo("a", "words", "c", "EDU", "times", 1, "count", "365d", ()),)
    recorded = np.concatenate([np.arange(500) < 60, np.arange(500) < 200]).astype(np.int8)
    people = experiment.Fresh(
        FeatureMatrix(score[:, None], infos), recorded, np.ones(1000), np.ones(1000, np.int8)
    )
    band = Band("monotone", (-2.0, 0.0), (0.05, 0.45), (0.2, 0.6))
    low, high = experiment.judge(CalibratedModel(OneNumber(), Calibration("none"), band), people)
    assert (low["recorded"], high["recorded"], low["harmed"]) == (0.12, 0.4, 1.0)
    assert low["error"] == pytest.approx(np.sqrt(0.12 * 0.88 / 500))
    found = experiment._summary([low, high])
    assert (found["inside"], found["inside_all_harm"]) == (1, 0)
    assert found["inside_or_chance"] == 1
    assert found["width"] == pytest.approx(np.mean([0.15 / low["estimate"], 0.15 / 0.5]))
