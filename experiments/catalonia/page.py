"""The written result: every number on the page comes from ``results.json``; the words follow from the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from riskmodel.files import write_text

Record = Mapping[str, Any]

HERE = Path(__file__).parent
SCORERS = {
    "count": "count of risk factors",
    "prior": "number of earlier cases alone",
    "logistic": "logistic regression",
    "ebm": "explainable boosting machine",
    "xgboost": "boosted trees",
    "savry_total": "SAVRY total",
    "savry_rating": "professional's overall rating",
    "logistic_with_savry": "logistic regression with SAVRY's items",
    "ebm_with_savry": "explainable boosting machine with SAVRY's items",
    "xgboost_with_savry": "boosted trees with SAVRY's items",
}
LEARNED = ("logistic", "ebm", "xgboost")
BY_ITEMS = tuple(f"{family}_with_savry" for family in LEARNED)


def write_page(results: Mapping[str, Any], target: Path) -> None:
    """Write ``README.md`` from the results."""
    write_text(target, page(results))


def page(results: Mapping[str, Any]) -> str:
    """Return the page as Markdown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    words = Environment(  # noqa: S701 - Markdown, and every value is our own
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    words.filters.update({"interval": interval, "rate": rate, "plain": plain, "listed": listed})
    words.globals.update(
        {
            "one": one,
            "rows": rows,
            "finding": finding,
            "holds": holds,
            "SCORERS": SCORERS,
            "LEARNED": LEARNED,
            "BY_ITEMS": BY_ITEMS,
        }
    )
    return words.get_template("README.md.j2").render(results)


def rows(records: Sequence[Record], **wanted: str) -> list[Record]:
    """Return the records that have the wanted values, in order."""
    return [record for record in records if all(record[name] == value for name, value in wanted.items())]


def one(records: Sequence[Record], **wanted: str) -> Record:
    """Return the one record that has the wanted values."""
    found = rows(records, **wanted)
    if len(found) != 1:
        raise LookupError(f"expected one record with {wanted}, found {len(found)}")
    return found[0]


def plain(number: float | None, digits: int = 2) -> str:
    """Return a number without a leading zero, or a dash where there is none."""
    if number is None:
        return "–"
    text = f"{abs(number):.{digits}f}"
    text = text.removeprefix("0") if text.startswith("0.") else text
    return f"−{text}" if number < 0 and float(f"{number:.{digits}f}") != 0 else text


def interval(record: Record, digits: int = 2) -> str:
    """Return an estimate with its 95% interval, or why there is none."""
    if record["status"] != "ok":
        return "hidden" if record["status"] == "suppressed" else str(record["status"])
    low, high = plain(record["lower"], digits), plain(record["upper"], digits)
    return f"{plain(record['estimate'], digits)} ({low} to {high})"


def rate(record: Record) -> str:
    """Return a rate as so many of 100."""
    return "hidden" if record["rate"] is None else f"{100 * record['rate']:.0f} of 100"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence part, or "none"."""
    if len(names) < 2:
        return "".join(names) or "none"
    return ", ".join(names[:-1]) + " and " + names[-1]


def finding(records: Sequence[Record], scorers: Sequence[str], **wanted: str) -> dict[str, list[str]]:
    """Sort scorers by what a difference shows, judged on the numbers as rounded for showing.

    Returns
    -------
    dict
        ``more``: the whole interval is above 0; ``less``: below; ``unclear``: it holds 0; ``hidden``: no number. Each a
        list of names in words.
    """
    found: dict[str, list[str]] = {"more": [], "less": [], "unclear": [], "hidden": []}
    for record in rows(records, **wanted):
        if record["scorer"] in scorers:
            found[_kind(record)].append(SCORERS[record["scorer"]])
    return found


def holds(found: Mapping[str, Sequence[str]]) -> str:
    """Return whether the claim that a difference is above zero holds for all, some or none of the scorers."""
    if found["more"]:
        return "holds in part" if found["less"] or found["unclear"] or found["hidden"] else "holds"
    if found["less"]:
        return (
            "is not shown, for some the reverse" if found["unclear"] or found["hidden"] else "does not hold"
        )
    return "is not shown"


def _kind(record: Record) -> str:
    if record["status"] != "ok":
        return "hidden"
    if record["lower"] > 0:
        return "more"
    return "less" if record["upper"] < 0 else "unclear"
