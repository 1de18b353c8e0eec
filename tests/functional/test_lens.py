"""From published searches to the audit: `riskmodel stop-search`, and a study that names its report."""

import json
from importlib import resources

import numpy as np
import pandas as pd
import pytest
import yaml
from jsonschema import Draft202012Validator
from stops_kit import CENSUS, many, write

from riskmodel.cli import main
from riskmodel.errors import StudyError
from riskmodel.jobs import train
from riskmodel.stages.lens import record_maker
from riskmodel.study import load_study


def table(folder):
    rng = np.random.default_rng(3)
    n = 1500
    group = rng.choice(["White", "Black"], n, p=[0.7, 0.3])
    need = rng.normal(size=n)
    harmed = rng.random(n) < 1 / (1 + np.exp(1.5 - need))
    columns = {"id": np.arange(n), "group": group, "side": np.where(rng.random(n) < 0.6, "train", "test"),
               "harmed": harmed.astype(int), "school": np.round(need, 1)}  # fmt: skip
    pd.DataFrame(columns).to_csv(folder / "table.csv", index=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lens")
    (folder / "census.csv").write_text(CENSUS)
    stops = write(folder, many([(300, 90, {}), (600, 100, {"who": "Black"}), (5, 2, {"who": "Asian"})]))
    arguments = [
        "--population",
        folder / "census.csv",
        "--authority",
        "Anyborough",
        "--out",
        folder / "stops",
    ]
    assert main(["stop-search", str(stops), *map(str, arguments), "--quiet"]) == 0
    table(folder)
    return folder


def study(folder, *, kind="victim", groups=("White", "Black"), **recording):
    data = {
        "kind": "table", "path": "table.csv", "subject": "id", "chosen": "harmed",
        "side": {"column": "side", "train": ["train"], "test": ["test"]},
        "outcomes": {"harmed": {"column": "harmed", "description": "was harmed", "phrase": "was harmed",
                                "yes": ["1"], "no": ["0"], "kind": kind}},
        "audited": {"ethnicity": {"column": "group", "values": dict(zip(("White", "Black"), groups, strict=True))}},
        "features": {"school": {"column": "school", "description": "score in school", "concept": "school"}},
    }  # fmt: skip
    written = {
        "name": "lens", "purpose": "To see what a measured lens does to an audit.", "seed": 5, "data": data,
        "split": {"reason": "the file sets its own rows apart"}, "threads": 1,
        "models": {"families": ["logistic"], "folds": 3}, "capacity": {"share": 0.1, "repeat_days": 0},
        "validation": {"replicates": 200}, "tracking": {"enabled": False}, "audit": {"recording": recording},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_the_measured_ratio_widens_the_range_and_is_written_down(place):
    run = train(load_study(study(place, stop_search="stops/report.json")), out=place / "runs")
    recording = read(run, "recording.json")
    schema = resources.files("riskmodel").joinpath("publish/schemas/recording.schema.json").read_text()
    Draft202012Validator(json.loads(schema)).validate(recording)
    measured = recording["stop_search"]
    (black,) = measured["groups"]
    # 600 searches of 2,000 residents over 300 of 5,000 (the census of tests/kit).
    assert black["ratio"] == pytest.approx(5.0)
    assert (measured["reference"], measured["record_made_by"], measured["widened"]) == (
        "White",
        "police",
        True,
    )
    assert measured["detection_stated"] == [0.4, 1.0]
    assert recording["range"]["detection"] == pytest.approx([1 / black["upper"], 1.0])
    # The bounds follow the range: prevalence goes up to what is recorded over the lowest detection.
    row = next(one for one in recording["bounds"] if (one["group"], one["metric"]) == ("White", "prevalence"))
    assert row["upper_bound"] == pytest.approx(min(1.0, row["recorded"] * black["upper"]))
    card = (run / "card.md").read_text()
    assert "Black people were searched 5.0 times as often as White people" in card
    assert "lowered from 40 to" in card


def test_a_study_without_a_measurement_says_so_in_its_file(place):
    run = train(load_study(study(place)), out=place / "plain")
    recording = read(run, "recording.json")
    assert recording["stop_search"] is None
    assert recording["range"]["detection"] == [0.4, 1.0]
    assert "Stop and search was measured" not in (run / "card.md").read_text()


@pytest.mark.parametrize(
    ("named", "code", "said"),
    [
        ("none.json", 2, "there is no file"),
        ("census.csv", 5, "expected report.json of 'riskmodel stop-search --out'"),
        ({"report": "stops/report.json", "groups": ["Blak"]}, 2, "did you mean Black?"),
        ({"report": "stops/report.json", "groups": ["Asian"]}, 5, "no ratio with an interval for the group 'Asian'"),
        ({"report": "stops/report.json", "attribute": "ethnic"}, 2, "'ethnic' is not audited; did you mean ethnicity"),
        ({"report": "stops/report.json", "bench": "x"}, 2, "bench"),
    ],
)  # fmt: skip
def test_a_measurement_that_cannot_be_used_is_told_before_training(place, capsys, named, code, said):
    path = study(place, stop_search=named)
    assert main(["train", str(path), "--out", str(place / "none"), "--quiet"]) == code
    assert said in capsys.readouterr().err


def test_a_group_that_the_study_does_not_have_is_told(place, capsys):
    path = study(place, groups=("White British", "Black"), stop_search="stops/report.json")
    assert main(["train", str(path), "--out", str(place / "none"), "--quiet"]) == 2
    assert "compares 'White', and no young person's ethnicity is 'White'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("chosen", "maker"),
    [("harm", "police_in_part"), ("harm_health", "others"), ("victim", "police"), ("suspect_violence", "police")],
)  # fmt: skip
def test_who_writes_an_outcome_down_follows_from_its_codes(chosen, maker):
    assert record_maker(load_study(None, settings=[f"outcomes.chosen={chosen}"])) == maker


@pytest.mark.parametrize(
    ("kind", "maker"), [("harm", "not_said"), ("victim", "police"), ("justice", "police")]
)
def test_who_writes_an_outcome_of_a_flat_table_down_follows_from_its_kind(place, kind, maker):
    assert record_maker(load_study(study(place, kind=kind))) == maker


def test_a_path_is_relative_to_the_study(place):
    found = load_study(study(place, stop_search="stops/report.json")).audit.recording.stop_search
    assert found.report == place / "stops" / "report.json"
    with pytest.raises(StudyError, match="report"):
        load_study(study(place, stop_search={"groups": ["Black"]}))
