"""A flat file as it comes: one YAML, no column declared, from the file to the card."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from running import command
from sklearn.metrics import roc_auc_score

from riskmodel.pipeline import run_stages
from riskmodel.stages import front_end
from riskmodel.stages.back import back_end
from riskmodel.study import load_study

QUICK = ("--set", "validation.replicates=200", "--set", "tracking.enabled=false", "--set", "models.folds=3")
STUDY = """
name: survey
purpose: To see how well later harm can be told from what a survey asked.
seed: 1
data:
  kind: table
  path: survey.csv
  delimiter: ";"
  encoding: cp1252
  decimal: ","
  weight: weight
  stratum: stratum
  cluster: school
  chosen: harmed
  outcomes:
    harmed: {column: harmed, description: harm from violence, phrase: came to harm from violence, yes: ["Ja"], no: ["Nein"]}
    rare: {column: rare, description: something rare, phrase: had something rare, yes: [1], no: [0]}
  features_from: {columns: ["*"], leave_out: [followup]}
  audited:
    sex: {column: Geschlecht, values: {m: Male, w: Female}}
models: {families: [logistic, xgboost]}
"""


def people(n=1500):
    """Return a survey sorted by its outcome, with columns of every awkward kind."""
    rng = np.random.default_rng(9)
    x, school = rng.normal(size=n), rng.integers(0, 60, n)
    happened = rng.random(n) < 1 / (1 + np.exp(2.2 - x))
    frame = pd.DataFrame(
        {
            "harmed": np.where(happened, "Ja", "Nein"),
            "rare": (rng.random(n) < 0.003).astype(int),
            "x": np.round(x + rng.normal(size=n), 2),
            "visits": np.where(rng.random(n) < 0.1, "Refused", rng.poisson(2, n).astype(str)),
            "Straße": rng.choice(["Größe", "é", "plain"], n),
            "Geschlecht": rng.choice(["m", "w"], n),
            "followup": happened.astype(int),
            "copy": np.where(happened, "2", "1"),
            "Race": rng.choice(["a", "b"], n),
            "nothing": "",
            "same": 1,
            "weight": rng.gamma(2, 1, n).round(3),
            "stratum": school % 6,
            "school": school // 6,
        }
    ).sort_values("harmed")
    return frame.assign(running=np.arange(n))


def write(folder, frame=None, text=STUDY):
    (people() if frame is None else frame).to_csv(
        folder / "survey.csv", index=False, sep=";", decimal=",", encoding="cp1252"
    )
    (folder / "survey.yaml").write_text(text)
    return folder / "survey.yaml"


def run(study, out):
    done = command(str(study), *QUICK, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["run"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("survey")
    return run(write(place), place / "runs")


def test_what_each_column_was_taken_for_is_in_the_run_folder(folder):
    inferred = yaml.safe_load((folder / "features.inferred.yaml").read_text(encoding="utf-8"))["features"]
    assert {one["column"] for one in inferred.values()} == {"x", "visits", "Straße"}
    assert inferred["visits"]["values"] == {"Refused": "Refused"}
    notes = " ".join(json.loads((folder / "card.json").read_text())["data"]["notes"])
    for column in ("copy", "Race", "nothing", "same", "running"):
        assert column in notes
    assert "Geschlecht" not in notes


def test_the_order_of_the_rows_and_a_second_run_give_the_same_metrics(folder, tmp_path):
    shuffled = people().sample(frac=1, random_state=3)
    again = run(write(tmp_path, shuffled), tmp_path / "runs")
    for name in ("metrics.json", "features.inferred.yaml", "fairness.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_the_resolved_study_runs_again_to_the_same_metrics(folder, tmp_path):
    resolved = folder / "study.resolved.yaml"
    again = run(resolved, tmp_path / "runs")
    assert (again / "metrics.json").read_bytes() == (folder / "metrics.json").read_bytes()


def test_weights_strata_and_clusters_enter_estimate_and_interval(tmp_path):
    study = load_study(
        write(tmp_path),
        settings=["models.families=[logistic]", "validation.replicates=1000", "models.folds=3"],
    )
    done = run_stages(
        [*front_end(study), *back_end(study)], study, store=tmp_path / "store", progress=lambda *_: None
    ).results
    population, score = done["population"], done["models"].crossfit["logistic"]
    labels, sampling = population.outcomes.training["harmed"], population.sampling
    found = done["measured"].metrics["models"]["logistic"]["crossfit"]["auroc"]
    assert found["estimate"] == pytest.approx(
        roc_auc_score(labels.outcome, score, sample_weight=labels.weight), abs=1e-9
    )
    rng, draws = np.random.default_rng(1), []
    for _ in range(400):
        rows = np.concatenate(
            [
                np.flatnonzero(sampling.unit == unit)
                for stratum in np.unique(sampling.stratum)
                for units in [np.unique(sampling.unit[sampling.stratum == stratum])]
                for unit in rng.choice(units, len(units))
            ]
        )
        draws.append(roc_auc_score(labels.outcome[rows], score[rows], sample_weight=labels.weight[rows]))
    assert len(np.unique(sampling.unit)) == 60
    assert found["upper"] - found["lower"] == pytest.approx(
        np.subtract(*np.quantile(draws, [0.975, 0.025])), rel=0.2
    )
    fold = done["split"].fold
    assert all(len(set(fold[sampling.unit == unit])) == 1 for unit in np.unique(sampling.unit))


def test_a_study_that_says_little_has_sensible_defaults(tmp_path):
    little = STUDY.replace("models: {families: [logistic, xgboost]}\n", "").split("  audited:")[0]
    write(tmp_path, text=little)
    done = command(str(tmp_path / "survey.yaml"), "--dry-run", "--json", "--out", str(tmp_path / "runs"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"x", "visits", "visits__refused"} <= set(found["features"])
    assert any(note.endswith(": Geschlecht.") for note in found["notes"])


@pytest.mark.parametrize(
    ("written", "typed", "said"),
    [
        ("features_from", "feature_from", "did you mean features_from"),
        ("chosen: harmed", "chosen: hamred", "did you mean harmed"),
        ('yes: ["Ja"]', "yes: Yes", "put the text in quotes"),
        ("column: harmed", "column: Harmed", "did you mean harmed"),
        ("leave_out: [followup]", "leave_out: [folowup]", "did you mean followup"),
        ('delimiter: ";"', 'delimiter: ","', "say data.delimiter: ';'"),
        ("encoding: cp1252", "encoding: utf-8", "say data.encoding: cp1252"),
        ('decimal: ","', 'decimal: "."', "say data.decimal: ','"),
        ('no: ["Nein"]', 'no: ["Nien"]', "a text that outcome 'harmed' declares as yes, no or missing"),
        ("weight: weight", "weight: visits", "a weight of 0 or more in every row"),
    ],
)
def test_a_slip_of_the_user_is_told_with_what_to_do(tmp_path, written, typed, said):
    assert STUDY.count(written) == 1
    done = command(str(write(tmp_path, text=STUDY.replace(written, typed))), "--out", str(tmp_path / "runs"))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(value in done.stderr for value in ("Refused", "Größe"))


def test_official_test_rows_are_the_test_without_being_asked(tmp_path):
    frame = people().assign(sample=np.where(np.arange(1500) % 3, "learn", "judge"))
    side = "side: {column: sample, train: [learn], test: [judge]}"
    text = STUDY.replace("  cluster: school\n", f"  cluster: school\n  {side}\n")
    folder = run(write(tmp_path, frame, text), tmp_path / "runs")
    models = json.loads((folder / "metrics.json").read_text())["models"]["logistic"]
    assert models["test_all"]["auroc"]["n_subjects"] == 500
    assert models["train"]["auroc"]["n_subjects"] == 1000
