"""Designs beside the default: who is held out, who is learned from, and with which labels."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from riskmodel.errors import DataError, StudyError
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.days import to_day
from riskmodel.validate import grouped_folds, split
from riskmodel.validate.places import group_places
from riskmodel.validate.spec import SplitSpec

YEARS = [to_day(date(2015 + i, 1, 1)) for i in range(6)]
WHY = "the data are too few for a later test"


def borough(n=300, days=YEARS, *, areas=6, school=None):
    subject = np.tile(np.arange(n), len(days))
    day = np.repeat(np.array(days, dtype=np.int32), n)
    area = np.array([f"E{i % areas:02d}" for i in subject])
    schools = None if school is None else np.array([school(i) for i in subject])
    return Cohort(subject, day, subject // 2, area, np.full(len(subject), 12, np.int16), schools)


def happened(cohort, rate=0.2):
    return np.random.default_rng(1).random(len(cohort)) < rate


def divide(cohort, design, **more):
    spec_parts = {k: more.pop(k) for k in ("reason", "group_people", "group_outcomes") if k in more}
    spec = SplitSpec(design=design, **spec_parts)
    settings = {"train_days": YEARS[:4], "test_days": YEARS[5:], "folds": 4, "seed": 3, "horizon_days": 365}
    return split(cohort, spec, **{**settings, "recording_lag_days": 90, **more})


def homes(cohort):
    """Return households; somebody without a known one lives alone."""
    return np.where(cohort.household_id < 0, -1 - cohort.subject_id, cohort.household_id)


def check_apart(cohort, made):
    """No person or household is judged by a model that learned from them; each row is judged at most once."""
    judged = np.zeros(len(cohort), dtype=int)
    for one in made.rounds:
        for fold, learn in one.learning.items():
            own = one.judged & (one.fold == fold)
            judged += own
            for ids in (cohort.subject_id, homes(cohort)):
                assert not set(ids[own]) & set(ids[learn])
            calibrating = one.calibrating(fold)
            assert not (calibrating & (one.fold == fold)).any()
            assert not (calibrating & ~learn).any()
    assert judged.max() <= 1
    assert ((judged == 1) == made.judged).all()
    assert made.judged_by_their_own(cohort.subject_id) == 0
    assert ((made.apart >= 0) == made.train).all()
    for ids in (cohort.subject_id, homes(cohort)):
        pairs = np.unique(np.stack([ids[made.train], made.apart[made.train]]), axis=1)
        assert len(np.unique(pairs[0])) == pairs.shape[1]


def test_rolling_origins_learn_only_from_what_could_be_known():
    cohort = borough()
    made = divide(cohort, "rolling_origin")
    check_apart(cohort, made)
    assert (
        sorted({one.known_by for one in made.rounds}) == YEARS[2:4]
    )  # a year and 90 days after an earlier date
    for one in made.rounds:
        assert (cohort.index_day[one.judged] == one.known_by).all()
        for learn in one.learning.values():
            assert (cohort.index_day[learn] + 365 + 90 <= one.known_by).all()
            assert learn.any()
    assert set(made.group[made.judged]) == {"2017-01-01", "2018-01-01"}
    assert made.test_all.any()


def test_rolling_origins_need_dates_far_enough_apart():
    days = [YEARS[0], YEARS[0] + 100]
    with pytest.raises(StudyError, match="at least 455 days apart"):
        divide(borough(days=[*days, YEARS[5]]), "rolling_origin", train_days=days)


def test_rolling_origins_need_a_horizon():
    with pytest.raises(StudyError, match="no horizon_days"):
        divide(borough(), "rolling_origin", horizon_days=0)


@pytest.mark.parametrize("kind", ["area", "school"])
def test_each_place_is_left_out_in_turn(kind):
    cohort = borough(school=lambda i: f"S{i % 5}")
    made = divide(
        cohort, f"leave_one_{kind}_out", group_people=20, group_outcomes=5, happened=happened(cohort)
    )
    check_apart(cohort, made)
    place = cohort.area if kind == "area" else cohort.school
    for name, members in made.members.items():
        assert set(place[made.group == name]) == set(members)
    assert len(made.members) == (6 if kind == "area" else 5)


def test_small_places_are_put_together_and_unknown_ones_stand_apart():
    cohort = borough(school=lambda i: "big" if i % 3 else "Unknown" if i % 2 else f"tiny{i}")
    made = divide(
        cohort, "leave_one_school_out", group_people=20, group_outcomes=5, happened=happened(cohort)
    )
    sizes = {name: len(np.unique(cohort.subject_id[made.group == name])) for name in made.members}
    assert all(size >= 20 for name, size in sizes.items() if not name.startswith("no known"))
    assert "no known school" in sizes
    assert all("tiny" not in name for name in sizes)


def test_places_that_nobody_knows_are_refused():
    with pytest.raises(StudyError, match="no school for anybody"):
        divide(borough(), "leave_one_school_out", happened=happened(borough()))
    with pytest.raises(DataError, match="at least two groups of areas"):
        divide(borough(areas=1), "leave_one_area_out", happened=happened(borough()))


def test_declared_rows_are_taken_and_those_on_both_sides_left_out():
    cohort = borough(days=YEARS[:1])
    side = np.where(cohort.subject_id < 200, "train", "test")
    side[199] = "test"  # whose household has somebody to learn from
    made = divide(cohort, "declared", side=side)
    assert made.test_all.sum() == 101
    assert made.set_aside == 1
    assert not made.train[198]
    assert made.train.sum() == 198
    check_apart(cohort, made)
    assert not made.test_new.any()


def test_declared_needs_rows_that_say_so():
    cohort = borough(days=YEARS[:1])
    with pytest.raises(StudyError, match="do not say which rows"):
        divide(cohort, "declared")
    with pytest.raises(DataError, match="nobody for training"):
        divide(cohort, "declared", side=np.full(len(cohort), "test"))


def test_random_splits_of_dated_records_need_a_reason():
    cohort = borough()
    side = np.where(cohort.subject_id < 200, "train", "test")
    for design, more in (("cross_validation", {}), ("declared", {"side": side})):
        with pytest.raises(StudyError, match=r"split\.reason"):
            divide(cohort, design, **more)
        check_apart(cohort, divide(cohort, design, reason=WHY, **more))


def test_outcomes_are_spread_evenly_whatever_the_order():
    cohort = borough(n=400, days=YEARS[:1])
    cases = np.zeros(len(cohort), dtype=bool)
    cases[:22] = True  # a file sorted by outcome
    fold = grouped_folds(cohort.household_id, cohort.subject_id, folds=5, seed=1, happened=cases)
    counts, most = np.bincount(fold[cases], minlength=5), 2  # a household has two at the most
    assert counts.max() - counts.min() <= most
    assert np.ptp(np.bincount(fold)) <= 2 * most


@pytest.mark.parametrize(("apart", "divided"), [(454, False), (455, True)])
def test_an_origin_needs_horizon_and_lag_to_the_day(apart, divided):
    days = [YEARS[0], YEARS[0] + apart]
    cohort = borough(days=[*days, YEARS[5]])
    if not divided:
        with pytest.raises(StudyError, match="at least 455 days apart"):
            divide(cohort, "rolling_origin", train_days=days)
        return
    (only,) = divide(cohort, "rolling_origin", train_days=days).rounds
    assert all((cohort.index_day[learn] == days[0]).all() and learn.any() for learn in only.learning.values())


def test_a_horizon_of_one_day_is_a_horizon():
    assert divide(borough(), "rolling_origin", horizon_days=1).rounds


@pytest.mark.parametrize(("later", "needs"), [(454, True), (455, False)])
def test_declared_test_rows_that_come_later_need_no_reason(later, needs):
    day = np.array([YEARS[0], YEARS[0] + later])
    cohort = borough(days=day.tolist())
    side = np.where(cohort.index_day == day[1], "test", "train")
    side[cohort.subject_id >= 150] = "test"  # the other half is left out, to be on one side only
    side[(cohort.subject_id >= 150) & (cohort.index_day == day[0])] = "neither"
    side[(cohort.subject_id < 150) & (cohort.index_day == day[1])] = "neither"
    if needs:
        with pytest.raises(StudyError, match=r"split\.reason"):
            divide(cohort, "declared", side=side)
    else:
        check_apart(cohort, divide(cohort, "declared", side=side))


@pytest.mark.parametrize(
    ("people", "outcomes", "groups"), [(50, 20, 6), (51, 20, 3), (50, 21, 3), (300, 120, 1)]
)
def test_a_place_with_exactly_the_fewest_stands_alone(people, outcomes, groups):
    cohort = borough(days=YEARS[:1])  # 50 in each of six areas
    cases = cohort.subject_id // 6 < 20  # twenty of them with the outcome

    def group():
        return group_places(
            cohort.area, cohort.subject_id, cases, kind="area", people=people, outcomes=outcomes
        )

    if groups == 1:
        with pytest.raises(DataError, match="at least two groups"):
            group()
    else:
        assert len(group().members) == groups


def test_somebody_who_moves_is_judged_in_both_places_by_models_that_never_met_them():
    cohort = borough()
    moved = (cohort.subject_id == 0) & (cohort.index_day > YEARS[1])
    area = np.where(moved, "E01", cohort.area)
    cohort = replace(cohort, area=area)
    made = divide(
        cohort,
        "leave_one_area_out",
        group_people=20,
        group_outcomes=5,
        happened=happened(cohort),
        test_days=[],
    )
    check_apart(cohort, made)
    assert len(np.unique(made.fold[cohort.subject_id == 0])) == 2


def test_people_judged_by_a_model_that_learned_from_them_are_counted():
    cohort = borough(days=YEARS[:1])
    made = divide(cohort, "cross_validation")
    (one,) = made.rounds
    everybody = {fold: np.ones(len(cohort), dtype=bool) for fold in one.learning}
    spoilt = replace(made, rounds=(replace(one, learning=everybody),))
    assert spoilt.judged_by_their_own(cohort.subject_id) == 300


@st.composite
def towns(draw):
    """Return a cohort whose people live together, move, and are seen at some dates, and who came to harm."""
    n = draw(st.integers(30, 70))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    subject, day = (grid.ravel() for grid in np.meshgrid(np.arange(n), YEARS[:4], indexing="xy"))
    seen = np.sort(rng.choice(len(subject), size=3 * n, replace=False))
    subject, day = subject[seen], day[seen].astype(np.int32)
    home = rng.integers(-1, n, n)
    moves = rng.random(len(subject)) < draw(st.sampled_from([0.0, 0.05]))
    household = np.where(moves, rng.integers(0, n, len(subject)), home[subject])
    place = np.where(moves, rng.integers(0, 5, len(subject)), subject % 5)
    names = np.array([f"P{i}" for i in place])
    cohort = Cohort(subject, day, household, names, np.full(len(subject), 12, np.int16), names)
    return cohort, rng.random(len(subject)) < 0.3


@settings(max_examples=40, deadline=None)
@given(
    towns(),
    st.sampled_from(
        ["rolling_origin", "leave_one_area_out", "leave_one_school_out", "cross_validation", "declared"]
    ),
)
def test_every_design_keeps_people_and_households_apart(town, design):
    cohort, cases = town
    more = {
        "group_people": 10,
        "group_outcomes": 2,
        "reason": WHY,
        "test_days": [],
        "happened": cases,
        "folds": 2,
    }
    if design == "declared":
        more["side"] = np.where(cohort.subject_id % 4 == 0, "test", "train")
    try:
        made = divide(cohort, design, **more)
    except DataError:
        event(f"{design}: refused")  # too few households that are separate
        return
    event(f"{design}: divided")
    check_apart(cohort, made)
    for ids in (cohort.subject_id, homes(cohort)):
        assert not set(ids[made.train]) & set(ids[made.test_all])
    if design == "rolling_origin":
        for one in made.rounds:
            for fold, learn in one.learning.items():
                used = learn | one.calibrating(fold)
                assert (cohort.index_day[used] + 365 + 90 <= one.known_by).all()


@settings(max_examples=40, deadline=None)
@given(towns(), st.integers(2, 5), st.integers(0, 9))
def test_no_two_folds_differ_by_more_outcomes_than_one_linked_group_has(town, folds, seed):
    cohort, cases = town
    try:
        fold = grouped_folds(cohort.household_id, cohort.subject_id, folds=folds, seed=seed, happened=cases)
    except DataError:
        return
    counts = np.bincount(fold[cases], minlength=folds)
    assert np.ptp(counts) <= _most_in_one_group(cohort, cases)


def _most_in_one_group(cohort, cases):
    """Return the outcomes in the largest group of people who are linked through households, found by walking."""
    homes = [
        (f"p{s}", f"h{h}" if h >= 0 else f"p{s}")
        for s, h in zip(cohort.subject_id, cohort.household_id, strict=True)
    ]
    friends = {}
    for person, home in homes:
        friends.setdefault(person, set()).add(home)
        friends.setdefault(home, set()).add(person)
    most, met = 0, set()
    for start in friends:
        if start in met:
            continue
        group, waiting = set(), [start]
        while waiting:
            one = waiting.pop()
            if one not in group:
                group.add(one)
                waiting.extend(friends[one])
        met |= group
        most = max(
            most, sum(case and f"p{s}" in group for s, case in zip(cohort.subject_id, cases, strict=True))
        )
    return most
