"""Lives, lived month by month: everyone of the same age at once.

The month of age is the outer loop, so that each step is a few sums over all people who reach that age. What a
person does and suffers depends on the month before and on chance, never on what any agency has recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import (
    TERM_END_MONTHS,
    BoolArray,
    FloatArray,
    IntArray,
    Window,
    first_day,
)
from riskmodel.simulate.equations import (
    FOLLOWS,
    JUMPS,
    MOMENTUM_CAP,
    MOMENTUM_KEPT,
    OFFERED,
    PROCESSES,
    SUPPORT_AFTER,
    SUPPORT_MONTHS,
    TAKEN_UP,
    adversity_factor,
    age_curve,
    standing_level,
)
from riskmodel.simulate.population import LAST_AGE, Adversity, People

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from riskmodel.simulate.spec import SimulateSpec

# School months: rates are a little higher in term so that a year has its full number; August has none.
_SCHOOL_MONTHS = (
    np.array([1.1, 1.1, 1.1, 0.8, 1.1, 1.1, 0.8, 0.0, 1.1, 1.1, 1.1, 0.8], np.float32) * 12 / 11.2
)


@dataclass(frozen=True)
class Happenings:
    """Events of one kind: who and on which day."""

    person: IntArray
    day: IntArray

    def __len__(self) -> int:
        return len(self.person)

    def where(self, kept: npt.NDArray[np.bool_]) -> Happenings:
        """Return the events that are kept."""
        return Happenings(self.person[kept], self.day[kept])


@dataclass(frozen=True)
class Absences:
    """Sessions missed by one person in one term; ``month`` is the month in which the term ends."""

    person: IntArray
    month: IntArray
    authorised: IntArray
    unauthorised: IntArray


@dataclass(frozen=True)
class Support:
    """Referrals for support and what became of them. ``cause`` indexes `SUPPORT_AFTER`."""

    person: IntArray
    day: IntArray
    cause: IntArray
    offered: BoolArray
    taken_up: BoolArray


@dataclass(frozen=True)
class Lives:
    """Everything that truly happened, by kind, before anybody recorded any of it."""

    happened: Mapping[str, Happenings]
    absences: Absences
    support: Support


@dataclass
class State:
    """Where everyone stands at the start of a month; one row a person, changed in place.

    Parameters
    ----------
    momentum : ndarray of shape (n_people,)
        What recent events have left behind.
    truancy : ndarray of shape (n_people,)
        Share of the last term missed without leave.
    support_ends : ndarray of shape (n_people,)
        Month of age from which support no longer lasts.
    """

    momentum: FloatArray
    truancy: FloatArray
    support_ends: IntArray

    @classmethod
    def at_birth(cls, n: int) -> State:
        """Return the state of people to whom nothing has happened."""
        return cls(np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.int32))


@dataclass(frozen=True)
class Standing:
    """What multiplies the rates of some people in one month; arrays of shape (n,).

    Parameters
    ----------
    home : mapping of float to ndarray
        For each adversity effect, what adversity at home multiplies a rate by.
    momentum : ndarray
        What recent events have left behind.
    eased : ndarray
        One, or less while support lasts.
    school : ndarray
        School months and truancy, for what happens at school.
    """

    home: Mapping[float, FloatArray]
    momentum: FloatArray
    eased: FloatArray
    school: FloatArray


def truancy_factor(truancy: FloatArray) -> FloatArray:
    """Return how much truancy in the last term raises suspension: up to two and a half times (assumed)."""
    factor: FloatArray = 1 + np.minimum(6 * truancy, np.float32(1.5))
    return factor


class Living:
    """People, their homes and the equations, ready to be stepped through one month of age at a time."""

    def __init__(self, people: People, adversity: Adversity, spec: SimulateSpec) -> None:
        self.people = people
        self.adversity = adversity
        self.processes = PROCESSES
        self.effects = sorted({process.adversity for process in PROCESSES.values()})
        self.level = {name: standing_level(process, people) for name, process in self.processes.items()}
        self.level["harm"] *= np.float32(spec.prevalence / 0.02)
        self.curve = {name: age_curve(process) for name, process in self.processes.items()}
        self.support_effect = np.float32(spec.support_effect)

    def reach(self, age: int, last_month: int) -> int:
        """Return how many people (the oldest ones) live through this month of age by the last month."""
        return int(np.searchsorted(self.people.birth_month, last_month - age, side="right"))

    def adversities(self, rows: slice | IntArray, age: int) -> npt.NDArray[np.int8]:
        """Return how many adversities run at each person's home on the first of the month."""
        column = self.people.birth_month[rows] + age - self.adversity.first_month
        counts: npt.NDArray[np.int8] = self.adversity.current[
            self.people.household[rows], np.maximum(column, 0)
        ]
        return counts

    def rate(self, name: str, age: int, rows: slice | IntArray, standing: Standing) -> FloatArray:
        """Return the chance of one process in a month, given where each person stands in it.

        Parameters
        ----------
        name : str
            The process.
        age : int
            Months of age.
        rows : slice or ndarray of shape (n,)
            Whom it is asked for.
        standing : Standing
            What varies from month to month, for the same people: as it is, or as it is expected to be.

        Returns
        -------
        ndarray of shape (n,)
            May exceed 1 for very few, who are then certain.
        """
        process = self.processes[name]
        rate: FloatArray = self.level[name][rows] * self.curve[name][age]
        rate *= standing.home[process.adversity]
        rate *= 1 + np.float32(process.momentum) * standing.momentum
        if process.eased:
            rate *= standing.eased
        if process.in_school:
            rate *= standing.school
        return rate

    def now(self, state: State, age: int, n: int) -> Standing:
        """Return where the first ``n`` people stand in a month."""
        count = self.adversities(slice(0, n), age)
        month = (self.people.birth_month[:n] + age) % 12
        return Standing(
            home={effect: adversity_factor(effect, count) for effect in self.effects},
            momentum=state.momentum[:n],
            eased=1 - self.support_effect * (state.support_ends[:n] > age),
            school=_SCHOOL_MONTHS[month] * truancy_factor(state.truancy[:n]),
        )


class _Diary:
    """Collects what happens, month after month, and joins it at the end."""

    def __init__(self) -> None:
        self._pages: dict[str, list[tuple[npt.NDArray[np.generic], ...]]] = {}

    def write(self, name: str, *columns: npt.NDArray[np.generic]) -> None:
        """Add events of one kind: arrays of equal length."""
        self._pages.setdefault(name, []).append(columns)

    def read(self, name: str, width: int) -> list[npt.NDArray[np.generic]]:
        """Return all events of one kind, column by column; empty ones if there was none."""
        pages = self._pages.get(name)
        if not pages:
            return [np.zeros(0, np.int32)] * width
        return [np.concatenate(column) for column in zip(*pages, strict=True)]


def live(
    people: People,
    adversity: Adversity,
    spec: SimulateSpec,
    *,
    window: Window,
    rng: np.random.Generator,
    at_month: Callable[[Living, State, int], None],
) -> Lives:
    """Live every life from birth to the last day or the 19th birthday.

    Parameters
    ----------
    people, adversity
        What people are and what goes on in their homes. Ethnic group is not among it.
    spec : SimulateSpec
        Prevalence of harm and the effect of support.
    window : Window
        Lives end with its last month.
    rng : numpy.random.Generator
        The only source of chance.
    at_month : callable
        Called as ``at_month(living, state, age)`` before each month of age is lived, with the true state and
        no knowledge of what comes (the true hazard is read here).

    Returns
    -------
    Lives
        True events of every kind, sorted by age, then person.
    """
    living = Living(people, adversity, spec)
    state = State.at_birth(len(people))
    traits = rng.standard_normal((2, len(people)), dtype=np.float32)
    diary = _Diary()
    for age in range(12 * LAST_AGE):
        if living.reach(age, window.last_month) == 0:
            break
        at_month(living, state, age)
        step(living, state, age, last_month=window.last_month, rng=rng, diary=diary)
        _attend(living, state, age, window=window, traits=traits, rng=rng, diary=diary)
    return _close(diary)


def step(
    living: Living, state: State, age: int, *, last_month: int, rng: np.random.Generator, diary: _Diary
) -> None:
    """Live one month of age for everyone who reaches it, and change their state."""
    n = living.reach(age, last_month)
    everyone, standing = slice(0, n), living.now(state, age, n)
    gained = np.zeros(n, np.float32)
    for name, process in living.processes.items():
        if living.curve[name][age] == 0:
            continue
        chance = living.rate(name, age, everyone, standing)
        hit = np.flatnonzero(rng.random(n, dtype=np.float32) < chance).astype(np.int32)
        if not len(hit):
            continue
        day = first_day(living.people.birth_month[hit] + age) + rng.integers(0, 28, len(hit))
        diary.write(name, hit, day.astype(np.int32))
        gained[hit] += process.jump
        _follow(name, hit, day, age, gained=gained, rng=rng, diary=diary)
        _refer_for_support(name, hit, day, age, state=state, rng=rng, diary=diary)
    kept = np.minimum(MOMENTUM_KEPT * state.momentum[:n] + gained, MOMENTUM_CAP)
    state.momentum[:n] = kept


def _follow(
    name: str,
    hit: IntArray,
    day: npt.NDArray[np.integer],
    age: int,
    *,
    gained: FloatArray,
    rng: np.random.Generator,
    diary: _Diary,
) -> None:
    """Draw what follows from events of one kind in the next weeks."""
    for (cause, effect), chance in FOLLOWS.items():
        if cause != name or not _SENSIBLE_AGES[effect][0] <= age < _SENSIBLE_AGES[effect][1]:
            continue
        after = np.flatnonzero(rng.random(len(hit)) < chance)
        wait = rng.integers(1, 46, len(after))
        diary.write(effect, hit[after], (day[after] + wait).astype(np.int32))
        gained[hit[after]] += JUMPS[effect]


# Months of age at which each consequence is possible: school ones from 5 to 16, social care to 18.
_SENSIBLE_AGES = {
    "suspension_after": (60, 198),
    "exclusion": (72, 195),
    "placement": (84, 194),
    "referral_after": (0, 214),
    "care": (0, 212),
}


def _refer_for_support(
    name: str,
    hit: IntArray,
    day: npt.NDArray[np.integer],
    age: int,
    *,
    state: State,
    rng: np.random.Generator,
    diary: _Diary,
) -> None:
    """Draw referrals for support after an event; support that is taken up starts next month."""
    if name not in SUPPORT_AFTER or age < 96:
        return
    referred = np.flatnonzero(rng.random(len(hit)) < SUPPORT_AFTER[name])
    offered = rng.random(len(referred)) < OFFERED
    taken_up = offered & (rng.random(len(referred)) < TAKEN_UP)
    person = hit[referred]
    cause = np.full(len(person), list(SUPPORT_AFTER).index(name), np.int32)
    wait = rng.integers(2, 30, len(person))
    diary.write("support", person, (day[referred] + wait).astype(np.int32), cause, offered, taken_up)
    state.support_ends[person[taken_up]] = age + 1 + SUPPORT_MONTHS


def _attend(
    living: Living,
    state: State,
    age: int,
    *,
    window: Window,
    traits: FloatArray,
    rng: np.random.Generator,
    diary: _Diary,
) -> None:
    """Draw the sessions missed by those of school age for whom this month ends a term."""
    if not 48 <= age < 18 * 12:
        return
    people = living.people
    n = living.reach(age, window.last_month)
    month = people.birth_month[:n] + age
    ends = np.isin(month % 12, TERM_END_MONTHS) & (month >= window.first_month - 12)
    person = np.flatnonzero(ends).astype(np.int32)
    home = living.adversities(person, age).astype(np.float32)
    teen = np.float32(np.clip((age - 132) / 36, 0, 1))
    strain = 0.10 * people.poverty[person] + 0.12 * home + 0.10 * state.momentum[person]
    # Mean sessions missed in a term of about 127; levels fitted to 6% absence and 45% ever persistently absent.
    authorised = np.exp(1.45 + 0.65 * traits[0, person] + 0.05 * people.learning[person] + strain)
    unauthorised = np.exp(
        -0.05
        + 0.65 * teen
        + 0.85 * traits[1, person]
        + (0.25 + 0.25 * teen) * people.conduct[person]
        + 1.5 * strain
    )
    missed = [
        np.minimum(rng.poisson(mean * rng.standard_gamma(1.3, len(person)) / 1.3), 50)
        for mean in (authorised, unauthorised)
    ]
    state.truancy[person] = missed[1] / 127
    diary.write("absence", person, month[person], *(part.astype(np.int32) for part in missed))


def _close(diary: _Diary) -> Lives:
    """Join the diary's pages."""
    names = [*PROCESSES, *JUMPS]
    happened = {}
    for name in names:
        person, day = diary.read(name, 2)
        happened[name] = Happenings(person.astype(np.int32), day.astype(np.int32))
    person, day, cause, offered, taken_up = diary.read("support", 5)
    support = Support(
        person.astype(np.int32),
        day.astype(np.int32),
        cause.astype(np.int32),
        offered.astype(np.bool_),
        taken_up.astype(np.bool_),
    )
    absences = Absences(*(column.astype(np.int32) for column in diary.read("absence", 4)))
    return Lives(happened=happened, absences=absences, support=support)
