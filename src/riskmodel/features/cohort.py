"""Who is looked at on each index date, by nothing but what was known before it, and who fell out at which rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from riskmodel.errors import StudyError
from riskmodel.features.spec import CohortSpec, OutcomesSpec
from riskmodel.features.visible import BIRTH, KnownEvents, KnownHomes, homes, last_of_each, select_events
from riskmodel.tables.cohort import BoolArray, Cohort, IntArray, TextArray
from riskmodel.tables.days import NEVER, DayArray, day_column, from_day, to_day
from riskmodel.tables.records import EventLog, Records

DEATH = ("MEDS_DEATH",)
UNKNOWN_AREA = "unknown"
LEFT_OUT = "has not asked to be left out (objection, Article 21)"

Steps = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Attrition:
    """How many rows each rule left, over all index dates and for each.

    Parameters
    ----------
    steps : tuple of (rule, rows_left, removed)
        In the order in which the rules were applied; the first rule removes nobody.
    by_date : tuple of (index date, steps)
    """

    steps: Steps
    by_date: tuple[tuple[date, Steps], ...]

    def to_json(self) -> dict[str, Any]:
        """Return exact counts, for the secure environment."""
        return {
            "steps": _records(self.steps),
            "by_index_date": {day.isoformat(): _records(steps) for day, steps in self.by_date},
        }


def _records(steps: Steps) -> list[dict[str, Any]]:
    return [{"rule": rule, "rows_left": left, "removed": removed} for rule, left, removed in steps]


def build_cohort(
    records: Records, spec: CohortSpec, *, outcomes: OutcomesSpec | None = None
) -> tuple[Cohort, Attrition]:
    """Return one row for each eligible subject and index date, and the attrition.

    Parameters
    ----------
    records : Records
    spec : CohortSpec
    outcomes : OutcomesSpec, optional
        Only needed when the chosen outcome has a washout.

    Raises
    ------
    StudyError
        If nobody is left on some index date, with the rule that removed the most.
    """
    people = _People.read(records, spec, outcomes)
    cohorts, by_date = [], []
    for index_date in sorted({*spec.train, *spec.test}):
        part, steps = _on_date(people, to_day(index_date), spec)
        cohorts.append(part)
        by_date.append((index_date, steps))
    _refuse_empty(by_date)
    rules = zip(*(steps for _, steps in by_date), strict=True)
    total = tuple((same[0][0], sum(s[1] for s in same), sum(s[2] for s in same)) for same in rules)
    names = ("subject_id", "index_day", "household_id", "area", "age")
    whole = Cohort(**{name: np.concatenate([getattr(c, name) for c in cohorts]) for name in names})
    return whole, Attrition(total, tuple(by_date))


@dataclass(frozen=True)
class _People:
    """Everything eligibility reads; ``subject`` is everybody in the event log, ``known`` since when; ``left_out`` asked to be left out, None where nobody did."""

    subject: IntArray
    known: DayArray
    births: KnownEvents
    deaths: KnownEvents
    objections: KnownEvents
    left_out: IntArray | None
    homes: KnownHomes
    prior: KnownEvents | None
    washout: int

    @classmethod
    def read(cls, records: Records, spec: CohortSpec, outcomes: OutcomesSpec | None) -> _People:
        """Read what eligibility needs from the records, once for all index dates."""
        chosen = None if outcomes is None else outcomes.chosen_spec
        washout = 0 if chosen is None else chosen.washout_days
        subject, known = _first_known(records.events)
        return cls(
            subject=subject,
            known=known,
            births=select_events(records.events, BIRTH),
            deaths=select_events(records.events, DEATH),
            objections=select_events(records.events, spec.objection_codes),
            left_out=records.objections.table.column("subject_id").to_numpy()
            if len(records.objections)
            else None,
            homes=homes(records.residence),
            prior=select_events(records.events, chosen.codes) if chosen is not None and washout else None,
            washout=washout,
        )


def _first_known(log: EventLog) -> tuple[IntArray, DayArray]:
    subject = log.table.column("subject_id").to_numpy()
    if not len(subject):
        return subject, np.zeros(0, dtype=np.int32)
    first = np.flatnonzero(np.diff(subject, prepend=subject[0] - 1))
    return subject[first], np.minimum.reduceat(day_column(log.table.column("known_time"), null=NEVER), first)


def _on_date(people: _People, index: int, spec: CohortSpec) -> tuple[Cohort, Steps]:
    subject = people.subject[people.known < index]
    age, home = _ages(people, subject, index), _homes_of(people, subject, index)
    rules = {
        "month of birth known": age >= 0,
        f"aged {spec.ages[0]} to {spec.ages[1]}": (age >= spec.ages[0]) & (age <= spec.ages[1]),
        "known to live in the borough": (home >= 0) if spec.residence else None,
        "not known to have died": ~_has(people.deaths, subject, index),
        "has not objected to this use": ~_has(people.objections, subject, index),
        LEFT_OUT: _not_left_out(people, subject),
        f"no outcome known in the {people.washout} days before": _washed_out(people, subject, index),
    }
    keep, steps = _apply(rules, len(subject))
    household, area = _household(people, subject, home)
    day = np.full(int(keep.sum()), index, dtype=np.int32)
    return Cohort(subject[keep], day, household[keep], area[keep], age[keep].astype(np.int16)), steps


def _apply(rules: Mapping[str, BoolArray | None], count: int) -> tuple[BoolArray, Steps]:
    """Apply the rules that the study has, in order, counting who is left after each."""
    keep = np.ones(count, dtype=np.bool_)
    steps = [("known to any agency by the index date", count, 0)]
    for rule, holds in rules.items():
        if holds is not None:
            keep &= holds
            left = int(keep.sum())
            steps.append((rule, left, steps[-1][1] - left))
    return keep, tuple(steps)


def _not_left_out(people: _People, subject: IntArray) -> BoolArray | None:
    """Return who did not object, whatever the index date: an objection reaches back. None where nobody did."""
    return None if people.left_out is None else ~np.isin(subject, people.left_out)


def _washed_out(people: _People, subject: IntArray, index: int) -> BoolArray | None:
    if people.prior is None:
        return None
    return ~_has(people.prior, subject, index, since=index - people.washout)


def _has(events: KnownEvents, subject: IntArray, index: int, *, since: int | None = None) -> BoolArray:
    """Return who has an event that happened and was known before the index day."""
    seen = events.visible(index) & (events.day < index)
    if since is not None:
        seen &= events.day >= since
    return np.isin(subject, events.subject[seen])


def _ages(people: _People, subject: IntArray, index: int) -> IntArray:
    """Return completed years; -1 where no birth is known. Of several births the one known last counts."""
    births = people.births
    rows = np.flatnonzero(births.visible(index) & (births.day < index))
    rows = rows[np.lexsort((births.day[rows], births.known[rows], births.subject[rows]))]
    last = last_of_each(births.subject[rows], subject)
    found = last >= 0
    age = np.full(len(subject), -1, dtype=np.int64)
    age[found] = _completed_years(births.day[rows[last[found]]], index)
    return age


def _completed_years(born: DayArray, index: int) -> IntArray:
    on = from_day(index)
    dates = born.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    year = dates.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (dates - months).astype(np.int64) + 1
    before_birthday = (on.month < month) | ((on.month == month) & (on.day < day))
    years: IntArray = on.year - year - before_birthday
    return years


def _homes_of(people: _People, subject: IntArray, index: int) -> IntArray:
    """Return the row of each subject's home on the index date, as known then; -1 where none is.

    Of several the one that began last counts, and among these the one known last.
    """
    home = people.homes
    rows = np.flatnonzero(home.visible(index) & (home.start < index) & (home.end > index))
    last = last_of_each(home.subject[rows], subject)
    found = last >= 0
    row = np.full(len(subject), -1, dtype=np.int64)
    row[found] = rows[last[found]]
    return row


def _household(people: _People, subject: IntArray, home: IntArray) -> tuple[IntArray, TextArray]:
    """Return household and area; somebody without a known home is a household of their own."""
    alone = -subject - 1  # household numbers are not negative, so nobody shares this one
    if not len(people.homes.subject):
        return alone, np.full(len(subject), UNKNOWN_AREA)
    known = home >= 0
    area = np.where(known, people.homes.area[home], UNKNOWN_AREA)
    return np.where(known, people.homes.household[home], alone), area


def _refuse_empty(by_date: list[tuple[date, Steps]]) -> None:
    faults = []
    for day, steps in by_date:
        if steps[-1][1] == 0:
            worst = max(steps, key=lambda step: step[2])
            why = f"the rule '{worst[0]}' removed the most" if worst[2] else "nothing was known yet"
            faults.append(f"nobody is left on index date {day.isoformat()}: {why}")
    if faults:
        raise StudyError(faults, where="the cohort")
