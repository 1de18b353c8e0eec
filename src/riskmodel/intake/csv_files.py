"""Reads any CSV files through a mapping of their columns that a study writes down."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.errors import StudyError
from riskmodel.intake import people
from riskmodel.intake.database import Database, Delivered
from riskmodel.intake.declared import declared_observation, own_households
from riskmodel.intake.layout import Derived, Field, Kind, Layout, Rule
from riskmodel.intake.left_out import Tombstones, read_objections, subject_text, without_rows
from riskmodel.intake.reading import ROW, TextRows, column_hint, columns_of, read_rows
from riskmodel.intake.refusal import refuse_identifiers_in_csv
from riskmodel.intake.report import FileReport, Intake, IntakeReport
from riskmodel.intake.spec import CodeColumn, CsvAttributes, CsvFile, CsvSpec
from riskmodel.intake.sql import said
from riskmodel.tables.records import Attributes, EventLog, Records

_ANY_NUMBER = 1e30  # float32 holds it


def read_csv_files(spec: CsvSpec, *, threads: int | None = None) -> Intake:
    """Read CSV files into events by a mapping; times are whole days.

    Parameters
    ----------
    spec : CsvSpec
        Files, and which column says what.
    threads : int, optional
        At most so many.

    Returns
    -------
    Intake
        Rows in = rows accepted + rows quarantined, for every file.

    Raises
    ------
    StudyError
        If the mapping does not fit the files: every fault at once.
    DataError
        If a file as a whole cannot be used.
    PolicyError
        If a file looks as if it held direct identifiers.
    """
    mapped: list[CsvFile | CsvAttributes] = [*spec.files, *spec.attributes]
    faults = [fault for file in mapped for fault in _mapping_faults(spec.path, file)]
    if faults:
        raise StudyError(faults, where="data.files")
    for file in mapped:
        refuse_identifiers_in_csv(spec.path / file.path, declared=spec.declared_use, encoding=file.encoding)
    with closing(Database(extract_day=date.max, threads=threads)) as database:
        return _Reading(spec, database).take_in()


def _mapping_faults(folder: Path, file: CsvFile | CsvAttributes) -> Iterator[str]:
    where = file.path.as_posix()
    try:
        codecs.lookup(file.encoding)
    except LookupError:
        yield f"{where}: no encoding is called {file.encoding}"
        return
    if not (folder / file.path).is_file():
        yield f"{where}: no such file"
        return
    header = columns_of(folder / file.path, where=where, encoding=file.encoding, columns=_columns(file))
    for column in _columns(file):
        if column not in header:
            yield f"{where}: no column {column}. {column_hint(column, header)}"
    if isinstance(file, CsvFile) and not _is_day_format(file.date_format):
        yield f"{where}: date_format {file.date_format} does not hold a day, a month and a year"


def _is_day_format(form: str) -> bool:
    return any(day in form for day in ("%d", "%-d", "%j")) and any(year in form for year in ("%Y", "%y"))


def _columns(file: CsvFile | CsvAttributes) -> list[str]:
    """Return every column that a mapping names, once."""
    if isinstance(file, CsvAttributes):
        names = [file.subject, *file.columns.values()]
    else:
        code = file.code.column if isinstance(file.code, CodeColumn) else None
        names = [
            name for name in (file.subject, file.time, file.known_time, code, file.value) if name is not None
        ]
    return list(dict.fromkeys(names))


class _Reading:
    """One reading under way."""

    def __init__(self, spec: CsvSpec, database: Database) -> None:
        self._spec = spec
        self._database = database
        self._erased = Tombstones.read(spec.path)
        self._reports: dict[str, FileReport] = {}
        self._quarantine: dict[str, pa.Table] = {}
        self._notes: list[str] = []

    def take_in(self) -> Intake:
        """Read the files of events, then those of attributes."""
        database = self._database
        for number, file in enumerate(self._spec.files):
            layout = event_layout(file, number)
            self._check(layout, file, number)
            database.add_events(event_rule(file, layout))
        events = people.event_log(database)
        database.lend("log", events.table)
        observation, observed_note = declared_observation(database, self._spec.observation)
        residence, home_note = own_households(database)
        attributes = Attributes.build(self._attributes())
        notes = (*self._notes, observed_note, home_note)
        objections = read_objections(self._spec.path, number=subject_of)
        return self._intake(Records(events, observation, residence, attributes, notes, objections))

    def _check(self, layout: Layout, file: CsvFile | CsvAttributes, number: int) -> None:
        name = _report_name(file, self._reports)
        content = self._without_erased(_read(self._spec.path, file), _names(file)[file.subject])
        self._database.create(layout)
        checked = self._database.check(layout, [Delivered(name, number, content, {})])[name]
        self._reports[name] = checked.report
        self._notes += [f"{name}: {note}." for note in content.notes]
        if checked.quarantine is not None:
            self._quarantine[name] = checked.quarantine

    def _without_erased(self, content: TextRows, subject: str) -> TextRows:
        if not self._erased:
            return content
        texts = pc.utf8_trim_whitespace(content.table.column(subject)).to_pylist()
        gone = {text for text in set(texts) if self._erased.holds(subject_text(subject_of(text)))}
        return without_rows(content, np.array([text in gone for text in texts], dtype=np.bool_))

    def _attributes(self) -> pa.Table:
        tables = [Attributes.schema.empty_table()]
        for number, file in enumerate(self._spec.attributes):
            layout = attribute_layout(file, number)
            self._check(layout, file, len(self._spec.files) + number)
            tables += [self._database.table(_attribute_query(layout, file, name)) for name in file.columns]
        return pa.concat_tables([_as_text(table) for table in tables])

    def _intake(self, records: Records) -> Intake:
        counts = dict(self._database.rows("SELECT file, count(*) FROM events GROUP BY file"))
        files = {
            name: replace(report, events_out=counts.get(number, 0))
            for number, (name, report) in enumerate(self._reports.items())
        }
        events: EventLog = records.events
        report = IntakeReport(
            files=files,
            extract_date=None,
            agencies=tuple(sorted(events.table.column("agency").unique().to_pylist())),
            events=len(events),
            subjects=len(events.table.column("subject_id").unique()),
            notes=records.notes,
        )
        return Intake(records, report, self._quarantine)


def _names(file: CsvFile | CsvAttributes) -> dict[str, str]:
    """Return names of our own for a file's columns: theirs may be any words, ours among them."""
    return {column: f"c{number}" for number, column in enumerate(_columns(file))}


def _read(folder: Path, file: CsvFile | CsvAttributes) -> TextRows:
    names = _names(file)
    rows = read_rows(
        folder / file.path,
        where=file.path.as_posix(),
        columns=list(names),
        encoding=file.encoding,
        day_format=file.date_format if isinstance(file, CsvFile) else "%Y-%m-%d",
    )
    return replace(rows, table=rows.table.rename_columns([ROW, *names.values()]))


def event_layout(file: CsvFile, number: int) -> Layout:
    """Return the layout that a mapping describes."""
    names = _names(file)
    kinds = {file.subject: Kind.KEY}
    if isinstance(file.code, CodeColumn):
        kinds[file.code.column] = Kind.TEXT
    if file.value is not None:
        kinds[file.value] = Kind.NUMBER
    kinds[file.time] = Kind.DAY
    if file.known_time is not None:
        kinds[file.known_time] = Kind.DAY
    fields = tuple(_field(column, kinds[column], names, required=column != file.value) for column in names)
    rules: tuple[Rule, ...] = ()
    if file.known_time is not None:
        early = f"typed.{names[file.known_time]} < typed.{names[file.time]}"
        rules = (Rule(early, f"{file.known_time} is before {file.time}"),)
    return Layout(
        name=f"csv_{number}",
        pattern="",
        fields=fields,
        link=None,
        rules=rules,
        day_formats=(file.date_format,),
    )


def _field(column: str, kind: Kind, names: Mapping[str, str], *, required: bool) -> Field:
    return Field(names[column], kind, required, low=-_ANY_NUMBER, high=_ANY_NUMBER, title=column)


def event_rule(file: CsvFile, layout: Layout) -> Derived:
    """Return the rule that turns accepted rows into events."""
    names = _names(file)
    time = names[file.time]
    if file.known_time is None:
        known, basis = f"{time} + {file.known_delay_days}", "declared_delay"
    else:
        known, basis = names[file.known_time], "recorded"
    if isinstance(file.code, CodeColumn):
        code = f"{said(file.code.prefix)} || {names[file.code.column]}"
    else:
        code = said(file.code)
    value = "NULL" if file.value is None else names[file.value]
    return Derived(f"""
        SELECT {subject_number(names[file.subject])} AS subject_id, {time} AS time, {known} AS known,
               '{basis}' AS basis, {code} AS code, {value} AS number, file
        FROM {layout.name}""")


def attribute_layout(file: CsvAttributes, number: int) -> Layout:
    """Return the layout of a file of attributes: one row a subject."""
    names = _names(file)
    fields = tuple(
        _field(
            column, Kind.KEY if column == file.subject else Kind.TEXT, names, required=column == file.subject
        )
        for column in names
    )
    return Layout(
        name=f"csv_attributes_{number}",
        pattern="",
        fields=fields,
        link=None,
        unique=((names[file.subject],),),
    )


def subject_number(subject: str) -> str:
    """Return SQL that makes a subject's number from a key: itself if whole, else 60 bits of its SHA-256."""
    return f"""CASE WHEN regexp_full_match({subject}, '0|-?[1-9][0-9]{{0,17}}') THEN {subject}::BIGINT
               ELSE ('0x' || substr(sha256({subject}), 1, 15))::BIGINT END"""


def subject_of(text: str) -> int:
    """Return the number that ``subject_number`` makes from a key."""
    if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text):
        return int(text)
    return int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)


def _attribute_query(layout: Layout, file: CsvAttributes, name: str) -> str:
    """Return attributes from the subject's first event on: no mapping says when they were known."""
    names = _names(file)
    return f"""
        SELECT subject_id, {said(name)} AS attribute, coalesce({names[file.columns[name]]}, 'Unknown') AS value,
               known_time
        FROM (SELECT *, {subject_number(names[file.subject])} AS subject_id FROM {layout.name})
        JOIN (SELECT subject_id, min(known_time) AS known_time FROM log GROUP BY subject_id) USING (subject_id)"""


def _report_name(file: CsvFile | CsvAttributes, taken: dict[str, FileReport]) -> str:
    """Name a file in the report; a file that is mapped twice is two entries."""
    name = file.path.as_posix()
    return (
        name if name not in taken else f"{name}#{sum(other.partition('#')[0] == name for other in taken) + 1}"
    )


def _as_text(table: pa.Table) -> pa.Table:
    plain = pa.schema(
        [
            ("subject_id", pa.int64()),
            ("attribute", pa.string()),
            ("value", pa.string()),
            ("known_time", pa.timestamp("us")),
        ]
    )
    return table.cast(plain)
