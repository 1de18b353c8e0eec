"""The explanation of one estimate for one young person: what raised it, what lowered it, and what is not known."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.explain.offers import Offer, offers_for
from riskmodel.explain.sentences import sentence
from riskmodel.explain.spec import ExplainSpec
from riskmodel.explain.words import Strength, agency_words, per_thousand, strength_words
from riskmodel.tables.days import NEVER, day_column
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.tables.predictions import Contributions
from riskmodel.tables.records import EventLog

_DAYS = re.compile(r"^(\d+)d$")
_WHOLE_HISTORY = ("in_spell", "spell_days", "days_since_last", "days_since_first", "last")


@dataclass(frozen=True)
class LastEvent:
    """When the last event behind a feature happened, and who recorded it."""

    day: int
    agency: str


@dataclass(frozen=True)
class Factor:
    """One fact about the young person and how it moved the raw score.

    ``last`` is None when no event stands behind the fact (a count of zero, or something not known).
    """

    feature: str
    sentence: str
    concept: str
    agency: str
    contribution: float
    last: LastEvent | None
    safe_to_share: bool


@dataclass(frozen=True)
class ConceptEffect:
    """The summed contribution of one concept, in words of size, with the facts that moved it the same way."""

    concept: str
    contribution: float
    strength: Strength
    factors: tuple[Factor, ...]

    @property
    def safe_to_share(self) -> bool:
        """Whether every fact shown for this concept may stand on a printed page."""
        return all(factor.safe_to_share for factor in self.factors)


@dataclass(frozen=True)
class Person:
    """One cohort row, its estimate, and the words of the outcome.

    Parameters
    ----------
    subject_id : int
        Used to find events; it does not appear in the explanation.
    index_day : int
        Days since 1970-01-01.
    risk, lower, upper : float or None
        Calibrated risk estimate in [0, 1] and its interval; None where the model abstains or has none.
    base_rate : float or None
        Share of the borough's young people with the outcome, or None where it may not be shown.
    outcome_phrase : str
        Past tense, such as "came to harm from violence".
    horizon_days : int
        Length of the outcome's horizon.
    """

    subject_id: int
    index_day: int
    risk: float | None
    lower: float | None
    upper: float | None
    base_rate: float | None
    outcome_phrase: str
    horizon_days: int

    def __post_init__(self) -> None:
        for share in (self.risk, self.lower, self.upper, self.base_rate):
            if share is not None:
                per_thousand(share)


@dataclass(frozen=True)
class PersonExplanation:
    """Everything a page for one young person says; no identifier.

    Parameters
    ----------
    person : Person
    raised, lowered : tuple of ConceptEffect
        Largest first.
    strengths : tuple of Factor
        Facts that speak for protection (direction -1 and present), whatever the model made of them.
    unknown : tuple of str
        Sentences about what the model could not see.
    offers : tuple of Offer
        Support for the needs that the record shows.
    """

    person: Person
    raised: tuple[ConceptEffect, ...]
    lowered: tuple[ConceptEffect, ...]
    strengths: tuple[Factor, ...]
    unknown: tuple[str, ...]
    offers: tuple[Offer, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready record without the subject's identifier."""
        record = asdict(self)
        del record["person"]["subject_id"]
        return record


LastEventOf = Callable[[FeatureInfo], LastEvent | None]


def explain_person(
    person: Person,
    *,
    features: FeatureMatrix,
    contributions: Contributions,
    events: EventLog,
    spec: ExplainSpec,
) -> PersonExplanation:
    """Explain one estimate.

    Parameters
    ----------
    person : Person
    features : FeatureMatrix
        One row: the person's, at the index date.
    contributions : Contributions
        One row: how each feature the model uses moved the raw score from its base.
    events : EventLog
        Read only as it was visible at the index date.
    spec : ExplainSpec

    Raises
    ------
    ValueError
        If features and contributions do not have exactly one row each.
    """
    if len(features) != 1 or contributions.values.shape[0] != 1:
        raise ValueError("an explanation is about one row")
    last_of = _last_event_finder(events, subject_id=person.subject_id, index_day=person.index_day)
    values = dict(zip(features.names, (float(v) for v in features.values[0]), strict=True))
    infos = {info.name: info for info in features.infos}
    factors = [
        _factor(infos[name], values[name], float(effect), last_of)
        for name, effect in zip(contributions.names, contributions.values[0], strict=True)
    ]
    effects = _concept_effects(factors, spec)
    raised = tuple(one for one in effects if one.contribution > 0)[: spec.top]
    used = [infos[name] for name in contributions.names]
    return PersonExplanation(
        person=person,
        raised=raised,
        lowered=tuple(one for one in effects if one.contribution < 0)[: spec.top],
        strengths=_strengths(factors, infos, values, spec),
        unknown=_unknown(used, values),
        offers=offers_for(one.concept for one in raised if one.safe_to_share and _recorded(one, values)),
    )


def _factor(info: FeatureInfo, value: float, effect: float, last_of: LastEventOf) -> Factor:
    nothing = math.isnan(value) or value == 0
    return Factor(
        feature=info.name,
        sentence=sentence(info, value),
        concept=info.concept,
        agency=agency_words(info.agency),
        contribution=effect,
        last=None if nothing else last_of(info),
        safe_to_share=info.safe_to_share,
    )


def _concept_effects(factors: Sequence[Factor], spec: ExplainSpec) -> list[ConceptEffect]:
    concepts = dict.fromkeys(factor.concept for factor in factors)
    members = {concept: [f for f in factors if f.concept == concept] for concept in concepts}
    totals = {concept: math.fsum(f.contribution for f in group) for concept, group in members.items()}
    movement = math.fsum(abs(total) for total in totals.values())
    ordered = sorted(concepts, key=lambda concept: (-abs(totals[concept]), concept))
    return [
        ConceptEffect(
            concept=concept,
            contribution=totals[concept],
            strength=strength_words(abs(totals[concept]) / movement),
            factors=_same_way(members[concept], totals[concept], spec.factors_per_concept),
        )
        for concept in ordered
        if totals[concept] != 0
    ]


def _same_way(factors: Sequence[Factor], total: float, count: int) -> tuple[Factor, ...]:
    same = [factor for factor in factors if factor.contribution * total > 0]
    return tuple(sorted(same, key=lambda factor: (-abs(factor.contribution), factor.feature))[:count])


def _strengths(
    factors: Sequence[Factor],
    infos: Mapping[str, FeatureInfo],
    values: Mapping[str, float],
    spec: ExplainSpec,
) -> tuple[Factor, ...]:
    """Protective and present; one a concept, so that three windows of one fact do not read as three strengths."""
    present = [
        f for f in factors if _protective(infos[f.feature]) and values[f.feature] > 0 and f.contribution <= 0
    ]
    ordered = sorted(present, key=lambda factor: (factor.contribution, factor.feature))
    first: dict[str, Factor] = {}
    for factor in ordered:
        first.setdefault(factor.concept, factor)
    return tuple(first.values())[: spec.top]


def _protective(info: FeatureInfo) -> bool:
    # That something bad happened long ago lowers an estimate, but nobody would call it a strength.
    return info.direction < 0 and not info.aggregation.startswith("days_since")


def _recorded(effect: ConceptEffect, values: Mapping[str, float]) -> bool:
    """Whether a concept rests on something recorded: what is not known, or did not happen, is no need."""
    return any(values[factor.feature] > 0 for factor in effect.factors)


def _unknown(used: Sequence[FeatureInfo], values: Mapping[str, float]) -> tuple[str, ...]:
    # "Days since" is empty for everyone to whom the thing never happened, so it says nothing about what is missing.
    facts = [info for info in used if not info.aggregation.startswith("days_since")]
    sentences = []
    for agency in dict.fromkeys(info.agency for info in facts):
        group = [info for info in facts if info.agency == agency]
        missing = sum(math.isnan(values[info.name]) for info in group)
        words = agency_words(agency)
        if missing == len(group):
            sentences.append(
                f"Nothing could be read from {words}. This may be because nobody there would have known."
            )
        elif missing:
            sentences.append(
                f"Part of what {words} may know could not be read: {missing} of {len(group)} facts."
            )
    return tuple(sentences)


def _last_event_finder(events: EventLog, *, subject_id: int, index_day: int) -> LastEventOf:
    visible = _visible_events(events, subject_id=subject_id, index_day=index_day)

    def _last_of(info: FeatureInfo) -> LastEvent | None:
        start = index_day - _window_days(info)
        fitting = [
            (day, agency) for day, code, agency in visible if day >= start and _matches(code, info.codes)
        ]
        return LastEvent(*max(fitting)) if fitting else None

    return _last_of


def _visible_events(events: EventLog, *, subject_id: int, index_day: int) -> list[tuple[int, str, str]]:
    """Day, code and agency of what could be read on the index date: known before it, not replaced before it."""
    table = events.table.filter(
        pc.equal(events.table.column("subject_id"), pa.scalar(subject_id, pa.int64()))
    )
    time = day_column(table.column("time"), null=NEVER)
    known = day_column(table.column("known_time"), null=NEVER)
    superseded = day_column(table.column("superseded_time"), null=NEVER)
    rows = np.flatnonzero((time < index_day) & (known < index_day) & (superseded >= index_day))
    codes, agencies = (table.column(name).to_pylist() for name in ("code", "agency"))
    return [(int(time[row]), codes[row], agencies[row]) for row in rows]


def _window_days(info: FeatureInfo) -> float:
    found = _DAYS.match(info.window)
    # A spell that lasts into the window may have begun long before it.
    return math.inf if found is None or info.aggregation in _WHOLE_HISTORY else int(found[1])


def _matches(code: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(code, pattern) for pattern in patterns)
