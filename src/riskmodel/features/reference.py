"""The features once more in short plain Python, as the oracle of the compiled kernel. It imports neither kernel nor plan.

Slow: it reads every event of a subject for every row and column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

import numpy as np

from riskmodel.features.columns import Column
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.days import to_day
from riskmodel.tables.features import Float32Array
from riskmodel.tables.records import Records


@dataclass(frozen=True)
class Event:
    """One event; ``day`` is None for a fact without a date, ``superseded`` None unless corrected."""

    day: int | None
    known: int
    superseded: int | None
    code: str
    value: float | None


@dataclass(frozen=True)
class Watched:
    """One row of observation; ``end`` is None while it lasts."""

    agency: str
    start: int
    end: int | None
    known: int
    superseded: int | None


def feature_value(column: Column, index: int, events: Sequence[Event], watched: Sequence[Watched]) -> float:
    """Return one value for one subject and index day; NaN where the record cannot say.

    ``events`` and ``watched`` are the subject's, in the order of their tables.
    """
    seen = [e for e in events if _visible(e, index) and (e.day is None or e.day < index)]
    seen.sort(key=lambda e: -math.inf if e.day is None else e.day)
    found, value = _AGGREGATE[column.aggregation](column, index, seen)
    if not found and not _observed(column, index, watched):
        return math.nan
    return 1.0 - value if column.complement else value


def _visible(row: Event | Watched, index: int) -> bool:
    return row.known < index and (row.superseded is None or row.superseded >= index)


def _in_window(event: Event, column: Column, index: int) -> bool:
    return column.length is None or (event.day is not None and event.day >= index - column.length)


def _among(patterns: Sequence[str], column: Column, index: int, seen: Sequence[Event]) -> list[Event]:
    return [e for e in seen if _in_window(e, column, index) and any(fnmatchcase(e.code, p) for p in patterns)]


def _observed(column: Column, index: int, watched: Sequence[Watched]) -> bool:
    for agency in column.observed_by:
        rows = [w for w in watched if w.agency == agency and _visible(w, index)]
        first = (
            min([w.start for w in rows], default=index) if column.length is None else index - column.length
        )
        days = {
            day
            for w in rows
            for day in range(max(w.start, first), min(index if w.end is None else w.end, index))
        }
        if not days or (column.length is not None and len(days) < column.min_observed * column.length):
            return False
    return True


Answer = tuple[bool, float]


def _count(column: Column, index: int, seen: Sequence[Event]) -> Answer:
    n = len(_among(column.events, column, index, seen))
    return n > 0, float(n)


def _any(column: Column, index: int, seen: Sequence[Event]) -> Answer:
    n = len(_among(column.events, column, index, seen))
    return n > 0, float(n > 0)


def _distinct(column: Column, index: int, seen: Sequence[Event]) -> Answer:
    codes = {e.code for e in _among(column.events, column, index, seen)}
    return bool(codes), float(len(codes))


def _since(pick: Callable[[list[int]], int]) -> Callable[[Column, int, Sequence[Event]], Answer]:
    def _answer(column: Column, index: int, seen: Sequence[Event]) -> Answer:
        days = [e.day for e in _among(column.events, column, index, seen) if e.day is not None]
        return (True, float(index - pick(days))) if days else (False, math.nan)

    return _answer


def _values(column: Column, index: int, seen: Sequence[Event]) -> tuple[bool, list[float]]:
    events = _among(column.events, column, index, seen)
    return bool(events), [e.value for e in events if e.value is not None]


def _sum(column: Column, index: int, seen: Sequence[Event]) -> Answer:
    found, values = _values(column, index, seen)
    return found, math.nan if found and not values else sum(values)


def _of(summary: Callable[[list[float]], float]) -> Callable[[Column, int, Sequence[Event]], Answer]:
    def _answer(column: Column, index: int, seen: Sequence[Event]) -> Answer:
        found, values = _values(column, index, seen)
        return found, summary(values) if values else math.nan

    return _answer


def _trend(column: Column, index: int, seen: Sequence[Event]) -> Answer:
    points = [
        (e.day, e.value)
        for e in _among(column.events, column, index, seen)
        if e.day is not None and e.value is not None
    ]
    if len({day for day, _ in points}) < 2:
        return False, math.nan
    mean_x = sum(day for day, _ in points) / len(points)
    mean_y = sum(value for _, value in points) / len(points)
    slope = sum((day - mean_x) * (value - mean_y) for day, value in points) / sum(
        (day - mean_x) ** 2 for day, _ in points
    )
    return True, 365.25 * slope


def _days_open(column: Column, index: int, seen: Sequence[Event]) -> list[int]:
    """Every day before the index day on which more spells had begun than ended, in order."""
    change: dict[int, int] = {}
    for e in seen:
        begins, ends = (
            any(fnmatchcase(e.code, p) for p in patterns) for patterns in (column.start, column.end)
        )
        if e.day is not None:
            change[e.day] = change.get(e.day, 0) + begins - ends
    depth, open_days = 0, []
    for day in range(min(change, default=index), index):
        depth = max(0, depth + change.get(day, 0))
        open_days += [day] if depth else []
    return open_days


def _spell_days(column: Column, index: int, seen: Sequence[Event]) -> Answer:
    days = [
        day
        for day in _days_open(column, index, seen)
        if column.length is None or day >= index - column.length
    ]
    return bool(days), float(len(days))


def _in_spell(column: Column, index: int, seen: Sequence[Event]) -> Answer:
    inside = index - 1 in _days_open(column, index, seen)
    return inside, float(inside)


def _ratio(column: Column, index: int, seen: Sequence[Event]) -> Answer:
    found, top = _sum(column, index, seen)
    bottom = sum(e.value for e in _among(column.denominator, column, index, seen) if e.value is not None)
    return found, top / bottom if bottom > 0 else math.nan


_AGGREGATE: dict[str, Callable[[Column, int, Sequence[Event]], Answer]] = {
    "count": _count,
    "any": _any,
    "distinct": _distinct,
    "days_since_last": _since(max),
    "days_since_first": _since(min),
    "sum": _sum,
    "mean": _of(lambda values: sum(values) / len(values)),
    "max": _of(max),
    "min": _of(min),
    "last": _of(lambda values: values[-1]),
    "trend": _trend,
    "spell_days": _spell_days,
    "in_spell": _in_spell,
    "ratio": _ratio,
}


def reference_features(records: Records, cohort: Cohort, columns: Sequence[Column]) -> Float32Array:
    """Return the same matrix as ``build_columns``, shape (rows, columns)."""
    events: dict[int, list[Event]] = {}
    for r in records.events.table.to_pylist():
        events.setdefault(r["subject_id"], []).append(
            Event(
                _day(r["time"]),
                to_day(r["known_time"].date()),
                _day(r["superseded_time"]),
                r["code"],
                r["numeric_value"],
            )
        )
    watched: dict[int, list[Watched]] = {}
    for r in records.observation.table.to_pylist():
        watched.setdefault(r["subject_id"], []).append(
            Watched(
                r["agency"],
                to_day(r["start"].date()),
                _day(r["end"]),
                to_day(r["known_time"].date()),
                _day(r["superseded_time"]),
            )
        )
    out = np.empty((len(cohort), len(columns)), dtype=np.float32)
    for row, (subject, index) in enumerate(
        zip(cohort.subject_id.tolist(), cohort.index_day.tolist(), strict=True)
    ):
        for place, column in enumerate(columns):
            out[row, place] = feature_value(column, index, events.get(subject, ()), watched.get(subject, ()))
    return out


def _day(value: datetime | None) -> int | None:
    return None if value is None else to_day(value.date())
