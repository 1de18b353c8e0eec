"""Police records of victims and suspects, and youth justice cases.

Suspects are recorded by exposure to stop and search; victims are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmodel.simulate.clock import ISO, BoolArray, DayText, FloatArray, IntArray
from riskmodel.simulate.extracts.press import TWICE, KeyRing, Press, named, pick
from riskmodel.simulate.lives import Happenings
from riskmodel.simulate.population import GROUPS
from riskmodel.simulate.recording import Scene, suspect_chance

if TYPE_CHECKING:
    from riskmodel.simulate.extracts.ethnicity import EthnicCodes

_CLASSES = ("VIOLENCE_INJURY", "VIOLENCE_NO_INJURY", "ROBBERY", "SEXUAL", "DOMESTIC", "THEFT", "OTHER")
_OTHER_VICTIM = {"VIOLENCE_NO_INJURY": 0.34, "ROBBERY": 0.22, "SEXUAL": 0.05, "THEFT": 0.27, "OTHER": 0.12}
_VIOLENT = {"VIOLENCE_INJURY": 0.52, "VIOLENCE_NO_INJURY": 0.28, "ROBBERY": 0.20}
_OFFENCES = {"THEFT": 0.35, "OTHER": 0.65}
_DOMESTIC_VICTIM = (
    0.06  # a child is written down as victim at the start of a spell of domestic abuse (assumed)
)
_JUSTICE_VIOLENT = {"VIOLENCE": 0.62, "ROBBERY": 0.25, "WEAPON": 0.13}
_JUSTICE_OTHER = {"DRUGS": 0.46, "THEFT": 0.26, "DAMAGE": 0.16, "OTHER": 0.12}
_GRAVITY = {"VIOLENCE": 4, "ROBBERY": 5, "WEAPON": 3, "DRUGS": 2, "THEFT": 2, "DAMAGE": 2, "OTHER": 2}
_TIERS = ("COMMUNITY_RESOLUTION", "PRE_COURT", "FIRST_TIER", "COMMUNITY", "CUSTODY")
_MISREAD = 0.05  # share of officer-defined groups that differ from the person's own (assumed)
_UNSEEN = 0.03  # share left blank (published stop and search has 2 to 8% blank)
_POLICE_FAULTS = (
    ("incident_date", "31/02/2020"),
    ("role", "WITNESS"),
    ("offence_class", "VIOLENCE_MAYBE"),
    ("recorded_date", "1997-06-01"),
    ("nominal", "P9999999"),
    TWICE,
)
_JUSTICE_FAULTS = (
    ("offence_date", "2018-06-31"),
    ("offence_category", "PARKING"),
    ("ypid", "Y999999"),
    ("recorded_date", "1997-06-01"),
    TWICE,
)


def write_justice(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    severity: FloatArray,
    codes: EthnicCodes,
    rng: np.random.Generator,
) -> None:
    """Write ``police/people.csv`` and ``youth_justice/cases.csv``."""
    suspects = _suspects(scene, rng)
    _write_police(scene, keys, press, suspects=suspects, severity=severity, rng=rng)
    _write_cases(scene, keys, press, suspects=suspects, codes=codes, rng=rng)


def _suspects(scene: Scene, rng: np.random.Generator) -> tuple[Happenings, BoolArray]:
    """Return the acts recorded against someone of ten or over, and which of them are violent."""
    exposure = scene.recording.exposure(scene.borough)
    found = []
    for kind, base in (
        ("violence", scene.recording.suspect_violence),
        ("offence", scene.recording.suspect_offence),
    ):
        acts = scene.witnessed(kind)
        seen = rng.random(len(acts)) < suspect_chance(base, exposure[acts.person])
        found.append(acts.where(seen & (scene.age_years(acts.person, acts.day) >= 10)))
    violent, other = found
    together = Happenings(
        np.concatenate([violent.person, other.person]), np.concatenate([violent.day, other.day])
    )
    return together, np.repeat([True, False], [len(violent), len(other)])


def _victims(scene: Scene, severity: FloatArray, rng: np.random.Generator) -> tuple[Happenings, IntArray]:
    """Return who is recorded as a victim of what: class numbers as in ``_CLASSES``."""
    recording = scene.recording
    harm, other = scene.witnessed("harm"), scene.witnessed("other_victim")
    chance = recording.police_victim_base + recording.police_victim_slope * severity
    hurt = harm.where(rng.random(len(harm)) < chance)
    told = other.where(rng.random(len(other)) < recording.other_victim)
    at_home = _domestic(scene, rng)
    names = list(_OTHER_VICTIM)
    _, index = pick(_OTHER_VICTIM, len(told), rng)
    kinds = np.array([_CLASSES.index(name) for name in names])[index]
    parts = (hurt, told, at_home)
    person, day = (np.concatenate([getattr(part, field) for part in parts]) for field in ("person", "day"))
    what = np.concatenate([np.zeros(len(hurt)), kinds, np.full(len(at_home), _CLASSES.index("DOMESTIC"))])
    return Happenings(person, day), what.astype(np.int32)


def _domestic(scene: Scene, rng: np.random.Generator) -> Happenings:
    """Children recorded when domestic abuse at home comes to police notice."""
    spells, people = scene.borough.adversity.spells, scene.borough.people
    abuse = np.flatnonzero(spells.kind == 0)
    order = np.argsort(people.household, kind="stable")
    starts = np.searchsorted(people.household[order], spells.owner[abuse], side="left")
    ends = np.searchsorted(people.household[order], spells.owner[abuse], side="right")
    counts = ends - starts
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    person = order[np.repeat(starts, counts) + offset].astype(np.int32)
    month = np.repeat(spells.start[abuse], counts)
    day = (
        month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        + rng.integers(0, 28, len(month))
    ).astype(np.int32)
    kept = people.here(person, day) & scene.window.covers(day) & (rng.random(len(person)) < _DOMESTIC_VICTIM)
    return Happenings(person[kept], day[kept])


def _write_police(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    suspects: tuple[Happenings, BoolArray],
    severity: FloatArray,
    rng: np.random.Generator,
) -> None:
    victims, suffered = _victims(scene, severity, rng)
    acts, violent = suspects
    _, blow = pick(_VIOLENT, len(acts), rng)
    _, deed = pick(_OFFENCES, len(acts), rng)
    done = np.where(violent, blow, np.array([_CLASSES.index(name) for name in _OFFENCES])[deed])
    person = np.concatenate([victims.person, acts.person])
    day = np.concatenate([victims.day, acts.day])
    role = np.repeat([0, 1], [len(victims), len(acts)])
    what = np.concatenate([suffered, done])
    recorded = scene.known(day, "POLICE", rng)
    order = np.lexsort((person, recorded))
    order = order[scene.in_time(recorded)[order]]
    text = DayText(ISO)
    columns = {
        "nominal": keys.of("POLICE", person[order]),
        "role": named(("VICTIM", "SUSPECT"), role[order]),
        "offence_class": named(_CLASSES, what[order]),
        "incident_date": text.of(day[order]),
        "ethnicity_officer": named((*GROUPS, ""), seen_group(scene.borough.group[person[order]], rng)),
        "recorded_date": text.of(recorded[order]),
    }
    press.write("police/people.csv", columns, _POLICE_FAULTS)


def seen_group(group: IntArray, rng: np.random.Generator) -> IntArray:
    """Return the group that an officer writes down: mostly the person's own, sometimes wrong or blank."""
    seen = np.where(rng.random(len(group)) < _MISREAD, rng.integers(0, len(GROUPS), len(group)), group)
    return np.where(rng.random(len(group)) < _UNSEEN, len(GROUPS), seen).astype(np.int32)


def _write_cases(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    suspects: tuple[Happenings, BoolArray],
    codes: EthnicCodes,
    rng: np.random.Generator,
) -> None:
    acts, violent = suspects
    under_18 = scene.age_years(acts.person, acts.day) < 18
    chosen = np.flatnonzero(under_18 & (rng.random(len(acts)) < scene.recording.justice_after_suspect))
    person, day, violent = acts.person[chosen], acts.day[chosen], violent[chosen]
    names = (*_JUSTICE_VIOLENT, *_JUSTICE_OTHER)
    _, blow = pick(_JUSTICE_VIOLENT, len(person), rng)
    _, deed = pick(_JUSTICE_OTHER, len(person), rng)
    category = np.where(violent, blow, len(_JUSTICE_VIOLENT) + deed)
    gravity = np.array([_GRAVITY[name] for name in names])[category] + rng.integers(-1, 3, len(person))
    tier = np.clip(np.round(rng.normal(0.55 * gravity - 1.0, 0.9)), 0, 4).astype(np.int32)
    decided = (day + 20 + rng.exponential(50 + 25 * tier)).astype(np.int32)
    recorded = scene.known(decided, "YJ", rng)
    order = np.lexsort((person, recorded))
    order = order[scene.in_time(recorded)[order]]
    text = DayText(ISO)
    columns = {
        "ypid": keys.of("YJ", person[order]),
        "sex": named(("F", "M"), scene.borough.people.male[person[order]].astype(np.int8)),
        "ethnicity": codes.justice(person[order]),
        "offence_category": named(names, category[order]),
        "gravity": np.clip(gravity, 1, 8)[order],
        "offence_date": text.of(day[order]),
        "outcome_tier": named(_TIERS, tier[order]),
        "outcome_date": text.of(decided[order]),
        "recorded_date": text.of(recorded[order]),
    }
    press.write("youth_justice/cases.csv", columns, _JUSTICE_FAULTS)
