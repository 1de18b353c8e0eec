"""What a trial of tuning tells the logbook: settings always, how useful they were only where enough people stand behind it."""

import numpy as np
import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.jobs import _child
from riskmodel.models import Search, Trial
from riskmodel.models.tuning import Judged


def child(utility, n_outcomes, *, excess=None, number=3):
    judged = None if utility is None else Judged(utility, 0.123456, excess, np.ones(2), np.ones(2))
    trial = Trial(number, {"depth": 2}, 1.0, judged, resumed=False)
    return _child(
        Search("xgboost", 4, {"depth": 3}, "time_ordered", n_outcomes, (trial,)), trial, Disclosure()
    )


def test_a_trial_is_named_by_its_search_and_number():
    found = child(0.31234, 200)
    assert found.name == "xgboost-without-4-3"
    assert found.params == {"models.xgboost.depth": "2"}
    assert found.metrics == {"utility": 0.3123, "log_loss": 0.12346}
    assert found.tags == {
        "search": "xgboost-without-4",
        "state": "complete",
        "within_limit": "true",
        "resumed": "false",
    }


@pytest.mark.parametrize(("utility", "n"), [(0.05, 100), (0.95, 100), (None, 200)])
def test_what_few_stand_behind_is_not_logged(utility, n):
    assert child(utility, n).metrics == {}


def test_settings_beyond_the_limit_or_given_up_are_marked():
    assert child(0.3, 200, excess=0.01).tags["within_limit"] == "false"
    assert child(None, 200).tags["state"] == "pruned"
