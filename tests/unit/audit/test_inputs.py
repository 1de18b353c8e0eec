"""Blocks of inputs, and what leaving one out changes, in pairs."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from riskmodel.audit.inputs import Block, audit_inputs, blocks_of
from riskmodel.audit.plans import Plan
from riskmodel.audit.proxies import Carrier, ProxyRow
from riskmodel.audit.residual import Residual
from riskmodel.audit.spec import AuditSpec
from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.tables.features import FeatureInfo
from riskmodel.validate import ScoredRows, resample
from riskmodel.validate.spec import ValidateSpec

N = 4000
RNG = np.random.default_rng(8)
SEX = np.where(RNG.random(N) < 0.5, "F", "M")
NEED = RNG.normal(size=N)
OUTCOME = (RNG.random(N) < 1 / (1 + np.exp(1.5 - NEED))).astype(np.int8)
PEOPLE = np.arange(N) // 2
DRAWS = resample(PEOPLE, replicates=200, seed=2)


def info(name, agency, *, made=False):
    return FeatureInfo(name, "d", "c", agency, "times", 0, "count", "365d", (), enforcement_made=made)


INFOS = (info("a", "EDU"), info("b", "EDU"), info("p", "POLICE", made=True))


def proxy(attribute, group, estimate, *names, source="features"):
    status = "ok" if estimate is not None else "suppressed"
    return ProxyRow(attribute, group, source, 100, estimate, estimate, estimate, status,
                    tuple(Carrier(name, 0.4) for name in names))  # fmt: skip


def said(raw):
    offered = (raw > np.quantile(raw, 0.9)).astype(np.float64)
    return ScoredRows(raw, 1 / (1 + np.exp(1.5 - raw)), OUTCOME, np.ones(N), offered, PEOPLE)


WITH, WITHOUT = said(NEED + 1.0 * (SEX == "M")), said(NEED)


def audited(block, rows=WITHOUT, *, sex=SEX, **changed):
    spec = AuditSpec(attributes=("sex",), intersections=(), **changed)
    return audit_inputs(
        WITH, {block: rows}, AuditedAttributes({"sex": sex}), DRAWS,
        family="logistic", audit=spec, validate=ValidateSpec(), disclosure=Disclosure(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def result():
    (found,) = audited(Block("carriers", "sex", "M", ("a",))).blocks
    return found


def test_blocks_are_agencies_enforcement_and_carriers_of_the_best_told_group():
    rows = (
        proxy("sex", "F", 0.2, "a", "b"),  # told best: .2 is as telling as .8
        proxy("sex", "M", 0.7, "b"),
        proxy("sex", "Unknown", 0.95, "p"),  # nobody's group
        proxy("sex", "M", 0.99, source="score"),
        proxy("care", "yes", None),
    )
    found = blocks_of(INFOS, rows, carriers=1)
    assert [(one.name, one.group, one.features) for one in found] == [
        ("agency:EDU", None, ("a", "b")),
        ("agency:POLICE", None, ("p",)),
        ("enforcement", None, ("p",)),
        ("carriers:sex", "F", ("a",)),
        ("residual:sex", "F", ("a",)),
    ]
    assert [one.what for one in blocks_of(INFOS, rows, carriers=0)] == ["EDU", "POLICE", ""]


def test_a_block_that_is_everything_or_nothing_is_not_left_out():
    assert blocks_of((info("a", "EDU"),), (), carriers=3) == ()


def test_what_stays_may_be_everything():
    found = blocks_of(INFOS, (proxy("sex", "F", 0.8, "a", "b", "p"),), carriers=3)
    assert "carriers:sex" not in [one.name for one in found]
    assert found[-1] == Block("residual", "sex", "F", ("a", "b", "p"))


def test_a_block_changes_what_is_learned_from_and_nothing_else_of_a_plan():
    plan = Plan(reweigh="sex")
    assert Block("carriers", "sex", "F", ("a",)).changes(plan) == Plan(reweigh="sex", drop=("a",))
    assert Block("residual", "sex", "F", ("a",)).changes(plan) == Plan(
        reweigh="sex", residual=Residual("sex", ("a",))
    )


def test_changes_are_without_less_with(result):
    expected = roc_auc_score(OUTCOME, WITHOUT.raw) - roc_auc_score(OUTCOME, WITH.raw)
    assert result.change["auroc"].estimate == pytest.approx(expected, abs=1e-12)
    assert result.change["auroc"].lower > 0
    assert set(result.metrics) == set(result.change) == {
        "auroc", "precision_at_capacity", "recall_at_capacity", "calibration_intercept", "calibration_slope",
    }  # fmt: skip


def test_group_selection_is_counted_and_paired(result):
    by_group = {one.group: one for one in result.selection}
    for group, one in by_group.items():
        member = group == SEX
        assert one.before.estimate == pytest.approx(WITH.offered[member].mean())
        assert one.after.estimate == pytest.approx(WITHOUT.offered[member].mean())
        weight = [counts[PEOPLE][member].astype(float) for counts in DRAWS.counts]
        loop = [np.average((WITHOUT.offered - WITH.offered)[member], weights=w) for w in weight]
        assert (one.change.lower, one.change.upper) == pytest.approx(
            tuple(np.quantile(loop, [0.025, 0.975])), abs=1e-9
        )
    assert by_group["M"].change.upper < 0 < by_group["F"].change.lower
    assert by_group["M"].public == pytest.approx(by_group["M"].change.estimate, abs=0.01)


def test_leaving_out_what_gives_a_group_away_makes_the_score_tell_it_less(result):
    told = result.told
    assert told.before == pytest.approx(roc_auc_score(SEX == "M", WITH.raw))
    assert told.after == pytest.approx(roc_auc_score(SEX == "M", WITHOUT.raw))
    assert told.upper < -0.2
    half = (told.upper - told.lower) / 2
    loop = [
        roc_auc_score(SEX == "M", WITHOUT.raw, sample_weight=w)
        - roc_auc_score(SEX == "M", WITH.raw, sample_weight=w)
        for w in (counts[PEOPLE].astype(float) for counts in DRAWS.counts)
    ]
    assert half == pytest.approx(1.96 * np.std(loop), rel=0.25)


def test_only_carriers_are_asked_what_the_score_tells():
    (found,) = audited(Block("agency", "EDU", None, ("a",))).blocks
    assert found.told is None


def test_too_few_people_are_not_told_apart_and_not_shown():
    sex = np.where(np.arange(N) < 12, "X", SEX)
    (found,) = audited(Block("carriers", "sex", "X", ("a",)), sex=sex).blocks
    assert found.told is None
    assert {one.group: one.public for one in found.selection}["X"] is None


def test_a_block_that_nothing_rests_on_changes_nothing():
    (found,) = audited(Block("enforcement", "", None, ("p",)), WITH).blocks
    assert {one.estimate for one in found.change.values()} == {0.0}
    assert found.offers_moved == 0.0
