"""The experiment on a life without new support: its page follows from its results, and a quick version runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from experiments_kit import load_experiment
from scipy.stats import binomtest

HERE = Path(__file__).parents[2] / "experiments" / "no_support"
RESULTS = json.loads((HERE / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def experiment():
    return load_experiment("no_support", "made_up_lives", "lived_twice", "no_support")


def rows(name, metric="prevalence"):
    return [row for row in RESULTS["worlds"][name]["rows"] if row["metric"] == metric]


def test_the_page_follows_from_the_results(experiment):
    assert (HERE / "README.md").read_text(encoding="utf-8") == experiment.page(RESULTS)


def test_the_results_say_what_they_are_cited_for():
    assert RESULTS["times"] >= 100
    written = RESULTS["worlds"]["written"]
    for kind in ("rate", "change"):
        held = sum(row[kind]["held"] for row in written["rows"])
        given = sum(row[kind]["given"] for row in written["rows"])
        assert 0.93 <= held / given <= 0.97, (kind, held / given)
    for row in rows("written"):
        assert row["recorded"] < row["without"]["lower"]
        assert abs(row["without"]["mean"] - row["truth"]) < 0.15 * (row["truth"] - row["recorded"])
    assert (
        RESULTS["worlds"]["useless"]["effect"]["lower"] < 1 < RESULTS["worlds"]["useless"]["effect"]["upper"]
    )
    hidden = rows("hidden")
    assert all(row["without"]["upper"] < row["truth"] for row in hidden)  # too low where reasons are hidden


def test_half_of_the_error_goes_where_support_is_common_and_strong():
    """Not all: some support takes hold before its offer is recorded, and some reasons for it are on no record."""
    row = next(
        row
        for row in RESULTS["boroughs"]["much"]["rows"]
        if (row["group"], row["metric"]) == ("everyone", "prevalence")
    )
    assert row["recorded_error"]["upper"] < 0
    assert abs(row["without_error"]["mean"]) < 0.6 * abs(row["recorded_error"]["mean"])
    assert row["change"]["lower"] > 0


@pytest.mark.parametrize(("held", "given"), [(96, 100), (600, 600), (0, 40)])
def test_shares_have_the_interval_of_wilson(experiment, held, given):
    expected = binomtest(held, given).proportion_ci(method="wilson")
    found = experiment.coverage(held, given)
    assert (found["lower"], found["upper"]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_second_life_differs_only_by_support(experiment):
    """The same chances: up to the first offer both lives are one."""
    world = experiment.World()
    with_support, without = (experiment.live(world, 2000, seed=3, offers=offers) for offers in (True, False))
    before = with_support.harm <= with_support.offer
    assert np.array_equal(with_support.harm[before], without.harm[before])
    assert (without.harm[~before] <= with_support.harm[~before]).all()
    assert all(np.array_equal(a, b) for a, b in zip(with_support.trouble, without.trouble, strict=True))


@pytest.mark.slow
def test_a_quick_version_runs(experiment, tmp_path):
    options = {"times": 2, "people": 3000, "boroughs": 2, "size": 3000, "out": tmp_path}
    assert (
        experiment.main([text for name, value in options.items() for text in (f"--{name}", str(value))]) == 0
    )
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found["worlds"]) == set(RESULTS["worlds"])
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == experiment.page(found)
