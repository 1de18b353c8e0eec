"""The same people counted by aequitas: what its table says, kept so that a test can hold ours against it.

Needs aequitas 1.1.0, which no lock of ours holds (it plots with libraries of its own): in another environment,
``python experiments/audit_truth/peers.py`` writes ``peers.json``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.files import write_json

HERE = Path(__file__).parent
NAMES = {"pprev": "selection_rate", "tpr": "tpr", "fnr": "fnr", "fpr": "fpr", "precision": "ppv"}
"""What aequitas calls our metrics."""


def people(seed: int = 11, n: int = 4000) -> pd.DataFrame:
    """Return people with whole offers and whole weights: all that aequitas can count."""
    rng = np.random.default_rng(seed)
    ethnicity = rng.choice(["Asian", "Black", "Mixed", "Unknown", "White"], n, p=[0.22, 0.2, 0.1, 0.05, 0.43])
    offered = (rng.random(n) < np.where(ethnicity == "Black", 0.15, 0.25)).astype(int)
    outcome = (rng.random(n) < 0.1 + 0.3 * offered).astype(int)
    return pd.DataFrame({"score": offered, "label_value": outcome, "ethnicity": ethnicity.astype(object)})


def main() -> int:
    """Count with aequitas and write the result."""
    counted = _crosstabs(people())
    rows = [
        {"group": str(row["attribute_value"]), "metric": ours, "estimate": float(row[theirs])}
        for row in counted.to_dict("records")
        for theirs, ours in NAMES.items()
    ]
    write_json(HERE / "peers.json", {"aequitas": "1.1.0", "rows": rows})
    return 0


def _crosstabs(frame: pd.DataFrame) -> Any:
    """Return aequitas' table; its front door imports pictures that counting does not need."""
    from importlib.util import find_spec

    found = find_spec("aequitas")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("aequitas is not installed: pip install --no-deps aequitas==1.1.0 seaborn altair")
    front = ModuleType("aequitas")
    front.__path__ = list(found.submodule_search_locations)
    sys.modules["aequitas"] = front
    from aequitas.group import Group  # type: ignore[import-not-found]

    frame["ethnicity"] = pd.Series(frame["ethnicity"].to_numpy(), dtype=object)
    table, _ = Group().get_crosstabs(frame, attr_cols=["ethnicity"])
    return table


if __name__ == "__main__":
    sys.exit(main())
