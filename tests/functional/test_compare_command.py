"""`riskmodel compare` as a user runs it."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from riskmodel.cli import main
from riskmodel.files import read_json, write_json
from riskmodel.jobs import train
from riskmodel.study import load_study
from riskmodel.validate import METRICS


@pytest.fixture(scope="module")
def other(finished):
    """A second run on the same people, with a model that may learn less."""
    settings = ["models.families=[prior, count, xgboost]", "models.xgboost.depth=1", "tracking.enabled=false"]
    raw = yaml.safe_load((finished.folder / "study.resolved.yaml").read_text())
    path = finished.out / "other.yaml"
    path.write_text(yaml.safe_dump(raw))
    return train(load_study(path, settings=settings), out=finished.out)


def compared(capsys, *arguments):
    code = main(["compare", *map(str, arguments), "--json"])
    captured = capsys.readouterr()
    return code, json.loads(captured.out) if code == 0 else captured.err


def everyone(value):
    return {row["metric"]: row for row in value["rows"] if row["attribute"] == "everyone"}


def test_a_run_is_no_different_from_itself(finished, capsys):
    code, value = compared(capsys, finished.folder, finished.folder)
    assert code == 0
    found = everyone(value)
    assert set(found) == set(METRICS)
    assert found["auroc"]["difference"] == 0.0
    assert {row["attribute"] for row in value["rows"]} > {"everyone", "ethnicity", "sex"}


def test_two_runs_differ_by_what_their_metrics_say(finished, other, capsys):
    code, value = compared(capsys, finished.folder, other, "--family", "xgboost")
    assert code == 0
    recorded = [
        read_json(folder / "metrics.json")["models"]["xgboost"]["test_all"]["auroc"]["estimate"]
        for folder in (finished.folder, other)
    ]
    row = everyone(value)["auroc"]
    assert (row["first"], row["second"]) == pytest.approx(recorded, abs=1e-4)
    assert row["lower"] < row["difference"] < row["upper"]
    assert (value["first"]["family"], value["second"]["family"]) == ("xgboost", "xgboost")


def test_the_table_reads_well(finished, other, capsys):
    assert main(["compare", str(finished.folder), str(other), "--family", "prior", "count", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "first: prior" in text
    assert "second: count" in text
    assert "less the first" in text
    assert "ethnicity" in text


def test_mistakes_are_told_before_anything_is_made_again(finished, other, capsys):
    code, words = compared(capsys, finished.folder, f"{other}x")
    assert code == 2
    assert other.name in words
    code, words = compared(capsys, finished.folder, other, "--family", "xgbost")
    assert code == 2
    assert "did you mean xgboost" in words
    code, words = compared(capsys, finished.folder, other, "--family", "ebm", "prior", "count")
    assert code == 2
    assert "one or two families; found 3" in words


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"capacity": {"share": 0.3, "repeat_days": 90}}, "capacity"),
        ({"outcomes": {"chosen": "victim", "recording_lag_days": 90}}, "outcome or horizon"),
    ],
)
def test_runs_about_something_else_are_refused(finished, capsys, change, word):
    raw = yaml.safe_load((finished.folder / "study.resolved.yaml").read_text())
    path = finished.out / "else.yaml"
    path.write_text(yaml.safe_dump(raw | change))
    settings = ["models.families=[prior, count]", "tracking.enabled=false"]
    folder = train(load_study(path, settings=settings), out=finished.out)
    code, words = compared(capsys, finished.folder, folder, "--family", "prior")
    assert code == 2
    assert word in words


def test_a_run_whose_model_was_changed_is_refused(finished, capsys):
    copied = finished.out / "changed"
    shutil.copytree(finished.folder, copied)
    place = copied / "models" / "prior.json"
    state = read_json(place)
    state["calibration"]["intercept"] += 0.1
    write_json(place, state)
    code, words = compared(capsys, finished.folder, copied, "--family", "prior")
    shutil.rmtree(copied)
    assert code == 5
    assert "other scores" in words


def test_a_run_on_other_data_is_refused(finished, capsys):
    copied = finished.out / "elsewhere"
    shutil.copytree(finished.folder, copied)
    facts = read_json(copied / "provenance.json")
    write_json(copied / "provenance.json", {**facts, "data_fingerprint": "0" * 64})
    code, words = compared(capsys, finished.folder, copied)
    shutil.rmtree(copied)
    assert code == 5
    assert "other data" in words


def test_out_of_fold_scores_are_made_again(tmp_path, capsys):
    """A flat table under cross-validation keeps no test rows."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 1200))
    harmed = rng.random(1200) < 1 / (1 + np.exp(1.5 - a))
    pd.DataFrame({"id": np.arange(1200), "a": a, "b": b, "y": harmed.astype(int)}).to_csv(
        tmp_path / "table.csv", index=False
    )
    feature = {"concept": "something counted", "direction": 1}
    outcome = {"column": "y", "description": "harm", "phrase": "came to harm", "yes": ["1"], "no": ["0"]}
    data = {
        "kind": "table", "path": "table.csv", "subject": "id", "chosen": "harmed", "outcomes": {"harmed": outcome},
        "features": {n: {"column": n, "description": f"score {n}", **feature} for n in ("a", "b")},
    }  # fmt: skip
    study = {
        "name": "flat", "purpose": "To compare two models out of fold.", "seed": 1, "data": data,
        "split": {"design": "cross_validation", "reason": "the table has no dates"},
        "models": {"families": ["prior", "logistic"], "prior": {"features": ["b"]}},
        "validation": {"replicates": 200}, "audit": {"attributes": [], "intersections": []},
        "tracking": {"enabled": False},
    }  # fmt: skip
    path = tmp_path / "flat.yaml"
    path.write_text(yaml.safe_dump(study))
    folder = train(load_study(path), out=tmp_path / "runs")
    code, value = compared(capsys, folder, folder, "--family", "prior", "logistic")
    assert code == 0
    assert value["split"] == "crossfit"
    assert everyone(value)["auroc"]["lower"] > 0.03
