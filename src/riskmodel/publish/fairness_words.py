"""The fairness table in words: who would be missed, group by group, and what the audit can and cannot say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.audit.words import NOTES, attribute_words, group_words
from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import number_words
from riskmodel.publish.pages import capital
from riskmodel.publish.results import of_100, per_100

Json = Mapping[str, Any]

HIDDEN = "hidden"
VERDICTS = {
    "within": "within the limit",
    "exceeds": "larger than the limit",
    "inconclusive": "cannot tell: the range is too wide",
    "insufficient": "cannot tell: too few young people here, or to compare with",
    "none": "",
    HIDDEN: "",
}
# In the order a reader needs them: a missed young person matters most when the decision is an offer of support.
SHOWN = ("fnr", "selection_rate", "ppv")
LABELS = {
    "fnr": "Of 100 in this group who {past}, missed",
    "selection_rate": "Of 100 in this group, offered support",
    "ppv": "Of 100 offers in this group, to someone who {past}",
}
# What lies above or below everyone else, by metric and direction.
_MEANING = {
    ("fnr", "above"): "of those who {past}, more would be missed than among everyone else",
    ("fnr", "below"): "of those who {past}, fewer would be missed than among everyone else",
    ("selection_rate", "above"): "more would be offered support than among everyone else",
    ("selection_rate", "below"): "fewer would be offered support than among everyone else",
    ("fpr", "above"): "of those without the outcome, more would be offered support than among everyone else",
    ("fpr", "below"): "of those without the outcome, fewer would be offered support than among everyone else",
    ("ppv", "above"): "more of the offers would go to someone who {past} than among everyone else",
    ("ppv", "below"): "fewer of the offers would go to someone who {past} than among everyone else",
    ("calibration_intercept", "above"): "estimates were too low, compared with those for everyone else",
    ("calibration_intercept", "below"): "estimates were too high, compared with those for everyone else",
    ("calibration_slope", "above"): (
        "estimates lie too close together, compared with those for everyone else: high ones are too low, low ones too high"
    ),
    ("calibration_slope", "below"): (
        "estimates lie too far apart, compared with those for everyone else: high ones are too high, low ones too low"
    ),
}
_PLAIN = {
    "fnr": "how many of those who {past} would be missed",
    "selection_rate": "how many would be offered support",
    "fpr": "how many of those without the outcome would be offered support",
    "ppv": "how many of the offers would go to someone who {past}",
    "calibration_intercept": "whether estimates are right on average",
    "calibration_slope": "how far apart estimates lie",
}


def fairness_section(
    fairness: Json, *, model: str, past: str, disclosure: Disclosure, overall: Mapping[str, float | None]
) -> dict[str, Any]:
    """Return the card's fairness section for one model.

    Who is reached mirrors who is missed, so that only the second is told and counted.

    Parameters
    ----------
    fairness : mapping
        ``fairness.public.json``.
    model : str
        The selected family.
    past : str
        The outcome in the past tense.
    disclosure : Disclosure
        Applied again; the public file was already treated.
    overall : mapping of metric to float or None
        Rates of everyone, of 100, as shown elsewhere on the card.

    Returns
    -------
    dict
        ``attributes`` (one table each), ``counts`` of verdicts, and the sentences ``limit``, ``exceeds``, ``undecided``.
    """
    rows = [row for row in fairness["rows"] if row["model"] == model and row["metric"] != "tpr"]
    judged = [row for row in rows if row["verdict"] != "none"]
    verdicts = [_verdict(row) for row in judged]
    counts = {verdict: verdicts.count(verdict) for verdict in VERDICTS if verdict != "none"}
    return {
        "columns": [{"metric": name, "label": LABELS[name].format(past=past)} for name in SHOWN],
        "attributes": [
            _attribute(name, rows, fairness.get("groups", ()), disclosure)
            for name in dict.fromkeys(row["attribute"] for row in rows)
        ],
        "counts": counts,
        "limit": _limit(fairness.get("method", {})) if judged else [],
        "exceeds": [
            _sentence(row, past, disclosure, overall) for row in judged if _verdict(row) == "exceeds"
        ],
        "undecided": _undecided(judged),
        "summary": _summary(counts, fairness.get("hidden_exceeds")),
        "in_short": in_short(fairness, judged, past=past, missed=overall.get("fnr")),
        "too_few": _too_few(fairness.get("method", {}), past) if counts["insufficient"] else None,
        "unknown": [_not_recorded(one) for one in fairness.get("unknown", ()) if one["verdicts"]],
    }


def in_short(fairness: Json, judged: Sequence[Json], *, past: str, missed: float | None = None) -> str:
    """Return what the audit found in at most 200 words, from the numbers; who is missed comes first.

    Parameters
    ----------
    fairness : mapping
        ``fairness.public.json``.
    judged : sequence of mappings
        Its rows about the selected model that have a verdict.
    past : str
        The outcome in the past tense.
    missed : float, optional
        Of 100 of everyone with the outcome, as shown elsewhere on the card.
    """
    misses = [row for row in judged if row["metric"] == "fnr"]
    worse = [row for row in misses if _verdict(row) == "exceeds" and row.get("direction") == "above"]
    open_ = [row for row in misses if _verdict(row) in ("inconclusive", "insufficient", HIDDEN)]
    sentences = [_missed(worse, past)]
    if open_:
        sentences.append(
            f"For {len(open_)} of {len(misses)} groups it cannot say whether too many are missed, or must not show it."
        )
    fewer = [
        row
        for row in judged
        if (row["metric"], _verdict(row), row.get("direction")) == ("selection_rate", "exceeds", "below")
    ]
    if fewer:
        sentences.append(f"Support would be offered more rarely than the limit allows to: {_some(fewer)}.")
    off = [row for row in judged if row["metric"] == "calibration_intercept" and _verdict(row) == "exceeds"]
    if off:
        sentences.append(f"Estimates are too high or too low on average for: {_some(off)}.")
    sentences.append(_least_gap(fairness.get("detectable_gaps", ()), missed))
    return " ".join(one for one in sentences if one)


_MOST_NAMED = 4


def _some(rows: Sequence[Json]) -> str:
    """Name a few groups, and say how many more there are."""
    names = list(dict.fromkeys(_name(row) for row in rows))
    rest = len(names) - _MOST_NAMED
    told = "; ".join(names[:_MOST_NAMED])
    return f"{told}; and {rest} more" if rest > 0 else told


def _name(row: Json) -> str:
    return f"{attribute_words(row['attribute'])}: {group_words(row['attribute'], row['group'])}"


def _missed(worse: Sequence[Json], past: str) -> str:
    if not worse:
        return f"In no group did the audit find that, of those who {past}, clearly more are missed than the limit allows. That is not proof that there is none."
    return f"Of those who {past}, more are missed than the limit allows in: {_some(worse)}."


def _least_gap(gaps: Sequence[Json], missed: float | None) -> str:
    found = [row["smallest"] if row["smallest"] is not None else row["gap"] for row in gaps]
    known = [one for one in found if one is not None]
    if not known:
        return (
            "" if not gaps else "This audit could not be relied on to see a gap of any size in who is missed."
        )
    least = 100 * min(known)
    seen = f"This audit could not be relied on to see a gap smaller than {least:.0f} of 100 in who is missed."
    if missed is None or missed + least <= 100:
        return seen
    return (
        f"{seen} As {number_words(missed)} of 100 are missed among everyone, hardly any group could be missed so much more often: "
        "“cannot say” does not mean that there is no gap."
    )


def _not_recorded(one: Json) -> str:
    """Say whether verdicts would stand if the groups of those not recorded were known."""
    what, n, change = attribute_words(one["attribute"]), one["verdicts"], one["could_change"]
    if not change:
        return f"By {what}: {_verdicts(n)} shown here would stand whatever the groups of those whom nobody recorded."
    return f"By {what}: of {_verdicts(n)} shown here, {change} might not stand if we knew the groups of those whom nobody recorded."


def _verdicts(n: int) -> str:
    return "the 1 verdict" if n == 1 else f"the {n} verdicts"


def gap_sentences(gaps: Sequence[Json], *, past: str) -> list[str]:
    """Return how large a gap in who is missed had to be for the audit to find it, attribute by attribute."""
    found = [sentence for row in gaps if (sentence := _gap(row)) is not None]
    if not found:
        return []
    return [
        (
            "The audit compares how many are missed in a group and among everyone else. A gap has to be at least as large as "
            "the numbers below, or the audit may well overlook it (it finds nine in ten such gaps). They depend on how many "
            f"in the group {past}, and on how many of those are missed: where nearly all are missed, smaller gaps can be "
            "seen. So they do not simply grow as groups get smaller."
        ),
        *found,
    ]


def _gap(row: Json) -> str | None:
    head = f"By {attribute_words(row['attribute'])}:"
    judged, groups = row.get("n_judged"), row.get("n_groups")
    if row["gap"] is None:
        return f"{head} in no group were there enough to find a gap of any size." if judged == 0 else None
    rest = groups - judged if judged is not None and groups is not None else 0
    tail = f" {capital(_groups_words(rest))} too few to find a gap of any size." if rest else ""
    widest = f"{100 * row['gap']:.0f} of 100"
    if row.get("group") is None:
        return f"{head} about {widest} in the group that it measured worst; groups are not named where their numbers are hidden.{tail}"
    named = f"{widest} for {group_words(row['attribute'], row['group'])}"
    if row["smallest_group"] == row["group"]:
        return f"{head} {named}.{tail}"
    if row["smallest"] == row["gap"]:
        return f"{head} {widest}.{tail}"
    best = f"{100 * row['smallest']:.0f} of 100 for {group_words(row['attribute'], row['smallest_group'])}"
    return f"{head} from {best} to {named}.{tail}"


def _groups_words(count: int) -> str:
    return "one group had" if count == 1 else f"{count} groups had"


def _verdict(row: Json) -> str:
    verdict = str(row["verdict"])
    return HIDDEN if verdict != "none" and row["status"] == "suppressed" else verdict


def _shown(row: Json) -> Json:
    """Give a number hidden for another group's sake a status of its own."""
    return {**row, "status": "protected"} if row.get("hidden") == "protects" else row


def _attribute(
    name: str, rows: Sequence[Json], groups: Sequence[Json], disclosure: Disclosure
) -> dict[str, Any]:
    mine = [row for row in rows if row["attribute"] == name]
    facts = {row["group"]: row for row in groups if row["attribute"] == name}
    notes = [NOTES[one] for one in NOTES if one in name.split(" x ")]
    return {
        "attribute": name,
        "label": attribute_words(name),
        "note": " ".join(notes) or None,
        "groups": [
            _group(group, mine, facts.get(group), disclosure)
            for group in dict.fromkeys(row["group"] for row in mine)
        ],
    }


def _group(group: str, rows: Sequence[Json], facts: Json | None, disclosure: Disclosure) -> dict[str, Any]:
    mine = {row["metric"]: row for row in rows if row["group"] == group}
    people = None if facts is None or facts["n_subjects"] is None else disclosure.count(facts["n_subjects"])
    return {
        "group": group,
        "label": capital(group_words(rows[0]["attribute"], group)),
        "people": people,
        "harmed": _harmed(facts, disclosure),
        "cells": {name: _cell(mine.get(name), disclosure) for name in SHOWN},
    }


def _harmed(facts: Json | None, disclosure: Disclosure) -> dict[str, Any]:
    if facts is None:
        return per_100({**_NOTHING, "status": "missing"}, disclosure)
    status = {None: "ok", "few": "suppressed", "protects": "protected"}[facts["hidden"]]
    rate = facts["outcome_rate"]
    return per_100(
        {**_NOTHING, "estimate": None if rate is None else 100 * rate, "status": status}, disclosure
    )


_NOTHING = {"estimate": None, "lower": None, "upper": None}


def _cell(row: Json | None, disclosure: Disclosure) -> dict[str, Any]:
    if row is None:
        return {**per_100(_NOTHING, disclosure), "verdict": "none", "verdict_words": ""}
    verdict, shown = _verdict(row), of_100(_shown(row), disclosure)
    words = VERDICTS[verdict] if shown["estimate"] is not None else ""  # the number's own words say why not
    return {**shown, "verdict": verdict, "verdict_words": words}


def _sentence(row: Json, past: str, disclosure: Disclosure, overall: Mapping[str, float | None]) -> str:
    metric, attribute = str(row["metric"]), str(row["attribute"])
    what = _MEANING.get((metric, str(row.get("direction"))), _PLAIN.get(metric, metric)).format(past=past)
    head = f"{capital(attribute_words(attribute))}: {group_words(attribute, row['group'])}. {capital(what)}"
    if metric == "calibration_intercept":
        return f"{head}: {_expected(row, past)}"
    if metric == "calibration_slope":
        return f"{head}. The slope was {row['estimate']:.2f} ({row['lower']:.2f} to {row['upper']:.2f}); 1 is right."
    everyone = overall.get(metric)
    beside = "" if everyone is None else f"; everyone together: {number_words(everyone)} of 100"
    return f"{head}: {of_100(row, disclosure)['words']} of 100{beside}."


def _expected(row: Json, past: str) -> str:
    """Say a calibration intercept (log-odds) as people for every 100 expected, at the group's own rate."""
    people, happened = row["n_subjects"], row["n_outcomes"]
    if not people or not happened or happened >= people:
        return "by how much is not shown, because it could give away small numbers."
    log_odds = math.log(happened / (people - happened))
    share = happened / people
    # Expected share: where the group's log-odds would lie without the intercept. Rounded to 5 as counts are.
    middle, low, high = (
        5 * round(20 * share * (1 + math.exp(row[end] - log_odds))) for end in ("estimate", "lower", "upper")
    )
    return f"for every 100 expected in this group, about {middle} ({low} to {high}) {past}."


def _limit(method: Json) -> list[str]:
    tolerance = method.get("tolerance") or {}
    rates = {name: tolerance[name] for name in _PLAIN if tolerance.get(name) and not name.startswith("cal")}
    if not rates:
        return ["No record says what the limit is."]
    return [_size(rates, tolerance), _whose(method.get("tolerance_chosen_by"))]


def _size(rates: Mapping[str, float], tolerance: Json) -> str:
    amounts = sorted(set(rates.values()))
    most = " to ".join(number_words(100 * one) for one in (amounts[0], amounts[-1])[: len(amounts)])
    sentence = f"The limit: a group may be at most {most} of 100 away from everyone else"
    if tolerance.get("share_of_overall"):
        share = number_words(100 * tolerance["share_of_overall"])
        sentence += f" (where a number is small for everyone, at most {share} of 100 of that number)"
    if tolerance.get("calibration_intercept"):
        more = round(100 * (math.exp(tolerance["calibration_intercept"]) - 1))
        sentence += f", and its estimates too high or too low by at most about {more} in every 100, compared with everyone else's"
    return f"{sentence}."


def _whose(chosen_by: str | None) -> str:
    if chosen_by:
        return f"It was chosen by {chosen_by}."
    return "It comes with the software. Nobody has agreed to it yet: the board may set another."


def _too_few(method: Json, past: str) -> str | None:
    """Say which rule leaves a group without a verdict, so that nobody takes it for a finding."""
    outcomes, people = method.get("minimum_outcomes"), method.get("minimum_people")
    if not outcomes or not people:
        return None
    return (
        f"There is no verdict where fewer than {outcomes} young people in a group, or among everyone else, {past}, or where a group has fewer than "
        f"{people} members. Then look at the ranges yourself: they may well lie far apart."
    )


def _undecided(rows: Sequence[Json]) -> list[str]:
    sentences = []
    for attribute in dict.fromkeys(row["attribute"] for row in rows):
        missed = [row for row in rows if row["attribute"] == attribute and row["metric"] == "fnr"]
        open_ = _named(missed, ("inconclusive", "insufficient"))
        hidden = _named(missed, (HIDDEN,))
        told = ([f"the audit cannot say whether too many are missed among: {open_}"] if open_ else []) + (
            [f"{'numbers are' if open_ else 'numbers on who is missed are'} hidden for: {hidden}"] if hidden else []
        )  # fmt: skip
        if told:
            sentences.append(f"By {attribute_words(attribute)}, {'; '.join(told)}.")
    return sentences


def _named(rows: Sequence[Json], verdicts: Sequence[str]) -> str:
    names = [group_words(row["attribute"], row["group"]) for row in rows if _verdict(row) in verdicts]
    return "; ".join(names) if any("," in name for name in names) else ", ".join(names)


def _number(count: int) -> str:
    return "1 is" if count == 1 else f"{count} are"


def _summary(counts: Mapping[str, int], hidden_exceeds: int | None) -> str:
    judged = sum(counts.values())
    if not judged:
        return (
            "No difference between groups was judged, because no limit was set or nothing could be measured."
        )
    cannot = counts["inconclusive"] + counts["insufficient"]
    parts = [f"{_number(counts['within'])} within the limit, {_number(counts['exceeds'])} larger"]
    parts.append(f"for {cannot} the audit cannot tell")
    if counts[HIDDEN]:
        parts.append(f"{_number(counts[HIDDEN])} hidden to protect young people")
    sentence = (
        f"Of {judged} comparisons of a group with everyone else, {', '.join(parts[:-1])}, and {parts[-1]}."
    )
    if counts[HIDDEN] and hidden_exceeds:
        sentence += (
            f" Among the hidden ones, {_number(hidden_exceeds)} larger than the limit: whoever may see the exact table "
            "(fairness.json) should look."
        )
    return f"{sentence} An audit assesses. It does not put anything right by itself."
