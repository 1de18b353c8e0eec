"""Data contracts on what came in: findings that a data manager can act on, and the numbers behind them.

Everything is counted from the typed tables and the account of the files; nothing names a person. Counts are exact: for
the secure environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from riskmodel.files import read_json
from riskmodel.intake.checks.arrivals import check_arrivals
from riskmodel.intake.checks.delays import check_delays
from riskmodel.intake.checks.findings import Checks, Finding, Row, Severity
from riskmodel.intake.checks.months import Series, monthly, volume_rows
from riskmodel.intake.checks.names import file_rows, rows_by_file
from riskmodel.intake.checks.neighbours import check_against_last, check_neighbours
from riskmodel.intake.checks.people import check_births, check_observation, check_unobserved
from riskmodel.intake.checks.set_aside import check_links, check_set_aside
from riskmodel.intake.checks.spells import check_spans, check_spells
from riskmodel.intake.checks.views import EventView, SpanView
from riskmodel.intake.checks.volumes import check_gaps, check_low_months, check_years
from riskmodel.intake.manifest import Gap
from riskmodel.intake.report import IntakeReport
from riskmodel.tables.days import ALWAYS, to_day
from riskmodel.tables.records import Records

CHECKS_FILE = "checks.json"

__all__ = [
    "CHECKS_FILE",
    "Checks",
    "Finding",
    "Row",
    "Severity",
    "check_intake",
    "previous_checks",
]


def check_intake(
    records: Records,
    report: IntakeReport,
    *,
    previous: Checks | None = None,
    gaps: Sequence[Gap] = (),
) -> Checks:
    """Check what came in against its own contracts, its neighbours in time, and the intake before.

    Parameters
    ----------
    records : Records
        The tables that intake made.
    report : IntakeReport
        The account of every file.
    previous : Checks, optional
        Of the intake before, as ``previous_checks`` reads them.
    gaps : sequence of Gap
        Periods in which an agency said that it recorded nothing.

    Returns
    -------
    Checks
        Findings, most urgent first, and tables for the page.
    """
    events = EventView.of(records.events)
    extract_day = _last_day(report, events)
    observed = SpanView.of(records.observation, extract_day=extract_day)
    homes = SpanView.of(records.residence, extract_day=extract_day)
    series = monthly(events, observed, extract_day=extract_day, gaps=gaps)
    findings, tables = _of_files(report, previous)
    for name, (found, rows) in {
        "spells": check_spells(events, extract_day=extract_day),
        "gaps": check_gaps(series),
        "observation": check_observation(observed, homes, **_span(series)),
    }.items():
        findings += found
        tables[name] = rows
    late, tables["delays"], tables["delay_years"] = check_delays(events)
    tables["volumes"] = volume_rows(series)
    findings += [*late, *check_low_months(series), *check_unobserved(events, observed)]
    findings += check_spans(homes, observed)
    if previous is not None:
        findings += check_years(tables["volumes"], previous.tables.get("volumes", ()))
    return Checks.build(
        findings,
        tables,
        extract_date=report.extract_date,
        compared_with=None if previous is None else previous.extract_date,
    )


def previous_checks(folder: Path) -> Checks | None:
    """Read what the intake before left in its folder; from ``intake.json`` if it made no checks, else None."""
    if (folder / CHECKS_FILE).exists():
        return Checks.from_json(read_json(folder / CHECKS_FILE))
    if not (folder / "intake.json").exists():
        return None
    report = IntakeReport.from_json(read_json(folder / "intake.json"))
    return Checks(report.extract_date, None, (), {"files": file_rows(report.files, {})})


def _of_files(report: IntakeReport, previous: Checks | None) -> tuple[list[Finding], dict[str, list[Row]]]:
    before = {} if previous is None else rows_by_file(previous.tables.get("files", ()))
    rows = file_rows(report.files, before)
    aside, aside_rows = check_set_aside(report.files)
    links, link_rows = check_links(report.files)
    findings = [
        *check_arrivals(report),
        *aside,
        *links,
        *check_births(report),
        *check_against_last(rows, before),
        *check_neighbours(rows, extract_date=report.extract_date),
    ]
    return findings, {"files": rows, "set_aside": aside_rows, "links": link_rows}


def _last_day(report: IntakeReport, events: EventView) -> int:
    if report.extract_date is not None:
        return to_day(date.fromisoformat(report.extract_date))
    return int(events.known.max()) if len(events) else int(ALWAYS)


def _span(series: Sequence[Series]) -> dict[str, int]:
    last = 1970 if not series else max(one.first + len(one.counts) - 1 for one in series) // 12
    first = last if not series else min(one.first for one in series) // 12
    return {"first_year": first, "last_year": last}
