"""Reads the extracts of a borough as a stranger would: agencies' files, linked by the spine, nothing else.

Nothing here sees the truth or the parameters. A row spoilt on purpose is left out where it cannot be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from riskmodel.files import read_json
from riskmodel.tables.days import to_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Ids = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]

NEVER = 2**30
"""The day of what has not ended, or never happened."""

_CENSUS_DAY = {"autumn": (10, 5), "spring": (1, 18), "summer": (5, 18)}


@dataclass(frozen=True)
class Dated:
    """Rows about subjects, with a day each; -1 for a subject or a day that could not be read."""

    subject: Ids
    day: Ids

    def first(self) -> tuple[Ids, Ids]:
        """Return each subject once, sorted, and the first day of each."""
        good = (self.subject >= 0) & (self.day > 0)
        subject, day = self.subject[good], self.day[good]
        order = np.lexsort((day, subject))
        unique, place = np.unique(subject[order], return_index=True)
        return unique, day[order][place]


@dataclass(frozen=True)
class Need:
    """Referrals and episodes of need, as the latest census that holds them has them."""

    subject: Ids
    start: Ids
    end: Ids
    no_action: npt.NDArray[np.bool_]
    plan_start: Ids
    plan_end: Ids
    factors: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Extracts:
    """One folder of extracts. Each file is read once, when it is first asked for."""

    folder: Path

    @cached_property
    def last_day(self) -> int:
        """The last day that can be in the data."""
        return to_day(date.fromisoformat(read_json(self.folder / "manifest.json")["extract_date"]))

    @cached_property
    def _subjects(self) -> Mapping[str, tuple[pa.Array, Ids]]:
        spine = read(self.folder / "spine.csv")
        found = {}
        for name in pc.unique(spine["agency"]).to_pylist():
            rows = spine.filter(pc.equal(spine["agency"], name))
            found[name] = (rows["key"].combine_chunks(), rows["subject_id"].cast(pa.int64()).to_numpy())
        return found

    def subject(self, agency: str, key: pa.ChunkedArray | pa.Array) -> Ids:
        """Return the subject of each key, -1 where the spine has none."""
        keys, ids = self._subjects[agency]
        return _look_up(key, keys, ids)

    @cached_property
    def roll(self) -> pa.Table:
        """Every row of every term's roll, with subject, academic year, term and day of the census."""
        parts = []
        for path in self._census("pupilonroll"):
            rows = read(path)
            parts.append(_labelled(rows, path.name, self.subject("EDU", rows["upn"])))
        return pa.concat_tables(parts)

    def school(self, kind: str) -> pa.Table:
        """Return one kind of census file for all terms, labelled as the roll is."""
        parts = []
        for path in self._census(kind):
            rows = read(path)
            keys, ids = self._rolls[path.name.removesuffix(f"_{kind}.csv")]
            parts.append(_labelled(rows, path.name, _look_up(rows["pupilonrolltableid"], keys, ids)))
        return pa.concat_tables(parts)

    def _census(self, kind: str) -> list[Path]:
        return sorted((self.folder / "school_census").glob(f"*_{kind}.csv"))

    @cached_property
    def _rolls(self) -> Mapping[str, tuple[pa.Array, Ids]]:
        roll = self.roll.combine_chunks()
        label = pc.binary_join_element_wise(roll["calendar"], roll["term"], "_")
        found = {}
        for name in pc.unique(label).to_pylist():
            rows = roll.filter(pc.equal(label, name))
            found[name] = (rows["pupilonrolltableid"].combine_chunks(), rows["subject"].to_numpy())
        return found

    @cached_property
    def exclusions(self) -> pa.Table:
        """Suspensions and exclusions, with their day."""
        rows = self.school("termlyexclusionsonroll")
        return rows.append_column("day", pa.array(census_days(rows["startdate"])))

    def dated(self, kind: str, column: str) -> Dated:
        """Return one kind of census file as subjects and days."""
        rows = self.school(kind)
        return Dated(rows["subject"].to_numpy(), census_days(rows[column]))

    @cached_property
    def absence(self) -> tuple[Ids, Ids, Shares, Shares]:
        """Subject, academic year, share of sessions missed, and missed with code O, for every pupil and year."""
        roll = self.roll.filter(pc.greater_equal(self.roll["subject"], 0))
        key, offered = _sum_by_year(roll, roll["termlysessionspossible"])
        details = self.school("termlysessiondetailsonroll")
        whole = pc.and_(
            pc.greater_equal(details["subject"], 0), pc.greater_equal(details["sessions"].cast(pa.int64()), 0)
        )
        details = details.filter(whole)
        other = details.filter(pc.equal(details["attendancereason"], "O"))
        missed, unauthorised = (
            _share(key, offered, *_sum_by_year(part, part["sessions"])) for part in (details, other)
        )
        return key // 10_000, key % 10_000, missed, unauthorised

    @cached_property
    def need(self) -> Need:
        """Every referral and episode of need in the yearly censuses, once."""
        rows: dict[tuple[int, int], tuple[Any, ...]] = {}
        for path in sorted((self.folder / "cin_census").glob("cin_*.xml")):
            children = list(ET.parse(path).getroot().iter("Child"))  # noqa: S314 (our own file)
            keys = pa.array([child.findtext("ChildIdentifiers/LAchildID") for child in children])
            for subject, child in zip(self.subject("CSC", keys).tolist(), children, strict=True):
                for details in child.iter("CINdetails"):
                    row = _episode(details)
                    rows[subject, row[0]] = (subject, *row)
        subject, start, end, no_action, plan_start, plan_end, factors = zip(*rows.values(), strict=True)
        return Need(
            subject=np.array(subject, np.int64),
            start=np.array(start, np.int64),
            end=np.array(end, np.int64),
            no_action=np.array(no_action, np.bool_),
            plan_start=np.array(plan_start, np.int64),
            plan_end=np.array(plan_end, np.int64),
            factors=factors,
        )

    @cached_property
    def care(self) -> tuple[Ids, Ids, Ids]:
        """Subject, start and end (NEVER if it runs on) of each placement in the latest return that has it."""
        found: dict[tuple[int, int], int] = {}
        for path in sorted((self.folder / "ssda903").glob("*_episodes.csv")):
            rows = read(path)
            subject = self.subject("CLA", rows["CHILD"])
            start, end = uk_days(rows["DECOM"]), uk_days(rows["DEC"], open_end=True)
            good = (subject >= 0) & (start > 0) & (end > start)
            found.update(
                zip(
                    zip(subject[good].tolist(), start[good].tolist(), strict=True),
                    end[good].tolist(),
                    strict=True,
                )
            )
        whose = np.array(list(found), np.int64).reshape(-1, 2)
        return whose[:, 0], whose[:, 1], np.array(list(found.values()), np.int64)

    @cached_property
    def cases(self) -> pa.Table:
        """Youth justice cases as last recorded, with subject, day and gravity as numbers."""
        rows = latest(read(self.folder / "youth_justice" / "cases.csv"))
        gravity = pc.fill_null(rows["gravity"].cast(pa.int64()), 0)
        return (
            rows.append_column("subject", pa.array(self.subject("YJ", rows["ypid"])))
            .append_column("day", pa.array(iso_days(rows["offence_date"])))
            .append_column("severity", gravity)
        )

    @cached_property
    def police(self) -> pa.Table:
        """Police records of people as last recorded, with the subject."""
        rows = latest(read(self.folder / "police" / "people.csv"))
        return rows.append_column("subject", pa.array(self.subject("POLICE", rows["nominal"])))

    @cached_property
    def emergency(self) -> pa.Table:
        """Emergency attendances as last recorded, with subject and day."""
        rows = latest(read(self.folder / "health" / "emergency.csv"))
        return rows.append_column(
            "subject", pa.array(self.subject("HEALTH", rows["person_key"]))
        ).append_column("day", pa.array(iso_days(rows["arrival_date"])))

    @cached_property
    def homes(self) -> tuple[Ids, Ids, Ids]:
        """Subject, first and last day (not included) of each stay at an address."""
        rows = read(self.folder / "housing" / "residence.csv")
        start, end = iso_days(rows["start_date"]), iso_days(rows["end_date"], open_end=True)
        subject = self.subject("HOUSING", rows["person_key"])
        good = (subject >= 0) & (start > 0) & (end > start)
        return subject[good], start[good], end[good]

    @cached_property
    def born(self) -> tuple[Ids, Ids]:
        """Subjects, sorted, and their dates of birth, from the census and the register of births."""
        births = read(self.folder / "health" / "births.csv")
        ids = np.concatenate([self.roll["subject"].to_numpy(), self.subject("HEALTH", births["person_key"])])
        days = np.concatenate([census_days(self.roll["dob"]), iso_days(births["birth_month"])])
        good = (ids >= 0) & (days > 0)
        unique, first = np.unique(ids[good], return_index=True)
        return unique, days[good][first]

    @cached_property
    def stops(self) -> pa.Table:
        """Every published search."""
        return pa.concat_tables(read(path) for path in sorted((self.folder / "stop_search").glob("*.csv")))

    def age(self, subject: Ids, day: int | Ids) -> Shares:
        """Return ages in years, NaN where the date of birth is not known."""
        ids, days = self.born
        place = np.minimum(np.searchsorted(ids, subject), len(ids) - 1)
        return np.where(ids[place] == subject, (day - days[place]) / 365.25, np.nan)

    def present(self, day: int) -> Ids:
        """Return who lived here on a day."""
        subject, start, end = self.homes
        return np.unique(subject[(start <= day) & (day < end)])

    def residents(self, day: int, ages: tuple[float, float]) -> Ids:
        """Return the residents of these ages (from, to below) on a day."""
        here = self.present(day)
        age = self.age(here, day)
        return here[(age >= ages[0]) & (age < ages[1])]


def read(path: Path) -> pa.Table:
    """Return a CSV file with every column as text."""
    with path.open(encoding="utf-8") as stream:
        header = stream.readline().strip().split(",")
    convert = csv.ConvertOptions(
        column_types={name: pa.string() for name in header}, strings_can_be_null=True
    )
    return csv.read_csv(path, convert_options=convert)


def latest(rows: pa.Table) -> pa.Table:
    """Return the last version of each record; rows without a ``record_id`` are records of their own."""
    if "record_id" not in rows.column_names:
        return rows
    number = rows.append_column("row", pa.array(np.arange(len(rows))))
    order = number.sort_by([("recorded_date", "ascending"), ("row", "ascending")])
    record = order["record_id"].to_pylist()
    last = {name: place for place, name in enumerate(record) if name is not None}
    kept = [place for place, name in enumerate(record) if name is None or last[name] == place]
    return order.take(pa.array(kept)).drop_columns(["row"])


def iso_days(column: pa.ChunkedArray, *, open_end: bool = False) -> Ids:
    """Return ISO dates as days; blanks as NEVER if they mean no end, what cannot be read as -1."""
    return _days(column, "%Y-%m-%d", open_end=open_end)


def uk_days(column: pa.ChunkedArray, *, open_end: bool = False) -> Ids:
    """Return day-first dates as days, as the SSDA903 writes them."""
    return _days(column, "%d/%m/%Y", open_end=open_end)


def census_days(column: pa.ChunkedArray, *, open_end: bool = False) -> Ids:
    """Return dates as days, as the school census writes them."""
    return _days(column, "%Y-%b-%d %H:%M:%S", open_end=open_end)


def _days(column: pa.ChunkedArray, style: str, *, open_end: bool) -> Ids:
    """Read each distinct text once."""
    encoded = column.combine_chunks().dictionary_encode()
    days = np.array([_day(text, style) for text in encoded.dictionary.to_pylist()] or [-1], np.int64)
    blank = NEVER if open_end else -1
    place = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
    return np.where(encoded.indices.is_valid().to_numpy(zero_copy_only=False), days[place], blank)


def _day(text: str | None, style: str) -> int:
    try:
        return to_day(datetime.strptime(text or "", style).date())  # noqa: DTZ007 (a day, no zone)
    except ValueError:  # a row spoilt on purpose
        return -1


def _iso(text: str | None, *, blank: int) -> int:
    return blank if text is None else _day(text, "%Y-%m-%d")


def _look_up(key: pa.ChunkedArray | pa.Array, keys: pa.Array, ids: Ids) -> Ids:
    """Return the id of each key, -1 where it is not known."""
    place = pc.fill_null(pc.index_in(key, value_set=keys), -1).to_numpy()
    return np.where(place >= 0, ids[place], -1)


def _labelled(rows: pa.Table, name: str, subject: Ids) -> pa.Table:
    """Add to the rows of one census file whose they are and from which census."""
    calendar, term, _ = name.split("_", 2)
    academic = int(calendar) - (term != "autumn")
    census = to_day(date(int(calendar), *_CENSUS_DAY[term]))
    labels = {
        "subject": pa.array(subject),
        "academic": pa.array(np.full(len(rows), academic, np.int64)),
        "calendar": pa.array([calendar] * len(rows), pa.string()),
        "term": pa.array([term] * len(rows), pa.string()),
        "census": pa.array(np.full(len(rows), census, np.int64)),
    }
    for label, column in labels.items():
        rows = rows.append_column(label, column)
    return rows


def _sum_by_year(rows: pa.Table, amount: pa.ChunkedArray) -> tuple[Ids, Ids]:
    """Return subject and academic year as one sorted number, and the sum of the amount for each."""
    key = rows["subject"].to_numpy() * 10_000 + rows["academic"].to_numpy()
    unique, place = np.unique(key, return_inverse=True)
    return unique, np.bincount(place, weights=amount.cast(pa.int64()).to_numpy()).astype(np.int64)


def _share(key: Ids, offered: Ids, missed_key: Ids, missed: Ids) -> Shares:
    share = np.zeros(len(key))
    place = np.searchsorted(key, missed_key)
    share[place] = missed / offered[place]
    return share


def _episode(details: ET.Element) -> tuple[int, int, bool, int, int, tuple[str, ...]]:
    """Return start, end, closed without action, start and end of the protection plan, factors."""
    plan = details.find("ChildProtectionPlans")
    plan_start = _iso(plan.findtext("CPPstartDate"), blank=NEVER) if plan is not None else NEVER
    plan_end = _iso(plan.findtext("CPPendDate"), blank=NEVER) if plan is not None else NEVER
    return (
        _iso(details.findtext("CINreferralDate"), blank=-1),
        _iso(details.findtext("CINclosureDate"), blank=NEVER),
        details.findtext("ReferralNFA") == "1",
        plan_start,
        plan_end,
        tuple(factor.text or "" for factor in details.iter("AssessmentFactors")),
    )
