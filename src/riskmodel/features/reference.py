"""The features once more in short plain Python, as the oracle of the compiled kernel. It imports neither kernel nor plan.

Slow: it reads every event of a subject for every row and column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from fractions import Fraction

import numpy as np

from riskmodel.features.columns import Column
from riskmodel.features.windows import Window
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.days import from_day, to_day
from riskmodel.tables.features import Float32Array
from riskmodel.tables.records import Records


@dataclass(frozen=True)
class Event:
    """One event; ``day`` is None for a fact without a date, ``superseded`` None unless corrected."""

    day: int | None
    known: int
    superseded: int | None
    code: str
    agency: str
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
    born = _born(seen)
    if column.window.by_birth and (born is None or _is_past(column.window.lapse_age, born, index)):
        return math.nan
    asked = _Asked(column, index, seen, _bounds(column.window, index, born), born)
    found, value = _AGGREGATE[column.aggregation](asked)
    if not found and not _observed(asked, watched):
        return math.nan
    return 1.0 - value if column.complement else value


@dataclass(frozen=True)
class _Asked:
    """What is asked: a column on an index day, what can be seen on it, first and last-plus-one day of the window."""

    column: Column
    index: int
    seen: Sequence[Event]
    bounds: tuple[float, int]
    born: int | None

    def among(self, patterns: Sequence[str]) -> list[Event]:
        """Return the events in the window that fit the patterns."""
        return [e for e in self.seen if self._in_window(e) and self.is_read(e, patterns)]

    def _in_window(self, event: Event) -> bool:
        if event.day is None:
            return self.column.window.lasting and self.column.window.far is None
        return self.bounds[0] <= event.day < self.bounds[1]

    def is_read(self, event: Event, patterns: Sequence[str]) -> bool:
        """Return whether an event fits the patterns and was recorded by whom the column asks."""
        by = self.column.recorded_by
        return _fits(event, patterns) and (not by or event.agency in by)

    def chosen(self) -> list[Event]:
        """Return the events in the window whose code and value the column selects."""
        least, below = self.column.value_least, self.column.value_below
        found = self.among(self.column.events)
        if least is None and below is None:
            return found
        with_value = [(e, e.value) for e in found if e.value is not None]
        low, high = -math.inf if least is None else least, math.inf if below is None else below
        return [e for e, value in with_value if np.float32(low) <= value < np.float32(high)]


def _visible(row: Event | Watched, index: int) -> bool:
    return row.known < index and (row.superseded is None or row.superseded >= index)


def _fits(event: Event, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(event.code, pattern) for pattern in patterns)


def _born(seen: Sequence[Event]) -> int | None:
    """Return the day of birth; of several the one known last, and among these the latest."""
    births = [(e.known, e.day) for e in seen if e.code == "MEDS_BIRTH" and e.day is not None]
    return max(births)[1] if births else None


def _birthday(born: int, age: int) -> int:
    day = from_day(born)
    if (day.month, day.day) == (2, 29):
        return to_day(date(day.year + age, 2, 28)) + 1  # 29 February, or 1 March where there is none
    return to_day(day.replace(year=day.year + age))


def _is_past(age: int | None, born: int, index: int) -> bool:
    return age is not None and _birthday(born, age) <= index


def _bounds(window: Window, index: int, born: int | None) -> tuple[float, int]:
    low = -math.inf if window.far is None else index - window.far
    high = index - window.near
    if window.from_age is not None and born is not None:
        low = _birthday(born, window.from_age)
    if window.to_age is not None and born is not None:
        high = min(high, _birthday(born, window.to_age))
    return low, high


def _observed(asked: _Asked, watched: Sequence[Watched]) -> bool:
    low, high = asked.bounds
    for agency in asked.column.observed_by:
        rows = [w for w in watched if w.agency == agency and _visible(w, asked.index)]
        first = min([w.start for w in rows], default=high)
        if not asked.column.window.lasting:
            # Nobody is observed before birth.
            first = int(low) if low > -math.inf or asked.born is None else asked.born
        days = {
            day
            for w in rows
            for day in range(max(w.start, first), min(high if w.end is None else w.end, high))
        }
        least = 0.0 if asked.column.window.lasting else asked.column.min_observed * (high - first)
        if not days or len(days) < least:
            return False
    return True


Answer = tuple[bool, float]


def _count(asked: _Asked) -> Answer:
    n = len(asked.chosen())
    return n > 0, float(n)


def _any(asked: _Asked) -> Answer:
    n = len(asked.chosen())
    return n > 0, float(n > 0)


def _distinct(asked: _Asked) -> Answer:
    codes = {e.code for e in asked.chosen()}
    return bool(codes), float(len(codes))


def _since(pick: Callable[[list[int]], int]) -> Callable[[_Asked], Answer]:
    def _answer(asked: _Asked) -> Answer:
        days = [e.day for e in asked.chosen() if e.day is not None]
        return (True, float(asked.index - pick(days))) if days else (False, math.nan)

    return _answer


def _sum(asked: _Asked) -> Answer:
    events = asked.chosen()
    values = [e.value for e in events if e.value is not None]
    return bool(events), math.nan if events and not values else math.fsum(values)


def _of(summary: Callable[[list[float]], float]) -> Callable[[_Asked], Answer]:
    def _answer(asked: _Asked) -> Answer:
        events = asked.chosen()
        values = [e.value for e in events if e.value is not None]
        return bool(events), summary(values) if values else math.nan

    return _answer


def _trend(asked: _Asked) -> Answer:
    points = [(e.day, Fraction(e.value)) for e in asked.chosen() if e.day is not None and e.value is not None]
    if len({day for day, _ in points}) < 2:
        return False, math.nan
    mean_x = Fraction(sum(day for day, _ in points), len(points))
    mean_y = sum(value for _, value in points) / len(points)
    rise = sum((day - mean_x) * (value - mean_y) for day, value in points)
    return True, 365.25 * float(rise / sum((day - mean_x) ** 2 for day, _ in points))


def _days_open(asked: _Asked) -> list[int]:
    """Every day before the index day on which more spells had begun than ended, in order."""
    change: dict[int, int] = {}
    for e in asked.seen:
        step = asked.is_read(e, asked.column.start) - asked.is_read(e, asked.column.end)
        if e.day is not None:
            change[e.day] = change.get(e.day, 0) + step
    depth, open_days = 0, []
    for day in range(min(change, default=asked.index), asked.index):
        depth = max(0, depth + change.get(day, 0))
        open_days += [day] if depth else []
    return open_days


def _spell_days(asked: _Asked) -> Answer:
    low, high = asked.bounds
    days = [day for day in _days_open(asked) if low <= day < high]
    return bool(days), float(len(days))


def _in_spell(asked: _Asked) -> Answer:
    inside = asked.index - 1 in _days_open(asked)
    return inside, float(inside)


def _moves(asked: _Asked) -> Answer:
    inside = set(_days_open(asked))
    begun = [e.day for e in asked.among(asked.column.start) if e.day is not None]
    n = sum(day - 1 in inside for day in begun)
    return n > 0, float(n)


def _ratio(asked: _Asked) -> Answer:
    found, top = _sum(asked)
    bottom = math.fsum(e.value for e in asked.among(asked.column.denominator) if e.value is not None)
    return found, top / bottom if bottom > 0 else math.nan


_AGGREGATE: dict[str, Callable[[_Asked], Answer]] = {
    "count": _count,
    "any": _any,
    "distinct": _distinct,
    "days_since_last": _since(max),
    "days_since_first": _since(min),
    "sum": _sum,
    "mean": _of(lambda values: math.fsum(values) / len(values)),
    "max": _of(max),
    "min": _of(min),
    "last": _of(lambda values: values[-1]),
    "trend": _trend,
    "spell_days": _spell_days,
    "in_spell": _in_spell,
    "ratio": _ratio,
    "moves": _moves,
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
                r["agency"],
                _number(r["numeric_value"]),
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


def _number(value: float | None) -> float | None:
    """Return the value, None for one that is not finite: it measures nothing."""
    return value if value is not None and math.isfinite(value) else None


def _day(value: datetime | None) -> int | None:
    return None if value is None else to_day(value.date())
