"""The model of recording: against the metrics as recorded, a plain loop, and people whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from riskmodel.audit.groups import Grouping
from riskmodel.audit.recording import (
    FACE_VALUE,
    TRUE_METRICS,
    Recording,
    edges,
    metrics,
    raw_metrics,
    recorded_sums,
    true_label_metrics,
    true_sums,
)
from riskmodel.audit.tally import rates, tally
from riskmodel.validate import ScoredRows, resample


def drawn(n=400, seed=0, rate=0.2, offered=0.25):
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=n)
    risk = 1 / (1 + np.exp(-(raw + np.log(rate / (1 - rate)))))
    outcome = (rng.random(n) < risk).astype(np.int8)
    weight = np.where(rng.random(n) < 0.1, 0.0, 1 + 0.2 * rng.random(n))
    offers = np.where(raw > np.quantile(raw, 1 - offered), 0.1 + 0.9 * rng.random(n), 0.0)
    return ScoredRows(raw, risk, outcome, weight, offers, np.arange(n))


def by_loop(rows, recording):
    """Solve for the odds of being noticed so that the share recorded of those with the outcome is the detection; then add up."""
    d, f, gamma = recording.detection, recording.false_recording, recording.gamma
    w = rows.weight
    mean = (w * rows.raw).sum() / w.sum()
    z = (rows.raw - mean) / np.sqrt((w * (rows.raw - mean) ** 2).sum() / w.sum())
    z = np.clip(z, -4, 4)

    def truth(log_odds):
        odds = np.exp(log_odds) * gamma**z
        noticed = odds / (1 + odds)
        detected = noticed + (1 - noticed) * f
        return (rows.outcome - f) / (detected - f), detected

    def surplus(log_odds):
        outcome, detected = truth(log_odds)
        return sum(wi * (di - d) * yi for wi, di, yi in zip(w, detected, outcome, strict=True))

    outcome, _ = truth(brentq(surplus, -12, 12, xtol=1e-14, rtol=1e-14))
    total = sum(wi * yi for wi, yi in zip(w, outcome, strict=True))
    hits = sum(wi * oi * yi for wi, oi, yi in zip(w, rows.offered, outcome, strict=True))
    offers, expected = (w * rows.offered).sum(), (w * rows.risk).sum()
    return {
        "tpr": hits / total,
        "fnr": 1 - hits / total,
        "fpr": (offers - hits) / (w.sum() - total),
        "ppv": hits / offers,
        "prevalence": total / w.sum(),
        "observed_to_expected": total / expected,
    }


@pytest.mark.parametrize("seed", range(5))
def test_records_that_are_right_give_the_metrics_as_recorded(seed):
    rows = drawn(seed=seed)
    found = true_label_metrics(rows, FACE_VALUE)
    _, tpr, fnr, fpr, ppv = rates(tally(rows).sum(axis=0))
    w = rows.weight
    expected = {
        "tpr": tpr, "fnr": fnr, "fpr": fpr, "ppv": ppv,
        "prevalence": (w * rows.outcome).sum() / w.sum(),
        "observed_to_expected": (w * rows.outcome).sum() / (w * rows.risk).sum(),
    }  # fmt: skip
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    "recording",
    [
        Recording(0.6, 0.0, 1.0), Recording(0.6, 0.0, 2.0), Recording(0.8, 0.03, 0.5),
        Recording(0.9, 0.05, 1.6), Recording(1.0, 0.02, 3.0),
    ],
)  # fmt: skip
def test_the_closed_form_is_what_solving_for_the_odds_gives(recording):
    rows = drawn(3000, seed=3)
    found = true_label_metrics(rows, recording)
    if recording.detection == 1:  # the odds are infinite: noticed for certain
        f = recording.false_recording
        truth = (rows.outcome - f) / (1 - f)
        total = (rows.weight * truth).sum()
        assert found["prevalence"] == pytest.approx(total / rows.weight.sum(), abs=1e-12)
        assert found["tpr"] == pytest.approx((rows.weight * rows.offered * truth).sum() / total, abs=1e-12)
        return
    for name, value in by_loop(rows, recording).items():
        assert found[name] == pytest.approx(value, abs=1e-9), name


def test_the_truth_is_found_again_among_many_people():
    rng = np.random.default_rng(1)
    n, f, gamma = 1_000_000, 0.02, 1.6
    z = rng.normal(size=n)
    risk = 1 / (1 + np.exp(3 - z))
    happened = rng.random(n) < risk
    odds = 1.3 * gamma**z
    noticed = happened & (rng.random(n) < odds / (1 + odds))
    recorded = noticed | (rng.random(n) < f)
    d = recorded[happened].mean()

    def rows(outcome):
        return ScoredRows(z, risk, outcome.astype(np.int8), np.ones(n), 0.7 * (z > 1.5), np.arange(n))

    truth = true_label_metrics(rows(happened), FACE_VALUE)
    found = true_label_metrics(rows(recorded), Recording(d, f, gamma))
    for name in TRUE_METRICS:
        assert found[name] == pytest.approx(truth[name], rel=0.02), name
    as_recorded = true_label_metrics(rows(recorded), FACE_VALUE)
    assert abs(as_recorded["tpr"] / truth["tpr"] - 1) > 0.05


def test_a_lower_detection_alone_does_not_move_who_is_reached():
    rows = drawn()
    right, most = true_label_metrics(rows, FACE_VALUE), true_label_metrics(rows, Recording(detection=0.8))
    assert most["tpr"] == pytest.approx(right["tpr"], abs=1e-12)
    assert most["prevalence"] == pytest.approx(1.25 * right["prevalence"])
    assert most["ppv"] == pytest.approx(1.25 * right["ppv"])
    missed_have_low_scores = true_label_metrics(rows, Recording(detection=0.8, gamma=2.0))
    assert missed_have_low_scores["tpr"] < right["tpr"]


def test_records_that_contradict_the_recording_are_undefined_and_not_clipped():
    rows = drawn(rate=0.3)
    share = true_label_metrics(rows, FACE_VALUE)["prevalence"]
    below, above = Recording(1.0, share + 0.01, 1.0), Recording(share - 0.01, 0.0, 1.0)
    for recording in (below, above):
        assert np.isnan(list(true_label_metrics(rows, recording).values())).all()
    edge = true_label_metrics(rows, Recording(share + 0.01))
    assert 0.9 < edge["prevalence"] < 1
    assert np.isnan(edge["ppv"])  # more of those offered would have it than there are


def test_ends_that_the_records_contradict_reach_the_limit_of_a_share():
    rows = drawn(rate=0.3)
    everyone = Grouping("everyone", (("everyone",),), np.zeros(len(rows), dtype=np.int64))
    sums = recorded_sums(rows, everyone, resample(rows.subject_id, replicates=3, seed=0), [])
    k = TRUE_METRICS.index("ppv")
    low, high = edges(true_sums(sums, Recording(0.4)))
    assert (low[0, 0, k], high[0, 0, k]) == (1, 1)
    low, high = edges(true_sums(sums, Recording(1.0, 0.9)))
    assert low[0, 0, :4].tolist() == [0, 0, 0, 0]
    assert high[0, 0, :4].tolist() == [1, 1, 1, 1]
    assert low[0, 0, 4:].tolist() == high[0, 0, 4:].tolist() == [0, 0]
    low, high = edges(true_sums(sums, Recording(0.05)))
    assert low[0, 0, 4] == 1
    assert low[0, 0, 5] == pytest.approx(rows.weight.sum() / (rows.weight * rows.risk).sum())


def test_sums_of_groups_and_resamples_are_those_of_their_rows():
    rows = drawn(300)
    code = np.arange(300) % 3
    groups = Grouping("g", (("a",), ("b",), ("c",)), code)
    draws = resample(rows.subject_id, replicates=5, seed=2)
    sums = recorded_sums(rows, groups, draws, [1.5, 1.0, 1.5])
    assert sums.gammas == (1.5,)
    assert sums.columns.shape == (6, 3, 9)
    own = code == 1
    y, o, w = rows.outcome[own], rows.offered[own], rows.weight[own]
    mean = np.average(rows.raw[own], weights=w)
    z = (rows.raw[own] - mean) / np.sqrt(np.average((rows.raw[own] - mean) ** 2, weights=w))
    tilt = w * 1.5 ** -np.clip(z, -4, 4)
    expected = [tilt.sum(), (tilt * o).sum(), (tilt * y).sum(), (tilt * y * o).sum()]
    assert sums.tilted(1.5)[0, 1] == pytest.approx(np.array(expected))
    times = draws.counts[3][draws.cluster][own]
    assert sums.base[4, 1, 2] == pytest.approx((times * w * y).sum())
    assert sums.tilted(1.5)[4, 1, 3] == pytest.approx((times * tilt * y * o).sum())
    with pytest.raises(KeyError, match="gamma 2"):
        sums.tilted(2.0)


def test_a_group_of_equal_scores_or_without_anybody_recorded_is_no_accident():
    rows = drawn(60)
    flat = ScoredRows(np.zeros(60), rows.risk, rows.outcome, rows.weight, rows.offered, rows.subject_id)
    skewed, plain = (true_label_metrics(flat, Recording(0.5, 0.0, gamma)) for gamma in (2.0, 1.0))
    assert skewed == plain
    nobody = ScoredRows(
        rows.raw, rows.risk, np.zeros(60, np.int8), rows.weight, rows.offered, rows.subject_id
    )
    found = true_label_metrics(nobody, Recording(0.5, 0.0, 2.0))
    assert (found["prevalence"], found["ppv"]) == (0, 0)
    assert np.isnan(found["tpr"])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), f=st.floats(0, 0.05), gamma=st.floats(0.3, 3),
    ends=st.tuples(st.floats(0.35, 1), st.floats(0.35, 1)), inside=st.floats(0, 1),
)  # fmt: skip
def test_every_metric_between_two_detections_lies_between_their_values(seed, f, gamma, ends, inside):
    rows = drawn(200, seed=seed)
    everyone = Grouping("everyone", (("everyone",),), np.zeros(len(rows), dtype=np.int64))
    sums = recorded_sums(rows, everyone, resample(rows.subject_id, replicates=1, seed=0), [gamma])
    low, high = sorted(ends)
    first, last, middle = (
        true_sums(sums, Recording(d, f, round(gamma, 12))) for d in (low, high, low + inside * (high - low))
    )
    if np.isnan(metrics(first)[0, 0]).any() or np.isnan(metrics(last)[0, 0]).any():
        return
    a, b, between = (raw_metrics(one)[0, 0] for one in (first, last, middle))
    assert (between >= np.minimum(a, b) - 1e-9).all()
    assert (between <= np.maximum(a, b) + 1e-9).all()


def test_part_of_the_way():
    end = Recording(0.4, 0.001, 1.6)
    assert end.part_way(0) == FACE_VALUE
    assert end.part_way(1) == end
    half = end.part_way(0.5)
    assert (half.detection, half.false_recording) == (pytest.approx(0.4**0.5), 0.0005)
    assert half.gamma == pytest.approx(1.6**0.5)
