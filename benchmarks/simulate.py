"""Times the simulated borough: the default one, and with ``--million`` one of a million residents aged 5 to 17.

Each row is a run of ``riskmodel simulate`` in a process of its own: the wall and processor time of it and of the
processes it starts, the most memory that all of them held at one moment (resident set sizes added up, looked at
five times a second), the rows of all extracts, and a checksum of everything written. The default is the median of
three runs; the million, which writes several gigabytes, is one run. Linux only.
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

from riskmodel.files import digest_path

RESULTS = Path(__file__).parent / "results"
DEFAULT, MILLION = 45_000, 1_000_000
BYTES_A_RESIDENT = 8_000  # a little more than is written for each resident aged 5 to 17 in ten years
SECONDS_BETWEEN_LOOKS = 0.2


def main() -> int:
    """Run the cases and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of the default borough (default: 3)")
    parser.add_argument(
        "--million", action="store_true", help="also a million residents: minutes, and gigabytes"
    )
    parser.add_argument(
        "--folder", type=Path, help="where to write and delete (default: the temporary folder)"
    )
    arguments = parser.parse_args()
    rows = [_row(f"default-{DEFAULT}", [_run(DEFAULT, arguments.folder) for _ in range(arguments.repeats)])]
    if arguments.million:
        rows.append(_row(f"million-{MILLION}", [_run(MILLION, arguments.folder)]))
    RESULTS.mkdir(exist_ok=True)
    place = RESULTS / "simulate.json"
    fresh = {row["case"] for row in rows}
    before = json.loads(place.read_text(encoding="utf-8"))["rows"] if place.exists() else []
    kept = [row for row in before if row["case"] not in fresh]  # measured earlier
    text = json.dumps({"machine": _machine(), "rows": [*rows, *kept]}, indent=2) + "\n"
    place.write_text(text, encoding="utf-8")
    print(text)
    return 0


def _run(size: int, folder: Path | None) -> dict[str, Any]:
    out = Path(tempfile.mkdtemp(prefix="riskmodel-bench-", dir=folder))
    try:
        free = shutil.disk_usage(out).free
        if free < 2 * BYTES_A_RESIDENT * size:
            raise SystemExit(
                f"{out.parent}: {free / 1e9:.0f} GB free; {2 * BYTES_A_RESIDENT * size / 1e9:.0f} needed"
            )
        command = [
            "simulate",
            "--quiet",
            "--json",
            "--seed",
            "1",
            "--size",
            str(size),
            "--out",
            str(out / "b"),
        ]
        started, before = time.perf_counter(), os.times()
        process = subprocess.Popen(
            [sys.executable, "-m", "riskmodel", *command], stdout=subprocess.PIPE, text=True
        )
        peak = _watch(process)
        wall, after = time.perf_counter() - started, os.times()
        told = json.loads(process.communicate()[0])
        return {
            "wall_s": wall,
            "cpu_s": after.children_user
            + after.children_system
            - before.children_user
            - before.children_system,
            "peak_mb": peak / 2**20,
            "rows": sum(told["rows"].values()),
            "checksum": digest_path(out / "b"),
        }
    finally:
        shutil.rmtree(out)


def _watch(process: subprocess.Popen[str]) -> int:
    """Wait for the end of a process; return the most bytes that it and its children held together."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_resident(number) for number in [process.pid, *_children(process.pid)]))
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        raise SystemExit(process.returncode)
    return peak


def _children(number: int) -> list[int]:
    place = Path(f"/proc/{number}/task/{number}/children")
    try:
        return [int(text) for text in place.read_text(encoding="ascii").split()]
    except FileNotFoundError:  # it ended meanwhile
        return []


def _resident(number: int) -> int:
    """Return the bytes of memory that a process holds; none if it has ended meanwhile."""
    try:
        pages = Path(f"/proc/{number}/statm").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else 0


def _row(case: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "case": case,
        "tool": "riskmodel",
        "version": metadata.version("riskmodel"),
        "wall_s": round(statistics.median(run["wall_s"] for run in runs), 2),
        "cpu_s": round(statistics.median(run["cpu_s"] for run in runs), 1),
        "peak_mb": round(max(run["peak_mb"] for run in runs)),
        "rows": runs[0]["rows"],
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
