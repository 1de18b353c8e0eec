"""Exponentiated gradient (Agarwal, Beygelzimer, Dudik, Langford and Wallach 2018) by fairlearn, made for offers at capacity.

The only door to fairlearn, which comes with ``pip install riskmodel[fairness]``. Two things need care.

*What is constrained.* The method fits a family again and again to rows whose labels and weights it changes, and looks at
who gets a yes. With an outcome of 2 in 100 no estimate reaches one half: nobody would get a yes, and every gap would be 0.
Here a fit says yes to the share of its training rows that capacity allows, and a missed yes costs as much more than a
needless one as the outcome is rare. What is held equal is the share reached among those with the outcome (true positive
rate parity).

*What comes out.* Not one model but several, each with a chance: a lottery. One of them is drawn for everybody, and ranks
them; a young person's chance of an offer is the mean of their offers under each, by its chance. So capacity is kept
exactly, whatever is drawn.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from riskmodel.errors import StudyError
from riskmodel.tables.cohort import FloatArray, IntArray

Labelled = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Drawn:
    """One model of a lottery: the chance that it is drawn, and its raw score of every row."""

    chance: float
    raw: FloatArray


def require_fairlearn() -> None:
    """Refuse to begin without the library.

    Raises
    ------
    StudyError
        If fairlearn is not installed.
    """
    if importlib.util.find_spec("fairlearn") is None:
        raise StudyError(
            ["audit.mitigation.exponentiated_gradient needs fairlearn: run pip install riskmodel[fairness]"]
        )


def exponentiated_gradient(
    fit: Callable[[Labelled, FloatArray], FloatArray],
    learning: npt.NDArray[np.intp],
    outcome: Labelled,
    weight: FloatArray,
    group: IntArray,
    *,
    share: float,
    tolerance: float,
    rounds: int,
) -> tuple[Drawn, ...]:
    """Return the models of the lottery, the likeliest first.

    Parameters
    ----------
    fit : callable
        From labels and weights of the rows learned from to the raw score of every row.
    learning : ndarray of int
        Numbers of the rows learned from.
    outcome : ndarray of int8, shape (learning,)
        0 or 1.
    weight : ndarray of float64, shape (learning,)
        Above 0; multiplied with those of the method. The gaps that it looks at count every row once.
    group : ndarray of int64, shape (learning,)
    share : float
        Offers, as a share of the rows.
    tolerance : float
        How far the share reached in a group may be from that among everyone.
    rounds : int
        The most rounds; each takes up to nine fits.

    Returns
    -------
    tuple of Drawn
        Their chances add up to 1.
    """
    from fairlearn.reductions import ErrorRate, ExponentiatedGradient, TruePositiveRateParity

    rare = float(outcome.mean())
    search = ExponentiatedGradient(
        _AtCapacity(fit, learning, weight, share),
        TruePositiveRateParity(difference_bound=tolerance),
        objective=ErrorRate(costs={"fp": rare, "fn": 1 - rare}),
        max_iter=rounds,
    )
    numbers = np.arange(len(learning))[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about pandas; what the method found is judged by its offers
        search.fit(numbers, outcome.astype(np.int64), sensitive_features=group)
    found = [
        Drawn(float(chance), one.raw)
        for chance, one in zip(search.weights_, search.predictors_, strict=True)
        if isinstance(one, _AtCapacity)  # not one that says the same to everybody
    ]
    total = sum(one.chance for one in found)
    likely = [Drawn(one.chance / total, one.raw) for one in found if one.chance > 0]
    return tuple(sorted(likely, key=lambda one: -one.chance)) or (Drawn(1.0, found[0].raw),)


class _AtCapacity:
    """A classifier, as fairlearn wants it, that says yes to as many of its training rows as there are offers."""

    def __init__(
        self,
        fit: Callable[[Labelled, FloatArray], FloatArray],
        learning: npt.NDArray[np.intp],
        weight: FloatArray,
        share: float,
    ) -> None:
        self._fit, self._learning, self._weight, self._share = fit, learning, weight, share

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        """Return a new one: fairlearn copies what it was given before each fit."""
        return type(self)(self._fit, self._learning, self._weight, self._share)

    def fit(self, _numbers: Any, labels: Any, sample_weight: Any) -> Self:
        """Fit the family to changed labels and weights."""
        weight = np.asarray(sample_weight, dtype=np.float64)
        self.raw = self._fit(np.asarray(labels, dtype=np.int8), weight / weight.mean() * self._weight)
        own = self.raw[self._learning]
        first_left_out = max(int(np.floor((1 - self._share) * len(own))), 1)
        self._least = np.partition(own, first_left_out - 1)[first_left_out - 1]
        return self

    def predict(self, numbers: Any) -> npt.NDArray[np.int64]:
        """Return 1 for rows above the cut."""
        rows = self._learning[np.asarray(numbers).reshape(-1)]
        return np.asarray(self.raw[rows] > self._least, dtype=np.int64)
