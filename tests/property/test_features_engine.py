"""The engine against the plain-Python reference on generated events, cohorts and specifications, and what must change nothing.

A few hundred examples in CI; `make test-slow` runs the comparison on fifty thousand.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records_kit import CATALOGUE, cohort, columns, records
from spark_kit import tagged, words_of

from riskmodel.features.matrix import build_columns
from riskmodel.features.reference import reference_features
from riskmodel.features.shards import EventShards, write_shards
from riskmodel.features.spark import Walk
from riskmodel.features.streaming import Wanted, read_features, stream_matrix, write_features

DAYS = st.integers(60, 130)
SUBJECTS = st.integers(1, 3)
CODES = [
    "EDU//SUSPENSION//DB",
    "EDU//SUSPENSION//PP",
    "CLA//SDQ",
    "CSC//CIN//START",
    "CSC//CIN//END",
    "EDU//SESSIONS//POSSIBLE",
]
OF_EVENTS = [
    "count",
    "any",
    "distinct",
    "days_since_last",
    "days_since_first",
    "sum",
    "mean",
    "max",
    "min",
    "last",
    "trend",
]
# Fifth birthdays fall among the index dates.
BIRTHS = st.integers(-1740, -1690)
WINDOWS = ["7d", "30d", "10d_to_25d", "before_5y", "5y_to_6y", "since_birth", "ever"]
EXPIRES = ["never", "20d", "age_5y"]


@st.composite
def event(draw):
    day = draw(st.one_of(st.none(), DAYS, DAYS, DAYS))
    known = draw(DAYS) if day is None else day + draw(st.sampled_from([0, 0, 0, 1, 3, 30, -2]))
    code = draw(st.sampled_from(CODES))
    return {
        "subject_id": draw(SUBJECTS),
        "time": day,
        "known_time": known,
        "superseded_time": draw(st.one_of(st.none(), st.none(), st.integers(known, known + 30))),
        "code": code,
        "agency": draw(st.sampled_from([code.split("//")[0], "EDU"])),
        "numeric_value": draw(st.one_of(st.none(), st.integers(-3, 9), st.floats(-1e3, 1e3, width=32))),
    }


@st.composite
def birth(draw):
    known = draw(st.integers(1, 110))
    return {
        "subject_id": draw(SUBJECTS),
        "time": draw(BIRTHS),
        "known_time": known,
        "superseded_time": draw(st.one_of(st.none(), st.none(), st.integers(known, 130))),
        "code": "MEDS_BIRTH",
    }


@st.composite
def stretch(draw):
    start = draw(st.one_of(DAYS.map(lambda day: day - 40), BIRTHS))
    known = max(start, 60) + draw(st.sampled_from([0, 0, 4]))
    return {
        "subject_id": draw(SUBJECTS),
        "agency": draw(st.sampled_from(["EDU", "CLA", "CSC"])),
        "start": start,
        "end": draw(st.one_of(st.none(), st.integers(start, start + 90))),
        "known_time": known,
        "superseded_time": draw(st.one_of(st.none(), st.integers(known, known + 40))),
    }


@st.composite
def feature(draw):
    windows = draw(st.lists(st.sampled_from(WINDOWS), min_size=1, max_size=3, unique=True))
    made = {"windows": windows, "min_observed": draw(st.sampled_from([0.2, 0.5, 1.0]))}
    if "ever" in windows:
        made |= {"ever_expires": draw(st.sampled_from(EXPIRES)), "ever_reason": "a test of what has no end"}
    if draw(st.booleans()):
        made["recorded_by"] = draw(st.sampled_from([["EDU"], ["CLA", "CSC"]]))
    if draw(st.booleans()):
        made["observed_by"] = draw(st.sampled_from([["EDU"], ["EDU", "CLA"]]))
    kind = draw(st.sampled_from(["events", "events", "spells", "ratio"]))
    if kind == "spells":
        some = st.lists(
            st.sampled_from(["spell_days", "in_spell", "moves"]), min_size=1, max_size=3, unique=True
        )
        starts = draw(st.sampled_from([["CSC//CIN//START"], ["CSC//CIN//START", "EDU//SUSPENSION//DB"]]))
        return made | {"start": starts, "end": ["CSC//CIN//END"], "aggregations": draw(some)}
    if kind == "ratio":
        below = {"numerator": ["EDU//SUSPENSION//*"], "denominator": ["EDU//SESSIONS//POSSIBLE"]}
        return made | below | {"aggregations": ["ratio"], "complement": draw(st.booleans())}
    if draw(st.booleans()):
        made |= {
            "value_least": draw(st.integers(-2, 2)),
            "value_below": draw(st.sampled_from([None, 2.5, 5])),
        }
    some = st.lists(st.sampled_from(OF_EVENTS), min_size=1, max_size=4, unique=True)
    reads = draw(st.sampled_from([["EDU//SUSPENSION//*"], ["CLA//SDQ"], ["CLA//SDQ", "EDU//SUSPENSION//PP"]]))
    return made | {"events": reads, "aggregations": draw(some)}


EVENTS = st.lists(event(), max_size=14)
BORN = st.lists(birth(), max_size=4)
WATCHED = st.lists(stretch(), max_size=6)
FEATURES = st.lists(feature(), min_size=1, max_size=3)
DATES = st.lists(st.tuples(SUBJECTS, st.integers(85, 135)), min_size=1, max_size=12, unique=True)


def built(rows, watched, dates, wanted, *, threads=1):
    data = records(events_rows=rows, observation_rows=watched)
    return build_columns(data, cohort(dates), wanted, CATALOGUE, threads=threads)


def agree(rows, born, watched, dates, features):
    wanted = columns(*features)
    data = records(events_rows=rows + born, observation_rows=watched)
    fast = build_columns(data, cohort(dates), wanted, CATALOGUE, threads=1)
    slow = reference_features(data, cohort(dates), wanted)
    exact = np.array([column.aggregation != "trend" for column in wanted])
    np.testing.assert_array_equal(fast[:, exact], slow[:, exact])
    np.testing.assert_allclose(fast[:, ~exact], slow[:, ~exact], rtol=1e-6)


@settings(max_examples=300)
@given(EVENTS, BORN, WATCHED, DATES, FEATURES)
def test_kernel_and_reference_agree_to_the_bit(rows, born, watched, dates, features):
    agree(rows, born, watched, dates, features)


@pytest.mark.slow
@settings(max_examples=50_000, derandomize=False)
@given(EVENTS, BORN, WATCHED, DATES, FEATURES)
def test_kernel_and_reference_agree_fifty_thousand_times(rows, born, watched, dates, features):
    agree(rows, born, watched, dates, features)


@settings(max_examples=150)
@given(EVENTS, BORN, WATCHED, DATES, FEATURES, st.permutations([1, 2, 3]))
def test_order_names_and_company_change_nothing(rows, born, watched, dates, features, names):
    wanted, rows = columns(*features), rows + born
    whole = built(rows, watched, dates, wanted)
    np.testing.assert_array_equal(whole, built(rows[::-1], watched[::-1], dates[::-1], wanted, threads=2))
    pairs = sorted((index, subject) for subject, index in dates)
    for at, (index, subject) in enumerate(pairs):
        alone = built(
            [one for one in rows if one["subject_id"] == subject],
            [one for one in watched if one["subject_id"] == subject],
            [(subject, index)],
            wanted,
        )
        np.testing.assert_array_equal(whole[at : at + 1], alone)
    renamed = {old: new * 10**12 for old, new in zip((1, 2, 3), names, strict=True)}

    def called(some):
        return [{**one, "subject_id": renamed[one["subject_id"]]} for one in some]

    other = built(called(rows), called(watched), [(renamed[s], i) for s, i in dates], wanted)
    order = sorted(range(len(pairs)), key=lambda at: (pairs[at][0], renamed[pairs[at][1]]))
    np.testing.assert_array_equal(whole[order], other)


@settings(max_examples=100)
@given(EVENTS, WATCHED, DATES, FEATURES, st.integers(-50, 9000))
def test_a_shift_of_all_dates_changes_nothing(rows, watched, dates, features, by):
    # Birthdays move with the calendar, so ages are left out.
    some = [f | {"windows": [w for w in f["windows"] if "y" not in w or w == "ever"]} for f in features]
    some = [f | ({"ever_expires": "20d"} if "ever" in f["windows"] else {}) for f in some if f["windows"]]
    for one in some:
        if "ever" not in one["windows"]:
            one.pop("ever_expires", None), one.pop("ever_reason", None)
    wanted = columns(*some) if some else ()

    def moved(many):
        names = ("time", "start", "end", "known_time", "superseded_time")
        return [{k: v + by if k in names and v is not None else v for k, v in one.items()} for one in many]

    there = [(subject, index + by) for subject, index in dates]
    np.testing.assert_array_equal(
        built(rows, watched, dates, wanted), built(moved(rows), moved(watched), there, wanted)
    )


@settings(max_examples=150)
@given(EVENTS, BORN, WATCHED, EVENTS, BORN, DATES, FEATURES)
def test_nothing_known_on_or_after_an_index_date_changes_it(
    rows, born, watched, more, other, dates, features
):
    # Whatever is known from the last date on is replaced; every earlier date of the subject must not notice either.
    wanted, cut = columns(*features), max(index for _, index in dates)

    def before(many):
        kept = [dict(one) for one in many if one["known_time"] < cut]
        for one in kept:
            if one.get("superseded_time") is not None and one["superseded_time"] >= cut:
                one["superseded_time"] = None
        return kept

    news = [
        {**one, "known_time": max(one["known_time"], cut), "superseded_time": None} for one in more + other
    ]
    np.testing.assert_array_equal(
        built(rows + born, watched, dates, wanted),
        built(before(rows + born) + news, before(watched), dates, wanted),
    )


@given(event())
def test_an_event_appears_when_it_is_known_and_goes_when_it_is_replaced(one):
    one |= {"code": "CLA//SDQ"}
    (wanted,) = columns(
        {"events": "CLA//SDQ", "aggregations": "count", "windows": "ever", "observed_by": "EDU"}
    )
    dates = list(range(58, 190))
    watched = [{"subject_id": one["subject_id"], "agency": "EDU", "start": 1}]
    found = built([one], watched, [(one["subject_id"], index) for index in dates], (wanted,))[:, 0]
    first = max(one["known_time"], -1 if one["time"] is None else one["time"]) + 1
    gone = 10**6 if one["superseded_time"] is None else one["superseded_time"] + 1
    assert found.tolist() == [float(first <= index < gone) for index in dates]


@settings(max_examples=60)
@given(EVENTS, BORN, WATCHED, DATES, FEATURES, st.integers(1, 9))
def test_a_worker_of_the_cluster_says_what_the_whole_says(rows, born, watched, dates, features, size):
    """What Spark calls with a sorted partition, in batches of any size; test_spark.py does it on a real session."""
    wanted, asked = columns(*features), cohort(dates)
    data = records(events_rows=rows + born, observation_rows=watched)
    whole = build_columns(data, asked, wanted, CATALOGUE, threads=1)
    with tempfile.TemporaryDirectory() as folder:
        walk = Walk(wanted, CATALOGUE, Path(folder), **words_of(data))
        list(walk(iter(tagged(data, asked).to_batches(max_chunksize=size))))
        _, _, matrix = read_features(Path(folder))
    np.testing.assert_array_equal(matrix.values, whole[np.lexsort((asked.index_day, asked.subject_id))])


@settings(max_examples=40)
@given(
    EVENTS, BORN, WATCHED, DATES, FEATURES, st.integers(1, 6), st.sampled_from(["auto", "dense", "sparse"])
)
def test_shards_and_parts_say_what_the_whole_says(rows, born, watched, dates, features, size, layout):
    wanted = columns(*features)
    data, asked = records(events_rows=rows + born, observation_rows=watched), cohort(dates)
    whole = build_columns(data, asked, wanted, CATALOGUE, threads=1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shards = write_shards(data.events, data.observation, place / "shards", events_a_shard=size)
        assert len(EventShards.open(place / "shards")) == len(shards)
        job = Wanted(asked.subject_id, asked.index_day, wanted, CATALOGUE)
        np.testing.assert_array_equal(stream_matrix(shards, job), whole)
        write_features(shards, job, place / "features", layout=layout, threads=1)
        subject, index, matrix = read_features(place / "features")
    order = np.lexsort((asked.index_day, asked.subject_id))
    np.testing.assert_array_equal(subject, asked.subject_id[order])
    np.testing.assert_array_equal(index, asked.index_day[order])
    np.testing.assert_array_equal(matrix.values, whole[order])
