import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish import figures
from riskmodel.publish.heterogeneity import heterogeneity_check, ranking_rows

PAST = "came to harm"


def result(estimate, *, people=600, outcomes=60, status="ok"):
    ends = (
        {"lower": None, "upper": None}
        if estimate is None
        else {"lower": estimate * 0.9, "upper": estimate * 1.1}
    )
    return {"estimate": estimate, **ends, "n_subjects": people, "n_outcomes": outcomes, "status": status}


def group(name, **counts):
    return {
        "name": name,
        "members": [f"secret {name}"],
        "auroc": result(0.7, **counts),
        "observed_expected": result(1.2, **counts),
        "precision_at_capacity": result(0.25, **counts),
        "recall_at_capacity": result(0.4, **counts),
    }


def spread(estimate):
    names = ("estimate", "lower", "upper", "further_lower", "further_upper")
    values = [estimate * factor for factor in (1, 0.95, 1.05, 0.8, 1.2)]
    return {
        **dict(zip(names, values, strict=True)),
        "tau": 0.1,
        "p_alike": 0.3,
        "n_groups": 4,
        "status": "ok",
    }


UNDEFINED = {**dict.fromkeys(spread(1), None), "n_groups": 2, "status": "undefined"}


def report(*groups, kind="area", auroc=None, expected=None):
    return {
        "family": "ebm",
        "kind": kind,
        "groups": list(groups),
        "spread": {
            "auroc": auroc or UNDEFINED,
            "observed_expected": expected or UNDEFINED,
        },
    }


FULL = report(
    group("area 1"), group("area group 2"), group("area 3"), auroc=spread(0.7), expected=spread(1.0)
)


def check(record):
    return heterogeneity_check(record, past=PAST, disclosure=Disclosure())


def test_the_range_for_one_more_is_said():
    said = " ".join(check(FULL).sentences)
    assert "Over 4 areas the ranking (AUROC) is 0.70 on average (0.66 to 0.73)" in said
    assert "In one more area like these we expect it between 0.56 and 0.84" in said
    assert "expect 100 young people who came to harm, we expect between 80 and 120" in said
    assert "These areas may be truly alike" in said
    assert "too few" not in said


def test_groups_further_apart_than_chance_are_told():
    far = report(group("area 1"), auroc=spread(0.7) | {"p_alike": 0.024}, expected=spread(1.0))
    assert "These areas are further apart than chance alone explains" in " ".join(check(far).sentences)


@pytest.mark.parametrize(("kind", "many"), [("area", "areas"), ("school", "schools"), ("date", "dates")])
def test_too_few_groups_are_said(kind, many):
    found = check(report(group("1"), kind=kind))
    assert f"too few {many}" in " ".join(found.sentences)
    assert found.head[0] == kind.capitalize()


def test_every_group_has_a_row_and_no_place_is_named():
    found = check(FULL)
    assert [row[0] for row in found.rows] == ["Area 1", "Area group 2", "Area 3"]
    assert found.rows[0][1:] == ["about 600", "0.70 (0.63 to 0.77)", "120 (108 to 132)", "25 (22 to 28)"]
    assert "secret" not in str(found.to_json())


def test_few_people_hide_a_group_and_the_next_count_with_it():
    few = check(
        report(group("area 1"), group("area 2", people=400), group("no known area", people=8, outcomes=2))
    )
    rows = {row[0]: row[1:] for row in few.rows}
    assert rows["No known area"] == ["too few to show", *["not shown: too few young people"] * 3]
    assert rows["Area 2"][0] == "too few to show"  # else a total would give the other away
    assert rows["Area 1"][0] == "about 600"


def test_offers_that_found_few_are_not_told():
    scarce = group("area 1") | {"recall_at_capacity": result(0.05)}
    (row,) = check(report(scarce)).rows
    assert row[-1] == "not shown: too few young people"
    assert row[2].startswith("0.70")


@pytest.mark.parametrize("record", [FULL, report(group("area 1"), group("area 2", people=8, outcomes=2))])
def test_the_figure_shows_what_the_table_shows(record):
    rows = ranking_rows(record, Disclosure())
    drawn = figures.ranking_by_group(rows, record["spread"]["auroc"], kind="area", past=PAST)
    assert ("One more area" in drawn) == (record is FULL)
    assert ("too few to show" in drawn) == (record is not FULL)
    assert "secret" not in drawn
    assert "Of 100 pairs" in drawn
