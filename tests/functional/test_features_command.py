"""``riskmodel features`` as a data scientist runs it."""

from __future__ import annotations

import json

import pytest

from riskmodel.cli import main

SMALL = ["--set", "data.size=2500", "--set", "data.years=7"]


def test_list_says_what_each_feature_means(capsys):
    assert main(["features", "list", "--match", "home_move__count__*"]) == 0
    said = capsys.readouterr().out
    assert "MOVES BETWEEN HOMES" in said
    assert "times moved home in the past year (times, +)" in said
    assert "Webb 2016" in said
    assert "3 features." in said


def test_list_as_json_holds_every_field(capsys):
    assert main(["features", "list", "--concept", "early life", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["study"] == "default"
    assert {one["concept"] for one in found["features"]} == {"early life"}
    assert set(found["features"][0]) == {
        *("name", "words", "concept", "unit", "direction", "aggregation", "window", "codes", "evidence")
    }


def test_list_with_measures(capsys, tmp_path):
    asked = ["features", "list", "--measure", "--quiet", "--out", str(tmp_path), *SMALL]
    assert main([*asked, "--match", "edu_suspension__count__*"]) == 0
    said = capsys.readouterr().out
    assert "of these not zero for" in said
    assert main([*asked, "--json", "--match", "edu_suspension__count__1095d"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["features"]
    assert 0.5 < one["coverage"] < 1
    assert 0 < one["prevalence"] < 0.5


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        (["--match", "edu_suspensoin__count__365d"], "edu_suspension__count__365d"),
        (["--concept", "absense from school"], "absence from school"),
        (["--match", "zzz*"], "and 102 others"),
    ],
)
def test_a_typo_is_told_with_the_nearest(capsys, asked, near):
    assert main(["features", "list", *asked]) == 2
    assert near in capsys.readouterr().err


def test_a_flat_table_has_its_own_list(capsys, tmp_path):
    study = tmp_path / "table.yaml"
    study.write_text(
        "name: table\npurpose: to see that a flat table is told apart\nseed: 1\ndata:\n  kind: table\n  path: t.csv\n"
        "  subject: id\n  chosen: harmed\n  outcomes:\n    harmed: {column: harmed, description: harm from violence, "
        "phrase: came to harm, yes: [Y], no: [N]}\n  features:\n    n: {column: n, description: times suspended from school, "
        "concept: exclusion from school, direction: 1}\nsplit: {design: cross_validation, reason: the table has no dates}\n",
        encoding="utf-8",
    )
    assert main(["features", "list", "--study", str(study)]) == 2
    assert "declares its features itself" in capsys.readouterr().err
