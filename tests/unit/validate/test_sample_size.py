import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from riskmodel.errors import DataError
from riskmodel.models.spec import ModelsSpec
from riskmodel.tables.cohort import Labels
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.validate.sample_size import (
    auroc_of_cox_snell,
    cox_snell_of_auroc,
    largest_cox_snell,
    needed,
    parameters,
    rounded_up,
    sample_size,
)
from riskmodel.validate.spec import SampleSizeSpec

PUBLISHED = SampleSizeSpec(margin=0.05)


@pytest.mark.parametrize(
    ("case", "n", "prevalence", "cox_snell", "expected"),
    [
        # Riley et al. 2019, Chagas disease: 24 parameters, "an EPP of at least 4.8"; the three figures are pmsampsize's.
        ("Chagas", 24, 0.174, 0.288, (623, 662, 221)),
        # pmsampsize's own tests (tests/testthat/test_bin.R), criteria 1 and 3, and 2 where the largest R2 is not rounded there.
        ("better", 24, 0.174, 0.55, (255, 532, 221)),
        ("more parameters", 36, 0.174, 0.288, (934, None, 221)),
        ("more common", 24, 0.25, 0.288, (623, None, 289)),
        # Riley et al. 2020 (BMJ): 30 parameters at R2 .05 need 5249 people.
        ("BMJ", 30, 0.05, 0.05, (5249, None, 73)),
    ],
)
def test_the_published_examples(case, n, prevalence, cox_snell, expected):
    found = needed(n, prevalence, cox_snell, PUBLISHED)
    by_criterion = (found.shrinkage, found.optimism, found.overall_risk)
    assert [one for one, want in zip(by_criterion, expected, strict=True) if want not in (None, one)] == [], (
        case
    )
    assert found.people == max(by_criterion)


def test_the_chagas_model_needs_4_8_outcomes_for_each_parameter():
    assert needed(24, 0.174, 0.288, PUBLISHED).outcomes_per_parameter == pytest.approx(4.8, abs=0.05)


@pytest.mark.parametrize(("n", "about"), [(60, 20_000), (120, 40_000)])
def test_at_two_percent_60_parameters_need_about_20_000_people_and_120_about_40_000(n, about):
    found = needed(n, 0.02, 0.15 * largest_cox_snell(0.02), SampleSizeSpec())
    assert found.people == pytest.approx(about, rel=0.01)
    assert found.people == found.shrinkage


def test_the_largest_r2_by_hand():
    assert largest_cox_snell(0.5) == pytest.approx(0.75)
    assert largest_cox_snell(0.05) == pytest.approx(0.33, abs=0.005)  # Riley 2020


def test_an_auroc_stands_for_the_r2_that_pmsampsize_works_out():
    assert cox_snell_of_auroc(0.78, 0.2) == pytest.approx(0.158, abs=0.002)


@pytest.mark.parametrize(("auroc", "prevalence"), [(0.7, 0.1), (0.85, 0.3), (0.65, 0.02)])
def test_an_auroc_stands_for_the_r2_of_a_logistic_model_of_drawn_scores(auroc, prevalence):
    from scipy.stats import norm
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(0)
    n = 1_000_000
    outcome = rng.random(n) < prevalence
    score = rng.normal(size=n) + outcome * np.sqrt(2) * norm.ppf(auroc)
    fitted = LogisticRegression(C=np.inf).fit(score[:, None], outcome)
    gained = log_loss(outcome, np.full(n, outcome.mean())) - log_loss(
        outcome, fitted.predict_proba(score[:, None])
    )
    assert cox_snell_of_auroc(auroc, prevalence) == pytest.approx(1 - np.exp(-2 * gained), rel=0.04)


@given(st.floats(0.52, 0.97), st.floats(0.005, 0.6))
def test_r2_and_auroc_are_each_others_inverse(auroc, prevalence):
    assert auroc_of_cox_snell(cox_snell_of_auroc(auroc, prevalence), prevalence) == pytest.approx(
        auroc, abs=1e-5
    )


@given(st.integers(1, 300), st.floats(0.005, 0.5), st.floats(0.03, 0.4))
def test_more_parameters_and_weaker_models_never_need_fewer_people(n, prevalence, share):
    spec, largest = SampleSizeSpec(), largest_cox_snell(prevalence)
    one = needed(n, prevalence, share * largest, spec)
    assert needed(n + 1, prevalence, share * largest, spec).people >= one.people
    assert needed(n, prevalence, 0.9 * share * largest, spec).people >= one.people
    assert one.outcomes == pytest.approx(one.people * prevalence, abs=1)


def info(name):
    return FeatureInfo(name, name, name, "EDU", "times", 1, "count", "365d", ())


def matrix(values):
    values = np.asarray(values, dtype=np.float32)
    return FeatureMatrix(values, tuple(info(f"x{j}") for j in range(values.shape[1])))


def labels(outcome, weight=None):
    n = len(outcome)
    return Labels(
        np.asarray(outcome, dtype=np.int8),
        np.zeros(n, dtype=np.int32),
        np.zeros(n, dtype=bool),
        np.ones(n) if weight is None else np.asarray(weight, dtype=float),
    )


def judged(n, *, columns=8, rate=0.1, families=("prior", "logistic", "ebm", "xgboost"), people=None, **spec):
    rng = np.random.default_rng(0)
    outcome = np.arange(n) % round(1 / rate) == 0
    person = np.arange(n) if people is None else np.arange(n) % people
    return sample_size(
        matrix(rng.poisson(3, size=(n, columns))),
        labels(outcome),
        person,
        models=ModelsSpec(families=families),
        spec=SampleSizeSpec(**spec),
    )


def verdicts(report):
    return {one.family: one.verdict for one in report.families}


def test_parameters_by_family_by_hand():
    yes_no, gaps, constant, many = [0, 1, 0, 1, 0], [1, np.nan, 2, 1, 1], [7] * 5, [1, 2, 3, 4, 5]
    features = matrix(np.column_stack([yes_no, gaps, constant, many]))
    models = ModelsSpec.model_validate({"logistic": {"max_parameters": 4}, "ebm": {"max_bins": 3}})
    assert parameters(features, np.ones(5, dtype=bool), models) == {
        "count": (1, 1),
        "prior": (1, 1),
        "logistic": (3, 3),  # four, the intercept among them
        "ebm": (
            3,
            1 + 2 + 0 + 3,
        ),  # levels less one; the last is cut into 3 bins, and one for missing is allowed for
        "xgboost": (3, None),
    }
    assert parameters(features, np.arange(5) < 2, models)["ebm"] == (3, 3)


def test_a_small_study_is_told_a_large_one_is_enough_and_between_the_formula_does_not_tell():
    assert verdicts(judged(1200)) == {
        "prior": "enough",
        "logistic": "too_small",
        "ebm": "too_small",
        "xgboost": "too_small",
    }
    assert judged(1200).verdict == "too_small"
    assert verdicts(judged(20_000)) == {
        "prior": "enough",
        "logistic": "enough",
        "ebm": "enough",
        "xgboost": "open",
    }
    assert judged(20_000).verdict == "open"
    assert verdicts(judged(5000))["ebm"] == "open"
    assert judged(20_000, families=("logistic",)).verdict == "enough"


def test_people_are_counted_and_not_rows():
    many_rows = judged(20_000, people=1200)
    assert many_rows.supply.rows == 20_000
    assert many_rows.supply.people == many_rows.supply.effective_people == 1200
    assert many_rows.verdict == "too_small"


def test_unequal_weights_cost_people_by_kish():
    n = 1000
    weight = np.where(np.arange(n) < 500, 1.0, 3.0)
    weight[-100:] = 0
    outcome = np.arange(n) % 4 == 0
    found = sample_size(
        matrix(np.arange(n)[:, None] % 3),
        labels(outcome, weight),
        np.arange(n),
        models=ModelsSpec(families=("logistic",)),
        spec=SampleSizeSpec(),
    ).supply
    assert found.rows == found.people == 900
    assert found.effective_people == int((500 + 3 * 400) ** 2 / (500 + 9 * 400))
    assert found.prevalence == pytest.approx((weight @ outcome) / weight.sum())
    assert found.people_with_outcome == 225


def test_a_stated_auroc_stands_instead_of_15_percent():
    default, stated = judged(5000), judged(5000, auroc=0.65)
    assert default.nagelkerke == pytest.approx(0.15)
    assert stated.auroc == 0.65
    assert stated.nagelkerke < default.nagelkerke
    assert stated.families[1].at_least.people > default.families[1].at_least.people
    back = judged(5000, auroc=default.auroc)
    assert back.cox_snell == pytest.approx(default.cox_snell, rel=1e-4)


def test_a_warning_names_the_families_and_strict_refuses_in_one_sentence():
    report = judged(1203)
    (warning,) = report.warnings
    assert warning.code == "sample_size"
    assert "'logistic', 'ebm', 'xgboost'" in warning.words
    assert "'prior'" not in warning.words
    assert "about 1,205 people" in warning.words
    with pytest.raises(
        DataError, match=r"sample size: expected at least .* people to learn from, which 'logistic'"
    ):
        report.require_enough()
    enough = judged(20_000)
    enough.require_enough()
    assert enough.warnings == ()


@pytest.mark.parametrize("value", [0, 1])
def test_an_outcome_that_nobody_or_everybody_has_is_bad_data(value):
    with pytest.raises(DataError, match="the same outcome in all 5 rows"):
        sample_size(
            matrix(np.arange(5)[:, None]),
            labels([value] * 5),
            np.arange(5),
            models=ModelsSpec(families=("logistic",)),
            spec=SampleSizeSpec(),
        )


def test_the_file_follows_its_schema():
    text = resources.files("riskmodel").joinpath("publish/schemas/sample_size.schema.json").read_text()
    Draft202012Validator(json.loads(text)).validate(json.loads(json.dumps(judged(3000).to_json())))


def test_numbers_needed_are_rounded_up_to_two_digits():
    assert [rounded_up(n) for n in (7, 99, 101, 9226, 19_918)] == ["7", "99", "110", "9,300", "20,000"]


def test_the_margin_is_a_fifth_of_the_rarer_side_unless_stated():
    assert SampleSizeSpec().margin_for(0.02) == pytest.approx(0.004)
    assert SampleSizeSpec().margin_for(0.98) == pytest.approx(0.004)
    assert SampleSizeSpec().margin_for(0.4) == 0.05
    assert SampleSizeSpec(margin=0.01).margin_for(0.4) == 0.01
