"""From needs that the record shows to kinds of support: a starting point for a talk, chosen by a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True)
class Offer:
    """One kind of support.

    Parameters
    ----------
    offer : str
        What could be offered, with consent.
    evidence : str
        What studies say about it, in words.
    needs : tuple of str
        The concepts that led here; filled by ``offers_for``.
    """

    offer: str
    evidence: str
    needs: tuple[str, ...]


@cache
def offer_list() -> tuple[Offer, ...]:
    """Return every kind of support in ``offers.yaml``, with the words it is found by."""
    raw = yaml.safe_load(files("riskmodel.explain").joinpath("offers.yaml").read_text(encoding="utf-8"))
    return tuple(Offer(item["offer"], item["evidence"], tuple(item["needs"])) for item in raw)


def offers_for(concepts: Iterable[str]) -> tuple[Offer, ...]:
    """Return the kinds of support for these needs, in the order of the needs, each once.

    A concept without an entry leads to no offer: the page then leaves the choice to the worker.
    """
    chosen: dict[str, Offer] = {}
    for concept in concepts:
        found = _offer_for(concept)
        if found is not None:
            needs = chosen[found.offer].needs if found.offer in chosen else ()
            chosen[found.offer] = Offer(found.offer, found.evidence, (*needs, concept))
    return tuple(chosen.values())


def _offer_for(concept: str) -> Offer | None:
    padded = f" {concept.lower()} "
    return next((one for one in offer_list() if any(_mentions(padded, word) for word in one.needs)), None)


def _mentions(padded: str, word: str) -> bool:
    # Words begin at a space, so that "care" is not found inside "scare", nor "sen" inside "absence".
    return f" {word}" in padded
