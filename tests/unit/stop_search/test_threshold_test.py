from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from stops_kit import many, write

from riskmodel.stop_search import read_searches, threshold_model
from riskmodel.stop_search.benchmarks import Benchmark
from riskmodel.stop_search.question import Question
from riskmodel.stop_search.threshold_model import Cells, Sampling
from riskmodel.stop_search.threshold_test import cell_table, group_thresholds, lower_than, threshold_test

RESIDENTS = Benchmark(
    "residents", "residents", pd.DataFrame({"ethnicity": ["White", "Black"], "count": [10_000.0, 2_000.0]})
)
needs_bayes = pytest.mark.skipif(not threshold_model.is_installed(), reason="needs the extra bayes")


def two_months(folder):
    rows = many([(60, 20, {}), (40, 10, {"who": "Black"}), (9, 3, {"who": "Asian"})])
    rows += [{**row, "Date": row["Date"].replace("2024-03", "2024-05")} for row in rows]
    return read_searches([write(folder, rows)]).searches


def test_without_its_library_the_test_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("riskmodel.stop_search.threshold_test.is_installed", lambda: False)
    assert threshold_test(two_months(tmp_path), [RESIDENTS], Question(), Sampling()) == {
        "status": "not_installed"
    }


def test_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setattr("riskmodel.stop_search.threshold_test.is_installed", lambda: True)
    searches = two_months(tmp_path)
    young = Benchmark("young", "young", RESIDENTS.counts.assign(age="10-17"))
    assert threshold_test(searches, [young], Question(), Sampling()) == {"status": "no_benchmark"}
    one_month = searches[searches["month"] == "2024-03"]
    assert threshold_test(one_month, [RESIDENTS], Question(), Sampling()) == {"status": "too_few"}


def test_cells_by_month_and_by_area(tmp_path):
    searches = two_months(tmp_path)
    table = cell_table(searches, RESIDENTS, "month", Question())
    assert table[["group", "area", "searched", "found", "people"]].to_numpy().tolist() == [
        ["Black", "2024-03", 40, 10.0, 2000.0],
        ["Black", "2024-05", 40, 10.0, 2000.0],
        ["White", "2024-03", 60, 20.0, 10_000.0],
        ["White", "2024-05", 60, 20.0, 10_000.0],
    ]
    placed = searches.assign(area=np.where(np.arange(len(searches)) % 2, "A", "B"))
    counts = pd.DataFrame({"ethnicity": ["White"] * 2, "area": ["A", "B"], "count": [100.0, 40.0]})
    by_area = cell_table(placed, Benchmark("residents", "residents", counts), "area", Question())
    assert by_area[["group", "area", "people"]].to_numpy().tolist() == [
        ["White", "A", 200.0],
        ["White", "B", 80.0],
    ]


def test_group_thresholds_have_the_same_weights_for_every_group():
    cells = Cells(
        group=np.array([0, 1, 0, 1]), area=np.array([0, 0, 1, 1]), people=np.array([80, 20, 200, 100]),
        searched=np.full(4, 10), found=np.full(4, 5),
    )  # fmt: skip
    found = group_thresholds(cells, np.array([[0.1, 0.2, 0.5, 0.6]]))
    assert found == pytest.approx(np.array([[(0.1 + 3 * 0.5) / 4, (0.2 + 3 * 0.6) / 4]]))


def test_groups_are_compared_where_both_are_searched():
    """One threshold in each area; only the first group is in the third area, where it is high."""
    cells = Cells(
        group=np.array([0, 1, 1, 0, 0, 2]), area=np.array([0, 1, 0, 1, 2, 3]), people=np.full(6, 100),
        searched=np.full(6, 10), found=np.full(6, 5),
    )  # fmt: skip
    draws = np.array([[0.05, 0.10, 0.06, 0.10, 0.4, 0.1], [0.05, 0.12, 0.06, 0.10, 0.4, 0.1]])
    assert group_thresholds(cells, draws)[0, 0] > 1.5 * group_thresholds(cells, draws)[0, 1]
    assert lower_than(cells, draws, 0, 1) == 1.0
    assert lower_than(cells, draws, 1, 0) == 0.0
    assert lower_than(cells, draws, 2, 0) is None


@needs_bayes
def test_rates_of_the_signal_and_the_threshold_of_a_rate():
    import jax
    import numpyro
    from scipy.stats import norm

    numpyro.enable_x64()
    rng = np.random.default_rng(3)
    phi, delta = rng.uniform(0.01, 0.5, 50), rng.uniform(0.3, 3, 50)
    place = rng.uniform(-1, 4, 50)
    above, found = threshold_model.signal_rates(place, phi, delta)
    carry, other = phi * norm.sf(place - delta), (1 - phi) * norm.sf(place)
    assert np.asarray(above) == pytest.approx(carry + other)
    assert np.asarray(found) == pytest.approx(carry / (carry + other))
    chance = phi * norm.pdf(place - delta) / (phi * norm.pdf(place - delta) + (1 - phi) * norm.pdf(place))
    log_odds = np.asarray(threshold_model.chance_at(place, phi, delta))
    assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(chance)
    again = threshold_model.place_of(above, jax.numpy.asarray(phi), jax.numpy.asarray(delta))
    assert np.asarray(again) == pytest.approx(place, abs=1e-7)

    def total(phi):
        return threshold_model.place_of(above, phi, jax.numpy.asarray(delta)).sum()

    slope = np.asarray(jax.grad(total)(jax.numpy.asarray(phi)))
    step = 1e-5
    ends = [
        np.asarray(
            threshold_model.place_of(above, jax.numpy.asarray(phi + side * step), jax.numpy.asarray(delta))
        )
        for side in (-1, 1)
    ]
    assert slope == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-4)


def simulated(seed, thresholds, *, areas=8, searches=12_000):
    """Return counts from known thresholds, drawn from the model's own story with scipy."""
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    n_groups = len(thresholds)
    group, area = (one.ravel() for one in np.meshgrid(np.arange(n_groups), np.arange(areas)))
    bar = np.log(np.array(thresholds) / (1 - np.array(thresholds)))[group] + rng.normal(0, 0.1, len(group))
    phi = 1 / (1 + np.exp(3 - rng.normal(0, 0.3, areas)[area] - 0.2 * group))
    delta = np.exp(0.45 + rng.normal(0, 0.05, areas)[area])
    place = (bar - np.log(phi / (1 - phi)) + delta**2 / 2) / delta
    carry, other = phi * norm.sf(place - delta), (1 - phi) * norm.sf(place)
    people = np.round(searches / len(group) / (carry + other)).astype(int) + 1
    searched = rng.binomial(people, carry + other)
    cells = Cells(group, area, people, searched, rng.binomial(searched, carry / (carry + other)))
    return cells, group_thresholds(cells, (1 / (1 + np.exp(-bar)))[None])[0]


@needs_bayes
@pytest.mark.slow
def test_known_thresholds_are_found_again():
    inside = total = 0
    lower = []
    for seed in range(4):
        cells, truth = simulated(seed, [0.3, 0.2, 0.3])
        length = Sampling(warmup=600, draws=500, accept=0.99, seed=seed)
        draws = threshold_model.sample(cells, length)
        found = group_thresholds(cells, draws["threshold"].reshape(-1, len(cells.group)))
        low, high = np.quantile(found, [0.025, 0.975], axis=0)
        inside += int(((low <= truth) & (truth <= high)).sum())
        total += len(truth)
        lower.append((found[:, 1] < found[:, 0]).mean())
        rhat, _ = threshold_model.diagnose(draws["threshold_group"])
        assert rhat.max() < 1.1
    # Each of 12 intervals holds its truth 95 times of 100: fewer than 9 would happen by chance once in 4,000 times.
    assert total == 12
    assert inside >= 9
    assert min(lower) > 0.5
    assert np.mean(lower) > 0.9


@needs_bayes
@pytest.mark.slow
def test_the_same_seed_gives_the_same_test_and_the_record_is_whole(tmp_path):
    searches = two_months(tmp_path)
    short = Sampling(warmup=100, draws=100, chains=2)
    first = threshold_test(searches, [RESIDENTS], Question(), short)
    again = threshold_test(searches, [RESIDENTS], Question(), short, sensitivity=True)
    more = again.pop("sensitivity")
    assert first == again
    assert [(row["factor"], row["status"]) for row in more["rows"]] == [(k, "ok") for k in (0.5, 2.0, 10.0)]
    assert [one["group"] for one in more["conclusions"]] == ["Black"]
    # Each run is what the test itself says of so many people.
    twice = replace(RESIDENTS, counts=RESIDENTS.counts.assign(count=RESIDENTS.counts["count"] * 2))
    assert threshold_test(searches, [twice], Question(), short)["groups"] == more["rows"][1]["groups"]
    assert first["status"] == "ok"
    assert [row["group"] for row in first["groups"]] == ["White", "Black"]
    assert first["groups"][0]["probability_lower"] is None
    assert 0 <= first["groups"][1]["probability_lower"] <= 1
    assert first["checks"]["found_rate"]["cells"] == 4
    assert first["checks"]["search_rate"]["inside"] >= 3
