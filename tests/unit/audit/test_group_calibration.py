"""Observed against expected in each group; intercepts and slopes are the fairness table's own."""

import numpy as np
import pytest

from riskmodel.audit import audit_fairness, calibration_by_group
from riskmodel.audit.spec import AuditSpec


@pytest.fixture(scope="module")
def table(borough):
    spec = AuditSpec(attributes=("ethnicity", "sex"), intersections=(("ethnicity", "sex"),))
    fairness = audit_fairness({"m": borough.rows}, borough.attributes, borough.resamples, spec, seed=1)
    return fairness, calibration_by_group(borough.rows, borough.resamples, fairness, family="m")


def test_observed_to_expected_is_a_plain_ratio_with_an_interval_of_resampled_people(borough, table):
    rows, ethnicity = borough.rows, borough.attributes.columns["ethnicity"]
    found = {
        one.group: one
        for one in table[1]
        if (one.attribute, one.metric) == ("ethnicity", "observed_to_expected")
    }
    for name in ("White", "Black", "Asian"):
        own = ethnicity == name
        ratio = (rows.weight * rows.outcome)[own].sum() / (rows.weight * rows.risk)[own].sum()
        assert found[name].estimate == pytest.approx(ratio, rel=1e-12)
        counts = borough.resamples.counts[:, borough.resamples.cluster[own]].astype(float)
        draws = (counts @ (rows.weight * rows.outcome)[own]) / (counts @ (rows.weight * rows.risk)[own])
        assert (found[name].lower, found[name].upper) == pytest.approx(
            np.quantile(draws, (0.025, 0.975)), abs=1e-9
        )
        assert found[name].lower < ratio < found[name].upper
        assert found[name].n_subjects == len(np.unique(rows.subject_id[own & (rows.weight > 0)]))
        assert found[name].status == "ok"


def test_few_with_the_outcome_are_suppressed(borough, table):
    ethnicity = borough.attributes.columns["ethnicity"]
    few = (ethnicity == "Unknown") & (borough.rows.outcome == 1) & (borough.rows.weight > 0)
    assert len(np.unique(borough.rows.subject_id[few])) < 10
    for one in table[1]:
        if one.attribute == "ethnicity" and one.group == "Unknown":
            assert (one.status, one.estimate, one.lower, one.upper) == ("suppressed", None, None, None)


def test_intercepts_and_slopes_are_those_of_the_fairness_table(table):
    fairness, found = table
    own = {(o.attribute, o.group, o.metric): o.estimate for o in found if o.metric != "observed_to_expected"}
    theirs = {
        (r.attribute, r.group, r.metric): r.estimate
        for r in fairness.rows
        if r.metric.startswith("calibration_")
    }
    assert own == theirs


def test_threads_change_nothing(borough, table):
    again = calibration_by_group(borough.rows, borough.resamples, table[0], family="m", threads=1)
    assert again == table[1]
