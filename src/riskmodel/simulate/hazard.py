"""The true hazard: the probability of harm in the next 12 months, given where a person stands today.

It is worked out from the equations that the lives obey, not estimated from what happened, and it looks at
nothing after the first of the month. Let S be the standing level, N the adversities at home, M the momentum.
The chance of harm in month k, nothing having happened yet, is

    h_k = age curve x S x E[exp(c N_k)] x (1 + m E[M_k]) x (1 - support effect, while it lasts)

- N_k is a Poisson birth-and-death count (spells start at random, end at random), so E[exp(c N_k) | N_0] is exact.
- E[M_k] follows month by month from the expected jumps of all processes. Harm's own jump is left out, for it
  matters only once harm has happened.
- hazard = 1 - prod(1 - h_k).

Left out, being second order: that momentum and adversity vary together, that not having been harmed yet says
something about the unseen part, support taken up in the months to come, and school holidays within the year.
The statistical tests measure how close it is to lives lived many times over from the same state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import FloatArray, IntArray, Window, first_day
from riskmodel.simulate.equations import MOMENTUM_CAP, MOMENTUM_KEPT
from riskmodel.simulate.lives import Living, Standing, State, truancy_factor
from riskmodel.simulate.population import ADVERSITY_MONTHS

if TYPE_CHECKING:
    from collections.abc import Mapping

HORIZON_MONTHS = 12
AGES = (120, 216)
"""Months of age for which the hazard is kept: from the 10th birthday to the day before the 18th."""

TRUTH_YEARS = 8
"""The hazard is kept for at most so many years, the latest ones."""


class HazardBook:
    """Keeps the true hazard of every resident aged 10 to 17 on the first of each month."""

    def __init__(self, window: Window) -> None:
        self._first = max(window.first_month, window.last_month + 1 - 12 * TRUTH_YEARS)
        self._last = window.last_month
        self._pages: list[tuple[IntArray, IntArray, FloatArray]] = []

    def note(self, living: Living, state: State, age: int) -> None:
        """Work out and keep the hazard of those who are of this age, live here and fall in the months kept."""
        if not AGES[0] <= age < AGES[1]:
            return
        people = living.people
        n = living.reach(age, self._last)
        month = people.birth_month[:n] + age
        today = first_day(month)
        kept = (month >= self._first) & (people.from_day[:n] <= today) & (today < people.to_day[:n])
        rows = np.flatnonzero(kept).astype(np.int32)
        self._pages.append((rows, month[rows], chance_of_harm(living, state, age, rows)))

    def table(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Return person, month and hazard, sorted by person and month."""
        person, month, hazard = (np.concatenate(part) for part in zip(*self._pages, strict=True))
        order = np.lexsort((month, person))
        return person[order], month[order], hazard[order]


def chance_of_harm(living: Living, state: State, age: int, rows: IntArray) -> FloatArray:
    """Return the probability of harm in the next 12 months for people of one age.

    Parameters
    ----------
    living : Living
        People and equations.
    state : State
        Where everyone stands on the first of the month.
    age : int
        Months of age.
    rows : ndarray of shape (n,)
        Whom to work it out for.

    Returns
    -------
    ndarray of shape (n,)
        Probabilities. Every quantity used is known on the first of the month.
    """
    homes, living = _HomeForecast(living, rows, age), living.among(rows)
    everyone = slice(0, len(rows))
    momentum = state.momentum[rows].copy()
    left = (state.support_ends[rows] - age).astype(np.int32)
    school = truancy_factor(state.truancy[rows])
    escaped = np.zeros(len(rows))
    for month in range(HORIZON_MONTHS):
        eased = 1 - living.support_effect * (left > month)
        standing = Standing(home=homes.after(month), momentum=momentum, eased=eased, school=school)
        chance = living.rate("harm", age + month, everyone, standing)
        escaped += np.log1p(-np.minimum(chance, 0.99).astype(np.float64))
        momentum = _expected_momentum(living, age + month, standing)
    hazard: FloatArray = -np.expm1(escaped).astype(np.float32)
    return hazard


def _expected_momentum(living: Living, age: int, standing: Standing) -> FloatArray:
    """Return the momentum expected a month later, no harm having happened."""
    expected = np.float32(MOMENTUM_KEPT) * standing.momentum
    everyone = slice(0, len(standing.momentum))
    for name, jump in living.jump.items():
        if living.curve[name][age]:
            expected += jump * np.minimum(living.rate(name, age, everyone, standing), 1)
    capped: FloatArray = np.minimum(expected, MOMENTUM_CAP).astype(np.float32)
    return capped


class _HomeForecast:
    """What adversity at home is expected to multiply rates by, some months ahead."""

    def __init__(self, living: Living, rows: IntArray, age: int) -> None:
        self._now = living.adversities(rows, age).astype(np.float32)
        self._mean = living.adversity.mean[living.people.household[rows]]
        self._effects = living.effects

    def after(self, months: int) -> Mapping[float, npt.NDArray[np.float32]]:
        """Return E[exp(effect x count)] for each effect: what is left of today's spells, and new ones."""
        stays = np.exp(-months / ADVERSITY_MONTHS)
        return {
            effect: np.exp(
                self._now * np.float32(np.log1p(np.expm1(effect) * stays))
                + self._mean * np.float32(np.expm1(effect) * (1 - stays))
            )
            for effect in self._effects
        }
