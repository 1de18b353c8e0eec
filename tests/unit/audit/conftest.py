"""A small audited borough: three ethnic groups and Unknown, two sexes, several rows a person, censored rows."""

import numpy as np
import pytest

from riskmodel.audit.spec import AuditSpec
from riskmodel.tables.cohort import AuditedAttributes
from riskmodel.validate import ScoredRows, resample

SPEC = AuditSpec(attributes=("ethnicity", "sex"), intersections=(("ethnicity", "sex"),))


class Borough:
    """Rows and groups drawn together."""

    def __init__(self, *, n_people=3000, seed=0, censored=0.1, prevalence=-1.2):
        rng = np.random.default_rng(seed)
        subject = np.concatenate([np.arange(n_people), rng.permutation(n_people)[: n_people // 2]])
        n = len(subject)
        person_effect = rng.normal(size=n_people)[subject]
        raw = np.round(0.7 * person_effect + rng.normal(size=n), 2)
        risk = 1 / (1 + np.exp(-(0.7 * raw + prevalence)))
        outcome = (rng.random(n) < risk).astype(np.int8)
        weight = np.where(rng.random(n) < censored, 0.0, 1.0 + censored * rng.random(n))
        self.rows = ScoredRows(raw, risk, outcome, weight, (raw > 1).astype(float), subject)
        ethnicity = np.array(["White", "Black", "Asian", "Unknown"])
        sex = np.array(["F", "M"])
        self.attributes = AuditedAttributes(
            {
                "ethnicity": ethnicity[rng.choice(4, p=[0.55, 0.25, 0.19, 0.01], size=n_people)][subject],
                "sex": sex[rng.integers(0, 2, size=n_people)][subject],
            }
        )
        self.resamples = resample(subject, replicates=300, seed=seed + 1)


@pytest.fixture(scope="module")
def borough():
    return Borough()


@pytest.fixture
def make_borough():
    return Borough


@pytest.fixture
def spec():
    return SPEC
