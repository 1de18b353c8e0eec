"""Equal need at equal score: whether young people of different groups with the same score turn out to need help as often.

Obermeyer and others (2019, Science 366:447) found two groups with the same score and unlike need, because the label that a model had
learned measured something else than need. Here, need is another outcome, which the records behind the label did not make. It is regressed on
the score's percentile in the whole population and on the group, with an indicator for each fiftieth of the order: a group's need, less that
of everyone else with the same scores, averaged over the scores that the group has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray, Labels
from riskmodel.validate.estimate import Estimate, Status, ratio
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

Where = Literal["all scores", "highest tenth"]

BINS = 50
_TOP_BINS = {"all scores": 0, "highest tenth": BINS - BINS // 10}


@dataclass(frozen=True)
class EqualNeedRow:
    """How often one group needed help, beside everyone else with the same scores.

    Parameters
    ----------
    attribute, group : str
    where : str
        ``all scores`` or the ``highest tenth``, where offers are decided.
    need, others : float or None
        Share with the need in the group, and among everyone else at the same scores.
    estimate, lower, upper : float or None
        ``need`` less ``others``, with its 95% interval.
    n_subjects, n_outcomes : int
        Different people of the group that were compared, and those with the need.
    status : str
        ``ok``; ``suppressed`` where fewer of them than the audit's smallest cell had the need; ``undefined`` where nobody else
        has the same scores.
    """

    attribute: str
    group: str
    where: Where
    need: float | None
    others: float | None
    estimate: float | None
    lower: float | None
    upper: float | None
    n_subjects: int
    n_outcomes: int
    status: Status

    @property
    def few(self) -> int:
        """People on the smaller side: with the need, or without."""
        return min(self.n_outcomes, self.n_subjects - self.n_outcomes)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)


def equal_need(
    rows: ScoredRows,
    need: Labels,
    grouping: Grouping,
    resamples: Resamples,
    *,
    minimum_cell: int,
    threads: int = 2,
) -> list[EqualNeedRow]:
    """Compare need at equal score, group by group.

    Parameters
    ----------
    rows : ScoredRows
        Their raw scores and people; not their outcome.
    need : Labels
        The outcome that measures need, aligned with the rows.
    grouping : Grouping
    resamples : Resamples
        Of people, aligned with the rows.
    minimum_cell : int
    threads : int
        The result does not depend on it.

    Returns
    -------
    list of EqualNeedRow
        By place in the order and group.
    """
    fiftieth, n_groups = _fiftieths(rows.raw), len(grouping.labels)
    columns = np.column_stack([need.weight, need.weight * need.outcome])
    code = grouping.code * BINS + fiftieth
    point = np.stack([np.bincount(code, one, minlength=n_groups * BINS) for one in columns.T], axis=-1)
    draws = resamples.sums_by_group(columns, code, n_groups * BINS, threads=threads)
    sums = np.concatenate([point[None], draws]).reshape(-1, n_groups, BINS, 2)
    counter, seen = PeopleCounter(grouping, rows.subject_id), need.weight > 0
    found: list[EqualNeedRow] = []
    for where, first in _TOP_BINS.items():
        inside = seen & (fiftieth >= first)
        people = (counter.count(inside), counter.count(inside & (need.outcome == 1)))
        found += _rows(grouping, where, _compared(sums[:, :, first:]), people, minimum_cell=minimum_cell)
    return found


def _fiftieths(score: FloatArray) -> IntArray:
    """Return in which fiftieth of the order each score lies; equal scores lie in the same."""
    _, place, size = np.unique(score, return_inverse=True, return_counts=True)
    middle = (np.cumsum(size) - size / 2) / len(score)
    fiftieth: IntArray = np.minimum((BINS * middle).astype(np.int64), BINS - 1)[place]
    return fiftieth


def _compared(sums: FloatArray) -> FloatArray:
    """Return each group's need and that of everyone else at the same scores, shape (draws, groups, 2)."""
    others = sums.sum(axis=1, keepdims=True) - sums
    share = ratio(others[..., 1], others[..., 0])
    shared: BoolArray = np.isfinite(share)
    people, needing = (np.where(shared, sums[..., i], 0.0) for i in range(2))
    expected = people * np.where(shared, share, 0.0)
    total = people.sum(axis=-1)
    return np.stack([ratio(needing.sum(axis=-1), total), ratio(expected.sum(axis=-1), total)], axis=-1)


def _rows(
    grouping: Grouping, where: Any, found: FloatArray, people: tuple[IntArray, IntArray], *, minimum_cell: int
) -> Iterator[EqualNeedRow]:
    less = found[..., 0] - found[..., 1]
    for g, group in enumerate(grouping.groups):
        counts = {"n_subjects": int(people[0][g]), "n_outcomes": int(people[1][g])}
        if counts["n_outcomes"] < minimum_cell:
            one = Estimate.without_value("suppressed", **counts)
        else:
            one = Estimate.from_draws(float(less[0, g]), less[1:, g], **counts)
        shares = (float(found[0, g, 0]), float(found[0, g, 1])) if one.status == "ok" else (None, None)
        yield EqualNeedRow(grouping.attribute, group, where, *shares, **one.to_json())
