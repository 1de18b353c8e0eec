"""How near the models come to the true hazard, on 200,000 young people in boroughs that no model has seen."""

import pytest
from experiments_kit import load_experiment


@pytest.fixture(scope="module")
def oracle():
    return load_experiment("oracle", "oracle")


def check(results, *, people, families):
    assert results["people"] >= people
    for name in families:
        one = results["models"][name]
        assert 0.70 < one["oracle_auroc"] < 0.80
        assert 0.55 < one["model_auroc"] < one["oracle_auroc"]
        assert one["status"] == "ok"
        assert one["lower"] < one["estimate"] < one["upper"] < 1
    assert len({one["oracle_auroc"] for one in results["models"].values()}) == 1


def test_a_small_comparison_runs_and_its_page_holds_its_numbers(oracle):
    results = oracle.compare(times=1, fresh=1, size=6_000, replicates=100)
    assert results["people"] > 3_000
    page = oracle.page(results)
    for one in results["models"].values():
        assert f"{one['model_auroc']:.3f}" in page


@pytest.mark.slow
def test_two_hundred_thousand_fresh_people(oracle):
    results = oracle.compare(times=10, fresh=8, size=45_000)
    families = [f"{family}/{data}" for family in oracle.FAMILIES for data in ("1_borough", "10_boroughs")]
    check(results, people=200_000, families=families)
    for family in oracle.FAMILIES:
        once, ten = (results["models"][f"{family}/{data}"] for data in ("1_borough", "10_boroughs"))
        assert ten["estimate"] > once["estimate"] - 0.02
