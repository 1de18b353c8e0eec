"""What a data manager calls agencies, files and spells."""

from __future__ import annotations

from collections.abc import Sequence

AGENCIES = {
    "EDU": "Schools",
    "CSC": "Children's social care",
    "CLA": "Looked-after children",
    "YJ": "Youth justice",
    "HEALTH": "Health",
    "POLICE": "Police",
    "HOME": "Housing",
    "SUPPORT": "Support offers",
    "STOP_SEARCH": "Stop and search",
    "SPINE": "The spine",
}

SPELLS = {
    "CLA//CARE": "time in care",
    "CLA//MISSING": "time missing from care",
    "CLA//AWAY": "time away from care without leave",
    "CSC//CIN": "child in need episodes",
    "CSC//CPP": "child protection plans",
    "EDU//AP": "alternative provision",
    "EDU//EHCP": "education, health and care plans",
    "EDU//FSM": "free school meals",
    "EDU//SEN_SUPPORT": "special educational needs support",
}

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def agency_words(agency: str) -> str:
    """Return an agency's name; a code that is not ours is returned as it is."""
    return AGENCIES.get(agency, agency)


def spell_words(stem: str) -> str:
    """Return what a spell is called."""
    return SPELLS.get(stem, stem)


def month_words(month: int) -> str:
    """Return a month, counted from January of year 0, as ``March 2019``."""
    return f"{_MONTHS[month % 12]} {month // 12}"


def month_code(month: int) -> str:
    """Return a month, counted from January of year 0, as ``2019-03``."""
    return f"{month // 12}-{month % 12 + 1:02d}"


def span_words(first: int, last: int) -> str:
    """Return one month, or the first and last of several."""
    return month_words(first) if first == last else f"{month_words(first)} to {month_words(last)}"


def percent(share: float) -> str:
    """Return a share as a percentage; never 0% or 100% for what is not."""
    value = 100 * share
    if 0 < value < 1:
        return f"{value:.1f}%" if value >= 0.05 else "less than 0.1%"
    return "more than 99%" if 99.5 <= value < 100 else f"{value:.0f}%"


def many(count: int, noun: str) -> str:
    """Return ``1 person`` or ``1,200 people``."""
    plural = {"person": "people", "delay": "delays"}.get(noun, f"{noun}s")
    return f"{count:,} {noun if count == 1 else plural}"


def listed(words: Sequence[str], *, most: int) -> str:
    """Return words with commas, those after the first few as a number: ``2019, 2020 and 3 more``."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def fell(before: float, now: float) -> str:
    """Return by how much a number fell."""
    return f"fell by {percent(1 - now / before)}"
