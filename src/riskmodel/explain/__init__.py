"""From contributions to concepts, sentences and offers of support: why a model says what it says, in plain words."""

from riskmodel.explain.importance import explanations, global_importance, spreads
from riskmodel.explain.offers import offers_for
from riskmodel.explain.person import Person, PersonExplanation, explain_person
from riskmodel.explain.sentences import sentence
from riskmodel.explain.spec import ExplainSpec

__all__ = [
    "ExplainSpec",
    "Person",
    "PersonExplanation",
    "explain_person",
    "explanations",
    "global_importance",
    "offers_for",
    "sentence",
    "spreads",
]
