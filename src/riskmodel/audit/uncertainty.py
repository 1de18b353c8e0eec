"""How sure the estimates are, measured: whether the ranges hold what then happened, and whom the model says nothing about.

A range speaks of the rate among many young people with like scores. So people are put in bands of like estimates, and the
rate that was observed in a band is laid beside the mean range there, for everyone and for each audited group. The observed
rate is itself uncertain (bootstrap over people): ``inside``: it lies in the mean range; ``chance``: it does not, but its
own 95% interval reaches the range; ``outside``: it does not even so. ``insufficient``: too few people on one side.
Ranges are made for everyone alike, so for one group nothing promises that they hold: that is why it is measured.

An abstention is not an error that may be left out. Who is abstained on is offered nothing by the model, and stays in every
count: if harm follows, it is a miss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter, groupings
from riskmodel.audit.spec import AuditSpec
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, FloatArray, IntArray
from riskmodel.validate.estimate import Estimate, percentile_interval, ratio
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

EVERYONE = "everyone"
BANDS = 5

CoverageVerdict = Literal["inside", "chance", "outside", "insufficient"]


@dataclass(frozen=True)
class Ranges:
    """What was said beside each row's estimate.

    Parameters
    ----------
    lower, upper : ndarray of float64, shape (n,)
        NaN where no range was given.
    thin : ndarray of bool, shape (n,)
        True where the model abstained.
    """

    lower: FloatArray
    upper: FloatArray
    thin: BoolArray


@dataclass(frozen=True)
class CoverageRow:
    """One band of estimates in one group: the mean estimate and range, and the rate that was observed.

    Parameters
    ----------
    attribute, group : str
        ``everyone`` for all.
    band : int
        From 1, the lowest estimates.
    n_subjects, n_outcomes : int
        Different people whose outcome could be seen, and of them those to whom it happened.
    estimate, lower, upper : float or None
        Means over the rows; None where ``insufficient``.
    observed, observed_lower, observed_upper : float or None
        Rate of the outcome, with its 95% interval.
    verdict : str
    """

    attribute: str
    group: str
    band: int
    n_subjects: int
    n_outcomes: int
    estimate: float | None
    lower: float | None
    upper: float | None
    observed: float | None
    observed_lower: float | None
    observed_upper: float | None
    verdict: CoverageVerdict


@dataclass(frozen=True)
class AbstentionRow:
    """How often the model said nothing in one group.

    Parameters
    ----------
    attribute, group : str
    n_abstained : int
        Different people on whom it abstained at one date or more.
    n_outcomes_abstained : int
        Of them, those to whom the outcome happened after such a date.
    share : Estimate
        Of rows; its ``n_subjects`` are everyone in the group, its ``n_outcomes`` those with the outcome.
    """

    attribute: str
    group: str
    n_abstained: int
    n_outcomes_abstained: int
    share: Estimate


@dataclass(frozen=True)
class UncertaintyReport:
    """Coverage and abstention of the selected model.

    Parameters
    ----------
    method : str
        How ranges were made.
    most_missing : float or None
        The rule of abstention.
    apparent : bool
        The ranges were made from these very people, so that their coverage proves little.
    coverage : tuple of CoverageRow
        Empty without ranges.
    abstention : tuple of AbstentionRow
    """

    method: str
    most_missing: float | None
    apparent: bool
    coverage: tuple[CoverageRow, ...]
    abstention: tuple[AbstentionRow, ...]

    def to_json(self) -> dict[str, Any]:
        """Return ``uncertainty.json``: exact, for the secure environment."""
        return asdict(self)


def measure_uncertainty(
    rows: ScoredRows,
    ranges: Ranges,
    attributes: AuditedAttributes,
    resamples: Resamples,
    spec: AuditSpec,
    *,
    method: str,
    most_missing: float | None,
    apparent: bool,
) -> UncertaintyReport:
    """Measure coverage in bands of estimates, and abstention, for everyone and by group.

    Parameters
    ----------
    rows : ScoredRows
        Of the selected model.
    ranges : Ranges
    attributes : AuditedAttributes
    resamples : Resamples
        Of people; all four aligned.
    spec : AuditSpec
        Says which groups, and how few people are too few.
    method, most_missing, apparent
        Repeated in the report.

    Returns
    -------
    UncertaintyReport
    """
    all_alike = Grouping(EVERYONE, ((EVERYONE,),), np.zeros(len(rows), dtype=np.int64))
    wanted = (all_alike, *groupings(attributes, spec))
    shown = ~ranges.thin & np.isfinite(ranges.lower) & rows.known
    cells = _Bands.of(rows, ranges, resamples, shown) if shown.any() else None
    return UncertaintyReport(
        method=method,
        most_missing=most_missing,
        apparent=apparent,
        coverage=tuple(row for one in wanted for row in cells.judge(one, spec.minimum_cell)) if cells else (),
        abstention=tuple(row for one in wanted for row in _abstention(one, rows, ranges.thin, resamples)),
    )


@dataclass(frozen=True)
class _Bands:
    """Rows with a range and a known outcome, each in its band; ``columns`` are what the means are made of."""

    shown: BoolArray
    band: IntArray
    columns: FloatArray
    happened: BoolArray
    subject_id: IntArray
    resamples: Resamples

    @classmethod
    def of(cls, rows: ScoredRows, ranges: Ranges, resamples: Resamples, shown: BoolArray) -> _Bands:
        kept, w = rows.take(shown), rows.weight[shown]
        said = (np.ones(len(kept)), kept.outcome, kept.risk, ranges.lower[shown], ranges.upper[shown])
        return cls(
            shown=shown,
            band=like_estimates(kept.risk, w, BANDS),
            columns=np.column_stack([w * one for one in said]),
            happened=kept.outcome == 1,
            subject_id=kept.subject_id,
            resamples=resamples.take(shown),
        )

    def judge(self, grouping: Grouping, minimum: int) -> Iterator[CoverageRow]:
        """Give one row for each group and band."""
        n_bands = int(self.band.max()) + 1
        code = grouping.code[self.shown] * n_bands + self.band
        n_cells = len(grouping.labels) * n_bands
        cell = Grouping(grouping.attribute, tuple((str(one),) for one in range(n_cells)), code)
        counter = PeopleCounter(cell, self.subject_id)
        people, with_it, without = (
            counter.count(one) for one in (np.ones(len(code), dtype=np.bool_), self.happened, ~self.happened)
        )
        total = np.column_stack([np.bincount(code, weights=one, minlength=n_cells) for one in self.columns.T])
        drawn = self.resamples.sums_by_group(self.columns[:, :2], code, n_cells)
        for i in range(n_cells):
            enough = min(with_it[i], without[i]) >= minimum
            yield CoverageRow(
                grouping.attribute,
                grouping.groups[i // n_bands],
                i % n_bands + 1,
                int(people[i]),
                int(with_it[i]),
                **(_beside(total[i], ratio(drawn[:, i, 1], drawn[:, i, 0])) if enough else _NOTHING),
            )


_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("estimate", "lower", "upper", "observed", "observed_lower", "observed_upper")),
    "verdict": "insufficient",
}


def _beside(total: FloatArray, draws: FloatArray) -> dict[str, Any]:
    """Return the means of a cell, and how the observed rate lies to the mean range."""
    observed, estimate, lower, upper = (float(one) for one in total[1:] / total[0])
    low, high = percentile_interval(draws)
    if not np.isfinite([low, high]).all():
        return _NOTHING
    verdict = (
        "inside" if lower <= observed <= upper else "chance" if low <= upper and high >= lower else "outside"
    )
    return {
        "estimate": estimate,
        "lower": lower,
        "upper": upper,
        "observed": observed,
        "observed_lower": low,
        "observed_upper": high,
        "verdict": verdict,
    }


def like_estimates(risk: FloatArray, weight: FloatArray, bands: int) -> IntArray:
    """Return a band for each row, from 0, so that bands share out the expected outcomes; equal estimates stay together.

    Parameters
    ----------
    risk, weight : ndarray of float64, shape (n,)
    bands : int
        At most so many; fewer where many estimates are equal.
    """
    levels, level = np.unique(risk, return_inverse=True)
    expected = np.bincount(level, weights=weight * risk, minlength=len(levels))
    middle = (np.cumsum(expected) - expected / 2) / max(expected.sum(), np.finfo(float).tiny)
    band = np.minimum((bands * middle).astype(np.int64), bands - 1)[level]
    return np.unique(band, return_inverse=True)[1].astype(np.int64)


def _abstention(
    grouping: Grouping, rows: ScoredRows, thin: BoolArray, resamples: Resamples
) -> Iterator[AbstentionRow]:
    happened = rows.known & (rows.outcome == 1)
    everyone = np.ones(len(rows), dtype=np.bool_)
    counter = PeopleCounter(grouping, rows.subject_id)
    people, outcomes, silent, missed = (
        counter.count(one) for one in (everyone, happened, thin, thin & happened)
    )
    columns = np.column_stack([everyone.astype(np.float64), thin.astype(np.float64)])
    drawn = resamples.sums_by_group(columns, grouping.code, len(grouping.groups))
    for g, group in enumerate(grouping.groups):
        own = columns[grouping.code == g].sum(axis=0)
        yield AbstentionRow(
            grouping.attribute,
            group,
            int(silent[g]),
            int(missed[g]),
            Estimate.from_draws(
                float(own[1] / own[0]),
                ratio(drawn[:, g, 1], drawn[:, g, 0]),
                n_subjects=int(people[g]),
                n_outcomes=int(outcomes[g]),
            ),
        )
