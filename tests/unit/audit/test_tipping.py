"""The tipping point: against a fine walk in a plain loop, and what is said where nothing tips."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit

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


def statement(borough, metric, *, tolerance, verdict="within", half=0.01):
    found = gap(borough, metric)
    return Difference(
        "m", "ethnicity", "Black", metric, found, found - half, found + half, tolerance, 0.1, verdict
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


def spread(borough, metric, own=None, others=None):
    """The bootstrap's spread of a difference, resample by resample."""
    code, counts, cluster = grouping(borough).code, borough.resamples.counts, borough.resamples.cluster
    point, moved = gap(borough, metric, own, others), []
    for times in counts[:150]:
        drawn = replace(borough.rows, weight=borough.rows.weight * times[cluster])
        sides = [
            true_label_metrics(drawn.take(code == g), one or Recording())[metric]
            for g, one in ((1, own), (0, others))
        ]
        moved.append(sides[0] - sides[1] - point)
    return np.sqrt(np.mean(np.square(moved)))


@pytest.mark.parametrize("metric", ["fnr", "ppv", "fpr"])
@pytest.mark.parametrize("path", ["anything", "detection"])
def test_a_difference_within_tips_where_a_fine_walk_says(borough, metric, path):
    tolerance = abs(gap(borough, metric)) + 0.02
    one = statement(borough, metric, tolerance=tolerance, half=1e-9)
    row = tips(borough, one)[metric, path]
    expected = walked(borough, one, pairs(SPEC)[path])
    if expected is None:
        assert (row.tipping_point, row.difference_tipping_point, row.at, row.status) == (
            None,
            None,
            None,
            "none",
        )
        return
    assert row.difference_tipping_point == pytest.approx(expected, abs=0.02)
    assert row.tipping_point == pytest.approx(
        row.difference_tipping_point, abs=1e-6
    )  # nothing is left to chance
    at = {side: Recording(**row.at[side]) for side in ("group", "others")}
    assert abs(gap(borough, metric, at["group"], at["others"])) == pytest.approx(tolerance, abs=0.003)
    assert row.detection_ratio == pytest.approx(at["group"].detection / at["others"].detection)


@pytest.mark.parametrize(("metric", "verdict"), [("fnr", "within"), ("ppv", "within"), ("fpr", "exceeds")])
def test_a_statement_falls_where_its_interval_meets_the_tolerance(borough, metric, verdict):
    found = gap(borough, metric)
    half, tolerance = (0.01, abs(found) + 0.03) if verdict == "within" else (abs(found) / 3, abs(found) / 4)
    one = statement(borough, metric, tolerance=tolerance, half=half, verdict=verdict)
    row = tips(borough, one)[metric, "anything"]
    assert 0 < row.tipping_point < (row.difference_tipping_point or np.inf)
    at = [Recording(**row.at[side]) for side in ("group", "others")]
    there = half * spread(borough, metric, *at) / spread(borough, metric)
    end = abs(gap(borough, metric, *at)) + (there if verdict == "within" else -there)
    assert end == pytest.approx(tolerance, abs=0.003 if verdict == "within" else 0.0005)


def test_a_statement_that_was_only_just_made_falls_at_once(borough):
    found = gap(borough, "fpr")
    one = statement(borough, "fpr", tolerance=abs(found) / 2, verdict="exceeds", half=abs(found) / 2 - 1e-7)
    row = tips(borough, one)["fpr", "anything"]
    assert row.tipping_point == pytest.approx(0, abs=1e-4)
    assert row.difference_tipping_point > 0.02
    assert row.difference_lower <= row.difference_tipping_point


@pytest.mark.parametrize("sign", [1, -1])
def test_exceeds_tips_where_the_difference_comes_back_inside(borough, sign):
    metric = "fnr" if gap(borough, "fnr") * sign > 0 else "tpr"
    found = gap(borough, metric)
    assert found * sign > 0
    one = statement(borough, metric, tolerance=abs(found) / 2, verdict="exceeds", half=abs(found) / 4)
    row = tips(borough, one)[metric, "anything"]
    expected = walked(borough, one, pairs(SPEC)["anything"])
    assert row.difference_tipping_point == pytest.approx(expected, abs=0.02)
    assert row.tipping_point < row.difference_tipping_point
    assert row.difference_lower <= row.difference_tipping_point
    assert row.difference_upper is None or row.difference_upper >= row.difference_tipping_point


def intercept(rows, happened):
    """The intercept in the large of estimates, with so many times the outcomes on record."""
    log_odds, known = logit(rows.risk), rows.weight > 0
    wanted = happened * (rows.weight * rows.outcome).sum()
    return brentq(lambda a: (rows.weight * expit(log_odds + a))[known].sum() - wanted, -9, 9)


def rare(make_borough):
    """Return a borough whose outcome is rare, and the difference in the intercept of its estimates."""
    found = make_borough(n_people=20_000, prevalence=-4.5)
    code = grouping(found).code
    sides = [found.rows.take(code == g) for g in (1, 0)]
    return found, sides, intercept(sides[0], 1) - intercept(sides[1], 1)


@pytest.mark.parametrize(("tolerance", "verdict"), [(0.2, "exceeds"), (0.9, "within")])
def test_calibration_in_the_large_tips_where_the_exact_intercept_says(make_borough, tolerance, verdict):
    borough, sides, found = rare(make_borough)
    more = (
        0.5 - found if verdict == "exceeds" else 0.0
    )  # a difference of .5: as if the model were wrong for the group
    one = Difference("m", "ethnicity", "Black", "calibration_intercept", found + more, found + more - 0.1,
                     found + more + 0.1, tolerance, 0.1, verdict)  # fmt: skip
    spec = RecordingSpec(detection=(0.4, 1.0), false_recording=(0.0, 0.0), gamma=(1.0, 1.0))
    row = tips(borough, one, spec=spec)["calibration_intercept", "detection"]
    at = [1 / row.at[side]["detection"] for side in ("group", "others")]
    itself = [
        1 / Recording(detection=0.4 if row.at[side]["detection"] < 1 else 1.0).part_way(row.difference_tipping_point).detection
        for side in ("group", "others")
    ]  # fmt: skip
    exact = more + intercept(sides[0], itself[0]) - intercept(sides[1], itself[1])
    # Log-odds move further than log observed to expected by the mean estimate among those with the outcome.
    cases = [np.average(side.risk, weights=side.weight * side.risk) for side in sides]
    moved = abs(exact - more - found)
    assert 0.02 < max(cases) < 0.04
    assert abs(abs(exact) - tolerance) < 0.06 * moved
    assert max(at) < max(itself)  # the statement falls before the difference does


def test_a_difference_in_detection_alone_never_overturns_who_is_reached(borough):
    one = statement(borough, "tpr", tolerance=abs(gap(borough, "tpr")) + 0.005, half=0.004)
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
    inside = np.mean([row.difference_lower <= share <= (row.difference_upper or np.inf) for share in found])
    assert inside > 0.85
    assert row.difference_lower < row.difference_tipping_point


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
        assert (row.status, row.tipping_point, row.difference_lower, row.at) == (
            "suppressed",
            None,
            None,
            None,
        )


def test_nobody_to_compare_with_is_undefined(borough):
    rows = borough.rows
    none = type("B", (), {"rows": type(rows)(**{**rows.__dict__, "offered": np.zeros(len(rows))}),
                          "attributes": borough.attributes, "resamples": borough.resamples})  # fmt: skip
    one = statement(borough, "ppv", tolerance=0.05)
    row = tips(none, one)["ppv", "anything"]
    assert (row.status, row.tipping_point, row.difference_lower) == ("undefined", None, None)
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
