"""The same model on worse data: what is known beforehand, and plain loops."""

import json
from importlib import resources

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from riskmodel.files import to_json
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.validate import ScoredRows, resample
from riskmodel.validate.robustness import (
    SHOWN,
    Said,
    Spoiled,
    robustness,
    spoil,
    with_wrong_codes,
    without_agency,
)
from riskmodel.validate.spec import RobustnessSpec, ValidateSpec

N, K = 2000, 100
INFOS = tuple(
    FeatureInfo(name, "words", "c", agency, "times", 1, "count", "365d", codes)
    for name, agency, codes in (
        ("a1", "EDU", ("EDU//A",)), ("a2", "EDU", ("EDU//A",)), ("b", "CSC", ("CSC//B",)), ("unused", "YJ", ("YJ//C",)),
    )
)  # fmt: skip


def features(seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(N, 4)).astype(np.float32)
    values[:, 1] = values[:, 0] + 100
    return FeatureMatrix(values, INFOS)


def say(matrix):
    """A model that adds up a1 and b; whoever has neither is too thin."""
    known = ~np.isnan(matrix.values[:, [0, 2]])
    raw = np.where(known, matrix.values[:, [0, 2]], 0.0).sum(axis=1).astype(np.float64)
    thin = ~known.any(axis=1)
    offered = np.zeros(len(raw))
    offered[np.argsort(np.where(thin, np.inf, -raw), kind="stable")[:K]] = 1.0
    return Said(raw, 1 / (1 + np.exp(-(raw - 3))), thin, np.where(thin, 0.0, offered))


@pytest.fixture(scope="module")
def rows():
    said = say(features())
    outcome = (np.random.default_rng(1).random(N) < said.risk).astype(np.int8)
    return ScoredRows(said.raw, said.risk, outcome, np.ones(N), said.offered, np.arange(N))


def tried(rows, *spoiled):
    draws = resample(rows.subject_id, replicates=200, seed=2)
    return robustness(rows, say, spoiled, draws, ValidateSpec(), apparent=False, abstained=0.0)


def test_nothing_spoiled_changes_nothing(rows):
    report = tried(rows, Spoiled("codes", "0", features()), Spoiled("prevalence", "1"))
    for shift in report.shifts:
        assert [shift.change[name].estimate for name in SHOWN] == [0.0] * 4
        assert (shift.change["auroc"].lower, shift.change["auroc"].upper) == (0.0, 0.0)
        assert shift.offers_moved == 0.0
        assert shift.metrics == report.as_is


def test_prevalence_moves_the_intercept_by_the_log_of_the_odds_and_precision_but_not_the_order(rows):
    (shift,) = tried(rows, Spoiled("prevalence", "2", times_as_common=2.0)).shifts
    assert shift.change["auroc"].estimate == pytest.approx(0.0, abs=1e-12)
    assert shift.change["recall_at_capacity"].estimate == pytest.approx(0.0, abs=1e-12)
    assert shift.change["calibration_intercept"].estimate == pytest.approx(np.log(2), abs=0.02)
    hit = rows.outcome[rows.offered == 1].sum()
    assert shift.metrics["precision_at_capacity"].estimate == pytest.approx(2 * hit / (2 * hit + K - hit))


def test_a_missing_agency_costs_what_a_plain_count_says(rows):
    gone = without_agency(features(), "EDU")
    assert np.isnan(gone.values[:, :2]).all()
    assert np.array_equal(gone.values[:, 2:], features().values[:, 2:])
    (shift,) = tried(rows, Spoiled("missing", "EDU", gone)).shifts
    after = say(gone)
    recall = [rows.outcome[one == 1].sum() / rows.outcome.sum() for one in (rows.offered, after.offered)]
    assert shift.change["recall_at_capacity"].estimate == pytest.approx(recall[1] - recall[0])
    assert shift.change["recall_at_capacity"].upper < 0
    assert shift.offers_moved == ((rows.offered == 1) & (after.offered == 0)).sum() / K
    assert shift.abstained == 0.0


def test_too_thin_a_record_is_offered_nothing_and_is_a_miss(rows):
    blank = FeatureMatrix(np.full((N, 4), np.nan, np.float32), INFOS)
    (shift,) = tried(rows, Spoiled("missing", "all", blank)).shifts
    assert (shift.abstained, shift.offers_moved) == (1.0, 1.0)
    assert shift.metrics["recall_at_capacity"].estimate == 0.0


def test_the_worst_comes_first(rows):
    blank = FeatureMatrix(np.full((N, 4), np.nan, np.float32), INFOS)
    mild = with_wrong_codes(features(), np.zeros(N, int), share=0.02, seed=0)
    report = tried(rows, Spoiled("prevalence", "2", times_as_common=2.0), Spoiled("codes", "0.02", mild), Spoiled("missing", "all", blank))  # fmt: skip
    assert report.shifts[0].what == "all"


def test_wrong_codes_come_from_another_at_the_same_date_and_stay_together():
    date = np.repeat([10, 20], N // 2)
    before = features()
    after = with_wrong_codes(before, date, share=0.3, seed=5)
    moved = after.values != before.values
    assert np.array_equal(moved[:, 0], moved[:, 1])  # windows of one code tell one story
    assert after.values[:, 1] == pytest.approx(after.values[:, 0] + 100, abs=1e-4)
    assert moved[:, 0].mean() == pytest.approx(0.3, abs=0.04)
    assert not np.array_equal(moved[:, 0], moved[:, 2])
    for one in (10, 20):
        assert np.isin(after.values[date == one, 2], before.values[date == one, 2]).all()
    again = with_wrong_codes(before, date, share=0.3, seed=5)
    assert again.values.tobytes() == after.values.tobytes()


def test_a_row_alone_at_its_date_keeps_its_own():
    before = FeatureMatrix(features().values[:3], INFOS)
    after = with_wrong_codes(before, np.array([1, 2, 3]), share=0.99, seed=1)
    assert np.array_equal(after.values, before.values)


def test_a_study_says_what_is_tried():
    date, late = np.zeros(N, int), [("EDU", features(3))]
    spec = RobustnessSpec(wrong_codes=(0.1, 0.2), prevalence=(0.5,))
    found = list(spoil(features(), date, spec, used=("a1", "b"), late=late, seed=1))
    assert [(one.kind, one.what) for one in found] == [
        ("missing", "EDU"), ("missing", "CSC"), ("late", "EDU"), ("codes", "0.1"), ("codes", "0.2"), ("prevalence", "0.5"),
    ]  # fmt: skip
    none = RobustnessSpec(agencies=False, wrong_codes=(), prevalence=())
    assert list(spoil(features(), date, none, used=("a1",), late=(), seed=1)) == []


def test_the_file_follows_its_schema(rows):
    text = resources.files("riskmodel").joinpath("publish/schemas/robustness.schema.json").read_text()
    Draft202012Validator.check_schema(json.loads(text))
    schema = Draft202012Validator(json.loads(text))
    report = tried(rows, Spoiled("missing", "EDU", without_agency(features(), "EDU")))
    record = json.loads(to_json(report.to_json()))
    schema.validate(record)
    del record["shifts"][0]["change"]["auroc"]
    assert not schema.is_valid(record)
