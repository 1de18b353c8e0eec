"""Whatever happened to a raw file: it ends in a sentence, or every row is accounted for and no mark leaves."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from raw_kit import MARKS, SECRET, write_raw

from riskmodel.errors import RiskModelError
from riskmodel.linking.pseudonyms import Party, PseudonymReport, pseudonymise
from riskmodel.linking.secret import Secret

# A spoilt birth date no longer tells that another date is the day of birth.
SURVIVORS = [mark for mark in MARKS if not mark.startswith(("19", "20"))]


def spoil(content: bytes, draw: random.Random) -> bytes:
    """Flip a bit, cut, drop, repeat or move a piece."""
    place, length = draw.randrange(len(content)), draw.randrange(1, 40)
    piece = content[place : place + length]
    elsewhere = draw.randrange(len(content))
    return draw.choice(
        [
            content[:place] + bytes([content[place] ^ (1 << draw.randrange(8))]) + content[place + 1 :],
            content[:place],
            content[:place] + content[place + length :],
            content[:place] + piece + content[place:],
            content[:elsewhere] + piece + content[elsewhere:],
            content[:place] + draw.randbytes(length) + content[place + length :],
        ]
    )


def survive(at: Path, work: Path, seed: int) -> bool:
    """Spoil one file and pseudonymise; return whether it was refused."""
    draw = random.Random(seed)
    shutil.copytree(at, work)
    files = sorted(path for path in work.rglob("*") if path.is_file() and path.name != "secret")
    path = draw.choice(files)
    path.write_bytes(spoil(path.read_bytes(), draw))
    party = Party(
        spine=work / "spine.csv",
        postcodes=work / "postcodes.csv",
        identities=work / "identities",
        ssda903_year=2020,
    )
    try:
        report = pseudonymise(work / "raw", out=work / "out", secret=Secret(SECRET), party=party)
    except RiskModelError as error:
        refused, code = str(error), error.exit_code
    else:
        check_what_left(report, work / "out", seed)
        return False
    assert code in (2, 3, 5), f"seed {seed}: {refused}"
    assert not [mark for mark in SURVIVORS if mark in refused], f"seed {seed}: {refused}"
    assert not (work / "out").exists()
    return True


def check_what_left(report: PseudonymReport, out: Path, seed: int) -> None:
    for name, account in report.files.items():
        assert account.rows_in == account.rows_out + len(account.set_aside), f"seed {seed}: {name}"
    for written in (path for path in out.rglob("*") if path.is_file()):
        text = written.read_text(encoding="utf-8", errors="replace")
        assert not [mark for mark in SURVIVORS if mark in text], f"seed {seed}: {written.name}"


def survive_all(tmp_path: Path, seeds: range) -> None:
    at = write_raw(tmp_path / "at")
    refused = 0
    for seed in seeds:
        refused += survive(at, tmp_path / f"work{seed}", seed)
        shutil.rmtree(tmp_path / f"work{seed}")
    assert 0 < refused < len(seeds)


def test_a_spoilt_file_is_refused_or_accounted_for(tmp_path: Path) -> None:
    survive_all(tmp_path, range(60))


@pytest.mark.slow
def test_two_thousand_spoilt_files_are_refused_or_accounted_for(tmp_path: Path) -> None:
    survive_all(tmp_path, range(1000, 3000))
