"""The explanation of one estimate for one young person: what raised it, what lowered it, and what is not known."""

from __future__ import annotations

import json
import math
from collections import Counter
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
from riskmodel.features.visible import BIRTH
from riskmodel.features.windows import read_window
from riskmodel.tables.days import NEVER, day_column
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.tables.predictions import Contributions
from riskmodel.tables.records import EventLog

_OF_SPELLS = ("in_spell", "spell_days")
# While one of these lasts, a social worker is allocated: plan, child in need, care.
_ALLOCATED = (
    ("CSC//CPP//START//*", "CSC//CPP//END"),
    ("CSC//CIN//START", "CSC//CIN//END"),
    ("CLA//CARE//START", "CLA//CARE//END"),
)
BLANKS = "Blank records also moved the estimate; a blank is not a fact about the young person."


@dataclass(frozen=True)
class LastEvent:
    """When the last event behind a feature happened, and who recorded it.

    ``ongoing`` says that the fact has held since that day, as a plan or a place in care does until it ends.
    """

    day: int
    agency: str
    ongoing: bool = False


@dataclass(frozen=True)
class Factor:
    """One known fact about the young person that may be printed, and how it moved the raw score.

    ``last`` is None when no event stands behind the fact (a count of zero).
    """

    feature: str
    sentence: str
    concept: str
    agency: str
    contribution: float
    last: LastEvent | None


@dataclass(frozen=True)
class ConceptEffect:
    """The summed contribution of one concept, in words of size, with the facts that moved it the same way."""

    concept: str
    contribution: float
    strength: Strength
    factors: tuple[Factor, ...]


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
    """Everything a page for one young person says; no identifier, and no fact that is not safe to share.

    Parameters
    ----------
    person : Person
    raised, lowered : tuple of ConceptEffect
        Largest first. They rest on known facts that may be printed; what raised the estimate is present as well.
    strengths : tuple of Factor
        Facts that speak for protection (direction -1 and present), whatever the model made of them.
    unknown : tuple of str
        Sentences about what the model could not see.
    offers : tuple of Offer
        Support for the needs that the record shows.
    social_care_now : bool
        Whether a child protection plan, a child in need plan or care lasts at the index date.
    """

    person: Person
    raised: tuple[ConceptEffect, ...]
    lowered: tuple[ConceptEffect, ...]
    strengths: tuple[Factor, ...]
    unknown: tuple[str, ...]
    offers: tuple[Offer, ...]
    social_care_now: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready record without the subject's identifier."""
        record = asdict(self)
        del record["person"]["subject_id"]
        return record


LastEventOf = Callable[[FeatureInfo], LastEvent | None]
VisibleEvent = tuple[int, str, str]


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
    visible = _visible_events(events, subject_id=person.subject_id, index_day=person.index_day)
    last_of = _last_event_finder(visible, index_day=person.index_day)
    values = dict(zip(features.names, (float(v) for v in features.values[0]), strict=True))
    infos = {info.name: info for info in features.infos}
    moved = dict(zip(contributions.names, map(float, contributions.values[0]), strict=True))
    used = [infos[name] for name in moved if infos[name].safe_to_share]
    telling = _telling_codes(features.infos, visible)
    facts = [
        _factor(info, values[info.name], moved[info.name], last_of)
        for info in used
        if not math.isnan(values[info.name]) and not any(_matches(code, info.codes) for code in telling)
    ]
    reasons = [fact for fact in facts if fact.contribution < 0 or values[fact.feature] != 0]
    movement = _movement(reasons, moved)
    effects = _concept_effects(reasons, movement, spec)
    raised = tuple(one for one in effects if one.contribution > 0)[: spec.top]
    needs = {fact.concept for fact in reasons if _is_need(fact, infos[fact.feature], values[fact.feature])}
    return PersonExplanation(
        person=person,
        raised=raised,
        lowered=tuple(one for one in effects if one.contribution < 0)[: spec.top],
        strengths=_strengths(facts, infos, values, spec),
        unknown=_unknown(used, values, moved, estimated=person.risk is not None),
        offers=offers_for(one.concept for one in raised if one.concept in needs),
        social_care_now=any(_open_since(visible, codes) for codes in _ALLOCATED),
    )


def _telling_codes(infos: Sequence[FeatureInfo], visible: Sequence[VisibleEvent]) -> set[str]:
    """Codes in this record that some feature keeps from the page: a wider fact about them would give them away."""
    kept_back = [code for info in infos if not info.safe_to_share for code in info.codes]
    return {code for _day, code, _agency in visible if _matches(code, kept_back)}


def _factor(info: FeatureInfo, value: float, effect: float, last_of: LastEventOf) -> Factor:
    return Factor(
        feature=info.name,
        sentence=sentence(info, value),
        concept=info.concept,
        agency=agency_words(info.agency),
        contribution=effect,
        last=None if value == 0 else last_of(info),
    )


def _movement(reasons: Sequence[Factor], moved: Mapping[str, float]) -> float:
    """How far the estimate was moved in all: by concepts that may be named, and by all that may not be a reason."""
    left_out = set(moved) - {fact.feature for fact in reasons}
    unnamed = math.fsum(abs(moved[name]) for name in left_out)
    return unnamed + math.fsum(abs(total) for total in _totals(reasons).values())


def _totals(factors: Sequence[Factor]) -> dict[str, float]:
    concepts = dict.fromkeys(factor.concept for factor in factors)
    return {
        concept: math.fsum(one.contribution for one in factors if one.concept == concept)
        for concept in concepts
    }


def _concept_effects(factors: Sequence[Factor], movement: float, spec: ExplainSpec) -> list[ConceptEffect]:
    totals = _totals(factors)
    return [
        ConceptEffect(
            concept=concept,
            contribution=totals[concept],
            strength=strength_words(abs(totals[concept]) / movement),
            factors=_same_way(
                [factor for factor in factors if factor.concept == concept],
                totals[concept],
                spec.factors_per_concept,
            ),
        )
        for concept in sorted(totals, key=lambda concept: (-abs(totals[concept]), concept))
        if totals[concept] != 0
    ]


def _same_way(factors: Sequence[Factor], total: float, count: int) -> tuple[Factor, ...]:
    """Facts that moved the estimate this way, largest first; one a stem: windows of one fact tell of the same events."""
    same = [factor for factor in factors if factor.contribution * total > 0]
    first: dict[str, Factor] = {}
    for factor in sorted(same, key=lambda factor: (-abs(factor.contribution), factor.feature)):
        first.setdefault(factor.feature.partition("__")[0], factor)
    return tuple(first.values())[:count]


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
    # That something bad happened long ago, or a place on a scale, may lower an estimate; nobody would call it a strength.
    return info.direction < 0 and info.aggregation not in ("days_since_last", "days_since_first", "last")


def _is_need(fact: Factor, info: FeatureInfo, value: float) -> bool:
    """Whether a fact shows a need: present, and on the evidence a risk; what did not happen is no need."""
    return fact.contribution > 0 and value > 0 and info.direction > 0


def _unknown(
    used: Sequence[FeatureInfo],
    values: Mapping[str, float],
    moved: Mapping[str, float],
    *,
    estimated: bool,
) -> tuple[str, ...]:
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
    if estimated and any(math.isnan(values[info.name]) and moved[info.name] != 0 for info in used):
        sentences.append(BLANKS)
    return tuple(sentences)


def _last_event_finder(visible: Sequence[VisibleEvent], *, index_day: int) -> LastEventOf:
    births = [day for day, code, _agency in visible if _matches(code, BIRTH)]
    born = births[-1] if births else int(NEVER)

    def _last_of(info: FeatureInfo) -> LastEvent | None:
        if not visible:
            return None
        since = _open_since(visible, info.codes) if info.aggregation in _OF_SPELLS else None
        if since is not None:
            return since
        details = json.loads(info.details or "{}")
        if details.keys() & {"value_least", "value_below"}:
            return None  # which of the events had such a value is not known here
        recorded_by = details.get("recorded_by")
        low, high = read_window(info.window).bounds(index_day, born)
        # A spell that lasts into the window may have begun long before it.
        low = -math.inf if info.aggregation in _OF_SPELLS else low
        fitting = [
            (day, agency)
            for day, code, agency in visible
            if low <= day < high and _matches(code, info.codes) and agency in (recorded_by or (agency,))
        ]
        return LastEvent(*max(fitting)) if fitting else None

    return _last_of


def _open_since(visible: Sequence[VisibleEvent], codes: Sequence[str]) -> LastEvent | None:
    """Find the start of the spell that lasts, counted as ``in_spell`` counts; None without one or without an end code."""
    ends = [code for code in codes if code.endswith("//END")]
    starts = [code for code in codes if code not in ends]
    change: Counter[int] = Counter()
    for day, code, _agency in visible:
        change[day] += _matches(code, starts) - _matches(code, ends)
    depth, since = 0, None
    for day in sorted(change):
        depth = max(0, depth + change[day])
        since = None if depth == 0 else day if since is None else since
    if since is None or not ends:
        return None
    began = (agency for day, code, agency in visible if day == since and _matches(code, starts))
    return LastEvent(since, min(began), ongoing=True)


def _visible_events(events: EventLog, *, subject_id: int, index_day: int) -> list[VisibleEvent]:
    """Day, code and agency of what could be read on the index date, in the order in which it became known."""
    table = events.table.filter(
        pc.equal(events.table.column("subject_id"), pa.scalar(subject_id, pa.int64()))
    )
    time = day_column(table.column("time"), null=NEVER)
    known = day_column(table.column("known_time"), null=NEVER)
    superseded = day_column(table.column("superseded_time"), null=NEVER)
    rows = np.flatnonzero((time < index_day) & (known < index_day) & (superseded >= index_day))
    rows = rows[np.lexsort((time[rows], known[rows]))]
    codes, agencies = (table.column(name).to_pylist() for name in ("code", "agency"))
    return [(int(time[row]), codes[row], agencies[row]) for row in rows]


def _matches(code: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(code, pattern) for pattern in patterns)
