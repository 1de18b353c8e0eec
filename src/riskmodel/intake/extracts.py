"""Takes in a folder of official extracts: checks every row, links it, and writes the event log."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import cast

import pyarrow as pa

from riskmodel.errors import DataError, RiskModelError
from riskmodel.intake import people
from riskmodel.intake.database import Database, Delivered
from riskmodel.intake.layout import Context, Field, Kind, Layout, Rule, Source, code, key
from riskmodel.intake.layouts import (
    cin_census,
    health,
    housing,
    police,
    school_census,
    ssda903,
    stop_search,
    support,
    youth_justice,
)
from riskmodel.intake.reading import TextRows, read_rows
from riskmodel.intake.report import FileReport, Intake, IntakeReport
from riskmodel.intake.spec import DelaySpec
from riskmodel.tables.records import Records

# Facts about a person are believed in this order.
SOURCES: tuple[Source, ...] = (
    school_census.SOURCE,
    cin_census.SOURCE,
    ssda903.SOURCE,
    youth_justice.SOURCE,
    health.SOURCE,
    police.SOURCE,
    support.SOURCE,
    housing.SOURCE,
)
SPINE = Layout(
    name="spine",
    pattern=r"spine\.csv",
    fields=(
        code("agency", "EDU CSC CLA YJ HEALTH POLICE HOUSING SUPPORT"),
        key("key"),
        Field("subject_id", Kind.WHOLE),
    ),
    link=None,
    rules=(
        Rule(
            "min(typed.subject_id) OVER (PARTITION BY typed.agency, typed.key) <> "
            "max(typed.subject_id) OVER (PARTITION BY typed.agency, typed.key)",
            "one key of an agency is given to two people",
        ),
    ),
    unique=(("agency", "key"),),
)
_MANIFEST = "manifest.json"
_BATCH_ROWS = 1_000_000


@dataclass(frozen=True)
class Manifest:
    """What the sender says of the whole delivery."""

    extract_date: date
    first_date: date | None
    synthetic: bool


def take_in(
    folder: Path, *, delays: DelaySpec | None = None, out: Path | None = None, threads: int | None = None
) -> Intake:
    """Take in official extracts that a linking party has pseudonymised.

    Parameters
    ----------
    folder : Path
        Holds ``spine.csv``, ``manifest.json`` and one folder for each agency. Agencies may be missing: nobody is
        then observed by them.
    delays : DelaySpec, optional
        Declared delays of agencies that do not say when something was recorded.
    out : Path, optional
        Where to save the result, in the secure environment.
    threads : int, optional
        At most so many.

    Returns
    -------
    Intake
        Rows in = rows accepted + rows quarantined, for every file.

    Raises
    ------
    DataError
        If a file as a whole cannot be used.
    """
    manifest = read_manifest(folder)
    with closing(Database(extract_day=manifest.extract_date, threads=threads)) as database:
        intake = _Delivery(folder, manifest, delays or DelaySpec(), database).take_in()
    if out is not None:
        intake.save(out)
    return intake


def read_manifest(folder: Path) -> Manifest:
    """Read ``manifest.json``.

    Raises
    ------
    DataError
        If it is missing, is not JSON, or has no usable extract date.
    """
    try:
        said = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        first = said.get("first_date")
        return Manifest(
            extract_date=date.fromisoformat(said["extract_date"]),
            first_date=None if first is None else date.fromisoformat(first),
            synthetic=bool(said.get("synthetic", False)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            expected='{"extract_date": "YYYY-MM-DD", "first_date": "YYYY-MM-DD"}',
            found="no such file" if isinstance(error, OSError) else "something else",
            where=_MANIFEST,
            next_step="Ask the sender for the last day that can be in the data.",
        ) from error


class _Delivery:
    """One intake under way: the files that were read so far and what became of their rows."""

    def __init__(self, folder: Path, manifest: Manifest, delays: DelaySpec, database: Database) -> None:
        self._folder = folder
        self._names = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        self._manifest = manifest
        self._delays = delays
        self._database = database
        self._reports: dict[str, FileReport] = {}
        self._quarantine: dict[str, pa.Table] = {}
        self._notes = ["The sender says that these people are invented."] if manifest.synthetic else []
        self._file_notes: list[str] = []

    def take_in(self) -> Intake:
        """Read agency by agency, so that only one agency's rows are in memory besides the events."""
        database = self._database
        self._read(Source("SPINE", (SPINE,)))
        if "spine.csv" not in self._reports:
            read_rows(self._folder / "spine.csv", where="spine.csv", columns=("agency", "key", "subject_id"))
        self._read(housing.SOURCE)
        people.build_residence(database)
        people.build_observation(database)
        for order, source in enumerate(SOURCES):
            self._take_in_source(source, order)
        self._read(stop_search.SOURCE)
        people.add_births(database)
        return self._finish()

    def _take_in_source(self, source: Source, order: int) -> None:
        if (
            source is not housing.SOURCE
        ):  # read before the others: they are observed where it says people live
            self._read(source)
        if not self._has(source):
            self._notes.append(f"No files from {source.agency}: nobody counts as observed by it.")
            return
        for rule in source.events(self._delays):
            self._database.add_events(rule)
        for fact in source.facts(self._delays):
            self._database.add_fact(fact, source=order)
        self._observe(source)
        for layout in source.layouts:
            self._database.run(f"DROP TABLE {layout.name}")
            if not self._files_of(layout):
                self._notes.append(
                    f"{source.agency} sent no file of the kind {layout.name}: what it would have told counts as zero."
                )

    def _observe(self, source: Source) -> None:
        if source is school_census.SOURCE:
            people.observe_pupils(
                self._database,
                roll_delay=self._delays.school_roll_days,
                extract_day=self._manifest.extract_date,
            )
        else:
            for coverage in self._covered(source):
                people.observe_residents(self._database, coverage)

    def _covered(self, source: Source) -> Iterator[people.Coverage]:
        """Yield the periods that an agency's files cover; a yearly return that is missing is a gap."""
        first = self._manifest.first_date
        if source is housing.SOURCE:
            yield people.Coverage(source.agency, None)
        elif not source.yearly:
            yield people.Coverage(source.agency, first)
        else:
            years = {end.year for layout in source.layouts for end in self._year_ends(layout)}
            for began, ended in _runs(years):
                opens, after = date(began - 1, 4, 1), date(ended, 4, 1)
                yield people.Coverage(
                    source.agency,
                    first=opens if first is None else max(opens, first),
                    after=after if after <= self._manifest.extract_date else None,
                )

    def _year_ends(self, layout: Layout) -> Iterator[date]:
        for name in self._files_of(layout):
            yield cast("date", layout.context(_matched(layout, name))["year_end"])

    def _files_of(self, layout: Layout) -> list[str]:
        return [name for name in self._reports if re.fullmatch(layout.pattern, name)]

    def _has(self, source: Source) -> bool:
        return any(self._files_of(layout) for layout in source.layouts)

    def _read(self, source: Source) -> None:
        """Read and check every file of a source."""
        elements = self._elements(source)
        found = {
            layout.name: [name for name in (*self._names, *elements) if re.fullmatch(layout.pattern, name)]
            for layout in source.layouts
        }
        if not any(found.values()) and source is not housing.SOURCE:
            return
        for layout in source.layouts:
            self._database.create(layout)
            first = len(self._reports)
            delivered = (
                self._delivered(layout, name, first + i, elements)
                for i, name in enumerate(found[layout.name])
            )
            for batch in _batches(delivered):
                self._check(layout, batch)

    def _elements(self, source: Source) -> dict[str, TextRows]:
        """Read files that hold several tables, each table under the name of its file and element."""
        elements: dict[str, TextRows] = {}
        if source.read_elements is not None:
            patterns = {layout.pattern.rpartition("#")[0] for layout in source.layouts}
            for name in self._names:
                if any(re.fullmatch(pattern, name) for pattern in patterns):
                    found = source.read_elements(self._folder / name, name)
                    elements |= {f"{name}#{element}": rows for element, rows in found.items()}
        return elements

    def _delivered(
        self, layout: Layout, name: str, number: int, elements: Mapping[str, TextRows]
    ) -> Delivered:
        text = elements[name] if name in elements else _read_layout(self._folder / name, name, layout)
        return Delivered(name, number, text, self._so_far(layout.context(_matched(layout, name))))

    def _so_far(self, context: Context) -> Context:
        """Return what a file's name says, a term or year that is still under way ending on the extract date."""
        last = self._manifest.extract_date
        return {
            name: min(value, last) if isinstance(value, date) else value for name, value in context.items()
        }

    def _check(self, layout: Layout, batch: Sequence[Delivered]) -> None:
        for name, checked in self._database.check(layout, batch).items():
            self._reports[name] = checked.report
            if checked.quarantine is not None:
                self._quarantine[name] = checked.quarantine
        self._file_notes += [f"{file.name}: {note}." for file in batch for note in file.text.notes]

    def _finish(self) -> Intake:
        database = self._database
        without_birth, with_several = self._births_in_doubt()
        counts = dict(database.rows("SELECT file, count(*) FROM events GROUP BY file"))
        names = list(self._reports)
        files = {
            name: replace(self._reports[name], events_out=counts.get(i, 0)) for i, name in enumerate(names)
        }
        records = Records(
            events=people.event_log(database),
            observation=people.observation(database),
            residence=people.residence(database),
            attributes=people.attributes(database),
            notes=(*self._notes, *_for_the_card(without_birth, with_several)),
        )
        subjects = database.rows("SELECT count(DISTINCT subject_id) FROM events")[0][0]
        report = IntakeReport(
            files=files,
            extract_date=self._manifest.extract_date.isoformat(),
            agencies=tuple(source.agency for source in SOURCES if self._has(source)),
            events=len(records.events),
            subjects=subjects,
            notes=(
                *self._notes,
                *self._file_notes,
                *_for_the_data_manager(without_birth, with_several),
                *self._unread(),
            ),
        )
        return Intake(records, report, self._quarantine, self._stops())

    def _stops(self) -> pa.Table | None:
        if not self._has(stop_search.SOURCE):
            return None
        columns = ", ".join(f'"{field.column}"' for field in stop_search.STOPS.fields)
        return self._database.table(f"SELECT {columns} FROM {stop_search.STOPS.name} ORDER BY file, row")

    def _births_in_doubt(self) -> tuple[int, int]:
        """Return how many people have no birth month in any record, and how many have more than one."""
        without = self._database.rows("""
            SELECT count(*) FROM (SELECT DISTINCT subject_id FROM events UNION SELECT DISTINCT subject_id FROM residence)
            ANTI JOIN (SELECT subject_id FROM facts WHERE what = 'birth') USING (subject_id)""")[0][0]
        several = self._database.rows("""
            SELECT count(*) FROM (SELECT subject_id FROM facts WHERE what = 'birth' GROUP BY subject_id
            HAVING count(DISTINCT date_trunc('month', value::DATE)) > 1)""")[0][0]
        return int(without), int(several)

    def _unread(self) -> Iterator[str]:
        read = {name.partition("#")[0] for name in self._reports} | {_MANIFEST}
        unread = [name for name in self._names if name not in read]
        if unread:
            yield f"Not read, as no layout describes them: {', '.join(unread)}."


def _for_the_card(without_birth: int, with_several: int) -> Iterator[str]:
    """Give sentences that may leave the secure environment: no count, which might be small."""
    if without_birth:
        yield "Some people have no birth month in any record: no age is known, so no cohort holds them."
    if with_several:
        yield "Some people have more than one birth month in their records: the first known is used."


def _for_the_data_manager(without_birth: int, with_several: int) -> Iterator[str]:
    if without_birth:
        yield f"{without_birth} people have no birth month in any record: no age is known, so no cohort holds them."
    if with_several:
        yield f"{with_several} people have more than one birth month in their records: the first known is used."


def _matched(layout: Layout, name: str) -> re.Match[str]:
    match = re.fullmatch(layout.pattern, name)
    if match is None:
        raise RiskModelError(
            "a file was given to a layout that does not describe it; please report this defect"
        )
    return match


def _runs(years: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of each run of years without a gap."""
    ordered = sorted(years)
    starts = [year for year in ordered if year - 1 not in ordered]
    ends = [year for year in ordered if year + 1 not in ordered]
    yield from zip(starts, ends, strict=True)


def _batches(files: Iterable[Delivered]) -> Iterator[list[Delivered]]:
    """Gather small files, so that one query checks many; a batch is bounded, so that memory is."""
    batch: list[Delivered] = []
    for file in files:
        batch.append(file)
        if sum(other.text.rows_in for other in batch) > _BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _read_layout(path: Path, name: str, layout: Layout) -> TextRows:
    return read_rows(
        path,
        where=name,
        columns=[field.column for field in layout.fields if not field.may_lack],
        optional=[field.column for field in layout.fields if field.may_lack],
    )
