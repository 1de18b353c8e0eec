"""The feature matrix shard by shard: in memory, or as Parquet parts that a killed run takes up again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.errors import DataError
from riskmodel.features.columns import Column, columns_of
from riskmodel.features.shards import EventShards, days, numbered
from riskmodel.features.spec import FeaturesSpec
from riskmodel.features.visible import BIRTH, KnownEvents
from riskmodel.files import digest_bytes, whole_file
from riskmodel.tables.catalogue import Catalogue
from riskmodel.tables.cohort import Cohort, IntArray
from riskmodel.tables.days import ALWAYS, NEVER, DayArray
from riskmodel.tables.features import (
    FeatureInfo,
    FeatureMatrix,
    Float32Array,
    infos_of,
    require_spec,
    spec_hash,
)

if TYPE_CHECKING:
    from riskmodel.features.kernel import Events, Plan, Rows, Watch

Progress = Callable[[int, int], None]
Layout = Literal["auto", "dense", "sparse"]
_BLOCK = 512  # rows made at once: they stay in the processor's cache
_SAMPLE = 200  # subjects that tell whether a shard's rows are sparse
_POSITION, _VALUE = "<u2", "<f4"
_DENSE = 0.35  # share of cells beside the usual value from which compressed rows save nothing
Arrays = tuple["Plan", "Events", "Watch", "Rows"]
Block = tuple[int, Float32Array]


def _quiet(_done: int, _of: int) -> None:
    return


@dataclass(frozen=True)
class Wanted:
    """What is asked of the shards: rows and columns.

    Parameters
    ----------
    subject, index : arrays, shape (n,)
        Rows, in any order; subjects without any event are rows like others.
    columns : sequence of Column
    catalogue : Catalogue
    """

    subject: IntArray
    index: DayArray
    columns: Sequence[Column]
    catalogue: Catalogue

    @classmethod
    def of(cls, cohort: Cohort, spec: FeaturesSpec, catalogue: Catalogue) -> Wanted:
        """Return what a cohort and a specification ask for."""
        return cls(cohort.subject_id, cohort.index_day, columns_of(spec, catalogue), catalogue)

    @property
    def infos(self) -> tuple[FeatureInfo, ...]:
        """What the columns mean."""
        return tuple(column.info for column in self.columns)


def stream_matrix(
    shards: EventShards, wanted: Wanted, *, threads: int = 2, progress: Progress = _quiet
) -> Float32Array:
    """Return the values of all rows, shape (rows, columns), reading one shard for each thread at a time.

    Parameters
    ----------
    shards : EventShards
    wanted : Wanted
    threads : int
    progress : callable
        Called with the number of shards done and of all.

    Raises
    ------
    DataError
        If a feature's pattern selects a code of the log that the catalogue does not describe.
    """
    from riskmodel.features.kernel import fill, workspace

    out = np.empty((len(wanted.subject), len(wanted.columns)), dtype=np.float32)
    job = _Job.prepare(shards, wanted)

    def _one(number: int) -> None:
        plan, events, watch, rows = job.arrays(number)
        persons = len(rows.row_from) - 1
        fill(plan, events, watch, rows, workspace(plan, rows, 0, persons), 0, persons, out, 0)

    _each(range(len(shards)), _one, threads=threads, progress=progress, of=len(shards))
    return out


def write_features(
    shards: EventShards,
    wanted: Wanted,
    folder: Path,
    *,
    layout: Layout = "auto",
    threads: int = 2,
    progress: Progress = _quiet,
) -> tuple[Path, ...]:
    """Write the features of every shard as a Parquet part; parts that an earlier, killed run finished are kept.

    A dense part has the columns ``subject_id``, ``index_date`` and one float32 column for each feature. A sparse part
    has ``columns`` and ``values`` instead (compressed rows): of what is beside a column's usual value the positions,
    as little-endian 16-bit numbers one after another, and the values, as little-endian 32-bit floats. Bytes and not
    lists: they are written in half the time and read in a twentieth. Names, meanings, usual values and the hash of
    the specification stand in the metadata. Rows are sorted by subject and index date.

    Parameters
    ----------
    shards : EventShards
    wanted : Wanted
    folder : Path
        Parts of anything else that was asked there before are made again.
    layout : str
        ``auto`` writes a shard sparse if a sample of it says that this is smaller.
    threads : int
    progress : callable
        Called with the number of parts there are and of all.

    Returns
    -------
    tuple of Path
        The parts, in the order of the shards.

    Raises
    ------
    DataError
        If a feature's pattern selects a code of the log that the catalogue does not describe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    job = _Job.prepare(shards, wanted)
    digest = job.digest(layout)
    parts = tuple(folder / f"features-{number:05d}.parquet" for number in range(len(shards)))
    missing = [number for number, part in enumerate(parts) if _digest_of(part) != digest]
    for stray in sorted(set(folder.glob("features-*.parquet")) - set(parts)):
        stray.unlink()

    def _one(number: int) -> None:
        write_part([job.table(number, layout, digest)], parts[number])

    _each(missing, _one, threads=threads, progress=progress, of=len(shards))
    return parts


def read_features(folder: Path, *, expected: str | None = None) -> tuple[IntArray, DayArray, FeatureMatrix]:
    """Return subjects, index days and features of all parts, sorted by subject and index date.

    Parameters
    ----------
    folder : Path
        Where ``write_features`` wrote.
    expected : str, optional
        The hash of the specification that a model was trained on.

    Raises
    ------
    DataError
        If there is no part, or a part was made from another specification.
    """
    parts = sorted(folder.glob("features-*.parquet"))
    if not parts:
        raise DataError(
            expected="parts called features-00000.parquet and so on",
            found="none",
            where=str(folder),
            next_step="Build the features first.",
        )
    tables = [read_part(part, expected) for part in parts]
    infos = infos_of(tables[0][1])
    require = spec_hash(infos)
    for part, (_, facts, _) in zip(parts, tables, strict=True):
        require_spec(facts["spec_hash"], require, where=part.name)
    subject = np.concatenate([table.column("subject_id").to_numpy() for table, _, _ in tables])
    index = np.concatenate([days(table.column("index_date"), null=NEVER) for table, _, _ in tables])
    values = np.concatenate([values for _, _, values in tables])
    order = np.lexsort((index, subject))
    if (np.diff(order) != 1).any():  # a cluster deals subjects to parts in its own order
        subject, index, values = subject[order], index[order], values[order]
    return subject, index, FeatureMatrix(values, infos)


def read_part(part: Path, expected: str | None = None) -> tuple[pa.Table, dict[str, str], Float32Array]:
    """Return the table of a part, its metadata, and its values, shape (rows, columns).

    Raises
    ------
    DataError
        If another specification is expected than the part was made from.
    """
    table = pq.read_table(part)
    facts = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if expected is not None:
        require_spec(facts.get("spec_hash", "none"), expected, where=part.name)
    if facts["layout"] == "dense":
        columns = [column.to_numpy() for column in table.columns[2:]]
        return table, facts, np.column_stack(columns) if columns else np.empty((len(table), 0), np.float32)
    usual = [np.nan if one is None else one for one in json.loads(facts["usual"])]
    values = np.tile(np.array(usual, dtype=np.float32), (len(table), 1))
    many, where = _unpacked(table.column("columns"), _POSITION)
    _, what = _unpacked(table.column("values"), _VALUE)
    values[np.repeat(np.arange(len(table)), many), where] = what
    return table, facts, values


def _packed(ends: IntArray, numbers: npt.NDArray[Any]) -> pa.Array:
    """Return numbers as one run of bytes for each row; a row's numbers end at its end."""
    offsets = (ends * numbers.itemsize).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(numbers))]
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, buffers)


def _unpacked(column: pa.ChunkedArray, kind: str) -> tuple[IntArray, npt.NDArray[Any]]:
    """Return how many numbers each row has, and all of them."""
    whole = column.combine_chunks()
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[whole.offset : whole.offset + len(whole) + 1]
    # Without any number there may be no buffer at all.
    run = b"" if data is None else data
    numbers = np.frombuffer(run, dtype=np.uint8)[ends[0] : ends[-1]].view(kind)
    return np.diff(ends) // numbers.itemsize, numbers


def _each(
    numbers: Sequence[int], one: Callable[[int], None], *, threads: int, progress: Progress, of: int
) -> None:
    """Do every number on some threads; the first failure stops the rest and is raised."""
    done = of - len(numbers)
    progress(done, of)
    left = iter(numbers)
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        # No more than run at once are given out, so that nothing is begun after a failure.
        running = {pool.submit(one, number) for number in islice(left, max(threads, 1))}
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for part in finished:
                part.result()
                done += 1
                progress(done, of)
                running |= {pool.submit(one, number) for number in islice(left, 1)}


def load_kernel() -> None:
    """Load the compiled kernel, so that the first rows do not wait for it; compile it if this was never done."""
    from riskmodel.features.kernel import Events, Watch, compress, fill, workspace
    from riskmodel.features.plan import compile_plan, frozen, ints
    from riskmodel.features.walking import rows_of

    plan = compile_plan((), sources=(), agencies=(), catalogue=Catalogue({}, {}))
    nobody, none = np.zeros(0, dtype=np.int64), ints([])
    events = Events(none, none, none, none, frozen(np.zeros(0, dtype=np.float32)))
    watch = Watch(none, none, none, none, none)
    rows = rows_of(
        nobody, np.zeros(0, dtype=np.int32), event_subject=nobody, watch_subject=nobody, births=None, ages=()
    )
    out = np.zeros((0, 0), dtype=np.float32)
    fill(plan, events, watch, rows, workspace(plan, rows, 0, 0), 0, 0, out, 0)
    space = (np.zeros(1, dtype=np.uint16), np.zeros(1, dtype=np.float32))
    compress(out, out.view(np.int32), np.zeros(0, dtype=np.int32), *space, 0, np.zeros(0, dtype=np.int64))


@dataclass(frozen=True)
class Reader:
    """Turns tables of events, observation and rows into the arrays of the kernel.

    Parameters
    ----------
    plan : Plan
    ages : tuple of int
        Birthdays that the plan needs.
    codes, agencies, observers : tuple of str
        Words of the tables; no agencies where no column asks who recorded an event.
    """

    plan: Plan
    ages: tuple[int, ...]
    codes: tuple[str, ...]
    agencies: tuple[str, ...]
    observers: tuple[str, ...]

    @classmethod
    def of(
        cls,
        columns: Sequence[Column],
        catalogue: Catalogue,
        *,
        codes: tuple[str, ...],
        agencies: tuple[str, ...],
        observers: tuple[str, ...],
    ) -> Self:
        """Compile the plan of some columns for records with these words.

        Raises
        ------
        DataError
            If a feature's pattern selects a code of the log that the catalogue does not describe.
        """
        from riskmodel.features.plan import ages_of, compile_plan

        asked = agencies if any(column.recorded_by for column in columns) else ()
        sources = [(code, agency) for code in codes for agency in asked or ("",)]
        plan = compile_plan(columns, sources=sources, agencies=observers, catalogue=catalogue)
        return cls(plan, ages_of(columns), codes, asked, observers)

    def arrays(
        self, table: pa.Table, watched: pa.Table, subject: IntArray, index: DayArray, place: IntArray
    ) -> Arrays:
        """Return the arrays of events and observation, sorted as in a shard, and of rows in any order.

        Parameters
        ----------
        table, watched : Table
            In the schemas of a shard.
        subject, index : arrays, shape (n,)
        place : array, shape (n,)
            Where each row goes in the matrix.
        """
        from riskmodel.features.kernel import Events, Watch
        from riskmodel.features.plan import frozen
        from riskmodel.features.walking import rows_of

        day, known, gone = _times(table, "time", "known_time", "superseded_time")
        code = numbered(table.column("code"), self.codes)
        if self.agencies:
            code = code * np.int32(len(self.agencies))
            code += numbered(table.column("agency"), self.agencies)
        value = _whole(table.column("numeric_value"))
        events = Events(*(frozen(one) for one in (day, known, gone, code, value)))
        start, end, seen, replaced = _times(watched, "start", "end", "known_time", "superseded_time")
        agency = numbered(watched.column("agency"), self.observers)
        watch = Watch(*(frozen(one) for one in (agency, start, end, seen, replaced)))
        having = _whole(table.column("subject_id"))
        rows = rows_of(
            subject,
            index,
            event_subject=having,
            watch_subject=_whole(watched.column("subject_id")),
            births=self._births(having, events) if self.ages else None,
            ages=self.ages,
            place=place,
        )
        return self.plan, events, watch, rows

    def _births(self, subject: IntArray, events: Events) -> KnownEvents:
        sources = [code for code in self.codes for _ in self.agencies or ("",)]
        born = np.flatnonzero(np.array([code in BIRTH for code in sources], dtype=np.bool_)[events.code])
        born = born[events.day[born] != ALWAYS]
        return KnownEvents(subject[born], events.day[born], events.known[born], events.superseded[born])


@dataclass(frozen=True)
class _Job:
    shards: EventShards
    wanted: Wanted
    reader: Reader
    order: npt.NDArray[np.intp] | None
    cuts: npt.NDArray[np.intp]

    @classmethod
    def prepare(cls, shards: EventShards, wanted: Wanted) -> _Job:
        reader = Reader.of(
            wanted.columns,
            wanted.catalogue,
            codes=shards.codes,
            agencies=shards.agencies,
            observers=shards.observers,
        )
        subject, order = wanted.subject, None
        if (np.diff(subject) < 0).any():
            order = np.argsort(subject, kind="stable")
            subject = subject[order]
        cuts = np.searchsorted(subject, shards.last[:-1], side="right")
        return cls(shards, wanted, reader, order, np.array([0, *cuts, len(subject)], dtype=np.intp))

    def digest(self, layout: str) -> str:
        """Return what a part depends on: shards, rows, columns, layout and the form of the file."""
        rows = (self.wanted.subject, self.wanted.index)
        return digest_bytes(
            self.shards.digest.encode(),
            spec_hash(self.wanted.infos).encode(),
            layout.encode(),
            *(np.ascontiguousarray(one).tobytes() for one in rows),
        )

    def arrays(self, number: int) -> Arrays:
        """Read one shard as the arrays of the kernel."""
        table = self.shards.events(number, agency=bool(self.reader.agencies))
        part = np.arange(self.cuts[number], self.cuts[number + 1])
        mine = part if self.order is None else self.order[part]
        return self.reader.arrays(
            table, self.shards.observation(number), self.wanted.subject[mine], self.wanted.index[mine], mine
        )

    def table(self, number: int, layout: Layout, digest: str) -> pa.Table:
        """Return one part."""
        arrays = self.arrays(number)
        return part_of(arrays, self.wanted.subject[arrays[3].place], self.wanted.columns, layout, digest)


def part_of(
    arrays: Arrays, subject: IntArray, columns: Sequence[Column], layout: Layout, digest: str
) -> pa.Table:
    """Return the rows of some arrays as a part: keys, values, and in the metadata what they mean.

    Parameters
    ----------
    arrays : tuple
        As ``Reader.arrays`` gives them.
    subject : array, shape (n,)
        Of each row, in the order of the arrays.
    columns : sequence of Column
    layout : str
    digest : str
        Says what the part was made from.
    """
    from riskmodel.features.plan import longs

    plan, events, watch, rows = arrays
    arrays = (plan, events, watch, rows._replace(place=longs(np.arange(len(rows.place)))))
    infos = tuple(column.info for column in columns)
    keys = {"subject_id": subject, "index_date": pa.array(rows.index).view(pa.date32())}
    sparse = layout == "sparse" or (layout == "auto" and _is_sparse(arrays, columns))
    body = _sparse(arrays, columns) if sparse else _dense(arrays, columns)
    facts = {
        "infos": json.dumps([asdict(info) for info in infos], sort_keys=True),
        "spec_hash": spec_hash(infos),
        "build": digest,
        "usual": json.dumps([None if np.isnan(one) else float(one) for one in usual_values(columns)]),
        "layout": "sparse" if sparse else "dense",
    }
    return pa.table({**keys, **body}).replace_schema_metadata(facts)


def write_part(blocks: Iterable[pa.Table], place: Path) -> int:
    """Write a part of some blocks of rows, whole or not at all; without a block nothing is written.

    Returns
    -------
    int
        How many rows it has.
    """
    rows, left = 0, iter(blocks)
    first = next(left, None)
    if first is None:
        return 0
    with (
        whole_file(place) as part,
        pq.ParquetWriter(
            part, first.schema, compression="lz4", use_dictionary=False, write_statistics=False
        ) as file,
    ):
        for block in chain([first], left):
            file.write_table(block, row_group_size=max(len(block), 1))
            rows += len(block)
    return rows


def usual_values(columns: Sequence[Column]) -> Float32Array:
    """Return the value of each column where nothing was recorded by those who observed."""
    from riskmodel.features.kernel import usual_value
    from riskmodel.features.spec import AGGREGATIONS

    return np.array(
        [usual_value(AGGREGATIONS.index(c.aggregation), c.complement) for c in columns], dtype=np.float32
    )


def _blocks(arrays: Arrays, columns: int, *, most: int = _BLOCK, stop: int | None = None) -> Iterator[Block]:
    """Give the rows in blocks of whole subjects, each with its first row; a block is overwritten by the next."""
    from riskmodel.features.kernel import fill, workspace

    rows = arrays[3]
    persons = len(rows.row_from) - 1 if stop is None else min(stop, len(rows.row_from) - 1)
    work = workspace(arrays[0], rows, 0, persons)
    space = np.empty((most + int(np.diff(rows.row_from).max(initial=0)), columns), dtype=np.float32)
    person = 0
    while person < persons:
        first = int(rows.row_from[person])
        until = max(int(np.searchsorted(rows.row_from, first + most, side="right")) - 1, person + 1)
        until = min(until, persons)
        fill(*arrays, work, person, until, space, first)
        yield first, space[: int(rows.row_from[until]) - first]
        person = until


def _is_sparse(arrays: Arrays, columns: Sequence[Column]) -> bool:
    usual, cells, beside = usual_values(columns).view(np.int32), 0, 0
    for _, block in _blocks(arrays, len(columns), stop=_SAMPLE):
        cells += block.size
        beside += int((block.view(np.int32) != usual).sum())
    return beside <= _DENSE * cells


def _sparse(arrays: Arrays, columns: Sequence[Column]) -> dict[str, pa.Array]:
    from riskmodel.features.kernel import compress

    # As large as it could ever be; memory that is not written to is not taken.
    room = len(arrays[3].index) * len(columns) + 1
    where, what = np.empty(room, dtype=np.uint16), np.empty(room, dtype=np.float32)
    ends = np.zeros(len(arrays[3].index) + 1, dtype=np.int64)
    usual, at = usual_values(columns).view(np.int32), 0
    for first, block in _blocks(arrays, len(columns)):
        rows = ends[first + 1 : first + 1 + len(block)]
        at = compress(block, block.view(np.int32), usual, where, what, at, rows)
    return {
        "columns": _packed(ends, where[:at].astype(_POSITION, copy=False)),
        "values": _packed(ends, what[:at].astype(_VALUE, copy=False)),
    }


def _dense(arrays: Arrays, columns: Sequence[Column]) -> dict[str, pa.Array]:
    out = np.empty((len(columns), len(arrays[3].index)), dtype=np.float32)
    for first, block in _blocks(arrays, len(columns), most=64):
        out[:, first : first + len(block)] = block.T
    return {column.info.name: out[i] for i, column in enumerate(columns)}


def _times(table: pa.Table, first: str, *others: str) -> list[DayArray]:
    """Return days: an empty first one is before all days, any other empty one after all."""
    nulls = [ALWAYS, *(NEVER for _ in others)]
    return [days(table.column(name), null=null) for name, null in zip((first, *others), nulls, strict=True)]


def _whole(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    one = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    found: npt.NDArray[Any] = one.to_numpy(zero_copy_only=False)
    return found


def _digest_of(part: Path) -> str | None:
    if not part.exists():
        return None
    try:
        facts = pq.read_schema(part).metadata or {}
    except pa.ArrowInvalid:
        return None
    return str(facts.get(b"build", b"").decode())
