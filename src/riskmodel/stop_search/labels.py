"""The words of the published stop-and-search files, old and new, and what they stand for.

Sources: data.police.uk (column names of the CSV files and of the API), and the groups of the Census 2021. Chinese
counts as Asian, as in the censuses of 2011 and 2021.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from riskmodel.intake.layouts.stop_search import AGES, OFFICER_GROUPS, OUTCOMES, PERSON_TYPES, VEHICLE_TYPE

GROUPS = OFFICER_GROUPS
NOT_STATED, UNKNOWN = "Not stated", "Unknown"
ALL_GROUPS = (*GROUPS, NOT_STATED, UNKNOWN)
BLANK = "(blank)"
SEXES = ("Male", "Female", "Other")

# Our name of each column: how the CSV file calls it, and how the API does.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "type": ("Type", "type"),
    "date": ("Date", "datetime"),
    "latitude": ("Latitude", "location.latitude"),
    "longitude": ("Longitude", "location.longitude"),
    "sex": ("Gender", "gender"),
    "age": ("Age range", "age_range"),
    "self_defined": ("Self-defined ethnicity", "self_defined_ethnicity"),
    "officer_defined": ("Officer-defined ethnicity", "officer_defined_ethnicity"),
    "legislation": ("Legislation", "legislation"),
    "object": ("Object of search", "object_of_search"),
    "outcome": ("Outcome", "outcome"),
    "linked": ("Outcome linked to object of search", "outcome_linked_to_object_of_search"),
}
# Without these a file is not one of stop and search; older files lack some of the others.
REQUIRED = ("type", "date", "officer_defined", "self_defined", "object", "outcome", "legislation")

OBJECTS = (
    "Controlled drugs", "Offensive weapons", "Stolen goods", "Article for use in theft",
    "Articles for use in criminal damage", "Firearms", "Anything to threaten or harm anyone",
    "Evidence of offences under the Act", "Fireworks", "Psychoactive substances", "Game or poaching equipment",
    "Evidence of wildlife offences", "Goods on which duty has not been paid etc.", "Seals or hunting equipment",
    "Crossbows", "Detailed object of search unavailable",
)  # fmt: skip
WEAPONS = ("Offensive weapons", "Firearms", "Anything to threaten or harm anyone")
_SECTION_60 = re.compile(r"\b(?:section|sec\.?|s\.?) ?60\b", re.IGNORECASE)

# "False" stands in older files where nothing was found.
NOTHING_MORE = tuple(
    label for label in OUTCOMES if label == "False" or "no further action" in label.casefold()
)

_HEADS = {
    "white": "White",
    "black/african/caribbean/black british": "Black",
    "black or black british": "Black",
    "black": "Black",
    "asian/asian british": "Asian",
    "asian or asian british": "Asian",
    "asian": "Asian",
    "mixed/multiple ethnic groups": "Mixed",
    "mixed": "Mixed",
    "chinese or other ethnic group": "Other",
    "chinese or other": "Other",
    "other ethnic group": "Other",
    "any other ethnic group": "Other",
    "arab": "Other",
    "other": "Other",
}
_PARTS = re.compile(r" - |: ?|, | \(")
_FIRST = re.compile(r"(white|black|asian|mixed)\b( and | & )?")
# The police's 16+1 codes, such as B1; O1 is Chinese.
_CODE = re.compile(r"^(?:([WBAMO])\d|(O1)|(NS))\b|\((?:([WBAMO])\d|(NS))\)$", re.IGNORECASE)
_LETTERS = {"W": "White", "B": "Black", "A": "Asian", "M": "Mixed", "O": "Other"}
_SAID_NOTHING = ("not stated", "not known", "refused", "declined", "prefer not to say")


def ethnic_group(label: str) -> str | None:
    """Return the group of an ethnicity as a person or an officer gave it.

    Parameters
    ----------
    label : str
        As published, such as ``White - Irish``, ``Black``, ``B1`` or nothing.

    Returns
    -------
    str or None
        One of ``GROUPS``; ``Not stated`` where the person was asked and did not say; ``Unknown`` for a blank;
        None for a label that is not known.
    """
    words = " ".join(label.split()).casefold()
    if not words:
        return UNKNOWN
    if words == "ns" or any(phrase in words for phrase in _SAID_NOTHING):
        return NOT_STATED
    head, *rest = _PARTS.split(words, maxsplit=1)
    if "chinese" in "".join(rest) or words in {"chinese", "o1"}:
        return "Asian"
    return _HEADS.get(head) or _coded(words) or _named(words)


def _named(words: str) -> str | None:
    """Return the group that a free spelling begins with, such as ``White British``; ``White and Asian`` is Mixed."""
    found = _FIRST.match(words)
    if found is None:
        return None
    return "Mixed" if found[2] else found[1].capitalize()


def _coded(words: str) -> str | None:
    found = _CODE.search(words)
    if found is None:
        return None
    letter = next(one for one in found.groups() if one).upper()
    if letter.startswith("NS"):
        return NOT_STATED
    return "Asian" if letter == "O1" else _LETTERS[letter]


def is_weapon_search(what: str, legislation: str) -> bool:
    """Say whether a search was for weapons: by its object, or under section 60 (expected violence)."""
    return what in WEAPONS or bool(_SECTION_60.search(legislation))


def is_positive(outcome: str) -> bool | None:
    """Say whether anything came of a search: any outcome but no further action; None where the outcome is blank."""
    if not outcome:
        return None
    return outcome not in NOTHING_MORE and "no further action" not in outcome.casefold()


def canonical(known: Iterable[str]) -> dict[str, str]:
    """Return known labels by their spelling without capitals, to find them however they are written."""
    return {label.casefold(): label for label in known}


KNOWN = {
    "type": canonical((*PERSON_TYPES, VEHICLE_TYPE)),
    "age": canonical(AGES),
    "sex": canonical(SEXES),
    "object": canonical(OBJECTS),
    "outcome": canonical(OUTCOMES),
    "linked": canonical(("True", "False")),
}
