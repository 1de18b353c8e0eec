"""Two models on the same rows: how they differ in every metric, overall and in every audited group, in pairs.

The same resamples of people serve both, so that what makes one set of people harder than another falls out of the
difference. A comparison is meant to be read, shown and kept: every number in it has passed the disclosure rules.
Differences are looked at one by one: their intervals do not hold for all groups and metrics at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from riskmodel.audit.groups import Grouping, groupings
from riskmodel.audit.release import hide, protect
from riskmodel.audit.spec import AuditSpec
from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import AuditedAttributes, BoolArray
from riskmodel.validate.estimate import Estimate, Status
from riskmodel.validate.metrics import METRICS, ScoredRows, draw_metrics, n_people
from riskmodel.validate.resample import Resamples
from riskmodel.validate.spec import ValidateSpec

EVERYONE = "everyone"
AT_CAPACITY = (
    "precision_at_capacity",
    "recall_at_capacity",
    "lift_at_capacity",
    "number_needed_to_offer",
)


@dataclass(frozen=True)
class ComparisonRow:
    """One metric of both models in one group.

    Parameters
    ----------
    attribute, group : str
        ``everyone`` and ``everyone`` for all rows.
    metric : str
        One of ``validate.METRICS``.
    first, second : float or None
        What each model reaches.
    difference, lower, upper : float or None
        The second less the first, with its 95% interval from paired resamples of people.
    n_subjects, n_outcomes : int or None
        People behind it, and to how many of them the outcome happened; rounded, None where hidden.
    status : str
        ``ok``, ``suppressed`` (too few people) or ``undefined`` (no value, or no interval).
    """

    attribute: str
    group: str
    metric: str
    first: float | None
    second: float | None
    difference: float | None
    lower: float | None
    upper: float | None
    n_subjects: int | None
    n_outcomes: int | None
    status: Status


@dataclass(frozen=True)
class Comparison:
    """Every difference between two models."""

    rows: tuple[ComparisonRow, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """Return JSON-ready rows; numbers have four decimals."""
        return [
            {
                name: round(value, 4) + 0.0 if isinstance(value, float) else value
                for name, value in asdict(row).items()
            }
            for row in self.rows
        ]

    def of(self, metric: str, *, attribute: str = EVERYONE) -> list[ComparisonRow]:
        """Return the rows of a metric under one attribute."""
        return [row for row in self.rows if (row.metric, row.attribute) == (metric, attribute)]


def compare(
    first: ScoredRows,
    second: ScoredRows,
    attributes: AuditedAttributes,
    resamples: Resamples,
    *,
    audit: AuditSpec,
    validate: ValidateSpec,
    disclosure: Disclosure,
    threads: int = 2,
) -> Comparison:
    """Compare two models on the same people, overall and by group.

    Parameters
    ----------
    first, second : ScoredRows
        Same rows in the same order: same people, outcomes and weights.
    attributes : AuditedAttributes
        Aligned with the rows.
    resamples : Resamples
        Of people, aligned with the rows.
    audit : AuditSpec
        Attributes and intersections to look at.
    validate : ValidateSpec
        The first threshold is the one of ``net_benefit``.
    disclosure : Disclosure
        Applied to every row.
    threads : int
        The result does not depend on it.

    Returns
    -------
    Comparison
        Everyone first, then by attribute and metric, group by group.

    Raises
    ------
    StudyError
        If an attribute is absent.
    ValueError
        If the models are about different rows.
    """
    same = (
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("outcome", "weight", "subject_id")
    )
    if not all(same):
        raise ValueError("both models must be about the same rows")
    everyone = Grouping(EVERYONE, ((EVERYONE,),), np.zeros(len(first), dtype=np.int64))
    pair = _Pair(first, second, resamples, validate, disclosure, threads)
    every = (everyone, *groupings(attributes, audit))
    return Comparison(tuple(row for grouping in every for row in pair.by_group(grouping)))


@dataclass(frozen=True)
class _Pair:
    """Two models on the same rows, and how to compare them."""

    first: ScoredRows
    second: ScoredRows
    resamples: Resamples
    spec: ValidateSpec
    disclosure: Disclosure
    threads: int

    def by_group(self, grouping: Grouping) -> Iterator[ComparisonRow]:
        members = [grouping.code == g for g in range(len(grouping.labels))]
        found = [self._differences(rows) for rows in members]
        people = [n_people(self.first.subject_id, rows & self.first.known) for rows in members]
        outcomes = [
            n_people(self.first.subject_id, rows & self.first.known & (self.first.outcome == 1))
            for rows in members
        ]
        families = grouping.families()
        shown = [protect(counts, families, self.disclosure) for counts in (people, outcomes)]
        for metric in METRICS:
            few = [
                self._few(metric, rows) or None in (n, k) for rows, n, k in zip(members, *shown, strict=True)
            ]
            hidden = hide(few, people, families)
            for g, group in enumerate(grouping.groups):
                row = replace(found[g][metric], attribute=grouping.attribute, group=group,
                              n_subjects=shown[0][g], n_outcomes=shown[1][g])  # fmt: skip
                yield _suppressed(row) if hidden[g] else row

    def _differences(self, rows: BoolArray) -> dict[str, ComparisonRow]:
        """Return every metric among some rows; resamples are of the same people as for all rows."""
        draws = self.resamples.take(rows)
        one, other = (
            draw_metrics(scored.take(rows), draws, self.spec, threads=self.threads)
            for scored in (self.first, self.second)
        )
        difference = other.less(one).draws
        return {
            metric: _row(metric, one.points[metric], other.points[metric], difference[metric])
            for metric in METRICS
        }

    def _few(self, metric: str, rows: BoolArray) -> bool:
        """Return whether fewer people than may be shown stand on one side of a metric, under either model."""
        happened = rows & self.first.known & (self.first.outcome == 1)
        sides = [happened, rows & self.first.known & (self.first.outcome == 0)]
        if metric in AT_CAPACITY:
            for scored in (self.first, self.second):
                sides += [happened & (scored.offered > 0), happened & (scored.offered < 1)]
        return any(n_people(self.first.subject_id, side) < self.disclosure.threshold for side in sides)


def _row(metric: str, first: float, second: float, draws: Any) -> ComparisonRow:
    found = Estimate.from_draws(second - first, draws, n_subjects=0, n_outcomes=0)
    known = found.status == "ok"
    return ComparisonRow(
        attribute="",
        group="",
        metric=metric,
        first=first if known else None,
        second=second if known else None,
        difference=found.estimate,
        lower=found.lower,
        upper=found.upper,
        n_subjects=None,
        n_outcomes=None,
        status=found.status,
    )


def _suppressed(row: ComparisonRow) -> ComparisonRow:
    """Hide a row whole: a count of 0 beside a hidden difference would say something too."""
    hidden = dict.fromkeys(("first", "second", "difference", "lower", "upper", "n_subjects", "n_outcomes"))
    return replace(row, **hidden, status="suppressed")  # type: ignore[arg-type]
