import copy
import json
from importlib.resources import files

import jsonschema
import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.card import CardInputs, build_card
from riskmodel.publish.pages import render_html, render_markdown
from riskmodel.publish.plots import run_figures
from riskmodel.publish.selection import CHOSEN_ON, reason, standings

SCHEMA = json.loads(
    files("riskmodel.publish").joinpath("schemas/card.schema.json").read_text(encoding="utf-8")
)


def standing(value, behind, error, *, close):
    return {
        "value": value,
        "lower": value - 0.05,
        "upper": value + 0.05,
        "behind": behind,
        "standard_error": error,
        "close": close,
    }


def family(name, ordering, utility):
    return {
        "family": name,
        "ordering": ordering,
        "utility": utility,
        "good_enough": ordering["close"] and utility["close"],
    }


SELECTION = {
    "selected": "logistic",
    "best": "xgboost",
    "best_ordering": "xgboost",
    "reason": "because",
    "families": [
        family("prior", standing(0.6, 0.2, 0.01, close=False), standing(0.31, -0.01, 0.02, close=True)),
        family("count", standing(0.6, 0.2, 0.01, close=False), standing(0.20, 0.1, 0.02, close=False)),
        family("logistic", standing(0.795, 0.005, 0.01, close=True), standing(0.29, 0.01, 0.02, close=True)),
        family("ebm", standing(0.8, 0.0, 0.01, close=True), standing(0.2, 0.1, 0.02, close=False)),
        family("xgboost", standing(0.8, 0.0, 0.0, close=True), standing(0.3, 0.0, 0.0, close=True)),
    ],
}


def counts(n_outcomes=300, recall=0.3):
    one = {
        "estimate": 0.5,
        "lower": 0.4,
        "upper": 0.6,
        "n_subjects": 5000,
        "n_outcomes": n_outcomes,
        "status": "ok",
    }
    return {"auroc": one, "recall_at_capacity": {**one, "estimate": recall}}


RESULTS = {one["family"]: counts() for one in SELECTION["families"]}


def test_every_family_says_why():
    rows = standings(SELECTION, RESULTS, Disclosure())
    assert {row["family"]: row["words"] for row in rows} == {
        "prior": "puts young people in order clearly less well",
        "count": "puts young people in order clearly less well and finds clearly fewer",
        "logistic": "chosen: the simplest that does well in both",
        "ebm": "finds clearly fewer",
        "xgboost": "does as well, but is less simple",
    }
    assert [row["chosen"] for row in rows] == [False, False, True, False, False]
    assert rows[2]["found"]["words"] == "0.29 (0.24 to 0.34)"
    assert rows[2]["found_behind"] == {"estimate": 0.01, "standard_error": 0.02, "words": "0.01 (± 0.02)"}
    assert rows[4]["ordering_behind"]["words"] == "the best"


def test_the_reason_names_those_left_out_for_their_ordering():
    words = reason(SELECTION)
    assert words == (
        "“Boosted trees (XGBoost)” found most, but “Logistic regression” is simpler, and the difference is so small "
        "that chance could easily explain it. Left out for putting young people in order clearly less well, though about "
        f"as useful: “Past events only”. {CHOSEN_ON}"
    )
    both = copy.deepcopy(SELECTION)
    both["families"][1]["utility"]["close"] = True
    assert "though about as useful: “Past events only”, “Number of risk factors”." in reason(both)


def test_few_people_are_not_shown():
    few = {**RESULTS, "prior": counts(n_outcomes=300, recall=0.01), "count": counts(n_outcomes=8)}
    rows = {row["family"]: row for row in standings(SELECTION, few, Disclosure())}
    # 3 of 300 found is too few, but the ordering rests on all 300.
    few_found = copy.deepcopy(SELECTION)
    few_found["families"][0]["utility"]["value"] = 0.01
    hidden = standings(few_found, few, Disclosure())[0]
    assert (hidden["found"]["estimate"], hidden["found_behind"]) == (None, None)
    assert hidden["ordering"]["estimate"] == 0.6
    assert (rows["count"]["ordering"]["estimate"], rows["count"]["ordering_behind"]) == (None, None)
    assert standings(SELECTION, {}, Disclosure())[0]["found"]["status"] == "missing"


@pytest.fixture(scope="module")
def record():
    from pathlib import Path

    raw = json.loads((Path(__file__).parents[2] / "golden" / "card_inputs.json").read_text(encoding="utf-8"))
    raw["selection"] = SELECTION
    for name in raw["metrics"]["models"]:
        raw["metrics"]["models"][name]["crossfit"] = counts()
    return build_card(CardInputs.from_json(raw), Disclosure())


def test_the_card_shows_table_and_figure_out_of_fold(record):
    jsonschema.Draft202012Validator(SCHEMA).validate(record)
    drawn = run_figures(record, curves={}, explanations={}, disclosure=Disclosure())
    assert "Logistic regression" in drawn["selection"]
    html = render_html("card.html.jinja", {"card": record, "figures": drawn})
    markdown = render_markdown("card.md.jinja", {"card": record})
    assert "| **Logistic regression** | 0.29 (0.24 to 0.34) | 0.01 (± 0.02) |" in markdown
    assert "chosen: the simplest that does well in both" in html
    assert "Why was this model chosen?" in html


def test_a_card_without_a_selection_has_neither(record):
    bare = {**record, "performance": {**record["performance"], "selection": []}}
    assert "selection" not in run_figures(bare, curves={}, explanations={}, disclosure=Disclosure())
    assert "when the choice was made" not in render_markdown("card.md.jinja", {"card": bare})
