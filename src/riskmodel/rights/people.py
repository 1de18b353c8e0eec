"""Who a person's request is about: reads a list of pseudonyms and finds these people in data folders."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.errors import DataError
from riskmodel.intake.left_out import SPINE_FILE, Key, Tombstones, key_text, spine_rows, subject_text
from riskmodel.tables.records import EventLog

AGENCIES = ("EDU", "CSC", "CLA", "YJ", "HEALTH", "POLICE", "HOUSING", "SUPPORT")
STORE = ".store"
LINKAGE = "linkage.json"
TRUE_KEYS = "identities.parquet"


@dataclass(frozen=True)
class Request:
    """What a list of pseudonyms says: subjects, keys of agencies, or both."""

    subjects: frozenset[int]
    keys: frozenset[Key]

    def __len__(self) -> int:
        return len(self.subjects) + len(self.keys)


@dataclass(frozen=True)
class People:
    """Who was found.

    Attributes
    ----------
    subjects : frozenset of int
        Everybody whom the request names and some folder knows, or knew.
    keys : frozenset of (agency, key)
        All their keys at every agency, from the spines.
    unknown : int
        How many pseudonyms of the request nobody knows.
    """

    subjects: frozenset[int]
    keys: frozenset[Key]
    unknown: int


def read_request(path: Path) -> Request:
    """Read a CSV file with column ``subject_id``, or with columns ``agency,key``.

    Raises
    ------
    DataError
        If it has neither, or a row is empty or not a number; no value is repeated.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            columns = set(reader.fieldnames or ())
            rows = [{name: (row[name] or "").strip() for name in columns} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unusable(path, "a file that cannot be read as CSV in UTF-8") from error
    if "subject_id" in columns:
        return Request(frozenset(_numbers(path, [row["subject_id"] for row in rows])), frozenset())
    if {"agency", "key"} <= columns:
        keys = frozenset((row["agency"], row["key"]) for row in rows)
        if not keys or not all(agency and key for agency, key in keys):
            raise _unusable(path, "no row, or one without an agency or a key")
        return Request(frozenset(), keys)
    raise _unusable(path, "other columns")


def _numbers(path: Path, texts: Sequence[str]) -> Iterator[int]:
    if not texts:
        raise _unusable(path, "no row")
    for text in texts:
        try:
            yield int(text)
        except ValueError as error:
            raise _unusable(path, "a subject_id that is not a whole number") from error


def _unusable(path: Path, found: str) -> DataError:
    return DataError(
        expected="a header subject_id, or agency,key, and at least one row",
        found=found,
        where=path.name,
        next_step="Write the pseudonyms one a row.",
    )


def extract_folders(folder: Path) -> list[Path]:
    """Return the folders of official extracts in a folder: those with a spine, but not what linkage wrote."""
    return [path.parent for path in _in_data(folder, SPINE_FILE) if not (path.parent / LINKAGE).exists()]


def linkage_spines(folder: Path) -> list[Path]:
    """Return the spines that linkage wrote in a folder: their subjects have numbers of their own."""
    return [path for path in _in_data(folder, SPINE_FILE) if (path.parent / LINKAGE).exists()]


def event_folders(folder: Path) -> list[Path]:
    """Return the folders of events in a folder: our own, or the folder itself where it is a MEDS dataset."""
    own = sorted({path.parent for path in _in_data(folder, EventLog.file_name)})
    meds = any((folder / "data").rglob("*.parquet"))
    return own or ([folder] if meds else [])


def data_folders(folders: Iterable[Path]) -> list[Path]:
    """Return every folder of extracts or events in some folders, each once."""
    found = [one for folder in folders for one in (*extract_folders(folder), *event_folders(folder))]
    return list(dict.fromkeys(found))


def in_store(path: Path, folder: Path) -> bool:
    """Return whether a path below a folder is what a pipeline kept for its next run."""
    return any(part.startswith(STORE) for part in path.relative_to(folder).parts)


def _in_data(folder: Path, name: str) -> list[Path]:
    return sorted(path for path in folder.rglob(name) if not in_store(path, folder))


def find_people(request: Request, folders: Sequence[Path]) -> People:
    """Find everybody a request names, with all their keys.

    Raises
    ------
    DataError
        If a key of the request is given to two people, so that nobody can say who is meant.
    """
    roots = data_folders(folders)
    spine = [row for root in roots if (root / SPINE_FILE).exists() for row in _spine(root / SPINE_FILE)]
    spine += [row for folder in folders for path in true_keys(folder) for row in _true_spine(path)]
    linked = [list(_spine(path)) for folder in folders for path in linkage_spines(folder)]
    named, keys = _named(request.subjects, request.keys, spine)
    in_spines = keys
    for one in linked:
        in_spines |= _named(frozenset(), keys | request.keys, one)[1]
    seen = _seen(named, spine, folders)
    tombstones = Tombstones.read(*folders, *roots)
    erased = {one for one in named - seen if tombstones.holds(subject_text(one))}
    lost = [
        key
        for key in request.keys - in_spines - _identity_keys(folders)
        if not tombstones.holds(key_text(key))
    ]
    unknown = len(request.subjects - seen - erased) + len(lost)
    return People(frozenset(seen | erased), in_spines | request.keys, unknown)


def _named(
    subjects: frozenset[int], keys: frozenset[Key], spine: Sequence[tuple[Key, int]]
) -> tuple[frozenset[int], frozenset[Key]]:
    """Return the subjects that are named, by number or by key, and all their keys in one spine."""
    _refuse_shared_keys(keys, spine)
    named = subjects | {subject for key, subject in spine if key in keys}
    return named, frozenset(key for key, subject in spine if subject in named)


def _spine(path: Path) -> Iterator[tuple[Key, int]]:
    for key, text in spine_rows(path):
        if text.removeprefix("-").isdigit():
            yield key, int(text)


def true_keys(folder: Path) -> list[Path]:
    """Return the tables in which a simulation says whose the keys are, second registrations included."""
    return _in_data(folder, TRUE_KEYS)


def _true_spine(path: Path) -> Iterator[tuple[Key, int]]:
    rows = pq.read_table(path, columns=["agency", "key", "subject_id"], partitioning=None).to_pydict()
    yield from zip(zip(rows["agency"], rows["key"], strict=True), rows["subject_id"], strict=True)


def spine_subjects(root: Path) -> set[int]:
    """Return everybody in the spine of a folder of extracts."""
    return {subject for _, subject in _spine(root / SPINE_FILE)}


def _identity_keys(folders: Iterable[Path]) -> frozenset[Key]:
    return frozenset(
        (path.stem, row["key"].strip())
        for folder in folders
        for path in identity_files(folder)
        for row in _rows_of(path)
    )


def identity_files(folder: Path) -> list[Path]:
    """Return what agencies handed to the linking party: ``<AGENCY>.csv`` with keys and names."""
    return [path for agency in AGENCIES for path in _in_data(folder, f"{agency}.csv") if _is_identities(path)]


def _is_identities(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return {"key", "forename", "surname"} <= set(next(csv.reader(stream), []))


def _rows_of(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from csv.DictReader(stream)


def _refuse_shared_keys(keys: Collection[Key], spine: Collection[tuple[Key, int]]) -> None:
    owners: dict[Key, set[int]] = {}
    for key, subject in spine:
        if key in keys:
            owners.setdefault(key, set()).add(subject)
    shared = sum(len(some) > 1 for some in owners.values())
    if shared:
        raise DataError(
            expected="keys that each belong to one person",
            found=f"{shared} that the spine gives to two people",
            where="--keys",
            next_step="Name these people by subject_id.",
        )


def _seen(named: Collection[int], spine: Iterable[tuple[Key, int]], folders: Iterable[Path]) -> set[int]:
    """Return who of some people is in a spine or in any table of some folders, kept stages included."""
    found = {subject for _, subject in spine if subject in named}
    for folder in folders:
        for path in sorted(folder.rglob("*.parquet")):
            found |= subjects_in(path, named)
    return found


def subjects_in(path: Path, wanted: Collection[int]) -> set[int]:
    """Return who of some people has a row in a Parquet file."""
    if not wanted or "subject_id" not in pq.read_schema(path).names:
        return set()
    column = pq.read_table(path, columns=["subject_id"], partitioning=None).column(0).unique()
    wanted_ids = pa.array(sorted(wanted), pa.int64())
    return set(column.filter(pc.is_in(column.cast(pa.int64()), value_set=wanted_ids)).to_pylist())
