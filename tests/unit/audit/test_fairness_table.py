from collections import Counter
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from riskmodel.audit import audit_fairness
from riskmodel.audit.spec import METRICS, AuditSpec, ToleranceSpec
from riskmodel.errors import StudyError
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.validate import ScoredRows, resample
from riskmodel.validate.calibration_line import LineRows, fit_line


@pytest.fixture(scope="module")
def report(borough):
    spec = AuditSpec(attributes=("ethnicity", "sex"))
    return audit_fairness({"logistic": borough.rows}, borough.attributes, borough.resamples, spec)


def cell(report, attribute, group, metric, model="logistic"):
    (found,) = [
        row
        for row in report.rows
        if (row.model, row.attribute, row.group, row.metric) == (model, attribute, group, metric)
    ]
    return found


def difference(report, attribute, group, metric):
    (found,) = [
        d for d in report.differences if (d.attribute, d.group, d.metric) == (attribute, group, metric)
    ]
    return found


def test_every_model_group_and_metric_has_a_row(report):
    counts = Counter(row.attribute for row in report.rows)
    assert counts == {"ethnicity": 4 * 7, "sex": 2 * 7, "ethnicity x sex": 8 * 7}
    assert [row.metric for row in report.rows[: 4 * 7 : 4]] == list(METRICS)
    assert {row.group for row in report.rows if row.attribute == "ethnicity x sex"} >= {
        "Black x F",
        "Unknown x M",
    }


def test_rates_equal_fairlearn(borough, report):
    from fairlearn.metrics import (
        MetricFrame,
        false_negative_rate,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import precision_score

    rows, groups = borough.rows, borough.attributes.columns["ethnicity"]
    seen = rows.weight > 0
    metrics = {
        "tpr": true_positive_rate,
        "fnr": false_negative_rate,
        "fpr": false_positive_rate,
        "ppv": precision_score,
    }
    frame = MetricFrame(
        metrics=metrics,
        y_true=rows.outcome[seen],
        y_pred=rows.offered[seen],
        sensitive_features=groups[seen],
        sample_params={name: {"sample_weight": rows.weight[seen]} for name in metrics},
    )
    chosen = MetricFrame(
        metrics=selection_rate, y_true=rows.outcome, y_pred=rows.offered, sensitive_features=groups
    )
    for group in ("White", "Black", "Asian"):
        assert cell(report, "ethnicity", group, "selection_rate").estimate == pytest.approx(
            chosen.by_group[group], abs=1e-12
        )
        for name in metrics:
            assert cell(report, "ethnicity", group, name).estimate == pytest.approx(
                frame.by_group.loc[group, name], abs=1e-12
            )


def test_calibration_of_a_group_is_the_fit_to_its_rows(borough, report):
    rows = borough.rows
    inside = borough.attributes.columns["ethnicity"] == "Black"
    line = fit_line(LineRows.of(rows.risk[inside], rows.outcome[inside], rows.weight[inside]))
    assert cell(report, "ethnicity", "Black", "calibration_intercept").estimate == pytest.approx(
        line.intercept, abs=1e-9
    )
    assert cell(report, "ethnicity", "Black", "calibration_slope").estimate == pytest.approx(
        line.slope, abs=1e-9
    )
    others = fit_line(LineRows.of(rows.risk[~inside], rows.outcome[~inside], rows.weight[~inside]))
    gap = difference(report, "ethnicity", "Black", "calibration_slope")
    assert gap.estimate == pytest.approx(line.slope - others.slope, abs=1e-9)


def test_intervals_equal_a_loop_over_resamples(borough, report):
    rows, drawn = borough.rows, borough.resamples
    inside = borough.attributes.columns["ethnicity"] == "Asian"
    rates, gaps = [], []
    for times in drawn.counts[:, drawn.cluster]:
        w = times * rows.weight * rows.outcome
        tpr, others = ((w * rows.offered)[part].sum() / w[part].sum() for part in (inside, ~inside))
        rates.append(tpr)
        gaps.append(tpr - others)
    found = cell(report, "ethnicity", "Asian", "tpr")
    assert (found.lower, found.upper) == pytest.approx(tuple(np.quantile(rates, [0.025, 0.975])), abs=1e-12)
    gap = difference(report, "ethnicity", "Asian", "tpr")
    standard_error = np.sqrt(np.mean((np.array(gaps) - gap.estimate) ** 2))
    judged = sum(one.lower is not None for one in report.differences)
    bonferroni = NormalDist().inv_cdf(1 - 0.025 / judged)
    # At once for all statements: wider than 1.96 standard errors of one, about as wide as Bonferroni's over all at most.
    assert 2.5 * standard_error <= gap.upper - gap.estimate <= 1.1 * bonferroni * standard_error
    assert gap.upper - gap.estimate == pytest.approx(gap.estimate - gap.lower)


def test_calibration_intervals_are_near_full_refits(borough, report):
    rows, drawn = borough.rows, borough.resamples
    inside = borough.attributes.columns["ethnicity"] == "Asian"
    prepared = LineRows.of(rows.risk[inside], rows.outcome[inside], rows.weight[inside])
    refits = np.array(
        [
            fit_line(replace(prepared, weight=prepared.weight * times[inside])).values
            for times in drawn.counts[:, drawn.cluster]
        ]
    )
    for k, metric in enumerate(("calibration_intercept", "calibration_slope")):
        found = cell(report, "ethnicity", "Asian", metric)
        assert (found.lower, found.upper) == pytest.approx(
            tuple(np.quantile(refits[:, k], [0.025, 0.975])), abs=0.04
        )


def test_fnr_is_one_less_tpr_and_both_get_the_same_verdict(report):
    for group in ("White", "Black", "Asian"):
        tpr, fnr = (cell(report, "ethnicity", group, metric) for metric in ("tpr", "fnr"))
        assert fnr.estimate == pytest.approx(1 - tpr.estimate, abs=1e-12)
        assert fnr.upper == pytest.approx(1 - tpr.lower, abs=1e-9)
        assert fnr.verdict == tpr.verdict


def test_two_groups_mirror_each_other(report):
    for metric in ("selection_rate", "tpr", "fpr", "ppv"):
        f, m = (difference(report, "sex", group, metric) for group in "FM")
        assert f.estimate == pytest.approx(-m.estimate, abs=1e-12)
        assert f.lower == pytest.approx(-m.upper, abs=1e-9)
        assert f.verdict == m.verdict


def test_several_models_at_once_give_what_each_gives_alone(borough, spec, report):
    other = replace(borough.rows, risk=borough.rows.risk**1.5, offered=(borough.rows.raw > 0.5).astype(float))
    both = audit_fairness(
        {"logistic": borough.rows, "ebm": other}, borough.attributes, borough.resamples, spec
    )
    alone = audit_fairness({"ebm": other}, borough.attributes, borough.resamples, spec)
    for model, single in (("logistic", report), ("ebm", alone)):
        together = [row for row in both.rows if row.model == model]
        for row, other_row in zip(together, single.rows, strict=True):
            assert replace(row, estimate=None, lower=None, upper=None) == replace(
                other_row, estimate=None, lower=None, upper=None
            )
            if row.estimate is not None:
                values, others = ((r.lower, r.estimate, r.upper) for r in (row, other_row))
                assert values == pytest.approx(others, abs=1e-12)


def test_threads_and_repeats_give_the_same_bytes(borough, spec, report):
    again = audit_fairness({"logistic": borough.rows}, borough.attributes, borough.resamples, spec, threads=1)
    assert again.to_json() == report.to_json()


def with_gap(borough, share):
    """Take offers away from Black young people until their TPR is lower by about ``share``."""
    black = borough.attributes.columns["ethnicity"] == "Black"
    cut = np.where(black, np.quantile(borough.rows.raw, share), 0.0)
    return replace(borough.rows, offered=(borough.rows.raw > cut).astype(float))


def test_a_large_gap_exceeds_and_a_wide_tolerance_is_within(borough):
    rows = with_gap(borough, 0.95)
    strict = audit_fairness(
        {"m": rows},
        borough.attributes,
        borough.resamples,
        AuditSpec(attributes=("ethnicity",), intersections=()),
    )
    assert difference(strict, "ethnicity", "Black", "tpr").verdict == "exceeds"
    assert difference(strict, "ethnicity", "Black", "tpr").upper < -0.05
    assert difference(strict, "ethnicity", "Black", "fnr").lower > 0.05
    wide = AuditSpec(
        attributes=("ethnicity",),
        intersections=(),
        tolerance=ToleranceSpec(tpr=0.9, fnr=None, share_of_overall=None),
    )
    loose = audit_fairness({"m": rows}, borough.attributes, borough.resamples, wide)
    assert difference(loose, "ethnicity", "Black", "tpr").verdict == "within"
    assert difference(loose, "ethnicity", "Black", "fnr").verdict == "none"
    assert cell(loose, "ethnicity", "Black", "fnr", model="m").estimate is not None


@pytest.mark.parametrize(
    ("overall", "expected"), [(0.02, 0.01), (0.5, 0.05), (0.0, 0.05), (float("nan"), 0.05), (None, 0.05)]
)
def test_the_tolerance_of_a_small_rate_is_half_of_the_rate(overall, expected):
    assert ToleranceSpec().of("selection_rate", overall) == pytest.approx(expected)
    assert ToleranceSpec(share_of_overall=None).of("selection_rate", overall) == 0.05


def test_a_group_that_is_never_offered_support_does_not_pass_for_within(borough):
    white = borough.attributes.columns["ethnicity"] == "White"
    few = (borough.rows.raw > np.quantile(borough.rows.raw, 0.98)).astype(float)
    rows = replace(borough.rows, offered=np.where(white, 0.0, few))
    spec = AuditSpec(attributes=("ethnicity",), intersections=())
    found = audit_fairness({"m": rows}, borough.attributes, borough.resamples, spec)
    one = difference(found, "ethnicity", "White", "selection_rate")
    assert one.tolerance < 0.01
    assert one.verdict != "within"


def test_the_verdict_is_read_from_the_interval_of_the_difference(report):
    for one in report.differences:
        if one.lower is None:
            assert one.verdict in ("insufficient", "none")
            continue
        inside = -one.tolerance <= one.lower and one.upper <= one.tolerance
        outside = one.lower > one.tolerance or one.upper < -one.tolerance
        assert one.verdict == ("within" if inside else "exceeds" if outside else "inconclusive")
        assert one.detectable > one.tolerance + (one.upper - one.lower) / 2


def test_a_group_of_thirty_never_gets_a_confident_verdict(report):
    counts = Counter()
    for row in report.rows:
        if row.attribute == "ethnicity" and row.group == "Unknown":
            assert row.n_subjects < 50
            assert row.verdict == "insufficient"
            counts[row.status] += 1
    assert counts["ok"] >= 1  # shown with its interval, and not judged


@pytest.mark.parametrize(("offers", "judged"), [(49, False), (50, True)])
def test_a_share_of_fewer_than_fifty_offers_gets_no_verdict(offers, judged):
    """However many had the outcome: the share of offers that were right rests on those offered support."""
    person = np.arange(4000)
    white = person % 2 == 0
    outcome = (person % 4 < 2).astype(np.int8)
    chosen = np.concatenate([np.flatnonzero(white)[:offers], np.flatnonzero(~white)[:400]])
    offered = np.isin(person, chosen).astype(float)
    rows = ScoredRows(offered, 0.2 + 0.3 * offered, outcome, np.ones(4000), offered, person)
    spec = AuditSpec(attributes=("ethnicity",), intersections=())
    groups = AuditedAttributes({"ethnicity": np.where(white, "White", "Black")})
    found = audit_fairness({"m": rows}, groups, resample(person, replicates=200, seed=1), spec)
    for group in ("White", "Black"):  # too few on either side
        assert (difference(found, "ethnicity", group, "ppv").verdict != "insufficient") == judged
        assert cell(found, "ethnicity", group, "ppv", model="m").status == "ok"
        assert difference(found, "ethnicity", group, "tpr").verdict != "insufficient"


def test_small_groups_are_there_and_say_why_they_hold_no_number(borough, spec):
    tiny = borough.attributes.columns["ethnicity"].astype("<U10")
    tiny[borough.rows.subject_id < 6] = "Tiny"
    report = audit_fairness(
        {"m": borough.rows},
        AuditedAttributes({**borough.attributes.columns, "ethnicity": tiny}),
        borough.resamples,
        spec,
    )
    rows = [row for row in report.rows if row.attribute == "ethnicity" and row.group == "Tiny"]
    assert len(rows) == 7
    for row in rows:
        assert row.status in ("suppressed", "undefined")
        assert row.estimate is row.lower is row.upper is None
        assert row.verdict == "insufficient"


def test_nobody_offered_leaves_precision_undefined(borough, spec):
    none = replace(borough.rows, offered=np.zeros(len(borough.rows)))
    report = audit_fairness({"m": none}, borough.attributes, borough.resamples, spec)
    ppv = cell(report, "ethnicity", "White", "ppv", model="m")
    assert (ppv.status, ppv.estimate, ppv.verdict) == ("undefined", None, "insufficient")
    rate = cell(report, "ethnicity", "White", "selection_rate", model="m")
    assert rate.estimate == 0
    # Nobody of several hundred: not surely nobody. Jeffreys' 97.5% point is 2.51 / n.
    assert 0 < rate.upper < 0.01
    assert rate.lower == 0


def test_one_group_has_nobody_to_be_compared_with(borough):
    same = AuditedAttributes({"area": np.full(len(borough.rows), "all")})
    report = audit_fairness(
        {"m": borough.rows}, same, borough.resamples, AuditSpec(attributes=("area",), intersections=())
    )
    assert {row.verdict for row in report.rows} == {"none"}
    assert {row.status for row in report.rows} == {"ok"}


def test_an_absent_attribute_is_a_fault_of_the_study(borough):
    with pytest.raises(StudyError, match="ethnicity"):
        audit_fairness(
            {"m": borough.rows},
            borough.attributes,
            borough.resamples,
            AuditSpec(attributes=("ethnicty",), intersections=()),
        )


def test_models_about_other_rows_are_refused(borough, spec):
    other = replace(borough.rows, outcome=1 - borough.rows.outcome)
    with pytest.raises(ValueError, match="same rows"):
        audit_fairness({"a": borough.rows, "b": other}, borough.attributes, borough.resamples, spec)
    with pytest.raises(ValueError, match="same rows"):
        audit_fairness(
            {"a": borough.rows}, borough.attributes, resample(np.arange(5), replicates=100, seed=0), spec
        )


def test_counts_are_of_people_and_not_of_rows():
    subject = np.repeat(np.arange(60), 2)
    rng = np.random.default_rng(0)
    raw = rng.normal(size=120)
    outcome = np.ones(120, dtype=np.int8)
    outcome[:60] = 0
    rows = ScoredRows(raw, np.full(120, 0.5), outcome, np.ones(120), (raw > 0).astype(float), subject)
    groups = AuditedAttributes({"sex": np.where(subject % 2 == 0, "F", "M")})
    spec = AuditSpec(attributes=("sex",), intersections=())
    report = audit_fairness({"m": rows}, groups, resample(subject, replicates=100, seed=0), spec)
    for row in report.rows:
        assert (row.n_subjects, row.n_outcomes) == (30, 15)
