"""The account of pseudonymising: every raw row goes on or is set aside for one reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from riskmodel.errors import RiskModelError


@dataclass(frozen=True)
class RawAccount:
    """What became of the rows of one table. It holds no value of any record.

    Attributes
    ----------
    rows_in, rows_out : int
        Rows in the raw file (the header not counted) and in what leaves.
    set_aside : tuple of (int, str)
        Number of the row in the raw file and the reason. It stays with the linking party.
    withheld : mapping of str to int
        By column: values that the column cannot hold, which left as ``?``.
    birthdays : mapping of str to int
        By column: dates on the day of birth, which would tell it and left as the first of the month.
    """

    rows_in: int
    rows_out: int
    set_aside: Sequence[tuple[int, str]]
    withheld: Mapping[str, int]
    birthdays: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.rows_in != self.rows_out + len(self.set_aside):
            raise RiskModelError("raw rows are not the rows out and set aside; please report this defect")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``pseudonymise.json``."""
        return {
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "rows_set_aside": len(self.set_aside),
            "reasons": dict(sorted(Counter(reason for _, reason in self.set_aside).items())),
            "withheld": {column: count for column, count in sorted(self.withheld.items()) if count},
            "dates_on_the_day_of_birth": {
                name: count for name, count in sorted(self.birthdays.items()) if count
            },
        }
