"""The queries that judge rows: types, code lists, ranges, rules between fields, links, and repeats."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

from collections.abc import Iterator, Sequence

from riskmodel.intake.layout import RECORD, Field, Kind, Layout
from riskmodel.intake.reading import ROW
from riskmodel.intake.sql import columns, listed, named, said

_FIRST_DAY = "DATE '1900-01-01'"
UNLINKED = "nobody in the spine has this key"
REPEATED = "repeats an earlier row"
UNBORN = "happened before the month in which the person was born"


def judged_rows(layout: Layout, last_day: str) -> str:
    """Return the query that gives every row's values, its subject and its first fault, if any."""
    texts = ", ".join(
        f"nullif(trim({named(field.column)}), '') AS {_text(field.column)}" for field in layout.fields
    )
    values = ", ".join(f"{_typed(field, layout)} AS {named(field.column)}" for field in layout.fields)
    context = ", ".join(["file", ROW, *layout.context_types])
    kept = columns(
        ["file", ROW, *(field.column for field in layout.fields), *layout.context_types], of="typed"
    )
    faults = [case for field in layout.fields for case in _field_faults(field, last_day)]
    faults += [f"WHEN {rule.broken} THEN {said(rule.reason)}" for rule in layout.rules]
    subject, join, link_faults = _linking(layout)
    faults += link_faults
    return f"""
        WITH texts AS (SELECT {context}, {texts} FROM raw),
        typed AS (SELECT *, {values} FROM texts)
        SELECT {kept}{subject}, CASE {" ".join(faults)} END AS reason FROM typed {join}"""


def marking_of_repeats(layout: Layout) -> Iterator[str]:
    """Yield the statements that set aside all but the first of the rows of a file that share some columns.

    Versions of one record may share what tells records apart, so they are repeats only when all is the same.
    """
    record = any(field.column == RECORD for field in layout.fields)
    for group in layout.unique:
        yield _mark(group, f"checked.{RECORD} IS NULL" if record else "TRUE")
    if record:
        yield _mark([field.column for field in layout.fields], f"checked.{RECORD} IS NOT NULL")


def _mark(group: Sequence[str], where: str) -> str:
    same = " AND ".join(f"checked.{named(name)} IS NOT DISTINCT FROM first.{named(name)}" for name in group)
    return f"""
        UPDATE checked SET reason = {said(REPEATED)} FROM (
            SELECT file, {columns(group)}, min(row) AS row FROM checked
            WHERE reason IS NULL AND {where} GROUP BY file, {columns(group)} HAVING count(*) > 1
        ) AS first
        WHERE checked.file = first.file AND {same} AND checked.row > first.row AND checked.reason IS NULL AND {where}"""


def _text(column: str) -> str:
    """Return the name that a column's text has beside its value."""
    return named(f"t_{column}")


def _field_faults(field: Field, last_day: str) -> Iterator[str]:
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
        Kind.CODE: f"CASE WHEN {text} IN ({listed(field.codes)}) THEN {text} END"
        if same
        else f"CASE {text} {cases} END",
        Kind.DAY: f"try_strptime({text}, [{listed(layout.day_formats)}])::DATE",
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


def _linking(layout: Layout) -> tuple[str, str, list[str]]:
    """Return what to select, what to join, and the faults of a row's subject."""
    link = layout.link
    if link is None:
        return "", "", []
    if link.parent:
        matched = " AND ".join(f"linked.{named(name)} = typed.{named(name)}" for name in link.on)
        join, orphan = f"LEFT JOIN {link.parent} AS linked ON {matched}", link.orphan
    else:
        key = f"linked.key = typed.{named(link.key)}"
        join, orphan = f"LEFT JOIN spine AS linked ON linked.agency = {said(link.agency)} AND {key}", UNLINKED
    faults = [f"WHEN linked.subject_id IS NULL THEN {said(orphan)}"]
    if layout.happened:
        join += " LEFT JOIN born ON born.subject_id = linked.subject_id"
        faults.append(f"WHEN typed.{named(layout.happened)} < born.month THEN {said(UNBORN)}")
    return ", linked.subject_id", join, faults
