"""How far off a comparison can be when searches come in bunches.

Groups of friends are searched together, and the same person or corner again and again, so searches are not
independent. Each comparison is a smooth function of sums over searches; its variance comes from what each search adds
(its influence), summed within clusters: days, places, and both ways at once.

Sources: Liang and Zeger (1986), variance from sums over clusters; Cameron, Gelbach and Miller (2011), two ways at once, and
Student's t with one less than the fewest clusters of either way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Cluster = Literal["both", "day", "place", "none"]

CONFIDENCE = 0.95
# With fewer clusters their spread is not known well enough for an interval.
FEWEST_CLUSTERS = 10


@dataclass(frozen=True)
class Clusters:
    """Which searches belong together.

    Parameters
    ----------
    day, place : ndarray of int
        Number of the day, and of the published point; a search without one stands alone.
    by : str
        ``both``, ``day``, ``place``, or ``none`` (every search for itself).
    """

    day: IntArray
    place: IntArray
    by: Cluster = "both"

    @classmethod
    def of(cls, searches: pd.DataFrame, by: Cluster = "both") -> Clusters:
        """Return the clusters of searches."""
        place = searches["latitude"].map("{:.6f}".format) + searches["longitude"].map(",{:.6f}".format)
        nowhere = searches["latitude"].isna() | searches["longitude"].isna()
        return cls(
            day=_numbers(searches["day"].where(searches["day"] != "")),
            place=_numbers(place.mask(nowhere)),
            by=by,
        )

    def where(self, mask: BoolArray) -> Clusters:
        """Return the clusters of some of the searches."""
        return Clusters(self.day[mask], self.place[mask], self.by)

    def variance(self, influence: FloatArray) -> float:
        """Return the variance of a statistic from what each search adds to it.

        Two ways at once it is the sum of both less that of their crossing, and never less than either alone. NaN
        with fewer than ten clusters.
        """
        if self.by == "none":
            return _one_way(np.arange(len(influence)), influence)
        if self.by != "both":
            return _one_way(self.day if self.by == "day" else self.place, influence)
        crossed = self.day * (int(self.place.max(initial=0)) + 1) + self.place
        day, place = _one_way(self.day, influence), _one_way(self.place, influence)
        return max(day + place - _one_way(crossed, influence), day, place)

    def reach(self, influence: FloatArray) -> float:
        """Return how many standard errors a 95% interval reaches to each side: more where few clusters move the statistic."""
        from scipy.special import stdtrit

        ways = {"both": (self.day, self.place), "day": (self.day,), "place": (self.place,)}
        every = np.arange(len(influence))
        fewest = min(len(np.unique(one[influence != 0])) for one in ways.get(self.by, (every,)))
        return float(stdtrit(max(fewest - 1, 1), (1 + CONFIDENCE) / 2))


@dataclass(frozen=True)
class Ratio:
    """A ratio with its 95% interval; None where it is not defined."""

    value: float | None
    lower: float | None
    upper: float | None

    @property
    def side(self) -> int:
        """Return 1 if the whole interval is above one, -1 if below, 0 if it holds one or is not known."""
        if self.lower is None or self.upper is None:
            return 0
        return int(self.lower > 1) - int(self.upper < 1)


NO_RATIO = Ratio(None, None, None)


@dataclass(frozen=True)
class Linear:
    """A statistic with what each search adds to it."""

    value: float
    influence: FloatArray

    def over(self, other: Linear, clusters: Clusters, *, scale: float = 1.0) -> Ratio:
        """Return this over another, with an interval on the logarithm.

        Parameters
        ----------
        other : Linear
            What to divide by.
        clusters : Clusters
            Of the same searches.
        scale : float
            Multiplies the ratio, such as one over the ratio of residents.
        """
        if not (self.value > 0 and other.value > 0 and math.isfinite(scale)):
            return NO_RATIO
        ratio = scale * self.value / other.value
        influence = self.influence / self.value - other.influence / other.value
        error = math.sqrt(clusters.variance(influence))
        if not math.isfinite(error):
            return Ratio(ratio, None, None)
        away = math.exp(clusters.reach(influence) * error)
        return Ratio(ratio, ratio / away, ratio * away)

    def less(self, other: Linear, clusters: Clusters) -> tuple[float, float]:
        """Return the difference to another, and its standard error."""
        return self.value - other.value, math.sqrt(clusters.variance(self.influence - other.influence))


def number_of(mask: BoolArray) -> Linear:
    """Return how many searches are in a mask."""
    return Linear(float(mask.sum()), mask.astype(float))


def mean_of(values: FloatArray, mask: BoolArray) -> Linear:
    """Return the mean of known values in a mask; a missing value belongs to no mean."""
    inside = mask & ~np.isnan(values)
    n = int(inside.sum())
    if not n:
        return Linear(math.nan, np.zeros(len(values)))
    mean = float(values[inside].mean())
    return Linear(mean, np.where(inside, np.nan_to_num(values) - mean, 0.0) / n)


def _numbers(labels: pd.Series[str]) -> IntArray:
    """Return one number a label; what is missing gets a number of its own."""
    codes = pd.factorize(labels)[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = int(codes.max(initial=-1)) + 1 + np.arange(int(alone.sum()))
    return codes


def _one_way(codes: IntArray, influence: FloatArray) -> float:
    numbers = np.unique(codes, return_inverse=True)[1]
    sums = np.bincount(numbers, weights=influence)
    n = len(sums)
    return math.nan if n < FEWEST_CLUSTERS else float(n / (n - 1) * (sums**2).sum())
