"""The model of recording: what a model's rates would be if everything that happened had been written down, and nothing else.

In a group, somebody to whom the outcome happened is *noticed* with a chance whose odds are multiplied by ``gamma`` for every
standard deviation of the score. Whoever was not noticed, or had nothing to notice, is written down all the same with the
chance ``false_recording``. ``detection`` is the share of those to whom it happened who are written down, either way.

Given these three, a row's record y stands for (y - f) (1 + k gamma^-z) / (1 - f) true outcomes on average, where z is the
standardised score and k follows from the detection. So the true outcomes of any set of rows are a sum over rows of what was
recorded, and one set of resamples serves every setting. The derivation is in ``docs/explanation/label-bias.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from riskmodel.audit.groups import Grouping
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.validate.estimate import ratio
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

TRUE_METRICS = ("tpr", "fnr", "fpr", "ppv", "prevalence", "observed_to_expected")

_FAR = 4.0  # standard deviations beyond which the odds of being noticed change no further
_ROUNDING = 1e-9
_N_BASE = 5  # rows, offers, recorded, recorded among those offered, expected
_N_TILTED = 4  # the first four, each row weighted by gamma^-z


@dataclass(frozen=True)
class Recording:
    """How what happened in a group became records.

    Parameters
    ----------
    detection : float
        P(recorded | happened).
    false_recording : float
        P(recorded | did not happen).
    gamma : float
        Odds ratio of being noticed for one standard deviation of the score within the group, among those to whom it happened.
    """

    detection: float = 1.0
    false_recording: float = 0.0
    gamma: float = 1.0

    def part_way(self, share: float) -> Recording:
        """Return the recording so far on the way from records that are right to this one; on log scales but for ``false_recording``."""
        return Recording(self.detection**share, share * self.false_recording, _same(float(self.gamma**share)))


FACE_VALUE = Recording()
"""Records that are right: everything was written down, and nothing else."""


@dataclass(frozen=True)
class RecordedSums:
    """What was recorded, as sums: first in the data, then in every resample.

    Parameters
    ----------
    columns : ndarray of float64, shape (1 + replicates, groups, 5 + 4 x gammas)
    gammas : tuple of float
        For which it holds sums, besides 1.
    """

    columns: FloatArray
    gammas: tuple[float, ...]

    @property
    def base(self) -> FloatArray:
        """Rows, offers, recorded, recorded among those offered, and expected; all by censoring weight."""
        return self.columns[..., :_N_BASE]

    def tilted(self, gamma: float) -> FloatArray:
        """Return the first four, each row weighted by gamma^-z.

        Raises
        ------
        KeyError
            If there are no sums for this ``gamma``.
        """
        gamma = _same(gamma)
        if gamma == 1:
            return self.columns[..., :_N_TILTED]
        if gamma not in self.gammas:
            raise KeyError(f"no sums for gamma {gamma}")
        start = _N_BASE + _N_TILTED * self.gammas.index(gamma)
        return self.columns[..., start : start + _N_TILTED]


def _same(gamma: float) -> float:
    """Return a gamma that compares equal however it was worked out."""
    return round(gamma, 12)


def recorded_sums(
    rows: ScoredRows,
    grouping: Grouping,
    resamples: Resamples,
    gammas: Iterable[float],
    *,
    threads: int = 2,
) -> RecordedSums:
    """Add up what was recorded, by group, in the data and in every resample.

    Parameters
    ----------
    rows : ScoredRows
    grouping : Grouping
        The standard deviation is the one of all rows of a group whose outcome could be seen: a unit, not an estimate, and so
        the same in every resample.
    resamples : Resamples
        Of people, aligned with the rows.
    gammas : iterable of float
    threads : int
        The result does not depend on it.
    """
    wanted = tuple(sorted({_same(one) for one in gammas} - {1.0}))
    n_groups = len(grouping.labels)
    columns = _columns(rows, _standardised(rows, grouping.code, n_groups), wanted)
    point = np.stack([columns[grouping.code == g].sum(axis=0) for g in range(n_groups)])
    draws = resamples.sums_by_group(columns, grouping.code, n_groups, threads=threads)
    return RecordedSums(np.concatenate([point[None], draws]), wanted)


def _columns(rows: ScoredRows, z: FloatArray, gammas: tuple[float, ...]) -> FloatArray:
    plain = np.column_stack([np.ones(len(rows)), rows.offered, rows.outcome, rows.outcome * rows.offered])
    plain *= rows.weight[:, None]
    tilted = [plain * (gamma**-z)[:, None] for gamma in gammas]
    return np.column_stack([plain, rows.weight * rows.risk, *tilted])


def _standardised(rows: ScoredRows, code: IntArray, n_groups: int) -> FloatArray:
    """Return scores less their group's mean, in standard deviations of the group, at most four; 0 where all are equal."""

    def mean(values: FloatArray) -> FloatArray:
        sums = [
            np.bincount(code, rows.weight * one, minlength=n_groups) for one in (values, np.ones(len(rows)))
        ]
        return ratio(*(one.astype(np.float64) for one in sums))[code]

    away = rows.raw - mean(rows.raw)
    z: FloatArray = np.clip(np.nan_to_num(ratio(away, np.sqrt(mean(away**2)))), -_FAR, _FAR)
    return z


def true_sums(sums: RecordedSums, recording: Recording) -> FloatArray:
    """Return what truly happened under a recording: rows, offers, true outcomes, those offered, and expected, shape (..., 5).

    They add up: what happened to everyone else is the sum over the other groups. Values outside what is possible are not
    mended; ``metrics`` and ``edges`` deal with them. NaN where nothing was recorded that could stand for what was missed.
    """
    d, f = recording.detection, recording.false_recording
    rows, offers, recorded, reached, expected = np.moveaxis(sums.base, -1, 0)
    outcomes = (recorded - f * rows) / (d - f)  # Rogan and Gladen 1978
    if d == 1:
        hits = (reached - f * offers) / (1 - f)
    else:
        n, n_offered, y, y_offered = np.moveaxis(sums.tilted(recording.gamma), -1, 0)
        missed = _share(y_offered - f * n_offered, y - f * n, nobody=recorded == 0)
        hits = (reached - f * offers + (1 - d) * outcomes * missed) / (1 - f)
    return np.stack([rows, offers, outcomes, hits, expected], axis=-1)


def _share(top: FloatArray, bottom: FloatArray, *, nobody: BoolArray) -> FloatArray:
    """Return the share offered among those missed; 0 where nobody was recorded, so that there is nobody to speak of."""
    return np.where(nobody & (np.abs(bottom) < _ROUNDING), 0.0, ratio(top, bottom))


def raw_metrics(true: FloatArray) -> FloatArray:
    """Return ``TRUE_METRICS`` from ``true_sums``, shape (..., 6), even where they are not possible."""
    rows, offers, outcomes, hits, expected = np.moveaxis(true, -1, 0)
    top = np.stack([hits, outcomes - hits, offers - hits, hits, outcomes, outcomes], axis=-1)
    bottom = np.stack([outcomes, outcomes, rows - outcomes, offers, rows, expected], axis=-1)
    return ratio(top, bottom)


def metrics(true: FloatArray) -> FloatArray:
    """Return ``TRUE_METRICS``; NaN where the records contradict the recording: a share outside 0 to 1 is undefined, not clipped."""
    found = raw_metrics(true)
    impossible = _contradicted(true)[..., None] | (found < -_ROUNDING)
    impossible[..., :-1] |= found[..., :-1] > 1 + _ROUNDING
    return np.where(impossible, np.nan, found)


def _contradicted(true: FloatArray) -> BoolArray:
    """Return where recorded outcomes lie outside [f, d] of all rows (Rogan and Gladen)."""
    rows, outcomes = true[..., 0], true[..., 2]
    outside: BoolArray = (outcomes < -_ROUNDING * rows) | (outcomes > (1 + _ROUNDING) * rows)
    return outside


def edges(true: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest value of ``TRUE_METRICS`` that a recording stands for when it is an end of a range.

    Where the records contradict the recording, only a part of the range up to it is possible, and there the metric goes up to the
    limit of what a share can be; so that limit is an end of the bounds. Where not even the number of outcomes is possible,
    nothing is known of how they were reached: both limits are.
    """
    found = raw_metrics(true)
    low, high = (np.clip(found, 0.0, 1.0) for _ in range(2))
    wild = _contradicted(true)
    low[wild, :4], high[wild, :4] = 0.0, 1.0
    low[..., -1] = high[..., -1] = np.clip(found[..., -1], 0.0, ratio(true[..., 0], true[..., 4]))
    return low, high


def true_label_metrics(rows: ScoredRows, recording: Recording) -> dict[str, float]:
    """Return what the metrics of one group would be against what truly happened.

    Parameters
    ----------
    rows : ScoredRows
        Of one group; outcomes as recorded. Offers may be fractions.
    recording : Recording

    Returns
    -------
    dict of str to float
        By metric; NaN where undefined: nothing to divide by, or records that contradict the recording. With records that are right
        (the default recording) these are the metrics as recorded.
    """
    everyone = Grouping("everyone", (("everyone",),), np.zeros(len(rows), dtype=np.int64))
    nobody = Resamples(np.zeros(len(rows), dtype=np.int64), np.zeros((0, 1), dtype=np.uint8))
    sums = recorded_sums(rows, everyone, nobody, [recording.gamma], threads=1)
    found = metrics(true_sums(sums, recording))[0, 0]
    return dict(zip(TRUE_METRICS, found.tolist(), strict=True))
