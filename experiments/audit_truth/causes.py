"""Why the ranges of differences miss a little more often than they should: the same audits with ranges worked out in other ways.

The audit's range reaches the same number of spreads to either side of every difference (max-t). The spread of a small group is
itself known only roughly, and it is too small where chance counted few. Two known remedies are tried, for the rates that the audit
judges and that have ten young people or more on either side:

- ``studentised``: in each resample the deviation is divided by that resample's own standard error (Romano and Wolf 2005, 4.2),
  taken to move as that of two shares with one more for and against (Agresti and Caffo 2000);
- ``score``: ranges that reach as far as the score ranges of both shares do (Newcombe 1998, method 10), in place of so many spreads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from people import FloatArray
from truth import RATES

from riskmodel.audit.groups import Grouping
from riskmodel.audit.tally import rates, tally, top_and_rest
from riskmodel.validate import ScoredRows
from riskmodel.validate.resample import Resamples

Place = tuple[str, str, str]
WAYS = ("as_is", "studentised", "score", "both")
FEW = 10


def missed(
    rows: ScoredRows,
    groupings: Sequence[Grouping],
    draws: Resamples,
    *,
    judged: Collection[Place],
    truth: Mapping[Place, tuple[float, float]],
) -> dict[str, bool]:
    """Return, for each way, whether any range of a difference does not hold the truth.

    Parameters
    ----------
    rows : ScoredRows
        One for each young person.
    groupings : sequence of Grouping
    draws : Resamples
    judged : collection of (attribute, group, metric)
        What the audit gives a verdict about.
    truth : mapping of the same to (value, difference)
    """
    found = [_Rates.of(rows, one, draws, judged=judged, truth=truth) for one in groupings]
    reach = _reach([np.abs(one.moved) / one.spread for one in found])
    studentised = _reach([np.abs(one.moved) / (one.spread * one.relative) for one in found])
    return {
        "as_is": any(one.plain_misses(reach) for one in found),
        "studentised": any(one.plain_misses(studentised) for one in found),
        "score": any(one.score_misses(reach) for one in found),
        "both": any(one.score_misses(studentised) for one in found),
    }


@dataclass(frozen=True)
class _Rates:
    """Statements about rates under one attribute: shares inside and outside, their spreads, and how resamples move them."""

    inside: FloatArray  # (s,)
    outside: FloatArray
    inside_spread: FloatArray
    outside_spread: FloatArray
    spread: FloatArray  # of the difference
    moved: FloatArray  # (r, s)
    relative: FloatArray  # (r, s): standard error in a resample over that of the people themselves
    truth: FloatArray

    @classmethod
    def of(
        cls,
        rows: ScoredRows,
        grouping: Grouping,
        draws: Resamples,
        *,
        judged: Collection[Place],
        truth: Mapping[Place, tuple[float, float]],
    ) -> _Rates:
        columns, n_groups = tally(rows), len(grouping.labels)
        own = np.stack([columns[grouping.code == g].sum(axis=0) for g in range(n_groups)])
        drawn = draws.sums_by_group(columns, grouping.code, n_groups, threads=1)
        rest, rest_drawn = own.sum(axis=0) - own, drawn.sum(axis=1, keepdims=True) - drawn
        places = [[(grouping.attribute, group, metric) for metric in RATES] for group in grouping.groups]
        used = np.array([[place in judged for place in row] for row in places]) & _enough(own)
        inside, outside = rates(own)[used], rates(rest)[used]
        moves = rates(drawn)[:, used] - inside, rates(rest_drawn)[:, used] - outside
        moved = moves[0] - moves[1]
        gaps = np.array([[truth[place][1] for place in row] for row in places])
        relative = _error(drawn, rest_drawn)[:, used] / _error(own, rest)[used]
        spreads = _size(moves[0]), _size(moves[1]), _size(moved)
        return cls(inside, outside, *spreads, moved, relative, gaps[used])

    def plain_misses(self, reach: float) -> bool:
        """Return whether any truth lies more than so many spreads away."""
        return bool((np.abs(self.inside - self.outside - self.truth) > reach * self.spread).any())

    def score_misses(self, reach: float) -> bool:
        """Return whether any truth lies outside the range that is made of the score ranges of both shares."""
        low, high = _score_range(self.inside, self.inside_spread, reach)
        rest_low, rest_high = _score_range(self.outside, self.outside_spread, reach)
        alike = self.spread / np.hypot(self.inside_spread, self.outside_spread)
        gap = self.inside - self.outside
        below = gap - alike * np.hypot(self.inside - low, rest_high - self.outside)
        above = gap + alike * np.hypot(high - self.inside, self.outside - rest_low)
        return bool(((self.truth < below) | (self.truth > above)).any())


def _enough(sums: FloatArray) -> npt.NDArray[np.bool_]:
    return np.asarray(np.minimum(*top_and_rest(sums)) >= FEW)


def _size(moved: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt((moved**2).mean(axis=0)))


def _reach(standardised: Sequence[FloatArray]) -> float:
    """Return the 95% point of the largest deviation."""
    return float(np.quantile(np.concatenate(standardised, axis=1).max(axis=1), 0.95))


def _error(sums: FloatArray, rest: FloatArray) -> FloatArray:
    """Return the standard error of a difference of shares, with one more for and one more against each."""
    variance = np.zeros(1)
    for one in (sums, rest):
        top, other = top_and_rest(one)
        n = top + other + 2
        variance = variance + (top + 1) * (other + 1) / n**3
    return np.asarray(np.sqrt(variance))


def _score_range(share: FloatArray, spread: FloatArray, reach: float) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's range of a share, with as many people as its spread amounts to."""
    n, square = share * (1 - share) / spread**2, reach**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = reach / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n**2))
    return middle - half, middle + half
