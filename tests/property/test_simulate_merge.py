"""Joined spells cover exactly the months that the spells covered."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.simulate.spells import Spells, merge

spell = st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 12))


@given(st.lists(spell, max_size=25))
def test_merge_keeps_coverage_and_leaves_gaps(drawn):
    ordered = sorted((owner, start, start + length) for owner, start, length in drawn)
    columns = [np.array([row[i] for row in ordered], np.int32) for i in range(3)]
    joined = merge(Spells(*columns, np.zeros(len(ordered), np.int32)))
    spans = list(zip(joined.owner.tolist(), joined.start.tolist(), joined.end.tolist(), strict=True))
    covered = {(owner, month) for owner, start, end in ordered for month in range(start, end)}
    assert {(owner, month) for owner, start, end in spans for month in range(start, end)} == covered
    assert all(a[0] != b[0] or a[2] < b[1] for a, b in pairwise(spans))
