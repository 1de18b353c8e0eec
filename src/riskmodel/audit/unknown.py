"""What a verdict is worth when nobody recorded the group of some: bounds over every way in which they might belong.

"Unknown" is a group of its own in every table. But those young people do belong to groups, and nothing says that they are
spread like the others. A group's difference from everyone else is largest if all the unknown who count *for* a rate belong to
it and all who count against it belong elsewhere, and smallest the other way round. Nothing is assumed about who they are
(Manski 2003, Partial Identification of Probability Distributions, section 1.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from riskmodel.audit.spec import Metric
from riskmodel.audit.tally import top_and_rest
from riskmodel.tables.cohort import FloatArray
from riskmodel.validate.estimate import ratio

UNKNOWN = "Unknown"

Stands = Literal["stands", "could_change"]


@dataclass(frozen=True)
class UnknownBounds:
    """How far a group may be from everyone else, whatever the groups of those whom nobody recorded.

    Parameters
    ----------
    model, attribute, group : str
    metric : str
    lowest, highest : float
        Of the difference among these people.
    lower, upper : float
        The same, each moved out by the reach of the verdict's own interval.
    verdict : str
        ``stands`` if the verdict of the table would be the same at both ends; ``could_change`` if not.
    """

    model: str
    attribute: str
    group: str
    metric: Metric
    lowest: float
    highest: float
    lower: float
    upper: float
    verdict: Stands


def extreme_differences(tally: FloatArray, unknown: int) -> tuple[FloatArray, FloatArray]:
    """Return the smallest and the largest difference of every group's rates from everyone else's.

    Parameters
    ----------
    tally : ndarray, shape (g, 6)
        Sums of every group, as ``audit.tally.tally`` makes them.
    unknown : int
        Position of the group that nobody recorded.

    Returns
    -------
    lowest, highest : ndarray, shape (g, 5)
        By ``RATES``; NaN for the unknown group itself, and where a rate is undefined at an extreme.
    """
    top, rest = top_and_rest(tally)
    known = np.arange(len(tally)) != unknown
    others_top, others_rest = (one[known].sum(axis=0) - one for one in (top, rest))
    free_top, free_rest = top[unknown], rest[unknown]

    def difference(
        own_top: FloatArray, own_rest: FloatArray, top_: FloatArray, rest_: FloatArray
    ) -> FloatArray:
        return ratio(own_top, own_top + own_rest) - ratio(top_, top_ + rest_)

    highest = difference(top + free_top, rest, others_top, others_rest + free_rest)
    lowest = difference(top, rest + free_rest, others_top + free_top, others_rest)
    highest[unknown] = lowest[unknown] = np.nan
    return lowest, highest
