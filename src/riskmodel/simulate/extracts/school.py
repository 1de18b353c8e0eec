"""The school census, term by term: roll, free school meals, special needs, attendance, exclusions, placements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskmodel.simulate.clock import (
    CENSUS_DATE,
    NOT_YET,
    DayText,
    IntArray,
    Term,
    first_day,
    terms,
)
from riskmodel.simulate.extracts.press import TWICE, KeyRing, Press, named
from riskmodel.simulate.extracts.pupils import NEEDS, Needs, Pupils, enrol
from riskmodel.simulate.extracts.schools import Schools

if TYPE_CHECKING:
    from riskmodel.simulate.extracts.ethnicity import EthnicCodes
    from riskmodel.simulate.recording import Scene

_AUTHORISED = {
    "I": 0.83,
    "M": 0.14,
    "": 0.03,
}  # the last: leave in term time, coded H until summer 2024, C since
_UNAUTHORISED = {"O": 0.62, "U": 0.22, "G": 0.14, "N": 0.02}
_ROLL_FAULTS = (
    ("dob", "2010-Feb-31 00:00:00"),
    ("sex", "X"),
    ("senprovision", "Q"),
    ("upn", "E99999999"),
    TWICE,
)
_DETAIL_FAULTS = (("pupilonrolltableid", "999999999"), ("sessions", "-4"), ("attendancereason", "?"), TWICE)
_EXCLUSION_FAULTS = (("startdate", "2019-Nov-31 00:00:00"), ("category", "GONE"), ("reason1", "ZZ"), TWICE)
_MEALS_FAULTS = (("fsmenddate", "1999-Jan-01 00:00:00"), ("pupilonrolltableid", "999999999"))
_PLACEMENT_FAULTS = (("apleavingdate", "1999-Jan-01 00:00:00"), TWICE)


@dataclass(frozen=True)
class _Roll:
    """Who is on roll on the census day of a term, with the census row's number and school."""

    term: Term
    person: IntArray
    row: npt.NDArray[np.int64]
    school: pa.Array
    place: IntArray


def write_school(
    scene: Scene, keys: KeyRing, press: Press, *, codes: EthnicCodes, rng: np.random.Generator
) -> None:
    """Write the census of every term in the window.

    Row identifiers are fresh each term. Children at independent schools, at schools elsewhere and most of those
    over 16 are absent from the census: nobody should take them for children with perfect attendance.
    """
    pupils = enrol(scene, rng)
    for term in terms(scene.window):
        roll, entry = _take_roll(scene, pupils, keys, term)
        _write_roll(scene, pupils, keys, press, roll=roll, entry=entry, codes=codes)
        _write_meals(scene, press, roll)
        if term.name == "spring":
            _write_needs(pupils, press, roll)
        _write_attendance(scene, pupils, press, roll=roll, rng=rng)
        _write_exclusions(pupils, press, roll)
        _write_placements(pupils, press, roll)


def _take_roll(scene: Scene, pupils: Pupils, keys: KeyRing, term: Term) -> tuple[_Roll, IntArray]:
    """Return who is on roll on the census day, and when each entered the present school."""
    people = scene.borough.people
    year = term.academic_year - pupils.cohort - 5
    here = (people.from_day + 10 <= term.census) & (term.census < people.to_day)
    on_roll = here & pupils.state & (year >= 0) & ((year <= 11) | ((year <= 13) & pupils.stays_on))
    person = np.flatnonzero(on_roll).astype(np.int32)
    place = np.searchsorted(pupils.change_keys, person.astype(np.int64) << 20 | term.census, side="right") - 1
    place = np.maximum(place, 0)
    entered = (pupils.change_keys[place] >> 20) == person
    person, place = person[entered], place[entered]
    number = keys.number("EDU", person)
    order = np.argsort(number)
    person, place = person[order], place[order]
    row = np.int64(100_000_000) + term.number * 10_000_000 + number[order]
    schools, entry = Schools.of(scene), pupils.changes[place]
    year = term.academic_year - pupils.cohort[person] - 5
    attended, entry = schools.attended(
        scene.borough.lsoa_at_first[person], place, entry, year=year, term=term
    )
    at = np.full(len(people), -1, np.int32)
    at[person] = np.arange(len(person))
    names = keys.numbering.text("SCH", np.arange(schools.primary + schools.secondary + 1), digits=1)
    return _Roll(term, person, row, names.take(pa.array(attended)), at), entry


def _write_roll(
    scene: Scene,
    pupils: Pupils,
    keys: KeyRing,
    press: Press,
    *,
    roll: _Roll,
    entry: IntArray,
    codes: EthnicCodes,
) -> None:
    person, term = roll.person, roll.term
    text = DayText(CENSUS_DATE)
    year = term.academic_year - pupils.cohort[person] - 5
    blank = pa.nulls(len(person), pa.string())
    columns = {
        "pupilonrolltableid": roll.row,
        "NativeId": roll.school,
        "dob": text.of(first_day(scene.borough.people.birth_month[person])),
        "upn": keys.of("EDU", person),
        "sex": named(("F", "M"), scene.borough.people.male[person].astype(np.int8)),
        "entrydate": text.of(entry),
        "termlysessionspossible": np.full(len(person), term.sessions, np.int32),
        "ethnicity": codes.school(person) if term.name == "spring" else blank,
        "enrolstatus": pa.array(["C"]).take(pa.array(np.zeros(len(person), np.int8))),
        "senprovision": named(("N", "K", "E"), _provision(pupils.needs, person, term.census)),
        "ncyearactual": named(("R", *map(str, range(1, 14))), year),
        "language": named(("OTH", "ENG"), pupils.english[person].astype(np.int8)),
    }
    press.write(f"school_census/{term.label}_pupilonroll.csv", columns, _ROLL_FAULTS)


def _provision(needs: Needs, person: IntArray, day: int) -> IntArray:
    """Return 0 for none, 1 for support, 2 for a plan."""
    support = (needs.support_from[person] <= day) & (day < needs.support_to[person])
    return np.where(needs.plan_from[person] <= day, 2, support.astype(np.int32)).astype(np.int32)


def _in_term(roll: _Roll, owner: IntArray, start: IntArray, end: IntArray) -> npt.NDArray[np.intp]:
    """Return spells that touch the term, of people on roll."""
    touches = (start <= roll.term.end) & (end > roll.term.start)
    return np.flatnonzero(touches & (roll.place[owner] >= 0))


def _write_meals(scene: Scene, press: Press, roll: _Roll) -> None:
    meals = scene.borough.meals
    people = scene.borough.people
    # Spells belong to households: join them to the children on roll.
    household = people.household[roll.person]
    low = np.searchsorted(meals.owner, household, side="left")
    counts = np.searchsorted(meals.owner, household, side="right") - low
    at = np.repeat(np.arange(len(household)), counts)
    spell = np.repeat(low, counts) + np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = np.maximum(first_day(meals.start[spell]), people.from_day[roll.person[at]])
    end = first_day(meals.end[spell])
    kept = (start <= roll.term.census) & (end > roll.term.since) & (start < end)
    at, start, end = at[kept], start[kept], end[kept]
    text = DayText(CENSUS_DATE)
    columns = {
        "pupilonrolltableid": roll.row[at],
        "NativeId": roll.school.take(pa.array(at)),
        "fsmstartdate": text.of(start),
        "fsmenddate": text.of(np.where(end <= roll.term.census, end, NOT_YET)),
        "ukcountry": pa.array(["ENG"]).take(pa.array(np.zeros(len(at), np.int8))),
    }
    press.write(f"school_census/{roll.term.label}_fsmperiodsonroll.csv", columns, _MEALS_FAULTS)


def _write_needs(pupils: Pupils, press: Press, roll: _Roll) -> None:
    provision = _provision(pupils.needs, roll.person, roll.term.census)
    needs, person = pupils.needs, roll.person
    emotional = needs.emotional_from[person] <= roll.term.census
    first = np.where(emotional, len(NEEDS), needs.first[person])
    second = np.where(emotional & (needs.second[person] >= 0), needs.first[person], needs.second[person])
    some = np.flatnonzero(provision > 0)
    more = some[second[some] >= 0]
    at = np.concatenate([some, more])
    kind = np.concatenate([first[some], second[more]])
    rank = np.repeat([1, 2], [len(some), len(more)])
    order = np.lexsort((rank, at))
    columns = {
        "pupilonrolltableid": roll.row[at[order]],
        "NativeId": roll.school.take(pa.array(at[order])),
        "sentyperank": rank[order],
        "sentype": named((*NEEDS, "SEMH"), kind[order]),
    }
    press.write(f"school_census/{roll.term.label}_senneeds.csv", columns, (("sentype", "XXXX"), TWICE))


def _write_attendance(
    scene: Scene, pupils: Pupils, press: Press, *, roll: _Roll, rng: np.random.Generator
) -> None:
    """Write absence codes with sessions above zero; presence is what is left of the sessions possible."""
    missed = scene.lives.absences
    month = (np.array(roll.term.end).astype("datetime64[D]").astype("datetime64[M]")).astype(np.int64)
    rows = np.flatnonzero(missed.month == month)
    place = roll.place[missed.person[rows]]
    order = np.argsort(place, kind="stable")[np.count_nonzero(place < 0) :]  # those on roll, in its order
    rows, place = rows[order], place[order]
    scale = roll.term.sessions / 127
    counts = [
        _share_out(np.round(missed.authorised[rows] * scale).astype(np.int64), _AUTHORISED, rng),
        _share_out(np.round(missed.unauthorised[rows] * scale).astype(np.int64), _UNAUTHORISED, rng),
        _excluded(pupils, roll, rows=missed.person[rows]),
    ]
    table = np.concatenate(counts, axis=1)
    at, code = np.nonzero(table)
    leave = "H" if roll.term.academic_year < 2024 else "C"
    columns = {
        "pupilonrolltableid": roll.row[place][at],
        "NativeId": roll.school.take(pa.array(place[at])),
        "sessions": table[at, code],
        "attendancereason": named((*_AUTHORISED, *_UNAUTHORISED, "E"), code).fill_null(leave),
    }
    press.write(f"school_census/{roll.term.label}_termlysessiondetailsonroll.csv", columns, _DETAIL_FAULTS)


def _share_out(
    total: npt.NDArray[np.int64], codes: dict[str, float], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Share each total out over the codes by weight; shape (n, codes)."""
    left, weight = total.copy(), 1.0
    columns = []
    for share in list(codes.values())[:-1]:
        part = rng.binomial(left, min(1.0, share / weight))
        columns.append(part)
        left, weight = left - part, weight - share
    return np.stack([*columns, left], axis=1)


def _excluded(pupils: Pupils, roll: _Roll, *, rows: IntArray) -> npt.NDArray[np.int64]:
    """Return the sessions each person was suspended for in the term; shape (n, 1)."""
    suspensions = pupils.suspensions
    low, high = np.searchsorted(suspensions.day, [roll.term.start, roll.term.end + 1])
    total = np.bincount(
        suspensions.person[low:high], weights=suspensions.sessions[low:high], minlength=len(roll.place)
    )
    return np.minimum(total[rows], 45).astype(np.int64)[:, None]


def _write_exclusions(pupils: Pupils, press: Press, roll: _Roll) -> None:
    suspensions = pupils.suspensions
    low, high = np.searchsorted(suspensions.day, [roll.term.start, roll.term.end + 1])
    rows = np.arange(low, high)
    rows = rows[roll.place[suspensions.person[rows]] >= 0]
    person, category = suspensions.person[rows], suspensions.category[rows]
    # Until summer 2019 the category for a suspension was called fixed.
    names = ("FIXD" if roll.term.academic_year < 2019 else "SUSP", "PERM", "LNCH")
    at = roll.place[person]
    blank = pa.nulls(len(rows), pa.string())
    columns = {
        "pupilonrolltableid": roll.row[at],
        "NativeId": roll.school.take(pa.array(at)),
        "startdate": DayText(CENSUS_DATE).of(suspensions.day[rows]),
        "sessions": pa.array(suspensions.sessions[rows], mask=category == 1),
        "reason1": suspensions.reason.take(pa.array(rows)),
        "reason2": blank,
        "reason3": blank,
        "category": named(names, category),
        "senprovision": named(("N", "K", "E"), _provision(pupils.needs, person, roll.term.census)),
    }
    press.write(f"school_census/{roll.term.label}_termlyexclusionsonroll.csv", columns, _EXCLUSION_FAULTS)


def _write_placements(pupils: Pupils, press: Press, roll: _Roll) -> None:
    spells = pupils.placements
    rows = _in_term(roll, spells.owner, spells.start, spells.end)
    at = roll.place[spells.owner[rows]]
    text = DayText(CENSUS_DATE)
    end = spells.end[rows]
    columns = {
        "pupilonrolltableid": roll.row[at],
        "NativeId": roll.school.take(pa.array(at)),
        "apentrydate": text.of(spells.start[rows]),
        "apleavingdate": text.of(np.where(end <= roll.term.end, end, NOT_YET)),
        "apreason": named(("PEX", "BEH"), spells.kind[rows]),
    }
    press.write(f"school_census/{roll.term.label}_apdetail.csv", columns, _PLACEMENT_FAULTS)
