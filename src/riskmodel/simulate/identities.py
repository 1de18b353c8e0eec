"""What each agency hands to the linking party: names, birth dates, sex, postcodes and numbers, with their errors.

Nobody but the linking party ever sees these files. The errors are what makes linking hard: typing slips, other
spellings of a name, names that changed, short forms, swapped or default birth dates, old or missing postcodes,
numbers that an agency does not hold, and people registered twice. How common each is says `simulate.desks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv, parquet

from riskmodel.simulate.clock import ISO, BoolArray, DayText, IntArray, first_day
from riskmodel.simulate.desks import Desk, Errors
from riskmodel.simulate.extracts.press import AGENCIES, Column, KeyRing, Numbering
from riskmodel.simulate.names import NameArray, changed, misspell, respell, shorten
from riskmodel.simulate.population import GROUPS
from riskmodel.simulate.selves import Selves, draw_selves

if TYPE_CHECKING:
    from pathlib import Path

    from riskmodel.simulate.recording import Scene

COLUMNS = ("key", "forename", "surname", "birth_date", "sex", "postcode", "upn", "nhs_number")


POSTCODES_AN_AREA = 40  # about 650 households an LSOA and 15 a postcode
_SCHOOL_AGE = 5
_YEAR = 365.25


@dataclass(frozen=True)
class _Office:
    """What a writer of identities looks at: the place, the people, the errors and the chance."""

    scene: Scene
    selves: Selves
    errors: Errors
    numbering: Numbering
    rng: np.random.Generator

    def happens(self, person: IntArray, chance: float | npt.NDArray[np.float64]) -> BoolArray:
        """Draw for each person whether something of this chance happens."""
        return self.rng.random(len(person)) < chance


def write_identities(
    scene: Scene, keys: KeyRing, folder: Path, rng: np.random.Generator, *, trouble: float = 1.0
) -> pa.Table:
    """Write ``identities/<AGENCY>.csv`` for every key that was used, ``identities/groups.csv`` and the truth.

    Parameters
    ----------
    scene : Scene
        The place and its people.
    keys : KeyRing
        After every extract has been written, so that it knows which keys were used.
    folder : Path
        The borough's folder; ``identities/`` is made below it, and ``truth/``, which must exist, gets
        ``identities.parquet``.
    rng : numpy.random.Generator
        A stream of its own, so that the extracts are the same with and without identities.
    trouble : float
        Every rate of error is multiplied by it: 2 shows what linkage loses where agencies write twice as badly.

    Returns
    -------
    pyarrow.Table
        The truth: ``agency``, ``key``, ``subject_id``, in the order of the files.
    """
    place = folder / "identities"
    place.mkdir()
    selves = draw_selves(scene, rng, keys.numbering)
    office = _Office(scene, selves, Errors.of(trouble), keys.numbering, rng)
    truths, groups = [], []
    for agency in AGENCIES:
        person, key = _registered(office, agency, keys)
        columns, lsoa = _written(office, agency, person)
        _write_csv(place / f"{agency}.csv", {"key": key, **columns})
        agencies = pa.repeat(agency, len(person))
        truths.append(pa.table({"agency": agencies, "key": key, "subject_id": keys.subject_id[person]}))
        groups.append(pa.table({"agency": agencies, "key": key, **_grouped(office, person, lsoa)}))
    _write_csv(place / "groups.csv", pa.concat_tables(groups))
    truth = pa.concat_tables(truths).combine_chunks()
    parquet.write_table(truth, folder / "truth" / "identities.parquet", compression="zstd")
    return truth


def _write_csv(path: Path, columns: dict[str, Column] | pa.Table) -> None:
    csv.write_csv(pa.table(columns), path, csv.WriteOptions(quoting_style="none", quoting_header="none"))


def _registered(office: _Office, agency: str, keys: KeyRing) -> tuple[IntArray, pa.Array]:
    """Return the people an agency knows with their keys, in the order of the keys; some are there twice."""
    person = keys.used(agency)
    twice = person[office.happens(person, office.errors.desks[agency].twice)]
    texts = pa.concat_arrays([keys.of(agency, person), keys.second(agency, twice)])
    both = np.concatenate([person, twice])
    order = np.argsort(np.array(texts.to_pylist()), kind="stable") if len(both) else both
    return both[order], texts.take(pa.array(order))


def _grouped(office: _Office, person: IntArray, lsoa: IntArray) -> dict[str, Column]:
    """Return the ethnic group an agency wrote down and the fifth of deprivation of the postcode it holds."""
    scene = office.scene
    unknown = office.happens(person, scene.recording.group_unknown)
    fifth = (scene.borough.decile[np.maximum(lsoa, 0)] + 1) // 2
    return {
        "ethnicity": pa.array(np.array(GROUPS)[scene.borough.group[person]], mask=unknown),
        "deprivation_fifth": pa.array(fifth.astype(np.int8), mask=lsoa < 0),
    }


def _written(office: _Office, agency: str, person: IntArray) -> tuple[dict[str, Column], IntArray]:
    """Return what an agency wrote about each person, and the area of the postcode it holds (-1: none)."""
    desk = office.errors.desks[agency]
    first, last = _contacts(office, agency, person)
    day = np.where(office.happens(person, desk.keeps_up), last, first)
    forename, surname = _names(office, desk, person, day)
    birth, no_birth = _birth_dates(office, desk, person)
    lsoa, address = _homes(office.scene, person, day)
    postcode = postcodes(office.numbering.of(lsoa), address % POSTCODES_AN_AREA)
    no_postcode = office.happens(person, desk.no_postcode)
    male = office.scene.borough.people.male[person] ^ office.happens(person, desk.wrong_sex)
    upn, no_upn = _pupil_numbers(office, agency, person)
    nhs, no_nhs = _health_numbers(office, agency, person)
    columns = {
        "forename": pa.array(np.char.upper(forename) if desk.capitals else np.char.capitalize(forename)),
        "surname": pa.array(np.char.upper(surname) if desk.capitals else np.char.title(surname)),
        "birth_date": _blanked(DayText(ISO).of(birth), no_birth),
        "sex": pa.array(np.where(male, "M", "F"), mask=office.happens(person, desk.no_sex)),
        "postcode": pa.array(postcode, mask=no_postcode),
        "upn": pa.array(upn, mask=no_upn),
        "nhs_number": pa.array(nhs, mask=no_nhs),
    }
    return columns, np.where(no_postcode, -1, lsoa)


def _blanked(column: pa.Array, blank: BoolArray) -> pa.Array:
    return column.take(pa.array(np.arange(len(blank)), mask=blank))


def _contacts(office: _Office, agency: str, person: IntArray) -> tuple[IntArray, IntArray]:
    """Return the first and last day each person was in touch with an agency.

    Housing and schools follow a child until it leaves; at other agencies contacts begin at any time that the
    person lives here and last some part of what remains.
    """
    people, window = office.scene.borough.people, office.scene.window
    oldest = people.birth_month[person] + 12 * office.errors.desks[agency].youngest
    end = np.minimum(people.to_day[person].astype(np.int64) - 1, window.last_day)
    start = np.maximum(np.maximum(people.from_day[person], window.first_day), first_day(oldest))
    start = np.minimum(start, end)
    if agency in {"EDU", "HOUSING"}:
        return start, end
    first = start + (office.rng.random(len(person)) * (end - start)).astype(np.int64)
    return first, first + (office.rng.random(len(person)) * (end - first)).astype(np.int64)


def _names(office: _Office, desk: Desk, person: IntArray, day: IntArray) -> tuple[NameArray, NameArray]:
    """Return the names as written, in small letters."""
    selves, errors, rng = office.selves, office.errors, office.rng
    group = office.scene.borough.group[person]
    forename = selves.forename[person]
    other = office.happens(person, errors.other_forename)
    forename = np.where(other, selves.forename[rng.permutation(person)], forename)
    forename = np.where(office.happens(person, desk.familiar), shorten(forename), forename)
    later = selves.renamed[person] <= day
    surname = np.where(later, selves.later_surname[person], selves.surname[person])
    for change, share in ((respell, errors.respelt[group]), (misspell, desk.slip)):
        forename = changed(forename, np.flatnonzero(office.happens(person, share)), change, rng)
        surname = changed(surname, np.flatnonzero(office.happens(person, share)), change, rng)
    reverse = office.happens(person, errors.reversed_names[group])
    return np.where(reverse, surname, forename), np.where(reverse, forename, surname)


def _birth_dates(office: _Office, desk: Desk, person: IntArray) -> tuple[IntArray, BoolArray]:
    """Return the birth dates as written and which are missing."""
    rng, birth = office.rng, office.selves.birth[person]
    came_later = office.scene.borough.people.from_day[person] > birth + _YEAR
    guessed = came_later & office.happens(person, office.errors.new_year)
    draw = rng.random(len(person))
    wrong, swapped = draw < desk.wrong_birth, draw > 1 - desk.swapped_birth
    year, month, day = _parts(birth)
    birth = np.where(guessed, _day_of(year, np.ones_like(month), np.ones_like(day)), birth)
    birth = np.where(swapped & ~guessed & (day <= 12), _day_of(year, day, month), birth)
    slip = np.array([1, -1, 10, 31, -31, 365, -366])  # about one digit of the day, the month or the year
    birth = np.where(wrong & ~guessed, birth + rng.choice(slip, len(person)), birth)
    return birth, office.happens(person, desk.no_birth)


def _parts(day: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return year, month and day of the month."""
    date = day.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    whole = month.astype(np.int64)
    return 1970 + whole // 12, 1 + whole % 12, 1 + (date - month).astype(np.int64)


def _day_of(year: IntArray, month: IntArray, day: IntArray) -> IntArray:
    """Return the day since 1970; the caller sees to it that it is a date."""
    start = first_day((year - 1970) * 12 + np.minimum(month, 12) - 1)
    date: IntArray = start.astype(np.int64) + day - 1
    return date


def _homes(scene: Scene, person: IntArray, day: IntArray) -> tuple[IntArray, IntArray]:
    """Return the area and address of each person's home on a day."""
    homes, household = scene.borough.homes, scene.borough.people.household[person]
    reach = np.int64(2**31)
    place = np.searchsorted(homes.household * reach + homes.start, household * reach + day, side="right") - 1
    # Nobody has a home before the first one known.
    place = np.where(homes.household[np.maximum(place, 0)] == household, place, place + 1)
    return homes.lsoa[place], homes.address[place]


_UNITS = np.array([a + b for a in "ABDEFGHJ" for b in "LNPQR"])
_AREAS = np.array(["Z" + letter for letter in "ZYXWVUTSRQPNMLKJHG"])


def postcodes(lsoa: npt.NDArray[np.integer], unit: npt.NDArray[np.integer]) -> NameArray:
    """Return postcodes in the form of real ones, in areas (ZZ, ZY and so on) that do not exist.

    Eight neighbouring areas of the borough share an outward code; each has a sector of its own.
    """
    district = lsoa // 8
    outward = np.char.add(_AREAS[district // 80], (1 + district % 80).astype("U2"))
    sector = np.char.add(" ", (1 + lsoa % 8).astype("U1"))
    return np.char.add(np.char.add(outward, sector), _UNITS[unit])


def _pupil_numbers(office: _Office, agency: str, person: IntArray) -> tuple[NameArray, BoolArray]:
    """Return UPNs as written and which are missing: who is below school age has none to hold."""
    selves, people = office.selves, office.scene.borough.people
    own = agency == "EDU"
    of_age = first_day(people.birth_month[person] + 12 * _SCHOOL_AGE) <= office.scene.window.last_day
    held = of_age & office.happens(person, office.errors.desks[agency].upn)
    old = (selves.former_upn[person] != "") & office.happens(person, office.errors.former_upn) & (not own)
    number = np.where(old, selves.former_upn[person], selves.upn[person])
    if not own:
        number = _miscopied(office, person, number, selves.upn)
    return number, ~(held | own)


def _health_numbers(office: _Office, agency: str, person: IntArray) -> tuple[NameArray, BoolArray]:
    """Return NHS numbers as written and which are missing; second registrations at health often lack one."""
    own = agency == "HEALTH"
    held = office.happens(person, office.errors.desks[agency].nhs)
    again = np.zeros(len(person), np.bool_)
    again[np.setdiff1d(np.arange(len(person)), np.unique(person, return_index=True)[1])] = True
    untraced = again & own & office.happens(person, office.errors.untraced)
    number = office.selves.nhs[person]
    if not own:
        number = _miscopied(office, person, number, office.selves.nhs)
    return number, ~held | untraced


def _miscopied(office: _Office, person: IntArray, number: NameArray, numbers: NameArray) -> NameArray:
    """Return numbers of which a few have a wrong last digit and a few are a brother's or sister's."""
    household = office.scene.borough.people.household
    wrong = np.flatnonzero(office.happens(person, office.errors.wrong_number))
    result = number.copy()
    result[wrong] = [text[:-1] + str((int(text[-1]) + 1) % 10) for text in number[wrong]]
    latest = np.zeros(int(household.max(initial=-1)) + 1, np.int64)
    latest[household] = np.arange(len(household))
    confused = office.happens(person, office.errors.siblings_number)
    return np.where(confused, numbers[latest[household[person]]], result)
