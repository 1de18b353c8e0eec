import numpy as np
import pytest

from riskmodel.errors import DataError
from riskmodel.files import to_json
from riskmodel.models import select


def draws(n_clusters, replicates=500, seed=0):
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=replicates).astype(np.uint8)


def choose(offered, outcome, *, weight=None, cluster=None, counts=None):
    n = len(outcome)
    return select(
        offered,
        np.asarray(outcome, dtype=np.int8),
        np.ones(n) if weight is None else weight,
        cluster=np.arange(n) if cluster is None else cluster,
        counts=draws(n) if counts is None else counts,
    )


def found(n, hits):
    """Offers to the first so many people."""
    return (np.arange(n) < hits).astype(float)


def test_the_simplest_within_one_standard_error_is_chosen():
    outcome = np.ones(100)
    # 60 against 58: the difference has a standard error of about sqrt(2)/100, so 58 is not good enough but 59 is.
    close = choose({"xgboost": found(100, 60), "logistic": found(100, 59), "count": found(100, 30)}, outcome)
    assert (close.best, close.selected) == ("xgboost", "logistic")
    assert "logistic' is simpler" in close.reason
    far = choose({"xgboost": found(100, 60), "logistic": found(100, 56), "count": found(100, 30)}, outcome)
    assert (far.best, far.selected) == ("xgboost", "xgboost")
    assert "no simpler family" in far.reason


def test_the_order_of_simplicity_does_not_depend_on_the_order_given():
    offered = {family: found(50, 20) for family in ("xgboost", "ebm", "logistic", "count", "prior")}
    equal = choose(offered, np.ones(50))
    assert (equal.best, equal.selected) == ("prior", "prior")
    assert [row.family for row in equal.families] == ["prior", "count", "logistic", "ebm", "xgboost"]


def test_utility_error_and_interval_equal_a_plain_loop():
    rng = np.random.default_rng(1)
    n, clusters = 300, 90
    cluster = rng.integers(0, clusters, n)
    outcome = rng.random(n) < 0.3
    weight = np.where(rng.random(n) < 0.1, 0.0, rng.uniform(0.5, 2, n))
    offered = {"prior": rng.random(n), "ebm": np.clip(rng.random(n) + 0.1, 0, 1)}
    counts = draws(clusters, 200)
    result = choose(offered, outcome, weight=weight, cluster=cluster, counts=counts)

    def recall(family, drawn):
        top = sum(
            drawn[c] * w * o
            for c, w, o, y in zip(cluster, weight, offered[family], outcome, strict=True)
            if y
        )
        return top / sum(drawn[c] * w for c, w, y in zip(cluster, weight, outcome, strict=True) if y)

    ones = np.ones(clusters)
    loops = {family: np.array([recall(family, row.astype(float)) for row in counts]) for family in offered}
    prior, ebm = result.families
    assert prior.utility == pytest.approx(recall("prior", ones), rel=1e-12)
    assert ebm.behind == 0.0
    assert prior.behind == pytest.approx(recall("ebm", ones) - recall("prior", ones), rel=1e-12)
    assert prior.standard_error == pytest.approx(np.std(loops["ebm"] - loops["prior"], ddof=1), rel=1e-9)
    assert (prior.lower, prior.upper) == pytest.approx(np.quantile(loops["prior"], [0.025, 0.975]), rel=1e-9)


def test_resamples_without_anybody_harmed_are_left_out():
    counts = np.array([[0, 2], [1, 1], [2, 0], [1, 1]], dtype=np.uint8)
    result = choose({"prior": np.array([1.0, 0.0])}, [1, 0], counts=counts)
    assert result.families[0].utility == 1.0
    assert np.isfinite(result.families[0].lower)


def test_a_selection_is_json():
    text = to_json(choose({"prior": found(50, 20), "ebm": found(50, 40)}, np.ones(50)).to_json())
    assert '"selected": "ebm"' in text


@pytest.mark.parametrize("weight", [None, np.zeros(20)])
def test_nobody_harmed_is_refused(weight):
    outcome = np.zeros(20) if weight is None else np.ones(20)
    with pytest.raises(DataError, match="rows with the outcome among the out-of-fold predictions"):
        choose({"prior": found(20, 4)}, outcome, weight=weight)
