import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.stop_search.clusters import Clusters, mean_of, number_of


def frame(day, place):
    return pd.DataFrame({"day": day, "latitude": place, "longitude": np.where(np.isnan(place), np.nan, 0.5)})


def clusters(day, place, by="both"):
    return Clusters.of(frame([f"2024-01-{d:02d}" if d else "" for d in day], np.asarray(place, float)), by)


def test_alone_each_search_gives_the_textbook_interval():
    a, b = 400, 100
    mask = np.arange(a + b) < a
    found = number_of(mask).over(number_of(~mask), clusters([0] * 500, [np.nan] * 500, "none"), scale=0.5)
    error = math.sqrt(1 / a + 1 / b) * math.sqrt(500 / 499)
    assert found.value == 2.0
    assert (found.lower, found.upper) == pytest.approx(
        (2 * math.exp(-1.964729 * error), 2 * math.exp(1.964729 * error))  # t with 499 degrees of freedom
    )


def test_few_days_reach_as_far_as_student_says():
    day = np.repeat(np.arange(1, 13), 10)
    influence = np.where(day <= 11, 1.0, 0.0)  # nothing on the twelfth moves the statistic
    assert clusters(day, [np.nan] * 120, "day").reach(influence) == pytest.approx(2.228139)  # t, 10 degrees
    assert clusters(day, [np.nan] * 120, "place").reach(influence) == pytest.approx(1.981967)  # t, 109
    assert clusters(day, [np.nan] * 120).reach(influence) == pytest.approx(2.228139)


def test_without_day_or_place_a_search_stands_alone():
    mask = np.arange(60) < 20
    alone = number_of(mask).over(number_of(~mask), clusters([0] * 60, [np.nan] * 60, "none"))
    both = number_of(mask).over(number_of(~mask), clusters([0] * 60, [np.nan] * 60))
    assert both == alone


def test_groups_searched_together_widen_the_interval():
    rng = np.random.default_rng(1)
    day = np.repeat(np.arange(1, 31), 40)
    together = np.repeat(rng.random(30) < 0.5, 40)
    apart = np.repeat([True, False], 600)
    spread = np.tile(np.arange(1, 31), 40)
    wide = number_of(together).over(number_of(~together), clusters(day, [np.nan] * 1200))
    narrow = number_of(apart).over(number_of(~apart), clusters(spread, [np.nan] * 1200))
    assert wide.upper / wide.lower > 2 * narrow.upper / narrow.lower


@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(0, 3), st.booleans(), st.booleans()),
        min_size=40,
        max_size=80,
    )
)
def test_two_ways_is_the_sum_of_both_less_the_crossing(rows):
    day, place, group, found = (np.array(column) for column in zip(*rows, strict=True))
    if len(set(day)) < 10 or group.all() or not group.any():
        return
    chosen = clusters(day, place.astype(float) + np.arange(len(rows)) // 4 * 10)
    influence = mean_of(found.astype(float), group).influence
    spots = place + np.arange(len(rows)) // 4 * 10

    def one_way(keys):
        sums = {}
        for key, value in zip(keys, influence, strict=True):
            sums[key] = sums.get(key, 0.0) + value
        return len(sums) / (len(sums) - 1) * sum(value**2 for value in sums.values())

    if len(set(spots)) < 10:
        return
    ways = one_way(day), one_way(spots)
    expected = max(sum(ways) - one_way(list(zip(day, spots, strict=True))), *ways)
    assert chosen.variance(influence) == pytest.approx(expected, abs=1e-15)


def test_few_days_give_no_interval():
    mask = np.arange(40) < 20
    found = number_of(mask).over(number_of(~mask), clusters([1, 2] * 20, [np.nan] * 40, "day"))
    assert found.value == 1.0
    assert (found.lower, found.upper, found.side) == (None, None, 0)


def test_nothing_to_divide_by_is_no_number():
    nobody = np.zeros(10, dtype=bool)
    assert number_of(~nobody).over(number_of(nobody), clusters([0] * 10, [np.nan] * 10)).value is None
    assert math.isnan(mean_of(np.full(10, np.nan), ~nobody).value)


@pytest.mark.slow
@pytest.mark.parametrize("days", [12, 59])
def test_intervals_cover_the_truth_when_people_are_searched_in_groups(days):
    rng = np.random.default_rng(20)
    inside = plain = 0
    rounds = 400
    for _ in range(rounds):
        sizes = 1 + rng.poisson(2, 900)
        day = np.repeat(rng.integers(1, days + 1, 900), sizes)
        group = np.repeat(rng.random(900) < 0.4, sizes)
        mood = np.repeat(rng.beta(0.6, 1.4, 900), sizes)
        found = (rng.random(len(day)) < mood).astype(float)
        place = np.repeat(np.arange(900), sizes).astype(float)
        table = pd.DataFrame({"day": day.astype(str), "latitude": place, "longitude": 0.0})
        top, bottom = mean_of(found, group), mean_of(found, ~group)
        ours, naive = (top.over(bottom, Clusters.of(table, by)) for by in ("both", "none"))
        inside += ours.lower < 1 < ours.upper
        plain += naive.lower < 1 < naive.upper
    assert 0.92 <= inside / rounds <= 0.98
    assert plain / rounds < inside / rounds - 0.05
