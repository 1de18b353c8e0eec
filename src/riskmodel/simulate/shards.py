"""A large borough as districts between which nobody moves, each simulated by a process of its own, two at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from riskmodel.errors import RiskModelError
from riskmodel.simulate.district import SimulateReport, write_district
from riskmodel.simulate.extracts.press import Numbering
from riskmodel.simulate.spec import SimulateSpec

if TYPE_CHECKING:
    from riskmodel.simulate.district import Progress

AT_ONCE = 2
"""Processes at a time: a district of 100,000 takes about a gigabyte."""

_POLL_SECONDS = 0.05


def district_specs(spec: SimulateSpec) -> tuple[SimulateSpec, ...]:
    """Return the spec of each district: the same borough, a share of its residents."""
    count = spec.districts
    each, left = divmod(spec.size, count)
    return tuple(
        spec.model_copy(update={"size": each + (place < left), "shards": 1}) for place in range(count)
    )


def write_districts(
    spec: SimulateSpec, *, seed: int, folder: Path, progress: Progress, identities: bool
) -> SimulateReport:
    """Simulate every district into ``shard-000``, ``shard-001``, ... below a folder that exists and is empty.

    Parameters
    ----------
    spec, seed, progress, identities
        As in `simulate`.
    folder : Path
        Where the districts go.

    Raises
    ------
    RiskModelError
        If the process of a district failed; the others are stopped.
    """
    waiting = list(enumerate(district_specs(spec)))
    total, done = len(waiting), []
    running: dict[int, subprocess.Popen[str]] = {}
    progress("simulating districts", 0.0)
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                number, one = waiting.pop(0)
                numbering = Numbering(number, total)
                running[number] = _start(one, numbering, seed=seed, folder=folder, identities=identities)
            for number, report in _finished(running):
                del running[number]
                done.append(report)
                progress("simulating districts", len(done) / total)
            time.sleep(_POLL_SECONDS)
    finally:
        for process in running.values():
            process.kill()
            process.communicate()
    return _together(done)


def _start(
    spec: SimulateSpec, numbering: Numbering, *, seed: int, folder: Path, identities: bool
) -> subprocess.Popen[str]:
    """Start the process of one district; what it is to do comes through its standard input."""
    place = folder / f"shard-{numbering.district:03d}"
    place.mkdir()
    task = {
        "spec": spec.model_dump(mode="json"), "seed": seed, "folder": str(place), "identities": identities,
        "district": numbering.district, "districts": numbering.districts,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "riskmodel.simulate.shards"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(json.dumps(task))
    process.stdin.close()
    process.stdin = None
    return process


def _finished(running: dict[int, subprocess.Popen[str]]) -> Iterator[tuple[int, SimulateReport]]:
    """Give the districts that are ready, with what they wrote."""
    for number, process in list(running.items()):
        if process.poll() is None:
            continue
        told, trouble = process.communicate()
        if process.returncode:
            last = trouble.strip().splitlines()[-1:] or ["it said nothing"]
            raise RiskModelError(
                f"district {number} of the simulated borough was not written: its process ended with "
                f"{process.returncode} ({last[0]}); nothing was kept, run it again"
            )
        yield number, SimulateReport(**json.loads(told))


def _together(reports: list[SimulateReport]) -> SimulateReport:
    """Return one report for all districts: rows of files of the same name are added up."""
    extracts: Counter[str] = Counter()
    truth: Counter[str] = Counter()
    for report in reports:
        extracts.update(report.extracts)
        truth.update(report.truth)
    return SimulateReport(
        people=sum(report.people for report in reports),
        extracts=dict(sorted(extracts.items())),
        truth=dict(sorted(truth.items())),
        districts=len(reports),
    )


def main() -> None:
    """Simulate the one district that standard input asks for, and print what was written."""
    task = json.load(sys.stdin)
    report = write_district(
        SimulateSpec.model_validate(task["spec"]),
        seed=task["seed"],
        folder=Path(task["folder"]),
        progress=lambda _words, _share: None,
        identities=task["identities"],
        numbering=Numbering(task["district"], task["districts"]),
    )
    sys.stdout.write(json.dumps(report.to_json()))


if __name__ == "__main__":
    main()
