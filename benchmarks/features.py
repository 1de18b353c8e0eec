"""Builds 330 features with riskmodel, DuckDB, polars, pandas and timeseriesflattener, each in a process of its own.

`python benchmarks/features.py` runs the cases single-1m, single-20m and panel-20m, tools interleaved, at least three times each,
checks that all say the same, and writes ``benchmarks/results/features.json``. A library counts as loaded, compiled code as
compiled: ``start_s`` says what that took. Tools that need an environment of their own are given with ``--python``. Nothing is
asserted about speed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feature_data import write_case

HERE = Path(__file__).parent
CASES = {
    "single-1m": {"events": 1_000_000, "subjects": 20_000, "dates": 1},
    "single-20m": {"events": 20_000_000, "subjects": 200_000, "dates": 1},
    "panel-20m": {"events": 20_000_000, "subjects": 200_000, "dates": 12},
}
# Growth: one thing doubles at a time; only ours.
GROWTH = {
    f"growth-{name}-{step}": {"events": 1_000_000, "subjects": 10_000, "dates": 4} | {name: value}
    for name, values in {
        "events": (1_000_000, 2_000_000, 4_000_000, 8_000_000),
        "dates": (4, 8, 16, 32),
    }.items()
    for step, value in enumerate(values)
} | {
    f"growth-rows-{step}": {"events": 1_000_000 * 2**step, "subjects": 10_000 * 2**step, "dates": 4}
    for step in range(4)
}
PEERS = ("riskmodel", "duckdb", "polars", "pandas", "timeseriesflattener", "read")
SINGLE_ONLY = ("pandas", "timeseriesflattener", "read")


def main() -> int:
    """Run the cases and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=[*CASES, *GROWTH, "growth"])
    parser.add_argument("--tools", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--repeats", type=int, default=3, help="runs a tool and case (default: 3)")
    parser.add_argument(
        "--python", nargs="*", default=[], metavar="TOOL=PATH", help="another Python for a tool"
    )
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "riskmodel-bench-features")
    arguments = parser.parse_args()
    pythons = dict(one.split("=", 1) for one in arguments.python)
    cases = [name for case in arguments.cases for name in (GROWTH if case == "growth" else [case])]
    place = HERE / "results" / "features.json"
    for case in cases:
        tools = ["riskmodel"] if case in GROWTH else arguments.tools
        _keep(place, case, _case(case, tools, arguments.repeats, arguments.data, pythons))
    return 0


def _keep(place: Path, case: str, rows: list[dict[str, Any]]) -> None:
    """Write the rows of one case beside those of the others."""
    before = json.loads(place.read_text(encoding="utf-8"))["rows"] if place.exists() else []
    fresh = {row["tool"] for row in rows}
    kept = [row for row in before if row["case"] != case or row["tool"] not in fresh]
    place.parent.mkdir(exist_ok=True)
    text = json.dumps({"machine": _machine(), "rows": [*kept, *rows]}, indent=2) + "\n"
    place.write_text(text, encoding="utf-8")
    print(json.dumps(rows, indent=2))


def _case(
    case: str, tools: Sequence[str], repeats: int, data: Path, pythons: dict[str, str]
) -> list[dict[str, Any]]:
    size = (CASES | GROWTH)[case]
    folder = write_case(data / case, **size)
    panel = size["dates"] > 1
    chosen = [tool for tool in tools if not (panel and tool in SINGLE_ONLY) and _is_there(tool, pythons)]
    runs: dict[str, list[dict[str, Any]]] = {tool: [] for tool in chosen}
    for _ in range(repeats):
        for tool in chosen:
            runs[tool].append(_run(tool, folder, size["subjects"] * size["dates"], panel, pythons))
    said = {tool: some[0]["checksum"] for tool, some in runs.items() if tool != "read"}
    if len(set(said.values())) > 1:
        raise SystemExit(f"{case}: the tools do not agree: {said}")
    return [_row(case, some, size["subjects"] * size["dates"]) for some in runs.values()]


def _is_there(tool: str, pythons: dict[str, str]) -> bool:
    name = "pyarrow" if tool == "read" else tool
    done = subprocess.run(
        [pythons.get(tool, sys.executable), "-c", f"import {name}"],
        capture_output=True,
        check=False,
        env=_environment(),
    )
    if done.returncode:
        print(f"{tool} is left out: it is not installed for {pythons.get(tool, 'this Python')}")
    return done.returncode == 0


def _run(tool: str, folder: Path, rows: int, panel: bool, pythons: dict[str, str]) -> dict[str, Any]:  # noqa: FBT001
    out = folder / f"out.{tool}"
    command = [pythons.get(tool, sys.executable), "-W", "ignore", str(HERE / "feature_tools.py"), tool]
    command += [str(folder), "--rows", str(rows), *(["--panel", str(out)] if panel else [])]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment())
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{tool} failed:\n{error.stderr[-2000:]}") from error
    finally:
        if out.is_dir():
            shutil.rmtree(out)
        out.unlink(missing_ok=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # some tools show progress first
    return found | {"load": round(os.getloadavg()[0], 1)}


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")]),
    }


def _row(case: str, runs: list[dict[str, Any]], rows: int) -> dict[str, Any]:
    return {
        "case": case,
        "tool": runs[0]["tool"],
        "version": runs[0]["version"],
        "wall_s": round(statistics.median(run["wall_s"] for run in runs), 3),
        "cpu_s": round(statistics.median(run["cpu_s"] for run in runs), 3),
        "start_s": round(statistics.median(run["start_s"] for run in runs), 3),
        "peak_mb": max(run["peak_mb"] for run in runs),
        "rows": rows,
        "checksum": runs[0]["checksum"],
        "repeats": len(runs),
        "busy_load": statistics.median(run["load"] for run in runs),
    }


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "kind": platform.machine(),
    }


if __name__ == "__main__":
    sys.exit(main())
