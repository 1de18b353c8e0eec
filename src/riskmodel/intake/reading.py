"""Reads a CSV file strictly into columns of text: every line is a row or a stated fault, never lost."""

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

ROW = "row"
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
    encoding: str = "utf-8",
) -> TextRows:
    """Read the wanted columns of a CSV file as text; other columns are never read into memory as values.

    Parameters
    ----------
    path : Path
        The file.
    where : str
        What messages call it (a path relative to the extract folder).
    columns : sequence of str
        Columns that must be there.
    optional : sequence of str
        Columns that may be absent; they are then empty in every row.
    encoding : str
        Of the file; a UTF-8 byte order mark is allowed.

    Raises
    ------
    DataError
        If the file as a whole cannot be used: unreadable, empty, wrongly encoded, a column missing or named
        twice, cut off in the middle of a row, or with a quotation mark that is not closed.
    """
    content = _content(path, where=where, encoding=encoding)
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
    return TextRows(table, faults, () if len(faults) + table.num_rows else ("the file has no rows",))


def columns_of(path: Path, *, where: str, encoding: str = "utf-8") -> list[str]:
    """Return the names in a CSV file's header.

    Raises
    ------
    DataError
        If the file cannot be read, is empty, is wrongly encoded or names a column twice.
    """
    return _header(_content(path, where=where, encoding=encoding), where=where)


def _content(path: Path, *, where: str, encoding: str) -> bytes:
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
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise _fault(
            where,
            f"text encoded as {encoding.upper()}",
            "another encoding",
            "Ask the sender to export it as UTF-8.",
        ) from error
    if encoding.lower().replace("-", "") not in ("utf8", "utf8sig"):
        content = text.encode()
    return content.removeprefix(_BOM)


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
    close = nearest(column, header)
    if close:
        return f"For {column}, did you mean {' or '.join(close)}?"
    return f"No name is like {column}: does the file begin with a header row?"


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
