"""What a fitted model does to a million young people whose outcomes are known: the audit's estimand, worked out apart from it.

Scores of the million are put in narrow bins, so that rates and calibration of every group come from counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from people import ETHNICITY, SEX, FloatArray, IntArray, People, score

BINS = 4000
TOGETHER = " x "
RATES = ("selection_rate", "tpr", "fnr", "fpr", "ppv")


@dataclass(frozen=True)
class Counts:
    """For every cell of ethnicity and sex, and every bin of the score: young people, and those with the outcome."""

    middle: FloatArray
    people: FloatArray
    outcomes: FloatArray
    offered: IntArray


def count(weights: FloatArray, pool: People, *, cut: float) -> Counts:
    """Count the pool by cell and bin; the offer's cut-off is an edge of the bins."""
    raw = score(weights, pool)
    low, high = float(raw.min()), float(raw.max())
    edges = np.sort(np.append(np.linspace(low, high, BINS), cut))
    bin_ = np.searchsorted(edges, raw, side="right") - 1
    cell = pool.ethnicity * len(SEX) + pool.sex
    place, shape = cell * len(edges) + bin_, (len(ETHNICITY) * len(SEX), len(edges))
    people = np.bincount(place, minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)
    happened = np.bincount(place, weights=pool.outcome, minlength=shape[0] * shape[1])
    outcomes = happened.reshape(shape).astype(np.float64)
    width = np.append(np.diff(edges), 0.0)
    return Counts(edges + width / 2, people, outcomes, (edges >= cut).astype(np.int64))


def groups() -> dict[tuple[str, str], list[int]]:
    """Return the cells of every group of every attribute, as the audit names them."""
    found: dict[tuple[str, str], list[int]] = {}
    for e, ethnicity in enumerate(ETHNICITY):
        for s, sex in enumerate(SEX):
            cell = e * len(SEX) + s
            found.setdefault(("ethnicity", ethnicity), []).append(cell)
            found.setdefault(("sex", sex), []).append(cell)
            found[f"ethnicity{TOGETHER}sex", f"{ethnicity}{TOGETHER}{sex}"] = [cell]
    return found


def metrics(counts: Counts, cells: list[int]) -> dict[str, float]:
    """Return every metric of the people in some cells; NaN where it is not defined."""
    people, outcomes = counts.people[cells].sum(axis=0), counts.outcomes[cells].sum(axis=0)
    n, happened, chosen = people.sum(), outcomes.sum(), counts.offered == 1
    offers, reached = people[chosen].sum(), outcomes[chosen].sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.array([offers, reached, happened - reached, offers - reached, reached]) / np.array(
            [n, happened, happened, n - happened, offers]
        )
    intercept, slope = line(counts.middle, people, outcomes)
    return dict(zip(RATES, values.tolist(), strict=True)) | {
        "calibration_intercept": intercept,
        "calibration_slope": slope,
    }


def differences(counts: Counts) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Return, for every attribute, group and metric, its value and how far it is from everyone else's."""
    every = list(range(len(counts.people)))
    found = {}
    for (attribute, group), cells in groups().items():
        own, rest = metrics(counts, cells), metrics(counts, [one for one in every if one not in cells])
        for metric, value in own.items():
            found[attribute, group, metric] = (value, value - rest[metric])
    return found


def line(log_odds: FloatArray, people: FloatArray, outcomes: FloatArray) -> tuple[float, float]:
    """Return calibration in the large (slope held at 1) and the slope of the recalibration line, by Newton's method.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n,)
    people, outcomes : ndarray of float64, shape (n,)
        How many there are at each, and to how many of them it happened.
    """
    held = people > 0
    x, n, y = log_odds[held], people[held], outcomes[held]
    offset = 0.0
    for _ in range(50):
        risk = 1 / (1 + np.exp(-(offset + x)))
        step = float(
            np.clip((y - n * risk).sum() / (n * risk * (1 - risk)).sum(), -1, 1)
        )  # never far at once
        offset += step
        if abs(step) < 1e-10:
            break
    both = np.array([offset, 1.0])
    design = np.column_stack([np.ones(len(x)), x])
    for _ in range(50):
        risk = 1 / (1 + np.exp(-design @ both))
        information = (design * (n * risk * (1 - risk))[:, None]).T @ design
        move = np.clip(np.linalg.solve(information, design.T @ (y - n * risk)), -1, 1)
        both += move
        if np.abs(move).max() < 1e-10:
            break
    return offset, float(both[1])
