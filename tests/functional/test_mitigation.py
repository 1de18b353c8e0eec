"""The frontier, the input audit and a chosen point, from a file to the card, on a table with a planted bias."""

import json
from importlib import resources

import numpy as np
import pandas as pd
import pytest
import yaml
from jsonschema import Draft202012Validator

from riskmodel.errors import PolicyError, StudyError
from riskmodel.jobs import train
from riskmodel.study import load_study

N = 5000
LAWFUL = "Analysis of recording only, agreed in writing with the council's ethics board."
CHOSEN = {"by": "the ethics board", "reason": "It misses fewer young people of the group worst off."}


def table():
    """Need is alike in both groups; what the police wrote down is not: everybody of group B was named more often."""
    rng = np.random.default_rng(17)
    group = np.where(rng.random(N) < 0.4, "B", "A")
    need = rng.normal(size=N)
    harmed = rng.random(N) < 1 / (1 + np.exp(2.0 - 1.4 * need))
    named = need + 0.5 * rng.normal(size=N) + np.where(group == "B", 1.2, 0.0)
    return pd.DataFrame(
        {
            "id": np.arange(N), "group": group, "side": np.where(rng.random(N) < 0.6, "train", "test"),
            "harmed": harmed.astype(int),
            "hurt": (harmed & (rng.random(N) < 0.7)).astype(int),
            "rare": (rng.random(N) < 0.001).astype(int),
            "school": np.round(need + 0.8 * rng.normal(size=N), 1),
            "postcode_score": np.round(1.5 * (group == "B") + rng.normal(size=N), 1),
            "named": np.round(named, 1),
        }
    )  # fmt: skip


def outcome(column):
    return {
        "column": column,
        "description": f"was {column}",
        "phrase": f"was {column}",
        "yes": ["1"],
        "no": ["0"],
    }


def feature(column, agency, *, made=False):
    return {"column": column, "description": f"score of {column}", "concept": "something counted",
            "agency": agency, "enforcement_made": made}  # fmt: skip


def study(folder, name="flat", *, made=True, **audit):
    data = {
        "kind": "table", "path": str(folder / "table.csv"), "subject": "id", "chosen": "harmed",
        "side": {"column": "side", "train": ["train"], "test": ["test"]},
        "outcomes": {name: outcome(name) for name in ("harmed", "hurt", "rare")},
        "audited": {"group": {"column": "group", "values": {"A": "A", "B": "B"}}},
        "features": {
            "school": feature("school", "EDU"),
            "area": feature("postcode_score", "HOME"),
            "named": feature("named", "POLICE", made=made),
        },
    }  # fmt: skip
    written = {
        "name": name, "purpose": "To see what a choice does to a planted bias.", "seed": 5, "data": data,
        "split": {"reason": "the file sets its own rows apart"},
        "models": {"families": ["logistic"], "folds": 3}, "capacity": {"share": 0.1, "repeat_days": 0},
        "validation": {"replicates": 200}, "policy": {"enforcement": LAWFUL}, "tracking": {"enabled": False},
        "audit": audit,
    }  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(written))
    return load_study(path)


def read(folder, name):
    return json.loads((folder / name).read_text())


def check(folder, name):
    return next(one for one in read(folder, "card.json")["checks"] if one["name"] == name)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mitigation")
    table().to_csv(folder / "table.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def run(place):
    mitigation = {"frontier": True, "exponentiated_gradient": True, "rounds": 3, "capacities": [0.1, 0.2]}
    return train(study(place, mitigation=mitigation, inputs={"enabled": True}), out=place / "runs")


@pytest.fixture(scope="module")
def points(run):
    return {one["name"]: one for one in read(run, "mitigation.json")["points"]}


def gap(point, metric="fnr"):
    return next(one for one in point["gaps"] if one["metric"] == metric)


@pytest.mark.parametrize("name", ["mitigation", "input_audit", "card"])
def test_files_follow_their_schemas(run, name):
    text = resources.files("riskmodel").joinpath(f"publish/schemas/{name}.schema.json").read_text()
    Draft202012Validator(json.loads(text)).validate(read(run, f"{name}.json"))


def test_every_point_that_can_be_made_is_there_and_every_other_says_why(run, points):
    assert set(points) == {
        "as_is", "reweighing", "without_enforcement", "label:hurt", "exponentiated_gradient", "capacity:0.2",
        "thresholds_by_group",
    }  # fmt: skip
    assert read(run, "mitigation.json")["left_out"] == {
        "label:rare": "too few young people had this outcome to learn from"
    }


def test_as_it_is_is_the_model_of_the_run(run, points):
    metrics = read(run, "metrics.json")["models"]["logistic"]["test_all"]
    for name, found in points["as_is"]["metrics"].items():
        assert found["estimate"] == pytest.approx(metrics[name]["estimate"], abs=1e-12)


def test_the_planted_bias_narrows_where_it_is_taken_out(points):
    before = gap(points["as_is"])
    assert abs(before["estimate"]) > 0.1
    for name in ("without_enforcement", "thresholds_by_group"):
        assert gap(points[name])["change"]["upper"] < -0.05, name
    assert points["thresholds_by_group"]["worst"][0]["change"]["upper"] < 0
    assert points["exponentiated_gradient"]["share"] == pytest.approx(0.1, abs=0.002)
    assert points["capacity:0.2"]["change"]["recall_at_capacity"]["lower"] > 0


def test_the_card_says_that_nothing_was_mitigated_and_shows_the_choices(run):
    found = check(run, "mitigation")
    assert found["sentences"][0].startswith("Nothing was mitigated")
    names = [row[0] for row in found["rows"]]
    assert "Thresholds by group (needs legal advice: Equality Act 2010; cannot be chosen)" in names
    assert (run / "plots" / "mitigation.svg").is_file()
    assert "mitigation-t" in (run / "card.html").read_text()


@pytest.fixture(scope="module")
def blocks(run):
    found = read(run, "input_audit.json")["blocks"]
    return {one["block"]["kind"] + ":" + one["block"]["what"]: one for one in found}


def test_the_input_audit_leaves_out_agencies_and_enforcement(run, blocks):
    assert set(blocks) == {"agency:EDU", "agency:HOME", "agency:POLICE", "enforcement:", "residual:group"}
    assert blocks["enforcement:"]["change"]["auroc"]["upper"] < 0
    by_group = {one["group"]: one["change"] for one in blocks["enforcement:"]["selection"]}
    assert by_group["B"]["upper"] < 0 < by_group["A"]["lower"]
    assert "everything made by enforcement" in [row[0] for row in check(run, "inputs")["rows"]]


def test_what_the_group_explains_is_taken_out_and_the_rest_kept(blocks):
    """The score tells the group no better than a guess, and far less is lost than by leaving out what the group made differ."""
    one = blocks["residual:group"]
    assert set(one["block"]["features"]) == {"school", "area", "named"}
    assert abs(one["told"]["before"] - 0.5) > 0.1  # below .5: told the other way round
    assert one["told"]["after"] == pytest.approx(0.5, abs=0.03)
    assert one["change"]["auroc"]["lower"] > blocks["enforcement:"]["change"]["auroc"]["upper"]
    assert all(end in one["metrics"]["calibration_intercept"] for end in ("estimate", "lower", "upper"))
    by_group = {each["group"]: each for each in one["selection"]}
    assert by_group["A"]["after"]["estimate"] == pytest.approx(by_group["B"]["after"]["estimate"], abs=0.03)


def test_the_card_shows_the_residual_and_says_that_it_is_for_comparison(run):
    found = check(run, "inputs")
    assert any(row[0].startswith("what group explains of the 3 inputs") for row in found["rows"])
    assert any("Equality Act 2010" in one for one in found["sentences"])


def test_results_do_not_depend_on_the_number_of_threads(place, run):
    spec = load_study(run / "study.resolved.yaml").model_copy(update={"threads": 1})
    again = train(spec, out=place / "runs")
    for name in ("mitigation.json", "input_audit.json", "plots/mitigation.svg"):
        assert (again / name).read_bytes() == (run / name).read_bytes(), name


def test_carriers_are_left_out_where_something_else_is_left(place):
    spec = study(place, "carriers", inputs={"enabled": True, "carriers": 1})
    folder = train(spec, out=place / "runs")
    (told,) = [
        one for one in read(folder, "input_audit.json")["blocks"] if one["block"]["kind"] == "carriers"
    ]
    assert len(told["block"]["features"]) == 1
    assert told["told"]["before"] != told["told"]["after"] or told["block"]["features"] == ["area"]


def test_by_default_nothing_is_fitted_again_and_the_card_says_so(place):
    folder = train(study(place, "plain"), out=place / "runs")
    assert not (folder / "mitigation.json").exists()
    assert not (folder / "input_audit.json").exists()
    sentences = check(folder, "mitigation")["sentences"]
    assert sentences[0].startswith("Nothing was mitigated")
    assert "not measured in this run" in sentences[1]
    assert check(folder, "inputs")["sentences"][0].startswith("Not asked in this run")


@pytest.mark.parametrize("point", ["reweighing", "without_enforcement", "label:hurt"])
def test_train_learns_by_the_chosen_point_and_the_card_says_who_chose(place, points, point):
    """The model of the run is then the one that the frontier showed."""
    name = "chosen-" + point.replace(":", "-").replace("_", "-")
    folder = train(study(place, name, mitigation={"chosen": {"point": point, **CHOSEN}}), out=place / "runs")
    metrics = read(folder, "metrics.json")["models"]["logistic"]["test_all"]
    for metric, found in points[point]["metrics"].items():
        assert metrics[metric]["estimate"] == pytest.approx(found["estimate"], abs=1e-12), metric
    first = check(folder, "mitigation")["sentences"][0]
    assert first.startswith("The ethics board chose")
    assert "It misses fewer young people of the group worst off." in first
    used = read(folder, "models/logistic.json")["model"]
    assert ("named" in json.dumps(used)) == (point != "without_enforcement")


def test_a_chosen_capacity_is_the_capacity(place, points):
    chosen = {"point": "capacity:0.2", **CHOSEN}
    spec = study(
        place, "chosen-capacity", mitigation={"chosen": chosen, "capacities": [0.1, 0.2], "frontier": True}
    )
    folder = train(spec, out=place / "runs")
    found = read(folder, "metrics.json")["models"]["logistic"]["test_all"]["recall_at_capacity"]["estimate"]
    assert found == pytest.approx(
        points["capacity:0.2"]["metrics"]["recall_at_capacity"]["estimate"], abs=1e-12
    )
    assert yaml.safe_load((folder / "study.resolved.yaml").read_text())["capacity"]["share"] == 0.2
    record = read(folder, "mitigation.json")
    assert record["chosen"] == "capacity:0.2"
    assert "capacity:0.1" in [one["name"] for one in record["points"]]
    assert any("with what was chosen in it" in one for one in check(folder, "mitigation")["sentences"])


def test_a_choice_that_does_not_exist_or_is_not_allowed_stops_before_anything_is_read(place):
    with pytest.raises(StudyError) as caught:
        study(place, "wrong", mitigation={"chosen": {"point": "label:hrt", **CHOSEN}})
    assert "did you mean label:hurt" in str(caught.value)
    with pytest.raises(StudyError) as caught:
        study(place, "never", mitigation={"chosen": {"point": "thresholds_by_group", **CHOSEN}})
    assert "Equality Act 2010" in str(caught.value)
    with pytest.raises(StudyError, match="'residual:group' cannot be chosen"):
        study(place, "residual", mitigation={"chosen": {"point": "residual:group", **CHOSEN}})


def test_there_must_be_enforcement_made_inputs_to_leave_out(place):
    spec = study(place, "none", made=False, mitigation={"chosen": {"point": "without_enforcement", **CHOSEN}})
    with pytest.raises(StudyError, match="there is none among the features"):
        train(spec, out=place / "runs")


def test_learning_from_an_enforcement_made_outcome_needs_its_basis(place):
    spec = study(place, "justice", made=False, mitigation={"chosen": {"point": "label:hurt", **CHOSEN}})
    table = spec.data.model_copy(
        update={
            "outcomes": {
                **spec.data.outcomes,
                "hurt": spec.data.outcomes["hurt"].model_copy(update={"kind": "justice"}),
            }
        }
    )
    bare = spec.model_copy(
        update={"data": table, "policy": spec.policy.model_copy(update={"enforcement": None})}
    )
    with pytest.raises(PolicyError, match="'hurt': an enforcement-made outcome"):
        train(bare, out=place / "runs")


def test_without_a_test_everything_is_judged_out_of_fold(place):
    spec = study(place, "folds", mitigation={"frontier": True, "exponentiated_gradient": True})
    spec = spec.model_copy(
        update={
            "data": spec.data.model_copy(update={"side": None}),
            "split": spec.split.model_copy(update={"design": "cross_validation"}),
        }
    )
    folder = train(spec, out=place / "runs")
    record = read(folder, "mitigation.json")
    assert "for each fold" in record["left_out"]["exponentiated_gradient"]
    points = {one["name"]: one for one in record["points"]}
    crossfit = read(folder, "metrics.json")["models"]["logistic"]["crossfit"]
    assert points["as_is"]["metrics"]["auroc"]["estimate"] == pytest.approx(crossfit["auroc"]["estimate"])
    assert gap(points["without_enforcement"])["change"]["upper"] < 0


def test_a_baseline_learns_nothing_that_could_change(place):
    spec = study(
        place,
        "baseline",
        mitigation={"frontier": True, "exponentiated_gradient": True},
        inputs={"enabled": True},
    )
    prior = spec.models.prior.model_copy(update={"features": ("school",)})
    spec = spec.model_copy(
        update={"models": spec.models.model_copy(update={"families": ("prior",), "prior": prior})}
    )
    folder = train(spec, out=place / "runs")
    record = read(folder, "mitigation.json")
    assert "baseline" in record["left_out"]["reweighing"]
    assert "baseline" in record["left_out"]["exponentiated_gradient"]
    assert record["points"][0]["name"] == "as_is"
    assert not (folder / "input_audit.json").exists()


def test_nobody_audited_leaves_what_needs_no_group(place):
    spec = study(
        place, "nobody", attributes=[], mitigation={"frontier": True, "exponentiated_gradient": True}
    )
    folder = train(spec, out=place / "runs")
    record = read(folder, "mitigation.json")
    assert record["attribute"] is None
    assert {"as_is", "without_enforcement", "label:hurt"} <= {one["name"] for one in record["points"]}
    assert not {"reweighing", "thresholds_by_group"} & {one["name"] for one in record["points"]}
    assert not (folder / "plots" / "mitigation.svg").exists()
