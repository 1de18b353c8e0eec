"""Everything the fairness table is made of, as sums over rows: by group, for everyone else, and in every resample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from riskmodel.audit.groups import Grouping
from riskmodel.tables.cohort import BoolArray, FloatArray
from riskmodel.validate.calibration_line import (
    CalibrationLine,
    LineRows,
    fit_line,
    information_columns,
    score_columns,
    step,
)
from riskmodel.validate.estimate import ratio
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

_N_TALLY = 6
_N_SHARED = 3  # of them, the first say what happened


@dataclass(frozen=True)
class Drawn:
    """Sums and calibration of each group and of everyone else: point values and one value per resample."""

    tally: FloatArray  # (g, 6)
    tally_draws: FloatArray  # (r, g, 6)
    line: FloatArray  # (g, 2): intercept, slope
    line_draws: FloatArray  # (r, g, 2)
    rest_line: FloatArray
    rest_line_draws: FloatArray


def draw(
    prepared: Mapping[str, Prepared], grouping: Grouping, resamples: Resamples, *, threads: int
) -> dict[str, Drawn]:
    """Draw all models at once: the resamples are walked once per attribute, however many models there are."""
    columns = [one.columns for one in prepared.values()]
    # What happened is the same for all models.
    own = [one[:, _N_SHARED:] for one in columns]
    together = np.concatenate([columns[0][:, :_N_SHARED], *own], axis=1)
    drawn = resamples.sums_by_group(together, grouping.code, len(grouping.labels), threads=threads)
    shared, *each = np.split(drawn, _N_SHARED + own[0].shape[1] * np.arange(len(own)), axis=-1)
    return {
        family: _drawn(one, np.concatenate([shared, sums], axis=-1), grouping)
        for (family, one), sums in zip(prepared.items(), each, strict=True)
    }


def _drawn(prepared: Prepared, sums: FloatArray, grouping: Grouping) -> Drawn:
    members = [grouping.code == g for g in range(len(grouping.labels))]
    point = np.stack([prepared.columns[rows].sum(axis=0) for rows in members])
    line, information = prepared.fit(members)
    rest_line, rest_information = prepared.fit([~rows for rows in members])
    moved = (sums - point)[..., _N_TALLY:]
    rest_moved = moved.sum(axis=1, keepdims=True) - moved
    return Drawn(
        tally=point[:, :_N_TALLY],
        tally_draws=sums[..., :_N_TALLY],
        line=line,
        line_draws=line + step(moved, information),
        rest_line=rest_line,
        rest_line_draws=rest_line + step(rest_moved, rest_information),
    )


@dataclass(frozen=True)
class Prepared:
    """One model's rows, ready to be added up: tally and calibration scores."""

    line_rows: LineRows
    overall: CalibrationLine
    columns: FloatArray

    @classmethod
    def of(cls, rows: ScoredRows) -> Prepared:
        """Fit the calibration line to all rows, and take the scores there."""
        line_rows = LineRows.of(rows.risk, rows.outcome, rows.weight)
        overall = fit_line(line_rows)
        return cls(line_rows, overall, np.column_stack([tally(rows), score_columns(line_rows, overall)]))

    def fit(self, members: list[BoolArray]) -> tuple[FloatArray, FloatArray]:
        """Return intercept and slope (g, 2), and the information at that line (g, 4), of each set of rows."""
        lines, information = [], []
        for chosen in members:
            rows = self.line_rows.take(chosen)
            line = fit_line(rows, start=self.overall)
            lines.append(line.values)
            information.append(information_columns(rows, line).sum(axis=0))
        return np.array(lines), np.array(information)


def tally(rows: ScoredRows) -> FloatArray:
    """Return what each row adds: itself, outcomes, non-outcomes, and offers to all, to the first, to the others, (n, 6)."""
    happened, not_happened = rows.weight * rows.outcome, rows.weight * (1 - rows.outcome)
    return np.column_stack(
        [
            np.ones(len(rows)),
            happened,
            not_happened,
            rows.offered,
            happened * rows.offered,
            not_happened * rows.offered,
        ]
    )


def top_and_rest(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what counts for and against each of ``RATES``, shape (..., 5)."""
    everyone, outcomes, others, offers, reached, needless = np.moveaxis(sums, -1, 0)
    top = np.stack([offers, reached, outcomes - reached, needless, reached], axis=-1)
    rest = np.stack([everyone - offers, outcomes - reached, reached, others - needless, needless], axis=-1)
    return top, rest


def rates(sums: FloatArray) -> FloatArray:
    """Return ``RATES`` from sums of ``tally``, shape (..., 5); NaN where there is nothing to divide by."""
    top, rest = top_and_rest(sums)
    return ratio(top, top + rest)
