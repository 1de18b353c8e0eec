"""The feature matrix: numbers, and what each column means in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.errors import DataError
from riskmodel.files import digest_bytes
from riskmodel.tables.cohort import BoolArray

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FeatureInfo:
    """What one column means.

    Parameters
    ----------
    name : str
        The stable column name, such as ``edu_suspension__count__365d``.
    description : str
        Plain words for a case worker, without a value: "times suspended from school in the past year".
    concept : str
        The risk or protective factor it speaks of, such as ``exclusion from school``.
    agency : str
        Where it was recorded.
    unit : str
        "times", "days", "share", "points", "yes or no".
    direction : int
        1 where more raises risk on the evidence, -1 where more lowers it, 0 where evidence gives none.
    aggregation : str
        count, any, days_since_last, ... or ``declared`` for a column of a flat table.
    window : str
        Such as ``365d``, ``ever``, or ``declared``.
    codes : tuple of str
        The code patterns it reads.
    enforcement_made, police_recorded, safe_to_share : bool
        From the code catalogue.
    details : str
        What else decides the value, such as a range of values or an expiry, as JSON.
    """

    name: str
    description: str
    concept: str
    agency: str
    unit: str
    direction: int
    aggregation: str
    window: str
    codes: tuple[str, ...]
    enforcement_made: bool = False
    police_recorded: bool = False
    safe_to_share: bool = True
    details: str = "{}"


def spec_hash(infos: Sequence[FeatureInfo]) -> str:
    """Return the SHA-256 of what columns mean."""
    return digest_bytes(json.dumps([asdict(info) for info in infos], sort_keys=True).encode())


def infos_of(facts: Mapping[str, str]) -> tuple[FeatureInfo, ...]:
    """Return what columns mean, from the metadata of a Parquet file of features."""
    raw = json.loads(facts["infos"])
    return tuple(FeatureInfo(**{**item, "codes": tuple(item["codes"])}) for item in raw)


def require_spec(found: str, expected: str, *, where: str) -> None:
    """Refuse features that were made from another specification than a model was trained on.

    Parameters
    ----------
    found, expected : str
        Hashes, as ``FeatureMatrix.spec_hash`` gives them.
    where : str
        Which features, for the message.

    Raises
    ------
    DataError
        If the hashes differ.
    """
    if found != expected:
        raise DataError(
            expected=f"features of the specification {expected[:12]} that the model was trained on",
            found=f"features of the specification {found[:12]}",
            where=where,
            next_step="Build the features again with the study of the model.",
        )


@dataclass(frozen=True)
class FeatureMatrix:
    """One row per cohort row, in the same order; NaN where the record cannot say.

    Parameters
    ----------
    values : ndarray of float32, shape (n, p)
    infos : tuple of FeatureInfo, length p
    """

    values: Float32Array
    infos: tuple[FeatureInfo, ...]

    def __post_init__(self) -> None:
        if self.values.dtype != np.float32 or self.values.ndim != 2:
            raise ValueError("features are a float32 matrix")
        if self.values.shape[1] != len(self.infos):
            raise ValueError("one FeatureInfo per column")
        if len(set(self.names)) != len(self.names):
            raise ValueError("feature names are unique")

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(info.name for info in self.infos)

    @property
    def spec_hash(self) -> str:
        """SHA-256 of what the columns mean; a model refuses a matrix whose hash differs from its own."""
        return spec_hash(self.infos)

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def take(self, rows: npt.NDArray[np.intp] | BoolArray) -> FeatureMatrix:
        """Return the chosen rows, in the same order."""
        return FeatureMatrix(np.ascontiguousarray(self.values[rows]), self.infos)

    def select(self, names: tuple[str, ...]) -> FeatureMatrix:
        """Return the chosen columns, in the order given."""
        where = {name: i for i, name in enumerate(self.names)}
        columns = [where[name] for name in names]
        return FeatureMatrix(
            np.ascontiguousarray(self.values[:, columns]), tuple(self.infos[i] for i in columns)
        )

    def column(self, name: str) -> Float32Array:
        """Return one column."""
        return self.values[:, self.names.index(name)]

    def save(self, folder: Path) -> None:
        """Write ``features.parquet`` with the meaning and its hash in the metadata."""
        columns = {name: self.values[:, i] for i, name in enumerate(self.names)}
        infos = json.dumps([asdict(info) for info in self.infos], sort_keys=True)
        table = pa.table(columns).replace_schema_metadata({"infos": infos, "spec_hash": self.spec_hash})
        pq.write_table(table, folder / "features.parquet", compression="zstd", compression_level=1)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        table = pq.read_table(folder / "features.parquet")
        facts = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        infos = infos_of(facts)
        require_spec(facts["spec_hash"], spec_hash(infos), where="features.parquet")
        values = np.empty((table.num_rows, len(infos)), dtype=np.float32)
        for i, info in enumerate(infos):
            values[:, i] = table.column(info.name).to_numpy()
        return cls(values, infos)
