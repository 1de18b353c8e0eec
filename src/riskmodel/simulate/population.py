"""Who lives where: areas, households, homes and the young people in them.

Nobody's life is decided here, only what a child is born into. Ethnic group is kept apart from what the lives
depend on (`People` has no such field): it is associated with where a household can live, and with nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import NOT_YET, BoolArray, FloatArray, IntArray, Window, first_day
from riskmodel.simulate.spells import Spells, first_of_owner, merge, until_next

if TYPE_CHECKING:
    from riskmodel.simulate.spec import SimulateSpec

LAST_AGE = 19
"""Lives are followed to the 19th birthday: a 17-year-old on an index date has 12 months ahead."""

GROUPS = ("White", "Black", "Mixed", "Asian", "Other")
# Pupils of Waltham Forest (MoJ and DfE linked data, 2023); they add up to 99, the rest is not known.
GROUP_SHARE = np.array([0.37, 0.23, 0.10, 0.26, 0.03])
# How much more likely a deprived area is, per standard deviation (assumed; the order follows the Census).
GROUP_DEPRIVATION = np.array([-0.20, 0.35, 0.15, 0.05, 0.15])
# LSOAs of Waltham Forest by decile 1 to 9 of the Index of Multiple Deprivation 2019 (MHCLG).
LSOAS_BY_DECILE = np.array([3, 20, 31, 40, 22, 19, 6, 2, 1])

CHILDREN = np.array([0.42, 0.38, 0.14, 0.06])  # households with 1, 2, 3, 4 children (assumed; close to ONS)
TWIN_MATERNITIES = 0.015  # maternities with twins: 14 to 16 in 1,000 in 2012 to 2022 (ONS, recalled)
SHARED = 0.04  # stays at an address shared with other households, at average poverty: flats over one number, temporary
# accommodation, houses in multiple occupation (assumed; one Londoner in 50 is in temporary accommodation alone)
SHARED_BY_POVERTY = 0.5  # log growth of it for one standard deviation of poverty (assumed)
BUILDINGS = 2  # shared addresses in an area (assumed)
WARD_AREAS = 7  # areas that make up a ward: Waltham Forest has 144 in 22 wards
LEAVING = 0.050  # share of households leaving in a year (fitted: 58% of those aged 5 to 17 are 5 to 11)
BORN_HERE = (
    0.571  # share of households resident at the first birth; the others arrive over 25 years (assumed)
)
STOCK = 0.465  # residents aged 5 to 17 for each child born in 13 years: what arriving and leaving come to
ARRIVAL_YEARS = 25
MOVING = 0.06  # moves inside the borough in a year for a household of average poverty (assumed)
YOUNG_MOTHER = 0.035  # first child before 20 at average poverty (assumed; England had about 3% in 2020)
ADVERSITY_PREVALENCE = 0.24  # current spells a household: domestic abuse, mental health, substances (assumed)
ADVERSITY_SHARE = np.array([0.32, 0.48, 0.20])  # of those three kinds, in that order (assumed)
ADVERSITY_MONTHS = 24.0  # mean length of a spell (assumed)
# What conduct and learning difficulty are made of: shared with the household or the person's own (assumed).
CONDUCT_POVERTY, CONDUCT_STRAIN, CONDUCT_OWN = 0.36, 0.25, 0.87
LEARNING_CONDUCT, LEARNING_OWN = 1.07, 0.62
FSM_SPELLS = (
    0.071  # free school meals: spells begun a year at average poverty (fitted to the WF margin of 49%)
)
FSM_MONTHS = 18.0  # mean length of a spell (assumed)
FSM_POVERTY = 1.153  # log growth for one standard deviation of poverty (assumed)


@dataclass(frozen=True)
class Homes:
    """Addresses of households, sorted by household and time. ``end`` is NOT_YET while they live there.

    Some addresses are shared by several households.
    """

    household: IntArray
    lsoa: IntArray
    address: IntArray
    start: IntArray
    end: IntArray


@dataclass(frozen=True)
class Adversity:
    """What goes on at home, month by month.

    Parameters
    ----------
    spells : Spells
        Every spell of domestic abuse (0), parental ill mental health (1) and substance misuse (2).
    current : ndarray of shape (n_households, n_months)
        How many spells are running on the first of each month.
    mean : ndarray of shape (n_households,)
        The long-run mean of ``current``: spells start at random and end at random, so the count is a
        Poisson variable, and its future given today has a closed form.
    first_month : int
        The month of the first column.
    """

    spells: Spells
    current: npt.NDArray[np.int8]
    mean: FloatArray
    first_month: int


@dataclass(frozen=True)
class People:
    """Everyone aged 0 to 18 who lives in the borough at some time in the window, oldest first.

    The fields are all that a life depends on. Standard scores have mean 0 and standard deviation near 1.
    """

    household: IntArray
    birth_month: IntArray
    from_day: IntArray
    to_day: IntArray
    male: BoolArray
    poverty: FloatArray
    conduct: FloatArray
    frailty: FloatArray
    learning: FloatArray
    young_mother: BoolArray

    def __len__(self) -> int:
        return len(self.household)

    def here(self, person: npt.NDArray[np.integer], day: npt.NDArray[np.integer]) -> BoolArray:
        """Return whether each person lived in the borough on the day beside them."""
        here: BoolArray = (self.from_day[person] <= day) & (day < self.to_day[person])
        return here


@dataclass(frozen=True)
class Borough:
    """The whole place. ``group`` (ethnic group of each person) stands apart from `People` on purpose."""

    decile: IntArray
    homes: Homes
    adversity: Adversity
    meals: Spells
    people: People
    group: IntArray
    lsoa_at_first: IntArray

    @property
    def deprivation(self) -> FloatArray:
        """Standard score of deprivation of the first known area of each person's household."""
        return _standard_deprivation(self.decile)[self.lsoa_at_first]

    @property
    def ward(self) -> IntArray:
        """Number of the ward of each area: wards are of areas about as deprived, but not only of those."""
        area = np.arange(len(self.decile))
        mixed = area + 30 * (area * 0.618_034 % 1)
        ward: IntArray = (np.argsort(np.argsort(mixed, kind="stable")) // WARD_AREAS).astype(np.int32)
        return ward


def settle(spec: SimulateSpec, window: Window, rng: np.random.Generator) -> Borough:
    """Draw the areas, households, homes and people of a borough.

    Parameters
    ----------
    spec : SimulateSpec
        Its size decides how many children are born a month.
    window : Window
        Only people who live here on some day of it are kept.
    rng : numpy.random.Generator
        The only source of chance.

    Returns
    -------
    Borough
        People sorted by month of birth.
    """
    decile = _draw_areas(spec.size)
    months = (window.first_month - 12 * (LAST_AGE + 9), window.last_month)
    founded = _found_households(spec, _standard_deprivation(decile), months, rng)
    children = _keep_residents(_draw_children(founded, rng), window)
    kept, owner = np.unique(children.household, return_inverse=True)
    households = founded.take(kept)
    children = replace(children, household=owner.astype(np.int32))
    people = _draw_people(households, children, rng)
    return Borough(
        decile=decile,
        homes=_draw_homes(households, decile, rng),
        adversity=_draw_adversity(households, months, rng),
        meals=_draw_meals(households, months, rng),
        people=people,
        group=households.group[people.household],
        lsoa_at_first=households.lsoa[people.household],
    )


@dataclass(frozen=True)
class _Households:
    """What a household is like before it has a home or children; one row a household.

    ``arrive`` and ``leave`` are days; a household that never leaves the borough has a day beyond every life.
    """

    first_birth: IntArray
    group: IntArray
    lsoa: IntArray
    poverty: FloatArray
    strain: FloatArray
    young_mother: BoolArray
    arrive: IntArray
    leave: IntArray

    def __len__(self) -> int:
        return len(self.group)

    def take(self, rows: IntArray) -> _Households:
        """Return some of the households."""
        return _Households(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class _Children:
    """Children of households: month of birth, first day here, first day no longer here."""

    household: IntArray
    birth_month: IntArray
    from_day: IntArray
    to_day: IntArray


def _found_households(
    spec: SimulateSpec, deprivation: FloatArray, months: tuple[int, int], rng: np.random.Generator
) -> _Households:
    """Found households at a steady rate; how many follows from the children there must be."""
    births_a_month = spec.size / (13 * 12 * STOCK)
    n = round(births_a_month * (months[1] - months[0] + 1) / float(CHILDREN @ np.arange(1, 5)))
    first_birth = rng.integers(months[0], months[1] + 1, n).astype(np.int32)
    group = rng.choice(len(GROUPS), n, p=GROUP_SHARE / GROUP_SHARE.sum()).astype(np.int32)
    lsoa = _draw_lsoa(group, deprivation, rng)
    luck = rng.standard_normal(n, dtype=np.float32)
    poverty = (0.55 * deprivation[lsoa] + np.sqrt(1 - 0.55**2) * luck).astype(np.float32)
    strain = rng.standard_normal(n, dtype=np.float32)
    young_mother = rng.random(n) < YOUNG_MOTHER * np.exp(0.6 * poverty)
    arrive, leave = _draw_residence(first_birth, rng)
    return _Households(first_birth, group, lsoa, poverty, strain, young_mother, arrive, leave)


def _draw_areas(size: int) -> IntArray:
    """Return the deprivation decile of each area, in the borough's own proportions."""
    count = max(9, round(size / 45_000 * LSOAS_BY_DECILE.sum()))
    place = (np.arange(count) + 0.5) / count
    reach = np.cumsum(LSOAS_BY_DECILE) / LSOAS_BY_DECILE.sum()
    decile: IntArray = (1 + np.searchsorted(reach, place)).astype(np.int32)
    return decile


def _standard_deprivation(decile: IntArray) -> FloatArray:
    """Return deprivation as a standard score within Waltham Forest (higher is more deprived)."""
    deciles = np.arange(1, 10)
    mean = np.average(deciles, weights=LSOAS_BY_DECILE)
    spread = np.sqrt(np.average((deciles - mean) ** 2, weights=LSOAS_BY_DECILE))
    score: FloatArray = ((mean - decile) / spread).astype(np.float32)
    return score


def _draw_lsoa(group: IntArray, deprivation: FloatArray, rng: np.random.Generator) -> IntArray:
    """Draw an area for each household: groups differ in how deprived the areas are that they can live in."""
    lsoa = np.empty(len(group), np.int32)
    for code, slope in enumerate(GROUP_DEPRIVATION):
        weight = np.exp(slope * deprivation)
        members = np.flatnonzero(group == code)
        lsoa[members] = rng.choice(len(deprivation), len(members), p=weight / weight.sum())
    return lsoa


def _draw_residence(first_birth: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Return the day each household arrives and the day it leaves (NOT_YET is never reached by lives)."""
    n = len(first_birth)
    came_later = rng.random(n) >= BORN_HERE
    wait = np.where(came_later, rng.uniform(0, ARRIVAL_YEARS * 365.25, n), -rng.uniform(30, 1500, n))
    arrive = first_day(first_birth) + wait
    leave = np.maximum(arrive, first_day(first_birth)) + rng.exponential(365.25 / LEAVING, n)
    return arrive.astype(np.int32), np.minimum(leave, NOT_YET - 1).astype(np.int32)


def _draw_children(households: _Households, rng: np.random.Generator) -> _Children:
    """Return every child ever born to the households."""
    count = 1 + rng.choice(4, len(households), p=CHILDREN)
    owner = np.repeat(np.arange(len(households)), count)
    gap = (15 + rng.exponential(20, len(owner))).astype(np.int32)
    gap[rng.random(len(owner)) < _twin_chance()] = 0
    order = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    gap[order == 0] = 0
    total = np.cumsum(gap)
    since_first = total - np.repeat(total[np.cumsum(count) - count], count)
    birth = households.first_birth[owner] + since_first.astype(np.int32)
    from_day = np.maximum(first_day(birth), households.arrive[owner])
    to_day = np.minimum(first_day(birth + 12 * LAST_AGE), households.leave[owner])
    return _Children(owner.astype(np.int32), birth, from_day, to_day)


def _twin_chance() -> float:
    """Return the chance that a later child of a household is a twin of the one before."""
    mean = float(CHILDREN @ np.arange(1, 5))
    return TWIN_MATERNITIES / (1 + TWIN_MATERNITIES) * mean / (mean - 1)


def _keep_residents(children: _Children, window: Window) -> _Children:
    """Keep those who live here on some day of the window, oldest first."""
    here = (children.to_day > window.first_day) & (children.from_day <= window.last_day)
    kept = np.flatnonzero(here & (children.from_day < children.to_day))
    kept = kept[np.argsort(children.birth_month[kept], kind="stable")]
    return _Children(*(getattr(children, field.name)[kept] for field in fields(children)))


def _draw_people(households: _Households, children: _Children, rng: np.random.Generator) -> People:
    """Give each child the dispositions that last a life: shared with siblings in part."""
    household = children.household
    n = len(household)
    own = rng.standard_normal((3, n), dtype=np.float32)
    shared = rng.standard_normal(len(households), dtype=np.float32)[household]
    male = rng.random(n) < 0.51
    poor, strained = households.poverty[household], households.strain[household]
    conduct = CONDUCT_POVERTY * poor + CONDUCT_STRAIN * strained + 0.25 * (male - 0.51) + CONDUCT_OWN * own[0]
    return People(
        household=household,
        birth_month=children.birth_month,
        from_day=children.from_day,
        to_day=children.to_day,
        male=male,
        poverty=poor,
        conduct=conduct.astype(np.float32),
        frailty=(0.4 * shared + np.float32(np.sqrt(1 - 0.4**2)) * own[1]).astype(np.float32),
        learning=(0.15 * poor + LEARNING_CONDUCT * conduct + LEARNING_OWN * own[2]).astype(np.float32),
        young_mother=households.young_mother[household],
    )


def _draw_homes(households: _Households, decile: IntArray, rng: np.random.Generator) -> Homes:
    """Draw moves inside the borough: to an area about as deprived as the first."""
    arrive, leave, lsoa = households.arrive, households.leave, households.lsoa
    years = np.minimum(leave - arrive, 40 * 365) / 365.25
    moves = rng.poisson(MOVING * np.exp(0.25 * households.poverty) * years)
    owner = np.repeat(np.arange(len(arrive)), moves)
    wait = 30 + rng.random(len(owner)) * np.maximum(years[owner] * 365.25 - 30, 0)
    day = arrive[owner] + wait.astype(np.int64)
    owner = np.concatenate([np.arange(len(arrive)), owner])
    start = np.concatenate([arrive, day])
    order = np.lexsort((start, owner))
    owner, start = owner[order], start[order]
    end = until_next(owner, start, leave[owner])
    kept = end > start
    owner, start, end = owner[kept], start[kept], end[kept]
    place = np.where(first_of_owner(owner), lsoa[owner], _draw_near(lsoa[owner], decile, rng))
    address = rng.permutation(len(owner))
    shared = rng.random(len(owner)) < SHARED * np.exp(SHARED_BY_POVERTY * households.poverty[owner])
    building = len(owner) + BUILDINGS * place + rng.integers(0, BUILDINGS, len(owner))
    address = np.where(shared, building, address)
    return Homes(*(part.astype(np.int32) for part in (owner, place, address, start, end)))


def _draw_near(lsoa: IntArray, decile: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw an area near each one in the order of deprivation (areas are numbered by it)."""
    reach = max(1, len(decile) // 8)
    near: IntArray = np.clip(lsoa + rng.integers(-reach, reach + 1, len(lsoa)), 0, len(decile) - 1)
    return near


def _draw_adversity(households: _Households, months: tuple[int, int], rng: np.random.Generator) -> Adversity:
    """Draw spells that start at random (more often in strained homes) and end at random."""
    spread = 0.45 * households.poverty + 0.55 * households.strain + 0.5 * households.young_mother
    mean = ADVERSITY_PREVALENCE * np.exp(spread - 0.25)
    spells = _draw_spells(mean / ADVERSITY_MONTHS, ADVERSITY_MONTHS, months, rng)
    kind = rng.choice(3, len(spells.owner), p=ADVERSITY_SHARE).astype(np.int32)
    width = months[1] - months[0] + 2
    change = np.zeros((len(households), width + 1), np.int8)
    np.add.at(change, (spells.owner, np.clip(spells.start - months[0], 0, width)), 1)
    np.add.at(change, (spells.owner, np.clip(spells.end - months[0], 0, width)), -1)
    return Adversity(
        spells=Spells(spells.owner, spells.start, spells.end, kind),
        current=np.asfortranarray(np.cumsum(change, axis=1, dtype=np.int8)),  # read month by month
        mean=mean.astype(np.float32),
        first_month=months[0],
    )


def _draw_meals(households: _Households, months: tuple[int, int], rng: np.random.Generator) -> Spells:
    """Draw spells of entitlement to free school meals; overlapping ones become one."""
    spells = _draw_spells(FSM_SPELLS / 12 * np.exp(FSM_POVERTY * households.poverty), FSM_MONTHS, months, rng)
    return merge(spells)


def _draw_spells(
    a_month: npt.NDArray[np.floating], length: float, months: tuple[int, int], rng: np.random.Generator
) -> Spells:
    """Draw spells begun at a constant rate, of exponential length, in months; long before, so it is settled."""
    early = months[0] - int(6 * length)
    count = rng.poisson(a_month * (months[1] + 1 - early))
    owner = np.repeat(np.arange(len(a_month)), count)
    start = rng.uniform(early, months[1] + 1, len(owner))
    end = start + rng.exponential(length, len(owner))
    kept = end > months[0]
    owner, start, end = owner[kept], np.ceil(start[kept]), np.ceil(end[kept])
    order = np.lexsort((end, start, owner))
    parts = (owner[order], start[order], end[order], np.zeros(len(order)))
    return Spells(*(part.astype(np.int32) for part in parts))
