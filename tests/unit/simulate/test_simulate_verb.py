"""``riskmodel simulate``: which borough it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from riskmodel.cli import main
from riskmodel.files import digest_path
from riskmodel.simulate import SimulateSpec, simulate
from riskmodel.study import load_study

ROOT = Path(__file__).parents[3]


def run(capsys, *words):
    code = main(["simulate", *words, "--quiet", "--json"])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_scenario_gives_its_borough_and_its_seed(tmp_path, capsys):
    place = ROOT / "configs/studies/bias-strong.yaml"
    code, told, _ = run(capsys, "--scenario", str(place), "--size", "600", "--out", str(tmp_path / "a"))
    assert code == 0
    assert json.loads(told)["districts"] == 1
    study = load_study(place)
    simulate(SimulateSpec(size=600, bias=2), seed=study.seed, out=tmp_path / "b")
    assert digest_path(tmp_path / "a") == digest_path(tmp_path / "b")
    recording = json.loads((tmp_path / "a/truth/recording.json").read_text())
    assert recording["exposure_ratio"] == pytest.approx(3.9)


def test_shards_and_identities_are_written_when_asked_for(tmp_path, capsys):
    code, told, _ = run(
        capsys, "--seed", "1", "--size", "1000", "--shards", "2", "--identities", "--out", str(tmp_path / "b")
    )
    assert code == 0
    assert json.loads(told)["districts"] == 2
    for district in ("shard-000", "shard-001"):
        assert {path.name for path in (tmp_path / "b" / district).iterdir()} == {
            "extracts",
            "truth",
            "identities",
        }


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--size", "600"), "--seed is missing"),
        (("--size", "3", "--seed", "1"), "--size: "),
        (("--size", "600", "--seed", "1", "--shards", "2"), "--shards: "),
        (("--scenario", "no/such.yaml"), "there is no file 'no/such.yaml'"),
    ],
)
def test_a_wrong_command_is_refused_and_nothing_is_written(tmp_path, capsys, words, fault):
    code, _, trouble = run(capsys, *words, "--out", str(tmp_path / "b"))
    assert code == 2
    assert fault in trouble
    assert not (tmp_path / "b").exists()


def test_a_study_of_real_data_is_no_scenario(tmp_path, capsys):
    place = tmp_path / "real.yaml"
    text = (ROOT / "configs/studies/small.yaml").read_text(encoding="utf-8")
    kept = text.replace(
        "kind: simulated\n  size: 4000        # residents aged 5 to 17 at any time",
        "kind: extracts\n  path: x",
    )
    kept = kept.replace("  years: 10\n  last_day: 2025-08-31\n", "")
    place.write_text(kept, encoding="utf-8")
    code, _, trouble = run(capsys, "--scenario", str(place), "--out", str(tmp_path / "b"))
    assert code == 2
    assert "are not simulated" in trouble
