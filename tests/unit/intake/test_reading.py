"""A file is read whole, row by row accounted for, or refused with a sentence that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskmodel.errors import DataError
from riskmodel.intake.reading import TextRows, columns_of, read_rows


def read(path: Path, content: bytes, **options: object) -> TextRows:
    file = path / "some.csv"
    file.write_bytes(content)
    return read_rows(file, where="some.csv", columns=("a", "c"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        b"a,b,c\n1,2,3\n4,5,6\n",
        b"\xef\xbb\xbfa,b,c\n1,2,3\n4,5,6\n",
        b"a,b,c\r\n1,2,3\r\n4,5,6\r\n",
        b"\n\na,b,c\n\n1,2,3\n\n4,5,6\n\n",
        b'"a","b","c"\n"1","2","3"\n"4","5","6"\n',
        b"c,extra,b,a\n3,secret,2,1\n6,secret,5,4",
    ],
    ids=["plain", "byte order mark", "windows", "blank lines", "quoted", "other order, no last newline"],
)
def test_the_same_rows_in_any_usual_form(tmp_path: Path, content: bytes) -> None:
    rows = read(tmp_path, content)
    assert rows.table.select(["row", "a", "c"]).to_pylist() == [
        {"row": 1, "a": "1", "c": "3"},
        {"row": 2, "a": "4", "c": "6"},
    ]
    assert rows.table.column_names == ["row", "a", "c"]
    assert rows.rows_in == 2
    assert rows.notes == ()


def test_a_row_that_does_not_fit_the_header_is_set_aside_and_the_others_keep_their_numbers(
    tmp_path: Path,
) -> None:
    rows = read(tmp_path, b"a,b,c\n1,2,3\n4,5\n\n6,7,8\n9,9,9,9\n1,1,1\n")
    assert rows.table.column("row").to_pylist() == [1, 3, 5]
    assert rows.ragged == ((2, "the row has 2 values, not 3"), (4, "the row has 4 values, not 3"))
    assert rows.rows_in == 5


def test_a_value_may_hold_commas_and_doubled_quotes(tmp_path: Path) -> None:
    rows = read(tmp_path, b'a,b,c\n"x, y",2,"say ""no"""\n')
    assert rows.table.to_pylist() == [{"row": 1, "a": "x, y", "c": 'say "no"'}]


def test_text_is_not_guessed_to_be_something_else(tmp_path: Path) -> None:
    rows = read(tmp_path, b"a,b,c\n007,2,NA\nnull,2,\n")
    assert rows.table.column("a").to_pylist() == ["007", "null"]
    assert rows.table.column("c").to_pylist() == ["NA", ""]


def test_an_optional_column_that_is_absent_is_empty(tmp_path: Path) -> None:
    rows = read(tmp_path, b"a,c\n1,2\n", optional=("d",))
    assert rows.table.to_pylist() == [{"row": 1, "a": "1", "c": "2", "d": ""}]


def test_an_optional_column_that_is_there_is_read(tmp_path: Path) -> None:
    rows = read(tmp_path, b"a,c,d\n1,2,3\n", optional=("d",))
    assert rows.table.to_pylist() == [{"row": 1, "a": "1", "c": "2", "d": "3"}]


def test_a_header_alone_is_a_file_without_rows_and_says_so(tmp_path: Path) -> None:
    rows = read(tmp_path, b"a,b,c\n")
    assert rows.rows_in == 0
    assert rows.notes == ("the file has no rows",)


def test_another_encoding_can_be_declared(tmp_path: Path) -> None:
    rows = read(tmp_path, "a,c\né,2\n".encode("latin-1"), encoding="latin-1")
    assert rows.table.column("a").to_pylist() == ["é"]


def test_windows_1252_is_read_and_said(tmp_path: Path) -> None:
    rows = read(tmp_path, "a,b,c\nZoë,2,€ “3”\n".encode("cp1252"))
    assert rows.table.to_pylist() == [{"row": 1, "a": "Zoë", "c": "€ “3”"}]
    assert rows.notes == (
        "the file is not UTF-8 and was read as Windows-1252 (cp1252): look whether accented letters are right",
    )


def test_a_declared_encoding_is_not_guessed_around(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="text encoded as UTF-8; found another encoding"):
        read(tmp_path, b"a,c\n\xe9,2\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b" \n\n", "an empty file"),
        (b"a,b,c\n\x81,2,3\n", "another encoding"),  # no letter of Windows-1252
        (b"a,b,c\n1,\x9d,3\n", "another encoding"),  # in a column that is not even read
        (b"a,b,c\n1,\0,3\n", "another encoding, such as UTF-16, or a file that is not text"),
        ("a,b,c\n1,2,3\n".encode("utf-16-le"), "such as UTF-16"),
        ("a,b,c\n1,2,3\n".encode("utf-16"), "another encoding"),
        (b"a,b\n1,2\n", "no column c"),
        (b"a,b,ca\n1,2,3\n", "For c, did you mean ca?"),
        (b"566910,27/03/2008,M\n1,2,3\n", "No name is like a: does the file begin with a header row?"),
        (b"a,b,c27032008\n1,2,3\n", "No name is like c: does the file begin with a header row?"),
        (b"a,b,cZarquon\n1,2,3\n", "No name is like c: does the file begin with a header row?"),
        (b"a;b;c\n1;2;3\n", "is it separated by commas?"),
        (b"a,b,c,a\n1,2,3,4\n", "one name for columns 1 and 4"),
        (b'a,"b,c\n1,2,3\n', "a quotation mark that is not closed"),
        (b'a,b,c\n1,2,3\n4,"5,6\n7,8,9\n', "a quotation mark that is not closed"),
        (b'a,b,c\n1,"2\n2",3\n4,5,6\n', "a value over two lines"),
        (b"a,b,c\n1,2,3\n4,5", "ends in the middle of a row"),
        (b"a,b,c\n1,2\n3,4\n", "none in 2 rows"),
    ],
)
def test_a_file_that_cannot_be_used_as_a_whole_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    assert said in str(caught.value)
    assert str(caught.value).startswith("some.csv: expected ")
    assert "27/03/2008" not in str(caught.value)
    assert caught.value.exit_code == 5


def test_a_quotation_mark_left_open_in_a_long_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a quotation mark that is not closed"):
        read(tmp_path, b'a,b,c\n1,"2,3\n' + b"4,5,6\n" * 400_000)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"some\.csv: expected a file that can be read; found No such file"):
        read_rows(tmp_path / "some.csv", where="some.csv", columns=("a",))


def test_an_encoding_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="text encoded as KLINGON"):
        read(tmp_path, b"a,c\n1,2\n", encoding="klingon")


def test_columns_of_reads_the_header_only(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b'a,"b, b",c\n1,2\n')
    assert columns_of(tmp_path / "x.csv", where="x.csv") == ["a", "b, b", "c"]
