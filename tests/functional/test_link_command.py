"""``riskmodel link`` on a small simulated borough: right, repeatable and silent about people."""

import csv
import json
import shutil
import sys

import numpy as np
import pytest
from identity_kit import UPN, person, write_folder
from pyarrow import parquet

from riskmodel.cli import main
from riskmodel.errors import DataError, StudyError
from riskmodel.linking import linkage
from riskmodel.linking.identities import read_identities
from riskmodel.linking.linkage import score_pairs
from riskmodel.linking.spec import THRESHOLD
from riskmodel.simulate import SimulateSpec, simulate
from riskmodel.verbs import link as verb


@pytest.fixture(scope="module")
def borough(tmp_path_factory):
    folder = tmp_path_factory.mktemp("borough") / "made"
    simulate(SimulateSpec(size=1_500, years=5), seed=3, out=folder, identities=True)
    return folder


@pytest.fixture(scope="module", autouse=True)
def quick():
    """A smaller sample for the chance agreements: the figures in the docs come from the whole one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linkage, "_SAMPLED_PAIRS", 300_000)
        yield


@pytest.fixture(scope="module")
def linked(borough, tmp_path_factory):
    out = tmp_path_factory.mktemp("linked") / "linkage"
    given = borough / "identities"
    truth = borough / "truth" / "identities.parquet"
    command = ["link", str(given), "--out", str(out), "--seed", "7", "--quiet"]
    assert main([*command, "--groups", str(given / "groups.csv"), "--truth", str(truth)]) == 0
    return out


def report(folder):
    return json.loads((folder / "linkage.json").read_text(encoding="utf-8"))


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_links_are_right(linked):
    found = report(linked)["measured"]["overall"]
    assert found["true_pairs"] > 5_000
    assert found["precision"]["low"] >= 0.99
    assert found["recall"]["low"] >= 0.95
    assert found["missed_pairs"] > 0  # the errors are there: nobody links everybody


def test_the_spine_names_every_key_once_with_the_persons_number(linked, borough):
    spine = rows(linked / "spine.csv")
    truth = parquet.read_table(borough / "truth" / "identities.parquet").to_pylist()
    assert sorted((row["agency"], row["key"]) for row in spine) == sorted(
        (r["agency"], r["key"]) for r in truth
    )
    assert {len(row["subject_id"]) for row in spine} == {9}
    assert len({row["subject_id"] for row in spine}) == report(linked)["people"]


def test_the_spine_is_what_intake_reads(linked, borough, tmp_path):
    from riskmodel.intake import take_in

    extracts = tmp_path / "extracts"
    shutil.copytree(borough / "extracts", extracts)
    shutil.copy(linked / "spine.csv", extracts / "spine.csv")
    taken = take_in(extracts, out=tmp_path / "events")
    row = taken.report.to_json()["files"]["spine.csv"]
    assert row["rows_in"] == row["rows_accepted"] == report(linked)["records"]


def test_subject_ids_follow_no_order(linked):
    # Keys are in order; with 2,000 people and more, ids without order have a rank correlation within .1 of none.
    spine = [row for row in rows(linked / "spine.csv") if row["agency"] == "HOUSING"]
    ids = np.array([int(row["subject_id"]) for row in spine])
    assert abs(np.corrcoef(np.arange(len(ids)), ids.argsort().argsort())[0, 1]) < 0.1


def test_same_identities_same_bytes_whatever_the_order_of_rows(linked, borough, tmp_path):
    shuffled = tmp_path / "identities"
    shutil.copytree(borough / "identities", shuffled)
    for path in shuffled.glob("*.csv"):
        head, *lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([head, *reversed(lines)]) + "\n", encoding="utf-8")
    truth = borough / "truth" / "identities.parquet"
    command = ["link", str(shuffled), "--out", str(tmp_path / "again"), "--seed", "7", "--quiet"]
    assert main([*command, "--groups", str(shuffled / "groups.csv"), "--truth", str(truth)]) == 0
    for name in ("spine.csv", "linkage.json", "board.json"):
        assert (tmp_path / "again" / name).read_bytes() == (linked / name).read_bytes()


def test_errors_are_told_by_group(linked):
    found = report(linked)
    for part in ("estimated", "measured"):
        assert {"White", "Black", "Mixed", "Asian", "Other"} <= set(found[part]["by"]["ethnicity"])
        assert {"Female", "Male"} <= set(found[part]["by"]["sex"])
        assert {"1", "2", "3"} <= set(found[part]["by"]["deprivation_fifth"])
    by = found["measured"]["by"]["ethnicity"]
    assert sum(row["true_pairs"] for row in by.values()) == found["measured"]["overall"]["true_pairs"]
    assert (
        0
        < found["estimated"]["overall"]["missed_pairs"]
        < 0.05 * found["estimated"]["overall"]["linked_pairs"]
    )


def test_match_rates_and_passes_add_up(linked, borough):
    found = report(linked)
    for agency, row in found["agencies"].items():
        assert row["keys"] == len(rows(borough / "identities" / f"{agency}.csv"))
        assert row["match_rate"] == round(row["linked"] / row["keys"], 4)
    assert sum(found["joins"].values()) == found["records"] - found["people"]
    assert min(found["joins"].values()) > 0


def test_no_name_and_no_number_leaves(linked, borough):
    told = "".join(
        (linked / name).read_text(encoding="utf-8") for name in ("linkage.json", "board.json")
    ).lower()
    spine = (linked / "spine.csv").read_text(encoding="utf-8").lower()
    for agency in ("EDU", "POLICE", "HOUSING"):
        for row in rows(borough / "identities" / f"{agency}.csv")[:500]:
            values = [
                row[name]
                for name in ("surname", "birth_date", "postcode", "upn", "nhs_number")
                if len(row[name]) > 5
            ]
            assert not any(value.lower() in told or value.lower() in spine for value in values)
            assert row["key"].lower() not in told


def test_what_the_board_sees_is_rounded(linked):
    board = json.loads((linked / "board.json").read_text(encoding="utf-8"))
    counts = [board["records"], board["people"], *(row["keys"] for row in board["agencies"].values())]
    assert all(count is None or count % 5 == 0 for count in counts)
    assert "measured" not in board
    assert "linked_pairs" not in json.dumps(board)


def tiny(folder):
    """Return 60 people with names of their own at two agencies, one pair of twins, and one renamed child."""
    rng = np.random.default_rng(8)
    parts = [
        a + b
        for a in ("bel", "cor", "dan", "har", "jor", "ken", "mar")
        for b in ("den", "ford", "lin", "sal", "wo")
    ]
    housing, police = [], []
    for number in range(60):
        forename, surname = (str(rng.choice(parts)) + str(rng.choice(parts)) for _ in range(2))
        birth = f"20{rng.integers(10, 20):02d}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
        row = person(f"k{number}", forename, surname, birth_date=birth, sex=str(rng.choice(["F", "M"])))
        row["postcode"] = f"ZZ{rng.integers(1, 9)} {rng.integers(1, 9)}AL"
        housing.append(row)
        police.append({**row, "postcode": ""})
    twins = [person("t1", "Tamsa"), person("t2", "Ronola")]
    edu, csc = [person("e", "Marwa", upn=UPN)], [person("c", "Marwa", "Wanaji", postcode="ZZ9 9ZZ", upn=UPN)]
    return write_folder(
        folder,
        HOUSING=[*housing, *twins],
        POLICE=[*police, *twins, person("t3", "Ronnola")],
        EDU=edu,
        CSC=csc,
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    place = tmp_path_factory.mktemp("small")
    assert (
        main(["link", str(tiny(place / "identities")), "--out", str(place / "out"), "--seed", "1", "--json"])
        == 0
    )
    return {(row["agency"], row["key"]): row["subject_id"] for row in rows(place / "out" / "spine.csv")}


def test_twins_stay_two_people_and_a_slip_in_a_twins_name_finds_the_right_one(small):
    assert small["HOUSING", "t1"] == small["POLICE", "t1"]
    assert small["HOUSING", "t2"] == small["POLICE", "t2"] == small["POLICE", "t3"]
    assert small["HOUSING", "t1"] != small["HOUSING", "t2"]


def test_a_changed_surname_is_linked_by_the_upn(small):
    assert small["EDU", "e"] == small["CSC", "c"]


def test_everybody_with_one_name_at_two_agencies_is_found(small):
    assert all(small["HOUSING", f"k{number}"] == small["POLICE", f"k{number}"] for number in range(60))


def test_one_record_is_one_person(tmp_path):
    folder = write_folder(tmp_path / "identities", EDU=[person("a")])
    assert main(["link", str(folder), "--out", str(tmp_path / "out"), "--seed", "1", "--quiet"]) == 0
    found = report(tmp_path / "out")
    assert found["people"] == 1
    assert found["estimated"] == {"status": "too few records to train the model", "overall": None, "by": {}}


def test_without_splink_the_message_says_what_to_install(tmp_path, monkeypatch):
    records = read_identities(write_folder(tmp_path, EDU=[person("a")], YJ=[person("b")]))
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(StudyError, match=r"pip install riskmodel\[link\]"):
        score_pairs(records, sure_pairs=1, seed=1)


def test_too_little_memory_is_said_and_nothing_is_spilled(borough, monkeypatch):
    monkeypatch.setattr(linkage, "_MEMORY", "4MB")
    with pytest.raises(DataError, match="compared in 4MB of memory"):
        score_pairs(read_identities(borough / "identities"), sure_pairs=1_000, seed=1)


@pytest.mark.parametrize("wrong", [["--threshold", "1"], ["--threshold", "0"], ["--seed", "-1"]])
def test_a_wrong_option_is_refused(tmp_path, capsys, wrong):
    folder = write_folder(tmp_path / "identities", EDU=[person("a")])
    command = ["link", str(folder), "--out", str(tmp_path / "out"), "--seed", "1", *wrong]
    assert main(command) == 2
    assert wrong[0] in capsys.readouterr().err


def test_bad_identities_end_with_code_5_and_leave_nothing(tmp_path, capsys):
    folder = write_folder(tmp_path / "identities", EDU=[person("a", "Secreto"), person("a", "Secreto")])
    assert main(["link", str(folder), "--out", str(tmp_path / "out"), "--seed", "1", "--quiet"]) == 5
    message = capsys.readouterr().err
    assert "EDU.csv" in message
    assert "Secreto" not in message
    assert not (tmp_path / "out").exists()


def test_help_names_the_threshold_that_is_used():
    import argparse

    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    assert f"default: {THRESHOLD}" in parser.format_help().replace("\n", " ")
