"""The promises of point in time, on generated records: what is known later changes nothing, and two engines agree."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from records_kit import CATALOGUE, cohort, columns, records

from riskmodel.features import CohortSpec, audited_attributes, build_cohort
from riskmodel.features.matrix import build_columns
from riskmodel.features.reference import reference_features
from riskmodel.tables.days import from_day

# A short stretch of time, so that days meet: index dates are 100 and 120.
DAYS = st.integers(60, 125)
INDEXES = (100, 120)
SUBJECTS = st.integers(1, 3)
CODES = st.sampled_from(
    [
        "EDU//SUSPENSION//DB",
        "EDU//SUSPENSION//PP",
        "CLA//SDQ",
        "CSC//CIN//START",
        "CSC//CIN//END",
        "EDU//SESSIONS//POSSIBLE",
    ]
)
ALL = [
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
COLUMNS = columns(
    {
        "events": ["EDU//SUSPENSION//*", "CLA//SDQ"],
        "aggregations": ALL,
        "windows": ["7d", "30d", "ever"],
        "observed_by": "EDU",
    },
    {
        "start": "CSC//CIN//START",
        "end": "CSC//CIN//END",
        "aggregations": ["in_spell", "spell_days"],
        "windows": ["10d", "ever"],
    },
    {
        "numerator": "EDU//SUSPENSION//*",
        "denominator": "EDU//SESSIONS//POSSIBLE",
        "aggregations": "ratio",
        "windows": ["20d", "ever"],
        "complement": True,
    },
    {
        "events": ["CLA//SDQ", "EDU//SUSPENSION//PP"],
        "aggregations": "count",
        "windows": "10d",
        "min_observed": 0.3,
    },
)


@st.composite
def event(draw):
    day = draw(st.one_of(st.none(), DAYS, DAYS, DAYS))
    known = draw(DAYS) if day is None else day + draw(st.sampled_from([0, 0, 0, 1, 3, 30]))
    return {
        "subject_id": draw(SUBJECTS),
        "time": day,
        "known_time": known,
        "superseded_time": draw(st.one_of(st.none(), st.none(), st.integers(known, known + 30))),
        "code": draw(CODES),
        "numeric_value": draw(st.one_of(st.none(), st.integers(-3, 9), st.sampled_from([0.5, 2.25]))),
    }


@st.composite
def stretch(draw, **fixed):
    """A row of observation or residence."""
    start = draw(DAYS) - draw(st.sampled_from([0, 30, 60]))
    known = start + draw(st.sampled_from([0, 0, 4]))
    return {
        "subject_id": draw(SUBJECTS),
        "start": start,
        "end": draw(st.one_of(st.none(), st.integers(start, start + 60))),
        "known_time": known,
        "superseded_time": draw(st.one_of(st.none(), st.integers(known, known + 40))),
        **{name: draw(values) for name, values in fixed.items()},
    }


EVENTS = st.lists(event(), max_size=12)
WATCHED = st.lists(stretch(agency=st.sampled_from(["EDU", "CLA", "CSC"])), max_size=6)
HOMES = st.lists(
    stretch(household_id=st.integers(1, 3), area=st.sampled_from(["S01000001", "S01000002"])), max_size=5
)
ROWS = cohort([(subject, index) for subject in (1, 2, 3) for index in INDEXES])


@given(EVENTS, WATCHED)
def test_the_kernel_and_the_reference_agree(event_rows, watched):
    data = records(events_rows=event_rows, observation_rows=watched)
    fast = build_columns(data, ROWS, COLUMNS, CATALOGUE, threads=1)
    np.testing.assert_allclose(fast, reference_features(data, ROWS, COLUMNS), rtol=1e-5, atol=1e-6)


@given(EVENTS, WATCHED)
def test_order_of_rows_threads_and_split_of_subjects_do_not_matter(event_rows, watched):
    data = records(events_rows=event_rows, observation_rows=watched)
    turned = records(events_rows=event_rows[::-1], observation_rows=watched[::-1])
    whole = build_columns(data, ROWS, COLUMNS, CATALOGUE, threads=1)
    np.testing.assert_array_equal(whole, build_columns(turned, ROWS, COLUMNS, CATALOGUE, threads=2))
    for subject in (1, 2, 3):
        mine = ROWS.subject_id == subject
        alone = records(
            events_rows=[e for e in event_rows if e["subject_id"] == subject],
            observation_rows=[w for w in watched if w["subject_id"] == subject],
        )
        np.testing.assert_array_equal(
            whole[mine], build_columns(alone, ROWS.take(mine), COLUMNS, CATALOGUE, threads=1)
        )


def shifted(rows, by):
    dates = ("time", "start", "end", "known_time", "superseded_time")
    return [{k: v + by if k in dates and v is not None else v for k, v in row.items()} for row in rows]


@given(EVENTS, WATCHED, st.integers(-80, 9000))
def test_a_shift_of_all_dates_changes_no_feature(event_rows, watched, by):
    data = records(events_rows=event_rows, observation_rows=watched)
    moved = records(events_rows=shifted(event_rows, by), observation_rows=shifted(watched, by))
    there = cohort([(subject, index + by) for subject in (1, 2, 3) for index in INDEXES])
    np.testing.assert_array_equal(
        build_columns(data, ROWS, COLUMNS, CATALOGUE, threads=1),
        build_columns(moved, there, COLUMNS, CATALOGUE, threads=1),
    )


def as_known_before(index, rows):
    """What a file of these rows would have looked like on the morning of the index date."""
    old = [dict(row) for row in rows if row["known_time"] < index]
    for row in old:
        if row.get("superseded_time") is not None and row["superseded_time"] >= index:
            row["superseded_time"] = None
    return old


def without_what_happens_later(index, rows):
    return [row for row in rows if row["time"] is None or row["time"] < index]


@given(EVENTS, WATCHED, st.lists(event(), max_size=6), st.sampled_from(INDEXES))
def test_nothing_known_on_or_after_the_index_date_changes_a_feature(event_rows, watched, more, index):
    # Deleting, adding and editing in one: everything from the index date on is replaced by other rows.
    news = [{**e, "known_time": max(e["known_time"], index), "superseded_time": None} for e in more]
    before = records(events_rows=event_rows, observation_rows=watched)
    after = records(
        events_rows=without_what_happens_later(index, as_known_before(index, event_rows)) + news,
        observation_rows=as_known_before(index, watched),
    )
    rows = cohort([(subject, index) for subject in (1, 2, 3)])
    np.testing.assert_array_equal(
        build_columns(before, rows, COLUMNS, CATALOGUE, threads=1),
        build_columns(after, rows, COLUMNS, CATALOGUE, threads=1),
    )


GROUPS = st.lists(
    st.fixed_dictionaries(
        {
            "subject_id": SUBJECTS,
            "attribute": st.sampled_from(["ethnicity", "sex"]),
            "value": st.sampled_from(["A", "B", "Unknown"]),
            "known_time": DAYS,
        }
    ),
    max_size=6,
)
BIRTHS = st.lists(
    st.fixed_dictionaries(
        {
            "subject_id": SUBJECTS,
            "time": st.sampled_from([-4100, -3800, -2000]),
            "known_time": DAYS,
            "superseded_time": st.one_of(st.none(), DAYS),
            "code": st.sampled_from(["MEDS_BIRTH", "MEDS_BIRTH", "MEDS_BIRTH", "PERSON//OBJECTION"]),
        }
    ),
    max_size=6,
)
ALWAYS_THERE = (
    {"subject_id": 9, "time": -3900, "known_time": 1, "code": "MEDS_BIRTH"},
    {"subject_id": 9, "start": 1, "household_id": 9},
)


def population(births, homes_rows, groups, watched, index):
    birth, home = ALWAYS_THERE
    data = records(
        events_rows=[birth, *births],
        residence_rows=[home, *homes_rows],
        attributes_rows=groups,
        observation_rows=watched,
    )
    rows, attrition = build_cohort(data, CohortSpec(ages=(10, 17), train=(from_day(index),)))
    audited = audited_attributes(
        data,
        rows,
        ("ethnicity", "sex", "age_band", "sen", "care", "deprivation_fifth"),
        [("ethnicity", "sex")],
    )
    held = {name: getattr(rows, name) for name in rows.__dataclass_fields__}
    columns_ = {name: None if column is None else column.tolist() for name, column in held.items()}
    return columns_, attrition, {name: column.tolist() for name, column in audited.columns.items()}


@given(BIRTHS, HOMES, GROUPS, WATCHED, BIRTHS, HOMES, GROUPS, st.sampled_from(INDEXES))
def test_nothing_known_on_or_after_the_index_date_changes_a_cohort_row_or_a_group(
    births, homes_rows, groups, watched, more_births, more_homes, more_groups, index
):
    def news(rows):
        return [
            {
                **row,
                "known_time": max(row["known_time"], index),
                **({"superseded_time": None} if "superseded_time" in row else {}),
            }
            for row in rows
        ]

    before = population(births, homes_rows, groups, watched, index)
    after = population(
        as_known_before(index, births) + news(more_births),
        as_known_before(index, homes_rows) + news(more_homes),
        as_known_before(index, groups) + news(more_groups),
        as_known_before(index, watched),
        index,
    )
    assert before == after


@given(EVENTS, st.integers(1, 60))
def test_outcome_and_lookback_never_overlap(event_rows, horizon):
    """Every event is read by a lookback that reaches back for ever or by an outcome that reaches ahead, never by both."""
    from riskmodel.features import OutcomeSpec, OutcomesSpec, label_outcomes

    known = [{**e, "known_time": 1, "superseded_time": None} for e in event_rows if e["time"] is not None]
    own = OutcomeSpec(
        name="seen", description="seen again", phrase="were seen", codes="CLA//SDQ", horizon_days=horizon
    )
    (column,) = columns({"events": "CLA//SDQ", "aggregations": "any", "windows": "ever"})
    for one in known:
        data = records(events_rows=[one, {"subject_id": 8, "time": 300, "code": "HOME//MOVE"}])
        labels = label_outcomes(
            data, ROWS, OutcomesSpec(chosen="seen", alternatives=(), own=(own,)), training_cutoff_day=400
        ).test["seen"]
        back = build_columns(data, ROWS, (column,), CATALOGUE, threads=1)[:, 0] == 1
        assert not (back & (labels.outcome == 1)).any()
        mine = (ROWS.subject_id == one["subject_id"]) & (one["code"] == "CLA//SDQ")
        np.testing.assert_array_equal(back, mine & (one["time"] < ROWS.index_day))
        np.testing.assert_array_equal(
            labels.outcome == 1,
            mine & (one["time"] >= ROWS.index_day) & (one["time"] < ROWS.index_day + horizon),
        )
