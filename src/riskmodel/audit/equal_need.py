"""Equal need at equal score: whether young people of different groups with the same score turn out to need help as often.

Obermeyer and others (2019, Science 366:447) found two groups with the same score and unlike need, because the label that a model had
learned measured something else than need. Here, need is another outcome, which the records behind the label did not make. It is regressed on
the group and on the score: in each of twenty strata of the score, which share out what the estimates expect, by a straight line of the
estimate. The group's coefficient is the difference, a mean over scores that weighs each by how much it is shared: the weights of overlap (Li,
Morgan and Zaslavsky 2018, J Am Stat Assoc 113:390), by which both sides have the same mean estimate in every stratum. Two groups
mirror each other. A score that only one side has tells nothing, and has no weight.

Resamples move the coefficient by the sum of what each row does to it (the jackknife: residuals over one less their leverage). The interval of a
difference is put together from those of the two shares, each on the scale of the arcsine of its root, where few in need make it
lopsided as they should (Zou and Donner 2008, Stat Med 27:1693; Newcombe 1998). Whether a difference is clear is read from intervals that hold for
all groups at once (max-t, as in ``fairness``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray, Labels
from riskmodel.validate.estimate import Status
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

Where = Literal["all scores", "highest tenth"]

STRATA = 20
_FROM: dict[Where, float] = {"all scores": 0.0, "highest tenth": 0.9}
_Z95 = 1.959963984540054
# For 95%: with few in need, the far tails of a difference are a little heavier than resamples show.
_AIM = 0.975
_NOTHING = 1e-9
_LEAST_LEFT = 0.1  # a row alone on its line would pull without end


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
        ``need`` less ``others``, with its own 95% interval.
    together_lower, together_upper : float or None
        The 95% interval that holds for all groups, attributes and both places at once. The difference is clear where it leaves out 0.
    n_subjects, n_outcomes : int
        Different people of the group that were compared, and those with the need.
    status : str
        ``ok``; ``suppressed`` where fewer of them, or of everyone else, than the audit's smallest cell had the need; ``undefined`` where
        nobody else has the same scores.
    """

    attribute: str
    group: str
    where: Where
    need: float | None
    others: float | None
    estimate: float | None
    lower: float | None
    upper: float | None
    together_lower: float | None
    together_upper: float | None
    n_subjects: int
    n_outcomes: int
    status: Status

    @property
    def few(self) -> int:
        """People on the smaller side: with the need, or without."""
        return min(self.n_outcomes, self.n_subjects - self.n_outcomes)

    @property
    def clear(self) -> bool:
        """Whether the group's need is unlike everyone else's, by the interval that holds for all at once."""
        return (self.together_lower or 0) > 0 or (self.together_upper or 0) < 0

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True)
class _Share:
    """A share with the need, and the variance that chance gives it."""

    value: float
    variance: float

    def limit(self, reach: float) -> float:
        """Return the share so many standard errors away, on the scale of the arcsine of its root."""
        slope = 2 * np.sqrt(max(self.value * (1 - self.value), 0.0))
        if slope == 0:  # weights that are negative here and there can take it there
            return float(self.value + reach * np.sqrt(self.variance))
        angle = np.arcsin(np.sqrt(self.value)) + reach * np.sqrt(self.variance) / slope
        return float(np.sin(np.clip(angle, 0, np.pi / 2)) ** 2)


@dataclass(frozen=True)
class _Compared:
    """One group in one place: its need, everyone else's, how resamples move the difference, and the status."""

    place: tuple[str, str, Where]
    need: _Share
    others: _Share
    moved: FloatArray
    counts: tuple[int, int]
    status: Status

    @property
    def standard(self) -> FloatArray:
        deviation: FloatArray = np.abs(self.moved) / np.sqrt(self.need.variance + self.others.variance)
        return deviation

    def interval(self, reach: float) -> tuple[float, float]:
        """Return the difference's interval by the method of variance estimates recovery."""
        less = self.need.value - self.others.value
        low, high = (
            np.hypot(self.need.limit(end) - self.need.value, self.others.limit(-end) - self.others.value)
            for end in (-reach, reach)
        )
        return float(less - low), float(less + high)

    def row(self, reach: float) -> EqualNeedRow:
        if self.status != "ok":
            return EqualNeedRow(
                *self.place, None, None, None, None, None, None, None, *self.counts, self.status
            )
        need, others = self.need.value, self.others.value
        own, together = self.interval(_Z95), self.interval(reach)
        return EqualNeedRow(
            *self.place, need, others, need - others, *own, *together, *self.counts, self.status
        )


def equal_need(
    rows: ScoredRows,
    need: Labels,
    groupings: Sequence[Grouping],
    resamples: Resamples,
    *,
    minimum_cell: int,
    threads: int = 2,
) -> list[EqualNeedRow]:
    """Compare need at equal score, group by group.

    Parameters
    ----------
    rows : ScoredRows
        Their raw scores, estimates and people; not their outcome.
    need : Labels
        The outcome that measures need, aligned with the rows.
    groupings : sequence of Grouping
        The table: intervals hold for all its groups at once.
    resamples : Resamples
        Of people, aligned with the rows.
    minimum_cell : int
    threads : int
        The result does not depend on it.

    Returns
    -------
    list of EqualNeedRow
        By attribute, place in the order, and group.
    """
    order = _order(rows.raw)
    inside = {where: (order >= first) & (need.weight > 0) for where, first in _FROM.items()}
    strata = {where: _strata(order[chosen], rows.risk[chosen]) for where, chosen in inside.items()}
    table = [
        one
        for grouping in groupings
        for counter in [PeopleCounter(grouping, rows.subject_id)]
        for where in _FROM
        for one in _compared(
            (rows, need, grouping), where, (inside[where], strata[where]), resamples,
            counter=counter, minimum_cell=minimum_cell, threads=threads,
        )
    ]  # fmt: skip
    reach = _max_t([one for one in table if one.status == "ok"])
    return [one.row(reach) for one in table]


def _order(score: FloatArray) -> FloatArray:
    """Return where in the order of all each score lies, from 0 to 1; equal scores lie at the same place."""
    _, place, size = np.unique(score, return_inverse=True, return_counts=True)
    middle: FloatArray = ((np.cumsum(size) - size / 2) / len(score))[place]
    return middle


def _strata(order: FloatArray, risk: FloatArray) -> IntArray:
    """Return strata of the order that share out what the estimates expect: fine where estimates are high."""
    _, place = np.unique(order, return_inverse=True)
    expected = np.bincount(place, risk)
    middle = (np.cumsum(expected) - expected / 2) / max(float(expected.sum()), _NOTHING)
    stratum: IntArray = np.minimum((STRATA * middle).astype(np.int64), STRATA - 1)[place]
    return stratum


def _compared(
    about: tuple[ScoredRows, Labels, Grouping],
    where: Where,
    chosen: tuple[BoolArray, IntArray],
    resamples: Resamples,
    *,
    counter: PeopleCounter,
    minimum_cell: int,
    threads: int,
) -> Iterator[_Compared]:
    (rows, need, grouping), (inside, stratum) = about, chosen
    people, needing = counter.count(inside), counter.count(inside & (need.outcome == 1))
    line = _Lines(rows.risk[inside], need.weight[inside], stratum)
    outcome = need.outcome[inside].astype(np.float64)
    pulls = np.zeros((len(rows), len(grouping.groups)))
    sides = []
    for g in range(len(grouping.groups)):
        member = grouping.code[inside] == g
        weight, pull = line.coefficient(member, outcome)
        pulls[inside, g] = pull
        sides.append((_by_side(weight * outcome, member), _by_side(pull**2, member)))
    moved = resamples.sums(pulls, threads=threads)
    for g, group in enumerate(grouping.groups):
        (own, against), parts = sides[g]
        # Rows tell how the variance is divided between the sides, resamples of people how large it is.
        variance = np.array(parts) * float(np.mean(moved[:, g] ** 2)) / max(sum(parts), _NOTHING**2)
        few = min(needing[g], needing.sum() - needing[g]) < minimum_cell
        status: Status = "suppressed" if few else "ok" if variance.sum() > 0 else "undefined"
        yield _Compared(
            (grouping.attribute, group, where),
            _Share(own, float(variance[0])),
            _Share(-against, float(variance[1])),
            moved[:, g],
            (int(people[g]), int(needing[g])),
            status,
        )


def _by_side(values: FloatArray, member: BoolArray) -> tuple[float, float]:
    """Return the sum over the group, and over everyone else."""
    own = float(values @ member)
    return own, float(values.sum()) - own


class _Lines:
    """A straight line of the estimate in each stratum."""

    def __init__(self, risk: FloatArray, weight: FloatArray, stratum: IntArray) -> None:
        self._weight, self._stratum = weight, stratum
        self._total = np.bincount(stratum, weight, minlength=STRATA).astype(np.float64)
        self._away = self._centred(risk)
        self._spread = self._sum(self._away**2)
        self._own = self._share(np.ones(len(risk)), self._total) + self._share(self._away**2, self._spread)

    def _sum(self, values: FloatArray) -> FloatArray:
        return np.bincount(self._stratum, self._weight * values, minlength=STRATA).astype(np.float64)

    def _centred(self, values: FloatArray) -> FloatArray:
        centred: FloatArray = values - self._share(self._sum(values)[self._stratum], self._total)
        return centred

    def _share(self, values: FloatArray, total: FloatArray) -> FloatArray:
        """Return values over a total of their stratum; 0 where there is none."""
        share: FloatArray = values / np.where(total > _NOTHING**2, total, np.inf)[self._stratum]
        return share

    def less(self, values: FloatArray) -> FloatArray:
        """Return what a line through the values in each stratum leaves."""
        slope = self._share(self._sum(self._away * values)[self._stratum], self._spread)
        left: FloatArray = self._centred(values) - slope * self._away
        return left

    def coefficient(self, member: BoolArray, outcome: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return weights whose sum over outcomes is the group's coefficient, and how far each row pulls it; NaN where no score is shared."""
        unsaid = self.less(member.astype(np.float64))
        shared = float(self._weight @ unsaid**2)
        shared = shared if shared > _NOTHING else np.nan
        weight = self._weight * unsaid / shared
        residual = self.less(outcome) - float(weight @ outcome) * unsaid
        leverage = self._weight * (self._own + unsaid**2 / shared)
        pull: FloatArray = weight * residual / np.maximum(1 - leverage, _LEAST_LEFT)
        return weight, pull


def _max_t(table: Sequence[_Compared]) -> float:
    """Return the point of the largest standardised deviation over the table that is aimed at, never below the 95% point of one."""
    judged = [one.standard for one in table]
    return max(_Z95, float(np.quantile(np.max(judged, axis=0), _AIM))) if judged else _Z95
