"""The tipping point: how little the records need to be wrong for a statement about a group to be overturned.

A departure goes from records that are right (everything detected, nothing false, gamma 1) in a straight line to an end of
the stated range, on log scales for detection and gamma; the group and everyone else go each to an end of their own. How far
it has gone is one number from 0 to 1, and the tipping point is the smallest at which some pair of ends overturns the
statement. Detection, false recording and gamma have no unit in common: the range that people stated for them is the only yardstick
by which one departure is smaller than another. A second path moves the detection alone, in one of the two only; there the
ratio of detection at the tipping point says the same in words.

``within`` is overturned where the corrected difference lies beyond the tolerance, ``exceeds`` where it lies
inside or on the other side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
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
Pair = tuple[Recording, Recording]

NODES = np.linspace(0.0, 1.0, 9)
TIPPED = ("tpr", "fnr", "fpr", "ppv")
_TAIL = 0.025


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
        Share of the way to the end of the range; None where nothing in the range overturns the statement.
    lower, upper : float or None
        95% percentile interval of the bootstrap; None where it reaches beyond the range.
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
    lower: float | None
    upper: float | None
    detection_ratio: float | None
    at: dict[str, dict[str, float]] | None
    status: Literal["ok", "none", "suppressed", "undefined"]

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
        Of one model; those about this grouping with verdict ``within`` or ``exceeds`` and a metric of ``TIPPED`` are used.
    spec : RecordingSpec
    enough : ndarray of bool, shape (groups, 6)
        Whether enough people stand behind a group's ``TRUE_METRICS``, and behind everyone else's; a statement without is
        ``suppressed``.
    """
    mine = [
        one
        for one in statements
        if one.attribute == grouping.attribute
        and one.metric in TIPPED
        and one.verdict in ("within", "exceeds")
    ]
    firm = [one for one in mine if enough[_place(grouping, one)]]
    found = [
        TippingRow(*_words(one), path, None, None, None, None, None, "suppressed")
        for path in pairs(spec)
        for one in mine
        if one not in firm
    ]
    if firm:
        for path, ends in pairs(spec).items():
            found += _on_path(sums, grouping, firm, path, ends)
    return found


def _place(grouping: Grouping, one: Difference) -> tuple[int, int]:
    return grouping.groups.index(one.group), TRUE_METRICS.index(one.metric)


def _words(one: Difference) -> tuple[str, str, str, str]:
    return one.attribute, one.group, one.metric, one.verdict


def _on_path(
    sums: RecordedSums, grouping: Grouping, statements: Sequence[Difference], path: Path, ends: Sequence[Pair]
) -> Iterator[TippingRow]:
    """Walk one path for all statements: each step's gaps are made once."""
    places = [_place(grouping, one) for one in statements]
    slack = np.empty((len(NODES), len(sums.columns), len(statements)))
    leader = np.empty((len(NODES), len(statements)), dtype=np.int64)
    for t, share in enumerate(NODES):
        low, high = _gaps(sums, [tuple(end.part_way(float(share)) for end in pair) for pair in ends], places)
        each = np.stack([_slack(one, low[..., s], high[..., s]) for s, one in enumerate(statements)], axis=-1)
        known = np.where(np.isfinite(each), each, np.inf)
        leader[t], slack[t] = known[:, 0].argmin(axis=0), known.min(axis=0)
    slack[:, ~np.isfinite(slack[0])] = np.nan  # nobody to compare with
    for s, one in enumerate(statements):
        yield _row(one, path, first_crossing(slack[:, :, s]), leader[:, s], ends)


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
            tuple(side[:, g, k] for side in edges(part)) for part in (true, others)
        )
    low = np.stack([own[a][0] - rest[b][1] for a, b in ends])
    high = np.stack([own[a][1] - rest[b][0] for a, b in ends])
    return low, high


def _slack(statement: Difference, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return how far a difference is from overturning a statement; negative where it does."""
    tolerance, found = statement.tolerance, statement.estimate
    if tolerance is None or found is None:
        raise ValueError("a statement has a tolerance and an estimate")
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
    statement: Difference, path: Path, found: FloatArray, leader: IntArray, ends: Sequence[Pair]
) -> TippingRow:
    place = (*_words(statement), path)
    draws = found[1:][~np.isnan(found[1:])]
    if np.isnan(found[0]) or len(draws) < (1 - MISSING_DRAWS_ALLOWED) * (len(found) - 1) or not len(draws):
        return TippingRow(*place, None, None, None, None, None, "undefined")
    lower, upper = (_in_range(np.quantile(draws, q, method="inverted_cdf")) for q in (_TAIL, 1 - _TAIL))
    if not np.isfinite(found[0]):
        return TippingRow(*place, None, lower, upper, None, None, "none")
    t = float(found[0])
    pair = ends[int(leader[np.searchsorted(NODES, t)])]
    group, others = (one.part_way(t) for one in pair)
    ratio = group.detection / others.detection
    at = {"group": asdict(group), "others": asdict(others)}
    return TippingRow(*place, t, lower, upper, ratio, at, "ok")


def _in_range(end: float) -> float | None:
    return float(end) if np.isfinite(end) else None
