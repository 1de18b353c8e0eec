"""The margins of a borough, counted from extracts small enough to count by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from riskmodel.simulate.margins import targets
from riskmodel.simulate.margins.count import Count
from riskmodel.simulate.margins.counting import COUNTED
from riskmodel.simulate.margins.linked import group_of
from riskmodel.simulate.margins.reading import NEVER, Dated, census_days, iso_days, latest, uk_days
from riskmodel.simulate.margins.report import Compared, MarginsReport, page
from riskmodel.simulate.margins.targets import Target, reasons_for_misses

PUPILS = "ABCDEFGH"  # born in January 2007: in year 11 in spring 2023, 18 in January 2025
KEYS = {name: number for number, name in enumerate(PUPILS, 1)}


def write(path, header, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "\n".join(
            [header, *(row.replace(" ", "") if "|" not in row else row.replace("|", " ") for row in rows)]
        )
        + "\n"
    )


@pytest.fixture(scope="module")
def count(tmp_path_factory):
    """Return eight pupils whose records can be counted by eye."""
    root = tmp_path_factory.mktemp("margins")
    (root / "manifest.json").write_text(
        json.dumps({"extract_date": "2025-08-31", "first_date": "2015-09-01"})
    )
    agencies = {"EDU": "T", "YJ": "Y", "CSC": "C", "CLA": "L", "HOUSING": "R", "HEALTH": "H", "POLICE": "P"}
    write(root / "spine.csv", "agency,key,subject_id", *(
        f"{agency},{letter}{name},{KEYS[name]}" for agency, letter in agencies.items() for name in PUPILS
    ))  # fmt: skip
    census(root)
    write(root / "housing/residence.csv", "person_key,start_date,end_date", *(
        # H moved away at 15; everybody else stayed
        f"R{name},2010-01-01,{'2022-06-01' if name == 'H' else ''}" for name in PUPILS
    ))  # fmt: skip
    write(root / "health/births.csv", "person_key,birth_month")
    justice(root)
    social_care(root)
    return Count.of(root)


def census(root):
    """A to D are boys; A and B were suspended and A was absent; A has a plan, B and C support."""
    head = "pupilonrolltableid,upn,dob,sex,termlysessionspossible,ethnicity,senprovision,ncyearactual"
    provision = dict(zip(PUPILS, "EKKNNNNN", strict=True))
    group = dict(zip(PUPILS, ["WBRI", "BCRB", "MWBC", "APKN", "CHNE", "OOTH", "REFU", "WBRI"], strict=True))
    for label, year in (("2023_spring", "11"), ("2025_spring", "13")):
        folder = root / "school_census"
        write(folder / f"{label}_pupilonroll.csv", head, *(
            f"{label}{name},T{name},2007-Jan-01|00:00:00,{'M' if name in 'ABCD' else 'F'},100,{group[name]},{provision[name]},{year}"
            for name in PUPILS
        ))  # fmt: skip
        absences = [f"{label}A,9,I", f"{label}A,1,O", f"{label}B,9,O"] if year == "11" else []
        write(
            folder / f"{label}_termlysessiondetailsonroll.csv",
            "pupilonrolltableid,sessions,attendancereason",
            *absences,
        )
        out = (
            [f"{label}A,2023-Jan-10|00:00:00,SUSP,DB", f"{label}B,2023-Mar-10|00:00:00,SUSP,PP"]
            if year == "11"
            else []
        )
        write(
            folder / f"{label}_termlyexclusionsonroll.csv",
            "pupilonrolltableid,startdate,category,reason1",
            *out,
        )


def justice(root):
    """A's serious offence came first; C's was not grave, D's not violent, E's at 18; B's came after a correction."""
    write(
        root / "youth_justice/cases.csv",
        "ypid,offence_category,gravity,offence_date,outcome_tier,outcome_date,recorded_date,record_id",
        "YA,ROBBERY,5,2023-02-01,COMMUNITY,2023-03-01,2023-03-05,1",
        "YA,VIOLENCE,4,2023-06-01,COMMUNITY,2023-08-01,2023-08-05,2",
        "YB,VIOLENCE,3,2022-02-01,PRE_COURT,2022-03-01,2022-03-05,3",
        "YB,VIOLENCE,4,2022-05-01,PRE_COURT,2022-06-01,2022-06-05,3",
        "YC,VIOLENCE,3,2022-02-01,COMMUNITY_RESOLUTION,2022-03-01,2022-03-05,4",
        "YD,THEFT,6,2022-02-01,PRE_COURT,2022-03-01,2022-03-05,5",
    )


def social_care(root):
    """A was in need before the offence, B after it; C's referral was closed without action."""

    def child(name, day, details):
        return (
            f"<Child><ChildIdentifiers><LAchildID>C{name}</LAchildID></ChildIdentifiers><CINdetails>"
            f"<CINreferralDate>{day}</CINreferralDate>{details}</CINdetails></Child>"
        )

    plan = "<ChildProtectionPlans><CPPstartDate>2022-02-01</CPPstartDate></ChildProtectionPlans>"
    found = "<Assessments><FactorsIdentifiedAtAssessment><AssessmentFactors>3B</AssessmentFactors></FactorsIdentifiedAtAssessment></Assessments>"
    children = [
        child("A", "2022-01-01", f"<ReferralNFA>0</ReferralNFA>{found}{plan}"),
        child("B", "2024-06-01", "<ReferralNFA>0</ReferralNFA>"),
        child("C", "2022-01-01", "<CINclosureDate>2022-01-20</CINclosureDate><ReferralNFA>1</ReferralNFA>"),
    ]
    folder = root / "cin_census"
    folder.mkdir()
    (folder / "cin_2025.xml").write_text(f"<Message><Children>{''.join(children)}</Children></Message>")
    (root / "ssda903").mkdir()
    write(root / "ssda903/2025_episodes.csv", "CHILD,DECOM,DEC", "LA,01/06/2022,", "LB,01/06/2021,01/06/2022")
    write(root / "ssda903/2025_oc2.csv", "CHILD,SDQ_SCORE", "LA,20", "LB,", "LB,15")


def counted(count, name, **arguments):
    return COUNTED[name](count, **arguments)


def test_only_year_11_pupils_who_stayed_to_18_are_linked(count):
    assert count.linked.pupils.tolist() == [1, 2, 3, 4, 5, 6, 7]  # H moved away


def test_serious_violence_is_violent_and_grave_as_last_recorded(count):
    linked = count.linked
    assert (linked.violence < NEVER).tolist() == [True, True, False, False, False, False, False]
    # B's first version was not grave; the last one counts, with its own day.
    assert linked.violence[1] == iso_days(pa.chunked_array([["2022-05-01"]]))[0]
    assert counted(count, "prevalence", of="violence") == pytest.approx(2 / 7)
    assert counted(count, "prevalence", of="any") == pytest.approx(4 / 7)


def test_shares_odds_and_chances_by_hand(count):
    assert counted(count, "share", of="male", among="all") == pytest.approx(4 / 7)
    assert counted(count, "share", of="male", among="violence") == 1
    assert counted(count, "share", of="suspension", among="any") == pytest.approx(2 / 4)
    assert counted(count, "chance", of="male") == pytest.approx(2 / 4)
    # in need: A and B of two with, nobody of five without: undefined, not a number
    assert math.isnan(counted(count, "odds_ratio", of="in_need"))
    # special needs support but no plan: B with, C without; A without
    assert counted(count, "odds_ratio", of="sen_support") == pytest.approx((1 * 4) / (1 * 1))
    assert counted(count, "share", of="no_sen", among="all") == pytest.approx(4 / 7)


def test_absence_is_a_tenth_of_the_sessions(count):
    assert counted(count, "share", of="absence", among="all") == pytest.approx(1 / 7)  # A: 10 of 100; B: 9
    assert counted(count, "share", of="absence_unauthorised", among="all") == 0


def test_what_begins_after_the_first_offence(count):
    assert counted(count, "began_after", of="in_need") == pytest.approx(1 / 2)  # B's
    assert counted(count, "began_after", of="protection_plan") == 0
    assert counted(count, "began_after", of="looked_after") == 0
    assert counted(count, "began_after", of="suspension") == pytest.approx(1 / 2)


def test_ages_and_groups(count):
    assert counted(count, "age_at_first", of=15) == pytest.approx(1 / 2)
    assert counted(count, "age_at_first", of=16) == pytest.approx(1 / 2)
    assert counted(count, "group", of="Asian", among="all") == pytest.approx(2 / 7)
    assert counted(count, "group", of="Black", among="violence") == pytest.approx(1 / 2)
    assert [group_of(code) for code in ("WROM", "CHNE", None, "NOBT")] == [
        "White",
        "Asian",
        "Unknown",
        "Unknown",
    ]


def test_stocks_reasons_and_scores(count):
    assert counted(count, "assessment_factor", of="3B") == 1
    assert counted(count, "difficulties", of=(14, 16)) == pytest.approx(1 / 2)
    assert counted(count, "reason", of="DB", category="SUSP") == pytest.approx(1 / 2)
    assert counted(count, "reoffended") == pytest.approx(1 / 4)  # A, of four with an outcome


def test_dates_in_three_styles_and_what_cannot_be_read():
    assert iso_days(pa.chunked_array([["1970-01-02", "2020-02-30", None]])).tolist() == [1, -1, -1]
    assert uk_days(pa.chunked_array([["02/01/1970", None]]), open_end=True).tolist() == [1, NEVER]
    assert census_days(pa.chunked_array([["1970-Jan-02 00:00:00", "never"]])).tolist() == [1, -1]


def test_first_day_of_each_subject_leaves_out_what_is_unknown():
    rows = Dated(np.array([3, 3, -1, 5, 7]), np.array([9, 4, 1, -1, 2]))
    assert [part.tolist() for part in rows.first()] == [[3, 7], [4, 2]]


def test_the_last_version_of_a_record_counts():
    rows = pa.table({"record_id": ["a", "b", "a", None], "recorded_date": ["2020-02-01", "2020-01-01", "2020-01-01", "2020-01-01"], "value": [1, 2, 3, 4]})  # fmt: skip
    assert sorted(latest(rows)["value"].to_pylist()) == [1, 2, 4]
    assert latest(rows.drop_columns(["record_id"])).num_rows == 4


def test_there_are_enough_targets_each_with_a_name_a_range_and_a_source():
    found = targets()
    assert len(found) >= 60
    assert len({target.name for target in found}) == len(found)
    for target in found:
        assert target.count in COUNTED, target.name
        assert target.low < target.value < target.high, target.name
        assert target.source, target.name
        assert target.why, target.name
    assert {target.name for target in found if target.assumed} == {
        "recorded harm in 12 months, aged 10 to 17"
    }


def test_ranges_by_hand():
    named = {target.name: target for target in targets()}
    share = named["alternative provision ever, those with serious violence"]
    noise = 200 * math.sqrt(0.44 * 0.56 / 326) + 0.5
    assert (share.low, share.high) == pytest.approx((44 - noise, 44 + noise))
    meals = named["free school meals ever, all pupils"]  # noise is less than 5% of 49
    assert (meals.low, meals.high) == pytest.approx((49 * 0.95, 49 * 1.05))
    odds = named["odds ratio of serious violence, alternative provision ever"]
    assert odds.high / odds.value == pytest.approx(odds.value / odds.low)
    # 143 of 326 with, 626 of 15,056 without: two standard errors of the log odds ratio, and rounding on top
    noise = math.exp(2 * math.sqrt(1 / 143.4 + 1 / 182.6 + 1 / 625.7 + 1 / 14430.3))
    assert noise < odds.high / odds.value < 1.15 * noise


def test_a_margin_can_fail_and_widens_around_the_target():
    target = Target("a", 10.0, 8.0, 12.0, "why", "who", "share", {})
    assert target.holds(8.0)
    assert not target.holds(7.9)
    assert target.holds(7.9, widened=2)
    assert not target.holds(14.1, widened=2)
    assert not target.holds(math.nan, widened=100)


def test_reasons_are_for_margins_that_exist():
    assert set(reasons_for_misses()) <= {target.name for target in targets()}


def test_page_lists_misses_and_undefined_numbers():
    target = Target("in need ever", 10.0, 8.0, 12.0, "why", "a source", "share", {})
    rows = (
        Compared(target, (9.0, 10.0)),
        Compared(replace(target, name="looked after", drawn=True), (20.0, math.nan)),
    )
    report = MarginsReport(500, (1, 2), rows)
    text = page(report)
    assert "**1 of 2 margins are within tolerance (50.0%).**" in text
    assert "Without these, 100.0% are within tolerance" in text
    assert "| in need ever | 10.0 | 8.00 to 12.0 | 9.50 | 9.00 to 10.0 | yes | 1 |" in text
    assert "- **looked after**: undefined, target 10.0. No reason found yet." in text
    assert report.to_json()["rows"][1]["mean"] is None
    assert report.to_json()["within_tolerance"] == 0.5
