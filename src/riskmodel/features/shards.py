"""Events cut by subject into Parquet files that are read one after another, so that memory does not grow with them.

A folder holds ``events-00000.parquet`` and ``observation-00000.parquet`` and so on, and ``shards.json``. Events are sorted
by subject, day, known day, code and value (facts without a date first); days are Parquet dates, codes and agencies
dictionary columns. All that is known of a subject is in one shard.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.errors import DataError
from riskmodel.files import digest_bytes, whole_folder, write_json
from riskmodel.tables.cohort import IntArray
from riskmodel.tables.records import EventLog, Observation
from riskmodel.tables.words import indices, words

_WORDS = pa.dictionary(pa.int32(), pa.string())
EVENT_SCHEMA = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("time", pa.date32()),
        ("known_time", pa.date32()),
        ("superseded_time", pa.date32()),
        ("code", _WORDS),
        ("numeric_value", pa.float32()),
        ("agency", _WORDS),
    ]
)
OBSERVATION_SCHEMA = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("agency", _WORDS),
        ("start", pa.date32()),
        ("end", pa.date32()),
        ("known_time", pa.date32()),
        ("superseded_time", pa.date32()),
    ]
)
MANIFEST = "shards.json"
EVENTS_A_SHARD = 250_000


@dataclass(frozen=True)
class EventShards:
    """A folder of shards.

    Parameters
    ----------
    folder : Path
    codes, agencies, observers : tuple of str
        Every code and agency of the events, and every agency of the observation.
    last : array of int64
        The last subject of each shard; a shard has the subjects after the one before.
    digest : str
        SHA-256 of all rows of all shards.
    """

    folder: Path
    codes: tuple[str, ...]
    agencies: tuple[str, ...]
    observers: tuple[str, ...]
    last: IntArray
    digest: str

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the list of shards of a folder.

        Raises
        ------
        DataError
            If the folder holds no whole set of shards.
        """
        try:
            listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError) as error:
            raise DataError(
                expected=f"a folder of event shards with {MANIFEST}",
                found="none that can be read",
                where=str(folder),
                next_step="Write the shards again.",
            ) from error
        return cls(
            folder,
            codes=tuple(listed["codes"]),
            agencies=tuple(listed["agencies"]),
            observers=tuple(listed["observers"]),
            last=np.array(listed["last"], dtype=np.int64),
            digest=listed["digest"],
        )

    def __len__(self) -> int:
        return len(self.last)

    def events(self, number: int, *, agency: bool = False) -> pa.Table:
        """Read the events of one shard; who recorded them only if asked."""
        names = EVENT_SCHEMA.names if agency else EVENT_SCHEMA.names[:-1]
        return self._read("events", number, names, ("code", "agency")[: 1 + agency])

    def observation(self, number: int) -> pa.Table:
        """Read the observation of one shard."""
        return self._read("observation", number, OBSERVATION_SCHEMA.names, ("agency",))

    def _read(self, kind: str, number: int, names: Iterable[str], of_words: Iterable[str]) -> pa.Table:
        # One thread: shards are read side by side. A single file needs no data set, whose import takes a while.
        with pq.ParquetFile(
            self.folder / _name(kind, number),
            read_dictionary=list(of_words),
            memory_map=True,
            pre_buffer=False,
        ) as file:
            return file.read(columns=list(names), use_threads=False)


def _name(kind: str, number: int) -> str:
    return f"{kind}-{number:05d}.parquet"


def write_shards(
    events: EventLog, observation: Observation, folder: Path, *, events_a_shard: int = EVENTS_A_SHARD
) -> EventShards:
    """Cut records into shards, whole or not at all.

    Parameters
    ----------
    events : EventLog
    observation : Observation
    folder : Path
        Is replaced if it is there.
    events_a_shard : int
        A shard ends with the subject that reaches so many.
    """
    table = _statics_first(_as_days(events.table, EVENT_SCHEMA))
    watched = _as_days(observation.table, OBSERVATION_SCHEMA)
    with whole_folder(folder) as part:
        writer = ShardWriter(part)
        subject = table.column("subject_id").to_numpy()
        seen = watched.column("subject_id").to_numpy()
        start = begun = 0
        while start < len(subject) or (begun == 0 and len(writer.last) == 0):
            reach = min(start + events_a_shard, len(subject)) - 1
            last = subject[reach] if reach >= 0 else seen[-1] if len(seen) else 0
            end = int(np.searchsorted(subject, last, side="right"))
            final = end == len(subject)
            until = len(seen) if final else int(np.searchsorted(seen, last, side="right"))
            writer.add(table.slice(start, end - start), watched.slice(begun, until - begun), last=int(last))
            start, begun = end, until
            if final:
                break
        writer.finish()
    return EventShards.open(folder)


class ShardWriter:
    """Writes shard after shard into a folder, for records that never stand in memory at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last: list[int] = []
        self._digests: list[bytes] = []
        self._words: dict[str, dict[str, None]] = {"codes": {}, "agencies": {}, "observers": {}}

    def add(self, events: pa.Table, observation: pa.Table, *, last: int) -> None:
        """Write one shard: tables of the two schemas, in order, of subjects after the last of the shard before.

        Raises
        ------
        DataError
            If subjects are not in order, or one stands in two shards.
        """
        self._check_order(events, observation, last)
        for kind, table, named in (
            ("events", events, {"codes": "code", "agencies": "agency"}),
            ("observation", observation, {"observers": "agency"}),
        ):
            place = self.folder / _name(kind, len(self.last))
            whole = table.unify_dictionaries().combine_chunks()
            for key, column in named.items():
                self._words[key].update(dict.fromkeys(words(whole.column(column))))
            pq.write_table(
                whole,
                place,
                compression="lz4",
                use_dictionary=["code", "agency"] if kind == "events" else ["agency"],
                row_group_size=max(whole.num_rows, 1),
                write_statistics=False,
            )
            self._digests.append(place.read_bytes())
            self._digests[-1] = digest_bytes(self._digests[-1]).encode()
        self.last.append(last)

    def _check_order(self, events: pa.Table, observation: pa.Table, last: int) -> None:
        for name, table in (("events", events), ("observation", observation)):
            subject = table.column("subject_id").to_numpy()
            after = self.last[-1] if self.last else None
            if len(subject) and (
                (np.diff(subject) < 0).any()
                or subject[-1] > max(last, subject[-1] if name == "observation" else last)
                or (after is not None and subject[0] <= after)
            ):
                raise DataError(
                    expected="shards sorted by subject, each subject in one shard",
                    found=f"{name} out of order",
                    where=f"shard {len(self.last)}",
                    next_step="Sort by subject_id before cutting.",
                )

    def finish(self) -> None:
        """Write the list of shards: without it the folder is no set of shards."""
        listed = {key: list(found) for key, found in self._words.items()}
        digest = digest_bytes(*self._digests)
        write_json(self.folder / MANIFEST, {**listed, "last": self.last, "digest": digest})


def numbered(column: pa.ChunkedArray, known: tuple[str, ...]) -> npt.NDArray[np.int32]:
    """Return a dictionary column as positions in a list of words that holds all of its own."""
    found = indices(column) if column.num_chunks <= 1 else indices(column.unify_dictionaries())
    own = words(column if column.num_chunks <= 1 else column.unify_dictionaries())
    if tuple(own) == known[: len(own)]:
        return found
    place = {word: i for i, word in enumerate(known)}
    return np.array([place[word] for word in own], dtype=np.int32)[found]


def days(column: pa.ChunkedArray, *, null: np.int32) -> npt.NDArray[np.int32]:
    """Return a column of dates as day numbers, empty ones as ``null``."""
    if column.null_count == len(column):
        return np.full(len(column), null, dtype=np.int32)
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    numbers = whole.view(pa.int32())
    found: npt.NDArray[np.int32] = (numbers.fill_null(null) if whole.null_count else numbers).to_numpy()
    return found


def _as_days(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table of the records with dates for instants: an instant belongs to the day it falls in."""
    columns = [
        pc.floor_temporal(table.column(f.name), unit="day").cast(f.type)
        if pa.types.is_date(f.type)
        else table.column(f.name).cast(f.type)
        for f in schema
    ]
    return pa.table(columns, schema=schema)


def _statics_first(table: pa.Table) -> pa.Table:
    """Put facts without a date before the events of their subject, and leave the rest in the order of the log."""
    dated = table.column("time").is_valid().to_numpy()
    order = np.lexsort(
        (
            np.where(
                dated, table.column("time").cast(pa.int32()).fill_null(0).to_numpy(), np.iinfo(np.int32).min
            ),
            table.column("subject_id").to_numpy(),
        )
    )
    return table if (np.diff(order) == 1).all() else table.take(pa.array(order))
