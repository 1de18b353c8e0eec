"""The rows a model learns from, checked once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.errors import DataError
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix

MIN_OUTCOMES = 10
"""Fewest rows with, and without, the outcome that anything is learned from: with fewer, chance decides. It is no licence to
trust a model of so few; the card says how many there were."""


@dataclass(frozen=True)
class Timeline:
    """When each row is about, and which rows may not be parted: what a later fold is cut by.

    Parameters
    ----------
    day : ndarray of int64, shape (n,)
        Index day.
    household : ndarray of int64, shape (n,)
    """

    day: IntArray
    household: IntArray

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: BoolArray | IntArray) -> Timeline:
        """Return the chosen rows, in the same order."""
        return Timeline(self.day[rows], self.household[rows])


@dataclass(frozen=True)
class TrainingRows:
    """Features, outcome, weight and the group that each row belongs to; rows of weight 0 are left out.

    Parameters
    ----------
    features : FeatureMatrix
    outcome : ndarray of float64, shape (n,)
        0 or 1.
    weight : ndarray of float64, shape (n,)
        Above 0.
    person : ndarray of int64, shape (n,)
        Household or subject of each row, from 0: the people that a bin must hold are counted by it.
    timeline : Timeline, optional
        Without it all rows are of one day, and ``person`` stands for the household.
    """

    features: FeatureMatrix
    outcome: FloatArray
    weight: FloatArray
    person: IntArray
    timeline: Timeline | None = None

    @classmethod
    def build(
        cls,
        features: FeatureMatrix,
        outcome: npt.NDArray[np.int8],
        weight: FloatArray,
        *,
        person: IntArray | None,
        where: str,
        timeline: Timeline | None = None,
    ) -> TrainingRows:
        """Check the rows and leave out those of weight 0.

        Raises
        ------
        DataError
            If lengths differ, a weight is no number or below 0, an outcome is not 0 or 1, a feature is infinite, the
            outcome is the same for everyone, or fewer than ``MIN_OUTCOMES`` rows have it (or do not have it).
        """
        person = np.arange(len(outcome)) if person is None else person
        _same_length(features, outcome, weight, person, where=where, timeline=timeline)
        _proper_numbers(features, outcome, weight, where=where)
        used = weight > 0
        _enough_outcomes(outcome[used], where=where)
        return cls(
            features=features if used.all() else features.take(used),
            outcome=outcome[used].astype(np.float64),
            weight=weight[used].astype(np.float64),
            person=np.unique(person[used], return_inverse=True)[1].astype(np.int64),
            timeline=None if timeline is None else timeline.take(used),
        )

    def __len__(self) -> int:
        return len(self.outcome)

    def thinned(self, rows_per_rare: int, *, seed: int) -> TrainingRows:
        """Return fewer rows that stand for all by their weight, see ``keep_rows``; itself if there are few."""
        kept, weight = keep_rows(self, rows_per_rare, seed=seed)
        if len(kept) == len(self):
            return self
        timeline = None if self.timeline is None else self.timeline.take(kept)
        return TrainingRows(self.features.take(kept), self.outcome[kept], weight, self.person[kept], timeline)


def keep_rows(rows: TrainingRows, rows_per_rare: int, *, seed: int) -> tuple[IntArray, FloatArray]:
    """Keep every row of the rarer outcome and a random share of the others.

    Returns
    -------
    kept : ndarray of int64
        Ascending row numbers.
    weight : ndarray of float64
        Of the kept rows; both kinds keep their total weight.
    """
    rare = rows.outcome == (1.0 if rows.outcome.mean() <= 0.5 else 0.0)
    common = np.flatnonzero(~rare)
    wanted = rows_per_rare * int(rare.sum())
    if wanted >= len(common):
        return np.arange(len(rows)), rows.weight
    drawn = np.random.default_rng(seed).choice(common, size=wanted, replace=False, shuffle=False)
    kept = np.sort(np.concatenate([np.flatnonzero(rare), drawn]))
    raised = rows.weight[common].sum() / rows.weight[drawn].sum()
    return kept, np.where(rare[kept], 1.0, raised) * rows.weight[kept]


def _same_length(
    features: FeatureMatrix,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    person: IntArray,
    *,
    where: str,
    timeline: Timeline | None,
) -> None:
    lengths = {len(part) for part in (features, outcome, weight, person, timeline) if part is not None}
    if len(lengths) > 1:
        raise DataError(
            expected="one outcome, one weight, one person and one index day for every row of features",
            found=f"{len(features)} rows of features, {len(outcome)} outcomes, {len(weight)} weights, {len(person)} people",
            where=where,
            next_step="Take the same rows from every table.",
        )


def _proper_numbers(
    features: FeatureMatrix, outcome: npt.NDArray[np.int8], weight: FloatArray, *, where: str
) -> None:
    bad_weights = int((~np.isfinite(weight) | (weight < 0)).sum())
    if bad_weights:
        raise DataError(
            expected="a weight of 0 or more in every row",
            found=f"{bad_weights} of {len(weight)} weights missing, infinite or below 0",
            where=where,
            next_step="Look at how censoring or survey weights were made; give a row that should not count weight 0.",
        )
    bad_outcomes = int((~np.isin(outcome, (0, 1))).sum())
    if bad_outcomes:
        raise DataError(
            expected="an outcome of 0 or 1 in every row",
            found=f"{bad_outcomes} of {len(outcome)} rows with something else",
            where=where,
            next_step="Say in the study which values of the outcome mean that it happened.",
        )
    infinite = [features.names[j] for j in np.flatnonzero(np.isinf(features.values).any(axis=0))]
    if infinite:
        raise DataError(
            expected="finite feature values, or missing ones",
            found=f"infinite values in column {', '.join(infinite)}",
            where=where,
            next_step="Look for a division by zero in how the column is made; what is not known should be missing.",
        )


def _enough_outcomes(outcome: npt.NDArray[np.int8], *, where: str) -> None:
    with_it = int((outcome == 1).sum())
    rarer = min(with_it, len(outcome) - with_it)
    if rarer == 0:
        raise DataError(
            expected="rows with the outcome and rows without it",
            found=f"the same outcome in all {len(outcome)} rows that count",
            where=where,
            next_step="Look at the outcome's codes, the index dates and the training cut-off in the study.",
        )
    if rarer < MIN_OUTCOMES:
        raise DataError(
            expected=f"at least {MIN_OUTCOMES} rows with the outcome and {MIN_OUTCOMES} without it",
            found=f"fewer than {MIN_OUTCOMES} of one kind among {len(outcome)} rows that count",
            where=where,
            next_step="Add index dates or years of data, or choose a broader outcome. With more folds (models.folds) each fit sees more of them.",
        )
