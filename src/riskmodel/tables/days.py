"""Dates as whole days since 1970-01-01, the integer time that every window is measured in."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

EPOCH = date(1970, 1, 1)
NEVER = np.int32(2**31 - 1)
ALWAYS = np.int32(-(2**31) + 1)

DayArray = npt.NDArray[np.int32]


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
    days = pc.floor_temporal(column, unit="day").cast(pa.timestamp("s")).cast(pa.int64())
    numbers = pc.divide(days, 86_400)
    return pc.fill_null(numbers, int(null)).to_numpy().astype(np.int32)


def to_timestamps(days: npt.NDArray[np.integer], *, null: int | None = None) -> pa.Array:
    """Return day numbers as a ``timestamp[us]`` array; ``null`` days become null."""
    stamps = days.astype("datetime64[D]").astype("datetime64[us]")
    mask = None if null is None else days == null
    return pa.array(stamps, type=pa.timestamp("us"), mask=mask)
