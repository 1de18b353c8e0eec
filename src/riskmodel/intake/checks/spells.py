"""Spells that cannot be: two at once, an end without a start, a plan outside its episode, care after 18."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from riskmodel.intake.checks.findings import Finding, Row, Severity
from riskmodel.intake.checks.views import (
    EventView,
    IntArray,
    Mask,
    SpanView,
    group_numbers,
    reached_before,
)
from riskmodel.intake.checks.words import agency_words, many, percent, spell_words
from riskmodel.tables.days import ALWAYS, DayArray

_EDGE = re.compile(r"(?P<stem>.+?)//(?P<edge>START|END)(//.*)?")
# What can only happen within something else: code or beginning of a code, and the spell around it.
WITHIN = {
    "CSC//CPP//START": "CSC//CIN",
    "CLA//PLACEMENT_MOVE": "CLA//CARE",
    "CLA//MISSING//START": "CLA//CARE",
    "CLA//AWAY//START": "CLA//CARE",
}
_WITHIN_WORDS = {"CLA//PLACEMENT_MOVE": "changes of placement"}
# Law: a child is under 18 (Children Act 1989, section 105).
ENDS_AT_18 = frozenset({"CLA//CARE", "CLA//MISSING", "CLA//AWAY", "CSC//CPP"})
_DAYS_TO_18 = 6575 + 31  # births are known to the month
# Act when this share of the people with such spells, and this many, are touched.
ACT_SHARE, ACT_PEOPLE = 0.05, 10
_FIX = (
    "Ask for the ends to be checked at the source: a period that stops being reported, because a young person left, "
    "never closes."
)


@dataclass(frozen=True)
class _Edges:
    """Starts less ends by spell, person and day, in this order; ``open`` counts spells after each day."""

    stems: list[str]
    stem: IntArray
    subject: IntArray
    day: DayArray
    group: IntArray
    open_before: IntArray
    open_after: IntArray
    orphans: IntArray

    @property
    def last(self) -> Mask:
        """Which rows are the last of their person's spells of a kind."""
        changes: Mask = np.append(self.group[1:] != self.group[:-1], True)
        return changes[: len(self.group)]


def check_spells(events: EventView, *, extract_day: int) -> tuple[list[Finding], list[Row]]:
    """Count spells that overlap themselves, ends without a start, and starts that never end.

    Notes
    -----
    Starts and ends of one day are put in the order that makes fewest faults. A spell that is open at the end of the
    data is no fault, unless a later one of the same person has begun, or it should have ended at 18.
    """
    edges = _edges(events)
    too_old = _open_past_18(edges, events, extract_day=extract_day)
    rows = [_spell_row(edges, number, too_old) for number in range(len(edges.stems))]
    faults = [finding for row in rows for finding in _spell_findings(row)]
    outside = list(_outside(events, edges))
    if not rows:
        return [], []
    if not faults:
        said = "No spell overlaps itself, ends without a start or goes on too long."
        faults = [Finding("spells", "ok", "One spell of a kind at a time, each with its start.", said)]
    return faults + outside, rows


def check_spans(homes: SpanView, observed: SpanView) -> list[Finding]:
    """Return findings about people with two homes at a time, and about others who are observed twice at a time.

    Two homes make two periods of observation, so these people are told of once.
    """
    twice_at_home, twice_observed = _overlapping(homes), _overlapping(observed)
    others = np.setdiff1d(twice_observed, twice_at_home)
    return _span_findings(len(twice_at_home), homes, home=True) + _span_findings(
        len(others), observed, home=False
    )


def _overlapping(spans: SpanView) -> IntArray:
    overlapping = spans.start < reached_before(spans.group, spans.end, none=int(ALWAYS))
    return np.unique(spans.subject[overlapping])


def _span_findings(people: int, spans: SpanView, *, home: bool) -> list[Finding]:
    everyone = len(np.unique(spans.subject))
    check = "residence" if home else "observed_once"
    noun = "home" if home else "period of observation"
    expected = "One home at a time." if home else "Each person is observed once at a time by each agency."
    if not everyone:
        return []
    if not people:
        said = f"No {noun} overlaps another of the same person, among {many(everyone, 'person')}."
        return [Finding(check, "ok", expected, said)]
    share = people / everyone
    found = f"{many(people, 'person')} ({percent(share)}) have more than one {noun} at a time."
    step = (
        "Ask housing to close the earlier address when somebody moves; the latest start counts until then."
        if home
        else "Ask for the overlapping registrations to be merged at the source; the days are counted once."
    )
    agency = "HOME" if home else None
    return [Finding(check, _severity(share, people), expected, found, step, agency=agency, weight=people)]


def _edges(events: EventView) -> _Edges:
    matched = [_EDGE.fullmatch(code) for code in events.codes]
    stems = sorted({match["stem"] for match in matched if match})
    sign = np.array([0 if not m else 1 if m["edge"] == "START" else -1 for m in matched], dtype=np.int64)
    place = np.array([stems.index(m["stem"]) if m else -1 for m in matched], dtype=np.int64)
    chosen = (sign[events.code] != 0) & (events.day != ALWAYS)
    stem, subject, day = place[events.code[chosen]], events.subject[chosen], events.day[chosen]
    order = np.lexsort((day, subject, stem))
    stem, subject, day = stem[order], subject[order], day[order]
    at = np.flatnonzero(np.append(True, np.diff(group_numbers(stem, subject, day)) > 0)[: len(day)])
    net = np.add.reduceat(sign[events.code[chosen]][order], at) if len(at) else np.zeros(0, dtype=np.int64)
    return _open_spells(stems, stem[at], subject[at], day[at], net)


def _open_spells(stems: list[str], stem: IntArray, subject: IntArray, day: DayArray, net: IntArray) -> _Edges:
    """Count open spells after each day: an end without a start does not use up a later start."""
    group = group_numbers(stem, subject)
    total = np.cumsum(net)
    first = np.append(True, group[1:] != group[:-1])[: len(group)]
    base = np.maximum.accumulate(np.where(first, np.arange(len(group)), 0))
    within = total - (total - net)[base] if len(group) else total
    missing = np.maximum(reached_before(group, -within, none=0), 0)
    missing_now = np.maximum(missing, -within)
    after = within + missing_now
    before = np.where(first, 0, np.append(0, after[:-1]))[: len(group)]
    return _Edges(stems, stem, subject, day, group, before, after, missing_now - missing)


def _open_past_18(edges: _Edges, events: EventView, *, extract_day: int) -> Mask:
    subjects, born = events.birth_days()
    limited = np.array([stem in ENDS_AT_18 for stem in edges.stems], dtype=bool)
    if not len(subjects) or not len(edges.stem):
        return np.zeros(len(edges.stem), dtype=bool)
    at = np.minimum(np.searchsorted(subjects, edges.subject), len(subjects) - 1)
    known = subjects[at] == edges.subject
    old = extract_day - born[at].astype(np.int64) > _DAYS_TO_18
    too_old: Mask = edges.last & (edges.open_after > 0) & limited[edges.stem] & known & old
    return too_old


def _spell_row(edges: _Edges, number: int, too_old: Mask) -> Row:
    mine = edges.stem == number
    overlaps = np.maximum(edges.open_after - np.maximum(edges.open_before, 1), 0)[mine]
    subject = edges.subject[mine]
    unended = np.maximum(edges.open_after - 1, 0)[mine & edges.last]
    return {
        "spell": edges.stems[number],
        "agency": edges.stems[number].split("//")[0],
        "people": len(np.unique(subject)),
        "overlaps": int(overlaps.sum()),
        "people_overlapping": len(np.unique(subject[overlaps > 0])),
        "ends_without_start": int(edges.orphans[mine].sum()),
        "people_ends_without_start": len(np.unique(subject[edges.orphans[mine] > 0])),
        "starts_without_end": int(unended.sum()),
        "open_past_18": int(too_old[mine].sum()),
    }


def _spell_findings(row: Row) -> Iterator[Finding]:
    what, agency = spell_words(row["spell"]), row["agency"]
    if row["overlaps"]:
        people = row["people_overlapping"]
        share = people / row["people"]
        found = (
            f"{agency_words(agency)}: {many(row['overlaps'], 'spell')} of {what} began while an earlier one was open "
            f"({many(people, 'person')}, {percent(share)} of those with any)."
        )
        if row["starts_without_end"]:
            found += f" {many(row['starts_without_end'], 'start')} never ended though a later one began."
        expected = f"One spell of {what} at a time."
        yield Finding("spells", _severity(share, people), expected, found, _FIX, agency=agency, weight=people)
    if row["ends_without_start"]:
        people = row["people_ends_without_start"]
        share = people / row["people"]
        found = (
            f"{agency_words(agency)}: {many(row['ends_without_start'], 'end')} of {what} have no start before them "
            f"({many(people, 'person')}, {percent(share)} of those with any)."
        )
        step = (
            "Ask for the rows with the starts: a year's file may be missing, or rows may have been set aside."
        )
        expected = f"Each end of {what} has its start."
        yield Finding("spells", _severity(share, people), expected, found, step, agency=agency, weight=people)
    if row["open_past_18"]:
        people = row["open_past_18"]
        found = f"{agency_words(agency)}: {what} never ended for {many(people, 'person')} over 18."
        step = "Ask for the end dates: these count as still open today."
        expected = f"{what.capitalize()} ends by the 18th birthday."
        severity = _severity(people / row["people"], people)
        yield Finding("spells", severity, expected, found, step, agency=agency, weight=people)


def _outside(events: EventView, edges: _Edges) -> Iterator[Finding]:
    """Yield findings about what happened outside the spell that must be around it."""
    for inner, outer in WITHIN.items():
        chosen = np.array([_is(code, inner) for code in events.codes], dtype=bool)
        if outer not in edges.stems or not chosen.any():
            continue
        rows = chosen[events.code] & (events.day != ALWAYS)
        outside = ~_inside(edges, edges.stems.index(outer), events.subject[rows], events.day[rows])
        agency, around = inner.split("//")[0], spell_words(outer)
        what = _WITHIN_WORDS.get(inner) or f"starts of {spell_words(inner.removesuffix('//START'))}"
        count, total = int(outside.sum()), int(rows.sum())
        expected = f"{what.capitalize()} lie within {around}."
        if not count:
            said = f"All {total:,} {what} lie within {around}."
            yield Finding("within", "ok", expected, said, agency=agency)
            continue
        share = count / total
        found = (
            f"{agency_words(agency)}: {count:,} of {total:,} {what} ({percent(share)}) lie outside {around}."
        )
        step = f"Ask whether {around} are missing from a year's file, or were set aside there."
        severity = _severity(share, count)
        yield Finding("within", severity, expected, found, step, agency=agency, weight=count)


def _is(code: str, beginning: str) -> bool:
    return code == beginning or code.startswith(f"{beginning}//")


def _inside(edges: _Edges, number: int, subject: IntArray, day: DayArray) -> Mask:
    """Return whether a spell was open on each day; its first and last day count."""
    mine = edges.stem == number
    people, known = np.unique(edges.subject[mine], return_inverse=True)
    step, shift = np.int64(1) << 33, np.int64(1) << 31  # days before 1970 are below zero
    keys = known.astype(np.int64) * step + edges.day[mine] + shift
    at = np.minimum(np.searchsorted(people, subject), len(people) - 1)
    wanted = at.astype(np.int64) * step + day + shift
    row = np.searchsorted(keys, wanted, side="right") - 1
    found = np.maximum(row, 0)
    same = (row >= 0) & (keys[found] // step == at) & (people[at] == subject)
    inside: Mask = same & ((edges.open_after[mine][found] > 0) | (edges.day[mine][found] == day))
    return inside


def _severity(share: float, people: int) -> Severity:
    return "act" if share >= ACT_SHARE and people >= ACT_PEOPLE else "look"
