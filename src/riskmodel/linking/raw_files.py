"""Finds the agencies' raw files, and the names under which intake expects what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from riskmodel.errors import DataError, StudyError
from riskmodel.intake.layout import Context, Layout, Source
from riskmodel.intake.layouts import stop_search
from riskmodel.intake.reading import csv_name
from riskmodel.intake.sources import SOURCES

STOPS = stop_search.SOURCE
_UNDATED_CARE_FILE = re.compile(r"(?P<folder>(?:.*/)?ssda903/)903_(?P<kind>[a-z0-9]+)(?P<suffix>\.\w+)")


@dataclass(frozen=True)
class RawFile:
    """One file of an agency.

    Attributes
    ----------
    path : Path
        Where it is.
    name : str
        What it is called below the extracts folder, in the form that intake reads.
    source : Source
        The agency's delivery that it belongs to.
    layouts : tuple of Layout
        What it holds: one table, or one for each kind of element.
    context : mapping
        What its name says, such as the term.
    """

    path: Path
    name: str
    source: Source
    layouts: tuple[Layout, ...]
    context: Context

    @property
    def agency(self) -> str:
        """Whose keys it holds; empty for files about nobody in particular."""
        linked = (layout.link.agency for layout in self.source.layouts if layout.link)
        return next((agency for agency in linked if agency), "")

    @property
    def is_elements(self) -> bool:
        """Whether it holds several tables."""
        return self.source.read_elements is not None


def raw_files(folder: Path, *, ssda903_year: int | None) -> tuple[list[RawFile], int]:
    """Return the files that some layout describes, each after those it links through, and how many others there are.

    Parameters
    ----------
    folder : Path
        Holds a folder for each agency, as extracts do; workbooks stand for CSV files of the same name.
    ssda903_year : int, optional
        The year to 31 March that files named ``903_...`` are about.

    Raises
    ------
    StudyError
        If such files are there and no year is given.
    DataError
        If two files are about the same thing, or there is no file at all.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    found = [
        file for name in names for file in _described(folder, name, _dated(csv_name(name), ssda903_year))
    ]
    _refuse_twins(found)
    others = len(names) - len(found) - sum(name in ("spine.csv", "manifest.json") for name in names)
    return sorted(found, key=_order), others


def _dated(name: str, year: int | None) -> str:
    """Return the name of a looked-after children file with its year, which the official name leaves out."""
    match = _UNDATED_CARE_FILE.fullmatch(name)
    if match is None:
        return name
    if year is None:
        raise StudyError(
            ["files named 903_... do not say their year: add --ssda903-year with the year to 31 March"],
            where="the command",
        )
    return f"{match['folder']}{year}_{match['kind']}{match['suffix']}"


def _described(folder: Path, raw_name: str, name: str) -> Iterator[RawFile]:
    for source in (*SOURCES, STOPS):
        groups = [source.layouts] if source.read_elements else [(layout,) for layout in source.layouts]
        for layouts in groups:
            match = re.fullmatch(layouts[0].pattern.partition("#")[0], name)
            if match:
                yield RawFile(folder / raw_name, name, source, layouts, layouts[0].context(match))


def _order(file: RawFile) -> tuple[int, str, int, str]:
    source = (*SOURCES, STOPS).index(file.source)
    period = "".join(f"{value:>12}" for value in map(str, file.context.values()))
    return source, period, file.source.layouts.index(file.layouts[0]), file.name


def _refuse_twins(files: list[RawFile]) -> None:
    if not files:
        raise DataError(
            expected="files of at least one agency, such as school_census/2024_autumn_pupilonroll.csv",
            found="none that a layout describes",
            where="the raw folder",
            next_step="Compare its folders and names with the tutorial on official files.",
        )
    names = [file.name for file in files]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise DataError(
            expected="each file once, as CSV or as a workbook",
            found="two that stand for one",
            where=twins[0],
            next_step="Leave only the one that is meant.",
        )
