import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stops_kit import DRUGS, KNIVES, many, write

from riskmodel.stop_search import read_searches
from riskmodel.stop_search.benchmarks import Benchmark
from riskmodel.stop_search.clusters import Ratio
from riskmodel.stop_search.outcomes import (
    combined_rule,
    found_by_stratum,
    outcome_tests,
    simpson,
    standardised,
    stratum_weights,
    verdict,
)
from riskmodel.stop_search.question import Question

BLACK = {"who": "Black"}
# Within each kind of search more is found on Black people, yet less in all: they are searched more for knives.
REVERSED = [
    (900, 270, DRUGS),
    (100, 5, KNIVES),
    (300, 105, {**BLACK, **DRUGS}),
    (700, 70, {**BLACK, **KNIVES}),
]


def outcome_of(folder, counts, **where):
    searches = read_searches([write(folder, many(counts))]).searches
    rows = [row for row in outcome_tests(searches, Question()) if row["definition"] == "officer_defined"]
    return next(row for row in rows if all(row[name] == value for name, value in where.items()))


def test_simpsons_paradox_is_named(tmp_path):
    row = outcome_of(tmp_path, REVERSED, measure="positive", group="Black")
    assert (row["share"], row["base_share"]) == (pytest.approx(0.175), pytest.approx(0.275))
    assert row["upper"] < 1
    within = next(one for one in row["within"] if one["strata"] == ["object"])
    # Weights: 1,200 drug and 800 knife searches of 2,000.
    assert within["share"] == pytest.approx(0.6 * 0.35 + 0.4 * 0.1)
    assert within["base_share"] == pytest.approx(0.6 * 0.3 + 0.4 * 0.05)
    assert (within["strata_lower"], within["strata_higher"], within["covered"]) == (0, 2, 1.0)
    assert within["simpson"] == "reverses"


def test_too_few_outcomes_are_insufficient(tmp_path):
    row = outcome_of(tmp_path, [(100, 50, {}), (100, 9, BLACK)], measure="positive", group="Black")
    assert (row["status"], row["ratio"], row["within"]) == ("insufficient", None, [])


def test_an_empty_link_is_insufficient_and_a_filled_one_counts(tmp_path):
    assert outcome_of(tmp_path, REVERSED, measure="linked", group="Black")["status"] == "insufficient"
    linked = [
        (n, found, {**changes, "linked": value})
        for n, found, changes in ((100, 0, {}), (100, 0, BLACK))
        for value in ("True", "False")
    ]
    row = outcome_of(
        tmp_path / "linked",
        [*linked, (100, 0, {**BLACK, "linked": "False"})],
        measure="linked",
        group="Black",
    )
    assert (row["base_share"], row["share"]) == (0.5, pytest.approx(1 / 3))


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.booleans(), st.booleans()),
        min_size=30,
        max_size=120,
    )
)
def test_standardising_agrees_with_a_plain_loop(rows):
    codes, group, found = (np.array(column) for column in zip(*rows, strict=True))
    weights = stratum_weights(codes, group, ~group, least=2)
    result = standardised(found.astype(float), group, codes, weights)
    both = [
        code for code in range(4)
        if sum(g for c, g, _ in rows if c == code) >= 2 and sum(not g for c, g, _ in rows if c == code) >= 2
    ]  # fmt: skip
    total = sum(c in both for c, _, _ in rows)
    expected = 0.0
    for code in both:
        mine = [f for c, g, f in rows if c == code and g]
        expected += sum(c == code for c, _, _ in rows) / total * sum(mine) / len(mine)
    assert result.value == pytest.approx(expected)
    assert result.influence.sum() == pytest.approx(0, abs=1e-9)


def ratio(value, lower, upper):
    return Ratio(value, lower, upper)


@pytest.mark.parametrize(
    ("pooled", "within", "expected"),
    [
        (ratio(0.8, 0.7, 0.9), ratio(1.1, 0.9, 1.3), "reverses"),
        (ratio(0.8, 0.7, 0.9), ratio(0.95, 0.9, 1.1), "vanishes"),
        (ratio(0.95, 0.9, 1.1), ratio(0.8, 0.7, 0.9), "appears"),
        (ratio(0.9, 0.8, 1.1), ratio(1.05, 0.9, 1.2), "holds"),
        (ratio(0.8, 0.7, 0.9), ratio(0.85, 0.8, 0.95), "holds"),
        (ratio(0.8, 0.7, 0.9), ratio(None, None, None), None),
    ],
)
def test_what_becomes_of_a_difference(pooled, within, expected):
    assert simpson(pooled, within) == expected


@pytest.mark.parametrize(
    ("rate", "found", "expected"),
    [
        (ratio(2, 1.5, 3), ratio(0.8, 0.7, 0.9), "lower_bar"),
        (ratio(0.5, 0.4, 0.6), ratio(1.2, 1.1, 1.3), "higher_bar"),
        (ratio(2, 1.5, 3), ratio(1.2, 1.1, 1.3), "tests_disagree"),
        (ratio(2, 0.9, 3), ratio(0.8, 0.7, 0.9), "inconclusive"),
        (ratio(2, 1.5, 3), ratio(0.8, 0.7, 1.1), "inconclusive"),
        (ratio(2, None, None), ratio(0.8, 0.7, 0.9), "insufficient"),
    ],
)
def test_both_tests_together(rate, found, expected):
    assert verdict(rate, found) == expected


def test_the_combined_rule_by_kind_of_search(tmp_path):
    searches = read_searches([write(tmp_path, many(REVERSED))]).searches
    counts = pd.DataFrame({"ethnicity": ["White", "Black"], "count": [5000.0, 1000.0]})
    rows = combined_rule(searches, [Benchmark("residents", "residents", counts)], Question())
    mine = {
        row["kind"]: row for row in rows if (row["definition"], row["group"]) == ("officer_defined", "Black")
    }
    assert mine["all"]["verdict"] == "lower_bar"
    assert mine["all"]["rate_ratio"] == 5.0
    # Pooled, less is found; with the same object more is.
    assert mine["all"]["like_sides"]["object"] == 1
    assert mine["all"]["like_sides"]["object and age"] == 1
    assert mine["weapons"]["like_sides"] == dict.fromkeys(mine["all"]["like_sides"])
    assert mine["drugs"]["verdict"] == "tests_disagree"
    assert mine["weapons"]["verdict"] == "insufficient"


def test_small_cells_of_strata_are_hidden(tmp_path):
    searches = read_searches(
        [write(tmp_path, many([(100, 50, {}), (30, 4, BLACK), (5, 2, {"who": "Asian"})]))]
    ).searches
    rows = {
        row["group"]: row
        for row in found_by_stratum(searches, Question())
        if row["definition"] == "officer_defined" and row["object"] and row["age"]
    }
    assert (rows["White"]["n"], rows["White"]["share"]) == (100, 0.5)
    assert (rows["Black"]["n"], rows["Black"]["share"], rows["Black"]["status"]) == (30, None, "suppressed")
    assert (rows["Asian"]["n"], rows["Asian"]["share"]) == (None, None)


@pytest.mark.slow
def test_the_outcome_test_errs_as_often_as_it_says():
    rng = np.random.default_rng(4)
    wrong = 0
    rounds = 300
    for _ in range(rounds):
        n = 1500
        group = rng.random(n) < 0.4
        weapons = rng.random(n) < np.where(group, 0.5, 0.1)
        found = (rng.random(n) < np.where(weapons, 0.15, 0.3)).astype(float)
        table = pd.DataFrame(
            {
                "day": rng.integers(0, 60, n).astype(str),
                "latitude": rng.integers(0, 300, n).astype(float),
                "longitude": 0.0,
                "officer_defined": np.where(group, "Black", "White"),
                "self_defined": "Unknown",
                "object": np.where(weapons, "Offensive weapons", "Controlled drugs"),
                "age": "18-24",
                "legislation": "law",
                "month": "2024-03",
                "positive": found,
                "is_linked": np.nan,
            }
        )
        row = next(
            r for r in outcome_tests(table, Question()) if r["group"] == "Black" and r["status"] == "ok"
        )
        within = next(one for one in row["within"] if one["strata"] == ["object", "age"])
        wrong += not within["lower"] < 1 < within["upper"]
    assert 0.02 <= wrong / rounds <= 0.08
