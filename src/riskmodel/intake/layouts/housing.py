"""The council's residents index: who lives at which address, in which small area, and how deprived that area is."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

from riskmodel.intake.layout import (
    Derived,
    EventRule,
    Layout,
    Link,
    Rule,
    Source,
    day,
    in_order,
    key,
    moves,
    number,
    text,
)
from riskmodel.intake.spec import DelaySpec

AREAS = Layout(
    name="housing_areas",
    pattern=r"housing/lsoa\.csv",
    fields=(text("lsoa"), number("imd_decile", 1, 10)),
    link=None,
    rules=(Rule("typed.lsoa IS NULL", "no value in lsoa"),),
    unique=(("lsoa",),),
    tells=("AREA//",),
)
RESIDENCE = Layout(
    name="housing_residence",
    pattern=r"housing/residence\.csv",
    fields=(
        key("person_key"),
        key("uprn_key"),
        text("lsoa"),
        day("start_date"),
        day("end_date", required=False),
        day("recorded_start"),
        day("recorded_end", required=False),
    ),
    link=Link(agency="HOUSING", key="person_key"),
    rules=(
        in_order("start_date", "end_date"),
        in_order("start_date", "recorded_start"),
        in_order("end_date", "recorded_end"),
        in_order("recorded_start", "recorded_end"),
        Rule(
            "(end_date IS NULL) <> (recorded_end IS NULL)",
            "only one of end_date and recorded_end has a value",
        ),
    ),
    unique=(("person_key", "uprn_key", "start_date"),),
    tells=("HOME//",),
)


def _events(_delays: DelaySpec) -> tuple[EventRule, ...]:
    return (
        moves(
            RESIDENCE.name,
            place="uprn_key",
            start="start_date",
            known="recorded_start",
            code="HOME//MOVE",
            basis="recorded",
        ),
        Derived(f"""
            SELECT subject_id, start_date AS time, recorded_start AS known, 'recorded' AS basis,
                   'AREA//IMD_DECILE' AS code, imd_decile AS number, home.file AS file
            FROM {RESIDENCE.name} AS home JOIN {AREAS.name} AS area USING (lsoa)"""),
    )


SOURCE = Source("HOME", (AREAS, RESIDENCE), events=_events)
