"""How close a simulated borough is to what is published: counted again from the extracts that were written.

Nothing here sees the truth or the parameters; it reads the files as a stranger would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from riskmodel.files import read_json
from riskmodel.tables.days import from_day, to_day

if TYPE_CHECKING:
    from pathlib import Path

Ids = npt.NDArray[np.int64]

_PUPILS = "MoJ and DfE linked data 2019/20, Waltham Forest, all pupils"
_CARE = "DfE, 31 March 2025, Waltham Forest"
_GROUP_OF = {"W": "White", "B": "Black", "M": "Mixed", "A": "Asian", "C": "Asian", "O": "Other"}


@dataclass(frozen=True)
class Margin:
    """One published number and its simulated counterpart.

    Parameters
    ----------
    name : str
        What is counted.
    target : float
        The published (or assumed) value.
    simulated : float
        The value counted from the extracts.
    tolerance : float
        How far it may be from the target in a borough of 20,000 or more.
    source : str
        Who published the target.
    """

    name: str
    target: float
    simulated: float
    tolerance: float
    source: str

    @property
    def holds(self) -> bool:
        """Whether the simulated value is within the tolerance."""
        return abs(self.simulated - self.target) <= self.tolerance


def margins(extracts: Path) -> tuple[Margin, ...]:
    """Count the margins of a simulated borough from its extracts.

    Parameters
    ----------
    extracts : Path
        The folder that `simulate` wrote.

    Returns
    -------
    tuple of Margin
        In the order of the published tables. Shares of pupils are of those in year 11 in the last three spring
        censuses, as far back as the window goes.
    """
    count = _Count(extracts)
    return tuple(
        Margin(name, target, float(how(count)), tolerance, source)
        for name, target, tolerance, source, how in _MARGINS
    )


@dataclass(frozen=True)
class _Count:
    """Reads the extracts once, as text, and answers questions about them."""

    folder: Path

    @cached_property
    def last_day(self) -> int:
        """The last day that can be in the data."""
        return to_day(date.fromisoformat(read_json(self.folder / "manifest.json")["extract_date"]))

    @cached_property
    def _subjects(self) -> Mapping[str, tuple[pa.Array, Ids]]:
        spine = _read(self.folder / "spine.csv")
        agency = spine["agency"]
        found = {}
        for name in pc.unique(agency).to_pylist():
            rows = spine.filter(pc.equal(agency, name))
            found[name] = (rows["key"].combine_chunks(), rows["subject_id"].cast(pa.int64()).to_numpy())
        return found

    def subject(self, agency: str, key: pa.ChunkedArray | pa.Array) -> Ids:
        """Return the subject of each key, -1 where the spine has none."""
        keys, ids = self._subjects[agency]
        place = pc.fill_null(pc.index_in(key, value_set=keys), -1).to_numpy()
        return np.where(place >= 0, ids[place], -1)

    def school(self, kind: str) -> pa.Table:
        """Return one kind of census file for all terms, with the subject and the academic year of each row."""
        parts = []
        for path in sorted((self.folder / "school_census").glob(f"*_{kind}.csv")):
            year, term, _ = path.name.split("_")
            rows = _read(path)
            academic = int(year) - (term != "autumn")
            rows = rows.append_column("academic", pa.array(np.full(len(rows), academic, np.int64)))
            if "upn" in rows.column_names:
                subject = self.subject("EDU", rows["upn"])
            else:
                subject = self._pupil_of(path.name.split("_" + kind)[0], rows["pupilonrolltableid"])
            parts.append(
                rows.append_column("subject", pa.array(subject)).append_column(
                    "term", pa.array([term] * len(rows), pa.string())
                )
            )
        return pa.concat_tables(parts)

    def _pupil_of(self, label: str, row: pa.ChunkedArray) -> Ids:
        rolls, subjects = self._rolls[label]
        place = pc.fill_null(pc.index_in(row, value_set=rolls), -1).to_numpy()
        return np.where(place >= 0, subjects[place], -1)

    @cached_property
    def _rolls(self) -> Mapping[str, tuple[pa.Array, Ids]]:
        found = {}
        for path in sorted((self.folder / "school_census").glob("*_pupilonroll.csv")):
            rows = _read(path, ("pupilonrolltableid", "upn"))
            subject = self.subject("EDU", rows["upn"])
            found[path.name.removesuffix("_pupilonroll.csv")] = (
                rows["pupilonrolltableid"].combine_chunks(),
                subject,
            )
        return found

    @cached_property
    def roll(self) -> pa.Table:
        """Every row of every term's roll."""
        return self.school("pupilonroll")

    @cached_property
    def leavers(self) -> Ids:
        """Pupils of year 11 in the last three spring censuses."""
        springs = self.roll.filter(
            pc.and_(pc.equal(self.roll["term"], "spring"), pc.equal(self.roll["ncyearactual"], "11"))
        )
        latest = pc.max(springs["academic"]).as_py()
        ids = np.unique(springs.filter(pc.greater(springs["academic"], latest - 3))["subject"].to_numpy())
        return ids[ids >= 0]

    def share_of_leavers(self, subjects: Ids) -> float:
        """Return the share of leavers who are among these subjects."""
        return float(np.isin(self.leavers, subjects).mean())

    def roll_with(self, column: str, *values: str) -> Ids:
        """Return subjects with one of the values in some census."""
        rows = self.roll.filter(pc.is_in(self.roll[column], value_set=pa.array(values)))
        subjects: Ids = rows["subject"].to_numpy()
        return subjects

    @cached_property
    def groups(self) -> Mapping[str, float]:
        """Shares of ethnic groups in the last spring census; ``Unknown`` has no usable code."""
        springs = self.roll.filter(pc.equal(self.roll["term"], "spring"))
        latest = springs.filter(pc.equal(springs["academic"], pc.max(springs["academic"])))
        codes = latest["ethnicity"].to_pylist()
        named = [_GROUP_OF[code[0]] if code not in (None, "REFU", "NOBT") else "Unknown" for code in codes]
        names, counts = np.unique(named, return_counts=True)
        return dict(zip(names.tolist(), (counts / counts.sum()).tolist(), strict=True))

    @cached_property
    def absence(self) -> tuple[Ids, Ids, npt.NDArray[np.float64]]:
        """Return subject, academic year and share of sessions missed, for every pupil and year."""
        roll = self.roll.filter(pc.greater_equal(self.roll["subject"], 0))
        offered = _sum_by_year(roll, roll["termlysessionspossible"])
        details = self.school("termlysessiondetailsonroll")
        details = details.filter(pc.greater_equal(details["subject"], 0))
        details = details.filter(pc.greater_equal(details["sessions"].cast(pa.int64()), 0))
        missed = _sum_by_year(details, details["sessions"])
        place = np.searchsorted(offered[0], missed[0])
        share = np.zeros(len(offered[0]))
        share[place] = missed[1] / offered[1][place]
        return offered[0] // 10_000, offered[0] % 10_000, share

    def exclusions(self, *categories: str) -> pa.Table:
        """Return the exclusions of these categories."""
        rows = self.school("termlyexclusionsonroll")
        return rows.filter(pc.is_in(rows["category"], value_set=pa.array(categories)))

    def cin_year(self, path: Path) -> list[tuple[int, Mapping[str, list[tuple[int, int]]]]]:
        """Return subject and spans of need and protection of every child in one year's CIN census."""
        children = list(ET.parse(path).getroot().iter("Child"))  # noqa: S314 (our own file)
        ids = self.subject(
            "CSC", pa.array([child.findtext("ChildIdentifiers/LAchildID") for child in children])
        )
        return [(int(subject), _spans(child)) for subject, child in zip(ids, children, strict=True)]

    def in_need(self) -> Ids:
        """Return everyone who was ever in need (a referral that was not closed without action)."""
        years = sorted((self.folder / "cin_census").glob("cin_*.xml"))
        ever = {subject for path in years for subject, spans in self.cin_year(path) if spans["need"]}
        return np.array(sorted(ever), np.int64)

    def stock(self, kind: str) -> float:
        """Return children with a running span at the last 31 March, for 10,000 residents under 18."""
        day = self.last_march
        year = self.cin_year(self.folder / "cin_census" / f"cin_{from_day(day).year}.xml")
        running = {subject for subject, spans in year for start, end in spans[kind] if start <= day < end}
        return 10_000 * len(running) / self.residents(day, (0, 18))

    @cached_property
    def last_march(self) -> int:
        """The last 31 March in the window."""
        year = from_day(self.last_day).year
        return max(day for day in (to_day(date(y, 3, 31)) for y in (year - 1, year)) if day <= self.last_day)

    @cached_property
    def homes(self) -> tuple[Ids, Ids, Ids]:
        """Return subject, first and last day (not included) of each stay; faulty rows are left out."""
        rows = _read(self.folder / "housing" / "residence.csv")
        start, end = _days(rows["start_date"]), _days(rows["end_date"], open_end=True)
        subject = self.subject("HOUSING", rows["person_key"])
        good = (subject >= 0) & (start > 0) & (end > start)
        return subject[good], start[good], end[good]

    @cached_property
    def born(self) -> tuple[Ids, Ids]:
        """Return subjects, sorted, and their dates of birth, from the census and the register of births."""
        births = _read(self.folder / "health" / "births.csv")
        ids = np.concatenate([self.roll["subject"].to_numpy(), self.subject("HEALTH", births["person_key"])])
        days = np.concatenate([_census_days(self.roll["dob"]), _days(births["birth_month"])])
        good = (ids >= 0) & (days > 0)
        unique, first = np.unique(ids[good], return_index=True)
        return unique, days[good][first]

    def age(self, subject: Ids, day: int | Ids) -> npt.NDArray[np.float64]:
        """Return ages in years, NaN where the date of birth is not known."""
        ids, days = self.born
        place = np.minimum(np.searchsorted(ids, subject), len(ids) - 1)
        return np.where(ids[place] == subject, (day - days[place]) / 365.25, np.nan)

    def present(self, day: int) -> Ids:
        """Return who lived here on a day."""
        subject, start, end = self.homes
        return np.unique(subject[(start <= day) & (day < end)])

    def residents(self, day: int, ages: tuple[int, int]) -> int:
        """Return how many residents of these ages there were on a day."""
        age = self.age(self.present(day), day)
        return int(((age >= ages[0]) & (age < ages[1])).sum())

    def recorded_harm(self) -> tuple[Ids, Ids]:
        """Return subject and day of each recorded harm from violence (the default outcome)."""
        emergency = _read(self.folder / "health" / "emergency.csv")
        assault = emergency.filter(pc.equal(emergency["injury_intent"], "ASSAULT"))
        police = _read(self.folder / "police" / "people.csv")
        victim = police.filter(
            pc.and_(pc.equal(police["role"], "VICTIM"), pc.equal(police["offence_class"], "VIOLENCE_INJURY"))
        )
        subject = [self.subject("HEALTH", assault["person_key"]), self.subject("POLICE", victim["nominal"])]
        return np.concatenate(subject), np.concatenate(
            [_days(assault["arrival_date"]), _days(victim["incident_date"])]
        )

    def prevalence(self) -> float:
        """Return the share with a recorded harm in 12 months, ages 10 to 17, over the years before the last."""
        subject, day = self.recorded_harm()
        shares = []
        for back in range(2, 6):
            index = self.last_day + 1 - 365 * back
            here = np.intersect1d(self.present(index), self.present(index + 365))
            age = self.age(here, index)
            here = here[(age >= 10) & (age < 18)]
            hit = np.unique(subject[(day >= index) & (day < index + 365)])
            shares.append(np.isin(here, hit).mean())
        return float(np.mean(shares))

    def cases_by_18(self, categories: tuple[str, ...], gravity: int) -> float:
        """Return the share of those turned 18 lately, here since 10, with a youth justice case of this kind."""
        cases = _read(self.folder / "youth_justice" / "cases.csv")
        kept = pc.and_(
            pc.is_in(cases["offence_category"], value_set=pa.array(categories)),
            pc.greater_equal(cases["gravity"].cast(pa.int64()), gravity),
        )
        hit = np.unique(self.subject("YJ", cases.filter(kept)["ypid"]))
        day = self.last_day - 30
        here = np.intersect1d(self.present(day), self.present(day - 8 * 365))
        age = self.age(here, day)
        return float(np.isin(here[(age >= 17.5) & (age < 19)], hit).mean())

    @cached_property
    def stops(self) -> pa.Table:
        """Every published search."""
        return pa.concat_tables(_read(path) for path in sorted((self.folder / "stop_search").glob("*.csv")))

    def search_ratio(self) -> float:
        """Return searches of Black over White people, each for its residents (Census 2021 shares)."""
        seen = self.stops["Officer-defined ethnicity"].to_numpy(zero_copy_only=False)
        return float(((seen == "Black").sum() / 0.150) / ((seen == "White").sum() / 0.528))

    def positive_share(self) -> float:
        """Return the share of searches that led to an outcome."""
        return float(
            (self.stops["Outcome"].to_numpy(zero_copy_only=False) != "A no further action disposal").mean()
        )


def _read(path: Path, columns: tuple[str, ...] | None = None) -> pa.Table:
    """Read a CSV file with every column as text."""
    with path.open(encoding="utf-8") as stream:
        header = stream.readline().strip().split(",")
    types = {name: pa.string() for name in header}
    convert = csv.ConvertOptions(
        column_types=types, include_columns=list(columns or header), strings_can_be_null=True
    )
    return csv.read_csv(path, convert_options=convert)


def _days(column: pa.ChunkedArray, *, open_end: bool = False) -> Ids:
    """Return ISO dates as days; blanks far in the future if they mean no end, broken dates as -1."""
    text = column.to_numpy(zero_copy_only=False)
    return np.array([_day(value, open_end=open_end) for value in text], np.int64)


def _day(value: str | None, *, open_end: bool) -> int:
    if value is None:
        return 2**30 if open_end else -1
    try:
        return to_day(date.fromisoformat(value))
    except ValueError:  # a row spoilt on purpose
        return -1


def _census_days(column: pa.ChunkedArray) -> Ids:
    """Return dates as the school census writes them; each distinct text is read once."""
    encoded = column.combine_chunks().dictionary_encode()
    days = [_census_day(text) for text in encoded.dictionary.to_pylist()]
    read: Ids = np.array(days, np.int64)[encoded.indices.to_numpy()]
    return read


def _census_day(text: str) -> int:
    try:
        return to_day(datetime.strptime(text, "%Y-%b-%d %H:%M:%S").date())  # noqa: DTZ007 (a day, no zone)
    except ValueError:  # a row spoilt on purpose
        return -1


def _sum_by_year(rows: pa.Table, amount: pa.ChunkedArray) -> tuple[Ids, Ids]:
    """Return subject and academic year as one sorted number, and the sum of the amount for each."""
    key = rows["subject"].to_numpy() * 10_000 + rows["academic"].to_numpy()
    unique, place = np.unique(key, return_inverse=True)
    return unique, np.bincount(place, weights=amount.cast(pa.int64()).to_numpy()).astype(np.int64)


def _spans(child: ET.Element) -> Mapping[str, list[tuple[int, int]]]:
    """Return the spans of need and of protection of one child."""
    spans: dict[str, list[tuple[int, int]]] = {"need": [], "protection": []}
    for details in child.iter("CINdetails"):
        if details.findtext("ReferralNFA") == "0":
            start = _day(details.findtext("CINreferralDate"), open_end=False)
            spans["need"].append((start, _day(details.findtext("CINclosureDate"), open_end=True)))
        for plan in details.iter("ChildProtectionPlans"):
            start = _day(plan.findtext("CPPstartDate"), open_end=False)
            spans["protection"].append((start, _day(plan.findtext("CPPendDate"), open_end=True)))
    return spans


def _cared_for(count: _Count) -> Ids:
    """Return everyone ever looked after."""
    parts = [_read(path) for path in sorted((count.folder / "ssda903").glob("*_header.csv"))]
    return count.subject("CLA", pa.concat_tables(parts)["CHILD"])


def _in_care(count: _Count) -> float:
    """Return children looked after at the last 31 March for 10,000 residents under 18."""
    day = count.last_march
    rows = _read(count.folder / "ssda903" / f"{from_day(day).year}_episodes.csv")
    running = rows.filter(pc.is_null(rows["DEC"]))
    return 10_000 * len(np.unique(count.subject("CLA", running["CHILD"]))) / count.residents(day, (0, 18))


def _often_absent(count: _Count) -> Ids:
    subject, _, share = count.absence
    return subject[share >= 0.10]


def _absence_rate(count: _Count) -> float:
    """Return the share of pupils persistently absent in the last whole school year."""
    _, year, share = count.absence
    return float((share[year == year.max()] >= 0.10).mean())


_VIOLENT = ("VIOLENCE", "ROBBERY", "WEAPON")
_ANY = (*_VIOLENT, "DRUGS", "THEFT", "DAMAGE", "OTHER")
_How = Callable[[_Count], float]

# name, target, tolerance at 20,000 or more, source, how it is counted. Targets are rounded to whole per cents
# where published so.
_MARGINS: tuple[tuple[str, float, float, str, _How], ...] = (
    ("White", 0.37, 0.02, _PUPILS, lambda c: c.groups["White"]),
    ("Black", 0.23, 0.02, _PUPILS, lambda c: c.groups["Black"]),
    ("Mixed", 0.10, 0.015, _PUPILS, lambda c: c.groups["Mixed"]),
    ("Asian", 0.26, 0.02, _PUPILS, lambda c: c.groups["Asian"]),
    ("Other", 0.03, 0.01, _PUPILS, lambda c: c.groups["Other"]),
    ("ethnic group unknown", 0.01, 0.005, "what is left to 100%", lambda c: c.groups["Unknown"]),
    ("male", 0.51, 0.025, _PUPILS, lambda c: c.share_of_leavers(c.roll_with("sex", "M"))),
    ("free school meals ever", 0.49, 0.04, _PUPILS, lambda c: c.share_of_leavers(c.school("fsmperiodsonroll")["subject"].to_numpy())),
    ("persistent absence ever", 0.45, 0.05, _PUPILS, lambda c: c.share_of_leavers(_often_absent(c))),
    ("persistent absence, last year", 0.194, 0.05, "WF scrutiny papers 2023/24", _absence_rate),
    ("suspended ever", 0.18, 0.03, _PUPILS, lambda c: c.share_of_leavers(c.exclusions("SUSP", "FIXD")["subject"].to_numpy())),
    ("permanently excluded ever", 0.006, 0.005, _PUPILS + " (below 1%)", lambda c: c.share_of_leavers(c.exclusions("PERM")["subject"].to_numpy())),
    ("alternative provision ever", 0.05, 0.015, _PUPILS, lambda c: c.share_of_leavers(c.school("apdetail")["subject"].to_numpy())),
    ("special needs support ever", 0.54, 0.04, _PUPILS, lambda c: c.share_of_leavers(c.roll_with("senprovision", "K"))),
    ("education, health and care plan ever", 0.04, 0.015, _PUPILS, lambda c: c.share_of_leavers(c.roll_with("senprovision", "E"))),
    ("in need ever", 0.12, 0.03, _PUPILS, lambda c: c.share_of_leavers(c.in_need())),
    ("looked after ever", 0.02, 0.008, _PUPILS, lambda c: c.share_of_leavers(_cared_for(c))),
    ("in need for 10,000", 319.0, 120.0, _CARE, lambda c: c.stock("need")),
    ("protection plans for 10,000", 38.8, 12.0, _CARE, lambda c: c.stock("protection")),
    ("looked after for 10,000", 47.0, 12.0, _CARE, _in_care),
    ("serious violence case by 18", 0.021, 0.008, _PUPILS, lambda c: c.cases_by_18(_VIOLENT, 4)),
    ("any youth justice case by 18", 0.043, 0.015, _PUPILS, lambda c: c.cases_by_18(_ANY, 1)),
    ("recorded harm in 12 months, 10 to 17", 0.02, 0.003, "assumed (the default study)", _Count.prevalence),
    ("stop and search, Black over White", 2.45, 0.25, "data.police.uk 2020 to 2022, Waltham Forest", _Count.search_ratio),
    ("searches with an outcome", 0.25, 0.04, "partnership presentation, 2018", _Count.positive_share),
)  # fmt: skip
