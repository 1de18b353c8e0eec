"""Health: emergency attendances (after ECDS), mental health referrals, and facts at birth."""

from __future__ import annotations

from riskmodel.intake.layout import (
    EventRule,
    Fact,
    Layout,
    Link,
    Point,
    Source,
    code,
    day,
    in_order,
    key,
    record_key,
    yes_no,
)
from riskmodel.intake.spec import DelaySpec

INTENT = {"ASSAULT": "ASSAULT", "SELF_HARM": "SELF_HARM", "ACCIDENT": "ACCIDENT", "NONE": "OTHER"}
LINK = Link(agency="HEALTH", key="person_key")

EMERGENCY = Layout(
    name="health_emergency",
    pattern=r"health/emergency\.csv",
    fields=(
        key("person_key"),
        day("arrival_date"),
        code("injury_intent", INTENT),
        code("mechanism", "SHARP BLUNT OTHER", required=False),
        code("disposal", "DISCHARGED ADMITTED"),
        day("recorded_date"),
        record_key(),
    ),
    link=LINK,
    rules=(in_order("arrival_date", "recorded_date"),),
    unique=(("person_key", "arrival_date", "injury_intent", "mechanism", "disposal", "recorded_date"),),
    tells=("HEALTH//ED//", "HEALTH//ED_MECHANISM//", "HEALTH//ADMISSION//"),
    happened="arrival_date",
)
CAMHS = Layout(
    name="health_camhs",
    pattern=r"health/camhs\.csv",
    fields=(
        key("person_key"),
        day("referral_date"),
        yes_no("accepted", required=False),
        day("recorded_date"),
        record_key(),
    ),
    link=LINK,
    rules=(in_order("referral_date", "recorded_date"),),
    unique=(("person_key", "referral_date"),),
    tells=("HEALTH//CAMHS//",),
    happened="referral_date",
)
BIRTHS = Layout(
    name="health_births",
    pattern=r"health/births\.csv",
    fields=(
        key("person_key"),
        day("birth_month"),
        yes_no("mother_under_20", required=False),
        yes_no("smoking_in_pregnancy", required=False),
        yes_no("low_birth_weight", required=False),
        day("recorded_date"),
    ),
    link=LINK,
    rules=(in_order("birth_month", "recorded_date"),),
    unique=(("person_key",),),
    tells=("HEALTH//BIRTH//",),
    day_formats=("%Y-%m-%d", "%Y-%m"),
)


def _events(_delays: DelaySpec) -> tuple[EventRule, ...]:
    def arrival(code_sql: str, where: str = "TRUE") -> Point:
        """Return the rule for events at an arrival."""
        return Point(
            EMERGENCY.name, code_sql, "arrival_date", "recorded_date", "recorded", where=where, versions=True
        )

    def at_birth(code_sql: str, column: str) -> Point:
        """Return the rule for events in the month of birth."""
        return Point(BIRTHS.name, code_sql, "birth_month", "recorded_date", "recorded", where=column)

    def referral(code_sql: str, where: str = "TRUE") -> Point:
        """Return the rule for events at a referral."""
        return Point(
            CAMHS.name, code_sql, "referral_date", "recorded_date", "recorded", where=where, versions=True
        )

    return (
        arrival("'HEALTH//ED//' || injury_intent"),
        arrival("'HEALTH//ADMISSION//' || injury_intent", "disposal = 'ADMITTED'"),
        arrival("'HEALTH//ED_MECHANISM//' || mechanism", "mechanism IS NOT NULL"),
        referral("'HEALTH//CAMHS//REFERRAL'"),
        referral("'HEALTH//CAMHS//ACCEPTED'", "accepted"),
        at_birth("'HEALTH//BIRTH//MOTHER_UNDER_20'", "mother_under_20"),
        at_birth("'HEALTH//BIRTH//SMOKING'", "smoking_in_pregnancy"),
        at_birth("'HEALTH//BIRTH//LOW_WEIGHT'", "low_birth_weight"),
    )


def _facts(_delays: DelaySpec) -> tuple[Fact, ...]:
    return (Fact("birth", BIRTHS.name, "birth_month", "recorded_date"),)


SOURCE = Source("HEALTH", (BIRTHS, EMERGENCY, CAMHS), events=_events, facts=_facts)
