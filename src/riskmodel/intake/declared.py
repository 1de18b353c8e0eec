"""What a study must say, or intake must assume and say so, when a folder holds events and little else."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

from datetime import timedelta

from riskmodel.intake.database import Database
from riskmodel.intake.spec import AlwaysObserved
from riskmodel.intake.sql import sql_literal
from riskmodel.tables.records import Observation, Residence

NOT_OBSERVED = (
    "Nothing says who was observed when, so no count of zero can be told from not knowing, and such features are "
    "missing. Add observation.parquet, or declare observation with first_day and last_day."
)
DECLARED_OBSERVED = (
    "The study declares that every agency would have recorded everybody throughout its period; nothing in the data "
    "confirms it."
)
OWN_HOUSEHOLD = (
    "Nothing says who lives with whom or where: each person is a household of one in an area that is unknown, so "
    "siblings may be on both sides of a split."
)
# The agency of a code that does not begin with one.
AGENCY = """CASE split_part(code, '//', 1) WHEN 'MEDS_BIRTH' THEN 'PERSON' WHEN 'MEDS_DEATH' THEN 'PERSON'
            WHEN 'AREA' THEN 'HOME' ELSE split_part(code, '//', 1) END"""


def declared_observation(database: Database, spec: AlwaysObserved | None) -> tuple[Observation, str]:
    """Return observation by declaration over table ``log``, and the sentence that says so."""
    if spec is None:
        period, note = 'NULL::TIMESTAMP AS start, NULL::TIMESTAMP AS "end" WHERE FALSE', NOT_OBSERVED
    else:
        first, after = sql_literal(spec.first_day), sql_literal(spec.last_day + timedelta(days=1))
        period, note = f'{first}::TIMESTAMP AS start, {after}::TIMESTAMP AS "end"', DECLARED_OBSERVED
    rows = database.table(f"""
        SELECT subject_id, agency, start, "end", start AS known_time, NULL::TIMESTAMP AS superseded_time
        FROM (SELECT DISTINCT subject_id FROM log)
        CROSS JOIN (SELECT DISTINCT agency FROM log WHERE agency <> 'PERSON')
        CROSS JOIN (SELECT {period})""")
    return Observation.build(rows), note


def own_households(database: Database) -> tuple[Residence, str]:
    """Return everybody in table ``log`` as a household of one, from the first event on, and the sentence that says so."""
    rows = database.table("""
        SELECT subject_id, subject_id AS household_id, 'unknown' AS area,
               coalesce(min(time), min(known_time)) AS start, NULL::TIMESTAMP AS "end",
               min(known_time) AS known_time, NULL::TIMESTAMP AS superseded_time
        FROM log GROUP BY subject_id""")
    return Residence.build(rows), OWN_HOUSEHOLD
