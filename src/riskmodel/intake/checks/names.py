"""What the name of a file says: whose it is, its kind, and the period that it covers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from riskmodel.intake.checks.findings import Row
from riskmodel.intake.reading import csv_name
from riskmodel.intake.report import FileReport

_PERIOD = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?:-(?P<month>\d\d)|_(?P<season>autumn|spring|summer))?(?!\d)"
)
# By season, and for a year's return: its last day. Returns run to 31 March.
ENDS = {"spring": "03-31", "summer": "07-31", "autumn": "12-31", "": "03-31"}


@dataclass(frozen=True)
class FileName:
    """What a name says: the kind of file (``*`` where the period stands), its year and the place in the year."""

    kind: str
    year: int | None = None
    part: str = ""

    @property
    def period(self) -> str | None:
        """The period as people write it, such as ``autumn 2019``."""
        if self.year is None:
            return None
        if self.part.isalpha():
            return f"{self.part} {self.year}"
        return f"{self.year}-{self.part}" if self.part else str(self.year)


def read_name(name: str) -> FileName:
    """Read kind and period from a file's name."""
    name = csv_name(name)
    match = _PERIOD.search(name)
    if match is None:
        return FileName(name)
    kind = f"{name[: match.start()]}*{name[match.end() :]}"
    return FileName(kind, int(match["year"]), match["season"] or match["month"] or "")


@cache
def _sources() -> tuple[tuple[re.Pattern[str], str, bool], ...]:
    """Return pattern, agency, and whether rows link by the agency's own key, of every layout."""
    from riskmodel.intake.extracts import SOURCES, SPINE
    from riskmodel.intake.layouts import stop_search

    layouts = [
        (layout, source.agency) for source in (*SOURCES, stop_search.SOURCE) for layout in source.layouts
    ]
    layouts.append((SPINE, "SPINE"))
    return tuple(
        (re.compile(layout.pattern), agency, bool(layout.link and layout.link.agency))
        for layout, agency in layouts
    )


def agency_of_file(name: str) -> str:
    """Return whose file it is; a file that no layout describes belongs to its folder."""
    return next(
        (agency for pattern, agency, _ in _sources() if pattern.fullmatch(csv_name(name))),
        name.split("/", maxsplit=1)[0],
    )


def links_by_key(name: str) -> bool:
    """Return whether rows of a file find their person by the agency's own key."""
    return any(by_key and pattern.fullmatch(csv_name(name)) for pattern, _, by_key in _sources())


def file_rows(files: Mapping[str, FileReport], before: Mapping[str, int]) -> list[Row]:
    """Return one row a file: what came, what was set aside, and how many rows it had last time (null if none)."""
    return [
        {
            "file": name,
            "agency": agency_of_file(name),
            "kind": read_name(name).kind,
            "period": read_name(name).period,
            "rows_in": file.rows_in,
            "rows_set_aside": file.rows_quarantined,
            "rows_before": before.get(csv_name(name)),
        }
        for name, file in sorted(files.items())
    ]


def rows_by_file(files: Iterable[Row]) -> dict[str, int]:
    """Return rows by file of the table ``files``; a workbook goes by the name of the CSV that it stands for."""
    return {csv_name(row["file"]): row["rows_in"] for row in files}
