"""Turns the agencies' raw files into extracts that may leave the linking party: ``riskmodel pseudonymise``.

Nothing is copied because nobody forbade it: for each layout, only the columns that intake reads leave, and of them
only values that they can have. Keys become HMAC-SHA256 pseudonyms, birth dates the first of their month, postcodes
the area they lie in. Checks that need the full birth date run here, as nobody can run them later.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from riskmodel.errors import DataError, PolicyError, StudyError
from riskmodel.files import to_json, whole_folder
from riskmodel.intake.manifest import MANIFEST, PSEUDONYMISED, read_manifest
from riskmodel.intake.reading import read_rows
from riskmodel.intake.refusal import identifiers_in
from riskmodel.linking.raw_account import RawAccount
from riskmodel.linking.raw_elements import write_elements
from riskmodel.linking.raw_files import STOPS, RawFile, raw_files
from riskmodel.linking.raw_people import AGENCIES, Areas, RawPeople, add_identities, upn_groups
from riskmodel.linking.raw_rows import gather, write_rows
from riskmodel.linking.secret import Secret

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PseudonymReport:
    """What was done; counts only, for the linking party and the council.

    Attributes
    ----------
    files : mapping of str to RawAccount
        By the name in the extracts; one XML file has an entry for each kind of element, as ``path#Element``.
    copied : tuple of str
        Files without any person key, which left unchanged.
    not_passed_on : int
        Files that no layout describes.
    people : mapping of str to int
        Keys in the spine, and how many people they are.
    postcodes : mapping of str to int
        Postcodes whose area is known and unknown.
    """

    files: Mapping[str, RawAccount]
    copied: tuple[str, ...]
    not_passed_on: int
    people: Mapping[str, int]
    postcodes: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``pseudonymise.json``."""
        accounts = [account.to_json() for account in self.files.values()]
        totals = {
            part: sum(one[part] for one in accounts) for part in ("rows_in", "rows_out", "rows_set_aside")
        }
        return {
            **totals,
            "files": {name: account.to_json() for name, account in sorted(self.files.items())},
            "files_copied_unchanged": list(self.copied),
            "files_not_passed_on": self.not_passed_on,
            "people": dict(self.people),
            "postcodes": dict(self.postcodes),
        }

    def summary(self) -> str:
        """Return a table for the terminal, the reasons, and what a person should know."""
        lines = [f"{'files':<24}{'rows in':>12}{'rows out':>12}{'set aside':>12}"]
        for folder in sorted({name.split("/")[0] for name in self.files}):
            accounts = [account for name, account in self.files.items() if name.split("/")[0] == folder]
            counts = [
                sum(account.rows_in for account in accounts),
                sum(account.rows_out for account in accounts),
                sum(len(account.set_aside) for account in accounts),
            ]
            lines.append(f"{folder:<24}" + "".join(f"{count:>12,}" for count in counts))
        return "\n".join([*lines, *self._by_kind(), *self._closing()])

    def _by_kind(self) -> list[str]:
        """Return what was set aside, withheld and changed, for each kind of file, its years taken together."""
        counts: Counter[str] = Counter()
        for name, account in sorted(self.files.items()):
            kind, one = re.sub(r"\d{4}(_(autumn|spring|summer))?", "*", name), account.to_json()
            for reason, count in one["reasons"].items():
                counts[f"{kind}: set aside, as {reason}"] += count
            for column, count in one["withheld"].items():
                counts[f"{kind}: left as '?', as {column} cannot have such a value"] += count
            for column, count in one["dates_on_the_day_of_birth"].items():
                counts[f"{kind}: left as the first of the month, as {column} was the day of birth"] += count
        return [f"{words}: {count:,}" for words, count in counts.items()]

    def _closing(self) -> list[str]:
        lines = []
        if self.copied:
            lines.append(
                f"Files copied unchanged, as they are about nobody in particular: {len(self.copied):,}"
            )
        if self.not_passed_on:
            lines.append(f"Files not passed on, as no layout describes them: {self.not_passed_on:,}")
        if self.postcodes["unknown"]:
            lines.append(f"Postcodes left blank, as their area is not known: {self.postcodes['unknown']:,}")
        lines.append(f"{self.people['keys']:,} keys of {self.people['subjects']:,} people in the spine.")
        return lines


@dataclass(frozen=True)
class Party:
    """What the linking party brings besides the raw files and its secret.

    Attributes
    ----------
    spine : Path, optional
        CSV ``agency,key,subject_id``, as ``riskmodel link`` writes it. Without it each key is a person of its own,
        except that keys of several agencies with the same UPN are one.
    postcodes : Path, optional
        CSV ``postcode,lsoa``.
    identities : Path, optional
        Folder with ``<AGENCY>.csv``: birth dates of keys whose extracts have none.
    extract_date : date, optional
        Last day that can be in the data; else the raw folder's ``manifest.json`` says it.
    ssda903_year : int, optional
        Year to 31 March of files named ``903_...``.
    """

    spine: Path | None = None
    postcodes: Path | None = None
    identities: Path | None = None
    extract_date: date | None = None
    ssda903_year: int | None = None


def pseudonymise(
    raw: Path,
    *,
    out: Path,
    secret: Secret,
    party: Party | None = None,
    progress: Progress = lambda _title, _number, _count: None,
) -> PseudonymReport:
    """Write extracts that may leave the linking party, whole or not at all.

    Parameters
    ----------
    raw : Path
        The agencies' files in official layouts, in a folder for each agency.
    out : Path
        A new folder for the extracts. Beside it, ``<out>-set-aside`` lists rows and reasons; it stays with the
        linking party.
    secret : Secret
        What the pseudonyms are made with.
    party : Party, optional
        What else is at hand.
    progress : callable
        Told what is being done: title, number, how many.

    Returns
    -------
    PseudonymReport
        Rows in = rows out + rows set aside, for every file.

    Raises
    ------
    DataError
        If a file as a whole cannot be used.
    StudyError
        If the extract date or a year is missing, a folder lies in the other, or one to be written exists.
    PolicyError
        If what would leave still looks like direct identifiers.
    """
    party = party or Party()
    beside = out.with_name(f"{out.name}-set-aside")
    _refuse_nested(raw, out)
    _refuse_existing(out, beside)
    manifest = _manifest(raw, party, secret)
    files, others = raw_files(raw, ssda903_year=party.ssda903_year)
    with ExitStack() as stack:
        aside = stack.enter_context(whole_folder(beside))
        part = stack.enter_context(whole_folder(out))
        work = _Work(secret, Areas(party.postcodes), part)
        work.gather(files, party.identities, progress)
        work.write(files, progress)
        people = work.write_spine(party.spine)
        (part / MANIFEST).write_text(to_json(manifest), encoding="utf-8")
        report = work.report(others, people)
        (part / PSEUDONYMISED).write_text(to_json(report.to_json()), encoding="utf-8")
        _refuse_what_still_looks_direct(part)
        _write_set_aside(report, aside)
    return report


@dataclass
class _Work:
    """One run under way."""

    secret: Secret
    areas: Areas
    out: Path
    people: RawPeople = field(default_factory=RawPeople)
    accounts: dict[str, RawAccount] = field(default_factory=dict)
    copied: list[str] = field(default_factory=list)

    def gather(self, files: list[RawFile], identities: Path | None, progress: Progress) -> None:
        """Learn the birth dates and pupil numbers of keys, before any row is judged by them."""
        if identities is not None:
            add_identities(self.people, identities)
        for number, file in enumerate(files):
            progress(f"Looking for birth dates in {file.name}", number, 2 * len(files))
            if not file.is_elements:
                gather(file, self.people)

    def write(self, files: list[RawFile], progress: Progress) -> None:
        """Write every file."""
        for number, file in enumerate(files, start=len(files)):
            progress(f"Writing {file.name}", number, 2 * len(files))
            target = self.out / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.source is STOPS and file.path.suffix == ".csv":
                shutil.copyfile(file.path, target)
                self.copied.append(file.name)
            elif file.is_elements:
                found = write_elements(file, target, people=self.people, secret=self.secret)
                self.accounts |= {f"{file.name}#{kind}": account for kind, account in found.items()}
            else:
                self.accounts[file.name] = write_rows(
                    file, target, people=self.people, areas=self.areas, secret=self.secret
                )

    def write_spine(self, given: Path | None) -> dict[str, int]:
        """Write the spine in an order that says nothing, and return how many keys and people it has."""
        made = self.people.spine(self.secret)
        rows = made if given is None else _given_spine(given, self.secret)
        with (self.out / "spine.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("agency", "key", "subject_id"))
            writer.writerows(rows)
        listed = {(agency, key) for agency, key, _ in rows}
        return {
            "keys": len(rows),
            "subjects": len({subject for _, _, subject in rows}),
            "keys_in_files": len(made),
            "keys_in_files_not_in_spine": sum((agency, key) not in listed for agency, key, _ in made),
            "pupil_numbers_at_several_agencies": upn_groups(self.people.upns),
        }

    def report(self, others: int, people: Mapping[str, int]) -> PseudonymReport:
        """Return what was done."""
        postcodes = {"known": self.areas.known, "unknown": self.areas.unknown}
        return PseudonymReport(self.accounts, tuple(self.copied), others, people, postcodes)


def _given_spine(path: Path, secret: Secret) -> list[tuple[str, str, int]]:
    rows = read_rows(path, where=path.name, columns=("agency", "key", "subject_id"))
    texts = [
        [text.strip() for text in rows.table.column(name).to_pylist()]
        for name in ("agency", "key", "subject_id")
    ]
    whole = [row for row in zip(*texts, strict=True) if row[0] in AGENCIES and all(row)]
    if rows.ragged or len(whole) != rows.table.num_rows:
        raise DataError(
            expected=f"agency (one of {', '.join(AGENCIES)}), key and subject_id in every row",
            found=f"{rows.rows_in - len(whole)} other rows",
            where=path.name,
            next_step="Write it again with 'riskmodel link'.",
        )
    made = {
        (agency, secret.pseudonym(agency, key), secret.subject("spine", subject))
        for agency, key, subject in whole
    }
    return sorted(made)


def _manifest(raw: Path, party: Party, secret: Secret) -> dict[str, Any]:
    """Return the manifest of the extracts; of what the raw folder's says, only what is known goes on."""
    said: dict[str, Any] = {}
    if (raw / MANIFEST).exists():
        read_manifest(raw)  # refuses what it cannot mean
        given = json.loads((raw / MANIFEST).read_text(encoding="utf-8"))
        said = {
            name: given[name] for name in ("extract_date", "first_date", "gaps", "synthetic") if name in given
        }
    if party.extract_date is not None:
        said["extract_date"] = party.extract_date.isoformat()
    if "extract_date" not in said:
        fault = (
            "add --extract-date with the last day that can be in the data, or a manifest.json that says it"
        )
        raise StudyError([fault], where="the command")
    return {**said, "release": secret.release}


def _refuse_nested(raw: Path, out: Path) -> None:
    if not raw.is_dir():
        raise StudyError([f"RAW: '{raw}' is no folder"], where="the command")
    here, there = raw.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        fault = (
            "--out lies in the raw folder, or the raw folder in it: what leaves must be apart from what stays"
        )
        raise StudyError([fault], where="the command")


def _refuse_existing(*folders: Path) -> None:
    for folder in folders:
        if folder.exists():
            fault = f"--out: '{folder.name}' exists already; name a new folder, so that nothing is lost"
            raise StudyError([fault], where="the command")


def _refuse_what_still_looks_direct(folder: Path) -> None:
    found = [
        f"  - {where}: {column} looks like {what}"
        for where, columns in identifiers_in(folder).items()
        for column, what in columns.items()
    ]
    if found:
        listed = "\n".join(found)
        raise PolicyError(
            f"What would leave still looks like direct identifiers:\n{listed}\nNothing was written."
        )


def _write_set_aside(report: PseudonymReport, folder: Path) -> None:
    for name, account in report.files.items():
        if account.set_aside:
            target = folder / f"{name.replace('#', '.').removesuffix('.csv')}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(("row", "reason"))
                writer.writerows(account.set_aside)
