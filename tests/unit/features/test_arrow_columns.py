"""Arrow columns as arrays: days by hand, and nothing breaks on emptiness."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from records_kit import stamp

from riskmodel.tables.days import ALWAYS, NEVER, day_column, to_day
from riskmodel.tables.words import indices, words

STAMPS = [stamp("1969-12-31T23:59"), None, stamp(0), stamp("2024-02-29T12:00"), stamp("1900-01-01")]


@pytest.mark.parametrize("values", [STAMPS, [None, None], [], [stamp("2024-02-29")]])
@pytest.mark.parametrize("null", [ALWAYS, NEVER])
def test_days_are_those_of_the_calendar(values, null):
    column = pa.chunked_array([pa.array(values, type=pa.timestamp("us"))])
    found = day_column(column, null=null)
    dates = [None if value is None else value.date() for value in column.to_pylist()]
    assert found.dtype == np.int32
    assert found.tolist() == [int(null) if one is None else to_day(one) for one in dates]
    assert to_day(dt.date(2024, 2, 29)) == 19782


def test_days_by_hand():
    column = pa.chunked_array([pa.array(STAMPS, type=pa.timestamp("us"))])
    assert day_column(column, null=NEVER).tolist() == [-1, NEVER, 0, 19782, -25567]


def test_a_dictionary_and_its_positions():
    column = pa.chunked_array([pa.array(["b", "a", "b"]).dictionary_encode()])
    assert (words(column), indices(column).tolist()) == (["b", "a"], [0, 1, 0])
    empty = pa.chunked_array([], type=column.type)
    assert (words(empty), indices(empty).tolist()) == ([], [])
