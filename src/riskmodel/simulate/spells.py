"""Spells of many owners in one table, and what can be asked of rows sorted by owner and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from riskmodel.simulate.clock import BoolArray, IntArray


@dataclass(frozen=True)
class Spells:
    """Spells of many owners, sorted by owner and start. Months or days, half-open."""

    owner: IntArray
    start: IntArray
    end: IntArray
    kind: IntArray


def first_of_owner(owner: IntArray) -> BoolArray:
    """Return which rows are the first of their owner; owners are sorted."""
    return np.append([True], owner[1:] != owner[:-1])[: len(owner)]


def last_of_owner(owner: IntArray) -> BoolArray:
    """Return which rows are the last of their owner; owners are sorted."""
    return first_of_owner(owner[::-1])[::-1]


def until_next(owner: IntArray, start: IntArray, final: IntArray) -> IntArray:
    """Return the start of each owner's next row, or ``final`` for the last row of an owner."""
    return np.where(last_of_owner(owner), final, np.roll(start, -1))


def apart(owner: IntArray, start: IntArray, end: IntArray) -> IntArray:
    """Return the rows that do not start inside, or at the end of, an earlier one of the same owner."""
    reach = _beyond(owner, end)
    far = np.int64(2**33) * owner
    return np.flatnonzero(np.append([True], far[1:] + start[1:] > reach[:-1])[: len(owner)])


def merge(spells: Spells) -> Spells:
    """Join spells of one owner that touch or overlap; empty ones are dropped.

    Parameters
    ----------
    spells : Spells
        Sorted by owner and start.

    Returns
    -------
    Spells
        Apart from each other, with the kind of the first of each joined set.
    """
    some = spells.end > spells.start
    owner, start, end = spells.owner[some], spells.start[some], spells.end[some]
    rows = apart(owner, start, end)
    last = np.append(rows[1:], len(owner))[: len(rows)] - 1
    ends = (_beyond(owner, end) - np.int64(2**33) * owner)[last].astype(np.int32)
    return Spells(owner[rows], start[rows], ends, spells.kind[some][rows])


def _beyond(owner: IntArray, end: IntArray) -> IntArray:
    """Return the furthest end so far; owners are pushed apart so that one running maximum serves them all."""
    return np.maximum.accumulate(np.int64(2**33) * owner + end)
