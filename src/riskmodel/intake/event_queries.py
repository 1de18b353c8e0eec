"""The queries that turn checked rows into events, and the union of the times in which one event could be seen."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

from riskmodel.intake.layout import RECORD, EventRule, Point, Spell

IDENTITY = ("subject_id", "time", "basis", "code", "number")


def event_query(rule: EventRule) -> str:
    """Return the query of a rule: subject_id, time, known, superseded, basis, code, number, file."""
    if isinstance(rule, Point):
        return f"{_unversioned(rule)} UNION ALL {_versions(rule)}" if rule.versions else _points(rule)
    if isinstance(rule, Spell):
        return _ends(rule) if rule.ends_only else f"{_starts(rule)} UNION ALL {_ends(rule)}"
    return f"""
        SELECT subject_id, time, known, NULL::DATE AS superseded, basis, code, number::FLOAT AS number, file
        FROM ({rule.sql})"""


def seen_once(rows: str, identity: tuple[str, ...], *, kept: str) -> str:
    """Return the query that joins the times in which equal rows could be seen, where they touch or overlap.

    Parameters
    ----------
    rows : str
        A query or table with ``known`` and ``superseded`` (null: to this day) besides the identity.
    identity : tuple of str
        Columns in which rows are equal; two nulls are equal.
    kept : str
        SQL of further columns of the result, over the rows of one stretch.
    """
    same = ", ".join(f'"{name}"' for name in identity)
    stretch = f"OVER (PARTITION BY {same} ORDER BY known, superseded ROWS BETWEEN UNBOUNDED PRECEDING AND"
    return f"""
        SELECT {same}, min(known) AS known,
               CASE WHEN count(*) = count(superseded) THEN max(superseded) END AS superseded{kept}
        FROM (
            SELECT *, sum(begins::INTEGER) {stretch} CURRENT ROW) AS stretch
            FROM (
                SELECT *, coalesce(max(coalesce(superseded, 'infinity')) {stretch} 1 PRECEDING) < known, TRUE)
                          AS begins
                FROM ({rows})
            )
        )
        GROUP BY {same}, stretch"""


def _known(known: str, time: str, basis: str) -> str:
    return f"greatest({known}, {time})" if basis == "declared_delay" else known


def _points(rule: Point, where: str = "TRUE") -> str:
    return f"""
        SELECT subject_id, {rule.time} AS time, {_known(rule.known, rule.time, rule.basis)} AS known,
               NULL::DATE AS superseded, '{rule.basis}' AS basis, {rule.code} AS code,
               ({rule.number})::FLOAT AS number, file
        FROM {rule.table} WHERE ({rule.where}) AND {where}"""


def _unversioned(rule: Point) -> str:
    return _points(rule, f"{RECORD} IS NULL")


def _versions(rule: Point) -> str:
    """Return the events of each version of a record, superseded when the next version was known.

    Of two versions known on one day the later line stands.
    """
    return f"""
        SELECT subject_id, time, known, superseded, '{rule.basis}' AS basis, code, number, file
        FROM (
            SELECT *, lead(known) OVER (PARTITION BY record ORDER BY known, file, line) AS superseded
            FROM (
                SELECT subject_id, {RECORD} AS record, row AS line, ({rule.where}) AS holds, {rule.time} AS time,
                       {_known(rule.known, rule.time, rule.basis)} AS known, {rule.code} AS code,
                       ({rule.number})::FLOAT AS number, file
                FROM {rule.table} WHERE {RECORD} IS NOT NULL
            )
        )
        WHERE holds AND (superseded IS NULL OR superseded > known)"""


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
