"""How many searches of whom, how many for weapons, and how many came to something, by ethnicity."""

from __future__ import annotations

from typing import Any

import pandas as pd

from riskmodel.stop_search.labels import ALL_GROUPS, GROUPS
from riskmodel.stop_search.reading import DEFINITIONS


def by_ethnicity(searches: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the headline counts and shares by officer-defined and by self-defined ethnicity.

    Parameters
    ----------
    searches : DataFrame
        Person searches (``Reading.searches``).

    Returns
    -------
    dict
        By definition and group: ``n``; ``share`` of all person searches, those of unknown ethnicity included;
        ``weapon_share`` of the group's searches; ``positive_share`` of its searches with an outcome written down
        (blank outcomes are counted apart in ``n_outcome_blank``); ``positive_share_weapon`` of its weapon searches.
        None where there is nothing to divide by.
    """
    return {definition: _groups(searches, definition) for definition in DEFINITIONS}


def _groups(searches: pd.DataFrame, definition: str) -> dict[str, dict[str, Any]]:
    parts = dict(iter(searches.groupby(definition)))
    return {
        group: _one(parts.get(group, searches.iloc[:0]), len(searches))
        for group in ALL_GROUPS
        if group in GROUPS or group in parts
    }


def _one(part: pd.DataFrame, total: int) -> dict[str, Any]:
    return {
        "n": len(part),
        "share": len(part) / total,
        "weapon_share": _mean(part["weapon"]),
        "positive_share": _mean(part["positive"]),
        "positive_share_weapon": _mean(part.loc[part["weapon"], "positive"]),
        "n_weapon": int(part["weapon"].sum()),
        "n_positive": int(part["positive"].sum()),
        "n_outcome_blank": int(part["positive"].isna().sum()),
    }


def _mean(values: pd.Series[Any]) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None
