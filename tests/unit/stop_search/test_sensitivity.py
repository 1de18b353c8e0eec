"""Other numbers of people who could have been searched: which are tried, and what stands."""

import numpy as np
import pandas as pd
import pytest

from riskmodel.stop_search.sensitivity import FACTORS, conclusion, variants, what_stands
from riskmodel.stop_search.threshold_model import Cells


def cells(people=(100, 80, 60, 40), searched=(10, 10, 10, 10)):
    return Cells(
        group=np.array([0, 1, 0, 1]), area=np.array([0, 0, 1, 1]), people=np.array(people),
        searched=np.array(searched), found=np.full(4, 3),
    )  # fmt: skip


def table(people, groups=("White", "Black", "White", "Black")):
    return pd.DataFrame({"group": groups, "area": ["a", "a", "b", "b"], "people": people})


def test_half_twice_and_ten_times_as_many_and_every_other_benchmark():
    own, seen = table([100.0, 80.0, 60.0, 40.0]), table([100.0, 95.4, 60.0, 50.0])
    tried = variants(
        cells(), {"residents": own, "as-seen": seen, "suspects": table([1] * 4, ["White", "Asian"] * 2)}
    )
    assert [(one.kind, one.benchmark, one.factor) for one in tried] == [
        *(("people", "residents", factor) for factor in FACTORS),
        ("benchmark", "as-seen", 1.0),
        ("benchmark", "suspects", 1.0),
    ]  # fmt: skip
    assert [None if one.cells is None else one.cells.people.tolist() for one in tried] == [
        [50, 40, 30, 20], [200, 160, 120, 80], [1000, 800, 600, 400], [100, 95, 60, 50], None,
    ]  # fmt: skip
    assert all((one.cells.searched == 10).all() for one in tried if one.cells is not None)


def test_fewer_people_than_were_searched_cannot_be():
    half, *others = variants(cells(searched=(10, 10, 10, 20)), {"residents": table([100, 80, 60, 40])})
    assert half.cells is None
    assert all(one.cells is not None for one in others)


def said(probability, *, settled=True):
    groups = [
        {"group": "White", "probability_lower": None},
        {"group": "Black", "probability_lower": probability},
    ]
    return {"groups": groups, "diagnostics": {"settled": settled}}


@pytest.mark.parametrize(
    ("runs", "says", "stands"),
    [
        ([said(0.99), said(0.98), said(1.0)], "lower_bar", True),
        ([said(0.99), said(0.90), said(1.0)], "lower_bar", False),
        ([said(0.01), said(0.02), said(0.0)], "higher_bar", True),
        ([said(0.01), said(0.99), said(0.0)], "higher_bar", False),
        ([said(0.5), said(0.4), said(0.9)], "cannot_tell", True),
        ([said(0.5), said(0.99), said(0.9)], "cannot_tell", False),
        ([said(0.99), said(0.98, settled=False), said(1.0)], "lower_bar", None),
        ([said(0.99, settled=False), said(0.98), said(1.0)], "lower_bar", None),
    ],
)
def test_a_conclusion_stands_if_every_run_says_so(runs, says, stands):
    _half, *others = variants(cells(searched=(10, 10, 10, 20)), {"residents": table([100, 80, 60, 40])})
    found = what_stands(runs, [_half, *others])
    assert found["conclusions"] == [{"group": "Black", "says": says, "stands": stands}]
    assert [row["status"] for row in found["rows"]] == ["not_possible", "ok", "ok"]
    assert [row["groups"] for row in found["rows"]] == [[], runs[1]["groups"], runs[2]["groups"]]
    assert [row["settled"] for row in found["rows"]] == [
        None,
        *(one["diagnostics"]["settled"] for one in runs[1:]),
    ]


@pytest.mark.parametrize(
    ("probability", "says"),
    [(0.975, "lower_bar"), (0.974, "cannot_tell"), (0.026, "cannot_tell"), (0.024, "higher_bar")],
)
def test_97_and_a_half_of_100_draws_are_sure(probability, says):
    assert conclusion(probability) == says
