"""How agencies write an ethnic group down: detailed codes within the five groups, sometimes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmodel.simulate.extracts.press import named
from riskmodel.simulate.population import GROUPS

if TYPE_CHECKING:
    import pyarrow as pa

    from riskmodel.simulate.clock import IntArray

# (school and social care code, police 16+1 code): all-age shares of Waltham Forest, Census 2021, within a group.
_CODES = {
    "White": {("WBRI", "W1"): 34.04, ("WIRI", "W2"): 1.52, ("WIRT", "W9"): 0.07, ("WROM", "W9"): 0.50, ("WOTH", "W9"): 16.68},
    "Black": {("BAFR", "B2"): 6.74, ("BCRB", "B1"): 6.32, ("BOTH", "B9"): 1.90},
    "Mixed": {("MWBC", "M1"): 1.84, ("MWBA", "M2"): 1.00, ("MWAS", "M3"): 1.39, ("MOTH", "M9"): 2.23},
    "Asian": {("AIND", "A1"): 3.28, ("APKN", "A2"): 10.32, ("ABAN", "A3"): 1.86, ("CHNE", "A4"): 0.94, ("AOTH", "A9"): 3.55},
    "Other": {("OOTH", "O9"): 5.83},
}  # fmt: skip
_ALL = [code for group in GROUPS for code in _CODES[group]]
_SCHOOL = (*(code[0] for code in _ALL), "REFU", "NOBT")
_POLICE = (*(code[1] for code in _ALL), "NS", "NS")


class EthnicCodes:
    """Each person's own detailed code, the same at every agency, and unknown for a few."""

    def __init__(self, group: IntArray, *, unknown: float, rng: np.random.Generator) -> None:
        shares = np.zeros((len(GROUPS), len(_ALL)))
        place = 0
        for number, name in enumerate(GROUPS):
            weights = np.array(list(_CODES[name].values()))
            shares[number, place : place + len(weights)] = weights / weights.sum()
            place += len(weights)
        reach = np.cumsum(shares, axis=1)
        draw = rng.random(len(group)) * (1 - 1e-9)
        self._index = (draw[:, None] >= reach[group]).sum(axis=1)
        hidden = rng.random(len(group)) < unknown
        self._index[hidden] = len(_ALL) + rng.integers(0, 2, int(hidden.sum()))

    def school(self, person: IntArray) -> pa.Array:
        """Return the code that schools and social care use."""
        return named(_SCHOOL, self._index[person])

    def justice(self, person: IntArray) -> pa.Array:
        """Return the 16+1 code that youth justice uses."""
        return named(_POLICE, self._index[person])
