"""Dates as whole days since 1970-01-01, the integer time that every window is measured in."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

EPOCH = date(1970, 1, 1)
NEVER = np.int32(2**31 - 1)
ALWAYS = np.int32(-(2**31) + 1)

DayArray = npt.NDArray[np.int32]

_DAY = np.int64(86_400_000_000)  # microseconds, the unit of every time in the tables


def to_day(value: date) -> int:
    """Return the number of days since 1970-01-01."""
    return (value - EPOCH).days


def from_day(day: int) -> date:
    """Return the date of a day number."""
    return date.fromordinal(EPOCH.toordinal() + int(day))


def day_column(column: pa.ChunkedArray, *, null: np.int32) -> DayArray:
    """Return a timestamp column as day numbers, nulls as ``null``.

    An instant belongs to the day it falls in (floor), so ``time < index_date`` on instants and on days agree
    when index dates are midnights.
    """
    if column.null_count == len(column):
        return np.full(len(column), null, dtype=np.int32)
    day: DayArray = (column.cast(pa.int64()).fill_null(0).to_numpy() // _DAY).astype(np.int32)
    if column.null_count:
        day[column.is_null().to_numpy()] = null
    return day


def to_timestamps(days: npt.NDArray[np.integer], *, null: int | None = None) -> pa.Array:
    """Return day numbers as a ``timestamp[us]`` array; ``null`` days become null."""
    stamps = days.astype("datetime64[D]").astype("datetime64[us]")
    mask = None if null is None else days == null
    return pa.array(stamps, type=pa.timestamp("us"), mask=mask)
