"""Two models on the same rows, against plain refits on resampled people."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from riskmodel.audit.compare import EVERYONE, compare
from riskmodel.audit.spec import AuditSpec
from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.validate import METRICS, ScoredRows, resample
from riskmodel.validate.spec import ValidateSpec

N = 4000
RNG = np.random.default_rng(5)
SIGNAL = RNG.normal(size=N)
OUTCOME = (RNG.random(N) < 1 / (1 + np.exp(2 - SIGNAL))).astype(np.int8)
PEOPLE = np.arange(N) // 2
GROUP = np.where(RNG.random(N) < 0.3, "A", np.where(RNG.random(N) < 0.002, "few", "B"))
AUDIT = AuditSpec(attributes=("group",), intersections=())
DRAWS = resample(PEOPLE, replicates=300, seed=1)


def said(score, outcome=OUTCOME):
    offered = (score >= np.quantile(score, 0.9)).astype(np.float64)
    return ScoredRows(score, 1 / (1 + np.exp(2 - score)), outcome, np.ones(N), offered, PEOPLE)


GOOD, NOISY = said(SIGNAL), said(SIGNAL + RNG.normal(size=N))


def rows_of(first, second, **changed):
    common = {"audit": AUDIT, "validate": ValidateSpec(), "disclosure": Disclosure()}
    found = compare(first, second, AuditedAttributes({"group": GROUP}), DRAWS, **(common | changed))
    return {(row.attribute, row.group, row.metric): row for row in found.rows}


@pytest.fixture(scope="module")
def found():
    return rows_of(GOOD, NOISY)


def test_a_model_is_no_different_from_itself():
    rows = rows_of(GOOD, GOOD)
    ok = [row for row in rows.values() if row.status == "ok"]
    assert len(ok) >= 2 * len(METRICS)
    assert {(row.difference, row.lower, row.upper) for row in ok} == {(0.0, 0.0, 0.0)}


def test_noise_costs_what_a_plain_loop_says(found):
    row = found[EVERYONE, EVERYONE, "auroc"]
    assert row.difference == pytest.approx(
        roc_auc_score(OUTCOME, NOISY.raw) - roc_auc_score(OUTCOME, GOOD.raw), abs=1e-12
    )
    loop = []
    for counts in DRAWS.counts:
        weight = counts[PEOPLE].astype(float)
        loop.append(
            roc_auc_score(OUTCOME, NOISY.raw, sample_weight=weight)
            - roc_auc_score(OUTCOME, GOOD.raw, sample_weight=weight)
        )
    assert (row.lower, row.upper) == pytest.approx(tuple(np.quantile(loop, [0.025, 0.975])), abs=1e-9)
    assert row.upper < 0


def test_pairs_are_narrower_than_two_separate_intervals(found):
    row = found[EVERYONE, EVERYONE, "brier"]
    alone = [np.mean((s.risk - OUTCOME) ** 2) for s in (GOOD, NOISY)]
    assert row.difference == pytest.approx(alone[1] - alone[0], abs=1e-12)


def test_groups_are_compared_by_themselves(found):
    members = GROUP == "B"
    assert found["group", "B", "auroc"].difference == pytest.approx(
        roc_auc_score(OUTCOME[members], NOISY.raw[members])
        - roc_auc_score(OUTCOME[members], GOOD.raw[members]),
        abs=1e-12,
    )


def test_a_small_group_is_hidden_and_cannot_be_worked_out(found):
    statuses = {group: found["group", group, "auroc"].status for group in ("A", "B", "few")}
    assert statuses["few"] == "suppressed"
    assert "suppressed" in (statuses["A"], statuses["B"]), "the rest would follow from the whole"
    row = found["group", "few", "auroc"]
    assert (row.first, row.second, row.difference, row.n_subjects, row.n_outcomes) == (None,) * 5


def test_counts_are_rounded(found):
    row = found["group", "B", "auroc"]
    for count in (row.n_subjects, row.n_outcomes):
        assert count is None or count % 5 == 0


def test_offers_that_reach_few_are_not_compared():
    one = np.zeros(N)
    one[np.flatnonzero(OUTCOME)[:3]] = 1.0
    few = ScoredRows(SIGNAL, GOOD.risk, OUTCOME, np.ones(N), one, PEOPLE)
    rows = rows_of(few, GOOD)
    assert rows[EVERYONE, EVERYONE, "recall_at_capacity"].status == "suppressed"
    assert rows[EVERYONE, EVERYONE, "auroc"].status == "ok"


def test_models_of_other_rows_are_refused():
    other = said(SIGNAL, outcome=1 - OUTCOME)
    with pytest.raises(ValueError, match="the same rows"):
        rows_of(GOOD, other)
