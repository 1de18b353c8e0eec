"""Flipping any single comparison of the modules that decide what counts as known makes a test fail."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import yaml

_spec = importlib.util.spec_from_file_location(
    "flip_comparisons", Path(__file__).with_name("flip_comparisons.py")
)
tool = importlib.util.module_from_spec(_spec)
sys.modules["flip_comparisons"] = tool
_spec.loader.exec_module(tool)

ROWS = yaml.safe_load(tool.LIST.read_text(encoding="utf-8"))
KILLED = [row for row in ROWS if "killed_by" in row]
AGAIN = "run `python tests/mutation/flip_comparisons.py` and look at what nobody noticed"


def test_every_comparison_is_in_the_list_and_noticed_or_excused():
    assert {flip.key for flip in tool.all_flips()} == {tool.key(row) for row in ROWS}, AGAIN
    assert [row for row in KILLED if row["killed_by"] == "NOBODY"] == []
    assert all(len(row["equivalent"]) > 20 for row in ROWS if "equivalent" in row)


def test_a_flip_changes_one_operator_only():
    source = "def f(a, b):\n    return a < b <= 3 or 'é' > a\n"
    texts = [flip.apply(source) for flip in tool.flips("visible.py", source)]
    assert [text.splitlines()[1].strip() for text in texts] == [
        "return a <= b <= 3 or 'é' > a",
        "return a < b < 3 or 'é' > a",
        "return a < b <= 3 or 'é' >= a",
    ]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tool.copy_package(tmp_path_factory.mktemp("mutated"))
    done = tool.run_tests(path, sorted({row["killed_by"] for row in KILLED}))
    assert done.returncode == 0, done.stdout[-2000:]
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    "row", KILLED, ids=lambda row: f"{row['module']}: {row['expression']} [{row['flip']}]"
)
def test_the_flip_is_noticed(package, row):
    (flip,) = [one for one in tool.all_flips() if one.key == tool.key(row)]
    done = tool.with_flip(package, flip, [row["killed_by"]])
    assert done.returncode == 1, f"nobody noticed; {AGAIN}"
