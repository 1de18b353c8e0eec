"""How often searches come to something, compared between groups: pooled, within kinds of search, and both tests together.

Sources: Becker (1957) and Knowles, Persico and Todd (2001) for the outcome test; direct standardisation for like with
like; Gaebler and Goel (2024) for the rule that combines the outcome test with a benchmark test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.stop_search.benchmarks import Benchmark
from riskmodel.stop_search.clusters import (
    NO_RATIO,
    BoolArray,
    Clusters,
    FloatArray,
    IntArray,
    Linear,
    Ratio,
    mean_of,
    number_of,
)
from riskmodel.stop_search.labels import GROUPS
from riskmodel.stop_search.question import Question
from riskmodel.stop_search.reading import DEFINITIONS

# What counts as something found: any outcome but no further action; an outcome linked to what was looked for.
MEASURES = {"positive": "positive", "linked": "is_linked"}
STRATA: tuple[tuple[str, ...], ...] = (
    ("object",),
    ("age",),
    ("object", "age"),
    ("object", "age", "legislation"),
    ("object", "age", "month"),
)
MAIN_STRATA = ("object", "age")
KINDS = ("all", "weapons", "drugs")


def kind_of_search(searches: pd.DataFrame, kind: str) -> BoolArray:
    """Say which searches are of a kind: all, for weapons, for drugs."""
    if kind == "all":
        return np.ones(len(searches), dtype=bool)
    if kind == "weapons":
        return searches["weapon"].to_numpy(dtype=bool)
    return (searches["object"] == "Controlled drugs").to_numpy()


@dataclass(frozen=True)
class _Sides:
    """The searches of a group and of the group it is compared with, whose outcome is known."""

    group: BoolArray
    base: BoolArray
    found: FloatArray
    clusters: Clusters

    @classmethod
    def of(
        cls, searches: pd.DataFrame, definition: str, group: str, measure: str, question: Question
    ) -> _Sides:
        labels = searches[definition].to_numpy()
        found = searches[MEASURES[measure]].to_numpy(dtype=float)
        known = ~np.isnan(found)
        return cls(
            known & (labels == group),
            known & (labels == question.reference),
            found,
            Clusters.of(searches, question.cluster),
        )

    def enough(self, threshold: int) -> bool:
        """Say whether enough searches came to something, and enough to nothing, on both sides."""
        counts = [
            int(part.sum())
            for side in (self.group, self.base)
            for part in (self.found[side] == 1, self.found[side] == 0)
        ]
        return min(counts) >= threshold


def outcome_tests(searches: pd.DataFrame, question: Question) -> list[dict[str, Any]]:
    """Return how often searches of each group came to something against the reference group, pooled and like with like.

    Parameters
    ----------
    searches : DataFrame
        Person searches of one scope.
    question : Question
        The group to compare with, how searches bunch, what is too small.

    Returns
    -------
    list of dict
        By ``definition``, ``measure``, ``group``: ``n``, ``share``, ``base_share``, ``ratio``, ``lower``, ``upper`` (pooled),
        ``status`` (``ok``, ``insufficient``: fewer than ten searches with or without an outcome on a side) and
        ``within``: one row for each way to divide searches, with shares standardised to the searches of both groups,
        their ratio, ``covered`` (share of the two groups' searches in strata where both have at least ten),
        ``strata_lower`` and ``strata_higher`` (in how many strata the group's share is lower, higher), and ``simpson``.
    """
    return [
        _test(searches, definition, measure, group, question)
        for measure in MEASURES
        for definition in DEFINITIONS
        for group in GROUPS
        if group != question.reference
    ]


def _test(
    searches: pd.DataFrame, definition: str, measure: str, group: str, question: Question
) -> dict[str, Any]:
    sides = _Sides.of(searches, definition, group, measure, question)
    head = {"definition": definition, "measure": measure, "group": group}
    if not sides.enough(question.disclosure.threshold):
        return {**head, **_pooled(NO_RATIO, None, None), "n": None, "status": "insufficient", "within": []}
    top, bottom = mean_of(sides.found, sides.group), mean_of(sides.found, sides.base)
    pooled = top.over(bottom, sides.clusters)
    within = [_within(searches, sides, strata, pooled, question) for strata in STRATA]
    numbers = _pooled(pooled, top.value, bottom.value)
    return {**head, **numbers, "n": int(sides.group.sum()), "status": "ok", "within": within}


def _pooled(ratio: Ratio, share: float | None, base: float | None) -> dict[str, Any]:
    return {
        "share": share,
        "base_share": base,
        "ratio": ratio.value,
        "lower": ratio.lower,
        "upper": ratio.upper,
    }


def _within(
    searches: pd.DataFrame, sides: _Sides, strata: Sequence[str], pooled: Ratio, question: Question
) -> dict[str, Any]:
    """Return the comparison like with like, for one way to divide searches."""
    ratio, shares, (codes, weights) = _like_with_like(searches, sides, strata, question)
    lower, higher = _directions(sides, codes, weights)
    return {
        "strata": list(strata),
        **_pooled(ratio, *shares),
        "covered": float((weights[codes] > 0)[sides.group | sides.base].mean()),
        "strata_lower": lower,
        "strata_higher": higher,
        "simpson": simpson(pooled, ratio),
    }


def _like_with_like(
    searches: pd.DataFrame, sides: _Sides, strata: Sequence[str], question: Question
) -> tuple[Ratio, tuple[float | None, float | None], tuple[IntArray, FloatArray]]:
    """Return the ratio of standardised shares, the shares, and the strata with their weights."""
    codes = searches.groupby(list(strata), sort=True).ngroup().to_numpy().astype(np.int64)
    weights = stratum_weights(codes, sides.group, sides.base, least=question.disclosure.threshold)
    if not weights.any():
        return NO_RATIO, (None, None), (codes, weights)
    top, bottom = (standardised(sides.found, side, codes, weights) for side in (sides.group, sides.base))
    return top.over(bottom, sides.clusters), (top.value, bottom.value), (codes, weights)


def stratum_weights(codes: IntArray, group: BoolArray, base: BoolArray, *, least: int) -> FloatArray:
    """Return the weight of each stratum: its share of both groups' searches, where both have at least so many."""
    size = int(codes.max(initial=-1)) + 1
    ours, theirs = (np.bincount(codes[side], minlength=size) for side in (group, base))
    both = np.where((ours >= least) & (theirs >= least), ours + theirs, 0).astype(float)
    total = both.sum()
    return both / total if total else both


def standardised(found: FloatArray, side: BoolArray, codes: IntArray, weights: FloatArray) -> Linear:
    """Return the share found if a side's searches were divided over strata as the weights are."""
    values = np.nan_to_num(found)
    n = np.bincount(codes[side], minlength=len(weights)).astype(float)
    hits = np.bincount(codes[side], weights=values[side], minlength=len(weights))
    used = weights > 0
    share = np.divide(hits, n, out=np.zeros(len(n)), where=used)
    per_search = np.divide(weights, n, out=np.zeros(len(n)), where=used)
    return Linear(float(weights @ share), np.where(side, per_search[codes] * (values - share[codes]), 0.0))


def _directions(sides: _Sides, codes: IntArray, weights: FloatArray) -> tuple[int, int]:
    """Return in how many strata the group's share is lower, and in how many higher."""
    shares = []
    for side in (sides.group, sides.base):
        n = np.bincount(codes[side], minlength=len(weights))
        hits = np.bincount(codes[side], weights=sides.found[side], minlength=len(weights))
        shares.append(np.divide(hits, n, out=np.zeros(len(n)), where=weights > 0))
    return int((shares[0] < shares[1]).sum()), int((shares[0] > shares[1]).sum())


def simpson(pooled: Ratio, like_with_like: Ratio) -> str | None:
    """Say what becomes of a difference when like is compared with like.

    Returns
    -------
    str or None
        ``reverses`` (to the other side of one, and at least one of the two intervals does not hold one), ``vanishes`` (only
        the pooled interval leaves one out), ``appears`` (only the other does), ``holds``; None if either is undefined.
    """
    if pooled.value is None or like_with_like.value is None:
        return None
    sides = pooled.side, like_with_like.side
    if (pooled.value - 1) * (like_with_like.value - 1) < 0 and any(sides):
        return "reverses"
    if sides[0] and not sides[1]:
        return "vanishes"
    return "appears" if sides[1] and not sides[0] else "holds"


def found_by_stratum(searches: pd.DataFrame, question: Question) -> list[dict[str, Any]]:
    """Return how often searches came to something by group within objects, ages, and both; small counts hidden."""
    rows = []
    for strata in (("object",), ("age",), MAIN_STRATA, ("month",)):
        for definition in DEFINITIONS:
            known = searches[searches["positive"].notna() & searches[definition].isin(GROUPS)]
            for key, part in known.groupby([*strata, definition])["positive"]:
                *levels, group = key
                n, hits = len(part), int(part.sum())
                rate = question.disclosure.rate(hits, n)
                rows.append(
                    {
                        "definition": definition,
                        "object": None,
                        "age": None,
                        "month": None,
                        **dict(zip(strata, levels, strict=True)),
                        "group": group,
                        "n": question.disclosure.count(n),
                        "share": rate,
                        "status": "suppressed" if rate is None else "ok",
                    }
                )
    return rows


def combined_rule(
    searches: pd.DataFrame, benchmarks: Sequence[Benchmark], question: Question
) -> list[dict[str, Any]]:
    """Return what the benchmark test and the outcome test say together.

    If one group is searched at a higher rate and its searches come to something less often, both tests point the same
    way, and then the lower bar is real, provided that the groups' chances of carrying something are ordered in the usual way
    (monotone likelihood ratio). Where they point apart, neither can be trusted.

    Parameters
    ----------
    searches : DataFrame
        Person searches of one scope.
    benchmarks : sequence of Benchmark
        Those that know ethnicity are used.
    question : Question
        The group to compare with.

    Returns
    -------
    list of dict
        By ``kind`` of search, ``definition``, ``benchmark``, ``group``: the two ratios with intervals, the ratio of what was found like
        with like (``like_ratio``, by object and age), on which side of one each way of comparing like with like lies (``like_sides``:
        -1, 0 where it may be chance, 1, None where it cannot be said), and the ``verdict``:
        ``lower_bar``, ``higher_bar``, ``tests_disagree``, ``inconclusive``, ``insufficient``.

    Notes
    -----
    Each side of each interval errs in at most 2.5 of 100 cases, so a verdict that needs both errs at most so often.
    """
    return [row for kind in KINDS for row in _rules(searches, kind, benchmarks, question)]


def _rules(
    searches: pd.DataFrame, kind: str, benchmarks: Sequence[Benchmark], question: Question
) -> Iterator[dict[str, Any]]:
    of_kind = searches[kind_of_search(searches, kind)]
    for benchmark in (one for one in benchmarks if one.attribute == "ethnicity"):
        mine = of_kind[benchmark.comparable(of_kind)]
        for definition in benchmark.definitions:
            for group in (one for one in GROUPS if one != question.reference):
                head = {"kind": kind, "benchmark": benchmark.name, "definition": definition, "group": group}
                yield {**head, **_rule(mine, benchmark, definition, group, question)}


def _rule(
    searches: pd.DataFrame, benchmark: Benchmark, definition: str, group: str, question: Question
) -> dict[str, Any]:
    sides = _Sides.of(searches, definition, group, "positive", question)
    people, base = benchmark.people(group), benchmark.people(question.reference)
    rate = found = NO_RATIO
    likes = dict.fromkeys(STRATA, NO_RATIO)
    if people and base and sides.enough(question.disclosure.threshold):
        labels = searches[definition].to_numpy()
        is_group, is_base = labels == group, labels == question.reference
        rate = number_of(is_group).over(number_of(is_base), sides.clusters, scale=base / people)
        found = mean_of(sides.found, sides.group).over(mean_of(sides.found, sides.base), sides.clusters)
        likes = {strata: _like_with_like(searches, sides, strata, question)[0] for strata in STRATA}
    like = likes[MAIN_STRATA]
    return {
        "rate_ratio": rate.value,
        "rate_lower": rate.lower,
        "rate_upper": rate.upper,
        "found_ratio": found.value,
        "found_lower": found.lower,
        "found_upper": found.upper,
        "like_ratio": like.value,
        "like_lower": like.lower,
        "like_upper": like.upper,
        "like_sides": {
            " and ".join(strata): None if one.lower is None else one.side for strata, one in likes.items()
        },
        "verdict": verdict(rate, found),
    }


def verdict(rate: Ratio, found: Ratio) -> str:
    """Return what a rate ratio and a ratio of shares found say together."""
    if rate.lower is None or found.lower is None:
        return "insufficient"
    if not rate.side or not found.side:
        return "inconclusive"
    if rate.side == found.side:
        return "tests_disagree"
    return "lower_bar" if rate.side > 0 else "higher_bar"
