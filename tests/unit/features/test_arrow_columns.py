"""Arrow columns as arrays: the same days as the tables' own reading, and nothing breaks on emptiness."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from riskmodel.features.days import days, indices, words
from riskmodel.tables.days import ALWAYS, NEVER, day_column

STAMPS = [
    datetime(1969, 12, 31, 23, 59),
    None,
    datetime(1970, 1, 1),
    datetime(2024, 2, 29, 12),
    datetime(1900, 1, 1),
]


@pytest.mark.parametrize("values", [STAMPS, [None, None], [], [datetime(2024, 2, 29)]])
@pytest.mark.parametrize("null", [ALWAYS, NEVER])
def test_days_are_those_of_the_tables(values, null):
    column = pa.chunked_array([pa.array(values, type=pa.timestamp("us"))])
    found = days(column, null=null)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, day_column(column, null=null))


def test_days_by_hand():
    column = pa.chunked_array([pa.array(STAMPS, type=pa.timestamp("us"))])
    assert days(column, null=NEVER).tolist() == [-1, NEVER, 0, 19782, -25567]


def test_a_dictionary_and_its_positions():
    column = pa.chunked_array([pa.array(["b", "a", "b"]).dictionary_encode()])
    assert (words(column), indices(column).tolist()) == (["b", "a"], [0, 1, 0])
    empty = pa.chunked_array([], type=column.type)
    assert (words(empty), indices(empty).tolist()) == ([], [])
