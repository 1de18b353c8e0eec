"""What erasure takes out of data: official extracts, events, truth, identities and linkage.

The order matters, so that an interrupted erasure can be finished: rows that hang from others go before these, and
the spine, which says whose the rows are, goes last.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from riskmodel.errors import DataError
from riskmodel.intake.extracts import SOURCES
from riskmodel.intake.layout import Context, Kind, Layout, Source
from riskmodel.intake.left_out import AUDIT_LOG, FORGOTTEN, SPINE_FILE, RowsOfKeys
from riskmodel.intake.reading import ROW, read_rows
from riskmodel.rights.cuts import Cut, csv_cut, csv_header, csv_rows_where, parquet_cut, xml_cut
from riskmodel.rights.people import (
    LINKAGE,
    People,
    extract_folders,
    identity_files,
    in_store,
    true_keys,
)

OUR_OWN = (FORGOTTEN, AUDIT_LOG)


def data_cuts(folder: Path, people: People) -> list[Cut]:
    """Return every cut in the data of one folder, in the order in which they must be carried out."""
    roots = extract_folders(folder)
    extracts = [cut for root in roots for cut in _extract_cuts(root, people)]
    described = {path for root in roots for path in _described(root)}
    spines = [*(root / SPINE_FILE for root in roots), *true_keys(folder)]
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not in_store(path, folder)
        and path not in described
        and path.name not in OUR_OWN
    )
    others = [path for path in files if path not in spines]
    identities = set(identity_files(folder))
    cuts = [cut for path in others for cut in _table_cuts(path, people, is_identities=path in identities)]
    # Linkage is searched by the keys that the extracts' spines and the truth give, so these go after it.
    last = [replace(cut, last=2) for path in spines for cut in _table_cuts(path, people)]
    cuts = [replace(cut, last=1) if cut.path.name == SPINE_FILE else cut for cut in cuts]
    return [*extracts, *cuts, *last]


def _described(root: Path) -> Iterator[Path]:
    """Yield the files of a folder of extracts that a layout with a link describes."""
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if any(re.fullmatch(_file_pattern(layout), name) for source in SOURCES for layout in source.layouts):
            yield path


def _file_pattern(layout: Layout) -> str:
    return layout.pattern.partition("#")[0]


def _extract_cuts(root: Path, people: People) -> list[Cut]:
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    cuts: list[Cut] = []
    for source in SOURCES:
        finder = RowsOfKeys(people.keys)
        found = [
            cut for layout in source.layouts for cut in _layout_cuts(root, names, source, layout, finder)
        ]
        cuts += reversed(found)  # parents are listed first, and must be cut last
    return cuts


def _layout_cuts(
    root: Path, names: Collection[str], source: Source, layout: Layout, finder: RowsOfKeys
) -> Iterator[Cut]:
    for name in names:
        match = re.fullmatch(_file_pattern(layout), name)
        if match is None:
            continue
        try:
            if source.read_elements is None:
                yield from _csv_cuts(root / name, name, layout, layout.context(match), finder)
            elif layout is source.layouts[0]:
                yield from _xml_cuts(root / name, name, source, finder)
        except (DataError, csv.Error):
            continue  # the search at the end names the file if it still holds them


def _csv_cuts(path: Path, name: str, layout: Layout, context: Context, finder: RowsOfKeys) -> Iterator[Cut]:
    if layout.link is None:
        return
    wanted = [field.column for field in layout.fields if field.kind is Kind.KEY and not field.may_lack]
    try:
        text = read_rows(path, where=name, columns=wanted)
    except DataError:  # the file as a whole is broken, but its rows may still be told apart
        rows = _rows_with(path, finder.pseudonyms(layout.link, context))
    else:
        found = finder.find(layout, text.table, context)
        broken = {number for number, _ in text.ragged}
        theirs = _rows_with(path, finder.pseudonyms(layout.link, context)) if broken else []
        rows = [*np.asarray(text.table.column(ROW))[found].tolist(), *broken.intersection(theirs)]
    if rows:
        yield csv_cut(path, rows)


def _rows_with(path: Path, pseudonyms: frozenset[str]) -> list[int]:
    """Return the rows that have one of some pseudonyms in any place."""
    return csv_rows_where(path, lambda row: not pseudonyms.isdisjoint(row.values()))


def _xml_cuts(path: Path, name: str, source: Source, finder: RowsOfKeys) -> Iterator[Cut]:
    assert source.read_elements is not None  # noqa: S101 - the caller looked
    tables = source.read_elements(path, name)
    first = source.layouts[0]
    element, number = first.pattern.rpartition("#")[2], first.fields[0].column
    children = tables[element].table
    found = finder.find(first, children, {})
    places = set(np.asarray(children.column(number))[found].tolist())
    if places:
        rows = sum(np.isin(np.asarray(t.table.column(number)), list(places)).sum() for t in tables.values())
        yield xml_cut(path, element, {int(place) for place in places}, rows=int(rows))


def _table_cuts(path: Path, people: People, *, is_identities: bool = False) -> Iterator[Cut]:
    """Yield the cut of a table that names people in columns of its own."""
    if path.suffix == ".parquet":
        cut = parquet_cut(path, people.subjects)
        if cut is not None:
            yield cut
        return
    if path.suffix != ".csv":
        return
    columns = set(csv_header(path))
    linked = (path.parent / LINKAGE).exists()  # there subjects have numbers of their own
    subjects = set() if linked else {str(subject) for subject in people.subjects}
    if is_identities:
        rows = csv_rows_where(path, lambda row: (path.stem, row.get("key", "")) in people.keys)
    elif columns & {"subject_id", "key"}:
        rows = csv_rows_where(
            path,
            lambda row: (
                row.get("subject_id") in subjects
                or (row.get("agency", ""), row.get("key", "")) in people.keys
            ),
        )
    else:
        return
    if rows:
        yield csv_cut(path, rows)
