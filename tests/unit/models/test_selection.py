import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from riskmodel.errors import DataError
from riskmodel.files import to_json
from riskmodel.models import SIMPLEST_FIRST, Resampled, select
from riskmodel.models.selection import NEGLIGIBLE

SCHEMA = json.loads(
    files("riskmodel.publish").joinpath("schemas/selection.schema.json").read_text(encoding="utf-8")
)


def around(value, error, *, seed):
    """A number whose resamples have exactly the standard error that is wanted, independent of others' but for chance."""
    noise = np.random.default_rng(seed).normal(size=4000)
    return Resampled(value, value + error * (noise - noise.mean()) / noise.std(ddof=1))


def choose(auroc, recall, *, auroc_error=0.01, recall_error=0.01):
    """Select among families given their values; all have the same standard error."""
    ordering = {f: around(v, auroc_error, seed=i) for i, (f, v) in enumerate(auroc.items())}
    utility = {f: around(v, recall_error, seed=100 + i) for i, (f, v) in enumerate(recall.items())}
    return select(ordering, utility)


def test_the_simplest_within_one_standard_error_in_both_is_chosen():
    # Differences of two independent numbers have a standard error of about .014.
    near = choose(
        {"prior": 0.70, "logistic": 0.79, "ebm": 0.80}, {"prior": 0.30, "logistic": 0.29, "ebm": 0.30}
    )
    assert (near.selected, near.best, near.best_ordering) == ("logistic", "ebm", "ebm")
    assert "'ebm' would find a little more at capacity" in near.reason
    assert "Left out for ordering people clearly less well, though about as useful: 'prior'." in near.reason
    far = choose(
        {"prior": 0.70, "logistic": 0.79, "ebm": 0.80}, {"prior": 0.30, "logistic": 0.27, "ebm": 0.30}
    )
    assert far.selected == "ebm"
    assert "None of those that order people well enough would find more" in far.reason


def test_a_baseline_as_good_in_both_is_chosen():
    found = choose(
        {"prior": 0.795, "count": 0.6, "xgboost": 0.80}, {"prior": 0.3, "count": 0.3, "xgboost": 0.3}
    )
    assert (found.selected, found.best) == ("prior", "prior")
    assert "Left out" not in found.reason


def test_two_that_are_left_out_are_named_together():
    found = choose({"prior": 0.6, "count": 0.6, "ebm": 0.80}, {"prior": 0.3, "count": 0.3, "ebm": 0.3})
    assert "though about as useful: 'prior', 'count'." in found.reason


def test_usefulness_is_compared_with_the_best_that_passes_the_screen():
    """A family that finds most but orders people clearly worse neither wins nor sets the mark."""
    found = choose({"prior": 0.6, "logistic": 0.8}, {"prior": 0.5, "logistic": 0.3})
    assert (found.selected, found.best) == ("logistic", "logistic")
    prior, logistic = found.families
    assert prior.utility.behind == pytest.approx(-0.2)
    assert prior.utility.close
    assert not prior.good_enough
    assert logistic.good_enough


def test_a_negligible_difference_is_forgiven_however_sure():
    sure = {"auroc_error": 1e-5, "recall_error": 0.01}
    same = {"logistic": 0.3, "ebm": 0.3}
    assert choose({"logistic": 0.8 - 0.9 * NEGLIGIBLE, "ebm": 0.8}, same, **sure).selected == "logistic"
    assert choose({"logistic": 0.8 - 1.1 * NEGLIGIBLE, "ebm": 0.8}, same, **sure).selected == "ebm"


def test_the_order_of_simplicity_does_not_depend_on_the_order_given():
    equal = dict.fromkeys(("xgboost", "ebm", "logistic", "count", "prior"), 0.5)
    found = choose(equal, equal)
    assert (found.best, found.best_ordering, found.selected) == ("prior", "prior", "prior")
    assert [row.family for row in found.families] == list(SIMPLEST_FIRST)


def test_standings_are_of_the_paired_difference():
    common = np.random.default_rng(0).normal(size=2000)
    shift = np.random.default_rng(1).normal(size=2000)
    a, b = Resampled(0.3, 0.3 + common), Resampled(0.4, 0.4 + common + 0.01 * shift)
    prior, ebm = select({"prior": a, "ebm": b}, {"prior": a, "ebm": b}).families
    # Both jump about by 1, together: the difference has a standard error of about .01.
    assert prior.utility.standard_error == pytest.approx(0.01 * shift.std(ddof=1))
    assert prior.utility.behind == pytest.approx(0.1)
    assert (prior.utility.lower, prior.utility.upper) == pytest.approx(np.quantile(a.draws, [0.025, 0.975]))
    assert (ebm.utility.behind, ebm.utility.standard_error) == (0.0, 0.0)


def test_resamples_without_anybody_harmed_are_left_out():
    draws = np.array([0.5, np.nan, 0.7, 0.6])
    row = select({"prior": Resampled(0.6, draws)}, {"prior": Resampled(0.6, draws)}).families[0]
    assert (row.utility.lower, row.utility.upper) == pytest.approx(
        np.quantile([0.5, 0.6, 0.7], [0.025, 0.975])
    )
    assert row.utility.standard_error == 0.0


values = st.fixed_dictionaries(dict.fromkeys(SIMPLEST_FIRST, st.floats(0.4, 0.6)))


@given(auroc=values, recall=values)
def test_somebody_is_always_chosen_and_nobody_simpler_would_do(auroc, recall):
    found = choose(auroc, recall)
    chosen = next(row for row in found.families if row.family == found.selected)
    assert chosen.good_enough
    assert not any(row.good_enough for row in found.families[: found.families.index(chosen)])
    assert max(auroc.values()) - auroc[found.selected] <= max(NEGLIGIBLE, chosen.ordering.standard_error)


def test_a_selection_follows_its_schema():
    record = json.loads(to_json(choose({"prior": 0.5, "ebm": 0.8}, {"prior": 0.2, "ebm": 0.4}).to_json()))
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(record)
    assert record["selected"] == "ebm"
    assert [row["good_enough"] for row in record["families"]] == [False, True]


@pytest.mark.parametrize("broken", ["ordering", "utility"])
def test_rows_of_one_kind_are_refused(broken):
    fine = {"prior": around(0.5, 0.01, seed=0)}
    undefined = {"prior": replace(fine["prior"], value=float("nan"))}
    with pytest.raises(DataError, match="rows with the outcome and rows without it"):
        select(**{"ordering": fine, "utility": fine, broken: undefined})
