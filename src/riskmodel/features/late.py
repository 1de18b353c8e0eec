"""An agency whose records come late: what the features would be if nobody had noticed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.features.columns import columns_of
from riskmodel.features.matrix import build_features
from riskmodel.features.spec import FeaturesSpec
from riskmodel.tables.catalogue import Catalogue
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.records import EventLog, Records


def late_features(
    records: Records,
    cohort: Cohort,
    spec: FeaturesSpec,
    catalogue: Catalogue,
    *,
    days: int = 365,
    threads: int = 2,
) -> Iterator[tuple[str, FeatureMatrix]]:
    """Give, for each agency in turn, the features as they would be if its events became known so much later.

    Parameters
    ----------
    records : Records
    cohort : Cohort
        The rows to build; far fewer than all rows cost far less.
    spec : FeaturesSpec
    catalogue : Catalogue
    days : int
    threads : int
        The result does not depend on it.

    Yields
    ------
    tuple of str and FeatureMatrix
    """
    there = set(pc.unique(records.events.table.column("agency")).to_pylist())
    for agency in dict.fromkeys(column.info.agency for column in columns_of(spec, catalogue)):
        if agency in there:
            delayed = replace(records, events=later_known(records.events, agency, days))
            yield agency, build_features(delayed, cohort, spec, catalogue, threads=threads)


def later_known(events: EventLog, agency: str, days: int) -> EventLog:
    """Return the log with one agency's events, and its corrections of them, known so many days later.

    Who was observed when stays as it was: the agency did its work, and only its deliveries were late.
    """
    table = events.table
    own = pc.equal(table.column("agency").cast(pa.string()), agency)
    for name in ("known_time", "superseded_time"):
        column = table.column(name)
        later = pc.add(column, pa.scalar(days * 86_400_000_000, pa.duration("us")))
        table = table.set_column(table.schema.get_field_index(name), name, pc.if_else(own, later, column))
    return EventLog.build(table)
