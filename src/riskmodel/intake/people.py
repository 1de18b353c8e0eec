"""From checked rows to what is known of each person: birth, attributes, where they lived, who observed them.

Each table follows one rule of time: what is open is known when its start was recorded, and is superseded when its
end was recorded; what is closed is known from then on.
"""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from riskmodel.errors import RiskModelError
from riskmodel.intake.database import Database
from riskmodel.intake.layouts.school_census import TERMS, term_days
from riskmodel.intake.manifest import Gap
from riskmodel.intake.sql import sql_literal
from riskmodel.tables.records import Attributes, EventLog, Observation, Residence

BIRTH_FILE = -1  # a birth comes from whichever record spoke first, not from one file


@dataclass(frozen=True)
class Coverage:
    """The period in which an agency's files hold everything: from ``first`` (None: always) to before ``after``.

    ``after`` is None when the files reach the extract date: the agency goes on observing.
    """

    agency: str
    first: date | None
    after: date | None = None


def build_residence(database: Database) -> None:
    """Make table ``residence``: household (a number from the hash of the address key), area, and days."""
    database.run("""
        CREATE TABLE residence AS
        WITH stays AS (
            SELECT subject_id, ('0x' || substr(sha256(uprn_key), 1, 15))::BIGINT AS household_id,
                   coalesce(lsoa, 'unknown') AS area, start_date, end_date, recorded_start, recorded_end
            FROM housing_residence
        )
        SELECT subject_id, household_id, area, start_date AS start, NULL::DATE AS "end",
               recorded_start AS known, recorded_end AS superseded
        FROM stays WHERE recorded_end IS NULL OR recorded_end > recorded_start
        UNION ALL
        SELECT subject_id, household_id, area, start_date, end_date, recorded_end, NULL
        FROM stays WHERE end_date IS NOT NULL""")


def build_observation(database: Database) -> None:
    """Make table ``observation``, still empty, and ``resident``: stays in the borough, moves inside it joined.

    Two stays are one when the second starts the day the first ends and was recorded no later than that end: then
    no index date can see a difference.
    """
    database.run("""
        CREATE TABLE observation (subject_id BIGINT, agency VARCHAR, start DATE, "end" DATE, known DATE,
                                  superseded DATE)""")
    database.run("""
        CREATE TABLE resident AS
        WITH turns AS (
            SELECT *, NOT coalesce(
                start_date = lag(end_date) OVER stays AND recorded_start <= lag(recorded_end) OVER stays
                AND recorded_start >= lag(recorded_start) OVER stays, FALSE) AS arrives
            FROM housing_residence WINDOW stays AS (PARTITION BY subject_id ORDER BY start_date, recorded_start)
        ),
        numbered AS (
            SELECT *, sum(arrives::INTEGER) OVER (
                PARTITION BY subject_id ORDER BY start_date, recorded_start
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stay
            FROM turns
        )
        SELECT subject_id, min(start_date) AS start,
               CASE WHEN count(*) = count(end_date) THEN max(end_date) END AS "end",
               min(recorded_start) AS known,
               CASE WHEN count(*) = count(end_date) THEN max(recorded_end) END AS closed
        FROM numbered GROUP BY subject_id, stay""")


def observe_residents(database: Database, coverage: Coverage) -> None:
    """Add the rows of one agency that observes people while they live in the borough."""
    first = "start" if coverage.first is None else f"greatest(start, {sql_literal(coverage.first)})"
    after = "NULL::DATE" if coverage.after is None else sql_literal(coverage.after)
    database.run(f"""
        INSERT INTO observation
        WITH stays AS (
            SELECT subject_id, {first} AS start, "end", known, closed, {after} AS after FROM resident
        ),
        rows AS (
            -- open, until its end is recorded or the files end
            SELECT subject_id, start, NULL::DATE AS "end", known, least(closed, after) AS superseded FROM stays
            UNION ALL  -- the files have ended, and no end is recorded yet
            SELECT subject_id, start, after, greatest(known, after), closed FROM stays
            WHERE after IS NOT NULL AND (closed IS NULL OR closed > greatest(known, after))
            UNION ALL  -- closed
            SELECT subject_id, start, least("end", after), closed, NULL FROM stays WHERE closed IS NOT NULL
        )
        SELECT subject_id, '{coverage.agency}', start, "end", known, superseded FROM rows
        WHERE (superseded IS NULL OR superseded > known) AND ("end" IS NULL OR "end" > start)""")


def observe_pupils(database: Database, *, roll_delay: int, extract_day: date) -> None:
    """Add the school's rows: on roll from term to term, closed when a census comes and a pupil is not in it."""
    years = database.rows("SELECT min(year(starts)), max(year(starts)) FROM school_roll")[0]
    if years[0] is None:
        return
    terms = [term_days(year, season) for year in range(years[0], years[1] + 2) for season in TERMS]
    database.run("CREATE OR REPLACE TEMP TABLE terms (term INTEGER, starts DATE, census DATE, ends DATE)")
    listed = ", ".join(
        f"({', '.join(sql_literal(term[name]) for name in ('term', 'starts', 'census', 'ends'))})"
        for term in terms
    )
    database.run(f"INSERT INTO terms VALUES {listed}")
    database.run(f"""
        INSERT INTO observation
        WITH listed AS (
            SELECT subject_id, term, min(entrydate) AS entered FROM school_roll GROUP BY subject_id, term
        ),
        islands AS (
            SELECT *, term - row_number() OVER (PARTITION BY subject_id ORDER BY term) AS island FROM listed
        ),
        stays AS (
            SELECT subject_id, min(term) AS first_term, max(term) AS last_term, arg_min(entered, term) AS entered
            FROM islands GROUP BY subject_id, island
        ),
        dated AS (
            SELECT subject_id, greatest(a.starts, least(entered, a.ends)) AS start, z.ends + 1 AS "end",
                   greatest(a.census + {roll_delay}, least(entered, a.ends)) AS known,
                   n.census + {roll_delay} AS closed
            FROM stays
            JOIN terms AS a ON a.term = first_term
            JOIN terms AS z ON z.term = last_term
            JOIN terms AS n ON n.term = last_term + 1
        ),
        told AS (
            SELECT *, closed <= {sql_literal(extract_day)} AS is_closed FROM dated
        )
        SELECT subject_id, 'EDU', start, NULL::DATE, known, CASE WHEN is_closed THEN closed END FROM told
        UNION ALL
        SELECT subject_id, 'EDU', start, "end", closed, NULL FROM told WHERE is_closed""")


def cut_observation(database: Database, gap: Gap, *, extract_day: date) -> None:
    """Take a gap out of an agency's observation: nobody could know of it before it began, nor of its end before that.

    Whoever stands inside the gap sees that observation ended; whoever stands after it, that it began again.
    """
    first, after = sql_literal(gap.first), sql_literal(gap.after)
    hit = f"""agency = '{gap.agency}' AND start < {after} AND coalesce("end", DATE '9999-12-31') > {first}"""
    again = "TRUE" if gap.after <= extract_day else "FALSE"
    database.run(f"CREATE OR REPLACE TEMP TABLE cut AS SELECT * FROM observation WHERE {hit}")
    database.run(f"DELETE FROM observation WHERE {hit}")
    database.run(f"""
        INSERT INTO observation
        WITH pieces AS (
            SELECT subject_id, agency, start, NULL::DATE AS "end", known, least(superseded, {first}) AS superseded
            FROM cut WHERE "end" IS NULL AND start < {first}
            UNION ALL
            SELECT subject_id, agency, start, {first}, greatest(known, {first}), superseded
            FROM cut WHERE start < {first}
            UNION ALL
            SELECT subject_id, agency, greatest(start, {after}), "end", greatest(known, {after}), superseded
            FROM cut WHERE coalesce("end", DATE '9999-12-31') > {after} AND {again}
        )
        SELECT * FROM pieces WHERE superseded IS NULL OR superseded > known""")


def add_births(database: Database) -> None:
    """Add ``MEDS_BIRTH``: the first known month, known from the first record of any kind about the person.

    Whoever records a person asks when they were born, though not every extract repeats it. So the birth counts as
    known with the first record, even where the month itself comes from a later one.
    """
    database.run(f"""
        INSERT INTO events
        WITH first_record AS (
            SELECT subject_id, min(known) AS known FROM (
                SELECT subject_id, known FROM events
                UNION ALL SELECT subject_id, known FROM residence
                UNION ALL SELECT subject_id, known FROM facts
            ) GROUP BY subject_id
        ),
        births AS (
            SELECT subject_id, date_trunc('month', first(value::DATE ORDER BY known, source, value))::DATE AS born
            FROM facts WHERE what = 'birth' GROUP BY subject_id
        )
        SELECT subject_id, born, greatest(first_record.known, born), NULL, 'recorded', 'MEDS_BIRTH', NULL,
               {BIRTH_FILE}
        FROM births JOIN first_record USING (subject_id)""")


def event_log(database: Database) -> EventLog:
    """Return the event log.

    Raises
    ------
    RiskModelError
        If an event is known before it happened: a defect, as such rows are set aside.
    """
    early = database.rows("SELECT count(*) FROM events WHERE known < time OR time IS NULL OR known IS NULL")[
        0
    ][0]
    if early:
        raise RiskModelError(f"{early} events are known before they happened; please report this defect")
    for name in ("code", "basis"):
        database.run(f"CREATE TYPE {name}_words AS ENUM (SELECT DISTINCT {name} FROM events ORDER BY {name})")
    events = database.table("""
        SELECT subject_id, time::TIMESTAMP AS time, known::TIMESTAMP AS known_time,
               superseded::TIMESTAMP AS superseded_time, basis::basis_words AS known_basis, code::code_words AS code,
               number AS numeric_value
        FROM events""")
    return EventLog.build(events.append_column("agency", _agencies(events.column("code"))))


def _agencies(codes: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the agency of each code, looked up once for each different code."""
    chunks = []
    for chunk in codes.chunks:
        agencies = pa.array([agency_of(code) for code in chunk.dictionary.to_pylist()], pa.string())
        chunks.append(agencies.take(chunk.indices).dictionary_encode())
    return pa.chunked_array(chunks, type=pa.dictionary(pa.int32(), pa.string()))


def agency_of(code: str) -> str:
    """Return the agency that a code belongs to: its first part, but for facts about a person or a place."""
    first = code.split("//", maxsplit=1)[0]
    return {"MEDS_BIRTH": "PERSON", "MEDS_DEATH": "PERSON", "AREA": "HOME"}.get(first, first)


def observation(database: Database) -> Observation:
    """Return who was observed by whom and when."""
    return Observation.build(
        database.table("""
        SELECT subject_id, agency, start::TIMESTAMP AS start, "end"::TIMESTAMP AS "end",
               known::TIMESTAMP AS known_time, superseded::TIMESTAMP AS superseded_time
        FROM observation""")
    )


def residence(database: Database) -> Residence:
    """Return where people lived."""
    return Residence.build(
        database.table("""
        SELECT subject_id, household_id, area, start::TIMESTAMP AS start, "end"::TIMESTAMP AS "end",
               known::TIMESTAMP AS known_time, superseded::TIMESTAMP AS superseded_time
        FROM residence""")
    )


def attributes(database: Database, names: Iterable[str] = ("ethnicity", "sex", "school")) -> Attributes:
    """Return what is never learned from, each value from when it was known; who has none yet is ``Unknown``.

    The latest value holds. Schools are trusted before social care: once a school has said something, what other
    agencies say later is not used.
    """
    tables = [database.table(_attribute_query(name)) for name in names]
    return Attributes.build(pa.concat_tables(tables))


def _attribute_query(name: str) -> str:
    return f"""
        WITH said AS (
            SELECT subject_id, known, min(value) AS value FROM (
                SELECT * FROM facts WHERE what = '{name}' AND value <> 'Unknown'
                QUALIFY source = min(source) OVER (PARTITION BY subject_id ORDER BY known)
            ) GROUP BY subject_id, known
        ),
        everyone AS (
            SELECT subject_id, min(known) AS known
            FROM (SELECT subject_id, known FROM events UNION ALL SELECT subject_id, known FROM residence
                  UNION ALL SELECT subject_id, known FROM facts)
            GROUP BY subject_id
        )
        SELECT subject_id, '{name}' AS attribute, value, known::TIMESTAMP AS known_time FROM said
        UNION ALL
        SELECT subject_id, '{name}', 'Unknown', everyone.known::TIMESTAMP
        FROM everyone LEFT JOIN (SELECT subject_id, min(known) AS known FROM said GROUP BY subject_id) AS first
            USING (subject_id)
        WHERE first.known IS NULL OR first.known > everyone.known"""
