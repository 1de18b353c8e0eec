"""Rows that were set aside, by kind of file and reason, and keys that did not link."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from riskmodel.intake.checks.findings import Finding, Row, Severity
from riskmodel.intake.checks.names import agency_of_file, links_by_key, read_name
from riskmodel.intake.checks.repairs import repair
from riskmodel.intake.checks.words import agency_words, many, percent
from riskmodel.intake.judging import UNLINKED
from riskmodel.intake.report import FileReport

LOOK_SHARE, ACT_SHARE, ACT_FILE, ACT_ROWS = 0.01, 0.05, 0.2, 10
_EXPECTED = "No reason sets aside 1 of 100 rows of a kind of file."


def check_set_aside(files: Mapping[str, FileReport]) -> tuple[list[Finding], list[Row]]:
    """Return, by kind of file and reason, how many rows were set aside; and findings where they are many."""
    rows = _by_reason(files)
    findings = [finding for row in rows for finding in _set_aside_finding(row)]
    findings += list(_bad_files(files))
    total = sum(file.rows_in for file in files.values())
    aside = sum(file.rows_quarantined for file in files.values())
    if not findings and total:
        said = f"{aside:,} of {many(total, 'row')} were set aside ({percent(aside / total)}), each with a reason."
        findings = [Finding("set_aside", "ok", _EXPECTED, said)]
    return findings, rows


def _by_reason(files: Mapping[str, FileReport]) -> list[Row]:
    total: dict[str, int] = defaultdict(int)
    aside: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for name, file in files.items():
        kind = read_name(name).kind
        total[kind] += file.rows_in
        for reason, count in file.reasons.items():
            aside[agency_of_file(name), kind, reason][name] = count
    rows: list[Row] = [
        {
            "agency": agency,
            "kind": kind,
            "reason": reason,
            "rows": sum(counts.values()),
            "rows_in": total[kind],
            "worst_file": min(counts, key=lambda name: (-counts[name], name)),
            "fault": repair(reason).kind,
            "repair": repair(reason).words,
        }
        for (agency, kind, reason), counts in aside.items()
    ]
    return sorted(rows, key=lambda row: (-row["rows"], row["kind"], row["reason"]))


def _set_aside_finding(row: Row) -> Iterator[Finding]:
    share = row["rows"] / row["rows_in"]
    if share < LOOK_SHARE or row["reason"] == UNLINKED:  # keys that do not link have a check of their own
        return
    found = (
        f"{agency_words(row['agency'])}: {row['rows']:,} of {many(row['rows_in'], 'row')} of {row['kind']} "
        f"({percent(share)}) were set aside: {row['reason']}."
    )
    yield Finding(
        "set_aside",
        "act" if share >= ACT_SHARE else "look",
        _EXPECTED,
        found,
        row["repair"],
        agency=row["agency"],
        file=row["kind"],
        weight=row["rows"],
    )


def _bad_files(files: Mapping[str, FileReport]) -> Iterator[Finding]:
    """Yield files that lost much of what they held, where other files of their kind may be well."""
    for name, file in sorted(files.items()):
        if file.rows_quarantined < max(ACT_ROWS, ACT_FILE * file.rows_in):
            continue
        reason = min(file.reasons, key=lambda one: (-file.reasons[one], one))
        found = (
            f"{name}: {file.rows_quarantined:,} of {many(file.rows_in, 'row')} "
            f"({percent(file.rows_quarantined / file.rows_in)}) were set aside, mostly: {reason}."
        )
        yield Finding(
            "set_aside",
            "act",
            "No file loses a fifth of its rows.",
            found,
            repair(reason).words,
            agency=agency_of_file(name),
            file=name,
            period=read_name(name).period,
            weight=file.rows_quarantined,
        )


def check_links(files: Mapping[str, FileReport]) -> tuple[list[Finding], list[Row]]:
    """Return, by agency, how many rows have a key that the spine does not hold."""
    counted: dict[str, list[int]] = {}
    for name, file in files.items():
        if links_by_key(name):
            sums = counted.setdefault(agency_of_file(name), [0, 0])
            sums[0] += file.reasons.get(UNLINKED, 0)
            sums[1] += file.rows_in
    rows: list[Row] = [
        {"agency": agency, "rows_unlinked": unlinked, "rows_in": rows}
        for agency, (unlinked, rows) in sorted(counted.items())
    ]
    return [_link_finding(row) for row in rows if row["rows_in"]], rows


def _link_finding(row: Row) -> Finding:
    share = row["rows_unlinked"] / row["rows_in"]
    expected = "At least 99 of 100 rows have a key that the spine holds."
    found = (
        f"{agency_words(row['agency'])}: {row['rows_unlinked']:,} of {many(row['rows_in'], 'row')} ({percent(share)}) "
        "have a key that the spine does not hold."
    )
    severity: Severity = "act" if share >= ACT_SHARE else "look" if share >= LOOK_SHARE else "ok"
    step = "" if severity == "ok" else repair(UNLINKED).words
    where = {"agency": row["agency"], "weight": row["rows_unlinked"]}
    return Finding("links", severity, expected, found, step, **where)
