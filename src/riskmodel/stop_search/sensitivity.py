"""Whether the threshold test stands if other numbers of people could have been searched.

It needs to know how many could have been searched. Published data hold no stop without a search, so residents stand in for them; nobody knows
by how much they are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.stop_search.threshold_model import Cells

Json = dict[str, Any]

FACTORS = (0.5, 2.0, 10.0)
SURE = 0.975


@dataclass(frozen=True)
class Variant:
    """Another number of people who could have been searched.

    Parameters
    ----------
    kind : str
        ``people``: so many times those of the benchmark; ``benchmark``: those of another.
    benchmark : str
        Its name.
    factor : float
        How many times as many.
    cells : Cells or None
        None where more were searched somewhere than there would be, or the other benchmark does not count the same groups.
    """

    kind: str
    benchmark: str
    factor: float
    cells: Cells | None


def variants(cells: Cells, tables: Mapping[str, pd.DataFrame]) -> tuple[Variant, ...]:
    """Return the other numbers of people to try: ``FACTORS`` times as many, and those of every other benchmark.

    Parameters
    ----------
    cells : Cells
        The counts of the test itself.
    tables : mapping of str to DataFrame
        The cells by benchmark (``threshold_test.cell_table``); the first is that of the test itself.
    """
    (name, own), *rest = tables.items()
    return (
        *(Variant("people", name, factor, _with_people(cells, cells.people * factor)) for factor in FACTORS),
        *(Variant("benchmark", other, 1.0, _like(cells, own, table)) for other, table in rest),
    )


def _with_people(cells: Cells, people: Any) -> Cells | None:
    whole = np.asarray(people).round().astype(np.int64)
    return replace(cells, people=whole) if (whole > cells.searched).all() else None


def _like(cells: Cells, own: pd.DataFrame, other: pd.DataFrame) -> Cells | None:
    keys = ["group", "area"]
    same = own[keys].to_numpy().tolist() == other[keys].to_numpy().tolist()
    return _with_people(cells, other["people"]) if same else None


def what_stands(said: Sequence[Mapping[str, Any]], others: Sequence[Variant]) -> Json:
    """Return the test under each other number of people, and whether it says the same of each group in all.

    Parameters
    ----------
    said : sequence of mappings
        ``groups`` and ``diagnostics`` of the test itself, then of each variant that has cells.
    others : sequence of Variant

    Returns
    -------
    dict
        ``rows``: ``kind``, ``benchmark``, ``factor``, ``status`` (``ok``, ``not_possible``), ``groups``, ``settled``. ``conclusions``: by group ``says``, what the test
        itself says, and ``stands``, whether every run says so; None where one of them did not settle, which then says nothing.
    """
    runs = iter(said[1:])
    rows = [_row(one, None if one.cells is None else next(runs)) for one in others]
    settled = all(one["diagnostics"]["settled"] for one in said)
    return {
        "rows": rows,
        "conclusions": [
            {
                "group": row["group"],
                "says": conclusion(row["probability_lower"]),
                "stands": len({conclusion(_probability(one, row["group"])) for one in said}) == 1 if settled else None,
            }
            for row in said[0]["groups"]
            if row["probability_lower"] is not None
        ],
    }  # fmt: skip


def _row(one: Variant, found: Mapping[str, Any] | None) -> Json:
    head = {"kind": one.kind, "benchmark": one.benchmark, "factor": one.factor}
    if found is None:
        return {**head, "status": "not_possible", "groups": [], "settled": None}
    return {**head, "status": "ok", "groups": found["groups"], "settled": found["diagnostics"]["settled"]}


def _probability(found: Mapping[str, Any], group: str) -> float:
    return float(next(row["probability_lower"] for row in found["groups"] if row["group"] == group))


def conclusion(probability_lower: float) -> str:
    """Return ``lower_bar`` or ``higher_bar`` where 97.5 of 100 draws say so, else ``cannot_tell``."""
    if probability_lower >= SURE:
        return "lower_bar"
    return "higher_bar" if probability_lower <= 1 - SURE else "cannot_tell"
