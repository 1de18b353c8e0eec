"""A range for every raw score; ``intervals`` fits it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from riskmodel.tables.cohort import FloatArray


@dataclass(frozen=True)
class Band:
    """A lower and an upper limit for every raw score, both rising: straight lines between knots, level beyond them.

    Parameters
    ----------
    method : str
        ``monotone`` or ``bagged``.
    knots : tuple of float
        Raw scores, rising.
    lower, upper : tuple of float
        Limits of the risk at the knots.
    """

    method: str
    knots: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def around(self, risk: FloatArray, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the limits at raw scores, moved outwards where an estimate would lie beyond them.

        An estimate beyond the limits means that the calibration curve has the wrong shape there: both then belong to
        what might be true.
        """
        lower, upper = (np.interp(raw, self.knots, ends) for ends in (self.lower, self.upper))
        return np.minimum(lower, risk), np.maximum(upper, risk)

    def to_state(self) -> dict[str, Any]:
        """Return the band as JSON-ready data."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        return cls(state["method"], *(tuple(state[name]) for name in ("knots", "lower", "upper")))
