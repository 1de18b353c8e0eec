"""The one door to DuckDB: checks rows against a layout and turns event rules into queries."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.intake.event_queries import IDENTITY, event_query, seen_once
from riskmodel.intake.judging import judged_rows, marking_of_repeats
from riskmodel.intake.layout import Context, Derived, EventRule, Fact, Kind, Layout
from riskmodel.intake.reading import ROW, TextRows
from riskmodel.intake.report import FileReport
from riskmodel.intake.sql import named, said, sql_literal

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
        self.run("""
            CREATE VIEW born AS
            SELECT subject_id, date_trunc('month', min(value::DATE)) AS month FROM facts
            WHERE what = 'birth' GROUP BY subject_id""")

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
        self.run(f"CREATE OR REPLACE TEMP TABLE checked AS {judged_rows(layout, self._extract_day)}")
        for statement in marking_of_repeats(layout):
            self.run(statement)
        self.run(f"INSERT INTO {layout.name} SELECT * EXCLUDE (reason) FROM checked WHERE reason IS NULL")
        numbers = ", ".join(str(file.number) for file in files)
        accepted = dict(
            self.rows(f"SELECT file, count(*) FROM {layout.name} WHERE file IN ({numbers}) GROUP BY file")
        )
        set_aside = self._set_aside(layout)
        self._connection.unregister("raw")
        self.run("DROP TABLE checked")
        return {file.name: _account_of(file, accepted.get(file.number, 0), set_aside) for file in files}

    def _set_aside(self, layout: Layout) -> pa.Table:
        shown = [field for field in layout.fields if field.kind is not Kind.KEY]
        columns = "".join(f", nullif(trim(raw.{named(field.column)}), '')" for field in shown)
        # Whose row it is, where that is known: so that erasure finds it.
        subject = ", checked.subject_id::VARCHAR" if layout.link else ""
        rows = self.table(f"""
            SELECT file, row, reason{subject}{columns} FROM checked JOIN raw USING (file, row)
            WHERE reason IS NOT NULL ORDER BY file, row""")
        ours = ("file", ROW, "reason", *(("subject_id",) if layout.link else ()))
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

    def join_sightings(self) -> None:
        """Make one row of equal events whose times touch: a version that repeats the one before changes nothing."""
        same = " AND ".join(f"events.{name} IS NOT DISTINCT FROM replaced.{name}" for name in IDENTITY)
        self.run(f"""
            CREATE OR REPLACE TEMP TABLE several AS
            SELECT * FROM events SEMI JOIN (
                SELECT DISTINCT {", ".join(IDENTITY)} FROM events WHERE superseded IS NOT NULL
            ) AS replaced ON {same}""")
        self.run(f"DELETE FROM events USING several AS replaced WHERE {same}")
        self.run(f"""
            INSERT INTO events
            SELECT subject_id, time, known, superseded, basis, code, number, file
            FROM ({seen_once("FROM several", IDENTITY, kept=", arg_min(file, (known, file)) AS file")})""")

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
