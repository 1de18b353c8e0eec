"""Who would be offered support, when only so many offers can be made."""

from __future__ import annotations

import numpy as np

from riskmodel.errors import DataError
from riskmodel.models.spec import CapacitySpec
from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray, IntArray


def offers(
    score: FloatArray, cohort: Cohort, capacity: CapacitySpec, *, withheld: BoolArray | None = None
) -> FloatArray:
    """Return each row's probability of being offered support at its index date.

    At every index date, ``k = share x young people eligible then`` (rounded, halves up) offers go to the highest scores.
    Those who tie at the cut share what is left equally: the expected value of a lottery among them. Nobody is offered
    support again within ``repeat_days``: somebody who had an offer with probability p less than ``repeat_days`` ago is
    available with probability 1 - p. If fewer than k are available, all of them are offered support.

    Parameters
    ----------
    score : ndarray of float64, shape (n,)
        Raw score or risk estimate; higher comes first.
    cohort : Cohort
        Rows of the same order.
    capacity : CapacitySpec
    withheld : ndarray of bool, shape (n,), optional
        Rows that get no offer from the model, such as records too thin for an estimate. They count among those eligible,
        so that there are no fewer offers because of them.

    Returns
    -------
    ndarray of float64, shape (n,)
        In [0, 1].

    Raises
    ------
    DataError
        If a row has no score.
    """
    missing = int(np.isnan(score).sum())
    if len(score) != len(cohort) or missing:
        raise DataError(
            expected=f"a score for each of {len(cohort)} cohort rows",
            found=f"{len(score)} scores, {missing} of them missing",
            where="offers at capacity",
            next_step="Score every eligible row; leave out rows of fold -1 before making offers.",
        )
    offered = np.zeros(len(cohort))
    days, starts = np.unique(cohort.index_day, return_index=True)
    edges = [*starts.tolist(), len(cohort)]
    dates = [(int(day), slice(edges[i], edges[i + 1])) for i, day in enumerate(days)]
    for number, (day, rows) in enumerate(dates):
        recent = [past for earlier, past in dates[:number] if day - earlier < capacity.repeat_days]
        available = _available(cohort.subject_id, offered, rows, recent)
        k = int(np.floor(capacity.share * len(available) + 0.5))
        if withheld is not None:
            available = np.where(withheld[rows], 0.0, available)
        offered[rows] = _highest_first(score[rows], available, k)
    return offered


def _available(subject: IntArray, offered: FloatArray, rows: slice, recent: list[slice]) -> FloatArray:
    """Return one minus the probability of an offer on a recent date; subjects are sorted within a date."""
    here = subject[rows]
    available = np.ones(len(here))
    for past in recent:
        place = np.searchsorted(subject[past], here)
        place = np.minimum(place, len(subject[past]) - 1)
        available -= np.where(subject[past][place] == here, offered[past][place], 0.0)
    return np.clip(available, 0.0, 1.0)


def _highest_first(score: FloatArray, available: FloatArray, k: int) -> FloatArray:
    """Give k expected offers to the highest scores; equal scores share in proportion to availability."""
    level = np.unique(-score, return_inverse=True)[1]
    wanted = np.bincount(level, weights=available)
    before = np.cumsum(wanted) - wanted
    left = np.clip(k - before, 0.0, wanted)
    share = np.divide(left, wanted, out=np.zeros_like(wanted), where=wanted > 0)
    return np.asarray(available * share[level])
