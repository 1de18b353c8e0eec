"""The model card: one record, built from what the stages found, then shown as Markdown and as HTML.

Every count and rate passes the disclosure rules here, whatever was done before; templates only lay out words. Where
the data cannot support a claim, the record holds a null, its status, and words that say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import date_words, horizon_words, number_words
from riskmodel.files import write_json, write_text
from riskmodel.publish.alternatives import alternatives_section
from riskmodel.publish.fairness_words import fairness_section, gap_sentences
from riskmodel.publish.inputs import input_sentences
from riskmodel.publish.pages import capital, render_html, render_markdown
from riskmodel.publish.results import (
    FAMILIES,
    METRICS,
    at_capacity,
    metrics_of,
    per_100,
    policy_row,
    shown_count,
    split_words,
)
from riskmodel.publish.selection import reason, standings
from riskmodel.publish.spec import CardSpec

Json = Mapping[str, Any]

SCHEMA_VERSION = 1
BANNER = "Simulated young people: no real person is described."
JUSTICE = (
    "This outcome was made by decisions of the justice system. It is here for analysis only. A model of it must never "
    "be used to score anyone."
)

PURPOSES = (
    "To help trained workers notice young people who may need support early, and offer it with consent.",
    "To let an ethics board judge whether the model is good enough and safe enough, and refuse it if not.",
)
FORBIDDEN = (
    "Policing or enforcement of any kind: stop and search, arrest, charging, bail, sentence or probation.",
    (
        "Sharing a score with the police, immigration authorities, landlords, schools' admission or exclusion "
        "panels, employers or insurers."
    ),
    "Refusing, delaying or taking away a service. A low estimate is never a reason not to help.",
    "Ranked lists of young people, bulk export of scores, or any decision without a person who knows the case.",
    "Immediate danger. Call 999, or use the front door below. A referral never needs a score.",
)
LIMITS = (
    "The estimate speaks about groups. Of young people with the same estimate, many never have the outcome, and some with a low estimate do.",
    "What goes with the outcome is not always a cause of it. Changing a factor may change nothing.",
    "Support that was given changes what happens afterwards, so the records make helped young people look less in need.",
    "The past is not the future. When services, schools or recording change, the model must be checked again.",
    "Whether the support helps is not measured here. The card says who would be offered it, not what it does for them.",
    "No one can stop a person who copies a model file from using it wrongly. Approval is a rule, not a lock.",
)
COSTS = (
    "An offer is not free of harm. It can feel like a label: to the young person, the family, and others who hear of it.",
    "It brings workers into a family's life, who learn and record more about it. That is an intrusion, also when it is meant well.",
    "Offers to some use up workers' time that others, whom the records do not show, might need.",
)
ARRANGEMENTS = {
    "support": "What support there is, and for how many",
    "consulted": "Who was asked, and what they said",
    "complaints": "Where to object, complain, or ask why an offer was made",
}
"""What data cannot show and a board must know: the study says it, or the card says that nobody has."""
SOURCES = {
    "simulated": "A borough made up by a computer. Events follow official record layouts; no record is real.",
    "extracts": "Official extracts, pseudonymised before they were read here.",
    "events": "A log of events, pseudonymised before it was read here.",
    "csv": "Files of events, mapped to one event log.",
    "table": "One flat table, with the meaning of each column declared in the study.",
}


@dataclass(frozen=True)
class CardInputs:
    """What the stages hand over, in the shapes of the run folder's files.

    Parameters
    ----------
    study : mapping
        The study as JSON: at least ``name``, ``purpose``, ``seed``, ``data.kind``; optionally ``capacity``, ``cohort``.
    outcome : mapping
        The chosen outcome: ``name``, ``description``, ``kind`` (harm, victim, justice), ``horizon_days``.
    attrition : mapping
        ``attrition.json``: ``steps`` of ``rule``, ``rows_left``, ``removed``.
    metrics : mapping
        ``metrics.json``.
    fairness : mapping
        ``fairness.public.json``; ``groups``, ``detectable_gaps``, ``hidden_exceeds`` and ``method`` are optional.
    policies : sequence of mappings
        Ways of choosing whom to offer support: ``name``, ``label``, ``offered_share`` (share of 1), and
        ``harmed_per_100_offered`` and ``offered_per_100_harmed``, each a result with ``estimate``, ``lower``,
        ``upper`` (of 100), ``n_subjects``, ``n_outcomes``, ``status``. See ``publish.results.policies``.
    words : CardSpec
        Words that data cannot give.
    label_bias, proxies, privacy, selection, importance : mapping
        Those rooms' records; of proxies and privacy the card prints ``summary`` (a list of plain sentences), of
        ``label_bias`` the rows about everyone, of ``importance`` the top concepts of the selected model.
    notes : sequence of str
        Sentences from intake.
    provenance : mapping
        ``provenance.json``: ``code``, ``packages``, ``seed``, ``data_fingerprint``.
    referral_recorded : bool
        Whether the data hold the present referral route; if not, the card says that it cannot be compared.
    alternatives : mapping
        By name of an outcome, its ``description`` and ``kind``.
    features : mapping
        Counts from ``publish.inputs.feature_facts``; empty where nobody counted.
    n_offers : float, optional
        Offers that the selected model would lead to over all test dates; exact, it is rounded here.
    checks : sequence of mappings
        Further checks, from ``publish.checks.Check.to_json``; their numbers have passed the disclosure rules.
    """

    study: Json
    outcome: Json
    attrition: Json
    metrics: Json
    fairness: Json
    policies: Sequence[Json]
    words: CardSpec
    provenance: Json
    label_bias: Json = field(default_factory=dict)
    proxies: Json = field(default_factory=dict)
    privacy: Json = field(default_factory=dict)
    selection: Json = field(default_factory=dict)
    importance: Json = field(default_factory=dict)
    notes: Sequence[str] = ()
    referral_recorded: bool = False
    alternatives: Json = field(default_factory=dict)
    features: Json = field(default_factory=dict)
    n_offers: float | None = None
    checks: Sequence[Json] = ()

    @classmethod
    def from_json(cls, record: Json) -> CardInputs:
        """Return inputs from one JSON record with the same names."""
        return cls(**{**record, "words": CardSpec.model_validate(record["words"])})


def build_card(inputs: CardInputs, disclosure: Disclosure) -> dict[str, Any]:
    """Return the card's record.

    Parameters
    ----------
    inputs : CardInputs
    disclosure : Disclosure
        Applied to every count and rate.

    Returns
    -------
    dict
        JSON-ready; follows ``schemas/card.schema.json``.
    """
    headline = _headline(inputs, disclosure)
    arrangements = _arrangements(inputs)
    label_bias = alternatives_section(
        inputs.label_bias, alternatives=inputs.alternatives, past=inputs.words.past, disclosure=disclosure
    )
    fairness = fairness_section(
        inputs.fairness,
        model=str(inputs.metrics["selected"]),
        past=inputs.words.past,
        disclosure=disclosure,
        overall=_overall(headline),
    )
    gaps = gap_sentences(inputs.fairness.get("detectable_gaps", ()), past=inputs.words.past)
    return {
        "schema_version": SCHEMA_VERSION,
        "title": _title(inputs),
        "banner": BANNER if _simulated(inputs) else None,
        "purpose": _purpose(inputs),
        "headline": headline,
        "arrangements": arrangements,
        "data": _data(inputs, disclosure),
        "inputs": input_sentences(inputs.features),
        "outcome": _outcome(inputs),
        "absent": list(inputs.words.absent),
        "performance": _performance(inputs, disclosure),
        "checks": list(inputs.checks),
        "factors": _factors(inputs),
        "fairness": {**fairness, "gaps": gaps},
        "label_bias": label_bias,
        "proxies": _summary(
            inputs.proxies, "proxies.json", "Nobody checked whether the records give away a person's group."
        ),
        "privacy": _summary(
            inputs.privacy,
            "privacy.json",
            "Nobody checked whether the model's file gives away facts about few people.",
        ),
        "limits": [*LIMITS, *inputs.words.limits],
        "decisions": _decisions(
            inputs,
            fairness,
            unsaid=any(one["answer"] is None for one in arrangements),
            misused=bool(label_bias.get("found_by_justice")),
        ),
        "made": _made(inputs),
    }


def write_card(record: Json, folder: Path, *, figures: Mapping[str, str] | None = None) -> None:
    """Write ``card.json``, ``card.md`` and ``card.html``.

    Parameters
    ----------
    record : mapping
        From ``build_card``.
    folder : Path
        The run folder.
    figures : mapping of str to str, optional
        SVG by name, drawn by ``publish.figures``: offers, reliability, decision_curve, selection, importance, spread,
        attrition, and ``fairness-ATTRIBUTE``.
    """
    write_json(folder / "card.json", record)
    write_text(folder / "card.md", render_markdown("card.md.jinja", {"card": record}))
    write_text(
        folder / "card.html", render_html("card.html.jinja", {"card": record, "figures": dict(figures or {})})
    )


def _period(inputs: CardInputs) -> str:
    days = inputs.outcome["horizon_days"]
    return "the time that the study followed them" if days is None else horizon_words(int(days))


def _simulated(inputs: CardInputs) -> bool:
    return bool(inputs.study["data"]["kind"] == "simulated")


def _purpose(inputs: CardInputs) -> dict[str, Any]:
    justice = [JUSTICE] if inputs.outcome["kind"] == "justice" else []
    return {
        "study": str(inputs.study["purpose"]),
        "for": [] if justice else list(PURPOSES),
        "forbidden": [*justice, *FORBIDDEN],
        "front_door": inputs.words.front_door,
    }


def _arrangements(inputs: CardInputs) -> list[dict[str, Any]]:
    """Return what the study says of the service around the model; of an outcome that may score nobody there is none."""
    if inputs.outcome["kind"] == "justice":
        return []
    said = inputs.words.model_dump()
    return [
        {"name": name, "label": label, "answer": _sentence(said[name]) if said[name] else None}
        for name, label in ARRANGEMENTS.items()
    ]


def _title(inputs: CardInputs) -> str:
    study = str(inputs.study["name"]).replace("_", " ").replace("-", " ")
    return f"Model card: estimates of who later {inputs.words.past} (study “{study}”)"


def _headline(inputs: CardInputs, disclosure: Disclosure) -> dict[str, Any]:
    selected = str(inputs.metrics["selected"])
    shown = [row for one in inputs.policies for row in (one, *_unseen(one, inputs))]
    policies = [_policy(row, selected, disclosure) for row in shown]
    referral = None
    if not inputs.referral_recorded:
        referral = "The data do not show who is referred today, so the present route cannot be compared."
    return {
        "past": inputs.words.past,
        "participle": inputs.words.participle,
        "period": _period(inputs),
        "population": split_words(_main_split(inputs)),
        "policies": policies,
        "referral": referral,
        "offers": _offers(inputs, policies, disclosure),
        "costs": list(COSTS),
    }


def _unseen(row: Json, inputs: CardInputs) -> list[Json]:
    """Return the selected model once more, on young people whom it never saw, where the headline is about everyone."""
    selected = inputs.metrics["selected"]
    results = inputs.metrics["models"][selected].get("test_new")
    if row["name"] != selected or results is None or _main_split(inputs) == "test_new":
        return []
    return [policy_row("unseen", "This model, on those it never saw", row.get("offered_share"), results)]


def _offers(inputs: CardInputs, policies: Sequence[Json], disclosure: Disclosure) -> list[str]:
    """Return how many offers there would be, and how many of them to those who did not have the outcome."""
    main = next((row for row in policies if row["main"]), None)
    found, harmed = (
        None if main is None else main[name] for name in ("offered_per_100_harmed", "harmed_per_100_offered")
    )
    sentences = []
    if found is not None and found["estimate"] is not None:
        sentences.append(
            f"Of 100 young people who, as far as the records tell, {inputs.words.past} within {_period(inputs)}, about "
            f"{_others_of_100(found)} would be offered nothing."
        )
    count = None if inputs.n_offers is None else shown_count(round(inputs.n_offers), disclosure)
    if count is not None:
        sentences.append(f"Over {_test_dates(inputs)}, this model would lead to about {count:,} offers.")
    if harmed is not None and harmed["estimate"] is not None:
        sentences.append(
            f"About {_others_of_100(harmed)} of 100 offers would go to young people who would not have "
            f"{inputs.words.participle} within {_period(inputs)}, as far as the records tell."
        )
    return sentences


def _others_of_100(some: Json) -> str:
    rest = {end: None if some[end] is None else 100 - some[end] for end in ("estimate", "lower", "upper")}
    middle = number_words(rest["estimate"] or 0)
    if rest["lower"] is None or rest["upper"] is None:
        return middle
    return f"{middle} ({number_words(rest['upper'])} to {number_words(rest['lower'])})"


def _test_dates(inputs: CardInputs) -> str:
    dates = len((inputs.study.get("cohort") or {}).get("test", ()))
    return {0: "these data", 1: "the one test date"}.get(dates, f"the {dates} test dates together")


def _overall(headline: Json) -> dict[str, float | None]:
    """Return the rates of everyone that the headline shows, of 100."""
    main = next((row for row in headline["policies"] if row["main"]), None)
    if main is None:
        return {}
    found = main["offered_per_100_harmed"]["estimate"]
    return {
        "selection_rate": main["offered_per_100"],
        "fnr": None if found is None else 100 - found,
        "ppv": main["harmed_per_100_offered"]["estimate"],
    }


def _policy(row: Json, selected: str, disclosure: Disclosure) -> dict[str, Any]:
    share, (harmed, found) = row.get("offered_share"), _results_of(row, disclosure)
    return {
        "name": str(row["name"]),
        "label": str(row["label"]),
        "main": row["name"] == selected,
        "offered_per_100": None if share is None else round(100 * float(share), 1),
        "harmed_per_100_offered": per_100(harmed, disclosure),
        "offered_per_100_harmed": per_100(found, disclosure),
    }


def _results_of(row: Json, disclosure: Disclosure) -> tuple[Json, Json]:
    harmed, found = row["harmed_per_100_offered"], row["offered_per_100_harmed"]
    recall = {**found, "estimate": None if found["estimate"] is None else found["estimate"] / 100}
    return at_capacity(harmed, recall, disclosure) or harmed, at_capacity(found, recall, disclosure) or found


def _data(inputs: CardInputs, disclosure: Disclosure) -> dict[str, Any]:
    cohort = inputs.study.get("cohort") or {}
    steps = [
        {
            "rule": str(step["rule"]),
            "rows_left": shown_count(step["rows_left"], disclosure),
            "removed": shown_count(step["removed"], disclosure),
        }
        for step in inputs.attrition["steps"]
    ]
    return {
        "source": SOURCES[inputs.study["data"]["kind"]],
        "notes": list(inputs.notes),
        "attrition": steps,
        "train_dates": [_date(day) for day in cohort.get("train", ())],
        "test_dates": [_date(day) for day in cohort.get("test", ())],
    }


def _date(day: object) -> str:
    return date_words(date.fromisoformat(str(day)))


def _outcome(inputs: CardInputs) -> dict[str, Any]:
    return {
        "name": str(inputs.outcome["name"]),
        "description": _sentence(str(inputs.outcome["description"])),
        "kind": str(inputs.outcome["kind"]),
        "period": _period(inputs),
        "proxy_for": inputs.words.proxy_for,
    }


def _sentence(text: str) -> str:
    return capital(text if text.endswith((".", "!", "?")) else f"{text}.")


def _main_split(inputs: CardInputs) -> str:
    splits = inputs.metrics["models"][inputs.metrics["selected"]]
    return next(name for name in ("test_all", "test_new", "crossfit", "train") if name in splits)


def _performance(inputs: CardInputs, disclosure: Disclosure) -> dict[str, Any]:
    selected, split = str(inputs.metrics["selected"]), _main_split(inputs)
    models = inputs.metrics["models"]
    own = models[selected]
    return {
        "selected": selected,
        "selected_label": FAMILIES.get(selected, selected),
        "reason": reason(inputs.selection),
        "selection": standings(
            inputs.selection, {family: one.get("crossfit", {}) for family, one in models.items()}, disclosure
        ),
        "split": split,
        "population": split_words(split),
        "measures": {
            name: {"label": label, "meaning": meaning.format(past=inputs.words.past)}
            for name, (label, meaning) in METRICS.items()
        },
        "families": [
            {
                "family": family,
                "label": FAMILIES.get(family, family),
                "selected": family == selected,
                "metrics": metrics_of(models[family].get(split, {}), disclosure),
            }
            for family in sorted(models, key=_family_order)
        ],
        "full": metrics_of(own[split], disclosure),
        "splits": [
            {
                "split": name,
                "label": split_words(name),
                "metrics": metrics_of(own[name], disclosure),
            }
            for name in ("train", "crossfit", "test_new", "test_all")
            if name in own
        ],
    }


def _family_order(family: str) -> tuple[int, str]:
    known = list(FAMILIES)
    return (known.index(family) if family in known else len(known), family)


def _factors(inputs: CardInputs) -> list[dict[str, Any]]:
    models = inputs.importance.get("models", {})
    concepts = models.get(inputs.metrics["selected"], {}).get("concepts", ())
    shown = [one for one in concepts if one["share"] is not None and one["share"] > 0]
    top = sorted(shown, key=lambda one: (-round(100 * one["share"]), one["name"]))[:10]
    return [{"concept": one["name"], "share_percent": round(100 * one["share"])} for one in top]


def _summary(record: Json, file: str, otherwise: str) -> list[str]:
    if not record:
        return [otherwise]
    return [str(one) for one in record.get("summary", ())] or [f"The results are in {file}."]


QUESTIONS = {
    "outcome": "Is this the right outcome to look for, given what it leaves out?",
    "benefit": (
        "Is the model enough better than the two simple rules, and than what is done today, to be worth its harms?"
    ),
    "capacity": "Is there a real offer of support, with consent, for everyone the model would point to?",
    "absent": "What other route will find the young people whom the data do not show?",
}
OPEN = ("absent", "arrangements", "misuse", "gaps", "unknown")
"""Questions that yes or no does not answer: the card leaves a line to write on."""
JUSTICE_QUESTIONS = {
    "sound": "Is this analysis sound enough to learn from, given what the outcome leaves out?",
    "never": "Do you confirm that no model of this outcome may score anyone?",
}


def _decisions(inputs: CardInputs, fairness: Json, *, unsaid: bool, misused: bool) -> list[dict[str, Any]]:
    questions = list((JUSTICE_QUESTIONS if inputs.outcome["kind"] == "justice" else QUESTIONS).items())
    if unsaid:
        questions.append(
            (
                "arrangements",
                "Parts of “What stands around the model” are empty. Who will fill them in, and by when? The model should wait for it.",
            )
        )
    if misused:
        questions.append(
            (
                "misuse",
                (
                    "The offers reach more of those whom justice records name than of those whom the model is for. Is that acceptable, "
                    "and who makes sure that nobody uses the list against them?"
                ),
            )
        )
    if fairness["exceeds"]:
        questions.append(
            (
                "gaps",
                "Some differences between groups are larger than the limit. Is the limit right, are they acceptable, and what will be done?",
            )
        )
    if fairness["undecided"]:
        questions.append(
            (
                "unknown",
                "For some groups there is no answer. Will you go on without it, wait, or collect more?",
            )
        )
    questions += [(f"study-{i}", text) for i, text in enumerate(inputs.words.questions, start=1)]
    return [{"name": name, "question": text, "open": name in OPEN} for name, text in questions]


def _made(inputs: CardInputs) -> dict[str, Any]:
    made = inputs.provenance
    return {
        "study": str(inputs.study["name"]),
        "seed": inputs.study["seed"],
        "code": dict(made.get("code", {})),
        "packages": dict(made.get("packages", {})),
        "data_fingerprint": made.get("data_fingerprint"),
        "model_digest": made.get("model_digest"),
    }
