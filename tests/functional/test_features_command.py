"""``riskmodel features`` as a data scientist runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from riskmodel.cli import main
from riskmodel.errors import StudyError
from riskmodel.featurefolder import build_folder
from riskmodel.features.streaming import read_features
from riskmodel.files import digest_path
from riskmodel.pipeline import run_stages
from riskmodel.stages import front_end
from riskmodel.study import load_study

SMALL = ["--set", "data.size=2500", "--set", "data.years=7"]


def test_list_says_what_each_feature_means(capsys):
    assert main(["features", "list", "--match", "home_move__count__*"]) == 0
    said = capsys.readouterr().out
    assert "MOVES BETWEEN HOMES" in said
    assert "times moved home in the past year (times, +)" in said
    assert "Webb 2016" in said
    assert "3 features." in said


def test_list_as_json_holds_every_field(capsys):
    assert main(["features", "list", "--concept", "early life", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["study"] == "default"
    assert {one["concept"] for one in found["features"]} == {"early life"}
    assert set(found["features"][0]) == {
        *("name", "words", "concept", "unit", "direction", "aggregation", "window", "codes", "evidence")
    }


def test_list_with_measures(capsys, tmp_path):
    asked = ["features", "list", "--measure", "--quiet", "--runs", str(tmp_path), *SMALL]
    assert main([*asked, "--match", "edu_suspension__count__*"]) == 0
    said = capsys.readouterr().out
    assert "of these not zero for" in said
    assert main([*asked, "--json", "--match", "edu_suspension__count__1095d"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["features"]
    assert 0.5 < one["coverage"] < 1
    assert 0 < one["prevalence"] < 0.5


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        (["--match", "edu_suspensoin__count__365d"], "edu_suspension__count__365d"),
        (["--concept", "absense from school"], "absence from school"),
        (["--match", "zzz*"], "and 102 others"),
    ],
)
def test_a_typo_is_told_with_the_nearest(capsys, asked, near):
    assert main(["features", "list", *asked]) == 2
    assert near in capsys.readouterr().err


def test_a_flat_table_has_its_own_list(capsys, tmp_path):
    study = tmp_path / "table.yaml"
    study.write_text(
        "name: table\npurpose: to see that a flat table is told apart\nseed: 1\ndata:\n  kind: table\n  path: t.csv\n"
        "  subject: id\n  chosen: harmed\n  outcomes:\n    harmed: {column: harmed, description: harm from violence, "
        "phrase: came to harm, yes: [Y], no: [N]}\n  features:\n    n: {column: n, description: times suspended from school, "
        "concept: exclusion from school, direction: 1}\nsplit: {design: cross_validation, reason: the table has no dates}\n",
        encoding="utf-8",
    )
    assert main(["features", "list", str(study)]) == 2
    assert "declares its features itself" in capsys.readouterr().err


SETTINGS = [one for one in SMALL if one != "--set"]
KILLED = """
import os, signal, sys
from pathlib import Path
from riskmodel.featurefolder import build_folder
from riskmodel.study import load_study

def stop(title, number, count):
    if title == "Building features" and number >= 2:
        os.kill(os.getpid(), signal.SIGKILL)

folder, store, *settings = sys.argv[1:]
build_folder(load_study(None, settings=settings), Path(folder), store=Path(store), progress=stop, events_a_shard=20_000)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store in which the stages before the features are made."""
    folder = tmp_path_factory.mktemp("runs") / ".store"
    study = load_study(None, settings=SETTINGS)
    run_stages(front_end(study), study, store=folder, progress=lambda *_: None)
    return folder


def test_build_writes_parts_and_what_made_them(capsys, tmp_path, store):
    out = tmp_path / "features"
    asked = ["features", "build", "--out", str(out), "--runs", str(store.parent), "--quiet", *SMALL]
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["columns"], found["engine"], found["seed"]) == (142, "local", 20261122)
    assert sorted(one.name for one in out.iterdir()) == ["features.json", "parts", "study.resolved.yaml"]
    study = load_study(out / "study.resolved.yaml")
    assert study == load_study(None, settings=SETTINGS)
    done = run_stages(front_end(study), study, store=store, progress=lambda *_: None).results
    subject, index, features = read_features(out / "parts", expected=found["spec_hash"])
    cohort = done["population"].cohort
    order = np.lexsort((cohort.index_day, cohort.subject_id))
    assert np.array_equal(subject, cohort.subject_id[order])
    assert np.array_equal(index, cohort.index_day[order])
    assert np.array_equal(features.values, done["features"].values[order], equal_nan=True)

    made = {one: one.stat().st_mtime_ns for one in out.rglob("*.*")}
    assert main(asked) == 0  # the same again: nothing is made again
    assert {one: one.stat().st_mtime_ns for one in out.rglob("*.*")} == made
    assert "142 features" in capsys.readouterr().out
    assert main([*asked, "--set", "features.leave_out=['*__1095d']"]) == 2
    assert "holds features of something else (columns, spec_hash differ)" in capsys.readouterr().err


def test_a_killed_build_goes_on_where_it_stopped(tmp_path, store):
    out, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-c", KILLED, str(out), str(store), *SETTINGS]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (out / "features.json").exists()
    kept = {one.name: one.stat().st_mtime_ns for one in (out / "parts").glob("features-*")}
    assert len(kept) >= 2
    (out / "parts" / ".features-00009.parquet.part-x").write_text("half")

    study = load_study(None, settings=SETTINGS)
    shown = []
    found = build_folder(
        study, out, store=store, progress=lambda title, *_: shown.append(title), events_a_shard=20_000
    )
    assert "Cutting the records into shards" not in shown
    assert len(found["parts"]) > len(kept)
    for name, when in kept.items():
        assert (out / "parts" / name).stat().st_mtime_ns == when
    assert {one.name for one in (out / "parts").iterdir()} == {one["name"] for one in found["parts"]}
    straight = build_folder(study, whole, store=store, events_a_shard=20_000)
    assert straight["parts"] == found["parts"]
    assert all(digest_path(whole / "parts" / one["name"]) == one["sha256"] for one in found["parts"])


def test_build_leaves_alone_what_is_not_its_own(tmp_path, store):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(StudyError, match=r"holds something else .1 files or folders.; name a new folder"):
        build_folder(load_study(None, settings=SETTINGS), tmp_path, store=store)
    assert [one.name for one in tmp_path.iterdir()] == ["letter.txt"]
