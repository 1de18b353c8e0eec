"""Survey weights, strata, clusters, areas and official test rows of a flat table."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from riskmodel.errors import StudyError
from riskmodel.features import TableSpec, read_table
from riskmodel.features.table import _File
from riskmodel.tables.sampling import TEST, TRAIN

BASE = {
    "id": [5, 3, 1, 2, 4, 6],
    "x": [1, 2, 3, 1, 2, 3],
    "again": ["Y", "N", "N", "Y", "", "N"],
}
OUTCOME = {"column": "again", "description": "came back", "phrase": "came back", "yes": "Y", "no": "N"}
FEATURE = {"column": "x", "description": "some number", "concept": "need"}


def spec(folder, **changes):
    said = {
        "path": folder / "t.csv",
        "subject": "id",
        "chosen": "again",
        "outcomes": {"again": OUTCOME},
        "features": {"x": FEATURE},
        **changes,
    }
    return TableSpec.model_validate({name: value for name, value in said.items() if value is not None})


def read(folder, *, more=None, **changes):
    pd.DataFrame({**BASE, **(more or {})}).to_csv(folder / "t.csv", index=False)
    return read_table(spec(folder, **changes))


def faults(folder, **changes):
    with pytest.raises(StudyError) as caught:
        read(folder, **changes)
    return caught.value.faults


def test_weights_have_a_mean_of_1_over_the_rows_that_count(tmp_path):
    data = read(tmp_path, more={"w": [2, 4, 0, 6, 8, 10]}, weight="w")
    weight = data.outcomes.training["again"].weight
    # In order of the subjects 1 to 6; nobody knows the outcome of 4, and 1 has no weight. The mean of 2, 4, 6, 8, 10 is 6.
    np.testing.assert_allclose(weight, np.array([0, 6, 4, 0, 2, 10]) / 6)
    assert data.outcomes.test["again"].weight is weight
    kish = 30**2 / (4 + 16 + 36 + 64 + 100) / 5 * 100
    assert any(
        f"100 of these young people tell as much as {kish:.0f} of equal weight" in note for note in data.notes
    )


def test_without_weights_every_known_outcome_counts_1(tmp_path):
    data = read(tmp_path)
    assert data.outcomes.training["again"].weight.tolist() == [1, 1, 1, 0, 1, 1]
    assert not any("survey weights" in note for note in data.notes)


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        ([1, 1, 1, 1, 1, -1], "a weight of 0 or more in every row; found something else in 1 of 6"),
        ([1, 1, "", "much", 1, 1], "found something else in 2 of 6"),
        ([0] * 6, "expected some weight above 0"),
    ],
)
def test_weights_that_are_none(tmp_path, weights, fault):
    assert fault in faults(tmp_path, more={"w": weights}, weight="w")[0]


def test_without_a_survey_design_people_are_drawn(tmp_path):
    data = read(tmp_path)
    assert data.sampling.unit.tolist() == data.cohort.household_id.tolist() == [1, 2, 3, 4, 5, 6]
    assert (set(data.sampling.stratum), set(data.sampling.side)) == ({0}, {""})


def test_clusters_are_drawn_and_kept_together(tmp_path):
    data = read(tmp_path, more={"school": ["b", "b", "a", "c", "a", "c"]}, cluster="school")
    assert data.sampling.unit.tolist() == [0, 2, 1, 0, 1, 2]  # of subjects 1 to 6: a, c, b, a, b, c
    together = data.cohort.household_id
    assert [together[0] == together[3], together[1] == together[5], together[2] == together[4]] == [True] * 3
    assert len(set(together)) == 3


def test_the_name_of_a_cluster_counts_within_its_stratum(tmp_path):
    more = {"st": [1, 1, 2, 2, 3, 3], "psu": [1, 2, 1, 2, 1, 1]}
    data = read(tmp_path, more=more, cluster="psu", stratum="st")
    # Subjects 1 to 6 are in strata 2, 2, 1, 3, 1, 3 and in clusters 1, 2, 2, 1, 1, 1 of them.
    assert data.sampling.stratum.tolist() == [1, 1, 0, 2, 0, 2]
    assert data.sampling.unit.tolist() == [2, 3, 1, 4, 0, 4]
    assert any("same name in several strata" in note for note in data.notes)


def test_names_of_clusters_that_are_apart_anyway_are_not_remarked_on(tmp_path):
    more = {"st": [1, 1, 1, 2, 2, 2], "psu": [1, 2, 1, 3, 4, 4]}
    assert not any(
        "same name" in note for note in read(tmp_path, more=more, cluster="psu", stratum="st").notes
    )


def test_a_household_in_two_clusters_joins_them(tmp_path):
    more = {"school": ["b", "b", "a", "c", "a", "c"], "house": [5, 3, 1, 2, 4, 1]}
    together = read(tmp_path, more=more, cluster="school", household="house").cohort.household_id
    # Subjects 1 (school a) and 6 (school c) share a house, so a and c hang together; b does not.
    assert together[[0, 3, 1, 5]].tolist() == [together[0]] * 4
    assert together[2] == together[4] != together[0]


def test_official_sides(tmp_path):
    more = {"sample": ["l", "l", "t", "l", "t", "L"]}
    data = read(tmp_path, more=more, side={"column": "sample", "train": ["l", "L"], "test": "t"})
    assert data.sampling.side.tolist() == [TEST, TRAIN, TRAIN, TEST, TRAIN, TRAIN]


def test_a_cluster_on_both_sides_does_not_keep_its_rows_from_being_learned_from(tmp_path):
    more = {"school": ["a"] * 6, "sample": ["l", "l", "t", "l", "t", "l"]}
    data = read(tmp_path, more=more, cluster="school", side={"column": "sample", "train": "l", "test": "t"})
    sides = pd.Series(data.sampling.side)
    assert sides.groupby(data.cohort.household_id).nunique().tolist() == [1, 1]
    assert len(set(data.sampling.unit)) == 1
    assert any("both to learn from and to be judged on" in note for note in data.notes)


@pytest.mark.parametrize(
    ("sample", "fault"),
    [
        (["l", "l", "t", "l", "x", ""], "'side' declares as train or test; found something else in 2 of 6"),
        (["l"] * 6, "expected some rows to be 'test'; found none"),
        (["t"] * 6, "expected some rows to be 'train'; found none"),
    ],
)
def test_sides_that_are_none(tmp_path, sample, fault):
    side = {"column": "sample", "train": "l", "test": "t"}
    assert fault in faults(tmp_path, more={"sample": sample}, side=side)[0]


def test_areas(tmp_path):
    data = read(tmp_path, more={"town": ["b", "b", "", "c", "NK", "a"]}, area="town", missing=["NK"])
    assert data.cohort.area.tolist() == ["unknown", "c", "b", "unknown", "b", "a"]


@pytest.mark.parametrize("column", ["stratum", "cluster"])
def test_a_stratum_or_cluster_that_is_missing_is_a_fault(tmp_path, column):
    told = faults(tmp_path, more={"c": ["a", "", "b", "a", "b", "b"]}, **{column: "c"})
    assert told[0].startswith(f"column 'c': expected a {column} in every row; found something else in 1 of 6")


def test_without_subjects_each_row_is_a_person_whatever_its_place(tmp_path):
    data = read(tmp_path, subject=None)
    assert sorted(data.cohort.subject_id) == list(range(6))
    pd.DataFrame(BASE).iloc[::-1].to_csv(tmp_path / "t.csv", index=False)
    again = read_table(spec(tmp_path, subject=None))
    np.testing.assert_array_equal(again.features.values, data.features.values)
    np.testing.assert_array_equal(again.outcomes.test["again"].outcome, data.outcomes.test["again"].outcome)


@pytest.mark.parametrize("name", ["objections.csv", "forgotten.csv"])
def test_without_subjects_a_list_of_people_to_leave_out_cannot_be_followed(tmp_path, name):
    (tmp_path / name).write_text("subject_id,objected_on\n")
    assert f"'data.subject' is missing, but {name} beside the table" in faults(tmp_path, subject=None)[0]


def test_the_roles_of_columns_each_once(tmp_path):
    more = {
        "cluster": "c",
        "household": "c",
        "side": {"column": "s", "train": "a", "test": "b"},
        "weight": "w",
    }
    assert spec(tmp_path, **more).roles == ("id", "c", "w", "s", "again")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"features": None}, "features_from"),
        ({"subject": None, "index_date": "day"}, "'index_date' needs 'subject'"),
        ({"side": {"column": "s", "train": ["a"], "test": ["a", "b"]}}, "not for both"),
        ({"outcomes": {"again": {**OUTCOME, "yes": True}}}, "unquoted Yes or No"),
        (
            {"features": {"x": {**FEATURE, "levels": {"a": 1}, "values": {"a": "b"}}}},
            "stands for a number",
        ),
    ],
)
def test_specs_that_contradict_themselves(tmp_path, changes, fault):
    with pytest.raises(ValidationError, match=fault):
        spec(tmp_path, **changes)


def test_whole_numbers_need_no_quotes(tmp_path):
    one = spec(tmp_path, outcomes={"again": {**OUTCOME, "yes": 1, "no": [0, 2]}}, missing=[-9])
    assert (one.outcomes["again"].yes, one.outcomes["again"].no, one.missing) == (("1",), ("0", "2"), ("-9",))


def test_other_texts_of_a_declared_number_are_not_known(tmp_path):
    feature = {**FEATURE, "values": {"R": "refused to say"}, "other": True}
    data = read(tmp_path, more={"x": [1, "R", "??", 4, 5, "R"]}, features={"x": feature})
    assert data.features.names == ("x", "x__refused_to_say")
    np.testing.assert_array_equal(data.features.column("x"), np.float32([np.nan, 4, np.nan, 5, 1, np.nan]))
    np.testing.assert_array_equal(data.features.column("x__refused_to_say"), np.float32([0, 0, 1, 0, 0, 1]))


def test_two_features_that_would_have_the_same_name_are_a_fault(tmp_path):
    kinds = {
        "a__b": {**FEATURE, "description": "some other"},
        "a": {**FEATURE, "kind": "category", "values": {"1": "b"}, "other": True},
    }
    assert "'a__b' is the name of 2 feature columns" in faults(tmp_path, features=kinds)[0]


def test_a_file_without_any_wanted_column_has_no_rows(tmp_path):
    assert len(_File(spec(tmp_path), (), {}, 0)) == 0
