"""The feature matrix: one row for each cohort row, filled by the compiled kernel on a few threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Protocol

import numpy as np

from riskmodel.features.columns import Column, columns_of
from riskmodel.features.spec import FeaturesSpec
from riskmodel.features.visible import BIRTH, select_events
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


class Builder(Protocol):
    """Builds the features of a cohort; every engine gives the same values."""

    def __call__(
        self,
        records: Records,
        cohort: Cohort,
        spec: FeaturesSpec,
        catalogue: Catalogue,
        *,
        threads: int = 2,
    ) -> FeatureMatrix:
        """Return the features of every cohort row."""
        ...


def builder(engine: str) -> Builder:
    """Return the builder of an engine: ``local`` or ``spark``."""
    if engine == "spark":
        from riskmodel.features.spark import build_on_spark

        return build_on_spark
    return build_features


def build_columns(
    records: Records, cohort: Cohort, columns: Sequence[Column], catalogue: Catalogue, *, threads: int = 2
) -> Float32Array:
    """Return the values of some columns, shape (rows of the cohort, columns)."""
    # numba takes seconds to import, and a study is read without it.
    from riskmodel.features.kernel import fill, workspace
    from riskmodel.features.plan import ages_of, compile_plan
    from riskmodel.features.walking import events_of, rows_of, sources_of, watch_of

    sources, source = sources_of(records.events, columns)
    agencies = words(records.observation.table.column("agency"))
    plan = compile_plan(columns, sources=sources, agencies=agencies, catalogue=catalogue)
    event_subject, events = events_of(records.events, source, plan)
    watch_subject, watch = watch_of(records.observation)
    rows = rows_of(
        cohort.subject_id,
        cohort.index_day,
        event_subject=event_subject,
        watch_subject=watch_subject,
        births=select_events(records.events, BIRTH),
        ages=ages_of(columns),
    )
    out = np.empty((len(cohort), len(columns)), dtype=np.float32)
    persons = len(rows.row_from) - 1
    cuts = [persons * part // max(threads, 1) for part in range(max(threads, 1) + 1)]

    def _fill(first: int, stop: int) -> None:
        fill(plan, events, watch, rows, workspace(plan, rows, first, stop), first, stop, out, 0)

    with ThreadPoolExecutor(max(threads, 1)) as pool:
        for done in [pool.submit(_fill, *cut) for cut in pairwise(cuts)]:
            done.result()
    return out
