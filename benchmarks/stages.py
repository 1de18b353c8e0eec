"""Times the stages of the default study, and of one four times its size, each in a fresh process.

Writes ``benchmarks/results/stages.json``: medians of at least three runs, and the share of time spent outside model fitting.
Nothing is asserted: speed is shown, never tested.
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
import time
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
FITTING = {"models"}


def main() -> int:
    """Run the cases and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs a case (default: 3)")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[45_000, 180_000], help="residents aged 5 to 17"
    )
    arguments = parser.parse_args()
    rows = [row for size in arguments.sizes for row in _case(size, arguments.repeats)]
    RESULTS.mkdir(exist_ok=True)
    place = RESULTS / "stages.json"
    fresh = {row["case"] for row in rows}
    before = json.loads(place.read_text(encoding="utf-8"))["rows"] if place.exists() else []
    kept = [row for row in before if row["case"] not in fresh]  # other sizes, measured earlier
    text = json.dumps({"machine": _machine(), "rows": [*kept, *rows]}, indent=2) + "\n"
    place.write_text(text, encoding="utf-8")
    print(text)
    return 0


def _case(size: int, repeats: int) -> list[dict[str, Any]]:
    runs = [_run(size) for _ in range(repeats)]
    stages = [timing["stage"] for timing in runs[0]["timings"]]
    rows = [_row(f"{name}-{size}", [_seconds(run, name) for run in runs], runs) for name in stages]
    whole = _row(f"whole-{size}", [run["wall_s"] for run in runs], runs)
    outside = [1 - sum(_seconds(run, name) for name in FITTING) / run["wall_s"] for run in runs]
    whole["share_outside_fitting"] = round(statistics.median(outside), 3)
    return [*rows, whole]


def _run(size: int) -> dict[str, Any]:
    out = Path(tempfile.mkdtemp(prefix="riskmodel-bench-"))
    try:
        started, cpu = time.perf_counter(), os.times()
        command = [
            sys.executable,
            "-m",
            "riskmodel.train",
            "--quiet",
            "--json",
            "--out",
            str(out),
            "--set",
            f"data.size={size}",
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        wall, after = time.perf_counter() - started, os.times()
        run = json.loads(done.stdout)
        provenance = json.loads((Path(run["run"]) / "provenance.json").read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(out)
    used = after.children_user + after.children_system - cpu.children_user - cpu.children_system
    return {**provenance, "wall_s": wall, "cpu_s": used, "checksum": run["digest"]}


def _seconds(run: dict[str, Any], stage: str) -> float:
    return sum(float(timing["seconds"]) for timing in run["timings"] if timing["stage"] == stage)


def _row(case: str, seconds: list[float], runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "case": case,
        "tool": "riskmodel",
        "version": metadata.version("riskmodel"),
        "wall_s": round(statistics.median(seconds), 3),
        "cpu_s": round(statistics.median(run["cpu_s"] for run in runs), 1)
        if case.startswith("whole")
        else None,
        "peak_mb": max(run["peak_memory_mb"] for run in runs),
        "rows": runs[0]["n_rows"],
        "checksum": runs[0]["checksum"],
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
