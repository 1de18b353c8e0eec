"""Takes rows out of one file. Every file is replaced whole, and what stays keeps its bytes, or its values, and its order."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.files import whole_file

GONE = ".forgotten-"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Cut:
    """One file that loses rows, or one file or folder that goes as a whole.

    Attributes
    ----------
    path : Path
    rows : int
        Rows about people that go.
    carry_out : callable
        Does it.
    last : int
        Cuts with a higher number come after all others, in whatever folder: others rely on what they take out.
    """

    path: Path
    rows: int
    carry_out: Callable[[], None]
    last: int = 0


def csv_cut(path: Path, rows: Collection[int]) -> Cut:
    """Return the cut of some rows of a CSV file; row 1 is the first after the header, empty lines not counted."""
    gone = frozenset(rows)

    def carry_out() -> None:
        with whole_file(path) as part, path.open("rb") as stream, part.open("wb") as kept:
            for number, _, raw in csv_records(stream):
                if number not in gone:
                    kept.write(raw)

    return Cut(path, len(gone), carry_out)


def csv_records(stream: BinaryIO) -> Iterator[tuple[int | None, list[str], bytes]]:
    """Yield number, fields and own bytes of each record; the header is number 0, empty lines have none.

    Bytes are read as Latin-1: pseudonyms are plain letters and digits in every encoding that intake takes.
    """
    held: list[bytes] = []

    def lines() -> Iterator[str]:
        """Yield lines as text and hold their bytes."""
        for block in stream:
            for line in block.splitlines(keepends=True):
                held.append(line)
                yield line.decode("latin-1")

    number = 0
    for fields in csv.reader(lines()):
        raw = b"".join(held)
        held.clear()
        yield (number if fields else None), fields, raw
        number += bool(fields)


def csv_rows_where(path: Path, belongs: Callable[[dict[str, str]], bool]) -> list[int]:
    """Return the numbers of the rows of a CSV file for which a question is answered with yes."""
    found, header = [], list[str]()
    with path.open("rb") as stream:
        for number, fields, _ in csv_records(stream):
            if number == 0:
                header = [name.removeprefix("\u00ef\u00bb\u00bf").strip().strip('"') for name in fields]
            elif number is not None and belongs(_by_column(header, fields)):
                found.append(number)
    return found


def _by_column(header: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """Return a row's values by column; those beyond the header by their place."""
    names = [*header, *(f"beyond {i}" for i in range(len(fields) - len(header)))]
    return dict(zip(names, (value.strip() for value in fields), strict=False))


def csv_header(path: Path) -> list[str]:
    """Return the column names of a CSV file; none where it is empty."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        return [name.strip() for name in next(csv.reader(stream), [])]


def parquet_cut(path: Path, subjects: Collection[int]) -> Cut | None:
    """Return the cut of some people's rows of a Parquet file; None where there is none."""
    schema = pq.read_schema(path)
    if "subject_id" not in schema.names:
        return None
    theirs = pa.array(sorted(subjects), pa.int64())
    column = pq.read_table(path, columns=["subject_id"], partitioning=None).column(0)
    rows = pc.sum(_theirs(column, theirs)).as_py() or 0
    return Cut(path, rows, lambda: _write_without(path, theirs)) if rows else None


def _theirs(column: pa.ChunkedArray, subjects: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(column.cast(pa.int64()), value_set=subjects)


def _write_without(path: Path, subjects: pa.Array) -> None:
    source = pq.ParquetFile(path)
    groups = source.metadata.num_row_groups
    codec = source.metadata.row_group(0).column(0).compression.lower() if groups else "zstd"
    codec = "none" if codec == "uncompressed" else codec
    with whole_file(path) as part, pq.ParquetWriter(part, source.schema_arrow, compression=codec) as kept:
        for group in range(groups):
            table = source.read_row_group(group)
            rows = table.filter(pc.invert(_theirs(table.column("subject_id"), subjects)))
            kept.write_table(_only_used_words(rows))


def _only_used_words(table: pa.Table) -> pa.Table:
    """Return a table whose dictionaries hold no word that only somebody who is gone used."""
    columns = [
        column.cast(column.type.value_type).dictionary_encode().cast(column.type)
        if pa.types.is_dictionary(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, schema=table.schema)


def xml_cut(path: Path, element: str, places: Collection[int], *, rows: int) -> Cut:
    """Return the cut of some elements of an XML file, named by their places (from 1) among those of their name."""
    gone = frozenset(places)

    def carry_out() -> None:
        spans = _spans(path, element, gone)
        with whole_file(path) as part, path.open("rb") as stream, part.open("wb") as kept:
            for start, end in spans:
                _copy(stream, kept, until=start)
                stream.seek(end)
            _copy(stream, kept, until=None)

    return Cut(path, rows, carry_out)


def _copy(source: BinaryIO, target: BinaryIO, *, until: int | None) -> None:
    while block := source.read(_BLOCK if until is None else min(_BLOCK, until - source.tell())):
        target.write(block)


def _spans(path: Path, element: str, places: Collection[int]) -> list[tuple[int, int]]:
    """Return first byte and the byte after the last of some elements, with the space that follows them."""
    parser = expat.ParserCreate(namespace_separator=" ")
    starts: list[int] = []
    ends: list[int] = []

    def opens(name: str, _attributes: object) -> None:
        if name.rpartition(" ")[2] == element:
            starts.append(parser.CurrentByteIndex)

    def closes(name: str) -> None:
        if name.rpartition(" ")[2] == element:
            ends.append(parser.CurrentByteIndex)

    parser.StartElementHandler, parser.EndElementHandler = opens, closes
    with path.open("rb") as stream:
        parser.ParseFile(stream)
        return [(starts[place - 1], _after_tag(stream, ends[place - 1])) for place in sorted(places)]


def _after_tag(stream: BinaryIO, place: int) -> int:
    """Return where what follows a closing tag and its white space begins."""
    stream.seek(place)
    block = stream.read(4096)
    after = block.index(b">") + 1
    return place + len(block) - len(block[after:].lstrip(b" \t\r\n"))


def removal(path: Path, *, rows: int) -> Cut:
    """Return the removal of a file or folder; a folder gets another name first, so that nobody uses a part of it."""

    def carry_out() -> None:
        if path.is_file():
            path.unlink()
            return
        gone = path.with_name(f"{GONE}{path.name.removeprefix(GONE)}")
        path.rename(gone)
        shutil.rmtree(gone)

    return Cut(path, rows, carry_out)
