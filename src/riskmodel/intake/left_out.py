"""Who must not be taken in: people who were erased, and who must be in no cohort: people who objected.

Two small files beside the data say so. ``objections.csv`` has ``subject_id,objected_on``. ``forgotten.csv`` has
``salt,sha256``: hashes of the pseudonyms of people who were erased, so that a later delivery, or a second intake of an
old one, cannot bring them back. A hash tells nothing to somebody who does not hold the pseudonym already.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.errors import DataError
from riskmodel.files import digest_bytes, digest_path
from riskmodel.intake.layout import Context, Layout, Link
from riskmodel.intake.reading import ROW, TextRows, read_rows
from riskmodel.tables.records import Objections

OBJECTIONS = "objections.csv"
FORGOTTEN = "forgotten.csv"
SPINE_FILE = "spine.csv"
AUDIT_LOG = "audit.jsonl"
BESIDE = (OBJECTIONS, FORGOTTEN, AUDIT_LOG)
"""Files that may lie beside the data in any data folder."""
ERASED = "of a person who was erased"

Key = tuple[str, str]
BoolArray = npt.NDArray[np.bool_]


def read_objections(*folders: Path, number: Callable[[str], int] = int) -> Objections:
    """Return everybody who objected according to some folders and their shards, each with the earliest day.

    Parameters
    ----------
    *folders : Path
    number : callable
        What makes a subject's number from its text.

    Raises
    ------
    DataError
        If a file cannot be read: an objection must not be lost.
    """
    said: dict[int, date] = {}
    for path in _files(folders, OBJECTIONS):
        _note_earliest(said, _numbered(path, number))
    for path in _files(folders, Objections.file_name):
        table = pq.read_table(path, partitioning=None)
        days = zip(
            table.column("subject_id").to_pylist(), table.column("objected_on").to_pylist(), strict=True
        )
        _note_earliest(said, days)
    ids = pa.array(list(said), pa.int64())
    return Objections.build(
        pa.table([ids, pa.array(list(said.values()), pa.date32())], schema=Objections.schema)
    )


def _note_earliest(said: dict[int, date], more: Iterable[tuple[int, date]]) -> None:
    for subject, day in more:
        said[subject] = min(day, said.get(subject, day))


def objections_in(path: Path) -> list[tuple[str, date]]:
    """Return the subjects (as text) and days of one ``objections.csv``; nothing where there is no such file.

    Raises
    ------
    DataError
        If a row is not a subject and a day.
    """
    if not path.exists():
        return []
    try:
        return [
            (row["subject_id"].strip(), date.fromisoformat(row["objected_on"].strip()))
            for row in _rows_of(path)
        ]
    except (KeyError, ValueError, AttributeError, csv.Error) as error:
        raise _damaged(path, "columns subject_id,objected_on with a day (YYYY-MM-DD) in every row") from error


def _numbered(path: Path, number: Callable[[str], int]) -> Iterator[tuple[int, date]]:
    for text, day in objections_in(path):
        try:
            yield number(text), day
        except ValueError as error:
            raise _damaged(path, "a subject's number in every row") from error


def _rows_of(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from csv.DictReader(stream, strict=True)


def _damaged(path: Path, expected: str) -> DataError:
    return DataError(
        expected=expected,
        found="something else",
        where=path.name,
        next_step="Restore the file from a backup, or repair it by hand: without it people would be counted against "
        "their will.",
    )


def _files(folders: Iterable[Path], name: str) -> Iterator[Path]:
    """Yield the files of a name in some folders, in their shards, and beside a shard."""
    for folder in folders:
        above = [folder.parent / name] if folder.name.startswith("shard-") else []
        yield from (
            path for path in (*above, folder / name, *sorted(folder.glob(f"shard-*/{name}"))) if path.exists()
        )


def digest_data(path: Path) -> str:
    """Return the SHA-256 of a data folder, or of a file and of who is left out beside it.

    The audit log does not count: it says what was done to the data, and every change of the data shows by itself.
    """
    if path.is_dir():
        return digest_path(path, without=(AUDIT_LOG,))
    beside = [path.parent / name for name in (OBJECTIONS, FORGOTTEN) if (path.parent / name).exists()]
    return digest_bytes(*(digest_path(file).encode() for file in (path, *beside)))


@dataclass(frozen=True)
class Tombstones:
    """Salted hashes of the pseudonyms of people who were erased: hashes by salt."""

    by_salt: Mapping[str, frozenset[str]]

    @classmethod
    def read(cls, *folders: Path) -> Tombstones:
        """Read ``forgotten.csv`` of some folders and their shards.

        Raises
        ------
        DataError
            If a file cannot be read: somebody who was erased would come back.
        """
        found: dict[str, set[str]] = {}
        for path in _files(folders, FORGOTTEN):
            for salt, sha in tombstones_in(path):
                found.setdefault(salt, set()).add(sha)
        return cls({salt: frozenset(some) for salt, some in found.items()})

    def __bool__(self) -> bool:
        return bool(self.by_salt)

    def holds(self, text: str) -> bool:
        """Return whether a pseudonym, as ``subject_text`` or ``key_text`` wrote it, is of somebody erased."""
        return any(tombstone(salt, text) in some for salt, some in self.by_salt.items())

    def subjects(self, subject_id: pa.ChunkedArray) -> BoolArray:
        """Return which rows of a column of subjects are of somebody erased."""
        if not self:
            return np.zeros(len(subject_id), dtype=np.bool_)
        everybody = subject_id.unique().drop_null().to_pylist()
        gone = [one for one in everybody if self.holds(subject_text(one))]
        return _is_in(subject_id, pa.array(gone, subject_id.type))


def tombstones_in(path: Path) -> list[tuple[str, str]]:
    """Return salt and hash of each row of one ``forgotten.csv``; nothing where there is no such file.

    Raises
    ------
    DataError
        If a row is not a salt and a hash.
    """
    if not path.exists():
        return []
    try:
        rows = [(row["salt"], row["sha256"]) for row in _rows_of(path)]
    except (KeyError, ValueError, csv.Error) as error:
        raise _damaged(path, "columns salt,sha256") from error
    if not all(re.fullmatch(r"[0-9a-f]{64}", sha or "") for _, sha in rows):
        raise _damaged(path, "a SHA-256 in every row")
    return rows


def tombstone(salt: str, text: str) -> str:
    """Return the salted SHA-256 of a pseudonym."""
    return hashlib.sha256(f"{salt}|{text}".encode()).hexdigest()


def subject_text(subject: int | str) -> str:
    """Return what is hashed for a subject."""
    return f"subject|{subject}"


def key_text(key: Key) -> str:
    """Return what is hashed for an agency's key."""
    return "|".join(key)


class RowsOfKeys:
    """Finds the rows of official extracts that belong to some agencies' keys, directly or through a parent's row.

    Parents must be shown before their children, as layouts are listed.
    """

    def __init__(self, keys: Collection[Key]) -> None:
        self._keys: dict[str, set[str]] = {}
        for agency, key in keys:
            self._keys.setdefault(agency, set()).add(key)
        self._parents: dict[str, list[Mapping[str, object]]] = {}

    def find(self, layout: Layout, table: pa.Table, context: Context) -> BoolArray:
        """Return which rows of one file's table of text are theirs, and remember them for their children."""
        found = self._find(layout, table, context)
        if found.any():
            names = [field.column for field in layout.fields if field.column in table.column_names]
            own = pa.table({name: _trimmed(table, name) for name in names}).filter(pa.array(found))
            self._parents.setdefault(layout.name, []).extend({**row, **context} for row in own.to_pylist())
        return found

    def pseudonyms(self, link: Link, context: Context) -> frozenset[str]:
        """Return the texts by which a row that cannot be split into a file's columns can still be known as theirs."""
        if not link.parent:
            return frozenset(self._keys.get(link.agency, ()))
        parents = (row for row in self._parents.get(link.parent, []) if _same(row, context, link.on))
        return frozenset(str(row[name]) for row in parents for name in link.on if name not in context)

    def _find(self, layout: Layout, table: pa.Table, context: Context) -> BoolArray:
        if {"agency", "key"} <= set(table.column_names):
            return self._in_spine(table)
        link = layout.link
        if link is None:
            return np.zeros(table.num_rows, dtype=np.bool_)
        if link.parent:
            return _children(self._parents.get(link.parent, []), table, context, link.on)
        return _is_in(
            _trimmed(table, link.key), pa.array(sorted(self._keys.get(link.agency, ())), pa.string())
        )

    def _in_spine(self, table: pa.Table) -> BoolArray:
        agency, key = _trimmed(table, "agency"), _trimmed(table, "key")
        found = np.zeros(table.num_rows, dtype=np.bool_)
        for name, keys in self._keys.items():
            same = np.asarray(pc.equal(agency, name))
            found |= same & _is_in(key, pa.array(sorted(keys), pa.string()))
        return found


def _children(
    parents: Sequence[Mapping[str, object]], table: pa.Table, context: Context, on: Sequence[str]
) -> BoolArray:
    """Return which rows hang from one of some parents' rows."""
    wanted = {
        tuple(row[name] for name in on if name not in context) for row in parents if _same(row, context, on)
    }
    names = [name for name in on if name not in context]
    found = np.full(table.num_rows, bool(wanted))
    for place, name in enumerate(names):
        values = sorted({str(one[place]) for one in wanted})
        found &= _is_in(_trimmed(table, name), pa.array(values, pa.string()))
    if len(names) > 1:
        for row in np.flatnonzero(found):
            found[row] = tuple(_trimmed(table.slice(row, 1), name)[0].as_py() for name in names) in wanted
    return found


def _same(row: Mapping[str, object], context: Context, on: Sequence[str]) -> bool:
    return all(row[name] == context[name] for name in on if name in context)


def _trimmed(table: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.utf8_trim_whitespace(table.column(name))


def _is_in(column: pa.ChunkedArray, values: pa.Array) -> BoolArray:
    return np.asarray(pc.is_in(column, value_set=values)).astype(np.bool_)


class ErasedRows:
    """Takes the rows of people who were erased out of official extracts, before anything else reads them."""

    def __init__(self, tombstones: Tombstones, extracts: Path) -> None:
        self._rows = RowsOfKeys(_erased_keys(tombstones, extracts / SPINE_FILE) if tombstones else ())
        self._idle = not tombstones

    def cut(self, layout: Layout, text: TextRows, context: Context) -> TextRows:
        """Return a file's rows without theirs."""
        return text if self._idle else without_rows(text, self._rows.find(layout, text.table, context))


def without_rows(text: TextRows, erased: BoolArray) -> TextRows:
    """Return rows without those of people who were erased: these are set aside with a reason and without any value."""
    if not erased.any():
        return text
    numbers = text.table.column(ROW).filter(pa.array(erased)).to_pylist()
    return replace(
        text,
        table=text.table.filter(pa.array(~erased)),
        ragged=(*text.ragged, *((number, ERASED) for number in numbers)),
    )


def _erased_keys(tombstones: Tombstones, spine: Path) -> frozenset[Key]:
    return frozenset(
        key
        for key, subject in spine_rows(spine)
        if tombstones.holds(subject_text(subject)) or tombstones.holds(key_text(key))
    )


def spine_rows(path: Path) -> Iterator[tuple[Key, str]]:
    """Yield agency and key, and the subject as text, of each row of a spine.

    Raises
    ------
    DataError
        If the file as a whole cannot be used.
    """
    table = read_rows(path, where=path.name, columns=("agency", "key", "subject_id")).table
    columns = (_trimmed(table, name).to_pylist() for name in ("agency", "key", "subject_id"))
    for agency, key, subject in zip(*columns, strict=True):
        yield (agency, key), subject
