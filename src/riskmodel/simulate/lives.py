"""Lives, lived month by month: everyone of the same age at once.

The month of age is the outer loop, so that each step is a few sums over all people who reach that age. What a
person does and suffers depends on the month before and on chance, never on what any agency has recorded.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import (
    NOT_YET,
    TERM_END_MONTHS,
    BoolArray,
    FloatArray,
    IntArray,
    Window,
    first_day,
)
from riskmodel.simulate.equations import (
    ABSENCES,
    FOLLOWS,
    JUMPS,
    MOMENTUM_CAP,
    MOMENTUM_KEPT,
    MOST_MISSED,
    OFFERED,
    PROCESSES,
    STEADINESS,
    STRAIN,
    SUPPORT_AFTER,
    SUPPORT_MONTHS,
    TAKEN_UP,
    WORRY_EASED,
    WORRY_KEPT,
    adversity_factor,
    age_curve,
    expected_jump,
    following,
    standing_level,
)
from riskmodel.simulate.population import LAST_AGE, Adversity, People
from riskmodel.tables.days import to_day

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
    worry : ndarray of shape (n_people,)
        What recent referrals to social care say about home; it keeps people from school, and care ends it.
    """

    momentum: FloatArray
    truancy: FloatArray
    support_ends: IntArray
    worry: FloatArray

    @classmethod
    def at_birth(cls, n: int) -> State:
        """Return the state of people to whom nothing has happened."""
        return cls(
            momentum=np.zeros(n, np.float32),
            truancy=np.zeros(n, np.float32),
            support_ends=np.zeros(n, np.int32),
            worry=np.zeros(n, np.float32),
        )


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
        self.follows = {pair: following(*pair, people) for pair in FOLLOWS}
        jumps = {name: expected_jump(name, people) for name in self.processes if name != "harm"}
        self.jump = {name: jump for name, jump in jumps.items() if jump.any()}
        self.support_effect = np.float32(spec.support_effect)
        self.closure = _support_closure(spec)

    def reach(self, age: int, last_month: int) -> int:
        """Return how many people (the oldest ones) live through this month of age by the last month."""
        return int(np.searchsorted(self.people.birth_month, last_month - age, side="right"))

    def among(self, rows: IntArray) -> Living:
        """Return the same for some people, in whose order rates can then be asked for many times."""
        some = copy(self)
        some.level = {name: level[rows] for name, level in self.level.items()}
        some.jump = {name: jump[rows] for name, jump in self.jump.items()}
        return some

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


def _support_closure(spec: SimulateSpec) -> tuple[int, int]:
    """Return the first and last day on which support is closed; days after every other if it never is."""
    closed = spec.closed_service
    if closed is None or closed.agency != "SUPPORT":
        return int(NOT_YET), int(NOT_YET)
    return to_day(closed.first_day), to_day(closed.last_day)


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
        if name == "referral":
            state.worry[hit] += 1
        _follow(living, name, hit, day, age, gained=gained, state=state, rng=rng, diary=diary)
        _refer_for_support(name, hit, day, age, living=living, state=state, rng=rng, diary=diary)
    kept = np.minimum(MOMENTUM_KEPT * state.momentum[:n] + gained, MOMENTUM_CAP)
    state.momentum[:n] = kept
    state.worry[:n] *= WORRY_KEPT


def _follow(
    living: Living,
    name: str,
    hit: IntArray,
    day: npt.NDArray[np.integer],
    age: int,
    *,
    gained: FloatArray,
    state: State,
    rng: np.random.Generator,
    diary: _Diary,
) -> None:
    """Draw what follows from events of one kind in the next weeks."""
    for (cause, effect), chance in living.follows.items():
        if cause != name or not _SENSIBLE_AGES[effect][0] <= age < _SENSIBLE_AGES[effect][1]:
            continue
        after = np.flatnonzero(rng.random(len(hit)) < chance[hit])
        wait = rng.integers(1, 46, len(after))
        diary.write(effect, hit[after], (day[after] + wait).astype(np.int32))
        gained[hit[after]] += JUMPS[effect]
        if effect == "care":  # somebody sees to it that they go to school
            state.worry[hit[after]] = -WORRY_EASED


# Months of age at which each consequence is possible: school ones from 5 to 16, social care to 18.
_SENSIBLE_AGES = {
    "suspension_after": (60, 198),
    "exclusion": (72, 195),
    "placement": (140, 194),
    "referral_after": (0, 214),
    "care": (0, 212),
}


def _refer_for_support(
    name: str,
    hit: IntArray,
    day: npt.NDArray[np.integer],
    age: int,
    *,
    living: Living,
    state: State,
    rng: np.random.Generator,
    diary: _Diary,
) -> None:
    """Draw referrals for support after an event; support that is taken up starts next month.

    A closed service takes no referral, and in the four weeks before it closes it offers nothing any more.
    """
    if name not in SUPPORT_AFTER or age < 96:
        return
    referred = np.flatnonzero(rng.random(len(hit)) < SUPPORT_AFTER[name])
    offered = rng.random(len(referred)) < OFFERED
    taken_up = rng.random(len(referred)) < TAKEN_UP
    asked = (day[referred] + rng.integers(2, 30, len(referred))).astype(np.int32)
    first, last = living.closure
    kept = (asked < first) | (asked > last)
    offered = (offered & ((asked < first - 28) | (asked > last)))[kept]
    taken_up = offered & taken_up[kept]
    person, asked = hit[referred][kept], asked[kept]
    cause = np.full(len(person), list(SUPPORT_AFTER).index(name), np.int32)
    diary.write("support", person, asked, cause, offered, taken_up)
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
    teen = np.float32(np.clip((age - 132) / 60, 0, 1))
    strain = (
        STRAIN["poverty"] * people.poverty[person]
        + STRAIN["home"] * home
        + STRAIN["momentum"] * state.momentum[person]
        + STRAIN["worry"] * state.worry[person]
    )
    missed = []
    for kind, habit in zip(ABSENCES.values(), traits, strict=True):
        slope = kind.conduct[0] + kind.conduct[1] * teen
        mean = np.exp(
            kind.level
            + kind.teen * teen
            + kind.habit * habit[person]
            + slope * people.conduct[person]
            + kind.strain * strain
        )
        varied = mean * rng.standard_gamma(STEADINESS, len(person)) / STEADINESS
        missed.append(np.minimum(rng.poisson(np.minimum(varied, 1000)), MOST_MISSED))
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
