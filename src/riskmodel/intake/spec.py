"""What a study may say about data that are brought in: official extracts, an event folder, or CSV files."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Days = Annotated[int, Field(ge=0, le=3650)]
Name = Annotated[str, Field(min_length=1)]
# Columns that look like direct identifiers, and why they are not.
DeclaredUse = dict[Name, Name]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DelaySpec(_Spec):
    """Days between what happened and when the borough's analysts can first read it, where no date says so.

    The defaults are assumptions, stated so that a borough replaces them by what it measures. Too small a delay
    lets a model read what nobody knew yet.

    Parameters
    ----------
    school_term_days : int
        After the last day of term: attendance, suspensions, exclusions and alternative provision. Six weeks for
        schools to return a term and for the authority to load it (assumed).
    school_roll_days : int
        After the census day: the roll itself, free school meals, special educational needs (assumed: the
        authority reads its own schools' returns on the day).
    cin_days : int
        After each event in the children in need census: time until a social worker has written it up (assumed).
    ssda903_days : int
        After each event in the looked-after children return (assumed).
    """

    school_term_days: Days = 42
    school_roll_days: Days = 0
    cin_days: Days = 14
    ssda903_days: Days = 14


class ExtractsSpec(_Spec):
    """``data.kind: extracts``: a folder of official extracts, already pseudonymised and with a spine."""

    kind: Literal["extracts"] = "extracts"
    path: Path
    delays: DelaySpec = DelaySpec()


class AlwaysObserved(_Spec):
    """A declaration that every agency would have recorded everybody on every day of a period.

    Parameters
    ----------
    first_day, last_day : date
        Both inclusive.
    """

    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError("last_day is before first_day")
        return self


class EventsSpec(_Spec):
    """``data.kind: events``: a folder with ``events.parquet``, or a MEDS dataset with ``data/**/*.parquet``.

    Parameters
    ----------
    path : Path
        The folder. Beside the events it may hold ``observation.parquet``, ``residence.parquet`` and
        ``attributes.parquet`` in the documented shapes.
    observation : AlwaysObserved, optional
        Needed when there is no ``observation.parquet``: without either, a count of zero cannot be told from
        not knowing, and such features are missing.
    declared_use : mapping
        For each column that looks like a direct identifier: why it is not one. Without it, it is refused.
    """

    kind: Literal["events"] = "events"
    path: Path
    observation: AlwaysObserved | None = None
    declared_use: DeclaredUse = {}


class CodeColumn(_Spec):
    """A code made of a fixed beginning and what a column holds, such as ``EDU//SUSPENSION//`` and ``DB``."""

    column: Name
    prefix: str = ""


class CsvFile(_Spec):
    """How one CSV file becomes events.

    Parameters
    ----------
    path : Path
        Relative to ``CsvSpec.path``.
    subject : str
        Column that says who. Whole numbers are kept; other keys are replaced by a number made from their hash.
    time : str
        Column that says when it happened.
    code : str or CodeColumn
        One code for every row (``AGENCY//WHAT//DETAIL``), or the column it comes from.
    known_time : str, optional
        Column that says when it could first be read.
    known_delay_days : int, optional
        Or so many days after it happened. One of the two is needed.
    value : str, optional
        Column of numbers.
    date_format : str
        As in ``strptime``; the default is ``2024-10-16``.
    encoding : str
        Of the file.
    """

    path: Path
    subject: Name
    time: Name
    code: Name | CodeColumn
    known_time: Name | None = None
    known_delay_days: Days | None = None
    value: Name | None = None
    date_format: Name = "%Y-%m-%d"
    encoding: Name = "utf-8"

    @model_validator(mode="after")
    def _one_way_to_know(self) -> Self:
        if (self.known_time is None) == (self.known_delay_days is None):
            raise ValueError("say either known_time (a column) or known_delay_days (a number), and not both")
        return self


class CsvAttributes(_Spec):
    """A CSV file of audited attributes, one row a subject: ``columns`` maps attribute to column."""

    path: Path
    subject: Name
    columns: dict[Name, Name] = Field(min_length=1)
    encoding: Name = "utf-8"


class CsvSpec(_Spec):
    """``data.kind: csv``: files and a mapping of their columns.

    Parameters
    ----------
    path : Path
        The folder.
    files : tuple of CsvFile
    attributes : tuple of CsvAttributes
    observation : AlwaysObserved, optional
    declared_use : mapping
        For each column that looks like a direct identifier: why it is not one. Without it, it is refused.
    """

    kind: Literal["csv"] = "csv"
    path: Path
    files: tuple[CsvFile, ...] = Field(min_length=1)
    attributes: tuple[CsvAttributes, ...] = ()
    observation: AlwaysObserved | None = None
    declared_use: DeclaredUse = {}
