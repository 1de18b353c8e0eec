"""Looks for pseudonyms in every file of some folders: the proof at the end of an erasure."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.rights.cuts import csv_header, csv_rows_where
from riskmodel.rights.people import LINKAGE, People

LONG_ENOUGH = 8
"""A shorter pseudonym is looked for as a whole value of its own column only: as text it would be found by chance."""
CLOSED = frozenset({".xlsx", ".xls", ".zip", ".gz", ".7z"})
"""Kinds of files that cannot be looked into."""


_RUNS = re.compile(rb"[0-9A-Za-z]{%d,}" % LONG_ENOUGH)


@dataclass(frozen=True)
class Needles:
    """Texts to look for: by their longest run of letters and digits, so that one pass over a file finds any of them.

    ``broken`` has those without a run that is long enough; each is looked for by itself.
    """

    by_run: Mapping[bytes, tuple[bytes, ...]]
    broken: tuple[bytes, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Needles:
        """Sort the texts that are long enough."""
        by_run: dict[bytes, tuple[bytes, ...]] = {}
        broken = []
        for text in sorted(text.encode() for text in texts if len(text) >= LONG_ENOUGH):
            runs = _RUNS.findall(text)
            if runs:
                by_run[runs[0]] = (*by_run.get(runs[0], ()), text)
            else:
                broken.append(text)
        return cls(by_run, tuple(broken))


@dataclass(frozen=True)
class SearchReport:
    """What a search found.

    Attributes
    ----------
    searched : int
        Files that were looked into.
    left : tuple of Path
        Files in which a pseudonym still stands.
    closed : tuple of Path
        Files that could not be looked into, such as workbooks and archives.
    """

    searched: int
    left: tuple[Path, ...]
    closed: tuple[Path, ...]

    def words(self) -> str:
        """Return the same for a person."""
        told = f"Searched {self.searched} files: {len(self.left)} left."
        if self.left:
            told += f" Pseudonyms still stand in: {', '.join(path.name for path in self.left)}."
        if self.closed:
            names = ", ".join(path.name for path in self.closed)
            told += f" {len(self.closed)} files cannot be looked into; check them by hand: {names}."
        return told


def search(folders: Iterable[Path], people: People) -> SearchReport:
    """Look for some people's numbers and keys in every file, Parquet decoded."""
    files = list(dict.fromkeys(path for folder in folders for path in _files(folder)))
    closed = tuple(path for path in files if path.suffix in CLOSED)
    open_files = [path for path in files if path.suffix not in CLOSED]
    everyone = _Wanted.of(people.subjects, people)
    keys_only = _Wanted.of(frozenset(), people)
    # Linkage numbers its subjects anew: their numbers there are other people's.
    left = tuple(
        path
        for path in open_files
        if _holds(path, keys_only if (path.parent / LINKAGE).exists() else everyone)
    )
    return SearchReport(len(open_files), left, closed)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


@dataclass(frozen=True)
class _Wanted:
    """What is looked for in one file."""

    subjects: frozenset[int]
    texts: frozenset[str]
    needles: Needles

    @classmethod
    def of(cls, subjects: frozenset[int], people: People) -> _Wanted:
        """Prepare the search for some numbers and for everybody's keys."""
        texts = frozenset({*map(str, subjects), *(key for _, key in people.keys)})
        return cls(subjects, texts, Needles.of(texts))


def _holds(path: Path, wanted: _Wanted) -> bool:
    if path.suffix == ".parquet":
        return _in_table(path, wanted)
    if path.suffix == ".csv" and "subject_id" in csv_header(path):
        ids = {str(subject) for subject in wanted.subjects}
        if csv_rows_where(path, lambda row: row.get("subject_id") in ids):
            return True
    return _in_bytes(path, wanted.needles)


def _in_table(path: Path, wanted: _Wanted) -> bool:
    file = pq.ParquetFile(path)
    numbers, words = (
        pa.array(sorted(wanted.subjects), pa.int64()),
        pa.array(sorted(wanted.texts), pa.string()),
    )
    long = pa.array(sorted(text for text in wanted.texts if len(text) >= LONG_ENOUGH), pa.string())
    for group in range(file.metadata.num_row_groups):
        table = file.read_row_group(group)
        for name, column in zip(table.column_names, table.columns, strict=True):
            own = name in ("subject_id", "key")
            if pa.types.is_integer(column.type):
                found = own and _any_in(column.cast(pa.int64()), numbers)
            else:
                found = _is_text(column.type) and _any_in(column.cast(pa.string()), words if own else long)
            if found:
                return True
    return False


def _is_text(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain))


def _any_in(column: pa.ChunkedArray, values: pa.Array) -> bool:
    return bool(pc.any(pc.is_in(column, value_set=values)).as_py())


def _in_bytes(path: Path, needles: Needles) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if any(_stands_alone(content, one) for one in needles.broken):
            return True
        return any(
            _stands_alone(content, one)
            for run in _RUNS.finditer(content)
            for one in needles.by_run.get(run.group(), ())
        )


def _stands_alone(content: mmap.mmap, wanted: bytes) -> bool:
    """Return whether a text stands somewhere without a letter or digit before or after it."""
    place = content.find(wanted)
    while place >= 0:
        after = place + len(wanted)
        around = content[max(place - 1, 0) : place] + content[after : after + 1]
        if not any(chr(one).isalnum() for one in around):
            return True
        place = content.find(wanted, place + 1)
    return False
