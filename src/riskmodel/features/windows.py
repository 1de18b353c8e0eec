"""Windows: which stretch of a young person's record a column reads, from how it is written in a specification."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from riskmodel.tables.days import NEVER, DayArray

EVER = "ever"
NOW = "now"
SINCE_BIRTH = "since_birth"

_LOOKBACK = re.compile(r"^([1-9]\d{0,4})d$")
_BAND = re.compile(r"^([1-9]\d{0,4})d_to_([1-9]\d{0,4})d$")
_BEFORE = re.compile(r"^before_([1-9]\d?)y$")
_AGES = re.compile(r"^(\d{1,2})y_to_([1-9]\d?)y$")
_EXPIRY = re.compile(r"^(?:never|([1-9]\d{0,4})d|age_([1-9]\d?)y)$")

EXPECTED = "such as 365d, 365d_to_730d, before_5y, 5y_to_11y, since_birth or ever"


@dataclass(frozen=True)
class Window:
    """A half-open stretch of days; every bound that is set must hold, and nothing on or after the index date is read.

    Parameters
    ----------
    name : str
        As written, the last part of a column's name.
    far : int or None
        Begins so many days before the index date.
    near : int
        Ends so many days before the index date: 0 but for a band.
    from_age, to_age : int or None
        Begins, and ends, on that birthday; 0 is the day of birth.
    lapse_age : int or None
        From that birthday on the column is missing.
    """

    name: str
    far: int | None = None
    near: int = 0
    from_age: int | None = None
    to_age: int | None = None
    lapse_age: int | None = None

    @property
    def lasting(self) -> bool:
        """Whether it reaches back without a bound, so that any observation at all makes a zero."""
        return self.name == EVER

    @property
    def by_birth(self) -> bool:
        """Whether the day of birth must be known."""
        return any(age is not None for age in (self.from_age, self.to_age, self.lapse_age))

    def bounds(self, index_day: int, born: int) -> tuple[float, float]:
        """Return the first day that is read on an index date, and the day before which reading ends.

        Parameters
        ----------
        index_day : int
        born : int
            Day of birth as known on the index date; ``days.NEVER`` where it is not.
        """
        low = -math.inf if self.far is None else index_day - self.far
        high = index_day - self.near
        if self.from_age is not None:
            low = int(birthday(np.array([born], dtype=np.int32), self.from_age)[0])
        if self.to_age is not None:
            high = min(high, int(birthday(np.array([born], dtype=np.int32), self.to_age)[0]))
        return low, high

    @property
    def dated(self) -> bool:
        """Whether facts without a date are left out: only ``ever``, without an expiry in days, reads them."""
        return not self.lasting or self.far is not None


def birthday(born: DayArray, age: int) -> DayArray:
    """Return the day on which somebody completes so many years; NEVER where the birth is not known.

    Somebody born on 29 February completes a year on 1 March where there is no 29 February.
    """
    dates = born.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    first = (months + 12 * age).astype("datetime64[D]")
    day: DayArray = (first + (dates - months.astype("datetime64[D]"))).astype(np.int64).astype(np.int32)
    return np.where(born == NEVER, NEVER, day)


def read_window(name: str, *, expires: str | None = None) -> Window:
    """Return the window that a name and, for ``ever``, an expiry stand for.

    Raises
    ------
    ValueError
        If it is not a window.
    """
    if name in (EVER, NOW, SINCE_BIRTH):
        far, lapse = _expiry(expires) if name == EVER else (1 if name == NOW else None, None)
        return Window(name, far=far, from_age=0 if name == SINCE_BIRTH else None, lapse_age=lapse)
    if found := _LOOKBACK.match(name):
        return Window(name, far=int(found[1]))
    if found := _BEFORE.match(name):
        return Window(name, to_age=int(found[1]))
    found = _BAND.match(name) or _AGES.match(name)
    if found is None or int(found[1]) >= int(found[2]):
        raise ValueError(f"'{name}' is not a window; expected {EXPECTED}")
    if _BAND.match(name):
        return Window(name, near=int(found[1]), far=int(found[2]))
    return Window(name, from_age=int(found[1]), to_age=int(found[2]))


def _expiry(expires: str | None) -> tuple[int | None, int | None]:
    if expires is None:
        return None, None
    found = _EXPIRY.match(expires)
    if found is None:
        raise ValueError(f"'{expires}' is not an expiry; expected such as 3650d, age_18y or never")
    days, age = (None if text is None else int(text) for text in found.groups())
    return days, age
