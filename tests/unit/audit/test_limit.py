"""The fairness limit of tuning: differences between a group and everyone else, by a plain loop."""

import numpy as np
import pytest

from riskmodel.audit import FairnessLimit
from riskmodel.models.spec import TuningFairnessSpec
from riskmodel.tables.cohort import AuditedAttributes

N = 1200


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(4)
    columns = {
        "sex": rng.choice(["f", "m"], N),
        "area": rng.choice(["a", "b", "c", "rare"], N, p=[0.5, 0.3, 0.19, 0.01]),
    }
    return {
        "attributes": AuditedAttributes(columns),
        "outcome": (rng.random(N) < 0.4).astype(np.int8),
        "weight": np.where(rng.random(N) < 0.1, 0.0, rng.random(N) + 0.5),
        "subject_id": np.arange(N),
    }, rng.random(N)


def limit(people, **spec):
    return FairnessLimit(TuningFairnessSpec(**spec), **people[0])


def largest_gap(people, rows, offered, names, counts, mass):
    gaps = []
    for name in names:
        group = people[0]["attributes"].columns[name]
        for one in ("f", "m", "a", "b", "c"):
            inside = [i for i in rows if group[i] == one and counts[i]]
            outside = [i for i in rows if group[i] != one and counts[i]]
            if inside and outside:
                rates = [
                    sum(offered[i] * mass[i] for i in side) / sum(mass[i] for i in side)
                    for side in (inside, outside)
                ]
                gaps.append(abs(rates[0] - rates[1]))
    return max(gaps)


@pytest.mark.parametrize("metric", ["tpr", "selection_rate"])
def test_the_excess_is_that_of_a_plain_loop(people, metric):
    known, offered = people
    scored = np.arange(N) % 3 > 0
    if metric == "tpr":
        counts, mass = (known["outcome"] == 1) & (known["weight"] > 0), known["weight"]
    else:
        counts, mass = np.ones(N, bool), np.ones(N)
    expected = largest_gap(people, np.flatnonzero(scored), offered, ("sex", "area"), counts, mass)
    found = limit(people, attributes=("sex", "area"), metric=metric, tolerance=0.01, minimum_people=20)
    assert found(scored, offered[scored]) == pytest.approx(expected - 0.01)


def test_a_limit_is_kept_or_exceeded(people):
    scored = np.ones(N, dtype=bool)
    sex = people[0]["attributes"].columns["sex"]
    same, unlike = np.full(N, 0.1), np.where(sex == "f", 0.2, 0.1)
    asked = limit(people, attributes=("sex",), tolerance=0.05)
    assert asked(scored, same) == pytest.approx(-0.05)
    assert asked(scored, unlike) == pytest.approx(0.05)


def test_small_groups_are_not_compared_and_people_are_counted_once(people):
    scored, offered = np.ones(N, dtype=bool), people[1]
    assert limit(people, attributes=("sex",), minimum_people=N)(scored, offered) is None
    twins = (dict(people[0], subject_id=np.arange(N) // 1000), offered)
    assert limit(twins, attributes=("sex",), minimum_people=10)(scored, offered) is None
