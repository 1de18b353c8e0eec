"""A small delivery written by hand: three people, every way in which a row can belong to one of them."""

from __future__ import annotations

import json
from pathlib import Path

ANN, BEN, CAT = 700000001, 700000002, 700000003
KEYS = {
    ("EDU", "E-ann-0001"): ANN,
    ("EDU", "E-ben-0001"): BEN,
    ("EDU", "E-cat-0001"): CAT,
    ("CSC", "C-ann-0001"): ANN,
    ("CSC", "C-ben-0001"): BEN,
    ("POLICE", "P-ann-0001"): ANN,
    ("POLICE", "P-ben-0001"): BEN,
    ("HOUSING", "H-ann-0001"): ANN,
    ("HOUSING", "H-ben-0001"): BEN,
    ("HOUSING", "H-cat-0001"): CAT,
}
ROLL = (
    "pupilonrolltableid,NativeId,dob,upn,sex,entrydate,termlysessionspossible,ethnicity,enrolstatus,"
    "senprovision,ncyearactual,language"
)


def pupil(number: str, upn: str) -> str:
    return f"{number},SCH1,2008-May-01 00:00:00,{upn},F,2019-Sep-03 00:00:00,110,BCRB,C,K,7,ENG"


def child(key: str, referral: str = "2019-10-17") -> str:
    return (
        f"<Child><ChildIdentifiers><LAchildID>{key}</LAchildID><PersonBirthDate>2008-05-01</PersonBirthDate>"
        f"<GenderCurrent>F</GenderCurrent></ChildIdentifiers><CINdetails><CINreferralDate>{referral}</CINreferralDate>"
        "<PrimaryNeedCode>N5</PrimaryNeedCode></CINdetails></Child>"
    )


FILES = {
    "manifest.json": json.dumps({"extract_date": "2021-08-31", "first_date": "2015-09-01"}),
    "spine.csv": "agency,key,subject_id\n" + "".join(f"{a},{k},{s}\n" for (a, k), s in KEYS.items()),
    "housing/residence.csv": "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end\n"
    + "".join(f"H-{who}-0001,home,S1,2015-01-01,,2015-01-02,\n" for who in ("ann", "ben", "cat")),
    "housing/lsoa.csv": "lsoa,imd_decile\nS1,1\n",
    # BEN's roll rows hold the places of his exclusions; the same number in another term is somebody else's.
    "school_census/2020_spring_pupilonroll.csv": "\r\n".join(
        [ROLL, pupil("110000001", "E-ann-0001"), pupil("110000002", "E-ben-0001"), "110000009,E-ben-0001", ""]
    ),
    "school_census/2020_autumn_pupilonroll.csv": "\n".join(
        [ROLL, pupil("110000002", "E-ann-0001"), pupil("110000003", "E-ben-0001")]
    ),
    "school_census/2020_spring_senneeds.csv": "pupilonrolltableid,NativeId,sentyperank,sentype\n"
    "110000001,SCH1,1,SEMH\n110000002,SCH1,1,SEMH\n 110000002 ,SCH1,9,no such need\n",
    "school_census/2020_autumn_termlyexclusionsonroll.csv": (
        "pupilonrolltableid,NativeId,startdate,sessions,reason1,reason2,reason3,category,senprovision\n"
        "110000002,SCH1,2020-Oct-05 00:00:00,4,DB,,,SUSP,K\n110000003,SCH1,2020-Oct-05 00:00:00,6,DB,,,SUSP,K\n"
    ),
    "police/people.csv": "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date\n"
    '"P-ben-0001",VICTIM,THEFT,2020-01-01,,2020-01-02\nP-ann-0001,VICTIM,THEFT,2020-01-01,,2020-01-02\n'
    "P-ben-0001,WITNESS,THEFT,2020-01-01,,2020-01-02\n",
    "cin_census/cin_2020.xml": '<?xml version="1.0" encoding="UTF-8"?>\n<Message><Children>\n'
    f"{child('C-ann-0001')}\n{child('C-ben-0001')}\n{child('C-zed-0001')}</Children></Message>\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode())
    return folder
