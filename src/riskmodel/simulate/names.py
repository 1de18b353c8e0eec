"""Names that nobody chose: built from invented syllables, with a few common ones and many rare ones.

No list of real names was read. A built name can equal a real one by accident, as any short word can. The four ways
of naming differ in their sounds, in how common the commonest names are and in how often a name is spelt in several
ways, because that is what makes some groups harder to link than others; which group is which is assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import IntArray

NameArray = npt.NDArray[np.str_]

# First, middle and last syllables of the names of each tradition. Invented.
_SYLLABLES = {
    "north": (
        "al bar bel cor dan el gar har jor ken lan mar nor per ral sten tam wal wen hol",
        "a be de e ga la ma ne o ra ri ta ve wa",
        "bert by den don field ford gan ham land ley lin mer ner sley son ton ward well wick wood",
    ),
    "south": (
        "a ade ba chi da efo ka kwe ma nda o olu sa ta te u wa ye zo mo",
        "ba de fe go ka la mi na ra si to wu yi",
        "ba chi da ffi ji ke la mbe nga ntu ole ra sa te wa yo ze bo le",
    ),
    "east": (
        "ab ah ar bash far gul ha im ja ka kha ma mu na ra sa sha ta us za",
        "a ba di fa ha i ja la mi na ri sa za",
        "ad ain an ar een eed esh im ir iq med man mir noor oor rif san tar tha wal",
    ),
    "far": (
        "bo da er fe ga hra iv jo ka li mi ne or pe ru sta ti vla xe yu",
        "ca de fo ga li mo na re si to va zi",
        "bek cu dov escu ez iak ic in ko lian mir nov os ov ra ski tan va vic yan",
    ),
}  # fmt: skip
TRADITIONS = tuple(_SYLLABLES)

# How many names, and where the curve of their frequencies starts: the share of the name of rank r falls as
# 1 / (r + offset). The offsets give the commonest surname about 0.8% in the north and 4% in the east, and the
# commonest name of boys 1% and 6%. Assumed; real registers are skewed in this way.
_SURNAMES = {"north": (6_000, 20.0), "south": (4_000, 15.0), "east": (1_500, 3.0), "far": (3_000, 10.0)}
_FORENAMES = {"north": (1_500, 20.0), "south": (1_500, 18.0), "east": (800, 2.0), "far": (1_000, 8.0)}
_GIRLS_END = {"north": "a", "south": "i", "east": "ah", "far": "ya"}

# Two spellings of one sound.
_SPELLINGS = (
    ("k", "c"), ("k", "q"), ("ah", "a"), ("ee", "i"), ("oo", "u"), ("ou", "u"), ("ff", "f"), ("ks", "x"), ("y", "i"),
    ("ai", "ei"), ("sh", "sch"), ("kh", "k"), ("v", "w"), ("mm", "m"), ("z", "s"), ("j", "dj"), ("e", "a"), ("o", "u"),
)  # fmt: skip
# Slips of the ear and hand that keep a word readable.
_MISHEARD = (
    ("ie", "ei"),
    ("m", "n"),
    ("b", "p"),
    ("d", "t"),
    ("g", "k"),
    ("f", "th"),
    ("a", "e"),
    ("l", "ll"),
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Pool:
    """Names from the commonest to the rarest, and the running total of their shares."""

    names: NameArray
    reach: npt.NDArray[np.float64]

    def draw(self, count: int, rng: np.random.Generator) -> NameArray:
        """Draw names at their shares."""
        place = np.searchsorted(self.reach, rng.random(count), side="right")
        return self.names[np.minimum(place, len(self.names) - 1)]


@cache
def surnames(tradition: str) -> Pool:
    """Return the surnames of a tradition."""
    size, offset = _SURNAMES[tradition]
    return _pool(_built(tradition, size, step=1_009, ending=""), offset)


@cache
def forenames(tradition: str, *, male: bool) -> Pool:
    """Return the forenames of a tradition; the names of girls have an ending of their own."""
    size, offset = _FORENAMES[tradition]
    ending = "" if male else _GIRLS_END[tradition]
    return _pool(_built(tradition, size, step=2_003 if male else 3_001, ending=ending), offset)


def _pool(names: NameArray, offset: float) -> Pool:
    weight = 1 / (np.arange(len(names)) + 1 + offset)
    return Pool(names, np.cumsum(weight / weight.sum()))


def _built(tradition: str, size: int, *, step: int, ending: str) -> NameArray:
    """Return so many names: walks through all combinations of syllables in steps that visit each once."""
    first, middle, last = (part.split() for part in _SYLLABLES[tradition])
    whole = [a + b + c for a, b, c in product(first, ["", *middle], last)]
    walk = [whole[place * step % len(whole)] + ending for place in range(len(whole))]
    return np.array(list(dict.fromkeys(walk))[:size])


def shorten(names: NameArray) -> NameArray:
    """Return the familiar form of forenames: the first four letters, ending in ``y``."""
    stems = names.astype("U4")
    short: NameArray = np.char.add(stems.astype("U3"), "y")
    return np.where(np.char.str_len(names) > 4, short, stems)


def respell(name: str, rng: np.random.Generator) -> str:
    """Return another spelling of the same sound, such as another way to write it in Latin letters."""
    return _swap_sounds(name, _SPELLINGS, rng)


def misspell(name: str, rng: np.random.Generator) -> str:
    """Return the name with one slip: a letter too many, too few, changed places with the next, or misheard."""
    slips: tuple[Callable[[str, int], str], ...] = (
        lambda word, at: word[:at] + word[at + 1 :],
        lambda word, at: word[:at] + _LETTERS[int(rng.integers(26))] + word[at:],
        lambda word, at: word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :],
        lambda word, _: _swap_sounds(word, _MISHEARD, rng),
    )
    slip = slips[int(rng.integers(len(slips)))]
    return slip(name, int(rng.integers(max(1, len(name) - 1)))) if len(name) > 1 else name


def _swap_sounds(name: str, sounds: tuple[tuple[str, str], ...], rng: np.random.Generator) -> str:
    """Write one sound in another way, where the name has one of them."""
    found = [pair for pair in (*sounds, *((b, a) for a, b in sounds)) if pair[0] in name]
    if not found:
        return name
    old, new = found[int(rng.integers(len(found)))]
    return name.replace(old, new, 1)


def changed(
    names: NameArray,
    rows: IntArray,
    change: Callable[[str, np.random.Generator], str],
    rng: np.random.Generator,
) -> NameArray:
    """Return the names with some rows changed one by one."""
    new = np.array([change(str(name), rng) for name in names[rows]], dtype="U40")
    result = names.astype("U40")
    result[rows] = new
    return result
