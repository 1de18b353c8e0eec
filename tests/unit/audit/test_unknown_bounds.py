"""Bounds over the groups of those whom nobody recorded, against every way in which they might belong."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from riskmodel.audit import audit_fairness
from riskmodel.audit.spec import AuditSpec, ToleranceSpec
from riskmodel.audit.tally import rates, tally
from riskmodel.audit.unknown import extreme_differences
from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.validate import ScoredRows, resample

METRICS = ("selection_rate", "tpr", "fnr", "fpr", "ppv")


def people(n=40, seed=0):
    rng = np.random.default_rng(seed)
    outcome = rng.integers(0, 2, n).astype(np.int8)
    weight = rng.uniform(0.5, 2, n)
    offered = rng.choice([0.0, 0.5, 1.0], n)
    return ScoredRows(rng.normal(size=n), np.full(n, 0.5), outcome, weight, offered, np.arange(n))


@pytest.mark.parametrize("seed", range(3))
def test_no_way_of_belonging_lies_outside_and_the_ends_are_reached(seed):
    rows, rng = people(seed=seed), np.random.default_rng(seed + 50)
    code = rng.integers(0, 3, len(rows))
    code[:7] = 3  # nobody recorded these
    code[7:] = np.where(code[7:] == 3, 0, code[7:])
    each = tally(rows)
    sums = np.stack([each[code == g].sum(axis=0) for g in range(4)])
    lowest, highest = extreme_differences(sums, 3)
    for g in range(3):
        found = []
        for belongs in product([False, True], repeat=7):
            inside = code == g
            inside[:7] = belongs
            found.append(rates(each[inside].sum(axis=0)) - rates(each[~inside].sum(axis=0)))
        found = np.array(found)
        assert (lowest[g] <= np.nanmin(found, axis=0) + 1e-12).all()
        assert (highest[g] >= np.nanmax(found, axis=0) - 1e-12).all()
        whole = np.isin(rows.offered[:7], (0.0, 1.0)).all()
        if whole:  # a half offer counts half for and half against, and cannot be cut in two
            assert lowest[g] == pytest.approx(np.nanmin(found, axis=0))
    assert np.isnan(lowest[3]).all()
    assert np.isnan(highest[3]).all()


def test_with_whole_offers_the_ends_are_reached_exactly():
    rows = people(seed=4)
    rows = replace(rows, offered=np.round(rows.offered + 0.01))
    code = np.random.default_rng(3).integers(0, 2, len(rows))
    code[:6] = 2
    each = tally(rows)
    lowest, highest = extreme_differences(np.stack([each[code == g].sum(axis=0) for g in range(3)]), 2)
    found = []
    for belongs in product([False, True], repeat=6):
        inside = code == 0
        inside[:6] = belongs
        found.append(rates(each[inside].sum(axis=0)) - rates(each[~inside].sum(axis=0)))
    assert lowest[0] == pytest.approx(np.min(found, axis=0))
    assert highest[0] == pytest.approx(np.max(found, axis=0))


def borough(unknown, *, gap=0.0, n=60_000):
    rng = np.random.default_rng(1)
    ethnicity = rng.choice(["Black", "White"], n).astype("<U7")
    missed = rng.random(n) < np.where(ethnicity == "Black", 0.5 + gap, 0.5)
    outcome = (rng.random(n) < 0.3).astype(np.int8)
    rows = ScoredRows(
        rng.normal(size=n), np.full(n, 0.3), outcome, np.ones(n), (~missed).astype(float), np.arange(n)
    )
    ethnicity[: round(unknown * n)] = "Unknown"
    attributes = AuditedAttributes({"ethnicity": ethnicity})
    spec = AuditSpec(
        attributes=("ethnicity",), intersections=(), tolerance=ToleranceSpec(share_of_overall=None)
    )
    draws = resample(np.arange(n), replicates=300, seed=1)
    return audit_fairness({"model": rows}, attributes, draws, spec)


@pytest.mark.parametrize(
    ("unknown", "gap", "verdict", "worth"),
    [
        (0.005, 0.3, "exceeds", "stands"),
        (0.5, 0.3, "exceeds", "could_change"),
        (0.3, 0.0, "within", "could_change"),
    ],
)
def test_a_verdict_stands_only_if_it_does_at_both_ends(unknown, gap, verdict, worth):
    report = borough(unknown, gap=gap)
    table = {(d.group, d.metric): d for d in report.differences}
    found = {(b.group, b.metric): b for b in report.unknown}
    assert table["Black", "fnr"].verdict == verdict
    one = found["Black", "fnr"]
    assert one.verdict == worth
    assert one.lower < one.lowest < table["Black", "fnr"].estimate < one.highest < one.upper
    public = report.public(Disclosure(), selected="model")
    (row,) = public["unknown"]
    assert row["could_change"] <= row["verdicts"]
    assert (row["could_change"] > 0) == (worth == "could_change")


def test_where_all_are_recorded_there_is_nothing_to_bound():
    assert borough(0.0).unknown == ()
