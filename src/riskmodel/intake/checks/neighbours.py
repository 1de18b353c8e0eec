"""Files against the last intake, and against the files of the same kind in the years around."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from riskmodel.intake.checks.findings import Finding, Row
from riskmodel.intake.checks.limits import FELL_ACT, FELL_LOOK, is_low
from riskmodel.intake.checks.names import ENDS, FileName, agency_of_file, read_name, rows_by_file
from riskmodel.intake.checks.words import agency_words, fell, listed, many

_SERIES = 3  # files of a kind from which on one between them is missed
_FEW_ROWS = 20  # a kind with fewer rows may have none in some year
_STEADY = "Files of one kind have about as many rows from year to year."


def check_against_last(rows: Sequence[Row], before: Mapping[str, int]) -> list[Finding]:
    """Return findings about files that held more last time, or are gone.

    A file that is gone with its whole agency is reported once. Rows that grew are no finding.
    """
    if not before:
        return []
    now = rows_by_file(rows)
    findings = [
        one for name, count in sorted(before.items()) if name in now for one in _fall(name, count, now[name])
    ]
    findings += list(_gone(before, now))
    if not findings:
        said = f"No file of last time is gone or much smaller ({many(len(before), 'file')} compared)."
        return [Finding("last_time", "ok", "Each file has about as many rows as last time, or more.", said)]
    return findings


def _fall(name: str, before: int, now: int) -> Iterator[Finding]:
    if not is_low(now, before, ratio=1 - FELL_LOOK):
        return
    lost = 1 - now / before
    yield Finding(
        "last_time",
        "act" if lost >= FELL_ACT else "look",
        "Each file has about as many rows as last time, or more.",
        f"{name} had {many(before, 'row')} last time and has {now:,} now: it {fell(before, now)}.",
        "Ask the sender whether the file was cut off or a filter was changed.",
        agency=agency_of_file(name),
        file=name,
        period=read_name(name).period,
        weight=before - now,
    )


def _gone(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[Finding]:
    here = {agency_of_file(name) for name in now}
    lost: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(before) - set(now)):
        lost[agency_of_file(name)].append(name)
    for agency, names in sorted(lost.items()):
        whole = agency not in here
        found = (
            f"{agency_words(agency)} sent nothing this time."
            if whole
            else f"{agency_words(agency)}: {many(len(names), 'file')} of last time did not come: {listed(names, most=3)}."
        )
        yield Finding(
            "last_time",
            "act" if whole else "look",
            "The files of last time come again.",
            found,
            "Ask the sender for them, or note why they are no longer sent.",
            agency=agency,
            weight=sum(before[name] for name in names),
        )


def check_neighbours(rows: Sequence[Row], *, extract_date: str | None) -> list[Finding]:
    """Return findings about files far below the files of the same kind and season of the years around, and missing ones."""
    series: dict[tuple[str, str], dict[int, Row]] = defaultdict(dict)
    for row in rows:
        name = read_name(row["file"])
        if name.year is not None:
            series[name.kind, name.part if name.part.isalpha() else ""][_step(name)] = row
    small = [found for _, one in sorted(series.items()) for found in _small_files(one, extract_date)]
    findings = list(_small_findings(small))
    missing = [file for (kind, _), one in sorted(series.items()) for file in _missing_files(kind, one)]
    findings += list(_missing_findings(missing))
    if not findings and any(len(one) > 2 for one in series.values()):
        said = (
            "No file is missing between others of its kind, or has less than half the rows of its neighbours."
        )
        findings = [Finding("neighbours", "ok", _STEADY, said)]
    return findings


def _step(name: FileName) -> int:
    """Return a number that rises by one from a file to the next of its kind and season."""
    year = name.year or 0
    return year * 12 + int(name.part) - 1 if name.part.isdigit() else year


@dataclass(frozen=True)
class _SmallFile:
    row: Row
    usual: float
    is_first: bool


def _small_files(series: Mapping[int, Row], extract_date: str | None) -> Iterator[_SmallFile]:
    ordered = sorted(series)
    for place, step in enumerate(ordered):
        around = (*ordered[max(0, place - 2) : place], *ordered[place + 1 : place + 3])
        near = [series[other]["rows_in"] for other in around]
        row = series[step]
        if len(near) > 1 and not _under_way(row, extract_date) and is_low(row["rows_in"], median(near)):
            yield _SmallFile(row, median(near), is_first=place == 0)


def _small_findings(small: Iterable[_SmallFile]) -> Iterator[Finding]:
    """Yield one finding for the small files of an agency and period: they usually have one cause."""
    together: dict[tuple[str, str, bool], list[_SmallFile]] = defaultdict(list)
    for one in small:
        together[one.row["agency"], one.row["period"], one.is_first].append(one)
    for (agency, period, is_first), files in sorted(together.items()):
        worst = max(files, key=lambda one: one.usual - one.row["rows_in"])
        others = f" (and {many(len(files) - 1, 'file')} of the same time)" if len(files) > 1 else ""
        low = any(one.row["rows_in"] < one.usual / 4 for one in files)
        yield Finding(
            "neighbours",
            "act" if low and not is_first else "look",
            _STEADY,
            f"{worst.row['file']}{others} has {many(worst.row['rows_in'], 'row')}; the files around it have about "
            f"{worst.usual:,.0f}.",
            "The first year may be there in part only; ask if it should be whole."
            if is_first
            else "Ask the sender whether the file was cut off.",
            agency=agency,
            file=worst.row["file"],
            period=period,
            weight=int(sum(one.usual - one.row["rows_in"] for one in files)),
        )


def _under_way(row: Row, extract_date: str | None) -> bool:
    """Return whether a file's period was not over when the extract was made; a return's year ends on 31 March."""
    name = read_name(row["file"])
    end = f"{name.year}-{ENDS.get(name.part, f'{name.part}-31')}"
    return extract_date is not None and extract_date < end


@dataclass(frozen=True)
class _MissingFile:
    kind: str
    agency: str
    period: str
    usual: float


def _missing_files(kind: str, series: Mapping[int, Row]) -> Iterator[_MissingFile]:
    if len(series) < _SERIES:
        return
    usual = median(row["rows_in"] for row in series.values())
    example = series[max(series)]
    for step in sorted(set(range(min(series), max(series))) - set(series)):
        yield _MissingFile(kind, example["agency"], _period_words(step, read_name(example["file"])), usual)


def _missing_findings(missing: Iterable[_MissingFile]) -> Iterator[Finding]:
    """Yield one finding for the files of an agency and period that are missing: they usually have one cause."""
    together: dict[tuple[str, str], list[_MissingFile]] = defaultdict(list)
    for one in missing:
        together[one.agency, one.period].append(one)
    for (agency, period), files in together.items():
        files.sort(key=lambda one: (-one.usual, one.kind))
        usual = sum(one.usual for one in files)
        yield Finding(
            "neighbours",
            "act" if files[0].usual >= _FEW_ROWS else "look",
            "No file is missing between others of its kind.",
            f"{agency_words(agency)} sent no {listed([one.kind for one in files], most=3)} for {period}; about "
            f"{usual:,.0f} rows would be usual.",
            "Ask the sender for the missing files: until then what they would tell is unknown, not zero.",
            agency=agency,
            file=files[0].kind,
            period=period,
            weight=round(usual),
        )


def _period_words(step: int, like: FileName) -> str:
    if like.part.isdigit():
        return FileName("", step // 12, f"{step % 12 + 1:02d}").period or ""
    return FileName("", step, like.part).period or ""
