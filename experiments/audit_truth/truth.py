"""What a fitted model does to endlessly many young people whose outcomes are known: the audit's estimand, worked out apart from it.

Facts are normal, so that scores are, and so are true log-odds at a given score: everything is an integral over the score
(``expected``). A drawn million (``count``, which a test holds against it) will not do as the truth. It has 6,000 with the
outcome in the target group, so that its share missed is off by .006 (one standard error), more than lies between a gap just
inside the tolerance and one just outside; and the same million behind all replicates is off in the same direction in all of them. Of
200 audits of 20,000 with a gap of .34, 20 had a range of a difference that did not hold the million's value, and 13 one that did not
hold the integral.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from people import BASE, EFFECTS, ETHNICITY, SEX, SHARES, TARGET, FloatArray, IntArray, People, score

BINS = 4000
NODES = 200  # on either side of the cut-off; 100 give the same to 1e-9
REACH = 9.0  # standard deviations of the score that are looked at on either side
TOGETHER = " x "
RATES = ("selection_rate", "tpr", "fnr", "fpr", "ppv")


@dataclass(frozen=True)
class Counts:
    """For every cell of ethnicity and sex, and every bin (or node) of the score: young people, and those with the outcome."""

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


def expected(weights: FloatArray, *, shift: float, cut: float) -> Counts:
    """Return shares instead of counts, of everybody who could be drawn (Gauss-Legendre on either side of the cut-off).

    Parameters
    ----------
    weights : ndarray of float64, shape (4,)
        Of the fitted model.
    shift : float
        As in ``people.draw``.
    cut : float
        Log-odds from which support is offered.
    """
    spread = float(np.linalg.norm(weights[1:]))
    middle = {name: weights[0] - shift * weights[1] * (name == TARGET) for name in ETHNICITY}
    low, high = min(middle.values()) - REACH * spread, max(middle.values()) + REACH * spread
    node, length = np.polynomial.legendre.leggauss(NODES)
    sides = [((b - a) / 2 * node + (b + a) / 2, (b - a) / 2 * length) for a, b in ((low, cut), (cut, high))]
    at, width = (np.concatenate(part) for part in zip(*sides, strict=True))
    people, outcomes = [], []
    for name, share in zip(ETHNICITY, SHARES, strict=True):
        z = (at - middle[name]) / spread
        density = width * np.exp(-(z**2) / 2) / (spread * np.sqrt(2 * np.pi)) * share / len(SEX)
        people += [density] * len(SEX)
        outcomes += [density * _risk_at(z, weights[1:] / spread)] * len(SEX)
    return Counts(at, np.array(people), np.array(outcomes), (at >= cut).astype(np.int64))


def _risk_at(z: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the true risk of those at a standardised score: log-odds there are normal (Gauss-Hermite)."""
    along = float(EFFECTS @ direction)
    across = max(float(EFFECTS @ EFFECTS) - along**2, 0.0) ** 0.5
    node, weight = np.polynomial.hermite_e.hermegauss(40)
    log_odds = BASE + along * z[:, None] + across * node
    return np.asarray((1 / (1 + np.exp(-log_odds))) @ weight / weight.sum())


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
    intercept, slope = _line(counts.middle, people, outcomes)
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


def _line(log_odds: FloatArray, people: FloatArray, outcomes: FloatArray) -> tuple[float, float]:
    """Return calibration in the large (slope held at 1) and the slope of the recalibration line, by Newton's method."""
    held = people > 0
    x, n, y = log_odds[held], people[held], outcomes[held]
    offset = 0.0
    for _ in range(50):
        risk = 1 / (1 + np.exp(-(offset + x)))
        step = float((y - n * risk).sum() / (n * risk * (1 - risk)).sum())
        offset += step
        if abs(step) < 1e-10:
            break
    line = np.array([0.0, 1.0])
    design = np.column_stack([np.ones(len(x)), x])
    for _ in range(50):
        risk = 1 / (1 + np.exp(-design @ line))
        information = (design * (n * risk * (1 - risk))[:, None]).T @ design
        move = np.linalg.solve(information, design.T @ (y - n * risk))
        line += move
        if np.abs(move).max() < 1e-10:
            break
    return offset, float(line[1])
