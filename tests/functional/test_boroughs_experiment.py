"""Whole boroughs: the page is made from the results, the truth is counted apart, and what is claimed is in the results."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from experiments_kit import load_experiment

from riskmodel.audit import audit_fairness
from riskmodel.audit.spec import METRICS, AuditSpec, RecordingSpec
from riskmodel.models import offers
from riskmodel.models.spec import CapacitySpec
from riskmodel.study import load_study
from riskmodel.tables.cohort import AuditedAttributes, Cohort, Labels
from riskmodel.tables.days import NEVER, to_day
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.validate import ScoredRows, resample

HERE = Path(__file__).parents[2] / "experiments" / "audit_truth"
DAYS = (19783, 19875)


@pytest.fixture(scope="module")
def experiment():
    load_experiment(".", "simulated")
    load_experiment("audit_truth", "people", "truth", "audit_page")
    names = ("boroughs_page", "boroughs_picture", "boroughs_rows", "judging", "boroughs")
    return {name: load_experiment("audit_truth", name) for name in names}


@pytest.fixture(scope="module")
def results():
    return json.loads((HERE / "boroughs.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def simulated():
    return load_experiment(".", "simulated")


@dataclass(frozen=True)
class OneNumber:
    """A model whose raw score is its only feature."""

    @property
    def model(self):
        return self

    def raw_score(self, features):
        return features.values[:, 0].astype(np.float64)

    def risk(self, raw):
        return 1 / (1 + np.exp(-raw))

    def too_thin(self, features):
        return np.isnan(features.values[:, 1])


def borough_of(experiment, seed, n=3000):
    """Return rows at two dates, with scores that tie, records that miss some, and a few records too thin."""
    rng = np.random.default_rng(seed)
    subject = np.tile(np.arange(n // 2), 2)
    day = np.repeat(np.array(DAYS, dtype=np.int32), n // 2)
    none = np.zeros(n, dtype=np.int64)
    cohort = Cohort(subject, day, none, np.full(n, "a"), np.full(n, 12, np.int16))
    score = np.round(rng.normal(-2, 1, n), 1).astype(np.float32)
    thin = np.where(rng.random(n) < 0.01, np.nan, 0).astype(np.float32)
    infos = tuple(FeatureInfo(x, "words", "c", "EDU", "times", 1, "count", "365d", ()) for x in "ab")
    happened = rng.random(n) < 1 / (1 + np.exp(-score.astype(np.float64)))
    recorded = happened & (rng.random(n) < 0.7)
    groups = {
        "ethnicity": rng.choice(["Asian", "Black", "White"], n),
        "sex": rng.choice(["Female", "Male"], n),
    }

    def labels(outcome):
        weight = np.where(rng.random(n) < 0.05, 0.0, rng.uniform(1, 1.1, n))
        return Labels(outcome.astype(np.int8), np.full(n, NEVER), weight == 0, weight)

    return experiment["boroughs_rows"].Rows(
        cohort, FeatureMatrix(np.column_stack([score, thin]), infos), AuditedAttributes(groups), labels(recorded), labels(happened),
    )  # fmt: skip


def study():
    return load_study(None, settings=["audit.attributes=[ethnicity, sex]", "capacity.share=0.1"])


def test_page_and_picture_follow_from_the_results(experiment, results):
    assert (HERE / "boroughs.svg").read_text(encoding="utf-8") == experiment["boroughs_picture"].picture(
        results
    )
    assert (HERE / "boroughs.md").read_text(encoding="utf-8") == experiment["boroughs_page"].page(results)


def test_what_issue_and_card_claim_is_in_the_results(results):
    arms = results["arms"]
    places = {(one["study"], audit["seed"]) for one in arms.values() for audit in one["audits"]}
    assert len(places) >= 30
    assert arms["alike"]["pool_rows"] >= 1_000_000
    audits = [audit for one in arms.values() for audit in one["audits"]]
    for name in ("alarms", "reassured", "outside"):
        assert sum(one["against"]["recorded|cut"][name] > 0 for one in audits) <= 0.05 * len(audits)
    for arm in arms.values():
        for name, one in arm["bounds"].items():
            if name.endswith("|inside"):  # records were made as the range says
                assert one["inside"] >= 0.95 * one["total"], name
    for metric in METRICS:  # nearly as often as a perfect range would
        one = arms["alike"]["cells"][f"recorded|cut|{metric}|enough"]
        assert 0.93 * one["total"] <= one["inside"] <= 0.97 * one["total"]


def test_what_a_plain_audit_cannot_know_is_in_the_results(results):
    """Where the label itself is made by enforcement, every audit raises an alarm that is false by the truth."""
    arm = results["arms"]["enforcement"]
    assert all(one["against"]["true|cut"]["alarms"] > 0 for one in arm["audits"])
    place = ("ethnicity", "Black", "calibration_intercept")
    row = next(one for one in arm["gaps"] if (one["attribute"], one["group"], one["metric"]) == place)
    assert row["recorded"] > 5 * row["tolerance"]
    assert abs(row["true"]) < row["tolerance"]
    outside = arm["bounds"]["stated|prevalence|outside"]
    assert outside["inside"] < 0.5 * outside["total"]  # a wrong range fails, and is seen to


def test_the_truth_of_rows_is_what_the_audit_says_of_the_same_rows(experiment):
    """The audit's own point values are the oracle: it has its own from sums of its own."""
    judging, own = experiment["judging"], borough_of(experiment, 1, n=20_000)
    pool = judging.Pool.of([own, borough_of(experiment, 2)], study())
    capacity = CapacitySpec(share=0.1)
    thin, raw = OneNumber().too_thin(own.features), OneNumber().raw_score(own.features)
    offered = offers(raw, own.cohort, capacity, withheld=thin)
    scored = ScoredRows(
        raw, OneNumber().risk(raw), own.recorded.outcome, own.recorded.weight, offered, own.cohort.subject_id
    )
    cuts = experiment["boroughs"].cuts(scored, own.cohort)
    use = judging.Use.of(OneNumber(), pool.boroughs, cuts, capacity)
    here = pool.number == 0
    assert use.offered["cut"][here] == pytest.approx(offered)
    assert use.offered["share"][here] == pytest.approx(offered)
    found = judging.truth(pool, use, here, kind="recorded", way="cut")
    spec = AuditSpec(attributes=("ethnicity", "sex"))
    draws = resample(own.cohort.subject_id, replicates=100, seed=1)
    report = audit_fairness({"model": scored}, own.audited, draws, spec)
    smaller = judging.smaller_sides(pool, use, here)
    for row, basis in zip(report.rows, report.bases, strict=True):
        assert smaller[row.attribute, row.group, row.metric] == min(basis.top_people, basis.rest_people)
    for row, one in zip(report.rows, report.differences, strict=True):
        value, gap = found[row.attribute, row.group, row.metric]
        close = 1e-12 if row.metric in METRICS[:5] else 2e-3
        assert row.estimate == pytest.approx(value, abs=close)
        assert one.estimate == pytest.approx(gap, abs=2 * close)
    assert len(report.rows) == sum(metric in METRICS for _, _, metric in found)


def test_offers_elsewhere_go_down_to_the_same_score(experiment):
    judging = experiment["judging"]
    raw = np.array([0.2, 0.3, 0.4, 0.2, 0.3, 0.4])
    day = np.repeat(DAYS, 3)
    cuts = {str(DAYS[0]): [0.3, 0.25], str(DAYS[1]): [0.4, 1.0]}
    assert judging.up_to(raw, day, cuts).tolist() == [0, 0.25, 1, 0, 0, 1]


def test_how_records_were_made_is_found_again(experiment):
    judging = experiment["judging"]
    rng = np.random.default_rng(5)
    raw = rng.normal(1.0, 2.0, 400_000)
    true = (rng.random(len(raw)) < 0.3).astype(float)
    noticed = rng.random(len(raw)) < 1 / (1 + np.exp(-(0.4 + np.log(1.5) * (raw - 1.0) / 2.0)))
    recorded = np.where(true == 1, noticed, rng.random(len(raw)) < 0.002).astype(float)
    detection, false, gamma = judging._recording(raw, true, recorded, np.ones(len(raw)))
    assert detection == pytest.approx(noticed[true == 1].mean())
    assert false == pytest.approx(recorded[true == 0].mean())
    assert gamma == pytest.approx(1.5, rel=0.03)
    assert judging._recording(raw[:100], true[:100], recorded[:100], np.ones(100)) is None
    stated = RecordingSpec()
    assert [judging.lies_in(one, stated) for one in ((0.5, 0.0, 1.0), (0.3, 0.0, 1.0), (0.5, 0.002, 1.0))] == [True, False, False]  # fmt: skip


def test_false_statements_are_counted_as_by_hand(experiment):
    def said(group, verdict, lower, upper):
        place = {"attribute": "a", "group": group, "metric": "tpr"}
        return {**place, "verdict": verdict, "lower": lower, "upper": upper, "tolerance": 0.05}

    all_said = [
        said("alarm", "exceeds", 0.06, 0.2), said("right", "exceeds", 0.06, 0.2), said("reassured", "within", -0.04, 0.04),
        said("cannot tell", "inconclusive", -0.1, 0.1), said("not known", "exceeds", 0.06, 0.2),
    ]  # fmt: skip
    gaps = {"alarm": 0.05, "right": -0.07, "reassured": 0.06, "cannot tell": 0.0, "not known": np.nan}
    found = {("a", group, "tpr"): (0.5, gap) for group, gap in gaps.items()}
    smaller = {("a", group, "tpr"): 9 if group == "right" else 10 for group in gaps}
    counted = experiment["judging"]._wrong(all_said, found, smaller, 10)
    assert counted == {"alarms": 1, "reassured": 1, "outside": 3, "outside_few": 1}


def test_warnings_are_counted_as_by_hand(experiment):
    kinds = {"a": ("exceeds", "ok", 0.01), "b": ("exceeds", "none", 0.2), "c": ("within", "ok", 0.2), "d": ("within", "ok", 0.0),
             "e": ("exceeds", "suppressed", 0.2), "f": ("exceeds", "ok", np.nan)}  # fmt: skip
    place = {"attribute": "x", "metric": "tpr"}
    said = [{**place, "group": g, "verdict": v, "tolerance": 0.05} for g, (v, _, _) in kinds.items()]
    tips = [
        {**place, "group": g, "status": status, "path": "anything"} for g, (_, status, _) in kinds.items()
    ]
    tips += [{**one, "status": "none", "path": "detection"} for one in tips]
    found = {("x", g, "tpr"): (0.5, gap) for g, (_, _, gap) in kinds.items()}
    counted = experiment["judging"]._warned({"recording": {"tipping_points": tips}}, said, found)
    assert counted == {"wrong": 2, "wrong_warned": 2, "right": 2, "right_warned": 1}


def test_what_truly_happened_is_labelled_as_by_hand(simulated, tmp_path):
    day = to_day(date(2024, 3, 1))
    people = {"subject_id": [4, 3, 2, 1], "to_day": [day + 900, day + 100, day + 100, day + 900]}
    harm = {"subject_id": [1, 2, 2, 4, 4], "time": [day + 365, day + 50, day + 60, day - 1, day + 364]}
    for name, table, column in (("people", people, "to_day"), ("harm", harm, "time")):
        dates = pa.array(table[column], pa.int32()).cast(pa.date32())
        pq.write_table(pa.table({**table, column: dates}), tmp_path / f"{name}.parquet")
    n = 4
    cohort = Cohort(
        np.arange(1, 5), np.full(n, day, np.int32), np.zeros(n, np.int64), np.full(n, "a"), np.full(n, 12, np.int16)
    )  # fmt: skip
    labels = simulated.true_labels(tmp_path, "harm", cohort)
    assert labels.outcome.tolist() == [0, 1, 0, 1]  # 1: a day too late; 4: the day before does not count
    assert labels.first_day.tolist() == [NEVER, day + 50, NEVER, day + 364]
    assert labels.censored.tolist() == [False, False, True, False]
    # One of the three who were still followed on day 100 left: the other two stand for three.
    assert labels.weight.tolist() == pytest.approx([1.5, 1.0, 0.0, 1.5])
    with pytest.raises(ValueError, match="does not know"):
        simulated.true_labels(tmp_path, "harm", Cohort(np.array([9]), cohort.index_day[:1], cohort.household_id[:1], cohort.area[:1], cohort.age[:1]))  # fmt: skip


def test_each_audit_is_held_against_boroughs_with_such_records_of_such_an_outcome(
    experiment, monkeypatch, tmp_path
):
    main, run, judged = experiment["boroughs"], [], []

    def judge(folders, study, *, beside, restated):
        names = [[one.name for one in some] for some in (folders, beside)]
        judged.append((*names, study.outcomes.chosen, study.data.bias, study.models.families, restated))
        return {}

    monkeypatch.setattr(
        main, "audit_borough", lambda arms, _kept, *, seed, size: run.append((arms, seed, size))
    )
    monkeypatch.setattr(main, "judge", judge)
    found = main.measure(tmp_path, {"alike": 2, "trees": 1, "unlike": 1}, size=6000)
    both = ("unlike", "enforcement")
    assert run == [
        (("alike",), 5001, 6000),
        (("trees",), 6001, 6000),
        (both, 5001, 6000),
        (("alike",), 5002, 6000),
    ]
    alike, trees = ["alike-6000-5001", "alike-6000-5002"], ["trees-6000-6001"]
    anew = main.ARMS["enforcement"].restated
    assert judged == [
        (alike, trees, "harm", 0.0, ("logistic",), None),
        (trees, alike, "harm", 0.0, ("xgboost",), None),
        (["unlike-6000-5001"], [], "harm", 2.0, ("logistic",), None),
        (["enforcement-6000-5001"], [], "suspect_violence", 2.0, ("logistic",), anew),
    ]
    assert list(found["arms"]) == ["alike", "trees", "unlike", "enforcement"]
    assert list(main.measure(tmp_path, {"unlike": 1}, size=6000)["arms"]) == ["unlike", "enforcement"]


def test_the_page_is_made_again_from_kept_results(experiment, results, tmp_path):
    (tmp_path / "boroughs.json").write_text(json.dumps(results))
    assert experiment["boroughs"].main(["--page-only", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "boroughs.md").read_text(encoding="utf-8") == experiment["boroughs_page"].page(results)


def test_rows_come_back_as_they_were_kept(experiment, tmp_path):
    rows = borough_of(experiment, 3)
    rows.save(tmp_path)
    again = experiment["boroughs_rows"].Rows.load(tmp_path)
    assert np.array_equal(again.features.values, rows.features.values, equal_nan=True)
    assert again.features.infos == rows.features.infos
    for kind in ("recorded", "true"):
        for name in ("outcome", "weight", "first_day"):
            assert np.array_equal(getattr(getattr(again, kind), name), getattr(getattr(rows, kind), name))
    assert np.array_equal(again.cohort.subject_id, rows.cohort.subject_id)
    assert np.array_equal(again.audited.columns["ethnicity"], rows.audited.columns["ethnicity"])


@pytest.mark.slow
def test_two_small_boroughs_end_to_end(experiment, tmp_path):
    """Counted again row by row: what each model does to the other borough, and which of its ranges hold that."""
    main, kept = experiment["boroughs"], tmp_path / "kept"
    found = main.measure(kept, {"alike": 2}, size=6000)
    arm = found["arms"]["alike"]
    folders = sorted(kept.iterdir())
    assert [one.name for one in folders] == ["alike-6000-5001", "alike-6000-5002"]
    cells = Counter()
    for own, other in (folders, reversed(folders)):
        audit = json.loads((own / "audit.json").read_text())
        rows = experiment["boroughs_rows"].Rows.load(other)
        model = main.CalibratedModel.from_state(audit["model"])
        raw = model.model.raw_score(rows.features)
        thin = model.too_thin(rows.features)
        for row in audit["fairness"]["rows"]:
            if row["lower"] is None or row["metric"] not in ("selection_rate", "fnr"):
                continue
            for kind in ("recorded", "true"):
                value = by_row(row, rows, getattr(rows, kind), (raw, thin, audit["cuts"]))
                if value is not None:
                    place = (f"{kind}|cut|{row['metric']}", "few" if row["n_outcomes"] < 50 else "enough")
                    cells[(*place, "total")] += 1
                    cells[(*place, "inside")] += row["lower"] <= value <= row["upper"]
    counted = Counter()
    for name, one in arm["cells"].items():
        metric, size = name.rsplit("|", 1)
        if metric.rsplit("|", 1)[1] in ("selection_rate", "fnr") and "|cut|" in name:
            for part, count in one.items():
                counted[metric, size.replace("thin", "enough"), part] += count
    assert sum(cells.values()) > 50
    assert +cells == +counted
    the_audit_comes_out_again(experiment, folders)
    before = (folders[0] / "audit.json").stat().st_mtime_ns
    assert main.measure(kept, {"alike": 2}, size=6000) == found  # nothing is run again
    assert (folders[0] / "audit.json").stat().st_mtime_ns == before
    other = {**json.loads((folders[0] / "audit.json").read_text()), "code": "of another day", "fairness": {}}
    (folders[0] / "audit.json").write_text(json.dumps(other))
    assert main.measure(kept, {"alike": 2}, size=6000) == found  # audited again, of the same rows


def the_audit_comes_out_again(experiment, folders):
    """From what was kept of a borough follows all that its audit said."""
    main, judging = experiment["boroughs"], experiment["judging"]
    study = main.ARMS["alike"].load(seed=5002, size=6000)
    kept = json.loads((folders[1] / "audit.json").read_text())
    assert main.audit_again(folders[1], study) == kept
    pool = judging.Pool.of([experiment["boroughs_rows"].Rows.load(folder) for folder in folders], study)
    use = judging.Use.of(
        main.CalibratedModel.from_state(kept["model"]), pool.boroughs, kept["cuts"], study.capacity
    )
    again = judging.bounds_again(pool, use, pool.number == 1, study, study.audit.recording, seed=kept["seed"])
    assert len(again) == len(kept["recording"]["bounds"])
    for one, said in zip(again, kept["recording"]["bounds"], strict=True):
        for name, value in said.items():
            if name not in ("lower", "upper"):  # these come from other resamples
                assert one[name] == (pytest.approx(value) if isinstance(value, float) else value)


def by_row(row, rows, labels, said):
    """Return a group's selection rate or false negative rate, young person by young person; None if too few can tell."""
    raw, thin, cuts = said
    names = row["attribute"].split(" x ")
    n = offered = happened = missed = 0.0
    n_other = 0.0
    for i in range(len(raw)):
        if " x ".join(rows.audited.columns[name][i] for name in names) != row["group"]:
            continue
        cut, share = cuts[str(rows.cohort.index_day[i])]
        offer = 0.0 if thin[i] or raw[i] < cut else 1.0 if raw[i] > cut else share
        n, offered = n + 1, offered + offer
        happened += labels.weight[i] * labels.outcome[i]
        n_other += labels.weight[i] * (1 - labels.outcome[i])
        missed += labels.weight[i] * labels.outcome[i] * (1 - offer)
    if row["metric"] == "selection_rate":
        return offered / n if n else None
    return missed / happened if min(happened, n_other) >= 50 else None
