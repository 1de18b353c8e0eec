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
        Sets of groups whose total is shown somewhere. In a set with exactly one hidden group, the smallest shown
        one above zero is hidden too, again and again until no set has exactly one.
    disclosure : Disclosure

    Returns
    -------
    list
        Rounded counts; None where hidden.
    """
    shown = [disclosure.count(n) for n in counts]
    changed = True
    while changed:
        changed = False
        for family in families:
            hidden = [i for i in family if shown[i] is None]
            others = sorted((counts[i], i) for i in family if shown[i] is not None and counts[i] > 0)
            if len(hidden) == 1 and others:
                shown[others[0][1]] = None
                changed = True
    return shown


def coarse_interval(lower: float, estimate: float, upper: float) -> tuple[float, float]:
    """Return an interval rounded outwards to two decimals that holds the (separately rounded) estimate."""
    low, high = math.floor(100 * lower) / 100, math.ceil(100 * upper) / 100
    return min(low, estimate), max(high, estimate)
