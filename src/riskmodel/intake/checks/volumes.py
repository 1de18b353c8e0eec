"""Months without events, months far below what is usual, and years that shrank since the last intake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from riskmodel.intake.checks.findings import Finding, Row, Severity
from riskmodel.intake.checks.limits import FELL_ACT, FELL_LOOK, is_low
from riskmodel.intake.checks.months import EMPTY_ACT, Series, runs
from riskmodel.intake.checks.words import agency_words, fell, listed, many, month_code, percent, span_words


def check_gaps(series: Sequence[Series]) -> tuple[list[Finding], list[Row]]:
    """Return findings about months without a single event where there should be some."""
    findings: list[Finding] = []
    rows: list[Row] = []
    for one in series:
        for first, last in _empty_runs(one):
            expected = float(np.nansum(one.usual[first : last + 1]))
            rows.append(_gap_row(one, first, last, expected=expected, declared=False))
            findings.append(_gap_finding(one, first, last, expected))
        for first, last in runs([state == "declared_gap" for state in one.states]):
            rows.append(_gap_row(one, first, last, expected=0.0, declared=True))
            findings.append(_declared_finding(one, first, last))
        if one.agency not in {finding.agency for finding in findings}:
            said = f"{agency_words(one.agency)}: no month is empty that should hold something."
            findings.append(Finding("gaps", "ok", _NO_GAP, said, agency=one.agency))
    return findings, rows


def _empty_runs(one: Series) -> Iterator[tuple[int, int]]:
    """Yield runs of empty months; a month that is always empty, such as a holiday, does not part them."""
    empty = [state == "empty" for state in one.states]
    quiet = [not count and state == "usual" for count, state in zip(one.counts, one.states, strict=True)]
    for first, last in runs([a or b for a, b in zip(empty, quiet, strict=True)]):
        places = [place for place in range(first, last + 1) if empty[place]]
        if places:
            yield places[0], places[-1]


def _gap_row(one: Series, first: int, last: int, *, expected: float, declared: bool) -> Row:
    return {
        "agency": one.agency,
        "first": month_code(one.first + first),
        "last": month_code(one.first + last),
        "expected": expected,
        "declared": declared,
    }


_NO_GAP = "Each agency has events in each month that usually has some."


def _gap_finding(one: Series, first: int, last: int, expected: float) -> Finding:
    span = span_words(one.first + first, one.first + last)
    ends = last >= int(np.flatnonzero(one.whole).max())
    return Finding(
        "gaps",
        "act" if one.certain(first, last) >= EMPTY_ACT else "look",
        _NO_GAP,
        f"{agency_words(one.agency)}: no event at all in {span}, where about {expected:,.0f} would be usual.",
        "Ask whether the extract was cut off before its extract date."
        if ends
        else "Ask the agency for these months. If it recorded nothing then, say so under gaps in manifest.json: "
        "until then a count of zero is believed.",
        agency=one.agency,
        period=span,
        weight=round(expected),
    )


def _declared_finding(one: Series, first: int, last: int) -> Finding:
    span = span_words(one.first + first, one.first + last)
    months = slice(first, last + 1)
    count = int(one.counts[months][one.wholly_declared[months]].sum())
    expected = "An agency records nothing in a gap that it declared."
    if not count:
        said = f"{agency_words(one.agency)} declared a gap in {span}: nobody counts as observed by it then."
        return Finding("gaps", "ok", expected, said, agency=one.agency, period=span)
    said = (
        f"{agency_words(one.agency)} declared a gap in {span}, but sent {many(count, 'event')} of that time."
    )
    step = "Ask the agency which of the two is right, and correct manifest.json."
    return Finding("gaps", "look", expected, said, step, agency=one.agency, period=span, weight=count)


def check_low_months(series: Sequence[Series]) -> list[Finding]:
    """Return findings about months far below what is usual for them."""
    findings = [
        finding
        for one in series
        for first, last in runs([state == "low" for state in one.states])
        for finding in [_low_finding(one, first, last)]
    ]
    if not findings and series:
        said = "No month has less than half the events that are usual for it."
        return [Finding("low_months", "ok", "Events by month are about as many as in other years.", said)]
    return findings


def _low_finding(one: Series, first: int, last: int) -> Finding:
    count, usual = int(one.counts[first : last + 1].sum()), float(one.usual[first : last + 1].sum())
    span = span_words(one.first + first, one.first + last)
    severity: Severity = "act" if count < usual / 4 else "look"
    return Finding(
        "low_months",
        severity,
        "Events by month are about as many as in other years.",
        f"{agency_words(one.agency)}: {many(count, 'event')} in {span}, where about {usual:,.0f} would be usual "
        f"({percent(1 - count / usual)} fewer).",
        "Ask the agency whether something changed then: a new system, a closure, a filter in the export.",
        agency=one.agency,
        period=span,
        weight=round(usual - count),
    )


def years_of(volumes: Sequence[Row]) -> dict[tuple[str, str], int]:
    """Return events by agency and calendar year of the table ``volumes``."""
    sums: dict[tuple[str, str], int] = {}
    for row in volumes:
        place = (row["agency"], row["month"][:4])
        sums[place] = sums.get(place, 0) + row["events"]
    return sums


def check_years(volumes: Sequence[Row], before: Sequence[Row]) -> list[Finding]:
    """Return, for each agency, the years with fewer events than at the last intake.

    The first year of each series is left out: a window that moves on drops its beginning.
    """
    now, then = years_of(volumes), years_of(before)
    opened = {agency: min(year for a, year in now if a == agency) for agency, _ in now}
    fallen: dict[str, list[str]] = {}
    for (agency, year), count in sorted(then.items()):
        left = now.get((agency, year), count) if year > opened.get(agency, year) else count
        if is_low(left, count, ratio=1 - FELL_LOOK):
            fallen.setdefault(agency, []).append(year)
    if not fallen and then:
        said = "No agency has much fewer events in any year than at the last intake."
        return [Finding("last_time", "ok", _STAYS, said)]
    return [_years_finding(agency, years, then, now) for agency, years in fallen.items()]


_STAYS = "What was recorded once stays recorded."


def _years_finding(
    agency: str, years: Sequence[str], then: Mapping[tuple[str, str], int], now: Mapping[tuple[str, str], int]
) -> Finding:
    before, after = (sum(counts[agency, year] for year in years) for counts in (then, now))
    half = any(now[agency, year] < (1 - FELL_ACT) * then[agency, year] for year in years)
    span = listed(years, most=4)
    return Finding(
        "last_time",
        "act" if half else "look",
        _STAYS,
        f"{agency_words(agency)}, {span}: {many(before, 'event')} at the last intake and {after:,} now: "
        f"{'it' if len(years) == 1 else 'they'} {fell(before, after)}.",
        "Ask the agency what became of these records before the new extract is used.",
        agency=agency,
        period=span,
        weight=before - after,
    )
