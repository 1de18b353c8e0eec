"""Brings deliveries into an event log folder, one after another: idempotent, and whole or not at all.

The folder holds the records of all deliveries, ``deliveries.json``, which lists them, and for each an account below
``deliveries/``: ``intake.json`` and the quarantine. The account of the newest also lies at the top.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from riskmodel.errors import DataError
from riskmodel.files import digest_bytes, read_json, to_json, whole_folder
from riskmodel.intake.coverage import Covered
from riskmodel.intake.extracts import Taken, take_in_whole
from riskmodel.intake.left_out import BESIDE, digest_data
from riskmodel.intake.manifest import MANIFEST, Manifest, read_manifest
from riskmodel.intake.merging import Step, merge, merge_stops
from riskmodel.intake.report import Intake, IntakeReport
from riskmodel.intake.spec import DelaySpec
from riskmodel.tables.records import Records

LIST = "deliveries.json"
FOLDER = "deliveries"
ASIDE = ".{}.before"
Beside = Callable[[Taken], Mapping[str, str]]


@dataclass(frozen=True)
class Delivery:
    """One delivery that an event log holds.

    Attributes
    ----------
    name : str
        The folder of its account below ``deliveries/``: its extract date, with a number if it is not the first of
        that date.
    fingerprint : str
        Hash of its files and of the declared delays.
    """

    name: str
    extract_date: date
    fingerprint: str
    release: str
    synthetic: bool
    covered: tuple[Covered, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``deliveries.json``."""
        return {
            "name": self.name,
            "extract_date": self.extract_date.isoformat(),
            "fingerprint": self.fingerprint,
            "release": self.release,
            "synthetic": self.synthetic,
            "covered": [cover.to_json() for cover in self.covered],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        return cls(
            name=value["name"],
            extract_date=date.fromisoformat(value["extract_date"]),
            fingerprint=value["fingerprint"],
            release=value["release"],
            synthetic=value["synthetic"],
            covered=tuple(Covered.from_json(cover) for cover in value["covered"]),
        )


@dataclass(frozen=True)
class BroughtIn:
    """What became of a delivery: its account, whether it changed anything, and all deliveries there now."""

    report: IntakeReport
    changed: bool
    deliveries: tuple[Delivery, ...]


def bring_in(
    folder: Path,
    out: Path,
    *,
    delays: DelaySpec | None = None,
    declared: Mapping[str, str] | None = None,
    beside: Beside | None = None,
    threads: int | None = None,
) -> BroughtIn:
    """Take a delivery into an event log: a new one, or one that holds earlier deliveries.

    Parameters
    ----------
    folder : Path
        Extracts as ``take_in`` takes them.
    out : Path
        The event log. If it is absent it is made. If the run is killed it stays, or is put back by the next run, as
        it was.
    delays : DelaySpec, optional
        Declared delays of agencies that do not say when something was recorded.
    declared : mapping of str to str, optional
        Columns that look like direct identifiers, and why they are not.
    beside : callable, optional
        Gives text files, by name, that belong to the account of the delivery, such as its checks and its page.
    threads : int, optional
        At most so many.

    Returns
    -------
    BroughtIn
        A delivery whose files are those of the newest delivery changes nothing.

    Raises
    ------
    DataError
        If a file cannot be used, if the delivery is older than the newest, if its pseudonyms are of another release, if
        one is of real and the other of invented people, or if ``out`` holds something else.
    """
    delays = delays or DelaySpec()
    put_back(out)
    held = held_by(out)
    fingerprint = digest_bytes(digest_data(folder).encode(), delays.model_dump_json().encode())
    if held and held[-1].fingerprint == fingerprint:
        return BroughtIn(
            IntakeReport.from_json(read_json(out / "intake.json")), changed=False, deliveries=held
        )
    _check(read_manifest(folder), held)
    taken = take_in_whole(
        folder, delays=delays, declared=declared, beside=_beside(folder, out), threads=threads
    )
    files = beside(taken) if beside else {}
    deliveries = (*held, _delivery(taken, fingerprint, held))
    with replaced_folder(out) as part:
        _merged(taken, out, deliveries, threads=threads).write(part, beside=files)
        _write_list(part, out, deliveries)
        (part / FOLDER / deliveries[-1].name).mkdir()
        taken.intake.write_account(part / FOLDER / deliveries[-1].name, beside=files)
    return BroughtIn(taken.intake.report, changed=True, deliveries=deliveries)


def held_by(out: Path) -> tuple[Delivery, ...]:
    """Return the deliveries that an event log holds, oldest first; none if there is no log.

    Raises
    ------
    DataError
        If the folder holds something else.
    """
    if not out.exists() or {path.name for path in out.iterdir()} <= set(BESIDE):
        return ()
    try:
        return tuple(Delivery.from_json(value) for value in read_json(out / LIST))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            expected="no folder, or an event log with a list of its deliveries",
            found="a folder without a list that can be read",
            where=f"--out {out.name}/{LIST}",
            next_step="Name a new folder, and bring all deliveries in again, the oldest first.",
        ) from error


def shards_of(folder: Path) -> dict[str, Path]:
    """Return the extracts of each shard of a folder by the shard's name; empty if it is not made of shards."""
    found = {}
    for shard in sorted(path for path in folder.glob("shard-*") if path.is_dir()):
        found[shard.name] = shard / "extracts" if (shard / "extracts").is_dir() else shard
    return found


def put_back(out: Path) -> None:
    """Clean up after a run that was killed: the log is as it was before it, or as it was to be after it."""
    aside = out.with_name(ASIDE.format(out.name))
    if aside.exists():
        if out.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(out)
    for part in out.parent.glob(f".{out.name}.part-*"):
        shutil.rmtree(part)


@contextmanager
def replaced_folder(out: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the place of ``out``, which is never half there."""
    ready = out.with_name(f".{out.name}.part-ready")
    with whole_folder(ready) as part:
        yield part
    aside = out.with_name(ASIDE.format(out.name))
    if out.exists():
        out.rename(aside)
    ready.rename(out)
    if aside.exists():
        shutil.rmtree(aside)


def _check(manifest: Manifest, held: tuple[Delivery, ...]) -> None:
    """Refuse what cannot be joined to the deliveries that are there."""
    if not held:
        return
    newest = held[-1]
    if manifest.extract_date < newest.extract_date:
        raise _refusal(
            "an extract date that is not before the newest delivery's",
            "an older one",
            "Deliveries come in the order of their extract dates.",
        )
    if manifest.release != newest.release:
        raise _refusal(
            "pseudonyms of the same release as before",
            "another release: its pseudonyms mean other people",
            "Ask the linking party for this delivery under the same secret, or start a new event log.",
        )
    if manifest.synthetic != newest.synthetic:
        raise _refusal(
            "only real or only invented people in one event log",
            "the other kind",
            "Name another folder for it.",
        )


def _refusal(expected: str, found: str, next_step: str) -> DataError:
    return DataError(expected=expected, found=found, where=MANIFEST, next_step=next_step)


def _beside(folder: Path, out: Path) -> tuple[Path, ...]:
    """Return other folders that may say who must be left out: the log, and the shard that the extracts are in."""
    return (out, folder.parent) if folder.parent.name.startswith("shard-") else (out,)


def _delivery(taken: Taken, fingerprint: str, held: tuple[Delivery, ...]) -> Delivery:
    manifest = taken.manifest
    same_day = sum(delivery.extract_date == manifest.extract_date for delivery in held)
    return Delivery(
        name=manifest.extract_date.isoformat() + (f"-{same_day + 1}" if same_day else ""),
        extract_date=manifest.extract_date,
        fingerprint=fingerprint,
        release=manifest.release,
        synthetic=manifest.synthetic,
        covered=taken.covered,
    )


def _merged(taken: Taken, out: Path, deliveries: tuple[Delivery, ...], *, threads: int | None) -> Intake:
    """Return what is in the log and in the delivery together, with the account of the delivery."""
    if len(deliveries) == 1:
        return taken.intake
    earlier = _load(out)
    step = Step(deliveries[-2].extract_date, deliveries[-1].extract_date, taken.covered)
    records: Records = merge(earlier.records, taken.intake.records, step, threads=threads)
    return replace(taken.intake, records=records, stops=merge_stops(earlier.stops, taken.intake.stops))


def _load(out: Path) -> Intake:
    try:
        return Intake.load(out)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            expected="a whole event log of earlier deliveries",
            found="a file that is missing, cut off or damaged",
            where=f"--out {out.name}",
            next_step="Restore the folder from a backup, or bring all deliveries in again into a new one.",
        ) from error


def _write_list(part: Path, out: Path, deliveries: tuple[Delivery, ...]) -> None:
    """Write the list of deliveries, and keep the accounts of earlier ones and what else lies beside the data."""
    listed = to_json([delivery.to_json() for delivery in deliveries])
    (part / LIST).write_text(listed, encoding="utf-8", newline="\n")
    if (out / FOLDER).exists():
        shutil.copytree(out / FOLDER, part / FOLDER)
    else:
        (part / FOLDER).mkdir()
    for name in BESIDE:
        if (out / name).exists():
            shutil.copy2(out / name, part / name)
