"""The same kernel on Spark: subjects are dealt to partitions, and each partition is walked in Arrow batches.

Rows, events and observation travel as one stream of tagged records, repartitioned by subject and sorted within
partitions, so that a worker sees everything about a subject in the order of a shard and hands it to the kernel of the
local engine: both give the same bits. Workers write their parts themselves, in the form of ``write_features``; nothing
but names of parts returns to the driver. On a cluster the folders must be readable by every worker. This module is the
one door to pyspark.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.errors import StudyError
from riskmodel.features.columns import Column
from riskmodel.features.shards import EVENT_SCHEMA, OBSERVATION_SCHEMA, EventShards, days, write_shards
from riskmodel.features.spec import FeaturesSpec
from riskmodel.features.streaming import Progress, Reader, Wanted, part_of, read_features, write_part
from riskmodel.files import whole_folder
from riskmodel.tables.catalogue import Catalogue
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.days import NEVER
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.records import Records

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Batches = Iterable[pa.RecordBatch]

ROW, EVENT, WATCH = range(3)
PARTITIONS_A_THREAD = 4
_ROWS_A_BATCH = 50_000
_PART = pa.schema([("part", pa.string())])


def session(threads: int = 2) -> SparkSession:
    """Return the session that is running, or start one on this machine.

    A session of one's own (a cluster, more memory) is used as it is. Otherwise one is started that listens on
    127.0.0.1 only and shows no page.

    Raises
    ------
    StudyError
        If pyspark or Java is not installed.
    """
    _check_installed()
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        return running
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(_ROWS_A_BATCH),
        "spark.sql.shuffle.partitions": str(PARTITIONS_A_THREAD * threads),
    }
    builder = SparkSession.Builder().appName("riskmodel")
    if "SPARK_MASTER" not in os.environ and "PYSPARK_GATEWAY_PORT" not in os.environ:
        builder = builder.master(f"local[{threads}]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    started: SparkSession = builder.getOrCreate()
    started.sparkContext.setLogLevel("ERROR")
    return started


def _check_installed() -> None:
    from importlib.util import find_spec

    faults = []
    if find_spec("pyspark") is None:
        faults.append("'engine: spark' needs pyspark; install it with: pip install 'riskmodel[spark]'")
    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        faults.append("'engine: spark' needs Java 17; install it, such as openjdk-17-jre-headless on Debian")
    if faults:
        raise StudyError(faults, where="Spark")


def build_on_spark(
    records: Records, cohort: Cohort, spec: FeaturesSpec, catalogue: Catalogue, *, threads: int = 2
) -> FeatureMatrix:
    """Return what ``build_features`` returns, made by Spark.

    Parameters
    ----------
    records : Records
    cohort : Cohort
    spec : FeaturesSpec
    catalogue : Catalogue
    threads : int
        Of a session that is started here.

    Raises
    ------
    StudyError
        With every fault of the specification; if Spark cannot start.
    """
    wanted = Wanted.of(cohort, spec, catalogue)
    with TemporaryDirectory(prefix="riskmodel-spark-") as folder:
        shards = write_shards(records.events, records.observation, Path(folder) / "shards")
        write_on_spark(shards, wanted, Path(folder) / "features", threads=threads)
        _, _, sorted_by_subject = read_features(Path(folder) / "features")
    values = np.empty_like(sorted_by_subject.values)
    values[np.lexsort((cohort.index_day, cohort.subject_id))] = sorted_by_subject.values
    return FeatureMatrix(values, sorted_by_subject.infos)


def write_on_spark(
    shards: EventShards,
    wanted: Wanted,
    folder: Path,
    *,
    threads: int = 2,
    partitions: int | None = None,
    progress: Progress = lambda _done, _of: None,
) -> tuple[Path, ...]:
    """Write what ``write_features`` writes, made by Spark; the folder appears when all parts are there.

    Parameters
    ----------
    shards : EventShards
    wanted : Wanted
    folder : Path
        Is replaced if it is there. Dense parts of whole subjects, in no order of parts.
    threads : int
        Of a session that is started here.
    partitions : int, optional
        By default the session's number of shuffle partitions.
    progress : callable

    Returns
    -------
    tuple of Path

    Raises
    ------
    StudyError
        If Spark cannot start.
    DataError
        If a feature's pattern selects a code of the log that the catalogue does not describe.
    """
    spark = session(threads)
    many = partitions or int(spark.conf.get("spark.sql.shuffle.partitions") or PARTITIONS_A_THREAD)
    words = {"codes": shards.codes, "agencies": shards.agencies, "observers": shards.observers}
    Reader.of(wanted.columns, wanted.catalogue, **words)  # a fault is told here, not by a worker
    progress(0, many)
    with TemporaryDirectory(prefix="riskmodel-rows-", dir=shards.folder) as rows, whole_folder(folder) as out:
        tagged = _tagged(spark, shards, wanted, Path(rows)).repartition(many, "subject_id")
        in_order = tagged.sortWithinPartitions(*_order())
        walk = Walk(tuple(wanted.columns), wanted.catalogue, out, **words)
        found = in_order.mapInArrow(walk, "part string").collect()
        if not found:
            walk.write_nobody()
    progress(many, many)
    return tuple(sorted(folder.glob("features-*.parquet")))


def _tagged(spark: SparkSession, shards: EventShards, wanted: Wanted, folder: Path) -> DataFrame:
    """Return rows, events and observation under one schema; ``kind`` says which."""
    from pyspark.sql import functions

    numbers = {"subject_id": wanted.subject, "time": pa.array(wanted.index).view(pa.date32())}
    pq.write_table(pa.table(numbers), folder / "rows.parquet")
    kinds = (
        (ROW, [str(folder / "rows.parquet")]),
        (EVENT, sorted(str(one) for one in shards.folder.glob("events-*.parquet"))),
        (WATCH, sorted(str(one) for one in shards.folder.glob("observation-*.parquet"))),
    )
    frames = [
        spark.read.parquet(*paths).withColumn("kind", functions.lit(kind).cast("byte"))
        for kind, paths in kinds
    ]
    rows, events, watched = frames
    together = events.unionByName(
        watched.withColumnRenamed("start", "time"), allowMissingColumns=True
    ).unionByName(rows, allowMissingColumns=True)
    return together.select("subject_id", "kind", *EVENT_SCHEMA.names[1:], "end")


def _order() -> list[Any]:
    """Return the order of a shard: facts without a date first, everything else that is empty last."""
    from pyspark.sql.functions import col

    first = [col("subject_id"), col("kind"), col("time").asc_nulls_first()]
    later = ("known_time", "code", "numeric_value", "superseded_time", "agency", "end")
    # Observation is walked by agency and start, and the kernel asks each agency apart: by start is enough.
    return [*first, *(col(name).asc_nulls_last() for name in later)]


@dataclass(frozen=True)
class Walk:
    """What a worker does with its partition: Arrow batches of tagged records in, a part written, its name out.

    Parameters
    ----------
    columns : tuple of Column
    catalogue : Catalogue
    folder : Path
    codes, agencies, observers : tuple of str
        Words of the whole log.
    """

    columns: tuple[Column, ...]
    catalogue: Catalogue
    folder: Path
    codes: tuple[str, ...]
    agencies: tuple[str, ...]
    observers: tuple[str, ...]

    def __call__(self, batches: Batches) -> Batches:
        """Walk a partition; give the name of the part, or nothing for a partition without rows."""
        from pyspark import TaskContext

        task = TaskContext.get()
        name = f"{task.partitionId() if task else 0:05d}"
        if self.write(batches, name):
            yield pa.record_batch({"part": [name]}, schema=_PART)

    def write(self, batches: Batches, name: str) -> int:
        """Write the part of a partition, block by block; return how many rows it has. Without any, nothing is written."""
        reader = Reader.of(
            self.columns,
            self.catalogue,
            codes=self.codes,
            agencies=self.agencies,
            observers=self.observers,
        )
        blocks = (self._block(reader, table) for table in whole_subjects(batches))
        return write_part((block for block in blocks if len(block)), self.folder / f"features-{name}.parquet")

    def write_nobody(self) -> None:
        """Write a part without rows, so that the folder says what was asked for."""
        reader = Reader.of(self.columns, self.catalogue, codes=(), agencies=(), observers=())
        write_part([self._block(reader, _EMPTY)], self.folder / "features-00000.parquet")

    def _block(self, reader: Reader, table: pa.Table) -> pa.Table:
        kind = table.column("kind")
        rows, events, watched = (table.filter(pc.equal(kind, one)) for one in (ROW, EVENT, WATCH))
        subject = rows.column("subject_id").to_numpy()
        index = days(rows.column("time"), null=NEVER)
        arrays = reader.arrays(
            _typed(events, EVENT_SCHEMA),
            _typed(watched.rename_columns(_renamed(watched)), OBSERVATION_SCHEMA),
            subject,
            index,
            np.arange(len(rows)),
        )
        return part_of(arrays, subject, self.columns, "dense", "spark")


def _renamed(table: pa.Table) -> list[str]:
    return ["start" if name == "time" else name for name in table.column_names]


def _typed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of a shard's schema in one chunk each, words as dictionaries."""
    columns = [
        table.column(field.name).cast(pa.string()).dictionary_encode().unify_dictionaries().cast(field.type)
        if pa.types.is_dictionary(field.type)
        else table.column(field.name).cast(field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema).combine_chunks()


_TAGGED = pa.schema([*EVENT_SCHEMA, ("kind", pa.int8()), ("end", pa.date32())])
_EMPTY = _TAGGED.empty_table()


def whole_subjects(batches: Batches) -> Iterator[pa.Table]:
    """Cut a stream that is sorted by subject into tables of whole subjects, however large one subject is.

    Parameters
    ----------
    batches : iterable of RecordBatch
        With a column ``subject_id``.
    """
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if not len(batch):
            continue
        subject = batch.column("subject_id").to_numpy(zero_copy_only=False)
        cut = int(np.searchsorted(subject, subject[-1]))  # where the last subject begins
        begun = bool(waiting) and waiting[-1].column("subject_id")[-1].as_py() != subject[0]
        if cut or begun:
            done = [*waiting, batch.slice(0, cut)] if cut else waiting
            yield pa.Table.from_batches(done)
            waiting = []
        waiting.append(batch.slice(cut))
    if waiting:
        yield pa.Table.from_batches(waiting)


def each_part(parts: Sequence[Path], do: Callable[[Path], None], *, threads: int = 2) -> None:
    """Do something with every part, each on some worker.

    Parameters
    ----------
    parts : sequence of Path
        Readable by every worker.
    do : callable
        What it makes it must write itself.
    threads : int
        Of a session that is started here.
    """
    spark = session(threads)

    def over(batches: Batches) -> Batches:
        for batch in batches:
            for name in batch.column("part").to_pylist():
                do(Path(name))
            yield batch

    names = spark.createDataFrame([(str(part),) for part in parts], "part string")
    names.repartition(max(len(parts), 1)).mapInArrow(over, "part string").collect()
