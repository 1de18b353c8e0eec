"""What schools hold about everyone before it is cut into terms: changes of school, needs, suspensions, placements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskmodel.simulate.clock import NOT_YET, BoolArray, IntArray, first_day
from riskmodel.simulate.extracts.press import named, pick
from riskmodel.simulate.extracts.schools import september
from riskmodel.simulate.spells import Spells, apart

if TYPE_CHECKING:
    from riskmodel.simulate.population import People
    from riskmodel.simulate.recording import Scene

_STATE_SCHOOL = 0.94  # on the roll of a school that sends the census here (assumed)
_SIXTH_FORM = 0.55  # stays at school after year 11 (assumed)
_CHANGES_AFTER_MOVE = 0.30  # changes school after moving inside the borough (assumed)
_SUPPORT_ABOVE = -0.83  # learning difficulty from which there is support (fitted)
_PLAN_ABOVE = 6.35  # learning difficulty and luck from which there is a plan (fitted)
_PLAN_LUCK = 3.5  # standard deviation of what else decides on a plan (fitted)
_SUPPORT_YEARS = 1.5  # mean length of support at average difficulty, beyond half a year (fitted)
_EMOTIONAL_WAIT = 2.2  # mean years until a need is seen as emotional (fitted to what begins late)
_SUPPORT_LASTS = 0.9  # log ratio of its length for one standard deviation of learning difficulty (fitted)
_LATEST_START = 11.0  # years after the fourth birthday by which support begins (assumed)
_AP_DAYS = 260  # mean length of a placement in alternative provision (assumed)
# Needs of those with special needs support (assumed mix); social, emotional and mental health follows conduct.
NEEDS = {
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
    "DB": 0.56, "PP": 0.15, "VA": 0.11, "VP": 0.05, "PA": 0.05, "DA": 0.03, "DM": 0.03, "OW": 0.02,
    "BU": 0.02, "TH": 0.02, "RA": 0.01, "SM": 0.01,
}  # persistent disruptive behaviour 50% of all suspensions: DfE 2023/24; the rest assumed  # fmt: skip
_REASONS_VIOLENT = {"PP": 0.70, "OW": 0.12, "PA": 0.10, "VP": 0.08}
# Share with such a reason of suspensions, of suspensions after violence, of exclusions (fitted to DfE 2023/24).
_GRAVE_REASON = (0.0, 0.8, 0.33)


@dataclass(frozen=True)
class Pupils:
    """What schools hold about everyone, before it is cut into terms. One row a person unless said otherwise."""

    cohort: IntArray
    state: BoolArray
    stays_on: BoolArray
    changes: IntArray
    change_keys: npt.NDArray[np.int64]
    needs: Needs
    suspensions: Suspensions
    placements: Spells
    english: BoolArray


@dataclass(frozen=True)
class Needs:
    """Special needs: days from which support and a plan run, and the kinds of need (-1 if there is no other one).

    From ``emotional_from`` on, social, emotional and mental health comes first.
    """

    support_from: IntArray
    support_to: IntArray
    plan_from: IntArray
    emotional_from: IntArray
    first: IntArray
    second: IntArray


@dataclass(frozen=True)
class Suspensions:
    """Suspensions and exclusions, sorted by day. ``category`` 0 is a suspension, 1 permanent, 2 lunchtimes."""

    person: IntArray
    day: IntArray
    sessions: IntArray
    reason: pa.Array
    category: IntArray


def enrol(scene: Scene, rng: np.random.Generator) -> Pupils:
    """Draw all that does not change from term to term."""
    people = scene.borough.people
    n = len(people)
    born = people.birth_month
    # A school year takes those born from September to August; its reception starts five years after.
    cohort = (1970 + (born - 8) // 12).astype(np.int32)
    suspensions = _suspensions(scene, rng)
    changes, change_keys = _school_changes(scene, cohort, suspensions, rng)
    english = rng.random(n) < np.array([0.75, 0.70, 0.85, 0.45, 0.4])[scene.borough.group]
    return Pupils(
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


def _school_changes(
    scene: Scene, cohort: IntArray, suspensions: Suspensions, rng: np.random.Generator
) -> tuple[IntArray, npt.NDArray[np.int64]]:
    """Return the days on which people entered a school, sorted, and keys (person and day) to search them by."""
    people, homes = scene.borough.people, scene.borough.homes
    everyone = np.arange(len(people))
    phases = [september(cohort + 5), september(cohort + 12), september(cohort + 17)]
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
        & (day >= september(cohort[person] + 5))
        & (day < people.to_day[person])
    )
    key = np.unique(person[kept].astype(np.int64) << 20 | day[kept])
    return (key & (2**20 - 1)).astype(np.int32), key


def _draw_needs(people: People, rng: np.random.Generator) -> Needs:
    """Draw special needs from the learning disposition: support ever for 54% by 16, a plan for about 4%."""
    n = len(people)
    born = first_day(people.birth_month)
    ever = people.learning > _SUPPORT_ABOVE
    plan = people.learning + _PLAN_LUCK * rng.standard_normal(n) > _PLAN_ABOVE
    start_age = 4 + _LATEST_START * rng.beta(1.4, 1.3, n)
    length = 0.5 + rng.exponential(_SUPPORT_YEARS, n) * np.exp(_SUPPORT_LASTS * people.learning)
    support_from = np.where(ever, born + 365.25 * start_age, NOT_YET)
    support_to = np.where(ever, support_from + 365.25 * length, NOT_YET)
    plan_from = np.where(plan, born + 365.25 * (0.65 * start_age + 2 * rng.random(n)), NOT_YET)
    emotional = rng.random(n) < 1 / (1 + np.exp(1.35 - 1.25 * people.conduct))
    _, other = pick(NEEDS, n, rng)
    noticed = np.minimum(support_from, plan_from) + 365.25 * rng.exponential(_EMOTIONAL_WAIT, n)
    emotional_from = np.where(emotional, np.minimum(noticed, NOT_YET), NOT_YET)
    another = (other + rng.integers(1, len(NEEDS), n)) % len(NEEDS)
    second = np.where(rng.random(n) < 0.25, another, -1)
    parts = (support_from, support_to, plan_from, emotional_from, other, second)
    return Needs(*(part.astype(np.int32) for part in parts))


def _suspensions(scene: Scene, rng: np.random.Generator) -> Suspensions:
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
    is_violent = rng.random(len(day)) < np.repeat(_GRAVE_REASON, size)
    sessions = np.where(category == 1, 0, np.clip(2 * rng.geometric(0.4, len(day)), 2, 30))
    names = (*_REASONS, *_REASONS_VIOLENT)
    _, mild = pick(_REASONS, len(day), rng)
    _, grave = pick(_REASONS_VIOLENT, len(day), rng)
    reason = np.where(is_violent, len(_REASONS) + grave, mild)
    order = np.lexsort((person, day))
    return Suspensions(
        person[order],
        day[order],
        sessions[order].astype(np.int32),
        named(names, reason[order]),
        category[order].astype(np.int32),
    )


def _placements(scene: Scene, suspensions: Suspensions, rng: np.random.Generator) -> Spells:
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
