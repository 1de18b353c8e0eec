"""What intake produced and an account of every row it was given."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.errors import RiskModelError
from riskmodel.files import read_json, to_json, whole_folder
from riskmodel.intake.left_out import BESIDE
from riskmodel.tables.records import Records


@dataclass(frozen=True)
class FileReport:
    """The account of one file: every row is accepted or set aside for one reason.

    Attributes
    ----------
    rows_in, rows_accepted, rows_quarantined : int
        Rows in the file (the header not counted), and what became of them.
    reasons : mapping of str to int
        Rows set aside, by reason. They add up to ``rows_quarantined``.
    events_out : int
        Events that came from this file first; an event that files repeat is counted once.
    """

    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    events_out: int = 0

    def __post_init__(self) -> None:
        if self.rows_in != self.rows_accepted + self.rows_quarantined:
            raise RiskModelError(
                "rows in are not the rows accepted and quarantined; please report this defect"
            )
        if sum(self.reasons.values()) != self.rows_quarantined:
            raise RiskModelError("quarantined rows without a reason; please report this defect")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``intake.json``."""
        return {
            "rows_in": self.rows_in,
            "rows_accepted": self.rows_accepted,
            "rows_quarantined": self.rows_quarantined,
            "reasons": dict(sorted(self.reasons.items())),
            "events_out": self.events_out,
        }


@dataclass(frozen=True)
class IntakeReport:
    """The account of a whole intake. Exact counts: for the secure environment.

    Attributes
    ----------
    files : mapping of str to FileReport
        By path below the folder; one XML file has an entry for each kind of element, as ``path#Element``.
    extract_date : str or None
        Last day that can be in the data.
    agencies : tuple of str
        Agencies that sent something.
    events, subjects : int
        Events in the log, and people with at least one.
    notes : tuple of str
        Sentences that a person should read.
    people_without_birth, people_with_several_births : int or None
        People with no birth month in any record, and with more than one; None where no layout tells.
    """

    files: Mapping[str, FileReport]
    extract_date: str | None
    agencies: tuple[str, ...]
    events: int
    subjects: int
    notes: tuple[str, ...] = ()
    people_without_birth: int | None = None
    people_with_several_births: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``intake.json``."""
        return {
            "extract_date": self.extract_date,
            "agencies": list(self.agencies),
            "events": self.events,
            "subjects": self.subjects,
            "rows_in": sum(file.rows_in for file in self.files.values()),
            "rows_accepted": sum(file.rows_accepted for file in self.files.values()),
            "rows_quarantined": sum(file.rows_quarantined for file in self.files.values()),
            "files": {name: file.to_json() for name, file in sorted(self.files.items())},
            "notes": list(self.notes),
            "people_without_birth": self.people_without_birth,
            "people_with_several_births": self.people_with_several_births,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave; totals are computed anew."""
        return cls(
            files={name: FileReport(**file) for name, file in value["files"].items()},
            extract_date=value["extract_date"],
            agencies=tuple(value["agencies"]),
            events=value["events"],
            subjects=value["subjects"],
            notes=tuple(value["notes"]),
            people_without_birth=value.get("people_without_birth"),
            people_with_several_births=value.get("people_with_several_births"),
        )

    def summary(self) -> str:
        """Return a short table for the terminal: one line for each folder of files."""
        lines = [f"{'files':<24}{'rows in':>12}{'accepted':>12}{'set aside':>12}{'events':>12}"]
        for name, files in _by_folder(self.files).items():
            sums = [
                sum(getattr(file, part) for file in files)
                for part in ("rows_in", "rows_accepted", "rows_quarantined", "events_out")
            ]
            lines.append(f"{name:<24}" + "".join(f"{count:>12,}" for count in sums))
        lines.append(f"{self.events:,} events of {self.subjects:,} people.")
        return "\n".join([*lines, *self.notes])


@dataclass(frozen=True)
class Intake:
    """What came in.

    Attributes
    ----------
    records : Records
        The event log, observation, residence and audited attributes.
    report : IntakeReport
        The account of every row.
    quarantine : mapping of str to pyarrow.Table
        By file: ``row``, ``reason`` and the columns as text, keys left out.
    stops : pyarrow.Table or None
        Published stop-and-search records, kept apart and never linked.
    """

    records: Records
    report: IntakeReport
    quarantine: Mapping[str, pa.Table] = field(default_factory=dict)
    stops: pa.Table | None = None

    def save(self, folder: Path, *, beside: Mapping[str, str] | None = None) -> None:
        """Write everything into a new folder, whole or not at all. For the secure environment only.

        Parameters
        ----------
        folder : Path
            An existing folder is replaced at the end; who is left out, and the audit log, stay.
        beside : mapping of str to str, optional
            Text of files that belong to the intake, by name, such as its checks and its page.
        """
        with whole_folder(folder) as part:
            self.write(part, beside=beside)
            for name in BESIDE:
                if (folder / name).exists():
                    shutil.copy2(folder / name, part / name)

    def write(self, folder: Path, *, beside: Mapping[str, str] | None = None) -> None:
        """Write everything into a folder that is still empty."""
        self.records.save(folder)
        if self.stops is not None:
            pq.write_table(self.stops, folder / "stops.parquet", compression="zstd", compression_level=1)
        self.write_account(folder, beside=beside)

    def write_account(self, folder: Path, *, beside: Mapping[str, str] | None = None) -> None:
        """Write what became of every row, without the records, into a folder that is still empty."""
        from pyarrow import csv as arrow_csv

        (folder / "intake.json").write_text(to_json(self.report.to_json()), encoding="utf-8")
        for name, text in (beside or {}).items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        for name, rows in sorted(self.quarantine.items()):
            target = folder / "quarantine" / f"{_plain_name(name)}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            arrow_csv.write_csv(rows, target)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        stops = folder / "stops.parquet"
        report = IntakeReport.from_json(read_json(folder / "intake.json"))
        return cls(
            records=Records.load(folder),
            report=report,
            quarantine=_load_quarantine(folder / "quarantine", report),
            stops=pq.read_table(stops) if stops.exists() else None,
        )


def _load_quarantine(folder: Path, report: IntakeReport) -> dict[str, pa.Table]:
    from pyarrow import csv as arrow_csv

    tables = {}
    for name, file in report.files.items():
        if file.rows_quarantined:
            path = folder / f"{_plain_name(name)}.csv"
            header = path.read_text(encoding="utf-8").splitlines()[0].replace('"', "").split(",")
            types = {column: pa.int32() if column == "row" else pa.string() for column in header}
            options = arrow_csv.ConvertOptions(
                column_types=types,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            )
            tables[name] = arrow_csv.read_csv(path, convert_options=options)
    return tables


def _plain_name(name: str) -> str:
    return name.replace("#", ".").removesuffix(".csv")


def _by_folder(files: Mapping[str, FileReport]) -> dict[str, list[FileReport]]:
    folders: dict[str, list[FileReport]] = {}
    for name, file in sorted(files.items()):
        folders.setdefault(name.split("/")[0], []).append(file)
    return folders
