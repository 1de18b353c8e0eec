"""The comparison on flat files: its page is made from its results, and its made files are read as they are meant."""

import json
from pathlib import Path

import pytest
from experiments_kit import load_experiment

from riskmodel.features import read_table
from riskmodel.study import load_study

HERE = Path(__file__).parents[2] / "experiments" / "flat"


def load(name):
    return load_experiment("flat", name)


def test_the_page_is_made_from_the_results():
    results = json.loads((HERE / "results.json").read_text())
    assert (HERE / "README.md").read_text() == load("flat_page").page(results)
    assert [one["file"] for one in results["files"]] == list(load("flat_files").FILES)


def test_what_is_behind_is_the_better_peer_less_ours():
    for one in json.loads((HERE / "results.json").read_text())["files"]:
        better, ours = max(one["peers"].values()), one["families"][one["selected"]]
        assert one["peers"][one["against"]] == better
        assert one["behind"]["estimate"] == pytest.approx(better - ours, abs=1.1e-4)
        assert one["behind"]["lower"] <= one["behind"]["estimate"] <= one["behind"]["upper"]


def test_a_file_with_everything_awkward_is_read_without_a_declared_column(tmp_path):
    study = load_study(load("flat_files").make_file("sorted", 5).write(tmp_path))
    found = read_table(study.data)
    numbers = {f"item_{j}" for j in range(1, 8)} | {"visits"}
    assert {name for name, one in found.inferred.items() if one.get("kind", "number") == "number"} == numbers
    assert set(found.inferred) - numbers == {"kind"}
    assert "visits__refused" in found.features.names
    assert any(note.endswith(": record, row_number.") for note in found.notes)


def test_official_rows_are_the_test_and_a_survey_is_a_survey(tmp_path):
    files = load("flat_files")
    assert load_study(files.make_file("official", 5).write(tmp_path)).split.design == "declared"
    sampling = read_table(load_study(files.make_file("survey", 5).write(tmp_path)).data).sampling
    assert (len(set(sampling.unit)), len(set(sampling.stratum))) == (160, 8)
