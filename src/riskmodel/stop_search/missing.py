"""What is missing, month by month, and how far it could move the comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.stop_search.benchmarks import Benchmark
from riskmodel.stop_search.labels import GROUPS, NOT_STATED, UNKNOWN
from riskmodel.stop_search.question import Question
from riskmodel.stop_search.reading import DEFINITIONS, is_blank

COLUMNS = (
    "sex",
    "age",
    "self_defined",
    "officer_defined",
    "object",
    "legislation",
    "outcome",
    "linked",
    "latitude",
)
# A column that is blank in this share of a month's searches cannot be used for that month.
BLANK_MONTH = 0.5
NEVER_FILLED = 0.99
OFTEN_BLANK = 0.25
# The commonest object of each law takes nearly every search: the object was written from the law.
_TOLD, _FREE, _ENOUGH = 0.995, 0.95, 100


def by_month(searches: pd.DataFrame, question: Question) -> list[dict[str, Any]]:
    """Return counts (small ones hidden), shares, and the share of blanks in each column, month by month."""
    return [_month(name, part, question) for name, part in searches.groupby("month", sort=True)]


def _month(name: Any, part: pd.DataFrame, question: Question) -> dict[str, Any]:
    return {
        "month": name,
        "n": len(part),
        "days": int(part["day"].nunique()),
        "by_ethnicity": {
            definition: {
                group: question.disclosure.count(int((part[definition] == group).sum()))
                for group in (*GROUPS, NOT_STATED, UNKNOWN)
            }
            for definition in DEFINITIONS
        },
        "weapon_share": float(part["weapon"].mean()),
        "positive_share": float(part["positive"].mean()) if part["positive"].notna().any() else None,
        "blank": {column: float(is_blank(part, column).mean()) for column in COLUMNS},
    }


def months_without(searches: pd.DataFrame, column: str) -> list[str]:
    """Return the months in which a column is blank in at least half of the searches."""
    return [month for month, share in _blank_share(searches, column).items() if share >= BLANK_MONTH]


def _blank_share(searches: pd.DataFrame, column: str) -> dict[str, float]:
    share = pd.Series(is_blank(searches, column)).groupby(searches["month"].to_numpy()).mean()
    return {str(month): float(value) for month, value in share.items()}


def gaps(searches: pd.DataFrame) -> dict[str, Any]:
    """Return what cannot be used, and when.

    Returns
    -------
    dict
        ``never_filled``: columns blank in every month. ``often_blank``: the share of blanks in columns that lack at least a
        quarter in three of four months. ``blank_months``: ``month``, ``column`` and ``share`` blank, where other
        months hold the column. ``object_from_law``: months in which the object says no more than the law does, though in
        other months it does, so that kinds of search cannot be told apart.
    """
    never = [column for column in COLUMNS if is_blank(searches, column).mean() >= NEVER_FILLED]
    shares = {column: _blank_share(searches, column) for column in COLUMNS if column not in never}
    # A column that lacks much even in its better months is often blank; else single months stand out.
    usual = {column: np.quantile(list(one.values()), 0.25, method="lower") for column, one in shares.items()}
    often = {
        column: float(is_blank(searches, column).mean()) for column in shares if usual[column] >= OFTEN_BLANK
    }
    rows = [
        {"month": month, "column": column, "share": share}
        for column, one in shares.items()
        if column not in often
        for month, share in one.items()
        if share >= BLANK_MONTH
    ]
    return {
        "never_filled": never,
        "often_blank": often,
        "blank_months": rows,
        "object_from_law": _object_from_law(searches),
    }


def _object_from_law(searches: pd.DataFrame) -> list[str]:
    told = {
        str(month): _told_by_law(part) for month, part in searches.groupby("month") if len(part) >= _ENOUGH
    }
    if min(told.values(), default=1.0) >= _FREE:
        return []
    return sorted(month for month, share in told.items() if share >= _TOLD)


def _told_by_law(part: pd.DataFrame) -> float:
    """Return the share of searches whose object is the commonest one of its law."""
    counts = part.groupby(["legislation", "object"]).size()
    return float(counts.groupby("legislation").max().sum() / len(part))


def bounds(
    searches: pd.DataFrame, benchmarks: Sequence[Benchmark], question: Question
) -> list[dict[str, Any]]:
    """Return how far the ratios could lie if all searches of unknown ethnicity were of one group or of the other.

    Parameters
    ----------
    searches : DataFrame
        Person searches of one scope.
    benchmarks : sequence of Benchmark
        Those that know ethnicity give rate ratios.
    question : Question
        The group to compare with.

    Returns
    -------
    list of dict
        By ``definition`` and ``group``: ``n_unknown`` and for each ``of``, a benchmark's name or ``positive``, the ``ratio`` of
        the known and the ``low`` and ``high`` that no way of filling in can pass. For ``positive``, searches without a
        written outcome are filled in too.

    Notes
    -----
    These are limits, not a likely range: unknown searches are given wholly to one group, and with the outcomes that move the
    ratio most.
    """
    rows = []
    for definition in DEFINITIONS:
        for group in (one for one in GROUPS if one != question.reference):
            rows += list(_bounds_of(searches, definition, group, benchmarks, question))
    return rows


def _bounds_of(
    searches: pd.DataFrame, definition: str, group: str, benchmarks: Sequence[Benchmark], question: Question
) -> Iterator[dict[str, Any]]:
    labels = searches[definition]
    ours, theirs = searches[labels == group], searches[labels == question.reference]
    unknown = searches[labels.isin((NOT_STATED, UNKNOWN))]
    head = {"definition": definition, "group": group, "n_unknown": question.disclosure.count(len(unknown))}
    if min(len(ours), len(theirs)) < question.disclosure.threshold:
        return
    for benchmark in (
        one for one in benchmarks if one.attribute == "ethnicity" and definition in one.definitions
    ):
        people, base = benchmark.people(group), benchmark.people(question.reference)
        if people and base and not set(benchmark.counts) & {"sex", "age"}:
            a, b, m = len(ours), len(theirs), len(unknown)
            low, ratio, high = (x * base / people for x in (a / (b + m), a / b, (a + m) / b))
            yield {**head, "of": benchmark.name, "ratio": ratio, "low": low, "high": high}
    hits_and_misses = [count for part in (ours, theirs) for count in _tally(part)[:2]]
    if (
        min(hits_and_misses) >= question.disclosure.threshold
    ):  # or the ratio would tell a number that is hidden elsewhere
        yield {**head, "of": "positive", **_found_bounds(ours, theirs, unknown)}


def _found_bounds(ours: pd.DataFrame, theirs: pd.DataFrame, unknown: pd.DataFrame) -> dict[str, float | None]:
    """Return the ratio of shares found and its limits: blanks and unknowns filled in the two extreme ways."""
    (a1, a0, am), (b1, b0, bm), (u1, u0, um) = (_tally(part) for part in (ours, theirs, unknown))
    known = _divided(_part(a1, a0), _part(b1, b0))
    low = _divided(_part(a1, a0 + am + u0 + um), _part(b1 + bm + u1 + um, b0))
    # The same blank unknown search cannot be both: it is one group's miss or the other's hit, so this is an outer limit.
    high = _divided(_part(a1 + am + u1 + um, a0), _part(b1, b0 + bm + u0 + um))
    return {"ratio": known, "low": low, "high": high}


def _tally(part: pd.DataFrame) -> tuple[int, int, int]:
    positive = part["positive"]
    hits = int((positive == 1).sum())
    misses = int((positive == 0).sum())
    return hits, misses, len(part) - hits - misses


def _part(hits: int, misses: int) -> float | None:
    return hits / (hits + misses) if hits + misses else None


def _divided(top: float | None, bottom: float | None) -> float | None:
    return None if top is None or not bottom else top / bottom
