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
    BoolArray,
    DayText,
    IntArray,
    Term,
    first_day,
    terms,
)
from riskmodel.simulate.extracts.press import TWICE, KeyRing, Press, named, pick
from riskmodel.simulate.spells import Spells, apart

if TYPE_CHECKING:
    from riskmodel.simulate.extracts.ethnicity import EthnicCodes
    from riskmodel.simulate.population import People
    from riskmodel.simulate.recording import Scene

_STATE_SCHOOL = 0.94  # on the roll of a school that sends the census here (assumed)
_SIXTH_FORM = 0.55  # stays at school after year 11 (assumed)
_CHANGES_AFTER_MOVE = 0.30  # changes school after moving inside the borough (assumed)
_PRIMARY_EACH, _SECONDARY_EACH = 1_100, 2_700  # residents aged 5 to 17 for each school (assumed)
_AP_DAYS = 260  # mean length of a placement in alternative provision (assumed)
# Needs of those with special needs support (assumed mix); social, emotional and mental health follows conduct.
_NEEDS = {
    "SLCN": 0.33,
    "MLD": 0.20,
    "SPLD": 0.20,
    "ASD": 0.12,
    "HI": 0.04,
    "PD": 0.04,
    "OTH": 0.05,
    "NSA": 0.02,
}
_REASONS = {
    "DB": 0.50, "PP": 0.15, "VA": 0.11, "VP": 0.05, "PA": 0.05, "DA": 0.03, "DM": 0.03, "OW": 0.02,
    "BU": 0.02, "TH": 0.02, "RA": 0.01, "SM": 0.01,
}  # persistent disruptive behaviour 50%: DfE 2023/24; the rest assumed  # fmt: skip
_REASONS_VIOLENT = {"PP": 0.70, "OW": 0.12, "PA": 0.10, "VP": 0.08}
_AUTHORISED = {"I": 0.86, "M": 0.14}
_UNAUTHORISED = {"O": 0.62, "U": 0.22, "G": 0.14, "N": 0.02}
_ROLL_FAULTS = (
    ("dob", "2010-Feb-31 00:00:00"),
    ("sex", "X"),
    ("senprovision", "Q"),
    ("upn", "T299999999999"),
    TWICE,
)
_DETAIL_FAULTS = (("pupilonrolltableid", "999999999"), ("sessions", "-4"), ("attendancereason", "?"), TWICE)
_EXCLUSION_FAULTS = (("startdate", "2019-Nov-31 00:00:00"), ("category", "GONE"), ("reason1", "ZZ"), TWICE)
_MEALS_FAULTS = (("fsmenddate", "1999-Jan-01 00:00:00"), ("pupilonrolltableid", "999999999"))
_PLACEMENT_FAULTS = (("apleavingdate", "1999-Jan-01 00:00:00"), TWICE)


@dataclass(frozen=True)
class _Pupils:
    """What schools hold about everyone, before it is cut into terms. One row a person unless said otherwise."""

    cohort: IntArray
    state: BoolArray
    stays_on: BoolArray
    changes: IntArray
    change_keys: npt.NDArray[np.int64]
    needs: _Needs
    suspensions: _Suspensions
    placements: Spells
    english: BoolArray


@dataclass(frozen=True)
class _Needs:
    """Special needs: days from which support and a plan run, and the kind of need."""

    support_from: IntArray
    support_to: IntArray
    plan_from: IntArray
    first: IntArray
    second: IntArray


@dataclass(frozen=True)
class _Suspensions:
    """Suspensions and exclusions, sorted by day. ``category`` 0 is a suspension, 1 permanent, 2 lunchtimes."""

    person: IntArray
    day: IntArray
    sessions: IntArray
    reason: pa.Array
    category: IntArray


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
    pupils = _enrol(scene, rng)
    for term in terms(scene.window):
        roll, entry = _take_roll(scene, pupils, keys, term)
        _write_roll(scene, pupils, keys, press, roll=roll, entry=entry, codes=codes)
        _write_meals(scene, press, roll)
        if term.name == "spring":
            _write_needs(pupils, press, roll)
        _write_attendance(scene, pupils, press, roll=roll, rng=rng)
        _write_exclusions(pupils, press, roll)
        _write_placements(pupils, press, roll)


def _enrol(scene: Scene, rng: np.random.Generator) -> _Pupils:
    """Draw all that does not change from term to term."""
    people = scene.borough.people
    n = len(people)
    born = people.birth_month
    # A school year takes those born from September to August; its reception starts five years after.
    cohort = (1970 + (born - 8) // 12).astype(np.int32)
    suspensions = _suspensions(scene, rng)
    changes, change_keys = _school_changes(scene, cohort, suspensions, rng)
    english = rng.random(n) < np.array([0.75, 0.70, 0.85, 0.45, 0.4])[scene.borough.group]
    return _Pupils(
        cohort=cohort,
        state=rng.random(n) < _STATE_SCHOOL,
        stays_on=rng.random(n) < _SIXTH_FORM,
        changes=changes,
        change_keys=change_keys,
        needs=_draw_needs(people, rng),
        suspensions=suspensions,
        placements=_placements(scene, suspensions, rng),
        english=english,
    )


def _september(year: npt.NDArray[np.integer]) -> IntArray:
    """Return 1 September of each year as days."""
    return first_day((year - 1970) * 12 + 8)


def _school_changes(
    scene: Scene, cohort: IntArray, suspensions: _Suspensions, rng: np.random.Generator
) -> tuple[IntArray, npt.NDArray[np.int64]]:
    """Return the days on which people entered a school, sorted, and keys (person and day) to search them by."""
    people, homes = scene.borough.people, scene.borough.homes
    everyone = np.arange(len(people))
    phases = [_september(cohort + 5), _september(cohort + 12), _september(cohort + 17)]
    moved = np.flatnonzero(rng.random(len(homes.start)) < _CHANGES_AFTER_MOVE)
    # One child of the household stands for the move; siblings often stay where they are.
    first_child = np.searchsorted(np.sort(people.household), homes.household[moved])
    by_household = np.argsort(people.household, kind="stable")
    mover = by_household[np.minimum(first_child, len(people) - 1)]
    out = suspensions.category == 1
    person = np.concatenate([everyone, everyone, everyone, everyone, mover, suspensions.person[out]])
    day = np.concatenate([*phases, people.from_day + 10, homes.start[moved] + 15, suspensions.day[out] + 21])
    kept = (
        (day >= people.from_day[person])
        & (day >= _september(cohort[person] + 5))
        & (day < people.to_day[person])
    )
    key = np.unique(person[kept].astype(np.int64) << 20 | day[kept])
    return (key & (2**20 - 1)).astype(np.int32), key


def _draw_needs(people: People, rng: np.random.Generator) -> _Needs:
    """Draw special needs from the learning disposition: support ever for 54% by 16, a plan for about 4%."""
    n = len(people)
    spread = float(np.sqrt(0.15**2 + 2 * 0.15 * 0.45 * 0.3 + 0.45**2 + 0.85**2))
    liability = people.learning / spread
    born = first_day(people.birth_month)
    ever = liability > -0.60
    plan = liability + 0.6 * rng.standard_normal(n) > 2.0
    start_age = 3.8 + 9 * rng.beta(1.2, 2.0, n)
    length = rng.exponential(4.5, n) + 0.5
    support_from = np.where(ever, born + 365.25 * start_age, NOT_YET)
    support_to = np.where(ever, support_from + 365.25 * length, NOT_YET)
    plan_from = np.where(plan, born + 365.25 * (start_age + 1 + 2 * rng.random(n)), NOT_YET)
    emotional = rng.random(n) < 1 / (1 + np.exp(1.35 - 1.25 * people.conduct))
    _, other = pick(_NEEDS, n, rng)
    first = np.where(emotional, len(_NEEDS), other)
    another = (other + rng.integers(1, len(_NEEDS), n)) % len(_NEEDS)
    second = np.where(rng.random(n) < 0.25, np.where(emotional, other, another), -1)
    parts = (support_from, support_to, plan_from, first, second)
    return _Needs(*(part.astype(np.int32) for part in parts))


def _suspensions(scene: Scene, rng: np.random.Generator) -> _Suspensions:
    """Gather suspensions and exclusions with their sessions and reasons."""
    plain, violent = scene.witnessed("suspension"), scene.witnessed("suspension_after")
    out = scene.witnessed("exclusion")
    person, day = (
        np.concatenate([getattr(part, field) for part in (plain, violent, out)])
        for field in ("person", "day")
    )
    size = (len(plain), len(violent), len(out))
    category = np.repeat([0, 0, 1], size)
    category = np.where((category == 0) & (rng.random(len(day)) < 0.01), 2, category)
    is_violent = np.repeat([False, True, True], size) & (rng.random(len(day)) < 0.8)
    sessions = np.where(category == 1, 0, np.clip(2 * rng.geometric(0.4, len(day)), 2, 30))
    names = (*_REASONS, *_REASONS_VIOLENT)
    _, mild = pick(_REASONS, len(day), rng)
    _, grave = pick(_REASONS_VIOLENT, len(day), rng)
    reason = np.where(is_violent, len(_REASONS) + grave, mild)
    order = np.lexsort((person, day))
    return _Suspensions(
        person[order],
        day[order],
        sessions[order].astype(np.int32),
        named(names, reason[order]),
        category[order].astype(np.int32),
    )


def _placements(scene: Scene, suspensions: _Suspensions, rng: np.random.Generator) -> Spells:
    """Placements in alternative provision: drawn by the lives, or after most permanent exclusions."""
    placed = scene.witnessed("placement")
    out = np.flatnonzero((suspensions.category == 1) & (rng.random(len(suspensions.day)) < 0.85))
    person = np.concatenate([placed.person, suspensions.person[out]])
    start = np.concatenate([placed.day, suspensions.day[out] + 10])
    kind = np.repeat([1, 0], [len(placed), len(out)])
    end = start + 30 + rng.exponential(_AP_DAYS, len(start))
    order = np.lexsort((start, person))
    person, start, end, kind = person[order], start[order], end[order], kind[order]
    # A placement that starts during another is the same one.
    kept = apart(person, start, end.astype(np.int64))
    return Spells(*(part[kept].astype(np.int32) for part in (person, start, end, kind)))


def _take_roll(scene: Scene, pupils: _Pupils, keys: KeyRing, term: Term) -> tuple[_Roll, IntArray]:
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
    row = np.int64(1_000_000_000) + term.number * 10_000_000 + number[order]
    school = _school(scene, person, place, term.academic_year - pupils.cohort[person] - 5)
    at = np.full(len(people), -1, np.int32)
    at[person] = np.arange(len(person))
    return _Roll(term, person, row, school, at), pupils.changes[place]


def _school(scene: Scene, person: IntArray, change: IntArray, year: IntArray) -> pa.Array:
    """Return a school near home; every change of school within a phase leads to another."""
    size = len(scene.borough.decile) / 144 * 45_000
    primary, secondary = max(3, round(size / _PRIMARY_EACH)), max(2, round(size / _SECONDARY_EACH))
    area = scene.borough.lsoa_at_first[person]
    low = (area * 7 + change * 5) % primary
    high = primary + (area * 3 + change * 5) % secondary
    names = tuple(f"SCH{number}" for number in range(1, primary + secondary + 1))
    return named(names, np.where(year >= 7, high, low))


def _write_roll(
    scene: Scene,
    pupils: _Pupils,
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


def _provision(needs: _Needs, person: IntArray, day: int) -> IntArray:
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
    kept = (start <= roll.term.census) & (end > roll.term.start) & (start < end)
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


def _write_needs(pupils: _Pupils, press: Press, roll: _Roll) -> None:
    provision = _provision(pupils.needs, roll.person, roll.term.census)
    some = np.flatnonzero(provision > 0)
    more = some[pupils.needs.second[roll.person[some]] >= 0]
    at = np.concatenate([some, more])
    kind = np.concatenate([pupils.needs.first[roll.person[some]], pupils.needs.second[roll.person[more]]])
    rank = np.repeat([1, 2], [len(some), len(more)])
    order = np.lexsort((rank, at))
    columns = {
        "pupilonrolltableid": roll.row[at[order]],
        "NativeId": roll.school.take(pa.array(at[order])),
        "sentyperank": rank[order],
        "sentype": named((*_NEEDS, "SEMH"), kind[order]),
    }
    press.write(f"school_census/{roll.term.label}_senneeds.csv", columns, (("sentype", "XXXX"), TWICE))


def _write_attendance(
    scene: Scene, pupils: _Pupils, press: Press, *, roll: _Roll, rng: np.random.Generator
) -> None:
    """Write absence codes with sessions above zero; presence is what is left of the sessions possible."""
    missed = scene.lives.absences
    month = (np.array(roll.term.end).astype("datetime64[D]").astype("datetime64[M]")).astype(np.int64)
    rows = np.flatnonzero(missed.month == month)
    rows = rows[roll.place[missed.person[rows]] >= 0]
    place = roll.place[missed.person[rows]]
    scale = roll.term.sessions / 127
    counts = [
        _share_out(np.round(missed.authorised[rows] * scale).astype(np.int64), _AUTHORISED, rng),
        _share_out(np.round(missed.unauthorised[rows] * scale).astype(np.int64), _UNAUTHORISED, rng),
        _excluded(pupils, roll, rows=missed.person[rows]),
    ]
    table = np.concatenate(counts, axis=1)
    at, code = np.nonzero(table)
    order = np.lexsort((code, place[at]))
    at, code = at[order], code[order]
    columns = {
        "pupilonrolltableid": roll.row[place[at]],
        "NativeId": roll.school.take(pa.array(place[at])),
        "sessions": table[at, code],
        "attendancereason": named((*_AUTHORISED, *_UNAUTHORISED, "E"), code),
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


def _excluded(pupils: _Pupils, roll: _Roll, *, rows: IntArray) -> npt.NDArray[np.int64]:
    """Return the sessions each person was suspended for in the term; shape (n, 1)."""
    suspensions = pupils.suspensions
    low, high = np.searchsorted(suspensions.day, [roll.term.start, roll.term.end + 1])
    total = np.bincount(
        suspensions.person[low:high], weights=suspensions.sessions[low:high], minlength=len(roll.place)
    )
    return np.minimum(total[rows], 45).astype(np.int64)[:, None]


def _write_exclusions(pupils: _Pupils, press: Press, roll: _Roll) -> None:
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


def _write_placements(pupils: _Pupils, press: Press, roll: _Roll) -> None:
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
