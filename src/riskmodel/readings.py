"""How often the test rows have been looked at: a register beside the runs, so that peeking shows.

The test is meant to be read once. Whoever trains again and looks again chooses, knowingly or not, what suits these
rows, and the numbers get too good. Nobody can be kept from it; it can be counted. A study that is run again unchanged, by the
same code, learns nothing new and is not counted again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from riskmodel.errors import DataError
from riskmodel.files import digest_bytes, to_json
from riskmodel.tables.cohort import Cohort

REGISTER = "test_readings.jsonl"


@dataclass(frozen=True)
class Reading:
    """One look at some test rows.

    Parameters
    ----------
    number : int
        Different studies (settings, data and code) that have looked at them by now, this one among them.
    repeated : bool
        Whether this very study had looked before.
    """

    number: int
    repeated: bool

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``provenance.json``."""
        return asdict(self)


@dataclass(frozen=True)
class JudgedRows:
    """Which rows are looked at for which outcome, by a digest that tells nobody.

    Parameters
    ----------
    key : str
        Digest of data, rows and outcome.
    study : str
        Digest of settings, data and code.
    """

    key: str
    study: str

    @classmethod
    def of(cls, cohort: Cohort, outcome: dict[str, Any], *, fingerprint: str, study: str) -> JudgedRows:
        """Name the rows of a cohort."""
        rows = (cohort.subject_id, cohort.index_day)
        arrays = (np.ascontiguousarray(one).tobytes() for one in rows)
        return cls(digest_bytes(fingerprint.encode(), to_json(outcome).encode(), *arrays), study)


def reading_of(rows: JudgedRows, store: Path) -> Reading:
    """Return which look at the rows this would be.

    Raises
    ------
    DataError
        If the register cannot be read.
    """
    place = store / REGISTER
    lines = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    try:
        seen = {one["study"] for one in map(json.loads, lines) if one["rows"] == rows.key}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            expected="one JSON object with 'rows' and 'study' in every line",
            found="something else",
            where=str(place),
            next_step="Restore the register from a backup, or move it away and say on the card that its count begins anew.",
        ) from error
    return Reading(number=len(seen | {rows.study}), repeated=rows.study in seen)


def record_reading(rows: JudgedRows, store: Path, *, started: datetime) -> None:
    """Add a line to the register."""
    line = {"rows": rows.key, "study": rows.study, "started": started.isoformat(timespec="seconds")}
    with (store / REGISTER).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
