"""The one door to DuckDB: checks rows against a layout and turns event rules into queries."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.intake.layout import (
    Context,
    Derived,
    EventRule,
    Fact,
    Field,
    Kind,
    Layout,
    Point,
    Spell,
)
from riskmodel.intake.reading import ROW, TextRows
from riskmodel.intake.report import FileReport

if TYPE_CHECKING:
    import duckdb

_SQL_TYPES = {
    Kind.KEY: "VARCHAR",
    Kind.TEXT: "VARCHAR",
    Kind.CODE: "VARCHAR",
    Kind.DAY: "DATE",
    Kind.INSTANT: "TIMESTAMP",
    Kind.NUMBER: "DOUBLE",
    Kind.WHOLE: "BIGINT",
    Kind.YES_NO: "BOOLEAN",
}
_FIRST_DAY = "DATE '1900-01-01'"
UNLINKED = "nobody in the spine has this key"
REPEATED = "repeats an earlier row"


@dataclass(frozen=True)
class Delivered:
    """The rows of one file, its number among all files, and what its name says of every row."""

    name: str
    number: int
    text: TextRows
    context: Context


@dataclass(frozen=True)
class Checked:
    """What became of the rows of one file."""

    report: FileReport
    quarantine: pa.Table | None


class Database:
    """A DuckDB database in memory that lives as long as one intake.

    Parameters
    ----------
    extract_day : date
        Nothing later can be in the data.
    threads : int, optional
        As many as DuckDB chooses, if not given.
    """

    def __init__(self, *, extract_day: date, threads: int | None = None) -> None:
        import duckdb  # imported when data are read: the command line must answer fast

        self._connection: duckdb.DuckDBPyConnection = duckdb.connect()
        self._extract_day = sql_literal(extract_day)
        self.run("SET TimeZone = 'UTC'")
        self.run("SET temp_directory = ''")  # people's records are not spilled to some other place
        if threads is not None:
            self.run(f"SET threads = {int(threads)}")
        self.run(
            "CREATE TABLE events (subject_id BIGINT, time DATE, known DATE, superseded DATE, basis VARCHAR, "
            "code VARCHAR, number FLOAT, file INTEGER)"
        )
        self.run(
            "CREATE TABLE facts (subject_id BIGINT, what VARCHAR, value VARCHAR, known DATE, source INTEGER)"
        )

    def close(self) -> None:
        """Free everything."""
        self._connection.close()

    def run(self, query: str) -> None:
        """Run a statement."""
        self._connection.execute(query)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return a small result."""
        return self._connection.execute(query).fetchall()

    def table(self, query: str) -> pa.Table:
        """Return a result as an Arrow table."""
        result: pa.Table = self._connection.sql(query).to_arrow_table()
        return result

    def lend(self, name: str, table: pa.Table) -> None:
        """Let queries read an Arrow table under a name."""
        self._connection.register(name, table)

    def create(self, layout: Layout) -> None:
        """Make the table that a layout's accepted rows go to, so that absent files are empty tables."""
        columns = [f"{named(field.column)} {_SQL_TYPES[field.kind]}" for field in layout.fields]
        columns += [f"{name} {kind}" for name, kind in layout.context_types.items()]
        subject = ["subject_id BIGINT"] if layout.link else []
        self.run(f"CREATE TABLE {layout.name} (file INTEGER, row INTEGER, {', '.join(columns + subject)})")

    def check(self, layout: Layout, files: Sequence[Delivered]) -> dict[str, Checked]:
        """Judge every row of some files; accepted rows go to the layout's table, the others are returned with a reason.

        A row has the first fault that is found: its fields from left to right, the layout's rules, its link, and
        then whether it repeats an earlier row of its file that has no other fault.
        """
        self.lend("raw", pa.concat_tables([_with_context(layout, file) for file in files]))
        self.run(f"CREATE OR REPLACE TEMP TABLE checked AS {_checking(layout, self._extract_day)}")
        for group in layout.unique:
            self.run(_mark_repeats(group))
        self.run(f"INSERT INTO {layout.name} SELECT * EXCLUDE (reason) FROM checked WHERE reason IS NULL")
        numbers = ", ".join(str(file.number) for file in files)
        accepted = dict(
            self.rows(f"SELECT file, count(*) FROM {layout.name} WHERE file IN ({numbers}) GROUP BY file")
        )
        set_aside = self._set_aside(layout)
        self._connection.unregister("raw")
        return {file.name: _account_of(file, accepted.get(file.number, 0), set_aside) for file in files}

    def _set_aside(self, layout: Layout) -> pa.Table:
        shown = [field for field in layout.fields if field.kind is not Kind.KEY]
        columns = "".join(f", nullif(trim(raw.{named(field.column)}), '')" for field in shown)
        rows = self.table(f"""
            SELECT file, row, reason{columns} FROM checked JOIN raw USING (file, row)
            WHERE reason IS NOT NULL ORDER BY file, row""")
        ours = ("file", ROW, "reason")
        theirs = (f"{field.shown} (theirs)" if field.shown in ours else field.shown for field in shown)
        return rows.rename_columns([*ours, *theirs])

    def add_events(self, rule: EventRule) -> None:
        """Add the events of a rule; what files repeat is one event, known when it first was."""
        columns = "subject_id, time, known, superseded, basis, code, number, file"
        if isinstance(rule, Derived) and rule.once:
            self.run(f"INSERT INTO events SELECT {columns} FROM ({event_query(rule)})")
            return
        # The earliest known day and the file that gave it travel as one number: a single minimum decides both.
        self.run(f"""
            INSERT INTO events
            SELECT subject_id, time, make_date((first_seen // 65536)::INTEGER), superseded, basis, code, number,
                   (first_seen % 65536)::INTEGER
            FROM (
                SELECT subject_id, time, superseded, basis, code, number,
                       min((known - DATE '1970-01-01') * 65536::BIGINT + file) AS first_seen
                FROM ({event_query(rule)})
                GROUP BY ALL
            )""")

    def add_fact(self, fact: Fact, *, source: int) -> None:
        """Add what a table says about persons, whenever it changes; of two sources the lower is trusted more."""
        # Nearly everybody has one value for ever: only the others need to be put in order of time.
        self.run(f"""
            CREATE OR REPLACE TEMP TABLE spoken AS
            SELECT subject_id, min({fact.value}) AS value, max({fact.value}) AS other, min({fact.known}) AS known
            FROM {fact.table} WHERE {fact.value} IS NOT NULL GROUP BY subject_id""")
        self.run(f"""
            INSERT INTO facts
            SELECT subject_id, {said(fact.what)}, value::VARCHAR, known, {source} FROM spoken WHERE value = other
            UNION ALL
            SELECT subject_id, {said(fact.what)}, value::VARCHAR, known, {source}
            FROM (
                SELECT DISTINCT subject_id, {fact.value} AS value, {fact.known} AS known
                FROM {fact.table} SEMI JOIN (FROM spoken WHERE value <> other) USING (subject_id)
            )
            WHERE value IS NOT NULL
            QUALIFY value IS DISTINCT FROM lag(value) OVER (PARTITION BY subject_id ORDER BY known, value)""")


def named(column: str) -> str:
    """Return a column's name as SQL."""
    return '"' + column.replace('"', '""') + '"'


def said(text: str) -> str:
    """Return text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _text(column: str) -> str:
    """Return the name that a column's text has beside its value."""
    return named(f"t_{column}")


def sql_literal(value: int | date) -> str:
    """Return a number or a date as SQL."""
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else str(int(value))


def event_query(rule: EventRule) -> str:
    """Return the query of a rule: subject_id, time, known, superseded, basis, code, number, file."""
    if isinstance(rule, Point):
        return f"""
            SELECT subject_id, {rule.time} AS time, {_known(rule.known, rule.time, rule.basis)} AS known,
                   NULL::DATE AS superseded, '{rule.basis}' AS basis, {rule.code} AS code,
                   ({rule.number})::FLOAT AS number, file
            FROM {rule.table} WHERE {rule.where}"""
    if isinstance(rule, Spell):
        return _ends(rule) if rule.ends_only else f"{_starts(rule)} UNION ALL {_ends(rule)}"
    return f"""
        SELECT subject_id, time, known, NULL::DATE AS superseded, basis, code, number::FLOAT AS number, file
        FROM ({rule.sql})"""


def _known(known: str, time: str, basis: str) -> str:
    return f"greatest({known}, {time})" if basis == "declared_delay" else known


def _starts(rule: Spell) -> str:
    detail = f" || '//' || {rule.detail}" if rule.detail else ""
    return f"""
        SELECT subject_id, {rule.start} AS time, {_known(rule.known_start, rule.start, rule.basis)} AS known,
               NULL::DATE AS superseded, '{rule.basis}' AS basis, '{rule.stem}//START'{detail} AS code,
               NULL::FLOAT AS number, file
        FROM {rule.table} WHERE {rule.where}"""


def _ends(rule: Spell) -> str:
    return f"""
        SELECT subject_id, finish AS time, known, superseded, '{rule.basis}' AS basis, '{rule.stem}//END' AS code,
               NULL::FLOAT AS number, file
        FROM (
            SELECT *, lead(known) OVER (PARTITION BY subject_id, start ORDER BY turn) AS superseded
            FROM (
                SELECT *, CASE WHEN ends_before > 0 OR finish IS NULL
                               THEN greatest(reported, finish_known) ELSE finish_known END AS known
                FROM (
                    SELECT *, row_number() OVER said AS turn, lag(finish) OVER said AS before,
                           count(finish) OVER (said ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ends_before
                    FROM (
                        SELECT subject_id, {rule.start} AS start, {rule.end} AS finish, {rule.reported} AS reported,
                               {_known(rule.known_end, rule.end, rule.basis)} AS finish_known, min(file) AS file
                        FROM {rule.table} WHERE {rule.where} GROUP BY ALL
                    )
                    WINDOW said AS (PARTITION BY subject_id, start ORDER BY reported, finish, file)
                )
                WHERE turn = 1 OR finish IS DISTINCT FROM before
            )
        )
        WHERE finish IS NOT NULL"""


def _checking(layout: Layout, last_day: str) -> str:
    """Return the query that gives every row's values, its subject and its fault, if any."""
    texts = ", ".join(
        f"nullif(trim({named(field.column)}), '') AS {_text(field.column)}" for field in layout.fields
    )
    values = ", ".join(f"{_typed(field, layout)} AS {named(field.column)}" for field in layout.fields)
    context = ", ".join(["file", ROW, *layout.context_types])
    kept = _columns(
        ["file", ROW, *(field.column for field in layout.fields), *layout.context_types], of="typed"
    )
    faults = [case for field in layout.fields for case in _field_faults(field, last_day)]
    faults += [f"WHEN {rule.broken} THEN {said(rule.reason)}" for rule in layout.rules]
    subject, join, orphan = _linking(layout)
    faults += [f"WHEN linked.subject_id IS NULL THEN {said(orphan)}"] if layout.link else []
    return f"""
        WITH texts AS (SELECT {context}, {texts} FROM raw),
        typed AS (SELECT *, {values} FROM texts)
        SELECT {kept}{subject}, CASE {" ".join(faults)} END AS reason FROM typed {join}"""


def _field_faults(field: Field, last_day: str) -> Iterable[str]:
    column, text, name = f"typed.{named(field.column)}", _text(field.column), field.shown
    if field.required:
        yield f"WHEN {text} IS NULL THEN {said(f'no value in {name}')}"
    expected = _expected(field)
    if expected:
        yield f"WHEN {text} IS NOT NULL AND {column} IS NULL THEN {said(f'{name} is not {expected}')}"
    if field.kind in (Kind.DAY, Kind.INSTANT):
        yield f"WHEN {column} < {_FIRST_DAY} THEN {said(f'{name} is before 1900')}"
        yield f"WHEN {column}::DATE > {last_day} THEN {said(f'{name} is after the extract date')}"


def _typed(field: Field, layout: Layout) -> str:
    """Return SQL of a field's value: null where the text is empty or cannot be read."""
    text = _text(field.column)
    same = all(word == meaning for word, meaning in field.codes.items())
    cases = " ".join(f"WHEN {said(word)} THEN {said(meaning)}" for word, meaning in field.codes.items())
    number = f"try_cast({text} AS DOUBLE)"
    readings = {
        Kind.KEY: text,
        Kind.TEXT: text,
        Kind.CODE: f"CASE WHEN {text} IN ({_listed(field.codes)}) THEN {text} END"
        if same
        else f"CASE {text} {cases} END",
        Kind.DAY: f"try_strptime({text}, [{_listed(layout.day_formats)}])::DATE",
        Kind.INSTANT: f"try_strptime({text}, '%Y-%m-%dT%H:%M:%S%z') AT TIME ZONE 'UTC'",
        Kind.NUMBER: f"CASE WHEN {number} BETWEEN {field.low} AND {field.high} THEN {number} END",
        Kind.WHOLE: f"try_cast({text} AS BIGINT)",
        Kind.YES_NO: f"CASE WHEN lower({text}) IN ('1', 'true', 'y', 'yes') THEN TRUE "
        f"WHEN lower({text}) IN ('0', 'false', 'n', 'no') THEN FALSE END",
    }
    return readings[field.kind]


def _expected(field: Field) -> str:
    """Return what a field's text should be, or nothing when any text will do."""
    day = "a date as this layout writes it"
    wanted = {
        Kind.DAY: day,
        Kind.INSTANT: day,
        Kind.CODE: "a known code",
        Kind.NUMBER: f"a number from {field.low:g} to {field.high:g}",
        Kind.WHOLE: "a whole number",
        Kind.YES_NO: "yes or no",
    }
    return wanted.get(field.kind, "")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(said(word) for word in words)


def _linking(layout: Layout) -> tuple[str, str, str]:
    """Return what to select, what to join, and the reason when there is no subject."""
    link = layout.link
    if link is None:
        return "", "", ""
    subject = ", linked.subject_id"
    if link.parent:
        matched = " AND ".join(f"linked.{named(name)} = typed.{named(name)}" for name in link.on)
        return subject, f"LEFT JOIN {link.parent} AS linked ON {matched}", link.orphan
    join = f"LEFT JOIN spine AS linked ON linked.agency = {said(link.agency)} AND linked.key = typed.{named(link.key)}"
    return subject, join, UNLINKED


def _mark_repeats(group: Sequence[str]) -> str:
    """Return the statement that sets aside all but the first of the rows of a file that share some columns."""
    return f"""
        UPDATE checked SET reason = {said(REPEATED)} FROM (
            SELECT file AS of_file, unnest(list(row ORDER BY row)[2:]) AS later_row FROM checked
            WHERE reason IS NULL GROUP BY file, {_columns(group)} HAVING count(*) > 1
        ) WHERE checked.file = of_file AND checked.row = later_row"""


def _columns(names: Iterable[str], *, of: str = "") -> str:
    prefix = f"{of}." if of else ""
    return ", ".join(prefix + named(name) for name in names)


def _with_context(layout: Layout, file: Delivered) -> pa.Table:
    table = file.text.table.select([ROW, *(field.column for field in layout.fields)])
    context = {"file": file.number, **{name: file.context[name] for name in layout.context_types}}
    for name, value in context.items():
        kind = pa.date32() if isinstance(value, date) else pa.int32()
        table = table.append_column(name, pa.repeat(pa.scalar(value, kind), table.num_rows))
    return table


def _account_of(file: Delivered, accepted: int, set_aside: pa.Table) -> Checked:
    rows = set_aside.filter(pc.equal(set_aside.column("file"), file.number)).drop_columns("file")
    ragged = pa.table(
        {
            ROW: pa.array([row for row, _ in file.text.ragged], pa.int32()),
            "reason": pa.array([reason for _, reason in file.text.ragged], pa.string()),
        }
    )
    rows = pa.concat_tables([rows, ragged], promote_options="default").sort_by(ROW)
    report = account(file.text.rows_in, accepted=accepted, quarantine=rows)
    return Checked(report, rows if rows.num_rows else None)


def account(rows_in: int, *, accepted: int, quarantine: pa.Table) -> FileReport:
    """Return the account of one file from its rows set aside.

    Raises
    ------
    RiskModelError
        If rows in are not rows accepted and set aside: a defect.
    """
    counted = quarantine.group_by("reason").aggregate([("reason", "count")]).to_pylist()
    return FileReport(
        rows_in=rows_in,
        rows_accepted=accepted,
        rows_quarantined=quarantine.num_rows,
        reasons=dict(sorted((entry["reason"], entry["reason_count"]) for entry in counted)),
    )
