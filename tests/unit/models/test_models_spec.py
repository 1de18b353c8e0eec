import subprocess
import sys

import pytest
from pydantic import ValidationError

from riskmodel.models import ModelsSpec


@pytest.mark.parametrize(
    "wrong",
    [
        {"families": []},
        {"families": ["ebm", "ebm"]},
        {"families": ["forest"]},
        {"xgboost": {"depth": 5}},
        {"ebm": {"min_people": 9}},
        {"logistic": {"min_people": 9}},
        {"logistic": {"parameters": 9}},
        {"folds": 1},
        {"calibration": "platt"},
    ],
)
def test_what_a_study_may_not_say(wrong):
    with pytest.raises(ValidationError):
        ModelsSpec.model_validate(wrong)


def test_all_families_by_default():
    assert ModelsSpec().families == ("count", "prior", "logistic", "ebm", "xgboost")


def test_importing_the_room_loads_no_large_library():
    code = (
        "import sys, riskmodel.models; "
        "print([m for m in ('sklearn', 'xgboost', 'interpret', 'scipy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
