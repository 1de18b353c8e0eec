"""Children in need census: elements to events, and each way a file or an element can fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from riskmodel.errors import DataError

Events = Callable[..., list[tuple[object, ...]]]
NAME = "cin_census/cin_2020.xml"


def child(
    key: str = "csc-ann", *, details: str = "", sex: str = "<Sex>F</Sex>", born: str = "2008-05-01"
) -> str:
    return f"""
    <Child>
      <ChildIdentifiers><LAchildID>{key}</LAchildID><UPN>A1</UPN><PersonBirthDate>{born}</PersonBirthDate>{sex}
      </ChildIdentifiers>
      <ChildCharacteristics><Ethnicity>BCRB</Ethnicity></ChildCharacteristics>
      {details}
    </Child>"""


def details(referral: str = "2019-05-01", *, inner: str = "", closed: str = "", nfa: str = "") -> str:
    end = f"<CINclosureDate>{closed}</CINclosureDate>" if closed else ""
    return f"""<CINdetails><CINreferralDate>{referral}</CINreferralDate><ReferralSource>2A</ReferralSource>
      <PrimaryNeedCode>N4</PrimaryNeedCode>{end}{nfa}{inner}</CINdetails>"""


def census(*children: str) -> bytes:
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<Message><Children>{''.join(children)}</Children></Message>".encode()


ASSESSMENT = """<Assessments><AssessmentActualStartDate>2019-05-02</AssessmentActualStartDate>
  <AssessmentAuthorisationDate>2019-06-01</AssessmentAuthorisationDate>
  <FactorsIdentifiedAtAssessment><AssessmentFactors>3A</AssessmentFactors><AssessmentFactors>24A</AssessmentFactors>
  </FactorsIdentifiedAtAssessment></Assessments>"""
ENQUIRY = "<Section47><S47ActualStartDate>2019-06-03</S47ActualStartDate></Section47>"
PLAN = """<ChildProtectionPlans><CPPstartDate>2019-06-20</CPPstartDate><CPPendDate>2019-12-20</CPPendDate>
  <InitialCategoryOfAbuse>NEG</InitialCategoryOfAbuse></ChildProtectionPlans>"""


def test_everything_a_child_has(folder, events_of: Events) -> None:
    folder.raw(NAME, census(child(details=details(inner=ASSESSMENT + ENQUIRY + PLAN, closed="2020-01-10"))))
    intake = folder.take_in()
    assert events_of(intake, "CSC//") == [
        (1, "CSC//CIN//START", "2019-05-01", "2019-05-15", None),
        (1, "CSC//NEED//N4", "2019-05-01", "2019-05-15", None),
        (1, "CSC//REFERRAL//2A", "2019-05-01", "2019-05-15", None),
        (1, "CSC//FACTOR//24A", "2019-06-01", "2019-06-15", None),
        (1, "CSC//FACTOR//3A", "2019-06-01", "2019-06-15", None),
        (1, "CSC//S47", "2019-06-03", "2019-06-17", None),
        (1, "CSC//CPP//START//NEG", "2019-06-20", "2019-07-04", None),
        (1, "CSC//CPP//END", "2019-12-20", "2020-01-03", None),
        (1, "CSC//CIN//END", "2020-01-10", "2020-01-24", None),
    ]
    files = intake.report.files
    assert {name.partition("#")[2]: file.rows_in for name, file in files.items() if "#" in name} == {
        "Child": 1, "CINdetails": 1, "AssessmentFactors": 2, "Section47": 1, "ChildProtectionPlans": 1,
    }  # fmt: skip


def test_no_further_action_is_a_referral_and_no_need(folder, events_of: Events) -> None:
    folder.raw(NAME, census(child(details=details(nfa="<ReferralNFA>true</ReferralNFA>"))))
    codes = [event[1] for event in events_of(folder.take_in(), "CSC//")]
    assert codes == ["CSC//NEED//N4", "CSC//REFERRAL//2A"]


def test_a_year_that_repeats_a_referral_and_closes_it(folder, events_of: Events) -> None:
    folder.raw(NAME, census(child(details=details())))
    folder.raw("cin_census/cin_2021.xml", census(child(details=details(closed="2020-06-01"))))
    intake = folder.take_in()
    assert events_of(intake, "CSC//CIN") == [
        (1, "CSC//CIN//START", "2019-05-01", "2019-05-15", None),
        (1, "CSC//CIN//END", "2020-06-01", "2020-06-15", None),
    ]


def test_a_closure_that_the_next_year_corrects_is_superseded_when_that_was_known(folder, days_of) -> None:
    folder.raw(NAME, census(child(details=details(closed="2019-08-01"))))
    folder.raw("cin_census/cin_2021.xml", census(child(details=details(closed="2019-09-01"))))
    rows = days_of(folder.take_in().records.events.table, "code", "time", "known_time", "superseded_time")
    assert [row[1:] for row in rows if row[0] == "CSC//CIN//END"] == [
        ("2019-08-01", "2019-08-15", "2021-04-14"),
        ("2019-09-01", "2021-04-14", None),
    ]


@pytest.mark.parametrize(
    ("sex", "value"),
    [
        ("<Sex>F</Sex>", "Female"),
        ("<GenderCurrent>1</GenderCurrent>", "Male"),
        ("<GenderCurrent>2</GenderCurrent>", "Female"),
        ("<GenderCurrent>9</GenderCurrent>", "Unknown"),
        ("", "Unknown"),
    ],
)
def test_sex_under_its_old_and_new_name(folder, days_of, sex: str, value: str) -> None:
    folder.raw(NAME, census(child(sex=sex)))
    rows = days_of(folder.take_in().records.attributes.table, "subject_id", "attribute", "value")
    assert (1, "sex", value) in rows


def test_elements_may_carry_a_namespace(folder, events_of: Events) -> None:
    content = census(child(details=details())).replace(b"<Message>", b"<Message xmlns='urn:cin'>")
    folder.raw(NAME, content)
    assert len(events_of(folder.take_in(), "CSC//")) == 3


@pytest.mark.parametrize(
    ("content", "element", "reason"),
    [
        (child("csc-ann"), "Child", "repeats an earlier row"),
        (child("csc-nobody"), "Child", "nobody in the spine has this key"),
        (child(""), "Child", "no value in LAchildID"),
        (
            child("csc-ben", born="2008-13-01"),
            "Child",
            "PersonBirthDate is not a date as this layout writes it",
        ),
        (child("csc-ben", sex="<Sex>Q</Sex>"), "Child", "Sex is not a known code"),
        (child("csc-ben", details=details("")), "CINdetails", "no value in CINreferralDate"),
        (
            child("csc-ben", details=details("2021-12-01")),
            "CINdetails",
            "CINreferralDate is after the extract date",
        ),
        (
            child("csc-ben", details=details(closed="2019-04-30")),
            "CINdetails",
            "CINclosureDate is before CINreferralDate",
        ),
        (
            child("csc-ben", details=details(inner=ASSESSMENT.replace("24A", "99"))),
            "AssessmentFactors",
            "AssessmentFactors is not a known code",
        ),
        (
            child("csc-ben", details=details(inner=ENQUIRY.replace("2019-06-03", "soon"))),
            "Section47",
            "S47ActualStartDate is not a date as this layout writes it",
        ),
        (
            child("csc-ben", details=details(inner=PLAN.replace("NEG", "???"))),
            "ChildProtectionPlans",
            "InitialCategoryOfAbuse is not a known code",
        ),
    ],
)
def test_each_way_an_element_is_set_aside(folder, content: str, element: str, reason: str) -> None:
    folder.raw(NAME, census(child(), content))
    files = folder.take_in().report.files
    assert files[f"{NAME}#{element}"].reasons == {reason: 1}
    others = [name for name in files if "#" in name and not name.endswith(f"#{element}")]
    if element != "Child":
        assert all(not files[name].reasons for name in others)


def test_elements_of_a_child_who_was_set_aside(folder) -> None:
    folder.raw(NAME, census(child("csc-nobody", details=details(inner=ENQUIRY)), child(details=details())))
    files = folder.take_in().report.files
    assert files[f"{NAME}#CINdetails"].reasons == {"its Child element was set aside": 1}
    assert files[f"{NAME}#Section47"].reasons == {"its Child element was set aside": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"LAchildID,UPN\n1,2\n", "cut off, damaged or wrongly encoded"),
        (census(child())[:-30], "cut off, damaged or wrongly encoded"),
        (
            census(child(sex="<Sex>\xe9</Sex>")).decode().encode("latin-1"),
            "cut off, damaged or wrongly encoded",
        ),
        (b"<Message><Header/></Message>", "no Children element"),
        (b"<!DOCTYPE Message [<!ENTITY a 'b'>]>\n" + census(child())[39:], "a document type declaration"),
    ],
)
def test_a_file_that_cannot_be_used(folder, content: bytes, said: str) -> None:
    folder.raw(NAME, content)
    with pytest.raises(DataError, match=said) as caught:
        folder.take_in()
    assert str(caught.value).startswith(f"{NAME}: expected ")
