"""What a check found, in words that a data manager can act on. Exact counts, and never a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Severity = Literal["act", "look", "ok"]
Row = Mapping[str, Any]

_SAID = 5  # on the terminal; the page holds them all
_ORDER: tuple[Severity, ...] = ("act", "look", "ok")


@dataclass(frozen=True)
class Finding:
    """One sentence about what came in.

    Attributes
    ----------
    check : str
        Which check speaks, such as ``spells``.
    severity : str
        ``act``: do something before the data are used; ``look``: read it and judge; ``ok``: as expected.
    expected, found, next_step : str
        Whole sentences; ``next_step`` is empty where nothing need be done.
    agency, file, period : str or None
        Where: an agency's code, a kind of file, a month or year.
    weight : int
        Rows, events or people that it is about: among findings of one severity the largest comes first.
    """

    check: str
    severity: Severity
    expected: str
    found: str
    next_step: str = ""
    agency: str | None = None
    file: str | None = None
    period: str | None = None
    weight: int = 0


@dataclass(frozen=True)
class Checks:
    """Everything that the checks say of one intake, and the numbers that the page draws.

    Attributes
    ----------
    extract_date : str or None
        Last day that can be in the data.
    compared_with : str or None
        Extract date of the intake before, if there was one.
    findings : tuple of Finding
        Most urgent first.
    tables : mapping of str to list of mappings
        ``files``, ``set_aside``, ``volumes`` (events by agency and month), ``gaps``, ``delays``, ``delay_years``,
        ``observation``, ``spells``, ``links``.
    """

    extract_date: str | None
    compared_with: str | None
    findings: tuple[Finding, ...]
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        findings: Iterable[Finding],
        tables: Mapping[str, Sequence[Row]],
        *,
        extract_date: str | None,
        compared_with: str | None = None,
    ) -> Self:
        """Put findings in their order."""
        ordered = tuple(sorted(findings, key=_place))
        return cls(extract_date, compared_with, ordered, tables)

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(one for one in self.findings if one.severity == severity)

    def summary(self) -> str:
        """Return lines for the terminal: what to act on, and how much there is to look at."""
        act, look = self.of("act"), self.of("look")
        head = f"{_counted(len(act), 'thing')} to act on" if act else "nothing to act on"
        lines = [f"Checks: {head}; {_counted(len(look), 'thing')} to look at (intake.html shows them)."]
        lines += [
            f"  {number}. {one.found} {one.next_step}" for number, one in enumerate(act[:_SAID], start=1)
        ]
        lines += (
            [f"  ... and {_counted(len(act) - _SAID, 'more thing')} to act on."] if len(act) > _SAID else []
        )
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``checks.json``."""
        return {
            "extract_date": self.extract_date,
            "compared_with": self.compared_with,
            "summary": {severity: len(self.of(severity)) for severity in _ORDER},
            "findings": [asdict(one) for one in self.findings],
            "tables": {name: [dict(row) for row in rows] for name, rows in self.tables.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        findings = tuple(Finding(**one) for one in value["findings"])
        return cls(value["extract_date"], value["compared_with"], findings, value["tables"])


def _place(one: Finding) -> tuple[object, ...]:
    where = (one.agency or "", one.file or "", one.period or "")
    return (_ORDER.index(one.severity), -one.weight, one.check, *where, one.found)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
