"""Whether more young people's records would help, in words for the board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import share_words
from riskmodel.publish.checks import Check
from riskmodel.publish.results import FAMILIES, about, at_capacity, metric, of_100
from riskmodel.validate.estimate import Estimate
from riskmodel.validate.learning_curve import FamilyCurve, LearningCurve

_VERDICT = {
    "helps": "Yes, it seems. The last step made the ranking better, and the next may as well.",
    "little": "Hardly. The last step made the ranking better by less than {worth:g}, which is not worth asking for more records, or not at all.",
    "cannot_tell": "It cannot be told. The last step may have helped or not.",
}


def learning_curve_check(report: LearningCurve, *, past: str, disclosure: Disclosure) -> Check:
    """Return the card's section about learning from fewer; a figure of the same name shows the ranking.

    Parameters
    ----------
    report : LearningCurve
    past : str
        The outcome in the past tense.
    disclosure : Disclosure
        Applied to every number.

    Returns
    -------
    Check
    """
    head = ("Model", "Learned from, young people", "Ranking (AUROC)", f"Of 100 who {past}, found")
    rows = [
        (FAMILIES[family], about(disclosure.count(step.people)), *_cells(curve, i, disclosure))
        for family, curve in report.families.items()
        for i, step in enumerate(report.steps)
    ]
    title = "Would more young people's records help?"
    return Check("learning_curve", title, tuple(_sentences(report, disclosure)), head, rows)


def learning_curve_lines(report: LearningCurve, disclosure: Disclosure) -> list[dict[str, Any]]:
    """Return each family's ranking, step by step, as it may be drawn; steps without a number are left out."""
    lines = []
    for family, curve in report.families.items():
        shown = [
            {"share": step.share, **metric("auroc", asdict(found), disclosure)}
            for step, found in zip(report.steps, curve.auroc, strict=True)
        ]
        points = [one for one in shown if one["estimate"] is not None]
        lines.append({"label": FAMILIES[family], "points": points})
    return [one for one in lines if one["points"]]


def _sentences(report: LearningCurve, disclosure: Disclosure) -> Iterator[str]:
    before = report.steps[-2].share
    yield " ".join(
        f"{FAMILIES[family]}: {_verdict(curve, disclosure, worth=report.worth)}"
        for family, curve in report.families.items()
    )
    yield (
        "The models that are made of trees learned again from only some of the households, and were judged on the same young people as "
        f"before. Each part was drawn {report.draws} times. The last step is from {share_words(before)} of the households to all of them."
    )
    yield (
        "The ranges allow for chance: in whom we judged, and in which households were left out. A better ranking also needs the right records: "
        "more of the same cannot make up for what nobody wrote down."
    )


def _verdict(curve: FamilyCurve, disclosure: Disclosure, *, worth: float) -> str:
    shown = metric("auroc", asdict(curve.auroc_gain), disclosure)
    if shown["estimate"] is None:
        return f"It cannot be told. The change in the ranking (AUROC) is {shown['words']}."
    return f"{_VERDICT[curve.verdict].format(worth=worth)} The ranking (AUROC) changed by {_signed(curve.auroc_gain)}."


def _signed(gain: Estimate) -> str:
    middle, low, high = (f"{value:+.3f}" for value in (gain.estimate, gain.lower, gain.upper))
    return f"{middle} ({low} to {high})"


def _cells(curve: FamilyCurve, i: int, disclosure: Disclosure) -> Sequence[str]:
    recall = asdict(curve.recall_at_capacity[i])
    found = at_capacity(recall, recall, disclosure) or recall
    return (
        metric("auroc", asdict(curve.auroc[i]), disclosure)["words"],
        of_100(found, disclosure)["words"],
    )
