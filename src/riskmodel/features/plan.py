"""Columns, an event log and a cohort as the flat arrays that the kernel walks."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
import pyarrow as pa

from riskmodel.errors import DataError
from riskmodel.features.columns import Column
from riskmodel.features.kernel import DENOMINATOR, END, EVENT, START, Events, Plan, Rows, Watch
from riskmodel.features.spec import AGGREGATIONS
from riskmodel.tables.catalogue import Catalogue
from riskmodel.tables.cohort import Cohort, IntArray
from riskmodel.tables.days import ALWAYS, NEVER, DayArray, day_column
from riskmodel.tables.records import EventLog, Observation
from riskmodel.tables.words import indices


def compile_plan(
    columns: Sequence[Column], *, codes: Sequence[str], agencies: Sequence[str], catalogue: Catalogue
) -> Plan:
    """Return the columns as arrays over the log's dictionary of codes.

    Parameters
    ----------
    columns : sequence of Column
    codes, agencies : sequence of str
        The dictionaries of the event log's codes and of the observation's agencies.
    catalogue : Catalogue

    Raises
    ------
    DataError
        If a pattern selects a code of the log that the catalogue does not describe.
    """
    uses = _uses(columns, codes)
    _check_described({codes[use[0]] for use in uses}, catalogue)
    by_code = np.array(sorted(uses), dtype=np.int64).reshape(-1, 4)
    needs = [
        [(agency, c.length or 0, c.min_observed * (c.length or 0)) for agency in c.observed_by]
        for c in columns
    ]
    # An agency that observed nobody at all has checks that nothing passes.
    order = {
        agency: i
        for i, agency in enumerate(dict.fromkeys([*agencies, *(n[0] for need in needs for n in need)]))
    }
    checks = sorted(
        {check for need in needs for check in need}, key=lambda check: (order[check[0]], check[1:])
    )
    return Plan(
        use_from=np.searchsorted(by_code[:, 0], np.arange(len(codes) + 1)).astype(np.int64),
        use_column=by_code[:, 1].astype(np.int32),
        use_role=by_code[:, 2].astype(np.int32),
        use_slot=by_code[:, 3].astype(np.int32),
        aggregation=np.array([AGGREGATIONS.index(c.aggregation) for c in columns], dtype=np.int32),
        length=np.array([c.length or 0 for c in columns], dtype=np.int32),
        complement=np.array([c.complement for c in columns], dtype=np.bool_),
        check_from=np.searchsorted([order[check[0]] for check in checks], np.arange(len(order) + 1)).astype(
            np.int64
        ),
        check_length=np.array([length for _, length, _ in checks], dtype=np.int32),
        check_days=np.array([least for _, _, least in checks], dtype=np.float64),
        need_from=np.cumsum([0, *(len(need) for need in needs)], dtype=np.int64),
        need_check=np.array([checks.index(check) for need in needs for check in need], dtype=np.int32),
        slots=len(by_code),
    )


def _uses(columns: Sequence[Column], codes: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """Code, column, role and a slot of its own for everything that some column reads."""
    found: list[tuple[int, int, int, int]] = []
    for place, column in enumerate(columns):
        roles = {EVENT: column.events, START: column.start, END: column.end, DENOMINATOR: column.denominator}
        for role, patterns in roles.items():
            for code in _selected(patterns, codes):
                found.append((code, place, role, len(found)))
    return found


def _selected(patterns: Sequence[str], codes: Sequence[str]) -> list[int]:
    return [i for i, code in enumerate(codes) if any(fnmatchcase(code, pattern) for pattern in patterns)]


def _check_described(codes: set[str], catalogue: Catalogue) -> None:
    unknown = sorted(code for code in codes if not catalogue.knows(code))
    if unknown:
        raise DataError(
            expected="every code that a feature reads to be described in the code catalogue",
            found=", ".join(unknown),
            where="the event log",
            next_step="Describe them in a file named under features.catalogue, or narrow the feature's pattern.",
        )


def events_of(log: EventLog, plan: Plan) -> tuple[IntArray, Events]:
    """Return the subjects and the arrays of the events that some column reads, in walking order."""
    table = log.table
    code = indices(table.column("code"))
    read = np.diff(plan.use_from)[code] > 0 if len(code) else np.zeros(0, dtype=np.bool_)
    table, code = table.filter(pa.array(read)), code[read]
    subject = table.column("subject_id").to_numpy()
    day = day_column(table.column("time"), null=ALWAYS)
    events = Events(
        day=day,
        known=day_column(table.column("known_time"), null=NEVER),
        superseded=day_column(table.column("superseded_time"), null=NEVER),
        code=code,
        value=table.column("numeric_value").to_numpy().astype(np.float32),
    )
    if _in_order(subject, day):
        return subject, events
    order = np.lexsort((day, subject))  # stable: facts without a date move to the front, the rest stays
    e = events
    return subject[order], Events(
        e.day[order], e.known[order], e.superseded[order], e.code[order], e.value[order]
    )


def watch_of(observation: Observation) -> tuple[IntArray, Watch]:
    """Return the subjects and the arrays of the observation table."""
    table = observation.table
    subject = table.column("subject_id").to_numpy()
    agency, start = indices(table.column("agency")), day_column(table.column("start"), null=ALWAYS)
    watch = Watch(
        agency=agency,
        start=start,
        end=day_column(table.column("end"), null=NEVER),
        known=day_column(table.column("known_time"), null=NEVER),
        superseded=day_column(table.column("superseded_time"), null=NEVER),
    )
    order = np.lexsort((start, agency, subject))
    return subject[order], Watch(*(column[order] for column in watch))


def rows_of(cohort: Cohort, event_subject: IntArray, watch_subject: IntArray) -> Rows:
    """Return where each cohort row's events and observation begin and end."""
    return Rows(
        index_day=cohort.index_day.astype(np.int32),
        event_from=np.searchsorted(event_subject, cohort.subject_id, side="left"),
        event_to=np.searchsorted(event_subject, cohort.subject_id, side="right"),
        watch_from=np.searchsorted(watch_subject, cohort.subject_id, side="left"),
        watch_to=np.searchsorted(watch_subject, cohort.subject_id, side="right"),
    )


def _in_order(subject: IntArray, day: DayArray) -> bool:
    later = subject[1:] > subject[:-1]
    same = subject[1:] == subject[:-1]
    return bool((later | (same & (day[1:] >= day[:-1]))).all())
