"""What leaves the linking party, worked out by hand for two people at every agency."""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import shutil
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from raw_kit import OTHER_SECRET, SECRET, write_raw
from workbook_kit import write_workbook

from riskmodel.errors import DataError, PolicyError, RiskModelError, StudyError
from riskmodel.intake import take_in
from riskmodel.intake.layout import Field, Kind, Layout, Link, Source
from riskmodel.linking.pseudonyms import Party, PseudonymReport, pseudonymise
from riskmodel.linking.raw_account import RawAccount
from riskmodel.linking.raw_values import cleaner
from riskmodel.linking.secret import Secret

YEAR = 2020
Rows = list[dict[str, str]]


def hashed(agency: str, key: str, secret: bytes = SECRET) -> str:
    """An oracle: HMAC-SHA256 of AGENCY|key, its first 32 hexadecimal characters."""
    return hmac.new(secret, f"{agency}|{key}".encode(), hashlib.sha256).hexdigest()[:32]


def run(at: Path, out: str = "out", secret: bytes = SECRET, **said: object) -> PseudonymReport:
    party = Party(**{"ssda903_year": YEAR, **said})  # type: ignore[arg-type]
    return pseudonymise(at / "raw", out=at / out, secret=Secret(secret), party=party)


def rows_of(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raw(tmp_path_factory.mktemp("party"))


@pytest.fixture(scope="module")
def report(at: Path) -> PseudonymReport:
    return run(at, identities=at / "identities", postcodes=at / "postcodes.csv")


def test_the_files_that_leave(at: Path, report: PseudonymReport) -> None:
    found = {path.relative_to(at / "out").as_posix() for path in (at / "out").rglob("*") if path.is_file()}
    assert found == {
        "manifest.json", "pseudonymise.json", "spine.csv", "cin_census/BAR_cin_2020.xml", "police/people.csv",
        "health/births.csv", "health/emergency.csv", "housing/lsoa.csv", "housing/residence.csv",
        "school_census/2020_spring_pupilonroll.csv", "school_census/2020_spring_termlyexclusionsonroll.csv",
        "ssda903/2020_header.csv", "ssda903/2020_episodes.csv", "youth_justice/cases.csv",
        "stop_search/2020-01-some-stop-and-search.csv",
    }  # fmt: skip
    assert report.not_passed_on == 1
    assert report.copied == ("stop_search/2020-01-some-stop-and-search.csv",)
    stops = "stop_search/2020-01-some-stop-and-search.csv"
    assert (at / "out" / stops).read_bytes() == (at / "raw" / stops).read_bytes()


def test_the_roll(at: Path, report: PseudonymReport) -> None:
    assert rows_of(at / "out/school_census/2020_spring_pupilonroll.csv") == [
        {
            "pupilonrolltableid": hashed("EDU.pupilonrolltableid", "ROWKEY1"), "NativeId": "SCH1",
            "dob": "2008-May-01 00:00:00", "upn": hashed("EDU", "B801200005001"), "sex": "F",
            "entrydate": "2019-Sep-03 00:00:00", "termlysessionspossible": "110", "ethnicity": "BCRB",
            "enrolstatus": "C", "senprovision": "K",
        },
        {
            "pupilonrolltableid": hashed("EDU.pupilonrolltableid", "ROWKEY3"), "NativeId": "?",
            "dob": "2010-Jun-01 00:00:00", "upn": hashed("EDU", "H801200001001"), "sex": "M",
            "entrydate": "2019-Sep-03 00:00:00", "termlysessionspossible": "110", "ethnicity": "?",
            "enrolstatus": "C", "senprovision": "N",
        },
    ]  # fmt: skip
    account = report.files["school_census/2020_spring_pupilonroll.csv"]
    assert account.set_aside == (
        (2, "entrydate is before the date of birth"),
        (4, "the row has 3 values, not 15"),
    )
    assert account.to_json()["withheld"] == {"NativeId": 1, "ethnicity": 1}


def test_what_happened_before_birth_by_the_birth_date_of_another_file(report: PseudonymReport) -> None:
    late = {name: list(account.set_aside) for name, account in report.files.items() if account.set_aside}
    before = "is before the date of birth"
    assert late == {
        "school_census/2020_spring_pupilonroll.csv": [
            (2, f"entrydate {before}"),
            (4, "the row has 3 values, not 15"),
        ],
        "school_census/2020_spring_termlyexclusionsonroll.csv": [
            (2, f"startdate {before}")
        ],  # through the roll
        "ssda903/2020_episodes.csv": [(2, f"DECOM {before}")],  # from the header
        "health/emergency.csv": [(2, f"arrival_date {before}")],  # from births
        "police/people.csv": [(2, f"incident_date {before}")],  # from the identities
        "cin_census/BAR_cin_2020.xml#CINdetails": [(2, f"CINreferralDate {before}")],
        "cin_census/BAR_cin_2020.xml#AssessmentFactors": [(3, f"AssessmentAuthorisationDate {before}")],
    }


def test_set_aside_rows_are_listed_beside_the_extracts_by_number_and_reason(
    at: Path, report: PseudonymReport
) -> None:
    assert report.files
    aside = at / "out-set-aside"
    assert rows_of(aside / "ssda903/2020_episodes.csv") == [
        {"row": "2", "reason": "DECOM is before the date of birth"}
    ]
    assert rows_of(aside / "cin_census/BAR_cin_2020.xml.CINdetails.csv") == [
        {"row": "2", "reason": "CINreferralDate is before the date of birth"}
    ]


def test_postcodes_become_areas(at: Path, report: PseudonymReport) -> None:
    [episode] = rows_of(at / "out/ssda903/2020_episodes.csv")
    assert (episode["HOME_POST"], episode["PL_POST"], "URN" in episode) == ("E01004321", "E01004321", False)
    stays = rows_of(at / "out/housing/residence.csv")
    assert [stay["lsoa"] for stay in stays] == ["E01004321", ""]
    assert set(stays[0]) == {
        *("person_key", "uprn_key", "lsoa", "start_date", "end_date", "recorded_start", "recorded_end")
    }
    assert stays[1]["start_date"] == "2004-01-01"  # a home may begin before birth
    assert stays[0]["uprn_key"] == hashed("HOUSING.uprn_key", "UPRNKEY1")
    assert report.postcodes == {"known": 3, "unknown": 1}


def test_without_a_lookup_no_postcode_leaves(at: Path) -> None:
    report = run(at, "bare")
    assert report.postcodes == {"known": 0, "unknown": 4}
    assert [stay["lsoa"] for stay in rows_of(at / "bare/housing/residence.csv")] == ["", ""]


def test_the_other_files(at: Path, report: PseudonymReport) -> None:
    assert rows_of(at / "out/police/people.csv") == [
        {
            "nominal": hashed("POLICE", "NOMINAL1"), "role": "VICTIM", "offence_class": "THEFT",
            "incident_date": "2020-01-01", "recorded_date": "2020-01-02",
            "record_id": hashed("POLICE.record_id", "RECORDKEY1"),
        },
        {
            "nominal": hashed("POLICE", "NOMINAL2"), "role": "?", "offence_class": "THEFT",
            "incident_date": "2020-01-01", "recorded_date": "2020-01-02", "record_id": "",
        },
    ]  # fmt: skip
    assert rows_of(at / "out/health/emergency.csv") == [
        {
            "person_key": hashed("HEALTH", "PATIENT1"), "arrival_date": "2020-02-01", "injury_intent": "ASSAULT",
            "mechanism": "SHARP", "disposal": "ADMITTED", "recorded_date": "2020-02-02",
        }
    ]  # fmt: skip
    [birth] = rows_of(at / "out/health/births.csv")
    assert (birth["birth_month"], birth["recorded_date"]) == ("2008-05-01", "2008-05-01")
    told = report.files["health/births.csv"].to_json()["dates_on_the_day_of_birth"]
    assert told == {"recorded_date": 1}
    assert rows_of(at / "out/ssda903/2020_header.csv") == [
        {"CHILD": hashed("CLA", "CHILDKEY1"), "SEX": "2", "DOB": "01/05/2008", "ETHNIC": "BCRB"}
    ]
    assert rows_of(at / "out/housing/lsoa.csv") == [{"lsoa": "E01004321", "imd_decile": "1"}]
    assert report.files["youth_justice/cases.csv"].rows_out == 1


def test_the_census_keeps_its_structure_and_only_its_allowed_elements(
    at: Path, report: PseudonymReport
) -> None:
    root = ET.parse(at / "out/cin_census/BAR_cin_2020.xml").getroot()  # noqa: S314 - our own
    assert [(e.tag, (e.text or "").strip()) for e in root.find("./Children/Child").iter()] == [  # type: ignore[union-attr]
        ("Child", ""),
        ("ChildIdentifiers", ""),
        ("LAchildID", hashed("CSC", "CSCKEY1")),
        ("PersonBirthDate", "2008-05-01"),
        ("GenderCurrent", "2"),
        ("ChildCharacteristics", ""),
        ("Ethnicity", "BCRB"),
        ("CINdetails", ""),
        ("CINreferralDate", "2019-05-01"),
        ("ReferralSource", "?"),
        ("PrimaryNeedCode", "N4"),
        ("DateOfInitialCPC", "2008-05-01"),  # it was the day of birth
        ("Assessments", ""),
        ("AssessmentActualStartDate", "2019-05-02"),
        ("AssessmentAuthorisationDate", "2019-06-01"),
        ("FactorsIdentifiedAtAssessment", ""),
        ("AssessmentFactors", "3A"),
        ("AssessmentFactors", "13A"),
        ("Section47", ""),  # its CINdetails was set aside, and it is a row of its own
        ("S47ActualStartDate", "2019-06-03"),
    ]
    assert all(not element.attrib for element in root.iter())
    counts = {
        name: (a.rows_in, a.rows_out) for name, a in report.files.items() if name.startswith("cin_census/")
    }
    name = "cin_census/BAR_cin_2020.xml"
    assert counts == {
        f"{name}#Child": (1, 1),
        f"{name}#CINdetails": (2, 1),
        f"{name}#AssessmentFactors": (3, 2),
        f"{name}#Section47": (1, 1),
        f"{name}#ChildProtectionPlans": (0, 0),
    }


def test_without_a_spine_keys_with_one_upn_are_one_person(at: Path, report: PseudonymReport) -> None:
    person = {(row["agency"], row["key"]): row["subject_id"] for row in rows_of(at / "out/spine.csv")}
    ann = person["EDU", hashed("EDU", "B801200005001")]
    assert person["CLA", hashed("CLA", "CHILDKEY1")] == ann
    assert person["CSC", hashed("CSC", "CSCKEY1")] == ann
    assert person["POLICE", hashed("POLICE", "NOMINAL1")] == ann  # by the UPN in the identities
    assert len(person) == 9
    assert len(set(person.values())) == 6
    assert all(0 <= int(subject) < 2**60 for subject in person.values())
    assert report.people == {
        "keys": 9, "subjects": 6, "keys_in_files": 9, "keys_in_files_not_in_spine": 0,
        "pupil_numbers_at_several_agencies": 1,
    }  # fmt: skip


def test_a_given_spine_is_rewritten(at: Path) -> None:
    report = run(at, "spined", spine=at / "spine.csv")
    rows = rows_of(at / "spined/spine.csv")
    assert sorted((row["agency"], row["key"]) for row in rows) == sorted(
        [
            *(("EDU", hashed("EDU", key)) for key in ("B801200005001", "H801200001001")),
            ("POLICE", hashed("POLICE", "NOMINAL1")),
            ("CLA", hashed("CLA", "CHILDKEY1")),
        ]
    )
    assert rows == sorted(rows, key=lambda row: (row["agency"], row["key"]))
    assert len({row["subject_id"] for row in rows}) == 2
    assert report.people["keys_in_files_not_in_spine"] == 5


def test_the_manifest_takes_on_only_what_is_known(at: Path, report: PseudonymReport) -> None:
    said = json.loads((at / "out/manifest.json").read_text())
    release = hmac.new(SECRET, b"release", hashlib.sha256).hexdigest()[:16]
    assert said == {"extract_date": "2021-08-31", "first_date": "2015-09-01", "release": release}
    assert json.loads((at / "out/pseudonymise.json").read_text()) == report.to_json()


def test_what_leaves_passes_intake(at: Path, report: PseudonymReport) -> None:
    taken = take_in(at / "out", threads=1)
    for name, account in report.files.items():
        assert taken.report.files[name].rows_in == account.rows_out, name
    people = taken.report.files["police/people.csv"]
    assert dict(people.reasons) == {
        "role is not a known code": 1
    }  # as the name that stood there would have been
    events = taken.records.events.table
    assert len({row["subject_id"] for row in events.to_pylist() if row["code"] == "CLA//CARE//START"}) == 1
    assert not [note for note in taken.report.notes if "pseudonymise.json" in note]


def test_same_secret_same_pseudonyms_other_secret_none_in_common(at: Path, report: PseudonymReport) -> None:
    assert report.files
    run(at, "again", identities=at / "identities", postcodes=at / "postcodes.csv")
    for path in (at / "out").rglob("*.*"):
        assert (at / "again" / path.relative_to(at / "out")).read_bytes() == path.read_bytes()
    run(at, "other", OTHER_SECRET, identities=at / "identities")
    ours, theirs = rows_of(at / "out/spine.csv"), rows_of(at / "other/spine.csv")
    for column in ("key", "subject_id"):
        assert not {row[column] for row in ours} & {row[column] for row in theirs}


def test_an_extract_date_of_the_command_comes_first_and_one_is_needed(at: Path, tmp_path: Path) -> None:
    run(at, "dated", extract_date=date(2021, 12, 31))
    assert json.loads((at / "dated/manifest.json").read_text())["extract_date"] == "2021-12-31"
    shutil.copytree(at / "raw", tmp_path / "raw")
    (tmp_path / "raw/manifest.json").unlink()
    with pytest.raises(StudyError, match="add --extract-date"):
        run(tmp_path)


def test_files_without_a_year_need_one(at: Path) -> None:
    with pytest.raises(StudyError, match="add --ssda903-year"):
        run(at, "yearless", ssda903_year=None)
    assert not (at / "yearless").exists()


@pytest.mark.parametrize("out", ["raw/out", "raw", "."])
def test_what_leaves_is_apart_from_what_stays(at: Path, out: str) -> None:
    with pytest.raises(StudyError, match="what leaves must be apart"):
        run(at, out)


@pytest.mark.parametrize("name", ["out", "out-set-aside"])
def test_nothing_is_written_over(at: Path, report: PseudonymReport, tmp_path: Path, name: str) -> None:
    assert report.files
    (tmp_path / name).mkdir()
    with pytest.raises(StudyError, match=f"'{name}' exists already"):
        pseudonymise(at / "raw", out=tmp_path / "out", secret=Secret(SECRET), party=Party(ssda903_year=YEAR))


def spoilt(at: Path, to: Path, name: str, content: bytes) -> Path:
    shutil.copytree(
        at, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns("out*", "again", "other", "bare")
    )
    (to / name).parent.mkdir(parents=True, exist_ok=True)
    (to / name).write_bytes(content)
    return to


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("raw/ssda903/2020_header.csv", b"CHILD,SEX,DOB,ETHNIC\n", "found two that stand for one"),
        ("raw/police/people.csv", b"nominal,role\nNOMINAL1,VICTIM\n", "no column offence_class"),
        ("raw/cin_census/BAR_cin_2020.xml", b"<Message><Children><Child>", "cut off, damaged"),
        (
            "raw/cin_census/BAR_cin_2020.xml",
            b"<Message><Children><Section47/></Children></Message>",
            "another place",
        ),
        (
            "raw/cin_census/BAR_cin_2020.xml",
            b"<Message><Children><Child><X><Section47/></X></Child></Children></Message>",
            "another place",
        ),
        ("spine.csv", b"agency,key,subject_id\nMOON,1,2\n", "found 1 other rows"),
        ("spine.csv", b"agency,key,subject_id\nEDU,,2\n", "found 1 other rows"),
        ("postcodes.csv", b"postcode\nE17 4PP\n", "no column lsoa"),
        ("identities/POLICE.csv", b"key\nNOMINAL1\n", "no column birth_date"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_nothing_behind(
    at: Path, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    spoilt(at, tmp_path, name, content)
    extra = {"spine": tmp_path / "spine.csv", "postcodes": tmp_path / "postcodes.csv"}
    with pytest.raises(DataError, match=said):
        run(tmp_path, identities=tmp_path / "identities", **extra)
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_folders_that_are_not_what_they_should_be(at: Path, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(DataError, match="none that a layout describes"):
        run(tmp_path, extract_date=date(2021, 8, 31))
    with pytest.raises(StudyError, match="is no folder"):
        run(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"files such as EDU\.csv"):
        run(at, "nobody", identities=tmp_path)


def test_what_would_leave_is_looked_at_once_more(at: Path, tmp_path: Path) -> None:
    header = (at / "raw/stop_search/2020-01-some-stop-and-search.csv").read_text().splitlines()[0]
    content = f"{header},surname\n{',' * 15}Zarquon\n".encode()
    spoilt(at, tmp_path, "raw/stop_search/2020-01-some-stop-and-search.csv", content)
    with pytest.raises(PolicyError, match="surname looks like a name\nNothing was written") as caught:
        run(tmp_path)
    assert "Zarquon" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_interruption_leaves_nothing(at: Path, tmp_path: Path) -> None:
    def interrupt(title: str, _number: int, _count: int) -> None:
        if title == "Writing police/people.csv":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pseudonymise(
            at / "raw",
            out=tmp_path / "out",
            secret=Secret(SECRET),
            party=Party(ssda903_year=YEAR),
            progress=interrupt,
        )
    assert list(tmp_path.iterdir()) == []


def test_stops_in_a_workbook_leave_as_csv(at: Path, tmp_path: Path) -> None:
    spoilt(at, tmp_path, "raw/notes/x.txt", b"")
    stops = tmp_path / "raw/stop_search/2020-01-some-stop-and-search.csv"
    header, row = [line.split(",") for line in stops.read_text().splitlines()]
    stops.unlink()
    write_workbook(stops.with_suffix(".xlsx"), {"One": [header, row]})
    assert run(tmp_path).copied == ()
    [stop] = rows_of(tmp_path / "out/stop_search/2020-01-some-stop-and-search.csv")
    assert stop["Outcome"] == "Arrest"


def test_a_kind_of_field_that_nobody_thought_of_does_not_leave() -> None:
    instant = Field("Date", Kind.INSTANT)
    layout = Layout("x", "", (instant,), Link(agency="EDU", key="k"))
    clean = cleaner(
        instant, source=Source("EDU", (layout,)), layout=layout, agency="EDU", secret=Secret(SECRET)
    )
    assert (clean("2020-01-01T00:00:00Z"), clean("")) == ("?", "")


def test_an_account_that_does_not_add_up_is_a_defect() -> None:
    with pytest.raises(RiskModelError, match="report this defect"):
        RawAccount(rows_in=3, rows_out=1, set_aside=((2, "x"),), withheld={}, birthdays={})


def test_the_summary_says_what_was_done(report: PseudonymReport) -> None:
    lines = report.summary().splitlines()
    assert lines[0].split() == ["files", "rows", "in", "rows", "out", "set", "aside"]
    assert ["ssda903", "3", "2", "1"] in [line.split() for line in lines]
    assert "ssda903/*_episodes.csv: set aside, as DECOM is before the date of birth: 1" in lines
    assert "police/people.csv: left as '?', as role cannot have such a value: 1" in lines
    assert (
        "health/births.csv: left as the first of the month, as recorded_date was the day of birth: 1" in lines
    )
    assert "Files copied unchanged, as they are about nobody in particular: 1" in lines
    assert "Files not passed on, as no layout describes them: 1" in lines
    assert "Postcodes left blank, as their area is not known: 1" in lines
    assert "9 keys of 6 people in the spine." in lines
