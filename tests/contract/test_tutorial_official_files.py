"""The tutorial on official files prints what the commands print."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from raw_kit import SECRET

from riskmodel.cli import main

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT.parent / "shared" / "data" / "extracts_fake"
PAGE = (ROOT / "docs" / "tutorial-official-files.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs ../shared/data/extracts_fake")


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("practice")
    shutil.copytree(SAMPLES, folder / "raw")
    (folder / "raw").chmod(0o755)
    (folder / "raw/manifest.json").write_text(json.dumps({"extract_date": "2025-08-31"}))
    (folder / "secret").write_bytes(SECRET)
    (folder / "secret").chmod(0o600)
    return folder


def test_the_refusal_of_raw_files(practice: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["intake", str(practice / "raw"), "--out", str(practice / "never"), "--quiet"]) == 3
    assert capsys.readouterr().err.strip() in PAGE


def test_both_steps(practice: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extracts = str(practice / "extracts")
    command = [
        "pseudonymise",
        str(practice / "raw"),
        "--secret-file",
        str(practice / "secret"),
        "--out",
        extracts,
    ]
    assert main([*command, "--ssda903-year", "2018", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() in PAGE
    assert main(["intake", extracts, "--out", str(practice / "events"), "--quiet"]) == 0
    printed = capsys.readouterr().out.partition("\nChecks:")[0]
    assert printed.strip() in PAGE
