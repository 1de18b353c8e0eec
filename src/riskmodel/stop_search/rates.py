"""Searches per 1,000, and how many times the rate of one group is that of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.stop_search.benchmarks import AREA, Benchmark
from riskmodel.stop_search.clusters import NO_RATIO, BoolArray, Clusters, Ratio, number_of
from riskmodel.stop_search.labels import GROUPS
from riskmodel.stop_search.missing import months_without
from riskmodel.stop_search.question import Question

ALL = "all"
DIMENSIONS = ("sex", "age", "object", "legislation", "month", AREA)


@dataclass(frozen=True)
class _Slice:
    """Searches of one level of one dimension, counted by group."""

    dimension: str
    level: str
    mask: BoolArray


def rates(
    searches: pd.DataFrame, benchmarks: Sequence[Benchmark], question: Question
) -> list[dict[str, Any]]:
    """Return searches per 1,000 and rate ratios, by group, for all searches and for each level of each dimension.

    Parameters
    ----------
    searches : DataFrame
        Person searches of one scope; with ``area`` where they were placed on a map.
    benchmarks : sequence of Benchmark
        What to count against.
    question : Question
        The group to compare with, and how searches bunch.

    Returns
    -------
    list of dict
        ``benchmark``, ``definition``, ``dimension``, ``level``, ``group``, ``n``, ``people``, ``per_1000`` (over the months
        at hand), ``per_1000_a_year`` (from the months in which the sex or age that a benchmark knows is written down), ``ratio``, ``lower``, ``upper`` (cluster-aware, 95%) and ``status``: ``ok``,
        ``few`` (a number but no interval: fewer than ten searches on a side, or ten days), ``suppressed``, ``undefined``
        (nobody to divide by), ``reference``.

    Notes
    -----
    Rate ratio: (a / N1) / (b / N0). The counts of people are taken as known.
    """
    return [row for benchmark in benchmarks for row in _against(searches, benchmark, question)]


def _against(searches: pd.DataFrame, benchmark: Benchmark, question: Question) -> Iterator[dict[str, Any]]:
    months = _months(searches, benchmark)
    comparable = searches[benchmark.comparable(searches)]
    clusters = Clusters.of(comparable, question.cluster)
    slices = list(_slices(comparable)) if benchmark.attribute == "ethnicity" else [_everything(comparable)]
    for definition in benchmark.definitions:
        for one in slices:
            labels = comparable.loc[one.mask, definition].to_numpy()
            head = {"benchmark": benchmark.name, "definition": definition, "dimension": one.dimension}
            for row in _compared(labels, benchmark, one, clusters.where(one.mask), question):
                rate = row["per_1000"]
                a_year = None if rate is None else rate * 12 / (1 if one.dimension == "month" else months)
                yield {**head, "level": one.level, **row, "per_1000_a_year": a_year}


def _months(searches: pd.DataFrame, benchmark: Benchmark) -> int:
    """Return in how many months searches could be told to be of people whom a benchmark counts."""
    months = set(searches["month"])
    for column in ("sex", "age"):
        if column in benchmark.counts:
            months -= set(months_without(searches, column))
    return max(1, len(months))


def _everything(searches: pd.DataFrame) -> _Slice:
    return _Slice(ALL, ALL, np.ones(len(searches), dtype=bool))


def _slices(searches: pd.DataFrame) -> Iterator[_Slice]:
    yield _everything(searches)
    for dimension in DIMENSIONS:
        if dimension in searches:
            for level in sorted(searches[dimension].unique()):
                yield _Slice(dimension, level, (searches[dimension] == level).to_numpy())


def _compared(
    labels: Any, benchmark: Benchmark, one: _Slice, clusters: Clusters, question: Question
) -> Iterator[dict[str, Any]]:
    """Return one row a group of one slice."""
    attribute = benchmark.attribute
    groups = GROUPS if attribute == "ethnicity" else tuple(dict.fromkeys(benchmark.counts[attribute]))
    base = question.against(attribute)
    people = {group: benchmark.people(group, dimension=one.dimension, level=one.level) for group in groups}
    counts = {group: int((labels == group).sum()) for group in groups}
    for group in groups:
        ratio, status = NO_RATIO, "reference"
        if group != base:
            pair = (labels == group) | (labels == base)
            ratio = _rate_ratio(
                labels[pair] == group, people[group], people.get(base, 0.0), clusters.where(pair)
            )
            status = _status(ratio, min(counts[group], counts.get(base, 0)), question)
        row = {"group": group, **_row(counts[group], people[group], ratio, status)}
        yield row if one.dimension == ALL and question.exact_totals else _shown(row, question)


def _rate_ratio(is_group: BoolArray, people: float, base: float, clusters: Clusters) -> Ratio:
    if not people or not base:
        return NO_RATIO
    return number_of(is_group).over(number_of(~is_group), clusters, scale=base / people)


def _status(ratio: Ratio, fewest: int, question: Question) -> str:
    if ratio.value is None:
        return "undefined"
    return "ok" if fewest >= question.disclosure.threshold and ratio.lower is not None else "few"


def _row(n: int, people: float, ratio: Ratio, status: str) -> dict[str, Any]:
    sure = status == "ok"
    return {
        "n": n,
        "people": people or None,
        "per_1000": 1000 * n / people if people else None,
        "ratio": ratio.value,
        "lower": ratio.lower if sure else None,
        "upper": ratio.upper if sure else None,
        "status": status if people else "undefined",
    }


def _shown(row: dict[str, Any], question: Question) -> dict[str, Any]:
    """Hide a small count of a crossing, and everything that would tell it."""
    if question.disclosure.count(row["n"]) is not None:
        return row
    hidden = dict.fromkeys(("n", "per_1000", "ratio", "lower", "upper"))
    return {**row, **hidden, "status": "suppressed"}
