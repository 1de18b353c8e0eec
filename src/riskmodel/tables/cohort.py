"""Who is looked at, when, and what happened to them: cohort, labels and audited attributes, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.tables.days import DayArray

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
TextArray = npt.NDArray[np.str_]

UNKNOWN = "Unknown"
_ORIGIN = "origin:"


@dataclass(frozen=True)
class Cohort:
    """One row per (subject, index date), sorted by index date and then subject.

    Parameters
    ----------
    subject_id : ndarray of int64, shape (n,)
    index_day : ndarray of int32, shape (n,)
        Index date as days since 1970-01-01.
    household_id : ndarray of int64, shape (n,)
        Household at the index date, as known then. Splits and folds keep a household together.
    area : ndarray of str, shape (n,)
        Small area (LSOA) of residence at the index date.
    age : ndarray of int16, shape (n,)
        Completed years at the index date, from the month of birth; -1 where the study has no births.
    school : ndarray of str, shape (n,), optional
        School at the index date, as known then; ``Unknown`` where no record said. None where the data hold no school.
        It divides rows for validation and is never a feature.
    """

    subject_id: IntArray
    index_day: DayArray
    household_id: IntArray
    area: TextArray
    age: npt.NDArray[np.int16]
    school: TextArray | None = None

    def __post_init__(self) -> None:
        order = np.lexsort((self.subject_id, self.index_day))
        if not np.array_equal(order, np.arange(len(order))):
            raise ValueError("a cohort is sorted by index date and subject")
        same = (np.diff(self.subject_id) == 0) & (np.diff(self.index_day) == 0)
        if same.any():
            raise ValueError("a cohort has one row per subject and index date")

    def __len__(self) -> int:
        return len(self.subject_id)

    def take(self, rows: npt.NDArray[np.intp] | BoolArray) -> Cohort:
        """Return the chosen rows, in the same order."""
        return Cohort(
            subject_id=self.subject_id[rows],
            index_day=self.index_day[rows],
            household_id=self.household_id[rows],
            area=self.area[rows],
            age=self.age[rows],
            school=None if self.school is None else self.school[rows],
        )

    def save(self, folder: Path) -> None:
        """Write ``cohort.parquet``; without a column ``school`` where no school is known to the data."""
        columns = {name: getattr(self, name) for name in self.__dataclass_fields__}
        present = {name: column for name, column in columns.items() if column is not None}
        pq.write_table(pa.table(present), folder / "cohort.parquet")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        table = pq.read_table(folder / "cohort.parquet")
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        texts = {name: columns[name].astype(str) for name in ("area", "school") if name in columns}
        return cls(**{**columns, **texts})


@dataclass(frozen=True)
class Labels:
    """One outcome for every cohort row.

    Parameters
    ----------
    outcome : ndarray of int8, shape (n,)
        1 if the outcome is known to have happened in ``[index, index + horizon)``, else 0.
    first_day : ndarray of int32, shape (n,)
        Day of the first outcome in the horizon; ``days.NEVER`` where there is none.
    censored : ndarray of bool, shape (n,)
        True where observation ended before the horizon did and no outcome was seen.
    weight : ndarray of float64, shape (n,)
        Inverse probability of not being censored (Kaplan-Meier by index date); 0 where censored.
    """

    outcome: npt.NDArray[np.int8]
    first_day: DayArray
    censored: BoolArray
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.outcome)

    def take(self, rows: npt.NDArray[np.intp] | BoolArray) -> Labels:
        """Return the chosen rows, in the same order."""
        return Labels(self.outcome[rows], self.first_day[rows], self.censored[rows], self.weight[rows])


@dataclass(frozen=True)
class OutcomeTable:
    """Labels of the chosen outcome and of every alternative, by name.

    ``test`` labels use everything known at the end of the data; ``training`` labels only what was known by the
    training cut-off (design: split). Both have one entry per outcome and one row per cohort row. ``origins`` holds the
    chosen outcome as it was known on the morning of other days (days since 1970-01-01), for a rolling origin; it is
    empty where the data do not say when an outcome became known.
    """

    chosen: str
    test: Mapping[str, Labels]
    training: Mapping[str, Labels]
    origins: Mapping[int, Labels] = field(default_factory=dict)

    def as_known(self, day: int | None) -> Labels:
        """Return the chosen outcome as it was known on a day; by the training cut-off if None or never noted."""
        if day is None or not self.origins:
            return self.training[self.chosen]
        return self.origins[day]

    def save(self, folder: Path) -> None:
        """Write ``outcomes.parquet``."""
        columns: dict[str, npt.NDArray[np.generic]] = {}
        origins = ((f"{_ORIGIN}{day}", {self.chosen: labels}) for day, labels in self.origins.items())
        for use, table in (("test", self.test), ("training", self.training), *origins):
            for name, labels in table.items():
                for part in Labels.__dataclass_fields__:
                    columns[f"{use}/{name}/{part}"] = getattr(labels, part)
        table = pa.table(columns).replace_schema_metadata({"chosen": self.chosen})
        pq.write_table(table, folder / "outcomes.parquet")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        table = pq.read_table(folder / "outcomes.parquet")
        parts: dict[str, dict[str, dict[str, npt.NDArray[np.generic]]]] = {"test": {}, "training": {}}
        for name in table.column_names:
            use, outcome, part = name.split("/")
            parts.setdefault(use, {}).setdefault(outcome, {})[part] = table.column(name).to_numpy()
        built = {use: {name: Labels(**arrays) for name, arrays in by.items()} for use, by in parts.items()}  # type: ignore[arg-type]
        chosen = (table.schema.metadata or {})[b"chosen"].decode()
        origins = {
            int(use.removeprefix(_ORIGIN)): by[chosen] for use, by in built.items() if use.startswith(_ORIGIN)
        }
        return cls(chosen=chosen, test=built["test"], training=built["training"], origins=origins)


@dataclass(frozen=True)
class AuditedAttributes:
    """Groups that a study audits, one value per cohort row and attribute; never beside features.

    ``columns`` maps an attribute (such as ``ethnicity`` or ``ethnicity x sex``) to an array of group names,
    with ``"Unknown"`` where nothing was known by the index date.
    """

    columns: Mapping[str, TextArray]

    def take(self, rows: npt.NDArray[np.intp] | BoolArray) -> AuditedAttributes:
        """Return the chosen rows, in the same order."""
        return AuditedAttributes({name: column[rows] for name, column in self.columns.items()})

    def save(self, folder: Path) -> None:
        """Write ``audited.parquet``."""
        pq.write_table(
            pa.table({name: pa.array(column) for name, column in self.columns.items()}),
            folder / "audited.parquet",
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        table = pq.read_table(folder / "audited.parquet")
        return cls(
            {
                name: table.column(name).to_numpy(zero_copy_only=False).astype(str)
                for name in table.column_names
            }
        )
