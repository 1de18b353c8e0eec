"""The tipping point: against a fine walk in a plain loop, and what is said where nothing tips."""

from itertools import product

import numpy as np
import pytest

from riskmodel.audit.groups import Grouping
from riskmodel.audit.recording import Recording, recorded_sums, true_label_metrics
from riskmodel.audit.report import Difference
from riskmodel.audit.spec import RecordingSpec
from riskmodel.audit.tipping import NODES, first_crossing, gammas_needed, pairs, tipping_points

SPEC = RecordingSpec(detection=(0.5, 1.0), false_recording=(0.0, 0.01), gamma=(0.5, 2.0))


def grouping(borough):
    code = (borough.attributes.columns["ethnicity"] == "Black").astype(np.int64)
    return Grouping("ethnicity", (("others",), ("Black",)), code)


def gap(borough, metric, own=None, others=None):
    code = grouping(borough).code
    rows = borough.rows
    return (
        true_label_metrics(rows.take(code == 1), own or Recording())[metric]
        - true_label_metrics(rows.take(code == 0), others or Recording())[metric]
    )


def statement(borough, metric, *, tolerance, verdict="within", estimate=None):
    found = gap(borough, metric) if estimate is None else estimate
    return Difference(
        "m", "ethnicity", "Black", metric, found, found - 0.01, found + 0.01, tolerance, 0.1, verdict
    )


def tips(borough, *statements, spec=SPEC, enough=True):
    enough = np.full((2, 6), enough)
    groups = grouping(borough)
    sums = recorded_sums(borough.rows, groups, borough.resamples, gammas_needed(spec))
    return {
        (row.metric, row.path): row for row in tipping_points(sums, groups, statements, spec, enough=enough)
    }


def walked(borough, one, ends, n=100):
    """Walk every pair of ends in small steps and return the first share at which the statement falls."""
    code, rows = grouping(borough).code, borough.rows
    sides = [rows.take(code == 1), rows.take(code == 0)]
    for share in np.linspace(0, 1, n + 1):
        own, others = (
            {
                end: true_label_metrics(side, end.part_way(share))[one.metric]
                for end in {pair[i] for pair in ends}
            }
            for i, side in enumerate(sides)
        )
        for a, b in ends:
            now = own[a] - others[b]
            inside = abs(now) <= one.tolerance
            over = now > one.tolerance if one.estimate > 0 else now < -one.tolerance
            if not (inside if one.verdict == "within" else over):
                return share
    return None


@pytest.mark.parametrize("metric", ["fnr", "ppv", "fpr"])
@pytest.mark.parametrize("path", ["anything", "detection"])
def test_within_tips_where_a_fine_walk_says(borough, metric, path):
    tolerance = abs(gap(borough, metric)) + 0.02
    one = statement(borough, metric, tolerance=tolerance)
    row = tips(borough, one)[metric, path]
    expected = walked(borough, one, pairs(SPEC)[path])
    if expected is None:
        assert (row.tipping_point, row.at, row.status) == (None, None, "none")
        return
    assert row.tipping_point == pytest.approx(expected, abs=0.02)
    at = {side: Recording(**row.at[side]) for side in ("group", "others")}
    assert abs(gap(borough, metric, at["group"], at["others"])) == pytest.approx(tolerance, abs=0.003)
    assert row.detection_ratio == pytest.approx(at["group"].detection / at["others"].detection)


@pytest.mark.parametrize("sign", [1, -1])
def test_exceeds_tips_where_the_difference_comes_back_inside(borough, sign):
    metric = "fnr" if gap(borough, "fnr") * sign > 0 else "tpr"
    found = gap(borough, metric)
    assert found * sign > 0
    one = statement(borough, metric, tolerance=abs(found) / 2, verdict="exceeds")
    row = tips(borough, one)[metric, "anything"]
    assert row.tipping_point == pytest.approx(walked(borough, one, pairs(SPEC)["anything"]), abs=0.02)
    assert row.lower <= row.tipping_point
    assert row.upper is None or row.upper >= row.tipping_point


def test_a_difference_in_detection_alone_never_overturns_who_is_reached(borough):
    one = statement(borough, "tpr", tolerance=abs(gap(borough, "tpr")) + 0.005)
    row = tips(borough, one)["tpr", "detection"]
    assert (row.status, row.tipping_point, row.detection_ratio) == ("none", None, None)


def test_the_interval_is_that_of_each_resample(borough):
    one = statement(borough, "ppv", tolerance=abs(gap(borough, "ppv")) + 0.05)
    row = tips(borough, one)["ppv", "detection"]
    counts, cluster = borough.resamples.counts, borough.resamples.cluster
    found = []
    for times in counts[:25]:
        weight = borough.rows.weight * times[cluster]
        rows = type(borough.rows)(**{**borough.rows.__dict__, "weight": weight})
        drawn = type("B", (), {"rows": rows, "attributes": borough.attributes})
        share = walked(drawn, one, pairs(SPEC)["detection"], n=40)
        found.append(np.inf if share is None else share)
    inside = np.mean([row.lower <= share <= (row.upper or np.inf) for share in found])
    assert inside > 0.85
    assert row.lower < row.tipping_point


def test_statements_that_are_none_have_no_tipping_point(borough):
    silent = [
        Difference("m", "ethnicity", "Black", "fnr", None, None, None, 0.05, None, "insufficient"),
        Difference("m", "sex", "F", "fnr", 0.0, -0.01, 0.01, 0.05, 0.1, "within"),
        Difference("m", "ethnicity", "Black", "selection_rate", 0.0, -0.01, 0.01, 0.05, 0.1, "within"),
        statement(borough, "ppv", tolerance=0.05, verdict="inconclusive"),
    ]
    assert tips(borough, *silent) == {}


def test_too_few_people_have_no_tipping_point(borough):
    one = statement(borough, "ppv", tolerance=0.5)
    for row in tips(borough, one, enough=False).values():
        assert (row.status, row.tipping_point, row.lower, row.at) == ("suppressed", None, None, None)


def test_nobody_to_compare_with_is_undefined(borough):
    rows = borough.rows
    none = type("B", (), {"rows": type(rows)(**{**rows.__dict__, "offered": np.zeros(len(rows))}),
                          "attributes": borough.attributes, "resamples": borough.resamples})  # fmt: skip
    one = statement(borough, "ppv", tolerance=0.05)
    row = tips(none, one)["ppv", "anything"]
    assert (row.status, row.tipping_point, row.lower) == ("undefined", None, None)
    with pytest.raises(ValueError, match="tolerance"):
        tips(borough, Difference("m", "ethnicity", "Black", "ppv", None, None, None, None, None, "within"))


def test_the_first_crossing_is_linear_between_nodes():
    n = len(NODES)
    slack = np.column_stack(
        [1 - 2 * NODES, np.full(n, 0.5), -np.ones(n), np.full(n, np.nan), np.where(NODES == 0.5, -1, 1.0)]
    )
    found = first_crossing(slack)
    assert found[0] == pytest.approx(0.5)
    assert found[1] == np.inf
    assert found[2] == 0
    assert np.isnan(found[3])
    assert found[4] == pytest.approx(0.4375)


def test_every_gamma_on_the_way_is_asked_for():
    needed = gammas_needed(SPEC)
    ends = {one for path in pairs(SPEC).values() for pair in path for one in pair}
    assert {end.part_way(float(t)).gamma for end, t in product(ends, NODES)} <= needed
    assert len(needed) == 17
