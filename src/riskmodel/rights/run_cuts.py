"""What erasure takes out of runs: tables about single people, pages about them, and kept stages.

Rows of a run on real people have random numbers with no way back. So, where a run's data held somebody who is erased, its
tables about single people go as a whole. Metrics, audit and card are about groups, and stay. So does the model: it is
not changed by erasure, and the note in the run folder says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from riskmodel.files import read_json, write_text
from riskmodel.rights.cuts import GONE, Cut, csv_header, csv_rows_where, removal
from riskmodel.rights.people import STORE, subjects_in

NOTE = "ERASURE.md"
_PERSON_PAGE = "<title>What the records show about one young person</title>"
_NOTE = """\
# Tables of single people were taken out of this run

Somebody in the data of this run was erased. Rows of this run cannot be traced to people, so its tables of single people
(`predictions.parquet`, `contributions.parquet`) and any page about one young person were removed as a whole.

Metrics, audit and card are about groups of people and are unchanged. The models were trained on data that held the
person, and erasure does not change them: train the study again on the data as they are now.
"""


def runs_in(folder: Path) -> list[Path]:
    """Return the run folders in a folder."""
    return sorted(
        path.parent
        for path in folder.rglob("provenance.json")
        if (path.parent / "study.resolved.yaml").exists()
    )


def affected_runs(folder: Path, subjects: Collection[int]) -> list[Path]:
    """Return the runs whose data held one of some people, or may have.

    The intake that a run was made from is kept in the store for a while and tells. Where it is gone nobody can tell any
    more: a run on real people then counts as affected.
    """
    stages = {stage: stage_holds(stage, subjects) for store in _stores(folder) for stage in _stages(store)}
    return [run for run in runs_in(folder) if _affected(run, stages)]


def _affected(run: Path, stages: dict[Path, bool]) -> bool:
    if (run / NOTE).exists():
        return True
    address = read_json(run / "provenance.json")["data_fingerprint"][:16]
    kept = [run.parent / STORE / f"{stage}-{address}" for stage in ("intake", "population")]
    known = [stages[stage] for stage in kept if stage in stages]
    return any(known) if known else not _simulated(run)


def _simulated(run: Path) -> bool:
    study = yaml.safe_load((run / "study.resolved.yaml").read_text(encoding="utf-8"))
    return bool(study["data"]["kind"] == "simulated")


def run_cuts(folder: Path, subjects: Collection[int]) -> list[Cut]:
    """Return every cut in the runs and stores of one folder, in the order in which they must be carried out."""
    runs = [cut for run in affected_runs(folder, subjects) for cut in _one_run(run)]
    return [*runs, *(cut for store in _stores(folder) for cut in _store_cuts(store, subjects))]


def _one_run(run: Path) -> Iterator[Cut]:
    if not (run / NOTE).exists():
        yield Cut(run / NOTE, 0, lambda: write_text(run / NOTE, _NOTE))
    for path in sorted(run.rglob("*.parquet")):
        yield removal(path, rows=pq.read_metadata(path).num_rows)
    for path in sorted(run.rglob("*.html")):
        if _PERSON_PAGE in path.read_text(encoding="utf-8"):
            yield removal(path, rows=1)


def _stores(folder: Path) -> list[Path]:
    own = [folder] if folder.name == STORE else []
    return [*own, *sorted(path for path in folder.rglob(STORE) if path.is_dir())]


def _stages(store: Path) -> list[Path]:
    return sorted(path for path in store.iterdir() if path.is_dir())


def _store_cuts(store: Path, subjects: Collection[int]) -> Iterator[Cut]:
    """Yield the removal of every kept stage that holds somebody, and of those of which it cannot be told.

    A feature matrix names nobody, so it goes with the stages before it, and first: they are what tells.
    """
    stages = {stage: stage_holds(stage, subjects) for stage in _stages(store)}
    left_over = [stage for stage in stages if stage.name.startswith(GONE)]
    if not any(stages.values()) and not left_over:
        return
    silent = [stage for stage in stages if not _names_people(stage)]
    telling = [stage for stage, holds in stages.items() if holds and stage not in silent]
    for stage in dict.fromkeys((*left_over, *silent, *telling)):
        yield removal(stage, rows=_rows(stage))


def _names_people(stage: Path) -> bool:
    tables = any("subject_id" in pq.read_schema(path).names for path in stage.rglob("*.parquet"))
    return tables or any("subject_id" in csv_header(path) for path in stage.rglob("*.csv"))


def stage_holds(stage: Path, subjects: Collection[int]) -> bool:
    """Return whether a kept stage has a row of one of some people."""
    if any(subjects_in(path, subjects) for path in sorted(stage.rglob("*.parquet"))):
        return True
    texts = {str(subject) for subject in subjects}
    named = (path for path in sorted(stage.rglob("*.csv")) if "subject_id" in csv_header(path))
    return any(csv_rows_where(path, lambda row: row.get("subject_id") in texts) for path in named)


def _rows(stage: Path) -> int:
    return sum(pq.read_metadata(path).num_rows for path in stage.rglob("*.parquet"))
