"""No name, key, full birth date, postcode, number or secret is in anything that leaves the linking party or is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from raw_kit import MARKS, SECRET, write_raw

from riskmodel.cli import main


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RISKMODEL_SECRET", SECRET.decode())
    return write_raw(tmp_path)


def command(at: Path, *more: str) -> list[str]:
    return ["pseudonymise", str(at / "raw"), "--out", str(at / "out"), "--ssda903-year", "2020", *more]


def everything(at: Path) -> list[str]:
    return [
        *("--identities", str(at / "identities"), "--postcodes", str(at / "postcodes.csv")),
        *("--spine", str(at / "spine.csv"), "--secret-file", str(at / "secret")),
    ]


def marks_in(text: str) -> list[str]:
    return [mark for mark in MARKS if mark.lower() in text.lower()]


def test_every_mark_is_in_what_came_in(at: Path) -> None:
    """Otherwise the tests below could not fail."""
    came = "".join(path.read_text(encoding="latin-1") for path in at.rglob("*") if path.is_file())
    assert marks_in(came) == list(MARKS)


@pytest.mark.parametrize("more", [(), ("--json",), ("--quiet",)])
@pytest.mark.parametrize("helped", ["by everything", "by nothing"])
def test_no_mark_leaves_or_is_said(
    at: Path, more: tuple[str, ...], helped: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(at, *(everything(at) if helped == "by everything" else []), *more)) == 0
    printed = capsys.readouterr()
    assert marks_in(printed.out + printed.err) == []
    if "--json" in more:
        assert json.loads(printed.out)["rows_in"] > json.loads(printed.out)["rows_out"] > 10
    written = [
        path for folder in ("out", "out-set-aside") for path in (at / folder).rglob("*") if path.is_file()
    ]
    assert len(written) > 20
    for path in written:
        name = path.relative_to(at).as_posix()
        assert marks_in(path.read_text(encoding="utf-8") + name) == [], name


@pytest.mark.parametrize(
    ("name", "before", "after", "code"),
    [
        ("raw/school_census/2020_spring_pupilonroll.csv", b"pupilonrolltableid", b"Zarquon", 5),
        ("raw/school_census/2020_spring_pupilonroll.csv", b"Zarquon,Trillian", b'"Zarquon,Trillian', 5),
        ("raw/school_census/2020_spring_pupilonroll.csv", b"Vogon\n", b"Vogon\x81\n", 5),
        ("raw/cin_census/BAR_cin_2020.xml", b"</Surname>", b"", 5),
        ("raw/health/emergency.xlsx", b"PK", b"Zarquon", 5),
        ("raw/manifest.json", b'"2021-08-31"', b'"Zarquon"', 5),
        ("identities/POLICE.csv", b"birth_date", b"Zarquon", 5),
        ("spine.csv", b"EDU,B801200005001", b"Zarquon,B801200005001", 5),
        ("secret", SECRET[:40], b"", 3),
    ],
)
def test_no_mark_is_in_a_refusal(
    at: Path, name: str, before: bytes, after: bytes, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (at / name).read_bytes()
    assert before in content
    (at / name).write_bytes(content.replace(before, after, 1))
    assert main(command(at, *everything(at))) == code
    printed = capsys.readouterr()
    assert marks_in(printed.out + printed.err) == []
    assert "riskmodel: " in printed.err
    assert not (at / "out").exists()


def test_a_secret_on_the_command_line_is_taken_for_a_file_and_not_repeated(
    at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(at, "--secret-file", SECRET.decode())) == 2
    printed = capsys.readouterr()
    assert "--secret-file: No such file" in printed.err
    assert marks_in(printed.out + printed.err) == []
