"""The feature matrix: one row for each cohort row, filled by the compiled kernel on a few threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from riskmodel.features.columns import Column, columns_of
from riskmodel.features.spec import FeaturesSpec
from riskmodel.tables.catalogue import Catalogue
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.features import FeatureMatrix, Float32Array
from riskmodel.tables.records import Records
from riskmodel.tables.words import words


def build_features(
    records: Records, cohort: Cohort, spec: FeaturesSpec, catalogue: Catalogue, *, threads: int = 2
) -> FeatureMatrix:
    """Read every feature of every cohort row, as it could have been known on its index date.

    A row reads events with ``time < index``, ``known_time < index`` and not superseded before the index date.

    Parameters
    ----------
    records : Records
    cohort : Cohort
    spec : FeaturesSpec
    catalogue : Catalogue
        Describes every code that a feature reads.
    threads : int
        Subjects are shared out over so many threads; the result does not depend on it.

    Raises
    ------
    StudyError
        With every fault of the specification.
    DataError
        If a feature's pattern selects a code of the log that the catalogue does not describe.
    """
    columns = columns_of(spec, catalogue)
    values = build_columns(records, cohort, columns, catalogue, threads=threads)
    return FeatureMatrix(values, tuple(column.info for column in columns))


def build_columns(
    records: Records, cohort: Cohort, columns: Sequence[Column], catalogue: Catalogue, *, threads: int = 2
) -> Float32Array:
    """Return the values of some columns, shape (rows of the cohort, columns)."""
    # numba takes seconds to import, and a study is read without it.
    from riskmodel.features.kernel import fill
    from riskmodel.features.plan import compile_plan, events_of, rows_of, watch_of

    codes, agencies = (
        words(t.column(name))
        for t, name in ((records.events.table, "code"), (records.observation.table, "agency"))
    )
    plan = compile_plan(columns, codes=codes, agencies=agencies, catalogue=catalogue)
    event_subject, events = events_of(records.events, plan)
    watch_subject, watch = watch_of(records.observation)
    rows = rows_of(cohort, event_subject, watch_subject)
    out = np.empty((len(cohort), len(columns)), dtype=np.float32)
    # Rows of one subject follow one another, so that its events are still in the processor's cache.
    by_subject = np.argsort(cohort.subject_id, kind="stable")
    with ThreadPoolExecutor(threads) as pool:
        parts = np.array_split(by_subject, max(threads, 1))
        for done in [pool.submit(fill, plan, events, watch, rows, part, out) for part in parts]:
            done.result()
    return out
