"""The words in which a layout is written down: its fields, its rules, and what events it gives.

A layout is data; ``database.py`` turns it into queries. Expressions are SQL over the layout's own columns.
"""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Literal

from riskmodel.intake.reading import TextRows
from riskmodel.intake.spec import DelaySpec

Basis = Literal["recorded", "declared_delay"]
Context = Mapping[str, int | date]

ISO = "%Y-%m-%d"
SCHOOL = "%Y-%b-%d %H:%M:%S"
DAY_FIRST = "%d/%m/%Y"
RECORD = "record_id"  # its rows are versions of one record


class Kind(Enum):
    """How a field's text is read."""

    KEY = "key"
    TEXT = "text"
    CODE = "code"
    DAY = "day"
    INSTANT = "instant"
    NUMBER = "number"
    WHOLE = "whole number"
    YES_NO = "yes or no"


@dataclass(frozen=True)
class Field:
    """One column of a file.

    Attributes
    ----------
    column : str
        Its official name.
    kind : Kind
        How it is read. A ``KEY`` never leaves intake, not even into quarantine.
    required : bool
        Whether a row without a value is set aside.
    codes : mapping of str to str
        For ``CODE``: what may be written, and what it means here.
    low, high : float
        For ``NUMBER``: inclusive bounds.
    may_lack : bool
        Whether a file may come without this column.
    title : str
        What reasons and quarantine call it, if not ``column``.
    """

    column: str
    kind: Kind
    required: bool = True
    codes: Mapping[str, str] = field(default_factory=dict)
    low: float = 0.0
    high: float = 0.0
    may_lack: bool = False
    title: str = ""

    @property
    def shown(self) -> str:
        """What people see it called."""
        return self.title or self.column


def key(column: str) -> Field:
    """Return a required key."""
    return Field(column, Kind.KEY)


def record_key() -> Field:
    """Return the key of a record that may have several versions; files may come without it."""
    return Field(RECORD, Kind.KEY, required=False, may_lack=True)


def text(column: str, *, may_lack: bool = False) -> Field:
    """Return free text that may be empty."""
    return Field(column, Kind.TEXT, required=False, may_lack=may_lack)


def day(column: str, *, required: bool = True, may_lack: bool = False) -> Field:
    """Return a date."""
    return Field(column, Kind.DAY, required, may_lack=may_lack)


def code(
    column: str, codes: Mapping[str, str] | str, *, required: bool = True, may_lack: bool = False
) -> Field:
    """Return a code; ``codes`` as text lists codes that mean themselves."""
    meaning = {word: word for word in codes.split()} if isinstance(codes, str) else codes
    return Field(column, Kind.CODE, required, meaning, may_lack=may_lack)


def number(column: str, low: float, high: float, *, required: bool = True) -> Field:
    """Return a number between two inclusive bounds."""
    return Field(column, Kind.NUMBER, required, low=low, high=high)


def yes_no(column: str, *, required: bool = True, may_lack: bool = False) -> Field:
    """Return a truth value."""
    return Field(column, Kind.YES_NO, required, may_lack=may_lack)


@dataclass(frozen=True)
class Rule:
    """A row for which ``broken`` holds is set aside for ``reason``."""

    broken: str
    reason: str


def in_order(earlier: str, later: str) -> Rule:
    """Return the rule that a date is not before another; empty dates break nothing."""
    return Rule(f'typed."{later}" < typed."{earlier}"', f"{later} is before {earlier}")


def born_before(born: str, later: str) -> Rule:
    """Return the rule that a date is not before the month of birth, where both stand in one row."""
    return Rule(f'typed."{later}" < date_trunc(\'month\', typed."{born}")', f"{later} is before {born}")


def retired(column: str, codes: str, *, where: str) -> Rule:
    """Return the rule that some codes are no longer, or not yet, in use in the years that ``where`` holds for."""
    used = ", ".join(f"'{word}'" for word in codes.split())
    return Rule(f'typed."{column}" IN ({used}) AND {where}', f"{column} is not a code of this year's return")


@dataclass(frozen=True)
class Link:
    """How a row finds its subject: by its agency's key, or through a row of another table of the same delivery.

    Attributes
    ----------
    agency, key : str
        The agency in the spine, and the column that holds its key.
    parent : str
        The other table, whose layout comes first.
    on : tuple of str
        Columns that both share; at least one comes from the name of the file.
    orphan : str
        The reason when there is no such row.
    """

    agency: str = ""
    key: str = ""
    parent: str = ""
    on: tuple[str, ...] = ()
    orphan: str = ""


@dataclass(frozen=True)
class Layout:
    """One kind of file.

    Attributes
    ----------
    name : str
        Name of the table that accepted rows go to.
    pattern : str
        Regular expression of the file's path below the extract folder; its groups go to ``context``.
    fields : tuple of Field
        The columns that are read. All others are ignored.
    link : Link
        How rows find their subject; None for files that are never linked.
    rules : tuple of Rule
        Beyond what each field demands.
    unique : tuple of tuple of str
        Columns that no two rows of a file share; the first row stays.
    day_formats : tuple of str
        How dates are written.
    context : callable
        Facts that the file's name gives every row, as SQL column name to value.
    context_types : mapping of str to str
        Those columns and their SQL types.
    tells : tuple of str
        How the codes of its events begin. A later delivery without such a file replaces none of them.
    happened : str
        Column of the day that cannot be before the month of birth that files read so far give, or empty.
    """

    name: str
    pattern: str
    fields: tuple[Field, ...]
    link: Link | None
    rules: tuple[Rule, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    day_formats: tuple[str, ...] = (ISO,)
    context: Callable[[re.Match[str]], Context] = lambda _match: {}
    context_types: Mapping[str, str] = field(default_factory=dict)
    tells: tuple[str, ...] = ()
    happened: str = ""


@dataclass(frozen=True)
class Point:
    """Events without duration: one for each row of ``table`` where ``where`` holds.

    ``known`` before ``time`` cannot be: the later of both is used where a delay is declared, and rows whose
    recorded date is earlier were set aside before. ``versions`` says that rows with the same ``record_id`` are
    versions of one record: the events of each are superseded when the next is known.
    """

    table: str
    code: str
    time: str
    known: str
    basis: Basis
    number: str = "NULL"
    where: str = "TRUE"
    versions: bool = False


@dataclass(frozen=True)
class Spell:
    """A pair of events ``{stem}//START`` and ``{stem}//END`` for what lasts.

    Sources report the same spell again and again. A spell is known by its subject and start; when a later report
    (``reported``) changes the end, the earlier end is superseded on the day the later report was known.

    Attributes
    ----------
    start, end : str
        SQL of the first and last day; an empty end means that it lasts.
    known_start, known_end : str
        SQL of the days when each could first be read.
    reported : str
        SQL of the day when this report could first be read.
    detail : str
        SQL of a word that is added to the start's code, or empty.
    ends_only : bool
        Whether another rule gives the starts.
    """

    table: str
    stem: str
    start: str
    end: str
    known_start: str
    known_end: str
    reported: str
    basis: Basis
    detail: str = ""
    where: str = "TRUE"
    ends_only: bool = False


@dataclass(frozen=True)
class Derived:
    """Events that need a query of their own.

    ``sql`` gives columns ``subject_id, time, known, basis, code, number, file``. ``once`` says that no two of its
    rows are the same event, so that nobody need look.
    """

    sql: str
    once: bool = False


EventRule = Point | Spell | Derived


@dataclass(frozen=True)
class Fact:
    """A fact about a person: ``what`` is birth, sex, ethnicity or school; ``value`` and ``known`` are SQL."""

    what: Literal["birth", "sex", "ethnicity", "school"]
    table: str
    value: str
    known: str


@dataclass(frozen=True)
class Source:
    """Everything intake knows about one agency's delivery.

    Attributes
    ----------
    agency : str
        Its code in events and observation.
    layouts : tuple of Layout
        A parent comes before the layouts that link through it.
    events : callable
        The event rules under declared delays.
    facts : callable
        The facts about persons under declared delays.
    yearly : bool
        Whether each file covers a year to 31 March (``year_end`` in every table), so that the agency was not
        observed outside these years. Otherwise a delivery covers the whole period of the extract.
    read_elements : callable, optional
        Reads a file that holds several tables: from the path and its name to rows by the part of the layout's
        pattern after ``#``. Other files are CSV with one table.
    """

    agency: str
    layouts: tuple[Layout, ...]
    events: Callable[[DelaySpec], tuple[EventRule, ...]] = lambda _delays: ()
    facts: Callable[[DelaySpec], tuple[Fact, ...]] = lambda _delays: ()
    yearly: bool = False
    read_elements: Callable[[Path, str], Mapping[str, TextRows]] | None = None


def moves(table: str, *, place: str, start: str, known: str, code: str, basis: Basis) -> Derived:
    """Return an event at each start at a place when an earlier start at another place is known.

    It is known once both starts are known, so no later record changes what an index date sees.
    """
    return Derived(f"""
        WITH stays AS (
            SELECT subject_id, "{place}" AS place, {start} AS start, min({known}) AS known, min(file) AS file
            FROM {table} GROUP BY ALL
        )
        SELECT here.subject_id, here.start AS time, greatest(here.known, min(before.known)) AS known,
               '{basis}' AS basis, '{code}' AS code, NULL AS number, here.file AS file
        FROM stays AS here
        JOIN stays AS before ON before.subject_id = here.subject_id
            AND before.start < here.start AND before.place <> here.place
        GROUP BY here.subject_id, here.place, here.start, here.known, here.file""")
