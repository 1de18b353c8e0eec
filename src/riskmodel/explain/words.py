"""Plain words for numbers, agencies and lengths of time: what a reader aged 12 can follow."""

from __future__ import annotations

import math
from datetime import date
from typing import Literal

from riskmodel.tables.days import from_day

AGENCIES = {
    "EDU": "school",
    "CSC": "children's social care",
    "CLA": "the care record",
    "YJ": "the youth justice service",
    "HEALTH": "health services",
    "POLICE": "the police",
    "HOME": "the council's address list",
    "HOUSING": "the council's address list",
    "SUPPORT": "support services",
    "PERSON": "the council's address list",
}

_BARE = ("number", "value", "declared")

Strength = Literal["a lot", "some", "a little"]


def agency_words(agency: str) -> str:
    """Return what a reader calls an agency; a code that is not ours is returned as it is."""
    return AGENCIES.get(agency, agency)


def number_words(value: float) -> str:
    """Return a number with at most one decimal and a comma at thousands: 3, 2.5, 1,200."""
    rounded = round(value, 1) + 0.0
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.1f}"


def share_words(share: float) -> str:
    """Return a share of 1 as a whole percentage; a share that would round to 0 or 100 without being it is said so."""
    percent = 100.0 * share
    if 0.0 < percent < 0.5:
        return "less than 1%"
    if 99.5 <= percent < 100.0:
        return "more than 99%"
    return f"{percent:.0f}%"


def counted(value: float, unit: str) -> str:
    """Return a number and its unit, singular for one: "1 day", "2 days", "0 points"; a bare number has no unit."""
    number = number_words(value)
    if unit in _BARE:
        return number
    if number in ("1", "-1") and unit.endswith("s") and not unit.endswith("ss"):
        return f"{number} {unit.removesuffix('s')}"
    return f"{number} {unit}".rstrip()


def times_words(count: float) -> str:
    """Return how often: once, twice, "3 times"."""
    return {1.0: "once", 2.0: "twice"}.get(count, counted(count, "times"))


def ago_words(days: float) -> str:
    """Return how long ago in the largest unit that still says enough: "40 days ago", "about 8 months ago"."""
    whole = round(days)
    if whole < 60:
        return f"{counted(whole, 'days')} ago"
    if whole < 730:
        return f"about {round(whole / 30.44)} months ago"
    return f"about {round(whole / 365.25)} years ago"


def date_words(day: int | date) -> str:
    """Return a date as people write it: 3 September 2024."""
    value = day if isinstance(day, date) else from_day(day)
    return f"{value.day} {value:%B %Y}"


def horizon_words(days: int) -> str:
    """Return the length of an outcome's horizon: "a year", "6 months", "90 days"."""
    if days == 365:
        return "a year"
    if days % 365 == 0:
        return f"{days // 365} years"
    if days % 30 == 0 and days >= 120:
        return f"{days // 30} months"
    return counted(days, "days")


def per_thousand(share: float) -> str:
    """Return a risk as people of 1,000: "about 34", "fewer than 1".

    Raises
    ------
    ValueError
        If the share is not between 0 and 1.
    """
    if not (math.isfinite(share) and 0.0 <= share <= 1.0):
        raise ValueError("a risk estimate lies between 0 and 1")
    people = round(1000.0 * share)
    return "fewer than 1" if people == 0 else f"about {people:,}"


def per_hundred(share: float) -> str:
    """Return a risk as people of 100: "about 3", "fewer than 1"."""
    people = round(100.0 * share)
    return "fewer than 1" if people == 0 else f"about {people}"


def strength_words(share: float) -> Strength:
    """Return how much of an estimate's movement a concept accounts for (share of absolute contributions)."""
    if share >= 0.25:
        return "a lot"
    return "some" if share >= 0.10 else "a little"
