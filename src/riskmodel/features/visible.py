"""Which rows of the records could be read on a day: the one rule of point in time, on whole columns."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pyarrow as pa

from riskmodel.tables.cohort import BoolArray, IntArray, TextArray
from riskmodel.tables.days import ALWAYS, NEVER, DayArray, day_column
from riskmodel.tables.records import EventLog, Residence
from riskmodel.tables.words import indices, words

BIRTH = ("MEDS_BIRTH",)


@dataclass(frozen=True)
class KnownEvents:
    """Some events as arrays, in the order of the log."""

    subject: IntArray
    day: DayArray
    known: DayArray
    superseded: DayArray

    def visible(self, day: int) -> BoolArray:
        """Return which rows could be read on the morning of a day: known before it and not replaced before it."""
        return (self.known < day) & (self.superseded >= day)


@dataclass(frozen=True)
class KnownHomes:
    """Residence as arrays, in the order of its table: subject, start, known time."""

    subject: IntArray
    start: DayArray
    end: DayArray
    known: DayArray
    superseded: DayArray
    household: IntArray
    area: TextArray

    def visible(self, day: int) -> BoolArray:
        """Return which rows could be read on the morning of a day: known before it and not replaced before it."""
        return (self.known < day) & (self.superseded >= day)


def select_events(log: EventLog, patterns: tuple[str, ...]) -> KnownEvents:
    """Return the events whose code fits any of the patterns; events without a date are left out."""
    code = log.table.column("code")
    fits = np.array([any(fnmatchcase(word, p) for p in patterns) for word in words(code)], dtype=np.bool_)
    chosen = fits[indices(code)] if len(fits) else np.zeros(len(log), dtype=np.bool_)
    table = log.table.filter(pa.array(chosen))
    table = table.filter(table.column("time").is_valid())
    return KnownEvents(
        subject=table.column("subject_id").to_numpy(),
        day=day_column(table.column("time"), null=ALWAYS),
        known=day_column(table.column("known_time"), null=NEVER),
        superseded=day_column(table.column("superseded_time"), null=NEVER),
    )


def homes(residence: Residence) -> KnownHomes:
    """Return the residence table as arrays."""
    table = residence.table
    area = np.array(words(table.column("area")) or [""], dtype=np.str_)
    return KnownHomes(
        subject=table.column("subject_id").to_numpy(),
        start=day_column(table.column("start"), null=ALWAYS),
        end=day_column(table.column("end"), null=NEVER),
        known=day_column(table.column("known_time"), null=NEVER),
        superseded=day_column(table.column("superseded_time"), null=NEVER),
        household=table.column("household_id").to_numpy(),
        area=area[indices(table.column("area"))],
    )


def last_of_each(having: IntArray, wanted: IntArray) -> IntArray:
    """Return the last position of each wanted subject in a sorted array; -1 where it is not there."""
    last = np.searchsorted(having, wanted, side="right") - 1
    found = last >= 0
    found[found] = having[last[found]] == wanted[found]
    return np.where(found, last, -1)
