"""Resamples of a survey: within strata, with the spread that theory gives."""

import numpy as np
import pytest

from riskmodel.errors import DataError
from riskmodel.validate import ranking, resample

UNIT = np.repeat(np.arange(12), 3)
STRATUM = np.repeat([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2], 3)


def test_without_strata_nothing_changes():
    plain = resample(UNIT, replicates=50, seed=4)
    same = resample(UNIT, replicates=50, seed=4, stratum=np.zeros(len(UNIT), dtype=np.int64))
    assert np.array_equal(plain.counts, same.counts)
    assert same.scale is None


def test_every_stratum_keeps_its_weight():
    draws = resample(UNIT, replicates=200, seed=4, stratum=STRATUM)
    of_unit = STRATUM[::3]
    weighted = draws.counts * draws.scale
    for one, units in ((0, 5), (1, 3), (2, 4)):
        assert draws.counts[:, of_unit == one].sum(axis=1).tolist() == [units - 1] * 200
        assert weighted[:, of_unit == one].sum(axis=1) == pytest.approx(np.full(200, units))


def test_the_spread_of_a_total_is_the_textbook_one():
    """Var of a stratified total = sum of n / (n - 1) x sum of squares about the stratum's mean (with replacement)."""
    rng = np.random.default_rng(1)
    totals = rng.normal(5, 3, 12)
    values = np.repeat(totals / 3, 3)[:, None]
    draws = resample(UNIT, replicates=20_000, seed=2, stratum=STRATUM)
    of_unit = STRATUM[::3]
    wanted = sum(
        n / (n - 1) * ((totals[of_unit == h] - totals[of_unit == h].mean()) ** 2).sum()
        for h, n in ((0, 5), (1, 3), (2, 4))
    )
    found = draws.sums(values)[:, 0]
    assert found.mean() == pytest.approx(totals.sum(), rel=0.01)
    assert found.var() == pytest.approx(wanted, rel=0.04)


def test_groups_and_orders_count_a_draw_as_often_as_sums_do():
    rng = np.random.default_rng(3)
    score, outcome = rng.normal(size=len(UNIT)), (rng.random(len(UNIT)) < 0.5).astype(np.int8)
    draws = resample(UNIT, replicates=20, seed=2, stratum=STRATUM)
    found = ranking(score, outcome, np.ones(len(UNIT)), draws)
    from sklearn.metrics import roc_auc_score

    for one in range(20):
        weight = draws.counts[one][UNIT] * draws.scale[UNIT]
        if 0 < (weight * outcome).sum() < weight.sum():
            assert found.auroc_draws[one] == pytest.approx(
                roc_auc_score(outcome, score, sample_weight=weight), abs=1e-12
            )
    group = (np.arange(len(UNIT)) % 2).astype(np.int64)
    columns = rng.normal(size=(len(UNIT), 2))
    by_group = draws.sums_by_group(columns, group, 2)
    weight = draws.counts[0][UNIT] * draws.scale[UNIT]
    assert by_group[0, 1] == pytest.approx((columns * weight[:, None])[group == 1].sum(axis=0))


def test_a_single_unit_joins_the_next_stratum():
    unit, stratum = np.arange(6), np.array([0, 1, 1, 2, 3, 3])
    draws = resample(unit, replicates=300, seed=5, stratum=stratum)
    assert (draws.counts[:, [0, 1, 2]].sum(axis=1) == 2).all()
    assert (draws.counts[:, [3, 4, 5]].sum(axis=1) == 2).all()
    last = resample(unit, replicates=300, seed=5, stratum=np.array([0, 0, 1, 1, 1, 2]))
    assert (last.counts[:, [2, 3, 4, 5]].sum(axis=1) == 3).all()


def test_two_single_units_become_one_stratum():
    draws = resample(np.arange(2), replicates=100, seed=5, stratum=np.array([0, 1]))
    assert set(draws.counts.sum(axis=1).tolist()) == {1}
    assert draws.scale.tolist() == [2.0, 2.0]


def test_a_unit_in_two_strata_is_told():
    with pytest.raises(DataError, match="1 of 4 rows in another stratum"):
        resample(np.array([0, 0, 1, 2]), replicates=10, seed=1, stratum=np.array([0, 1, 1, 1]))


@pytest.mark.slow
def test_intervals_of_a_clustered_survey_hold():
    """A mean over 6 strata of 8 drawn clusters, weights as drawn: 95% intervals hold about that often."""
    rng = np.random.default_rng(9)
    strata, clusters = 6, 400
    level = rng.normal(0, 1, strata)
    population = level[:, None] + rng.normal(0, 0.7, (strata, clusters))
    share = np.array([0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    truth = float(share @ population.mean(axis=1))
    hits = 0
    for trial in range(600):
        drawn = np.array([rng.choice(clusters, 8, replace=False) for _ in range(strata)])
        values = np.take_along_axis(population, drawn, axis=1).repeat(5) + rng.normal(0, 0.5, strata * 40)
        unit = np.arange(strata * 8).repeat(5)
        stratum = np.arange(strata).repeat(40)
        weight = share.repeat(40)
        draws = resample(unit, replicates=400, seed=trial, stratum=stratum)
        sums = draws.sums(np.column_stack([weight * values, weight]))
        low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
        hits += low <= truth <= high
    assert 0.92 <= hits / 600 <= 0.97
