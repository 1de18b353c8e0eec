"""How right a model's risk estimates are in each group. Reported and never mended: no curve is fitted by an audited attribute.

A curve for each group would give two young people with the same record different estimates because of who they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter
from riskmodel.audit.report import FairnessReport
from riskmodel.validate.estimate import Estimate, ratio
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

CalibrationMetric = Literal["observed_to_expected", "calibration_intercept", "calibration_slope"]


@dataclass(frozen=True)
class GroupCalibration:
    """One number about one group.

    Parameters
    ----------
    attribute, group : str
    metric : str
        ``observed_to_expected``: how many came to harm, for each one that the estimates expect; ideal 1.
        ``calibration_intercept`` (ideal 0) and ``calibration_slope`` (ideal 1) are those of the fairness table.
    estimate, lower, upper, n_subjects, n_outcomes, status
        As in ``Estimate``.
    """

    attribute: str
    group: str
    metric: CalibrationMetric
    estimate: float | None
    lower: float | None
    upper: float | None
    n_subjects: int | None
    n_outcomes: int | None
    status: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)


def calibration_by_group(
    rows: ScoredRows, resamples: Resamples, fairness: FairnessReport, *, family: str, threads: int = 2
) -> tuple[GroupCalibration, ...]:
    """Measure one model's calibration in every group of a fairness report.

    Parameters
    ----------
    rows : ScoredRows
        What the model says; the rows of the report.
    resamples : Resamples
        Of people, aligned with the rows.
    fairness : FairnessReport
        Intercepts, slopes and groups are taken from it.
    family : str
    threads : int
        The result does not depend on it.

    Returns
    -------
    tuple of GroupCalibration
        By attribute, metric and group. ``suppressed`` where fewer people with the outcome than the audit's smallest cell
        stand behind it.
    """
    found: list[GroupCalibration] = []
    for grouping in fairness.groupings:
        found += _observed_to_expected(
            rows, resamples, grouping, least=fairness.spec.minimum_cell, threads=threads
        )
        found += [
            GroupCalibration(
                one.attribute,
                one.group,
                metric,
                one.estimate,
                one.lower,
                one.upper,
                one.n_subjects,
                one.n_outcomes,
                one.status,
            )
            for metric in ("calibration_intercept", "calibration_slope")
            for one in fairness.rows
            if (one.model, one.attribute, one.metric) == (family, grouping.attribute, metric)
        ]
    return tuple(found)


def _observed_to_expected(
    rows: ScoredRows, resamples: Resamples, grouping: Grouping, *, least: int, threads: int
) -> Iterator[GroupCalibration]:
    sums = np.column_stack([rows.weight * rows.outcome, rows.weight * rows.risk])
    n_groups = len(grouping.labels)
    drawn = resamples.sums_by_group(sums, grouping.code, n_groups, threads=threads)
    count = PeopleCounter(grouping, rows.subject_id).count
    people, outcomes = count(rows.known), count(rows.known & (rows.outcome == 1))
    for g, group in enumerate(grouping.groups):
        observed, expected = sums[grouping.code == g].sum(axis=0)
        counts = {"n_subjects": int(people[g]), "n_outcomes": int(outcomes[g])}
        if outcomes[g] < least:
            one = Estimate.without_value("suppressed", **counts)
        else:
            draws = ratio(drawn[:, g, 0], drawn[:, g, 1])
            one = Estimate.from_draws(float(observed / expected), draws, **counts)
        yield GroupCalibration(grouping.attribute, group, "observed_to_expected", **one.to_json())
