"""How a name sounds, so that two spellings of one name meet."""

from __future__ import annotations

import re
import unicodedata

_NOT_LETTERS = re.compile("[^A-Z]+")
_GROUPS = (
    ("PH", "F"),
    ("SCH", "S"),
    ("SH", "S"),
    ("KH", "K"),
    ("GH", "G"),
    ("TH", "T"),
    ("DJ", "J"),
    ("CK", "K"),
    ("X", "KS"),
)
_CLASSES = str.maketrans("BPFVWCGKQSZDTMNLRJ", "BBFFFKKKKSSTTNNLRJ")
_SILENT = re.compile("[AEIOUYH]+")
_TWICE = re.compile(r"(.)\1+")
_LENGTH = 6


def letters(name: str) -> str:
    """Return a name in capital letters A to Z only: accents, hyphens, spaces and apostrophes are dropped."""
    plain = unicodedata.normalize("NFKD", name).upper()
    return _NOT_LETTERS.sub("", plain)


def sound(name: str) -> str:
    """Return a code that names which sound alike share.

    Vowels are dropped and letters that are often taken for each other share a class, as in Soundex (Russell 1918),
    but the first letter is put in a class too, because one name is often written with K, C and Q, or V and W.

    Parameters
    ----------
    name : str
        As `letters` returns it.

    Returns
    -------
    str
        Up to six letters; ``A`` for a name of vowels only; empty for no name.
    """
    if not name:
        return ""
    for group, single in _GROUPS:
        name = name.replace(group, single)
    code = _TWICE.sub(r"\1", _SILENT.sub("", name.translate(_CLASSES)))
    return code[:_LENGTH] or "A"
