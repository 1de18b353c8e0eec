"""Columns as texts, and groups that hang together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.errors import StudyError
from riskmodel.features.texts import TextColumn, by_content, linked, read_header, read_texts, slugs


def test_texts_are_stripped_sorted_and_only_those_that_occur():
    column = TextColumn.of([" b", "a", "b ", "unused"], np.array([0, 1, 2, 1]))
    assert (column.texts, column.code.tolist()) == (("a", "b"), [1, 0, 1, 0])
    assert column.said().tolist() == ["b", "a", "b", "a"]
    assert column.take(np.array([0, 2])).texts == ("b",)


def test_numbers_are_their_own_ids_and_texts_get_their_place():
    assert TextColumn.of(["12", "7"], np.array([0, 1, 0])).ids().tolist() == [12, 7, 12]
    assert TextColumn.of(["012", "7"], np.array([0, 1, 0])).ids().tolist() == [0, 1, 0]
    assert TextColumn.of(["9" * 30, "7"], np.array([0, 1])).ids().tolist() == [1, 0]


@pytest.mark.parametrize(("sign", "words"), [(";", "';'"), ("\t", "'\\t'"), ("|", "'|'")])
def test_another_delimiter_is_told(tmp_path, sign, words):
    (tmp_path / "t.csv").write_text(f"a{sign}b\n1{sign}2\n")
    with pytest.raises(StudyError) as caught:
        read_header(tmp_path / "t.csv", delimiter=",", encoding="utf-8")
    assert f"say data.delimiter: {words}" in caught.value.faults[0]


def test_another_encoding_is_told_and_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("a;b\nx;Größe\n€;é\n".encode("cp1252"))
    with pytest.raises(StudyError, match=r"say data\.encoding: cp1252"):
        read_texts(path, ("a", "b"), ("b",), delimiter=";", encoding="utf-8")
    found = read_texts(path, ("a", "b"), ("b",), delimiter=";", encoding="cp1252")
    path.write_bytes("Größe\n".encode("cp1252"))
    with pytest.raises(StudyError, match=r"say data\.encoding: cp1252"):
        read_header(path, delimiter=";", encoding="utf-8")
    assert found["b"].said().tolist() == ["Größe", "é"]


def test_an_encoding_that_does_not_exist(tmp_path):
    (tmp_path / "t.csv").write_text("a\n")
    with pytest.raises(StudyError, match="cannot be read as 'utf-9' text"):
        read_header(tmp_path / "t.csv", delimiter=",", encoding="utf-9")


def test_line_breaks_and_delimiters_in_quotes(tmp_path):
    (tmp_path / "t.csv").write_text('"a","b, c"\n"x\ny","1,5"\n')
    header = read_header(tmp_path / "t.csv", delimiter=",", encoding="utf-8")
    assert header == ("a", "b, c")
    found = read_texts(tmp_path / "t.csv", header, header, delimiter=",", encoding="utf-8")
    assert [found[name].texts for name in header] == [("x\ny",), ("1,5",)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20), st.randoms())
def test_numbers_by_content_do_not_depend_on_the_order(rows, random):
    def pairs(rows):
        columns = [TextColumn.of([str(row[j]) for row in rows], np.arange(len(rows))) for j in (0, 1)]
        return sorted(zip(by_content(columns).tolist(), rows, strict=True))

    shuffled = list(rows)
    random.shuffle(shuffled)
    assert pairs(rows) == pairs(shuffled)
    assert [number for number, _ in pairs(rows)] == list(range(len(rows)))


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8)), max_size=25))
def test_groups_that_hang_together_are_those_of_a_plain_search(rows):
    keys = [np.array([row[j] for row in rows], dtype=np.int64) for j in range(3)]
    group = linked(*keys)
    assert len(group) == len(rows)
    for start in range(len(rows)):
        reached, todo = {start}, [start]
        while todo:
            one = todo.pop()
            near = {
                i
                for i in range(len(rows))
                if any(rows[i][j] == rows[one][j] for j in range(3)) and i not in reached
            }
            reached |= near
            todo += near
        assert {i for i in range(len(rows)) if group[i] == group[start]} == reached


def test_short_names_are_free_and_say_what_they_can():
    assert dict(slugs(["A b", "a-b", "§", "a_b_2"])) == {
        "A b": "a_b",
        "a-b": "a_b_2",
        "§": "text",
        "a_b_2": "a_b_2_2",
    }
