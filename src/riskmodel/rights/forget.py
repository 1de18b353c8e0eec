"""Erasure (UK GDPR Article 17): takes people out of every table, shard, run and index that holds them.

Files are replaced one by one, each whole, in an order that lets a second call finish what an interruption left. First of
all a tombstone is written, so that nobody comes back in between.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskmodel.errors import DataError
from riskmodel.files import write_text
from riskmodel.intake.deliveries import LIST, put_back
from riskmodel.intake.left_out import FORGOTTEN, key_text, subject_text, tombstone, tombstones_in
from riskmodel.rights.audit_log import append_entry, read_audit_log
from riskmodel.rights.cuts import Cut
from riskmodel.rights.data_cuts import data_cuts
from riskmodel.rights.objections import refuse_nobody
from riskmodel.rights.people import People, data_folders, event_folders, find_people, read_request
from riskmodel.rights.run_cuts import affected_runs, run_cuts
from riskmodel.rights.search import SearchReport, search

BEGUN, DONE = "forget, begun", "forget"
MODELS_STAY = (
    "Erasure does not change a trained model. Trained on data that held these people, to be trained again: "
)


@dataclass(frozen=True)
class ForgetReport:
    """What was, or would be, taken out; exact counts, for the secure environment.

    Attributes
    ----------
    people, unknown : int
        People of the list who are, or were, in the folders; pseudonyms that no folder knows.
    cuts : mapping of str to (int, int)
        By folder: files that change or go, and rows.
    runs : tuple of str
        Runs whose data held, or may have held, one of these people.
    found : SearchReport or None
        What the search afterwards found; None for a dry run.
    """

    people: int
    unknown: int
    cuts: Mapping[str, tuple[int, int]]
    runs: tuple[str, ...]
    found: SearchReport | None

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "people": self.people,
            "unknown": self.unknown,
            "folders": {name: {"files": files, "rows": rows} for name, (files, rows) in self.cuts.items()},
            "runs_to_train_again": list(self.runs),
            "dry_run": self.found is None,
            "searched": None if self.found is None else self.found.searched,
            "left": None if self.found is None else [path.name for path in self.found.left],
            "cannot_be_searched": None if self.found is None else [path.name for path in self.found.closed],
        }

    def words(self) -> str:
        """Return the same for a person."""
        would = "would go" if self.found is None else "went"
        lines = [f"{self.people} known people in the list; {self.unknown} pseudonyms that no folder knows."]
        lines += [
            f"{name}: {rows:,} rows in {files} files {would}." for name, (files, rows) in self.cuts.items()
        ]
        if self.runs:
            lines.append(MODELS_STAY + ", ".join(self.runs) + ".")
        lines.append("Nothing was changed." if self.found is None else self.found.words())
        return "\n".join(lines)


def forget(keys: Path, folders: Sequence[Path], *, dry_run: bool = False) -> ForgetReport:
    """Take the people in a list out of some folders, and prove it by a search.

    Parameters
    ----------
    keys : Path
        A CSV file with ``subject_id``, or with ``agency,key``.
    folders : sequence of Path
        Folders of extracts, identities, linkage, truth, events or runs, or folders of such folders.
    dry_run : bool
        Whether only to count.

    Raises
    ------
    DataError
        If nobody in the list is known.
    """
    if not dry_run:
        for folder in folders:
            _finish_intakes(folder)
    request = read_request(keys)
    people = find_people(request, folders)
    refuse_nobody(people.unknown, of=len(request))
    cuts = {folder: _cuts(folder, people) for folder in folders}
    runs = tuple(run.name for folder in folders for run in affected_runs(folder, people.subjects))
    found = None
    if not dry_run:
        _carry_out(folders, people, cuts, runs)
        found = search(folders, people)
        _log_the_end(folders, people, cuts, found)
    counted = {folder.name: (len(some), sum(cut.rows for cut in some)) for folder, some in cuts.items()}
    return ForgetReport(len(people.subjects), people.unknown, counted, runs, found)


def _finish_intakes(folder: Path) -> None:
    """Clear away what a killed intake left beside an event log: it holds the same people."""
    for root in event_folders(folder):
        if (root / LIST).exists():
            put_back(root)


def _cuts(folder: Path, people: People) -> list[Cut]:
    # Runs first: the data tell which runs held somebody.
    return [*run_cuts(folder, people.subjects), *data_cuts(folder, people)]


def _carry_out(
    folders: Sequence[Path], people: People, cuts: Mapping[Path, Sequence[Cut]], runs: Sequence[str]
) -> None:
    """Write the tombstones and carry out every cut; spines, which come last in their folder, last of all."""
    if any(cuts.values()):
        notes = [f"{MODELS_STAY}{', '.join(runs)}."] if runs else []
        for folder in folders:
            counts = {**_counts(people, cuts[folder]), "unknown": people.unknown}
            append_entry(folder, BEGUN, counts=counts, folders=_names(folders), notes=notes)
    for folder in dict.fromkeys((*folders, *data_folders(folders))):
        _add_tombstones(folder / FORGOTTEN, people)
    everything = [cut for folder in folders for cut in cuts[folder]]
    for cut in sorted(everything, key=lambda cut: cut.last):
        cut.carry_out()


def _log_the_end(
    folders: Sequence[Path], people: People, cuts: Mapping[Path, Sequence[Cut]], found: SearchReport
) -> None:
    """Write the last entry where one was begun, by this call or by one that was interrupted."""
    for folder in folders:
        entries = read_audit_log(folder).entries
        if entries and entries[-1]["verb"] == BEGUN:
            searched = {"files searched": found.searched, "files left": len(found.left)}
            counts = {**_counts(people, cuts[folder]), **searched}
            append_entry(folder, DONE, counts=counts, folders=_names(folders))


def _counts(people: People, cuts: Sequence[Cut]) -> dict[str, int]:
    return {"people": len(people.subjects), "files": len(cuts), "rows": sum(cut.rows for cut in cuts)}


def _names(folders: Iterable[Path]) -> list[str]:
    return list(dict.fromkeys(folder.resolve().name for folder in folders))


def _add_tombstones(path: Path, people: People) -> None:
    """Add the hashes that are not there yet, under the salt that the file has."""
    already = tombstones_in(path)
    salt = already[0][0] if already else secrets.token_hex(16)
    texts = [*map(subject_text, sorted(people.subjects)), *map(key_text, sorted(people.keys))]
    # In the order of the hashes, so that nothing can be read from the order of the rows.
    wanted = sorted({*already, *((salt, tombstone(salt, text)) for text in texts)})
    if wanted != sorted(already):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([("salt", "sha256"), *wanted])
        write_text(path, text.getvalue())


def refuse_what_is_left(report: ForgetReport) -> None:
    """Refuse to call it done while a pseudonym stands somewhere.

    Raises
    ------
    DataError
        Naming the files.
    """
    if report.found is not None and report.found.left:
        raise DataError(
            expected="no file that holds one of their pseudonyms",
            found=f"{len(report.found.left)} files that do",
            where=", ".join(path.name for path in report.found.left),
            next_step="Repair or delete these files by hand, and run the command again.",
        )
