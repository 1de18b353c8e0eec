"""What was on record of each row before each day on which support might have been offered to it.

Follow-up runs from the index date to the outcome, to the first offer of support, or to the horizon. It is cut wherever the recent
record changes, so that within a stretch of days nothing changes but the date: what a rate of offers then needs is the number of days.
A day's record holds what happened before that day, never on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from riskmodel.features import first_in_horizon
from riskmodel.features.visible import select_events
from riskmodel.policy import BARRED
from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray, IntArray, Labels
from riskmodel.tables.days import ALWAYS, NEVER, day_column
from riskmodel.tables.records import EventLog
from riskmodel.tables.words import indices, words

LAGS = (0, 7, 28, 91)
"""Recent means up to so many days ago, in these steps."""

CLOSE_LAGS = (0, 4, 8, 12, 16, 20, 24, 28, 91)
"""The steps of a kind of event, such as a referral, that most offers follow: there the chance of an offer changes from day to day."""

_SCREEN = 28  # days before an offer in which a kind of event must be more common than at other times
_MOST_OFFERS = 0.25  # the share of offers from which a kind has the close steps
_MOST_KINDS = 10
_FEWEST = 10  # offers that a kind must have come before
_CLEAR = 2.0  # standard errors by which there must be more of them than by chance
_SPAN = np.int64(2**22)

_Spans = tuple[IntArray, IntArray, IntArray]  # row, first day, day after the last


@dataclass(frozen=True)
class FollowUp:
    """How long each row was followed until support was first offered to it, or could no longer matter.

    Parameters
    ----------
    start, end : ndarray of int64, shape (n,)
        Days; the last one is the day before ``end``. Empty for rows whose outcome could not be seen.
    offered : ndarray of bool, shape (n,)
        Whether an offer ended it. An offer on the day of the outcome, or later, could not change it.
    """

    start: IntArray
    end: IntArray
    offered: BoolArray

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True)
class Stretches:
    """Stretches of days on which one row's record said the same.

    Parameters
    ----------
    row : ndarray of int64, shape (m,)
        Sorted.
    start : ndarray of int64, shape (m,)
        Days since the index date.
    days : ndarray of float64, shape (m,)
        The day of an offer counts as half a day.
    offered : ndarray of bool, shape (m,)
        Whether support was offered on its last day.
    spans : tuple of ndarray of int64
        For each column of the recent record, the stretches in which the last event of a kind was so many days ago.
    names : tuple of str
        Kind of event and days ago, such as ``EDU//SUSPENSION 8-28``.
    close : tuple of int
        Columns of earlier offers, and of kinds that most offers follow: they may all but decide on an offer.
    soon : ndarray of bool, shape (m,)
        Stretches in the four weeks after an event of a kind that most offers follow.
    """

    row: IntArray
    start: IntArray
    days: FloatArray
    offered: BoolArray
    spans: tuple[IntArray, ...]
    names: tuple[str, ...]
    close: tuple[int, ...]
    soon: BoolArray

    def __len__(self) -> int:
        return len(self.row)


def follow_up(
    log: EventLog, cohort: Cohort, labels: Labels, *, offers: Sequence[str], horizon: int
) -> FollowUp:
    """Follow each row until the outcome, the first offer of support, or the horizon, whichever comes first.

    Parameters
    ----------
    log : EventLog
    cohort : Cohort
    labels : Labels
        Of the outcome, aligned with the cohort.
    offers : sequence of str
        Patterns of the codes of an offer.
    horizon : int
        Days.
    """
    start = cohort.index_day.astype(np.int64)
    first = first_in_horizon(select_events(log, tuple(offers)), cohort, horizon=horizon, as_of=int(NEVER))
    until = np.where(labels.outcome == 1, labels.first_day, start + horizon)
    known = labels.weight > 0
    offered = known & (first < until)
    end = np.where(offered, first.astype(np.int64) + 1, until)
    return FollowUp(start, np.where(known, end, start), offered)


@dataclass(frozen=True)
class _Pairs:
    """Events that a row's record held while it was followed."""

    row: IntArray
    day: IntArray
    kind: IntArray
    kinds: tuple[str, ...]

    def of(self, kind: int) -> _Pairs:
        own = self.kind == kind
        return _Pairs(self.row[own], self.day[own], self.kind[own], self.kinds)


def stretches(
    log: EventLog, cohort: Cohort, follow: FollowUp, *, offers: Sequence[str], cut: int
) -> Stretches:
    """Cut follow-up where the recent record changes.

    Which kinds of event count is read from the data: those more common in the four weeks before an offer than at other times,
    the clearest ten; earlier offers always do. A kind is the first two parts of a code. What may never be a feature is left out here too.

    Parameters
    ----------
    log : EventLog
    cohort : Cohort
    follow : FollowUp
        Aligned with the cohort.
    offers : sequence of str
        Patterns of the codes of an offer.
    cut : int
        Days after the index date at which every follow-up is cut as well.
    """
    pairs = _pairs(log, cohort, follow)
    before, own = _kinds_before_offers(pairs, follow), _kinds_of(pairs.kinds, offers)
    kept = {**dict.fromkeys(own, LAGS), **before}
    columns = [(one, low, high) for one, lags in kept.items() for low, high in pairwise(lags)]
    found = [_last_of_kind(pairs, one, follow, low, high) for one, low, high in columns]
    key = _cuts(found, follow, cut)
    inside = [_inside(key, *one) for one in found]
    soon = np.zeros(len(key), dtype=np.bool_)
    for (one, _, high), where in zip(columns, inside, strict=True):
        soon[where] |= kept[one] == CLOSE_LAGS and high <= _SCREEN
    row, start = key // _SPAN, key % _SPAN
    last = np.append(row[1:], -1) != row
    days = np.where(last, (follow.end - follow.start)[row], np.append(start[1:], 0)) - start
    offered = last & follow.offered[row]
    return Stretches(
        row,
        start,
        days - 0.5 * offered,
        offered,
        tuple(inside),
        tuple(f"{pairs.kinds[one]} {low + 1}-{high}" for one, low, high in columns),
        tuple(i for i, (one, *_) in enumerate(columns) if one in own or kept[one] == CLOSE_LAGS),
        soon,
    )


def _pairs(log: EventLog, cohort: Cohort, follow: FollowUp) -> _Pairs:
    """Join events to the rows of their subject, from the longest lag before the index date to the day before the last."""
    earliest = int(follow.start.min()) - LAGS[-1]
    subject, day, kind, kinds = _events(log, first=earliest, last=int(follow.end.max()))
    people = np.unique(subject)
    key = np.searchsorted(people, subject) * _SPAN + day - earliest
    order = np.argsort(key, kind="stable")
    at = np.searchsorted(people, cohort.subject_id) * _SPAN - earliest
    mine = np.isin(cohort.subject_id, people)
    low = np.searchsorted(key[order], at + follow.start - LAGS[-1])
    high = np.searchsorted(key[order], at + follow.end - 1)
    count = np.where(mine, np.maximum(high - low, 0), 0)
    row = np.repeat(np.arange(len(follow)), count)
    where = order[_ranges(low, count)]
    return _Pairs(row, day[where], kind[where], kinds)


def _events(log: EventLog, *, first: int, last: int) -> tuple[IntArray, IntArray, IntArray, tuple[str, ...]]:
    """Return subject, day and kind of the events in a span of days that were not replaced by a correction."""
    table = log.table
    day = day_column(table.column("time"), null=ALWAYS)
    replaced = day_column(table.column("superseded_time"), null=NEVER) != NEVER
    coded = words(table.column("code"))
    barred = np.array([any(rule.pattern.search(one) for rule in BARRED) for one in coded], dtype=np.bool_)
    code = indices(table.column("code"))
    inside = (day >= first) & (day < last) & ~replaced & (~barred[code] if len(coded) else True)
    kinds, of_code = np.unique([_kind(one) for one in coded], return_inverse=True)
    subject = table.column("subject_id").to_numpy()[inside]
    return (
        subject,
        day[inside].astype(np.int64),
        of_code[code[inside]].astype(np.int64),
        tuple(kinds.tolist()),
    )


def _ranges(low: IntArray, count: IntArray) -> IntArray:
    """Return low, low + 1, ... for each entry, so many as its count, one after another."""
    before = np.cumsum(count) - count
    found: IntArray = np.arange(int(count.sum())) - np.repeat(before - low, count)
    return found


def _kinds_before_offers(pairs: _Pairs, follow: FollowUp) -> dict[int, tuple[int, ...]]:
    """Return the kinds that come before offers more often than at other times, and their steps; outcomes are not looked at."""
    n_kinds = len(pairs.kinds)
    first, last = _clipped(pairs, follow, 0, _SCREEN)
    exposed = np.bincount(pairs.kind, weights=np.maximum(last - first, 0), minlength=n_kinds)
    before = follow.offered[pairs.row] & (pairs.day >= follow.end[pairs.row] - 1 - _SCREEN)
    once = np.unique(pairs.row[before] * n_kinds + pairs.kind[before])
    counted = np.bincount(once % max(n_kinds, 1), minlength=n_kinds)
    total = max(float((follow.end - follow.start).sum()), 1.0)
    expected = follow.offered.sum() * np.minimum(exposed / total, 1.0)
    clear = (counted - expected) / np.sqrt(np.maximum(expected, 1.0))
    order = np.argsort(-clear, kind="stable")[:_MOST_KINDS]
    many = _MOST_OFFERS * follow.offered.sum()
    return {
        int(one): CLOSE_LAGS if counted[one] >= many else LAGS
        for one in order
        if clear[one] > _CLEAR and counted[one] >= _FEWEST
    }


def _kinds_of(kinds: Sequence[str], patterns: Sequence[str]) -> list[int]:
    wanted = {_kind(one) for one in patterns}
    return [number for number, one in enumerate(kinds) if one in wanted]


def _kind(code: str) -> str:
    return "//".join(code.split("//")[:2])


def _clipped(pairs: _Pairs, follow: FollowUp, low: int, high: int) -> tuple[IntArray, IntArray]:
    """Return the days of follow-up, from the index date, that lie more than ``low`` and up to ``high`` days after each event."""
    since = pairs.day - follow.start[pairs.row]
    longest = (follow.end - follow.start)[pairs.row]
    return np.maximum(since + low + 1, 0), np.minimum(since + high + 1, longest)


def _last_of_kind(pairs: _Pairs, kind: int, follow: FollowUp, low: int, high: int) -> _Spans:
    """Return the days on which the last event of a kind was more than ``low`` and up to ``high`` days ago."""
    own = pairs.of(kind)
    first, last = _clipped(own, follow, low, high)
    again = np.append(own.day[1:] - follow.start[own.row[1:]] + 1, 0)
    followed_by_another = np.append(own.row[1:], -1) == own.row
    last = np.where(followed_by_another, np.minimum(last, again), last)
    some = first < last
    return own.row[some], first[some], last[some]


def _cuts(found: Sequence[_Spans], follow: FollowUp, cut: int) -> IntArray:
    """Return where stretches begin, sorted: row and days since the index date in one number."""
    longest = follow.end - follow.start
    followed = np.flatnonzero(longest > 0)
    row = np.concatenate([followed, followed, *(one[0] for one in found), *(one[0] for one in found)])
    ends = [part for one in (1, 2) for part in (spans[one] for spans in found)]
    start = np.concatenate([np.zeros_like(followed), np.full_like(followed, cut), *ends])
    inside = start < longest[row]
    return np.unique(row[inside] * _SPAN + start[inside])


def _inside(key: IntArray, row: IntArray, first: IntArray, last: IntArray) -> IntArray:
    """Return the stretches that lie between two days of a row."""
    low, high = np.searchsorted(key, row * _SPAN + first), np.searchsorted(key, row * _SPAN + last)
    return _ranges(low, high - low)
