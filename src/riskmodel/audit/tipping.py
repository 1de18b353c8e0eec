"""The tipping point: how little the records need to be wrong for a statement about a group to be overturned.

A departure goes from records that are right (everything detected, nothing false, gamma 1) in a straight line to an end of
the stated range, on log scales for detection and gamma; the group and everyone else go each to an end of their own. How far
it has gone is one number from 0 to 1, and the tipping point is the smallest at which some pair of ends overturns the
statement. Detection, false recording and gamma have no unit in common: the range that people stated for them is the only yardstick
by which one departure is smaller than another. A second path moves the detection alone, in one of the two only; there the
ratio of detection at the tipping point says the same in words.

A statement is read from an interval, so that is what is walked: the difference under the records supposed, with an interval as wide as the
statement's, times how much wider the bootstrap spreads there than with records that are right. ``within`` is overturned where that interval
reaches beyond the tolerance, ``exceeds`` where it reaches inside. This is a property of the statement and so of these data, and has
no interval. Where the *difference itself* meets the tolerance is told besides: that estimates how unequal records would have to be for the
statement to be false, and has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any, Literal

import numpy as np

from riskmodel.audit.groups import Grouping
from riskmodel.audit.recording import FACE_VALUE, TRUE_METRICS, RecordedSums, Recording, edges, true_sums
from riskmodel.audit.report import Difference
from riskmodel.audit.spec import RecordingSpec
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.validate.estimate import MISSING_DRAWS_ALLOWED

Path = Literal["anything", "detection"]
Status = Literal["ok", "none", "suppressed", "undefined"]
Pair = tuple[Recording, Recording]

NODES = np.linspace(0.0, 1.0, 9)
MEASURED_BY = {
    "tpr": "tpr",
    "fnr": "fnr",
    "fpr": "fpr",
    "ppv": "ppv",
    "calibration_intercept": "observed_to_expected",
}
"""Metrics that have tipping points, and which of ``TRUE_METRICS`` says how they move.

Calibration in the large moves as the logarithm of observed to expected. That is so for rare outcomes; where the estimates of those with
the outcome average p, log-odds move 1 / (1 - p) times as far.
"""
_TAIL = 0.025
_RATIO = TRUE_METRICS.index("observed_to_expected")


@dataclass(frozen=True)
class TippingRow:
    """How little overturns one statement.

    Parameters
    ----------
    attribute, group, metric : str
    verdict : str
        The statement: ``within`` or ``exceeds``.
    path : str
        ``anything`` in the range may depart, or the ``detection`` alone, of the group or of everyone else.
    tipping_point : float or None
        Share of the way to the end of the range at which the audit would no longer make the statement; None where nothing in the range
        overturns it.
    difference_tipping_point : float or None
        The same for the difference itself, whatever its interval: never smaller. None where nothing in the range takes it to the tolerance.
    difference_lower, difference_upper : float or None
        Its 95% percentile interval of the bootstrap; None where it reaches beyond the range.
    detection_ratio : float or None
        At the tipping point, the group's detection over everyone else's.
    at : dict or None
        At the tipping point, ``group`` and ``others``, each with ``detection``, ``false_recording`` and ``gamma``.
    status : str
        ``ok``, ``none`` (nothing within the range overturns it), ``suppressed`` (fewer people than the audit's smallest cell
        on a side of the metric, in the group or among everyone else) or ``undefined`` (too many resamples say nothing).
    """

    attribute: str
    group: str
    metric: str
    verdict: str
    path: Path
    tipping_point: float | None
    difference_tipping_point: float | None
    difference_lower: float | None
    difference_upper: float | None
    detection_ratio: float | None
    at: dict[str, dict[str, float]] | None
    status: Status

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)


def pairs(spec: RecordingSpec) -> dict[Path, tuple[Pair, ...]]:
    """Return, for each path, the ends to which the group and everyone else depart."""
    ends = [
        Recording(*one)
        for one in product(*map(dict.fromkeys, (spec.detection, spec.false_recording, spec.gamma)))
    ]
    unequal = Recording(detection=spec.detection[0] / spec.detection[1])
    return {
        "anything": tuple(product(ends, ends)),
        "detection": ((unequal, FACE_VALUE), (FACE_VALUE, unequal)),
    }


def gammas_needed(spec: RecordingSpec) -> set[float]:
    """Return every gamma on the paths."""
    return {Recording(gamma=end).part_way(float(t)).gamma for end in spec.gamma for t in NODES}


def tipping_points(
    sums: RecordedSums,
    grouping: Grouping,
    statements: Iterable[Difference],
    spec: RecordingSpec,
    *,
    enough: BoolArray,
) -> list[TippingRow]:
    """Find the tipping point of every statement.

    Parameters
    ----------
    sums : RecordedSums
        With ``gammas_needed``.
    grouping : Grouping
    statements : iterable of Difference
        Of one model; those about this grouping with verdict ``within`` or ``exceeds`` and a metric of ``MEASURED_BY`` are used.
    spec : RecordingSpec
    enough : ndarray of bool, shape (groups, 6)
        Whether enough people stand behind a group's ``TRUE_METRICS``, and behind everyone else's; a statement without is
        ``suppressed``.
    """
    mine = [
        one
        for one in statements
        if one.attribute == grouping.attribute
        and one.metric in MEASURED_BY
        and one.verdict in ("within", "exceeds")
    ]
    firm = [one for one in mine if enough[_place(grouping, one)]]
    found = [
        _without_numbers(one, path, "suppressed") for path in pairs(spec) for one in mine if one not in firm
    ]
    if firm:
        for path, ends in pairs(spec).items():
            found += _on_path(sums, grouping, firm, path, ends)
    return found


def _place(grouping: Grouping, one: Difference) -> tuple[int, int]:
    return grouping.groups.index(one.group), TRUE_METRICS.index(MEASURED_BY[one.metric])


def _without_numbers(one: Difference, path: Path, status: Status) -> TippingRow:
    place = (one.attribute, one.group, one.metric, one.verdict, path)
    return TippingRow(*place, None, None, None, None, None, None, status)


def _on_path(
    sums: RecordedSums, grouping: Grouping, statements: Sequence[Difference], path: Path, ends: Sequence[Pair]
) -> Iterator[TippingRow]:
    """Walk one path for all statements: each step's gaps are made once."""
    places = [_place(grouping, one) for one in statements]
    slack = np.empty((len(NODES), len(sums.columns), len(statements)))
    firm = np.empty((len(NODES), len(statements)))
    leader = np.empty((len(NODES), len(statements)), dtype=np.int64)
    start = _start(sums, statements, places)
    for t, share in enumerate(NODES):
        low, high = _gaps(sums, [tuple(end.part_way(float(share)) for end in pair) for pair in ends], places)
        for s, one in enumerate(statements):
            each = [start[s].shifted(side[..., s]) for side in (low, high)]
            slack[t, :, s] = _least(_slack(one, *each)).min(axis=0)
            read = _least(
                _slack(one, *(start[s].read(side, end) for side, end in zip(each, (-1, 1), strict=True)))
            )
            leader[t, s], firm[t, s] = read.argmin(), read.min()
    slack[:, ~np.isfinite(slack[0])] = np.nan  # nobody to compare with
    for s, one in enumerate(statements):
        if not np.isfinite(slack[0, 0, s]) or start[s].spread == 0:
            firm[:, s] = np.nan
        falls = float(first_crossing(firm[:, s : s + 1])[0])
        itself = first_crossing(slack[:, :, s])
        yield _row(one, path, (falls, itself), ends=ends, leader=leader[:, s])


@dataclass(frozen=True)
class _Start:
    """A statement with records that are right: what is added to a measure's gap to give its difference, and its interval."""

    add: float
    half: float
    spread: float

    def shifted(self, gap: FloatArray) -> FloatArray:
        return gap + self.add

    def read(self, side: FloatArray, end: int) -> FloatArray:
        """Return an end of the interval of each pair's difference, shape (pairs,)."""
        ratio = _spread(side) / self.spread if self.spread else np.nan
        found: FloatArray = side[:, 0] + end * self.half * ratio
        return found


def _start(
    sums: RecordedSums, statements: Sequence[Difference], places: Sequence[tuple[int, int]]
) -> list[_Start]:
    gaps = _gaps(sums, [(FACE_VALUE, FACE_VALUE)], places)[0]
    return [
        _Start(
            0.0 if one.metric in TRUE_METRICS else _numbers(one)[0] - float(gaps[0, 0, s]),
            _numbers(one)[1],
            float(_spread(gaps[:, :, s])[0]),
        )
        for s, one in enumerate(statements)
    ]


def _numbers(statement: Difference) -> tuple[float, float, float]:
    """Return a statement's estimate, half the width of its interval, and its tolerance."""
    found = (statement.estimate, statement.lower, statement.upper, statement.tolerance)
    estimate, lower, upper, tolerance = (np.nan if one is None else one for one in found)
    if np.isnan((estimate, lower, upper, tolerance)).any():
        raise ValueError("a statement has a tolerance and an estimate with its interval")
    return estimate, (upper - lower) / 2, tolerance


def _spread(gaps: FloatArray) -> FloatArray:
    """Return how far the bootstrap spreads about each pair's difference (pairs, 1 + replicates), root mean square."""
    with np.errstate(invalid="ignore"):  # the logarithm of nothing less itself
        moved = gaps[:, 1:] - gaps[:, :1]
    known = np.isfinite(moved)
    squares = np.where(known, moved, 0.0) ** 2
    found: FloatArray = np.sqrt(squares.sum(axis=1) / np.maximum(known.sum(axis=1), 1))
    return found


def _least(slack: FloatArray) -> FloatArray:
    """Return the slack with pairs left out about which nothing is known."""
    return np.where(np.isnan(slack), np.inf, slack)


def _gaps(
    sums: RecordedSums, ends: Sequence[Any], places: Sequence[tuple[int, int]]
) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest difference, shape (pairs, 1 + replicates, statements)."""
    g, k = (list(one) for one in zip(*places, strict=True))
    own, rest = {}, {}
    for recording in dict.fromkeys(one for pair in ends for one in pair):
        true = true_sums(sums, recording)
        others = true.sum(axis=1, keepdims=True) - true
        own[recording], rest[recording] = (
            tuple(_on_scale(side)[:, g, k] for side in edges(part)) for part in (true, others)
        )
    low = np.stack([own[a][0] - rest[b][1] for a, b in ends])
    high = np.stack([own[a][1] - rest[b][0] for a, b in ends])
    return low, high


def _on_scale(values: FloatArray) -> FloatArray:
    """Return ``TRUE_METRICS`` as they are compared: rates as they are, observed to expected as its logarithm."""
    scaled = values.copy()
    with np.errstate(divide="ignore"):
        scaled[..., _RATIO] = np.log(values[..., _RATIO])
    return scaled


def _slack(statement: Difference, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return how far a difference is from overturning a statement; negative where it does."""
    found, _, tolerance = _numbers(statement)
    if statement.verdict == "within":
        return np.minimum(tolerance - high, tolerance + low)
    return low - tolerance if found > 0 else -high - tolerance


def first_crossing(slack: FloatArray) -> FloatArray:
    """Return where on the path the slack first falls to zero, linearly between nodes; infinite where it never does.

    Parameters
    ----------
    slack : ndarray, shape (nodes, n)
        NaN throughout where unknown.

    Returns
    -------
    ndarray, shape (n,)
    """
    crossed = slack <= 0
    k = crossed.argmax(axis=0)
    columns = np.arange(slack.shape[1])
    after, before = slack[k, columns], slack[np.maximum(k - 1, 0), columns]
    fall = np.where(k > 0, before - after, 1.0)
    part = np.where(k > 0, before, 0.0) / np.where(np.isfinite(fall) & (fall > 0), fall, np.inf)
    step = NODES[k] - NODES[np.maximum(k - 1, 0)]
    found = np.where(crossed.any(axis=0), NODES[np.maximum(k - 1, 0)] + step * part, np.inf)
    return np.where(np.isnan(slack[0]), np.nan, found)


def _row(
    one: Difference, path: Path, found: tuple[float, FloatArray], *, ends: Sequence[Pair], leader: IntArray
) -> TippingRow:
    falls, itself = found
    draws = itself[1:][~np.isnan(itself[1:])]
    too_few = len(draws) < (1 - MISSING_DRAWS_ALLOWED) * (len(itself) - 1) or not len(draws)
    if np.isnan(falls) or np.isnan(itself[0]) or too_few:
        return _without_numbers(one, path, "undefined")
    lower, upper = (_in_range(np.quantile(draws, q, method="inverted_cdf")) for q in (_TAIL, 1 - _TAIL))
    row = replace(
        _without_numbers(one, path, "none"),
        difference_tipping_point=_in_range(itself[0]),
        difference_lower=lower,
        difference_upper=upper,
    )
    if not np.isfinite(falls):
        return row
    group, others = (end.part_way(falls) for end in ends[int(leader[np.searchsorted(NODES, falls)])])
    at = {"group": asdict(group), "others": asdict(others)}
    ratio = group.detection / others.detection
    return replace(row, tipping_point=falls, detection_ratio=ratio, at=at, status="ok")


def _in_range(end: float) -> float | None:
    return float(end) if np.isfinite(end) else None
