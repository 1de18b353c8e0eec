"""Groups as known on the index date."""

from __future__ import annotations

import pytest
from records_kit import cohort, records

from riskmodel.errors import StudyError
from riskmodel.features import audited_attributes

INDEX = "2024-03-01"
WATCHED = [{"agency": agency, "start": "2000-01-01"} for agency in ("EDU", "CLA", "HOME")]


def group(name, *, events=(), attributes=(), observation=WATCHED, age=14):
    data = records(events_rows=events, attributes_rows=attributes, observation_rows=observation)
    found = audited_attributes(data, cohort([(1, INDEX)], age=age), (name,))
    return found.columns[name].tolist()[0]


def said(attribute, value, known, subject=1):
    return {"attribute": attribute, "value": value, "known_time": known, "subject_id": subject}


@pytest.mark.parametrize(
    ("known", "expected"), [("2024-02-29", "Black"), ("2024-03-01", "White"), ("2010-01-01", "White")]
)
def test_the_value_known_last_before_the_index_date(known, expected):
    assert (
        group(
            "ethnicity",
            attributes=[said("ethnicity", "White", "2015-01-01"), said("ethnicity", "Black", known)],
        )
        == expected
    )


def test_nothing_known_is_unknown():
    assert group("ethnicity") == "Unknown"
    assert group("sex", attributes=[said("ethnicity", "White", "2015-01-01")]) == "Unknown"
    assert group("ethnicity", attributes=[said("ethnicity", "White", "2015-01-01", subject=2)]) == "Unknown"
    assert group("ethnicity", attributes=[said("ethnicity", "White", "2025-01-01")]) == "Unknown"


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (-1, "Unknown"),
        (9, "under 10"),
        (10, "10-11"),
        (11, "10-11"),
        (12, "12-13"),
        (15, "14-15"),
        (17, "16-17"),
        (18, "18 or over"),
    ],
)
def test_age_bands(age, band):
    assert group("age_band", age=age) == band


def test_sen():
    support = {"time": "2022-01-01", "code": "EDU//SEN_SUPPORT//START"}
    plan = {"time": "2023-01-01", "code": "EDU//EHCP//START"}
    assert group("sen") == "No SEN"
    assert group("sen", observation=[]) == "Unknown"
    assert group("sen", events=[support]) == "SEN support"
    assert group("sen", events=[support, plan]) == "EHCP"
    assert group("sen", events=[{**plan, "known_time": INDEX}]) == "No SEN"
    assert group("sen", events=[support, {"time": "2024-01-01", "code": "EDU//SEN_SUPPORT//END"}]) == "No SEN"
    assert group("sen", events=[support], observation=[]) == "SEN support"


def test_care_now_or_before():
    start, end = (
        {"time": day, "code": f"CLA//CARE//{edge}"}
        for day, edge in (("2018-01-01", "START"), ("2019-01-01", "END"))
    )
    assert group("care") == "never looked after"
    assert group("care", observation=[]) == "Unknown"
    assert group("care", events=[start, end]) == "looked after now or before"
    assert group("care", events=[{**start, "known_time": INDEX}]) == "never looked after"


@pytest.mark.parametrize(
    ("decile", "fifth"), [(0, "Unknown"), (1, "1 most deprived"), (2, "1 most deprived"), (3, "2"), (6, "3"), (8, "4"), (9, "5 least deprived"), (10, "5 least deprived"), (11, "Unknown")]
)  # fmt: skip
def test_deprivation_of_the_last_known_area(decile, fifth):
    old = {"time": "2015-01-01", "code": "AREA//IMD_DECILE", "numeric_value": 5}
    new = {"time": "2023-01-01", "code": "AREA//IMD_DECILE", "numeric_value": decile}
    assert group("deprivation_fifth", events=[old, new]) == fifth


def test_intersections_are_unknown_where_a_part_is():
    data = records(
        attributes_rows=[
            said("ethnicity", "Black", "2015-01-01"),
            said("sex", "Female", "2015-01-01"),
            said("sex", "Male", "2015-01-01", subject=2),
        ]
    )
    found = audited_attributes(data, cohort([(1, INDEX), (2, INDEX)]), ("sex",), [("ethnicity", "sex")])
    assert list(found.columns) == ["sex", "ethnicity x sex"]
    assert found.columns["ethnicity x sex"].tolist() == ["Black, Female", "Unknown"]


def test_an_attribute_of_the_records_own():
    assert group("language_support", attributes=[said("language_support", "yes", "2015-01-01")]) == "yes"


def test_every_attribute_that_does_not_exist_is_named():
    with pytest.raises(
        StudyError, match=r"(?s)2 faults.*'ethnicty'; did you mean ethnicity.*'car'; did you mean care"
    ):
        audited_attributes(records(), cohort([(1, INDEX)]), ("ethnicty",), [("sex", "car")])
