"""A small extract folder written by hand: three people, every layout, every row one that a reader can follow."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest

from riskmodel.intake import Intake, take_in

ROLL = (
    "pupilonrolltableid,NativeId,dob,upn,sex,entrydate,termlysessionspossible,ethnicity,enrolstatus,senprovision,"
    "ncyearactual,language"
)
SPINE = ["agency,key,subject_id"] + [
    f"{agency},{agency.lower()}-{person},{number}"
    for agency in ("EDU", "CSC", "CLA", "YJ", "HEALTH", "POLICE", "HOUSING", "SUPPORT")
    for person, number in (("ann", 1), ("ben", 2), ("cat", 3))
]
RESIDENCE = [
    "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end",
    "housing-ann,home-1,S01000001,2010-05-01,,2010-06-01,",
    "housing-ben,home-1,S01000001,2011-02-01,,2011-03-01,",
    "housing-cat,home-2,S01000002,2018-09-01,2020-01-15,2018-09-10,2020-02-01",
]
AREAS = ["lsoa,imd_decile", "S01000001,1", "S01000002,7"]


class ExtractFolder:
    """Writes extract files and takes them in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest(extract_date="2021-08-31", first_date="2015-09-01")
        self.csv("spine.csv", SPINE)
        self.csv("housing/residence.csv", RESIDENCE)
        self.csv("housing/lsoa.csv", AREAS)

    def manifest(self, **said: object) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "manifest.json").write_text(json.dumps(said), encoding="utf-8")

    def csv(self, name: str, lines: Sequence[str]) -> Path:
        return self.raw(name, ("\n".join(lines) + "\n").encode())

    def raw(self, name: str, content: bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def take_in(self, **options: object) -> Intake:
        return take_in(self.path, threads=1, **options)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> ExtractFolder:
    return ExtractFolder(tmp_path / "extracts")


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else moment.date().isoformat()


@pytest.fixture
def events_of() -> Callable[..., list[tuple[object, ...]]]:
    """Return (subject, code, time, known, value) of events whose code starts with a prefix, in order of time."""

    def events(intake: Intake, prefix: str) -> list[tuple[object, ...]]:
        rows = intake.records.events.table.to_pylist()
        return [
            (row["subject_id"], row["code"], _day(row["time"]), _day(row["known_time"]), row["numeric_value"])
            for row in rows
            if row["code"].startswith(prefix)
        ]

    return events


@pytest.fixture
def days_of() -> Callable[..., list[tuple[object, ...]]]:
    """Return rows of a table as tuples, days as text."""

    def rows(table: object, *columns: str) -> list[tuple[object, ...]]:
        return [
            tuple(_day(row[name]) if isinstance(row[name], datetime) else row[name] for name in columns)
            for row in table.to_pylist()  # type: ignore[attr-defined]
        ]

    return rows


@pytest.fixture
def today() -> date:
    return date(2021, 8, 31)
