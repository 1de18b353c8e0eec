"""What the rates would be without new support: against plain sums, in a small world whose truth is known, and when nothing is said."""

import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from experiments_kit import load_experiment
from jsonschema import Draft202012Validator

from riskmodel.audit.no_support import NoSupportReport, NoSupportRow, _row
from riskmodel.audit.offer_hazard import OfferHazard
from riskmodel.audit.recording import TRUE_METRICS
from riskmodel.audit.spec import AuditSpec, NoSupportSpec
from riskmodel.audit.without_offers import Weighted, e_value, everyone, overlaps
from riskmodel.disclosure import Disclosure
from riskmodel.files import to_json
from riskmodel.validate import ScoredRows, resample


@pytest.fixture(scope="module")
def lives():
    return load_experiment("no_support", "made_up_lives")


@pytest.fixture(scope="module")
def people(lives):
    return lives.live(lives.World(), 20_000, seed=6)


@pytest.fixture(scope="module")
def report(lives, people):
    return lives.audited(people, replicates=300)


@pytest.fixture(scope="module")
def truth(lives):
    """The same people in a life without support: the draws are the same, so only what support changed differs."""
    same = lives.live(lives.World(), 20_000, seed=6, offers=False)
    return lives.metrics_by_group(lives.scored(same), same.group)


def by_place(report):
    return {(row.group, row.metric): row for row in report.rows}


@pytest.mark.parametrize("metric", ["prevalence", "ppv", "observed_to_expected"])
def test_plain_rates_are_far_off_and_weighted_ones_are_not(report, truth, metric):
    """What leads to offers and to harm arrives after the index date here."""
    found = by_place(report)
    for group in ("everyone", "more offers", "fewer offers"):
        row, true = found[group, metric], truth[group][metric]
        error = (row.change_upper - row.change_lower) / 3.92
        assert abs(row.without - true) < 3 * error, group
        assert row.lower < row.without < row.upper
        assert row.change == pytest.approx(row.without - row.recorded, abs=1e-12)
        assert row.change_lower < row.change < row.change_upper
        assert true - row.recorded > 3 * error, group
        assert row.change_lower > 0, group


def test_a_group_with_more_support_looks_less_in_need_until_it_is_weighed(report, truth):
    found = by_place(report)
    more, fewer = (found[group, "prevalence"] for group in ("more offers", "fewer offers"))
    true = {group: truth[group]["prevalence"] for group in ("more offers", "fewer offers")}
    gap = true["fewer offers"] - true["more offers"]
    recorded, without = fewer.recorded - more.recorded, fewer.without - more.without
    assert recorded - gap > 0.004
    assert abs(without - gap) < 0.7 * (recorded - gap)


def test_support_is_found_to_help(report, lives):
    """It lowers harm by seven tenths from the day after the offer."""
    effect = report.effect
    assert effect.lower < 1 - lives.World().effect < effect.upper
    assert effect.upper < 1
    assert effect.ratio == pytest.approx(effect.observed / effect.expected)
    assert effect.e_value == pytest.approx(e_value(effect.ratio))
    assert effect.e_value_limit == pytest.approx(e_value(effect.upper))


def test_others_stand_for_those_offered_support(report):
    for one in report.overlap:
        assert one.stood_for == pytest.approx(1, abs=0.12)
        assert 0 < one.effective_outcomes < one.n_outcomes
        assert one.n_offered > 1000
        assert one.reason is None
    for one in report.balance:
        assert abs(one.after) < 0.03
    score = next(one for one in report.balance if one.fact == "score")
    assert abs(score.after) < abs(score.before) / 3


def test_every_statement_of_the_audit_is_there(report):
    assert {one.metric for one in report.verdicts} == {
        "tpr",
        "fnr",
        "fpr",
        "ppv",
        "calibration_intercept",
        "calibration_slope",
    }
    assert len(report.verdicts) == 12


def schema():
    text = (
        resources.files("riskmodel")
        .joinpath("publish/schemas/no_support.schema.json")
        .read_text(encoding="utf-8")
    )
    Draft202012Validator.check_schema(json.loads(text))
    return Draft202012Validator(json.loads(text))


def test_the_record_follows_its_schema(report):
    record = json.loads(to_json(report.to_json()))
    schema().validate(record)
    for status in ("off", "no_dates", "no_offers"):
        schema().validate(json.loads(to_json(NoSupportReport(status, "m").to_json())))
    record["rows"][0]["without"] = None
    assert not schema().is_valid(record)


def test_the_same_people_give_the_same_numbers(lives):
    some = lives.live(lives.World(), 3000, seed=4)
    assert lives.audited(some, replicates=50).to_json() == lives.audited(some, replicates=50).to_json()


# ---- when nothing is said


def refused(lives, n=3000, spec=None, world=None, seed=4):
    people = lives.live(world or lives.World(), n, seed=seed)
    return lives.audited(people, replicates=50, spec=spec or lives.SPEC)


def test_no_offer_in_the_data(lives):
    found = refused(
        lives,
        spec=AuditSpec(
            attributes=("group",), intersections=(), no_support=NoSupportSpec(offers=("HELP//*",))
        ),
    )
    assert (found.status, found.reason, found.rows) == ("no_offers", None, ())


def test_too_few_offered(lives):
    spec = AuditSpec(attributes=("group",), intersections=(), no_support=NoSupportSpec(minimum_offered=2900))
    found = refused(lives, spec=spec)
    assert (found.status, found.reason, found.rows) == ("insufficient", "few_offered", ())
    schema().validate(json.loads(to_json(found.to_json())))


def test_too_few_outcomes(lives):
    found = refused(lives, n=500)
    assert (found.status, found.reason) == ("insufficient", "few_outcomes")
    assert found.overlap[0].effective_outcomes < 50
    schema().validate(json.loads(to_json(found.to_json())))


def test_too_little_overlap(lives):
    """Everybody in trouble is offered support within days: nobody can stand for them."""
    found = refused(lives, n=15_000, world=lives.World(offers=0.12))
    assert found.status == "insufficient"
    assert found.reason == "little_overlap"
    assert found.overlap[0].heavy > 0.05 or found.overlap[0].stood_for < 0.5


def test_a_small_group_gets_no_number(lives):
    people = lives.live(lives.World(), 8000, seed=4)
    few = np.where(np.arange(8000) < 300, people.group, 1 - (np.arange(8000) % 50 == 0))
    found = lives.audited(replace(people, group=few), replicates=50)
    small = [row for row in found.rows if row.group == "more offers"]
    assert found.status == "ok"
    assert {(row.status, row.reason) for row in small} == {("insufficient", "few_outcomes")}
    assert {getattr(row, name) for row in small for name in ("recorded", "without", "change", "lower")} == {
        None
    }
    said = [one for one in found.verdicts if one.group == "more offers"]
    assert {one.without for one in said} == {"insufficient"}


# ---- small sums by hand


def small(outcome=(1, 0, 1, 0, 1, 0)):
    """Six rows of six people; the third was offered support, the fourth could not be followed."""
    rows = ScoredRows(
        raw=np.array([3.0, 2, 1, 0, -1, -2]),
        risk=np.array([0.5, 0.4, 0.3, 0.2, 0.1, 0.1]),
        outcome=np.array(outcome, dtype=np.int8),
        weight=np.array([1.0, 2, 1, 0, 1, 1]),
        offered=np.array([1.0, 1, 1, 0, 0, 0]),
        subject_id=np.arange(6),
    )
    slopes = np.array([[0.3], [0.1], [0.5], [0.2], [0.4], [0.0]])
    hazard = OfferHazard(
        ("constant",), np.ones(1), np.zeros(1), np.log([2.0, 1, 4, 1, 3, 1]), _sparse(slopes), _sparse(slopes - 0.25), np.array([[0.5]])
    )  # fmt: skip
    offered = np.array([False, False, True, False, False, False])
    return Weighted(
        rows, offered, hazard, resample(rows.subject_id, replicates=40, seed=1), threads=1
    ), slopes


def _sparse(values):
    from scipy import sparse

    return sparse.csr_array(values)


def test_sums_follow_the_definition_in_the_data_and_in_every_resample():
    weighted, slopes = small()
    stands = [2.0, 2, 0, 0, 3, 1]  # censoring weight over the chance of no offer
    assert weighted.rows.weight == pytest.approx(stands)
    column = np.array(stands) * [1, 0, 1, 0, 1, 0]
    before, after = weighted.sums(np.ones((6, 1)), column[:, None], everyone(6))
    assert before[0, 0, 0] == 6
    assert after[0, 0, 0] == 5
    scores = slopes[:, 0] - 0.25
    for one, counts in enumerate(weighted.resamples.counts.astype(float)):
        moved = 0.5 * ((counts - 1) * scores).sum()
        assert before[1 + one, 0, 0] == counts.sum()
        assert after[1 + one, 0, 0] == pytest.approx(
            (counts * column).sum() + moved * (column * slopes[:, 0]).sum()
        )


def test_an_effect_needs_outcomes_on_both_sides():
    found = small()[0].effect()
    assert (found.observed, found.expected) == pytest.approx((1, 5 - 2))
    nobody = small(outcome=(1, 0, 0, 0, 1, 0))[0].effect()
    assert nobody.observed == 0
    assert (nobody.ratio, nobody.lower, nobody.e_value) == (None, None, None)


def test_a_rate_without_a_value_in_the_resamples_is_undefined():
    gone = np.append(0.5, np.full(40, np.nan))
    found = _row(("sex", "Male", "fnr"), gone, gone, 40, None, cell=10)
    assert (found.status, found.without, found.change) == ("undefined", None, None)
    few = _row(("sex", "Male", "fnr"), gone, gone, 9, None, cell=10)
    assert few.status == "suppressed"


def test_overlap_follows_the_definition():
    weighted, _ = small()
    (found,) = overlaps(weighted, everyone(6), NoSupportSpec(), least=2)
    assert (found.n_subjects, found.n_offered, found.n_outcomes) == (5, 1, 2)
    assert found.effective_rows == pytest.approx(8**2 / (4 + 4 + 9 + 1))
    assert found.effective_outcomes == pytest.approx(5**2 / (4 + 9))
    assert found.largest_weight == pytest.approx(3)
    assert found.heavy == 0
    assert found.stood_for == pytest.approx(
        8 - 5
    )  # of the others' weight 5, over that of the one offered support, 1
    assert found.reason == "few_outcomes"
    (strict,) = overlaps(weighted, everyone(6), NoSupportSpec(largest_weight=2.5), least=1)
    assert strict.heavy == pytest.approx(3 / 8)
    assert strict.reason == "little_overlap"


@pytest.mark.parametrize(
    ("ratio", "expected"), [(1.0, 1.0), (2.0, 2 + 2**0.5), (0.5, 2 + 2**0.5), (3.9, 7.2631)]
)
def test_e_values_are_those_of_vanderweele_and_ding(ratio, expected):
    assert e_value(ratio) == pytest.approx(expected, abs=5e-4)


def test_an_outcome_that_support_all_but_ends_has_no_finite_e_value():
    assert e_value(0.0) == float("inf")


# ---- what may leave


def row(group, metric="fnr", few=40, status="ok", attribute="sex"):
    numbers = (0.8, 0.7, 0.6, 0.75, -0.1, -0.2, -0.05) if status == "ok" else (None,) * 7
    return NoSupportRow(
        attribute, group, metric, *numbers, few, status, "few_outcomes" if status == "insufficient" else None
    )


def shown(report, rows):
    found = replace(report, rows=tuple(rows), groupings=report.groupings[1:])
    return {one.group for one in found.shown("fnr", Disclosure())}


def test_a_group_that_is_shown_protects_no_other(report):
    names = ("more offers", "fewer offers")
    both = [row(name, attribute="group") for name in names]
    assert shown(report, both) == set(names)
    assert shown(report, [both[0], replace(both[1], few=9)]) == set()
    assert shown(report, [both[0], row(names[1], status="insufficient", attribute="group")]) == set()
    assert set(TRUE_METRICS) == {one.metric for one in report.rows}


# ---- how often intervals hold the truth


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say(lives):
    world = lives.World()
    truth = lives.truth(world)
    recorded = lives.recorded(world)
    held = {"rate": [], "change": []}
    for seed in range(300):
        for one in lives.audited(lives.live(world, 5000, seed=10_000 + seed), seed=seed).rows:
            if one.metric in ("tpr", "fnr") and one.metric == "tpr":
                continue  # the mirror of fnr
            true = truth[one.group][one.metric]
            held["rate"].append(one.lower <= true <= one.upper)
            held["change"].append(
                one.change_lower <= true - recorded[one.group][one.metric] <= one.change_upper
            )
    for kind, found in held.items():
        assert len(found) > 4000
        assert 0.93 <= np.mean(found) <= 0.97, (kind, np.mean(found))
