"""How the margins of the linked tables are counted: school, care and serious violence of the same pupils."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.margins.count import mean, ratio
from riskmodel.simulate.margins.reading import NEVER

if TYPE_CHECKING:
    from riskmodel.simulate.margins.count import Count


def _among(count: Count, whom: str) -> npt.NDArray[np.bool_]:
    """Return which linked pupils are meant: all, those with any offence, or with serious violence."""
    linked = count.linked
    if whom == "all":
        return np.ones(len(linked.pupils), np.bool_)
    return (linked.offence if whom == "any" else linked.violence) < NEVER


def share(count: Count, of: str, among: str) -> float:
    """Return the share of linked pupils with a factor."""
    return mean((count.linked.first(of) < NEVER)[_among(count, among)])


def odds_ratio(count: Count, of: str) -> float:
    """Return the odds of a factor with serious violence over the odds without it."""
    factor, violent = count.linked.first(of) < NEVER, count.linked.violence < NEVER
    cells = [
        (factor & violent).sum(),
        (~factor & violent).sum(),
        (factor & ~violent).sum(),
        (~factor & ~violent).sum(),
    ]
    return ratio(float(cells[0] * cells[3]), float(cells[1] * cells[2]))


def chance(count: Count, of: str) -> float:
    """Return the share of linked pupils with a factor who have a serious violence offence."""
    return mean((count.linked.violence < NEVER)[count.linked.first(of) < NEVER])


def prevalence(count: Count, of: str) -> float:
    """Return the share of linked pupils with serious violence (or any offence)."""
    return mean(_among(count, of))


def group(count: Count, of: str, among: str) -> float:
    """Return the share of an ethnic group among linked pupils."""
    return mean((count.linked.group == of)[_among(count, among)])


def age_at_first(count: Count, of: int) -> float:
    """Return the share of first serious violence offences at an age in whole years."""
    linked = count.linked
    violent = linked.violence < NEVER
    age = count.extracts.age(linked.pupils[violent], linked.violence[violent])
    return mean(np.floor(age) == of)


def began_after(count: Count, of: str) -> float:
    """Return, of those with serious violence and an exposure, the share whose exposure began after it."""
    first, violence = count.linked.first(of), count.linked.violence
    both = (first < NEVER) & (violence < NEVER)
    return mean((first > violence)[both])


def excluded_within(count: Count, days: int) -> float:
    """Return, of those with serious violence and an exclusion, the share excluded within so many days of it."""
    first, violence = count.linked.first("exclusion"), count.linked.violence
    both = (first < NEVER) & (violence < NEVER)
    return mean((np.abs(first - violence) <= days)[both])
