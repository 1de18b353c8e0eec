from riskmodel.errors import (
    ApprovalError,
    DataError,
    PolicyError,
    RiskModelError,
    StudyError,
    did_you_mean,
    nearest,
)


def test_each_kind_has_the_exit_code_that_the_design_promises():
    codes = {
        kind.__name__: kind.exit_code
        for kind in (RiskModelError, StudyError, PolicyError, ApprovalError, DataError)
    }
    assert codes == {
        "RiskModelError": 1,
        "StudyError": 2,
        "PolicyError": 3,
        "ApprovalError": 4,
        "DataError": 5,
    }


def test_all_faults_of_a_study_are_listed():
    error = StudyError(["one", "two"], where="a.yaml")
    assert str(error) == "2 faults in a.yaml:\n  - one\n  - two"
    assert str(StudyError(["one"])).startswith("1 fault in the study")


def test_a_data_error_says_expected_found_where_and_next():
    error = DataError(expected="a date", found="text", where="roll.csv, column 'dob'", next_step="Fix it.")
    assert str(error) == "roll.csv, column 'dob': expected a date; found text. Fix it."


def test_nearest_names_come_best_first():
    assert nearest("familes", ["families", "folds", "family"])[0] == "families"
    assert nearest("zzz", ["families"]) == ()


def test_when_nothing_is_close_all_valid_names_are_listed():
    assert did_you_mean("zzz", ["b", "a"]) == "valid: a, b"
    assert did_you_mean("sise", ["size", "years"]) == "did you mean size?"
