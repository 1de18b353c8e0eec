"""A workbook is read as the CSV file that it stands for, or refused with a sentence."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from workbook_kit import Cell, write_workbook

from riskmodel.errors import DataError
from riskmodel.intake.reading import TextRows, columns_of, csv_name, read_rows

ROWS: list[list[Cell]] = [["a", "b", "c"], ["x", 2, "é"], [1, 2.5, None]]


def read(path: Path, sheets: dict[str, list[list[Cell]]], **options: object) -> TextRows:
    file = write_workbook(path / "some.xlsx", sheets)
    return read_rows(file, where="some.xlsx", columns=("a", "c"), **options)  # type: ignore[arg-type]


def test_the_rows_of_a_sheet(tmp_path: Path) -> None:
    rows = read(tmp_path, {"Sheet1": ROWS})
    assert rows.table.to_pylist() == [{"row": 1, "a": "x", "c": "é"}, {"row": 2, "a": "1", "c": ""}]
    assert rows.notes == ()


def test_numbers_dates_and_truths_as_the_layout_writes_them(tmp_path: Path) -> None:
    born, seen = date(2008, 5, 1), datetime(2020, 1, 2, 13, 45, tzinfo=UTC)
    sheet: list[list[Cell]] = [
        ["a", "c"],
        [6, 12345678901],
        [0.5, True],
        [born, False],
        [datetime(2008, 5, 1, tzinfo=UTC), seen],
    ]
    rows = read(tmp_path, {"Sheet1": sheet}, day_format="%d/%m/%Y")
    assert rows.table.column("a").to_pylist() == ["6", "0.5", "01/05/2008", "01/05/2008"]
    assert rows.table.column("c").to_pylist() == ["12345678901", "true", "false", "2020-01-02 13:45:00"]


def test_blank_rows_and_columns_around_the_table_do_not_count(tmp_path: Path) -> None:
    sheet: list[list[Cell]] = [
        [],
        [None, "a", "c", None],
        [None, 1, 2, None],
        [None, " ", None],
        [None, 3, 4],
    ]
    rows = read(tmp_path, {"Sheet1": sheet})
    assert rows.table.to_pylist() == [{"row": 1, "a": "1", "c": "2"}, {"row": 2, "a": "3", "c": "4"}]


def test_a_value_beyond_the_header_is_not_lost_in_silence(tmp_path: Path) -> None:
    rows = read(tmp_path, {"Sheet1": [["a", "c"], [1, 2], [3, 4, "comment"]]})
    assert rows.rows_in == 2
    with pytest.raises(DataError, match="one name for columns 3 and 4"):
        read(tmp_path, {"Sheet1": [["a", "c"], [1, 2], [3, 4, "comment", "comment"]]})


def test_of_several_sheets_the_one_with_the_columns(tmp_path: Path) -> None:
    rows = read(tmp_path, {"Notes": [["Made by", "us"]], "Data": ROWS, "Empty": []})
    assert rows.rows_in == 2
    assert rows.notes == ("1 other worksheets were not read: they do not hold its columns",)
    path = tmp_path / "some.xlsx"
    assert columns_of(path, where="some.xlsx", columns=("a",)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        ({"One": ROWS, "Two": ROWS}, "2 worksheets with rows, of which 2 hold these columns"),
        ({"One": [["x"]], "Two": [["Zarquon"]]}, "2 worksheets with rows, of which none hold these columns"),
        ({"One": [["x", "y"], [1, 2]]}, "no column a, c"),
        ({"One": []}, "a workbook without rows"),
        ({"One": [["a", "c"], ["two\nlines", 1]]}, "a value over two lines"),
    ],
)
def test_a_workbook_that_cannot_be_used_is_refused(
    tmp_path: Path, sheets: dict[str, list[list[Cell]]], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, sheets)
    assert said in str(caught.value)
    assert str(caught.value).startswith("some.xlsx: expected ")
    assert "Zarquon" not in str(caught.value)


@pytest.mark.parametrize("spoil", ["cut", "text", "empty"])
def test_what_is_no_workbook_is_refused(tmp_path: Path, spoil: str) -> None:
    path = write_workbook(tmp_path / "some.xlsx", {"Sheet1": ROWS})
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-40], "text": b"a,c\n1,2\n", "empty": b""}[spoil])
    with pytest.raises(DataError, match=r"damaged or protected|an empty file"):
        read_rows(path, where="some.xlsx", columns=("a",))


def test_a_workbook_that_would_unpack_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riskmodel.intake.workbook._LARGEST", 100)
    with pytest.raises(DataError, match="found a larger one"):
        read(tmp_path, {"Sheet1": ROWS})


def test_any_flipped_bit_gives_the_same_rows_or_a_refusal(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "some.xlsx", {"Sheet1": ROWS})
    whole = path.read_bytes()
    refused = 0
    for seed in range(300):
        draw = random.Random(seed)
        spoilt = bytearray(whole)
        spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
        path.write_bytes(spoilt)
        try:
            rows = read_rows(path, where="some.xlsx", columns=("a", "c"))
        except DataError:
            refused += 1
        else:
            assert rows.table.column("a").to_pylist() == ["x", "1"]
    assert refused > 100


def test_a_workbook_goes_by_the_name_of_its_csv() -> None:
    assert csv_name("youth_justice/cases.xlsx") == "youth_justice/cases.csv"
    assert csv_name("youth_justice/CASES.XLSX") == "youth_justice/CASES.csv"
    assert csv_name("cin_census/cin_2020.xml") == "cin_census/cin_2020.xml"
