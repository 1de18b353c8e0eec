"""A study that tunes, as a user runs it: the budget, what is written, a kill and a second start, and what a typo prints."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib import resources

import pytest
from jsonschema import Draft202012Validator
from running import SETTINGS, command, train

TRIALS = 5
TUNED = (
    f"models.tuning.trials={TRIALS}",
    "models.tuning.families=[xgboost]",
    "models.families=[prior, xgboost]",
    "models.folds=3",
    "data.prevalence=0.05",
    "models.tuning.fairness={attributes: [sex], tolerance: 0.5, minimum_people: 10}",
)
SEARCHES = 4


def settings(*more):
    return [part for one in (*TUNED, *more) for part in ("--set", one)]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    return train(tmp_path_factory.mktemp("tuned") / "runs", *settings())


def read(folder, name):
    return json.loads((folder / name).read_text())


def children(out):
    with closing(sqlite3.connect(out / "mlflow.db")) as book:
        parents = book.execute("select run_uuid, value from tags where key = 'mlflow.parentRunId'").fetchall()
        resumed = book.execute(
            "select count(*) from tags where key = 'resumed' and value = 'true'"
        ).fetchone()
        params = book.execute("select distinct key from params where key like 'models.xgboost.%'").fetchall()
        status = book.execute("select distinct status from runs where run_uuid in (select run_uuid from tags where key = 'resumed')")  # fmt: skip
        return parents, resumed[0], {one for (one,) in params}, {one for (one,) in status}


def test_the_budget_and_every_trial_are_in_a_file_that_follows_its_schema(tuned):
    found = read(tuned.folder, "tuning.json")
    text = resources.files("riskmodel").joinpath("publish/schemas/tuning.schema.json").read_text()
    Draft202012Validator(json.loads(text)).validate(found)
    assert found["budget"] == {"trials": TRIALS, "minutes": None, "searches": SEARCHES}
    searches = found["families"]["xgboost"]["searches"]
    assert [one["held_out"] for one in searches] == [0, 1, 2, None]
    assert all(one["status"] == "tuned" and one["limit_judged"] for one in searches)
    assert all(one["complete"] + one["pruned"] == TRIALS == len(one["trials"]) for one in searches)
    assert all(one["trials"][0]["settings"] == one["start"] for one in searches)


def test_the_gain_is_about_the_scores_that_the_metrics_are_about(tuned):
    gain = read(tuned.folder, "tuning.json")["families"]["xgboost"]["gain"]
    recall = read(tuned.folder, "metrics.json")["models"]["xgboost"]["crossfit"]["recall_at_capacity"]
    assert gain["after"] == recall
    assert gain["difference"]["estimate"] == pytest.approx(recall["estimate"] - gain["before"]["estimate"])


def test_the_final_model_has_the_settings_that_were_chosen(tuned):
    last = read(tuned.folder, "tuning.json")["families"]["xgboost"]["searches"][-1]
    trees = json.dumps(read(tuned.folder / "models", "xgboost.json"))
    assert len(last["chosen"]) == 4
    # XGBoost numbers the nodes of a tree from 0: a tree of depth d has fewer than 2 to the power of d + 1.
    nodes = [int(one) for one in re.findall(r'"num_nodes": ?"(\d+)"', trees)]
    assert nodes
    assert max(nodes) < 2 ** (last["chosen"]["depth"] + 1)


def test_the_card_says_how_settings_were_chosen(tuned):
    (check,) = [one for one in read(tuned.folder, "card.json")["checks"] if one["name"] == "tuning"]
    assert f"4 searches, each with at most {TRIALS} tries" in check["sentences"][0]
    assert check["title"] in (tuned.folder / "card.md").read_text()


def test_each_trial_is_a_child_of_the_run_in_mlflow(tuned):
    parents, resumed, params, status = children(tuned.out)
    assert len(parents) == SEARCHES * TRIALS
    assert len({parent for _, parent in parents}) == 1
    assert (resumed, status) == (0, {"FINISHED"})
    assert {"models.xgboost.depth", "models.xgboost.ridge"} <= params


def test_a_killed_run_goes_on_where_it_was(tuned, tmp_path):
    out = tmp_path / "runs"
    shutil.copytree(tuned.out / ".store", out / ".store", ignore=shutil.ignore_patterns("tuning-*"))
    arguments = [*settings(), *(part for one in SETTINGS for part in ("--set", one)), "--out", str(out)]
    running = subprocess.Popen([sys.executable, "-m", "riskmodel.train", *arguments, "--quiet"])
    deadline = time.monotonic() + 300
    while not list(out.glob(".store/tuning-*/xgboost-without-1.jsonl")):
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.kill()
    running.wait()
    assert not list(out.glob("default-*"))
    again = train(out, *settings())
    found, whole = (read(one.folder, "tuning.json") for one in (again, tuned))
    for each in (found, whole):
        for search in each["families"]["xgboost"]["searches"]:
            assert search.pop("seconds") > 0
    assert found == whole
    assert read(again.folder, "metrics.json") == read(tuned.folder, "metrics.json")
    _, resumed, _, _ = children(out)
    assert resumed >= TRIALS  # of the first fold's search


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("models.tuning.trails=5", "'models.tuning.trails' is not a setting; did you mean trials"),
        ("models.tuning.families=[xgbost]", "found 'xgbost'; did you mean xgboost?"),
        (
            "models.tuning.fairness={attributes: [sexx]}",
            "'sexx' is not under 'audit.attributes'; did you mean sex",
        ),
    ],
)
def test_a_typo_is_named_with_the_nearest_word(setting, said, tmp_path):
    done = command("--set", setting, "--out", str(tmp_path / "runs"))
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "runs").exists()


def test_without_optuna_a_study_that_tunes_stops_at_once_and_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['optuna'] = None; from riskmodel.train import main; "
        f"sys.exit(main(['--set', 'models.tuning.trials=5', '--out', {str(tmp_path / 'runs')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'riskmodel[tune]'" in done.stderr
    assert not (tmp_path / "runs").exists()
