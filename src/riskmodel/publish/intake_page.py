"""``intake.html``: what came in, what is missing, what was set aside and how to fix it, in pictures.

Exact counts, so the page stays in the secure environment, and says so. It names no person and holds no key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from riskmodel.files import to_json
from riskmodel.intake.checks import CHECKS_FILE, Checks, Finding
from riskmodel.intake.checks.delays import BINS, LATE_DAYS
from riskmodel.intake.checks.words import AGENCIES, agency_words
from riskmodel.intake.report import IntakeReport
from riskmodel.publish.figures import intake as draw
from riskmodel.publish.pages import render_html

Json = Mapping[str, Any]

PAGE_FILE = "intake.html"
BANNER = (
    "For the secure environment only: these are exact counts, and small ones could point to a person. "
    "Do not copy or send this page."
)
_MOST_BARS, _MOST_FAULTS = 12, 6
# These checks speak in the part on what is missing.
_MISSING = ("gaps", "low_months", "neighbours", "arrivals")


def account_files(checks: Checks, report: IntakeReport) -> dict[str, str]:
    """Return the text of ``checks.json`` and ``intake.html``, by name, as they lie beside ``intake.json``."""
    return {CHECKS_FILE: to_json(checks.to_json()), PAGE_FILE: intake_page(checks, report)}


def intake_page(checks: Checks, report: IntakeReport) -> str:
    """Return a self-contained HTML page without any script.

    Parameters
    ----------
    checks : Checks
        What ``riskmodel.intake.checks.check_intake`` found.
    report : IntakeReport
        The account of the rows.
    """
    return render_html(
        "intake.html.jinja", {"page": page_record(checks, report), "figures": _figures(checks)}
    )


def page_record(checks: Checks, report: IntakeReport) -> dict[str, Any]:
    """Return everything the template prints, apart from the pictures."""
    act, look = checks.of("act"), checks.of("look")
    return {
        "banner": BANNER,
        "extract_date": checks.extract_date,
        "compared_with": checks.compared_with,
        "totals": _totals(report),
        "headline": _headline(len(act)),
        "act": [_said(one) for one in act],
        "look": [_said(one) for one in look if one.check not in _MISSING],
        "looks": len(look),
        "fine": [one.found for one in checks.of("ok")],
        "missing": [_said(one) for one in look if one.check in _MISSING],
        "missing_first": [one.found for one in act if one.check in _MISSING],
        "declared": [row for row in checks.tables["gaps"] if row["declared"]],
        "faults": _faults(checks.tables["set_aside"]),
        "unmeasured": [agency_words(row["agency"]) for row in checks.tables["delays"] if not row["measured"]],
        "calendars": {name: _calendar(rows) for name, rows in _strips(checks).items()},
        "shades": draw.SHADES,
        "late_days": LATE_DAYS,
        "notes": list(report.notes),
    }


def _totals(report: IntakeReport) -> dict[str, int]:
    files = report.files.values()
    return {
        "files": len(report.files),
        "rows_in": sum(file.rows_in for file in files),
        "rows_set_aside": sum(file.rows_quarantined for file in files),
        "events": report.events,
        "people": report.subjects,
    }


def _headline(act: int) -> str:
    if not act:
        return "Nothing to act on"
    return "1 thing to act on" if act == 1 else f"{act} things to act on"


def _said(one: Finding) -> dict[str, str]:
    return {"found": one.found, "expected": one.expected, "next_step": one.next_step}


def _strips(checks: Checks) -> dict[str, list[dict[str, Any]]]:
    """Return the months of each agency by its name, in the usual order of agencies, each with its shade."""
    agencies = dict.fromkeys(row["agency"] for row in checks.tables["volumes"])
    known = [agency for agency in AGENCIES if agency in agencies]
    strips = {}
    for agency in dict.fromkeys([*known, *agencies]):
        rows = [row for row in checks.tables["volumes"] if row["agency"] == agency]
        some = sorted(row["events"] for row in rows if row["events"])
        busy = some[9 * len(some) // 10] if some else 1
        strips[agency_words(agency)] = [{**row, "shade": _shade(row["events"] / busy)} for row in rows]
    return strips


def _shade(share: float) -> int:
    """Return 0 for no events, else 1 to 4: up to a quarter, a half, three quarters of a busy month, or more."""
    return 1 + min(3, ceil(4 * share) - 1) if share else 0


def _calendar(rows: Sequence[Json]) -> dict[str, list[Json | None]]:
    """Return twelve months by year; None where the agency was not yet recording, or no longer."""
    years: dict[str, list[Json | None]] = {}
    for row in rows:
        year, month = row["month"].split("-")
        years.setdefault(year, [None] * 12)[int(month) - 1] = row
    return years


def _faults(rows: Sequence[Json]) -> list[dict[str, Any]]:
    """Return the kinds of fault, most rows first, each with the files it is in and how to fix it."""
    kinds: dict[str, list[Json]] = defaultdict(list)
    for row in rows:
        kinds[row["fault"]].append(row)
    faults = [
        {
            "fault": fault,
            "rows": sum(row["rows"] for row in mine),
            "repair": mine[0]["repair"],
            "reasons": mine,
        }
        for fault, mine in kinds.items()
    ]
    return sorted(faults, key=lambda one: (-one["rows"], one["fault"]))


def _figures(checks: Checks) -> dict[str, str]:
    """Return SVG by name; what would show nothing is left out, and the page says why."""
    tables, names = checks.tables, AGENCIES
    drawn: dict[str, str] = {}
    if tables["volumes"]:
        drawn["arrivals"] = draw.arrivals(_strips(checks))
    worst = _worst_files(tables["set_aside"])
    if worst:
        drawn["set_aside"] = draw.set_aside(worst)
    measured = [row for row in tables["delays"] if row["measured"]]
    if measured:
        drawn["delays"] = draw.delays(measured, names, bins=BINS, late_days=LATE_DAYS)
        drawn["delay_years"] = draw.delay_years(tables["delay_years"], names)
    compared = _kinds_compared(tables["files"])
    if compared:
        drawn["against_last"] = draw.against_last(compared)
    seen = _whole_years(checks)
    if seen:
        drawn["observed"] = draw.observed(seen, names)
    return drawn


def _worst_files(rows: Sequence[Json]) -> list[dict[str, Any]]:
    """Return kinds of file with most rows set aside, rare kinds of fault together as other."""
    common = [one["fault"] for one in _faults(rows)][: _MOST_FAULTS - 1]
    kinds: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    total = {row["kind"]: row["rows_in"] for row in rows}
    for row in rows:
        kinds[row["kind"]][row["fault"] if row["fault"] in common else draw.OTHER_FAULTS] += row["rows"]
    bars = [
        {"label": label(kind), "rows_in": total[kind], "faults": dict(faults)}
        for kind, faults in kinds.items()
    ]
    return sorted(bars, key=lambda bar: (-sum(bar["faults"].values()), bar["label"]))[:_MOST_BARS]


def _kinds_compared(files: Sequence[Json]) -> list[dict[str, Any]]:
    """Return rows by kind of file, now and last time, over the files that both have; those that fell most first."""
    sums: dict[str, list[int]] = {}
    for row in files:
        if row["rows_before"]:
            one = sums.setdefault(row["kind"], [0, 0])
            one[0] += row["rows_in"]
            one[1] += row["rows_before"]
    fell_most = sorted(sums, key=lambda kind: (sums[kind][0] / sums[kind][1], kind))[:_MOST_BARS]
    return [
        {"label": label(kind), "rows_in": sums[kind][0], "rows_before": sums[kind][1]} for kind in fell_most
    ]


def _whole_years(checks: Checks) -> list[Json]:
    place = {agency: at for at, agency in enumerate(AGENCIES)}
    rows = [row for row in checks.tables["observation"] if row["residents"]]
    rows.sort(key=lambda row: (place.get(row["agency"], len(place)), row["agency"], row["year"]))
    last = max((row["year"] for row in rows), default=0)
    whole = [row for row in rows if row["year"] < last]
    return whole or rows


def label(kind: str) -> str:
    """Return a short name of a kind of file for a figure, such as ``pupilonroll`` or ``cin: Child``."""
    path, _, element = kind.partition("#")
    name = path.rpartition("/")[2].rpartition(".")[0].replace("*", "").strip("_-")
    name = {"termlysessiondetailsonroll": "sessiondetails", "termlyexclusionsonroll": "exclusions"}.get(
        name, name
    )
    return f"{name}: {element}" if element else name or path
