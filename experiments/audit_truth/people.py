"""Young people drawn directly: groups, facts, what truly happened, and a model that was fitted to some of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ETHNICITY = ("Asian", "Black", "Mixed", "Other", "Unknown", "White")
SHARES = (0.22, 0.20, 0.09, 0.03, 0.05, 0.41)
SEX = ("Female", "Male")
TARGET = "Black"
"""The group whose facts are recorded with less in them than is true, so that more of it are missed."""

EFFECTS = np.array([0.9, 0.6, 0.4])
PREVALENCE = 0.03
BASE = float(np.log(PREVALENCE / (1 - PREVALENCE)) - 0.55)
"""True log-odds of somebody with nothing recorded above or below the middle."""


@dataclass(frozen=True)
class People:
    """Rows of different young people.

    Parameters
    ----------
    facts : ndarray of float64, shape (n, 3)
        As recorded.
    outcome : ndarray of float64, shape (n,)
    ethnicity, sex : ndarray of int64, shape (n,)
        Positions in ``ETHNICITY`` and ``SEX``.
    """

    facts: FloatArray
    outcome: FloatArray
    ethnicity: IntArray
    sex: IntArray

    def __len__(self) -> int:
        return len(self.outcome)


def draw(n: int, *, shift: float, rng: np.random.Generator, thirty: bool = False) -> People:
    """Draw young people; ``shift`` is how much less than the truth is recorded of the target group's first fact.

    Parameters
    ----------
    n : int
    shift : float
    rng : Generator
    thirty : bool
        Whether ``Other`` has thirty members and no more.
    """
    shares = np.array(SHARES)
    if thirty:
        shares[ETHNICITY.index("Other")] = 0.0
        shares /= shares.sum()
    ethnicity = rng.choice(len(ETHNICITY), size=n, p=shares)
    if thirty:
        ethnicity[:30] = ETHNICITY.index("Other")
    sex = rng.integers(0, 2, size=n)
    truth = rng.normal(size=(n, 3))
    log_odds = BASE + truth @ EFFECTS
    outcome = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(np.float64)
    recorded = truth.copy()
    recorded[ethnicity == ETHNICITY.index(TARGET), 0] -= shift
    return People(recorded, outcome, ethnicity, sex)


def fit(people: People) -> FloatArray:
    """Return intercept and weights of a plain logistic regression (Newton's method); it never sees a group."""
    design = np.column_stack([np.ones(len(people)), people.facts])
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        risk = 1 / (1 + np.exp(-design @ weights))
        information = (design * (risk * (1 - risk))[:, None]).T @ design
        step = np.linalg.solve(information, design.T @ (people.outcome - risk))
        weights += step
        if np.abs(step).max() < 1e-10:
            break
    return weights


def score(weights: FloatArray, people: People) -> FloatArray:
    """Return log-odds."""
    return np.asarray(weights[0] + people.facts @ weights[1:])
