"""Published stop-and-search files to one table of person searches, with an account of every row.

One row a search, as published. There is no person in these data: the same person may be searched many times, and
nothing says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskmodel.errors import DataError
from riskmodel.intake.layouts.stop_search import VEHICLE_TYPE
from riskmodel.stop_search.labels import (
    BLANK,
    COLUMNS,
    KNOWN,
    UNKNOWN,
    ethnic_group,
    is_positive,
    is_weapon_search,
)
from riskmodel.stop_search.raw_tables import read_tables

BoolArray = npt.NDArray[np.bool_]
Duplicates = Literal["keep", "drop"]
DEFINITIONS = ("officer_defined", "self_defined")
NO_MONTH = "unknown"
_LONDON = "Europe/London"


@dataclass(frozen=True)
class ReadingReport:
    """What became of every row.

    Parameters
    ----------
    files : mapping of str to int
        Rows by file.
    rows : int
        All rows.
    vehicle_only : int
        Rows that are searches of a vehicle and of nobody: counted here, and nowhere else.
    n_duplicates : int
        Person searches that repeat an earlier row in every published column.
    duplicates : str
        ``keep`` or ``drop``.
    unknown_labels : mapping of str to mapping of str to int
        By column, the labels that are not known and how often each occurs. Their rows are kept.
    blank : mapping of str to int
        By column, person searches in which it is blank, repeated ones included.
    unreadable_dates : int
        Person searches whose date could not be read.
    repeated_files : tuple of str
        Files that are, byte for byte, another file that was read: read once.
    """

    files: Mapping[str, int]
    rows: int
    vehicle_only: int
    n_duplicates: int
    duplicates: Duplicates
    unknown_labels: Mapping[str, Mapping[str, int]]
    blank: Mapping[str, int]
    unreadable_dates: int
    repeated_files: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return {**asdict(self), "repeated_files": list(self.repeated_files)}


@dataclass(frozen=True)
class Reading:
    """Person searches, and what became of every row.

    Parameters
    ----------
    rows : DataFrame
        One row a person search, repeated ones included, with our names of the columns (``labels.COLUMNS``), and ``day`` and ``month`` (local
        time), ``weapon``, ``positive`` and ``is_linked`` (1, 0, NaN where blank), ``copy`` (repeats an earlier row).
        The two ethnicities are groups (``labels.ALL_GROUPS``); a blank label is ``(blank)``.
    report : ReadingReport
        The account.
    """

    rows: pd.DataFrame
    report: ReadingReport

    @property
    def searches(self) -> pd.DataFrame:
        """Return the person searches that count, by the rule for duplicates."""
        return self.under(self.report.duplicates)

    def under(self, duplicates: Duplicates) -> pd.DataFrame:
        """Return the person searches that count under a rule for duplicates."""
        return self.rows if duplicates == "keep" else self.rows[~self.rows["copy"]].reset_index(drop=True)


def read_searches(paths: Sequence[Path], *, duplicates: Duplicates = "keep") -> Reading:
    """Read published files of any force and month.

    Parameters
    ----------
    paths : sequence of Path
        CSV files, JSON answers of the API, or folders with files named ``*stop-and-search.csv``.
    duplicates : str
        ``keep`` counts a row that repeats another in every column; ``drop`` counts it once. Published data have no
        number of a search, times are often rounded and places are moved to a nearby point, so two people searched
        together may give two equal rows: dropping loses real searches, most of all of people searched in groups.

    Raises
    ------
    StudyError
        If a file does not exist.
    DataError
        If a file is not one of stop and search.
    """
    frames, repeated = read_tables(paths)
    raw = pd.concat(frames.values(), ignore_index=True)
    searches, unknown = _tidied(raw)
    searches["copy"] = raw.duplicated().to_numpy()
    is_vehicle = (searches["type"] == VEHICLE_TYPE).to_numpy()
    people = searches[~is_vehicle].reset_index(drop=True)
    if people.empty:
        raise _nobody(len(raw), ", ".join(frames))
    report = ReadingReport(
        files={name: len(frame) for name, frame in frames.items()},
        rows=len(raw),
        vehicle_only=int(is_vehicle.sum()),
        n_duplicates=int(people["copy"].sum()),
        duplicates=duplicates,
        unknown_labels=unknown,
        blank={name: int(is_blank(people, name).sum()) for name in COLUMNS if name != "date"},
        unreadable_dates=int((people["month"] == NO_MONTH).sum()),
        repeated_files=repeated,
    )
    return Reading(people, report)


def is_blank(searches: pd.DataFrame, column: str) -> BoolArray:
    """Say of each search whether a column of the published file is blank."""
    if column in {"latitude", "longitude"}:
        return searches[column].isna().to_numpy()
    return (searches[column] == (UNKNOWN if column in DEFINITIONS else BLANK)).to_numpy()


def _nobody(rows: int, where: str) -> DataError:
    return DataError(
        expected="searches of people",
        found=f"{rows:,} rows, none of them a search of a person",
        where=where,
        next_step="Check that these are the files you meant.",
    )


def _tidied(raw: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """Return rows with one spelling a label, and the labels that are not known with how often each occurs."""
    unknown: dict[str, dict[str, int]] = {}
    tidy = pd.DataFrame(index=raw.index)
    for name in ("type", "sex", "age", *DEFINITIONS, "legislation", "object", "outcome", "linked"):
        spelled, strange = _spelled(raw[name], _speller(name))
        tidy[name] = spelled
        if strange:
            unknown[name] = strange
    for name in ("latitude", "longitude"):
        tidy[name] = pd.to_numeric(raw[name], errors="coerce")
    tidy["day"] = _local_days(raw["date"])
    tidy["month"] = tidy["day"].str[:7].where(tidy["day"] != "", NO_MONTH)
    pairs = tidy[["object", "legislation"]].drop_duplicates()
    weapon = {
        pair: is_weapon_search(*pair) for pair in zip(pairs["object"], pairs["legislation"], strict=True)
    }
    tidy["weapon"] = [weapon[pair] for pair in zip(tidy["object"], tidy["legislation"], strict=True)]
    positive = {label: is_positive("" if label == BLANK else label) for label in tidy["outcome"].unique()}
    tidy["positive"] = tidy["outcome"].map(positive).astype(float)
    tidy["is_linked"] = tidy["linked"].map({"True": 1.0, "False": 0.0}).astype(float)
    return tidy, unknown


def _speller(column: str) -> Callable[[str], tuple[str, bool]]:
    """Return what gives a label its one spelling, and says whether it is known."""
    known = KNOWN.get(column)

    def spell(label: str) -> tuple[str, bool]:
        words = " ".join(label.split())
        if column in DEFINITIONS:
            group = ethnic_group(words)
            return (UNKNOWN, False) if group is None else (group, True)
        if not words:
            return BLANK, True
        if known is None:
            return words, True
        return known.get(words.casefold(), words), words.casefold() in known

    return spell


def _spelled(
    labels: pd.Series[str], spell: Callable[[str], tuple[str, bool]]
) -> tuple[pd.Series[str], dict[str, int]]:
    counts = labels.value_counts(sort=False)
    spelled = {label: spell(label) for label in counts.index}
    strange = {label: int(counts[label]) for label in sorted(spelled) if not spelled[label][1]}
    return labels.map({label: words for label, (words, _) in spelled.items()}), strange


def _local_days(dates: pd.Series[str]) -> pd.Series[str]:
    """Return the day in London of each instant, such as ``2018-04-01``; empty where it cannot be read.

    Files give instants in universal time: the first hour of a summer month carries the date of the month before.
    """
    instants = pd.to_datetime(dates, utc=True, format="ISO8601", errors="coerce")
    return instants.dt.tz_convert(_LONDON).dt.strftime("%Y-%m-%d").fillna("")
