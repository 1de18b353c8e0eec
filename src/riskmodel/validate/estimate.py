"""A number with its interval, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal, Self

import numpy as np

from riskmodel.tables.cohort import FloatArray

Status = Literal["ok", "suppressed", "undefined"]

CONFIDENCE = 0.95
# If more resamples than this have no value (no outcome was drawn, say), percentiles of the rest would mislead.
MISSING_DRAWS_ALLOWED = 0.05


@dataclass(frozen=True)
class Estimate:
    """One metric of one model on one set of rows.

    Parameters
    ----------
    estimate, lower, upper : float or None
        Point value and 95% percentile interval of the bootstrap; None unless ``status`` is ``ok``.
    n_subjects : int
        Different people it rests on.
    n_outcomes : int
        Different people among them to whom the outcome happened.
    status : str
        ``ok``, ``suppressed`` (too few people) or ``undefined`` (nothing to divide by, or no interval).
    """

    estimate: float | None
    lower: float | None
    upper: float | None
    n_subjects: int
    n_outcomes: int
    status: Status

    @classmethod
    def from_draws(cls, value: float, draws: FloatArray, *, n_subjects: int, n_outcomes: int) -> Self:
        """Build from a point value and one value per resample; NaN means undefined."""
        lower, upper = percentile_interval(draws)
        if not (math.isfinite(value) and math.isfinite(lower) and math.isfinite(upper)):
            return cls.without_value("undefined", n_subjects=n_subjects, n_outcomes=n_outcomes)
        return cls(float(value), lower, upper, n_subjects, n_outcomes, "ok")

    @classmethod
    def without_value(cls, status: Status, *, n_subjects: int, n_outcomes: int) -> Self:
        """Build a row that says why it holds no number."""
        return cls(None, None, None, n_subjects, n_outcomes, status)

    def clear_among(self, n: int) -> bool:
        """Return whether a difference is clear of 0, though it is one of ``n`` that were looked at.

        Each half of the interval is stretched as a normal curve's would be for Bonferroni's level.
        """
        if self.estimate is None or self.lower is None or self.upper is None:
            return False
        normal = NormalDist()
        tail = (1 - CONFIDENCE) / 2
        stretch = normal.inv_cdf(tail / max(n, 1)) / normal.inv_cdf(tail)
        low, high = (self.estimate + stretch * (end - self.estimate) for end in (self.lower, self.upper))
        return not low <= 0 <= high

    def to_json(self) -> dict[str, Any]:
        """Return the fields of design.md 8 as JSON-able values."""
        return asdict(self)


def percentile_interval(draws: FloatArray, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the central 95% of the draws, or two NaN where more than one in twenty draws is undefined.

    Parameters
    ----------
    draws : ndarray, shape (replicates,)
        NaN where undefined; an infinite draw is a value like any other.
    confidence : float
        Another share than 95%.

    Returns
    -------
    tuple of float
    """
    known = draws[~np.isnan(draws)]
    if len(known) == 0 or len(known) < (1 - MISSING_DRAWS_ALLOWED) * len(draws):
        return math.nan, math.nan
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):  # between infinite draws there is no number
        lower, upper = np.quantile(known, [tail, 1 - tail])
    return float(lower), float(upper)


def ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Return ``top / bottom``, NaN where there is nothing to divide by.

    Sums that differ from zero only by rounding (below 1e-9 of a person) count as zero.
    """
    something = np.abs(bottom) > 1e-9
    quotient: FloatArray = np.divide(
        top, bottom, out=np.full(np.broadcast(top, bottom).shape, np.nan), where=something
    )
    return quotient
