"""A merge changes no view of an earlier day: checked day by day against what the rules say, in plain Python."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.intake.coverage import Covered, observed_by
from riskmodel.intake.merging import Step, merge
from riskmodel.tables.records import Attributes, EventLog, Observation, Records, Residence

ORIGIN = date(2020, 1, 1)
EARLIER, LATER = 6, 12  # the two extract dates, in days after the origin
CODES = ("POLICE//VICTIM//THEFT", "HEALTH//ED//ASSAULT")
Sighting = tuple[int, int | None]  # known, superseded
Said = dict[tuple[int, int, str, float | None], list[Sighting]]


def stamp(day: int | None) -> datetime | None:
    return None if day is None else datetime.combine(ORIGIN + timedelta(days=day), datetime.min.time())


def disjoint(days: list[int]) -> list[Sighting]:
    """Return one or two stretches of days from up to four days; an odd last one lasts to this day."""
    days = sorted(set(days))
    return list(zip(days[::2], [*days[1::2], None] if len(days) % 2 else days[1::2], strict=True))


SIGHTINGS = st.lists(st.integers(0, 16), min_size=1, max_size=4).map(disjoint)
KEYS = st.tuples(st.integers(1, 2), st.just(0), st.sampled_from(CODES), st.sampled_from([None, 1.0]))
SAID = st.dictionaries(KEYS, SIGHTINGS, max_size=6)


def events(said: Said) -> EventLog:
    rows = [
        {
            "subject_id": subject, "time": stamp(time), "known_time": stamp(known), "superseded_time": stamp(gone),
            "known_basis": "recorded", "code": code, "numeric_value": value, "agency": code.split("//")[0],
        }
        for (subject, time, code, value), sightings in said.items() for known, gone in sightings
    ]  # fmt: skip
    return EventLog.build(pa.Table.from_pylist(rows, schema=_plain(EventLog)))


def _plain(kind: type) -> pa.Schema:
    return pa.schema(
        [(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in kind.schema]
    )


def records(said: Said, **parts: object) -> Records:
    rest = {
        name: kind.build(pa.Table.from_pylist(parts.get(name, []), schema=_plain(kind)))
        for name, kind in (("observation", Observation), ("residence", Residence), ("attributes", Attributes))
    }
    return Records(events=events(said), **rest)


def step(*covered: str) -> Step:
    days = (ORIGIN + timedelta(days=day) for day in (EARLIER, LATER))
    return Step(*days, covered=tuple(Covered(prefix) for prefix in covered))


def seen(sightings: list[Sighting], day: int) -> bool:
    """Return whether an index date sees one of the stretches: known before it, not superseded before it."""
    return any(known < day and (gone is None or gone >= day) for known, gone in sightings)


def expected(old: list[Sighting], new: list[Sighting], day: int, *, judged: bool) -> bool:
    """Return what an index date should see, by the rules as ``merging.py`` states them."""
    if day <= EARLIER + 1:
        return seen(old, day)
    if day > LATER:
        return seen(new, day) if judged else seen(old, day)
    replaced = [gone for _, gone in new if gone is not None and EARLIER < gone <= LATER]
    kept = []
    for known, gone in old:
        at = min(replaced, default=None)
        ends = [day for day in (gone, at if at is not None and at > known else None) if day is not None]
        kept.append((known, min(ends, default=None)))
    return seen(kept if judged else old, day) or seen([row for row in new if row[0] > EARLIER], day)


def sightings_of(log: EventLog) -> Said:
    found: Said = {}
    for row in log.table.to_pylist():
        key = (row["subject_id"], (row["time"].date() - ORIGIN).days, row["code"], row["numeric_value"])
        gone = row["superseded_time"]
        days = (
            (row["known_time"].date() - ORIGIN).days,
            None if gone is None else (gone.date() - ORIGIN).days,
        )
        found.setdefault(key, []).append(days)
    return found


@settings(max_examples=60)
@given(old=SAID, new=SAID, covers=st.sets(st.sampled_from(["POLICE//", "HEALTH//"])))
def test_every_day_sees_what_the_rules_say(old: Said, new: Said, covers: set[str]) -> None:
    merged = sightings_of(merge(records(old), records(new), step(*covers), threads=1).events)
    for key in {*old, *new}:
        judged = key in new or any(key[2].startswith(prefix) for prefix in covers)
        for day in range(20):
            wanted = expected(old.get(key, []), new.get(key, []), day, judged=judged)
            assert seen(merged.get(key, []), day) == wanted, (key, day)
    for sightings in merged.values():  # nobody sees an event twice
        for day in range(20):
            assert sum(seen([row], day) for row in sightings) <= 1


@settings(max_examples=15)
@given(said=SAID)
def test_the_same_delivery_again_changes_nothing(said: Said) -> None:
    same_day = Step(ORIGIN + timedelta(days=LATER), ORIGIN + timedelta(days=LATER), (Covered("POLICE//"),))
    before = records(said)
    assert merge(before, before, same_day, threads=1).events.table.equals(before.events.table)


@settings(max_examples=15)
@given(said=SAID)
def test_a_later_delivery_that_says_the_same_changes_nothing(said: Said) -> None:
    before = records(said)
    after = merge(before, before, step("POLICE//", "HEALTH//"), threads=1)
    assert after.events.table.equals(before.events.table)


def test_what_should_have_come_before_is_known_from_the_new_extract_on_its_basis() -> None:
    key = (1, 0, CODES[0], None)
    merged = merge(
        records({}), records({key: [(2, None)]}), step("POLICE//"), threads=1
    ).events.table.to_pylist()
    assert [(row["known_time"], row["known_basis"]) for row in merged] == [(stamp(LATER), "extract")]


def test_a_corrected_row_leaves_the_old_view() -> None:
    wrong, right = (1, 0, CODES[0], 1.0), (1, 0, CODES[0], None)
    merged = merge(records({wrong: [(2, None)]}), records({right: [(2, None)]}), step("POLICE//"), threads=1)
    assert sightings_of(merged.events) == {wrong: [(2, LATER)], right: [(LATER, None)]}


def test_who_was_not_asked_takes_nothing_back() -> None:
    key = (1, 0, CODES[0], None)
    merged = merge(records({key: [(2, None)]}), records({}), step("HEALTH//"), threads=1)
    assert sightings_of(merged.events) == {key: [(2, None)]}


def watch(
    start: int, end: int | None, known: int, gone: int | None = None, agency: str = "CSC"
) -> dict[str, object]:
    return {
        "subject_id": 1, "agency": agency, "start": stamp(start), "end": stamp(end), "known_time": stamp(known),
        "superseded_time": stamp(gone),
    }  # fmt: skip


def watched(merged: Records) -> list[tuple[int | None, ...]]:
    days = ("start", "end", "known_time", "superseded_time")
    rows = merged.observation.table.to_pylist()
    return sorted(
        (
            tuple(None if row[name] is None else (row[name].date() - ORIGIN).days for name in days)
            for row in rows
        ),
        key=str,
    )


@pytest.mark.parametrize(
    ("old", "new", "covered", "wanted"),
    [
        # The new delivery goes on where the old one stopped: the shorter row is replaced when the longer one was known.
        ([watch(0, 4, 4)], [watch(0, 9, 9)], (observed_by("CSC"),), [(0, 4, 4, 9), (0, 9, 9, None)]),
        # Whoever sent nothing no longer observes.
        ([watch(0, None, 1)], [], (), [(0, 7, 7, None), (0, None, 1, 7)]),
        # Still observed: nothing changes.
        ([watch(0, None, 1)], [watch(0, None, 1)], (observed_by("CSC"),), [(0, None, 1, None)]),
        # A person who is no longer in the delivery.
        ([watch(0, None, 1)], [], (observed_by("CSC"),), [(0, None, 1, 12)]),
    ],
)  # fmt: skip
def test_observation(old: list, new: list, covered: tuple[str, ...], wanted: list) -> None:
    assert watched(
        merge(records({}, observation=old), records({}, observation=new), step(*covered), threads=1)
    ) == sorted(wanted, key=str)


def test_a_delivery_of_later_years_leaves_what_was_observed_before_them() -> None:
    later_year = Step(
        ORIGIN + timedelta(days=EARLIER), ORIGIN + timedelta(days=LATER),
        (Covered(observed_by("CSC"), ORIGIN + timedelta(days=3), None),),
    )  # fmt: skip
    merged = merge(
        records({}, observation=[watch(0, 2, 2), watch(0, None, 1)]),
        records({}, observation=[watch(3, None, 4)]), later_year, threads=1,
    )  # fmt: skip
    assert watched(merged) == sorted(
        [(0, 2, 2, None), (0, None, 1, 12), (0, 3, 12, None), (3, None, 12, None)], key=str
    )


def attribute(value: str, known: int) -> dict[str, object]:
    return {"subject_id": 1, "attribute": "sex", "value": value, "known_time": stamp(known)}


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ([("Female", 1)], [("Female", 1)], [("Female", 1)]),
        ([("Female", 1)], [("Male", 1)], [("Female", 1), ("Male", 12)]),
        ([("Female", 1)], [("Unknown", 0)], [("Female", 1)]),
        ([("Female", 1)], [("Female", 1), ("Male", 9)], [("Female", 1), ("Male", 9)]),
        ([("Unknown", 1)], [("Male", 3)], [("Unknown", 1), ("Male", 12)]),
        ([], [("Unknown", 3)], [("Unknown", 12)]),
    ],
)
def test_attributes(old: list, new: list, wanted: list) -> None:
    before, delivered = (records({}, attributes=[attribute(*row) for row in rows]) for rows in (old, new))
    rows = merge(before, delivered, step(), threads=1).attributes.table.to_pylist()
    assert [(row["value"], row["known_time"]) for row in rows] == [
        (value, stamp(day)) for value, day in wanted
    ]
