"""How the rows of a study were drawn and divided before it saw them: survey design, and official test rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.tables.cohort import BoolArray, Cohort, IntArray, TextArray

TRAIN, TEST, UNDIVIDED = "train", "test", ""


@dataclass(frozen=True)
class SamplingDesign:
    """One entry per cohort row. Weights are not here: they are part of the labels' weights.

    Parameters
    ----------
    unit : ndarray of int64, shape (n,)
        What was drawn: a person, or the cluster that a survey drew. A bootstrap draws these.
    stratum : ndarray of int64, shape (n,)
        Within which units were drawn, from 0; a bootstrap draws within it. All 0 without strata.
    side : ndarray of str, shape (n,)
        ``train`` or ``test`` where the file itself divides its rows, else empty.
    """

    unit: IntArray
    stratum: IntArray
    side: TextArray

    @classmethod
    def of_people(cls, cohort: Cohort) -> Self:
        """Return the design of records: people were drawn, from one stratum, and nothing is divided."""
        n = len(cohort)
        return cls(cohort.subject_id, np.zeros(n, dtype=np.int64), np.full(n, UNDIVIDED))

    @property
    def stratified(self) -> bool:
        """Whether there is more than one stratum."""
        return len(np.unique(self.stratum)) > 1

    def __len__(self) -> int:
        return len(self.unit)

    def take(self, rows: npt.NDArray[np.intp] | BoolArray) -> SamplingDesign:
        """Return the chosen rows, in the same order."""
        return SamplingDesign(self.unit[rows], self.stratum[rows], self.side[rows])

    def save(self, folder: Path) -> None:
        """Write ``sampling.parquet``."""
        pq.write_table(
            pa.table({name: getattr(self, name) for name in self.__dataclass_fields__}),
            folder / "sampling.parquet",
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        table = pq.read_table(folder / "sampling.parquet")
        side = table.column("side").to_numpy().astype(str)
        return cls(table.column("unit").to_numpy(), table.column("stratum").to_numpy(), side)
