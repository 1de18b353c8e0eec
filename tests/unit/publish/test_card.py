import copy
import json
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.card import BANNER, JUSTICE, CardInputs, build_card, write_card
from riskmodel.publish.inputs import feature_facts
from riskmodel.publish.pages import render_html, render_markdown
from riskmodel.publish.plots import run_figures
from riskmodel.publish.selection import CHOSEN_ON
from riskmodel.tables.features import FeatureInfo

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


SAID = {
    "support": "Mentors for 60 young people a year",
    "consulted": "A youth panel: it asked for fewer questions.",
    "complaints": "Any worker, or the data protection officer.",
}


@pytest.mark.parametrize("silent", [(), ("consulted",), tuple(SAID)])
def test_what_stands_around_the_model_is_said_or_asked(silent):
    words = RAW["words"] | {name: text for name, text in SAID.items() if name not in silent}
    told = card(words=words)
    jsonschema.validate(told, SCHEMA)
    assert [one["name"] for one in told["arrangements"] if one["answer"] is None] == list(silent)
    assert ("arrangements" in [one["name"] for one in told["decisions"]]) == bool(silent)
    for template, render in (("card.md.jinja", render_markdown), ("card.html.jinja", render_html)):
        text = plain(render(template, {"card": told, "figures": {}}))
        assert text.count("the study does not say.") == len(silent)
        for name in set(SAID) - set(silent):
            assert SAID[name].rstrip(".") + "." in text


def test_a_model_that_may_score_nobody_has_nothing_around_it():
    told = card(outcome=RAW["outcome"] | {"kind": "justice"})
    assert told["arrangements"] == []
    assert "What stands around the model" not in render_markdown("card.md.jinja", {"card": told})
    assert "arrangements" not in [one["name"] for one in told["decisions"]]


def test_what_was_not_looked_at_is_said(record):
    assert record["proxies"] == ["Nobody checked whether the records give away a person's group."]
    bare = card(importance={}, fairness={"rows": []}, notes=[])
    assert bare["factors"] == []
    assert bare["fairness"]["summary"].startswith("No difference between groups was judged")
    assert [d["name"] for d in bare["decisions"]] == [
        "outcome",
        "benefit",
        "capacity",
        "absent",
        "arrangements",
        "misuse",
        "study-1",
    ]
    assert [d["name"] for d in bare["decisions"] if d["open"]] == ["absent", "arrangements", "misuse"]
    assert bare["fairness"]["too_few"] is None
    for template in ("card.md.jinja", "card.html.jinja"):
        render = render_html if "html" in template else render_markdown
        assert "Not measured." in render(template, {"card": bare, "figures": {}})


def gaps(**changed):
    row = {"attribute": "sen", "metric": "fnr", "gap": 0.21, "group": "EHCP", "smallest": 0.16, "smallest_group": "No SEN",
           "n_judged": 4, "n_groups": 5} | changed  # fmt: skip
    return card(fairness={**RAW["fairness"], "detectable_gaps": [row]})["fairness"]["gaps"]


def test_gaps_that_could_not_be_seen_are_stated_by_group(record):
    why, ethnicity, sex = record["fairness"]["gaps"]
    assert "do not simply grow as groups get smaller" in why
    assert (
        ethnicity
        == "By ethnicity: from 16 of 100 for Black to 21 of 100 for Mixed. 2 groups had too few to find a gap of any size."
    )
    assert "about 15 of 100 in the group that it measured worst; groups are not named" in sex


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "from 16 of 100 for no special educational needs to 21 of 100 for education, health and care plan (EHCP). One group had too few"),
        ({"gap": 0.16}, "By special educational needs: 16 of 100. One group"),
        ({"smallest_group": "EHCP", "smallest": 0.21, "n_groups": 4}, "By special educational needs: 21 of 100 for education, health and care plan (EHCP)."),
        ({"gap": None, "group": None, "smallest": None, "smallest_group": None, "n_judged": 0}, "in no group were there enough"),
    ],
)  # fmt: skip
def test_the_gap_of_one_attribute_in_words(changed, words):
    assert words in gaps(**changed)[1]


def test_no_gap_and_no_count_says_nothing():
    assert gaps(gap=None, n_judged=None) == []


def test_verdicts_in_words(record):
    fairness = record["fairness"]
    # 400 of 16,000 is 2.5 of 100; odds .02564 / e^.19 = .02120, so 2.076 were expected: 120 for every 100.
    # e^.08: 2.312, 108 (110 to the nearest five); e^.30: 1.864, 134 (135).
    assert fairness["exceeds"] == [
        (
            "Ethnicity: Black. Of those who came to harm from violence, more would be missed than among everyone else: "
            "84 (78 to 90) of 100; everyone together: 77 of 100."
        ),
        (
            "Sex: Male. Estimates were too low, compared with those for everyone else: for every 100 expected in this "
            "group, about 120 (110 to 135) came to harm from violence."
        ),
    ]
    assert fairness["undecided"][0].endswith(
        "are missed among: Mixed, not known; numbers are hidden for: Other."
    )
    cells = {g["group"]: g["cells"]["fnr"] for g in fairness["attributes"][0]["groups"]}
    assert cells["Black"]["verdict_words"] == "larger than the limit"
    assert cells["Other"]["words"] == "not shown: too few young people"
    assert cells["Unknown"]["words"] == "cannot be worked out from these data"
    # Hand count over the fixture's selected model: 25 rows with a verdict other than none; who is reached is not counted.
    assert sum(fairness["counts"].values()) == sum(
        row["model"] == "logistic" and row["verdict"] != "none" and row["metric"] != "tpr"
        for row in RAW["fairness"]["rows"]
    )
    assert fairness["counts"]["exceeds"] == 2


def test_a_hidden_number_says_once_why_and_never_a_wrong_reason(record):
    groups = {g["group"]: g for t in record["fairness"]["attributes"] for g in t["groups"]}
    for group in groups.values():
        for cell in group["cells"].values():
            assert cell["estimate"] is not None or cell["verdict_words"] == ""
    female = groups["Female"]["cells"]["ppv"]
    assert (female["status"], female["verdict"]) == ("protected", "hidden")
    assert female["words"] == "not shown, so that another group's number cannot be worked out"
    assert (groups["Black"]["people"], groups["Black"]["harmed"]["words"]) == (7300, "2.6")
    assert groups["Other"]["harmed"]["words"] == "not shown: too few young people"
    assert groups["Unknown"]["people"] is None
    assert groups["Unknown"]["harmed"]["status"] == "protected"
    assert groups["Male"]["harmed"]["words"] == "not measured"
    assert "Among the hidden ones, 1 is larger than the limit" in record["fairness"]["summary"]


def test_the_limit_is_named_with_who_set_it(record):
    size, whose = record["fairness"]["limit"]
    assert "at most 5 of 100 away from everyone else" in size
    assert "at most about 22 in every 100" in size  # e^.20 is 1.22
    assert "Nobody has agreed to it yet" in whose
    method = RAW["fairness"]["method"]
    chosen = {**method, "tolerance_chosen_by": "the youth council", "tolerance": {**method["tolerance"], "fnr": 0.1, "calibration_intercept": None}}  # fmt: skip
    shown = card(fairness={**RAW["fairness"], "method": chosen})["fairness"]["limit"]
    assert shown == ["The limit: a group may be at most 5 to 10 of 100 away from everyone else.", "It was chosen by the youth council."]  # fmt: skip
    without = {key: value for key, value in RAW["fairness"].items() if key != "method"}
    assert card(fairness=without)["fairness"]["limit"] == ["No record says what the limit is."]


def calibration(**changed):
    row = {"model": "logistic", "attribute": "age_band", "group": "10-11", "metric": "calibration_slope", "n_subjects": 500,
           "n_outcomes": 60, "estimate": 0.5, "lower": 0.4, "upper": 0.6, "status": "ok", "verdict": "exceeds",
           "hidden": None, "direction": "below"} | changed  # fmt: skip
    return card(fairness={"rows": [row]})["fairness"]


def test_calibration_in_words():
    shown = calibration()
    assert shown["exceeds"] == [
        (
            "Age: 10-11. Estimates lie too far apart, compared with those for everyone else: high ones are too high, low "
            "ones too low. The slope was 0.50 (0.40 to 0.60); 1 is right."
        )
    ]
    assert shown["attributes"][0]["groups"][0]["cells"]["fnr"]["status"] == "missing"
    (hidden,) = calibration(metric="calibration_intercept", n_outcomes=None)["exceeds"]
    assert hidden.endswith("estimates were too high, compared with those for everyone else: by how much is not shown, because it could give away small numbers.".replace("estimates", "Estimates", 1))  # fmt: skip
    (unsigned,) = calibration(metric="fpr", direction=None)["exceeds"]
    assert unsigned == (
        "Age: 10-11. How many of those without the outcome would be offered support: 50 (40 to 60) of 100."
    )


def test_the_model_is_shown_on_young_people_it_never_saw_beside_the_headline(record):
    main, unseen = record["headline"]["policies"][:2]
    assert (main["main"], unseen["main"], unseen["name"]) == (True, False, "unseen")
    found = RAW["metrics"]["models"]["logistic"]["test_new"]["recall_at_capacity"]
    assert unseen["offered_per_100_harmed"]["estimate"] == pytest.approx(100 * found["estimate"], abs=0.5)
    assert record["headline"]["policies"][2]["name"] == "count"


def test_offers_and_those_who_did_not_need_them_are_counted(record):
    missed, count, others = record["headline"]["offers"]
    assert missed.startswith(
        "Of 100 young people who, as far as the records tell, came to harm from violence within"
    )
    assert missed.endswith("about 77 (73 to 81) would be offered nothing.")  # 23 (19 to 27) are reached
    assert count == "Over the 2 test dates together, this model would lead to about 1,560 offers."
    # 9.3 (7.5 to 11.2) of 100 would have come to harm.
    assert others.startswith(
        "About 90.7 (88.8 to 92.5) of 100 offers would go to young people who would not have"
    )
    assert len(card(n_offers=None)["headline"]["offers"]) == 2
    assert len(card(n_offers=7)["headline"]["offers"]) == 2
    assert card(policies=RAW["policies"][1:], n_offers=None)["headline"]["offers"] == []


def test_what_the_model_is_told(record):
    text = " ".join(record["inputs"])
    assert "in all: 103" in text
    assert "Ethnicity: never." in text
    assert "as a victim: 8." in text
    assert "among them: 5." in text
    assert "convictions): none." in text
    other = card(features={**RAW["features"], "ethnicity": 1, "enforcement_made": 2})["inputs"]
    assert "Ethnicity is among what it is told: 1." in other
    assert other[-1].endswith("convictions): 2.")
    assert card(features={})["inputs"] == []


def test_feature_facts_by_hand():
    def info(name, *codes, police=False, made=False):
        return FeatureInfo(name, "d", "c", "POLICE", "times", 0, "count", "365d", codes, enforcement_made=made, police_recorded=police)  # fmt: skip

    infos = [
        info("a", "POLICE//VICTIM//ROBBERY", police=True),
        info("b", "POLICE//SUSPECT//VIOLENCE", police=True, made=True),
        info("ethnicity", "SCHOOL//ETHNICITY"),
        info("c", "SCHOOL//SUSPENSION"),
    ]
    assert feature_facts(infos) == {
        "features": 4, "ethnicity": 1, "police_recorded": 2, "police_victim": 1, "enforcement_made": 1,
    }  # fmt: skip


def test_the_outcomes_stand_side_by_side(record):
    chosen, suspect, proven = record["label_bias"]["rows"]
    assert (chosen["chosen"], chosen["reached"]["words"], chosen["others"]) == (True, "23 (19 to 27)", None)
    assert suspect["reached"]["words"] == "36 (29 to 43)"
    assert suspect["others"]["words"] == "41"  # .0205 of .05
    # 4 of 20 were reached: too few to say; nothing was ranked for it.
    assert (proven["reached"]["status"], proven["others"]["status"]) == ("suppressed", "missing")
    assert record["label_bias"]["found_by_justice"]
    reached, why, never = record["label_bias"]["sentences"]
    assert reached.startswith(
        "The offers would reach 23 of 100 young people who came to harm from violence, but 36 of 100 with another outcome: "
    )
    assert why.startswith("Why so was not measured.")
    assert "not a tool to find suspects" in never


def test_a_difference_that_chance_could_make_is_not_explained():
    rows = copy.deepcopy(RAW["label_bias"]["rows"])
    rows[1]["lower"] = 0.25  # below the upper end of the chosen outcome
    rows[3]["estimate"] = 5 / 31210  # five offers
    shown = card(label_bias={**RAW["label_bias"], "rows": rows})["label_bias"]
    assert len(shown["sentences"]) == 1
    assert not shown["found_by_justice"]
    assert shown["rows"][1]["others"]["status"] == "suppressed"
    only = card(label_bias={**RAW["label_bias"], "rows": rows[:1]})["label_bias"]
    assert only["sentences"] == []
    assert card(label_bias={})["label_bias"] == {
        "rows": [], "sentences": ["The alternatives to this outcome were not compared."], "found_by_justice": False,
    }  # fmt: skip


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
    bins = [{"value_median": 1.0, "lower": -0.1, "median": 0.0, "upper": 0.2}]
    spread = [{"description": "times suspended", "unit": "times", "bins": bins}]
    explanations = {"models": {"logistic": {"spread": spread, "unit": "log-odds"}}, "selected": "logistic"}
    drawn = run_figures(record, curves=curves, explanations=explanations, disclosure=Disclosure())
    assert set(drawn) == {
        "offers", "attrition", "importance", "reliability", "decision_curve", "spread",
        "fairness-ethnicity", "fairness-sex", "fairness-age_band",
    }  # fmt: skip
    assert "98.7" not in drawn["reliability"]  # a group with three outcomes is not drawn
    write_card(record, tmp_path, figures=drawn)
    assert json.loads((tmp_path / "card.json").read_text()) == record
    page = (tmp_path / "card.html").read_text()
    assert page.count("<svg") == len(drawn)
    assert page.count("<details>") == len(record["fairness"]["attributes"])
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert (
        (tmp_path / "card.md")
        .read_text()
        .startswith("# Model card: estimates of who later came to harm from violence (study “demo”)")
    )


def test_a_run_without_curves_has_fewer_figures(record):
    drawn = run_figures(record, curves={}, explanations={}, disclosure=Disclosure())
    assert not {"reliability", "decision_curve", "spread"} & set(drawn)


def test_a_figure_without_a_number_is_left_out():
    fairness = copy.deepcopy(RAW["fairness"])
    for row in fairness["rows"]:
        if row["attribute"] == "sex":
            row.update(estimate=None, lower=None, upper=None, status="suppressed", hidden="few")
    bare = card(fairness=fairness, importance={})
    nothing = {"models": {"logistic": {"spread": [{"description": "d", "unit": "times", "bins": []}]}}}
    drawn = run_figures(bare, curves={}, explanations=nothing, disclosure=Disclosure())
    assert not {"fairness-sex", "importance", "spread"} & set(drawn)
    assert "fairness-ethnicity" in drawn


def test_equal_shares_are_listed_and_drawn_in_one_order():
    concepts = [
        {"name": name, "share": share} for name, share in (("zebra", 0.304), ("apple", 0.298), ("mango", 0.4))
    ]
    shown = card(importance={"models": {"logistic": {"concepts": concepts}}})
    assert [one["concept"] for one in shown["factors"]] == ["mango", "apple", "zebra"]
    drawn = run_figures(shown, curves={}, explanations={}, disclosure=Disclosure())["importance"]
    # Text stands as <text transform="translate(x y)" ...>word</text>, or with x and y of its own.
    found = re.findall(
        r'<text[^>]*?(?:translate\([-\d.]+[ ,]([-\d.]+)\)|y="([-\d.]+)")[^>]*>(Mango|Apple|Zebra)<', drawn
    )
    by_height = [word for _, word in sorted((float(one or other), word) for one, other, word in found)]
    assert by_height == ["Mango", "Apple", "Zebra"]


@pytest.mark.parametrize("page", ["html", "markdown"])
def test_words_about_people(request, page):
    text = plain(request.getfixturevalue(page)).lower()
    for word in ("offender", "high-risk", "unbiased", "fair model", "debias", "suspect list"):
        assert word not in text


def test_the_reason_names_families_as_a_reader_knows_them(record):
    assert record["performance"]["reason"] == (
        "“Boosted trees (XGBoost)” found most, but “Logistic regression” is simpler, and the difference is so small that "
        f"chance could easily explain it. {CHOSEN_ON}"
    )
    best = card(selection={"selected": "logistic", "best": "logistic"})["performance"]["reason"]
    assert best.startswith("Of the models that put young people in order well, it found most")
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
