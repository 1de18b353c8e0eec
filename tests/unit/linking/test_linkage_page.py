"""The experiment's page and the docs say what was measured, and the default threshold is the one chosen."""

import json
from pathlib import Path

import pytest
from experiments_kit import load_experiment

from riskmodel.linking.spec import THRESHOLD, LinkSpec

ROOT = Path(__file__).parents[3]
PLACE = ROOT / "experiments" / "linkage"


@pytest.fixture(scope="module")
def found():
    return json.loads((PLACE / "results.json").read_text(encoding="utf-8"))


def test_the_page_is_made_from_the_results(found):
    assert load_experiment("linkage", "readme_page").page(found) == (PLACE / "README.md").read_text(
        encoding="utf-8"
    )


def test_the_default_threshold_is_the_one_chosen(found):
    assert found["threshold"] == THRESHOLD == LinkSpec(seed=1).threshold


def test_the_target_is_met_where_errors_are_as_assumed(found):
    final = found["finals"][0]
    assert final["trouble"] == 1.0
    assert final["measured"]["overall"]["people"] > 100_000
    assert final["measured"]["overall"]["precision"]["low"] >= 0.99
    assert final["measured"]["overall"]["recall"]["low"] >= 0.95
    assert final["peak_mb"] < 4_000


def test_the_docs_quote_the_results(found):
    text = (ROOT / "docs" / "explanation" / "linkage.md").read_text(encoding="utf-8")
    for final in found["finals"]:
        for rate, digits in (("precision", 5), ("recall", 4)):
            assert f"{final['measured']['overall'][rate]['value']:.{digits}f}" in text
    for group in ("White", "Black", "Mixed", "Asian", "Other"):
        row = found["finals"][0]["measured"]["by"]["ethnicity"][group]["recall"]
        assert f"{row['value']:.4f} ({row['low']:.4f} to {row['high']:.4f})" in text
