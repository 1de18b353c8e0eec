"""Children's social care: referrals, children in need, protection plans and care, as one set of episodes.

The CIN census and the SSDA903 are two views of it, so both writers read it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import NOT_YET, BoolArray, FloatArray, IntArray, first_day
from riskmodel.simulate.spells import Spells, apart, first_of_owner, last_of_owner, until_next

if TYPE_CHECKING:
    from riskmodel.simulate.recording import Scene

_NO_ACTION = 0.765  # referrals closed without an assessment of need (assumed)
_NEED_DAYS = 1150  # mean length of an episode of need (assumed; fitted to the stock and to ever in need)
_NO_ACTION_DAYS = 12
_PLAN = 0.33  # episodes of need with a child protection plan (assumed; stock 39 per 10,000 in WF)
_PLAN_DAYS = 420
_CARE_DAYS = 1100  # mean length of a period of care (assumed; stock 47 per 10,000 in WF)
_MOVE_DAYS = 300  # mean time between placements (assumed)

# Factors found at assessment: % of episodes in Waltham Forest, 31 March 2025 (DfE). The second number is how
# strongly each follows adversity at home (the share that is proportional to it), the third conduct (log ratio).
FACTORS: dict[str, tuple[float, float, float]] = {
    "3B": (0.261, 0.6, 0.0), "3A": (0.179, 0.5, 0.0), "4B": (0.176, 0.6, 0.0), "4A": (0.110, 0.1, 0.2),
    "2B": (0.045, 0.6, 0.0), "2A": (0.035, 0.1, 0.5), "1A": (0.021, 0.1, 0.4), "16A": (0.128, 0.3, 0.0),
    "17A": (0.189, 0.3, 0.0), "18B": (0.202, 0.2, 0.1), "14A": (0.086, 0.0, 0.6), "10A": (0.031, 0.0, 0.6),
    "11A": (0.014, 0.0, 0.4), "13A": (0.027, 0.0, 0.8), "24A": (0.076, 0.0, 0.8), "15A": (0.032, 0.1, 0.1),
    "7A": (0.014, 0.3, 0.0),
}  # fmt: skip
TEEN_FACTORS = frozenset({"2A", "1A", "14A", "10A", "11A", "13A", "24A", "15A"})

_SOURCES = {
    "2A": 0.24,
    "6": 0.28,
    "3E": 0.06,
    "3A": 0.05,
    "3B": 0.06,
    "5A": 0.10,
    "5D": 0.06,
    "1A": 0.08,
    "8": 0.05,
    "10": 0.02,
}


@dataclass(frozen=True)
class Episodes:
    """Episodes of referral and need, sorted by person and start; days, NOT_YET where it has not ended.

    ``plan_start`` is NOT_YET where there was no protection plan; ``factors`` has one column for each of `FACTORS`.
    """

    person: IntArray
    start: IntArray
    end: IntArray
    no_action: BoolArray
    source: IntArray
    need: IntArray
    plan_start: IntArray
    plan_end: IntArray
    factors: BoolArray

    SOURCES = tuple(_SOURCES)
    NEEDS = ("N1", "N2", "N3", "N4", "N5", "N6", "N8")


@dataclass(frozen=True)
class Placements:
    """Placements in care, sorted by person and start. ``period`` numbers the periods of care they make up."""

    person: IntArray
    period: IntArray
    start: IntArray
    end: IntArray
    first: BoolArray
    last: BoolArray


def open_cases(scene: Scene, rng: np.random.Generator) -> tuple[Episodes, Placements]:
    """Draw the episodes and placements that follow from referrals and from needs that led to care."""
    care = _care_periods(scene, rng)
    referred = scene.witnessed("referral", "referral_after")
    # Everyone who comes into care is in need from then on, referred before or not.
    person = np.concatenate([referred.person, care.owner])
    start = np.concatenate([referred.day, care.start])
    into_care = np.repeat([False, True], [len(referred), len(care.owner)])
    no_action = ~into_care & (rng.random(len(person)) < _NO_ACTION)
    spread = rng.standard_gamma(0.7, len(person)) / 0.7
    length = np.where(no_action, _NO_ACTION_DAYS, _NEED_DAYS) * spread + 4
    end = np.where(into_care, np.maximum(_follow_care(care, person, start), start + length), start + length)
    people = scene.borough.people
    grown_up = first_day(people.birth_month[person] + 12 * 18)
    end = np.minimum(np.minimum(end, grown_up), people.to_day[person]).astype(np.int32)
    order = np.lexsort((start, person))
    kept = order[(end > start)[order]]
    kept = kept[apart(person[kept], start[kept], end[kept])]
    person, start, end = person[kept], start[kept], end[kept]
    episodes = Spells(person, start, end, no_action[kept].astype(np.int8))
    return _describe(scene, episodes, rng), _place(scene, care, rng)


def _care_periods(scene: Scene, rng: np.random.Generator) -> Spells:
    """Draw periods of care; one that starts during another is the same."""
    people = scene.borough.people
    care = scene.witnessed("care")
    length = 20 + rng.exponential(_CARE_DAYS, len(care))
    limit = np.minimum(first_day(people.birth_month[care.person] + 12 * 18), people.to_day[care.person])
    end = np.minimum(care.day + length, limit).astype(np.int32)
    order = np.lexsort((care.day, care.person))
    order = order[(end > care.day)[order]]
    person, start, end = care.person[order], care.day[order], end[order]
    kept = apart(person, start, end)
    return Spells(person[kept], start[kept], end[kept], np.zeros(len(kept), np.int32))


def _follow_care(care: Spells, person: IntArray, start: IntArray) -> npt.NDArray[np.integer]:
    """Return, for episodes that begin with care, the day the care ends."""
    key = care.owner.astype(np.int64) * 2**20 + care.start
    place = np.searchsorted(key, person.astype(np.int64) * 2**20 + start)
    place = np.minimum(place, max(len(key) - 1, 0))
    return care.end[place] if len(key) else start


def _describe(scene: Scene, spells: Spells, rng: np.random.Generator) -> Episodes:
    """Give each episode its source, need, factors and, for some, a protection plan; kind 1 is no action."""
    person, start, end, no_action = spells.owner, spells.start, spells.end, spells.kind == 1
    n = len(person)
    home = _adversities(scene, person, start)
    factors = _draw_factors(scene, person, start, home, assessed=~no_action, rng=rng)
    planned = ~no_action & (rng.random(n) < np.minimum(_PLAN * (0.7 + 0.5 * home), 0.9)) & (end - start > 60)
    plan_start = np.where(planned, start + 15 + rng.integers(0, 40, n), NOT_YET)
    plan_end = np.where(planned, np.minimum(plan_start + 60 + rng.exponential(_PLAN_DAYS, n), end), NOT_YET)
    weights = np.array(list(_SOURCES.values()))
    source = np.searchsorted(np.cumsum(weights / weights.sum())[:-1], rng.random(n), side="right")
    need = _draw_need(scene, person, start, home, rng)
    return Episodes(
        person=person,
        start=start,
        end=_unseen(scene, end),
        no_action=no_action,
        source=source,
        need=need,
        plan_start=plan_start.astype(np.int32),
        plan_end=_unseen(scene, plan_end.astype(np.int32)),
        factors=factors,
    )


def _unseen(scene: Scene, end: IntArray) -> IntArray:
    """Return ends, or NOT_YET where they come after the last day."""
    return np.where(end > scene.window.last_day, NOT_YET, end)


def _adversities(scene: Scene, person: IntArray, day: IntArray) -> FloatArray:
    """Return how many adversities ran at home in the month of each day."""
    adversity = scene.borough.adversity
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) - adversity.first_month
    counts: FloatArray = adversity.current[scene.borough.people.household[person], month].astype(np.float32)
    return counts


def _draw_factors(
    scene: Scene,
    person: IntArray,
    day: IntArray,
    home: FloatArray,
    *,
    assessed: BoolArray,
    rng: np.random.Generator,
) -> BoolArray:
    """Draw the factors found at assessment; those of young people themselves need them to be ten or older.

    Whom they are found in follows home and conduct; how often over all assessments is the published share.
    """
    conduct = scene.borough.people.conduct[person]
    older = scene.age_years(person, day) >= 10
    columns = []
    for name, (share, follows, with_conduct) in FACTORS.items():
        relative = (1 - follows + follows * home / 0.8) * np.exp(with_conduct * conduct) * assessed
        if name in TEEN_FACTORS:
            relative = relative * older
        chance = share * relative * (assessed.sum() / max(float(relative.sum()), 1.0))
        columns.append(rng.random(len(person)) < np.minimum(chance, 0.95))
    return np.stack(columns, axis=1)


def _draw_need(
    scene: Scene, person: IntArray, day: IntArray, home: FloatArray, rng: np.random.Generator
) -> IntArray:
    """Draw the primary need: abuse or neglect most often; behaviour only for older children."""
    older = scene.age_years(person, day) >= 10
    behaviour = np.where(older, 0.10 * np.exp(0.5 * scene.borough.people.conduct[person]), 0.0)
    weight = np.stack(
        [0.45 + 0.15 * home, np.full(len(day), 0.10), 0.03 + 0.03 * home, np.full(len(day), 0.12),
         0.15 + 0.05 * home, behaviour, np.full(len(day), 0.03)],
        axis=1,
    )  # fmt: skip
    reach = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    need: IntArray = (rng.random(len(day))[:, None] >= reach[:, :-1]).sum(axis=1).astype(np.int32)
    return need


def _place(scene: Scene, care: Spells, rng: np.random.Generator) -> Placements:
    """Cut each period of care into placements."""
    moves = rng.poisson((care.end - care.start) / _MOVE_DAYS)
    period = np.repeat(np.arange(len(care.owner)), moves + 1)
    offset = np.arange(len(period)) - np.repeat(np.cumsum(moves + 1) - moves - 1, moves + 1)
    length = (care.end - care.start)[period]
    start = care.start[period] + np.where(
        offset == 0, 0, 3 + rng.random(len(period)) * np.maximum(length - 6, 0)
    )
    start = start.astype(np.int32)
    order = np.lexsort((start, period))
    period, start = period[order], start[order]
    end = until_next(period, start, care.end[period])
    kept = end > start
    period, start, end = period[kept], start[kept], end[kept].astype(np.int32)
    first, last = first_of_owner(period), last_of_owner(period)
    return Placements(care.owner[period], period, start, _unseen(scene, end), first, last)
