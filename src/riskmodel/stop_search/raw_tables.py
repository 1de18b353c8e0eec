"""Published stop-and-search files as tables of text with our names of the columns."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from riskmodel.errors import DataError, StudyError
from riskmodel.stop_search.labels import COLUMNS, REQUIRED

_PATTERN = "*stop-and-search.csv"
_SHOWN = 8


def read_tables(paths: Sequence[Path]) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Read files as they are published: text, blank where a column may be missing and is.

    Parameters
    ----------
    paths : sequence of Path
        CSV files, JSON answers of the API, or folders with files named ``*stop-and-search.csv``.

    Returns
    -------
    dict of str to DataFrame
        By file name.
    tuple of str
        Files that are, byte for byte, one that was read already: left out.

    Raises
    ------
    StudyError
        If a file does not exist.
    DataError
        If a file is not one of stop and search.
    """
    contents, repeated = _different(_files(paths))
    return {name: _columns_of(_table(name, content), name) for name, content in contents.items()}, repeated


def _files(paths: Sequence[Path]) -> list[Path]:
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise StudyError([f"no such file: {path}" for path in missing], where="the command")
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.rglob(_PATTERN)) if path.is_dir() else [path]
        if not inside:
            raise StudyError([f"no file named {_PATTERN} in the folder {path}"], where="the command")
        found += inside
    return found


def _different(files: Iterable[Path]) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Return contents by file name, each once, and the names of those that came before under another name."""
    seen: set[bytes] = set()
    contents: dict[str, bytes] = {}
    repeated = []
    for path in files:
        content = path.read_bytes()
        digest = hashlib.sha256(content).digest()
        if digest in seen:
            repeated.append(path.name)
            continue
        seen.add(digest)
        contents[path.name if path.name not in contents else str(path)] = content
    return contents, tuple(repeated)


def _table(name: str, content: bytes) -> pd.DataFrame:
    text = _decoded(content)
    if text.lstrip()[:1] in {"[", "{"}:
        return _api_table(name, text)
    return _csv_table(name, text)


def _csv_table(name: str, text: str) -> pd.DataFrame:
    """Return a CSV text as a table, if every row is whole: half a search would be counted as one with blanks."""
    try:
        header, *rows = (row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row)
    except (csv.Error, ValueError):
        raise _not_searches(name, "a file that is no table, or a quotation mark that is not closed") from None
    if len(set(header)) < len(header):
        raise _not_searches(name, "one name for two columns")
    width = len(header)
    broken = sum(len(row) < width or any(row[width:]) for row in rows)
    if broken:
        raise _not_searches(
            name, f"{broken:,} of {len(rows):,} rows that have not the {width} values of the header"
        )
    return pd.DataFrame([row[:width] for row in rows], columns=header, dtype=str)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _api_table(name: str, text: str) -> pd.DataFrame:
    """Return the answer of the API as a table; the outcome ``false`` stands for nothing found."""
    try:
        flat = pd.json_normalize(json.loads(text))
    except (ValueError, NotImplementedError, AttributeError, TypeError):
        raise _not_searches(name, "a file that is no answer of the API") from None
    return flat.astype(object).where(flat.notna(), "").astype(str)


def _columns_of(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return our columns in our order, blank where a file lacks one that it may lack."""
    header = {str(column).strip().casefold(): column for column in table.columns}
    chosen = {}
    for ours, theirs in COLUMNS.items():
        found = next((header[one.casefold()] for one in theirs if one.casefold() in header), None)
        chosen[ours] = found
    missing = [COLUMNS[ours][0] for ours in REQUIRED if chosen.get(ours) is None]
    if missing:
        listed = ", ".join(map(str, table.columns[:_SHOWN]))
        raise _not_searches(name, f"no column {' or '.join(missing)} among: {listed}")
    blank = pd.Series([""] * len(table), index=table.index)
    return pd.DataFrame(
        {ours: table[theirs] if theirs is not None else blank for ours, theirs in chosen.items()}
    )


def _not_searches(name: str, found: str) -> DataError:
    wanted = ", ".join(COLUMNS[ours][0] for ours in REQUIRED)
    return DataError(
        expected=f"published stop and search with the columns {wanted}",
        found=found,
        where=name,
        next_step="Take the file whole, as data.police.uk publishes it.",
    )
