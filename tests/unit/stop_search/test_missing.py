from itertools import product

import pandas as pd
import pytest
from stops_kit import DRUGS, KNIVES, many, search, write

from riskmodel.stop_search import read_searches
from riskmodel.stop_search.benchmarks import Benchmark
from riskmodel.stop_search.limits import cannot_say
from riskmodel.stop_search.missing import bounds, by_month, gaps
from riskmodel.stop_search.question import Question


def month(number, rows, **changes):
    return [{**row, "Date": f"2024-{number:02d}-10T12:00:00+00:00", **changes} for row in rows]


def test_blank_months_and_columns_never_filled_are_named(tmp_path):
    rows = [search(), search(sex="Female"), search(**KNIVES)]
    blank = {"Age range": "", "Latitude": "", "Longitude": ""}
    path = write(tmp_path, [*month(3, rows), *month(4, rows, **blank), *month(5, rows)])
    reading = read_searches([path])
    found = gaps(reading.searches)
    assert found["never_filled"] == ["linked"]
    assert [(row["month"], row["column"], row["share"]) for row in found["blank_months"]] == [
        ("2024-04", "age", 1.0),
        ("2024-04", "latitude", 1.0),
    ]
    said = cannot_say(reading.report, found, ages=True)
    more = set(cannot_say(reading.report, found, ages=False)) - set(said)
    assert [words.startswith("No count of residents by age within an ethnic group") for words in more] == [
        True
    ]
    assert said[:3] == [
        "No row says whether the outcome had to do with what was looked for.",
        "In April 2024 most rows do not say age.",
        "In April 2024 most rows do not say the place.",
    ]


def test_a_column_that_is_often_blank_is_named_once(tmp_path):
    rows = [
        search(linked="True"),
        search(sex="Female"),
        search(linked="False", sex="Female"),
        search(**KNIVES),
    ]
    path = write(tmp_path, [row for number in (3, 4, 5) for row in month(number, rows)])
    reading = read_searches([path])
    found = gaps(reading.searches)
    assert (found["often_blank"], found["blank_months"], found["never_filled"]) == ({"linked": 0.5}, [], [])
    assert cannot_say(reading.report, found, ages=True)[0] == (
        "Of 100 rows, 50 do not say whether the outcome had to do with what was looked for."
    )


def test_months_in_which_the_object_was_written_from_the_law(tmp_path):
    stolen = {"Object of search": "Stolen goods", "Legislation": KNIVES["Legislation"]}
    usual = many([(60, 0, DRUGS), (40, 0, KNIVES), (40, 0, stolen)])
    from_law = many([(60, 0, DRUGS), (80, 0, stolen)])
    searches = read_searches([write(tmp_path, [*month(3, from_law), *month(4, usual)])]).searches
    assert gaps(searches)["object_from_law"] == ["2024-03"]
    always = read_searches([write(tmp_path / "b", [*month(3, from_law), *month(4, from_law)])]).searches
    assert gaps(always)["object_from_law"] == []


def test_month_by_month_counts(tmp_path):
    rows = many([(12, 6, {}), (4, 2, {"who": "Black"})])
    found = by_month(read_searches([write(tmp_path, rows)]).searches, Question())
    assert [row["month"] for row in found] == ["2024-03"]
    assert found[0]["n"] == 16
    assert found[0]["by_ethnicity"]["officer_defined"]["White"] == 12
    assert found[0]["by_ethnicity"]["officer_defined"]["Black"] is None
    assert found[0]["positive_share"] == 0.5


def test_bounds_are_what_no_way_of_filling_in_can_pass(tmp_path):
    rows = many([(25, 13, {}), (23, 11, {"who": "Black"}), (3, 2, {"who": ""})])
    rows += [search(outcome="", who="Black")]
    searches = read_searches([write(tmp_path, rows)]).searches
    counts = pd.DataFrame({"ethnicity": ["White", "Black"], "count": [200.0, 100.0]})
    found = {
        row["of"]: row
        for row in bounds(searches, [Benchmark("residents", "residents", counts)], Question())
        if (row["definition"], row["group"]) == ("officer_defined", "Black")
    }
    assert found["residents"]["ratio"] == pytest.approx(24 / 25 * 2)
    assert found["residents"]["low"] == pytest.approx(24 / 28 * 2)
    assert found["residents"]["high"] == pytest.approx(27 / 25 * 2)
    tried = []
    for given, blank in product(
        product("BWN", repeat=3), (0, 1)
    ):  # each unknown search to a group, or left out
        hits, n = {"B": 11 + blank, "W": 13}, {"B": 24, "W": 25}
        for group, outcome in zip(given, (1, 1, 0), strict=True):
            if group != "N":
                hits[group] += outcome
                n[group] += 1
        tried.append(hits["B"] / n["B"] / (hits["W"] / n["W"]))
    assert found["positive"]["low"] == pytest.approx(min(tried))
    assert found["positive"]["high"] == pytest.approx(max(tried))
    assert found["positive"]["ratio"] == pytest.approx((11 / 23) / (13 / 25))


def test_bounds_do_not_tell_a_number_that_is_hidden(tmp_path):
    """Nine of thirty searches of Black people came to something: fewer than ten."""
    searches = read_searches([write(tmp_path, many([(40, 20, {}), (30, 9, {"who": "Black"})]))]).searches
    rows = bounds(searches, [], Question())
    assert not [row for row in rows if row["group"] == "Black" and row["of"] == "positive"]
