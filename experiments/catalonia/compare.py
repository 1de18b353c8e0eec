"""How well each scorer orders young people, whom it would offer support, and how that differs by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from measure import Measured, People, auroc, may_be_shown, offered_share, shown, smallest_cell

from riskmodel import models
from riskmodel.disclosure import Disclosure
from riskmodel.models.spec import CapacitySpec
from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray
from riskmodel.validate.resample import Resamples

AUROC_DIGITS, RATE_DIGITS = 4, 2
RATES: Mapping[str, int | None] = {"false_positive_rate": 0, "false_negative_rate": 1, "selection_rate": None}
"""Among people without the outcome (0), with it (1), and all of them."""
GROUP_METRICS = ("auroc", *RATES)

Scores = Mapping[str, FloatArray]
Record = dict[str, Any]


@dataclass(frozen=True)
class Population:
    """People that scorers are compared on, with everything aligned to them.

    Parameters
    ----------
    name : str
        ``everyone`` or ``assessed`` (those with a SAVRY).
    cohort : Cohort
    people : People
    groups : mapping of attribute to mapping of group to ndarray of bool
        Who belongs to which audited group.
    resamples : Resamples
        Shared by all scorers, so that differences are paired.
    capacity : CapacitySpec
        The share that is offered support.
    disclosure : Disclosure
        What may be shown about them.
    """

    name: str
    cohort: Cohort
    people: People
    groups: Mapping[str, Mapping[str, BoolArray]]
    resamples: Resamples
    capacity: CapacitySpec
    disclosure: Disclosure

    def offered(self, scores: FloatArray) -> FloatArray:
        """Return each one's chance of being offered support, shape (repeats, n); ties share the last places."""
        return np.stack([models.offers(one, self.cohort, self.capacity) for one in scores])

    def among(self, attribute: str, group: str) -> People:
        """Return the people of one group."""
        return self.people.among(self.groups[attribute][group])


@dataclass(frozen=True)
class Pair:
    """Two groups of an attribute; a gap is the first less the second."""

    attribute: str
    first: str
    second: str

    @property
    def words(self) -> str:
        """How results name the gap."""
        return f"{self.first} less {self.second}"


def performance(population: Population, scores: Scores) -> list[Record]:
    """Return the AUROC of each scorer."""
    people, resamples = population.people, population.resamples
    return [
        _row(population, scorer, "auroc", auroc(values, people, resamples), people)
        for scorer, values in scores.items()
    ]


def advantage(population: Population, scores: Scores, *, over: str) -> list[Record]:
    """Return by how much each scorer's AUROC exceeds that of one of them, on the same people and resamples."""
    people, resamples = population.people, population.resamples
    base = auroc(scores[over], people, resamples)
    more = {s: auroc(v, people, resamples).minus(base) for s, v in scores.items() if s != over}
    return [_row(population, s, f"auroc_less_{over}", measured, people) for s, measured in more.items()]


def advantage_by_group(population: Population, scores: Scores, *, over: str) -> list[Record]:
    """Return the same in each group, whole attributes at a time or not at all."""
    rows = []
    for attribute in population.groups:
        groups = {group: population.among(attribute, group) for group in population.groups[attribute]}
        hide = not may_be_shown({g: _fewer(people) for g, people in groups.items()}, population.disclosure)
        for group, people in groups.items():
            base = auroc(scores[over], people, population.resamples)
            for scorer in (s for s in scores if s != over):
                more = auroc(scores[scorer], people, population.resamples).minus(base)
                row = _row(population, scorer, f"auroc_less_{over}", more, people, hide=hide)
                rows.append({**row, "attribute": attribute, "group": group})
    return rows


def by_group(population: Population, scores: Scores) -> list[Record]:
    """Return AUROC and error rates of each scorer in each group, whole attributes at a time or not at all."""
    return [
        row
        for scorer, values in scores.items()
        for attribute in population.groups
        for row in _attribute_rows(population, scorer, values, attribute)
    ]


def gaps(population: Population, scores: Scores, pair: Pair) -> list[Record]:
    """Return the difference in each rate between two groups for each scorer."""
    return [
        _gap_row(population, scorer, metric, pair, gap)
        for scorer, values in scores.items()
        for metric, gap in _gaps(population, values, pair).items()
    ]


def gap_advantage(population: Population, scores: Scores, pair: Pair, *, over: str) -> list[Record]:
    """Return how each scorer's gap between two groups compares with that of one of them.

    ``gap_less`` and ``gap_plus`` together say whose gap is larger, whichever group it favours: the sizes differ exactly
    as difference and sum have the same sign or not. ``gap_size_less`` describes by how much.
    """
    base = _gaps(population, scores[over], pair)
    others = {scorer: values for scorer, values in scores.items() if scorer != over}
    return [
        _gap_row(population, scorer, f"{metric}_gap_{how}_{over}", pair, compared)
        for scorer, values in others.items()
        for metric, gap in _gaps(population, values, pair).items()
        for how, compared in gap.against(base[metric]).items()
    ]


def base_rates(population: Population) -> list[Record]:
    """Return how often the outcome happened, to all and in each group, from rounded counts."""
    all_of_them = {"everyone": {"all": np.ones(len(population.people.outcome), dtype=np.bool_)}}
    groups = {**all_of_them, **population.groups}
    return [row for attribute, masks in groups.items() for row in _rates(population, attribute, masks)]


@dataclass(frozen=True)
class _Gap:
    """A difference between two groups, and whether too few people stand behind it."""

    measured: Measured
    hide: bool

    def against(self, other: _Gap) -> dict[str, _Gap]:
        own, base = self.measured, other.measured
        compared = {
            "less": own.minus(base),
            "plus": own.plus(base),
            "size_less": own.size().minus(base.size()),
        }
        return {how: _Gap(measured, self.hide or other.hide) for how, measured in compared.items()}


def _rates(population: Population, attribute: str, masks: Mapping[str, BoolArray]) -> Iterator[Record]:
    disclosure = population.disclosure
    counted = {group: population.people.among(mask) for group, mask in masks.items()}
    hide = not may_be_shown({group: _fewer(people) for group, people in counted.items()}, disclosure)
    for group, people in counted.items():
        record = {"population": population.name, "attribute": attribute, "group": group, **people.counts()}
        rate = disclosure.rate(people.n_outcomes, people.n)
        record |= {"rate": None if rate is None else round(rate, 3), "status": "ok"}
        yield shown(record, disclosure, hide=hide)


def _attribute_rows(
    population: Population, scorer: str, scores: FloatArray, attribute: str
) -> Iterator[Record]:
    offered = population.offered(scores)
    groups = {group: population.among(attribute, group) for group in population.groups[attribute]}
    for metric in GROUP_METRICS:
        cells = {group: _cell(metric, offered, people) for group, people in groups.items()}
        hide = not may_be_shown(cells, population.disclosure)
        for group, people in groups.items():
            measured = _measure(population, metric, scores, offered, people)
            row = _row(population, scorer, metric, measured, people, hide=hide)
            yield {**row, "attribute": attribute, "group": group}


def _measure(
    population: Population, metric: str, scores: FloatArray, offered: FloatArray, people: People
) -> Measured:
    if metric == "auroc":
        return auroc(scores, people, population.resamples)
    outcome = RATES[metric]
    counted = 1 - offered if outcome == 1 else offered
    return offered_share(counted, people, population.resamples, outcome=outcome)


def _cell(metric: str, offered: FloatArray, people: People) -> float:
    # Every row shows how many had the outcome, so that must be no small count either.
    if metric == "auroc":
        return _fewer(people)
    # Both error rates follow from a selection rate and one of them.
    outcomes = (0, 1) if (one := RATES[metric]) is None else (one,)
    return min(_fewer(people), *(smallest_cell(offered, people, outcome=side) for side in outcomes))


def _fewer(people: People) -> float:
    return float(min(people.n_outcomes, people.n - people.n_outcomes))


def _gaps(population: Population, scores: FloatArray, pair: Pair) -> dict[str, _Gap]:
    offered = population.offered(scores)
    groups = {group: population.among(pair.attribute, group) for group in (pair.first, pair.second)}
    found = {}
    for metric in RATES:
        cells = {group: _cell(metric, offered, people) for group, people in groups.items()}
        first, second = (_measure(population, metric, scores, offered, one) for one in groups.values())
        found[metric] = _Gap(first.minus(second), not may_be_shown(cells, population.disclosure))
    return found


def _gap_row(population: Population, scorer: str, metric: str, pair: Pair, gap: _Gap) -> Record:
    masks = population.groups[pair.attribute]
    people = population.people.among(masks[pair.first] | masks[pair.second])
    row = _row(population, scorer, metric, gap.measured, people, hide=gap.hide)
    return {**row, "attribute": pair.attribute, "group": pair.words}


def _row(
    population: Population,
    scorer: str,
    metric: str,
    measured: Measured,
    people: People,
    *,
    hide: bool = False,
) -> Record:
    digits = AUROC_DIGITS if metric.startswith("auroc") else RATE_DIGITS
    record = {"population": population.name, "scorer": scorer, "metric": metric, **people.counts()}
    return shown({**record, **measured.to_json(digits=digits)}, population.disclosure, hide=hide)
