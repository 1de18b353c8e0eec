"""The readers take the official sample files as they are: fabricated rows, many of them deliberately wrong."""

from __future__ import annotations

import calendar
import csv
import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from riskmodel.intake import Intake, take_in

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "extracts_fake"
STOPS = SAMPLES.parent / "stop_search"
KEYS = {
    "EDU": ("school_census/2024_autumn_pupilonroll.csv", "upn"),
    "CLA": ("ssda903/903_header.csv", "CHILD"),
}
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs ../shared/data/extracts_fake")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def intake(tmp_path_factory: pytest.TempPathFactory) -> Intake:
    folder = tmp_path_factory.mktemp("official") / "extracts"
    shutil.copytree(SAMPLES, folder)
    lines = ["agency,key,subject_id", "CSC,DfEX0000001,1"]
    for agency, (name, column) in KEYS.items():
        keys = sorted({row[column] for row in rows_of(folder / name)})
        lines += [f"{agency},{key},{number}" for number, key in enumerate(keys, start=100)]
    (folder / "spine.csv").write_text("\n".join(lines) + "\n")
    (folder / "manifest.json").write_text(json.dumps({"extract_date": "2025-08-31"}))
    for path in sorted(
        (folder / "ssda903").iterdir()
    ):  # their names say no year; their dates end in March 2018
        path.rename(path.with_name(path.name.replace("903_", "2018_")))
    return take_in(folder, threads=1)


def test_every_row_is_accounted_for(intake: Intake) -> None:
    for name, file in intake.report.files.items():
        if name.startswith(("school_census/", "ssda903/")):
            original = SAMPLES / name.replace("2018_", "903_")
            assert file.rows_in == len(rows_of(original)), name
        assert file.rows_in == file.rows_accepted + file.rows_quarantined
    root = ET.parse(SAMPLES / "cin_census/BAR_cin_2022.xml").getroot()  # noqa: S314 - our own sample
    for element in ("Child", "CINdetails", "Section47", "ChildProtectionPlans"):
        name = f"cin_census/BAR_cin_2022.xml#{element}"
        assert intake.report.files[name].rows_in == len(list(root.iter(element))) == 1


def test_the_children_in_need_sample_gives_its_events(intake: Intake) -> None:
    codes = [
        code for code in intake.records.events.table.column("code").to_pylist() if code.startswith("CSC//")
    ]
    assert sorted(codes) == sorted(
        [
            "CSC//REFERRAL//1A", "CSC//NEED//N4", "CSC//CIN//START", "CSC//CIN//END", "CSC//FACTOR//2A",
            "CSC//FACTOR//2B", "CSC//S47", "CSC//CPP//START//PHY", "CSC//CPP//END",
        ]
    )  # fmt: skip


def test_roll_and_episodes_are_judged_as_a_hand_would(intake: Intake) -> None:
    roll = rows_of(SAMPLES / "school_census/2024_autumn_pupilonroll.csv")
    months = {name: number for number, name in enumerate(calendar.month_abbr[1:], 1)}

    def order(day: str) -> tuple[int, int, int]:
        return int(day[:4]), months[day[5:8]], int(day[9:11])

    good = [
        row for row in roll
        if order(row["entrydate"]) >= order(row["dob"]) and row["enrolstatus"] in ("", "C", "M", "S", "F", "O")
        and row["senprovision"] in ("", "N", "E", "K", "S", "A", "P")
    ]  # fmt: skip
    assert intake.report.files["school_census/2024_autumn_pupilonroll.csv"].rows_accepted == len(good)
    starts = {
        (row["CHILD"], row["DECOM"])
        for row in rows_of(SAMPLES / "ssda903/903_episodes.csv")
        if not row["DEC"]
        or tuple(reversed(row["DEC"].split("/"))) >= tuple(reversed(row["DECOM"].split("/")))
    }
    linked = {row["CHILD"] for row in rows_of(SAMPLES / "ssda903/903_header.csv")}
    accepted = intake.report.files["ssda903/2018_episodes.csv"].rows_accepted
    assert accepted == len({start for start in starts if start[0] in linked})


def test_random_need_codes_are_set_aside(intake: Intake) -> None:
    file = intake.report.files["school_census/2025_spring_senneeds.csv"]
    assert file.rows_accepted == 0
    assert file.reasons["sentype is not a known code"] > 10_000


@pytest.mark.skipif(not STOPS.is_dir(), reason="needs ../shared/data/stop_search")
def test_published_stop_and_search_of_both_label_sets_is_accepted(tmp_path: Path) -> None:
    folder = tmp_path / "extracts"
    (folder / "stop_search").mkdir(parents=True)
    names = ["2017-12-metropolitan-stop-and-search.csv", "2018-03-metropolitan-stop-and-search.csv"]
    for name in names:
        (folder / "stop_search" / name).symlink_to(STOPS / name)
    (folder / "spine.csv").write_text("agency,key,subject_id\n")
    (folder / "manifest.json").write_text(json.dumps({"extract_date": "2018-05-31"}))
    intake = take_in(folder, threads=1)
    for name in names:
        file = intake.report.files[f"stop_search/{name}"]
        assert file.rows_in == file.rows_accepted == len(rows_of(STOPS / name))
    assert intake.stops is not None
    assert len(intake.records.events) == 0
