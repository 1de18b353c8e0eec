from importlib.resources import files

import pytest
import yaml

from riskmodel.explain.offers import offer_list, offers_for


@pytest.mark.parametrize(
    ("concept", "word"),
    [
        ("exclusion from school", "mentor"),
        ("absence from school", "mentor"),
        ("self-harm", "therapy"),
        ("harm from violence before", "emergency department"),
        ("violence at home", "domestic violence"),
        ("special educational needs", "social skills"),
        ("looked after by the council", "placements"),
        ("child protection", "early help"),
        ("poverty", "money"),
    ],
)
def test_need_leads_to_support(concept, word):
    (offer,) = offers_for([concept])
    assert word in offer.offer
    assert offer.needs == (concept,)


def test_needs_of_one_support_stand_together_in_order():
    found = offers_for(["poverty", "suspension", "absence from school", "weather"])
    assert [offer.needs for offer in found] == [("poverty",), ("suspension", "absence from school")]
    assert offers_for(["scare"]) == ()


def test_every_support_says_what_is_known_about_it_and_none_is_enforcement_or_shock():
    for offer in offer_list():
        assert offer.evidence.startswith(("High", "Moderate", "Mixed", "No rating"))
        assert not any(word in offer.offer.lower() for word in ("police", "prison", "court", "deterrence"))


# Every concept of the packaged catalogue: a word of the support it leads to, or None where none is suggested.
CATALOGUE = {
    "absence from school": "mentor", "abuse or neglect": "early help", "age": None, "alternative provision": "mentor",
    "area deprivation": "money", "behaviour": "family therapy", "care": "placements", "child in need": "early help",
    "child protection": "early help", "children's social care contact": "early help", "death": None,
    "disability or illness": None, "domestic abuse at home": "domestic violence",
    "drugs and alcohol in the family": "early help", "drugs and alcohol": "drug and alcohol service", "early life": None,
    "exclusion from school": "mentor", "exploitation": "family therapy", "family and home": "early help",
    "going missing": "family therapy", "harm from crime": "emergency department",
    "harm from violence": "emergency department", "illness": None, "injury": None, "low family income": "money",
    "mental health and wellbeing": "therapy", "mental health in the family": "early help",
    "moves between homes": "money", "moves between schools": "mentor", "named as a suspect": None, "objection": None,
    "proven offence": None, "school attendance": "mentor", "school place": "mentor", "self-harm": "therapy",
    "special educational needs": "social skills", "support already given": None, "young carer": "early help",
}  # fmt: skip


def concepts(value):
    if isinstance(value, dict):
        yield from (inner for key, inner in value.items() if key == "concept")
        for inner in value.values():
            yield from concepts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from concepts(inner)


def test_every_concept_of_the_catalogue_was_thought_about():
    packaged = yaml.safe_load(
        files("riskmodel.tables").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    )
    assert set(concepts(packaged)) == set(CATALOGUE)


@pytest.mark.parametrize(("concept", "word"), CATALOGUE.items())
def test_each_concept_leads_to_the_support_that_was_chosen(concept, word):
    found = offers_for([concept])
    assert (found == ()) if word is None else (word.lower() in found[0].offer.lower())
