"""``riskmodel simulate --report``: a page, the numbers beside it, and nothing left behind."""

import json

from running import command


def test_report_writes_a_page_and_its_numbers(tmp_path):
    page = tmp_path / "margins.md"
    done = command(
        "simulate", "--report", "--size", "1500", "--seeds", "1", "--seed", "3", "--out", str(page), "--json",
        module="riskmodel",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads(page.with_suffix(".json").read_text())
    assert (report["size"], report["seeds"], report["margins"]) == (1500, [3], len(report["rows"]))
    assert report["margins"] >= 60
    text = page.read_text()
    assert all(f"| {row['name']}" in text for row in report["rows"])
    assert all(f"- **{name}**" in text for name in report["misses"])
    assert {path.name for path in tmp_path.iterdir()} == {"margins.md", "margins.json"}


def test_a_folder_must_be_named_and_there_must_be_a_borough():
    done = command("simulate", "--size", "600", "--seed", "1", module="riskmodel")
    assert done.returncode == 2
    assert "--out is missing" in done.stderr
    done = command("simulate", "--report", "--seeds", "0", module="riskmodel")
    assert done.returncode == 2
    assert "--seeds: at least 1" in done.stderr
