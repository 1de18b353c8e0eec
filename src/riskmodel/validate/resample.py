"""Bootstrap over people: the same resamples for every model, split and metric, so that differences are paired.

A resample draws as many people as there are, with replacement, and every row of a person comes with them. It is
kept as how often each person was drawn. A metric that is made of sums over rows then needs only each person's sums
(``sums``); a metric that needs an order (AUROC) walks the sorted rows (``ranking``).

A survey drew its units (people, or clusters of them) within strata, and so do its resamples: of n units in a stratum n - 1 are
drawn, each counting n / (n - 1) times, because n draws would give intervals that are too narrow by (n - 1) / n (Rao and Wu
1988, J Am Stat Assoc 83:231). A stratum with a single unit says nothing about the spread within it and is joined to
the next one (collapsed strata: Wolter 2007, Introduction to Variance Estimation, 2.5), which errs on the wide side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.errors import DataError
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray

_CHUNK = 512  # resamples that one thread walks at a time
_BLOCK = 512  # people whose draws are turned into numbers at a time: with a chunk, 2 MB
_SPARSE = 0.25


@dataclass(frozen=True)
class Resamples:
    """How often each person was drawn in each resample.

    Parameters
    ----------
    cluster : ndarray of int64, shape (n,)
        Number of the person (or household) that a row belongs to, from 0.
    counts : ndarray of uint8, shape (replicates, clusters)
        2,000 resamples of 28,000 people take 56 MB.
    scale : ndarray of float64, shape (clusters,), optional
        How much each time that a unit was drawn counts; None where it is 1 for all.
    """

    cluster: IntArray
    counts: npt.NDArray[np.uint8]
    scale: FloatArray | None = None

    def __len__(self) -> int:
        return int(self.counts.shape[0])

    @cached_property
    def by_person(self) -> npt.NDArray[np.uint8]:
        """``counts`` with a person's draws side by side, shape (clusters, replicates).

        A walk over rows then does the same for many resamples at once, and reads memory in order.
        """
        return np.ascontiguousarray(self.counts.T)

    def first(self, replicates: int) -> Resamples:
        """Return the first so many resamples, or all if there are fewer."""
        return replace(self, counts=self.counts[:replicates])

    def take(self, rows: BoolArray) -> Resamples:
        """Return the same resamples for the chosen rows."""
        chosen = replace(self, cluster=self.cluster[rows])
        chosen.__dict__["by_person"] = self.by_person  # the people are the same: nothing to turn round again
        return chosen

    def scaled(self, values: FloatArray, cluster: IntArray) -> FloatArray:
        """Return values of units times how much a draw of each counts; ``values`` has one row, or number, for each."""
        if self.scale is None:
            return values
        factor = self.scale[cluster]
        return values * (factor if values.ndim == 1 else factor[:, None])

    def sums(self, columns: FloatArray, *, threads: int = 2) -> FloatArray:
        """Return the sum of each column in every resample.

        Parameters
        ----------
        columns : ndarray of float64, shape (n, k)
        threads : int
            The result does not depend on it.

        Returns
        -------
        ndarray of float64, shape (replicates, k)
        """
        return self.sums_by_group(columns, np.zeros(len(columns), dtype=np.int64), 1, threads=threads)[:, 0]

    def sums_by_group(
        self, columns: FloatArray, group: IntArray, n_groups: int, *, threads: int = 2
    ) -> FloatArray:
        """Return the sum of each column in every resample, by group of the row.

        Parameters
        ----------
        columns : ndarray of float64, shape (n, k)
        group : ndarray of int64, shape (n,)
            From 0 to ``n_groups - 1``; a person may be in different groups at different index dates.
        n_groups : int
        threads : int
            The result does not depend on it.

        Returns
        -------
        ndarray of float64, shape (replicates, n_groups, k)
        """
        # One entry per (group, person) that occurs, sorted by group: rows of a person are added up once.
        n_people = self.counts.shape[1]
        pair, row_pair = np.unique(group * n_people + self.cluster, return_inverse=True)
        pair_group, pair_cluster = np.divmod(pair, n_people)
        values = self.scaled(_add_up(columns, row_pair, len(pair)), pair_cluster)
        out = np.zeros((len(self), n_groups, columns.shape[1]))
        sparse = (values != 0).mean(axis=0) < _SPARSE
        for chosen in (
            sparse,
            ~sparse,
        ):  # outcomes and offers are rare: most people add nothing to those sums
            used = values[:, chosen].any(axis=1)
            edges = np.searchsorted(pair_group[used], np.arange(n_groups + 1))
            out[..., chosen] = self._add_draws(
                values[np.ix_(used, chosen)], pair_cluster[used], edges, threads=threads
            )
        return out

    def _add_draws(
        self, values: FloatArray, cluster: IntArray, edges: IntArray, *, threads: int
    ) -> FloatArray:
        """Multiply values by times drawn, group by group; one BLAS thread in each of ours, so that bits do not depend on them."""
        out = np.zeros((len(edges) - 1, values.shape[1], len(self)))
        columns = np.ascontiguousarray(values.T)

        def work(chunk: slice) -> None:
            times = self.by_person[:, chunk]
            for g, (low, high) in enumerate(pairwise(edges)):
                for start in range(low, high, _BLOCK):
                    block = slice(start, min(start + _BLOCK, high))
                    out[g, :, chunk] += columns[:, block] @ times[cluster[block]].astype(np.float64)

        with one_blas_thread():
            self.in_chunks(work, threads=threads)
        return np.moveaxis(out, -1, 0)

    def in_chunks(self, work: Callable[[slice], None], *, threads: int) -> None:
        """Do the same work for slices of resamples, several at a time."""
        chunks = [slice(start, start + _CHUNK) for start in range(0, len(self), _CHUNK)]
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work, chunk) for chunk in chunks]:
                done.result()


def resample(
    cluster_id: IntArray, *, replicates: int, seed: int, stratum: IntArray | None = None
) -> Resamples:
    """Draw resamples of people, or of what a survey drew.

    Parameters
    ----------
    cluster_id : ndarray of int64, shape (n,)
        The person (or household) of each row; rows of one are drawn together.
    replicates : int
    seed : int
    stratum : ndarray of int64, shape (n,), optional
        Within which units are drawn. One stratum for all is none.

    Returns
    -------
    Resamples

    Raises
    ------
    DataError
        If there are no rows, or a unit is in more than one stratum.
    """
    if len(cluster_id) == 0:
        raise DataError(
            expected="at least one row to measure a model on",
            found="none",
            where="bootstrap",
            next_step="Look at the attrition table to see which rule removed everybody.",
        )
    people, first, cluster = np.unique(cluster_id, return_index=True, return_inverse=True)
    n = len(people)
    rng = np.random.default_rng(seed)
    if stratum is not None and len(np.unique(stratum)) > 1:
        _check_nested(cluster, stratum, stratum[first])
        return _within_strata(cluster.astype(np.int64), _collapsed(stratum[first]), replicates, rng)
    counts = np.empty((replicates, n), dtype=np.uint8)
    for one in range(replicates):
        drawn = np.bincount(rng.integers(0, n, size=n), minlength=n)
        counts[one] = np.minimum(drawn, np.iinfo(np.uint8).max)
    return Resamples(cluster.astype(np.int64), counts)


def _check_nested(cluster: IntArray, stratum: IntArray, of_unit: IntArray) -> None:
    astray = int((of_unit[cluster] != stratum).sum())
    if astray:
        raise DataError(
            expected="every unit of the survey in one stratum",
            found=f"{astray} of {len(stratum)} rows in another stratum than the rest of their unit",
            where="bootstrap",
            next_step="Look at the columns that 'data.stratum' and 'data.cluster' name.",
        )


def _collapsed(stratum: IntArray) -> IntArray:
    """Return strata from 0, each with two units or more: single ones join the next, the last the one before."""
    _, code, size = np.unique(stratum, return_inverse=True, return_counts=True)
    group = np.empty(len(size), dtype=np.int64)
    made, waiting = 0, 0
    for one, units in enumerate(size.tolist()):
        group[one] = made
        waiting += units
        if waiting > 1:
            made, waiting = made + 1, 0
    if waiting:
        group[group == made] = max(made - 1, 0)
    return np.asarray(group[code], dtype=np.int64)


def _within_strata(
    cluster: IntArray, stratum: IntArray, replicates: int, rng: np.random.Generator
) -> Resamples:
    counts = np.zeros((replicates, len(stratum)), dtype=np.uint8)
    scale = np.ones(len(stratum))
    for one in np.unique(stratum):
        units = np.flatnonzero(stratum == one)
        n = len(units)
        scale[units] = n / (n - 1)
        drawn = rng.integers(0, n, size=(replicates, n - 1))
        for replicate in range(replicates):
            times = np.bincount(drawn[replicate], minlength=n)
            counts[replicate, units] = np.minimum(times, np.iinfo(np.uint8).max)
    return Resamples(cluster, counts, scale)


@dataclass(frozen=True)
class Ranking:
    """AUROC and average precision: the point value and one value per resample; NaN where undefined."""

    auroc: float
    average_precision: float
    auroc_draws: FloatArray
    average_precision_draws: FloatArray


def ranking(
    score: FloatArray,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    resamples: Resamples,
    *,
    threads: int = 2,
) -> Ranking:
    """Measure how well a score puts those with the outcome first.

    AUROC counts a tie as half; average precision steps once per distinct score, as scikit-learn does. Rows of weight 0
    are left out.

    Parameters
    ----------
    score, weight : ndarray of float64, shape (n,)
    outcome : ndarray of int8, shape (n,)
    resamples : Resamples
        Aligned with the rows.
    threads : int
        The result does not depend on it.

    Returns
    -------
    Ranking
    """
    from riskmodel.validate.kernels import rank_walk

    order = np.argsort(-score, kind="stable")
    order = order[weight[order] > 0]
    happened = outcome[order] == 1
    positive = np.where(happened, weight[order], 0.0)
    negative = np.where(happened, 0.0, weight[order])
    cluster, tie = resamples.cluster[order].astype(np.int32), _ties(score[order], happened)
    everyone = np.ones((resamples.counts.shape[1], 1), dtype=np.uint8)
    point, draws = np.empty((2, 1)), np.empty((2, len(resamples)))
    rank_walk(everyone, cluster, positive, negative, tie, point)
    positive, negative = (resamples.scaled(side, cluster.astype(np.int64)) for side in (positive, negative))
    times = resamples.by_person
    resamples.in_chunks(
        lambda chunk: rank_walk(times[:, chunk], cluster, positive, negative, tie, draws[:, chunk]),
        threads=threads,
    )
    return Ranking(float(point[0, 0]), float(point[1, 0]), draws[0], draws[1])


def _ties(ranked: FloatArray, happened: BoolArray) -> npt.NDArray[np.int8]:
    """Mark the first (1) and last (2) row of equal scores among which somebody had the outcome; 3 where it is one row."""
    if len(ranked) == 0:
        return np.empty(0, dtype=np.int8)
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    ends = np.append(starts[1:], len(ranked)) - 1
    some = np.add.reduceat(happened, starts, dtype=np.int64) > 0
    tie = np.zeros(len(ranked), dtype=np.int8)
    tie[starts[some]] += 1
    tie[ends[some]] += 2
    return tie


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold products of matrices to one thread each, so that their bits do not depend on how many there are.

    The limit is the whole process's: work that runs side by side holds it from outside.
    """
    with _pools().limit(limits=1, user_api="blas"):
        yield


@cache
def _pools() -> Any:
    """Return the loaded libraries' thread pools; finding them takes longer than many a sum."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


def _add_up(columns: FloatArray, key: IntArray, n_keys: int) -> FloatArray:
    """Return column sums by key, shape (n_keys, k)."""
    out = np.empty((n_keys, columns.shape[1]))
    for k in range(columns.shape[1]):
        out[:, k] = np.bincount(key, weights=columns[:, k], minlength=n_keys)
    return out
