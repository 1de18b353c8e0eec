"""A flat file as cohort, outcomes, features and groups; every fault at once and never a value."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from riskmodel.errors import StudyError
from riskmodel.features import TableSpec, read_table
from riskmodel.features.table import describe_table
from riskmodel.tables.days import NEVER

TEXT = """id,age,level,kind,worked,group,again,later
7,14,High,robbery,Yes,W,Yes,Yes
3,15.5,Low,theft,No,B,No,
5,,unknown,,,,No,No
"""

SPEC = """
kind: table
path: people.csv
subject: id
chosen: again
outcomes:
  again: {column: again, description: came back, phrase: came back, yes: ["Yes"], no: ["No"]}
  later: {column: later, description: came back later, phrase: came back later, yes: ["Yes"], no: ["No"], kind: justice}
features:
  age: {column: age, description: age at the start, concept: age, unit: years, direction: -1}
  level: {column: level, description: level of need, concept: need, levels: {Low: 0, High: 2}, missing: unknown, direction: 1}
  kind: {column: kind, description: main reason, concept: reason, kind: category, values: {robbery: robbery, theft: Theft or fraud, fraud: Theft or fraud}}
  worked: {column: worked, description: in work, concept: work, kind: yes_no, yes: ["Yes"], no: ["No"], direction: -1}
audited:
  group: {column: group, values: {W: White, B: Black}}
"""


def table(folder, text=TEXT, *, written_as="utf-8", **changes):
    (folder / "people.csv").write_bytes(text.encode(written_as))
    spec = {**yaml.safe_load(SPEC), **changes, "path": folder / "people.csv"}
    return read_table(TableSpec.model_validate(spec))


def test_everything_by_hand(tmp_path):
    data = table(tmp_path)
    assert data.cohort.subject_id.tolist() == [3, 5, 7]
    assert data.cohort.household_id.tolist() == [3, 5, 7]
    assert (set(data.cohort.index_day.tolist()), set(data.cohort.age.tolist())) == ({0}, {-1})
    assert data.features.names == ("age", "level", "kind__robbery", "kind__theft_or_fraud", "worked")
    nan = np.nan
    expected = [[15.5, 0, 0, 1, 0], [nan, nan, nan, nan, nan], [14, 2, 1, 0, 1]]
    np.testing.assert_array_equal(data.features.values, np.array(expected, dtype=np.float32))
    assert data.audited.columns["group"].tolist() == ["Black", "Unknown", "White"]
    assert data.attrition.to_json()["steps"] == [{"rule": "rows in the file", "rows_left": 3, "removed": 0}]


def test_outcomes_and_rows_whose_outcome_is_not_known(tmp_path):
    data = table(tmp_path)
    again, later = data.outcomes.test["again"], data.outcomes.test["later"]
    assert again.outcome.tolist() == [0, 0, 1]
    assert again.first_day.tolist() == [NEVER, NEVER, 0]
    assert again.weight.tolist() == [1, 1, 1]
    assert (later.outcome.tolist(), later.censored.tolist(), later.weight.tolist()) == (
        [0, 0, 1],
        [True, False, False],
        [0, 1, 1],
    )
    assert data.outcomes.training == data.outcomes.test
    assert any("'later' is not known for some" in note for note in data.notes)
    assert not any("'again'" in note for note in data.notes)


def test_what_the_columns_mean(tmp_path):
    infos = {info.name: info for info in table(tmp_path).features.infos}
    assert infos["age"].description == "age at the start"
    assert (infos["age"].unit, infos["age"].direction, infos["age"].aggregation) == ("years", -1, "declared")
    assert (infos["worked"].description, infos["worked"].unit) == ("whether in work", "yes or no")
    assert (infos["kind__robbery"].description, infos["kind__robbery"].direction) == (
        "main reason: robbery",
        0,
    )


def test_the_order_of_the_file_does_not_matter(tmp_path):
    lines = TEXT.splitlines()
    (tmp_path / "other").mkdir()
    one, other = (
        table(tmp_path),
        table(tmp_path / "other", "\n".join([lines[0], *reversed(lines[1:])]) + "\n"),
    )
    np.testing.assert_array_equal(one.features.values, other.features.values)
    np.testing.assert_array_equal(one.cohort.subject_id, other.cohort.subject_id)
    np.testing.assert_array_equal(one.outcomes.test["again"].outcome, other.outcomes.test["again"].outcome)
    np.testing.assert_array_equal(one.audited.columns["group"], other.audited.columns["group"])


def test_subjects_that_are_not_numbers(tmp_path):
    data = table(tmp_path, TEXT.replace("\n7,", "\nc,").replace("\n3,", "\na,").replace("\n5,", "\nb,"))
    assert data.cohort.subject_id.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(data.features.column("age"), np.array([15.5, np.nan, 14], dtype=np.float32))


def test_index_dates_and_households(tmp_path):
    text = "id,age,level,kind,worked,group,again,later,day,house\n7,14,High,robbery,Yes,W,Yes,Yes,2020-01-02,x\n7,15,Low,theft,No,B,No,,2020-01-01,y\n"
    data = table(tmp_path, text, index_date="day", household="house")
    assert data.cohort.index_day.tolist() == [18262, 18263]
    assert data.cohort.household_id.tolist() == [1, 0]
    assert data.features.column("age").tolist() == [15, 14]
    assert data.outcomes.test["again"].first_day.tolist() == [NEVER, 18263]


@pytest.mark.parametrize(
    ("written_as", "encoding", "delimiter"),
    [("utf-8", "utf-8", ";"), ("utf-8-sig", "utf-8", ","), ("latin-1", "latin-1", "\t")],
)
def test_encodings_and_delimiters(tmp_path, written_as, encoding, delimiter):
    text = TEXT.replace("robbery", "robò").replace(",", delimiter)
    features = yaml.safe_load(SPEC)["features"]
    features["kind"]["values"] = {"robò": "robbery", "theft": "theft"}
    data = table(
        tmp_path, text, written_as=written_as, encoding=encoding, delimiter=delimiter, features=features
    )
    assert data.features.column("kind__robbery").tolist()[2] == 1


def faults(folder, text=TEXT, **changes):
    with pytest.raises(StudyError) as caught:
        table(folder, text, **changes)
    return caught.value.faults


def test_every_fault_at_once_and_no_value(tmp_path):
    text = "id,age,level,kind,worked,group,again,later\n1,old,Highest,arson,Maybe,X,Perhaps,No\n2,inf,Low,theft,No,B,No,No\n"
    found = faults(tmp_path, text)
    assert len(found) == 6
    told = " ".join(found)
    assert "column 'age': expected a number" in told
    assert any("column 'age'" in one and "in 2 of 2 rows" in one for one in found)
    assert not any(value in told for value in ("old", "Highest", "arson", "Maybe", "Perhaps"))


def test_columns_that_are_not_there(tmp_path):
    found = faults(tmp_path, TEXT.replace("age", "aged").replace("group", "gruop"))
    assert sorted(fault.split(" or ")[0].rstrip("?") for fault in found) == [
        "there is no column 'age'; did you mean aged",
        "there is no column 'group'; did you mean gruop",
    ]


def test_a_column_that_stands_twice(tmp_path):
    assert faults(
        tmp_path, "id,age,age,level,kind,worked,group,again,later\n1,2,3,Low,theft,No,B,No,No\n"
    ) == ("column 'age' stands 2 times in the header",)


def test_a_subject_that_stands_twice(tmp_path):
    assert faults(tmp_path, TEXT.replace("\n5,", "\n7,")) == (
        "expected one row for each subject; found 1 rows too many",
    )


def test_a_row_without_subject(tmp_path):
    assert any("a subject in every row" in fault for fault in faults(tmp_path, TEXT.replace("\n5,", "\n,")))


def test_a_row_without_household_or_with_a_broken_date(tmp_path):
    text = (
        TEXT.replace("later", "later,day,house")
        .replace("Yes,Yes\n", "Yes,Yes,02/01/2020,x\n")
        .replace("No,\n", "No,,2020-01-01,\n")
        .replace("No,No\n", "No,No,2020-01-01,y\n")
    )
    told = " ".join(faults(tmp_path, text, index_date="day", household="house"))
    assert "a household in every row; found something else in 1 of 3" in told
    assert "a date written YYYY-MM-DD in every row; found something else in 1 of 3" in told


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "found an empty file"),
        ("id,age,level,kind,worked,group,again,later\n", "at least one row"),
        ("id,age,level,kind,worked,group,again,later\n1,2\n", "8 fields in every row"),
    ],
)
def test_files_that_are_no_table(tmp_path, text, fault):
    assert fault in faults(tmp_path, text)[0]


def test_a_wrong_encoding_and_an_absent_file(tmp_path):
    with pytest.raises(StudyError, match=r"bytes of another encoding"):
        table(tmp_path, TEXT.replace("robbery", "robò"), written_as="latin-1")
    spec = TableSpec.model_validate({**yaml.safe_load(SPEC), "path": tmp_path / "absent.csv"})
    with pytest.raises(StudyError, match="cannot be read"):
        read_table(spec)


def test_yaml_that_reads_yes_as_true_is_understood():
    outcome = yaml.safe_load("{column: again, description: came back, phrase: came back, yes: [Y], no: [N]}")
    spec = TableSpec.model_validate({**yaml.safe_load(SPEC), "outcomes": {"again": outcome}})
    assert spec.outcomes["again"].yes == ("Y",)


@pytest.mark.parametrize(
    ("feature", "fault"),
    [
        ({"kind": "yes_no", "no": "N"}, "kind 'yes_no' needs 'yes'"),
        ({"kind": "category"}, "kind 'category' needs 'values'"),
        ({"yes": "Y"}, "kind 'number' does not use 'yes'"),
        ({"kind": "category", "values": {"a": "b"}, "levels": {"a": 1}}, "does not use 'levels'"),
    ],
)
def test_features_that_contradict_themselves(feature, fault):
    one = {"column": "age", "description": "age at the start", "concept": "age", **feature}
    with pytest.raises(ValidationError, match=fault):
        TableSpec.model_validate({**yaml.safe_load(SPEC), "features": {"age": one}})


def test_a_chosen_outcome_that_does_not_exist():
    with pytest.raises(ValidationError, match=r"no outcome 'agian'; did you mean again"):
        TableSpec.model_validate({**yaml.safe_load(SPEC), "chosen": "agian"})


def test_a_spec_that_is_no_mapping():
    with pytest.raises(ValidationError, match="outcomes"):
        TableSpec.model_validate({**yaml.safe_load(SPEC), "outcomes": {"again": "Yes"}})


def test_columns_are_described_without_reading_the_file(tmp_path):
    spec = TableSpec.model_validate({**yaml.safe_load(SPEC), "path": tmp_path / "absent.csv"})
    assert describe_table(spec) == table(tmp_path).features.infos


def test_who_objected_or_was_erased_is_left_out_whatever_their_names_look_like(tmp_path):
    from riskmodel.intake.left_out import subject_text, tombstone

    (tmp_path / "objections.csv").write_text("subject_id,objected_on\n7,2021-06-01\n5,2021-06-01\n")
    gone = tombstone("salt", subject_text("5"))
    (tmp_path / "forgotten.csv").write_text(f"salt,sha256\nsalt,{gone}\n")
    data = table(tmp_path)
    assert data.cohort.subject_id.tolist() == [3]
    assert data.features.values[:, 0].tolist() == [15.5]
    assert data.attrition.to_json()["steps"] == [
        {"rule": "rows in the file", "rows_left": 2, "removed": 0},
        {"rule": "has not asked to be left out (objection, Article 21)", "rows_left": 1, "removed": 1},
    ]
    names = TEXT.replace("\n7,", "\nann,").replace("\n3,", "\nben,")
    (tmp_path / "objections.csv").write_text("subject_id,objected_on\nann,2021-06-01\n")
    assert len(table(tmp_path, names).cohort) == 1
