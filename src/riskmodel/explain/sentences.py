"""One sentence for one fact: from what a column means and its value to plain English.

A description is a phrase without a value ("times suspended from school in the past year"). The phrase decides the
shape of the sentence, the unit how the value is said. Every shape is grammatical for any phrase, because the value
stands after a colon unless the phrase begins with a word that allows more ("times", "days", "number of").
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from riskmodel.explain.words import ago_words, counted, number_words, share_words, times_words
from riskmodel.tables.features import FeatureInfo

_WINDOW = re.compile(
    r"^(?P<what>.+?)(?P<when>,? (?:(?:in|over|during|within) the (?:past|last) [\w ]+|so far|ever))?$"
)
_YES_NO = ("any", "in_spell")
_SINCE = ("days_since_last", "days_since_first")
_SINCE_PHRASE = re.compile(r"^days since (?P<event>.+?)(?P<within> within .+)?$")


def sentence(info: FeatureInfo, value: float | None) -> str:
    """Return one plain sentence about one value.

    Parameters
    ----------
    info : FeatureInfo
        What the column means.
    value : float or None
        The value; None or NaN where the record cannot say.

    Returns
    -------
    str
        Such as "Suspended from school: 3 times in the past year."
    """
    phrase = _phrase(info)
    if value is None or math.isnan(value):
        return _finish(_missing(info, phrase))
    return _finish(_shape(info)(info, phrase, float(value)))


def _phrase(info: FeatureInfo) -> str:
    text = " ".join(info.description.split()).rstrip(".")
    return text.removeprefix("whether ").removeprefix("Whether ") or info.concept


def _finish(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _shape(info: FeatureInfo) -> Callable[[FeatureInfo, str, float], str]:
    if info.aggregation in _YES_NO or info.unit == "yes or no":
        return _yes_no
    if info.aggregation in _SINCE:
        return _since
    if info.aggregation == "trend":
        return _trend
    if info.unit == "share":
        return _share
    if info.unit in ("times", "days") or info.aggregation in ("count", "distinct"):
        return _amount
    return _plain


def _split(phrase: str) -> tuple[str, str]:
    found = _WINDOW.match(phrase)
    if found is None:
        raise AssertionError("the pattern matches any text that is not empty")
    return found["what"].rstrip(","), (found["when"] or "").lstrip(", ")


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _yes_no(_info: FeatureInfo, phrase: str, value: float) -> str:
    if 0.0 < value < 1.0:
        return f"{phrase}: {share_words(value)}"
    return f"{phrase}: {'yes' if value > 0 else 'no'}"


def _since(_info: FeatureInfo, phrase: str, value: float) -> str:
    found = _SINCE_PHRASE.match(phrase)
    if found is None:
        return f"{phrase}: {counted(value, 'days')}"
    return f"{found['event']} was {ago_words(value)}"


def _trend(info: FeatureInfo, phrase: str, value: float) -> str:
    size = share_words(abs(value)) if info.unit.startswith("share") else number_words(abs(value))
    if size in ("0", "0%"):
        return f"{phrase}: about the same from year to year"
    unit = "" if info.unit.startswith("share") else _bare_unit(info.unit, abs(value))
    return f"{phrase}: {'up' if value > 0 else 'down'} by {_join(size, unit)} a year"


def _bare_unit(unit: str, value: float) -> str:
    plain = re.sub(r" (?:per|a) year$", "", unit)
    return counted(value, plain).removeprefix(number_words(value)).strip()


def _share(_info: FeatureInfo, phrase: str, value: float) -> str:
    what, when = _split(phrase)
    return _join(f"{what}: {share_words(value)}", when)


def _amount(info: FeatureInfo, phrase: str, value: float) -> str:
    what, when = _split(phrase)
    lead, _, rest = what.partition(" ")
    if lead == "times" and rest:
        return _join(f"not {rest}", when) if value == 0 else _join(f"{rest}: {times_words(value)}", when)
    if lead == "days" and rest:
        return (
            _join(f"no days {rest}", when) if value == 0 else _join(f"{rest}: {counted(value, 'days')}", when)
        )
    what = what.removeprefix("number of ")
    if value == 0:
        return _join(f"no {what}", when) if info.unit != "days" else _join(f"{what}: no days", when)
    amount = counted(value, "days") if info.unit == "days" else number_words(value)
    return _join(f"{what}: {amount}", when)


def _plain(info: FeatureInfo, phrase: str, value: float) -> str:
    what, when = _split(phrase)
    return _join(f"{what}: {counted(value, info.unit)}", when)


def _missing(info: FeatureInfo, phrase: str) -> str:
    found = _SINCE_PHRASE.match(phrase)
    if info.aggregation in _SINCE:
        return (
            f"the record holds no date for {found['event']}{found['within'] or ''}"
            if found
            else f"the record cannot say this: {phrase}"
        )
    if info.aggregation in _YES_NO or info.unit == "yes or no":
        return f"the record is blank on this: {phrase}"
    what, when = _split(phrase)
    if what.startswith("times "):
        return f"the record cannot say how often this happened: {_join(what.removeprefix('times '), when)}"
    if what.startswith("number of ") and info.unit != "days":
        return f"the record cannot say the {_join(what, when)}"
    return f"the record cannot say this: {phrase}"
