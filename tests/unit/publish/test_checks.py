import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.card import CardInputs, build_card
from riskmodel.publish.checks import Check
from riskmodel.publish.pages import render_html, render_markdown

RAW = json.loads((Path(__file__).parents[2] / "golden" / "card_inputs.json").read_text(encoding="utf-8"))
SCHEMA = json.loads(
    files("riskmodel.publish").joinpath("schemas/card.schema.json").read_text(encoding="utf-8")
)
CHECK = Check(
    "sample_size",
    "Were there enough young people?",
    ("Too few: <100.",),
    head=("What", "Found", "Needed"),
    rows=(("People", "80", "100"),),
)


@pytest.fixture(scope="module")
def record():
    return build_card(CardInputs.from_json({**RAW, "checks": [CHECK.to_json()]}), Disclosure())


def test_a_check_is_part_of_the_record(record):
    jsonschema.validate(record, SCHEMA)
    assert record["checks"] == [CHECK.to_json()]


def test_the_page_shows_sentences_table_and_figure(record):
    page = render_html("card.html.jinja", {"card": record, "figures": {"sample_size": "<svg></svg>"}})
    section = page.split('id="check-sample_size"')[1].split("<h2")[0]
    assert "Too few: &lt;100." in section
    assert (
        '<th scope="row">People</th><td data-label="Found">80</td><td data-label="Needed">100</td>' in section
    )
    assert "<svg></svg>" in section


def test_markdown_shows_the_table(record):
    text = render_markdown("card.md.jinja", {"card": record})
    assert "### Were there enough young people?" in text
    assert "| What | Found | Needed |\n|---|---|---|\n| People | 80 | 100 |\n" in text


def test_a_table_has_a_cell_for_each_heading():
    with pytest.raises(ValueError, match="one cell for each heading"):
        Check("a", "A", ("b",), head=("one",), rows=(("1", "2"),))


def test_the_answer_is_seen_before_the_rest_is_opened(record):
    page = render_html("card.html.jinja", {"card": record, "figures": {}})
    summary = page.split('id="check-sample_size"')[1].split("</summary>")[0]
    assert "Were there enough young people?" in summary
    assert "Too few: &lt;100." in summary
    assert page.count("Too few: &lt;100.") == 1
