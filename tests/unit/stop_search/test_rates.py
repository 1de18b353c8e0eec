import math

import pandas as pd
import pytest
from stops_kit import KNIVES, many, search, write

from riskmodel.stop_search import read_searches
from riskmodel.stop_search.benchmarks import Benchmark
from riskmodel.stop_search.question import Question
from riskmodel.stop_search.rates import rates

RESIDENTS = Benchmark(
    "residents", "residents", pd.DataFrame({"ethnicity": ["White", "Black"], "count": [10_000.0, 2_000.0]})
)


def rated(folder, rows, benchmark=RESIDENTS, **question):
    searches = read_searches([write(folder, rows)]).searches
    return pd.DataFrame(rates(searches, [benchmark], Question(**question)))


def one(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_rates_and_ratios_by_hand(tmp_path):
    rows = many([(100, 10, {}), (60, 5, {"who": "Black"}), (20, 0, {"who": "Black", **KNIVES})])
    table = rated(tmp_path, rows, cluster="none")
    black = one(table, definition="officer_defined", dimension="all", group="Black")
    assert (black["n"], black["per_1000"], black["per_1000_a_year"]) == (80, 40.0, 480.0)
    assert (black["ratio"], black["status"]) == (4.0, "ok")
    error = math.sqrt((1 / 80 + 1 / 100) * 180 / 179)
    assert black["upper"] == pytest.approx(4 * math.exp(1.973305 * error))  # t, 179 degrees of freedom
    drugs = one(
        table, definition="officer_defined", dimension="object", level="Controlled drugs", group="Black"
    )
    assert (drugs["n"], drugs["ratio"]) == (60, 3.0)
    assert one(table, definition="officer_defined", dimension="all", group="White")["status"] == "reference"


def test_small_counts_of_crossings_are_hidden_but_not_those_of_a_force(tmp_path):
    rows = many([(100, 10, {}), (9, 5, {"who": "Black"})])
    table = rated(tmp_path, rows)
    total = one(table, definition="officer_defined", dimension="all", group="Black")
    assert (total["n"], total["status"]) == (9, "few")
    assert pd.isna(total["lower"])
    crossed = one(table, definition="officer_defined", dimension="sex", group="Black")
    assert crossed["status"] == "suppressed"
    assert crossed[["n", "per_1000", "per_1000_a_year", "ratio", "lower", "upper"]].isna().all()
    area = rated(tmp_path / "area", rows, exact_totals=False)
    assert one(area, definition="officer_defined", dimension="all", group="Black")["status"] == "suppressed"


def test_a_benchmark_of_an_age_is_met_by_searches_of_that_age(tmp_path):
    young = Benchmark(
        "young",
        "young",
        pd.DataFrame({"ethnicity": ["White", "Black"], "age": ["10-17"] * 2, "count": [1000.0, 500.0]}),
    )
    rows = many(
        [(50, 0, {"age": "10-17"}), (90, 0, {"age": "25-34"}), (50, 0, {"age": "10-17", "who": "Black"})]
    )
    black = one(rated(tmp_path, rows, young), definition="officer_defined", dimension="all", group="Black")
    assert (black["n"], black["per_1000"], black["ratio"]) == (50, 100.0, 2.0)


def test_a_year_counts_only_months_that_say_what_the_benchmark_asks(tmp_path):
    counts = pd.DataFrame({"ethnicity": ["White", "Black"], "age": ["10-17"] * 2, "count": [1000.0, 500.0]})
    young = Benchmark("young", "young", counts)
    months = ["2024-03", "2024-05", "2024-06"]
    rows = [
        {
            **row,
            "Date": row["Date"].replace("2024-03", month),
            "Age range": "" if month == "2024-06" else "10-17",
        }
        for month in months
        for row in many([(50, 0, {}), (50, 0, {"who": "Black"})])
    ]
    table = rated(tmp_path, rows, young)
    black = one(table, definition="officer_defined", dimension="all", group="Black")
    assert (black["n"], black["per_1000"], black["per_1000_a_year"]) == (100, 200.0, 200.0 * 12 / 2)
    may = one(table, definition="officer_defined", dimension="month", level="2024-05", group="Black")
    assert (may["n"], may["per_1000"], may["per_1000_a_year"]) == (50, 100.0, 1200.0)
    everyone = one(
        rated(tmp_path / "all", rows), definition="officer_defined", dimension="all", group="Black"
    )
    assert (everyone["per_1000"], everyone["per_1000_a_year"]) == (75.0, 300.0)


def test_a_benchmark_by_sex_compares_men_with_women(tmp_path):
    sexes = Benchmark("sexes", "sexes", pd.DataFrame({"sex": ["Female", "Male"], "count": [1000.0, 800.0]}))
    table = rated(tmp_path, many([(80, 0, {}), (20, 0, {"sex": "Female"})]), sexes)
    assert one(table, group="Male")["ratio"] == 5.0
    assert set(table["definition"]) == {"sex"}


def test_nobody_to_divide_by_is_undefined(tmp_path):
    table = rated(tmp_path, many([(30, 0, {"who": "Asian"}), (30, 0, {})]))
    asian = one(table, definition="officer_defined", dimension="all", group="Asian")
    assert asian["status"] == "undefined"
    assert asian[["people", "per_1000", "ratio"]].isna().all()


def test_areas_have_residents_of_their_own(tmp_path):
    searches = read_searches([write(tmp_path, [search(), search(), search(sex="Female")])]).searches
    searches = searches.assign(area=["A", "B", "B"])
    counts = pd.DataFrame({"ethnicity": ["White"] * 2, "area": ["A", "B"], "count": [100.0, 50.0]})
    table = pd.DataFrame(rates(searches, [Benchmark("residents", "residents", counts)], Question()))
    b = table[(table["dimension"] == "area") & (table["level"] == "B") & (table["group"] == "White")]
    assert b["people"].tolist() == [50.0, 50.0]
