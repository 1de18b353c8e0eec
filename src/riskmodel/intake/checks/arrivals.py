"""Agencies and kinds of file that did not come at all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from riskmodel.intake.checks.findings import Finding
from riskmodel.intake.checks.words import agency_words
from riskmodel.intake.report import IntakeReport


def check_arrivals(report: IntakeReport) -> list[Finding]:
    """Return findings about official files that no delivery holds; only an intake of official extracts has them."""
    from riskmodel.intake.extracts import SOURCES

    if report.extract_date is None:
        return []
    expected = "Each agency sends every kind of file that its layout has."
    findings: list[Finding] = []
    for source in SOURCES:
        missing = [
            layout.name
            for layout in source.layouts
            if not any(re.fullmatch(layout.pattern, name) for name in report.files)
        ]
        findings += _missing(
            source.agency, missing, whole=len(missing) == len(source.layouts), expected=expected
        )
    return findings or [Finding("arrivals", "ok", expected, "Every kind of file came.")]


def _missing(agency: str, missing: list[str], *, whole: bool, expected: str) -> Iterator[Finding]:
    if not missing:
        return
    if whole:
        found = f"{agency_words(agency)} sent no file: nobody counts as observed by this agency."
        step = "Ask for its files, or choose a study whose features do not need them."
    else:
        found = f"{agency_words(agency)} sent no file of the kind {', '.join(missing)}."
        step = "Ask for them: what they would have told counts as zero, not as unknown."
    yield Finding("arrivals", "look", expected, found, step, agency=agency)
