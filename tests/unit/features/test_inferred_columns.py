"""Columns that nobody declared are taken for what they hold, and left out where they may not be features."""

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.disclosure import Disclosure
from riskmodel.errors import PolicyError, StudyError
from riskmodel.features import TableSpec, read_table
from riskmodel.policy import PolicySpec

N = 400
LAWFUL = "A sentence that is long enough to be a lawful basis."


def columns(**changes):
    """Return a table of 400 people in which every second one had the outcome, unlike any other column."""
    rows = np.arange(N)
    return pd.DataFrame(
        {"id": rows + 7, "again": np.where(rows % 2, "Y", "N"), "x": (rows % 37) / 4, **changes}
    )


def spec(folder, *, how=None, **changes):
    outcome = {
        "column": "again",
        "description": "came back",
        "phrase": "came back",
        "yes": ["Y"],
        "no": ["N"],
    }
    said = {
        "path": folder / "t.csv",
        "subject": "id",
        "chosen": "again",
        "outcomes": {"again": outcome},
        "features_from": how or {},
        **changes,
    }
    return TableSpec.model_validate(said)


def read(folder, frame, *, policy=None, csv=None, how=None, **changes):
    frame.to_csv(folder / "t.csv", index=False, **(csv or {}))
    return read_table(
        spec(folder, how=how, **changes), policy=policy or PolicySpec(), disclosure=Disclosure()
    )


def kinds(data):
    return {name: one.get("kind", "number") for name, one in data.inferred.items()}


def repeat(*texts):
    """Return texts in turns of two people, so that none goes with the outcome."""
    return [texts[(row // 2) % len(texts)] for row in range(N)]


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (("1", "2", "3.5", "-4"), "number"),
        (("1", "2", "", "NA"), "number"),
        (("1", "2", "3", "Refused"), "number"),
        (("0", "1"), "yes_no"),
        (("Yes", "no"), "yes_no"),
        (("TRUE", "FALSE", ""), "yes_no"),
        (("old", "new"), "yes_no"),
        (("a", "b", "c"), "category"),
        (("1", "a", "b", "c"), "category"),
        (("007", "008", "123"), "category"),
        (("1e5", "2e5"), "number"),
    ],
)
def test_what_texts_are_taken_for(tmp_path, texts, kind):
    assert kinds(read(tmp_path, columns(c=repeat(*texts))))["c"] == kind


def test_a_number_column_keeps_its_texts_beside_the_number(tmp_path):
    data = read(tmp_path, columns(c=repeat("1", "2", "3", "Refused")))
    number, refused = data.features.column("c"), data.features.column("c__refused")
    said = np.array(repeat(1, 2, 3, np.nan))
    np.testing.assert_array_equal(number, said.astype(np.float32))
    np.testing.assert_array_equal(refused == 1, np.isnan(said))
    assert any(
        note
        == "Some columns of numbers hold texts too; there, the number counts as not known: c (about 100 rows)."
        for note in data.notes
    )


def test_the_open_end_of_a_count_stands_for_its_number(tmp_path):
    data = read(tmp_path, columns(c=repeat("0", "1", "3 or more", "65+", "1.5 and over")))
    assert data.inferred["c"]["levels"] == {"1.5 and over": 1.5, "3 or more": 3, "65+": 65}
    np.testing.assert_array_equal(data.features.column("c"), np.float32(repeat(0, 1, 3, 65, 1.5)))
    assert "c" not in " ".join(note for note in data.notes if "hold texts too" in note)


def test_few_texts_among_numbers_are_told_without_their_count(tmp_path):
    told = ["n.k."] * 4 + repeat("1", "2", "3")[4:]
    assert any("c (fewer than 10 rows)" in note for note in read(tmp_path, columns(c=told)).notes)


def test_words_for_yes_are_yes_and_otherwise_the_rarer_text_is(tmp_path):
    flags = read(
        tmp_path, columns(a=repeat("No", "No", "Yes"), b=repeat("common", "common", "seldom"))
    ).features
    np.testing.assert_array_equal(flags.column("a"), repeat(0, 0, 1))
    np.testing.assert_array_equal(flags.column("b"), repeat(0, 0, 1))
    assert [info.description for info in flags.infos if info.name in "ab"] == [
        "whether column a",
        "whether column b: seldom",
    ]


def test_a_category_has_a_column_for_each_frequent_text_and_one_for_the_rest(tmp_path):
    told = [f"s{row // 2 % 6}" if row < 390 else f"rare{row}" for row in range(N)]
    data = read(tmp_path, columns(c=told), how={"most_levels": 4, "min_people": 20})
    names = [name for name in data.features.names if name.startswith("c__")]
    assert names == ["c__s0", "c__s1", "c__s2", "c__s3", "c__any_other"]
    values = np.column_stack([data.features.column(name) for name in names])
    np.testing.assert_array_equal(values.sum(axis=1), np.ones(N))


def test_a_text_of_few_people_is_never_a_column(tmp_path):
    told = ["only one", *repeat("a", "b", "c")[1:]]
    data = read(tmp_path, columns(c=told))
    assert not any("only" in name for name in data.features.names)
    assert "only one" not in yaml.safe_dump(dict(data.inferred))


def test_the_most_frequent_texts_are_counted_in_people_not_rows(tmp_path):
    frame = columns(c=repeat("a", "b"), day="2020-01-01")
    again = [frame.head(1).assign(day=f"2021-01-{i:02d}", c="of one person") for i in range(1, 29)]
    data = read(tmp_path, pd.concat([frame, *again]), how={"min_people": 10}, index_date="day")
    assert "c__of_one_person" not in data.features.names


@pytest.mark.parametrize(
    ("column", "texts", "reason"),
    [
        ("c", [""] * N, "nothing is known in any row"),
        ("c", ["NA"] * N, "nothing is known in any row"),
        ("c", ["same"] * N, "they say the same in every row"),
        ("c", [f"2020-01-{row % 28 + 1:02d}" for row in range(N)], "they hold dates"),
        ("c", [f"{row % 28 + 1}/3/2020 10:00" for row in range(N)], "they hold dates"),
        ("c", list(range(N)), "they number the rows"),
        ("c", [f"text {row}" for row in range(N)], "none of their texts is common enough"),
        ("c", np.where(np.arange(N) % 2, "z", "a"), "they tell the outcome without exception"),
        ("c", np.where(np.arange(N) % 2, "z", ""), "they tell the outcome without exception"),
        ("c", np.where(np.arange(N) % 2, np.arange(N) % 28 / 10, np.nan), "they tell the outcome without exception"),
        ("Race", repeat("1", "2"), "they may stand for ethnicity"),
        ("c", repeat("White", "Black", "Other"), "they may stand for ethnicity"),
        ("gender", repeat("1", "2"), "they may stand for sex"),
        ("c", repeat("Male", "Female"), "they may stand for sex"),
        ("faith", repeat("a", "b"), "they may stand for religion"),
        ("BornAbroad", repeat("a", "b"), "they may stand for nationality or language"),
        ("stops", repeat("1", "2", "3"), "they may stand for stop and search"),
        ("prior_arrests", repeat("1", "2", "3"), "enforcement-made"),
    ],
)  # fmt: skip
def test_what_is_left_out_and_why(tmp_path, column, texts, reason):
    data = read(tmp_path, columns(**{column: texts}))
    assert list(data.inferred) == ["x"]
    assert [note for note in data.notes if reason in note and note.endswith(f": {column}.")]


def test_a_lawful_basis_lets_sex_and_enforcement_in_but_never_ethnicity(tmp_path):
    frame = columns(gender=repeat("M", "F"), prior_arrests=repeat(1, 2, 3), race=repeat("a", "b"))
    data = read(tmp_path, frame, policy=PolicySpec(sex=LAWFUL, enforcement=LAWFUL))
    assert sorted(data.inferred) == ["gender", "prior_arrests", "x"]
    info = next(info for info in data.features.infos if info.name == "prior_arrests")
    assert info.enforcement_made


def test_a_declared_feature_that_the_policy_bars_still_stops(tmp_path):
    from riskmodel.features.table import describe_table
    from riskmodel.policy import check_features

    declared = {"race": {"column": "race", "description": "race as written", "concept": "race"}}
    with pytest.raises(PolicyError):
        check_features(describe_table(spec(tmp_path, features=declared)), PolicySpec())


def test_a_text_that_settles_the_outcome_for_many_is_left_out_and_one_of_few_is_not(tmp_path):
    rows = np.arange(N)
    later = np.where((rows % 2 == 1) | (rows < 10), np.where(rows % 3, "a", "b"), "a")
    within_three_years = np.where(rows % 2, "true", np.where(rows % 4, "true", "false"))
    few = np.where((rows % 2 == 0) & (rows < 60), "no", np.where(rows % 3, "a", "b"))
    wide = pd.concat([columns(within=within_three_years, few=few, later=later)] * 3, ignore_index=True)
    data = read(tmp_path, wide.assign(id=np.arange(3 * N)))
    assert "within" not in data.inferred
    assert {"few", "later"} <= set(data.inferred)
    assert any("settles the outcome" in note and note.endswith(": within.") for note in data.notes)


def test_rows_to_be_judged_are_not_looked_at(tmp_path):
    rows = np.arange(N)
    side = np.where(rows < 200, "A", "B")
    told = np.where(rows < 200, np.where(rows // 2 % 2, "a", "b"), np.where(rows % 3, "c", "a"))
    data = read(
        tmp_path,
        columns(c=told, side=side),
        how={"min_people": 10},
        side={"column": "side", "train": "A", "test": "B"},
    )
    assert data.inferred["c"]["kind"] == "yes_no"
    unseen = data.features.column("c")[(rows >= 200) & (told == "c")]
    assert np.isnan(unseen).all()


def test_which_columns_are_taken(tmp_path):
    frame = columns(a1=repeat(1, 2, 3), a2=repeat(1, 2, 3), b=repeat(1, 2, 3), house=repeat("q", "r"))
    how = {"columns": ["a*", "b"], "leave_out": ["*2"]}
    assert list(read(tmp_path, frame, how=how, household="house").inferred) == ["a1", "b"]
    declared = {"mine": {"column": "b", "description": "what b is", "concept": "need"}}
    data = read(tmp_path, frame, features=declared, household="house")
    assert data.features.names == ("mine", "x", "a1", "a2")


def test_patterns_that_fit_nothing_are_a_fault(tmp_path):
    with pytest.raises(StudyError) as caught:
        read(tmp_path, columns(), how={"columns": ["y"], "leave_out": ["agian"]})
    assert [fault.split(";")[0] for fault in caught.value.faults] == [
        "'features_from.columns': there is no column 'y'",
        "'features_from.leave_out': there is no column 'agian'",
    ]


def test_nothing_left_is_a_fault(tmp_path):
    with pytest.raises(StudyError, match="every one was left out"):
        read(tmp_path, columns(x="same"))


@pytest.mark.parametrize(("decimal", "other"), [(".", ","), (",", ".")])
def test_the_wrong_decimal_sign_is_told(tmp_path, decimal, other):
    told = [f"{row // 2 % 50}{other}{row % 7 + 1}" for row in range(N)]
    with pytest.raises(StudyError, match=f"say data.decimal: '{other}'"):
        read(tmp_path, columns(c=told, x=repeat(1, 2, 3)), decimal=decimal)


def test_decimal_commas_are_read(tmp_path):
    data = read(tmp_path, columns(), csv={"sep": ";", "decimal": ","}, delimiter=";", decimal=",")
    np.testing.assert_array_equal(data.features.column("x"), ((np.arange(N) % 37) / 4).astype(np.float32))


def test_headers_of_any_kind_get_names_that_a_study_could_use(tmp_path):
    frame = columns().assign(
        **{"Age at entry (years)": repeat(1, 2, 3), "2nd": repeat(1, 2, 3), "X": repeat(4, 5, 6)}
    )
    assert read(tmp_path, frame).features.names == ("x", "age_at_entry_years", "column_2nd", "x_2")


def test_what_was_inferred_can_be_declared_and_gives_the_same(tmp_path):
    frame = columns(
        c=repeat("a", "b", "c"),
        n=repeat("1", "2", "Refused"),
        f=repeat("Yes", "No", "NA"),
        g=repeat("old", "new"),
    )
    data = read(tmp_path, frame)
    declared = yaml.safe_load(yaml.safe_dump({**data.inferred}, sort_keys=False))
    again = read(tmp_path, frame, features=declared, how={"columns": ["c"]})
    assert again.features.names == data.features.names
    np.testing.assert_array_equal(again.features.values, data.features.values)


def test_two_texts_of_which_one_is_rare_are_a_category_that_does_not_name_it(tmp_path):
    told = [*["seldom"] * 12, *["usual"] * (N - 12)]
    assert [name for name in read(tmp_path, columns(c=told)).features.names if name[0] == "c"] == [
        "c__usual",
        "c__any_other",
    ]


def test_an_outcome_that_is_the_same_for_all_is_told_by_no_column(tmp_path):
    assert set(read(tmp_path, columns(again="Y", c=repeat("a", "b", "c"))).inferred) == {"x", "c"}


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(N)), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing(tmp_path_factory, order, seed):
    rng = np.random.default_rng(seed)
    frame = columns(c=rng.choice(["a", "b", "c", "d"], N), n=rng.choice(["1", "2", "3", "Refused", ""], N))
    folder = tmp_path_factory.mktemp("t")
    one, other = read(folder, frame), read(folder, frame.iloc[list(order)])
    assert one.inferred == other.inferred
    np.testing.assert_array_equal(one.features.values, other.features.values)


def test_kinds_do_not_depend_on_the_outcome(tmp_path):
    frame = columns(c=repeat("a", "b", "c"), n=repeat("1", "2", "Refused"))
    turned = frame.assign(again=np.where(np.arange(N) // 2 % 2, "Y", "N"), c=frame.c)
    assert read(tmp_path, frame).inferred == read(tmp_path, turned).inferred
