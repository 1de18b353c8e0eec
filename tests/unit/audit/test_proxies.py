import numpy as np
import pytest

from riskmodel.audit import proxies
from riskmodel.audit.spec import AuditSpec
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.tables.features import FeatureInfo, FeatureMatrix

SPEC = AuditSpec(attributes=("sex", "care"), intersections=())


@pytest.fixture(scope="module")
def setting():
    rng = np.random.default_rng(0)
    n = 3000
    sex = np.where(rng.random(n) < 0.5, "M", "F")
    care = np.full(n, "no", dtype="<U5")
    care[:30] = "yes"
    values = rng.normal(size=(n, 7)).astype(np.float32)
    values[:, 2] += 2 * (sex == "M")  # a proxy
    values[:, 5] += 0.7 * (sex == "M")
    values[rng.random(n) < 0.1, 2] = np.nan
    infos = tuple(FeatureInfo(f"f{j}", "d", "c", "EDU", "times", 0, "count", "365d", ()) for j in range(7))
    score = rng.normal(size=n) + 0.2 * (sex == "M")
    household = np.arange(n) // 2
    return (
        FeatureMatrix(values, infos),
        score,
        AuditedAttributes({"sex": sex, "care": care}),
        household,
        np.arange(n),
    )


@pytest.fixture(scope="module")
def report(setting):
    features, score, attributes, household, subject = setting
    return proxies(features, score, attributes, household_id=household, subject_id=subject, spec=SPEC)


def cell(report, group, source):
    (found,) = [r for r in report.rows if (r.attribute, r.group, r.source) == ("sex", group, source)]
    return found


def test_a_planted_proxy_gives_the_group_away_and_is_named_first(report):
    found = cell(report, "M", "features")
    # The best possible of two shifts of 2 and .7: Phi(sqrt(4.49 / 2)) = .933; a tenth of the first are missing.
    assert 0.88 < found.estimate < 0.94
    assert found.lower < found.estimate < found.upper
    assert [carrier.feature for carrier in found.carriers[:2]] == ["f2", "f5"]
    assert sum(carrier.share for carrier in found.carriers) == pytest.approx(1, abs=0.02)
    assert len(found.carriers) <= 5


def test_the_score_alone_is_measured_as_it_is(setting, report):
    from sklearn.metrics import roc_auc_score

    _, score, attributes, _, _ = setting
    found = cell(report, "M", "score")
    assert found.estimate == pytest.approx(roc_auc_score(attributes.columns["sex"] == "M", score))
    assert found.carriers == ()
    assert cell(report, "F", "score").estimate == pytest.approx(1 - found.estimate)


def test_features_without_information_guess(setting):
    features, score, attributes, household, subject = setting
    noise = FeatureMatrix(
        np.random.default_rng(1).normal(size=features.values.shape).astype(np.float32), features.infos
    )
    report = proxies(noise, score, attributes, household_id=household, subject_id=subject, spec=SPEC)
    found = cell(report, "M", "features")
    assert found.lower - 0.02 < 0.5 < found.upper + 0.02


def test_constant_features_carry_nothing(setting):
    features, score, attributes, household, subject = setting
    constant = FeatureMatrix(np.ones_like(features.values), features.infos)
    report = proxies(constant, score, attributes, household_id=household, subject_id=subject, spec=SPEC)
    found = cell(report, "M", "features")
    assert (found.estimate, found.carriers) == (0.5, ())


def test_small_and_single_groups_have_no_number(setting, report):
    features, score, attributes, household, subject = setting
    small = [row for row in report.rows if row.attribute == "care"]
    assert {row.status for row in small} == {"suppressed"}
    assert {row.estimate for row in small} == {None}
    same = AuditedAttributes({"sex": np.full(len(score), "M"), "care": attributes.columns["care"]})
    single = proxies(features, score, same, household_id=household, subject_id=subject, spec=SPEC)
    assert {row.status for row in single.rows if row.attribute == "sex"} == {"undefined"}


def test_the_summary_names_the_groups_that_can_be_guessed(report):
    records, score = report.to_json()["summary"]
    assert records.endswith(
        "at least three times in four (a guess: two in four), for these groups. By sex: F, M."
    )
    assert "the estimate alone would not show which is which three times in four" in score
