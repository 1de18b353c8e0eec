"""Which school each pupil attends: near home, until it closes or a new one opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import IntArray, Term, first_day
from riskmodel.tables.days import from_day

if TYPE_CHECKING:
    from riskmodel.simulate.recording import Scene

_PRIMARY_EACH, _SECONDARY_EACH = 1_100, 2_700  # residents aged 5 to 17 for each school (assumed)


def september(year: npt.NDArray[np.integer]) -> IntArray:
    """Return 1 September of each year as days."""
    return first_day((year - 1970) * 12 + 8)


@dataclass(frozen=True)
class Schools:
    """Schools are numbered, primary schools first; the last number is that of the new secondary school.

    One primary school, ``shut``, has closed on the 1 September ``shut_day``; its pupils go on elsewhere.
    """

    primary: int
    secondary: int
    shut: int
    shut_day: int
    new_day: int

    @classmethod
    def of(cls, scene: Scene) -> Schools:
        """Return the schools of a borough; the one that closes does so in the middle of the window."""
        size = len(scene.borough.decile) / 144 * 45_000
        primary, secondary = max(3, round(size / _PRIMARY_EACH)), max(2, round(size / _SECONDARY_EACH))
        first, last = from_day(scene.window.first_day).year, from_day(scene.window.last_day).year
        shut_day = int(september(np.array([(first + last) // 2]))[0])
        return cls(primary, secondary, primary // 2, shut_day, scene.new_school)

    def attended(
        self, area: IntArray, change: IntArray, entry: IntArray, *, year: IntArray, term: Term
    ) -> tuple[IntArray, IntArray]:
        """Return the school near home that each pupil attends in a term, and the day of entry.

        Every change of school within a phase leads to another. Those who entered a secondary school after the new one
        opened are at it, if they live in a fifth of the areas.

        Parameters
        ----------
        area, change, entry : ndarray of shape (n_pupils,)
            First known area, the number of the latest change of school, and its day.
        year : ndarray of shape (n_pupils,)
            School year, 0 for reception.
        term : Term
            Decides which schools are open.
        """
        low = (area * 7 + change * 5) % self.primary
        moved = (low == self.shut) & (year < 7) & (term.start >= self.shut_day)
        low = np.where(moved, (low + 1 + change % (self.primary - 1)) % self.primary, low)
        high = self.primary + (area * 3 + change * 5) % self.secondary
        new = (entry >= self.new_day) & (area % 5 == 0)
        high = np.where(new, self.primary + self.secondary, high)
        return np.where(year >= 7, high, low), np.where(moved, np.maximum(entry, self.shut_day), entry)
