"""The SSDA903 return on children looked after: header, episodes, missing and health, one set a year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.simulate.clock import (
    NOT_YET,
    UK,
    BoolArray,
    DayText,
    FloatArray,
    IntArray,
    first_day,
    year_ends,
)
from riskmodel.simulate.extracts.housing import lsoa_text
from riskmodel.simulate.extracts.press import TWICE, KeyRing, Press, named, pick

if TYPE_CHECKING:
    from riskmodel.simulate.extracts.ethnicity import EthnicCodes
    from riskmodel.simulate.extracts.social_care import Placements
    from riskmodel.simulate.recording import Scene

_STATUS = ("C2", "V2", "C1", "E1", "J1")
_STATUS_REACH = np.cumsum([0.50, 0.25, 0.20, 0.03])  # assumed
_PLACES = ("U3", "U6", "K2", "U1", "P1", "K1", "R1")
_PLACE_REACH = np.cumsum([0.35, 0.30, 0.12, 0.13, 0.04, 0.03])  # assumed: most are with foster carers
_MISSING_A_YEAR = (
    0.45  # times missing or absent for each year in care from ten (assumed; 11% of children a year)
)
_SDQ_MEAN, _SDQ_SPREAD = 7.8, 23.0  # strengths and difficulties at average conduct (fitted)
# How children of four and over took part in their reviews (assumed).
_TOOK_PART = {"PN1": 0.45, "PN2": 0.05, "PN3": 0.03, "PN4": 0.05, "PN5": 0.07, "PN6": 0.30, "PN7": 0.05}
_ADULT, _OTHER_END = "E11", "E8"
_HEADER_FAULTS = (("DOB", "31/02/2009"), ("SEX", "7"), ("CHILD", "L99999999"), TWICE)
_EPISODE_FAULTS = (("DECOM", "31/11/2020"), ("LS", "ZZ"), ("DEC", "01/01/1999"), TWICE)


def write_ssda903(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    placements: Placements,
    codes: EthnicCodes,
    rng: np.random.Generator,
) -> None:
    """Write ``ssda903/YYYY_*.csv`` for each year to 31 March, and the year that is not over yet."""
    n = len(placements.person)
    status = _draw_by_period(_STATUS_REACH, placements.period, rng)
    place = np.searchsorted(_PLACE_REACH, rng.random(n))
    away = rng.random(n) < 0.55
    missing = _missing(scene, placements, rng)
    health = rng.random((n, 3))
    reviews = _reviews(scene, placements, rng.spawn(1)[0])
    for year, start, end in year_ends(scene.window):
        rows = np.flatnonzero((placements.start <= end) & (placements.end >= start))
        order = np.lexsort((placements.start[rows], keys.number("CLA", placements.person[rows])))
        rows = rows[order]
        _write_header(scene, keys, press, year=year, person=placements.person[rows], codes=codes)
        _write_episodes(
            scene,
            keys,
            press,
            year=year,
            end=end,
            placements=placements,
            rows=rows,
            drawn=(status, place, away),
        )
        _write_missing(scene, keys, press, year=year, span=(start, end), missing=missing)
        _write_reviews(scene, keys, press, year=year, span=(start, end), reviews=reviews)
        _write_health(scene, keys, press, year=year, end=end, placements=placements, rows=rows, health=health)


def _draw_by_period(reach: FloatArray, period: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw a choice for each period of care, the same for all of its placements."""
    draw = rng.random(int(period.max(initial=-1)) + 1)
    chosen: IntArray = np.searchsorted(reach, draw)[period]
    return chosen


def _sexes(scene: Scene, person: IntArray, year: int) -> pa.Array:
    """Return sex as the return of that year writes it: numbers to 2024, letters from 2025."""
    names = ("2", "1") if year < 2025 else ("F", "M")
    return named(names, scene.borough.people.male[person].astype(np.int8))


def _born(scene: Scene, person: IntArray) -> pa.Array:
    return DayText(UK).of(first_day(scene.borough.people.birth_month[person]))


def _write_header(
    scene: Scene, keys: KeyRing, press: Press, *, year: int, person: IntArray, codes: EthnicCodes
) -> None:
    _, first = np.unique(person, return_index=True)
    person = person[np.sort(first)]
    blank = pa.nulls(len(person), pa.string())
    columns = {
        "CHILD": keys.of("CLA", person),
        "SEX": _sexes(scene, person, year),
        "DOB": _born(scene, person),
        "ETHNIC": codes.school(person),
        "UPN": blank,
        "MOTHER": blank,
        "MC_DOB": blank,
    }
    press.write(f"ssda903/{year}_header.csv", columns, _HEADER_FAULTS)


def _write_episodes(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    year: int,
    end: int,
    placements: Placements,
    rows: IntArray,
    drawn: tuple[IntArray, IntArray, BoolArray],
) -> None:
    status, place, away = drawn
    person = placements.person[rows]
    closed = placements.end[rows] <= end
    last = placements.last[rows]
    grown_up = placements.end[rows] >= first_day(scene.borough.people.birth_month[person] + 12 * 18)
    why = np.where(last, np.where(grown_up, 1, 2), 0)
    text = DayText(UK)
    lsoa = scene.borough.lsoa_at_first[person]
    columns = {
        "CHILD": keys.of("CLA", person),
        "DECOM": text.of(placements.start[rows]),
        "RNE": named(("P", "S"), placements.first[rows].astype(np.int8)),
        "LS": named(_STATUS, status[rows]),
        "CIN": named(("N1",), np.zeros(len(rows), np.int8)),
        "PLACE": named(_PLACES, place[rows]),
        "PLACE_PROVIDER": named(("PR1", "PR4"), away[rows].astype(np.int8)),
        "DEC": text.of(np.where(closed, placements.end[rows], NOT_YET)),
        "REC": named(("X1", _ADULT, _OTHER_END, ""), np.where(closed, why, 3)),
        "REASON_PLACE_CHANGE": named(("PLACE", ""), np.where(closed & ~last, 0, 1)),
        "HOME_POST": lsoa_text(keys.numbering, lsoa),
        "PL_POST": pc.if_else(pa.array(away[rows]), None, lsoa_text(keys.numbering, lsoa)),
        "URN": pa.nulls(len(rows), pa.string()),
    }
    press.write(f"ssda903/{year}_episodes.csv", columns, _EPISODE_FAULTS)


def _missing(
    scene: Scene, placements: Placements, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray, BoolArray]:
    """Return who went missing from care, from when to when, and whether only absent.

    Going missing is drawn for time in care from the age of ten, more for those disposed to it: what is known
    outside care reaches social care as a referral.
    """
    people, window = scene.borough.people, scene.window
    begin = np.maximum(placements.start, window.first_day)
    length = np.maximum(np.minimum(placements.end, window.last_day) - begin - 1, 0)
    disposed = 0.5 * people.conduct + 0.4 * people.frailty
    count = rng.poisson(_MISSING_A_YEAR * np.exp(disposed[placements.person]) * length / 365.25)
    row = np.repeat(np.arange(len(count)), count)
    day = (begin[row] + rng.random(len(row)) * length[row]).astype(np.int32)
    old = scene.age_years(placements.person[row], day) >= 10
    person, start = placements.person[row][old], day[old]
    end = (start + 1 + rng.geometric(0.5, len(start))).astype(np.int32)
    return person, start, end, rng.random(len(start)) < 0.25


def _write_missing(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    year: int,
    span: tuple[int, int],
    missing: tuple[IntArray, IntArray, IntArray, BoolArray],
) -> None:
    person, start, end, absent = missing
    rows = np.flatnonzero((start >= span[0]) & (start <= span[1]))
    text = DayText(UK)
    columns = {
        "CHILD": keys.of("CLA", person[rows]),
        "DOB": _born(scene, person[rows]),
        "MISSING": named(("M", "A"), absent[rows].astype(np.int8)),
        "MIS_START": text.of(start[rows]),
        "MIS_END": text.of(np.where(end[rows] <= span[1], end[rows], NOT_YET)),
    }
    press.write(f"ssda903/{year}_missing.csv", columns, (("MIS_END", "01/01/1999"), ("MISSING", "Q")))


def _reviews(
    scene: Scene, placements: Placements, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    """Return who had a statutory review on which day, and how the child took part (index of ``_TOOK_PART``).

    Reviews are due four weeks, then four months after care begins, then every six months (statutory guidance).
    """
    period, first, which = np.unique(placements.period, return_index=True, return_inverse=True)
    begin = placements.start[first]
    end = np.zeros(len(period), np.int32)
    np.maximum.at(end, which, np.minimum(placements.end, scene.window.last_day))
    count = np.where(end < begin + 28, 0, np.where(end < begin + 120, 1, 2 + (end - begin - 120) // 182))
    row = np.repeat(np.arange(len(period)), count)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    day = begin[row] + np.where(turn == 0, 28, 120 + 182 * (turn - 1))
    person = placements.person[first][row]
    _, how = pick(_TOOK_PART, len(row), rng)
    return person, day, np.where(scene.age_years(person, day) < 4, len(_TOOK_PART), how)


def _write_reviews(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    year: int,
    span: tuple[int, int],
    reviews: tuple[IntArray, IntArray, IntArray],
) -> None:
    person, day, how = reviews
    rows = np.flatnonzero((day >= span[0]) & (day <= span[1]))
    columns = {
        "CHILD": keys.of("CLA", person[rows]),
        "DOB": _born(scene, person[rows]),
        "REVIEW": DayText(UK).of(day[rows]),
        "REVIEW_CODE": named((*_TOOK_PART, "PN0"), how[rows]),
    }
    press.write(
        f"ssda903/{year}_reviews.csv", columns, (("REVIEW", "31/09/2021"), ("REVIEW_CODE", "PN9"), TWICE)
    )


def _write_health(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    year: int,
    end: int,
    placements: Placements,
    rows: IntArray,
    health: FloatArray,
) -> None:
    """Write the yearly health return for those looked after for a year at its end."""
    period_start = np.full(int(placements.period.max(initial=-1)) + 1, NOT_YET, np.int32)
    np.minimum.at(period_start, placements.period, placements.start)
    long = (period_start[placements.period[rows]] <= end - 365) & (placements.end[rows] > end)
    rows = rows[long & placements.last[rows]] if len(rows) else rows
    person = placements.person[rows]
    age = scene.age_years(person, np.full(len(rows), end, np.int32))
    asked = (age >= 4) & (age < 17)
    conduct = scene.borough.people.conduct[person]
    # DfE: 42% of concern (17 and over), 13% borderline, 45% normal; so the scores lie far apart.
    score = np.clip(np.round(_SDQ_MEAN + 3 * conduct + _SDQ_SPREAD * (health[rows, 0] - 0.5)), 0, 40)
    substance = health[rows, 1] < 0.03 * np.exp(0.5 * conduct) * (age >= 12)
    yes = pa.array(np.ones(len(rows), np.int8))
    columns = {
        "CHILD": keys.of("CLA", person),
        "DOB": _born(scene, person),
        "SDQ_SCORE": pa.array(score.astype(np.int32), mask=~asked),
        "SDQ_REASON": named(("SDQ1", ""), asked.astype(np.int8)),
        "CONVICTED": (health[rows, 2] < 0.02 * (age >= 10)).astype(np.int8),
        "HEALTH_CHECK": yes,
        "IMMUNISATIONS": yes,
        "TEETH_CHECK": yes,
        "HEALTH_ASSESSMENT": yes,
        "SUBSTANCE_MISUSE": substance.astype(np.int8),
        "INTERVENTION_RECEIVED": (substance & (health[rows, 2] > 0.5)).astype(np.int8),
        "INTERVENTION_OFFERED": (substance & (health[rows, 2] <= 0.5)).astype(np.int8),
    }
    press.write(f"ssda903/{year}_oc2.csv", columns, (("SDQ_SCORE", "77"), TWICE))
