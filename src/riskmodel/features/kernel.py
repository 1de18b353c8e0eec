"""The compiled kernel: one walk over each cohort row's events fills one row of the matrix.

Cost: for every row, the events of its subject up to the index date, times the columns that read each of them. It
grows with (index dates x events) of a subject; a walk with moving bounds would not, and is the next step if studies
come to have many dates. Importing this module imports numba; nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Tally = npt.NDArray[Any]  # float64; what is taken out of it is a plain number to the compiler
Float32s = npt.NDArray[np.float32]

F = TypeVar("F", bound=Callable[..., Any])


def njit(function: F) -> F:
    """Compile without the interpreter's lock, and keep the compiled code on disk."""
    return cast("F", numba.njit(cache=True, nogil=True)(function))


# Numbers of the aggregations, in the order of spec.AGGREGATIONS (a test compares them).
(
    COUNT,
    ANY,
    DISTINCT,
    SINCE_LAST,
    SINCE_FIRST,
    SUM,
    MEAN,
    MAX,
    MIN,
    LAST,
    TREND,
    SPELL_DAYS,
    IN_SPELL,
    RATIO,
) = range(14)

# What an event is to a column.
EVENT, START, END, DENOMINATOR = range(4)

STATIC = -(2**31) + 1  # the day of a fact without a date (days.ALWAYS)
DAYS_A_YEAR = 365.25


class Events(NamedTuple):
    """Events that some column reads, by subject and then time; facts without a date come first."""

    day: Ints
    known: Ints
    superseded: Ints
    code: Ints
    value: Float32s


class Watch(NamedTuple):
    """Observation, by subject, agency and start; an open end is ``days.NEVER``."""

    agency: Ints
    start: Ints
    end: Ints
    known: Ints
    superseded: Ints


class Rows(NamedTuple):
    """Cohort rows: index day, and the subject's first and last-plus-one position in Events and Watch."""

    index_day: Ints
    event_from: Longs
    event_to: Longs
    watch_from: Longs
    watch_to: Longs


class Plan(NamedTuple):
    """Columns as flat arrays.

    ``use_from[code]:use_from[code + 1]`` are the positions in ``use_column``, ``use_role`` and ``use_slot`` of the
    columns that read a code. ``length`` is 0 for ``ever``. A check asks on how many days of a lookback an agency
    observed: ``check_from`` gives each agency's checks, ``need_from`` and ``need_check`` the checks that a column
    must pass before nothing may count as zero.
    """

    use_from: Longs
    use_column: Ints
    use_role: Ints
    use_slot: Ints
    aggregation: Ints
    length: Ints
    complement: npt.NDArray[np.bool_]
    check_from: Longs
    check_length: Ints
    check_days: Floats
    need_from: Longs
    need_check: Ints
    slots: int


# Fields of the tally, one row for each column; whole numbers are exact in float64.
N_EVENTS, N_VALUES, TOTAL, BELOW, BEST, FIRST_DAY, LAST_DAY, DEPTH, NET, SUM_X, SUM_XX, SUM_XY, FIELDS = (
    range(13)
)


@njit
def fill(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan, events: Events, watch: Watch, rows: Rows, picked: Longs, out: Float32s
) -> None:
    """Fill the picked rows of ``out``."""
    tally = np.zeros((len(plan.aggregation), FIELDS), np.float64)
    seen = np.full(plan.slots, -1, np.int64)
    watched = np.zeros(len(plan.check_length), np.int64)
    reached = np.zeros(len(plan.check_length), np.int64)
    for row in picked:
        index = rows.index_day[row]
        tally[:] = 0.0
        for at in range(rows.event_from[row], rows.event_to[row]):
            if events.day[at] >= index:
                break
            if events.known[at] < index and events.superseded[at] >= index:
                _take(plan, tally, seen, events.code[at], events.day[at], events.value[at], index, row)
        _count_watched(plan, watch, rows.watch_from[row], rows.watch_to[row], index, watched, reached)
        for column in range(len(plan.aggregation)):
            value = _finish(plan.aggregation[column], plan.length[column], tally, column, index)
            if _is_nothing(plan.aggregation[column], tally, column) and not _observed(plan, column, watched):
                value = np.nan
            out[row, column] = 1.0 - value if plan.complement[column] else value


@njit
def _take(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan, tally: Tally, seen: Longs, code: int, day: int, value: float, index: int, row: int
) -> None:
    """Let every column that reads this event's code see it."""
    for use in range(plan.use_from[code], plan.use_from[code + 1]):
        column, role = plan.use_column[use], plan.use_role[use]
        length = plan.length[column]
        if role in (START, END):
            if day != STATIC:
                _step(tally, column, day, index - length if length > 0 else STATIC)
                tally[column, NET] += 1 if role == START else -1
        elif length == 0 or day >= index - length:
            if role == DENOMINATOR:
                if not np.isnan(value):
                    tally[column, BELOW] += value
            elif plan.aggregation[column] == DISTINCT:
                if seen[plan.use_slot[use]] != row:
                    seen[plan.use_slot[use]] = row
                    tally[column, N_EVENTS] += 1
            else:
                _add(plan.aggregation[column], tally, column, day, value)


@njit
def _add(aggregation: int, tally: Tally, column: int, day: int, value: float) -> None:
    if day == STATIC and (aggregation in (SINCE_LAST, SINCE_FIRST, TREND)):
        return
    if tally[column, N_EVENTS] == 0:
        tally[column, FIRST_DAY] = day
    tally[column, N_EVENTS] += 1
    tally[column, LAST_DAY] = day
    if aggregation >= SUM and not np.isnan(value):
        _add_value(aggregation, tally, column, day, value)


@njit
def _add_value(aggregation: int, tally: Tally, column: int, day: int, value: float) -> None:
    best = tally[column, BEST]
    first = tally[column, N_VALUES] == 0
    if (
        first
        or aggregation == LAST
        or (aggregation == MAX and value > best)
        or (aggregation == MIN and value < best)
    ):
        tally[column, BEST] = value
    tally[column, N_VALUES] += 1
    tally[column, TOTAL] += value
    if aggregation == TREND:
        x = day - tally[column, FIRST_DAY]
        tally[column, SUM_X] += x
        tally[column, SUM_XX] += x * x
        tally[column, SUM_XY] += x * value


@njit
def _step(tally: Tally, column: int, day: int, since: int) -> None:
    """Move a spell column on to a day: starts and ends of the day before it are netted, then its days counted."""
    last = tally[column, LAST_DAY]
    if day > last:
        tally[column, DEPTH] = max(0.0, tally[column, DEPTH] + tally[column, NET])
        tally[column, NET] = 0
        if tally[column, DEPTH] > 0:
            tally[column, TOTAL] += max(0.0, day - max(last, np.float64(since)))
    tally[column, LAST_DAY] = day


@njit
def _finish(aggregation: int, length: int, tally: Tally, column: int, index: int) -> float:
    if aggregation in (SPELL_DAYS, IN_SPELL):
        return _of_spells(aggregation, length, tally, column, index)
    n: float = tally[column, N_EVENTS]
    if aggregation in (COUNT, DISTINCT):
        return n
    if aggregation == ANY:
        return 1.0 if n > 0 else 0.0
    if aggregation in (SINCE_LAST, SINCE_FIRST):
        day: float = tally[column, LAST_DAY if aggregation == SINCE_LAST else FIRST_DAY]
        return index - day if n > 0 else np.nan
    return _of_values(aggregation, tally, column)


@njit
def _of_spells(aggregation: int, length: int, tally: Tally, column: int, index: int) -> float:
    _step(tally, column, index, index - length if length > 0 else STATIC)
    total: float = tally[column, TOTAL]
    inside = 1.0 if tally[column, DEPTH] > 0 else 0.0
    return total if aggregation == SPELL_DAYS else inside


@njit
def _of_values(aggregation: int, tally: Tally, column: int) -> float:
    n: float = tally[column, N_VALUES]
    total: float = tally[column, TOTAL]
    best: float = tally[column, BEST]
    if aggregation in (SUM, RATIO):
        if n == 0 and tally[column, N_EVENTS] > 0:
            return np.nan
        below: float = tally[column, BELOW] if aggregation == RATIO else 1.0
        return total / below if below > 0 else np.nan
    if n == 0:
        return np.nan
    if aggregation == MEAN:
        return total / n
    return _slope(tally, column) if aggregation == TREND else best


@njit
def _slope(tally: Tally, column: int) -> float:
    """Return the least-squares slope a year; NaN unless values stand on two days."""
    n, x, xx = tally[column, N_VALUES], tally[column, SUM_X], tally[column, SUM_XX]
    spread: float = n * xx - x * x  # whole days: exact
    if spread == 0:
        return np.nan
    rise: float = n * tally[column, SUM_XY] - x * tally[column, TOTAL]
    return DAYS_A_YEAR * rise / spread


@njit
def _is_nothing(aggregation: int, tally: Tally, column: int) -> bool:
    """Return whether the value says that something did not happen, which only an observer can say."""
    field = N_EVENTS
    if aggregation == SPELL_DAYS:
        field = TOTAL
    elif aggregation == IN_SPELL:
        field = DEPTH
    nothing: bool = tally[column, field] == 0
    return nothing


@njit
def _count_watched(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan, watch: Watch, first: int, stop: int, index: int, watched: Longs, reached: Longs
) -> None:
    """Count for every check the days of its lookback on which its agency observed, as known on the index date."""
    for check in range(len(watched)):
        watched[check] = 0
        reached[check] = index - plan.check_length[check] if plan.check_length[check] > 0 else STATIC
    for at in range(first, stop):
        if watch.known[at] < index and watch.superseded[at] >= index:
            end = min(watch.end[at], index)
            for check in range(plan.check_from[watch.agency[at]], plan.check_from[watch.agency[at] + 1]):
                # Rows come by start: what an earlier row has reached is not counted twice.
                start = max(watch.start[at], reached[check])
                if end > start:
                    watched[check] += end - start
                    reached[check] = end


@njit
def _observed(plan: Plan, column: int, watched: Longs) -> bool:
    for need in range(plan.need_from[column], plan.need_from[column + 1]):
        check = plan.need_check[need]
        if watched[check] == 0 or watched[check] < plan.check_days[check]:
            return False
    return True
