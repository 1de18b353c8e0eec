"""Runs commands as a user would, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Small enough to be quick, large enough that every family can be fitted in every fold.
SETTINGS = ("data.size=2000", "validation.replicates=200", "threads=1")


@dataclass(frozen=True)
class Finished:
    """A finished run: its folder, the folder of runs, and what the command printed."""

    folder: Path
    out: Path
    printed: dict[str, object]


def command(*arguments: str, module: str = "riskmodel.train") -> subprocess.CompletedProcess[str]:
    """Run a command line as a user would, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False, timeout=900
    )


def train(out: Path, *arguments: str) -> Finished:
    """Train the small study and return the run."""
    settings = [part for one in SETTINGS for part in ("--set", one)]
    done = command(*arguments, *settings, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    return Finished(Path(printed["run"]), out, printed)
