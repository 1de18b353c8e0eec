"""What a column of an unknown file may stand for, by its name and by its texts.

A study that declares a feature says what it is, and the rules of this room are put to that. A study that takes "every
column" has said nothing, so the net is wider here: a column that may stand for a barred attribute is left out and named,
and whoever knows better declares it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_START = r"(?:^|[^a-z])"


@dataclass(frozen=True)
class _Sign:
    """What a column may stand for: how its name begins somewhere, and words that its texts hold."""

    attribute: str
    name: re.Pattern[str]
    text: re.Pattern[str]


def _sign(attribute: str, name: str, text: str) -> _Sign:
    return _Sign(
        attribute,
        re.compile(rf"{_START}(?:{name})", re.IGNORECASE),
        re.compile(rf"\b(?:{text})\b", re.IGNORECASE),
    )


_NEVER = r"(?!)"
_SIGNS = (
    _sign(
        "ethnicity",
        r"race|racial|ethn|hispan|latin[oax]|black|white|asian|aborigin|indigen|ancest|heritage|minorit|bame|skin|tribe|gypsy|roma(?![a-z])|travell?er",
        r"white|black|asian|caucasian|hispanic|latin[oax]|african|caribbean|mixed|indigenous|aboriginal|native american|pacific islander|"
        r"arab|gypsy|roma|chinese|indian|pakistani|bangladeshi",
    ),
    _sign(
        "religion",
        r"relig|faith|belief|church|mosque|synagogue|temple|pray|muslim|christian|jewish|hindu|sikh",
        r"christian|muslim|jewish|hindu|sikh|buddhist|catholic|protestant|orthodox|islam|judaism|atheist|agnostic",
    ),
    _sign(
        "nationality or language",
        r"nation|citizen|immig|migra|migrant|foreign|country|born_?(?:in|abroad|over|outside|uk|us)|native|birth_?(?:place|country)|place_?of_?birth|"
        r"refugee|asylum|visa|lang|eal(?![a-z])|esl(?![a-z])|ell(?![a-z])|bilingual|mother_?tongue|english_?(?:prof|speak|second|addit|learn|lang)",
        r"british|english|irish|scottish|welsh|american|mexican|french|german|spanish|italian|polish|romanian|portuguese|turkish|somali|arabic|"
        r"urdu|bengali|punjabi|foreign|immigrant|(?:non[- ]?)?citizen|native[- ]born",
    ),
    _sign("stop and search", r"stop_?(?:and_?)?search|stopped|stops?(?![a-z])|frisk|search(?:ed|es)?(?![a-z])", _NEVER),
    _sign("sex", r"gender|wom[ae]n(?![a-z])|m[ae]n(?![a-z])", r"male|female|boys?|girls?|man|woman|men|women|m|f|w"),
)  # fmt: skip
_ENFORCEMENT = re.compile(
    rf"{_START}(?:arrest|charge|convict|sentenc|offen[cs]|prison|jail|custod|probation|parole|police|court|felon|misdemean|"
    r"recidiv|reoffend|rearrest|incarcerat|detained|bail|caution|suspect|warrant|priors?(?![a-z])|prior_?(?:arr|con|off)|"
    r"crim|juv_|justice|gang|savry|lsi|compas|supervision)",
    re.IGNORECASE,
)


def may_stand_for(column: str, shares: Mapping[str, float]) -> str | None:
    """Return the attribute that a column may stand for, where no study says what the column is.

    Parameters
    ----------
    column : str
        Its header.
    shares : mapping of str to float
        Its common texts, each with its share of the rows that say something.

    Returns
    -------
    str or None
        The first attribute whose words the name holds, or whose words at least two texts hold that make up half of all.
    """
    name = _spelled_out(column)
    for sign in _SIGNS:
        holding = [share for text, share in shares.items() if sign.text.search(text)]
        if sign.name.search(name) or (len(holding) > 1 and sum(holding) >= 0.5):
            return sign.attribute
    return None


def sounds_enforcement_made(column: str) -> bool:
    """Return whether a column's name sounds as if police, courts or prisons had made what it holds."""
    return _ENFORCEMENT.search(_spelled_out(column)) is not None


def _spelled_out(column: str) -> str:
    """Return a header with an underscore wherever a word begins: ``ageAtArrest``, ``age at arrest`` and ``age.at.arrest``."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    return re.sub(r"[^A-Za-z0-9]+", "_", parted).lower()
