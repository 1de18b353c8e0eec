"""The typed tables as plain arrays of whole days, made once for all checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.tables.days import ALWAYS, NEVER, DayArray, day_column
from riskmodel.tables.records import EventLog, Observation, Residence
from riskmodel.tables.words import indices, words

IntArray = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

_EPOCH_MONTH = 1970 * 12
BIRTH = "MEDS_BIRTH"


@dataclass(frozen=True)
class EventView:
    """Events that no correction has replaced. ``day`` is ``ALWAYS`` for a static fact."""

    subject: IntArray
    day: DayArray
    known: DayArray
    code: IntArray
    codes: list[str]
    agency: IntArray
    agencies: list[str]
    recorded: Mask

    @classmethod
    def of(cls, events: EventLog) -> EventView:
        """Read the log once; superseded rows are left out."""
        table = events.table
        standing = np.asarray(table.column("superseded_time").is_null())
        keep: Any = slice(None) if standing.all() else standing
        basis = words(table.column("known_basis"))
        recorded = basis.index("recorded") if "recorded" in basis else -1
        return cls(
            subject=table.column("subject_id").to_numpy()[keep],
            day=day_column(table.column("time"), null=ALWAYS)[keep],
            known=day_column(table.column("known_time"), null=ALWAYS)[keep],
            code=indices(table.column("code"))[keep],
            codes=words(table.column("code")),
            agency=indices(table.column("agency"))[keep],
            agencies=words(table.column("agency")),
            recorded=(indices(table.column("known_basis")) == recorded)[keep],
        )

    def __len__(self) -> int:
        return len(self.subject)

    def birth_days(self) -> tuple[IntArray, DayArray]:
        """Return subjects in order and the first birth day of each."""
        at = self.codes.index(BIRTH) if BIRTH in self.codes else -1
        born = (self.code == at) & (self.day != ALWAYS)
        subject, first = np.unique(self.subject[born], return_index=True)
        return subject, self.day[born][first]


@dataclass(frozen=True)
class SpanView:
    """Half-open spans of days of groups (``group`` rises): ``end`` is ``NEVER`` while it lasts."""

    group: IntArray
    subject: IntArray
    label: IntArray
    labels: list[str]
    start: DayArray
    end: DayArray

    @classmethod
    def of(cls, spans: Observation | Residence, *, extract_day: int) -> SpanView:
        """Read what holds now; observation is grouped by person and agency, residence by person."""
        table = spans.table
        keep = np.asarray(table.column("superseded_time").is_null())
        subject = table.column("subject_id").to_numpy()[keep]
        if isinstance(spans, Observation):
            label, labels = indices(table.column("agency"))[keep], words(table.column("agency"))
        else:
            label, labels = np.zeros(len(subject), dtype=np.int32), [""]
        start = day_column(table.column("start"), null=ALWAYS)[keep]
        end = day_column(table.column("end"), null=NEVER)[keep]
        order = np.lexsort((start, label, subject))
        subject, label, start, end = subject[order], label[order], start[order], end[order]
        # What still lasts has lasted until the extract was made.
        end = np.where(end == NEVER, np.int32(max(extract_day + 1, 0)), end).astype(np.int32)
        return cls(group_numbers(subject, label), subject, label, labels, start, end)


def group_numbers(*keys: IntArray) -> IntArray:
    """Return the number of each row's group, where rows of a group stand together."""
    if not len(keys[0]):
        return np.zeros(0, dtype=np.int64)
    changes = np.zeros(len(keys[0]), dtype=bool)
    for key in keys:
        changes[1:] |= key[1:] != key[:-1]
    return np.cumsum(changes)


def reached_before(group: IntArray, value: IntArray, *, none: int) -> IntArray:
    """Return the largest value of earlier rows of the same group, or ``none`` for its first row."""
    if not len(group):
        return np.zeros(0, dtype=np.int64)
    step = np.int64(1) << 33  # more than any two days are apart
    so_far: IntArray = np.maximum.accumulate(value.astype(np.int64) + group * step) - group * step
    before = np.empty_like(so_far)
    before[0] = none
    before[1:] = np.where(group[1:] == group[:-1], so_far[:-1], none)
    return before


def months(days: DayArray) -> IntArray:
    """Return the month of each day, counted from January of year 0."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + _EPOCH_MONTH


def years(days: DayArray) -> IntArray:
    """Return the year of each day."""
    return months(days) // 12
