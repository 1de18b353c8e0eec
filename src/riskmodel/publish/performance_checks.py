"""Further checks of performance in plain words: distance from the truth, other capacities, and optimism."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.publish.checks import Check
from riskmodel.publish.results import METRICS, at_capacity, metric, of_100, per_100, safe_row, split_words

Json = Mapping[str, Any]

_OPTIMISM = (
    "auroc",
    "average_precision",
    "recall_at_capacity",
    "precision_at_capacity",
    "net_benefit",
    "scaled_brier",
)
_LABELS = {"scaled_brier": "Scaled Brier score"}


def distances_check(results: Json, *, split: str, past: str, disclosure: Disclosure) -> Check:
    """Say how far estimates lie from what happened.

    Parameters
    ----------
    results : mapping
        Metrics of the selected model on one split: ``ici``, ``e50``, ``e90``, ``scaled_brier``.
    split : str
    past : str
        The outcome in the past tense.
    disclosure : Disclosure
        Applied to every number.

    Returns
    -------
    Check
    """
    rows = [
        [label, of_100(results[name], disclosure)["words"], name.upper()]
        for name, label in (
            ("ici", "On average"),
            ("e50", "For half of young people, no more than"),
            ("e90", "For 90 of 100 young people, no more than"),
        )
    ]
    sentences = (
        f"On average, of 100 young people: {rows[0][1]}.",
        (
            f"An estimate speaks of 100 young people like this one: so many of them {past}. We drew a smooth line through what "
            "happened to young people with like estimates, and measured how far each estimate lies from it."
        ),
        f"Measured on {split_words(split)}. 0 is perfect. Chance alone keeps these numbers a little above 0.",
        (
            "The scaled Brier score says how much better the estimates are than giving everybody the same. 1 is perfect, 0 is "
            f"no better; where few {past}, good estimates stay near 0 too. Here: "
            f"{metric('scaled_brier', results['scaled_brier'], disclosure)['words']}."
        ),
    )
    head = ("How far the estimates are off", "Of 100 young people, so many", "Name")
    return Check("calibration_distance", "How far are the estimates off?", sentences, head, rows)


def capacity_check(points: Sequence[Json], *, own: float, past: str, disclosure: Disclosure) -> Check:
    """Say what more or fewer offers would reach; a figure of the same name shows it.

    Parameters
    ----------
    points : sequence of mappings
        ``capacity`` of ``curves.json``.
    own : float
        The study's capacity, as a share of 1.
    past : str
        The outcome in the past tense.
    disclosure : Disclosure
        Applied to every number.

    Returns
    -------
    Check
    """
    rows = [
        [
            f"{100 * point['share']:g} of 100" + (" (this study)" if point["share"] == own else ""),
            of_100(point["recall"], disclosure)["words"],
            of_100(point["precision"], disclosure)["words"],
            per_100(point["number_needed_to_offer"], disclosure)["words"],
        ]
        for point in safe_capacity(points, own=own, disclosure=disclosure)
    ]
    sentences = (
        "More offers find more of the young people who need them, and more of the offers go to others.",
        "The table shows the exchange, so that the number of offers can be chosen with open eyes.",
        "It does not say how many offers there should be. That depends on what an offer costs and how much good it does.",
    )
    head = (
        "Offers at each date",
        f"Of 100 who {past}, so many offered",
        f"Of 100 offered, so many {past}",
        f"Offers for each one who {past}",
    )
    return Check("capacity", "What if there were more or fewer offers?", sentences, head, rows)


def safe_capacity(points: Sequence[Json], *, own: float, disclosure: Disclosure) -> list[dict[str, Any]]:
    """Return the points that may be shown side by side.

    Parameters
    ----------
    points : sequence of mappings
        By ascending share: ``share``, ``precision``, ``recall``, ``number_needed_to_offer``.
    own : float
        The study's capacity. Its point comes before all others, because the card shows its numbers anyway.
    disclosure : Disclosure
        A point is left out where it finds or misses fewer young people than the threshold, or where it finds fewer than
        that more or less than another point shown: the difference would tell how many those few are.
    """
    kept: list[tuple[int, Json]] = []
    for point in sorted(points, key=lambda one: one["share"] != own):
        found = _found(point["recall"], disclosure)
        if found is not None and all(abs(found - other) >= disclosure.threshold for other, _ in kept):
            kept.append((found, point))
    return [dict(point) for _, point in sorted(kept, key=lambda one: float(one[1]["share"]))]


def _found(recall: Json, disclosure: Disclosure) -> int | None:
    """Return how many were found; None where so few were, or were missed, that it may not be shown."""
    shown = at_capacity(safe_row(recall, disclosure), recall, disclosure)
    if shown is None or shown["estimate"] is None:
        return None
    found: int = round(recall["estimate"] * recall["n_outcomes"])
    return found


def optimism_check(found: Json, *, past: str, disclosure: Disclosure) -> Check:
    """Say how much better the model looks on the young people it learned from.

    Parameters
    ----------
    found : mapping
        By metric ``apparent``, ``corrected`` and ``difference``, as in ``optimism.json``, of the selected model.
    past : str
        The outcome in the past tense.
    disclosure : Disclosure
        Applied to every number.

    Returns
    -------
    Check
    """
    rows = []
    for name in _OPTIMISM:
        cells = (
            at_capacity(found[name][column], found["recall_at_capacity"]["corrected"], disclosure)
            if name.endswith("_at_capacity")
            else found[name][column]
            for column in ("apparent", "corrected", "difference")
        )
        label = _LABELS.get(name) or METRICS[name][0]
        rows.append([label, *(metric(name, one, disclosure)["words"] for one in cells)])
    sentences = (
        _too_good(found["recall_at_capacity"], past, disclosure),
        (
            "A model nearly always looks better on the young people it learned from. To see by how much, each of them was also scored "
            "by a model that had learned only from others. The second number is the one to believe."
        ),
    )
    head = ("Measure", "Those it learned from", "The same, left out in turn", "Looks too good by")
    return Check("optimism", "Does it look better than it is?", sentences, head, rows)


def _too_good(recall: Json, past: str, disclosure: Disclosure) -> str:
    difference = safe_row(recall["difference"], disclosure)
    shown = at_capacity(difference, recall["corrected"], disclosure)
    if shown is None or shown["status"] != "ok":
        return "How much too good it looks at capacity cannot be shown for these data."
    gap = round(100 * difference["estimate"], 1)
    if difference["lower"] <= 0 <= difference["upper"]:
        return (
            "At this study's capacity it does not look clearly better on those it learned from than on others: chance "
            "could explain the difference."
        )
    if gap < 0:
        return f"At this study's capacity it looks no better on those it learned from: {-gap:g} fewer of 100 who {past} are found there."
    return f"At this study's capacity it looks too good by {gap:g}: so many more of 100 who {past} seem to be found than would be."
