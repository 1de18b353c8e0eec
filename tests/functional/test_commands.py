"""Typing mistakes, refusals, interruptions: the command a person types and what comes back."""

import json
import sqlite3
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from running import command

FAST = ("--set", "data.size=2000", "--set", "validation.replicates=200", "--set", "threads=1")


def test_help_is_there_and_loads_nothing_large():
    done = command("--help")
    assert done.returncode == 0
    assert "--dry-run" in done.stdout


def test_a_mistyped_key_gets_the_nearest_and_code_2(tmp_path):
    done = command("--set", "data.sise=1", "--set", "models.familes=[ebm]", "--out", str(tmp_path / "runs"))
    assert done.returncode == 2
    assert "did you mean size" in done.stderr
    assert "did you mean families" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("events", "rule"),
    [
        ("POLICE//STOP_SEARCH//DRUGS", "stop and search"),
        ("PERSON//ETHNICITY//BLACK", "ethnicity"),
        ("EDU//LANGUAGE//OTHER", "language"),
    ],
)
def test_a_barred_feature_stops_the_run_before_anything_is_read(tmp_path, events, rule):
    catalogue = tmp_path / "own.yaml"
    agency = events.split("//")[0]
    catalogue.write_text(
        f"codes:\n- {{code: {events}, agency: {agency}, description: something, unit: times, concept: something, direction: 0}}\n"
    )
    own = f"features.own=[{{stem: something, words: something, events: ['{events}'], windows: [365d], aggregations: [count]}}]"
    done = command(
        *FAST, "--set", own, "--set", f"features.catalogue={catalogue}", "--out", str(tmp_path / "runs")
    )
    assert done.returncode == 3, done.stderr
    assert "something__count__365d" in done.stderr
    assert rule in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_prints_attrition_and_features_and_trains_nothing(finished):
    before = {path.name for path in finished.out.iterdir()}
    done = command(*FAST, "--out", str(finished.out), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "known to live in the borough" in done.stdout
    assert "edu_suspension__count__365d" in done.stdout
    assert "Nothing was trained." in done.stdout
    assert {path.name for path in finished.out.iterdir()} == before


def test_the_page_of_a_young_person_needs_no_script(finished, tmp_path):
    cohort = next((finished.out / ".store").glob("population-*/cohort.parquet"))
    subject = int(pq.read_table(cohort).column("subject_id")[-1].as_py())
    page = tmp_path / "page.html"
    done = command(
        "explain", str(finished.folder), "--subject", str(subject), "--out", str(page), module="riskmodel"
    )
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "<script" not in text
    assert "999" in text
    assert str(subject) not in text
    assert "Simulated" in text


def test_a_number_that_is_nobody_gets_code_2(finished, tmp_path):
    done = command(
        "explain",
        str(finished.folder),
        "--subject",
        "-7",
        "--out",
        str(tmp_path / "p.html"),
        module="riskmodel",
    )
    assert done.returncode == 2
    assert "nobody with this number" in done.stderr
    assert not (tmp_path / "p.html").exists()


def test_a_folder_that_is_no_run_gets_code_2(tmp_path):
    done = command(
        "explain", str(tmp_path), "--subject", "1", "--out", str(tmp_path / "p.html"), module="riskmodel"
    )
    assert done.returncode == 2
    assert "is not a run folder" in done.stderr


@pytest.mark.parametrize(
    ("raised", "code", "status"),
    [("KeyboardInterrupt", 130, "KILLED"), ("OSError(28, 'No space left on device')", 1, "FAILED")],
)
def test_an_interrupted_run_leaves_no_folder_and_is_marked(finished, tmp_path, raised, code, status):
    out = tmp_path / "runs"
    out.mkdir()
    (out / ".store").symlink_to(finished.out / ".store")
    script = (
        "import sys\nfrom riskmodel import runfolder, train\n"
        f"def broken(folder, run, *, started):\n    (folder / 'metrics.json').write_text('half')\n    raise {raised}\n"
        "runfolder.write_run = broken\n"
        f"sys.exit(train.main({[*FAST, '--set', 'models.families=[prior, count]', '--out', str(out)]!r}))\n"
    )
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert {path.name for path in out.iterdir()} == {".store", "mlflow.db"}
    with sqlite3.connect(out / "mlflow.db") as database:
        assert database.execute("select status from runs").fetchall() == [(status,)]
    database.close()


def test_simulate_then_intake_accounts_for_every_row(tmp_path):
    made = command(
        "simulate", "--out", str(tmp_path / "b"), "--size", "600", "--seed", "3", "--json", module="riskmodel"
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["rows"]["spine.csv"] > 600
    taken = command(
        "intake", str(tmp_path / "b" / "extracts"), "--out", str(tmp_path / "log"), module="riskmodel"
    )
    assert taken.returncode == 0, taken.stderr
    assert "school_census" in taken.stdout
    report = json.loads((tmp_path / "log" / "intake.json").read_text())
    for file in report["files"].values():
        assert file["rows_in"] == file["rows_accepted"] + file["rows_quarantined"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("simulate", "--size", "3", "--seed", "1", "--out", "{tmp}/new"), 2, "--size"),
        (("simulate", "--size", "600", "--seed", "1", "--out", "{tmp}"), 2, "exists already"),
        (("intake", "{tmp}/nothing", "--out", "{tmp}/log"), 5, "manifest.json"),
        (("nosuchverb",), 2, "invalid choice"),
        (("explain", "{tmp}/run", "--subject", "x", "--out", "p.html"), 2, "invalid int value"),
    ],
)
def test_wrong_commands_get_a_sentence_and_a_code(tmp_path, arguments, code, said):
    done = command(*(one.format(tmp=tmp_path) for one in arguments), module="riskmodel")
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()


def test_the_public_names_load_on_first_use():
    script = "import riskmodel; print(riskmodel.simulate.__name__, riskmodel.build_features.__name__, riskmodel.load_study.__name__)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["simulate", "build_features", "load_study"]
    wrong = subprocess.run(
        [sys.executable, "-c", "import riskmodel; riskmodel.nosuch"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "has no attribute 'nosuch'" in wrong.stderr


def test_the_closing_table_says_where_to_look_next_and_the_card_is_copied(finished, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".store").symlink_to(finished.out / ".store")
    quick = ("--set", "models.families=[prior, count]", "--set", "tracking.enabled=false")
    done = command(*FAST, *quick, "--out", str(tmp_path / "runs"), "--copy-card", str(tmp_path / "cards"))
    assert done.returncode == 0, done.stderr
    assert "* selected" in done.stdout
    assert "card.html" in done.stdout
    assert "Training the models" in done.stderr
    assert {path.name for path in (tmp_path / "cards").iterdir()} == {
        "default.json",
        "default.md",
        "default.html",
    }
    # Nothing depends on the outcome in a baseline, so no alternative offers are compared.
    run = next(path for path in (tmp_path / "runs").iterdir() if path.name.startswith("default-"))
    rows = json.loads((run / "label_bias.json").read_text())["rows"]
    assert not [row for row in rows if row["metric"] == "added" and row["estimate"] is not None]


def test_a_dry_run_in_json_is_one_object(finished):
    done = command(*FAST, "--out", str(finished.out), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["features"]) > 60
    assert done.stderr == ""
