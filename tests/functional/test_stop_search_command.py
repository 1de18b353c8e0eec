"""`riskmodel stop-search` as a user runs it: on made-up files and on published ones."""

import csv
import json
from pathlib import Path

import pytest
from stops_kit import CENSUS, KNIVES, many, search, write

from riskmodel.cli import main

SHARED = Path(__file__).parents[3] / "shared" / "data"
PUBLISHED = SHARED / "stop_search"
needs_published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="needs ../shared/data/stop_search")


def measured(capsys, *arguments):
    code = main(["stop-search", *map(str, arguments), "--json"])
    captured = capsys.readouterr()
    return code, json.loads(captured.out) if code == 0 else captured.err


def counted(folder):
    """Count published files with the csv module and nothing else."""
    tallies = {"officer_defined": {}, "self_defined": {}}
    people = vehicles = 0
    heads = {"White": "White", "Black/": "Black", "Asian/": "Asian", "Mixed/": "Mixed", "Other": "Other"}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                if row["Type"] == "Vehicle search":
                    vehicles += 1
                    continue
                people += 1
                said = row["Self-defined ethnicity"]
                group = next((g for head, g in heads.items() if said.startswith(head)), "Unknown")
                if "Not stated" in said:
                    group = "Not stated"
                weapon = (
                    row["Object of search"]
                    in {"Offensive weapons", "Firearms", "Anything to threaten or harm anyone"}
                    or "section 60" in row["Legislation"]
                )
                outcome = row["Outcome"]
                found = "further action" not in outcome
                for name, who in (
                    ("officer_defined", row["Officer-defined ethnicity"] or "Unknown"),
                    ("self_defined", group),
                ):
                    tally = tallies[name].setdefault(who, [0, 0, 0, 0, 0, 0])
                    known = bool(outcome)
                    for place, one in enumerate(
                        (True, weapon, known, known and found, known and weapon, known and weapon and found)
                    ):
                        tally[place] += one
    return people, vehicles, tallies


@needs_published
def test_published_files_agree_with_an_independent_count(capsys):
    people, vehicles, tallies = counted(PUBLISHED)
    code, value = measured(capsys, PUBLISHED)
    assert code == 0
    assert (value["n_searches"], value["reading"]["vehicle_only"]) == (people, vehicles) == (67_335, 1_005)
    for definition, groups in tallies.items():
        for group, (n, weapons, known, found, weapons_known, weapons_found) in groups.items():
            row = value["by_ethnicity"][definition][group]
            assert row["n"] == n
            assert row["share"] == pytest.approx(n / people)
            assert row["weapon_share"] == pytest.approx(weapons / n)
            assert row["positive_share"] == pytest.approx(found / known)
            assert row["positive_share_weapon"] == pytest.approx(weapons_found / weapons_known)


@needs_published
def test_the_figures_that_the_borough_knows(capsys):
    """Duplicates kept, people in vehicles counted as people, unknown ethnicity in the denominator of shares."""
    groups = measured(capsys, PUBLISHED)[1]["by_ethnicity"]["officer_defined"]
    black, white = groups["Black"], groups["White"]
    assert (round(black["share"], 3), round(white["share"], 3)) == (0.417, 0.374)
    assert (round(black["weapon_share"], 3), round(white["weapon_share"], 3)) == (0.274, 0.138)
    assert (round(black["positive_share"], 3), round(white["positive_share"], 3)) == (0.281, 0.310)


@needs_published
def test_what_the_published_files_lack_is_said(capsys):
    value = measured(capsys, PUBLISHED)[1]
    assert value["gaps"]["never_filled"] == ["linked"]
    assert {(row["month"], row["column"]) for row in value["gaps"]["blank_months"]} == {
        (month, column) for month in ("2018-02", "2018-03") for column in ("age", "latitude")
    }
    assert value["gaps"]["object_from_law"] == ["2017-12"]
    assert [row["month"] for row in value["months"]] == [
        "2017-12",
        "2018-01",
        "2018-02",
        "2018-03",
        "2018-04",
        "2018-05",
    ]


@needs_published
@pytest.mark.skipif(not (SHARED / "reference").is_dir(), reason="needs ../shared/data/reference")
def test_the_borough_on_the_published_map(capsys):
    reference = SHARED / "reference"
    code, value = measured(
        capsys, PUBLISHED, "--population", reference / "ethnicity21_ltla21.csv", reference / "age_gender21_ltla21_ew.csv",
        "--area", reference / "waltham_forest_lsoa11.geojson", "--area", reference / "imd2019_waltham_forest_lsoa11.csv",
    )  # fmt: skip
    assert code == 0
    everywhere, area = value["scopes"]
    assert len(everywhere["authorities"]) == 32
    assert area["name"] == "searches placed in Waltham Forest"
    assert area["months_left_out"] == ["2018-02", "2018-03"]
    row = next(
        row for row in area["rates"]
        if (row["benchmark"], row["definition"], row["group"]) == ("residents", "officer_defined", "Black")
    )  # fmt: skip
    assert row["people"] == 41_647
    assert row["per_1000"] == pytest.approx(1000 * row["n"] / 41_647)
    # Published for 2020 to 2022 with a benchmark of an earlier census: 2.4 to 2.5, Black with Mixed White and Black.
    assert 2 < row["ratio"] < 6


@pytest.fixture
def files(tmp_path):
    rows = many([(300, 90, {}), (200, 40, {"who": "Black"}), (60, 20, {"who": "Asian", **KNIVES})])
    (tmp_path / "census.csv").write_text(CENSUS)
    return write(tmp_path, [*rows, search(kind="Vehicle search")]), tmp_path


def test_what_it_prints_and_writes(files, capsys):
    path, folder = files
    out = folder / "out"
    arguments = [path, "--population", folder / "census.csv", "--authority", "Anyborough", "--out", out]
    code, value = measured(capsys, *arguments)
    assert code == 0
    assert {"n_searches", "by_ethnicity", "scopes", "gaps", "cannot_say"} <= set(value)
    assert value["n_searches"] == 560
    (scope,) = value["scopes"]
    black = next(
        row for row in scope["rates"]
        if (row["benchmark"], row["definition"], row["group"]) == ("residents", "officer_defined", "Black")
    )  # fmt: skip
    assert (black["per_1000"], black["ratio"]) == (100.0, pytest.approx(200 / 300 * 5000 / 2000))
    assert json.loads((out / "report.json").read_text())["by_ethnicity"] == value["by_ethnicity"]
    assert {file.name for file in out.iterdir()} == {"report.html", "report.json"}
    assert main(["stop-search", *map(str, arguments), "--quiet"]) == 2
    assert "holds something already" in capsys.readouterr().err


def test_the_same_files_give_the_same_bytes(files):
    path, folder = files
    for name in ("a", "b"):
        assert main(["stop-search", str(path), "--out", str(folder / name), "--quiet"]) == 0
    assert [(folder / "a" / n.name).read_bytes() for n in sorted((folder / "a").iterdir())] == [
        n.read_bytes() for n in sorted((folder / "b").iterdir())
    ]


def test_words_for_a_person(files, capsys):
    path, _ = files
    assert main(["stop-search", str(path), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "560 searches of people in 1 file(s); 1 of vehicles only" in out
    assert "officer-defined" in out


def test_unknown_labels_are_named(tmp_path, capsys):
    path = write(tmp_path, [search(outcome="Given a biscuit")])
    assert main(["stop-search", str(path), "--quiet"]) == 0
    assert "outcome: 'Given a biscuit' (1)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["none.csv"], 2, "no such file"),
        (["census.csv"], 5, "expected published stop and search"),
        (["2024-03-sometown-stop-and-search.csv", "--benchmark", "x"], 2, "expected NAME=FILE"),
        (["2024-03-sometown-stop-and-search.csv", "--population", "2024-03-sometown-stop-and-search.csv"], 5, "the columns count"),
        (["2024-03-sometown-stop-and-search.csv", "--area", "census.csv"], 5, "expected polygons"),
        (["2024-03-sometown-stop-and-search.csv", "--authority", "Kent"], 2, "no authority"),
    ],
)  # fmt: skip
def test_wrong_commands_and_files_are_refused_in_words(files, capsys, monkeypatch, words, code, said):
    monkeypatch.chdir(files[1])
    assert main(["stop-search", *words, "--quiet"]) == code
    assert said in capsys.readouterr().err


def test_two_benchmarks_need_two_names(files, capsys):
    path, folder = files
    (folder / "counts.csv").write_text("ethnicity,count\nWhite,100\nBlack,50\n")
    twice = ["--benchmark", f"x={folder / 'counts.csv'}"] * 2
    assert main(["stop-search", str(path), *twice]) == 2
    code, value = measured(capsys, path, *twice[:2])
    assert code == 0
    assert [one["name"] for one in value["scopes"][0]["benchmarks"]] == ["x"]
