"""Police records of victims and suspects, and youth justice cases.

Suspects are recorded by exposure to stop and search; victims are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from riskmodel.simulate.clock import ISO, BoolArray, DayText, FloatArray, IntArray
from riskmodel.simulate.extracts.press import TWICE, KeyRing, Press, named, pick
from riskmodel.simulate.extracts.versions import versions
from riskmodel.simulate.lives import Happenings
from riskmodel.simulate.population import GROUPS
from riskmodel.simulate.recording import Noted, Scene, suspect_chance

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
_ACT_KINDS = (("violence", True), ("offence", False))
_MISREAD = 0.05  # share of officer-defined groups that differ from the person's own (assumed)
_UNSEEN = 0.03  # share left blank (published stop and search has 2 to 8% blank)
_POLICE_FAULTS = (
    ("incident_date", "31/02/2020"),
    ("role", "WITNESS"),
    ("offence_class", "VIOLENCE_MAYBE"),
    ("recorded_date", "1997-06-01"),
    ("nominal", "P99999999"),
    ("nominal", ""),
    TWICE,
)
_JUSTICE_FAULTS = (
    ("offence_date", "2018-06-31"),
    ("offence_category", "PARKING"),
    ("ypid", "Y99999999"),
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
) -> tuple[Noted, ...]:
    """Write ``police/people.csv`` and ``youth_justice/cases.csv``; return what they recorded of true events."""
    luck, police, court = rng.spawn(3)
    acts = _acts(scene, luck)
    noted = _write_police(scene, keys, press, acts=acts, severity=severity, rng=police)
    return *noted, *_write_cases(scene, keys, press, acts=acts, codes=codes, rng=court)


@dataclass(frozen=True)
class _Acts:
    """Everything done by young people, violence first, and what the police may know of it."""

    done: Happenings
    violent: BoolArray
    chance: FloatArray
    seen: BoolArray

    @property
    def recorded(self) -> Happenings:
        """The acts recorded against somebody."""
        return self.done.where(self.seen)


def _acts(scene: Scene, rng: np.random.Generator) -> _Acts:
    """Draw which acts are recorded against a suspect of ten or over."""
    recording = scene.recording
    exposure = recording.exposure(scene.borough)
    violence, offence = scene.witnessed("violence"), scene.witnessed("offence")
    done = _together(violence, offence)
    violent = np.repeat([True, False], [len(violence), len(offence)])
    base = np.where(violent, recording.suspect_violence, recording.suspect_offence).astype(np.float32)
    able = (scene.age_years(done.person, done.day) >= 10) & recording.is_open("POLICE", done.day)
    chance = suspect_chance(base, exposure[done.person]) * able
    return _Acts(done, violent, chance, rng.random(len(done)) < chance)


def _together(*parts: Happenings) -> Happenings:
    return Happenings(
        np.concatenate([part.person for part in parts]), np.concatenate([part.day for part in parts])
    )


@dataclass(frozen=True)
class _Victims:
    """Who is recorded as a victim of what (class numbers as in ``_CLASSES``): harm, other crime, abuse at home."""

    parts: tuple[Happenings, Happenings, Happenings]
    what: IntArray
    chances: tuple[FloatArray, FloatArray]
    seen: tuple[BoolArray, BoolArray]


def _victims(
    scene: Scene, harm: Happenings, other: Happenings, *, severity: FloatArray, rng: np.random.Generator
) -> _Victims:
    """Draw which harm and which other crime suffered the police get to know."""
    recording = scene.recording
    chances = (
        recording.harm_chance("POLICE", severity, harm.day),
        recording.other_victim * recording.is_open("POLICE", other.day),
    )
    seen = (rng.random(len(harm)) < chances[0], rng.random(len(other)) < chances[1])
    hurt, told, at_home = harm.where(seen[0]), other.where(seen[1]), _domestic(scene, rng)
    names = list(_OTHER_VICTIM)
    _, index = pick(_OTHER_VICTIM, len(told), rng)
    kinds = np.array([_CLASSES.index(name) for name in names])[index]
    what = np.concatenate([np.zeros(len(hurt)), kinds, np.full(len(at_home), _CLASSES.index("DOMESTIC"))])
    return _Victims((hurt, told, at_home), what.astype(np.int32), chances, seen)


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
    kept &= scene.recording.is_open("POLICE", day)
    return Happenings(person[kept], day[kept])


def _write_police(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    acts: _Acts,
    severity: FloatArray,
    rng: np.random.Generator,
) -> tuple[Noted, ...]:
    harm, other = scene.witnessed("harm"), scene.witnessed("other_victim")
    victims = _victims(scene, harm, other, severity=severity, rng=rng)
    suspects = acts.recorded
    _, blow = pick(_VIOLENT, len(suspects), rng)
    _, deed = pick(_OFFENCES, len(suspects), rng)
    other_deed = np.array([_CLASSES.index(name) for name in _OFFENCES])[deed]
    parts = [*victims.parts, suspects]
    events = _together(*parts)
    role = np.repeat([0, 0, 0, 1], [len(part) for part in parts])
    what = np.concatenate([victims.what, np.where(acts.violent[acts.seen], blow, other_deed)])
    recorded = scene.known(events.day, "POLICE", rng)
    seen_as = seen_group(scene.borough.group[events.person], rng)
    rows = versions(scene, recorded, rng)
    text = DayText(ISO)
    columns = {
        "nominal": keys.of("POLICE", events.person[rows.record]),
        "role": named(("VICTIM", "SUSPECT"), role[rows.record]),
        "offence_class": named(_CLASSES, rows.code(what, len(_CLASSES))),
        "incident_date": text.of(rows.day(scene, events.person, events.day)),
        "ethnicity_officer": named((*GROUPS, ""), seen_as[rows.record]),
        "recorded_date": text.of(rows.recorded),
        "record_id": keys.numbering.text("P1", rows.number),
    }
    press.write("police/people.csv", columns, _POLICE_FAULTS)
    made = np.split(scene.in_time(recorded), np.cumsum([len(part) for part in parts]))
    victim_kinds = zip(
        ("harm", "other_victim"), (harm, other), victims.chances, victims.seen, made, strict=False
    )
    return (
        *(
            Noted.of(kind, "POLICE", events, chance=chance, seen=seen, in_time=in_time)
            for kind, events, chance, seen, in_time in victim_kinds
        ),
        *_noted_acts("POLICE", acts, chance=acts.chance, seen=acts.seen, in_time=made[3]),
    )


def _noted_acts(
    agency: str, acts: _Acts, *, chance: FloatArray, seen: BoolArray, in_time: BoolArray
) -> tuple[Noted, ...]:
    """Return what an agency noted of violence and of other offences."""
    both = Noted.of("violence", agency, acts.done, chance=chance, seen=seen, in_time=in_time)
    return tuple(both.where(kind, acts.violent == is_violent) for kind, is_violent in _ACT_KINDS)


def seen_group(group: IntArray, rng: np.random.Generator) -> IntArray:
    """Return the group that an officer writes down: mostly the person's own, sometimes wrong or blank."""
    seen = np.where(rng.random(len(group)) < _MISREAD, rng.integers(0, len(GROUPS), len(group)), group)
    return np.where(rng.random(len(group)) < _UNSEEN, len(GROUPS), seen).astype(np.int32)


def _write_cases(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    acts: _Acts,
    codes: EthnicCodes,
    rng: np.random.Generator,
) -> tuple[Noted, ...]:
    recording = scene.recording
    open_then = recording.is_open("YJ", acts.done.day)
    taken = (
        recording.justice_after_suspect * (scene.age_years(acts.done.person, acts.done.day) < 18) * open_then
    )
    seen = acts.seen & (rng.random(len(acts.done)) < taken)
    person, day, violent = acts.done.person[seen], acts.done.day[seen], acts.violent[seen]
    names = (*_JUSTICE_VIOLENT, *_JUSTICE_OTHER)
    _, blow = pick(_JUSTICE_VIOLENT, len(person), rng)
    _, deed = pick(_JUSTICE_OTHER, len(person), rng)
    category = np.where(violent, blow, len(_JUSTICE_VIOLENT) + deed)
    gravity = np.array([_GRAVITY[name] for name in names])[category] + rng.integers(-1, 3, len(person))
    tier = np.clip(np.round(rng.normal(0.55 * gravity - 0.8, 0.9)), 0, 4).astype(np.int32)
    decided = (day + 20 + rng.exponential(50 + 25 * tier)).astype(np.int32)
    recorded = scene.known(decided, "YJ", rng)
    rows = versions(scene, recorded, rng)
    text = DayText(ISO)
    columns = {
        "ypid": keys.of("YJ", person[rows.record]),
        "sex": named(("F", "M"), scene.borough.people.male[person[rows.record]].astype(np.int8)),
        "ethnicity": codes.justice(person[rows.record]),
        "offence_category": named(names, rows.code(category, len(names))),
        "gravity": np.clip(gravity, 1, 8)[rows.record],
        "offence_date": text.of(rows.day(scene, person, day)),
        "outcome_tier": named(_TIERS, tier[rows.record]),
        "outcome_date": text.of(decided[rows.record]),
        "recorded_date": text.of(rows.recorded),
        "record_id": keys.numbering.text("Y1", rows.number),
    }
    press.write("youth_justice/cases.csv", columns, _JUSTICE_FAULTS)
    return _noted_acts("YJ", acts, chance=acts.chance * taken, seen=seen, in_time=scene.in_time(recorded))
