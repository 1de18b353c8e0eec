"""The features of a study as a folder of Parquet parts that a killed run takes up again, and that says what made it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from riskmodel.errors import StudyError
from riskmodel.features.shards import EVENTS_A_SHARD, EventShards, write_shards
from riskmodel.features.streaming import Wanted, write_features
from riskmodel.files import digest_path, read_json, write_json, write_text
from riskmodel.pipeline import Progress, run_stages
from riskmodel.provenance import code_version, package_versions, peak_memory_mb
from riskmodel.stages import front_end
from riskmodel.study import Study, resolved_yaml
from riskmodel.tables.catalogue import load_catalogue
from riskmodel.tables.features import spec_hash

MANIFEST = "features.json"
PARTS = "parts"
_SHARDS = ".shards-"


def build_folder(
    study: Study,
    folder: Path,
    *,
    store: Path,
    progress: Progress = lambda _title, _number, _count: None,
    events_a_shard: int = EVENTS_A_SHARD,
) -> Mapping[str, Any]:
    """Build the features of a study shard by shard.

    The folder holds ``parts`` (read by ``riskmodel.features.streaming.read_features``), ``study.resolved.yaml`` and
    ``features.json``, which is written last: seed, data fingerprint, code and packages, the hash of the
    specification, and every part with its digest. Without ``features.json`` a folder is unfinished, and the next run
    keeps the parts that fit.

    Parameters
    ----------
    study : Study
    folder : Path
    store : Path
        Where made stages are kept.
    progress : callable
        Called with a title, how much is done, and of how much.
    events_a_shard : int
        About so many events are in memory at once for each thread.

    Returns
    -------
    mapping
        What stands in ``features.json``.

    Raises
    ------
    StudyError
        If the folder holds something else, or the finished features of another study or other data.
    """
    assert study.features is not None  # noqa: S101 - the verb checks it
    _refuse_strange(folder)
    stages = [stage for stage in front_end(study) if stage.name != "features"]
    done = run_stages(stages, study, store=store, progress=progress)
    catalogue = load_catalogue(study.features.catalogue)
    wanted = Wanted.of(done.results["population"].cohort, study.features, catalogue)
    facts = _facts(study, study.features.engine, wanted, done.addresses)
    finished = _finished(folder, facts)
    if finished is not None:
        return finished
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "study.resolved.yaml", resolved_yaml(study))
    place = folder / f"{_SHARDS}{facts['data_fingerprint'][:16]}"
    _forget_broken(folder, keep=place.name)
    if not place.exists():  # it appears when it is whole
        progress("Cutting the records into shards", 0, 1)
        records = done.results["intake"].records
        write_shards(records.events, records.observation, place, events_a_shard=events_a_shard)
        del records
    del done  # the records are large, and all that is needed of them is in the shards
    parts = _parts(study, EventShards.open(place), wanted, folder / PARTS, progress)
    manifest = {**facts, "parts": [_listed(part) for part in parts], "peak_memory_mb": peak_memory_mb()}
    write_json(folder / MANIFEST, manifest)
    shutil.rmtree(place)
    return manifest


def _facts(study: Study, engine: str, wanted: Wanted, addresses: Mapping[str, str]) -> dict[str, Any]:
    """Return what must be the same for parts to belong together."""
    return {
        "study": study.name,
        "seed": study.seed,
        "engine": engine,
        "data_fingerprint": addresses["intake"],
        "population": addresses["population"],
        "spec_hash": spec_hash(wanted.infos),
        "code": dict(code_version()),
        "packages": dict(package_versions()),
        "rows": len(wanted.subject),
        "columns": len(wanted.columns),
    }


def _listed(part: Path) -> dict[str, Any]:
    return {"name": part.name, "rows": pq.read_metadata(part).num_rows, "sha256": digest_path(part)}


def _parts(
    study: Study, shards: EventShards, wanted: Wanted, folder: Path, progress: Progress
) -> tuple[Path, ...]:
    def _shown(done: int, of: int) -> None:
        if done < of:
            progress("Building features", done, of)

    assert study.features is not None  # noqa: S101 - the verb checks it
    if study.features.engine == "spark":
        from riskmodel.features.spark import write_on_spark

        return write_on_spark(shards, wanted, folder, threads=study.threads, progress=_shown)
    return write_features(shards, wanted, folder, threads=study.threads, progress=_shown)


def _refuse_strange(folder: Path) -> None:
    """Refuse a folder in which something stands that no build of features wrote."""
    known = {MANIFEST, PARTS, "study.resolved.yaml"}
    strange = [
        one.name
        for one in (folder.iterdir() if folder.is_dir() else [folder] if folder.exists() else [])
        if one.name not in known and not one.name.startswith(_SHARDS) and ".part-" not in one.name
    ]
    if strange:
        raise StudyError(
            [f"--out: '{folder}' holds something else ({len(strange)} files or folders); name a new folder"],
            where="the command",
        )


def _finished(folder: Path, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what a finished folder says, if it was made from the same; refuse to write over anything else."""
    if not (folder / MANIFEST).exists():
        return None
    found: Mapping[str, Any] = read_json(folder / MANIFEST)
    other = sorted(key for key, value in facts.items() if found.get(key) != value)
    if other:
        raise StudyError(
            [
                f"--out: '{folder}' holds features of something else ({', '.join(other)} differ); name a new folder"
            ],
            where="the command",
        )
    return found


def _forget_broken(folder: Path, *, keep: str) -> None:
    """Remove what a killed run left half-written, and shards of other records."""
    for one in [*folder.glob(".*"), *(folder / PARTS).glob(".*.part-*")]:
        if one.name != keep:
            shutil.rmtree(one) if one.is_dir() else one.unlink()
