from dataclasses import replace

import numpy as np
import pytest

from riskmodel.validate import METRICS, draw_metrics, optimism
from riskmodel.validate.spec import ValidateSpec

SPEC = ValidateSpec(thresholds=(0.3,))


@pytest.fixture
def both(rows):
    """The same people, scored by one who knows some of the answers and by one who does not."""
    peeked = rows.raw + 0.7 * rows.outcome
    return replace(rows, raw=peeked, risk=1 / (1 + np.exp(-(peeked - 1)))), rows


def test_the_difference_is_paired_and_equals_a_loop(both, resamples):
    kind, honest = both
    found = optimism(honest, *(draw_metrics(one, resamples, SPEC) for one in both))
    assert set(found) == set(METRICS)
    draws = [draw_metrics(one, resamples, SPEC).draws["auroc"] for one in (kind, honest)]
    low, high = np.quantile(draws[0] - draws[1], [0.025, 0.975])
    difference = found["auroc"]["difference"]
    assert difference.estimate == found["auroc"]["apparent"].estimate - found["auroc"]["corrected"].estimate
    assert (difference.lower, difference.upper) == (low, high)
    assert low > 0
    # Paired: far narrower than two intervals apart.
    assert high - low < 0.7 * (found["auroc"]["apparent"].upper - found["auroc"]["apparent"].lower)
    assert difference.n_subjects == honest.n_subjects


def test_the_same_scores_have_no_optimism(rows, resamples):
    drawn = draw_metrics(rows, resamples, SPEC)
    for one in optimism(rows, drawn, drawn).values():
        assert (one["difference"].estimate, one["difference"].lower) == (0, 0)


def test_what_is_undefined_on_one_side_has_no_difference(both, resamples):
    kind, honest = both
    nobody = replace(honest, offered=np.zeros(len(honest)))
    found = optimism(honest, draw_metrics(kind, resamples, SPEC), draw_metrics(nobody, resamples, SPEC))
    assert found["precision_at_capacity"]["difference"].status == "undefined"
    assert found["recall_at_capacity"]["difference"].status == "ok"
