"""The scorecard's page: every answer in words, nothing lost, nothing that may not be shown."""

import json

import pytest

from riskmodel.publish.scorecard import (
    LOSS_HEAD,
    ScorecardFacts,
    part_words,
    scorecard_check,
    scorecard_record,
    verdict,
    write_scorecard,
)
from riskmodel.tables.features import FeatureInfo


def info(name="f", *, words="times suspended in the past year", unit="times", aggregation="count"):
    return FeatureInfo(name, words, "exclusion", "EDU", unit, 1, aggregation, "365d", ("EDU//X",))


def loss(metric, first=0.3, difference=-0.01, lower=-0.03, upper=0.01):
    second = None if difference is None else first + difference
    return {
        "metric": metric,
        "first": None if difference is None else first,
        "second": second,
        "difference": difference,
        "lower": lower,
        "upper": upper,
    }


def facts(**changes):
    curves = [
        {"name": "f", "cuts": [1.0, 3.0], "scores": [0.0, 0.0, 2.0, 5.0]},
        {"name": "g", "cuts": [0.8976], "scores": [4.0, 3.0, 0.0]},
    ]
    infos = {
        "f": info(),
        "g": info("g", words="share of school sessions attended", unit="share", aggregation="ratio"),
    }
    given = {
        "curves": curves,
        "infos": infos,
        "bands": (1, 4),
        "band_risk": (0.012, 0.03, 0.11),
        "losses": {"crossfit": [loss("auroc", 0.7), loss("brier"), loss("recall_at_capacity")]},
        "past": "came to harm",
        "front_door": "Call the front door.",
        "banner": "Simulated young people: no real person is described.",
        "state": {"base": -4.0},
    }
    return ScorecardFacts(**(given | changes))


@pytest.mark.parametrize(
    ("shape", "cuts", "words"),
    [
        ({}, (1.0, 3.0, 4.0), ["not known", "0", "1 to 2", "3", "4 or more"]),
        ({"aggregation": "in_spell", "unit": "yes or no"}, (1.0,), ["not known", "no", "yes"]),
        ({"aggregation": "days_since_last"}, (), ["never, or not known", "at any time"]),
        ({"aggregation": "days_since_last"}, (90.0,), ["never, or not known", "0 to 89", "90 or more"]),
        ({"aggregation": "last", "unit": "number"}, (), ["not known", "known"]),
        (
            {"aggregation": "ratio", "unit": "share"},
            (0.0056, 0.9),
            ["not known", "less than 0.56%", "0.56% to less than 90%", "90% or more"],
        ),
        ({"aggregation": "sum"}, (1200.5,), ["not known", "less than 1,200.5", "1,200.5 or more"]),
        ({"aggregation": "count"}, (0.5,), ["not known", "less than 0.5", "0.5 or more"]),
    ],
)
def test_every_part_has_words(shape, cuts, words):
    assert part_words(info(**shape), cuts) == words


def test_a_line_says_the_fact_and_the_points_of_each_answer():
    suspended, attended = scorecard_record(facts())["lines"]
    assert suspended["fact"] == "Times suspended in the past year"
    assert suspended["agency"] == "school"
    assert [(one["answer"], one["points"]) for one in suspended["answers"]] == [
        ("0, or not known", 0),
        ("1 to 2", 2),
        ("3 or more", 5),
    ]
    assert [(one["answer"], one["points"]) for one in attended["answers"]] == [
        ("less than 89.76%", 3),
        ("89.76% or more", 0),
        ("not known", 4),
    ]


def test_totals_cover_every_number_of_points_once():
    record = scorecard_record(facts())
    assert record["most"] == 9
    assert [(one["total"], one["of_100"]) for one in record["totals"]] == [
        ("0", "1.2"),
        ("1 to 3", "3"),
        ("4 to 9", "11"),
    ]


def test_only_the_three_losses_that_a_reader_needs_are_shown():
    record = scorecard_record(facts())
    assert record["loss_head"] == list(LOSS_HEAD)
    assert [row[1:] for row in record["losses"]] == [
        ["Ranking (AUROC)", "0.700", "0.690", "-0.010 (-0.030 to +0.010)"],
        ["Found at capacity", "0.300", "0.290", "-0.010 (-0.030 to +0.010)"],
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (loss("recall_at_capacity"), ["find 1 of 100 fewer", "within what chance alone"]),
        (
            loss("recall_at_capacity", difference=0.02, lower=0.01, upper=0.03),
            ["2 of 100 more", "more than chance"],
        ),
        (loss("recall_at_capacity", difference=0.0, lower=0.0, upper=0.0), ["as many", "within what chance"]),
        (
            loss("recall_at_capacity", difference=None, lower=None, upper=None),
            ["Too few young people to say"],
        ),
        (loss("auroc"), ["Too few young people to say"]),
    ],
)
def test_the_verdict_is_about_those_found_on_the_last_split(row, words):
    said = verdict({"crossfit": [loss("recall_at_capacity", difference=-0.5)], "test_all": [row]})
    if row["metric"] == "auroc":
        said = verdict({"test_all": [row]})
    for one in words:
        assert one in said


def test_a_hidden_loss_stays_hidden():
    hidden = loss("recall_at_capacity", difference=None, lower=None, upper=None)
    record = scorecard_record(facts(losses={"test_all": [hidden]}))
    assert record["losses"][0][2:] == ["not shown"] * 3


def test_the_files(tmp_path):
    record = scorecard_record(facts(past="came to <b>harm</b>"))
    write_scorecard(record, tmp_path)
    page, text = ((tmp_path / f"scorecard.{end}").read_text() for end in ("html", "md"))
    assert json.loads((tmp_path / "scorecard.json").read_text()) == record
    assert "came to &lt;b&gt;harm&lt;/b&gt;" in page
    assert "<b>" not in page.replace("<body>", "")
    assert "<script" not in page
    assert "call 999" in page
    assert "call 999" in text
    assert "size: A4" in page
    assert "| Times suspended in the past year (school) | 3 or more | 5 |" in text
    assert "| Share of school sessions attended (school) | not known | 4 |" in text
    for row in text.splitlines():
        if row.startswith("|"):
            assert row.endswith("|")


def test_the_card_names_the_page_and_repeats_its_losses():
    record = scorecard_record(facts())
    check = scorecard_check(record)
    assert check.name == "scorecard"
    assert "2 facts, at most 9 points" in check.sentences[0]
    assert check.sentences[1] == record["verdict"]
    assert list(check.rows) == record["losses"]
