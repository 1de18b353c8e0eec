"""`python -m riskmodel.train` as a user runs it, and what it leaves behind."""

import json
import sqlite3
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from sklearn.metrics import roc_auc_score

from riskmodel.models import CalibratedModel
from riskmodel.models.scorecard import Scorecard
from riskmodel.pipeline import run_stages
from riskmodel.stages import front_end
from riskmodel.study import load_study

CONTRACT = {
    "study.resolved.yaml", "provenance.json", "attrition.json", "metrics.json", "fairness.json", "fairness.public.json",
    "label_bias.json", "proxies.json", "privacy.json", "predictions.parquet", "contributions.parquet", "models",
    "explanations.json", "card.json", "card.md", "card.html", "plots", "leaks.json", "selection.json", "policies.json", "sample_size.json",
    "uncertainty.json", "robustness.json", "calibration.json",
    "scorecard.html", "scorecard.md", "scorecard.json",
    "curves.json", "optimism.json", "recording.json", "no_support.json",
}  # fmt: skip
FAMILIES = {"prior", "count", "logistic", "ebm", "xgboost"}
SAME_BYTES = (
    "metrics.json",
    "fairness.json",
    "fairness.public.json",
    "predictions.parquet",
    "contributions.parquet",
    "card.md",
)


def read(folder, name):
    return json.loads((folder / name).read_text())


@pytest.fixture(scope="module")
def rebuilt(finished):
    """The front end of the run, from its resolved study and the store."""
    study = load_study(finished.folder / "study.resolved.yaml")
    return run_stages(front_end(study), study, store=finished.out / ".store", progress=lambda *_: None)


def test_the_run_folder_holds_what_the_contract_says(finished):
    assert {path.name for path in finished.folder.iterdir()} == CONTRACT
    assert {path.stem for path in (finished.folder / "models").iterdir()} == FAMILIES
    assert {"offers.svg", "reliability.svg", "decision_curve.svg", "selection.svg"} <= {
        path.name for path in (finished.folder / "plots").iterdir()
    }
    assert finished.folder.name.startswith("default-2")


def test_the_command_prints_one_object(finished):
    assert set(finished.printed["models"]) == FAMILIES
    assert finished.printed["selected"] in FAMILIES
    assert finished.printed["split"] == "test_all"


@pytest.mark.parametrize(
    "name",
    [
        "metrics",
        "curves",
        "optimism",
        "fairness",
        "fairness.public",
        "label_bias",
        "proxies",
        "privacy",
        "card",
        "explanations",
        "sample_size",
        "scorecard",
        "leaks",
        "selection",
        "uncertainty",
        "robustness",
        "calibration",
        "recording",
        "no_support",
    ],
)
def test_files_follow_their_schemas(finished, name):
    text = resources.files("riskmodel").joinpath(f"publish/schemas/{name}.schema.json").read_text()
    Draft202012Validator(json.loads(text)).validate(read(finished.folder, f"{name}.json"))


def test_curves_and_optimism_repeat_what_the_metrics_say(finished):
    metrics, curves, optimism = (
        read(finished.folder, f"{n}.json") for n in ("metrics", "curves", "optimism")
    )
    selected = metrics["models"][metrics["selected"]]
    (own,) = [one for one in curves["capacity"] if one["share"] == curves["own_capacity"]]
    for name in ("recall", "precision"):
        assert own[name] == pytest.approx(selected[curves["split"]][f"{name}_at_capacity"])
    recalls = [one["recall"]["estimate"] for one in curves["capacity"]]
    assert recalls == sorted(recalls)
    assert curves["lift"][-1]["lift"]["estimate"] == pytest.approx(1)
    for family, found in optimism["models"].items():
        for name, pair in found.items():
            assert pair["apparent"] == metrics["models"][family]["train"][name]
            assert pair["corrected"] == metrics["models"][family]["crossfit"][name]
    assert optimism["models"]["xgboost"]["auroc"]["difference"]["lower"] > 0  # trees remember


def test_the_card_says_how_good_it_is_in_three_more_ways(finished):
    names = [one["name"] for one in read(finished.folder, "card.json")["checks"]]
    assert {"calibration_distance", "capacity", "optimism"} <= set(names)


def test_what_unequal_records_would_change_is_in_the_files_and_on_the_card(finished):
    recording, fairness = (read(finished.folder, f"{name}.json") for name in ("recording", "fairness"))
    assert recording["need"] == "harm_health"
    found = {
        (row["attribute"], row["group"], row["metric"]): row
        for row in fairness["rows"]
        if row["model"] == recording["family"]
    }
    compared = 0
    for row in recording["bounds"]:
        key = (row["attribute"], row["group"], row["metric"])
        if row["status"] == "ok" and key in found:
            assert row["recorded"] == pytest.approx(found[key]["estimate"], abs=1e-12)
            assert row["lower"] <= row["lower_bound"] <= row["recorded"] + 1e-12
            assert row["upper_bound"] <= row["upper"]
            compared += 1
    assert compared > 0
    firm = [
        one
        for one in fairness["differences"]
        if one["model"] == recording["family"]
        and one["metric"] in ("tpr", "fnr", "fpr", "ppv", "calibration_intercept")
        and one["verdict"] in ("within", "exceeds")
    ]
    assert len(recording["tipping_points"]) == 2 * len(firm)
    for row in recording["tipping_points"]:
        if row["difference_tipping_point"] is not None:  # a statement falls before its difference does
            assert row["tipping_point"] <= row["difference_tipping_point"]
    names = [one["name"] for one in read(finished.folder, "card.json")["checks"]]
    assert {"recording", "equal_need"} <= set(names)


def test_every_family_is_measured_on_every_split(finished):
    metrics = read(finished.folder, "metrics.json")["models"]
    for family in FAMILIES:
        assert set(metrics[family]) == {"train", "crossfit", "test_new", "test_all"}
    counts = {split: found["auroc"]["n_subjects"] for split, found in metrics["ebm"].items()}
    assert counts["train"] == counts["crossfit"] > counts["test_new"]
    assert counts["test_all"] > counts["test_new"]


def test_the_metrics_are_those_of_the_predictions_and_the_labels(finished, rebuilt):
    predictions = pd.read_parquet(finished.folder / "predictions.parquet")
    labels = rebuilt.results["population"].outcomes.test["harm"]
    metrics = read(finished.folder, "metrics.json")["models"]
    for family in FAMILIES:
        rows = predictions[(predictions.family == family) & (predictions.split == "test_all")]
        place = rows.row_id.to_numpy()
        expected = roc_auc_score(labels.outcome[place], rows.raw_score, sample_weight=labels.weight[place])
        assert metrics[family]["test_all"]["auroc"]["estimate"] == pytest.approx(expected, abs=1e-12)


def test_models_are_loaded_back_to_the_bit(finished, rebuilt):
    predictions = pd.read_parquet(finished.folder / "predictions.parquet")
    features = rebuilt.results["features"]
    for family in FAMILIES:
        model = CalibratedModel.load(finished.folder / "models" / f"{family}.json")
        rows = predictions[(predictions.family == family) & (predictions.split == "test_all")]
        raw = model.model.raw_score(features)[rows.row_id.to_numpy()]
        assert np.array_equal(raw, rows.raw_score.to_numpy())
        thin = model.too_thin(features)[rows.row_id.to_numpy()]
        said = zip(("risk_estimate", "lower", "upper"), (model.risk(raw), *model.interval(raw)), strict=True)
        assert np.array_equal(thin, rows.abstained.to_numpy())
        for name, values in said:
            assert np.array_equal(np.where(thin, np.nan, values), rows[name].to_numpy(), equal_nan=True)


def test_estimates_lie_in_their_ranges_and_who_has_none_is_offered_nothing(finished):
    rows = pd.read_parquet(finished.folder / "predictions.parquet")
    silent, said = rows[rows.abstained], rows[~rows.abstained]
    assert 0 < len(silent) < 0.2 * len(rows)
    assert silent.offered.sum() == 0
    assert silent[["risk_estimate", "lower", "upper"]].isna().to_numpy().all()
    assert (said.lower <= said.risk_estimate).all()
    assert (said.risk_estimate <= said.upper).all()


def test_what_the_card_says_of_ranges_and_of_worse_data_is_in_the_files(finished):
    uncertainty, robustness = (
        read(finished.folder, f"{name}.json") for name in ("uncertainty", "robustness")
    )
    selected = read(finished.folder, "metrics.json")["selected"]
    rows = pd.read_parquet(finished.folder / "predictions.parquet")
    rows = rows[(rows.family == selected) & (rows.split == "test_all")]
    everyone = next(one for one in uncertainty["abstention"] if one["attribute"] == "everyone")
    assert everyone["share"]["estimate"] == pytest.approx(rows.abstained.mean())
    as_is = read(finished.folder, "metrics.json")["models"][selected]["test_all"]
    for name, one in robustness["as_is"].items():
        assert one["estimate"] == pytest.approx(as_is[name]["estimate"])
    checks = {one["name"] for one in read(finished.folder, "card.json")["checks"]}
    assert {"uncertainty", "abstention", "robustness"} <= checks


def test_contributions_add_up_to_the_raw_score(finished):
    import pyarrow.parquet as pq

    table = pq.read_table(finished.folder / "contributions.parquet")
    base = float(table.schema.metadata[b"base"])
    sums = table.drop_columns(["row_id"]).to_pandas().sum(axis=1) + base
    selected = read(finished.folder, "metrics.json")["selected"]
    predictions = pd.read_parquet(finished.folder / "predictions.parquet")
    rows = predictions[(predictions.family == selected) & (predictions.split == "test_all")].set_index(
        "row_id"
    )
    assert np.allclose(sums, rows.raw_score.loc[table.column("row_id").to_pylist()], atol=1e-5)


def test_provenance_says_what_decided_the_numbers(finished):
    said = read(finished.folder, "provenance.json")
    assert said["seed"] == 20261122
    assert said["threads"] == 1
    assert {"code", "packages", "data_fingerprint", "model_digest", "timings", "peak_memory_mb"} <= set(said)
    assert not any(timing["reused"] for timing in said["timings"])


def test_the_logbook_holds_the_run_the_card_and_no_person(finished, rebuilt):
    with sqlite3.connect(finished.out / "mlflow.db") as database:
        status = database.execute("select status from runs").fetchall()
        metrics = dict(database.execute("select key, value from metrics").fetchall())
        alias = database.execute("select alias from registered_model_aliases").fetchall()
        everything = "\n".join(database.iterdump())
    database.close()
    assert status == [("FINISHED",)]
    assert alias == [("candidate",)]
    assert {"ebm/test_all/auroc", "ebm/test_all/auroc/lower", "ebm/test_all/auroc/upper"} <= set(metrics)
    files = [path for path in (finished.out / "mlartifacts").rglob("*") if path.is_file()]
    assert {"card.html", "model.json", "reliability.svg", "fairness.public.json"} <= {
        path.name for path in files
    }
    assert not {path.name for path in files} & {
        "predictions.parquet",
        "contributions.parquet",
        "fairness.json",
        "ebm.json",
    }
    logged = everything + "".join(path.read_text() for path in files)
    people = rebuilt.results["population"].cohort.subject_id
    long_numbers = {str(one) for one in people if one > 10_000_000}
    assert not {one for one in long_numbers if one in logged}


def test_nothing_below_the_threshold_leaves(finished):
    for row in read(finished.folder, "fairness.public.json")["rows"]:
        for count in ("n_subjects", "n_outcomes"):
            assert row[count] is None or row[count] == 0 or row[count] >= 10
            assert row[count] is None or row[count] % 5 == 0


@pytest.fixture(scope="module")
def again(finished):
    """The same study again, with every truth file replaced by noise."""
    from running import train

    truths = sorted((finished.out / ".store").glob("extracts-*/borough/truth/*"))
    assert len(truths) >= 4
    for path in truths:
        path.write_bytes(np.random.default_rng(0).bytes(1000))
    return train(finished.out)


def test_a_second_run_reuses_the_front_end_and_gives_the_same_bytes_whatever_the_truth(finished, again):
    reused = {one["stage"] for one in read(again.folder, "provenance.json")["timings"] if one["reused"]}
    assert reused == {"extracts", "intake", "population", "features"}
    for name in SAME_BYTES:
        assert (again.folder / name).read_bytes() == (finished.folder / name).read_bytes(), name
    models = {path.name for path in (finished.folder / "models").iterdir()}
    for name in models:
        assert (again.folder / "models" / name).read_bytes() == (
            finished.folder / "models" / name
        ).read_bytes()
    assert again.folder != finished.folder
    assert Path(again.folder).is_dir()


def test_referrals_with_as_many_offers_are_set_beside_the_models(finished, rebuilt):
    """The oracle: as many offers at each date, those referred first, every tie an equal chance."""
    population = rebuilt.results["population"]
    rows = pd.read_parquet(finished.folder / "predictions.parquet")
    rows = rows[(rows.family == "prior") & (rows.split == "test_all")]
    place = rows.row_id.to_numpy()
    referred, labels = population.referred[place], population.outcomes.test["harm"]
    day = population.cohort.index_day[place]
    capacity = load_study(finished.folder / "study.resolved.yaml").capacity
    assert (
        np.diff(np.unique(day)).min() >= capacity.repeat_days
    )  # so dates do not take offers from each other
    chance = np.zeros(len(place))
    for one in np.unique(day):
        here = day == one
        offers = int(capacity.share * here.sum() + 0.5)
        to_them = min(offers, (here & referred).sum())
        chance[here & referred] = to_them / (here & referred).sum()
        chance[here & ~referred] = (offers - to_them) / (here & ~referred).sum()
    happened, weight = labels.outcome[place], labels.weight[place]
    found = read(finished.folder, "policies.json")["referral"]["at_capacity"]
    assert found["offered_share"] == pytest.approx(chance.mean())
    reached = float(np.sum(weight * happened * chance))
    assert found["recall"]["estimate"] == pytest.approx(reached / np.sum(weight * happened))
    assert found["precision"]["estimate"] == pytest.approx(reached / np.sum(weight * chance))


def test_the_scorecard_is_that_of_the_logistic_model_and_its_loss_is_measured(finished, rebuilt):
    record = read(finished.folder, "scorecard.json")
    card = Scorecard.from_state(record["state"])
    features, labels = rebuilt.results["features"], rebuilt.results["population"].outcomes.test["harm"]
    logistic = CalibratedModel.load(finished.folder / "models" / "logistic.json").model
    assert set(card.points.names) <= set(logistic.names)
    rows = pd.read_parquet(finished.folder / "predictions.parquet")
    place = rows[(rows.family == "logistic") & (rows.split == "test_all")].row_id.to_numpy()
    given = {"y_true": labels.outcome[place], "sample_weight": labels.weight[place]}
    full = roc_auc_score(y_score=logistic.raw_score(features)[place], **given)
    short = roc_auc_score(y_score=card.total(features)[place], **given)
    (shown,) = [
        row for row in record["losses"] if row[0].startswith("Later") and row[1].startswith("Ranking")
    ]
    assert shown[2:4] == [f"{full:.3f}", f"{short:.3f}"]
    assert len({row[0] for row in record["losses"]}) == 2
    assert int(card.total(features).max()) <= record["most"]
