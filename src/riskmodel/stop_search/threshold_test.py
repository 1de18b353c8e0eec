"""The threshold test: at what chance of finding something searches of each group begin, and whether its model fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.stop_search.benchmarks import AREA, Benchmark
from riskmodel.stop_search.labels import BLANK, GROUPS
from riskmodel.stop_search.question import Question
from riskmodel.stop_search.reading import NO_MONTH
from riskmodel.stop_search.sensitivity import variants, what_stands
from riskmodel.stop_search.threshold_model import (
    Cells,
    FloatArray,
    IntArray,
    Sampling,
    diagnose,
    is_installed,
    sample_each,
)

Json = dict[str, Any]

DEFINITION = "officer_defined"
# Vehtari and others (2021) advise R-hat below 1.01 and 400 effective draws; these refuse what is clearly not settled.
HIGHEST_RHAT, FEWEST_DRAWS, MOST_DIVERGENCES = 1.05, 100, 0.01
_FEW_CELLS = 60
_REPLICATES = 200


def threshold_test(
    searches: pd.DataFrame,
    benchmarks: Sequence[Benchmark],
    question: Question,
    sampling: Sampling | None = None,
    *,
    sensitivity: bool = False,
) -> Json:
    """Return the threshold test of searches against residents.

    Parameters
    ----------
    searches : DataFrame
        Person searches of one scope; with ``area`` where they were placed on a map of several authorities.
    benchmarks : sequence of Benchmark
        The first that knows ethnicity and neither sex nor age is used: everybody who could have been searched, once a month.
    question : Question
        The group to compare with; smaller counts than its threshold do not enter.
    sampling : Sampling, optional
        Length, chains and seed; by default longer where there are few cells, whose data say less and whose draws cost less.
    sensitivity : bool
        Run it again with other numbers of people who could have been searched (``sensitivity.variants``).

    Returns
    -------
    dict
        ``status``; if ``ok``: ``divided_by`` (``area`` or ``month``), ``groups`` with the threshold of each (a chance, averaged over areas by their
        residents), its 95% interval and the probability that it is below that of the reference group; ``diagnostics`` of the
        sampler; ``checks`` of the model against the data; ``sensitivity`` if it was asked for (``sensitivity.what_stands``).
    """
    if not is_installed():
        return {"status": "not_installed"}
    usable = [
        one for one in benchmarks if one.attribute == "ethnicity" and not set(one.counts) & {"sex", "age"}
    ]
    if not usable:
        return {"status": "no_benchmark"}
    has_areas = AREA in searches and len(set(searches[AREA]) - {BLANK}) > 1
    divided_by = AREA if has_areas else "month"
    tables = {one.name: cell_table(searches, one, divided_by, question) for one in usable}
    table = tables[usable[0].name]
    if table["group"].nunique() < 2 or question.reference not in set(table["group"]):
        return {"status": "too_few"}
    cells, groups = _cells(table)
    others = variants(cells, tables) if sensitivity else ()
    length = _length(cells) if sampling is None else sampling
    counts = [cells, *(one.cells for one in others if one.cells is not None)]
    said = []
    for one, draws in zip(counts, sample_each(counts, length), strict=True):
        said.append(
            {
                "groups": _groups(one, groups, draws, question.reference),
                "diagnostics": _diagnostics(draws, length),
                "checks": _checks(one, draws, length.seed),
            }
        )
    return {
        "status": "ok",
        "divided_by": divided_by,
        "benchmark": usable[0].name,
        "n_areas": cells.n_areas,
        "n_searches": int(cells.searched.sum()),
        **said[0],
        **({"sensitivity": what_stands(said, others)} if sensitivity else {}),
    }


def _length(cells: Cells) -> Sampling:
    """Return longer chains with smaller steps where there are few cells: their data say less, and their draws cost less."""
    return Sampling(warmup=1000, draws=1000, accept=0.99) if len(cells.group) <= _FEW_CELLS else Sampling()


def cell_table(
    searches: pd.DataFrame, benchmark: Benchmark, divided_by: str, question: Question
) -> pd.DataFrame:
    """Return one row a group and area: ``group``, ``area``, ``people``, ``searched``, ``found``.

    Only searches with a written outcome, and cells with at least as many as the threshold, of groups in at least two areas.
    """
    known = searches[
        searches["positive"].notna()
        & searches[DEFINITION].isin(GROUPS)
        & ~searches[divided_by].isin((BLANK, NO_MONTH))
    ]
    months = known["month"].nunique() if divided_by == AREA else 1
    found = known.groupby([DEFINITION, divided_by])["positive"].agg(["size", "sum"]).reset_index()
    found.columns = pd.Index(["group", "area", "searched", "found"])
    found["people"] = [
        months * benchmark.people(group, dimension=divided_by, level=area)
        for group, area in zip(found["group"], found["area"], strict=True)
    ]
    found = found[
        (found["searched"] >= question.disclosure.threshold) & (found["people"] > found["searched"])
    ]
    return found[found.groupby("group")["area"].transform("size") > 1].reset_index(drop=True)


def _cells(table: pd.DataFrame) -> tuple[Cells, list[str]]:
    groups = [group for group in GROUPS if group in set(table["group"])]
    areas = sorted(table["area"].unique())
    return (
        Cells(
            group=np.array([groups.index(one) for one in table["group"]]),
            area=np.array([areas.index(one) for one in table["area"]]),
            people=table["people"].round().to_numpy(dtype=np.int64),
            searched=table["searched"].to_numpy(dtype=np.int64),
            found=table["found"].to_numpy(dtype=np.int64),
        ),
        groups,
    )


def group_thresholds(cells: Cells, draws: FloatArray) -> FloatArray:
    """Return each draw of each group's threshold, averaged over its areas by the people in them.

    Parameters
    ----------
    cells : Cells
        The counts.
    draws : ndarray, shape (draws, cells)
        Thresholds by cell.

    Returns
    -------
    ndarray, shape (draws, groups)
        An area weighs the same in every group. Groups that are not searched enough in the same areas are compared by
        ``lower_than``.
    """
    people = np.bincount(cells.area, weights=cells.people)
    weight = np.zeros((len(cells.group), cells.n_groups))
    weight[np.arange(len(cells.group)), cells.group] = people[cells.area]
    return np.asarray(draws @ (weight / weight.sum(axis=0)))


def lower_than(cells: Cells, draws: FloatArray, group: int, base: int) -> float | None:
    """Return the probability that a group's threshold is below another's, over the areas that both have.

    Parameters
    ----------
    cells : Cells
    draws : ndarray, shape (draws, cells)
        Thresholds by cell.
    group, base : int

    Returns
    -------
    float or None
        None where they have no area in common.
    """
    areas = np.intersect1d(cells.area[cells.group == group], cells.area[cells.group == base])
    if not len(areas):
        return None
    inside = np.isin(cells.area, areas)
    people = np.bincount(cells.area[inside], weights=cells.people[inside])[areas]
    own, other = (_by_area(cells, draws, one, areas) @ people for one in (group, base))
    return float((own < other).mean())


def _by_area(cells: Cells, draws: FloatArray, group: int, areas: IntArray) -> FloatArray:
    """Return the draws of one group's cells in some areas, in their order."""
    mine = np.flatnonzero((cells.group == group) & np.isin(cells.area, areas))
    return draws[:, mine[np.argsort(cells.area[mine])]]


def _groups(cells: Cells, groups: Sequence[str], draws: dict[str, FloatArray], reference: str) -> list[Json]:
    thresholds = _flat(draws["threshold"])
    values, base = group_thresholds(cells, thresholds), list(groups).index(reference)
    rows = []
    for number, group in enumerate(groups):
        lower, upper = np.quantile(values[:, number], [0.025, 0.975])
        rows.append(
            {
                "group": group,
                "threshold": float(values[:, number].mean()),
                "lower": float(lower),
                "upper": float(upper),
                "n_searches": int(cells.searched[cells.group == number].sum()),
                "probability_lower": None if number == base else lower_than(cells, thresholds, number, base),
            }
        )
    return rows


def _diagnostics(draws: dict[str, FloatArray], sampling: Sampling) -> Json:
    """Return how well the chains agree: the worst of the parameters that the result rests on."""
    watched = ("threshold", "phi_group", "delta_group", "threshold_group", "sigma_threshold")
    worst = [diagnose(draws[name]) for name in watched]
    rhat = max(float(one.max()) for one, _ in worst)
    effective = min(float(one.min()) for _, one in worst)
    divergences = int(draws["diverging"].sum())
    few = divergences <= MOST_DIVERGENCES * sampling.chains * sampling.draws
    return {
        "chains": sampling.chains,
        "warmup": sampling.warmup,
        "draws": sampling.draws,
        "seed": sampling.seed,
        "highest_rhat": rhat,
        "fewest_effective_draws": effective,
        "divergences": divergences,
        "settled": rhat <= HIGHEST_RHAT and effective >= FEWEST_DRAWS and few,
    }


def _checks(cells: Cells, draws: dict[str, FloatArray], seed: int) -> Json:
    """Return posterior predictive checks: data drawn from the model, laid beside those observed."""
    rng = np.random.default_rng(seed)
    rates = {name: _thinned(_flat(draws[name])) for name in ("search_rate", "found_rate")}
    again = {
        "search_rate": (rng.binomial(cells.people, rates["search_rate"]), cells.searched, cells.people),
        "found_rate": (rng.binomial(cells.searched, rates["found_rate"]), cells.found, cells.searched),
    }
    return {name: {"cells": len(cells.group), **_check(*three)} for name, three in again.items()}


def _check(drawn: Any, observed: Any, of: Any) -> Json:
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    miss = drawn.mean(axis=0) / of - observed / of
    return {
        "inside": int(((observed >= low) & (observed <= high)).sum()),
        "root_mean_square_error": float(np.sqrt(np.average(miss**2, weights=of))),
    }


def _flat(draws: FloatArray) -> FloatArray:
    return draws.reshape(-1, *draws.shape[2:])


def _thinned(draws: FloatArray) -> FloatArray:
    return draws[:: max(1, len(draws) // _REPLICATES)]
