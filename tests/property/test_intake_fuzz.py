"""Whatever bytes arrive: intake refuses the delivery in words, or accounts for every row by an independent count."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from riskmodel.errors import DataError, PolicyError
from riskmodel.intake import Intake, take_in

AGENCIES = ("EDU", "CSC", "CLA", "YJ", "HEALTH", "POLICE", "HOUSING", "SUPPORT")
PEOPLE = ("ann", "ben", "cat")
TERM = "school_census/2020_spring_"
AT = " 00:00:00"
STOP = (
    "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,Gender,Age range,"
    "Self-defined ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,"
    "Outcome linked to object of search,Removal of more than just outer clothing"
)
CENSUS = """<?xml version='1.0' encoding='UTF-8'?>
<Message><Header/><Children>
<Child><ChildIdentifiers><LAchildID>csc-ann</LAchildID><PersonBirthDate>2008-05-01</PersonBirthDate><Sex>F</Sex></ChildIdentifiers>
<ChildCharacteristics><Ethnicity>BCRB</Ethnicity></ChildCharacteristics>
<CINdetails><CINreferralDate>2019-05-01</CINreferralDate><ReferralSource>2A</ReferralSource><PrimaryNeedCode>N4</PrimaryNeedCode>
<Assessments><AssessmentAuthorisationDate>2019-06-01</AssessmentAuthorisationDate><FactorsIdentifiedAtAssessment>
<AssessmentFactors>3A</AssessmentFactors><AssessmentFactors>24A</AssessmentFactors></FactorsIdentifiedAtAssessment></Assessments>
<Section47><S47ActualStartDate>2019-06-03</S47ActualStartDate></Section47>
<ChildProtectionPlans><CPPstartDate>2019-06-20</CPPstartDate><InitialCategoryOfAbuse>NEG</InitialCategoryOfAbuse></ChildProtectionPlans>
</CINdetails></Child>
<Child><ChildIdentifiers><LAchildID>csc-ben</LAchildID></ChildIdentifiers><CINdetails><CINreferralDate>2019-07-01</CINreferralDate></CINdetails></Child>
</Children></Message>
"""
ROLL = "pupilonrolltableid,NativeId,dob,upn,sex,entrydate,termlysessionspossible,ethnicity,enrolstatus,senprovision"
EPISODES = "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE"
# Every kind of file, with a header and rows that are all accepted.
FILES: dict[str, list[str]] = {
    f"{TERM}pupilonroll.csv": [
        ROLL, *(f"r{n},SCH{n},2008-May-01{AT},edu-{who},F,2018-Sep-03{AT},120,WBRI,C,K" for n, who in enumerate(PEOPLE)),
    ],
    f"{TERM}fsmperiodsonroll.csv": ["pupilonrolltableid,fsmstartdate,fsmenddate", f"r0,2019-Sep-03{AT},", f"r1,2019-Sep-03{AT},2019-Dec-01{AT}"],
    f"{TERM}senneeds.csv": ["pupilonrolltableid,sentyperank,sentype", "r0,1,SEMH", "r1,1,MLD"],
    f"{TERM}termlysessiondetailsonroll.csv": ["pupilonrolltableid,sessions,attendancereason", "r0,3,I", "r1,2,\\", "r1,5,O"],
    f"{TERM}termlyexclusionsonroll.csv": [
        "pupilonrolltableid,startdate,sessions,reason1,reason2,reason3,category,senprovision", f"r0,2020-Feb-03{AT},4,DB,PP,,SUSP,K",
    ],
    f"{TERM}apdetail.csv": ["pupilonrolltableid,apentrydate,apleavingdate,apreason", f"r0,2020-Feb-03{AT},,EXC"],
    "cin_census/cin_2020.xml": CENSUS.splitlines(),
    "ssda903/2020_header.csv": ["CHILD,SEX,DOB,ETHNIC", "cla-ann,2,01/05/2008,WBRI", "cla-ben,1,01/02/2009,MOTH"],
    "ssda903/2020_episodes.csv": [EPISODES, "cla-ann,01/06/2019,S,C2,N1,U1,PR1,01/08/2019,X1,PLACE", "cla-ann,01/08/2019,P,C2,N1,U1,PR1,,,"],
    "ssda903/2020_missing.csv": ["CHILD,DOB,MISSING,MIS_START,MIS_END", "cla-ann,01/05/2008,M,01/06/2019,03/06/2019"],
    "ssda903/2020_oc2.csv": ["CHILD,DOB,SDQ_SCORE,SDQ_REASON,SUBSTANCE_MISUSE", "cla-ann,01/05/2008,17,,1", "cla-ben,01/02/2009,,SDQ1,0"],
    "ssda903/2020_reviews.csv": ["CHILD,DOB,REVIEW,REVIEW_CODE", "cla-ann,01/05/2008,01/07/2019,PN1"],
    "youth_justice/cases.csv": [
        "ypid,sex,ethnicity,offence_category,gravity,offence_date,outcome_tier,outcome_date,recorded_date,record_id",
        "yj-ann,F,W1,THEFT,2,2020-01-01,PRE_COURT,2020-02-01,2020-02-03,c1", "yj-ann,F,W1,THEFT,3,2020-01-01,,,2020-03-03,c1",
    ],
    "health/emergency.csv": [
        "person_key,arrival_date,injury_intent,mechanism,disposal,recorded_date", "health-ann,2020-01-01,ASSAULT,SHARP,ADMITTED,2020-01-02",
    ],
    "health/camhs.csv": ["person_key,referral_date,accepted,recorded_date", "health-ann,2020-01-01,1,2020-01-02"],
    "health/births.csv": [
        "person_key,birth_month,mother_under_20,smoking_in_pregnancy,low_birth_weight,recorded_date", "health-ann,2008-05-01,1,,0,2008-06-02",
    ],
    "police/people.csv": [
        "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date,record_id",
        "police-ann,VICTIM,THEFT,2020-01-01,,2020-01-02,p1", "police-ben,SUSPECT,ROBBERY,2020-01-01,,2020-01-02,",
    ],
    "support/offers.csv": [
        "person_key,referral_date,referrer,offer,offered_date,taken_up,recorded_date", "support-ann,2020-01-01,SCHOOL,MENTOR,2020-01-03,1,2020-01-04",
    ],
    "housing/residence.csv": [
        "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end", "housing-ann,home-1,S01000001,2010-05-01,,2010-06-01,",
        "housing-cat,home-2,S01000002,2018-09-01,2020-01-15,2018-09-10,2020-02-01",
    ],
    "housing/lsoa.csv": ["lsoa,imd_decile", "S01000001,1", "S01000002,7"],
    "stop_search/2020-02-borough-stop-and-search.csv": [
        STOP, "Person search,2020-02-01T23:30:00+00:00,False,,51.5,-0.1,Male,18-24,,White,,Controlled drugs,Arrest,True,False",
    ],
    "spine.csv": ["agency,key,subject_id", *(f"{a},{a.lower()}-{who},{n}" for a in AGENCIES for n, who in enumerate(PEOPLE, 1))],
    "manifest.json": [
        '{"extract_date": "2021-08-31", "first_date": "2015-09-01", "synthetic": true, "release": "one",',
        ' "gaps": [{"agency": "POLICE", "from": "2019-01-01", "to": "2019-02-01"}]}',
    ],
}  # fmt: skip
# One manifest and spine, and for each folder its own files: what a file is linked through must be there.
FOLDERS = sorted({name.split("/")[0] for name in FILES if "/" in name})
Mutation = Callable[[bytes, np.random.Generator], bytes]


def _span(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    first = int(rng.integers(0, len(content)))
    return first, min(len(content), first + int(rng.geometric(0.08)))


def flip(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(0, len(content)))
    return content[:place] + bytes([content[place] ^ (1 << int(rng.integers(0, 8)))]) + content[place + 1 :]


def delete(content: bytes, rng: np.random.Generator) -> bytes:
    first, after = _span(content, rng)
    return content[:first] + content[after:]


def insert(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(0, len(content) + 1))
    words = [
        b'"',
        b"\n",
        b"\r",
        b",",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"<Child>",
        b"<!--",
        b"\n\n",
        b"''",
        b"\xc3",
    ]
    chosen = words[rng.integers(0, len(words))] if rng.random() < 0.7 else rng.bytes(int(rng.integers(1, 9)))
    return content[:place] + chosen + content[place:]


def truncate(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(0, len(content)))]


def duplicate(content: bytes, rng: np.random.Generator) -> bytes:
    first, after = _span(content, rng)
    return content[:after] + content[first:after] + content[after:]


def repeat_lines(content: bytes, rng: np.random.Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(lines + lines[int(rng.integers(0, len(lines))) :])


def swap(content: bytes, rng: np.random.Generator) -> bytes:
    a, b, c, d = sorted(int(place) for place in rng.integers(0, len(content) + 1, size=4))
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


MUTATIONS: tuple[Mutation, ...] = (flip, delete, insert, truncate, duplicate, repeat_lines, swap)


def written(name: str) -> bytes:
    return ("\n".join(FILES[name]) + "\n").encode()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return, for each folder of files, an extract that holds it besides spine, manifest and residents."""
    made = {}
    for own in FOLDERS:
        made[own] = tmp_path_factory.mktemp(own)
        for name in FILES:
            if name.split("/")[0] in (own, "housing") or "/" not in name:
                path = made[own] / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(written(name))
    return made


def counted(content: bytes) -> int:
    """Return the lines after the first that hold anything."""
    lines = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return sum(1 for line in lines if line) - 1


def elements(content: bytes, name: str) -> int:
    return sum(1 for element in ET.fromstring(content).iter() if element.tag.rpartition("}")[2] == name)  # noqa: S314


def corrupted(seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield a name and content without end: one or two changes to a file, each kind of file in turn."""
    rng = np.random.default_rng(seed)
    while True:
        for name in FILES:
            content = written(name)
            for _ in range(1 + int(rng.random() < 0.3)):
                content = MUTATIONS[rng.integers(0, len(MUTATIONS))](content, rng) or b"\n"
            yield name, content


def check(folder: Path, name: str, content: bytes) -> bool:
    """Take in a folder with one file corrupted; return whether it was taken in rather than refused in words."""
    (folder / name).write_bytes(content)
    try:
        intake = take_in(folder, threads=1)
    except (DataError, PolicyError):
        return False
    finally:
        (folder / name).write_bytes(written(name))
    reconcile(intake, {name: content})
    return True


def reconcile(intake: Intake, changed: dict[str, bytes]) -> None:
    for name, file in intake.report.files.items():
        path, _, element = name.partition("#")
        content = changed.get(path, written(path))
        wanted = elements(content, element) if element else counted(content)
        assert file.rows_in == wanted, (name, file.rows_in, wanted)
        assert file.rows_accepted + file.rows_quarantined == wanted
        quarantine = intake.quarantine.get(name)
        assert file.rows_quarantined == (0 if quarantine is None else quarantine.num_rows)


def folder_of(name: str, number: int) -> str:
    return name.partition("/")[0] if "/" in name else FOLDERS[number % len(FOLDERS)]


def run(folders: dict[str, Path], seed: int, count: int) -> int:
    taken = 0
    for number, (name, content) in zip(range(count), corrupted(seed), strict=False):
        try:
            taken += check(folders[folder_of(name, number)], name, content)
        except BaseException as error:
            error.add_note(f"seed {seed}, corruption {number}, {name}:\n{content!r}")
            raise
    return taken


def test_the_files_are_sound(folders: dict[str, Path]) -> None:
    for own, folder in folders.items():
        intake = take_in(folder, threads=1)
        reconcile(intake, {})
        assert not intake.quarantine, own
        assert {name.split("/")[0] for name in intake.report.files if "/" in name} == {own, "housing"}


def test_sixty_corruptions(folders: dict[str, Path]) -> None:
    taken = run(folders, seed=1, count=60)
    assert 5 < taken < 55  # some are refused and some are not: both ends are tried


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_two_hundred_corruptions_each(folders: dict[str, Path], seed: int) -> None:
    assert run(folders, seed=seed, count=200) > 20


def test_json_that_nobody_expected(folders: dict[str, Path]) -> None:
    folder = folders["police"]
    good = json.loads(written("manifest.json"))
    for change in (
        {"extract_date": "0001-01-01"}, {"extract_date": "9999-12-31"}, {"first_date": "9999-01-01"}, {"gaps": {"agency": "POLICE"}},
        {"gaps": [{"agency": "POLICE", "from": "2020-01-01", "to": "2020-01-01"}]}, {"gaps": [{"agency": "FBI", "from": "2020-01-01", "to": "2021-01-01"}]},
        {"release": 5}, {"synthetic": "false"}, {"declared_use": {"upn": 3}}, {"declared_use": ["upn"]},
    ):  # fmt: skip
        check(folder, "manifest.json", json.dumps({**good, **change}).encode())
    assert not check(folder, "manifest.json", b"[" * 100_000)
