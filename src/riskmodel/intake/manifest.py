"""What the sender says of a whole delivery: ``manifest.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from riskmodel.errors import DataError

MANIFEST = "manifest.json"
PSEUDONYMISED = "pseudonymise.json"  # the linking party's account of what it did, which is not read
_Kind = TypeVar("_Kind")
# Agencies that a gap may name; the residents index may be called by its folder.
_AGENCIES = {
    "EDU": "EDU",
    "CSC": "CSC",
    "CLA": "CLA",
    "YJ": "YJ",
    "HEALTH": "HEALTH",
    "POLICE": "POLICE",
    "SUPPORT": "SUPPORT",
    "HOME": "HOME",
    "HOUSING": "HOME",
}


@dataclass(frozen=True)
class Gap:
    """A period ``[first, after)`` in which an agency recorded nothing."""

    agency: str
    first: date
    after: date


@dataclass(frozen=True)
class Manifest:
    """What the sender says of the whole delivery.

    Attributes
    ----------
    extract_date : date
        Last day that can be in the data.
    first_date : date or None
        First day from which the agencies without yearly returns sent everything.
    synthetic : bool
        Whether the people are invented.
    release : str
        Which secret the pseudonyms were made with: records of two releases cannot be joined.
    gaps : tuple of Gap
        When an agency recorded nothing.
    declared_use : mapping of str to str
        Columns that look like direct identifiers, and why they are not.
    """

    extract_date: date
    first_date: date | None
    synthetic: bool
    release: str = ""
    gaps: tuple[Gap, ...] = ()
    declared_use: Mapping[str, str] = field(default_factory=dict)


def read_manifest(folder: Path) -> Manifest:
    """Read ``manifest.json``.

    Raises
    ------
    DataError
        If it is missing, is not JSON, or has no usable extract date.
    """
    try:
        return _manifest(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            expected='{"extract_date": "YYYY-MM-DD", "first_date": "YYYY-MM-DD"}, and, if they are there, "gaps" as '
            '[{"agency", "from", "to"}], "release" as text and "declared_use" as {"column": "why"}',
            found="no such file" if isinstance(error, OSError) else "something else",
            where=MANIFEST,
            next_step="Ask the sender for the last day that can be in the data.",
        ) from error


def _manifest(said: Mapping[str, Any]) -> Manifest:
    first = said.get("first_date")
    extract_date = date.fromisoformat(said["extract_date"])
    if not date(1900, 1, 1) <= extract_date <= date(2200, 1, 1):
        raise ValueError("not a day of this age")
    return Manifest(
        extract_date=extract_date,
        first_date=None if first is None else date.fromisoformat(first),
        synthetic=_as(bool, said.get("synthetic", False)),
        release=_as(str, said.get("release", "")),
        gaps=tuple(_gap(gap) for gap in _as(list, said.get("gaps", []))),
        declared_use={_as(str, name): _as(str, why) for name, why in said.get("declared_use", {}).items()},
    )


def _gap(said: Mapping[str, str]) -> Gap:
    gap = Gap(_AGENCIES[said["agency"]], date.fromisoformat(said["from"]), date.fromisoformat(said["to"]))
    if gap.first >= gap.after:
        raise ValueError("a gap ends before it begins")
    return gap


def _as(kind: type[_Kind], value: object) -> _Kind:
    if not isinstance(value, kind):
        raise TypeError(f"not of type {kind.__name__}")
    return value
