import copy
import json
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.card import BANNER, JUSTICE, CardInputs, build_card, write_card
from riskmodel.publish.pages import render_html, render_markdown
from riskmodel.publish.plots import run_figures

RAW = json.loads((Path(__file__).parents[2] / "golden" / "card_inputs.json").read_text(encoding="utf-8"))
SCHEMA = json.loads(
    files("riskmodel.publish").joinpath("schemas/card.schema.json").read_text(encoding="utf-8")
)


def card(**changed):
    raw = copy.deepcopy(RAW)
    raw.update(changed)
    return build_card(CardInputs.from_json(raw), Disclosure())


@pytest.fixture(scope="module")
def record():
    return card()


@pytest.fixture(scope="module")
def html(record):
    return render_html("card.html.jinja", {"card": record, "figures": {}})


@pytest.fixture(scope="module")
def markdown(record):
    return render_markdown("card.md.jinja", {"card": record})


def plain(text):
    text = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    text = (
        re.sub(r"<[^>]+>", " ", text)
        .replace("\u00a0", " ")
        .replace("&#39;", "'")
        .replace("\\", "")
        .replace("*", "")
    )
    return re.sub(r"\s+", " ", text)


def every_result(value):
    if isinstance(value, dict):
        if "words" in value and "estimate" in value:
            yield value
        for inner in value.values():
            yield from every_result(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from every_result(inner)


def test_the_record_follows_its_schema(record):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(record, SCHEMA)


def test_the_schema_refuses_a_number_without_support(record):
    broken = copy.deepcopy(record)
    cell = next(one for one in every_result(broken) if one["status"] == "suppressed")
    cell["estimate"] = 0.5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def test_numbers_in_words_are_the_numbers_in_the_record(record):
    seen = 0
    for one in every_result(record):
        numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", one["words"])]
        wanted = [one[end] for end in ("estimate", "lower", "upper") if one[end] is not None]
        assert numbers == pytest.approx(wanted, abs=1e-9)
        seen += bool(numbers)
    assert seen > 50


@pytest.mark.parametrize("page", ["html", "markdown"])
def test_the_pages_show_what_the_record_says(request, record, page):
    text = plain(request.getfixturevalue(page))
    for policy in record["headline"]["policies"]:
        for key in ("harmed_per_100_offered", "offered_per_100_harmed"):
            assert policy["label"] in text
            assert policy[key]["words"] in text
    for table in record["fairness"]["attributes"]:
        for group in table["groups"]:
            for cell in group["cells"].values():
                assert f"{cell['words']}" in text
    for one in [
        *record["limits"],
        *record["absent"],
        *record["purpose"]["forbidden"],
        record["headline"]["referral"],
    ]:
        assert re.sub(r"\s+", " ", one) in text
    for number in ("268,310", "67,125", "hidden"):
        assert number in text


def test_the_numbers_worked_out_by_hand(record):
    chosen = record["headline"]["policies"][0]
    # precision .0931 (.0751 to .1121) and recall .2312 (.1902 to .2742) in the inputs
    assert chosen["harmed_per_100_offered"]["words"] == "9.3 (7.5 to 11.2)"
    assert chosen["offered_per_100_harmed"]["words"] == "23 (19 to 27)"
    assert chosen["main"]
    assert record["headline"]["policies"][-1]["harmed_per_100_offered"]["estimate"] == pytest.approx(
        2.05, abs=0.051
    )


@pytest.mark.parametrize("page", ["html", "markdown"])
def test_the_order_of_the_page(request, page):
    text = plain(request.getfixturevalue(page))
    heads = [
        BANNER, "Never for", "If support were offered this way", "The data", "What it looks for",
        "Who is absent from the data", "How good it is", "Who it misses", "Limits", "Decisions for the board", "How it was made",
    ]  # fmt: skip
    places = [text.index(head) for head in heads]
    assert places == sorted(places)


def test_the_page_is_self_contained_and_has_no_script(html):
    assert not re.search(r"<script|javascript:|\son\w+=|<link|@import|src=|https?://(?!www\.w3\.org)", html)
    assert '<meta name="viewport"' in html
    assert "default-src 'none'" in html


def test_small_counts_never_reach_the_card():
    raw = copy.deepcopy(RAW)
    raw["attrition"]["steps"][-1] = {"rule": "nobody objected", "rows_left": 7, "removed": 198394}
    shown = card(attrition=raw["attrition"])["data"]["attrition"][-1]
    assert shown == {"rule": "nobody objected", "rows_left": None, "removed": 198395}
    # The fixture's `count` family rests on 7 outcomes for net benefit.
    family = next(one for one in card()["performance"]["families"] if one["family"] == "count")
    assert family["metrics"]["net_benefit"]["words"] == "not shown: too few young people"


def test_a_stricter_rule_hides_more():
    strict = build_card(CardInputs.from_json(RAW), Disclosure(threshold=700))
    assert {one["status"] for one in every_result(strict["performance"])} <= {
        "suppressed",
        "undefined",
        "missing",
        "ok",
    }
    assert strict["performance"]["full"]["auroc"]["status"] == "suppressed"


def test_real_data_carry_no_banner(html):
    real = card(study={**RAW["study"], "data": {"kind": "extracts"}})
    assert real["banner"] is None
    assert BANNER not in render_html("card.html.jinja", {"card": real, "figures": {}})
    assert BANNER not in render_markdown("card.md.jinja", {"card": real})
    assert BANNER in html


def test_a_justice_outcome_is_for_analysis_only():
    justice = card(outcome={**RAW["outcome"], "kind": "justice"})
    assert justice["purpose"]["forbidden"][0] == JUSTICE
    assert justice["purpose"]["for"] == []
    assert [one["name"] for one in justice["decisions"]][:2] == ["sound", "never"]
    assert "For\n" not in render_markdown("card.md.jinja", {"card": justice}).split("Never for")[0]
    jsonschema.validate(justice, SCHEMA)


def test_the_referral_route_is_compared_or_said_to_be_missing(record):
    assert "cannot be compared" in record["headline"]["referral"]
    assert card(referral_recorded=True)["headline"]["referral"] is None


def test_a_study_without_a_later_test_says_how_it_was_measured():
    metrics = copy.deepcopy(RAW["metrics"])
    for model in metrics["models"].values():
        model["crossfit"] = model.pop("test_all")
        model.pop("test_new", None)
    shown = card(metrics=metrics)
    assert shown["performance"]["split"] == "crossfit"
    assert "left out in turn" in shown["headline"]["population"]


def test_what_was_not_looked_at_is_said(record):
    assert record["proxies"] == ["Nobody checked whether the records give away a person's group."]
    bare = card(importance={}, fairness={"rows": []}, notes=[])
    assert bare["factors"] == []
    assert bare["fairness"]["summary"].startswith("No difference between groups was judged")
    assert [d["name"] for d in bare["decisions"]] == ["outcome", "benefit", "capacity", "absent", "study-1"]
    for template in ("card.md.jinja", "card.html.jinja"):
        render = render_html if "html" in template else render_markdown
        assert "Not measured." in render(template, {"card": bare, "figures": {}})


def test_gaps_that_could_not_be_seen_are_stated(record):
    assert (
        "By ethnicity, this audit could not have seen a gap smaller than 21 of 100 in the share of those who came to "
        "harm from violence who would be missed."
    ) in record["limits"]
    fairness = {**RAW["fairness"], "detectable_gaps": [{"attribute": "sex", "metric": "odd", "gap": None}]}
    assert not any("could not have seen" in one for one in card(fairness=fairness)["limits"])


def test_verdicts_in_words(record):
    fairness = record["fairness"]
    assert fairness["exceeds"] == [
        "Ethnicity, Black: how many who came to harm from violence would be missed: 84 (78 to 90) of 100."
    ]
    assert fairness["undecided"][0].endswith("Mixed, Other, Unknown.")
    cells = {g["group"]: g["cells"]["fnr"] for g in fairness["attributes"][0]["groups"]}
    assert cells["Black"]["verdict_words"] == "larger than the agreed limit"
    assert cells["Other"]["words"] == "not shown: too few young people"
    assert cells["Unknown"]["words"] == "cannot be worked out from these data"
    # Hand count over the fixture's selected model: 24 rows with a verdict other than none.
    assert sum(fairness["counts"][v] for v in ("within", "exceeds", "inconclusive", "insufficient")) == 24


def test_a_row_of_calibration_is_named_without_a_rate():
    rows = [
        {"model": "logistic", "attribute": "age_band", "group": "10-11", "metric": "calibration_slope", "n_subjects": 500,
         "n_outcomes": 60, "estimate": 0.5, "lower": 0.4, "upper": 0.6, "status": "ok", "verdict": "exceeds"}
    ]  # fmt: skip
    shown = card(fairness={"rows": rows})["fairness"]
    assert shown["exceeds"] == ["Age band, 10-11: how far estimates are spread."]
    assert shown["attributes"][0]["groups"][0]["cells"]["fnr"]["status"] == "missing"


def test_names_cannot_open_markup():
    nasty = "<script>alert(1)</script> | *x* [a](b)"
    shown = card(notes=[nasty])
    page = render_html("card.html.jinja", {"card": shown, "figures": {}})
    text = render_markdown("card.md.jinja", {"card": shown})
    assert "<script" not in page
    assert "<script" not in text.replace("\\<", "")
    assert r"\| \*x\* \[a\](b)" in text


def test_files_and_figures(tmp_path, record):
    curves = {
        "reliability": [{"risk": 0.01, "observed": 0.012, "lower": 0.01, "upper": 0.02, "n_subjects": 500, "n_outcomes": 40, "status": "ok"},
                        {"risk": 0.5, "observed": 0.987, "lower": 0.6, "upper": 1.0, "n_subjects": 60, "n_outcomes": 3, "status": "ok"}],
        "decision_curve": [{"threshold": 0.02, "net_benefit": 0.004, "lower": 0.001, "upper": 0.006, "everyone": 0.0, "nobody": 0.0, "n_subjects": 500, "n_outcomes": 40, "status": "ok"}],
    }  # fmt: skip
    explanations = {"models": {"logistic": {"spread": []}}, "selected": "logistic"}
    drawn = run_figures(record, curves=curves, explanations=explanations, disclosure=Disclosure())
    assert set(drawn) == {
        "offers", "selection", "attrition", "importance", "reliability", "decision_curve", "spread",
        "fairness-ethnicity", "fairness-sex", "fairness-age_band",
    }  # fmt: skip
    assert "98.7" not in drawn["reliability"]  # a group with three outcomes is not drawn
    write_card(record, tmp_path, figures=drawn)
    assert json.loads((tmp_path / "card.json").read_text()) == record
    page = (tmp_path / "card.html").read_text()
    assert page.count("<svg") == len(drawn)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert (tmp_path / "card.md").read_text().startswith("# Model card: demo")


def test_a_run_without_curves_has_fewer_figures(record):
    drawn = run_figures(record, curves={}, explanations={}, disclosure=Disclosure())
    assert not {"reliability", "decision_curve", "spread"} & set(drawn)


@pytest.mark.parametrize("page", ["html", "markdown"])
def test_words_about_people(request, page):
    text = plain(request.getfixturevalue(page)).lower()
    for word in ("offender", "high-risk", "unbiased", "fair model", "debias", "suspect list"):
        assert word not in text


def test_the_reason_names_families_as_a_reader_knows_them(record):
    assert record["performance"]["reason"] == (
        "“Boosted trees (XGBoost)” found most, but “Scorecard (logistic)” is simpler and the difference is within one "
        "standard error."
    )
    assert card(selection={})["performance"]["reason"] is None


def test_a_table_without_a_horizon_and_reports_without_a_summary():
    shown = card(
        outcome={**RAW["outcome"], "horizon_days": None, "description": "was found guilty again"},
        proxies={"rows": []},
    )
    assert shown["headline"]["period"] == "the time that the study followed them"
    assert shown["outcome"]["description"] == "Was found guilty again."
    assert shown["proxies"] == ["The results are in proxies.json."]


def test_a_policy_that_finds_few_is_hidden_on_both_counts():
    policies = copy.deepcopy(RAW["policies"])
    policies[0]["offered_per_100_harmed"]["estimate"] = 1.0  # 6 of 640
    shown = card(policies=policies)["headline"]["policies"][0]
    assert shown["harmed_per_100_offered"]["words"] == "not shown: too few young people"
    assert shown["offered_per_100_harmed"]["words"] == "not shown: too few young people"
