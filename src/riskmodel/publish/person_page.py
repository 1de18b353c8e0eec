"""The page for one young person: what the records show, what they cannot, and what a worker might offer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskmodel.explain.person import ConceptEffect, Factor, Person, PersonExplanation
from riskmodel.explain.words import agency_words, date_words, horizon_words, per_hundred, per_thousand
from riskmodel.files import write_text
from riskmodel.publish.icons import icon_array
from riskmodel.publish.pages import render_html
from riskmodel.publish.spec import CardSpec

OF = 1000
DOTS = 100
# On every page alike: a sentence that came and went would itself tell whoever sees the page at home.
NEVER_PRINTED = "Some records are never printed on this page. Look in the services' own systems."
NO_RANGE = "There is no range for one person here. The number is uncertain; the card says how right such numbers were."
TOO_THIN = "Not enough information."
NO_SCORE_NEEDED = (
    "Too little of this record could be read for an estimate. That is not a low estimate: the model cannot tell. "
    "You can refer or offer support all the same: that never needs a score."
)
ALWAYS_UNKNOWN = (
    "The records seldom show strengths: a trusted adult, good friends, a talent, hopes. Ask about them.",
    "The model has not met this young person. You may know things that change everything.",
)


@dataclass(frozen=True)
class PersonPage:
    """What a page needs beside the explanation.

    Parameters
    ----------
    explanation : PersonExplanation
    words : CardSpec
        Place, outcome words and front door.
    model_label : str
        The model in plain words.
    simulated : bool
        Whether the young person is made up.
    reference : str, optional
        What the worker knows the case by; printed at the top. None prints none.
    """

    explanation: PersonExplanation
    words: CardSpec
    model_label: str
    simulated: bool
    reference: str | None = None


def person_page(page: PersonPage) -> str:
    """Return a self-contained HTML page without any script."""
    return render_html("person.html.jinja", {"page": page_record(page)})


def write_person_page(page: PersonPage, path: Path) -> None:
    """Write the page whole or not at all."""
    write_text(path, person_page(page))


def page_record(page: PersonPage) -> dict[str, Any]:
    """Return everything the template prints, JSON-ready apart from the pictures (SVG text)."""
    explanation, person = page.explanation, page.explanation.person
    return {
        "simulated": page.simulated,
        "reference": page.reference,
        "date": date_words(person.index_day),
        "past": person.outcome_phrase,
        "front_door": page.words.front_door,
        "model": page.model_label,
        "estimate": _estimate(person, page.words),
        "raised": [_effect(one) for one in explanation.raised],
        "lowered": [_effect(one) for one in explanation.lowered],
        "strengths": [_fact(one) for one in explanation.strengths],
        "missing": list(explanation.unknown),
        "unknown": [*(explanation.unknown if person.risk is not None else ()), *ALWAYS_UNKNOWN],
        "social_care_now": explanation.social_care_now,
        "never_printed": NEVER_PRINTED,
        "offers": [
            {"offer": o.offer, "evidence": o.evidence, "needs": list(o.needs)} for o in explanation.offers
        ],
    }


def _estimate(person: Person, words: CardSpec) -> dict[str, Any]:
    if person.risk is None:
        return {"words": TOO_THIN, "meaning": None, "sure": NO_SCORE_NEEDED, "pictures": [], "given": False}
    text = (
        f"Of 1,000 young people with records like this, {per_thousand(person.risk)} {person.outcome_phrase}"
    )
    text += f" within {horizon_words(person.horizon_days)}"
    pictures = [
        _picture("Young people with records like this", person.risk, between=(person.lower, person.upper))
    ]
    if person.base_rate is not None:
        text += f"; across {words.place}, {per_thousand(person.base_rate)}"
        pictures.append(_picture(f"All young people in {words.place}", person.base_rate))
    return {
        "words": f"{text}.",
        "meaning": words.meaning,
        "sure": _sure(person),
        "pictures": pictures,
        "given": True,
    }


def _sure(person: Person) -> str:
    if person.lower is None or person.upper is None:
        return NO_RANGE
    low, high = _outwards(OF, person.lower, person.upper)
    return (
        f"The number is not exact: among many young people with such records it is likely to be between {low:,} and {high:,} of {OF:,}. "
        "This range is not about one young person."
    )


def _outwards(of: int, lower: float, upper: float) -> tuple[int, int]:
    """Return limits as people, rounded outwards; what rounding of floating point adds is no person."""
    return math.floor(of * lower + 1e-9), math.ceil(of * upper - 1e-9)


def _picture(
    who: str, share: float, *, between: tuple[float | None, float | None] = (None, None)
) -> dict[str, str]:
    words = f"{who}: {per_hundred(share)} of {DOTS}"
    lower, upper = between
    if lower is not None and upper is not None:
        low, high = _outwards(DOTS, lower, upper)
        words += f", likely between {low} and {high}"
    return {"words": words, "svg": icon_array(round(DOTS * share), total=DOTS, words=words)}


def _effect(effect: ConceptEffect) -> dict[str, Any]:
    return {
        "concept": effect.concept,
        "strength": effect.strength,
        "facts": [_fact(factor) for factor in effect.factors],
    }


def _fact(factor: Factor) -> dict[str, Any]:
    if factor.last is None:
        return {"sentence": factor.sentence, "source": f"From {factor.agency}.", "dated": False}
    agency, day = agency_words(factor.last.agency), date_words(factor.last.day)
    if factor.last.ongoing:
        return {"sentence": factor.sentence, "source": f"Since {day}, recorded by {agency}.", "dated": True}
    return {"sentence": factor.sentence, "source": f"Last recorded by {agency}, {day}.", "dated": True}
