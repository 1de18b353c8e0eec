"""Emergency attendances, referrals to child mental health services, and births."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmodel.simulate.clock import ISO, DayText, FloatArray, first_day
from riskmodel.simulate.extracts.press import TWICE, KeyRing, Press, named
from riskmodel.simulate.extracts.versions import versions
from riskmodel.simulate.lives import Happenings
from riskmodel.simulate.recording import Noted

if TYPE_CHECKING:
    from riskmodel.simulate.recording import Scene

# Attendances a year for anything but assault and self-harm, at ages 1 and 10 (assumed; under-5s attend most).
_ACCIDENT = (0.12, 0.07)
_ILLNESS = (0.16, 0.04)
_SHARP = (
    0.02,
    0.17,
)  # assaults with something sharp, girls and boys (fitted: 92 to 94% are male in hospital episodes)
_BLUNT = 0.62  # assaults with something blunt (assumed)
_ADMITTED = 0.06  # admitted after anything but assault (fitted to injury admissions of Waltham Forest)
_SELF_HARM_SEEN = 0.70
_INTENTS = ("ASSAULT", "SELF_HARM", "ACCIDENT", "NONE")
_MECHANISMS = ("", "SHARP", "BLUNT", "OTHER")
_FAULTS = (
    ("arrival_date", "2021-13-05"),
    ("injury_intent", "UNCLEAR"),
    ("recorded_date", "1998-01-01"),  # recorded before it happened
    ("person_key", "H99999999"),
    ("person_key", ""),
    TWICE,
)


def write_health(
    scene: Scene, keys: KeyRing, press: Press, *, severity: FloatArray, rng: np.random.Generator
) -> tuple[Noted, ...]:
    """Write ``health/emergency.csv``, ``health/camhs.csv`` and ``health/births.csv``.

    Parameters
    ----------
    severity : ndarray of shape (n_harms,)
        How bad each witnessed harm was, 0 to 1; the police see the same harm with the same severity.

    Returns
    -------
    tuple of Noted
        What emergency departments recorded of harm and self-harm.
    """
    emergency, camhs, births = rng.spawn(3)
    noted = _write_emergency(scene, keys, press, severity=severity, rng=emergency)
    _write_camhs(scene, keys, press, camhs)
    _write_births(scene, keys, press, births)
    return noted


def _write_emergency(
    scene: Scene, keys: KeyRing, press: Press, *, severity: FloatArray, rng: np.random.Generator
) -> tuple[Noted, ...]:
    harm, self_harm = scene.witnessed("harm"), scene.witnessed("self_harm")
    chance = scene.recording.harm_chance("HEALTH", severity, harm.day)
    assault = rng.random(len(harm)) < chance
    own_chance = _SELF_HARM_SEEN * scene.recording.is_open("HEALTH", self_harm.day)
    hurt = rng.random(len(self_harm)) < own_chance
    everyday = [_everyday(scene, rates, rng) for rates in (_ACCIDENT, _ILLNESS)]
    parts = [harm.where(assault), self_harm.where(hurt), *everyday]
    person = np.concatenate([part.person for part in parts])
    day = np.concatenate([part.day for part in parts])
    intent = np.repeat(np.arange(4), [len(part) for part in parts])
    worse = np.concatenate([0.05 + 0.20 * severity[assault], np.full(len(day) - len(parts[0]), _ADMITTED)])
    admitted = rng.random(len(day)) < worse
    sharp = np.array(_SHARP)[scene.borough.people.male[person].astype(np.int8)]
    draw = rng.random(len(day))
    mechanism = np.where(intent == 0, 1 + (draw >= sharp) + (draw >= sharp + _BLUNT), 0)
    mechanism = np.where(intent == 2, 3, mechanism)
    recorded = scene.known(day, "HEALTH", rng)
    rows = versions(scene, recorded, rng)
    text = DayText(ISO)
    columns = {
        "person_key": keys.of("HEALTH", person[rows.record]),
        "arrival_date": text.of(rows.day(scene, person, day)),
        "injury_intent": named(_INTENTS, rows.code(intent, len(_INTENTS))),
        "mechanism": named(_MECHANISMS, mechanism[rows.record]),
        "disposal": named(("DISCHARGED", "ADMITTED"), admitted[rows.record].astype(np.int8)),
        "recorded_date": text.of(rows.recorded),
        "record_id": keys.numbering.text("H1", rows.number),
    }
    press.write("health/emergency.csv", columns, _FAULTS)
    made = np.split(scene.in_time(recorded), np.cumsum([len(part) for part in parts]))
    return (
        Noted.of("harm", "HEALTH", harm, chance=chance, seen=assault, in_time=made[0]),
        Noted.of("self_harm", "HEALTH", self_harm, chance=own_chance, seen=hurt, in_time=made[1]),
    )


def _everyday(scene: Scene, rates: tuple[float, float], rng: np.random.Generator) -> Happenings:
    """Draw attendances that have nothing to do with violence: more for the youngest."""
    people, window = scene.borough.people, scene.window
    start = np.maximum(people.from_day, window.first_day)
    end = np.minimum(people.to_day, window.last_day + 1)
    young, older = rates
    count = rng.poisson(young * np.maximum(end - start, 0) / 365.25)
    person = np.repeat(np.arange(len(people)), count).astype(np.int32)
    day = (start[person] + rng.random(len(person)) * (end - start)[person]).astype(np.int32)
    age = scene.age_years(person, day)
    rate = np.interp(age, (1, 10), (young, older)) / young
    kept = (rng.random(len(person)) < rate) & scene.recording.is_open("HEALTH", day)
    return Happenings(person[kept], day[kept])


def _write_camhs(scene: Scene, keys: KeyRing, press: Press, rng: np.random.Generator) -> None:
    distress = scene.witnessed("distress", "self_harm")
    asked = distress.where(rng.random(len(distress)) < 0.75)
    day = asked.day + rng.integers(3, 40, len(asked))
    recorded = scene.known(day, "HEALTH", rng)
    kept = np.flatnonzero(
        scene.borough.people.here(asked.person, day) & scene.recording.is_open("HEALTH", day)
    )
    person, day = asked.person[kept], day[kept]
    accepted = (rng.random(len(kept)) < 0.65).astype(np.int8)
    rows = versions(scene, recorded[kept], rng)
    text = DayText(ISO)
    columns = {
        "person_key": keys.of("HEALTH", person[rows.record]),
        "referral_date": text.of(rows.day(scene, person, day)),
        "accepted": rows.code(accepted, 2),
        "recorded_date": text.of(rows.recorded),
        "record_id": keys.numbering.text("H2", rows.number),
    }
    press.write("health/camhs.csv", columns, (("referral_date", "not known"), ("accepted", "7"), TWICE))


def _write_births(scene: Scene, keys: KeyRing, press: Press, rng: np.random.Generator) -> None:
    """Births to households that lived here already; older births reach back before the window."""
    people = scene.borough.people
    born = first_day(people.birth_month)
    person = np.flatnonzero(people.from_day == born).astype(np.int32)
    day = born[person]
    smoking = rng.random(len(person)) < 0.075 * np.exp(0.45 * people.poverty[person])
    small = rng.random(len(person)) < 0.065 * np.exp(0.15 * people.poverty[person] + 0.4 * smoking)
    recorded = (day + 10 + rng.exponential(20, len(person))).astype(np.int32)
    kept = np.flatnonzero(scene.in_time(recorded) & scene.recording.is_open("HEALTH", day))
    facts = (people.young_mother[person], smoking, small)
    flags = [named(("0", "1", ""), np.where(rng.random(len(kept)) < 0.03, 2, fact[kept])) for fact in facts]
    text = DayText(ISO)
    columns = {
        "person_key": keys.of("HEALTH", person[kept]),
        "birth_month": text.of(day[kept]),
        "mother_under_20": flags[0],
        "smoking_in_pregnancy": flags[1],
        "low_birth_weight": flags[2],
        "recorded_date": text.of(recorded[kept]),
    }
    press.write("health/births.csv", columns, (("birth_month", "2031-00-01"), ("person_key", "H99999998")))
