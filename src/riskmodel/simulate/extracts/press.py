"""Prints tables as CSV, with a few rows spoilt on purpose, and keeps the agencies' keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from riskmodel.simulate.clock import IntArray

Column: TypeAlias = Any
"""A pyarrow or numpy array."""

Fault = tuple[str, str]
"""A column and what is wrongly written in it. ``TWICE`` repeats the whole row instead."""

TWICE: Fault = ("", "the row is there twice")

AGENCIES = ("EDU", "CSC", "CLA", "YJ", "HEALTH", "POLICE", "HOUSING", "SUPPORT")
_LETTER = {
    "EDU": "E", "CSC": "C", "CLA": "L", "YJ": "Y", "HEALTH": "H", "POLICE": "P", "HOUSING": "R", "SUPPORT": "S",
}  # fmt: skip
_Numbers = TypeVar("_Numbers", bound=npt.NDArray[np.integer[Any]])


@dataclass(frozen=True)
class Numbering:
    """Gives every district numbers of its own: those that leave the same rest when divided by their count."""

    district: int = 0
    districts: int = 1

    def of(self, number: _Numbers) -> _Numbers:
        """Return the borough-wide numbers of a district's own 0, 1, 2, ..."""
        return number * self.districts + self.district  # type: ignore[return-value]

    def text(self, prefix: str, number: npt.NDArray[np.integer], *, digits: int = 8) -> pa.Array:
        """Return a prefix and the borough-wide number, from 1 on, with leading zeros.

        A letter and eight digits cannot be taken for a pupil number (a letter and twelve) or an NHS number (ten).
        """
        figures = pc.cast(pa.array(self.of(number) + 1), pa.string())
        return pc.binary_join_element_wise(prefix, pc.utf8_lpad(figures, digits, "0"), "")


class Press:
    """Writes the files of one simulated borough and counts their rows.

    Parameters
    ----------
    folder : Path
        Where extracts go.
    faulty : float
        Share of rows to spoil in files that name faults.
    rng : numpy.random.Generator
        Decides which rows; each file has its own stream, so that one file's rows do not spoil another's.
    """

    def __init__(self, folder: Path, *, faulty: float, rng: np.random.Generator) -> None:
        self.folder = folder
        self.rows: dict[str, int] = {}
        self._faulty = faulty
        self._seed = int(rng.integers(2**62))

    def write(self, name: str, columns: Mapping[str, Column], faults: Sequence[Fault] = ()) -> None:
        """Write one CSV file: header, comma, UTF-8, nulls as blanks.

        Parameters
        ----------
        name : str
            Path below the folder.
        columns : mapping of str to array
            Equal lengths, in the order of the layout.
        faults : sequence of Fault
            What may be wrong with a row; a share of rows gets one of them.
        """
        rng = np.random.default_rng([self._seed, crc32(name.encode())])
        table = self._spoil(pa.table(dict(columns)), faults, rng)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        csv.write_csv(
            table, path, csv.WriteOptions(quoting_style="none", quoting_header="none", batch_size=65_536)
        )
        self.rows[name] = table.num_rows

    def write_text(self, name: str, text: str, *, rows: int) -> None:
        """Write one file that is not CSV, and note how many records it holds."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        self.rows[name] = rows

    def _spoil(self, table: pa.Table, faults: Sequence[Fault], rng: np.random.Generator) -> pa.Table:
        """Spoil a small share of rows, each in one way."""
        if not faults or not table.num_rows:
            return table
        count = rng.binomial(table.num_rows, self._faulty)
        rows = np.sort(rng.choice(table.num_rows, count, replace=False))
        which = rng.integers(0, len(faults), count)
        for number, (column, wrong) in enumerate(faults):
            hit = rows[which == number]
            if not len(hit):
                continue
            if (column, wrong) == TWICE:
                table = pa.concat_tables([table, table.take(pa.array(hit))])
            else:
                place = table.schema.get_field_index(column)
                table = table.set_column(place, column, _overwrite(table.column(place), hit, wrong))
        return table.combine_chunks()


def _overwrite(column: pa.ChunkedArray, rows: IntArray, wrong: str) -> pa.Array:
    """Return the column as text with the wrong value in some rows."""
    hit = np.zeros(len(column), np.bool_)
    hit[rows] = True
    return pc.if_else(pa.array(hit), wrong, column.cast(pa.string())).combine_chunks()


class KeyRing:
    """Every person's key at every agency, and which of them were used.

    Keys are numbered in a random order at each agency, so that nothing can be read from them.
    """

    def __init__(self, people: int, rng: np.random.Generator, numbering: Numbering = Numbering()) -> None:
        self.numbering = numbering
        self._number = {agency: rng.permutation(people) for agency in AGENCIES}
        self._used = {agency: np.zeros(people, np.bool_) for agency in AGENCIES}
        self._text: dict[str, pa.Array] = {}
        # Nine digits without order; distinct because the step is odd and prime to the modulus.
        order = numbering.of(rng.permutation(people).astype(np.int64))
        self.subject_id = 100_000_000 + (order * 7_368_787 + 411) % 899_999_963

    def of(self, agency: str, person: npt.NDArray[np.integer]) -> pa.Array:
        """Return the keys of these people at an agency, and remember that they were used."""
        self._used[agency][person] = True
        if agency not in self._text:
            self._text[agency] = self.numbering.text(_LETTER[agency], self._number[agency])
        return self._text[agency].take(pa.array(person))

    def number(self, agency: str, person: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return the borough-wide numbers behind the keys."""
        return self.numbering.of(self._number[agency][person].astype(np.int64))

    def used(self, agency: str) -> npt.NDArray[np.int64]:
        """Return the people whose key at an agency was used."""
        return np.flatnonzero(self._used[agency])

    def second(self, agency: str, person: npt.NDArray[np.integer]) -> pa.Array:
        """Return another key of these people: they were registered twice. It numbers on after everybody's first."""
        return self.numbering.text(_LETTER[agency], len(self._used[agency]) + self._number[agency][person])

    def spine(self, *, unlinked: float, rng: np.random.Generator) -> dict[str, Column]:
        """Return the columns of the linkage spine; a few keys could not be matched and are missing."""
        agency: list[str] = []
        people = []
        texts = []
        for name in AGENCIES:
            used = np.flatnonzero(self._used[name])
            used = used[np.argsort(self._number[name][used])]
            if name != "HOUSING":  # residence decides who is in the borough at all
                used = used[rng.random(len(used)) >= unlinked]
            agency += [name] * len(used)
            people.append(used)
            texts.append(self.of(name, used))
        return {
            "agency": pa.array(agency),
            "key": pa.concat_arrays(texts),
            "subject_id": self.subject_id[np.concatenate(people)],
        }


def pick(
    choices: Mapping[str, float], count: int, rng: np.random.Generator
) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Draw text at random by weight; a choice named "" is written as a blank. Also returns the indices."""
    weight = np.array(list(choices.values()))
    index = np.searchsorted(np.cumsum(weight / weight.sum())[:-1], rng.random(count), side="right")
    return named(tuple(choices), index), index


def named(names: Sequence[str], index: npt.NDArray[np.integer]) -> pa.Array:
    """Return names by index; the empty name becomes null."""
    return pa.array([name or None for name in names], pa.string()).take(pa.array(index))
