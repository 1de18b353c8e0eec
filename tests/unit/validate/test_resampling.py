import numpy as np
import pytest

from riskmodel.errors import DataError
from riskmodel.validate import kernels
from riskmodel.validate.resample import Resamples, _ties, ranking, resample


def test_every_resample_draws_as_many_people_as_there_are():
    drawn = resample(np.array([7, 7, 3, 9]), replicates=50, seed=1)
    assert drawn.counts.shape == (50, 3)
    assert (drawn.counts.sum(axis=1) == 3).all()
    assert drawn.cluster.tolist() == [1, 1, 0, 2]


def test_same_seed_same_draws_and_another_seed_others():
    ids = np.arange(40)
    first, again, other = (resample(ids, replicates=100, seed=s).counts for s in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_people_are_drawn_once_on_average():
    counts = resample(np.arange(200), replicates=400, seed=0).counts
    assert counts.mean() == 1
    # Binomial(200, 1/200): variance 0.995.
    assert counts.var() == pytest.approx(0.995, abs=0.02)


def test_no_rows_is_an_error_that_says_where_to_look():
    with pytest.raises(DataError, match="attrition"):
        resample(np.array([], dtype=np.int64), replicates=10, seed=0)


@pytest.mark.parametrize("threads", [1, 2])
def test_sums_equal_a_loop_over_drawn_rows(threads):
    rng = np.random.default_rng(2)
    cluster_id = rng.integers(0, 30, size=80)
    drawn = resample(cluster_id, replicates=70, seed=1)
    columns = rng.normal(size=(80, 3))
    columns[:, 1] = 0
    columns[4, 1] = 2.5  # a column in which hardly anybody adds anything
    group = rng.integers(0, 4, size=80)
    by_group = drawn.sums_by_group(columns, group, 5, threads=threads)
    for r in range(70):
        times = drawn.counts[r, drawn.cluster].astype(float)
        for g in range(5):
            expected = (times[:, None] * columns)[group == g].sum(axis=0)
            assert by_group[r, g] == pytest.approx(expected, abs=1e-12)
    assert drawn.sums(columns, threads=threads) == pytest.approx(by_group.sum(axis=1), abs=1e-11)
    assert (by_group[:, 4] == 0).all()


def plain_auroc(score, outcome, times):
    top = bottom = 0.0
    for i in np.flatnonzero(outcome == 1):
        for j in np.flatnonzero(outcome == 0):
            pair = times[i] * times[j]
            bottom += pair
            top += pair * (1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0)
    return top / bottom if bottom else np.nan


def test_ranking_draws_equal_a_loop_over_pairs(rows, resamples):
    found = ranking(rows.raw, rows.outcome, rows.weight, resamples)
    for r in range(0, 150, 10):
        times = rows.weight * resamples.counts[r, resamples.cluster]
        assert found.auroc_draws[r] == pytest.approx(plain_auroc(rows.raw, rows.outcome, times), abs=1e-12)


def test_average_precision_draws_equal_scikit_learn(rows, resamples):
    from sklearn.metrics import average_precision_score

    found = ranking(rows.raw, rows.outcome, rows.weight, resamples)
    for r in range(0, 150, 10):
        times = rows.weight * resamples.counts[r, resamples.cluster]
        oracle = average_precision_score(rows.outcome, rows.raw, sample_weight=times)
        assert found.average_precision_draws[r] == pytest.approx(oracle, abs=1e-12)


def test_threads_do_not_change_a_bit(rows, resamples):
    one, two = (ranking(rows.raw, rows.outcome, rows.weight, resamples, threads=t) for t in (1, 2))
    assert np.array_equal(one.auroc_draws, two.auroc_draws)
    assert np.array_equal(one.average_precision_draws, two.average_precision_draws)


def test_the_compiled_walk_equals_the_plain_one():
    rng = np.random.default_rng(4)
    times = rng.poisson(1, size=(15, 20)).astype(np.uint8)
    times[:, 3] = 0
    cluster = rng.integers(0, 15, size=40).astype(np.int32)
    happened = rng.random(40) < 0.3
    positive, negative = happened * rng.random(40), ~happened * rng.random(40)
    tie = marks(np.sort(rng.integers(0, 12, size=40))[::-1], happened)
    compiled, plain = np.zeros((2, 20)), np.zeros((2, 20))
    kernels.rank_walk(times, cluster, positive, negative, tie, compiled)
    kernels.rank_walk_reference(times, cluster, positive, negative, tie, plain)
    assert compiled == pytest.approx(plain, abs=1e-12, nan_ok=True)
    assert np.isnan(plain).any(axis=0).tolist() == [r == 3 for r in range(20)]


def marks(score, happened):
    """First and last row of each tie with an outcome, one tie after another."""
    tie = np.zeros(len(score), dtype=np.int8)
    for level in np.unique(score[happened]):
        first, last = np.flatnonzero(score == level)[[0, -1]]
        tie[first] |= 1
        tie[last] |= 2
    return tie


def test_ties_are_marked_where_somebody_had_the_outcome():
    score = np.array([5.0, 4.0, 4.0, 4.0, 3.0, 2.0, 2.0, 1.0])
    happened = np.array([True, False, True, False, False, False, True, True])
    assert _ties(score, happened).tolist() == [3, 1, 0, 2, 0, 1, 2, 3]
    assert _ties(score, happened).tolist() == marks(score, happened).tolist()
    assert len(_ties(score[:0], happened[:0])) == 0


def test_an_empty_side_is_undefined():
    drawn = Resamples(np.array([0, 1]), np.array([[2, 0], [1, 1]], dtype=np.uint8))
    found = ranking(np.array([0.2, 0.8]), np.array([0, 1], dtype=np.int8), np.ones(2), drawn)
    assert np.isnan(found.auroc_draws[0])
    assert np.isnan(found.average_precision_draws[0])
    assert found.auroc_draws[1] == 1
    nobody = ranking(np.array([0.2, 0.8]), np.array([0, 1], dtype=np.int8), np.zeros(2), drawn)
    assert np.isnan([nobody.auroc, nobody.average_precision]).all()


def test_the_same_resamples_for_some_rows(rows, resamples):
    some = rows.raw > 0.5
    chosen = resamples.take(some)
    assert np.array_equal(chosen.cluster, resamples.cluster[some])
    assert chosen.by_person is resamples.by_person
    assert np.array_equal(chosen.by_person, chosen.counts.T)
