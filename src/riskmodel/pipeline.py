"""Runs a list of stages, each a function from typed tables to a typed table.

A stage is addressed by its content: its name, the part of the study it reads, the source code of the rooms it uses,
the library versions, and the addresses of the stages before it. A kept stage whose address is already in the store is
loaded instead of run again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from riskmodel.files import digest_bytes, to_json, whole_folder
from riskmodel.provenance import package_versions, source_digest
from riskmodel.study import Study

KEPT_VERSIONS = 4
"""So many results of each stage stay in the store; the least recently used go first."""


class Artefact(Protocol):
    """What a kept stage makes."""

    def save(self, folder: Path) -> None:
        """Write it into an empty folder."""
        ...


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Parameters
    ----------
    name : str
        What it makes; later stages read it under this name.
    title : str
        What a person sees while it runs.
    reads : tuple of str
        The stages it reads.
    settings : callable
        The part of the study that decides its result, as JSON-ready data.
    run : callable
        ``run(study, inputs, folder)``; a kept stage may write large files straight into ``folder``.
    rooms : tuple of str
        Folders of the package whose code decides its result.
    load : callable, optional
        Reads a kept result from its folder; None for stages that always run.
    """

    name: str
    title: str
    reads: tuple[str, ...]
    settings: Callable[[Study], Any]
    run: Callable[[Study, Mapping[str, Any], Path], Any]
    rooms: tuple[str, ...]
    load: Callable[[Path], Any] | None = None


@dataclass(frozen=True)
class Timing:
    """How long a stage took, and whether it was reused."""

    stage: str
    seconds: float
    reused: bool


@dataclass(frozen=True)
class Outcome:
    """What a pipeline made: every stage's result, its address and its timing."""

    results: Mapping[str, Any]
    addresses: Mapping[str, str]
    timings: tuple[Timing, ...]


Progress = Callable[[str, int, int], None]


def run_stages(stages: Sequence[Stage], study: Study, *, store: Path, progress: Progress) -> Outcome:
    """Run stages in order, reusing kept results.

    Parameters
    ----------
    stages : sequence of Stage
        Each reads only stages before it.
    study : Study
    store : Path
        Folder of kept results.
    progress : callable
        Called with a stage's title, its number from 0, and how many there are, before it starts.

    Returns
    -------
    Outcome
    """
    results: dict[str, Any] = {}
    addresses: dict[str, str] = {}
    timings: list[Timing] = []
    for number, stage in enumerate(stages):
        progress(stage.title, number, len(stages))
        address = _address(stage, study, addresses)
        folder = store / f"{stage.name}-{address[:16]}"
        started = time.perf_counter()
        reused = stage.load is not None and folder.is_dir()
        results[stage.name] = _result(stage, study, {name: results[name] for name in stage.reads}, folder)
        addresses[stage.name] = address
        timings.append(Timing(stage.name, time.perf_counter() - started, reused))
        _forget_old(store, stage.name)
    return Outcome(results, addresses, tuple(timings))


def _address(stage: Stage, study: Study, addresses: Mapping[str, str]) -> str:
    parts = {
        "stage": stage.name,
        "settings": stage.settings(study),
        "source": source_digest(("tables", "files.py", *stage.rooms)),
        "packages": dict(package_versions()),
        "reads": [addresses[name] for name in stage.reads],
    }
    return digest_bytes(to_json(parts).encode())


def _result(stage: Stage, study: Study, inputs: Mapping[str, Any], folder: Path) -> Any:
    if stage.load is None:
        return stage.run(study, inputs, folder)
    if folder.is_dir():
        folder.touch()  # the time of last use
        return stage.load(folder)
    with whole_folder(folder) as part:
        made: Artefact = stage.run(study, inputs, part)
        made.save(part)
    return stage.load(folder)


def _forget_old(store: Path, name: str) -> None:
    kept = sorted(store.glob(f"{name}-*"), key=lambda p: p.stat().st_mtime, reverse=True)
    for folder in kept[KEPT_VERSIONS:]:
        shutil.rmtree(folder, ignore_errors=True)
