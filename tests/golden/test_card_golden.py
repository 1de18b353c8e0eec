"""The card made from a fixture, kept as a file that a person can read and a diff can show."""

import json
import os
from pathlib import Path

from riskmodel.disclosure import Disclosure
from riskmodel.publish.card import CardInputs, build_card
from riskmodel.publish.pages import render_markdown

HERE = Path(__file__).parent


def test_the_card_in_markdown_is_the_one_that_was_read_and_kept():
    """Set RISKMODEL_ACCEPT=1 to keep a new one, after reading the diff."""
    inputs = json.loads((HERE / "card_inputs.json").read_text(encoding="utf-8"))
    text = render_markdown("card.md.jinja", {"card": build_card(CardInputs.from_json(inputs), Disclosure())})
    kept = HERE / "card.md"
    if os.environ.get("RISKMODEL_ACCEPT") == "1":
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")
