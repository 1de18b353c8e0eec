"""Who everybody is, before any agency writes it down: invented names, birthdays, UPNs and NHS numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import NOT_YET, BoolArray, IntArray, first_day
from riskmodel.simulate.names import TRADITIONS, NameArray, Pool, forenames, surnames

if TYPE_CHECKING:
    from riskmodel.simulate.extracts.press import Numbering
    from riskmodel.simulate.recording import Scene

SHARED_SURNAME = np.array([0.93, 0.87, 0.85, 0.82, 0.87])  # children who have their household's surname
# Traditions of naming (north, south, east, far) in each group, in the order of GROUPS. Assumed.
TRADITION = np.array(
    [[0.80, 0.0, 0.0, 0.20], [0.35, 0.65, 0.0, 0.0], [0.55, 0.25, 0.20, 0.0], [0.03, 0.0, 0.92, 0.05], [0.1, 0.1, 0.3, 0.5]]
)  # fmt: skip
NEW_SURNAME = 0.045  # children whose surname changes once before 19, after a change in the family (assumed)
DOUBLE_SURNAME = 0.35  # of those, who put the new name beside the old one (assumed)
SECOND_UPN = 0.010  # pupils with a former UPN, which half of their older records still show (assumed)
_YEAR = 365.25


@dataclass(frozen=True)
class Selves:
    """Who everybody is, whatever an agency writes: one row a person."""

    forename: NameArray
    surname: NameArray
    later_surname: NameArray
    renamed: IntArray
    birth: IntArray
    upn: npt.NDArray[np.str_]
    former_upn: npt.NDArray[np.str_]
    nhs: npt.NDArray[np.str_]


def draw_selves(scene: Scene, rng: np.random.Generator, numbering: Numbering) -> Selves:
    """Give everybody a name, a birthday and numbers; numbers differ between districts."""
    people = scene.borough.people
    count = len(people)
    confinement = _confinements(people.household, people.birth_month)
    tradition = _traditions(people.household, scene.borough.group, rng)
    surname = _surnames(people.household, confinement, tradition, group=scene.borough.group, rng=rng)
    later, renamed = _renamed(people.household, people.birth_month, surname, tradition=tradition, rng=rng)
    numbers = numbering.of(rng.permutation(2 * count))
    return Selves(
        forename=_forenames(people.household, tradition, people.male, rng),
        surname=surname,
        later_surname=later,
        renamed=renamed,
        birth=_birthdays(confinement, people.birth_month, rng),
        upn=unique_pupil_numbers(numbers[:count]),
        former_upn=np.where(rng.random(count) < SECOND_UPN, unique_pupil_numbers(numbers[count:]), ""),
        nhs=nhs_numbers(numbering.of(rng.permutation(count))),
    )


def _confinements(household: IntArray, birth_month: IntArray) -> IntArray:
    """Return a number for each birth of a household; twins have the same."""
    both = household.astype(np.int64) * 100_000 + birth_month
    number: IntArray = np.unique(both, return_inverse=True)[1]
    return number


def _traditions(household: IntArray, group: IntArray, rng: np.random.Generator) -> IntArray:
    """Return each household's tradition of naming, by its ethnic group."""
    draw = _each(household, rng.random)
    tradition: IntArray = (draw[:, None] >= np.cumsum(TRADITION, axis=1)[group, :-1]).sum(axis=1)
    return tradition


def _each(owner: IntArray, draw: Callable[[int], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return one draw for each owner, beside each of its rows."""
    return draw(int(owner.max(initial=-1)) + 1)[owner]


def _named(tradition: IntArray, pool: Callable[[str], Pool], rng: np.random.Generator) -> NameArray:
    """Return a name for each row from the pool of its tradition."""
    names = np.empty(len(tradition), dtype="U40")
    for number, which in enumerate(TRADITIONS):
        rows = np.flatnonzero(tradition == number)
        names[rows] = pool(which).draw(len(rows), rng)
    return names


def _surnames(
    household: IntArray,
    confinement: IntArray,
    tradition: IntArray,
    *,
    group: IntArray,
    rng: np.random.Generator,
) -> NameArray:
    """Return surnames: most children have their household's, some another parent's."""
    own = _named(tradition, surnames, rng)
    head = np.zeros(int(household.max(initial=-1)) + 1, np.int64)
    head[household] = np.arange(len(household))
    shares = _each(confinement, rng.random) < SHARED_SURNAME[group]
    # A child of its own surname shares it with its twin.
    twin = np.zeros(int(confinement.max(initial=-1)) + 1, np.int64)
    twin[confinement] = np.arange(len(confinement))
    return np.where(shares, own[head[household]], own[twin[confinement]])


def _renamed(
    household: IntArray,
    birth_month: IntArray,
    surname: NameArray,
    *,
    tradition: IntArray,
    rng: np.random.Generator,
) -> tuple[NameArray, IntArray]:
    """Return the surname after a change in the family, and the day of the change (never, for most)."""
    new = _named(tradition, surnames, rng)
    head = np.zeros(int(household.max(initial=-1)) + 1, np.int64)
    head[household] = np.arange(len(household))
    new = new[head[household]]
    double = _each(household, rng.random) < DOUBLE_SURNAME
    later = np.where(double, np.char.add(np.char.add(surname, "-"), new), new)
    day = first_day(birth_month) + rng.integers(0, int(19 * _YEAR), len(household))
    return later, np.where(_each(household, rng.random) < NEW_SURNAME, day, np.int64(NOT_YET))


def _forenames(
    household: IntArray, tradition: IntArray, male: BoolArray, rng: np.random.Generator
) -> NameArray:
    """Return forenames; a household does not give one name twice (checked three times, then let be)."""
    names = np.empty(len(household), dtype="U40")
    again: IntArray = np.arange(len(household))
    for _ in range(4):
        for sex in (False, True):
            rows = again[male[again] == sex]
            names[rows] = _named(tradition[rows], partial(forenames, male=sex), rng)
        again = _repeated(household, names)
    return names


def _repeated(household: IntArray, names: NameArray) -> IntArray:
    """Return the rows whose name an earlier row of the household has."""
    number = np.unique(names, return_inverse=True)[1]
    both = household.astype(np.int64) * (len(names) + 1) + number
    first = np.unique(both, return_index=True)[1]
    return np.setdiff1d(np.arange(len(names)), first)


def _birthdays(confinement: IntArray, birth_month: IntArray, rng: np.random.Generator) -> IntArray:
    """Return the day of birth inside the month; twins share it."""
    start = first_day(birth_month).astype(np.int64)
    length = first_day(birth_month + 1) - start
    day: IntArray = start + (_each(confinement, rng.random) * length).astype(np.int64)
    return day


_UPN_LETTERS = np.array(list("ABCDEFGHJKLMNPQRTUVWXYZ"))


def unique_pupil_numbers(number: npt.NDArray[np.integer]) -> npt.NDArray[np.str_]:
    """Return unique pupil numbers with a right check letter, of a local authority that does not exist (099).

    The letter is that of the sum of digits times 2 to 13, modulo 23 (Department for Education, UPN guidance).
    """
    digits = _digits(99_000_000_000 + number.astype(np.int64), 12)
    letter = _UPN_LETTERS[(digits * np.arange(2, 14)).sum(axis=1) % 23]
    return np.char.add(letter, _joined(digits))


def nhs_numbers(number: npt.NDArray[np.integer]) -> npt.NDArray[np.str_]:
    """Return numbers in the form of NHS numbers with a right modulus-11 check digit, beginning with 9.

    Numbers that begin with 9 are not issued to patients in England (999 is kept for tests), as recalled.
    """
    weights = np.arange(10, 1, -1)
    stem = 900_000_000 + 10 * number.astype(np.int64)
    # Numbers whose check digit would be 10 are never issued; the next number's is 8 then.
    stem += (_digits(stem, 9) * weights).sum(axis=1) % 11 == 1
    digits = _digits(stem, 9)
    check = (11 - (digits * weights).sum(axis=1) % 11) % 11
    return np.char.add(_joined(digits), check.astype("U1"))


def _digits(number: npt.NDArray[np.integer], width: int) -> IntArray:
    """Return the digits of each number, highest first."""
    digits: IntArray = number[:, None] // 10 ** np.arange(width - 1, -1, -1) % 10
    return digits


def _joined(digits: IntArray) -> npt.NDArray[np.str_]:
    text: npt.NDArray[np.str_] = (digits.astype(np.uint32) + ord("0")).view(f"U{digits.shape[1]}").ravel()
    return text
