import re
from datetime import date

import pytest

from riskmodel.explain.offers import Offer
from riskmodel.explain.person import ConceptEffect, Factor, LastEvent, Person, PersonExplanation
from riskmodel.publish.icons import icon_array
from riskmodel.publish.person_page import PersonPage, page_record, person_page, write_person_page
from riskmodel.publish.spec import CardSpec
from riskmodel.study import load_study
from riskmodel.tables.days import to_day

WORDS = CardSpec(past="came to harm from violence", front_door="Call the front door on 020 0000 0000.")


def factor(sentence, *, last=None, agency="school"):
    return Factor("a__count__365d", sentence, "exclusion", agency, 0.5, last)


def effect(concept, *factors, contribution=0.5):
    return ConceptEffect(concept, contribution, "a lot", factors)


def explanation(**changed):
    person = {"subject_id": 424242, "index_day": to_day(date(2024, 9, 1)), "risk": 0.0342, "lower": 0.026, "upper": 0.0451,
              "base_rate": 0.0203, "outcome_phrase": "came to harm from violence", "horizon_days": 365}  # fmt: skip
    parts = {
        "raised": (effect("exclusion from school", factor("Suspended from school: 3 times in the past year.", last=LastEvent(to_day(date(2024, 3, 5)), "EDU"))),),
        "lowered": (), "strengths": (), "unknown": ("Nothing could be read from health services.",),
        "offers": (Offer("A mentor", "Moderate: 21% less.", ("exclusion from school",)),),
    }  # fmt: skip
    changed_person = {key: changed.pop(key) for key in list(changed) if key in person}
    return PersonExplanation(person=Person(**(person | changed_person)), **(parts | changed))


def page(explained=None, **changed):
    fields = {"words": WORDS, "model_label": "Scorecard", "simulated": True, "reference": None}
    return PersonPage(explanation=explained or explanation(), **(fields | changed))


def plain(html):
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("&#39;", "'")


def test_natural_frequencies_stand_for_the_score():
    text = plain(person_page(page()))
    assert (
        "Of 1,000 young people with records like this, about 34 came to harm from violence within a year; "
        "across the borough, about 20."
    ) in text
    assert "it is likely to be between 26 and 46 of 1,000. This range is not about one young person." in text
    assert "0.034" not in text
    assert "3.4%" not in text


def dark(picture):
    before, found, _ = picture["svg"].partition('stroke="#2b5f82"')
    return before.rsplit("<path", 1)[1].count("h0") if found else 0


def test_each_picture_has_a_hundred_dots_and_says_how_many_are_dark():
    pictures = page_record(page())["estimate"]["pictures"]
    assert [dark(one) for one in pictures] == [3, 2]
    assert [one["svg"].count("h0") for one in pictures] == [100, 100]
    assert [one["words"] for one in pictures] == [
        "Young people with records like this: about 3 of 100, likely between 2 and 5",
        "All young people in the borough: about 2 of 100",
    ]
    rare = page_record(page(explanation(risk=0.004, lower=None)))["estimate"]["pictures"][0]
    assert (dark(rare), rare["words"]) == (0, "Young people with records like this: fewer than 1 of 100")


def test_no_estimate_is_said_and_is_not_a_low_one():
    silent = explanation(risk=None, lower=None, upper=None)
    record, text = page_record(page(silent)), plain(person_page(page(silent)))
    assert record["estimate"]["words"].startswith("Not enough information.")
    assert "That is not a low estimate" in text
    assert "that never needs a score" in text
    assert record["estimate"]["pictures"] == []
    assert "dark dots" not in text
    assert "What raised the estimate" not in text
    missing = text.index("Nothing could be read from health services.")
    assert text.index("What could not be read") < missing < text.index("What might help")
    assert text.count("Nothing could be read from health services.") == 1


def test_where_no_missing_fact_may_be_named_the_page_still_says_what_is_missing():
    silent = explanation(risk=None, lower=None, upper=None, unknown=())
    assert "Most of what the model reads." in plain(person_page(page(silent)))


@pytest.mark.parametrize(
    ("lower", "upper", "words"),
    [(0.03, 0.05, "between 30 and 50 of"), (0.0304, 0.0501, "between 30 and 51 of"), (0.0, 1.0, "between 0 and 1,000 of")],
)  # fmt: skip
def test_limits_are_rounded_outwards(lower, upper, words):
    assert words in plain(person_page(page(explanation(risk=0.04, lower=lower, upper=upper))))


def test_without_a_borough_rate_or_interval_nothing_is_made_up():
    record = page_record(page(explanation(base_rate=None, lower=None)))
    assert record["estimate"]["words"].endswith("within a year.")
    assert len(record["estimate"]["pictures"]) == 1
    text = plain(person_page(page(explanation(base_rate=None, lower=None))))
    assert "There is no range for one person here. The number is uncertain;" in text
    assert "likely to be between" not in text
    assert "no range" not in plain(person_page(page()))


def test_what_harm_is_counted_stands_under_the_estimate():
    meaning = "This is about being hurt by somebody else. It says nothing about hurting others."
    text = plain(person_page(page(words=WORDS.model_copy(update={"meaning": meaning}))))
    assert text.index("about 20.") < text.index(meaning) < text.index("What raised")
    assert load_study(None).card.meaning == meaning
    assert "<p></p>" not in person_page(page())


def test_danger_and_purpose_come_before_everything():
    text = plain(person_page(page()))
    heads = ["Simulated young person", "Call 999", "never be used for policing", "What the model estimates", "What raised", "What lowered",
             "Strengths", "does not know", "What might help", "You decide"]  # fmt: skip
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    assert "020 0000 0000" in text
    assert "A referral never needs this page or a score." in text
    assert "shared with the police or any enforcement body" in text


def test_facts_carry_date_and_agency():
    text = plain(person_page(page()))
    assert "Suspended from school: 3 times in the past year. Last recorded by school, 5 March 2024." in text
    plain_fact = effect("care", factor("In care: no.", agency="the care record"), contribution=-0.2)
    assert "In care: no. From the care record." in plain(
        person_page(page(explanation(lowered=(plain_fact,))))
    )


def test_what_lasts_says_since_when():
    sen = factor("On special educational needs support now: yes.", last=LastEvent(17444, "EDU", ongoing=True))
    text = plain(person_page(page(explanation(raised=(effect("needs", sen),), strengths=(sen,)))))
    assert text.count("support now: yes. Since 5 October 2017, recorded by school.") == 2
    assert "Last recorded" not in text


def test_one_sentence_about_what_is_never_printed_stands_far_from_the_reasons_on_every_page():
    sentence = "Some records are never printed on this page. Look in the services' own systems."
    empty = explanation(raised=(), offers=(), unknown=(), risk=None, lower=None, upper=None)
    for shown in (explanation(), explanation(social_care_now=True), empty):
        text = plain(person_page(page(shown)))
        assert text.count(sentence) == 1
        assert text.index("You decide") < text.index(sentence)
        assert "not printed" not in text


def test_the_social_worker_is_asked_before_any_offer():
    first = "Speak with the allocated social worker first."
    text = plain(person_page(page(explanation(social_care_now=True))))
    assert text.index("What might help") < text.index(first) < text.index("A mentor")
    assert first in plain(person_page(page(explanation(social_care_now=True, offers=()))))
    assert first not in plain(person_page(page()))


def test_the_young_person_is_seen_alone_before_anyone_talks_with_the_family():
    text = plain(person_page(page()))
    assert (
        text.index("You decide")
        < text.index("Where home may be unsafe, first see the young person alone.")
        < text.index("family only where that is safe")
    )


def test_the_kind_of_model_is_for_the_foot_of_the_page_and_boxes_are_for_paper():
    html = person_page(page(model_label="Additive curves (EBM)"))
    assert html.count("Additive curves (EBM)") == 1
    assert html.index("<footer>") < html.index("Additive curves (EBM)")
    assert '<div class="paper">\n<p><span class="boxes">☐' in html
    assert ".paper { display: none; }\n@media print { .paper { display: block; }" in html


def test_the_page_holds_no_identifier_and_no_script():
    html = person_page(page())
    assert "424242" not in html
    assert not re.search(r"<script|javascript:|\son\w+=|<link|src=|https?://(?!www\.w3\.org)", html)
    assert "a__count__365d" not in html


def test_reference_banner_and_empty_parts():
    text = plain(
        person_page(page(explanation(raised=(), offers=()), reference="<i>case 12</i>", simulated=False))
    )
    assert "Simulated" not in text
    assert "&lt;i&gt;case 12" in text
    assert "No fact on this page raised it." in text
    assert "Ask what would help." in text
    assert "The records show none. That does not mean there are none." in text


def test_the_page_is_written_whole(tmp_path):
    write_person_page(page(), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == person_page(page())
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(("filled", "total", "rows"), [(0, 100, 5), (100, 100, 5), (3, 95, 5), (1, 1000, 50)])
def test_icon_array(filled, total, rows):
    svg = icon_array(filled, total=total, words='a "word" <b>')
    assert svg.count("h0") == total
    assert f" 200 {rows * 10}" in svg.split("viewBox=")[1].split(">")[0]
    assert "&lt;b&gt;" in svg


def test_an_impossible_picture_is_refused():
    with pytest.raises(ValueError, match="between none and all"):
        icon_array(11, total=10, words="x")
