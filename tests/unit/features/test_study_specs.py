"""Cohort and outcome specifications: what is refused, and what the defaults are."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from riskmodel.features import CohortSpec, OutcomeSpec, OutcomesSpec, gap_faults


def cohort_spec(**changes):
    return CohortSpec.model_validate(
        {"ages": [10, 17], "train": ["2022-01-01"], "test": ["2024-03-01"], **changes}
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"ages": [17, 10]}, "youngest, oldest"),
        ({"ages": [-1, 10]}, "youngest, oldest"),
        ({"train": []}, "at least 1"),
        ({"train": ["2022-01-01", "2021-01-01"]}, "'train': dates must be in order"),
        ({"test": ["2024-03-01", "2024-03-01"]}, "'test': dates must be in order"),
        ({"train": ["2024-03-01"]}, "must lie before the first test date"),
        ({"age": [10, 17]}, "age"),
    ],
)
def test_cohorts_that_contradict_themselves(changes, fault):
    with pytest.raises(ValidationError, match=fault):
        cohort_spec(**changes)


def test_ages_of_one_year_are_fine():
    assert cohort_spec(ages=[12, 12]).ages == (12, 12)


@pytest.mark.parametrize(("last", "fine"), [(date(2022, 12, 2), True), (date(2022, 12, 3), False)])
def test_the_gap_is_the_horizon_and_the_lag(last, fine):
    # 365 + 90 days before 2024-03-01 is 2022-12-02.
    faults = gap_faults(cohort_spec(train=[last]), OutcomesSpec(recording_lag_days=90))
    assert (faults == ()) is fine
    assert fine or "at least 455 days" in faults[0]


def test_without_a_test_there_is_no_gap():
    assert gap_faults(cohort_spec(test=[]), OutcomesSpec()) == ()


def test_the_default_outcomes():
    spec = OutcomesSpec()
    assert [one.name for one in spec.all] == [
        "harm",
        "harm_health",
        "victim",
        "suspect_violence",
        "proven_violence",
    ]
    assert [one.kind for one in spec.all] == ["harm", "harm", "victim", "justice", "justice"]
    assert spec.chosen_spec.codes == (
        "HEALTH//ED//ASSAULT",
        "HEALTH//ADMISSION//ASSAULT",
        "POLICE//VICTIM//VIOLENCE_INJURY",
    )
    assert {one.horizon_days for one in spec.all} == {365}


def test_the_chosen_outcome_comes_first_and_once():
    assert [one.name for one in OutcomesSpec(chosen="victim", alternatives=("harm", "victim")).all] == [
        "victim",
        "harm",
    ]


def test_an_own_outcome_replaces_a_packaged_one():
    own = OutcomeSpec(name="harm", description="hurt badly", phrase="were hurt", codes="HEALTH//ED//ASSAULT")
    assert OutcomesSpec(own=(own,)).chosen_spec == own


def test_outcomes_that_do_not_exist():
    with pytest.raises(ValidationError, match=r"'harms', did you mean harm.*'victims', did you mean victim"):
        OutcomesSpec(chosen="harms", alternatives=("victims",))
