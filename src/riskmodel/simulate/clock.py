"""Months, days, school terms and the window that the extracts cover.

A month is a whole number of months since January 1970, a day a whole number of days since 1970-01-01.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.tables.days import from_day, to_day

if TYPE_CHECKING:
    from riskmodel.simulate.spec import SimulateSpec

IntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]

ISO = "%Y-%m-%d"
CENSUS_DATE = "%Y-%b-%d 00:00:00"  # the school census writes dates so
UK = "%d/%m/%Y"  # the SSDA903 writes dates so

NOT_YET = np.int32(2**30)
"""A day after every other: it has not ended."""


def first_day(month: npt.NDArray[np.integer]) -> IntArray:
    """Return the first day of each month."""
    return month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)


def month_of(day: date) -> int:
    """Return the month that a date lies in."""
    return (day.year - 1970) * 12 + day.month - 1


@dataclass(frozen=True)
class Window:
    """The days that the extracts cover, both ends included."""

    first_day: int
    last_day: int

    @classmethod
    def of(cls, spec: SimulateSpec) -> Window:
        """Return the window that ends on the last day of the spec and starts ``years`` before."""
        start = month_of(spec.last_day) + 1 - 12 * spec.years
        return cls(int(first_day(np.array([start]))[0]), to_day(spec.last_day))

    @property
    def first_month(self) -> int:
        """The month of the first day."""
        return month_of(from_day(self.first_day))

    @property
    def last_month(self) -> int:
        """The month of the last day."""
        return month_of(from_day(self.last_day))

    def covers(self, day: npt.NDArray[np.integer]) -> BoolArray:
        """Return which days lie in the window."""
        return (day >= self.first_day) & (day <= self.last_day)


@dataclass(frozen=True)
class Term:
    """One school term: its days, the day of its census and the sessions (half days) it offers.

    ``since`` is the day of the census before, from which on spells that have ended are reported.
    """

    number: int
    name: str
    academic_year: int
    start: int
    census: int
    end: int
    sessions: int
    since: int = 0

    @property
    def label(self) -> str:
        """The start of the names of this term's files, as the census labels them."""
        return f"{from_day(self.census).year}_{self.name}"


# Start, census day, end (month, day) and sessions. Census days are the usual ones; a year offers 380 sessions.
_TERMS = (
    ("autumn", (9, 1), (10, 5), (12, 20), 140),
    ("spring", (1, 5), (1, 18), (3, 31), 114),
    ("summer", (4, 15), (5, 18), (7, 20), 126),
)
TERM_END_MONTHS = tuple(end[0] - 1 for _, _, _, end, _ in _TERMS)
"""The months (January is 0) in which a term ends."""


def terms(window: Window) -> tuple[Term, ...]:
    """Return every term that lies wholly inside the window, in order of time."""
    years = range(from_day(window.first_day).year, from_day(window.last_day).year + 1)
    found = [_term(year, place) for year in years for place in range(len(_TERMS))]
    inside = [term for term in found if term.start >= window.first_day and term.end <= window.last_day]
    in_order = sorted(inside, key=lambda term: term.start)
    since = [window.first_day, *(term.census for term in in_order)]
    return tuple(replace(term, number=number, since=since[number]) for number, term in enumerate(in_order))


def _term(year: int, place: int) -> Term:
    """Return one term of a calendar year."""
    name, start, census, end, sessions = _TERMS[place]
    return Term(
        number=0,
        name=name,
        academic_year=year if name == "autumn" else year - 1,
        start=to_day(date(year, *start)),
        census=to_day(date(year, *census)),
        end=to_day(date(year, *end)),
        sessions=sessions,
    )


def year_ends(window: Window) -> tuple[tuple[int, int, int], ...]:
    """Return (year, first day, last day) of each social care year, 1 April to 31 March.

    The last one is cut at the last day of the window: it is the return as it would stand that day.
    """
    first, last = from_day(window.first_day), from_day(window.last_day)
    found = []
    for year in range(first.year, last.year + 2):
        start = max(to_day(date(year - 1, 4, 1)), window.first_day)
        end = min(to_day(date(year, 3, 31)), window.last_day)
        if start <= end:
            found.append((year, start, end))
    return tuple(found)


class DayText:
    """Writes many days as text by looking each up in a table, made once for each style."""

    _FIRST = to_day(date(1980, 1, 1))
    _LAST = to_day(date(2045, 12, 31))

    def __init__(self, style: str) -> None:
        self._text = _calendar(style, self._FIRST, self._LAST)

    def of(self, day: npt.NDArray[np.integer]) -> pa.Array:
        """Return the days as text, null where the day has not come yet."""
        blank = day == NOT_YET
        return self._text.take(pa.array(np.where(blank, 0, day - self._FIRST), mask=blank))


@cache
def _calendar(style: str, first: int, last: int) -> pa.Array:
    """Return every day of many years as text."""
    days = pa.array(range(first, last + 1), pa.int32()).cast(pa.date32())
    return pc.strftime(days.cast(pa.timestamp("s")), format=style, locale="C")
