"""The one door to Excel: a worksheet as the CSV text that an agency would have exported."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from riskmodel.errors import DataError

_LARGEST = 4 * 1024**3  # bytes once unpacked: a full sheet of a million rows and forty columns
_RESEND = "Ask the sender to send it again, or to export it as CSV."
Rows = list[list[Any]]


def is_workbook(path: Path) -> bool:
    """Return whether a file's name says that it is an Excel workbook."""
    return path.suffix.lower() == ".xlsx"


def worksheet_as_csv(
    path: Path, *, where: str, columns: Sequence[str], day_format: str
) -> tuple[bytes, tuple[str, ...]]:
    """Return the worksheet that holds the wanted columns as CSV in UTF-8, and what to say of the workbook.

    Dates are written in ``day_format``, whole numbers without a decimal point, truth values as ``true`` and
    ``false``. Blank rows are left out, as in CSV.

    Parameters
    ----------
    path : Path
        The workbook.
    where : str
        What messages call it.
    columns : sequence of str
        Columns that the first row of the worksheet must hold.
    day_format : str
        As in ``strftime``.

    Raises
    ------
    DataError
        If the workbook is damaged, protected or empty, or if several worksheets could be meant.
    """
    _check_archive(path, where=where)
    sheets = {name: rows for name, rows in _sheets(path, where=where).items() if rows}
    name = _chosen(sheets, columns, where=where)
    header, *rows = sheets[name]
    width = _width(header, rows)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_text(cell, day_format).strip() for cell in header[:width]])
    texts = ([_text(cell, day_format) for cell in row[:width]] for row in rows)
    writer.writerows(row for row in texts if any(text.strip() for text in row))
    unread = len(sheets) - 1
    notes = (f"{unread} other worksheets were not read: they do not hold its columns",) if unread else ()
    return stream.getvalue().encode(), notes


def worksheets(path: Path, *, where: str) -> list[list[list[str]]]:
    """Return every worksheet that has rows, as rows of text.

    Raises
    ------
    DataError
        If the workbook is damaged or protected.
    """
    _check_archive(path, where=where)
    sheets = _sheets(path, where=where).values()
    return [[[_text(cell, "%Y-%m-%d").strip() for cell in row] for row in rows] for rows in sheets if rows]


def _check_archive(path: Path, *, where: str) -> None:
    """Refuse a workbook whose parts do not have the checksums that it states: the reader would not look."""
    try:
        with zipfile.ZipFile(path) as archive:
            too_large = sum(part.file_size for part in archive.infolist()) > _LARGEST
            whole = too_large or archive.testzip() is None
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise _damaged(where) from error
    except zipfile.zlib.error as error:  # type: ignore[attr-defined]  # zipfile lets it through
        raise _damaged(where) from error
    if too_large:
        raise DataError(
            expected="a workbook of at most 4 GB once unpacked",
            found="a larger one",
            where=where,
            next_step="Ask the sender to export it as CSV.",
        )
    if not whole:
        raise _damaged(where)


def _sheets(path: Path, *, where: str) -> dict[str, Rows]:
    import python_calamine  # only who brings a workbook pays for it

    try:
        with python_calamine.load_workbook(path) as workbook:
            return {name: workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names}
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise _damaged(where) from error


def _chosen(sheets: dict[str, Rows], columns: Sequence[str], *, where: str) -> str:
    """Return the only sheet with rows, or the only one of several that holds the columns; names are not repeated."""
    if not sheets:
        raise DataError(
            expected="a header row",
            found="a workbook without rows",
            where=where,
            next_step=_RESEND,
        )
    if len(sheets) == 1:
        return next(iter(sheets))
    fitting = [
        name for name, rows in sheets.items() if set(columns) <= {str(cell).strip() for cell in rows[0]}
    ]
    if len(fitting) == 1:
        return fitting[0]
    raise DataError(
        expected="one worksheet with its columns in the first row",
        found=f"{len(sheets)} worksheets with rows, of which {len(fitting) or 'none'} hold these columns",
        where=where,
        next_step="Ask the sender for a workbook with one worksheet, or for CSV.",
    )


def _width(header: Sequence[Any], rows: Rows) -> int:
    """Return how many columns there are: those after the last name count only if they hold something."""
    used = [i for i, cell in enumerate(header) if str(cell).strip()]
    last = used[-1] + 1 if used else 0
    beyond = any(str(cell).strip() for row in rows for cell in row[last:])
    return len(header) if beyond else last


def _text(cell: Any, day_format: str) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime) and (cell.hour or cell.minute or cell.second):
        return cell.isoformat(sep=" ", timespec="seconds")
    return cell.strftime(day_format) if isinstance(cell, date) else str(cell)


def _damaged(where: str) -> DataError:
    return DataError(
        expected="a whole Excel workbook without a password",
        found="a file that is cut off, damaged or protected",
        where=where,
        next_step=_RESEND,
    )
