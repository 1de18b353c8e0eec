"""Records as a Spark worker sees them: one stream of tagged rows, events and observation, sorted as its partition is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.features import spark
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.records import Records
from riskmodel.tables.words import words


def tagged(data: Records, cohort: Cohort) -> pa.Table:
    """Everything about a subject together: its rows, its events (facts without a date first), its observation."""
    observation = data.observation.table
    names = ["time" if name == "start" else name for name in observation.column_names]
    asked = pa.table({"subject_id": cohort.subject_id, "time": _dates(cohort.index_day)})
    tables = (
        (spark.ROW, asked),
        (spark.EVENT, _as_days(data.events.table)),
        (spark.WATCH, _as_days(observation.rename_columns(names))),
    )
    together = pa.concat_tables(
        [one.append_column("kind", pa.array([kind] * len(one), pa.int8())) for kind, one in tables],
        promote_options="default",
    )
    keys = [(name, "ascending", "at_start") for name in ("subject_id", "kind", "time", "known_time")]
    together = together.take(pc.sort_indices(together, sort_keys=keys)).combine_chunks()
    for name in (*spark.EVENT_SCHEMA.names, "end"):
        if name not in together.column_names:
            together = together.append_column(name, pa.nulls(len(together), pa.date32()))
    return together


def words_of(data: Records) -> dict[str, tuple[str, ...]]:
    """The words that a worker is told of, in another order than the log's."""
    events, observation = data.events.table, data.observation.table
    listed = {
        "codes": events.column("code"),
        "agencies": events.column("agency"),
        "observers": observation.column("agency"),
    }
    return {name: tuple(sorted(words(column))) for name, column in listed.items()}


def _dates(numbers: np.ndarray) -> pa.Array:
    return pa.array(numbers.astype(np.int32)).view(pa.date32())


def _as_days(table: pa.Table) -> pa.Table:
    def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
        if pa.types.is_timestamp(column.type):
            return column.cast(pa.date32())
        return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column

    return pa.table({name: _plain(table.column(name)) for name in table.column_names})
