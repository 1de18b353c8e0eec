"""Refuses files that look as if they held direct identifiers: no analyst command reads them.

It looks at the names of all columns and at a sample of their values, at most about 2,000 rows spread over the file,
so that it costs little however long the file is. It is a net under the linking party's work, not a proof.
"""

from __future__ import annotations

import csv
import mmap
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.errors import PolicyError
from riskmodel.intake.identifiers import (
    coded_identifier,
    is_postcode,
    named_identifier,
    undeclared,
    valued_identifier,
)
from riskmodel.intake.workbook import is_workbook, worksheets

MANIFEST_SAYS = "in declared_use of manifest.json"
STUDY_SAYS = "in data.declared_use of the study"
_ROWS = 2_000
_PLACES = 40  # where a long file is looked at
_BLOCK = 16_384  # bytes looked at in each place
_ELEMENT = re.compile(r"<(?:\w+:)?(\w+)(?:\s[^<>]*)?>\s*([^<>\s][^<>]*?)\s*</")
_OFFICIAL_ELEMENTS = ("FormerUPN", "Surname", "Forename", "NHSNumber", "Postcode")

Sample = Mapping[str, Sequence[str]]


def refuse_identifiers(folder: Path, declared: Mapping[str, str]) -> None:
    """Refuse a folder of extracts in which any file looks as if it held direct identifiers.

    Parameters
    ----------
    folder : Path
        Every CSV, Excel, XML and Parquet file below it is looked at, whether or not a layout reads it.
    declared : mapping of str to str
        Columns that look like identifiers, and why they are not.

    Raises
    ------
    PolicyError
        Naming each file and column, never a value.
    """
    _refuse(identifiers_in(folder), declared, how=MANIFEST_SAYS)


def identifiers_in(folder: Path) -> dict[str, dict[str, str]]:
    """Return what looks like direct identifiers: by file, by column, what it looks like."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        look = _LOOKS.get(path.suffix.lower())
        where = path.relative_to(folder).as_posix()
        columns = {} if look is None else look(path, where)
        if columns:
            found[where] = columns
    return found


def refuse_identifiers_in_csv(
    path: Path, *, declared: Mapping[str, str], delimiter: str = ",", encoding: str | None = None
) -> None:
    """Refuse a study's CSV file or workbook that looks as if it held direct identifiers.

    Raises
    ------
    PolicyError
        Naming the file and the columns, never a value.
    """
    found = _in_workbook(path, path.name) if is_workbook(path) else _in_text(path, delimiter, encoding)
    _refuse({path.name: found}, declared, how=STUDY_SAYS)


def refuse_identifiers_in_parquet(paths: Iterable[Path], *, declared: Mapping[str, str]) -> None:
    """Refuse event files whose columns or codes look as if they held direct identifiers.

    Raises
    ------
    PolicyError
        Naming the files and the columns, never a value.
    """
    found = {path.name: _in_parquet(path, path.name) for path in paths}
    _refuse(found, declared, how=STUDY_SAYS)


def _refuse(found: Mapping[str, Mapping[str, str]], declared: Mapping[str, str], *, how: str) -> None:
    faults = [
        f"  - {where}: {column} looks like {what}"
        for where, columns in found.items()
        for column, what in undeclared(columns, declared).items()
    ]
    if faults:
        listed = "\n".join(faults)
        raise PolicyError(
            "Analyst commands refuse data that look like direct identifiers:\n"
            f"{listed}\n"
            "Run 'riskmodel pseudonymise' at the linking party. If a column is no direct identifier, name it and "
            f"write down why {how}."
        )


def _in_csv(path: Path, _where: str) -> dict[str, str]:
    return _in_text(path)


def _in_text(path: Path, delimiter: str = ",", encoding: str | None = None) -> dict[str, str]:
    rows = [_cells(line, delimiter) for line in _spread_lines(path, encoding)]
    if not rows:
        return {}
    header = [name.strip().removeprefix("\ufeff") for name in rows[0]]
    whole = [row for row in rows[1:] if len(row) == len(header)]
    columns = {name: [row[i] for row in whole] for i, name in enumerate(header)}
    return _judged(columns, lambda name: _has_a_value(path, header.index(name), delimiter))


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line; a line that is not CSV has none, and the reader refuses it in its own words."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _spread_lines(path: Path, encoding: str | None) -> list[str]:
    """Return the header and lines from places spread evenly over the file; a short file is read whole."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        if size <= _PLACES * _BLOCK:
            lines = stream.read().splitlines()
            return [_text(line, encoding) for line in _thinned([line for line in lines if line.strip()])]
        lines = stream.read(_BLOCK).splitlines()[:-1]
        for place in range(1, _PLACES):
            stream.seek(size * place // _PLACES)
            lines += stream.read(_BLOCK).splitlines()[1:-1]
    return [_text(line, encoding) for line in _thinned([line for line in lines if line.strip()])]


def _thinned(lines: list[bytes]) -> list[bytes]:
    """Return the first line and at most about 2,000 of the others."""
    step = max(1, len(lines) // _ROWS)
    return lines[:1] + lines[1::step]


def _text(line: bytes, encoding: str | None) -> str:
    """Return a line as text; UTF-16 loses its zero bytes, which leaves what identifiers are made of."""
    line = line.replace(b"\0", b"")
    try:
        return line.decode(encoding if encoding and "16" not in encoding else "utf-8")
    except (UnicodeDecodeError, LookupError):
        return line.decode("latin-1")


def _has_a_value(path: Path, place: int, delimiter: str) -> bool:
    """Return whether a column holds anything at all, which a sample cannot tell."""
    with path.open(encoding="latin-1") as stream:
        next(stream, None)
        rows = (_cells(line.replace("\0", ""), delimiter) for line in stream)
        return any(len(row) > place and row[place].strip() for row in rows)


def _in_workbook(path: Path, where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for header, *rows in worksheets(path, where=where):
        columns = {name: [row[i] for row in rows] for i, name in enumerate(header)}
        found |= _judged(columns, lambda _: False)
    return found


def _in_xml(path: Path, _where: str) -> dict[str, str]:
    with path.open("rb") as stream:
        if not path.stat().st_size:
            return {}
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            size = len(content)
            whole = size <= _PLACES * _BLOCK
            starts = [0] if whole else [size * place // _PLACES for place in range(_PLACES)]
            blocks = [content[start : start + (size if whole else _BLOCK)] for start in starts]
            named = {name: ["?"] for name in _OFFICIAL_ELEMENTS if _is_filled(content, name)}
    gathered: dict[str, list[str]] = dict(named)
    for block in blocks:
        for name, value in _ELEMENT.findall(block.replace(b"\0", b"").decode("latin-1")):
            gathered.setdefault(name, []).append(value)
    return _judged(gathered, lambda _: False)


def _is_filled(content: mmap.mmap, name: str) -> bool:
    """Return whether an element with this name holds text anywhere in a file."""
    return re.search(rb"<(?:\w+:)?%b>\s*[^<\s]" % name.encode(), content) is not None


def _in_parquet(path: Path, _where: str) -> dict[str, str]:
    try:
        rows = _spread_rows(pq.ParquetFile(path))
    except (pa.ArrowException, OSError):
        return {}  # the reader refuses it in its own words
    texts = {name: _texts(rows.column(name)) for name in rows.column_names}
    codes, attributes = texts.pop("code", []), texts.get("attribute", [])
    found = _judged(texts, lambda name: any(_texts(pq.read_table(path, columns=[name]).column(0))))
    if what := coded_identifier(set(codes)):
        found["code"] = what
    if what := next(filter(None, map(named_identifier, sorted(set(attributes)))), ""):
        found["attribute"] = what
    return found


def _texts(column: pa.ChunkedArray) -> list[str]:
    return [str(value).strip() for value in column.to_pylist() if value is not None]


def _spread_rows(file: pq.ParquetFile) -> pa.Table:
    """Return rows from groups spread evenly over the file."""
    groups = file.num_row_groups
    chosen = sorted({groups * place // 8 for place in range(8)} if groups else set())
    each = _ROWS // max(1, len(chosen))
    parts = [file.schema_arrow.empty_table()]
    for group in chosen:
        part = file.read_row_group(group)
        parts.append(part.take(list(range(0, part.num_rows, max(1, part.num_rows // each)))))
    return pa.concat_tables(parts)


def _judged(columns: Sample, has_a_value: Callable[[str], bool]) -> dict[str, str]:
    """Return each column that looks like an identifier, and like which; columns without a value are fine."""
    found = {}
    is_header = not any(_is_a_value(name) for name in columns)
    for number, (name, values) in enumerate(columns.items(), start=1):
        distinct = {value for value in values if value.strip()}
        what = named_identifier(name)
        if what and not distinct and not has_a_value(name):
            what = ""
        what = what or valued_identifier(distinct, column=name)
        if what:
            found[name if is_header else f"column {number}"] = what
    return found


def _is_a_value(name: str) -> bool:
    """Return whether a column's name is rather a person's value, as where a file lacks its header."""
    return is_postcode(name) or bool(re.search(r"\d{4}", name))


_LOOKS: Mapping[str, Callable[[Path, str], dict[str, str]]] = {
    ".csv": _in_csv,
    ".xlsx": _in_workbook,
    ".xml": _in_xml,
    ".parquet": _in_parquet,
}
