"""Made-up young people whose true log-odds are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from riskmodel.models import ModelsSpec
from riskmodel.tables.features import FeatureInfo, FeatureMatrix

# name, concept, direction, aggregation, window
COLUMNS = (
    ("suspension__count__365d", "exclusion", 1, "count", "365d"),
    ("unauthorised__count__365d", "absence", 1, "count", "365d"),
    ("lunch_exclusion__any__365d", "exclusion", 1, "any", "365d"),
    ("days_since_assault", "harm", -1, "days_since_last", "ever"),
    ("attendance__mean__365d", "absence", -1, "mean", "365d"),
    ("age", "age", 0, "last", "ever"),
    ("cin__in_spell", "home", 1, "in_spell", "now"),
    ("cin__spell_days__365d", "home", 1, "spell_days", "365d"),
    ("noise__count__365d", "noise", 1, "count", "365d"),
    ("suspension__count__1095d", "exclusion", 1, "count", "1095d"),
    ("harm__count__365d", "harm", 1, "count", "365d"),
    ("flat__count__365d", "flat", 1, "count", "365d"),
)


def info(name, concept="c", direction=1, aggregation="count", window="365d"):
    return FeatureInfo(
        name=name,
        description=f"words for {name}",
        concept=concept,
        agency="EDU",
        unit="times",
        direction=direction,
        aggregation=aggregation,
        window=window,
        codes=("EDU//X",),
    )


INFOS = tuple(info(*column) for column in COLUMNS)


@dataclass(frozen=True)
class People:
    features: FeatureMatrix
    outcome: np.ndarray
    weight: np.ndarray
    person: np.ndarray
    log_odds: np.ndarray

    def take(self, rows):
        parts = (self.outcome[rows], self.weight[rows], self.person[rows], self.log_odds[rows])
        return People(self.features.take(rows), *parts)


def draw_people(n=5000, *, seed=0, intercept=-3.2):
    rng = np.random.default_rng(seed)
    need = rng.normal(size=n)
    values = np.empty((n, len(COLUMNS)), dtype=np.float32)
    values[:, 0] = rng.poisson(np.exp(-1.5 + 0.6 * need))
    values[:, 1] = rng.poisson(np.exp(0.5 + 0.4 * need))
    values[:, 2] = rng.random(n) < 0.06
    values[:, 3] = np.where(rng.random(n) < 0.15, rng.integers(1, 1500, n), np.nan)
    values[:, 4] = np.clip(0.95 - 0.05 * np.abs(need) + 0.02 * rng.normal(size=n), 0, 1)
    values[:, 5] = rng.integers(10, 18, n)
    values[:, 6] = rng.random(n) < 0.08
    values[:, 7] = values[:, 6] * rng.integers(1, 366, n)
    values[:, 8] = rng.poisson(0.4, n)
    values[:, 9] = values[:, 0] + rng.poisson(0.3, n)
    values[:, 10] = rng.poisson(0.05, n)
    values[:, 11] = 0
    log_odds = (
        intercept
        + 0.8 * np.minimum(values[:, 0], 3)
        + 0.4 * (values[:, 1] > 2)
        + 0.9 * values[:, 6]
        + 1.2 * (values[:, 10] > 0)
        + 0.7 * np.nan_to_num(values[:, 3] < 400)
        - 6.0 * (values[:, 4] - 0.9)
        + 0.5 * (np.abs(values[:, 5] - 15) < 2)
    ).astype(np.float64)
    outcome = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    values[rng.random(n) < 0.1, 4] = np.nan
    return People(FeatureMatrix(values, INFOS), outcome, np.ones(n), np.arange(n) // 2, log_odds)


def auroc(score, outcome):
    order = np.argsort(score, kind="stable")
    _, first, count = np.unique(score[order], return_index=True, return_counts=True)
    rank = np.repeat(first + (count + 1) / 2, count)
    cases = outcome[order] == 1
    return (rank[cases].sum() - cases.sum() * (cases.sum() + 1) / 2) / (cases.sum() * (~cases).sum())


SPEC = ModelsSpec.model_validate(
    {
        "prior": {"features": ["harm__count__365d"]},
        "ebm": {"max_rounds": 300, "learning_rate": 0.05},
        "xgboost": {"rounds": 60, "learning_rate": 0.1},
    }
)


@pytest.fixture(scope="session")
def people():
    return draw_people()


@pytest.fixture(scope="session")
def fresh():
    return draw_people(seed=99)


@pytest.fixture(scope="session")
def spec():
    return SPEC


@pytest.fixture(scope="session")
def tools():
    """Functions that several files use; test folders are no packages to import from."""

    class Tools:
        pass

    Tools.info, Tools.draw_people, Tools.auroc = (
        staticmethod(info),
        staticmethod(draw_people),
        staticmethod(auroc),
    )
    return Tools


@pytest.fixture(scope="session")
def fitted(people, spec):
    """Every family, fitted once on the same people."""
    from riskmodel.models import fit

    return {
        family: fit(
            family,
            people.features,
            people.outcome,
            people.weight,
            spec=spec,
            seed=11,
            threads=1,
            person=people.person,
        )
        for family in spec.families
    }
