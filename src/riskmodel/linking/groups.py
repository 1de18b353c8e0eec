"""Which group each person is in, by the agencies' own records; identities themselves say only the sex."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskmodel.errors import DataError
from riskmodel.intake.reading import read_rows
from riskmodel.linking.identities import Records

IntArray = npt.NDArray[np.int64]
UNKNOWN = "unknown"
COLUMNS = ("ethnicity", "deprivation_fifth")


def read_groups(path: Path, records: Records) -> dict[str, list[str]]:
    """Read ``agency,key,ethnicity,deprivation_fifth`` and return the last two for each record, empty where not said.

    Raises
    ------
    DataError
        If the file cannot be used, names a key twice, or names no key that the identities have.
    """
    rows = read_rows(path, where=path.name, columns=("agency", "key", *COLUMNS))
    table = rows.table
    place = {
        both: row
        for row, both in enumerate(zip(table["agency"].to_pylist(), table["key"].to_pylist(), strict=True))
    }
    if len(place) < table.num_rows:
        raise _fault(path, "every agency and key once", f"{table.num_rows - len(place)} rows more")
    keys = zip(records.table["agency"].to_pylist(), records.table["key"].to_pylist(), strict=True)
    rows_of = [place.get(both) for both in keys]
    if all(row is None for row in rows_of):
        raise _fault(path, "keys that the identities have", "none of them")
    told = {column: table[column].to_pylist() for column in COLUMNS}
    return {
        column: ["" if row is None else str(values[row]).strip() for row in rows_of]
        for column, values in told.items()
    }


def _fault(path: Path, expected: str, found: str) -> DataError:
    return DataError(
        expected=expected,
        found=found,
        where=path.name,
        next_step="Make the file again from the agencies' records.",
    )


def by_person(person: IntArray, values: list[str]) -> tuple[IntArray, tuple[str, ...]]:
    """Return each record's group: what most of its person's records say (the first in the alphabet if tied).

    Parameters
    ----------
    person : ndarray of int, shape (n_records,)
        Numbers from 0.
    values : list of str
        What each record says; empty if nothing.

    Returns
    -------
    tuple
        The group's place for each record, and the names of the groups; ``unknown`` is last.
    """
    names = (*sorted({value for value in values if value}), UNKNOWN)
    place = {name: number for number, name in enumerate(names)}
    code = np.array([place[value or UNKNOWN] for value in values], np.int64)
    said = np.flatnonzero(code < len(names) - 1)
    both, count = np.unique(person[said] * len(names) + code[said], return_counts=True)
    owner, group = both // len(names), both % len(names)
    order = np.lexsort((group, -count, owner))
    owner, group = owner[order], group[order]
    first = np.ones(len(owner), np.bool_)
    first[1:] = owner[1:] != owner[:-1]
    chosen = np.full(int(person.max(initial=-1)) + 1, len(names) - 1, np.int64)
    chosen[owner[first]] = group[first]
    return chosen[person], names


def sexes(records: Records) -> list[str]:
    """Return each record's sex as a group."""
    words = {"M": "Male", "F": "Female"}
    column: pa.ChunkedArray = records.table["sex"]
    return [words.get(value, "") for value in column.to_pylist()]
