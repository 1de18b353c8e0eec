"""Bounds over a range of recordings: against a dense grid, the formula of Imbens and Manski, and the usual interval."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import norm

from riskmodel.audit.groups import Grouping
from riskmodel.audit.label_bounds import PeopleBehind, _reach, bounds, bounds_interval, recordings
from riskmodel.audit.recording import TRUE_METRICS, Recording, recorded_sums, true_label_metrics
from riskmodel.audit.spec import RecordingSpec
from riskmodel.validate import ScoredRows, resample
from riskmodel.validate.estimate import percentile_interval

WIDE = RecordingSpec(detection=(0.75, 0.95), false_recording=(0.0, 0.02), gamma=(0.5, 2.0))


def bounded(borough, spec, code=None, **limits):
    code = np.zeros(len(borough.rows), dtype=np.int64) if code is None else code
    labels = tuple((str(one),) for one in range(int(code.max()) + 1))
    grouping, over = Grouping("g", labels, code), recordings(spec)
    sums = recorded_sums(borough.rows, grouping, borough.resamples, {one.gamma for one in over})
    people = PeopleBehind(borough.rows, grouping)
    rows = bounds(sums, grouping, people, over=over, minimum_cell=limits.get("minimum_cell", 10))
    return {(row.metric, row.group): row for row in rows}


def test_no_recording_in_the_range_leads_outside_the_bounds(borough):
    found = bounded(borough, WIDE)
    for d, f, gamma in product(
        np.linspace(*WIDE.detection, 5), np.linspace(*WIDE.false_recording, 5), np.geomspace(*WIDE.gamma, 9)
    ):
        for name, value in true_label_metrics(borough.rows, Recording(d, f, gamma)).items():
            row = found[name, "0"]
            slack = 1e-3 * max(1, value)
            assert row.lower_bound - slack <= value <= row.upper_bound + slack, (name, d, f, gamma)
            assert row.lower <= row.lower_bound < row.upper_bound <= row.upper


def test_a_range_of_one_point_all_but_gives_the_usual_interval(borough):
    right = RecordingSpec(detection=(1, 1), false_recording=(0, 0), gamma=(1, 1))
    assert recordings(right) == (Recording(),)
    found = bounded(borough, right)
    rows = borough.rows
    happened = rows.weight * rows.outcome
    draws = borough.resamples.sums(np.column_stack([happened * rows.offered, happened]))
    row = found["tpr", "0"]
    assert row.lower_bound == row.upper_bound == row.recorded
    assert row.recorded == pytest.approx((happened * rows.offered).sum() / happened.sum(), abs=1e-12)
    values = draws[:, 0] / draws[:, 1]
    usual = percentile_interval(values)
    tails = np.quantile(values, [0.02, 0.98])
    log_odds = np.log(row.recorded / (1 - row.recorded))
    away = norm.ppf(0.98) * values.std() / (row.recorded * (1 - row.recorded))
    scaled = [1 / (1 + np.exp(-(log_odds + side * away))) for side in (-1, 1)]
    assert row.lower == pytest.approx(min(tails[0], scaled[0]), abs=1e-6)
    assert row.upper == pytest.approx(max(tails[1], scaled[1]), abs=1e-6)
    assert (row.lower, row.upper) == pytest.approx(usual, rel=0.03)
    assert row.lower < usual[0] < usual[1] < row.upper
    assert not row.contradicted


@pytest.mark.parametrize(("width", "spread"), [(0.0, 0.1), (0.05, 0.1), (0.2, 0.1), (3.0, 0.1)])
def test_the_reach_solves_the_equation_of_imbens_and_manski(width, spread):
    c = _reach(width, spread)
    assert norm.cdf(c + width / spread) - norm.cdf(-c) == pytest.approx(0.96, abs=1e-6)
    assert 1.7506 < c < 2.0538


def test_the_interval_is_theirs_for_normal_draws():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=200_000)
    low, high = np.append(0.3, 0.3 + 0.02 * noise), np.append(0.34, 0.34 + 0.02 * noise)
    c = _reach(0.04, 0.02)
    assert bounds_interval(low, high) == pytest.approx((0.3 - 0.02 * c, 0.34 + 0.02 * c), abs=2e-3)
    far = bounds_interval(low * 10, high * 10, share=False)  # O/E near 3: the scale is that of logs
    assert far == pytest.approx((3 * np.exp(-0.2 * c / 3), 3.4 * np.exp(0.2 * c / 3.4)), abs=0.02)
    assert far[1] == pytest.approx(3.4 * np.exp(0.2 * c / 3.4), abs=1e-3)


def test_a_bound_at_an_end_of_its_scale_stays_there():
    none, some = np.zeros(101), np.append(0.2, np.tile([0.1, 0.2, 0.3, 0.2], 25))
    assert bounds_interval(none, some)[0] == 0
    assert bounds_interval(some, none + 1)[1] == 1


def test_a_bound_so_near_an_end_that_the_scale_has_no_number_for_it_goes_to_the_end():
    near = np.append(
        1e-9, np.tile([1e-9, 0.01, 0.03, 0.02], 25)
    )  # its standard error on log-odds is ten million
    low, high = bounds_interval(near, near)
    assert 0 <= low <= 1e-9
    assert high == 1.0
    assert bounds_interval(near, near, share=False)[1] == np.inf  # which no row shows: it is undefined


def test_draws_that_say_nothing_are_left_out_and_too_many_of_them_are_undefined():
    low = np.append(0.2, np.tile([0.1, 0.2, 0.3], 100))
    some, many = low.copy(), low.copy()
    some[1:6] = np.nan
    many[1:40] = np.nan
    assert np.isfinite(bounds_interval(some, some + 0.1)).all()
    assert np.isnan(bounds_interval(many, many + 0.1)).all()
    assert np.isnan(bounds_interval(low[:1], low[:1])).all()


def test_few_people_on_one_side_are_never_bounded(borough):
    code = (np.arange(len(borough.rows)) < 60).astype(np.int64)
    found = bounded(borough, WIDE, code=code)
    small = [found[name, "1"] for name in TRUE_METRICS]
    assert {row.status for row in small if row.few < 10} == {"suppressed"}
    assert any(row.status == "suppressed" for row in small)
    hidden = next(row for row in small if row.status == "suppressed")
    assert (hidden.recorded, hidden.lower_bound, hidden.upper, hidden.contradicted) == (
        None,
        None,
        None,
        False,
    )


def test_nothing_to_divide_by_is_undefined(borough):
    rows = borough.rows
    none = ScoredRows(rows.raw, rows.risk, rows.outcome, rows.weight, np.zeros(len(rows)), rows.subject_id)
    one = type("B", (), {"rows": none, "resamples": borough.resamples})
    found = bounded(one, WIDE, minimum_cell=0)
    assert found["ppv", "0"].status == "undefined"
    assert found["prevalence", "0"].status == "ok"


def test_a_range_that_the_records_contradict_is_told(borough):
    share = true_label_metrics(borough.rows, Recording())["prevalence"]
    found = bounded(borough, RecordingSpec(detection=(share / 2, 1.0), false_recording=(0, 0.001)))
    assert found["ppv", "0"].contradicted
    assert found["ppv", "0"].upper_bound == 1
    assert found["prevalence", "0"].upper_bound == 1
    assert not bounded(borough, WIDE)["prevalence", "0"].contradicted


def test_a_range_must_make_sense():
    for wrong in (
        {"detection": (0.9, 0.4)}, {"false_recording": (0.1, 0.0)}, {"gamma": (2.0, 1.0)},
        {"detection": (0.1, 0.9), "false_recording": (0.0, 0.1)}, {"detection": (0.4, 1.1)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"detection|false_recording|gamma"):
            RecordingSpec(**wrong)


def test_resamples_do_not_matter_to_the_bounds(borough):
    other = type(
        "B", (), {"rows": borough.rows, "resamples": resample(borough.rows.subject_id, replicates=50, seed=9)}
    )
    first, second = (bounded(one, WIDE)["tpr", "0"] for one in (borough, other))
    assert (first.lower_bound, first.upper_bound) == (second.lower_bound, second.upper_bound)
    assert first.lower != second.lower
