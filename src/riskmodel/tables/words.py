"""Dictionary columns of an Arrow table as plain lists and arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def words(column: pa.ChunkedArray) -> list[str]:
    """Return the dictionary of a column of codes."""
    if column.num_chunks == 0:
        return []
    return list(column.chunk(0).dictionary.to_pylist())


def indices(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """Return a column of codes as positions in its dictionary."""
    if column.num_chunks == 0:
        return np.zeros(0, dtype=np.int32)
    return np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks]).astype(np.int32, copy=False)
