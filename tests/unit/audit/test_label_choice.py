import numpy as np
import pytest

from riskmodel.audit import label_choice
from riskmodel.audit.spec import AuditSpec
from riskmodel.tables.cohort import Labels


def labels(outcome, weight):
    n = len(outcome)
    return Labels(outcome.astype(np.int8), np.zeros(n, dtype=np.int32), weight == 0, weight)


@pytest.fixture(scope="module")
def setting(borough):
    rows = borough.rows
    rng = np.random.default_rng(9)
    suspect = labels((rng.random(len(rows)) < 0.2), rows.weight)
    never = labels(np.zeros(len(rows)), rows.weight)
    offers = (rng.random(len(rows)) < rows.offered.mean()).astype(float)
    report = label_choice(
        rows.offered,
        {"harm": labels(rows.outcome, rows.weight), "suspect_violence": suspect, "never": never},
        {"suspect_violence": offers},
        borough.attributes,
        chosen="harm",
        subject_id=rows.subject_id,
        resamples=borough.resamples,
        spec=AuditSpec(attributes=("ethnicity",), intersections=()),
    )
    return report, suspect, offers


def cell(report, outcome, group, metric):
    (found,) = [r for r in report.rows if (r.outcome, r.group, r.metric) == (outcome, group, metric)]
    return found


def test_rates_by_hand(borough, setting):
    report, suspect, offers = setting
    rows = borough.rows
    inside = borough.attributes.columns["ethnicity"] == "Black"
    w = suspect.weight[inside]
    y, o, a = suspect.outcome[inside], rows.offered[inside], offers[inside]
    assert cell(report, "suspect_violence", "Black", "outcome_rate").estimate == pytest.approx(
        (w * y).sum() / w.sum()
    )
    assert cell(report, "suspect_violence", "Black", "recall").estimate == pytest.approx(
        (w * y * o).sum() / (w * y).sum()
    )
    assert cell(report, "suspect_violence", "Black", "selection_rate").estimate == pytest.approx(a.mean())
    assert cell(report, "suspect_violence", "Black", "added").estimate == pytest.approx(
        ((a == 1) & (o == 0)).mean()
    )
    assert cell(report, "suspect_violence", "Black", "lost").estimate == pytest.approx(
        ((a == 0) & (o == 1)).mean()
    )


def test_added_less_lost_is_the_change_of_the_selection_rate(borough, setting):
    report, _, _ = setting
    for group in ("White", "Black", "Asian"):
        inside = borough.attributes.columns["ethnicity"] == group
        rate, added, lost = (
            cell(report, "suspect_violence", group, m).estimate for m in ("selection_rate", "added", "lost")
        )
        assert added - lost == pytest.approx(rate - borough.rows.offered[inside].mean())


def test_an_interval_equals_a_loop(borough, setting):
    report, suspect, _ = setting
    inside = borough.attributes.columns["ethnicity"] == "Asian"
    draws = []
    for times in borough.resamples.counts[:, borough.resamples.cluster]:
        w = times * suspect.weight * inside
        draws.append((w * suspect.outcome).sum() / w.sum())
    found = cell(report, "suspect_violence", "Asian", "outcome_rate")
    assert (found.lower, found.upper) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))


def test_what_nobody_had_is_undefined_and_what_few_had_is_suppressed(setting):
    report, _, _ = setting
    assert cell(report, "never", "White", "recall").status == "undefined"
    assert cell(report, "never", "White", "outcome_rate").estimate == 0
    unknown = cell(report, "suspect_violence", "Unknown", "recall")
    assert unknown.n_outcomes < 10
    assert (unknown.status, unknown.estimate) == ("suppressed", None)


def test_the_summary_says_it_in_words(setting):
    report, _, _ = setting
    record = report.to_json()
    share = round(100 * cell(report, "suspect_violence", "everyone", "recall").estimate)
    assert (
        f"Of 100 young people with the outcome 'suspect_violence', the model's offers reach {share}."
        in record["summary"]
    )
    assert any("would go to other young people" in sentence for sentence in record["summary"])
    assert not any("'never'" in sentence for sentence in record["summary"])
    assert record["chosen"] == "harm"


def test_the_summary_uses_the_plain_words_of_an_outcome(borough):
    rows = borough.rows
    report = label_choice(
        rows.offered,
        {"harm": labels(rows.outcome, rows.weight)},
        {},
        borough.attributes,
        chosen="harm",
        subject_id=rows.subject_id,
        resamples=borough.resamples,
        spec=AuditSpec(attributes=(), intersections=()),
        words={"harm": "came to harm from violence"},
    )
    (sentence,) = report.to_json()["summary"]
    assert "came to harm from violence" in sentence
    assert "'harm'" not in sentence
