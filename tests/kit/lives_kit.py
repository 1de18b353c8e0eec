"""Made-up lives for the leak hunt: events over years, yearly index dates, honest features, and features that look ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskmodel.tables.cohort import Cohort, Labels
from riskmodel.tables.days import NEVER
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.validate.leak_checks import TrainingRecord

YEAR = 365
DATES = (2 * YEAR, 3 * YEAR, 4 * YEAR)
KINDS = 8  # of events; kind 0 is the harm that is the outcome


@dataclass(frozen=True)
class Lives:
    """Days of events, by kind: the person and the day of each."""

    n: int
    person: tuple[np.ndarray, ...]
    day: tuple[np.ndarray, ...]

    def count(self, kind, index_day, *, length=YEAR, ahead=0):
        """Return how many events each person had in ``[index - length, index + ahead)``."""
        day = self.day[kind]
        inside = (day >= index_day - length) & (day < index_day + ahead)
        return np.bincount(self.person[kind][inside], minlength=self.n).astype(float)

    def days_since_last(self, kind, index_day, *, ahead=0):
        """Return days from the last event to the index date, never below 0; NaN without one in three years."""
        day = self.day[kind]
        inside = (day >= index_day - 3 * YEAR) & (day < index_day + ahead)
        last = np.full(self.n, -1.0)
        np.maximum.at(last, self.person[kind][inside], day[inside])
        return np.where(last < 0, np.nan, np.maximum(index_day - last, 0))

    def first(self, index_day):
        """Return the day of the first harm in the horizon, or NEVER."""
        day = self.day[0]
        inside = (day >= index_day) & (day < index_day + YEAR)
        found = np.full(self.n, NEVER, dtype=np.int64)
        np.minimum.at(found, self.person[0][inside], day[inside])
        return found


def lives(n=3000, seed=0, rate=0.04):
    """Return lives in which a hidden adversity moves all kinds of events; harm has a yearly ``rate``."""
    rng = np.random.default_rng(seed)
    adversity = rng.normal(size=n)
    rates = [rate, *rng.uniform(0.1, 0.6, size=KINDS - 1)]
    pull = [0.9, *rng.uniform(0.3, 0.9, size=KINDS - 1)]
    person, day = [], []
    for one, b in zip(rates, pull, strict=True):
        times = rng.poisson(5 * one * np.exp(b * adversity - 0.5 * b * b))
        who = np.repeat(np.arange(n), times)
        person.append(who)
        day.append(rng.integers(0, 5 * YEAR, size=len(who)))
    return Lives(n, tuple(person), tuple(day))


def column(name, aggregation="count"):
    return FeatureInfo(name, name, name, "EDU", "times", 1, aggregation, "365d", ())


def record(of, extra=None, *, days=(), folds=5):
    """Return the training record of lives.

    Parameters
    ----------
    of : Lives
    extra : mapping of str to function, optional
        Further columns, each from (lives, index day) to values.
    days : sequence of int, optional
        Kinds of events whose days since the last are columns too.
    folds : int
    """
    honest = {f"kind_{k}": lambda one, at, k=k: one.count(k, at) for k in range(KINDS)}
    since = {f"since_{k}": lambda one, at, k=k: one.days_since_last(k, at) for k in days}
    made = {**honest, **since, **(extra or {})}
    values = np.vstack([np.column_stack([make(of, at) for make in made.values()]) for at in DATES])
    index_day = np.repeat(DATES, of.n).astype(np.int32)
    first = np.concatenate([of.first(at) for at in DATES])
    subject = np.tile(np.arange(of.n), len(DATES))
    infos = tuple(column(name, "days_since_last" if "since" in name else "count") for name in made)
    size = len(subject)
    return TrainingRecord(
        FeatureMatrix(values.astype(np.float32), infos),
        Labels(
            (first != NEVER).astype(np.int8),
            first.astype(np.int32),
            np.zeros(size, dtype=bool),
            np.ones(size),
        ),
        Cohort(subject, index_day, subject, np.full(size, "E01000001"), np.full(size, 12, dtype=np.int16)),
        subject % folds,
    )
