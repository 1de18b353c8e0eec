"""What a delivery covers: only that can be replaced by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Self


@dataclass(frozen=True)
class Covered:
    """What begins with ``prefix`` and happened in ``[first, after)`` is all in a delivery; None: without bound."""

    prefix: str
    first: date | None = None
    after: date | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``deliveries.json``."""
        first, after = (None if day is None else day.isoformat() for day in (self.first, self.after))
        return {"prefix": self.prefix, "first": first, "after": after}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        days = (value[name] for name in ("first", "after"))
        return cls(value["prefix"], *(None if day is None else date.fromisoformat(day) for day in days))


def observed_by(agency: str) -> str:
    """Return the prefix that stands for whom an agency observed, rather than for what it recorded."""
    return f"{agency} observed"
