"""What happened after each index date: outcomes, when they first happened, and who could not be followed to the end.

A label for the test uses everything known at the end of the data. A label for training uses only what was known
before the training cut-off, as somebody training on that day would have.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from riskmodel.errors import StudyError
from riskmodel.features.spec import OutcomeSpec, OutcomesSpec
from riskmodel.features.visible import KnownEvents, homes, select_events
from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray, IntArray, Labels, OutcomeTable
from riskmodel.tables.days import ALWAYS, NEVER, DayArray, day_column, from_day
from riskmodel.tables.records import Records

# Days: wide enough that the days of two people never meet in one key.
_SPAN = np.int64(2**22)


def label_outcomes(
    records: Records,
    cohort: Cohort,
    outcomes: OutcomesSpec,
    *,
    training_cutoff_day: int,
    last_day: int | None = None,
    origins: Sequence[int] = (),
) -> OutcomeTable:
    """Label every cohort row with the chosen outcome and with every alternative.

    Parameters
    ----------
    records : Records
    cohort : Cohort
    outcomes : OutcomesSpec
    training_cutoff_day : int
        Training labels know nothing from this day on. Days since 1970-01-01.
    last_day : int, optional
        The last day that can be in the data. By default the last day on which anything became known.
    origins : sequence of int
        Further days as of which the chosen outcome is noted, for a rolling origin.

    Raises
    ------
    StudyError
        If on some index date nobody could be followed to the end of the chosen outcome's horizon.
    """
    end = 1 + (_last_known(records) if last_day is None else last_day)
    cutoff = min(training_cutoff_day, end)
    test, training = {}, {}
    followed_test = _followed_until(records, cohort, as_of=end, outcomes=outcomes)
    followed_training = _followed_until(records, cohort, as_of=cutoff, outcomes=outcomes)
    for spec in outcomes.all:
        events = select_events(records.events, spec.codes)
        test[spec.name] = _labels(events, cohort, spec, as_of=end, followed=followed_test)
        training[spec.name] = _labels(events, cohort, spec, as_of=cutoff, followed=followed_training)
    _refuse_unfollowed(cohort, test[outcomes.chosen])
    known = {day: _as_known(records, cohort, outcomes, as_of=min(day, end)) for day in origins}
    return OutcomeTable(chosen=outcomes.chosen, test=test, training=training, origins=known)


def _as_known(records: Records, cohort: Cohort, outcomes: OutcomesSpec, *, as_of: int) -> Labels:
    """Return the chosen outcome as somebody would have labelled it on the morning of a day."""
    spec = outcomes.chosen_spec
    followed = _followed_until(records, cohort, as_of=as_of, outcomes=outcomes)
    return _labels(select_events(records.events, spec.codes), cohort, spec, as_of=as_of, followed=followed)


def _last_known(records: Records) -> int:
    tables = (records.events.table, records.residence.table, records.observation.table)
    return int(max(day_column(t.column("known_time"), null=ALWAYS).max(initial=ALWAYS) for t in tables))


def _labels(
    events: KnownEvents, cohort: Cohort, spec: OutcomeSpec, *, as_of: int, followed: IntArray
) -> Labels:
    first = first_in_horizon(events, cohort, horizon=spec.horizon_days, as_of=as_of)
    outcome = first != NEVER
    censored = ~outcome & (followed < cohort.index_day.astype(np.int64) + spec.horizon_days)
    # An outcome ends what has to be followed; without one it is the end of observation or of the horizon.
    time = (
        np.where(outcome, first, np.minimum(followed, cohort.index_day + spec.horizon_days))
        - cohort.index_day
    )
    weight = np.zeros(len(cohort), dtype=np.float64)
    for index in np.unique(cohort.index_day):
        rows = cohort.index_day == index
        weight[rows] = censoring_weights(np.maximum(time[rows], 0), censored[rows])
    return Labels(outcome.astype(np.int8), first, censored, weight)


def first_in_horizon(events: KnownEvents, cohort: Cohort, *, horizon: int, as_of: int) -> DayArray:
    """Return the day of the first event in ``[index, index + horizon)`` of each row that was known before a day; ``NEVER`` if none."""
    seen = events.visible(as_of)
    subject, day = events.subject[seen], events.day[seen].astype(np.int64)
    people = np.unique(subject)
    key = _key(people, subject, day)
    order = np.argsort(key, kind="stable")
    # The first event on or after the index day, and an event of nobody after the last.
    at = np.searchsorted(key[order], _key(people, cohort.subject_id, cohort.index_day), side="left")
    whose, when = (
        np.append(subject[order], cohort.subject_id.min(initial=0) - 1),
        np.append(day[order], np.int64(NEVER)),
    )
    inside = (whose[at] == cohort.subject_id) & (when[at] < cohort.index_day.astype(np.int64) + horizon)
    return np.where(inside, when[at], NEVER).astype(np.int32)


def _key(people: IntArray, subject: IntArray, day: IntArray | DayArray) -> IntArray:
    """Return one number for each (subject, day) that sorts like the pair; ``people`` are sorted and stand once."""
    return np.searchsorted(people, subject) * _SPAN + day + _SPAN // 2


def _followed_until(records: Records, cohort: Cohort, *, as_of: int, outcomes: OutcomesSpec) -> IntArray:
    """Return the first day on which a row was no longer followed: residence or the data ended.

    Addresses that follow one another within ``residence_gap_days`` are one stay. Subjects without any address are
    followed to the end of the data; those whose stay was over before the index date not at all. The data end one recording
    lag before the day on which they are read: what happened later may not have arrived, and is not taken for nothing.
    """
    gap, complete = outcomes.residence_gap_days, as_of - outcomes.recording_lag_days
    home = homes(records.residence)
    rows = np.flatnonzero(home.visible(as_of))
    subject, start, end = _stays(home.subject[rows], home.start[rows], home.end[rows], gap)
    people = np.unique(subject)
    # The last stay that began by the index day, and a stay of nobody before the first.
    key = _key(people, cohort.subject_id, cohort.index_day)
    at = np.searchsorted(_key(people, subject, start), key, side="right")
    whose, until = np.append(cohort.subject_id.min(initial=0) - 1, subject), np.append(ALWAYS, end)
    stayed = np.where(whose[at] == cohort.subject_id, until[at], ALWAYS).astype(np.int64)
    has_address = np.isin(cohort.subject_id, home.subject)
    return np.where(has_address, np.minimum(stayed, complete), complete)


def _stays(
    subject: IntArray, start: DayArray, end: DayArray, gap: int
) -> tuple[IntArray, DayArray, DayArray]:
    """Merge each subject's addresses, sorted by start, into stays without a longer gap."""
    if not len(subject):
        return subject, start, end
    # The latest end so far within a subject: lift every subject above the one before, then take the running maximum.
    lift = np.cumsum(np.diff(subject, prepend=subject[0]) != 0).astype(np.int64) * 2**33
    reach = np.maximum.accumulate(end + lift) - lift
    fresh = np.ones(len(subject), dtype=np.bool_)
    fresh[1:] = (subject[1:] != subject[:-1]) | (start[1:] > reach[:-1] + gap)
    first = np.flatnonzero(fresh)
    return subject[first], start[first], np.maximum.reduceat(end, first)


def censoring_weights(time: IntArray | DayArray, censored: BoolArray) -> FloatArray:
    """Return inverse probabilities of not having been censored, by Kaplan-Meier on the censoring times.

    Parameters
    ----------
    time : ndarray of int, shape (n,)
        Days from the index date: to the outcome, to censoring, or to the end of the horizon.
    censored : ndarray of bool, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where censored. Everybody was followed on the days before ``time``; somebody censored at day c is compared with
        those whose time is c or later, so the weights add up to n unless the last to be followed were censored.
        Satten and Datta 2001, "The Kaplan-Meier estimator as an inverse-probability-of-censoring weighted average".
    """
    ends, lost = np.unique(time[censored], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), ends, side="left")
    staying = np.cumprod(1.0 - lost / at_risk)
    # Who is seen at a time has outlasted every censoring up to and including it.
    outlasted = np.searchsorted(ends, time, side="right")
    survival = np.concatenate(([1.0], staying))[outlasted]
    weight = np.zeros(len(time), dtype=np.float64)
    weight[~censored] = 1.0 / survival[~censored]
    return weight


def _refuse_unfollowed(cohort: Cohort, labels: Labels) -> None:
    followed = ~labels.censored & (labels.outcome == 0)
    lost = sorted(set(cohort.index_day[labels.censored].tolist()) - set(cohort.index_day[followed].tolist()))
    if lost:
        faults = [
            f"index date {from_day(index).isoformat()}: nobody could be followed to the end of the horizon; choose an earlier date or a shorter horizon"
            for index in lost
        ]
        raise StudyError(faults, where="the outcomes")
