import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.errors import DataError
from riskmodel.tables.cohort import Cohort
from riskmodel.validate import split
from riskmodel.validate.spec import SplitSpec

DAYS = (0, 100, 1000, 1100)


@st.composite
def movers(draw):
    """Draw people who may live somewhere else at each index date, or nowhere known."""
    n = draw(st.integers(20, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    home = rng.integers(0, max(2, n // 2), size=n)
    rows = []
    for day in DAYS:
        moved = rng.random(n) < draw(st.sampled_from([0.0, 0.1, 0.3]))
        home = np.where(moved, rng.integers(-1, n, size=n), home)
        rows += [(s, day, home[s]) for s in range(n) if rng.random() < 0.9]
    subject, day, household = (np.array(c, dtype=np.int64) for c in zip(*rows, strict=True))
    return Cohort(
        subject, day.astype(np.int32), household, np.full(len(rows), "S"), np.full(len(rows), 12, np.int16)
    )


@given(movers(), st.integers(0, 5))
def test_nobody_and_no_household_is_on_both_sides(people, seed):
    spec = SplitSpec(second_arm_share=0.4, salt=str(seed))
    try:
        made = split(
            people, spec, train_days=DAYS[:2], test_days=DAYS[2:], folds=2, seed=seed, horizon_days=365
        )
    except DataError:
        return  # too few people for this draw; how that is said is tested elsewhere
    known = people.household_id >= 0
    for ids, rows in ((people.subject_id, slice(None)), (people.household_id, known)):
        train, new = ids[rows][made.train[rows]], ids[rows][made.test_new[rows]]
        assert not set(train) & set(new)
        for one in range(2):
            inside, outside = made.train & (made.fold == one), made.train & (made.fold != one)
            assert not set(ids[rows][inside[rows]]) & set(ids[rows][outside[rows]])
    assert not (made.train & made.test_all).any()
    assert not (made.test_new & ~made.test_all).any()
