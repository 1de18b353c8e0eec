"""What experiments on simulated boroughs share: a study run so far, and what truly happened beside what was recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from riskmodel.features.outcomes import censoring_weights
from riskmodel.pipeline import run_stages
from riskmodel.stages import front_end
from riskmodel.stages.back import back_end
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, Cohort, IntArray, Labels
from riskmodel.tables.days import NEVER, to_day

HORIZON = 365
_SPAN = np.int64(2**22)


def run(study: Study, store: Path, *, back: Collection[str] = ()) -> Mapping[str, Any]:
    """Run a study up to its features, and those stages after them that are named; return what each made."""
    stages = [*front_end(study), *(one for one in back_end(study) if one.name in back)]
    return run_stages(stages, study, store=store, progress=lambda *_: None).results


def truth_folder(results: Mapping[str, Any]) -> Path:
    """Return where the simulation wrote what truly happened."""
    folder: Path = results["extracts"].folder / "borough" / "truth"
    return folder


def at_test_dates(study: Study, cohort: Cohort) -> BoolArray:
    """Return which rows of a cohort stand at the study's test dates."""
    assert study.cohort is not None  # noqa: S101 - a simulated study has one
    rows: BoolArray = np.isin(cohort.index_day, [to_day(one) for one in study.cohort.test])
    return rows


def true_labels(truth: Path, happening: str, cohort: Cohort) -> Labels:
    """Label a cohort with what truly happened in the year from each index date, while the young person lived there.

    Parameters
    ----------
    truth : Path
        The simulation's folder of what truly happened.
    happening : str
        ``harm`` or ``violence``.
    cohort : Cohort

    Returns
    -------
    Labels
        Weighted as the package weights recorded labels: whoever left within the year, unharmed, is censored.
    """
    first = _first_day(truth / f"{happening}.parquet", cohort)
    left = _left(truth / "people.parquet", cohort.subject_id)
    index, happened = cohort.index_day.astype(np.int64), first != NEVER
    censored = ~happened & (left < index + HORIZON)
    time = np.maximum(np.where(happened, first, np.minimum(left, index + HORIZON)) - index, 0)
    weight = np.zeros(len(cohort))
    for day in np.unique(index):
        rows = index == day
        weight[rows] = censoring_weights(time[rows], censored[rows])
    return Labels(happened.astype(np.int8), first.astype(np.int32), censored, weight)


def _first_day(path: Path, cohort: Cohort) -> IntArray:
    """Return the day on which it first happened to each row's young person, within the year; NEVER if it did not."""
    table = pq.read_table(path, columns=["subject_id", "time"])
    events = np.sort(table.column("subject_id").to_numpy() * _SPAN + _days(table.column("time")))
    wanted = cohort.subject_id * _SPAN + cohort.index_day
    next_one = np.append(events, np.iinfo(np.int64).max)[np.searchsorted(events, wanted)]
    found: IntArray = np.where(next_one < wanted + HORIZON, next_one % _SPAN, NEVER)
    return found


def _left(path: Path, subject: IntArray) -> IntArray:
    """Return the day on which each subject left the borough."""
    table = pq.read_table(path, columns=["subject_id", "to_day"])
    known, days = table.column("subject_id").to_numpy(), _days(table.column("to_day"))
    order = np.argsort(known)
    at = np.minimum(np.searchsorted(known[order], subject), len(known) - 1)
    if not np.array_equal(known[order][at], subject):
        raise ValueError("the simulation does not know all of these young people")
    left: IntArray = days[order][at]
    return left


def _days(column: Any) -> IntArray:
    days: IntArray = column.to_numpy().astype("datetime64[D]").astype(np.int64)
    return days
