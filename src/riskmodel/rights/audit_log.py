"""A log of what was done to a folder: each entry holds the hash of the one before, so that tampering shows.

An entry holds time, verb, counts that the disclosure rule lets out, code version and the names of folders. It never
holds a person or a key. What the chain cannot show: that entries are missing at its end, or that somebody wrote it
anew from some entry on. For that the last hash must have been noted elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.files import digest_bytes, whole_file
from riskmodel.intake.left_out import AUDIT_LOG
from riskmodel.provenance import code_version

FIRST = "0" * 64
"""What the first entry holds in place of a hash before it."""
_PARTS = frozenset({"time", "verb", "counts", "code", "folders", "notes", "before", "sha256"})


@dataclass(frozen=True)
class AuditTrail:
    """What a log holds, and every place where it is not whole.

    Attributes
    ----------
    entries : tuple of mapping
        In the order in which they were written; lines that cannot be read are left out.
    faults : tuple of str
        Empty where the chain is whole.
    """

    entries: tuple[Mapping[str, Any], ...]
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    @property
    def last(self) -> str:
        """Hash of the last entry: note it elsewhere."""
        return str(self.entries[-1]["sha256"]) if self.entries else FIRST

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "entries": [dict(entry) for entry in self.entries],
            "whole": self.whole,
            "faults": list(self.faults),
            "last": self.last,
        }


def append_entry(
    folder: Path,
    verb: str,
    *,
    counts: Mapping[str, int],
    folders: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> None:
    """Add an entry to a folder's log.

    Parameters
    ----------
    folder : Path
        Holds ``audit.jsonl``.
    verb : str
        What was done.
    counts : mapping of str to int
        Exact; what is written follows the disclosure rule (null: from 1 to 9).
    folders : sequence of str
        Names of all folders that it was done to, without their place.
    notes : sequence of str
        Sentences and names of runs; never a person, never a key.
    """
    door, path = Disclosure(), folder / AUDIT_LOG
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "verb": verb,
        "counts": {name: door.count(count) for name, count in counts.items()},
        "code": {name: code_version()[name] for name in ("riskmodel", "source_sha256")},
        "folders": sorted(folders),
        "notes": list(notes),
        "before": read_audit_log(folder).last,
    }
    line = json.dumps({**entry, "sha256": _sha256(entry)}, sort_keys=True) + "\n"
    already = path.read_bytes() if path.exists() else b""
    with whole_file(path) as part:
        part.write_bytes(already + line.encode())


def read_audit_log(folder: Path, *, noted: str | None = None) -> AuditTrail:
    """Read a folder's log and check its chain.

    Parameters
    ----------
    folder : Path
    noted : str, optional
        A hash that was noted elsewhere: some entry must still have it.
    """
    path = folder / AUDIT_LOG
    lines = path.read_bytes().splitlines() if path.exists() else []
    entries: list[Mapping[str, Any]] = []
    faults: list[str] = []
    before = FIRST
    for number, line in enumerate(lines, start=1):
        entry = _entry(line)
        if entry is None:
            faults.append(f"line {number} is not an entry")
            continue
        if entry["before"] != before:
            faults.append(
                f"line {number} does not follow the line before: something was removed, added or moved"
            )
        if entry["sha256"] != _sha256(entry):
            faults.append(f"line {number} was changed")
        entries.append(entry)
        before = str(entry["sha256"])
    if noted is not None and noted not in {FIRST, *(entry["sha256"] for entry in entries)}:
        faults.append(
            "no entry has the hash that was noted: entries were removed, or the log was written anew"
        )
    return AuditTrail(tuple(entries), tuple(faults))


def _entry(line: bytes) -> Mapping[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and set(entry) == _PARTS else None


def _sha256(entry: Mapping[str, Any]) -> str:
    content = {name: value for name, value in entry.items() if name != "sha256"}
    return digest_bytes(json.dumps(content, sort_keys=True).encode())
