import re
from datetime import date

import pytest

from riskmodel.explain.offers import Offer
from riskmodel.explain.person import ConceptEffect, Factor, LastEvent, Person, PersonExplanation
from riskmodel.publish.icons import icon_array
from riskmodel.publish.person_page import PersonPage, page_record, person_page, write_person_page
from riskmodel.publish.spec import CardSpec
from riskmodel.tables.days import to_day

WORDS = CardSpec(past="came to harm from violence", front_door="Call the front door on 020 0000 0000.")


def factor(sentence, *, safe=True, last=None, agency="school"):
    return Factor("a__count__365d", sentence, "exclusion", agency, 0.5, last, safe)


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
    assert "The true number could be anywhere from 26 to 45 of 1,000." in text
    assert "0.034" not in text
    assert "3.4%" not in text


def test_the_picture_has_a_thousand_dots_with_the_same_number_dark():
    pictures = page_record(page())["estimate"]["pictures"]
    assert [
        (one["svg"].split('stroke="#7a2e00"')[0].rsplit("<path", 1)[1].count("h0")) for one in pictures
    ] == [34, 20]
    assert [one["svg"].count("h0") for one in pictures] == [1000, 1000]


def test_no_estimate_is_said_and_is_not_a_low_one():
    record = page_record(page(explanation(risk=None, lower=None, upper=None)))
    assert "That is not a low estimate" in record["estimate"]["words"]
    assert record["estimate"]["pictures"] == []
    assert "dark dots" not in person_page(page(explanation(risk=None, lower=None, upper=None)))


def test_without_a_borough_rate_or_interval_nothing_is_made_up():
    record = page_record(page(explanation(base_rate=None, lower=None)))
    assert record["estimate"]["words"].endswith("within a year.")
    assert record["estimate"]["interval"] is None
    assert len(record["estimate"]["pictures"]) == 1


def test_danger_and_purpose_come_before_everything():
    text = plain(person_page(page()))
    heads = ["Simulated young person", "Call 999", "never be used for policing", "What the model estimates", "What raised", "What lowered",
             "Strengths", "does not know", "What might help", "You decide"]  # fmt: skip
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    assert "020 0000 0000" in text
    assert "A referral never needs this page or a score." in text


def test_facts_carry_date_and_agency():
    text = plain(person_page(page()))
    assert "Suspended from school: 3 times in the past year. Last recorded by school, 5 March 2024." in text
    plain_fact = effect("care", factor("In care: no.", agency="the care record"), contribution=-0.2)
    assert "In care: no. From the care record." in plain(
        person_page(page(explanation(lowered=(plain_fact,))))
    )


def test_what_someone_at_home_must_not_read_is_not_printed():
    secret = factor(
        "Domestic abuse noted: yes.",
        safe=False,
        agency="children's social care",
        last=LastEvent(19000, "CSC"),
    )
    mixed = effect("home", factor("A known fact."), secret)
    shown = explanation(raised=(effect("violence at home", secret), mixed), strengths=(secret,), offers=())
    text = plain(person_page(page(shown)))
    assert "abuse" not in text.lower()
    assert "violence at home" not in text.lower()
    assert "2022" not in text
    assert text.count("One fact is not printed here") == 2
    assert "It comes from children's social care." in text
    assert "A known fact." in text


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
    assert "Nothing in the records raised it." in text
    assert "Ask what would help." in text
    assert "The records show none. That does not mean there are none." in text


def test_the_page_is_written_whole(tmp_path):
    write_person_page(page(), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == person_page(page())
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("filled", "total", "rows"), [(0, 100, 10), (100, 100, 10), (3, 95, 10), (1, 1000, 25)]
)
def test_icon_array(filled, total, rows):
    svg = icon_array(filled, total=total, words='a "word" <b>')
    assert svg.count("h0") == total
    assert f" {rows * 10}" in svg.split("viewBox=")[1].split(">")[0]
    assert "&lt;b&gt;" in svg


def test_an_impossible_picture_is_refused():
    with pytest.raises(ValueError, match="between none and all"):
        icon_array(11, total=10, words="x")
