"""Stretches of days against a plain walk through every day of every row."""

import numpy as np
import pytest
from records_kit import events

from riskmodel.audit.histories import CLOSE_LAGS, LAGS, FollowUp, follow_up, stretches
from riskmodel.tables.cohort import Cohort, Labels
from riskmodel.tables.days import NEVER

OFFERS = ("SUPPORT//OFFERED//*",)
INDEX, HORIZON = 19_000, 60


def cohort_of(subjects, index=INDEX):
    n = len(subjects)
    who = np.array(subjects, dtype=np.int64)
    return Cohort(who, np.full(n, index, np.int32), who, np.full(n, "E01"), np.full(n, 14, np.int16))


def labels_of(harm, known=None):
    """Days of harm since the index date; None for never."""
    first = np.array([NEVER if day is None else INDEX + day for day in harm], dtype=np.int32)
    weight = np.ones(len(harm)) if known is None else np.array(known, dtype=np.float64)
    return Labels((first != NEVER).astype(np.int8), first, weight == 0, weight)


def event(subject, code, day, **more):
    return {"subject_id": subject, "code": code, "time": INDEX + day, **more}


def offer(subject, day, **more):
    return event(subject, "SUPPORT//OFFERED//MENTOR", day, **more)


@pytest.mark.parametrize(
    ("log", "harm", "days", "offered"),
    [
        ([], None, 60, False),
        ([offer(1, 10)], None, 11, True),
        ([offer(1, 10), offer(1, 5)], None, 6, True),
        ([offer(1, 0)], None, 1, True),
        ([offer(1, -1)], None, 60, False),  # it was there before
        ([offer(1, 60)], None, 60, False),  # after the horizon
        ([offer(1, 59)], None, 60, True),
        ([], 20, 20, False),
        ([offer(1, 20)], 20, 20, False),  # on the day of the outcome: too late to change it
        ([offer(1, 19)], 20, 20, True),
        ([offer(1, 30)], 20, 20, False),
        ([offer(1, 10, superseded_time=INDEX + 40)], None, 60, False),  # a correction took it back
        ([offer(2, 10)], None, 60, False),
    ],
)
def test_follow_up_ends_with_the_outcome_the_offer_or_the_horizon(log, harm, days, offered):
    found = follow_up(
        events([event(9, "EDU//SUSPENSION//OTHER", 1), *log]),
        cohort_of([1]),
        labels_of([harm]),
        offers=OFFERS,
        horizon=HORIZON,
    )
    assert (found.end - found.start).tolist() == [days]
    assert found.offered.tolist() == [offered]


def test_a_row_whose_outcome_could_not_be_seen_is_not_followed():
    found = follow_up(
        events([offer(1, 3)]), cohort_of([1]), labels_of([None], known=[0]), offers=OFFERS, horizon=HORIZON
    )
    assert (found.end - found.start).tolist() == [0]
    assert found.offered.tolist() == [False]


def made_up(seed):
    rng = np.random.default_rng(seed)
    rows, harm = [], []
    for subject in range(1, 81):
        troubles = rng.integers(-120, HORIZON, rng.poisson(2.5))
        rows += [
            event(subject, f"EDU//SUSPENSION//{kind}", int(day))
            for day, kind in zip(troubles, ("A", "B") * 9, strict=False)
        ]
        rows += [
            event(subject, "HEALTH//ED//OTHER", int(day))
            for day in rng.integers(-120, HORIZON, rng.poisson(1.0))
        ]
        for day in troubles:
            if rng.random() < 0.6:
                rows.append(offer(subject, int(day) + int(rng.integers(1, 20))))
        harm.append(int(rng.integers(0, HORIZON)) if rng.random() < 0.2 else None)
    return events(rows), cohort_of(range(1, 81)), labels_of(harm), rows


def days_since_last(rows, subject, kind, day):
    """How many days before a day the last event of a kind was; None without one."""
    ago = [
        INDEX + day - row["time"]
        for row in rows
        if row["subject_id"] == subject and row["code"].startswith(kind) and row["time"] < INDEX + day
    ]
    return min(ago, default=None)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_day_says_how_long_ago_the_last_event_of_each_kind_was(seed):
    log, cohort, labels, rows = made_up(seed)
    follow = follow_up(log, cohort, labels, offers=OFFERS, horizon=HORIZON)
    found = stretches(log, cohort, follow, offers=OFFERS, cut=30)
    assert any(name.startswith("EDU//SUSPENSION 1-4") for name in found.names)  # most offers follow
    assert any(name.startswith("SUPPORT//OFFERED") for name in found.names)  # earlier ones
    assert not any(name.startswith("HEALTH") for name in found.names)  # chance
    marks = np.zeros((len(found), len(found.names)), dtype=bool)
    for column, span in enumerate(found.spans):
        assert len(np.unique(span)) == len(span)
        marks[span, column] = True
    walked = 0
    for one in range(len(found)):
        row, start, whole = found.row[one], int(found.start[one]), found.days[one] + 0.5 * found.offered[one]
        assert whole == int(whole) > 0
        assert (start < 30) == (start + whole <= 30)
        for day in range(start, start + int(whole)):
            walked += 1
            for column, name in enumerate(found.names):
                kind, lag = name.rsplit(" ", 1)
                low, high = map(int, lag.split("-"))
                ago = days_since_last(rows, int(cohort.subject_id[row]), kind, day)
                assert marks[one, column] == (ago is not None and low <= ago <= high), (row, day, name)
    assert walked == (follow.end - follow.start).sum()
    assert found.offered.sum() == follow.offered.sum() > 20
    assert (found.start + found.days + 0.5)[found.offered].tolist() == (follow.end - follow.start)[
        found.row[found.offered]
    ].tolist()


def test_steps_are_close_for_what_most_offers_follow():
    log, cohort, labels, _ = made_up(1)
    follow = follow_up(log, cohort, labels, offers=OFFERS, horizon=HORIZON)
    found = stretches(log, cohort, follow, offers=OFFERS, cut=30)
    by_kind = {}
    for name in found.names:
        by_kind.setdefault(name.rsplit(" ", 1)[0], []).append(name)
    assert len(by_kind["EDU//SUSPENSION"]) == len(CLOSE_LAGS) - 1
    assert len(by_kind["SUPPORT//OFFERED"]) == len(LAGS) - 1
    assert {found.names[one].split(" ")[0] for one in found.close} == {"EDU//SUSPENSION", "SUPPORT//OFFERED"}


def test_what_may_never_be_a_feature_says_nothing_of_offers():
    people = range(1, 41)
    rows = [row for one in people for row in (event(one, "POLICE//STOP_SEARCH//DRUGS", 5), offer(one, 8))]
    log, cohort = events(rows), cohort_of(people)
    follow = follow_up(log, cohort, labels_of([None] * 40), offers=OFFERS, horizon=HORIZON)
    assert {name.split(" ")[0] for name in stretches(log, cohort, follow, offers=OFFERS, cut=30).names} == {
        "SUPPORT//OFFERED"
    }


def test_without_any_event_there_is_one_stretch_on_each_side_of_the_cut():
    cohort = cohort_of([1, 2])
    log = events([event(7, "EDU//SUSPENSION//A", 0)])
    follow = FollowUp(np.full(2, INDEX), np.array([INDEX + 60, INDEX + 10]), np.zeros(2, dtype=bool))
    found = stretches(log, cohort, follow, offers=OFFERS, cut=30)
    assert found.row.tolist() == [0, 0, 1]
    assert found.start.tolist() == [0, 30, 0]
    assert found.days.tolist() == [30, 30, 10]
