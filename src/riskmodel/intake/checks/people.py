"""People: who was observed by whom, events of people nobody observed, births that are unknown or in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from riskmodel.intake.checks.findings import Finding, Row, Severity
from riskmodel.intake.checks.months import NOT_AN_AGENCY
from riskmodel.intake.checks.views import EventView, IntArray, SpanView, reached_before, years
from riskmodel.intake.checks.words import agency_words, many, percent
from riskmodel.intake.report import IntakeReport
from riskmodel.tables.days import ALWAYS

_FEW = 0.5
_LOOK_UNSEEN, _ACT_UNSEEN = 0.05, 0.2
_LOOK_BIRTH, _ACT_BIRTH = 0.05, 0.2


def check_observation(
    observed: SpanView, homes: SpanView, *, first_year: int, last_year: int
) -> tuple[list[Finding], list[Row]]:
    """Return, by agency and year, how many people were observed on some day, and how many lived here."""
    span = range(first_year, last_year + 1)
    residents = _by_year(homes, span)[0] if len(homes.subject) else np.zeros(len(span), dtype=np.int64)
    table = _by_year(observed, span)
    rows: list[Row] = [
        {
            "agency": agency,
            "year": year,
            "people": int(table[number, place]),
            "residents": int(residents[place]),
        }
        for number, agency in enumerate(observed.labels)
        for place, year in enumerate(span)
    ]
    findings = [finding for agency in observed.labels for finding in _few_observed(agency, rows, last_year)]
    if not findings and rows:
        said = "Each agency observed about as many people in each year as in the years around."
        findings = [Finding("observation", "ok", _STEADY, said)]
    return findings, rows


_STEADY = "Each agency observes about the same share of residents from year to year."


def _by_year(spans: SpanView, span: range) -> npt.NDArray[np.int64]:
    """Count different people by label and year: a year is counted once, however many spans touch it."""
    first = np.maximum(years(spans.start), span.start)
    last = np.minimum(years(np.maximum(spans.end - 1, spans.start).astype(np.int32)), span.stop - 1)
    first = np.maximum(first, reached_before(spans.group, last, none=span.start - 1) + 1)
    good = last >= first
    width = len(span) + 1
    at = spans.label[good].astype(np.int64) * width
    size = len(spans.labels) * width
    begins = np.bincount(at + first[good] - span.start, minlength=size)
    ends = np.bincount(at + last[good] - span.start + 1, minlength=size)
    counts: npt.NDArray[np.int64] = np.cumsum((begins - ends).reshape(-1, width), axis=1)[:, :-1]
    return counts


def _few_observed(agency: str, rows: Sequence[Row], last_year: int) -> Iterator[Finding]:
    mine = [row for row in rows if row["agency"] == agency and row["residents"]]
    if len(mine) < 3:
        return
    usual = float(np.median([row["people"] / row["residents"] for row in mine]))
    for row in mine:
        share = row["people"] / row["residents"]
        if share >= _FEW * usual or row["year"] == last_year:
            continue
        yield Finding(
            "observation",
            "look",
            _STEADY,
            f"{agency_words(agency)} observed {percent(share)} of residents in {row['year']}; "
            f"{percent(usual)} would be usual.",
            "Ask whether a file of that year is missing: features of that year will be missing for the others.",
            agency=agency,
            period=str(row["year"]),
            weight=round((usual - share) * row["residents"]),
        )


def check_unobserved(events: EventView, observed: SpanView) -> list[Finding]:
    """Return findings about events of people whom the agency did not observe then.

    Windows that touch them count as not observed, so such events are hardly used.
    """
    findings = []
    for number, agency in enumerate(events.agencies):
        if agency in NOT_AN_AGENCY or agency not in observed.labels:
            continue
        spans = observed.label == observed.labels.index(agency)
        opened = int(observed.start[spans].min()) if spans.any() else 0
        mine = (events.agency == number) & (events.day >= opened)
        total = int(mine.sum())
        if not total or not spans.any():
            continue
        seen = _covered(observed, spans, events.subject[mine], events.day[mine])
        findings.append(_unseen(agency, total - int(seen.sum()), total))
    return findings


def _covered(
    observed: SpanView, spans: npt.NDArray[np.bool_], subject: IntArray, day: IntArray
) -> npt.NDArray[np.bool_]:
    """Return whether each event lies in a span of its person; spans that overlap are joined."""
    step, shift = np.int64(1) << 33, np.int64(1) << 31
    people, place = np.unique(observed.subject[spans], return_inverse=True)
    keys = place.astype(np.int64) * step + observed.start[spans] + shift
    until = np.maximum(observed.end[spans], reached_before(place, observed.end[spans], none=int(ALWAYS)))
    who = np.searchsorted(people, subject)
    who = np.minimum(who, len(people) - 1).astype(np.int64)
    row = np.searchsorted(keys, who * step + day + shift, side="right") - 1
    at = np.maximum(row, 0)
    inside: npt.NDArray[np.bool_] = (
        (row >= 0) & (place[at] == who) & (people[who] == subject) & (day < until[at])
    )
    return inside


def _unseen(agency: str, unseen: int, total: int) -> Finding:
    share = unseen / total
    expected = "Fewer than 5 of 100 events are about people whom the agency did not observe then."
    found = (
        f"{agency_words(agency)}: {unseen:,} of {many(total, 'event')} ({percent(share)}) are about people whom it "
        "did not observe then."
    )
    severity: Severity = "act" if share >= _ACT_UNSEEN else "look" if share >= _LOOK_UNSEEN else "ok"
    step = (
        ""
        if severity == "ok"
        else "Compare the address list and the school roll with this agency's people: moves may be missing there."
    )
    return Finding("unobserved", severity, expected, found, step, agency=agency, weight=unseen)


def check_births(report: IntakeReport) -> list[Finding]:
    """Return findings about people without a birth month, and with more than one."""
    counts = (
        ("people_without_birth", "have no birth month in any record: no cohort holds them",
         "Ask the agencies that know them for birth months; school and health usually have them."),
        ("people_with_several_births", "have more than one birth month in their records: the first known is used",
         "Send these people back to the linking party: two people may have been joined into one."),
    )  # fmt: skip
    found = []
    for name, words, step in counts:
        count = getattr(report, name)
        if count is None:
            continue
        share = count / report.subjects if report.subjects else 0.0
        severity: Severity = (
            "act"
            if share >= _ACT_BIRTH
            else "look"
            if share >= _LOOK_BIRTH or (count and "several" in name)
            else "ok"
        )
        said = f"{many(count, 'person')} ({percent(share)}) {words}."
        expected = "Each person has one birth month."
        found.append(Finding("births", severity, expected, said, step if count else "", weight=count))
    return found
