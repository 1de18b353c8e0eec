"""Takes in a folder of official extracts: checks every row, links it, and writes the event log."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

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
from riskmodel.intake.coverage import Covered, observed_by
from riskmodel.intake.database import Database, Delivered
from riskmodel.intake.layout import Context, Layout, Source
from riskmodel.intake.layouts import housing, school_census, stop_search
from riskmodel.intake.left_out import BESIDE, ErasedRows, Tombstones, read_objections
from riskmodel.intake.manifest import MANIFEST, PSEUDONYMISED, Manifest, read_manifest
from riskmodel.intake.reading import TextRows, csv_name, read_rows
from riskmodel.intake.refusal import refuse_identifiers
from riskmodel.intake.report import FileReport, Intake, IntakeReport
from riskmodel.intake.sources import SOURCES, SPINE
from riskmodel.intake.spec import DelaySpec
from riskmodel.tables.records import Records

__all__ = ["SOURCES", "SPINE", "Taken", "take_in", "take_in_whole"]

_BATCH_ROWS = 1_000_000


@dataclass(frozen=True)
class Taken:
    """A delivery that was taken in, what its sender says of it, and what it covers."""

    intake: Intake
    manifest: Manifest
    covered: tuple[Covered, ...]


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
    PolicyError
        If a file looks as if it held direct identifiers.
    """
    intake = take_in_whole(
        folder, delays=delays, beside=() if out is None else (out,), threads=threads
    ).intake
    if out is not None:
        intake.save(out)
    return intake


def take_in_whole(
    folder: Path,
    *,
    delays: DelaySpec | None = None,
    declared: Mapping[str, str] | None = None,
    beside: Sequence[Path] = (),
    threads: int | None = None,
) -> Taken:
    """Take in extracts as ``take_in`` does, and say what they cover.

    Parameters
    ----------
    declared : mapping of str to str, optional
        Columns that look like direct identifiers, and why they are not, besides what the manifest declares.
    beside : sequence of Path
        Other data folders that may say who must be left out.
    """
    manifest = read_manifest(folder)
    refuse_identifiers(folder, {**manifest.declared_use, **(declared or {})})
    said_in = (folder, *beside)
    erased = ErasedRows(Tombstones.read(*said_in), folder)
    with closing(Database(extract_day=manifest.extract_date, threads=threads)) as database:
        delivery = _Delivery(folder, manifest, delays or DelaySpec(), database, erased)
        intake = delivery.take_in()
    records = replace(intake.records, objections=read_objections(*said_in))
    return Taken(replace(intake, records=records), manifest, tuple(delivery.covered()))


class _Delivery:
    """One intake under way: the files that were read so far and what became of their rows."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        delays: DelaySpec,
        database: Database,
        erased: ErasedRows,
    ) -> None:
        self._folder = folder
        self._names = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        self._manifest = manifest
        self._delays = delays
        self._database = database
        self._erased = erased
        self._numbers: dict[str, int] = {}
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
        for gap in self._manifest.gaps:
            people.cut_observation(database, gap, extract_day=self._manifest.extract_date)
        database.join_sightings()
        people.add_births(database)
        return self._finish()

    def covered(self) -> Iterator[Covered]:
        """Yield what the files that came would have told: codes, and who an agency observed."""
        for source in SOURCES:
            every = [(layout, self._periods(source, layout)) for layout in source.layouts]
            for layout, periods in every:
                yield from (Covered(prefix, *period) for prefix in layout.tells for period in periods)
            seen = dict.fromkeys(period for _, periods in every for period in periods)
            yield from (Covered(observed_by(source.agency), *period) for period in seen)

    def _take_in_source(self, source: Source, order: int) -> None:
        if source is not housing.SOURCE:  # read first: others observe people where it says they live
            self._read(source, order)
        if not self._has(source):
            self._notes.append(f"No files from {source.agency}: nobody counts as observed by it.")
            return
        for rule in source.events(self._delays):
            self._database.add_events(rule)
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
            for coverage in self._coverages(source):
                people.observe_residents(self._database, coverage)

    def _coverages(self, source: Source) -> Iterator[people.Coverage]:
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

    def _periods(self, source: Source, layout: Layout) -> list[tuple[date | None, date | None]]:
        """Return the periods ``[first, after)`` that the files of a layout are about."""
        names = self._files_of(layout)
        if source is school_census.SOURCE:
            matches = [_matched(layout, name) for name in names]
            return [school_census.term_period(int(match["year"]), match["season"]) for match in matches]
        if source.yearly:
            years = sorted({int(_matched(layout, name)["year"]) for name in names})
            return [(date(year - 1, 4, 1), date(year, 4, 1)) for year in years]
        first = None if source is housing.SOURCE else self._manifest.first_date
        return [(first, None)] if names else []

    def _year_ends(self, layout: Layout) -> Iterator[date]:
        for name in self._files_of(layout):
            yield cast("date", layout.context(_matched(layout, name))["year_end"])

    def _files_of(self, layout: Layout) -> list[str]:
        return [name for name in self._reports if re.fullmatch(layout.pattern, csv_name(name))]

    def _has(self, source: Source) -> bool:
        return any(self._files_of(layout) for layout in source.layouts)

    def _read(self, source: Source, order: int = 0) -> None:
        """Read and check every file of a source, and note the facts about persons before its next layout is read."""
        groups = [source.layouts] if source.read_elements else [(layout,) for layout in source.layouts]
        found = [self._named(layouts[0]) for layouts in groups]
        if not any(found) and source is not housing.SOURCE:
            return
        for layout in source.layouts:
            self._database.create(layout)
        for layouts, names in zip(groups, found, strict=True):
            for batch in _batches(self._delivered(source, layouts, name) for name in names):
                for layout in layouts:  # popped, so that rows that were checked are not kept
                    self._check(layout, [parts.pop(0) for parts in batch])
            for fact in source.facts(self._delays):
                if fact.table in [layout.name for layout in layouts]:
                    self._database.add_fact(fact, source=order)

    def _named(self, layout: Layout) -> list[str]:
        """Return the files that a layout describes, of which no two may be about one period."""
        pattern = _file_pattern(layout)
        found = [(name, match) for name in self._names if (match := re.fullmatch(pattern, csv_name(name)))]
        periods = {match.groups() if layout.context_types else match.string for _, match in found}
        if len(periods) < len(found):
            raise DataError(
                expected="one file of this kind for each period",
                found="two for the same period",
                where=found[0][0].rpartition("/")[0],
                next_step="Leave only the one that is meant.",
            )
        return [name for name, _ in found]

    def _delivered(self, source: Source, layouts: Sequence[Layout], name: str) -> list[Delivered]:
        """Read one file: its rows for each layout."""
        path = self._folder / name
        if source.read_elements is None:
            return [self._as_delivered(layouts[0], name, _read_layout(path, name, layouts[0]))]
        elements = source.read_elements(path, name)
        named = [(layout, layout.pattern.rpartition("#")[2]) for layout in layouts]
        return [
            self._as_delivered(layout, f"{name}#{element}", elements[element]) for layout, element in named
        ]

    def _as_delivered(self, layout: Layout, name: str, text: TextRows) -> Delivered:
        number = self._numbers.setdefault(name, len(self._numbers))
        context = self._so_far(layout.context(_matched(layout, name)))
        return Delivered(name, number, self._erased.cut(layout, text, context), context)

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
        files = {
            name: replace(report, events_out=counts.get(self._numbers[name], 0))
            for name, report in self._reports.items()
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
            people_without_birth=without_birth,
            people_with_several_births=with_several,
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
        read = {name.partition("#")[0] for name in self._reports} | {MANIFEST, PSEUDONYMISED, *BESIDE}
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
    match = re.fullmatch(layout.pattern, csv_name(name))
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


def _batches(files: Iterable[list[Delivered]]) -> Iterator[list[list[Delivered]]]:
    """Gather small files, so that one query checks many; a batch is bounded, so that memory is."""
    batch: list[list[Delivered]] = []
    for file in files:
        batch.append(file)
        if sum(part.text.rows_in for parts in batch for part in parts) > _BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _file_pattern(layout: Layout) -> str:
    """Return the pattern of a layout's files, without the element that it names in them."""
    return layout.pattern.partition("#")[0]


def _read_layout(path: Path, name: str, layout: Layout) -> TextRows:
    return read_rows(
        path,
        where=name,
        columns=[field.column for field in layout.fields if not field.may_lack],
        optional=[field.column for field in layout.fields if field.may_lack],
    )
