"""A study that lets the model look at facts together: what the run folder and the card then say."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from jsonschema import Draft202012Validator
from running import command

from riskmodel.models import CalibratedModel

SCHEMAS = Path(__file__).parents[2] / "src" / "riskmodel" / "publish" / "schemas"
FACTS = {"days": "days of absence", "moves": "moves of home", "age": "age in years"}


def write_table(folder):
    """Two facts of which exactly one raises the risk, some of them unknown."""
    rng = np.random.default_rng(2)
    facts = rng.integers(0, 4, size=(3000, 3)).astype(float)
    log_odds = -2.5 + 2.2 * ((facts[:, 0] > 1) != (facts[:, 1] > 1)) + 0.2 * facts[:, 2]
    table = pd.DataFrame(facts, columns=list(FACTS)).mask(rng.random((3000, 3)) < 0.1)
    table["id"] = rng.permutation(3000)
    table["y"] = (rng.random(3000) < 1 / (1 + np.exp(-log_odds))).astype(int)
    table.to_csv(folder / "table.csv", index=False)


def study():
    outcome = {
        "column": "y",
        "description": "harm from violence",
        "phrase": "came to harm",
        "yes": ["1"],
        "no": ["0"],
    }
    features = {
        name: {"column": name, "description": words, "concept": "facts"} for name, words in FACTS.items()
    }
    return {
        "name": "pairs",
        "purpose": "To try whether facts that matter together are looked at together.",
        "seed": 4,
        "data": {
            "kind": "table",
            "path": "table.csv",
            "subject": "id",
            "chosen": "harmed",
            "outcomes": {"harmed": outcome},
            "features": features,
        },
        "split": {"design": "cross_validation", "reason": "The table has no dates at all."},
        "models": {"families": ["logistic", "ebm"], "folds": 3, "ebm": {"interactions": 1}},
        "audit": {"attributes": [], "intersections": []},
        "capacity": {"share": 0.1},
        "validation": {"replicates": 200},
        "tracking": {"enabled": False},
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pairs")
    write_table(place)
    (place / "pairs.yaml").write_text(yaml.safe_dump(study()))
    done = command(str(place / "pairs.yaml"), "--out", str(place / "runs"), "--json")
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["run"])


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_the_model_that_looks_at_facts_together_is_selected_and_far_better(folder):
    metrics = read(folder, "metrics.json")
    auroc = {name: one["crossfit"]["auroc"]["estimate"] for name, one in metrics["models"].items()}
    assert metrics["selected"] == "ebm"
    assert auroc["ebm"] > auroc["logistic"] + 0.1


def test_the_pair_is_listed_and_the_card_says_so(folder):
    explanations = read(folder, "explanations.json")
    Draft202012Validator(json.loads((SCHEMAS / "explanations.schema.json").read_text())).validate(
        explanations
    )
    (pair,) = explanations["models"]["ebm"]["pairs"]
    assert set(pair["names"]) == {"days", "moves"}
    assert explanations["models"]["logistic"]["pairs"] == []
    card = (folder / "card.md").read_text()
    first, second = (FACTS[name] for name in pair["names"])
    assert f"The model also looks at these facts together: “{first}” with “{second}”." in card
    assert "at least 10 young people stand together" in card


def test_the_privacy_check_sees_the_cells_and_finds_none_too_small(folder):
    model = CalibratedModel.load(folder / "models" / "ebm.json").model
    (pair,) = model.pairs
    row = next(one for one in read(folder, "privacy.json")["rows"] if one["model"] == "ebm")
    bins = sum(len(curve.scores) for curve in model.curves)
    cells = len(pair.scores) * len(pair.scores[0])
    assert row["n_places"] == bins + cells  # in this table somebody stands in each
    assert row["verdict"] == "enough"
    assert row["smallest"] >= 10
