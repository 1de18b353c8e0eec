"""Merges a delivery into the records of earlier ones, so that no view of an earlier day changes.

What a record says is a row and the days on which it could be seen, from ``known_time`` to ``superseded_time``. Call the
last extract date of the records P and the new one D. A merged row can be seen

- up to P as in the records: what an old index date saw does not change;
- after D as in the delivery, where the delivery covers it, and as in the records elsewhere;
- between P and D as in the records, until the delivery says that something recorded in between replaced it, and
  besides as in the delivery where something was first recorded in between. What the delivery says should have been
  known by P, but was not, is known from D on, on the basis of the extract.
"""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import pyarrow as pa

from riskmodel.intake.coverage import Covered, observed_by
from riskmodel.intake.database import Database
from riskmodel.intake.event_queries import seen_once
from riskmodel.intake.sql import said, sql_literal
from riskmodel.tables.records import Attributes, EventLog, Observation, Records, Residence

_Part = TypeVar("_Part", EventLog, Observation, Residence)
MERGED = "Records came in several deliveries: what a later one changed counts from its extract date on."


@dataclass(frozen=True)
class Step:
    """From the last extract date of the records to that of the delivery, and what the delivery covers."""

    earlier: date
    later: date
    covered: tuple[Covered, ...]

    def periods(self, names: Iterable[str]) -> list[tuple[str, date, date]]:
        """Return, for each name (a code, or an agency as ``observed_by`` writes it), the periods that are covered."""
        return [
            (name, cover.first or date(1, 1, 1), cover.after or date(9999, 12, 31))
            for name in sorted(names)
            for cover in self.covered
            if name.startswith(cover.prefix)
        ]


@dataclass(frozen=True)
class _Kind:
    """How rows of one table are merged.

    ``identity`` says when two rows say the same. Of rows with the same ``slot`` the one known last is meant, so one
    that is known between the two extract dates replaces the others; empty: rows do not replace each other.
    """

    identity: tuple[str, ...]
    slot: tuple[str, ...] = ()
    basis: bool = False


_EVENTS = _Kind(("subject_id", "time", "code", "numeric_value", "agency"), basis=True)
_OBSERVATION = _Kind(("subject_id", "agency", "start", "end"), slot=("subject_id", "agency", "start"))
_RESIDENCE = _Kind(
    ("subject_id", "household_id", "area", "start", "end"),
    slot=("subject_id", "household_id", "area", "start"),
)


def merge(records: Records, delivered: Records, step: Step, *, threads: int | None = None) -> Records:
    """Merge what a delivery says into the records of earlier deliveries.

    Parameters
    ----------
    records, delivered : Records
        What earlier deliveries said, and what the new one says by itself.
    step : Step
        The extract dates, and what the new one covers.
    threads : int, optional
        At most so many.

    Returns
    -------
    Records
        Seen from any day up to the one after the earlier extract date, they are the same as ``records``.
    """
    with closing(Database(extract_day=step.later, threads=threads)) as database:
        return Records(
            events=_merge_events(database, records.events, delivered.events, step),
            observation=_merge_observation(database, records.observation, delivered.observation, step),
            residence=_merge_residence(database, records.residence, delivered.residence, step),
            attributes=_merge_attributes(database, records.attributes, delivered.attributes, step),
            notes=tuple(dict.fromkeys((*delivered.notes, MERGED))),
            objections=delivered.objections,
        )


def _merge_events(database: Database, old: EventLog, new: EventLog, step: Step) -> EventLog:
    codes = old.table.column("code").unique().to_pylist()
    _list_periods(database, step.periods(codes))
    # A birth is told by whoever speaks of a person; a delivery that does not know it takes nothing back.
    covered = """
        EXISTS (SELECT 1 FROM periods WHERE periods.name = code AND time >= periods.first AND time < periods.after)
        OR code = 'MEDS_BIRTH' AND subject_id IN (SELECT subject_id FROM new WHERE code = 'MEDS_BIRTH')"""
    return EventLog.build(_merged(database, (old, new), _EVENTS, step, covered))


def _merge_residence(database: Database, old: Residence, new: Residence, step: Step) -> Residence:
    covered = "TRUE" if len(new) else "FALSE"
    return Residence.build(_merged(database, (old, new), _RESIDENCE, step, covered))


def _merge_observation(database: Database, old: Observation, new: Observation, step: Step) -> Observation:
    agencies = set(old.table.column("agency").unique().to_pylist())
    _list_periods(database, step.periods(observed_by(agency) for agency in agencies))
    here = "periods.name = agency || ' observed'"
    covered = (
        f"EXISTS (SELECT 1 FROM periods WHERE {here} AND start >= periods.first AND start < periods.after)"
    )
    silent = agencies - {
        agency for agency in agencies if any(c.prefix == observed_by(agency) for c in step.covered)
    }
    database.lend("old", _ended(database, old.table, sorted(silent), step))
    return Observation.build(
        _merged(database, (None, new), _OBSERVATION, step, covered, reach=_reaching(here))
    )


def _ended(database: Database, old: pa.Table, silent: Sequence[str], step: Step) -> pa.Table:
    """Return observation in which agencies that are not in the delivery stopped observing after the earlier one.

    Else no record from them would count as nothing having happened.
    """
    database.lend("told", old)
    after = sql_literal(step.earlier + timedelta(days=1)) + "::TIMESTAMP"
    which = f"agency IN ({', '.join(said(agency) for agency in silent) or 'NULL'})"
    open_now = f'"end" IS NULL AND (superseded_time IS NULL OR superseded_time > {after}) AND {which}'
    return database.table(f"""
        SELECT * FROM told WHERE NOT coalesce({open_now}, FALSE)
        UNION ALL
        SELECT * REPLACE ({after} AS superseded_time) FROM told WHERE {open_now} AND known_time < {after}
        UNION ALL
        SELECT * REPLACE ({after} AS "end", greatest(known_time, {after}) AS known_time) FROM told
        WHERE {open_now} AND start < {after}
            AND (superseded_time IS NULL OR superseded_time > greatest(known_time, {after}))""")


def _reaching(here: str) -> str:
    """Return SQL of the first covered day that a row begins before and reaches beyond; null where there is none."""
    return f"""(
        SELECT min(periods.first)::TIMESTAMP FROM periods
        WHERE {here} AND start < periods.first AND coalesce("end", 'infinity'::TIMESTAMP) > periods.first)"""


def _list_periods(database: Database, periods: Sequence[tuple[str, date, date]]) -> None:
    columns = [[period[place] for period in periods] for place in range(3)]
    kinds = (pa.string(), pa.date32(), pa.date32())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    database.lend("periods", pa.table(arrays, names=["name", "first", "after"]))


def _merged(
    database: Database,
    parts: tuple[_Part | None, _Part],
    kind: _Kind,
    step: Step,
    covered: str,
    *,
    reach: str = "NULL::TIMESTAMP",
) -> pa.Table:
    """Return the merged rows; rows of both sides that agree in everything are not looked at again."""
    old, new = parts
    if old is not None:
        database.lend("old", old.table)
    database.lend("new", new.table)
    names = list(new.schema.names)
    same = ", ".join(f'"{name}"' for name in kind.identity)
    database.run(f"""
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT DISTINCT {same} FROM (
            (FROM old EXCEPT SELECT {_listed(names)} FROM new) UNION ALL (FROM new EXCEPT SELECT {_listed(names)} FROM old)
        )""")
    database.run(
        f"CREATE OR REPLACE TEMP TABLE was AS {_touched('old', kind, f', ({covered}) AS covered, {reach} AS reach')}"
    )
    database.run(f"CREATE OR REPLACE TEMP TABLE says AS {_touched('new', kind)}")
    database.run(f"CREATE OR REPLACE TEMP TABLE pieces AS {_pieces(kind, step)}")
    basis = ", arg_min(known_basis, (known, known_basis)) AS known_basis" if kind.basis else ""
    joined = seen_once("FROM pieces", kind.identity, kept=basis)
    on = _equal(kind.identity, "all_old", "touched")
    return database.table(f"""
        SELECT {_listed(names)} FROM old AS all_old
        WHERE NOT EXISTS (SELECT 1 FROM touched WHERE {on})
        UNION ALL
        SELECT {_listed(names)} FROM (SELECT * RENAME (known AS known_time, superseded AS superseded_time) FROM ({joined}))""")


def _touched(side: str, kind: _Kind, more: str = "") -> str:
    on = _equal(kind.identity, "every", "touched")
    return f"""
        SELECT * RENAME (known_time AS known, superseded_time AS superseded){more} FROM {side} AS every
        WHERE EXISTS (SELECT 1 FROM touched WHERE {on})"""


def _pieces(kind: _Kind, step: Step) -> str:
    """Return the query of all pieces of time in which a row can be seen; pieces that touch are joined later."""
    earlier, later = (f"{sql_literal(day)}::TIMESTAMP" for day in (step.earlier, step.later))
    same = ", ".join(f'"{name}"' for name in kind.identity)
    basis = (", known_basis", ", 'extract' AS known_basis") if kind.basis else ("", "")
    shortened = same.replace('"end"', 'reach AS "end"')
    return f"""
        WITH spoken AS (SELECT DISTINCT {same}, TRUE AS again FROM says),
        replaced AS ({_replacements(kind, earlier, later)}),
        judged AS (
            SELECT was.*, coalesce(covered, FALSE) OR coalesce(again, FALSE) AS judged, replaced.swapped
            FROM was
            LEFT JOIN spoken ON {_equal(kind.identity, "was", "spoken")}
            LEFT JOIN replaced ON {_equal(kind.identity, "was", "replaced")}
        )
        -- what the delivery does not speak of
        SELECT {same}, known, superseded{basis[0]} FROM judged WHERE NOT judged AND reach IS NULL
        UNION ALL  -- as the records said, until the delivery
        SELECT {same}, known, least(superseded, CASE WHEN swapped > known THEN swapped END, {later}){basis[0]}
        FROM judged WHERE (judged OR reach IS NOT NULL) AND known < {later}
        UNION ALL  -- the part of it that comes before what the delivery speaks of
        SELECT {shortened}, greatest(known, {later}), superseded{basis[1]}
        FROM judged WHERE NOT judged AND reach IS NOT NULL
            AND (superseded IS NULL OR superseded > greatest(known, {later}))
        UNION ALL  -- recorded since the earlier extract
        SELECT {same}, known, superseded{basis[0]} FROM says WHERE known > {earlier}
        UNION ALL  -- should have been known by then: known now
        SELECT {same}, {later}, superseded{basis[1]} FROM says
        WHERE known <= {earlier} AND (superseded IS NULL OR superseded > {later})"""


def _replacements(kind: _Kind, earlier: str, later: str) -> str:
    """Return when something recorded between the two extract dates replaced a row, if anything did."""
    same = ", ".join(f'"{name}"' for name in kind.identity)
    between = f"> {earlier} AND {{0}} <= {later}"
    query = f"SELECT {same}, superseded AS swapped FROM says WHERE superseded {between.format('superseded')}"
    if kind.slot:
        on = _equal(kind.slot, "was", "says")
        other = f"NOT ({_equal(kind.identity, 'was', 'says')})"
        listed = ", ".join(f'was."{name}"' for name in kind.identity)
        query += f"""
            UNION ALL
            SELECT {listed}, says.known FROM was JOIN says ON {on} AND {other}
            WHERE says.known {between.format("says.known")}"""
    return f"SELECT {same}, min(swapped) AS swapped FROM ({query}) GROUP BY {same}"


def _merge_attributes(database: Database, old: Attributes, new: Attributes, step: Step) -> Attributes:
    """Add what was recorded since, and then, from the later extract date on, what the delivery says holds."""
    database.lend("old", old.table)
    database.lend("new", new.table)
    earlier, later = (f"{sql_literal(day)}::TIMESTAMP" for day in (step.earlier, step.later))
    database.run(f"""
        CREATE OR REPLACE TEMP TABLE heard AS
        SELECT subject_id, attribute, value, known_time FROM old
        UNION
        SELECT subject_id, attribute, value, known_time FROM new WHERE known_time > {earlier} AND value <> 'Unknown'""")
    holds = "arg_max(value, (known_time, value)) AS value"
    return Attributes.build(
        database.table(f"""
        FROM heard
        UNION ALL
        SELECT subject_id, attribute, says.value, {later} AS known_time
        FROM (SELECT subject_id, attribute, {holds} FROM new WHERE known_time <= {later} GROUP BY ALL) AS says
        LEFT JOIN (SELECT subject_id, attribute, {holds} FROM heard WHERE known_time <= {later} GROUP BY ALL) AS heard
            USING (subject_id, attribute)
        WHERE heard.value IS NULL OR (says.value <> heard.value AND says.value <> 'Unknown')""")
    )


def merge_stops(old: pa.Table | None, new: pa.Table | None) -> pa.Table | None:
    """Return published stops of both; a month that the delivery holds is taken from it alone."""
    if old is None or new is None:
        return new if old is None else old
    months = {day.strftime("%Y-%m") for day in new.column("Date").to_pylist()}
    kept = [day.strftime("%Y-%m") not in months for day in old.column("Date").to_pylist()]
    return pa.concat_tables([old.filter(pa.array(kept, pa.bool_())), new])


def _equal(names: Iterable[str], left: str, right: str) -> str:
    return " AND ".join(f'{left}."{name}" IS NOT DISTINCT FROM {right}."{name}"' for name in names)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
