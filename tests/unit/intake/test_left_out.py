"""Rows that belong to somebody's keys, directly or through a parent's row."""

from __future__ import annotations

import pyarrow as pa

from riskmodel.intake.layout import Layout, Link, key, text
from riskmodel.intake.left_out import RowsOfKeys

PARENT = Layout("parent", r"p\.csv", (key("k"), key("a"), key("b")), Link(agency="EDU", key="k"))
CHILD = Layout(
    "child", r"c\.csv", (key("a"), key("b"), text("x")), Link(parent="parent", on=("year", "a", "b"))
)


def test_children_hang_from_all_columns_together_and_only_in_the_same_period() -> None:
    parents = pa.table({"k": [" mine ", "mine", "other"], "a": ["1", "2", "1"], "b": ["u", "v", "v"]})
    children = pa.table({"a": ["1", "2", "1", "2"], "b": ["u", "v", "v", "u "], "x": ["", "", "", ""]})
    finder = RowsOfKeys({("EDU", "mine"), ("POLICE", "other")})
    assert finder.find(PARENT, parents, {"year": 2020}).tolist() == [True, True, False]
    assert finder.find(CHILD, children, {"year": 2020}).tolist() == [True, True, False, False]
    assert finder.find(CHILD, children, {"year": 2021}).tolist() == [False] * 4
    assert CHILD.link is not None
    assert finder.pseudonyms(CHILD.link, {"year": 2020}) == {"1", "2", "u", "v"}
    assert finder.pseudonyms(CHILD.link, {"year": 2021}) == set()


def test_layouts_that_are_never_linked_have_nobody_s_rows() -> None:
    stops = Layout("stops", r"s\.csv", (key("k"),), None)
    assert RowsOfKeys({("EDU", "1")}).find(stops, pa.table({"k": ["1"]}), {}).tolist() == [False]
