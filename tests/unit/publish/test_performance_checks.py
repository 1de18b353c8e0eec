import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.performance_checks import (
    capacity_check,
    distances_check,
    optimism_check,
    safe_capacity,
)

SAFE = Disclosure()
PAST = "came to harm"


def result(estimate, lower=None, upper=None, *, n=5000, outcomes=200, status="ok"):
    return {
        "estimate": estimate,
        "lower": estimate if lower is None else lower,
        "upper": estimate if upper is None else upper,
        "n_subjects": n,
        "n_outcomes": outcomes,
        "status": status,
    }


def nothing(status="undefined"):
    return {**result(0.0), "estimate": None, "lower": None, "upper": None, "status": status}


def point(share, recall, precision=0.1):
    return {
        "share": share,
        "recall": result(recall, recall - 0.01, recall + 0.01),
        "precision": result(precision, precision / 2, precision * 2),
        "number_needed_to_offer": result(1 / precision, 0.5 / precision, 2 / precision),
    }


def test_distances_are_said_of_100():
    found = {
        "ici": result(0.004, 0.001, 0.008),
        "e50": result(0.002),
        "e90": nothing(),
        "scaled_brier": result(0.0312),
    }
    check = distances_check(found, split="test_all", past=PAST, disclosure=SAFE)
    assert [row[1] for row in check.rows] == [
        "0.4 (0.1 to 0.8)",
        "0.2 (0.2 to 0.2)",
        "cannot be worked out from these data",
    ]
    assert "everyone eligible" in check.sentences[2]
    assert "0.031 (0.031 to 0.031)" in check.sentences[3]


def test_capacities_as_a_table_with_the_studys_own_marked():
    check = capacity_check([point(0.01, 0.1, 0.2), point(0.02, 0.2)], own=0.02, past=PAST, disclosure=SAFE)
    assert check.rows == [
        ["1 of 100", "10 (9 to 11)", "20 (10 to 40)", "5 (2.5 to 10)"],
        ["2 of 100 (this study)", "20 (19 to 21)", "10 (5 to 20)", "10 (5 to 20)"],
    ]
    assert check.head[1] == "Of 100 who came to harm, so many offered"


@pytest.mark.parametrize(
    ("points", "shares"),
    [
        ([point(0.01, 0.1), point(0.02, 0.2)], [0.01, 0.02]),
        ([point(0.01, 0.04), point(0.02, 0.2)], [0.02]),  # 8 found
        ([point(0.01, 0.1), point(0.02, 0.97)], [0.01]),  # 6 missed
        (
            [point(0.01, 0.18), point(0.02, 0.2), point(0.03, 0.24)],
            [0.02],
        ),  # 4 and 8 apart from the study's own
        ([point(0.03, 0.3), point(0.05, 0.34), point(0.1, 0.36)], [0.03, 0.1]),  # 8 and 12 apart
        ([], []),
    ],
)
def test_capacities_that_would_tell_of_a_few_are_left_out(points, shares):
    assert [one["share"] for one in safe_capacity(points, own=0.02, disclosure=SAFE)] == shares


def test_capacities_of_too_few_people_or_without_a_number_are_left_out():
    few = point(0.02, 0.5)
    few["recall"] = result(0.5, outcomes=8)
    unknown = {**point(0.03, 0.5), "recall": nothing()}
    assert safe_capacity([few, unknown], own=0.02, disclosure=SAFE) == []


def optimism(difference=0.05, lower=0.02, upper=0.08, **recall):
    names = (
        "auroc",
        "average_precision",
        "recall_at_capacity",
        "precision_at_capacity",
        "net_benefit",
        "scaled_brier",
    )
    one = {
        "apparent": result(0.2 + difference, **recall),
        "corrected": result(0.2, **recall),
        "difference": result(difference, lower, upper, **recall),
    }
    return dict.fromkeys(names, one)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((0.05, 0.02, 0.08), "it looks too good by 5: so many more of 100 who came to harm seem to be found"),
        ((0.02, -0.01, 0.05), "chance could explain the difference"),
        ((-0.03, -0.05, -0.01), "looks no better on those it learned from: 3 fewer of 100"),
    ],
)
def test_optimism_in_words(given, words):
    check = optimism_check(optimism(*given), past=PAST, disclosure=SAFE)
    assert words in check.sentences[0]
    assert len(check.rows) == 6


def test_optimism_as_a_table():
    rows = optimism_check(optimism(), past=PAST, disclosure=SAFE).rows
    assert rows[0] == ["Ranking (AUROC)", "0.25 (0.25 to 0.25)", "0.20 (0.20 to 0.20)", "0.05 (0.02 to 0.08)"]
    assert rows[-1][0] == "Scaled Brier score"


def test_optimism_where_few_were_found_is_not_shown_at_capacity():
    check = optimism_check(optimism(outcomes=30), past=PAST, disclosure=SAFE)  # 6 of 30 found
    cells = {row[0]: row[1:] for row in check.rows}
    assert cells["Ranking (AUROC)"][0].startswith("0.25")
    assert set(cells["Found at capacity"]) == {"not shown: too few young people"}
    assert "cannot be shown" in check.sentences[0]


def test_optimism_that_is_undefined_says_so():
    found = {
        **optimism(),
        "recall_at_capacity": dict.fromkeys(("apparent", "corrected", "difference"), nothing()),
    }
    assert "cannot be shown" in optimism_check(found, past=PAST, disclosure=SAFE).sentences[0]
