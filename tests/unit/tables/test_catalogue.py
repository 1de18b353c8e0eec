"""The code catalogue: lookup, patterns, own files and their faults."""

from __future__ import annotations

import pytest

from riskmodel.errors import StudyError
from riskmodel.tables.catalogue import load_catalogue

CATALOGUE = load_catalogue()

# Every code that intake writes from the official layouts, one of each family.
WRITTEN = [
    "MEDS_BIRTH",
    "EDU//ENROL",
    "EDU//SCHOOL_MOVE",
    "EDU//SESSIONS//POSSIBLE",
    "EDU//ABSENCE//AUTHORISED",
    "EDU//ABSENCE//UNAUTHORISED",
    "EDU//ABSENCE//EXCLUDED",
    "EDU//FSM//START",
    "EDU//FSM//END",
    "EDU//SEN_SUPPORT//START",
    "EDU//SEN_SUPPORT//END",
    "EDU//EHCP//START",
    "EDU//EHCP//END",
    "EDU//SEN_NEED//SEMH",
    "EDU//SUSPENSION//DB",
    "EDU//EXCLUSION//PP",
    "EDU//LUNCH_EXCLUSION//DB",
    "EDU//AP//START",
    "EDU//AP//END",
    "CSC//REFERRAL//6",
    "CSC//CIN//START",
    "CSC//CIN//END",
    "CSC//NEED//N1",
    "CSC//NEED//N8",
    "CSC//FACTOR//3A",
    "CSC//FACTOR//24A",
    "CSC//S47",
    "CLA//REVIEW//PN0",
    "CLA//REVIEW//PN7",
    "EDU//SUSPENSION//OT",
    "CSC//CPP//START//NEG",
    "CSC//CPP//END",
    "CLA//CARE//START",
    "CLA//CARE//END",
    "CLA//PLACEMENT_MOVE",
    "CLA//MISSING//START",
    "CLA//MISSING//END",
    "CLA//SDQ",
    "CLA//SUBSTANCE_MISUSE",
    "YJ//OFFENCE//VIOLENCE",
    "YJ//OUTCOME//COMMUNITY",
    "HEALTH//ED//ASSAULT",
    "HEALTH//ED//SELF_HARM",
    "HEALTH//ED//ACCIDENT",
    "HEALTH//ED//OTHER",
    "HEALTH//ADMISSION//ASSAULT",
    "HEALTH//ED_MECHANISM//SHARP",
    "HEALTH//CAMHS//REFERRAL",
    "HEALTH//CAMHS//ACCEPTED",
    "HEALTH//BIRTH//MOTHER_UNDER_20",
    "HEALTH//BIRTH//SMOKING",
    "HEALTH//BIRTH//LOW_WEIGHT",
    "POLICE//VICTIM//VIOLENCE_INJURY",
    "POLICE//SUSPECT//VIOLENCE_INJURY",
    "SUPPORT//REFERRED//SCHOOL",
    "SUPPORT//OFFERED//MENTOR",
    "SUPPORT//TAKEN_UP//MENTOR",
    "HOME//MOVE",
    "AREA//IMD_DECILE",
]


@pytest.mark.parametrize("code", WRITTEN)
def test_every_code_that_intake_writes_is_described(code):
    info = CATALOGUE.lookup(code)
    assert info.code == code
    assert info.code in CATALOGUE.codes
    assert info.description
    assert info.retention_years > 0
    assert info.retention_basis == "assumed"
    assert info.lawful_basis


def test_enforcement_made_is_what_rests_on_a_decision_about_a_suspect():
    made = {code for code, info in CATALOGUE.codes.items() if info.enforcement_made}
    assert all(
        code.startswith(("YJ//", "POLICE//SUSPECT//")) or code == "SUPPORT//REFERRED//YJ" for code in made
    )
    assert {"YJ//OFFENCE//VIOLENCE", "POLICE//SUSPECT//ROBBERY", "SUPPORT//REFERRED//YJ"} <= made
    assert all(
        CATALOGUE.codes[code].police_recorded and not CATALOGUE.codes[code].safe_to_share for code in made
    )


def test_police_recorded_is_more_than_enforcement_made():
    assert CATALOGUE.lookup("POLICE//VICTIM//THEFT").police_recorded
    assert CATALOGUE.lookup("CSC//REFERRAL//6").police_recorded
    assert not CATALOGUE.lookup("CSC//REFERRAL//2A").police_recorded


def test_what_may_not_stand_on_a_printed_page():
    for code in (
        "CSC//FACTOR//3B",
        "HEALTH//ED//SELF_HARM",
        "POLICE//VICTIM//SEXUAL",
        "HEALTH//BIRTH//MOTHER_UNDER_20",
    ):
        assert not CATALOGUE.lookup(code).safe_to_share


def test_a_detail_changes_only_what_it_says():
    info = CATALOGUE.lookup("CSC//FACTOR//6A")
    assert (info.direction, info.concept, info.safe_to_share, info.agency) == (
        0,
        "disability or illness",
        False,
        "CSC",
    )


def test_a_code_that_a_family_does_not_list_is_described_as_the_family():
    assert CATALOGUE.knows("EDU//SUSPENSION//ZZ")
    assert CATALOGUE.lookup("EDU//SUSPENSION//ZZ").description == "suspended from school"
    assert CATALOGUE.lookup("EDU//SUSPENSION//ZZ").code == "EDU//SUSPENSION//ZZ"
    assert not CATALOGUE.knows("EDU//SUSPENSIONS//ZZ")


def test_patterns():
    assert CATALOGUE.match("POLICE//SUSPECT//VIOLENCE_*") == (
        "POLICE//SUSPECT//VIOLENCE_INJURY",
        "POLICE//SUSPECT//VIOLENCE_NO_INJURY",
    )
    assert CATALOGUE.match("CLA//SDQ") == ("CLA//SDQ",)
    assert CATALOGUE.match("CSC//FACTOR//18*") == ("CSC//FACTOR//18A", "CSC//FACTOR//18B", "CSC//FACTOR//18C")
    assert CATALOGUE.match("EDU//SUSPENSION//ZZ") == ()


def test_an_unknown_code_is_refused_with_the_nearest():
    with pytest.raises(StudyError, match=r"'CLA//SDQS'; did you mean CLA//SDQ"):
        CATALOGUE.lookup("CLA//SDQS")


OWN = """
agencies: {GP: {lawful_basis: to be written down, retention_years: 8}}
codes:
  - {code: GP//VISIT//*, agency: GP, description: saw a doctor, unit: times, concept: illness, direction: 0}
  - {code: CLA//SDQ, agency: CLA, description: another text, unit: points, concept: care, direction: 0, retention_years: 3}
"""


def test_an_own_file_adds_and_replaces(tmp_path):
    (tmp_path / "own.yaml").write_text(OWN)
    mine = load_catalogue(tmp_path / "own.yaml")
    assert mine.match("GP//VISIT//HOME") == ("GP//VISIT//*",)  # an open family
    assert mine.match("GP//*") == ("GP//VISIT//*",)
    assert mine.lookup("GP//VISIT//HOME").agency == "GP"
    assert (mine.lookup("CLA//SDQ").description, mine.lookup("CLA//SDQ").retention_years) == (
        "another text",
        3,
    )
    assert mine.lookup("EDU//ENROL") == CATALOGUE.lookup("EDU//ENROL")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "codes: [{code: GP//X, agency: GP, description: abc, unit: times, concept: care, direction: 0}]",
            "agency 'GP' is not listed",
        ),
        (
            "codes: [{code: GP//X, agency: EDU, description: abc, unit: times, concept: care, direction: 2}]",
            r"'codes\.0\.direction'",
        ),
        ("codes: [{code: GP//X, agency: EDU, text: abc}]", r"'codes\.0\.text'"),
        ("codes: [", "not valid YAML"),
    ],
)
def test_faults_of_an_own_file(tmp_path, text, fault):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(StudyError, match=fault):
        load_catalogue(tmp_path / "own.yaml")


def test_an_own_file_that_is_absent(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        load_catalogue(tmp_path / "absent.yaml")


def test_descriptions_read_well():
    for info in CATALOGUE.codes.values():
        assert not info.description.endswith(".")
        assert info.description[0].islower() or info.description.split()[0].isupper()
