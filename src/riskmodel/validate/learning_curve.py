"""Would more people help? Trees learned from fewer of them, judged on the same held-out rows.

Riley's criteria count coefficients and say little about trees, so the question is asked of the data (van der Ploeg, Austin and
Steyerberg 2014, BMC Medical Research Methodology 14:137: trees may need ten times as many as a regression). Each fold's model
learns again from a random share of the households that it may learn from. Shares are nested: who is in a smaller one is in every
larger one. What changes between two steps is then the number of people, and not who they are; and a difference is paired,
because the same resamples of the people judged serve all steps.

Which households a share holds is luck, and may matter more than how many there are. So it is drawn several times, for each fold by
itself, and the intervals allow for it: each resample of the people judged takes the scores of one draw, drawn as well. The estimate is the
mean over draws. There is only one whole, whose own luck is not known; that a resample takes one draw, and not their mean, makes up for
some of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from riskmodel.tables.cohort import BoolArray, IntArray
from riskmodel.validate.estimate import Estimate
from riskmodel.validate.folds import Round
from riskmodel.validate.metrics import Drawn, ScoredRows, recall
from riskmodel.validate.resample import Resamples, ranking

Verdict = Literal["helps", "little", "cannot_tell"]


def learning_from_share(one: Round, group: IntArray, share: float, *, seed: int, draw: int = 0) -> Round:
    """Return a round in which each fold's model may learn from a share of its households only.

    Parameters
    ----------
    one : Round
    group : ndarray of int64, shape (n,)
        Linked households (``linked_groups``): they are drawn whole.
    share : float
        In (0, 1]; 1 changes nothing.
    seed, draw : int
        With the same two, a smaller share is part of every larger one.

    Returns
    -------
    Round
    """
    learning = {
        fold: learn & _drawn(group, learn, share, np.random.default_rng((seed, draw, fold)))
        for fold, learn in one.learning.items()
    }
    return replace(one, learning=learning)


def _drawn(group: IntArray, learn: BoolArray, share: float, rng: np.random.Generator) -> BoolArray:
    shuffled = rng.permutation(np.unique(group[learn]))
    return np.isin(group, shuffled[: math.ceil(share * len(shuffled))])


@dataclass(frozen=True)
class Step:
    """How many people the model of a fold learned from, on average over folds and draws.

    Parameters
    ----------
    share : float
        Of the households.
    people, people_with_outcome : int
        Different people whose outcome could be seen.
    """

    share: float
    people: int
    people_with_outcome: int


@dataclass(frozen=True)
class FamilyCurve:
    """One family, step by step.

    Parameters
    ----------
    auroc, recall_at_capacity : sequence of Estimate
        Out of fold, for each step; undefined where a fold had too few people with the outcome to learn from.
    auroc_gain, recall_gain : Estimate
        What the last step brought, in pairs.
    verdict : str
        Of the last step's AUROC: ``helps`` if it surely rose, ``little`` if it surely rose by less than is worth having, else
        ``cannot_tell``.
    """

    auroc: Sequence[Estimate]
    recall_at_capacity: Sequence[Estimate]
    auroc_gain: Estimate
    recall_gain: Estimate
    verdict: Verdict


@dataclass(frozen=True)
class LearningCurve:
    """``learning_curve.json``: the steps, and each family's curve over them.

    Parameters
    ----------
    worth : float
        The smallest gain in AUROC that is worth having.
    draws : int
        How often the households of each share were drawn.
    steps : sequence of Step
        From the smallest share to everybody.
    families : mapping of str to FamilyCurve
    """

    worth: float
    draws: int
    steps: Sequence[Step]
    families: Mapping[str, FamilyCurve]

    def to_json(self) -> dict[str, Any]:
        """Return the file's content."""
        return asdict(self)


def family_curve(
    steps: Sequence[Sequence[ScoredRows]], resamples: Resamples, *, worth: float, seed: int, threads: int = 2
) -> FamilyCurve:
    """Measure one family at each step.

    Parameters
    ----------
    steps : sequence of sequence of ScoredRows
        For each step the same rows, scored out of fold after learning from each draw of people; nothing where there were too
        few. The last step is the study itself, with one set of scores.
    resamples : Resamples
        Aligned with the rows.
    worth : float
        The smallest gain in AUROC that is worth having.
    seed : int
        Decides which draw of people a resample takes.
    threads : int
        The result does not depend on it.

    Returns
    -------
    FamilyCurve

    Raises
    ------
    ValueError
        If there are fewer than two steps, or the last has no scores.
    """
    if len(steps) < 2 or not steps[-1]:
        raise ValueError("a curve has two steps or more, and the last is the study itself, which has scores")
    last = steps[-1][0]
    counts = {"n_subjects": last.n_subjects, "n_outcomes": last.n_outcomes}
    drawn = [_draw(one, resamples, seed=seed, threads=threads) if one else None for one in steps]

    def estimate(found: Drawn | None, name: str) -> Estimate:
        if found is None:
            return Estimate.without_value("undefined", **counts)
        return Estimate.from_draws(found.points[name], found.draws[name], **counts)

    whole, smaller = drawn[-1], drawn[-2]
    gain = None if whole is None or smaller is None else whole.less(smaller)
    auroc_gain = estimate(gain, "auroc")
    return FamilyCurve(
        auroc=[estimate(one, "auroc") for one in drawn],
        recall_at_capacity=[estimate(one, "recall_at_capacity") for one in drawn],
        auroc_gain=auroc_gain,
        recall_gain=estimate(gain, "recall_at_capacity"),
        verdict=verdict(auroc_gain, worth=worth),
    )


def verdict(gain: Estimate, *, worth: float) -> Verdict:
    """Return what the interval of a gain allows to say."""
    if gain.lower is None or gain.upper is None:
        return "cannot_tell"
    if gain.upper < worth:
        return "little"
    return "helps" if gain.lower > 0 else "cannot_tell"


def _draw(step: Sequence[ScoredRows], resamples: Resamples, *, seed: int, threads: int) -> Drawn:
    """Return the mean of both metrics over draws of people, and in each resample their values for one of these draws."""
    found = [_measure(rows, resamples, threads=threads) for rows in step]
    taken = np.random.default_rng(seed).integers(0, len(step), size=len(resamples))
    names, each = found[0].points, np.arange(len(resamples))
    return Drawn(
        {name: float(np.mean([one.points[name] for one in found])) for name in names},
        {name: np.stack([one.draws[name] for one in found])[taken, each] for name in names},
    )


def _measure(rows: ScoredRows, resamples: Resamples, *, threads: int) -> Drawn:
    order = ranking(rows.raw, rows.outcome, rows.weight, resamples, threads=threads)
    found, drawn = recall(rows.offered, rows.outcome, rows.weight, resamples)
    points = {"auroc": order.auroc, "recall_at_capacity": found}
    return Drawn(points, {"auroc": order.auroc_draws, "recall_at_capacity": drawn})
