"""Turns the rows of one raw file into rows that may leave, and sets aside what happened before birth."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.intake.layout import ISO, Field, Kind, Layout
from riskmodel.intake.layouts import housing
from riskmodel.intake.reading import ROW, TextRows, columns_of, read_rows
from riskmodel.linking.raw_account import RawAccount
from riskmodel.linking.raw_files import RawFile
from riskmodel.linking.raw_people import Areas, RawPeople, day_number
from riskmodel.linking.raw_values import (
    BIRTH_COLUMNS,
    WITHHELD,
    birth_fields,
    cleaner,
    each_distinct,
    first_of_month,
)
from riskmodel.linking.secret import Secret

BEFORE_BIRTH = "is before the date of birth"
_UPN_COLUMNS = ("upn", "UPN")
_POSTCODES = ("HOME_POST", "PL_POST")  # official columns that leave as the area that they lie in
_AREA, _POSTCODE = "lsoa", "postcode"
_BATCH_ROWS = 100_000


def gather(file: RawFile, people: RawPeople) -> None:
    """Note the birth dates and pupil numbers that a file gives its agency's keys."""
    layout = file.layouts[0]
    key = layout.link.key if layout.link else ""
    births = [*birth_fields(file.source, layout), *BIRTH_COLUMNS]
    numbers = [name for name in _UPN_COLUMNS if name != key]
    if not key:
        return
    optional = dict.fromkeys([*births, *numbers])
    rows = read_rows(file.path, where=file.name, columns=(key,), optional=tuple(optional)).table
    keys = each_distinct(rows.column(key), str, pa.string()).to_pylist()
    people.add_births(file.agency, zip(keys, _own_births(rows, file).to_pylist(), strict=True))
    for name in numbers:
        upns = each_distinct(rows.column(name), str, pa.string()).to_pylist()
        people.add_upns(file.agency, zip(keys, upns, strict=True))
    if key in _UPN_COLUMNS:
        people.add_upns(file.agency, ((text, text) for text in set(keys)))


def write_rows(file: RawFile, out: Path, *, people: RawPeople, areas: Areas, secret: Secret) -> RawAccount:
    """Write what may leave of a file as CSV in UTF-8, and return the account of its rows."""
    layout = file.layouts[0]
    text = _read(file)
    table, births = text.table, _births(text.table, file, people)
    _remember(table, births, file, people)
    if layout.link and layout.link.key:
        keys = each_distinct(table.column(layout.link.key), str, pa.string()).unique().to_pylist()
        people.keys[file.agency] |= set(keys) - {""}
    late = _before_birth(table, births, file)
    kept, kept_births = table.filter(pc.is_null(late)), births.filter(pc.is_null(late))
    columns, birthdays = _cleaned(kept, file, areas=areas, secret=secret), {}
    for field in _event_days(file):
        if field.column in columns:
            columns[field.column], birthdays[field.column] = _without_birthdays(
                columns[field.column], kept.column(field.column), kept_births, layout
            )
    _write(pa.table(columns), out)
    aside = table.select([ROW]).append_column("reason", late).filter(pc.is_valid(late)).to_pylist()
    set_aside = [*text.ragged, *((row[ROW], row["reason"]) for row in aside)]
    withheld = {name: _count(pc.equal(values, WITHHELD)) for name, values in columns.items()}
    return RawAccount(text.rows_in, kept.num_rows, tuple(sorted(set_aside)), withheld, birthdays)


def _count(flags: pa.Array | pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)


def _read(file: RawFile) -> TextRows:
    layout = file.layouts[0]
    may_lack = {field.column for field in layout.fields if field.may_lack}
    has_area = layout.link is not None and _AREA in {field.column for field in layout.fields}
    if has_area and _POSTCODE in columns_of(file.path, where=file.name):
        may_lack.add(_AREA)
    extras = (
        (*BIRTH_COLUMNS, *_POSTCODES, *((_POSTCODE,) if _AREA in may_lack else ())) if layout.link else ()
    )
    fields = [field.column for field in layout.fields]
    return read_rows(
        file.path,
        where=file.name,
        columns=[name for name in fields if name not in may_lack],
        optional=[*sorted(may_lack), *(name for name in extras if name not in fields)],
        day_format=layout.day_formats[0],
    )


def _cleaned(table: pa.Table, file: RawFile, *, areas: Areas, secret: Secret) -> dict[str, pa.Array]:
    """Return the columns that may leave: the layout's fields, and areas for postcodes."""
    layout = file.layouts[0]
    columns = {}
    for field in layout.fields:
        if layout.link is None:
            columns[field.column] = table.column(field.column).combine_chunks()
        elif not (field.may_lack and _is_blank(table.column(field.column))):
            clean = cleaner(field, source=file.source, layout=layout, agency=file.agency, secret=secret)
            columns[field.column] = each_distinct(table.column(field.column), clean, pa.string())
    if _POSTCODE in table.column_names:
        found = areas.of(table.column(_POSTCODE))
        columns[_AREA] = pc.if_else(pc.equal(columns[_AREA], ""), found, columns[_AREA])
    for name in _POSTCODES:
        if name in table.column_names and not _is_blank(table.column(name)):
            columns[name] = areas.of(table.column(name))
    return columns


def _is_blank(column: pa.ChunkedArray) -> bool:
    return not pc.any(pc.not_equal(pc.utf8_trim_whitespace(column), "")).as_py()


def _own_births(table: pa.Table, file: RawFile) -> pa.Array:
    """Return the birth date that each row itself gives, as days since 1970."""
    layout = file.layouts[0]
    formats = (*layout.day_formats, ISO)
    named = dict.fromkeys([*sorted(birth_fields(file.source, layout)), *BIRTH_COLUMNS])
    columns = [
        each_distinct(table.column(name), lambda text: day_number(text, formats), pa.int32())
        for name in named
        if name in table.column_names
    ]
    return pc.coalesce(*columns) if columns else pa.nulls(table.num_rows, pa.int32())


def _births(table: pa.Table, file: RawFile, people: RawPeople) -> pa.Array:
    """Return the birth date of each row's person: its own, else the key's."""
    link = file.layouts[0].link
    if link is None:
        return pa.nulls(table.num_rows, pa.int32())
    own = _own_births(table, file)
    if link.key:
        by_key: Mapping[str, int] = people.births[file.agency]
        return pc.coalesce(own, each_distinct(table.column(link.key), by_key.get, pa.int32()))
    shared = _shared(file.layouts[0])
    by_parent = people.parents.get(link.parent, {})
    return pc.coalesce(own, each_distinct(table.column(shared), by_parent.get, pa.int32()))


def _shared(layout: Layout) -> str:
    """Return the column by which a row finds its row of another table."""
    on = layout.link.on if layout.link else ()
    return next(name for name in on if name not in layout.context_types)


def _event_days(file: RawFile) -> list[Field]:
    """Return the fields that say when something happened or was written down."""
    layout = file.layouts[0]
    births = birth_fields(file.source, layout) if layout.link else ()
    days = [field for field in layout.fields if field.kind is Kind.DAY and field.column not in births]
    return days if layout.link else []


def _before_birth(table: pa.Table, births: pa.Array, file: RawFile) -> pa.Array:
    """Return for each row why it is set aside: the first date that lies before the person's birth; else nothing."""
    reasons = pa.nulls(table.num_rows, pa.string())
    if file.layouts[0] is housing.RESIDENCE:
        return reasons  # a family lives somewhere before a child is born into it
    for field in _event_days(file):
        days = _days(table.column(field.column), file.layouts[0])
        early = pc.fill_null(pc.less(days, births), False)
        reason = pc.if_else(early, f"{field.shown} {BEFORE_BIRTH}", pa.scalar(None, pa.string()))
        reasons = pc.coalesce(reasons, reason)
    return reasons


def _without_birthdays(
    texts: pa.Array, column: pa.ChunkedArray, births: pa.Array, layout: Layout
) -> tuple[pa.Array, int]:
    """Return dates of which those on the day of birth, which would tell it, are the first of that month."""
    same = pc.fill_null(pc.equal(_days(column, layout), births), False)
    firsts = each_distinct(column, lambda text: first_of_month(text, layout.day_formats), pa.string())
    return pc.if_else(same, firsts, texts), _count(same)


def _days(column: pa.ChunkedArray, layout: Layout) -> pa.Array:
    return each_distinct(column, lambda text: day_number(text, layout.day_formats), pa.int32())


def _remember(table: pa.Table, births: pa.Array, file: RawFile, people: RawPeople) -> None:
    """Keep the birth dates of a table that others link through: of the file read last, which theirs belong to."""
    layout = file.layouts[0]
    children = [other for other in file.source.layouts if other.link and other.link.parent == layout.name]
    if children:
        keys = each_distinct(table.column(_shared(children[0])), str, pa.string()).to_pylist()
        pairs = zip(keys, births.to_pylist(), strict=True)
        people.parents[layout.name] = {key: day for key, day in pairs if day is not None}


def _write(table: pa.Table, out: Path) -> None:
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(table.column_names)
        for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
            writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
