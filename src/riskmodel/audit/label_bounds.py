"""Over a stated range of recordings: how far each group's metrics may lie from what the records say.

Every metric rises or falls steadily with the detection, so its ends suffice; ``false_recording`` is tried at its ends and
``gamma`` at five values. The intervals are those of Imbens and Manski (2004, Econometrica 72:1845): they hold the true
value, wherever between the bounds it lies, with at least 95%. Theirs go so many standard errors beyond the bounds; ours go
to the same points of the bootstrap's distribution of each bound, which respects that a share stays within 0 and 1 and, where the
range is a single point, is the package's usual interval, a little wider. For rare outcomes the upper tail of a bootstrap is a little short, so an end
is never nearer than so many standard errors on the scale of log-odds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter
from riskmodel.audit.recording import (
    FACE_VALUE,
    TRUE_METRICS,
    RecordedSums,
    Recording,
    edges,
    raw_metrics,
    true_sums,
)
from riskmodel.audit.spec import RecordingSpec
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.validate.estimate import MISSING_DRAWS_ALLOWED, Status
from riskmodel.validate.metrics import ScoredRows

TrueMetric = Literal["tpr", "fnr", "fpr", "ppv", "prevalence", "observed_to_expected"]

_N_GAMMAS = 5
_FARTHEST = 500.0  # on log-odds or logs; farther away there is nothing but the end of the scale
# With one or two hundred outcomes a bootstrap aimed at 95% holds the truth half a point less often (experiments/label_bias).
_AIM = 0.96


@dataclass(frozen=True)
class BoundsRow:
    """One metric of one group.

    Parameters
    ----------
    attribute, group, metric : str
    recorded : float or None
        The metric against the records.
    lower_bound, upper_bound : float or None
        Between these it lies, if the recording lies in the stated range; as estimated from the data.
    lower, upper : float or None
        Interval that holds the true value with 95%, wherever between the bounds it lies.
    contradicted : bool
        Whether the records contradict a part of the range: it would need more outcomes, or fewer, than there can be.
    n_subjects, n_outcomes : int
        Different people whose outcome could be seen, and those with a recorded outcome.
    few : int
        Different people on the smaller side of the metric, such as those reached for a true positive rate.
    status : str
        ``ok``; ``suppressed`` where fewer people than the audit's smallest cell stand on a side of the metric;
        ``undefined`` where there is nothing to divide by.
    """

    attribute: str
    group: str
    metric: TrueMetric
    recorded: float | None
    lower_bound: float | None
    upper_bound: float | None
    lower: float | None
    upper: float | None
    contradicted: bool
    n_subjects: int
    n_outcomes: int
    few: int
    status: Status

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)


def recordings(spec: RecordingSpec) -> tuple[Recording, ...]:
    """Return the recordings that the bounds are taken over."""
    low, high = spec.gamma
    gammas = dict.fromkeys(round(float(one), 12) for one in np.geomspace(low, high, _N_GAMMAS))
    ends = (dict.fromkeys(spec.detection), dict.fromkeys(spec.false_recording), gammas)
    return tuple(Recording(*one) for one in product(*ends))


def bounds(
    sums: RecordedSums,
    grouping: Grouping,
    people: PeopleBehind,
    *,
    over: Sequence[Recording],
    minimum_cell: int,
) -> list[BoundsRow]:
    """Bound each metric of each group.

    Parameters
    ----------
    sums : RecordedSums
        Of the rows, by group.
    grouping : Grouping
    people : PeopleBehind
        The same rows and groups.
    over : sequence of Recording
        The range; each group's recording lies in it, whatever the others' are.
    minimum_cell : int
        A metric with fewer people on one side is suppressed.

    Returns
    -------
    list of BoundsRow
        By metric and group.
    """
    low, high, contradicted = _extremes(sums, over)
    recorded = raw_metrics(true_sums(sums, FACE_VALUE))[0]
    return [
        _row(
            (grouping.attribute, group, metric),
            (low[:, g, k], high[:, g, k]),
            float(recorded[g, k]),
            contradicted=bool(contradicted[g, k]),
            people=(int(people.seen[g]), int(people.outcomes[g]), int(people.few[g, k])),
            minimum_cell=minimum_cell,
        )
        for k, metric in enumerate(TRUE_METRICS)
        for g, group in enumerate(grouping.groups)
    ]


def _extremes(sums: RecordedSums, over: Sequence[Recording]) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return the smallest and largest value over the recordings, and where the data contradict one of them."""
    first = raw_metrics(true_sums(sums, FACE_VALUE))
    low, high = np.full(first.shape, np.nan), np.full(first.shape, np.nan)
    contradicted = np.zeros(first.shape[1:], dtype=np.bool_)
    for one in over:
        true = true_sums(sums, one)
        lowest, highest = edges(true)
        low, high = np.fmin(low, lowest), np.fmax(high, highest)
        raw = raw_metrics(true)[0]
        contradicted |= (np.abs(raw - np.clip(raw, lowest[0], highest[0])) > 0) | (lowest[0] != highest[0])
    return low, high, contradicted & np.isfinite(low[0])


def _row(
    place: tuple[str, str, Any],
    found: tuple[FloatArray, FloatArray],
    recorded: float,
    *,
    contradicted: bool,
    people: tuple[int, int, int],
    minimum_cell: int,
) -> BoundsRow:
    low, high = found
    interval = bounds_interval(low, high, share=place[2] != "observed_to_expected")
    if people[2] < minimum_cell:
        return BoundsRow(*place, None, None, None, None, None, False, *people, "suppressed")
    if not np.isfinite([recorded, low[0], high[0], *interval]).all():
        return BoundsRow(*place, None, None, None, None, None, False, *people, "undefined")
    return BoundsRow(*place, recorded, float(low[0]), float(high[0]), *interval, contradicted, *people, "ok")


def bounds_interval(low: FloatArray, high: FloatArray, *, share: bool = True) -> tuple[float, float]:
    """Return the interval that holds a value between two bounds with 95% (Imbens and Manski 2004).

    Parameters
    ----------
    low, high : ndarray, shape (1 + replicates,)
        Each bound in the data, then in every resample; NaN where undefined.
    share : bool
        Whether the value lies between 0 and 1: its standard error is then laid off on log-odds, else on logs.

    Returns
    -------
    tuple of float
        Two NaN where more than one in twenty resamples has no value.
    """
    known = np.isfinite(low[1:]) & np.isfinite(high[1:])
    if known.sum() == 0 or known.mean() < 1 - MISSING_DRAWS_ALLOWED or not np.isfinite(low[0]):
        return float("nan"), float("nan")
    low_draws, high_draws = low[1:][known], high[1:][known]
    spreads = float(low_draws.std()), float(high_draws.std())
    reach = _reach(float(high[0] - low[0]), max(spreads))
    tail = 1 - NormalDist().cdf(reach)
    return (
        min(_moved(float(low[0]), -reach * spreads[0], share=share), float(np.quantile(low_draws, tail))),
        max(
            _moved(float(high[0]), reach * spreads[1], share=share), float(np.quantile(high_draws, 1 - tail))
        ),
    )


def _moved(value: float, by: float, *, share: bool) -> float:
    """Return a value moved on log-odds (or logs), by as much as ``by`` is there; a value at an end of its scale stays."""
    slope = value * (1 - value) if share else value
    if slope <= 0:
        return value
    if by / slope > _FARTHEST:
        return 1.0 if share else math.inf
    factor = math.exp(by / slope)
    return value * factor / (1 - value + value * factor) if share else value * factor


def _reach(width: float, spread: float) -> float:
    """Return how many standard errors beyond the bounds: 2.05 where they are one point, 1.75 where they are far apart."""
    normal = NormalDist()
    low, high = normal.inv_cdf(_AIM), normal.inv_cdf((1 + _AIM) / 2)
    apart = width / spread if spread > 0 else 0.0
    for _ in range(40):
        middle = (low + high) / 2
        enough = normal.cdf(middle + apart) - normal.cdf(-middle) >= _AIM
        low, high = (low, middle) if enough else (middle, high)
    return high


class PeopleBehind:
    """Different people in each group, and on the smaller side of each metric, in the group and among everyone else.

    Parameters
    ----------
    rows : ScoredRows
    grouping : Grouping
    """

    def __init__(self, rows: ScoredRows, grouping: Grouping) -> None:
        count = PeopleCounter(grouping, rows.subject_id).count
        happened, others = rows.known & (rows.outcome == 1), rows.known & (rows.outcome == 0)
        offered, passed = rows.offered > 0, rows.offered < 1
        self.seen, self.outcomes = count(rows.known), count(happened)
        reached, missed = count(happened & offered), count(happened & passed)
        needless, spared = count(others & offered), count(others & passed)
        line = (self.outcomes, count(others))
        sides = [(reached, missed), (missed, reached), (needless, spared), (reached, needless), line, line]
        top, rest = (np.column_stack([side[i] for side in sides]) for i in range(2))
        self.few: IntArray = np.minimum(top, rest)
        self.few_outside: IntArray = np.minimum(top.sum(axis=0) - top, rest.sum(axis=0) - rest)
