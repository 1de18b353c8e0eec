"""What the data cannot say, in plain words, from what was found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.stop_search.reading import ReadingReport

WORDS = {
    "sex": "sex",
    "age": "age",
    "self_defined": "self-defined ethnicity",
    "officer_defined": "officer-defined ethnicity",
    "object": "what was looked for",
    "legislation": "the law",
    "outcome": "the outcome",
    "linked": "whether the outcome had to do with what was looked for",
    "latitude": "the place",
}
_ALWAYS = (
    "These are searches, not people. The data have no number for a person. Someone searched ten times counts ten times.",
    "They hold no stop without a search, and nobody who was passed by. So they cannot say who was about, or what officers saw.",
    "Residents are not the people who are out in the street, and some people searched live elsewhere. So several rates stand side by side.",
    "Finding something is not the same as being right to search. Averages over all searches can mislead about the hardest decisions.",
    "Places are moved to a nearby point before the data are published.",
    "Many comparisons are made here. Of twenty intervals, about one misses by chance.",
)  # fmt: skip


def cannot_say(report: ReadingReport, gaps: Mapping[str, Any], *, ages: bool) -> list[str]:
    """Return the limits that always hold, and those that these files add.

    Parameters
    ----------
    report : ReadingReport
        What became of every row.
    gaps : mapping
        ``missing.gaps``.
    ages : bool
        Whether a benchmark counts an ethnic group by age.
    """
    said = [f"No row says {WORDS[column]}." for column in gaps["never_filled"]]
    said += [
        f"Of 100 rows, {100 * share:.0f} do not say {WORDS[column]}."
        for column, share in gaps["often_blank"].items()
    ]
    blank: dict[str, list[str]] = {}
    for row in gaps["blank_months"]:
        blank.setdefault(row["column"], []).append(row["month"])
    said += [
        f"In {_listed(months)} most rows do not say {WORDS[column]}." for column, months in blank.items()
    ]
    if gaps["object_from_law"]:
        said.append(
            f"In {_listed(gaps['object_from_law'])} what was looked for was filled in from the law alone, so searches for weapons "
            "under the Police and Criminal Evidence Act cannot be told from others. Fewer weapon searches show than there were."
        )
    if report.unreadable_dates:
        n = report.unreadable_dates
        said.append(f"The date of {n:,} {'search' if n == 1 else 'searches'} could not be read.")
    if not ages:
        said.append(
            "No count of residents by age within an ethnic group was given (the census files have none), so no rate here is of young people alone. "
            "Your own counts can be named with --benchmark."
        )
    return [*said, *_ALWAYS]


def month_name(month: str) -> str:
    """Return ``March 2018`` for ``2018-03``; other words as they are."""
    names = (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    )  # fmt: skip
    year, _, number = month.partition("-")
    if not number:
        return month
    return f"{names[int(number) - 1]} {year}"


def _listed(months: Sequence[str]) -> str:
    words = [month_name(month) for month in months]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
