"""Small records for tests: rows as dictionaries, days as ISO text or as whole numbers, everything else defaulted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from riskmodel.features.columns import Column, columns_of
from riskmodel.features.spec import FeatureSpec, FeaturesSpec
from riskmodel.tables.catalogue import Catalogue, load_catalogue
from riskmodel.tables.cohort import Cohort
from riskmodel.tables.days import EPOCH, to_day
from riskmodel.tables.records import Attributes, EventLog, Observation, Records, Residence

Row = Mapping[str, Any]
CATALOGUE: Catalogue = load_catalogue()


def as_day(value: str | int) -> int:
    return value if isinstance(value, int) else to_day(date.fromisoformat(value))


def stamp(value: str | int | None) -> datetime | None:
    """An ISO date or instant, or a day number, as Arrow wants it."""
    if value is None or value == "":
        return None
    if isinstance(value, int):
        return datetime.combine(EPOCH, datetime.min.time()) + timedelta(days=value)
    return datetime.fromisoformat(value)


def _table(kind: Any, rows: Iterable[Row], defaults: Mapping[str, Any]) -> Any:
    filled = [{**defaults, **row} for row in rows]
    arrays = []
    for field in kind.schema:
        values = [row.get(field.name) for row in filled]
        if pa.types.is_timestamp(field.type):
            values = [stamp(value) for value in values]
        arrays.append(
            pa.array(values, type=pa.string() if pa.types.is_dictionary(field.type) else field.type)
        )
    return kind.build(pa.table(arrays, names=kind.schema.names))


def events(rows: Iterable[Row]) -> EventLog:
    filled = []
    for row in rows:
        agency = (
            "HOME"
            if row["code"].startswith("AREA")
            else "PERSON"
            if "MEDS" in row["code"]
            else row["code"].split("//")[0]
        )
        filled.append({"known_time": row.get("time"), "agency": agency, **row})
    return _table(EventLog, filled, {"subject_id": 1, "known_basis": "recorded"})


def observation(rows: Iterable[Row]) -> Observation:
    return _table(Observation, [{"known_time": row["start"], **row} for row in rows], {"subject_id": 1})


def residence(rows: Iterable[Row]) -> Residence:
    filled = [{"known_time": row["start"], **row} for row in rows]
    return _table(Residence, filled, {"subject_id": 1, "household_id": 10, "area": "S01000001"})


def attributes(rows: Iterable[Row]) -> Attributes:
    return _table(Attributes, rows, {"subject_id": 1})


def records(
    *,
    events_rows: Iterable[Row] = (),
    observation_rows: Iterable[Row] = (),
    residence_rows: Iterable[Row] = (),
    attributes_rows: Iterable[Row] = (),
) -> Records:
    return Records(
        events=events(events_rows),
        observation=observation(observation_rows),
        residence=residence(residence_rows),
        attributes=attributes(attributes_rows),
    )


def cohort(rows: Iterable[tuple[int, str | int]], *, age: int = 14) -> Cohort:
    pairs = sorted((as_day(index), subject) for subject, index in rows)
    n = len(pairs)
    return Cohort(
        subject_id=np.array([subject for _, subject in pairs], dtype=np.int64),
        index_day=np.array([index for index, _ in pairs], dtype=np.int32),
        household_id=np.array([100 + subject for _, subject in pairs], dtype=np.int64),
        area=np.full(n, "S01000001"),
        age=np.full(n, age, dtype=np.int16),
    )


def as_list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)


def columns(*features: Row) -> tuple[Column, ...]:
    """Columns of features of which only what matters is given."""
    filled = [
        {
            "stem": f"one_{i}",
            "words": "was seen",
            "noun": "time",
            **(
                {"ever_reason": "a test that needs a window without end", "ever_expires": "never"}
                if "ever" in as_list(f.get("windows", ()))
                else {}
            ),
            **f,
        }
        for i, f in enumerate(features)
    ]
    specs = tuple(FeatureSpec.model_validate(feature) for feature in filled)
    return columns_of(FeaturesSpec(libraries=(), own=specs), CATALOGUE)
