"""Every `<`, `<=`, `>` and `>=` of the modules that decide what counts as known, flipped one at a time.

`python tests/mutation/flip_comparisons.py` flips each comparison that is new or that nobody noticed (with `--all`: each),
looks for the first test that notices, and writes mutations.yaml. test_mutations.py checks that the list is complete and,
when slow tests run, that it is still true.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

import yaml

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("mutations.yaml")
ROOM = Path("src/riskmodel/features")

# Where to look for the test that notices, module by module.
TESTS = {
    "visible.py": [
        "tests/unit/features/test_cohort_building.py",
        "tests/unit/features/test_outcome_labels.py",
    ],
    "cohort.py": ["tests/unit/features/test_cohort_building.py"],
    "outcomes.py": ["tests/unit/features/test_outcome_labels.py"],
    "attributes.py": ["tests/unit/features/test_audited_attributes.py"],
    "kernel.py": [
        "tests/spec",
        "tests/unit/features/test_several_dates.py",
        "tests/property/test_features_engine.py",
        "-m",
        "not slow",
        "-k",
        "kernel or appears",
    ],
    "reference.py": ["tests/spec", "tests/unit/features/test_several_dates.py", "-k", "reference"],
    "../validate/splits.py": [
        "tests/unit/validate/test_splitting.py",
        "tests/unit/validate/test_designs.py",
        "tests/unit/validate/test_strata.py",
    ],
    "../validate/folds.py": ["tests/unit/validate/test_splitting.py", "tests/unit/validate/test_designs.py"],
    "../validate/places.py": ["tests/unit/validate/test_designs.py"],
}
PATIENCE = 150  # seconds
COPIES = 2  # flips tried at once, each in its own copy of the package
FLIPPED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


@dataclass(frozen=True)
class Flip:
    """One comparison: its module, the expression it stands in, which of equal expressions, which operator of a chain."""

    module: str
    expression: str
    occurrence: int
    operator: int
    before: str
    start: int

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.module, self.expression, self.occurrence, self.operator

    def apply(self, source: str) -> str:
        return source[: self.start] + FLIPPED[self.before] + source[self.start + len(self.before) :]


def flips(module: str, source: str) -> Iterator[Flip]:
    """Every comparison of a module, in the order of its text."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen: Counter[str] = Counter()
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Compare)]
    for node in sorted(found, key=lambda n: (n.lineno, n.col_offset)):
        expression = ast.unparse(node)
        seen[expression] += 1
        sides = [node.left, *node.comparators]
        for number, (left, right) in enumerate(pairwise(sides)):
            between = (
                starts[left.end_lineno - 1] + left.end_col_offset,
                starts[right.lineno - 1] + right.col_offset,
            )
            text = source.encode()[between[0] : between[1]].decode()
            match = re.search(r"<=|>=|<|>", text)
            if match:
                start = len(source.encode()[: between[0]].decode()) + match.start()
                yield Flip(module, expression, seen[expression], number, match[0], start)


def all_flips() -> list[Flip]:
    return [
        flip for module in TESTS for flip in flips(module, (ROOT / ROOM / module).read_text(encoding="utf-8"))
    ]


def copy_package(folder: Path) -> Path:
    """Copy the package, without compiled leftovers; return the folder to put on the import path."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "src"


def run_tests(path: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    """Run tests against the package below ``path``, uncompiled so that a change needs no compiler."""
    env = {**os.environ, "PYTHONPATH": str(path), "NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-v",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--no-header",
        *tests,
    ]
    try:
        return subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:  # a loop that never ends is noticed too
        begun = re.findall(r"^(tests/\S+::.*?) $", (error.stdout or b"").decode(), re.MULTILINE)
        name = begun[-1] if begun else "tests/none::began"
        return subprocess.CompletedProcess(command, 1, f"FAILED {name} - never ends\n", "")


def with_flip(path: Path, flip: Flip, tests: list[str]) -> subprocess.CompletedProcess[str]:
    """Run tests with one comparison flipped, and put the module back."""
    file = path / "riskmodel" / "features" / flip.module
    source = file.read_text(encoding="utf-8")
    try:
        file.write_text(flip.apply(source), encoding="utf-8")
        return run_tests(path, tests)
    finally:
        file.write_text(source, encoding="utf-8")


def main() -> None:
    """Write the list again, keeping what it says of flips that cannot change anything."""
    old = yaml.safe_load(LIST.read_text(encoding="utf-8")) if LIST.exists() else []
    same = {key(row): row["equivalent"] for row in old or [] if "equivalent" in row}
    known = {key(row): row["killed_by"] for row in old or [] if "killed_by" in row}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(COPIES) as pool:
        idle: SimpleQueue[Path] = SimpleQueue()
        for number in range(COPIES):
            idle.put(copy_package(Path(folder) / str(number)))

        def _row(flip: Flip) -> dict[str, object]:
            row = dict(zip(("module", "expression", "occurrence", "operator"), flip.key, strict=True))
            row["flip"] = f"{flip.before} to {FLIPPED[flip.before]}"
            if flip.key in same:
                return {**row, "equivalent": same[flip.key]}
            if "--all" not in sys.argv and known.get(flip.key, "NOBODY") != "NOBODY":
                return {**row, "killed_by": known[flip.key]}
            path = idle.get()
            killed = _first_killer(path, flip, known.get(flip.key))
            idle.put(path)
            sys.stdout.write(f"{killed}: {flip.module} {flip.expression}\n")
            sys.stdout.flush()
            return {**row, "killed_by": killed}

        rows = list(pool.map(_row, all_flips()))
    LIST.write_text(yaml.safe_dump(rows, sort_keys=False, width=200, allow_unicode=True), encoding="utf-8")


def _first_killer(path: Path, flip: Flip, before: str | None) -> str:
    """Return the first test that notices, beginning with the one that did before."""
    for tests in ([[before]] if before not in {None, "NOBODY"} else []) + [TESTS[flip.module]]:
        done = with_flip(path, flip, tests)
        failed = re.search(r"^FAILED (\S+?::.*?)( - .*)?$", done.stdout, re.MULTILINE)
        if failed:
            return failed[1]
    return "NOBODY"


def key(row: dict[str, object]) -> tuple[object, ...]:
    return row["module"], row["expression"], row["occurrence"], row["operator"]


if __name__ == "__main__":
    main()
