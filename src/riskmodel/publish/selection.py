"""Why one family was chosen, as the card says it: words, and numbers that have passed the disclosure rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.publish.results import FAMILIES, at_capacity, metric

Json = Mapping[str, Any]

CHOSEN_ON = (
    "The choice was made on the training data, each young person scored by a model that had not learned from them. "
    "The later dates had no part in it, so another model may look better there."
)
CHOSEN = "chosen: the simplest that does well in both"


def reason(selection: Json) -> str | None:
    """Say why this family was chosen, and on which data; None where nobody said.

    Parameters
    ----------
    selection : mapping
        ``selection.json``.
    """
    if "selected" not in selection:
        return None
    best, selected = (str(selection.get(key, selection["selected"])) for key in ("best", "selected"))
    if best == selected:
        why = (
            "Of the models that put young people in order well, it found most, and no simpler one came close."
        )
    else:
        why = (
            f"{_name(best)} found most, but {_name(selected)} is simpler, and the "
            "difference is so small that chance could easily explain it."
        )
    return " ".join([why, *_left_out(selection), CHOSEN_ON])


def standings(selection: Json, results: Mapping[str, Json], disclosure: Disclosure) -> list[dict[str, Any]]:
    """Return how every family stood when the choice was made, the simplest first.

    Parameters
    ----------
    selection : mapping
        ``selection.json``.
    results : mapping of family to mapping
        Its out-of-fold metrics, for the numbers of people behind them.
    disclosure : Disclosure

    Returns
    -------
    list of dict
        ``family``, ``label``, ``chosen``, ``found`` and ``ordering`` (results as may be shown), ``found_behind`` and
        ``ordering_behind`` (how far behind the best, with one standard error; null where hidden), ``words``.
    """
    chosen = selection.get("selected")
    return [
        {
            "family": one["family"],
            "label": FAMILIES.get(one["family"], one["family"]),
            "chosen": one["family"] == chosen,
            **_numbers(one, results.get(one["family"], {}), disclosure),
            "words": _words(one, chosen=one["family"] == chosen),
        }
        for one in selection.get("families", ())
    ]


def _numbers(one: Json, results: Json, disclosure: Disclosure) -> dict[str, Any]:
    recall, auroc = results.get("recall_at_capacity"), results.get("auroc")
    shown = {
        "found": metric(
            "recall_at_capacity", at_capacity(_result(one["utility"], recall), recall, disclosure), disclosure
        ),
        "ordering": metric("auroc", _result(one["ordering"], auroc), disclosure),
    }
    behind = {"found_behind": ("utility", "found", 2), "ordering_behind": ("ordering", "ordering", 3)}
    return shown | {
        name: _behind(one[part], digits) if shown[of]["estimate"] is not None else None
        for name, (part, of, digits) in behind.items()
    }


def _result(standing: Json, counts: Json | None) -> dict[str, Any] | None:
    """Return a standing's number with the people behind it."""
    if counts is None:
        return None
    return {**counts, "estimate": standing["value"], "lower": standing["lower"], "upper": standing["upper"]}


def _behind(standing: Json, digits: int) -> dict[str, Any]:
    behind, error = round(standing["behind"], digits) + 0.0, round(standing["standard_error"], digits)
    words = (
        "the best"
        if standing["standard_error"] == 0 and behind == 0
        else f"{behind:.{digits}f} (± {error:.{digits}f})"
    )
    return {"estimate": behind, "standard_error": error, "words": words}


def _words(one: Json, *, chosen: bool) -> str:
    if chosen:
        return CHOSEN
    if one["good_enough"]:
        return "does as well, but is less simple"
    orders = [] if one["ordering"]["close"] else ["puts young people in order clearly less well"]
    finds = [] if one["utility"]["close"] else ["finds clearly fewer"]
    return " and ".join([*orders, *finds])


def _left_out(selection: Json) -> Sequence[str]:
    """Name the simpler families that find about as many and order people clearly less well."""
    rows = list(selection.get("families", ()))
    places = [row["family"] for row in rows]
    simpler = rows[: places.index(selection["selected"])] if rows else []
    names = [
        _name(row["family"]) for row in simpler if row["utility"]["close"] and not row["ordering"]["close"]
    ]
    if not names:
        return ()
    return (
        f"Left out for putting young people in order clearly less well, though about as useful: {', '.join(names)}.",
    )


def _name(family: str) -> str:
    return f"“{FAMILIES.get(family, family)}”"
