"""Builds 330 features with riskmodel, DuckDB, polars, pandas and timeseriesflattener, each in a process of its own.

`python benchmarks/features.py` runs the cases single-1m, single-20m and panel-20m, tools interleaved, at least three times each,
checks that all say the same, and writes ``benchmarks/results/features.json``. A library counts as loaded, compiled code as
compiled: ``start_s`` says what that took. `--cases growth huge` adds how time grows with events, rows, columns and dates (the
plot is ``benchmarks/results/features-growth.svg``), and 100 million events × 1 million rows, both with riskmodel alone. Tools that need an environment of their own are given with ``--python``. Nothing is
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
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from feature_data import write_case

HERE = Path(__file__).parent
CASES = {
    "single-1m": {"events": 1_000_000, "subjects": 20_000, "dates": 1},
    "single-20m": {"events": 20_000_000, "subjects": 200_000, "dates": 1},
    "panel-20m": {"events": 20_000_000, "subjects": 200_000, "dates": 12},
}
# Parquet to Parquet, as for a panel: the matrix alone is 1.3 GB.
HUGE = {"huge": {"events": 100_000_000, "subjects": 1_000_000, "dates": 1}}
# Growth: one thing doubles at a time; only ours.
GROWTH = (
    {
        f"growth-{name}-{step}": {"events": 1_000_000, "subjects": 10_000, "dates": 4} | {name: value}
        for name, values in {
            "events": (1_000_000, 2_000_000, 4_000_000, 8_000_000),
            "dates": (4, 8, 16, 32),
        }.items()
        for step, value in enumerate(values)
    }
    | {
        f"growth-rows-{step}": {"events": 1_000_000 * 2**step, "subjects": 10_000 * 2**step, "dates": 4}
        for step in range(4)
    }
    | {
        f"growth-columns-{step}": {"events": 4_000_000, "subjects": 40_000, "dates": 4, "columns": columns}
        for step, columns in enumerate((40, 80, 160, 320))
    }
)
OURS = HUGE | GROWTH
PEERS = ("riskmodel", "duckdb", "polars", "pandas", "timeseriesflattener", "read")
SINGLE_ONLY = ("pandas", "timeseriesflattener", "read")


def main() -> int:
    """Run the cases and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=[*CASES, *OURS, "growth"])
    parser.add_argument("--tools", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--repeats", type=int, default=3, help="runs a tool and case (default: 3)")
    parser.add_argument(
        "--python", nargs="*", default=[], metavar="TOOL=PATH", help="another Python for a tool"
    )
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "riskmodel-bench-features")
    parser.add_argument("--profile", action="store_true", help="where riskmodel's time goes at single-20m")
    arguments = parser.parse_args()
    if arguments.profile:
        return _profile(arguments.data, arguments.repeats)
    pythons = dict(one.split("=", 1) for one in arguments.python)
    cases = [name for case in arguments.cases for name in (GROWTH if case == "growth" else [case])]
    place = HERE / "results" / "features.json"
    for case in cases:
        tools = ["riskmodel"] if case in OURS else arguments.tools
        _keep(place, case, _case(case, tools, arguments.repeats, arguments.data, pythons))
    if "growth" in arguments.cases:
        _draw(json.loads(place.read_text(encoding="utf-8"))["rows"], place.with_name("features-growth.svg"))
    return 0


def _profile(data: Path, repeats: int) -> int:
    """Write the seconds of each step on one thread, and of reading the columns alone; the run with the least in all."""
    from feature_tools import read_single, riskmodel_wanted

    from riskmodel.features.kernel import fill, workspace
    from riskmodel.features.shards import EventShards
    from riskmodel.features.streaming import _Job

    folder, runs = write_case(data / "single-20m", **CASES["single-20m"]), []
    for _ in range(repeats + 1):  # the first loads compiled code
        spent = dict.fromkeys(("prepare", "read_parquet", "decode", "kernel"), 0.0)
        clock = _Clock(spent)
        shards = EventShards.open(folder / "shards")
        job = _Job.prepare(shards, riskmodel_wanted(folder))
        out = np.empty((len(job.wanted.subject), len(job.wanted.columns)), dtype=np.float32)
        clock.lap("prepare")
        for number in range(len(shards)):
            shards.events(number), shards.observation(number)
            clock.lap("read_parquet")
            plan, events, watch, rows = job.arrays(number)  # reads once more: taken off below
            clock.lap("decode")
            persons = len(rows.row_from) - 1
            fill(plan, events, watch, rows, workspace(plan, rows, 0, persons), 0, persons, out, 0)
            clock.lap("kernel")
        spent["decode"] = max(0.0, spent["decode"] - spent["read_parquet"])
        runs.append(spent)
    best = min(runs[1:], key=lambda one: sum(one.values()))
    reading = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        read_single(folder, 0)
        reading.append(time.perf_counter() - begun)
    found = {
        "case": "single-20m",
        "threads": 1,
        "seconds": {name: round(value, 3) for name, value in best.items()},
        "read_alone_all_threads_s": round(min(reading), 3),
        "machine": _machine(),
    }
    text = json.dumps(found, indent=2) + "\n"
    (HERE / "results" / "features-profile.json").write_text(text, encoding="utf-8")
    print(text)
    return 0


class _Clock:
    """Adds the time since the last lap to a name."""

    def __init__(self, spent: dict[str, float]) -> None:
        self._spent, self._last = spent, time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._spent[name] += now - self._last
        self._last = now


def _draw(rows: list[dict[str, Any]], place: Path) -> None:
    """Draw time against each thing that grew, with the power of the line through the points."""
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib.ticker import EngFormatter, FixedLocator, LogLocator, NullLocator

    seconds = {row["case"]: row["wall_s"] for row in rows if row["tool"] == "riskmodel"}
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
    for axis, name in zip(axes, ("events", "rows", "columns", "dates"), strict=True):
        cases = [f"growth-{name}-{step}" for step in range(4)]
        sizes = np.array(
            [GROWTH[case]["subjects" if name == "rows" else name] for case in cases], dtype=float
        )
        times = np.array([seconds[case] for case in cases])
        sizes = sizes * GROWTH[cases[0]]["dates"] if name == "rows" else sizes
        power = np.polyfit(np.log(sizes), np.log(times), 1)[0]
        axis.loglog(sizes, times, "o-", label=f"measured: power {power:.2f}")
        axis.loglog(sizes, times[0] * sizes / sizes[0], "--", color="grey", label="linear")
        axis.set(xlabel={"dates": "index dates a young person"}.get(name, name), ylabel="seconds")
        axis.xaxis.set_major_locator(FixedLocator(list(sizes)))
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_minor_locator(NullLocator())
        axis.legend(frameon=False, fontsize=8)
        print(json.dumps({"growth": name, "power": round(float(power), 3)}))
    figure.savefig(place, metadata={"Date": None})


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
    size = dict((CASES | OURS)[case])
    columns = size.pop("columns", None)
    folder = write_case(data / ("growth-columns" if columns else case), **size)
    panel = size["dates"] > 1 or case in HUGE
    chosen = [tool for tool in tools if not (panel and tool in SINGLE_ONLY) and _is_there(tool, pythons)]
    runs: dict[str, list[dict[str, Any]]] = {tool: [] for tool in chosen}
    for _ in range(repeats):
        for tool in chosen:
            asked = ["--columns", str(columns)] if columns else []
            asked += ["--panel", str(folder / f"out.{tool}")] if panel else []
            runs[tool].append(_run(tool, folder, size["subjects"] * size["dates"], asked, pythons))
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


def _run(tool: str, folder: Path, rows: int, asked: list[str], pythons: dict[str, str]) -> dict[str, Any]:
    out = folder / f"out.{tool}"
    command = [pythons.get(tool, sys.executable), "-W", "ignore", str(HERE / "feature_tools.py"), tool]
    command += [str(folder), "--rows", str(rows), *asked]
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
