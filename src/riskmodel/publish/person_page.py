"""The page for one young person: what the records show, what they cannot, and what a worker might offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskmodel.explain.person import ConceptEffect, Factor, Person, PersonExplanation
from riskmodel.explain.words import agency_words, date_words, horizon_words, per_thousand
from riskmodel.files import write_text
from riskmodel.publish.icons import icon_array
from riskmodel.publish.pages import render_html
from riskmodel.publish.spec import CardSpec

OF = 1000
HIDDEN = (
    "One fact is not printed here, because someone at home could see this page. It comes from {agency}. "
    "Look it up in that service's own record."
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
        "strengths": [_fact(one) for one in explanation.strengths if one.safe_to_share],
        "unknown": [*explanation.unknown, *ALWAYS_UNKNOWN],
        "offers": [
            {"offer": o.offer, "evidence": o.evidence, "needs": list(o.needs)} for o in explanation.offers
        ],
    }


def _estimate(person: Person, words: CardSpec) -> dict[str, Any]:
    period = horizon_words(person.horizon_days)
    if person.risk is None:
        text = (
            "The model gives no estimate for this young person. That is not a low estimate: it cannot tell."
        )
        return {"words": text, "interval": None, "pictures": []}
    here = f"Of 1,000 young people with records like this, {per_thousand(person.risk)} {person.outcome_phrase} within {period}"
    pictures = [
        _picture(f"Young people with records like this: {per_thousand(person.risk)} of 1,000", person.risk)
    ]
    if person.base_rate is None:
        return {"words": f"{here}.", "interval": _interval(person), "pictures": pictures}
    everyone = f"across {words.place}, {per_thousand(person.base_rate)}"
    pictures.append(
        _picture(
            f"All young people in {words.place}: {per_thousand(person.base_rate)} of 1,000", person.base_rate
        )
    )
    return {"words": f"{here}; {everyone}.", "interval": _interval(person), "pictures": pictures}


def _interval(person: Person) -> str | None:
    if person.lower is None or person.upper is None:
        return None
    low, high = round(OF * person.lower), round(OF * person.upper)
    return f"The true number could be anywhere from {low:,} to {high:,} of 1,000."


def _picture(words: str, share: float) -> dict[str, str]:
    return {"words": words, "svg": icon_array(round(OF * share), total=OF, words=words)}


def _effect(effect: ConceptEffect) -> dict[str, Any]:
    shown = [factor for factor in effect.factors if factor.safe_to_share]
    hidden = [factor for factor in effect.factors if not factor.safe_to_share]
    facts = [_fact(factor) for factor in shown] + _hidden(hidden)
    # The name of a concept gives away a fact that must not be printed.
    return {
        "concept": effect.concept if shown else "Something not printed here",
        "strength": effect.strength,
        "facts": facts,
    }


def _fact(factor: Factor) -> dict[str, str]:
    if factor.last is None:
        return {"sentence": factor.sentence, "source": f"From {factor.agency}."}
    source = f"Last recorded by {agency_words(factor.last.agency)}, {date_words(factor.last.day)}."
    return {"sentence": factor.sentence, "source": source}


def _hidden(factors: Sequence[Factor]) -> list[dict[str, str]]:
    agencies = dict.fromkeys(factor.agency for factor in factors)
    return [{"sentence": HIDDEN.format(agency=agency), "source": ""} for agency in agencies]
