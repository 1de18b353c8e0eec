"""Need at equal score: against a plain loop, and groups whose need is known."""

from collections import defaultdict

import numpy as np
import pytest

from riskmodel.audit.equal_need import BINS, equal_need
from riskmodel.audit.groups import Grouping
from riskmodel.tables.cohort import Labels
from riskmodel.validate import ScoredRows, resample


def people(n=4000, *, extra=0.0, seed=0, rate=0.1):
    """Draw two groups with different scores; at equal score, group b needs help more often by ``extra``."""
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.3).astype(np.int64)
    raw = np.round(rng.normal(0.4 * group, 1), 2)
    chance = np.clip(rate * np.exp(0.5 * raw) + extra * group, 0, 1)
    outcome = (rng.random(n) < chance).astype(np.int8)
    weight = np.where(rng.random(n) < 0.1, 0.0, 1.1)
    rows = ScoredRows(raw, np.full(n, rate), outcome, weight, np.zeros(n), np.arange(n))
    labels = Labels(outcome, np.zeros(n, dtype=np.int32), weight == 0, weight)
    return rows, labels, Grouping("g", (("a",), ("b",)), group)


def found(n=4000, replicates=200, minimum_cell=10, **drawn):
    rows, labels, grouping = people(n, **drawn)
    draws = resample(rows.subject_id, replicates=replicates, seed=1)
    report = equal_need(rows, labels, grouping, draws, minimum_cell=minimum_cell)
    return {(row.group, row.where): row for row in report}, rows, labels, grouping


def test_it_is_what_a_plain_loop_gives():
    report, rows, labels, grouping = found()
    order = sorted(rows.raw)
    n = len(order)
    cells = defaultdict(lambda: [0.0, 0.0])
    for raw, group, y, w in zip(rows.raw, grouping.code, labels.outcome, labels.weight, strict=True):
        below = np.searchsorted(order, raw, "left")
        middle = (below + np.searchsorted(order, raw, "right")) / 2 / n
        cell = cells[group, min(int(BINS * middle), BINS - 1)]
        cell[0] += w
        cell[1] += w * y
    for where, first in (("all scores", 0), ("highest tenth", 45)):
        own = expected = total = 0.0
        for one in range(first, BINS):
            (weight, needing), (others, others_needing) = cells[1, one], cells[0, one]
            if others > 0:
                own, total = own + needing, total + weight
                expected += weight * others_needing / others
        row = report["b", where]
        assert row.need == pytest.approx(own / total, abs=1e-12)
        assert row.others == pytest.approx(expected / total, abs=1e-12)
        assert row.estimate == pytest.approx((own - expected) / total, abs=1e-12)
        assert row.lower < row.estimate < row.upper


def test_a_difference_in_need_is_found_and_a_difference_in_scores_is_not_taken_for_one():
    more, *_ = found(20_000, extra=0.06)
    assert more["b", "all scores"].estimate == pytest.approx(0.06, abs=0.02)
    assert more["b", "all scores"].lower > 0 > more["a", "all scores"].upper
    equal, rows, _, grouping = found(20_000)
    gap = rows.outcome[grouping.code == 1].mean() - rows.outcome[grouping.code == 0].mean()
    assert gap > 0.02  # scores differ, and need with them
    assert equal["b", "all scores"].lower < 0 < equal["b", "all scores"].upper


def test_few_in_need_are_not_shown():
    report, *_ = found(300, rate=0.02)
    row = report["b", "highest tenth"]
    assert (row.status, row.need, row.others, row.estimate) == ("suppressed", None, None, None)
    assert row.n_outcomes < 10


def test_nobody_else_with_the_same_scores_is_undefined():
    rows, labels, grouping = people(400, rate=0.4)
    apart = ScoredRows(
        rows.raw + 100 * grouping.code, rows.risk, rows.outcome, rows.weight, rows.offered, rows.subject_id
    )
    draws = resample(rows.subject_id, replicates=50, seed=1)
    report = {(r.group, r.where): r for r in equal_need(apart, labels, grouping, draws, minimum_cell=5)}
    assert report["b", "highest tenth"].status == "undefined"
    assert report["b", "highest tenth"].to_json()["need"] is None


def test_equal_scores_share_a_place():
    rows, labels, grouping = people(500)
    flat = ScoredRows(np.zeros(500), rows.risk, rows.outcome, rows.weight, rows.offered, rows.subject_id)
    draws = resample(rows.subject_id, replicates=20, seed=1)
    row = equal_need(flat, labels, grouping, draws, minimum_cell=1)[0]
    w, own = labels.weight, grouping.code == 0
    expected = np.average(labels.outcome[own], weights=w[own]) - np.average(
        labels.outcome[~own], weights=w[~own]
    )
    assert row.estimate == pytest.approx(expected)
