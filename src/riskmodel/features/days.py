"""Columns of an Arrow table as plain arrays: days, and positions in a dictionary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from riskmodel.tables.days import DayArray

_DAY = np.int64(86_400_000_000)  # microseconds


def words(column: pa.ChunkedArray) -> list[str]:
    """Return the dictionary of a column of codes."""
    if column.num_chunks == 0:
        return []
    return list(column.chunk(0).dictionary.to_pylist())


def indices(column: pa.ChunkedArray) -> DayArray:
    """Return a column of codes as positions in its dictionary."""
    if column.num_chunks == 0:
        return np.zeros(0, dtype=np.int32)
    return np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks]).astype(np.int32, copy=False)


def days(column: pa.ChunkedArray, *, null: np.int32) -> DayArray:
    """Return a timestamp column as day numbers; the same as ``day_column``, several times as fast."""
    if column.null_count == len(column):
        return np.full(len(column), null, dtype=np.int32)
    day: DayArray = (column.cast(pa.int64()).fill_null(0).to_numpy() // _DAY).astype(np.int32)
    if column.null_count:
        day[column.is_null().to_numpy()] = null
    return day
