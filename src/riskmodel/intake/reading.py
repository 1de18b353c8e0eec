"""Reads a CSV file or Excel sheet strictly into columns of text: every line is a row or a stated fault, never lost."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from riskmodel.errors import DataError, nearest
from riskmodel.intake.workbook import is_workbook, worksheet_as_csv

ROW = "row"
WINDOWS = (
    "the file is not UTF-8 and was read as Windows-1252 (cp1252): look whether accented letters are right"
)
_LIKE_A_VALUE = re.compile(r"\d{4}")  # a number or a date, as where a header was torn
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class TextRows:
    """Rows of one file before any check.

    Attributes
    ----------
    table : pyarrow.Table
        ``row`` (1 is the first row after the header) and one text column for each column asked for.
    ragged : tuple of (int, str)
        Rows that could not be split into the header's columns, with the reason.
    notes : tuple of str
        What a reader of the report should know about the file as a whole.
    """

    table: pa.Table
    ragged: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows_in(self) -> int:
        """Rows in the file, the header not counted."""
        return int(self.table.num_rows) + len(self.ragged)


def read_rows(
    path: Path,
    *,
    where: str,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    encoding: str | None = None,
    day_format: str = "%Y-%m-%d",
) -> TextRows:
    """Read the wanted columns of a CSV file or an Excel sheet as text; no other column becomes values.

    Parameters
    ----------
    path : Path
        The file; a name that ends in ``.xlsx`` is a workbook.
    where : str
        What messages call it (a path relative to the extract folder).
    columns : sequence of str
        Columns that must be there.
    optional : sequence of str
        Columns that may be absent; they are then empty in every row.
    encoding : str, optional
        Of a CSV file; a UTF-8 byte order mark is allowed. If not given, it is UTF-8, or else Windows-1252 (cp1252),
        which a note then says.
    day_format : str
        How dates of a workbook are written as text.

    Raises
    ------
    DataError
        If the file as a whole cannot be used: unreadable, empty, wrongly encoded, a column missing or named
        twice, cut off in the middle of a row, or with a quotation mark that is not closed.
    """
    content, notes = _content(path, where=where, encoding=encoding, columns=columns, day_format=day_format)
    header = _header(content, where=where)
    _check_header(header, columns, where=where)
    present = [*columns, *(name for name in optional if name in header)]
    table, ragged = _parse(content, header=header, wanted=present, where=where)
    _check_whole(content, rows=table.num_rows, ragged=ragged, where=where)
    table = _with_row_numbers(table, {number for number, _, _ in ragged})
    for name in optional:
        if name not in header:
            table = table.append_column(name, pa.repeat("", table.num_rows))
    faults = tuple((number, f"the row has {found} values, not {wanted}") for number, found, wanted in ragged)
    empty = () if len(faults) + table.num_rows else ("the file has no rows",)
    return TextRows(table, faults, (*notes, *empty))


def columns_of(
    path: Path, *, where: str, encoding: str | None = None, columns: Sequence[str] = ()
) -> list[str]:
    """Return the names in a file's header; of several worksheets, the one that holds ``columns``.

    Raises
    ------
    DataError
        If the file cannot be read, is empty, is wrongly encoded or names a column twice.
    """
    content, _ = _content(path, where=where, encoding=encoding, columns=columns, day_format="%Y-%m-%d")
    return _header(content, where=where)


def csv_name(name: str) -> str:
    """Return the name by which layouts know a file: a workbook goes by the name of the CSV that it stands for."""
    return name[: -len(".xlsx")] + ".csv" if name.lower().endswith(".xlsx") else name


def _content(
    path: Path, *, where: str, encoding: str | None, columns: Sequence[str], day_format: str
) -> tuple[bytes, tuple[str, ...]]:
    """Return a file as CSV in UTF-8 without byte order mark, and what to say of it."""
    content = _bytes(path, where=where)
    if is_workbook(path):
        return worksheet_as_csv(path, where=where, columns=columns, day_format=day_format)
    if encoding is None:
        return _guessed(content, where=where)
    return _decoded(content, encoding, where=where).encode().removeprefix(_BOM), ()


def _bytes(path: Path, *, where: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            expected="a file that can be read",
            found=error.strerror or "an error",
            where=where,
            next_step="Check the path and your rights to it.",
        ) from error
    if not content.strip():
        raise _fault(where, "a header row", "an empty file", "Ask the sender to send it again.")
    return content


def _guessed(content: bytes, *, where: str) -> tuple[bytes, tuple[str, ...]]:
    """Return UTF-8 as it is and Windows-1252 decoded; every other encoding that agencies use has zero bytes."""
    if b"\0" in content or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _fault(
            where,
            "text encoded as UTF-8 or Windows-1252",
            "another encoding, such as UTF-16, or a file that is not text",
            "Ask the sender to export it as UTF-8.",
        )
    if _is_utf8(content):
        return content.removeprefix(_BOM), ()
    return _decoded(content, "cp1252", where=where).encode(), (WINDOWS,)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(content: bytes, encoding: str, *, where: str) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        wanted = "UTF-8 or Windows-1252" if encoding == "cp1252" else encoding.upper()
        raise _fault(
            where,
            f"text encoded as {wanted}",
            "another encoding",
            "Ask the sender to export it as UTF-8.",
        ) from error


def _header(content: bytes, *, where: str) -> list[str]:
    first = re.match(rb"[\r\n]*([^\r\n]*)", content)[1].decode()  # type: ignore[index]  # it always matches
    try:
        header = next(csv.reader(io.StringIO(first), strict=True))
    except csv.Error as error:
        raise _fault(
            where, "a header row", "a quotation mark that is not closed in it", "Ask the sender to repair it."
        ) from error
    twice = [number for number, name in enumerate(header, start=1) if header.count(name) > 1]
    if twice:
        found = f"one name for columns {' and '.join(str(number) for number in twice)}"
        raise _fault(where, "every column once", found, "Ask the sender which is meant.")
    return header


def _check_header(header: Sequence[str], columns: Sequence[str], *, where: str) -> None:
    missing = [name for name in columns if name not in header]
    if not missing:
        return
    if len(header) == 1 and len(columns) > 1:
        hint = "The file has one column only: is it separated by commas?"
    else:
        hint = column_hint(missing[0], header)
    raise _fault(where, f"columns {', '.join(columns)}", f"no column {', '.join(missing)}", hint)


def column_hint(column: str, header: Sequence[str]) -> str:
    """Return a sentence with the names most like a missing column's.

    It never lists all names: where a file lacks its header, they would be a person's values.
    """
    close = nearest(column, [name for name in header if not _may_hold_a_value(column, name)])
    if close:
        return f"For {column}, did you mean {' or '.join(close)}?"
    return f"No name is like {column}: does the file begin with a header row?"


def _may_hold_a_value(column: str, name: str) -> bool:
    """Return whether a torn header may have glued a person's value to a name, which then is not said."""
    glued = column in name and len(name) > len(column) + 3
    return glued or bool(_LIKE_A_VALUE.search(name))


def _parse(
    content: bytes, *, header: Sequence[str], wanted: Sequence[str], where: str
) -> tuple[pa.Table, list[tuple[int, int, int]]]:
    """Return the table and (row, values found, values wanted) of each row that does not fit the header."""
    from pyarrow import csv as arrow_csv  # only intake reads CSV, so only intake pays for it

    ragged: list[tuple[int, int, int]] = []

    def set_aside(row: arrow_csv.InvalidRow) -> str:
        """Note a row that does not fit the header, and go on."""
        ragged.append((row.number - 1, row.actual_columns, row.expected_columns))  # the header is number 1
        return "skip"

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(content),
            # Row numbers are known only without threads.
            read_options=arrow_csv.ReadOptions(use_threads=False),
            parse_options=arrow_csv.ParseOptions(invalid_row_handler=set_aside, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                include_columns=list(wanted),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _not_closed(where) from error
    return table, ragged


def _check_whole(content: bytes, *, rows: int, ragged: Sequence[tuple[int, int, int]], where: str) -> None:
    """Every line that is not blank is the header or a row; the last row is not cut off."""
    total = rows + len(ragged)
    if _lines(content) != total + 1:
        raise _not_closed(where)
    cut = [number for number, found, wanted in ragged if number == total and found < wanted]
    if cut and not content.endswith((b"\n", b"\r")):
        raise _fault(
            where,
            "a whole last row",
            "a file that ends in the middle of a row",
            "Ask the sender to send it again.",
        )
    if ragged and not rows:
        raise _fault(
            where,
            "rows with as many values as the header",
            f"none in {total} rows",
            "Ask the sender how the file was made.",
        )


def _lines(content: bytes) -> int:
    """Return how many lines are not empty: how often something else is followed by the end of a line or of the file."""
    letters = np.frombuffer(content, dtype=np.uint8)
    ends = (letters == ord("\n")) | (letters == ord("\r"))
    return int(np.count_nonzero(ends[1:] & ~ends[:-1])) + int(not ends[-1])


def _with_row_numbers(table: pa.Table, skipped: set[int]) -> pa.Table:
    numbers = np.arange(1, table.num_rows + len(skipped) + 1, dtype=np.int32)
    kept = np.delete(numbers, [number - 1 for number in sorted(skipped)])
    return table.add_column(0, ROW, pa.array(kept))


def _not_closed(where: str) -> DataError:
    return _fault(
        where,
        "one row on each line",
        "a quotation mark that is not closed, or a value over two lines",
        "Ask the sender to export it again without line breaks in values.",
    )


def _fault(where: str, expected: str, found: str, next_step: str) -> DataError:
    return DataError(expected=expected, found=found, where=where, next_step=next_step)
