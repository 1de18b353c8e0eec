import json
from datetime import UTC, datetime

import numpy as np
import pytest

from riskmodel.errors import DataError
from riskmodel.readings import REGISTER, JudgedRows, Reading, reading_of, record_reading
from riskmodel.tables.cohort import Cohort

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PEOPLE = Cohort(
    np.arange(4), np.full(4, 10, np.int32), np.arange(4), np.full(4, "a"), np.full(4, 12, np.int16)
)


def rows(study, cohort=PEOPLE, outcome="harm", data="d"):
    return JudgedRows.of(cohort, {"name": outcome}, fingerprint=data, study=study)


def look(store, one):
    found = reading_of(one, store)
    record_reading(one, store, started=NOW)
    return found


def test_the_first_look_and_a_rerun_and_a_peek(tmp_path):
    assert look(tmp_path, rows("a")) == Reading(1, repeated=False)
    assert look(tmp_path, rows("a")) == Reading(1, repeated=True)
    assert look(tmp_path, rows("b")) == Reading(2, repeated=False)
    assert look(tmp_path, rows("a")) == Reading(2, repeated=True)


@pytest.mark.parametrize(
    "other",
    [
        {"cohort": PEOPLE.take(np.arange(3))},
        {"outcome": "victim"},
        {"data": "e"},
    ],
)
def test_other_rows_outcomes_and_data_are_counted_apart(tmp_path, other):
    look(tmp_path, rows("a"))
    assert look(tmp_path, rows("b", **other)) == Reading(1, repeated=False)


def test_asking_writes_nothing_and_the_register_names_nobody(tmp_path):
    reading_of(rows("a"), tmp_path)
    assert not (tmp_path / REGISTER).exists()
    look(tmp_path, rows("a"))
    (line,) = (tmp_path / REGISTER).read_text().splitlines()
    assert set(json.loads(line)) == {"rows", "study", "started"}


def test_a_spoilt_register_is_no_new_beginning(tmp_path):
    (tmp_path / REGISTER).write_text("{}\n")
    with pytest.raises(DataError, match="Restore the register"):
        reading_of(rows("a"), tmp_path)
