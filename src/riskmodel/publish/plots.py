"""Every figure of a run, drawn from the card's record, so that nothing is drawn that the card may not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.audit import RecordsReport
from riskmodel.disclosure import Disclosure
from riskmodel.publish import figures
from riskmodel.publish.heterogeneity import ranking_rows
from riskmodel.publish.learning_curve import learning_curve_lines
from riskmodel.publish.performance_checks import safe_capacity
from riskmodel.publish.recording_words import bounds_figures, tipping_figures
from riskmodel.publish.results import safe_row
from riskmodel.validate.learning_curve import LearningCurve

Json = Mapping[str, Any]


def run_figures(
    record: Json,
    *,
    curves: Json,
    explanations: Json,
    disclosure: Disclosure,
    heterogeneity: Json | None = None,
    learning: LearningCurve | None = None,
    frontier: Sequence[Json] = (),
    recording: RecordsReport | None = None,
) -> dict[str, str]:
    """Return SVG by name, as ``write_card`` takes it and as ``plots/NAME.svg`` holds it.

    Parameters
    ----------
    record : mapping
        The card's record: its numbers have passed the disclosure rules.
    curves : mapping
        ``reliability``, ``decision_curve`` and ``capacity`` of the selected model: rows as ``riskmodel.validate.curves``
        gives them, with ``n_subjects`` and ``n_outcomes``; small ones are left out here. A missing curve is not drawn.
    explanations : mapping
        ``explanations.json``; the spread of the selected model is drawn.
    disclosure : Disclosure
        Applied to the curves, to what was held out, and to the bounds.
    heterogeneity : mapping, optional
        ``heterogeneity.json``, where the design holds out areas, schools or dates.
    learning : LearningCurve, optional
        Where the study asks whether more people would help.
    frontier : sequence of mappings, optional
        From ``publish.mitigation.frontier_rows``.
    recording : RecordsReport, optional
        Its bounds and tipping points are drawn, one figure a metric.

    Notes
    -----
    A figure that would hold no number is left out: the tables say why there is none.
    """
    past = record["headline"]["past"]
    drawn = _of_record(record) | _of_curves(curves, disclosure, past=past)
    if frontier:
        drawn["mitigation"] = figures.frontier(frontier, past=past)
    if heterogeneity is not None:
        spread, kind = heterogeneity["spread"]["auroc"], heterogeneity["kind"]
        groups = ranking_rows(heterogeneity, disclosure)
        drawn["heterogeneity"] = figures.ranking_by_group(groups, spread, kind=kind, past=past)
    if learning is not None and (lines := learning_curve_lines(learning, disclosure)):
        drawn["learning_curve"] = figures.learning_curves(lines)
    model = explanations.get("models", {}).get(record["performance"]["selected"])
    if model is not None and any(entry["bins"] for entry in model["spread"]):
        drawn["spread"] = figures.spread(model["spread"], unit=str(model.get("unit", "")))
    if recording is not None:
        drawn |= bounds_figures(recording, disclosure, past=past) | tipping_figures(recording, disclosure)
    return drawn | _fairness(record)


def _of_record(record: Json) -> dict[str, str]:
    past, standings = record["headline"]["past"], record["performance"]["selection"]
    drawn: dict[str, str] = {
        "offers": figures.offers(record["headline"]["policies"], past=past),
        "attrition": figures.attrition(record["data"]["attrition"]),
    }
    if any(row["ordering"]["estimate"] is not None for row in standings):
        drawn["selection"] = figures.selection(standings, past=past)
    if record["factors"]:
        shares = [
            {"description": one["concept"], "share": one["share_percent"] / 100} for one in record["factors"]
        ]
        drawn["importance"] = figures.importance_bars(shares)
    return drawn


def _of_curves(curves: Json, disclosure: Disclosure, *, past: str) -> dict[str, str]:
    drawn: dict[str, str] = {}
    if "reliability" in curves:
        drawn["reliability"] = figures.reliability(_safe(curves["reliability"], disclosure), past=past)
    if "decision_curve" in curves:
        rows = _safe(curves["decision_curve"], disclosure)
        drawn["decision_curve"] = figures.decision_curve(rows, label="this model")
    own = curves.get("own_capacity", 0.0)
    if shown := safe_capacity(curves.get("capacity", ()), own=own, disclosure=disclosure):
        drawn["capacity"] = figures.capacity(shown, own=own, past=past)
    return drawn


def _safe(rows: Sequence[Json], disclosure: Disclosure) -> list[Json]:
    return [safe_row(row, disclosure) for row in rows]


def _fairness(record: Json) -> dict[str, str]:
    found = record["performance"]["full"]["recall_at_capacity"]["estimate"]
    drawn = {}
    for table in record["fairness"]["attributes"]:
        rows = [
            {**_share(group["cells"]["fnr"]), "attribute": table["label"], "group": group["label"]}
            for group in table["groups"]
        ]
        if all(row["estimate"] is None for row in rows):
            continue  # the table says why
        drawn[f"fairness-{table['attribute'].replace(' ', '-')}"] = figures.fairness_intervals(
            rows,
            title=f"Of 100 who {record['headline']['past']}, so many would be missed",
            overall=None if found is None else 1 - found,
        )
    return drawn


def _share(cell: Json) -> dict[str, Any]:
    ends = {end: None if cell[end] is None else cell[end] / 100 for end in ("estimate", "lower", "upper")}
    return {**cell, **ends}
