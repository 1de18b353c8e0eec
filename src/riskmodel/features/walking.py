"""Events, observation and cohort as the arrays that the kernel walks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskmodel.features.columns import Column
from riskmodel.features.kernel import Events, Plan, Rows, Watch
from riskmodel.features.plan import frozen, ints, longs
from riskmodel.features.visible import KnownEvents
from riskmodel.features.windows import birthday
from riskmodel.tables.cohort import IntArray
from riskmodel.tables.days import ALWAYS, NEVER, DayArray, day_column
from riskmodel.tables.records import EventLog, Observation
from riskmodel.tables.words import indices, words


def sources_of(
    log: EventLog, columns: Sequence[Column]
) -> tuple[list[tuple[str, str]], npt.NDArray[np.int32]]:
    """Return the log's pairs of code and agency, and which of them each event is.

    Agencies are told apart only if some column asks who recorded an event.
    """
    code = log.table.column("code")
    if not any(column.recorded_by for column in columns):
        return [(word, "") for word in words(code)], indices(code)
    agency = log.table.column("agency")
    pairs = [(one, other) for one in words(code) for other in words(agency)]
    return pairs, indices(code) * np.int32(len(words(agency))) + indices(agency)


def events_of(log: EventLog, source: npt.NDArray[np.int32], plan: Plan) -> tuple[IntArray, Events]:
    """Return the subjects and the arrays of the events that some column reads, in walking order."""
    read = np.diff(plan.group_from)[source] > 0 if len(source) else np.zeros(0, dtype=np.bool_)
    table, code = log.table.filter(pa.array(read)), source[read]
    subject = table.column("subject_id").to_numpy()
    day = day_column(table.column("time"), null=ALWAYS)
    events = Events(
        day,
        day_column(table.column("known_time"), null=NEVER),
        day_column(table.column("superseded_time"), null=NEVER),
        code,
        table.column("numeric_value").to_numpy().astype(np.float32),
    )
    if not _in_order(subject, day):
        order = np.lexsort((day, subject))  # stable: facts without a date move to the front, the rest stays
        subject, events = subject[order], Events(*[one[order] for one in _list(events)])
    return subject, Events(*[frozen(np.ascontiguousarray(one)) for one in _list(events)])


def _list(events: Events) -> list[npt.NDArray[Any]]:
    return list(events)


def watch_of(observation: Observation) -> tuple[IntArray, Watch]:
    """Return the subjects and the arrays of the observation table."""
    table = observation.table
    subject = table.column("subject_id").to_numpy()
    agency, start = indices(table.column("agency")), day_column(table.column("start"), null=ALWAYS)
    watch = (
        agency,
        start,
        day_column(table.column("end"), null=NEVER),
        day_column(table.column("known_time"), null=NEVER),
        day_column(table.column("superseded_time"), null=NEVER),
    )
    order = np.lexsort((start, agency, subject))
    return subject[order], Watch(*(frozen(np.ascontiguousarray(one[order])) for one in watch))


def rows_of(
    subject: IntArray,
    index: DayArray,
    *,
    event_subject: IntArray,
    watch_subject: IntArray,
    births: KnownEvents | None,
    ages: Sequence[int],
    place: IntArray | None = None,
) -> Rows:
    """Return cohort rows by subject and index day, and where each subject's rows, events and observation lie.

    Parameters
    ----------
    subject, index : arrays
        The cohort, in any order.
    event_subject, watch_subject : arrays
        Subjects of the events and of the observation, in walking order.
    births : KnownEvents, optional
        Needed for ages.
    ages : sequence of int
        Birthdays that the plan needs, as ``ages_of`` returns them.
    place : array, optional
        Where each row goes in the matrix; by default its position.
    """
    order = np.arange(len(subject)) if place is None else place
    if not _in_order(subject, index):
        sort = np.lexsort((index, subject))
        subject, index, order = subject[sort], index[sort], order[sort]
    index = index.astype(np.int32)
    new = np.diff(subject, prepend=subject[:1] - 1) != 0
    persons = subject[new]
    between = [
        longs(np.searchsorted(having, persons, side=side))
        for having in (event_subject, watch_subject)
        for side in ("left", "right")
    ]
    birthdays = np.zeros((len(subject), len(ages)), dtype=np.int32)
    if ages and births is not None:
        born = _births(subject, index, births)
        for i, age in enumerate(ages):
            birthdays[:, i] = birthday(born, age)
    starts = longs(np.append(np.flatnonzero(new), len(subject)))
    return Rows(ints(index), longs(order), frozen(birthdays), starts, *between)


def _births(subject: IntArray, index: DayArray, births: KnownEvents) -> DayArray:
    """Return each row's day of birth as known on its index date; of several births the one known last counts."""
    order = np.lexsort((births.day, births.known, births.subject))
    day, known, gone = (one[order] for one in (births.day, births.known, births.superseded))
    first = np.searchsorted(births.subject[order], subject, side="left")
    stop = np.searchsorted(births.subject[order], subject, side="right")
    born = np.full(len(subject), NEVER, dtype=np.int32)
    # Nobody has many births: the n-th of everybody is looked at together, and a later one replaces an earlier.
    for nth in range(int((stop - first).max(initial=0))):
        rows = np.flatnonzero(first + nth < stop)
        at = first[rows] + nth
        told = (known[at] < index[rows]) & (gone[at] >= index[rows]) & (day[at] < index[rows])
        born[rows[told]] = day[at[told]]
    return born


def _in_order(subject: IntArray, day: DayArray) -> bool:
    later = subject[1:] > subject[:-1]
    same = subject[1:] == subject[:-1]
    return bool((later | (same & (day[1:] >= day[:-1]))).all())
