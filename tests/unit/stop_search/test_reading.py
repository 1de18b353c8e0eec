import json

import numpy as np
import pandas as pd
import pytest
from stops_kit import HEADER, KNIVES, as_text, search, write

from riskmodel.errors import DataError, StudyError
from riskmodel.stop_search import by_ethnicity, read_searches


def test_vehicles_are_counted_apart_and_people_in_vehicles_are_people(tmp_path):
    rows = [search(), search(kind="Person and Vehicle search"), search(kind="Vehicle search", who="")]
    found = read_searches([write(tmp_path, rows)])
    assert (len(found.searches), found.report.vehicle_only, found.report.rows) == (2, 1, 3)


def test_duplicates_are_kept_unless_dropped_and_counted_both_times(tmp_path):
    path = write(tmp_path, [search(), search(), search(), search(sex="Female")])
    kept, dropped = read_searches([path]), read_searches([path], duplicates="drop")
    assert (len(kept.searches), len(dropped.searches)) == (4, 2)
    assert kept.report.n_duplicates == dropped.report.n_duplicates == 2
    assert len(kept.under("drop")) == 2


def test_unknown_labels_are_named_and_kept(tmp_path):
    rows = [
        search(outcome="Given a biscuit", who="Martian"),
        search(age="18 - 24", **{"Object of search": "Bees"}),
    ]
    found = read_searches([write(tmp_path, rows)])
    assert len(found.searches) == 2
    assert found.report.unknown_labels == {
        "outcome": {"Given a biscuit": 1},
        "officer_defined": {"Martian": 1},
        "age": {"18 - 24": 1},
        "object": {"Bees": 1},
    }
    assert found.searches["officer_defined"].tolist() == ["Unknown", "White"]
    assert found.searches["positive"].tolist() == [1.0, 0.0]


def test_spelling_does_not_matter(tmp_path):
    found = read_searches([write(tmp_path, [search(kind=" person SEARCH", outcome="ARREST ", who="black")])])
    assert found.report.unknown_labels == {}
    assert found.searches.loc[0, ["outcome", "officer_defined"]].tolist() == ["Arrest", "Black"]


def test_blanks_are_counted_and_belong_to_no_share(tmp_path):
    rows = [search(outcome="Arrest"), search(outcome=""), search(outcome="False"), search(who="", age="")]
    found = read_searches([write(tmp_path, rows)])
    white = by_ethnicity(found.searches)["officer_defined"]["White"]
    assert (white["n"], white["n_outcome_blank"], white["positive_share"]) == (3, 1, 0.5)
    assert white["share"] == 0.75
    assert found.report.blank["outcome"] == 1
    assert (found.report.blank["age"], found.report.blank["officer_defined"]) == (1, 1)


def test_the_headline_of_a_few_rows_by_hand(tmp_path):
    rows = [
        search(
            who="Black", said="Mixed/Multiple ethnic groups - White and Asian", outcome="Arrest", **KNIVES
        ),
        search(who="Black", said="Other ethnic group - Not stated", **KNIVES),
        search(who="Black", said=""),
        search(),
    ]
    groups = by_ethnicity(read_searches([write(tmp_path, rows)]).searches)
    assert groups["officer_defined"]["Black"] == {
        "n": 3, "share": 0.75, "weapon_share": pytest.approx(2 / 3), "positive_share": pytest.approx(1 / 3),
        "positive_share_weapon": 0.5, "n_weapon": 2, "n_positive": 1, "n_outcome_blank": 0,
    }  # fmt: skip
    assert groups["officer_defined"]["Mixed"]["n"] == 0
    assert groups["officer_defined"]["Mixed"]["positive_share"] is None
    assert {name: row["n"] for name, row in groups["self_defined"].items()} == {
        "White": 1, "Black": 0, "Asian": 0, "Mixed": 1, "Other": 0, "Not stated": 1, "Unknown": 1,
    }  # fmt: skip


def test_the_first_hour_of_a_summer_month_is_of_that_month(tmp_path):
    rows = [
        search(date="2018-03-31T23:00:00+00:00"),
        search(date="2018-03-31T22:59:00+00:00"),
        search(date="soon"),
    ]
    found = read_searches([write(tmp_path, rows)])
    assert found.searches["month"].tolist() == ["2018-04", "2018-03", "unknown"]
    assert found.report.unreadable_dates == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_byte_order_marks_and_older_encodings(tmp_path, encoding):
    path = write(tmp_path, [search(**{"Policing operation": "Café"})], encoding=encoding)
    assert len(read_searches([path]).searches) == 1


def test_names_of_the_api_in_csv_and_json(tmp_path):
    one = {
        "type": "Person search", "datetime": "2024-03-05T12:00:00+00:00", "gender": "Male", "age_range": "18-24",
        "self_defined_ethnicity": "White - Irish", "officer_defined_ethnicity": "White", "legislation": None,
        "object_of_search": "Controlled drugs", "outcome": False, "outcome_linked_to_object_of_search": None,
        "location": {"latitude": "51.5", "longitude": "-0.01", "street": {"id": 1, "name": "On or near"}},
    }  # fmt: skip
    place = tmp_path / "answer.json"
    place.write_text(json.dumps([one, {**one, "location": None, "outcome": "Arrest"}]))
    found = read_searches([place]).searches
    assert found["positive"].tolist() == [0.0, 1.0]
    assert found["latitude"].isna().tolist() == [False, True]
    flat = tmp_path / "flat.csv"
    pd.DataFrame([{**one, "location": None, "outcome": "Arrest"}]).to_csv(flat, index=False)
    assert read_searches([flat]).searches["positive"].tolist() == [1.0]


def test_folders_and_files_given_twice(tmp_path):
    write(tmp_path / "2024-03", [search()], name="2024-03-a-stop-and-search.csv")
    write(tmp_path / "2024-04", [search(sex="Female")], name="2024-04-a-stop-and-search.csv")
    write(tmp_path / "again", [search()], name="copy-stop-and-search.csv")
    found = read_searches([tmp_path])
    assert len(found.searches) == 2
    assert found.report.repeated_files == ("copy-stop-and-search.csv",)


def test_columns_that_a_file_may_lack_are_blank(tmp_path):
    few = tuple(
        name for name in HEADER if name not in {"Latitude", "Longitude", "Outcome linked to object of search"}
    )
    found = read_searches([write(tmp_path, [search()], header=few)])
    assert np.isnan(found.searches["is_linked"]).all()
    assert found.report.blank["latitude"] == 1


WHOLE = as_text([search(), search(who="Black")])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (WHOLE[:-60], "1 of 2 rows that have not the 15 values of the header"),
        (WHOLE.rstrip() + ",more\n", "1 of 2 rows that have not the 15 values"),
        (WHOLE + 'Person search,"2024', "a quotation mark that is not closed"),
        (WHOLE.replace("Gender", "Type", 1), "one name for two columns"),
    ],
)
def test_a_damaged_file_is_refused_and_half_a_search_is_none(tmp_path, text, found):
    path = tmp_path / "cut.csv"
    path.write_text(text, newline="")
    with pytest.raises(DataError, match=found):
        read_searches([path])


def test_blank_lines_and_commas_at_the_end_of_a_line_are_no_damage(tmp_path):
    path = tmp_path / "loose.csv"
    path.write_text(WHOLE.replace("\r\n", ",\r\n\r\n").replace(",\r\n", "\r\n", 1), newline="")
    assert len(read_searches([path]).searches) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        '{"a": 1',
        "[1, 2]",
        "\x00\x01",
        as_text([]),
        as_text([search(kind="Vehicle search")]),
    ],
)
def test_a_wrong_file_is_refused_in_words(tmp_path, text):
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=r"wrong\.csv: expected"):
        read_searches([path])


def test_a_file_or_folder_that_is_not_there(tmp_path):
    with pytest.raises(StudyError, match="no such file"):
        read_searches([tmp_path / "none.csv"])
    with pytest.raises(StudyError, match="no file named"):
        read_searches([tmp_path])
