"""The log of rights: what it holds, and every kind of tampering that shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from riskmodel.rights.audit_log import AUDIT_LOG, FIRST, append_entry, read_audit_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    for people in (12, 3, 0, 27):
        append_entry(tmp_path, "forget", counts={"people": people}, folders=["events"], notes=["a run"])
    return tmp_path


def lines(folder: Path) -> list[str]:
    return (folder / AUDIT_LOG).read_text().splitlines()


def put(folder: Path, some: list[str]) -> None:
    (folder / AUDIT_LOG).write_text("\n".join([*some, ""]))


def test_counts_follow_the_disclosure_rule_and_each_entry_names_the_one_before(log: Path) -> None:
    trail = read_audit_log(log)
    assert [entry["counts"]["people"] for entry in trail.entries] == [10, None, 0, 25]
    assert [entry["before"] for entry in trail.entries] == [FIRST, *(e["sha256"] for e in trail.entries[:-1])]
    assert trail.whole
    assert trail.last == trail.entries[-1]["sha256"]
    assert set(trail.entries[0]) == {
        "time", "verb", "counts", "code", "folders", "notes", "before", "sha256",
    }  # fmt: skip


def test_an_empty_folder_has_an_empty_whole_log(tmp_path: Path) -> None:
    assert read_audit_log(tmp_path).to_json() == {"entries": [], "whole": True, "faults": [], "last": FIRST}


@pytest.mark.parametrize("number", range(4))
def test_an_edit_of_any_entry_shows(log: Path, number: int) -> None:
    some = lines(log)
    some[number] = some[number].replace('"forget"', '"object"')
    put(log, some)
    assert read_audit_log(log).faults == (f"line {number + 1} was changed",)


def test_an_edit_with_its_own_hash_made_anew_shows_in_the_next_entry(log: Path) -> None:
    from riskmodel.rights.audit_log import _sha256

    some = lines(log)
    entry = json.loads(some[1]) | {"verb": "object"}
    some[1] = json.dumps({**entry, "sha256": _sha256(entry)}, sort_keys=True)
    put(log, some)
    assert len(read_audit_log(log).faults) == 1
    assert "line 3 does not follow" in read_audit_log(log).faults[0]


@pytest.mark.parametrize("number", range(3))
def test_an_entry_taken_out_of_the_middle_or_the_beginning_shows(log: Path, number: int) -> None:
    some = lines(log)
    del some[number]
    put(log, some)
    assert not read_audit_log(log).whole


def test_entries_in_another_order_and_lines_that_are_no_entries_show(log: Path) -> None:
    one, two, *rest = lines(log)
    put(log, [two, one, *rest])
    assert len(read_audit_log(log).faults) >= 2
    put(log, [one, "{}", "[", two, *rest])
    assert read_audit_log(log).faults == ("line 2 is not an entry", "line 3 is not an entry")


def test_a_missing_end_does_not_show_unless_the_last_hash_was_noted(log: Path) -> None:
    noted = read_audit_log(log).last
    assert read_audit_log(log, noted=noted).whole
    put(log, lines(log)[:-1])
    assert read_audit_log(log).whole
    assert read_audit_log(log, noted=noted).faults == (
        "no entry has the hash that was noted: entries were removed, or the log was written anew",
    )
