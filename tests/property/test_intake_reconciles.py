"""Whatever a file holds: each of its rows is accepted or set aside for a reason, or the file is refused."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.errors import DataError
from riskmodel.intake import take_in
from riskmodel.intake.reading import TextRows, read_rows

HEADER = ["nominal", "role", "offence_class", "incident_date", "ethnicity_officer", "recorded_date"]
GOOD = ["p1", "VICTIM", "THEFT", "2020-01-01", "", "2020-01-02"]
ANYTHING = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=12)
CELLS = {
    "nominal": st.sampled_from(["p1", "p2", "p3", "", " "]),
    "role": st.sampled_from(["VICTIM", "SUSPECT", "victim", ""]),
    "offence_class": st.sampled_from(["THEFT", "ROBBERY", "?", ""]),
    "incident_date": st.sampled_from(
        ["2020-01-01", "2020-02-30", "01/02/2020", "", "2030-01-01", "0001-01-01"]
    ),
    "ethnicity_officer": ANYTHING,
    "recorded_date": st.sampled_from(["2020-01-02", "2019-12-31", "", "soon"]),
}
ROWS = st.lists(
    st.one_of(st.just(GOOD), st.tuples(*CELLS.values()).map(list), st.lists(ANYTHING, min_size=2, max_size=8)), max_size=12
)  # fmt: skip


def written(rows: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([HEADER, *rows])
    return stream.getvalue()


def expected_fault(row: list[str]) -> bool:
    """Judge a row of six values by hand, repeats apart."""
    key, role, offence, happened, _, recorded = (value.strip() for value in row)
    return not (
        key in ("p1", "p2")
        and role in ("VICTIM", "SUSPECT")
        and offence in ("THEFT", "ROBBERY")
        and happened == "2020-01-01"
        and recorded == "2020-01-02"
    )


def accepted_by_hand(rows: list[list[str]]) -> int:
    good = {tuple(row[:4] + row[5:]) for row in rows if len(row) == 6 and not expected_fault(row)}
    return len({tuple(value.strip() for value in row) for row in good})


@settings(max_examples=25)
@given(rows=ROWS)
def test_rows_in_are_rows_accepted_and_set_aside_and_as_a_hand_would_judge(rows: list[list[str]]) -> None:
    rows = [GOOD, *rows]  # a file in which no row fits the header is refused as a whole, and tested elsewhere
    content = written(rows)
    counted = sum(1 for _ in csv.reader(io.StringIO(content, newline=""))) - 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "police").mkdir()
        (folder / "police/people.csv").write_text(content, encoding="utf-8", newline="")
        (folder / "spine.csv").write_text("agency,key,subject_id\nPOLICE,p1,1\nPOLICE,p2,2\n")
        (folder / "manifest.json").write_text(json.dumps({"extract_date": "2021-01-01"}))
        intake = take_in(folder, threads=1)
    file = intake.report.files["police/people.csv"]
    assert file.rows_in == counted == file.rows_accepted + file.rows_quarantined
    assert file.rows_accepted == accepted_by_hand(rows)
    quarantine = intake.quarantine.get("police/people.csv")
    assert file.rows_quarantined == (0 if quarantine is None else quarantine.num_rows)
    assert file.events_out == file.rows_accepted


def read_or_refuse(path: Path, columns: list[str]) -> tuple[TextRows | None, str]:
    try:
        return read_rows(path, where="x.csv", columns=columns), ""
    except DataError as error:
        return None, str(error)


@given(content=st.one_of(st.binary(max_size=200), st.text('ab,"\n\r; é', max_size=80).map(str.encode)))
def test_any_bytes_are_read_whole_or_refused_in_words(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x.csv"
        path.write_bytes(b"a,b\n" + content)
        rows, refused = read_or_refuse(path, ["a"])
        if rows is None:
            assert refused.startswith("x.csv: expected ")
        else:
            lines = [
                line for line in content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n") if line
            ]
            assert rows.rows_in == len(lines)


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_file_cut_anywhere_is_refused_or_loses_only_its_last_row_to_quarantine(
    tmp_path: Path, cut: int
) -> None:
    whole = written([GOOD, GOOD, GOOD]).encode()
    path = tmp_path / "x.csv"
    path.write_bytes(whole[:-cut])
    rows, refused = read_or_refuse(path, HEADER)
    if rows is None:
        assert "Ask the sender" in refused
    else:
        assert rows.rows_in == len(whole[:-cut].splitlines()) - 1
