"""What models say about cohort rows: predictions, and what each feature contributed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray, TextArray

SPLITS = ("train", "crossfit", "test_new", "test_all")


@dataclass(frozen=True)
class Contributions:
    """What each feature added to the raw score of each row; base plus row sum is the raw score.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
    names : tuple of str, length p
        The features that the model uses, in the order of the matrix.
    base : float
        The raw score before any feature has spoken: 0 for a count, the average young person for the others.
    unit : str
        ``factors``, ``events`` or ``log-odds``.
    together : tuple of tuple of two str
        Features that the model also looks at together, the strongest pair first; what two add is halved between them.
    """

    values: FloatArray
    names: tuple[str, ...]
    base: float
    unit: str
    together: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.values.dtype != np.float64 or self.values.ndim != 2:
            raise ValueError("contributions are a float64 matrix")
        if self.values.shape[1] != len(self.names):
            raise ValueError("one name per column of contributions")
        if not np.isfinite(self.values).all() or not np.isfinite(self.base):
            raise ValueError("contributions are finite")

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def raw_score(self) -> FloatArray:
        """Base plus row sums, shape (n,)."""
        return np.asarray(self.base + self.values.sum(axis=1))

    def take(self, rows: IntArray | BoolArray) -> Contributions:
        """Return the chosen rows, in the same order."""
        values = np.ascontiguousarray(self.values[rows])
        return Contributions(values, self.names, self.base, self.unit, self.together)


@dataclass(frozen=True)
class Predictions:
    """One row per family and cohort row.

    Parameters
    ----------
    row_id : ndarray of int64, shape (n,)
        Random for the run on real people, with no way back.
    family : ndarray of str, shape (n,)
    split : ndarray of str, shape (n,)
        ``train``, ``crossfit``, ``test_new`` or ``test_all``; rows of ``test_new`` are counted in ``test_all`` too.
    raw_score : ndarray of float64, shape (n,)
        In the family's own unit.
    risk_estimate : ndarray of float64, shape (n,)
        Calibrated probability; NaN where abstained.
    lower, upper : ndarray of float64, shape (n,)
        Interval of the risk estimate; NaN where there is none.
    abstained : ndarray of bool, shape (n,)
        True where the record is too thin to say.
    offered : ndarray of float64, shape (n,)
        Probability of being offered support at that index date.
    """

    row_id: IntArray
    family: TextArray
    split: TextArray
    raw_score: FloatArray
    risk_estimate: FloatArray
    lower: FloatArray
    upper: FloatArray
    abstained: BoolArray
    offered: FloatArray

    def __post_init__(self) -> None:
        if len({len(getattr(self, name)) for name in self.__dataclass_fields__}) != 1:
            raise ValueError("every column of predictions has the same length")
        if not np.isin(self.split, SPLITS).all():
            raise ValueError(f"a split is one of {', '.join(SPLITS)}")
        if not np.array_equal(np.isnan(self.risk_estimate), self.abstained):
            raise ValueError("a risk estimate is missing exactly where the model abstained")
        known = self.risk_estimate[~self.abstained]
        if ((known < 0) | (known > 1)).any() or not ((self.offered >= 0) & (self.offered <= 1)).all():
            raise ValueError("risk estimates and offers are probabilities")

    def __len__(self) -> int:
        return len(self.row_id)

    def save(self, folder: Path) -> None:
        """Write ``predictions.parquet``; undefined numbers become null."""
        columns = {}
        for name in self.__dataclass_fields__:
            values = getattr(self, name)
            columns[name] = pa.array(values, mask=np.isnan(values) if values.dtype == np.float64 else None)
        pq.write_table(
            pa.table(columns), folder / "predictions.parquet", compression="zstd", compression_level=1
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        table = pq.read_table(folder / "predictions.parquet")
        columns = {name: table.column(name).to_numpy() for name in cls.__dataclass_fields__}
        for name in ("family", "split"):
            columns[name] = columns[name].astype(str)
        return cls(**columns)
