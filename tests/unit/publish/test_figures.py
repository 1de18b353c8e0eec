import re
import xml.etree.ElementTree as ET

import pytest

from riskmodel.publish import figures

PAST = "came to harm"


def result(estimate, lower=None, upper=None, words="said"):
    return {"estimate": estimate, "lower": lower, "upper": upper, "words": words}


POLICIES = [
    {
        "label": "Scorecard",
        "main": True,
        "harmed_per_100_offered": result(9.0, 7.0, 11.0),
        "offered_per_100_harmed": result(23.0, 19, 27),
    },
    {
        "label": "Past events",
        "harmed_per_100_offered": result(None, words="not shown: too few"),
        "offered_per_100_harmed": result(100.0),
    },
]
RELIABLE = [
    {"risk": 0.01, "observed": 0.012, "lower": 0.01, "upper": 0.02},
    {"risk": 0.05, "observed": 0.04, "lower": None, "upper": None},
    {"risk": None, "observed": None, "lower": None, "upper": None},
]
CURVE = [
    {"threshold": 0.01, "net_benefit": 0.01, "lower": 0.005, "upper": 0.02, "everyone": 0.009},
    {"threshold": 0.05, "net_benefit": None, "lower": None, "upper": None, "everyone": None},
]
GROUPS = [
    {
        "attribute": "ethnicity",
        "group": "White",
        "estimate": 0.7,
        "lower": 0.6,
        "upper": 0.8,
        "status": "ok",
        "verdict": "within",
    },
    {
        "attribute": "ethnicity",
        "group": "Black",
        "estimate": 0.8,
        "lower": None,
        "upper": None,
        "status": "ok",
        "verdict": "odd",
    },
    {
        "attribute": "ethnicity",
        "group": "Other",
        "estimate": None,
        "lower": None,
        "upper": None,
        "status": "suppressed",
        "verdict": "insufficient",
    },
    {
        "attribute": "ethnicity",
        "group": "Unknown",
        "estimate": None,
        "lower": None,
        "upper": None,
        "status": "undefined",
        "verdict": "insufficient",
    },
    {
        "attribute": "ethnicity",
        "group": "New",
        "estimate": None,
        "lower": None,
        "upper": None,
        "status": "?",
        "verdict": "none",
    },
]
BINS = [
    {"value_median": 0.0, "lower": -0.1, "median": 0.0, "upper": 0.1},
    {"value_median": 2.0, "lower": 0.1, "median": 0.2, "upper": 0.3},
    {"value_median": None, "lower": 0.0, "median": 0.0, "upper": 0.0},
]
SPREAD = [
    {"description": "times suspended", "unit": "times", "bins": BINS},
    {"description": "share of sessions missed", "unit": "share", "bins": BINS[:1]},
    {"description": "on a plan", "unit": "yes or no", "bins": BINS[:2]},
]


def standing(label, found, behind, *, chosen=False):
    """Return a row of the card's ``performance.selection``."""
    return {
        "label": label,
        "chosen": chosen,
        "found": found,
        "found_behind": behind,
        "ordering_behind": behind,
        "words": "chosen" if chosen else "finds clearly fewer",
    }


FAMILIES = [
    standing("Count", {**result(None), "status": "suppressed"}, None),
    standing("Past", result(0.1, 0.05, 0.2), {"estimate": 0.1, "standard_error": 0.05}),
    standing("Scorecard", result(0.2, 0.1, 0.3), {"estimate": 0.0, "standard_error": 0.0}, chosen=True),
]

CAPACITY = [
    {
        "share": share,
        "recall": result(found, found - 0.02, found + 0.02),
        "precision": result(right, right / 2, 2 * right),
    }
    for share, found, right in ((0.01, 0.08, 0.16), (0.02, 0.13, 0.11), (0.1, 0.33, 0.06))
]

ALL = {
    "capacity": lambda: figures.capacity(CAPACITY, own=0.02, past=PAST),
    "offers": lambda: figures.offers(POLICIES, past=PAST),
    "reliability": lambda: figures.reliability(RELIABLE, past=PAST),
    "decision_curve": lambda: figures.decision_curve(CURVE, label="the model"),
    "fairness": lambda: figures.fairness_intervals(GROUPS, title="Missed, of 100", overall=0.75),
    "fairness-no-line": lambda: figures.fairness_intervals(GROUPS, title="Missed, of 100", overall=None),
    "importance": lambda: figures.importance_bars([{"description": "exclusion from school", "share": 0.6}, {"description": "care", "share": 0.4}]),
    "importance-nothing": lambda: figures.importance_bars([{"description": "care", "share": None}]),
    "spread": lambda: figures.spread(SPREAD),
    "spread-nothing": lambda: figures.spread([]),
    "selection": lambda: figures.selection(FAMILIES, past=PAST),
    "attrition": lambda: figures.attrition([{"rule": "aged 10 to 17", "rows_left": 1200}, {"rule": "no objection", "rows_left": None}]),
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    return {name: draw() for name, draw in ALL.items()}


@pytest.mark.parametrize("name", ALL)
def test_a_figure_is_well_formed_named_and_the_same_twice(drawn, name):
    svg = drawn[name]
    assert ALL[name]() == svg
    root = ET.fromstring(svg)  # noqa: S314 - our own text
    assert root.tag.endswith("svg")
    assert root.get("width") is None
    assert root[0].tag.endswith("title")
    assert root[0].text
    assert root[1].tag.endswith("desc")
    assert not re.search(r"<script|<metadata|dc:date|Matplotlib|NaN|nan\b", svg)


@pytest.mark.parametrize("name", ALL)
def test_every_reference_in_a_figure_finds_its_target(drawn, name):
    ids = re.findall(r'\bid="([^"]+)"', drawn[name])
    used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', drawn[name])
    assert {a or b for a, b in used} <= set(ids)


def test_figures_on_one_page_share_no_id(drawn):
    kinds = [
        "capacity",
        "offers",
        "reliability",
        "decision_curve",
        "fairness",
        "importance",
        "spread",
        "selection",
        "attrition",
    ]
    ids = [one for kind in kinds for one in set(re.findall(r'\bid="([^"]+)"', drawn[kind]))]
    assert len(ids) == len(set(ids))


def texts(svg):
    return [re.sub(r"\s+", " ", text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def test_offers_write_the_numbers_and_the_reason_where_there_is_none(drawn):
    shown = texts(drawn["offers"])
    assert {"9", "23", "100", "not shown: too few"} <= set(shown)
    assert "Scorecard: of 100 offered, said came to harm" in drawn["offers"]


def test_groups_that_cannot_be_judged_stay_and_say_why(drawn):
    shown = texts(drawn["fairness"])
    assert {
        "White",
        "Black",
        "Other",
        "Unknown",
        "too few to show",
        "cannot be worked out",
        "not measured",
    } <= set(shown)
    assert "White: 70 of 100 (60 to 80); Black: 80 of 100;" in drawn["fairness"]
    assert "everyone" not in texts(drawn["fairness-no-line"])


def test_suppressed_bins_are_not_drawn(drawn):
    assert (
        "estimated 1.0 of 100, 1.2 came to harm; estimated 5.0 of 100, 4.0 came to harm<"
        in drawn["reliability"]
    )


def test_spread_names_values_in_their_unit(drawn):
    assert {"0 times", "2 times", "not recorded", "0%", "no", "yes"} <= set(texts(drawn["spread"]))


def test_nothing_to_draw_is_said_in_words(drawn):
    assert "Too few young people to show." in texts(drawn["spread-nothing"])
    assert "Nothing moves this model's estimates." in texts(drawn["importance-nothing"])


def test_counts_and_hidden_counts(drawn):
    assert {"1,200", "hidden"} <= set(texts(drawn["attrition"]))


def test_the_chosen_model_is_named(drawn):
    shown = texts(drawn["selection"])
    assert shown.count("Scorecard (chosen)") == 3  # once a panel
    assert shown.count("too few to show") == 3
    assert (
        "Past: finds clearly fewer, 10 of 100 (5 to 20); Scorecard: chosen, 20 of 100" in drawn["selection"]
    )


def test_text_with_markup_or_dollars_is_only_text():
    svg = figures.attrition([{"rule": "<b>x</b> $a_b$ & co", "rows_left": 10}])
    assert ET.fromstring(svg) is not None  # noqa: S314
    assert "<b>" not in svg


def test_a_reader_s_own_style_changes_nothing(drawn):
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "axes.grid": True}):
        assert ALL["offers"]() == drawn["offers"]


def test_capacity_says_its_numbers_and_marks_the_studys_own(drawn):
    assert (
        "offers to 1 of 100: 8 of 100 who came to harm found, 16 of 100 offered came to harm;"
        in drawn["capacity"]
    )
    assert {"This study's capacity", "95% interval"} <= set(texts(drawn["capacity"]))
