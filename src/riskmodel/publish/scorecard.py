"""The scorecard on one page: points to add up, what a total means, and what the short form loses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from riskmodel.explain.words import agency_words, number_words
from riskmodel.files import write_json, write_text
from riskmodel.publish.checks import Check
from riskmodel.publish.pages import capital, render_html, render_markdown
from riskmodel.publish.results import METRICS, split_words
from riskmodel.tables.features import FeatureInfo

Json = Mapping[str, Any]

SHOWN = ("auroc", "recall_at_capacity", "precision_at_capacity")
NOT_KNOWN = "not known"
_WHOLE = ("count", "distinct", "spell_days", "days_since_last", "days_since_first")
_SINCE = ("days_since_last", "days_since_first")

HOW = (
    "For each fact take the points of the answer that fits; any other answer has 0 points. Add them up. The second table "
    "says how likely the outcome was for young people with such a total. It is an estimate, not a finding about one person."
)
NOT_YET = (
    "This page shows how the model works. It may be used for a real young person only after the ethics board has approved "
    "it, and never for enforcement."
)


@dataclass(frozen=True)
class ScorecardFacts:
    """What the page is made of; every number of people has passed the disclosure rules.

    Parameters
    ----------
    curves : sequence of mapping
        ``name``, ``cuts`` and ``scores`` (whole points; first for missing) of each feature.
    infos : mapping of str to FeatureInfo
    bands : sequence of int
        Lowest total of each band but the first.
    band_risk : sequence of float
        Mean risk estimate in each band.
    losses : mapping of str to sequence of mapping
        By split, rows of ``Comparison``: full model first, card second.
    past : str
        The outcome in the past tense.
    front_door : str
    banner : str, optional
    state : mapping
        The card for machines.
    """

    curves: Sequence[Json]
    infos: Mapping[str, FeatureInfo]
    bands: Sequence[int]
    band_risk: Sequence[float]
    losses: Mapping[str, Sequence[Json]]
    past: str
    front_door: str
    banner: str | None
    state: Json


def scorecard_record(facts: ScorecardFacts) -> dict[str, Any]:
    """Return everything the page prints, and the card for machines under ``state``."""
    most = sum(int(max(curve["scores"])) for curve in facts.curves)
    return {
        "title": f"Scorecard: who later {facts.past}",
        "banner": facts.banner,
        "how": HOW,
        "not_yet": NOT_YET,
        "front_door": facts.front_door,
        "past": facts.past,
        "most": most,
        "lines": [_line(facts.infos[curve["name"]], curve) for curve in facts.curves],
        "totals": _totals(facts.bands, facts.band_risk, most),
        "loss_head": list(LOSS_HEAD),
        "losses": [list(row) for row in _losses(facts.losses)],
        "verdict": verdict(facts.losses),
        "state": dict(facts.state),
    }


def write_scorecard(record: Json, folder: Path) -> None:
    """Write ``scorecard.json``, ``scorecard.md`` and ``scorecard.html``."""
    write_json(folder / "scorecard.json", dict(record))
    write_text(folder / "scorecard.md", render_markdown("scorecard.md.jinja", {"card": record}))
    write_text(folder / "scorecard.html", render_html("scorecard.html.jinja", {"card": record}))


def scorecard_check(record: Json) -> Check:
    """Return the card's section about the short form."""
    sentences = (
        (
            f"The logistic model as points to add up by hand: {len(record['lines'])} facts, at most {record['most']} points. "
            "It is in the file scorecard.html, on one page."
        ),
        str(record["verdict"]),
    )
    return Check(
        "scorecard", "The model as a scorecard on paper", sentences, record["loss_head"], record["losses"]
    )


LOSS_HEAD = ("Measured on", "What", "Full model", "Scorecard", "Difference and its 95% range")


def verdict(losses: Mapping[str, Sequence[Json]]) -> str:
    """Say in one sentence whether the short form finds as many as the full model, on the last split."""
    rows = [row for split in losses.values() for row in split if row["metric"] == "recall_at_capacity"]
    row = rows[-1] if rows else None
    if row is None or row["difference"] is None:
        return "Too few young people to say what the short form loses."
    change = number_words(abs(100 * row["difference"]))
    way = "more" if row["difference"] > 0 else "fewer"
    size = "as many" if change == "0" else f"{change} of 100 {way}"
    said = f"With the same number of offers, the scorecard would find {size} of those with the outcome, beside the full model."
    chance = "within what" if row["lower"] <= 0 <= row["upper"] else "more than"
    return f"{said} That is {chance} chance alone would do."


def _losses(losses: Mapping[str, Sequence[Json]]) -> Iterator[tuple[str, ...]]:
    for split, rows in losses.items():
        for row in rows:
            if row["metric"] in SHOWN:
                what = METRICS[row["metric"]][0]
                yield (capital(split_words(split)), what, *_numbers(row))


def _numbers(row: Json) -> tuple[str, str, str]:
    if row["difference"] is None:
        return ("not shown",) * 3
    change = f"{row['difference']:+.3f} ({row['lower']:+.3f} to {row['upper']:+.3f})"
    return f"{row['first']:.3f}", f"{row['second']:.3f}", change


def _totals(bands: Sequence[int], risk: Sequence[float], most: int) -> list[dict[str, str]]:
    lowest, highest = (0, *bands), (*(band - 1 for band in bands), most)
    return [
        {"total": _from_to(low, high), "of_100": number_words(100 * one)}
        for low, high, one in zip(lowest, highest, risk, strict=True)
    ]


def _from_to(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _line(info: FeatureInfo, curve: Json) -> dict[str, Any]:
    answers = list(zip(part_words(info, curve["cuts"]), curve["scores"], strict=True))
    missing, known = answers[0], answers[1:]
    same = [i for i, (_, points) in enumerate(known) if points == missing[1]]
    if same:
        words, points = known[same[0]]
        known[same[0]] = (f"{words}, or {missing[0]}", points)
    else:
        known.append(missing)
    return {
        "fact": capital(fact_words(info)),
        "agency": agency_words(info.agency),
        "answers": [{"answer": words, "points": int(points)} for words, points in known],
    }


def fact_words(info: FeatureInfo) -> str:
    """Return what is asked, without a value."""
    text = " ".join(info.description.split()).rstrip(".")
    return text.removeprefix("whether ").removeprefix("Whether ") or info.concept


def part_words(info: FeatureInfo, cuts: Sequence[float]) -> list[str]:
    """Return words for each part of a feature: missing first, then from the lowest."""
    missing = f"never, or {NOT_KNOWN}" if info.aggregation in _SINCE else NOT_KNOWN
    if not cuts:
        return [missing, "at any time" if info.aggregation in _SINCE else "known"]
    if info.aggregation in ("any", "in_spell") or info.unit == "yes or no":
        return [missing, "no", "yes"]
    if info.aggregation in _WHOLE and all(cut == int(cut) for cut in cuts):
        edges = [0, *(int(cut) for cut in cuts)]
        inner = [_from_to(low, high - 1) for low, high in pairwise(edges)]
        return [missing, *inner, f"{edges[-1]:,} or more"]
    shown = [_value(info, cut) for cut in cuts]
    inner = [f"{low} to less than {high}" for low, high in pairwise(shown)]
    return [missing, f"less than {shown[0]}", *inner, f"{shown[-1]} or more"]


def _value(info: FeatureInfo, cut: float) -> str:
    return f"{100 * cut:.4g}%" if info.unit == "share" else f"{cut:,.6g}"
