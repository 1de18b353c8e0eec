"""Names, language and keys that are in the extracts are nowhere in what intake writes or says."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from riskmodel.errors import PolicyError, RiskModelError
from riskmodel.intake import take_in

MARKS = ("Zarquon", "Vogonspeak", "KEYMARK")
DECLARED = {"surname": "made up for this test", "forename": "made up for this test"}
ROLL = (
    "pupilonrolltableid,NativeId,dob,surname,forename,upn,sex,entrydate,termlysessionspossible,ethnicity,"
    "enrolstatus,senprovision,ncyearactual,language"
)


def pupil(number: int, dob: str = "2008-05-01", upn: str = "KEYMARK-1") -> str:
    return f"KEYMARK-r{number},SCH1,{dob},Zarquon,Zarquon,{upn},F,2019-09-03,110,BCRB,C,K,7,Vogonspeak"


@pytest.fixture
def extracts(tmp_path: Path) -> Path:
    folder = tmp_path / "extracts"
    files = {
        "manifest.json": json.dumps({"extract_date": "2021-08-31", "declared_use": DECLARED}),
        "spine.csv": "agency,key,subject_id\nEDU,KEYMARK-1,1\nPOLICE,KEYMARK-2,1\nHOUSING,KEYMARK-3,1\nCSC,KEYMARK-4,1\n",
        "housing/residence.csv": "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end\n"
        "KEYMARK-3,KEYMARK-home,S1,2015-01-01,,2015-01-02,\nKEYMARK-9,KEYMARK-home,S1,2015-01-01,,2015-01-02,\n",
        "housing/lsoa.csv": "lsoa,imd_decile\nS1,1\n",
        "school_census/2020_spring_pupilonroll.csv": "\n".join(
            [ROLL, pupil(1), pupil(2, dob="never"), pupil(3, upn="KEYMARK-8"), "KEYMARK-r4,Zarquon", ""]
        ),
        "police/people.csv": "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date\n"
        "KEYMARK-2,VICTIM,THEFT,2020-01-01,Black,2020-01-02\nKEYMARK-2,WITNESS,THEFT,2020-01-01,Black,2020-01-02\n",
        "cin_census/cin_2020.xml": "<Message><Children><Child><ChildIdentifiers><LAchildID>KEYMARK-4</LAchildID>"
        "<UPN>KEYMARK-1</UPN><PersonBirthDate>2008-05-01</PersonBirthDate></ChildIdentifiers></Child>"
        "<Child><ChildIdentifiers><LAchildID>KEYMARK-7</LAchildID></ChildIdentifiers></Child></Children></Message>",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def texts_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): str(pq.read_table(path).to_pydict()) if path.suffix == ".parquet" else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }  # fmt: skip


def test_no_mark_is_in_anything_that_is_written(extracts: Path, tmp_path: Path) -> None:
    take_in(extracts, out=tmp_path / "out", threads=1)
    texts = texts_of(tmp_path / "out")
    assert "events.parquet" in texts
    assert (
        "quarantine/school_census/2020_spring_pupilonroll.csv" in texts
    )  # rows were set aside: the test can fail
    assert "never" in texts["quarantine/school_census/2020_spring_pupilonroll.csv"]
    assert "EDU//ENROL" in texts["events.parquet"]
    for name, text in texts.items():
        for mark in MARKS:
            assert mark not in text, f"{mark} is in {name}"


def test_names_are_refused_before_any_file_is_read_and_no_mark_is_said(
    extracts: Path, tmp_path: Path
) -> None:
    (extracts / "manifest.json").write_text(json.dumps({"extract_date": "2021-08-31"}))
    with pytest.raises(PolicyError, match="surname looks like a name") as caught:
        take_in(extracts, out=tmp_path / "out", threads=1)
    assert not (tmp_path / "out").exists()
    for mark in (*MARKS, "2008-05-01", "SCH1"):
        assert mark not in str(caught.value)


def test_ethnicity_and_sex_are_in_no_event(extracts: Path) -> None:
    codes = take_in(extracts, threads=1).records.events.table.column("code").unique().to_pylist()
    assert not [
        code
        for code in codes
        if any(word in code.lower() for word in ("ethnic", "sex", "bcrb", "black", "language"))
    ]


@pytest.mark.parametrize("spoil", ["header", "encoding", "quote", "cut"])
def test_no_mark_is_in_the_message_when_a_file_is_refused(extracts: Path, spoil: str) -> None:
    path = extracts / "school_census/2020_spring_pupilonroll.csv"
    content = path.read_bytes()
    path.write_bytes(
        {
            "header": content.split(b"\n", 1)[1],
            "encoding": content.replace(b"Vogonspeak", b"Vogonspeak\x81"),
            "quote": content.replace(b"Zarquon", b'"Zarquon', 1),
            "cut": content[:-5],
        }[spoil]
    )
    with pytest.raises(RiskModelError) as caught:
        take_in(extracts, threads=1)
    for mark in (*MARKS, "2008-05-01", "SCH1"):
        assert mark not in str(caught.value)
