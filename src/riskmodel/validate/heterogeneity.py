"""Does it hold everywhere? Performance in each held-out area, school or date, and how far apart these are.

Groups differ by chance, and in truth. A random-effects model tells the two apart, as in a meta-analysis of validation
studies (Riley et al. 2016, BMJ 353:i3140; Debray et al. 2017, BMJ 356:i6460; 2019, Statistical Methods in Medical Research 28:2768):
AUROC on log-odds, observed over expected on logs. Whether they differ at all is asked of Cochran's Q (1954, Biometrics 10:101). The
variance between groups is the one at which the groups are as far apart as they should be (Paule and Mandel 1982, J Res NBS 87:377). With it the factor of Hartung and Knapp (2001,
Statistics in Medicine 20:3875) is 1, or below 1 where groups are closer than chance; then it is left out, and intervals are
no narrower.

The range for a further group allows for how little a few groups tell about the variance: it is drawn from its confidence
distribution, which the chi-square of the weighted sum of squares gives (Viechtbauer 2007, Statistics in Medicine 26:37; Nagashima, Noma and
Furukawa 2019, Statistical Methods in Medical Research 28:1689). The usual range, which takes the variance as known, held a further group 88 to
93 times in 100 where 8 or 15 groups differed; this one 93 to 98 times.

Chance is taken from the resamples, the same for all groups. So dates at which the same people are looked at are not taken for
independent ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from riskmodel.tables.cohort import FloatArray, IntArray, TextArray
from riskmodel.validate.estimate import (
    CONFIDENCE,
    MISSING_DRAWS_ALLOWED,
    Estimate,
    Status,
    percentile_interval,
    ratio,
)
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples, ranking

FEWEST_GROUPS = 5  # from fewer, the range for one more is so wide that it says nothing
FEWEST_PEOPLE = 10
_OVERLAP = 0.1
_DRAWS = 10_000
_SINGULAR = 1e-9


class _Scale(NamedTuple):
    to: Callable[[FloatArray], FloatArray]
    back: Callable[[float], float]


SCALES: Mapping[str, _Scale] = {
    "auroc": _Scale(lambda p: np.log(p) - np.log1p(-p), lambda x: 1 / (1 + math.exp(-x))),
    "observed_expected": _Scale(np.log, math.exp),
}
MEASURES = (*SCALES, "precision_at_capacity", "recall_at_capacity")


@dataclass(frozen=True)
class Spread:
    """How one measure differs between groups.

    Parameters
    ----------
    estimate, lower, upper : float or None
        Average over groups, and its 95% interval.
    further_lower, further_upper : float or None
        Where the true measure of a further group like these lies, 19 times out of 20.
    tau : float or None
        Standard deviation between groups beyond chance, on the measure's own scale (see above).
    p_alike : float or None
        How often groups that are truly alike would be at least this far apart (Cochran's Q).
    n_groups : int
        Groups with enough people.
    status : str
        ``ok``, or ``undefined``: fewer than ``FEWEST_GROUPS`` of them, or one whose chance cannot be told.
    """

    estimate: float | None
    lower: float | None
    upper: float | None
    further_lower: float | None
    further_upper: float | None
    tau: float | None
    p_alike: float | None
    n_groups: int
    status: Status


@dataclass(frozen=True)
class HeterogeneityReport:
    """The selected model in every held-out group.

    Parameters
    ----------
    kind : str
        ``area``, ``school`` or ``date``.
    groups : mapping of str to mapping
        By group and measure (``MEASURES``) an Estimate.
    members : mapping of str to sequence of str
        The places of each group as the data call them; stays inside.
    spread : mapping of str to Spread
        By measure.
    """

    kind: str
    groups: Mapping[str, Mapping[str, Estimate]]
    members: Mapping[str, Sequence[str]]
    spread: Mapping[str, Spread]

    def to_json(self) -> dict[str, Any]:
        """Return ``heterogeneity.json`` but for the name of the model."""
        groups = [
            {
                "name": name,
                "members": list(self.members.get(name, ())),
                **{measure: one.to_json() for measure, one in found.items()},
            }
            for name, found in self.groups.items()
        ]
        return {
            "kind": self.kind,
            "groups": groups,
            "spread": {measure: asdict(one) for measure, one in self.spread.items()},
        }


def heterogeneity(
    rows: ScoredRows,
    group: TextArray,
    resamples: Resamples,
    *,
    kind: str,
    members: Mapping[str, Sequence[str]],
    seed: int,
    threads: int = 2,
) -> HeterogeneityReport:
    """Measure a model in each held-out group, and how far the groups are apart.

    Parameters
    ----------
    rows : ScoredRows
        Scores out of fold.
    group : ndarray of str, shape (n,)
        Area, school or date that a row was held out with.
    resamples : Resamples
        Aligned with the rows.
    kind : str
        ``area``, ``school`` or ``date``.
    members : mapping of str to sequence of str
        The groups in the order in which they are shown, with their places; empty for dates.
    seed : int
        Of the draws for a further group.
    threads : int
        The result does not depend on it.

    Returns
    -------
    HeterogeneityReport
    """
    names = list(members) or np.unique(group).tolist()
    held_out = [group == name for name in names]
    found = [_measure(rows.take(own), resamples.take(own), threads=threads) for own in held_out]
    estimates = [{measure: one.estimate(measure) for measure in MEASURES} for one in found]
    counted = [i for i, one in enumerate(found) if one.large_enough]
    related = _related([resamples.cluster[held_out[i]] for i in counted])
    spread = {
        measure: spread_of([found[i].drawn[measure] for i in counted], scale, related, seed=seed)
        for measure, scale in SCALES.items()
    }
    return HeterogeneityReport(kind, dict(zip(names, estimates, strict=True)), members, spread)


@dataclass(frozen=True)
class _Measured:
    drawn: Mapping[str, tuple[float, FloatArray]]
    n_subjects: int
    n_outcomes: int

    def estimate(self, measure: str) -> Estimate:
        """Return a measure with its interval."""
        value, draws = self.drawn[measure]
        return Estimate.from_draws(value, draws, n_subjects=self.n_subjects, n_outcomes=self.n_outcomes)

    @property
    def large_enough(self) -> bool:
        """Whether it counts for the spread: decided by its size, never by its result."""
        return min(self.n_outcomes, self.n_subjects - self.n_outcomes) >= FEWEST_PEOPLE


def _measure(rows: ScoredRows, resamples: Resamples, *, threads: int) -> _Measured:
    order = ranking(rows.raw, rows.outcome, rows.weight, resamples, threads=threads)
    happened = rows.weight * rows.outcome
    columns = np.column_stack(
        [happened, rows.weight * rows.risk, happened * rows.offered, rows.weight * rows.offered]
    )
    # The first row is the group itself, the others are resamples.
    both = np.vstack([columns.sum(axis=0), resamples.sums(columns, threads=threads)])
    ratios = {
        "observed_expected": ratio(both[:, 0], both[:, 1]),
        "precision_at_capacity": ratio(both[:, 2], both[:, 3]),
        "recall_at_capacity": ratio(both[:, 2], both[:, 0]),
    }
    drawn = {name: (float(values[0]), _known(values)) for name, values in ratios.items()}
    drawn["auroc"] = (order.auroc, order.auroc_draws)
    return _Measured(drawn, rows.n_subjects, rows.n_outcomes)


def _known(values: FloatArray) -> FloatArray:
    """Return the draws; undefined where nobody was found: every resample says 0, and that is no interval."""
    return values[1:] if values[0] > 0 else np.full(len(values) - 1, np.nan)


def _related(units: Sequence[IntArray]) -> FloatArray:
    """Return 1 where two groups share a tenth of the smaller one's units, else 0: what correlates there is noise."""
    sets = [np.unique(one) for one in units]
    shared = [
        [float(len(np.intersect1d(a, b)) >= _OVERLAP * min(len(a), len(b))) for b in sets] for a in sets
    ]
    return np.array(shared).reshape(len(sets), len(sets))


def spread_of(
    drawn: Sequence[tuple[float, FloatArray]], scale: _Scale, related: FloatArray, *, seed: int
) -> Spread:
    """Return how far groups are apart beyond chance.

    Parameters
    ----------
    drawn : sequence of (float, ndarray of shape (replicates,))
        Each group's value, and its value in every resample.
    scale : _Scale
        On which values are about normal.
    related : ndarray, shape (groups, groups)
        0 where two groups are independent.
    seed : int
        Of the draws for a further group.

    Returns
    -------
    Spread
    """
    if len(drawn) < FEWEST_GROUPS:
        return _undefined(len(drawn))
    with np.errstate(divide="ignore", invalid="ignore"):  # what has no value on the scale is looked for below
        values = scale.to(np.array([value for value, _ in drawn]))
        draws = scale.to(np.column_stack([draws for _, draws in drawn]))
    usable = np.isfinite(draws).all(axis=1)
    if not np.isfinite(values).all() or usable.mean() < 1 - MISSING_DRAWS_ALLOWED:
        return _undefined(len(drawn))
    chance = np.cov(draws[usable], rowvar=False) * related
    smallest, *_, largest = np.linalg.eigvalsh(chance)
    if smallest <= _SINGULAR * largest:
        return _undefined(len(drawn))
    return _intervals(values, chance, scale, seed=seed)


def _undefined(n_groups: int) -> Spread:
    return Spread(None, None, None, None, None, None, None, n_groups, "undefined")


def _intervals(values: FloatArray, chance: FloatArray, scale: _Scale, *, seed: int) -> Spread:
    from scipy.special import chdtrc, stdtrit

    n = len(values)
    between = between_variance(values, chance)
    mean, error, _ = _pooled(values, chance, between)
    reach = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * error
    low, high = percentile_interval(further_groups(values, chance, seed=seed))
    return Spread(
        estimate=scale.back(mean),
        lower=scale.back(mean - reach),
        upper=scale.back(mean + reach),
        further_lower=scale.back(low),
        further_upper=scale.back(high),
        tau=math.sqrt(between),
        p_alike=float(chdtrc(n - 1, _pooled(values, chance, 0.0)[2])),
        n_groups=n,
        status="ok",
    )


def between_variance(values: FloatArray, chance: FloatArray) -> float:
    """Return the variance between groups beyond chance: 0 if they are no further apart than chance would have them.

    Parameters
    ----------
    values : ndarray, shape (n,)
    chance : ndarray, shape (n, n)
        Covariance of their errors, positive definite.

    Returns
    -------
    float
        The variance at which the weighted sum of squares is its expectation, n - 1; it falls as the variance grows.
    """
    from scipy.optimize import brentq

    def excess(between: float) -> float:
        return _pooled(values, chance, between)[2] - (len(values) - 1)

    if excess(0.0) <= 0:
        return 0.0
    high = float(values.var()) + float(np.trace(chance))
    while excess(high) > 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-14))


def further_groups(values: FloatArray, chance: FloatArray, *, seed: int) -> FloatArray:
    """Draw what a further group might have: the variance from its confidence distribution, then the average and the group.

    Parameters
    ----------
    values : ndarray, shape (n,)
    chance : ndarray, shape (n, n)
        Covariance of their errors, positive definite.
    seed : int

    Returns
    -------
    ndarray of float64
    """
    n, rng = len(values), np.random.default_rng(seed)
    size = float(values.var()) + float(np.trace(chance)) / n
    grid = size * np.append(0.0, np.geomspace(1e-4, 1e4, 120))
    mean, error, squares = np.array([_pooled(values, chance, one) for one in grid]).T
    # The sum of squares at the true variance is a chi-square; where even no variance gives less, there is none.
    between = np.interp(-rng.chisquare(n - 1, _DRAWS), -squares, grid)
    average = np.interp(between, grid, mean) + np.interp(between, grid, error) * rng.standard_t(n - 1, _DRAWS)
    return np.asarray(average + np.sqrt(between) * rng.standard_normal(_DRAWS))


def _pooled(values: FloatArray, chance: FloatArray, between: float) -> tuple[float, float, float]:
    """Return the average of correlated values, its standard error, and the weighted sum of squares about it."""
    precision = np.linalg.inv(chance + between * np.eye(len(values)))
    total = float(precision.sum())
    mean = float(precision.sum(axis=0) @ values) / total
    return mean, 1 / math.sqrt(total), float((values - mean) @ precision @ (values - mean))
