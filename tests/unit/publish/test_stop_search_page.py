import copy
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from stops_kit import CENSUS, DRUGS, KNIVES, many, search, write

from riskmodel.publish.figures import stop_search as figures
from riskmodel.publish.stop_search_page import (
    BANNER,
    VERDICTS,
    bar_words,
    found_sentence,
    like_words,
    page_record,
    stop_search_page,
    threshold_words,
)
from riskmodel.stop_search import measure, read_searches
from riskmodel.stop_search.benchmarks import read_population
from riskmodel.stop_search.places import Place, Places
from riskmodel.stop_search.question import Question
from riskmodel.stop_search.report import Against, in_short

SCHEMA = json.loads(
    files("riskmodel.publish").joinpath("schemas/stop_search.schema.json").read_text(encoding="utf-8")
)
VOID = {"meta", "br", "link", "img"}
BLACK = {"who": "Black", "said": "Black/African/Caribbean/Black British - African"}


def square(east, code, decile, town="Anyborough"):
    ring = np.array([[east, 51.4], [east + 0.01, 51.4], [east + 0.01, 51.6], [east, 51.6], [east, 51.4]])
    return Place(code, f"{town} 00{code[-1]}A", (ring,), decile)


MAP = Places((square(-0.015, "E01", 1), square(0.005, "E02", 2), square(0.1, "E03", 9)))


def rows():
    made = many(
        [(400, 140, DRUGS), (60, 6, KNIVES), (300, 90, {**BLACK, **DRUGS}), (200, 25, {**BLACK, **KNIVES})]
    )
    made += many([(30, 12, {"Longitude": "0.01", "who": "Asian"}), (12, 2, {"age": "", "who": ""})])
    return [*made, search(outcome="Given a <b>biscuit</b>"), search(kind="Vehicle search")]


def report(folder, made=None, *, places=MAP, authorities=("Anyborough",)):
    path = write(folder, rows() if made is None else made)
    (folder / "census.csv").write_text(CENSUS)
    population = read_population([folder / "census.csv"])[0] if authorities else read_population([])[0]
    against = Against(population=population, authorities=authorities, places=places)
    return measure(read_searches([path]), against, Question())


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return report(tmp_path_factory.mktemp("stops"))


class Reader(HTMLParser):
    """Checks that tags close, and keeps the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader, " ".join(" ".join(reader.text).split())


def test_the_record_follows_its_schema(record, tmp_path):
    jsonschema.validate(record, SCHEMA)
    jsonschema.validate(report(tmp_path, [search()], places=Places(), authorities=()), SCHEMA)


def test_the_page_is_well_formed_and_loads_nothing(record):
    reader, text = read(stop_search_page(record, MAP))
    assert "script" not in {tag for tag, _ in reader.tags}
    assert not [attrs for _, attrs in reader.tags if "src" in attrs or attrs.get("href", "#")[0] != "#"]
    assert BANNER in text
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {attrs["href"][1:] for tag, attrs in reader.tags if tag == "a"}
    assert links <= set(ids)


def test_what_a_file_says_is_escaped_and_named(record):
    html = stop_search_page(record, MAP)
    assert "<b>biscuit</b>" not in html
    assert "Given a <b>biscuit</b>" in read(html)[1]


def test_the_words_are_written_from_the_numbers(record):
    short = page_record(record)["short"]
    black = next(
        row for row in record["scopes"][0]["rates"]
        if (row["benchmark"], row["definition"], row["dimension"], row["group"]) == ("residents", "officer_defined", "all", "Black")
    )  # fmt: skip
    assert black["n"] == 500
    assert short[2].startswith(
        "All searches in the files: at the pace of these months there are 3000.0 searches a year of Black people"
    )
    assert f"{black['ratio']:.1f} times as many" in short[2]
    assert "23 of 100 searches of Black people came to something, and 32 of 100 of White people" in short[3]
    assert "32 of 100 of White people: 0.72 times as often (" in short[3]
    assert "the difference is smaller, and what is left is the same way round" in short[3]


@pytest.mark.parametrize(
    ("simpson", "ratio", "said"),
    [
        ("holds", 0.7, "the difference stays"),
        ("holds", 0.95, "the difference is smaller"),
        ("vanishes", 0.95, "could be chance"),
        ("reverses", 1.1, "turns the difference round"),
        (None, 0.9, ""),
    ],
)
def test_what_becomes_of_a_difference_like_with_like(simpson, ratio, said):
    words = like_words({"ratio": 0.75}, {"ratio": ratio, "simpson": simpson})
    assert said in words
    assert bool(words) == bool(said)


def test_few_days_have_no_range_and_break_nothing(tmp_path):
    made = many([(300, 90, {}), (200, 40, BLACK)], days=3)
    text = read(stop_search_page(report(tmp_path, made), MAP))[1]
    assert "too few searches, days or places to say with a range" in text
    assert "There is no count of residents" not in text
    test = {
        "group": "Black",
        "share": 0.2,
        "base_share": 0.3,
        "ratio": 0.67,
        "lower": None,
        "upper": None,
        "within": [],
    }
    assert "0.67 times as often (too few days or places for a range)" in found_sentence(test, "White")


def test_the_first_screen_says_what_the_numbers_cannot_say(record):
    text = read(stop_search_page(record, MAP))[1]
    assert "not because that group is how it should be" in text
    assert text.index("None of these numbers says why groups differ") < text.index("How often, for the size")
    html = stop_search_page(record, MAP)
    assert html.index('<h2 id="scope1">') < html.index('<h2 id="scope0">')  # the area comes before the force


def test_what_the_data_cannot_say_is_on_the_page(record):
    text = read(stop_search_page(record, MAP))[1]
    for words in record["cannot_say"]:
        assert words in text
    assert "No row says whether the outcome had to do with what was looked for." in record["cannot_say"]
    assert "It was not asked for." in text


def test_small_numbers_of_the_area_are_not_on_the_page(tmp_path):
    made = many([(300, 90, {}), (7, 2, {"who": "Asian"}), (5, 1, {"Longitude": "0.01"})])
    found = report(tmp_path, made)
    area = found["scopes"][1]
    assert area["by_ethnicity"]["officer_defined"]["Asian"]["n"] is None
    assert [one["n"] for one in found["areas"]] == [307, None, 0]
    assert [row["n"] for row in found["deciles"]] == [307, None, 0]
    assert area["n_searches"] == 312
    assert all(row["n"] is None or row["n"] >= 10 or row["n"] == 0 for row in area["rates"])


def test_without_residents_the_page_says_what_to_do(tmp_path):
    found = report(tmp_path, many([(300, 90, {})]), places=Places(), authorities=())
    (words,) = page_record(found)["short"]
    assert words.startswith("100 of 100 searches were of people whom the officer saw as White.")
    text = read(stop_search_page(found, Places()))[1]
    assert "no rate can be given" in text
    assert "Both tests need a count of residents" in text


def test_dates_that_cannot_be_read_break_nothing(tmp_path):
    found = report(tmp_path, [search(date="soon")], places=Places(), authorities=())
    assert "No date could be read." in read(stop_search_page(found, Places()))[1]
    assert "The date of 1 search could not be read." in found["cannot_say"]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_words(record, verdict):
    changed = copy.deepcopy(record)
    for row in changed["scopes"][0]["combined"]:
        row["verdict"] = verdict
    text = read(stop_search_page(changed, MAP))[1]
    assert (VERDICTS[verdict] in text) is (verdict != "insufficient")


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ((-1, -1, None), "The same holds when we compare like with like."),
        ((-1, 0, -1), "But it may be chance when we compare searches with the same object and age and law."),
        ((0, 0, 0), "But when we compare like with like, what was found differs no more than by chance."),
        ((-1, 1, 0), "But when we compare like with like, it can turn round."),
        ((None, None, None), "There are too few searches to compare like with like."),
    ],
)
def test_both_tests_say_what_every_way_of_like_with_like_says(record, sides, words):
    changed = copy.deepcopy(record)
    names = ("object", "object and age and legislation", "object and age and month")
    for row in changed["scopes"][0]["combined"]:
        row |= {"verdict": "lower_bar", "like_sides": dict(zip(names, sides, strict=True))}
    assert words in read(stop_search_page(changed, MAP))[1]


def test_what_is_clear_is_said_where_the_two_tests_together_are_not(record):
    changed = copy.deepcopy(record)
    for row in changed["scopes"][0]["combined"]:
        row |= {"verdict": "inconclusive", "rate_ratio": 6.0, "rate_lower": 5.0, "rate_upper": 7.0}
        row |= {"found_ratio": 0.9, "found_lower": 0.7, "found_upper": 1.1}
    text = read(stop_search_page(changed, MAP))[1]
    assert "Searched more often: clear. Found more or less often: cannot tell. So the two tests" in text


@pytest.mark.parametrize("status", ["not_asked", "not_installed", "no_benchmark", "too_few"])
def test_why_the_threshold_test_was_not_run(status):
    assert threshold_words({"status": status}).startswith("It was not ")


def test_in_short_leaves_out_the_long_tables(record):
    short = in_short(record)
    jsonschema.validate(short["by_ethnicity"], {**SCHEMA["$defs"]["by_ethnicity"], "$defs": SCHEMA["$defs"]})
    assert "areas" not in short
    assert {row["dimension"] for row in short["scopes"][0]["rates"]} == {"all"}


def test_figures_are_named_for_screen_readers_and_the_same_each_time(record):
    html = stop_search_page(record, MAP)
    assert html == stop_search_page(record, MAP)
    drawn = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert len(drawn) >= 10
    for one in drawn:
        tree = ET.fromstring(one)  # noqa: S314 - our own SVG
        title, words = tree[0], tree[1]
        assert title.text
        assert words.text


def test_ticks_keep_their_distance():
    assert figures._spaced([0.5, 0.9, 1, 1.1, 2, 2.1], 0.3) == [0.5, 1, 2]
    assert [figures.shade(n, [10, 20, 30]) for n in (10, 11, 30, 31)] == [0, 1, 2, 3]


def test_a_ratio_that_cannot_be_given_is_said_in_words():
    rows = [{"label": "Black", "series": "all", "value": None, "lower": None, "upper": None}]
    assert "too few to say" in figures.ratios(rows, name="x", title="t", axis="a")


TESTED = {
    "status": "ok",
    "divided_by": "month",
    "benchmark": "residents",
    "n_areas": 6,
    "n_searches": 1200,
    "groups": [
        {"group": "White", "threshold": 0.3, "lower": 0.25, "upper": 0.35, "n_searches": 700, "probability_lower": None},
        {"group": "Black", "threshold": 0.2, "lower": 0.15, "upper": 0.25, "n_searches": 500, "probability_lower": 0.98},
    ],
    "diagnostics": {
        "chains": 4, "warmup": 500, "draws": 400, "seed": 1, "highest_rhat": 1.01, "fewest_effective_draws": 400.0,
        "divergences": 0, "settled": True,
    },
    "checks": {
        "search_rate": {"cells": 12, "inside": 12, "root_mean_square_error": 0.001},
        "found_rate": {"cells": 12, "inside": 11, "root_mean_square_error": 0.01},
    },
}  # fmt: skip


def test_the_threshold_test_is_shown_with_its_checks(record):
    changed = {**record, "threshold_test": TESTED}
    jsonschema.validate(changed, SCHEMA)
    text = read(stop_search_page(changed, MAP))[1]
    assert "20.0 (15.0 to 25.0)" in text.replace("\u00a0", " ")
    assert "98 of 100" in text
    assert "highest R-hat 1.010" in text
    assert "12 search rates and 11 shares found lie where the model expects 95 of 100" in text
    assert "did not settle" not in text


def test_a_sampler_that_did_not_settle_is_not_to_be_used(record):
    stuck = {**TESTED, "diagnostics": {**TESTED["diagnostics"], "settled": False}}
    text = read(stop_search_page({**record, "threshold_test": stuck}, MAP))[1]
    assert "The sampler did not settle. Do not use these numbers" in text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "threshold_test": {"status": "ok"}}, SCHEMA)


def tried(kind, benchmark, factor, *, settled=True):
    head = {"kind": kind, "benchmark": benchmark, "factor": factor}
    return {**head, "status": "ok", "groups": TESTED["groups"], "settled": settled}


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        (True, "That stands with every number tried."),
        (False, "That does not stand with every number tried."),
        (None, "Whether that stands cannot be said, because a run did not settle."),
    ],
)
def test_other_numbers_of_people_are_shown_and_whether_it_stands(record, stands, said):
    impossible = {
        "kind": "people",
        "benchmark": "residents",
        "factor": 0.5,
        "status": "not_possible",
        "groups": [],
        "settled": None,
    }
    rows = [impossible, tried("people", "residents", 2.0), tried("benchmark", "as-seen", 1.0, settled=False)]
    more = {"rows": rows, "conclusions": [{"group": "Black", "says": "lower_bar", "stands": stands}]}
    changed = {**record, "threshold_test": {**TESTED, "sensitivity": more}}
    jsonschema.validate(changed, SCHEMA)
    text = read(stop_search_page(changed, MAP))[1]
    assert f"Black: the bar is lower than for White, if the model is right. {said}" in text
    assert "half as many ( not possible" in text.replace("(not", "( not")
    assert "twice as many 30.0" in text.replace("\\u00a0", " ")
    assert "as-seen (the sampler did not settle)" in text
    assert "--threshold-sensitivity" not in text


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.98, "the bar is lower than for White, if the model is right."),
        (0.01, "the bar is higher than for White, if the model is right."),
        (0.6, "the test cannot tell whether the bar is lower or higher than for White."),
    ],
)
def test_the_threshold_test_in_words(probability, said):
    white, black = TESTED["groups"]
    found = {**TESTED, "groups": [white, {**black, "probability_lower": probability}]}
    assert bar_words(found, "White") == [f"Black: {said}"]
    stuck = {**found, "diagnostics": {**TESTED["diagnostics"], "settled": False}}
    assert bar_words(stuck, "White") == bar_words({"status": "not_asked"}, "White") == []


def test_a_page_says_how_to_ask_for_other_numbers(record):
    text = read(stop_search_page({**record, "threshold_test": TESTED}, MAP))[1]
    assert "Add --threshold-sensitivity to ask." in text
