"""Tables of groups made fit to leave the secure environment: primary and secondary suppression, rounded rates."""

from __future__ import annotations

import math
from collections.abc import Sequence

from riskmodel.disclosure import Disclosure


def protect(
    counts: Sequence[int], families: Sequence[Sequence[int]], disclosure: Disclosure
) -> list[int | None]:
    """Round counts and hide small ones, and others from which a hidden one could be worked out.

    Parameters
    ----------
    counts : sequence of int
        One per group.
    families : sequence of sequences of int
        Sets of groups whose total is shown somewhere.
    disclosure : Disclosure

    Returns
    -------
    list
        Rounded counts; None where hidden.
    """
    shown = [disclosure.count(n) for n in counts]
    hidden = hide([n is None for n in shown], counts, families)
    return [None if hide_it else n for n, hide_it in zip(shown, hidden, strict=True)]


def hide(small: Sequence[bool], sizes: Sequence[int], families: Sequence[Sequence[int]]) -> list[bool]:
    """Return which groups to hide so that none of the small ones follows from a total.

    In a set with exactly one hidden group, the smallest other that holds anybody is hidden too, again and again until
    no set has exactly one (or has nobody else).

    Parameters
    ----------
    small : sequence of bool
        Groups that must be hidden.
    sizes : sequence of int
        People in each group.
    families : sequence of sequences of int
        Sets of groups whose total is shown somewhere.
    """
    hidden = list(small)
    changed = True
    while changed:
        changed = False
        for family in families:
            others = sorted((sizes[i], i) for i in family if not hidden[i] and sizes[i] > 0)
            if sum(hidden[i] for i in family) == 1 and others:
                hidden[others[0][1]] = True
                changed = True
    return hidden


def coarse_interval(lower: float, estimate: float, upper: float) -> tuple[float, float]:
    """Return an interval rounded outwards to two decimals that holds the (separately rounded) estimate."""
    low, high = math.floor(100 * lower) / 100, math.ceil(100 * upper) / 100
    return min(low, estimate), max(high, estimate)
