"""Every file has the columns, codes and date styles that the layouts declare."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from xml.etree import ElementTree as ET

import pyarrow.parquet as pq
import pytest

HEADERS = {
    "spine.csv": "agency,key,subject_id",
    "housing/residence.csv": "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end",
    "housing/lsoa.csv": "lsoa,imd_decile,ward",
    "school_census/*_pupilonroll.csv": "pupilonrolltableid,NativeId,dob,upn,sex,entrydate,termlysessionspossible,ethnicity,"
    "enrolstatus,senprovision,ncyearactual,language",
    "school_census/*_fsmperiodsonroll.csv": "pupilonrolltableid,NativeId,fsmstartdate,fsmenddate,ukcountry",
    "school_census/*_senneeds.csv": "pupilonrolltableid,NativeId,sentyperank,sentype",
    "school_census/*_termlysessiondetailsonroll.csv": "pupilonrolltableid,NativeId,sessions,attendancereason",
    "school_census/*_termlyexclusionsonroll.csv": "pupilonrolltableid,NativeId,startdate,sessions,reason1,reason2,reason3,"
    "category,senprovision",
    "school_census/*_apdetail.csv": "pupilonrolltableid,NativeId,apentrydate,apleavingdate,apreason",
    "ssda903/*_header.csv": "CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB",
    "ssda903/*_episodes.csv": "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN",
    "ssda903/*_reviews.csv": "CHILD,DOB,REVIEW,REVIEW_CODE",
    "ssda903/*_missing.csv": "CHILD,DOB,MISSING,MIS_START,MIS_END",
    "ssda903/*_oc2.csv": "CHILD,DOB,SDQ_SCORE,SDQ_REASON,CONVICTED,HEALTH_CHECK,IMMUNISATIONS,TEETH_CHECK,HEALTH_ASSESSMENT,"
    "SUBSTANCE_MISUSE,INTERVENTION_RECEIVED,INTERVENTION_OFFERED",
    "youth_justice/cases.csv": "ypid,sex,ethnicity,offence_category,gravity,offence_date,outcome_tier,outcome_date,recorded_date,record_id",
    "health/emergency.csv": "person_key,arrival_date,injury_intent,mechanism,disposal,recorded_date,record_id",
    "health/camhs.csv": "person_key,referral_date,accepted,recorded_date,record_id",
    "health/births.csv": "person_key,birth_month,mother_under_20,smoking_in_pregnancy,low_birth_weight,recorded_date",
    "police/people.csv": "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date,record_id",
    "support/offers.csv": "person_key,referral_date,referrer,offer,offered_date,taken_up,recorded_date",
    "stop_search/*-borough-stop-and-search.csv": "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,"
    "Gender,Age range,Self-defined ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,"
    "Outcome linked to object of search,Removal of more than just outer clothing",
}
COUNTS = {  # files of a kind in four years
    "school_census/*_senneeds.csv": 4, "school_census/*": 12, "ssda903/*": 5, "stop_search/*": 48,
}  # fmt: skip


def files(root, pattern):
    return sorted((root / "extracts").glob(pattern))


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def parse(path):
    return ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 (our own file)


def rows(root, pattern):
    return [row for path in files(root, pattern) for row in csv.DictReader(lines(path))]


@pytest.mark.parametrize("pattern", HEADERS)
def test_header_is_the_layout_and_all_terms_and_years_are_there(borough, pattern):
    found = files(borough[0], pattern)
    key = pattern if pattern in COUNTS else pattern.split("/")[0] + "/*"
    assert len(found) == COUNTS.get(key, 1)
    for path in found:
        assert lines(path)[0] == HEADERS[pattern]


def test_nothing_else_is_written(borough):
    known = {path for pattern in HEADERS for path in files(borough[0], pattern)}
    others = {path.relative_to(borough[0] / "extracts").as_posix() for path in files(borough[0], "**/*.*")}
    others -= {path.relative_to(borough[0] / "extracts").as_posix() for path in known}
    assert others == {"manifest.json", *(f"cin_census/cin_{year}.xml" for year in range(2022, 2027))}
    assert {path.name for path in borough[0].iterdir()} == {"extracts", "truth"}


def test_report_counts_rows(borough):
    root, report = borough
    for name, count in report.extracts.items():
        path = root / "extracts" / name
        if path.suffix == ".csv":
            assert len(lines(path)) == count + 1, name
        elif path.suffix == ".xml":
            assert len(parse(path).findall("Children/Child")) == count, name
    for name, count in report.truth.items():
        assert pq.read_metadata(root / "truth" / name).num_rows == count
    assert set(report.extracts) == {
        p.relative_to(root / "extracts").as_posix() for p in files(root, "**/*.*")
    }
    assert report.to_json()["people"] == report.people == report.truth["people.parquet"]


def test_manifest_says_what_the_data_cover(borough):
    manifest = json.loads((borough[0] / "extracts" / "manifest.json").read_text())
    assert manifest == {"extract_date": "2025-08-31", "first_date": "2021-09-01", "synthetic": True}


ISO, CENSUS, UK = r"\d{4}-\d\d-\d\d", r"\d{4}-[A-Z][a-z]{2}-\d\d 00:00:00", r"\d\d/\d\d/\d{4}"


@pytest.mark.parametrize(
    ("pattern", "columns", "style"),
    [
        ("housing/residence.csv", ("start_date", "end_date", "recorded_start", "recorded_end"), ISO),
        ("school_census/*_pupilonroll.csv", ("dob", "entrydate"), CENSUS),
        ("school_census/*_fsmperiodsonroll.csv", ("fsmstartdate", "fsmenddate"), CENSUS),
        ("school_census/*_termlyexclusionsonroll.csv", ("startdate",), CENSUS),
        ("school_census/*_apdetail.csv", ("apentrydate", "apleavingdate"), CENSUS),
        ("ssda903/*_header.csv", ("DOB",), UK),
        ("ssda903/*_episodes.csv", ("DECOM", "DEC"), UK),
        ("ssda903/*_missing.csv", ("MIS_START", "MIS_END"), UK),
        ("ssda903/*_reviews.csv", ("REVIEW",), UK),
        ("health/emergency.csv", ("arrival_date", "recorded_date"), ISO),
        ("health/births.csv", ("birth_month", "recorded_date"), ISO),
        ("support/offers.csv", ("referral_date", "offered_date", "recorded_date"), ISO),
        ("youth_justice/cases.csv", ("offence_date", "outcome_date", "recorded_date"), ISO),
        ("stop_search/*.csv", ("Date",), ISO + r"T\d\d:\d\d:00\+00:00"),
    ],
)
def test_dates_are_written_as_the_layout_says(borough, pattern, columns, style):
    found = rows(borough[0], pattern)
    assert found
    for column in columns:
        written = [row[column] for row in found if row[column]]
        good = sum(bool(re.fullmatch(style, text)) for text in written)
        assert good >= 0.97 * len(written), column  # the rest are spoilt on purpose


CODES = {
    ("school_census/*_pupilonroll.csv", "senprovision"): {"N", "K", "E"},
    ("school_census/*_pupilonroll.csv", "sex"): {"M", "F"},
    ("school_census/*_termlysessiondetailsonroll.csv", "attendancereason"): {
        "I",
        "M",
        "O",
        "U",
        "G",
        "N",
        "E",
        "H",
        "C",
    },
    ("school_census/*_termlyexclusionsonroll.csv", "category"): {"SUSP", "PERM", "LNCH"},
    ("health/emergency.csv", "injury_intent"): {"ASSAULT", "SELF_HARM", "ACCIDENT", "NONE"},
    ("health/emergency.csv", "mechanism"): {"SHARP", "BLUNT", "OTHER", ""},
    ("health/emergency.csv", "disposal"): {"DISCHARGED", "ADMITTED"},
    ("police/people.csv", "role"): {"VICTIM", "SUSPECT"},
    ("police/people.csv", "ethnicity_officer"): {"White", "Black", "Asian", "Mixed", "Other", ""},
    ("support/offers.csv", "offer"): {"MENTOR", "OUTREACH", "PARENTING", "IDVA", "CAMHS", "EMPLOYMENT"},
    ("stop_search/*.csv", "Age range"): {"10-17", "18-24", "25-34", "over 34", ""},
}


@pytest.mark.parametrize(
    ("where", "allowed"), CODES.items(), ids=[f"{where[0]}:{where[1]}" for where in CODES]
)
def test_codes_are_those_of_the_layout(borough, where, allowed):
    pattern, column = where
    found = [row[column] for row in rows(borough[0], pattern)]
    assert sum(code in allowed for code in found) >= 0.97 * len(found)
    assert len({code for code in found if code in allowed}) >= min(2, len(allowed))


def test_sex_is_numbers_to_2024_and_letters_from_2025(borough):
    sexes = {
        year: {row["SEX"] for row in rows(borough[0], f"ssda903/{year}_header.csv")} - {"7"}
        for year in (2024, 2025)
    }
    assert sexes[2024] <= {"1", "2"}
    assert sexes[2025] <= {"M", "F"}
    assert sexes[2024]
    assert sexes[2025]
    tags = {
        year: {
            tag.tag
            for tag in parse(borough[0] / f"extracts/cin_census/cin_{year}.xml").iter()
            if tag.tag in {"Sex", "GenderCurrent"}
        }
        for year in (2023, 2024)
    }
    assert tags == {2023: {"GenderCurrent"}, 2024: {"Sex"}}


def test_ethnicity_is_in_the_spring_census_only(borough):
    for path in files(borough[0], "school_census/*_pupilonroll.csv"):
        codes = {row["ethnicity"] for row in csv.DictReader(lines(path))}
        assert ("" not in codes) == ("_spring_" in path.name)


def test_suspensions_were_called_fixed_until_2019(tmp_path):
    from riskmodel.simulate import SimulateSpec, simulate

    simulate(
        SimulateSpec(size=500, years=2, last_day=date(2020, 8, 31), faulty_rows=0.0),
        seed=3,
        out=tmp_path / "b",
    )
    kinds = {
        year: {
            row["category"]
            for path in sorted(
                (tmp_path / "b/extracts/school_census").glob(f"{year}_*_termlyexclusionsonroll.csv")
            )
            for row in csv.DictReader(lines(path))
        }
        for year in ("2018", "2020")
    }
    assert "FIXD" in kinds["2018"]
    assert "SUSP" not in kinds["2018"]
    assert "FIXD" not in kinds["2020"]


def test_keys_lead_to_one_subject_each_and_few_lead_nowhere(borough):
    spine = rows(borough[0], "spine.csv")
    keys = [(row["agency"], row["key"]) for row in spine]
    assert len(set(keys)) == len(keys)
    known = {key for agency, key in keys if agency == "HEALTH"}
    used = [row["person_key"] for row in rows(borough[0], "health/emergency.csv")]
    lost = sum(key not in known for key in used) / len(used)
    assert 0 < lost < 0.03
    assert {row["agency"] for row in spine} == {
        "EDU",
        "CSC",
        "CLA",
        "YJ",
        "HEALTH",
        "POLICE",
        "HOUSING",
        "SUPPORT",
    }


def test_nothing_is_recorded_before_it_happened_or_after_the_extract(borough):
    for pattern, happened in (
        ("health/emergency.csv", "arrival_date"),
        ("police/people.csv", "incident_date"),
        ("support/offers.csv", "referral_date"),
        ("youth_justice/cases.csv", "outcome_date"),
    ):
        found = rows(borough[0], pattern)
        assert all(row["recorded_date"] <= "2025-08-31" for row in found)
        backwards = sum(row["recorded_date"] <= row[happened] for row in found)
        assert backwards <= 0.02 * len(found), pattern


def test_a_spoilt_share_of_rows_is_really_there(borough):
    found = rows(borough[0], "housing/residence.csv")
    ends = [row for row in found if row["end_date"] == "1999-01-01"]
    unlinked = [row for row in found if row["person_key"] == "R99999999"]
    assert ends
    assert unlinked
    twice = len(found) - len({tuple(row.values()) for row in found})
    assert twice >= 1
    assert len(ends) + len(unlinked) + twice < 0.02 * len(found)


def test_no_faults_means_no_faults(tmp_path):
    from riskmodel.simulate import SimulateSpec, simulate

    simulate(SimulateSpec(size=500, years=2, faulty_rows=0.0), seed=2, out=tmp_path / "b")
    found = rows(tmp_path / "b", "housing/residence.csv")
    assert all(row["end_date"] > row["start_date"] for row in found if row["end_date"])
    assert len({tuple(row.values()) for row in found}) == len(found)


def test_truth_has_the_declared_columns(borough):
    truth = borough[0] / "truth"
    hazard = pq.read_table(truth / "hazard.parquet")
    assert [(f.name, str(f.type)) for f in hazard.schema] == [
        ("subject_id", "int64"), ("month", "date32[day]"), ("hazard", "double"),
    ]  # fmt: skip
    months = set(hazard["month"].to_pylist())
    assert {day.day for day in months} == {1}
    assert {date(2022, month, 1) for month in (3, 6, 9, 12)} <= months
    assert 0 < min(hazard["hazard"].to_pylist()) < max(hazard["hazard"].to_pylist()) < 1
    assert pq.read_table(truth / "harm.parquet").column_names == ["subject_id", "time", "kind"]
    assert pq.read_table(truth / "violence.parquet").column_names == ["subject_id", "time"]
    assert {"subject_id", "ethnicity", "sex", "susceptibility"} <= set(
        pq.read_table(truth / "people.parquet").column_names
    )
    spine = {int(row["subject_id"]) for row in rows(borough[0], "spine.csv")}
    subjects = set(hazard["subject_id"].to_pylist())
    # Only those whose arrival in the last weeks is not recorded yet are unknown to every agency.
    assert len(subjects - spine) < 0.01 * len(subjects)


def test_a_plan_or_closure_after_the_year_is_not_in_its_file(borough):
    for path in files(borough[0], "cin_census/*.xml"):
        root = parse(path)
        reference = root.findtext("Header/CollectionDetails/ReferenceDate")
        for tag in (
            "CINreferralDate",
            "CINclosureDate",
            "CPPstartDate",
            "CPPendDate",
            "AssessmentAuthorisationDate",
        ):
            assert all(element.text <= reference for element in root.iter(tag))
        assert all(
            details.findtext("CINreferralDate") < (details.findtext("CINclosureDate") or "9999")
            for details in root.iter("CINdetails")
        )
