"""The official sample files go the whole road, from the linking party to the event log.

Their rows are fabricated, and many are wrong on purpose. What becomes of them is counted by hand on the raw files.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from raw_kit import SECRET

from riskmodel.errors import PolicyError
from riskmodel.intake import Intake, take_in
from riskmodel.linking.pseudonyms import Party, PseudonymReport, pseudonymise
from riskmodel.linking.secret import Secret

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "extracts_fake"
STOPS = SAMPLES.parent / "stop_search"
EXTRACT_DATE = date(2025, 8, 31)
SCHOOL, CARE = "%Y-%b-%d %H:%M:%S", "%d/%m/%Y"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs ../shared/data/extracts_fake")
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Road:
    """The account of both steps."""

    left: PseudonymReport
    taken: Intake


def rows_of(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def school(kind: str) -> Rows:
    return rows_of(SAMPLES / f"school_census/{kind}.csv")


def care(kind: str) -> Rows:
    return rows_of(SAMPLES / f"ssda903/903_{kind}.csv")


def day(text: str, form: str) -> date:
    return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    out = tmp_path_factory.mktemp("official") / "extracts"
    party = Party(extract_date=EXTRACT_DATE, ssda903_year=2018)
    left = pseudonymise(SAMPLES, out=out, secret=Secret(SECRET), party=party)
    return Road(left, take_in(out, threads=1))


@pytest.fixture(scope="module")
def intake(road: Road) -> Intake:
    return road.taken


def test_raw_files_are_refused_by_intake(tmp_path: Path) -> None:
    (tmp_path / "school_census").symlink_to(SAMPLES / "school_census")
    (tmp_path / "ssda903").symlink_to(SAMPLES / "ssda903")
    (tmp_path / "cin_census").mkdir()
    (tmp_path / "cin_census/BAR_cin_2022.xml").symlink_to(SAMPLES / "cin_census/BAR_cin_2022.xml")
    (tmp_path / "manifest.json").write_text(json.dumps({"extract_date": "2025-08-31"}))
    with pytest.raises(PolicyError) as caught:
        take_in(tmp_path, threads=1)
    assert "cin_census/BAR_cin_2022.xml: UPN looks like pupil numbers (UPN)" in str(caught.value)


def test_every_row_is_accounted_for_in_both_steps(road: Road) -> None:
    for name, account in road.left.files.items():
        if name.startswith(("school_census/", "ssda903/")):
            assert account.rows_in == len(rows_of(SAMPLES / name.replace("2018_", "903_"))), name
        file = road.taken.report.files[name]
        assert account.rows_in == account.rows_out + len(account.set_aside)
        assert account.rows_out == file.rows_in == file.rows_accepted + file.rows_quarantined, name
    root = ET.parse(SAMPLES / "cin_census/BAR_cin_2022.xml").getroot()  # noqa: S314 - our own sample
    for element in ("Child", "CINdetails", "Section47", "ChildProtectionPlans"):
        account = road.left.files[f"cin_census/BAR_cin_2022.xml#{element}"]
        assert account.rows_in == len(list(root.iter(element))) == 1


def test_every_file_is_read(road: Road) -> None:
    files = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*") if path.is_file()}
    read = {name.partition("#")[0].replace("2018_", "903_") for name in road.taken.report.files}
    assert files == read - {"spine.csv"}


def test_what_happened_before_birth_was_set_aside_where_full_dates_are_known(road: Road) -> None:
    born = {row["pupilonrolltableid"]: day(row["dob"], SCHOOL) for row in school("2024_autumn_pupilonroll")}
    care_born = {row["CHILD"]: day(row["DOB"], CARE) for row in care("header")}
    early = {
        "school_census/2024_autumn_pupilonroll.csv": [
            day(row["entrydate"], SCHOOL) < day(row["dob"], SCHOOL)
            for row in school("2024_autumn_pupilonroll")
        ],
        "school_census/2024_autumn_termlyexclusionsonroll.csv": [
            day(row["startdate"], SCHOOL) < born.get(row["pupilonrolltableid"], date.min)
            for row in school("2024_autumn_termlyexclusionsonroll")
        ],
        "ssda903/2018_episodes.csv": [
            day(row["DECOM"], CARE) < care_born.get(row["CHILD"], date.min) for row in care("episodes")
        ],
        "ssda903/2018_reviews.csv": [
            day(row["REVIEW"], CARE) < day(row["DOB"], CARE) for row in care("reviews")
        ],
    }
    for name, rows in early.items():
        expected = [number for number, is_early in enumerate(rows, start=1) if is_early]
        assert [number for number, _ in road.left.files[name].set_aside] == expected, name
    assert sum(map(sum, early.values())) > 100  # the test can fail
    before = [reason for account in road.left.files.values() for _, reason in account.set_aside]
    assert {reason.partition(" ")[2] for reason in before} == {"is before the date of birth"}
    later = [reason for file in road.taken.report.files.values() for reason in file.reasons]
    assert not [reason for reason in later if "dob" in reason or "DOB" in reason or "birth" in reason]


def test_the_children_in_need_sample_gives_its_events(intake: Intake) -> None:
    codes = [
        code for code in intake.records.events.table.column("code").to_pylist() if code.startswith("CSC//")
    ]
    assert sorted(codes) == sorted(
        [
            "CSC//REFERRAL//1A", "CSC//NEED//N4", "CSC//CIN//START", "CSC//CIN//END", "CSC//FACTOR//2A",
            "CSC//FACTOR//2B", "CSC//S47",
        ]
    )  # fmt: skip
    plans = intake.report.files[
        "cin_census/BAR_cin_2022.xml#ChildProtectionPlans"
    ]  # it begins before its referral
    assert plans.reasons == {"the plan does not start within an accepted CIN episode of the child": 1}


def test_roll_and_episodes_are_judged_as_a_hand_would(intake: Intake) -> None:
    good = [
        row for row in school("2024_autumn_pupilonroll")
        if day(row["entrydate"], SCHOOL) >= day(row["dob"], SCHOOL)
        and row["enrolstatus"] in ("", "C", "M", "S", "F", "O") and row["senprovision"] in ("", "N", "E", "K", "S", "A", "P")
    ]  # fmt: skip
    assert intake.report.files["school_census/2024_autumn_pupilonroll.csv"].rows_accepted == len(good)
    starts = {
        (row["CHILD"], row["DECOM"])
        for row in care("episodes")
        if not row["DEC"] or day(row["DEC"], CARE) >= day(row["DECOM"], CARE)
    }
    file = intake.report.files["ssda903/2018_episodes.csv"]
    assert file.rows_accepted == len(starts)
    assert file.rows_quarantined == len(care("episodes")) - len(starts)


def test_reviews_are_judged_as_a_hand_would(intake: Intake) -> None:
    good = [row for row in care("reviews") if row["REVIEW_CODE"] in {f"PN{n}" for n in range(8)}]
    held = {(row["CHILD"], row["REVIEW"]) for row in good if day(row["REVIEW"], CARE) <= EXTRACT_DATE}
    assert intake.report.files["ssda903/2018_reviews.csv"].rows_accepted == len(held)


def test_deliberate_errors_land_in_quarantine_with_their_reason(intake: Intake) -> None:
    """Random need codes; legacy and unknown exclusion reasons; free meals that end before they begin."""
    needs = intake.report.files["school_census/2025_spring_senneeds.csv"]
    assert dict(needs.reasons) == {"sentype is not a known code": len(school("2025_spring_senneeds"))}
    meals = intake.report.files["school_census/2024_autumn_fsmperiodsonroll.csv"].reasons
    backwards = sum(
        bool(row["fsmenddate"]) and day(row["fsmenddate"], SCHOOL) < day(row["fsmstartdate"], SCHOOL)
        for row in school("2024_autumn_fsmperiodsonroll")
    )
    assert meals["fsmenddate is before fsmstartdate"] == backwards > 100
    legacy = Counter(row["reason1"] for row in school("2024_autumn_termlyexclusionsonroll"))
    assert (
        intake.report.files["school_census/2024_autumn_termlyexclusionsonroll.csv"].reasons[
            "reason1 is not a code of this year's return"
        ]
        == legacy["OT"]
    )


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
