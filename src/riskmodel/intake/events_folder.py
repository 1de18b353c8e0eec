"""Reads a folder of events in our own shape, or a plain MEDS dataset (medical-event-data-standard)."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.errors import DataError
from riskmodel.files import read_json
from riskmodel.intake.database import Database, account
from riskmodel.intake.declared import AGENCY, declared_observation, own_households
from riskmodel.intake.left_out import Tombstones, read_objections
from riskmodel.intake.refusal import refuse_identifiers_in_parquet
from riskmodel.intake.report import FileReport, Intake, IntakeReport
from riskmodel.intake.spec import EventsSpec
from riskmodel.intake.sql import named
from riskmodel.tables.records import Attributes, EventLog, Observation, Records, Residence

NO_KNOWN_TIME = (
    "The data do not say when each event could first have been known: it is taken to be known when it happened. "
    "Results may look better than they would be in use."
)
_REQUIRED = ("subject_id", "time", "code")
# Columns that may be absent, and what then stands for them.
_OPTIONAL = {
    "numeric_value": "NULL::FLOAT",
    "known_time": "time",
    "superseded_time": "NULL::TIMESTAMP",
    "known_basis": "'extract'",
    "agency": AGENCY,
}
_TYPES = {
    "subject_id": pa.int64(),
    "time": pa.timestamp("us"),
    "code": pa.string(),
    "numeric_value": pa.float32(),
    "known_time": pa.timestamp("us"),
    "superseded_time": pa.timestamp("us"),
    "known_basis": pa.string(),
    "agency": pa.string(),
}
_Part = TypeVar("_Part", Observation, Residence, Attributes)


@dataclass(frozen=True)
class _Gathered:
    """What became of the files of events."""

    files: dict[str, FileReport]
    quarantine: dict[str, pa.Table]
    notes: tuple[str, ...]


def read_events(spec: EventsSpec, *, threads: int | None = None) -> Intake:
    """Read a folder of events.

    A plain MEDS dataset has ``subject_id``, ``time``, ``code`` and ``numeric_value``. The columns it lacks are
    filled, and the notes say so: ``known_time`` = ``time`` with basis ``extract``; ``agency`` = the code up to
    ``//``. A static fact (no ``time``) is known from the subject's first event on.

    Parameters
    ----------
    spec : EventsSpec
        Where the folder is, and what is declared about observation.
    threads : int, optional
        At most so many.

    Returns
    -------
    Intake
        Rows in = rows accepted + rows quarantined, for every file of events.

    Raises
    ------
    DataError
        If there is no file of events, or one is damaged or lacks a column.
    PolicyError
        If a file looks as if it held direct identifiers.
    """
    folder, erased = spec.path, Tombstones.read(spec.path)
    refuse_identifiers_in_parquet(_all_files(folder), declared=spec.declared_use)
    with closing(Database(extract_day=date.max, threads=threads)) as database:
        gathered = _gather(database, folder, erased)
        records, notes = _records(database, folder, spec, erased)
        files = _with_events(database, gathered.files)
    notes = tuple(dict.fromkeys((*_told(folder), *gathered.notes, *notes)))
    subjects = records.events.table.column("subject_id").unique()
    agencies = records.events.table.column("agency").unique().to_pylist()
    report = IntakeReport(
        files=files,
        extract_date=_extract_date(folder),
        agencies=tuple(sorted(agencies)),
        events=len(records.events),
        subjects=len(subjects),
        notes=notes,
    )
    records = replace(records, notes=notes, objections=read_objections(folder))
    return Intake(records, report, gathered.quarantine)


def _gather(database: Database, folder: Path, erased: Tombstones) -> _Gathered:
    """Judge every file of events into table ``log``; rows of people who were erased are not even counted."""
    database.run("""
        CREATE TABLE log (file INTEGER, subject_id BIGINT, time TIMESTAMP, known_time TIMESTAMP,
                          superseded_time TIMESTAMP, known_basis VARCHAR, code VARCHAR, numeric_value FLOAT,
                          agency VARCHAR)""")
    files, quarantine, assumed = {}, {}, False
    for number, path in enumerate(event_files(folder)):
        name = path.relative_to(folder).as_posix()
        rows = _without(erased, _read_parquet(path, name))
        assumed = assumed or "known_time" not in rows.column_names
        files[name], set_aside = _judge(database, rows, number)
        if set_aside.num_rows:
            quarantine[name] = set_aside
    return _Gathered(files, quarantine, (NO_KNOWN_TIME,) if assumed else ())


def event_files(folder: Path) -> list[Path]:
    """Return ``events.parquet``, or the files of a MEDS dataset.

    Raises
    ------
    DataError
        If there is neither.
    """
    files = _in_log(folder, EventLog.file_name) or sorted((folder / "data").rglob("*.parquet"))
    if files:
        return files
    raise DataError(
        expected="events.parquet, or the data folder of a MEDS dataset",
        found="neither",
        where="data.path",
        next_step="Check the path in the study.",
    )


def _in_log(folder: Path, name: str) -> list[Path]:
    """Return the files of a name in an event log, or in each of its shards."""
    return [path for path in (folder / name, *sorted(folder.glob(f"shard-*/{name}"))) if path.exists()]


def _told(folder: Path) -> list[str]:
    """Return the notes that intake wrote beside the events, which documents must repeat."""
    lines = (path.read_text(encoding="utf-8").splitlines() for path in _in_log(folder, "notes.txt"))
    return [line for some in lines for line in some]


def _extract_date(folder: Path) -> str | None:
    """Return the last day that can be in the data, where intake wrote it down; of several shards the earliest."""
    try:
        days = [read_json(path)["extract_date"] for path in _in_log(folder, "intake.json")]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            expected="the account that intake wrote, with its extract date",
            found="something else",
            where="intake.json",
            next_step="Take the extracts in again.",
        ) from error
    return min((day for day in days if day is not None), default=None)


def _all_files(folder: Path) -> list[Path]:
    beside = [_in_log(folder, kind.file_name) for kind in (Observation, Residence, Attributes)]
    return [*event_files(folder), *(path for paths in beside for path in paths)]


def _read_parquet(path: Path, name: str) -> pa.Table:
    """Read the columns we know, as the types we know."""
    try:
        present = pq.read_schema(path).names
        _check_columns(present, name)
        table = pq.read_table(
            path, columns=[column for column in _TYPES if column in present], partitioning=None
        )
        return pa.table(
            {column: _as_type(table.column(column), _TYPES[column]) for column in table.column_names}
        )
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            expected="a whole Parquet file with columns of the documented types",
            found="a file that is empty, cut off or damaged, or a column of another type",
            where=name,
            next_step="Write it again; the types are those of the MEDS standard.",
        ) from error


def _check_columns(present: Sequence[str], name: str) -> None:
    missing = [column for column in _REQUIRED if column not in present]
    if missing:
        raise DataError(
            expected=f"columns {', '.join(_REQUIRED)}",
            found=f"no column {', '.join(missing)}",
            where=name,
            next_step="Rename the columns, or use data.kind: csv with a mapping.",
        )


def _as_type(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False).cast(kind)
    return column.cast(kind)


def _without(erased: Tombstones, rows: pa.Table) -> pa.Table:
    return rows.filter(pa.array(~erased.subjects(rows.column("subject_id"))))


def _judge(database: Database, rows: pa.Table, number: int) -> tuple[FileReport, pa.Table]:
    # `known` keeps its null for a static fact: it is filled from the subject's other events below.
    database.lend("raw", rows.append_column("row", pa.array(range(1, rows.num_rows + 1), pa.int64())))
    filled = ", ".join(
        f"{named(name)}" if name in rows.column_names else f"{default} AS {named(name)}"
        for name, default in _OPTIONAL.items()
    )
    database.run(f"""
        CREATE OR REPLACE TEMP TABLE judged AS
        WITH filled AS (SELECT row, subject_id, time, code, {filled} FROM raw),
        known AS (
            SELECT * REPLACE (
                CASE WHEN time IS NULL THEN coalesce(known_time, min(known_time) OVER (PARTITION BY subject_id))
                     ELSE known_time END AS known_time)
            FROM filled
        )
        SELECT *, CASE
            WHEN subject_id IS NULL THEN 'no subject_id'
            WHEN nullif(trim(code), '') IS NULL THEN 'no code'
            WHEN nullif(trim(agency), '') IS NULL THEN 'no agency'
            WHEN known_time IS NULL AND time IS NULL THEN 'no time is known for anything about this subject'
            WHEN known_time IS NULL THEN 'no known_time'
            WHEN known_time < time THEN 'known before it happened'
            WHEN superseded_time < known_time THEN 'superseded before it was known'
            WHEN known_basis IS NULL OR known_basis NOT IN ('recorded', 'declared_delay', 'extract')
                THEN 'known_basis is none of recorded, declared_delay, extract'
        END AS reason
        FROM known""")
    inserted = database.rows(f"""
        INSERT INTO log
        SELECT {number}, subject_id, time, known_time, superseded_time, known_basis, code, numeric_value, agency
        FROM judged WHERE reason IS NULL""")
    set_aside = database.table("""
        SELECT row::INTEGER AS row, reason, subject_id::VARCHAR AS subject_id, code, time::VARCHAR AS time,
               numeric_value::VARCHAR AS numeric_value
        FROM judged WHERE reason IS NOT NULL ORDER BY row""")
    return account(rows.num_rows, accepted=inserted[0][0], quarantine=set_aside), set_aside


def _records(
    database: Database, folder: Path, spec: EventsSpec, erased: Tombstones
) -> tuple[Records, tuple[str, ...]]:
    """Return the four tables; what the folder lacks is declared or assumed, and said."""
    notes = []
    observation = _beside(folder, Observation, erased)
    if observation is None:
        observation, note = declared_observation(database, spec.observation)
        notes.append(note)
    residence = _beside(folder, Residence, erased)
    if residence is None:
        residence, note = own_households(database)
        notes.append(note)
    attributes = _beside(folder, Attributes, erased) or Attributes.build(Attributes.schema.empty_table())
    return Records(_log(database), observation, residence, attributes), tuple(notes)


def _log(database: Database) -> EventLog:
    return EventLog.build(database.table(f"SELECT {', '.join(EventLog.schema.names)} FROM log"))


def _beside(folder: Path, kind: type[_Part], erased: Tombstones) -> _Part | None:
    paths = _in_log(folder, kind.file_name)
    if not paths:
        return None
    try:
        tables = [pq.read_table(path, partitioning=None) for path in paths]
        return kind.build(_without(erased, pa.concat_tables(tables)))
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            expected="a whole Parquet file",
            found="a file that is empty, cut off or damaged",
            where=kind.file_name,
            next_step="Write it again.",
        ) from error


def _with_events(database: Database, files: dict[str, FileReport]) -> dict[str, FileReport]:
    counts = dict(database.rows("SELECT file, count(*) FROM log GROUP BY file"))
    return {name: replace(file, events_out=counts.get(i, 0)) for i, (name, file) in enumerate(files.items())}
