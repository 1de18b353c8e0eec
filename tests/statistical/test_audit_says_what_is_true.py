"""The audit of the audit, run again with other seeds: the long part of ``make test-slow`` (three quarters of an hour on two cores)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "experiments" / "audit_truth"
MOST_FALSE = 0.05


def run(script, out, *arguments):
    command = [sys.executable, str(HERE / script), "--out", str(out), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_two_thousand_audits_of_people_drawn_directly(tmp_path):
    run("audit_truth.py", tmp_path, "--seed", "2")
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    scenarios = found["scenarios"]
    assert sum(one["replicates"] for one in scenarios) >= 2000
    for false, possible in (("with_alarm", "truth_within"), ("with_reassurance", "could_reassure")):
        assert sum(one[false] for one in scenarios) <= MOST_FALSE * sum(one[possible] for one in scenarios)
    assert sum(one["thirty_confident"] or 0 for one in scenarios) == 0
    assert found["shuffles"]["n"] == 200
    assert found["shuffles"]["with_exceeds"] <= 16


@pytest.mark.slow
def test_thirty_whole_boroughs(tmp_path):
    kept = ["--kept", str(tmp_path / "kept"), "--alike", "30", "--trees", "0", "--unlike", "0"]
    run("boroughs.py", tmp_path, *kept)
    arm = json.loads((tmp_path / "boroughs.json").read_text(encoding="utf-8"))["arms"]["alike"]
    assert len(arm["audits"]) >= 30
    assert arm["pool_rows"] >= 1_000_000
    for false in ("alarms", "reassured"):  # thirty say little: two more by chance
        wrong = sum(one["against"]["recorded|cut"][false] > 0 for one in arm["audits"])
        assert wrong <= MOST_FALSE * len(arm["audits"]) + 2
