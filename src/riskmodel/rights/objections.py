"""Records that somebody objected (UK GDPR Article 21): they are then left out of every cohort, whatever its dates."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.errors import DataError
from riskmodel.files import whole_file, write_text
from riskmodel.intake.left_out import OBJECTIONS, SPINE_FILE, objections_in
from riskmodel.rights.audit_log import append_entry
from riskmodel.rights.people import (
    data_folders,
    find_people,
    in_store,
    read_request,
    spine_subjects,
    subjects_in,
)
from riskmodel.tables.records import Objections


@dataclass(frozen=True)
class ObjectionReport:
    """What was recorded; exact counts, for the secure environment.

    Attributes
    ----------
    people : int
        Known people whom the list names.
    changed : int
        Of these, those whose record changed in some folder: nobody, when the same was recorded before.
    unknown : int
        Pseudonyms that no folder knows.
    folders : tuple of str
        Names of the data folders that now say so.
    withdrawn : bool
    """

    people: int
    changed: int
    unknown: int
    folders: tuple[str, ...]
    withdrawn: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "people": self.people,
            "changed": self.changed,
            "unknown": self.unknown,
            "folders": list(self.folders),
            "withdrawn": self.withdrawn,
        }

    def words(self) -> str:
        """Return the same for a person."""
        done = "objections taken back" if self.withdrawn else "objections recorded"
        told = f"{self.people} known people in the list; {self.changed} {done} in {', '.join(self.folders)}."
        if self.unknown:
            told += f" {self.unknown} pseudonyms of the list are known in none of the folders."
        return told


def record_objections(
    keys: Path, folders: Sequence[Path], *, on: date, withdraw: bool = False
) -> ObjectionReport:
    """Record, or take back, the objections of the people in a list.

    Parameters
    ----------
    keys : Path
        A CSV file with ``subject_id``, or with ``agency,key``.
    folders : sequence of Path
        Folders of extracts or of events; every one of them, and every shard, that knows a person will say so.
    on : date
        When they objected. A second objection changes nothing: the first day stays.
    withdraw : bool
        Whether to take the objection back.

    Raises
    ------
    DataError
        If a folder holds no data, or nobody in the list is known.
    """
    roots = data_folders(folders)
    if not roots:
        raise DataError(
            expected="a folder of extracts (with spine.csv) or of events (with events.parquet)",
            found="neither",
            where="--in",
            next_step="Name the folder that a study reads.",
        )
    request = read_request(keys)
    people = find_people(request, folders)
    refuse_nobody(people.unknown, of=len(request))
    changed = {root: _record(root, people.subjects, on=on, withdraw=withdraw) for root in roots}
    report = ObjectionReport(
        people=len(people.subjects),
        changed=len(frozenset[int]().union(*changed.values())),
        unknown=people.unknown,
        folders=tuple(dict.fromkeys(root.name for root in roots)),
        withdrawn=withdraw,
    )
    for folder in folders:
        if any(changed[root] for root in data_folders([folder])):
            counts = {"people": report.changed, "unknown": report.unknown}
            append_entry(
                folder, "withdraw objection" if withdraw else "object", counts=counts, folders=report.folders
            )
    return report


def refuse_nobody(unknown: int, *, of: int) -> None:
    """Refuse a list of which nobody is known.

    Raises
    ------
    DataError
        If every pseudonym is unknown.
    """
    if unknown == of:
        raise DataError(
            expected="at least one pseudonym that a folder knows",
            found=f"none of {of}",
            where="--keys",
            next_step="Check that the list and the folders have the same pseudonyms (the same release).",
        )


def _record(root: Path, subjects: frozenset[int], *, on: date, withdraw: bool) -> frozenset[int]:
    """Write one folder's objections, if they change, and return whose record changed."""
    path = root / OBJECTIONS
    said = {int(text): day for text, day in objections_in(path)}
    if withdraw:
        changed = frozenset(said.keys() & subjects) | _withdraw_taken_in(root, subjects)
        wanted = {subject: day for subject, day in said.items() if subject not in subjects}
    else:
        changed = frozenset(_known(root, subjects) - said.keys())
        wanted = {**said, **dict.fromkeys(sorted(changed), on)}
    if wanted != said:
        write_text(path, _as_csv(wanted))
    return changed


def _known(root: Path, subjects: frozenset[int]) -> set[int]:
    """Return who of some people one folder knows."""
    if (root / SPINE_FILE).exists():
        return spine_subjects(root) & subjects
    tables = (path for path in sorted(root.rglob("*.parquet")) if not in_store(path, root))
    return {subject for path in tables for subject in subjects_in(path, subjects)}


def _withdraw_taken_in(root: Path, subjects: frozenset[int]) -> frozenset[int]:
    """Take objections out of the table that an intake carried over from the extracts."""
    path = root / Objections.file_name
    if not path.exists():
        return frozenset()
    table = pq.read_table(path, partitioning=None)
    gone = pc.is_in(table.column("subject_id"), value_set=pa.array(sorted(subjects), pa.int64()))
    if pc.any(gone).as_py():
        with whole_file(path) as part:
            pq.write_table(table.filter(pc.invert(gone)), part, compression="zstd", compression_level=1)
    return frozenset(table.filter(gone).column("subject_id").to_pylist())


def _as_csv(said: Mapping[int, date]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("subject_id", "objected_on"))
    rows.writerows((subject, day.isoformat()) for subject, day in sorted(said.items()))
    return text.getvalue()
