from dataclasses import replace

import numpy as np
import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.explain.importance import explanations, global_importance, spreads
from riskmodel.explain.spec import ExplainSpec
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.tables.predictions import Contributions


def info(name, concept, unit="times"):
    return FeatureInfo(name, f"words for {name}", concept, "EDU", unit, 1, "count", "365d", ("X",))


INFOS = (info("a", "school"), info("b", "school"), info("c", "home"), info("unused", "home"))
VALUES = np.array([[1.0, -1.0, 0.5], [3.0, 1.0, -0.5]])


def contributions(values=VALUES, names=("a", "b", "c")):
    return Contributions(np.asarray(values, dtype=float), names, 0.0, "log-odds")


def test_mean_absolute_contribution_worked_by_hand():
    ranked = global_importance(contributions(), INFOS, np.array([1.0, 3.0]))
    by = {(one.kind, one.name): one for one in ranked}
    # a: (1*1 + 3*3)/4; b: (1+3)/4; c: .5. School row by row: |1-1|=0 and |3+1|=4 -> 12/4 = 3.
    assert by["feature", "a"].mean_absolute == pytest.approx(2.5)
    assert by["feature", "b"].mean_absolute == pytest.approx(1.0)
    assert by["feature", "c"].share == pytest.approx(0.5 / 4.0)
    assert by["concept", "school"].mean_absolute == pytest.approx(3.0)
    assert by["concept", "home"].share == pytest.approx(0.5 / 3.5)
    assert [one.name for one in ranked] == ["a", "b", "c", "school", "home"]


def test_rows_without_weight_do_not_count():
    only_first = global_importance(contributions(), INFOS, np.array([1.0, 0.0]))
    assert {one.name: one.mean_absolute for one in only_first if one.kind == "feature"} == {
        "a": 1,
        "b": 1,
        "c": 0.5,
    }
    with pytest.raises(ValueError, match="at least one row with weight"):
        global_importance(contributions(), INFOS, np.zeros(2))


def test_a_model_that_moves_nothing_has_no_shares():
    ranked = global_importance(contributions(np.zeros((2, 3))), INFOS, np.ones(2))
    assert {one.share for one in ranked} == {None}
    assert [one.name for one in ranked if one.kind == "feature"] == ["a", "b", "c"]


def spread_of(values, effect, subject, bins=5, threshold=10):
    matrix = FeatureMatrix(np.asarray(values, dtype=np.float32).reshape(-1, 1), (info("a", "school"),))
    made = spreads(
        contributions(np.asarray(effect).reshape(-1, 1), ("a",)), matrix, subject_id=np.asarray(subject),
        names=["a"], spec=ExplainSpec(bins=bins), disclosure=Disclosure(threshold=threshold),
    )  # fmt: skip
    return made[0]


def test_each_distinct_value_is_a_bin_when_there_are_few():
    values = np.repeat([0.0, 1.0, 4.0, np.nan], 20)
    spread = spread_of(values, np.nan_to_num(values, nan=-2) / 2, np.arange(80))
    assert [one.value_median for one in spread.bins] == [0.0, 1.0, 4.0, None]
    assert [one.median for one in spread.bins] == [0.0, 0.5, 2.0, -1.0]
    assert [one.n_subjects for one in spread.bins] == [20, 20, 20, 20]


def test_quartiles_not_extremes():
    one = spread_of(np.ones(101), np.arange(101.0), np.arange(101)).bins[0]
    assert (one.lower, one.median, one.upper) == (25.0, 50.0, 75.0)


@pytest.mark.parametrize(
    ("sizes", "medians", "counts"),
    [
        ((30, 5, 30), [0.0, 2.0], [35, 30]),  # the small middle joins what is below
        ((5, 30, 30), [1.0, 2.0], [35, 30]),  # a small start joins what is above
        ((30, 30, 5), [0.0, 1.0], [30, 35]),  # a small end joins what is below
        ((4, 4, 4), [1.0], [10]),  # 12 people, rounded to 10
        ((10, 10, 10), [0.0, 1.0, 2.0], [10, 10, 10]),  # ten are enough
        ((5, 5, 0), [0.5], [10]),
        ((9, 10, 10), [1.0, 2.0], [20, 10]),
        ((3, 3, 3), [], []),  # nothing may be shown
    ],
)
def test_small_bins_are_merged(sizes, medians, counts):
    values = np.repeat([0.0, 1.0, 2.0], sizes)
    spread = spread_of(values, values, np.arange(len(values)))
    assert [one.value_median for one in spread.bins] == medians
    assert [one.n_subjects for one in spread.bins] == counts


def test_people_are_counted_not_rows():
    values = np.repeat([0.0, 1.0], 20)
    few = np.concatenate([np.arange(20), np.repeat([100, 101], 10)])
    assert [one.n_subjects for one in spread_of(values, values, few).bins] == [20]


def test_a_few_people_without_a_value_are_left_out():
    values = np.concatenate([np.zeros(20), np.full(9, np.nan)])
    assert len(spread_of(values, np.zeros(29), np.arange(29)).bins) == 1
    ten = np.concatenate([np.zeros(20), np.full(10, np.nan)])
    assert [one.n_subjects for one in spread_of(ten, np.zeros(30), np.arange(30)).bins] == [20, 10]


def test_many_values_are_cut_by_quantiles():
    spread = spread_of(np.arange(100.0), np.arange(100.0), np.arange(100), bins=4)
    assert [one.n_subjects for one in spread.bins] == [25, 25, 25, 25]
    assert [one.value_median for one in spread.bins] == [12.0, 37.0, 62.0, 87.0]


def test_explanations_hold_the_listed_features_and_the_spread_of_those_that_move():
    rows = 40
    matrix = FeatureMatrix(np.ones((rows, 4), dtype=np.float32), INFOS)
    effects = np.tile([1.0, 0.0, 2.0], (rows, 1))
    record = explanations(
        contributions(effects), matrix, weight=np.ones(rows), subject_id=np.arange(rows),
        spec=ExplainSpec(top=3, listed=2), disclosure=Disclosure(),
    )  # fmt: skip
    assert [one["name"] for one in record["features"]] == ["c", "a"]
    assert [one["name"] for one in record["concepts"]] == ["home", "school"]
    assert [one["name"] for one in record["spread"]] == ["c", "a"]
    assert record["unit"] == "log-odds"
    assert record["pairs"] == []


def test_explanations_list_the_features_that_are_looked_at_together():
    matrix = FeatureMatrix(np.ones((20, 4), dtype=np.float32), INFOS)
    together = replace(contributions(np.ones((20, 3))), together=(("c", "a"), ("b", "a")))
    record = explanations(
        together, matrix, weight=np.ones(20), subject_id=np.arange(20), spec=ExplainSpec(), disclosure=Disclosure()
    )  # fmt: skip
    words = {info.name: info.description for info in INFOS}
    assert record["pairs"] == [
        {"names": ["c", "a"], "descriptions": [words["c"], words["a"]]},
        {"names": ["b", "a"], "descriptions": [words["b"], words["a"]]},
    ]
