"""The frontier: changes in pairs against plain loops, gaps as the audit finds them, thresholds that reach groups alike."""

from dataclasses import replace

import numpy as np
import pytest

from riskmodel.audit import audit_fairness
from riskmodel.audit.frontier import equal_reach, measure_points, missed_most_first, moved
from riskmodel.audit.spec import AuditSpec
from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.validate import ScoredRows, resample
from riskmodel.validate.spec import ValidateSpec

N = 6000
RNG = np.random.default_rng(11)
GROUP = np.where(RNG.random(N) < 0.35, "B", "A")
NEED = RNG.normal(size=N)
OUTCOME = (RNG.random(N) < 1 / (1 + np.exp(1.5 - 1.2 * NEED))).astype(np.int8)
PEOPLE = np.arange(N) // 2
DRAWS = resample(PEOPLE, replicates=200, seed=3)
SPEC = AuditSpec(attributes=("group",), intersections=())
ATTRIBUTES = AuditedAttributes({"group": GROUP})


def said(raw, share=0.15):
    offered = (raw > np.quantile(raw, 1 - share)).astype(np.float64)
    return ScoredRows(raw, 1 / (1 + np.exp(1.5 - raw)), OUTCOME, np.ones(N), offered, PEOPLE)


# A planted bias: everything recorded about B is inflated, whatever their need.
BIASED = said(NEED + 0.9 * (GROUP == "B"))
HONEST = said(NEED + 0.05 * RNG.normal(size=N))
POINTS = {"as_is": BIASED, "without_enforcement": HONEST, "capacity:0.3": said(BIASED.raw, share=0.3),
          "thresholds_by_group": HONEST}  # fmt: skip


def measured(points=None, **changed):
    common = {"audit": SPEC, "validate": ValidateSpec(), "disclosure": Disclosure()}
    return measure_points(
        points or POINTS, changed.pop("attributes", ATTRIBUTES), DRAWS, **(common | changed)
    )


@pytest.fixture(scope="module")
def found():
    return {one.name: one for one in measured()}


def gap(point, metric="fnr"):
    (one,) = [g for g in point.gaps if g.metric == metric]
    return one


def missed(rows, group, weight=None):
    weight = np.ones(N) if weight is None else weight
    member = (group == GROUP) & (rows.outcome == 1)
    return float((weight * (1 - rows.offered))[member].sum() / weight[member].sum())


def test_taking_out_a_planted_bias_surely_narrows_the_gap(found):
    assert gap(found["as_is"]).verdict == "exceeds"
    assert abs(gap(found["without_enforcement"]).estimate) < abs(gap(found["as_is"]).estimate) / 2
    assert gap(found["without_enforcement"]).change.upper < -0.1


def test_a_change_in_a_gap_is_that_of_a_plain_loop(found):
    def signed(rows, weight=None):
        return missed(rows, "A", weight) - missed(rows, "B", weight)

    one = gap(found["without_enforcement"]).change
    assert one.estimate == pytest.approx(signed(HONEST) - signed(BIASED), abs=1e-12)
    loop = [
        signed(HONEST, w) - signed(BIASED, w)
        for w in (counts[PEOPLE].astype(float) for counts in DRAWS.counts)
    ]
    assert (one.lower, one.upper) == pytest.approx(tuple(np.quantile(loop, [0.025, 0.975])), abs=1e-9)


def test_the_worst_off_group_stays_the_one_that_it_is_as_it_is(found):
    for name, rows in POINTS.items():
        (worst,) = found[name].worst
        assert (worst.attribute, worst.group) == ("group", "A")
        assert worst.missed.estimate == pytest.approx(missed(rows, "A"), abs=1e-12)
        assert worst.change.estimate == pytest.approx(missed(rows, "A") - missed(BIASED, "A"), abs=1e-12)
    assert found["without_enforcement"].worst[0].change.upper < 0
    middle, low, high = found["as_is"].worst[0].public
    assert low <= middle <= high
    assert middle == pytest.approx(missed(BIASED, "A"), abs=0.02)


def test_as_it_is_changes_nothing(found):
    point = found["as_is"]
    assert {(one.estimate, one.lower, one.upper) for one in point.change.values()} == {(0.0, 0.0, 0.0)}
    assert gap(point).change.estimate == 0.0
    assert point.offers_moved == 0.0


def test_gaps_and_verdicts_are_those_of_the_audit(found):
    report = audit_fairness(POINTS, ATTRIBUTES, DRAWS, SPEC)
    for name, point in found.items():
        for metric in ("fnr", "selection_rate"):
            rows = [d for d in report.differences if (d.model, d.metric) == (name, metric)]
            largest = max(rows, key=lambda d: abs(d.estimate))
            one = gap(point, metric)
            assert (one.group, one.estimate, one.lower, one.upper, one.verdict) == (
                largest.group, largest.estimate, largest.lower, largest.upper, largest.verdict,
            )  # fmt: skip
            assert one.public == pytest.approx(one.estimate, abs=0.01)


def test_more_offers_find_more_in_every_resample(found):
    change = found["capacity:0.3"].change["recall_at_capacity"]
    assert change.lower > 0
    assert found["capacity:0.3"].share == pytest.approx(0.3, abs=0.01)


def test_thresholds_by_group_are_shown_and_never_selectable(found):
    assert not found["thresholds_by_group"].selectable
    assert "Equality Act 2010" in found["thresholds_by_group"].note
    assert all(
        one.selectable and one.note is None for name, one in found.items() if name != "thresholds_by_group"
    )


def test_a_small_group_has_no_gap_to_boast_of():
    few = AuditedAttributes({"group": np.where(np.arange(N) < 8, "few", "others")})
    (point,) = measured({"as_is": BIASED}, attributes=few)
    assert gap(point).group is None
    assert gap(point).estimate is None
    assert gap(point).verdict == "insufficient"
    assert gap(point).change.status == "undefined"
    assert point.worst == ()


def test_a_rate_that_may_not_leave_is_marked():
    """Enough outcomes for a verdict, but fewer than ten people in the group are found."""
    group = np.where(RNG.random(N) < 0.06, "B", "A")
    own = group == "B"
    found = np.where(own, 0.0, BIASED.offered)
    found[np.flatnonzero(own & (OUTCOME == 1))[:4]] = 1.0
    rows = {"as_is": BIASED, "label:x": replace(BIASED, offered=found)}
    points = measured(rows, attributes=AuditedAttributes({"group": group}))
    one = gap(points[1])
    assert one.estimate is not None
    assert one.public is None


def test_offers_that_move():
    assert moved(np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0])) == 0.5
    assert moved(np.zeros(3), np.ones(3)) == 0.0


def test_equal_reach_takes_the_same_share_of_expected_outcomes_in_each_group():
    rng = np.random.default_rng(0)
    group, date = rng.integers(0, 3, size=9000), rng.integers(0, 2, size=9000)
    risk = rng.random(9000) * np.array([0.1, 0.3, 0.6])[group]
    taken = equal_reach(risk, group, date) > -0.2
    for g in range(3):
        for d in range(2):
            own = (group == g) & (date == d)
            assert risk[own & taken].sum() / risk[own].sum() == pytest.approx(0.2, abs=0.005)


def test_equal_reach_keeps_the_order_within_a_group_and_ties():
    risk = np.array([0.1, 0.3, 0.3, 0.3, 0.2, 0.0])
    score = equal_reach(risk, np.zeros(6, dtype=np.int64), np.zeros(6, dtype=np.int64))
    assert score[1] == score[2] == score[3] == pytest.approx(-0.9 / 1.2)
    assert score[1] > score[4] > score[0] >= score[5]
    nobody = equal_reach(np.zeros(2), np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64))
    assert nobody.tolist() == [-1.0, -1.0]


def test_the_worst_group_is_picked_on_other_rows_so_that_a_model_no_better_is_no_better():
    """Six groups alike, and another model that reaches others as well: no improvement, if the group is picked elsewhere."""
    groups = [f"g{i}" for i in range(6)]
    spec = AuditSpec(attributes=("group",), intersections=(), minimum_outcomes=20)
    changes = {"same": [], "other": []}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = 1200
        group, outcome = np.array(groups)[rng.integers(0, 6, n)], (rng.random(n) < 0.5).astype(np.int8)
        before, now, instead = (rng.random(n) < 0.2 for _ in range(3))
        keep = rng.random(n) < 0.5

        own = {"raw": rng.normal(size=n), "risk": np.full(n, 0.5), "outcome": outcome, "weight": np.ones(n)}
        said = [
            ScoredRows(**own, offered=one.astype(float), subject_id=np.arange(n))
            for one in (before, now, np.where(keep, now, instead))
        ]
        points = {"as_is": said[1], "reweighing": said[2]}
        attributes = AuditedAttributes({"group": group})
        elsewhere = missed_most_first(said[0], attributes, spec)
        for name, first in (("same", None), ("other", elsewhere)):
            found = measure_points(
                points, attributes, resample(np.arange(n), replicates=100, seed=seed), audit=spec,
                validate=ValidateSpec(), disclosure=Disclosure(), worst_first=first, threads=1,
            )  # fmt: skip
            changes[name].append(found[1].worst[0].change.estimate)
        assert found[0].worst[0].group == elsewhere["group"][0]
    assert np.mean(changes["same"]) < -0.015  # regression to the mean
    assert abs(np.mean(changes["other"])) < 3 * np.std(changes["other"]) / np.sqrt(40)


def test_groups_are_put_in_order_of_who_is_missed():
    offered = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    outcome = np.array([1, 1, 1, 0, 1, 0], dtype=np.int8)
    rows = ScoredRows(offered, np.full(6, 0.5), outcome, np.ones(6), offered, np.arange(6))
    group = AuditedAttributes({"group": np.array(["A", "A", "B", "C", "D", "D"])})
    assert missed_most_first(rows, group, SPEC) == {
        "group": ("B", "A", "D", "C")
    }  # nobody in C had the outcome
