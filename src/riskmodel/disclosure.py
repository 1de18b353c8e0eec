"""The one door through which anything leaves the secure environment: suppression and rounding.

Rules (ONS Secure Research Service handbook 2024, threshold 10; OpenSAFELY, rounding to the nearest 5): a count
from 1 to below the threshold is not shown, every other count is rounded, and rates come from rounded counts. Where
a total is shown beside its parts and exactly one part is hidden, the smallest other part is hidden too, because
subtraction would give the hidden one back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Disclosure(BaseModel):
    """What may be shown.

    Parameters
    ----------
    threshold : int
        Counts from 1 to ``threshold - 1`` are hidden.
    rounding : int
        Shown counts are rounded to the nearest multiple (halves up).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: int = Field(default=10, ge=5)
    rounding: int = Field(default=5, ge=1)

    def count(self, n: int) -> int | None:
        """Return a count that may be shown, or None if it must be hidden.

        Zero is shown: the tables built here have groups fixed by the study, and a hidden zero would hide nothing
        that the absence of a row does not already tell.
        """
        if 0 < n < self.threshold:
            return None
        return (2 * n + self.rounding) // (2 * self.rounding) * self.rounding

    def rate(self, numerator: int, denominator: int) -> float | None:
        """Return a rate from rounded counts, or None if either count, or the rest, is hidden or nothing is left."""
        top, bottom, rest = (
            self.count(numerator),
            self.count(denominator),
            self.count(denominator - numerator),
        )
        if top is None or bottom is None or rest is None or bottom == 0:
            return None
        return min(1.0, top / bottom)

    def parts(self, counts: Mapping[str, int]) -> dict[str, int | None]:
        """Return the parts of a total that may be shown beside it, with secondary suppression."""
        shown = {name: self.count(n) for name, n in counts.items()}
        hidden = [name for name, n in shown.items() if n is None]
        others = sorted((n, name) for name, n in counts.items() if n > 0 and shown[name] is not None)
        if len(hidden) == 1 and others:
            shown[others[0][1]] = None
        return shown

    def drop_small(self, record: Mapping[str, Any], *, counts: tuple[str, ...]) -> dict[str, Any]:
        """Return a result record with its counts rounded; if one is hidden, every number in it is null.

        ``status`` becomes ``suppressed`` when a count had to be hidden.
        """
        shown = {name: None if record[name] is None else self.count(int(record[name])) for name in counts}
        hidden = any(shown[name] is None and record[name] is not None for name in counts)
        if not hidden:
            return {**record, **shown}
        numbers = {
            k: None for k, v in record.items() if isinstance(v, int | float) and not isinstance(v, bool)
        }
        return {**record, **numbers, **dict.fromkeys(counts), "status": "suppressed"}
