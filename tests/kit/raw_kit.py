"""What agencies hand to the linking party, written by hand: two people with names, keys and full birth dates.

Ann (born 17 May 2008, UPN B801200005001) is known to every agency; Ben (born 30 June 2010) to school and police.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from workbook_kit import write_workbook

SECRET = b"3f9a1c5e7d2b4860a1c3e5f7092b4d6e8f1a3c5e7d9b0f2a4c6e8d0b1f3a5c7e"
OTHER_SECRET = b"c0ffee254729296a45a3885639a51e7bd1e0a4c6f8d20b3975e1c3a5f7d9b0246"
# Whatever of these is found in what leaves, or in what is said, is a breach.
MARKS = (
    *("Zarquon", "Trillian", "Prefect", "Vogon", "B801200005001", "H801200001001", "X80120000A001"),
    *("2008-May-17", "17/05/2008", "2008-05-17", "2010-Jun-30", "2010-06-30", "1980-02-03"),
    *(
        "E17 4PP",
        "E174PP",
        "CHILDKEY",
        "CSCKEY",
        "NOMINAL1",
        "NOMINAL2",
        "PATIENT1",
        "TENANT1",
        "ROWKEY",
        "UPRNKEY",
    ),
    *("RECORDKEY", "YPKEY", "9434765919", "SPINEID", SECRET.decode()),
)
ROLL = (
    "pupilonrolltableid,NativeId,dob,surname,forename,upn,formerupn,sex,entrydate,termlysessionspossible,ethnicity,"
    "enrolstatus,senprovision,ncyearactual,language"
)
FILES = {
    "manifest.json": json.dumps(
        {"extract_date": "2021-08-31", "first_date": "2015-09-01", "author": "Zarquon"}
    ),
    "school_census/2020_spring_pupilonroll.csv": [
        ROLL,
        "ROWKEY1,SCH1,2008-May-17 00:00:00,Zarquon,Trillian,B801200005001,X80120000A001,F,2019-Sep-03 00:00:00,110,BCRB,C,K,7,Vogon",
        "ROWKEY2,SCH1,2010-Jun-30 00:00:00,Prefect,Ford,H801200001001,,M,2010-Jun-29 00:00:00,110,WBRI,C,N,5,Vogon",
        "ROWKEY3,Trillian,2010-Jun-30 00:00:00,Prefect,Ford,H801200001001,,M,2019-Sep-03 00:00:00,110,Prefect,C,N,5,Vogon",
        "ROWKEY4,SCH1,Zarquon",
    ],
    "school_census/2020_spring_termlyexclusionsonroll.csv": [
        "pupilonrolltableid,NativeId,startdate,sessions,reason1,reason2,reason3,category,senprovision",
        "ROWKEY1,SCH1,2020-Jan-20 00:00:00,4,DB,,,SUSP,K",
        "ROWKEY3,SCH1,2010-Jun-29 00:00:00,4,DB,,,SUSP,K",
    ],
    "ssda903/903_header.csv": [
        "CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB",
        "CHILDKEY1,2,17/05/2008,BCRB,B801200005001,1,1980-02-03",
    ],
    "ssda903/903_episodes.csv": [
        "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN",
        "CHILDKEY1,01/06/2019,S,C2,N1,U1,PR1,,,,E17 4PP,E174pp,SC1",
        "CHILDKEY1,16/05/2008,S,C2,N1,U1,PR1,,,,E17 4PP,N1 9ZZ,SC1",
    ],
    "youth_justice/cases.csv": [
        "ypid,sex,ethnicity,offence_category,gravity,offence_date,outcome_tier,outcome_date,recorded_date",
        "YPKEY1,F,B1,THEFT,3,2020-01-01,,,2020-01-02",
    ],
    "health/births.csv": [
        "person_key,birth_month,mother_under_20,smoking_in_pregnancy,low_birth_weight,recorded_date,mother_name",
        "PATIENT1,2008-05-17,1,0,,2008-05-17,Zarquon",
    ],
    "housing/residence.csv": [
        "person_key,uprn_key,postcode,start_date,end_date,recorded_start,recorded_end,name",
        "TENANT1,UPRNKEY1,E17 4PP,2015-01-01,,2015-01-02,,Zarquon",
        "TENANT1,UPRNKEY2,N1 9ZZ,2004-01-01,2015-01-01,2004-01-02,2015-01-02,Zarquon",
    ],
    "housing/lsoa.csv": ["lsoa,imd_decile", "E01004321,1"],
    "stop_search/2020-01-some-stop-and-search.csv": [
        (
            "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,Gender,Age range,Self-defined "
            "ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,Outcome linked to object of search,"
            "Removal of more than just outer clothing"
        ),
        "Person search,2020-01-01T10:00:00+00:00,,,51.5,-0.02,Male,10-17,,Black,,,Arrest,,",
    ],
    "notes/Zarquon.txt": ["Zarquon"],
}
CENSUS = """<?xml version='1.0' encoding='UTF-8'?>
<Message xmlns="u"><Header><Source><SerialNo>Zarquon</SerialNo></Source></Header><Children><Child>
  <ChildIdentifiers><LAchildID>CSCKEY1</LAchildID><UPN>B801200005001</UPN><FormerUPN>X80120000A001</FormerUPN>
    <Surname>Zarquon</Surname><PersonBirthDate>2008-05-17</PersonBirthDate>
    <ExpectedPersonBirthDate>2008-05-17</ExpectedPersonBirthDate><GenderCurrent>2</GenderCurrent></ChildIdentifiers>
  <ChildCharacteristics><Ethnicity note="Zarquon">BCRB</Ethnicity><Disabilities><Disability>HAND</Disability>
    </Disabilities></ChildCharacteristics>
  <CINdetails><CINreferralDate>2019-05-01</CINreferralDate><ReferralSource>Zarquon</ReferralSource>
    <PrimaryNeedCode>N4</PrimaryNeedCode><DateOfInitialCPC>2008-05-17</DateOfInitialCPC>
    <Assessments><AssessmentActualStartDate>2019-05-02</AssessmentActualStartDate>
      <AssessmentAuthorisationDate>2019-06-01</AssessmentAuthorisationDate>
      <FactorsIdentifiedAtAssessment><AssessmentFactors>3A</AssessmentFactors><AssessmentFactors>13A</AssessmentFactors>
      </FactorsIdentifiedAtAssessment></Assessments>
    <Assessments><AssessmentAuthorisationDate>2008-05-16</AssessmentAuthorisationDate>
      <FactorsIdentifiedAtAssessment><AssessmentFactors>4A</AssessmentFactors></FactorsIdentifiedAtAssessment>
    </Assessments></CINdetails>
  <CINdetails><CINreferralDate>2008-05-01</CINreferralDate><ReferralSource>2A</ReferralSource>
    <Section47><S47ActualStartDate>2019-06-03</S47ActualStartDate></Section47></CINdetails>
</Child></Children></Message>
"""
PEOPLE = [
    "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date,record_id,officer_note",
    "NOMINAL1,VICTIM,THEFT,2020-01-01,Black,2020-01-02,RECORDKEY1,Zoë Zarquon",
    "NOMINAL1,VICTIM,THEFT,2008-05-16,Black,2020-01-02,RECORDKEY2,Zarquon",
    "NOMINAL2,Zarquon,THEFT,2020-01-01,Black,2020-01-02,,",
]
IDENTITIES = [
    "key,forename,surname,birth_date,sex,postcode,upn,nhs_number",
    "NOMINAL1,Trillian,Zarquon,2008-05-17,F,E17 4PP,B801200005001,9434765919",
    "NOMINAL2,Ford,Prefect,2010-06-30,M,,,",
]
SPINE = [
    "agency,key,subject_id",
    *(
        "EDU,B801200005001,SPINEID1",
        "EDU,H801200001001,SPINEID2",
        "POLICE,NOMINAL1,SPINEID1",
        "CLA,CHILDKEY1,SPINEID1",
    ),
]
POSTCODES = ["postcode,lsoa", "E17  4PP,E01004321", "N1C 4AG,E01009999"]


BIRTHS = ["key,birth_date", "TENANT1,2008-05-17"]


def write_raw(folder: Path) -> Path:
    """Write ``raw/``, ``identities/``, ``spine.csv``, ``postcodes.csv`` and ``secret`` below a folder."""
    for name, lines in FILES.items():
        _write(folder / "raw" / name, lines if isinstance(lines, str) else "\n".join([*lines, ""]))
    _write(folder / "raw/cin_census/BAR_cin_2020.xml", CENSUS)
    _write(folder / "raw/police/people.csv", "\r\n".join([*PEOPLE, ""]), encoding="cp1252")
    _write(folder / "identities/POLICE.csv", "\n".join([*IDENTITIES, ""]))
    _write(folder / "identities/HOUSING.csv", "\n".join([*BIRTHS, ""]))
    _write(folder / "spine.csv", "\n".join([*SPINE, ""]))
    _write(folder / "postcodes.csv", "\n".join([*POSTCODES, ""]))
    header = [
        "person_key",
        "arrival_date",
        "injury_intent",
        "mechanism",
        "disposal",
        "recorded_date",
        "nhs_number",
    ]
    visits = [
        ["PATIENT1", date(2020, 2, 1), "ASSAULT", "SHARP", "ADMITTED", date(2020, 2, 2), 9434765919],
        ["PATIENT1", date(2008, 5, 16), "ACCIDENT", None, "DISCHARGED", date(2008, 6, 2), None],
    ]
    write_workbook(folder / "raw/health/emergency.xlsx", {"Visits": [header, *visits]})
    (folder / "secret").write_bytes(SECRET + b"\n")
    (folder / "secret").chmod(0o600)
    return folder


def _write(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
