"""Events by agency and month, and what would be usual for each month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
import numpy.typing as npt

from riskmodel.intake.checks.findings import Row
from riskmodel.intake.checks.limits import is_low
from riskmodel.intake.checks.views import EventView, SpanView, months
from riskmodel.intake.checks.words import month_code
from riskmodel.intake.manifest import Gap
from riskmodel.tables.days import ALWAYS, to_day

# Facts about a person or taken from elsewhere: no agency records them month by month.
NOT_AN_AGENCY = frozenset({"PERSON"})
# A run of empty months is worth a look when chance would leave it empty once in 100 (expected events 4.6) and
# needs action at once in 10,000 (9.2): Poisson.
EMPTY_LOOK, EMPTY_ACT = 4.6, 9.2
_SAME_MONTHS, _NEAR = 4, 3  # months of other years, and months on each side where years are few


@dataclass(frozen=True)
class Series:
    """Events of one agency by month, from ``first`` (counted from January of year 0).

    Attributes
    ----------
    usual : array of float
        The median of the same calendar month in other years; NaN where there is nothing to compare with.
    declared, wholly_declared : array of bool
        Months that a gap which the agency declared touches, and those that lie in it whole.
    whole : array of bool
        Months that are over and that late recording hardly changes any more.
    noise : float
        How much more months differ than chance alone would make them (standard deviations, at least 1): events come
        in clusters.
    """

    agency: str
    first: int
    counts: npt.NDArray[np.int64]
    usual: npt.NDArray[np.float64]
    declared: npt.NDArray[np.bool_]
    wholly_declared: npt.NDArray[np.bool_]
    whole: npt.NDArray[np.bool_]
    noise: float

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Each month's state: usual, low, empty, declared_gap, or partial (not over, or still being recorded)."""
        states = [self._state(place) for place in range(len(self.counts))]
        for first, last in runs([state == "zero" for state in states]):
            missing = self.certain(first, last) >= EMPTY_LOOK
            for place in range(first, last + 1):
                states[place] = "empty" if missing and self.usual[place] > 0 else "usual"
        return tuple(states)

    def certain(self, first: int, last: int) -> float:
        """Return how many events chance would have to leave out for these months to be empty."""
        return float(np.nansum(self.usual[first : last + 1])) / self.noise**2

    def _state(self, place: int) -> str:
        if self.declared[place]:
            return "declared_gap"
        if not self.whole[place]:
            return "partial"
        if not self.counts[place]:
            return "zero"
        return "low" if is_low(self.counts[place], self.usual[place], noise=self.noise) else "usual"


def runs(marked: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield the first and last place of each run of what is marked."""
    for mark, places in groupby(range(len(marked)), key=lambda place: marked[place]):
        run = list(places)
        if mark:
            yield run[0], run[-1]


def monthly(
    events: EventView, observed: SpanView, *, extract_day: int, gaps: Sequence[Gap] = ()
) -> list[Series]:
    """Count events by agency and month, over the time in which the agency was recording.

    That begins with the first day when the agency observed anybody, but not before any other agency did: a list that
    reaches back to a birth tells nothing of what the agency recorded then.
    """
    began = _began(observed)
    dated = events.day != ALWAYS
    month = months(events.day)
    last = int(months(np.array([extract_day], dtype=np.int32))[0])
    made = []
    for number, agency in enumerate(events.agencies):
        mine = dated & (events.agency == number)
        if agency in NOT_AN_AGENCY or not mine.any():
            continue
        start = began.get(agency, int(events.day[mine].min()))
        opened = int(months(np.array([start], dtype=np.int32))[0])
        mine &= (month >= opened) & (month <= last)
        counts = np.bincount(month[mine] - opened, minlength=max(last - opened + 1, 1))
        done = extract_day - _usual_delays(events, mine, month)
        made.append(_series(agency, opened, counts, start=start, done=done, gaps=gaps))
    return made


def _began(observed: SpanView) -> dict[str, int]:
    first = {
        label: int(observed.start[observed.label == number].min())
        for number, label in enumerate(observed.labels)
        if (observed.label == number).any()
    }
    return {
        agency: max(
            [day, *([min(others)] if (others := [d for o, d in first.items() if o != agency]) else [])]
        )
        for agency, day in first.items()
    }


def _usual_delays(
    events: EventView, mine: npt.NDArray[np.bool_], month: npt.NDArray[np.integer]
) -> npt.NDArray[np.int64]:
    """Return, for each month of the calendar, the days within which 90 of 100 events of an agency are known."""
    delays, of_month = events.known[mine].astype(np.int64) - events.day[mine], month[mine] % 12
    found = [delays[of_month == number] for number in range(12)]
    return np.array([int(np.quantile(one, 0.9)) if len(one) else 0 for one in found])


def _series(
    agency: str,
    first: int,
    counts: npt.NDArray[np.int64],
    *,
    start: int,
    done: npt.NDArray[np.int64],
    gaps: Sequence[Gap],
) -> Series:
    opens = np.arange(first, first + len(counts) + 1) - 1970 * 12
    day = opens.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    declared, wholly = np.zeros((2, len(counts)), dtype=bool)
    for gap in gaps:
        if gap.agency == agency:
            declared |= (day[:-1] < to_day(gap.after)) & (day[1:] > to_day(gap.first))
            wholly |= (day[:-1] >= to_day(gap.first)) & (day[1:] <= to_day(gap.after))
    whole = (day[:-1] >= start) & (day[1:] <= done[(first + np.arange(len(counts))) % 12])
    usable = whole & ~declared
    usual = np.array([_usual(counts, usable, place) for place in range(len(counts))])
    noise = _noise(counts[usable], usual[usable])
    return Series(agency, first, counts, usual, declared, wholly, whole, noise)


def _noise(counts: npt.NDArray[np.int64], usual: npt.NDArray[np.float64]) -> float:
    """Return the usual size of (count - usual) / sqrt(usual); the median keeps faults from hiding themselves."""
    compared = usual > 0
    if not compared.any():
        return 1.0
    sizes = np.abs(counts[compared] - usual[compared]) / np.sqrt(usual[compared])
    return max(1.0, float(1.4826 * np.median(sizes)))


def _usual(counts: npt.NDArray[np.int64], usable: npt.NDArray[np.bool_], place: int) -> float:
    same = sorted(range(place % 12, len(counts), 12), key=lambda other: (abs(other - place), other))
    years = [other for other in same if other != place and usable[other]][:_SAME_MONTHS]
    near = [
        o
        for o in range(place - _NEAR, place + _NEAR + 1)
        if o != place and 0 <= o < len(counts) and usable[o]
    ]
    chosen = years if len(years) >= 2 else near
    return float(np.median(counts[chosen])) if chosen else float("nan")


def volume_rows(series: Sequence[Series]) -> list[Row]:
    """Return one row an agency and month, as the page draws them."""
    return [
        {
            "agency": one.agency,
            "month": month_code(one.first + place),
            "events": int(one.counts[place]),
            "usual": None if np.isnan(one.usual[place]) else float(one.usual[place]),
            "state": state,
        }
        for one in series
        for place, state in enumerate(one.states)
    ]
