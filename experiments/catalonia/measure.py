"""Numbers with their uncertainty: means over repeats, resampled over people, and what of them may be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import BoolArray, FloatArray
from riskmodel.validate.estimate import percentile_interval
from riskmodel.validate.resample import Resamples, ranking

Outcome = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Measured:
    """One number of one model.

    Parameters
    ----------
    by_repeat : ndarray, shape (repeats,)
        Its value in each repeat of the cross-validation.
    draws : ndarray, shape (replicates,)
        Its mean over the repeats in each resample of people.
    """

    by_repeat: FloatArray
    draws: FloatArray

    @property
    def value(self) -> float:
        """Mean over the repeats."""
        return float(np.mean(self.by_repeat))

    def minus(self, other: Measured) -> Measured:
        """Return the difference, paired by resample of people and by repeat."""
        return Measured(self.by_repeat - other.by_repeat, self.draws - other.draws)

    def plus(self, other: Measured) -> Measured:
        """Return the sum, paired by resample of people and by repeat."""
        return Measured(self.by_repeat + other.by_repeat, self.draws + other.draws)

    def size(self) -> Measured:
        """Return how far the mean over the repeats is from 0, on whichever side it lies."""
        return Measured(np.sign(self.value) * self.by_repeat, np.abs(self.draws))

    def to_json(self, *, digits: int) -> dict[str, Any]:
        """Return estimate, 95% interval over people and the lowest and highest repeat, rounded."""
        lower, upper = percentile_interval(self.draws)
        numbers = {
            "estimate": self.value,
            "lower": lower,
            "upper": upper,
            "repeat_lowest": float(np.min(self.by_repeat)),
            "repeat_highest": float(np.max(self.by_repeat)),
        }
        if not np.isfinite(list(numbers.values())).all():
            return {**dict.fromkeys(numbers), "status": "undefined"}
        return {**{name: round(number, digits) + 0.0 for name, number in numbers.items()}, "status": "ok"}


@dataclass(frozen=True)
class People:
    """The people a number is about: those with weight 1, out of all n rows of the table.

    Parameters
    ----------
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
        1 for those counted, 0 for those left out (outcome not known, or another group).
    """

    outcome: Outcome
    weight: FloatArray

    def among(self, rows: BoolArray) -> Self:
        """Return the people who are also in the chosen rows."""
        return type(self)(self.outcome, np.where(rows, self.weight, 0.0))

    @property
    def n(self) -> int:
        """How many they are."""
        return int(np.count_nonzero(self.weight))

    @property
    def n_outcomes(self) -> int:
        """To how many of them the outcome happened."""
        return int(np.count_nonzero(self.weight * self.outcome))

    def with_outcome(self, outcome: int | None) -> FloatArray:
        """Return the weights of those with a given outcome (0 or 1; None for everyone), 0 for the others."""
        return self.weight if outcome is None else self.weight * (self.outcome == outcome)

    def counts(self) -> dict[str, int]:
        """Return the two counts under the names that results use."""
        return {"n_subjects": self.n, "n_outcomes": self.n_outcomes}


def auroc(scores: FloatArray, people: People, resamples: Resamples) -> Measured:
    """Return the chance that somebody with the outcome is scored above somebody without it (ties half).

    Parameters
    ----------
    scores : ndarray, shape (repeats, n)
        A score that needs no fitting has one row.
    people : People
    resamples : Resamples
        Of all n rows.
    """
    ranked = [ranking(one, people.outcome, people.weight, resamples) for one in scores]
    draws = np.mean([one.auroc_draws for one in ranked], axis=0)
    return Measured(np.array([one.auroc for one in ranked]), draws)


def offered_share(
    offered: FloatArray, people: People, resamples: Resamples, *, outcome: int | None
) -> Measured:
    """Return the share of people with a given outcome who were offered support.

    For those without the outcome it is the false positive rate, for those with it one less the false negative rate, for
    all of them the selection rate.
    Who was offered is fixed: a resample changes who is counted.

    Parameters
    ----------
    offered : ndarray, shape (repeats, n)
        Chance of being offered at the capacity.
    people : People
    resamples : Resamples
    outcome : int or None
        0 or 1; None for everyone.
    """
    base = people.with_outcome(outcome)
    # The denominator is the same in every repeat, so the mean of the rates is the rate of the mean.
    drawn = resamples.sums(np.column_stack([base * offered.mean(axis=0), base]))
    total = float(base.sum())
    by_repeat = (offered @ base) / total if total > 0 else np.full(len(offered), np.nan)
    draws = np.divide(drawn[:, 0], drawn[:, 1], out=np.full(len(drawn), np.nan), where=drawn[:, 1] > 0)
    return Measured(by_repeat, draws)


def smallest_cell(offered: FloatArray, people: People, *, outcome: int) -> float:
    """Return the expected number offered, or not offered, among people with a given outcome: the smaller one."""
    share = offered.mean(axis=0)
    base = people.with_outcome(outcome)
    return float(min(base @ share, base @ (1 - share)))


def may_be_shown(cells: Mapping[str, float], disclosure: Disclosure) -> bool:
    """Whether all groups of an attribute may be shown.

    All or none: totals are shown beside the groups, and the groups of an intersection also add up to the groups of
    its attributes, so that one hidden group could be found by subtraction.
    """
    return min(cells.values()) >= disclosure.threshold


def shown(record: Mapping[str, Any], disclosure: Disclosure, *, hide: bool = False) -> dict[str, Any]:
    """Return a record with counts rounded, or with every number null where it must be hidden."""
    if hide:
        numbers = {
            name: None
            for name, value in record.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        return {**record, **numbers, "status": "suppressed"}
    return disclosure.drop_small(record, counts=("n_subjects", "n_outcomes"))
