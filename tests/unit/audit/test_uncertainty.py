"""Coverage and abstention by group: counted by hand, and on rates that are known."""

import json
from importlib import resources

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from riskmodel.audit.spec import AuditSpec
from riskmodel.audit.uncertainty import EVERYONE, Ranges, like_estimates, measure_uncertainty
from riskmodel.files import to_json
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.validate import ScoredRows, resample

SPEC = AuditSpec(attributes=("sex",), intersections=())


def measured(rows, ranges, attributes, *, draws=None, spec=SPEC):
    draws = resample(rows.subject_id, replicates=200, seed=1) if draws is None else draws
    return measure_uncertainty(
        rows, ranges, attributes, draws, spec, method="monotone", most_missing=0.75, apparent=False
    )


def place(*, n=4000, risk=(0.1, 0.4), truth=(0.1, 0.4), seed=0):
    """Two levels of risk, half of the people each; sexes deal out evenly."""
    rng = np.random.default_rng(seed)
    level = np.arange(n) % 2
    said, real = (np.array(one)[level] for one in (risk, truth))
    outcome = (rng.random(n) < real).astype(np.int8)
    rows = ScoredRows(said, said, outcome, np.ones(n), np.zeros(n), np.arange(n))
    sex = np.where(np.arange(n) % 4 < 2, "F", "M")
    return rows, AuditedAttributes({"sex": sex})


def around(rows, *, by=0.03, thin=None):
    thin = np.zeros(len(rows), dtype=np.bool_) if thin is None else thin
    return Ranges(rows.risk - by, rows.risk + by, thin)


def of(report, group):
    return [row for row in report.coverage if row.group == group]


def test_a_band_is_laid_beside_what_happened():
    rows, attributes = place()
    report = measured(rows, around(rows), attributes)
    assert [(one.attribute, one.group, one.band) for one in report.coverage] == [
        (a, g, b) for a, g in ((EVERYONE, EVERYONE), ("sex", "F"), ("sex", "M")) for b in (1, 2)
    ]
    women = np.arange(4000) % 4 < 2
    for row in of(report, "F"):
        mine = women & np.isclose(rows.risk, row.estimate)
        assert (row.n_subjects, row.n_outcomes) == (mine.sum(), rows.outcome[mine].sum())
        assert row.observed == pytest.approx(rows.outcome[mine].mean())
        assert (row.lower, row.upper) == pytest.approx((row.estimate - 0.03, row.estimate + 0.03))
        error = np.sqrt(row.observed * (1 - row.observed) / mine.sum())
        assert row.observed_upper - row.observed_lower == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_verdicts_tell_inside_from_chance_from_outside():
    rows, attributes = place(n=2000, risk=(0.1, 0.4), truth=(0.1, 0.25))
    assert [one.verdict for one in of(measured(rows, around(rows), attributes), EVERYONE)] == [
        "inside",
        "outside",
    ]
    near = Ranges(rows.risk + 0.005, rows.risk + 0.006, np.zeros(2000, dtype=np.bool_))
    low, _ = of(measured(rows, near, attributes), EVERYONE)
    assert low.observed < low.lower or low.observed > low.upper
    assert low.verdict == "chance"


def test_too_few_with_the_outcome_get_no_number():
    rows, attributes = place(n=60)
    low, _ = of(measured(rows, around(rows), attributes), "F")
    assert low.n_outcomes < 10
    assert (low.verdict, low.estimate, low.observed, low.observed_upper) == ("insufficient", None, None, None)


def test_rows_that_were_given_no_range_or_whose_outcome_is_unknown_are_not_in_it():
    rows, attributes = place()
    weight = np.where(np.arange(4000) < 400, 0.0, 1.0)
    thin = (np.arange(4000) >= 400) & (np.arange(4000) < 1000)
    unknown = ScoredRows(rows.raw, rows.risk, rows.outcome, weight, rows.offered, rows.subject_id)
    report = measured(unknown, around(unknown, thin=thin), attributes)
    assert sum(one.n_subjects for one in of(report, EVERYONE)) == 3000
    nothing = Ranges(np.full(4000, np.nan), np.full(4000, np.nan), np.zeros(4000, dtype=np.bool_))
    assert measured(rows, nothing, attributes).coverage == ()


def test_abstention_is_counted_by_group_and_a_miss_is_told():
    rows, attributes = place()
    thin = np.zeros(4000, dtype=np.bool_)
    thin[:80:4] = True  # 20 women
    report = measured(rows, around(rows, thin=thin), attributes)
    found = {one.group: one for one in report.abstention}
    missed = int(rows.outcome[:80:4].sum())
    assert (found["F"].n_abstained, found["F"].n_outcomes_abstained) == (20, missed)
    assert found["F"].share.estimate == pytest.approx(0.01)
    assert 0 < found["F"].share.lower < 0.01 < found["F"].share.upper
    assert (found["M"].n_abstained, found["M"].share.estimate) == (0, 0.0)
    assert found[EVERYONE].share.estimate == pytest.approx(0.005)
    assert found[EVERYONE].share.n_outcomes == rows.outcome.sum()


def test_ranges_that_hold_are_seldom_called_clearly_outside(make_borough):
    """Estimates are the true risks, so a range of the smallest width holds them: only chance can speak against it."""
    borough = make_borough(n_people=6000, seed=3, censored=0.0)
    report = measured(borough.rows, around(borough.rows, by=0.0), borough.attributes, draws=borough.resamples)
    verdicts = [one.verdict for one in report.coverage]
    assert len(verdicts) == 15
    assert verdicts.count("outside") <= 2


def test_like_estimates_share_out_expected_outcomes_and_keep_ties_together():
    risk = np.array([0.1] * 50 + [0.2] * 25 + [0.5] * 10)
    assert like_estimates(risk, np.ones(85), 3).tolist() == [0] * 50 + [1] * 25 + [2] * 10
    assert like_estimates(np.full(9, 0.3), np.ones(9), 5).tolist() == [0] * 9
    assert like_estimates(np.zeros(4), np.ones(4), 5).tolist() == [0] * 4
    fine = like_estimates(np.linspace(0.01, 0.5, 1000), np.ones(1000), 5)
    assert (np.diff(fine) >= 0).all()
    shares = np.bincount(fine, weights=np.linspace(0.01, 0.5, 1000))
    assert shares / shares.sum() == pytest.approx(np.full(5, 0.2), abs=0.01)


def test_the_file_follows_its_schema():
    rows, attributes = place(n=200)
    report = measured(rows, around(rows), attributes)
    text = resources.files("riskmodel").joinpath("publish/schemas/uncertainty.schema.json").read_text()
    Draft202012Validator.check_schema(json.loads(text))
    schema, record = Draft202012Validator(json.loads(text)), json.loads(to_json(report.to_json()))
    schema.validate(record)
    shown = next(one for one in record["coverage"] if one["verdict"] != "insufficient")
    assert not schema.is_valid(record | {"coverage": [shown | {"verdict": "insufficient"}]})
    assert not schema.is_valid(record | {"coverage": [shown | {"observed": None}]})
