"""How late agencies record: days from what happened to when it could first be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from riskmodel.intake.checks.findings import Finding, Row, Severity
from riskmodel.intake.checks.months import NOT_AN_AGENCY
from riskmodel.intake.checks.views import EventView, years
from riskmodel.intake.checks.words import agency_words, many, percent
from riskmodel.tables.days import ALWAYS

LATE_DAYS = 28
LOOK_LATE = 0.1
_LONGEST = 3660  # longer delays are counted as this
# Bins that the page draws: the first day of each.
BINS = (0, 1, 3, 8, 15, 29, 61, 92, 183, 366)
# What is true from birth or of a place was recorded whenever somebody asked: no delay of an agency.
_FACTS = ("//BIRTH//", "AREA//")
_FEW, _GREW, _ACT_GREW = 50, 7, 4


def check_delays(events: EventView) -> tuple[list[Finding], list[Row], list[Row]]:
    """Return findings, the distribution of delays by agency, and its middle by agency and year of recording.

    Only events whose record says when it was made (``known_basis`` recorded) are measured; years are those of
    recording, so that what has not arrived yet does not make the last year look quick.
    """
    facts = np.array([any(mark in code for mark in _FACTS) for code in events.codes], dtype=bool)
    no_agency = np.array([agency in NOT_AN_AGENCY for agency in events.agencies], dtype=bool)
    told = (events.day != ALWAYS) & ~facts[events.code] & ~no_agency[events.agency]
    measured = told & events.recorded
    delay = np.clip(events.known[measured].astype(np.int64) - events.day[measured], 0, _LONGEST)
    agency, year = events.agency[measured].astype(np.int64), years(events.known[measured])
    total = np.bincount(events.agency[told], minlength=len(events.agencies))
    by_delay = _table(agency, delay, rows=len(events.agencies))
    rows = [
        _row(name, by_delay[place], int(total[place]))
        for place, name in enumerate(events.agencies)
        if total[place]
    ]
    by_year = list(_years(events.agencies, agency, year, delay))
    findings = [_finding(row) for row in rows] + list(_grew(by_year))
    return findings, rows, by_year


def _table(place: npt.NDArray[np.int64], delay: npt.NDArray[np.int64], *, rows: int) -> npt.NDArray[np.int64]:
    width = _LONGEST + 1
    return np.bincount(place * width + delay, minlength=rows * width).reshape(rows, width)


def _row(agency: str, counts: npt.NDArray[np.int64], total: int) -> Row:
    measured = int(counts.sum())
    edges = [*BINS, _LONGEST + 1]
    bins = [int(counts[low:high].sum()) for low, high in pairwise(edges)]
    late = int(counts[LATE_DAYS + 1 :].sum())
    return {
        "agency": agency,
        "events": total,
        "measured": measured,
        "median_days": _quantile(counts, 0.5),
        "p90_days": _quantile(counts, 0.9),
        "p99_days": _quantile(counts, 0.99),
        "late_share": late / measured if measured else None,
        "bins": bins if measured else [],
    }


def _quantile(counts: npt.NDArray[np.int64], share: float) -> int | None:
    """Return the smallest number of days within which this share was known."""
    total = counts.sum()
    if not total:
        return None
    return int(np.searchsorted(np.cumsum(counts), np.ceil(share * total)))


def _years(
    agencies: Sequence[str],
    agency: npt.NDArray[np.int64],
    year: npt.NDArray[np.integer],
    delay: npt.NDArray[np.int64],
) -> Iterator[Row]:
    if not len(year):
        return
    first = int(year.min())
    span = int(year.max()) - first + 1
    counts = _table(agency * span + (year - first), delay, rows=len(agencies) * span)
    for place in np.flatnonzero(counts.sum(axis=1)):
        yield {
            "agency": agencies[int(place) // span],
            "year": first + int(place) % span,
            "measured": int(counts[place].sum()),
            "median_days": _quantile(counts[place], 0.5),
            "p90_days": _quantile(counts[place], 0.9),
        }


def _finding(row: Row) -> Finding:
    name = agency_words(row["agency"])
    if row["late_share"] is None:
        said = f"{name}: records do not say when they were made; a declared number of days is used instead."
        step = "Compare the declared delay with the agency's practice: too short a delay lets a model see too much."
        return Finding("delays", "ok", "A delay is measured, or declared.", said, step, agency=row["agency"])
    severity: Severity = "look" if row["late_share"] >= LOOK_LATE else "ok"
    found = (
        f"{name}: half of {many(row['measured'], 'event')} were recorded within {many(row['median_days'], 'day')}, "
        f"90 of 100 within {many(row['p90_days'], 'day')}; {percent(row['late_share'])} later than {LATE_DAYS} days."
    )
    step = (
        ""
        if severity == "ok"
        else "Ask the agency how records are made; what arrives late is not seen at the next index dates."
    )
    expected = f"Fewer than 10 of 100 events are recorded later than {LATE_DAYS} days."
    weight = round(row["late_share"] * row["measured"])
    return Finding("delays", severity, expected, found, step, agency=row["agency"], weight=weight)


def _grew(rows: Sequence[Row]) -> Iterator[Finding]:
    """Yield agencies whose last year of recording was much slower than the years before."""
    for agency in sorted({row["agency"] for row in rows}):
        mine = [row for row in rows if row["agency"] == agency and row["measured"] >= _FEW]
        if len(mine) < 3:
            continue
        before, last = float(np.median([row["p90_days"] for row in mine[:-1]])), mine[-1]
        if last["p90_days"] < 2 * before or last["p90_days"] - before < _GREW:
            continue
        yield Finding(
            "delays",
            "act" if last["p90_days"] >= max(_ACT_GREW * before, LATE_DAYS) else "look",
            "Delays stay about the same from year to year.",
            f"{agency_words(agency)}: 90 of 100 events recorded in {last['year']} were known within "
            f"{many(last['p90_days'], 'day')}; in the years before it was about {before:,.0f}.",
            "Ask the agency what changed; a model trained on quick records will meet slow ones.",
            agency=agency,
            period=str(last["year"]),
            weight=last["measured"],
        )
