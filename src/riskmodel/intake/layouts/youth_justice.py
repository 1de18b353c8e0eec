"""Youth justice case records: offences and their outcomes (categories after the YJB's data recording requirements)."""

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
    number,
    record_key,
)
from riskmodel.intake.layouts.people_codes import SEX
from riskmodel.intake.spec import DelaySpec

OFFENCES = "VIOLENCE ROBBERY WEAPON DRUGS THEFT DAMAGE OTHER"
TIERS = "COMMUNITY_RESOLUTION PRE_COURT FIRST_TIER COMMUNITY CUSTODY"

CASES = Layout(
    name="justice_cases",
    pattern=r"youth_justice/cases\.csv",
    fields=(
        key("ypid"),
        code("sex", SEX, required=False),
        code("offence_category", OFFENCES),
        number("gravity", 1, 8, required=False),
        day("offence_date"),
        code("outcome_tier", TIERS, required=False),
        day("outcome_date", required=False),
        day("recorded_date"),
        record_key(),
    ),
    link=Link(agency="YJ", key="ypid"),
    rules=(
        in_order("offence_date", "outcome_date"),
        in_order("offence_date", "recorded_date"),
        in_order("outcome_date", "recorded_date"),
    ),
    unique=(("ypid", "offence_category", "gravity", "offence_date", "outcome_tier", "outcome_date"),),
    tells=("YJ//",),
    happened="offence_date",
)


def _events(_delays: DelaySpec) -> tuple[EventRule, ...]:
    return (
        Point(
            CASES.name,
            "'YJ//OFFENCE//' || offence_category",
            "offence_date",
            "recorded_date",
            "recorded",
            number="gravity",
            versions=True,
        ),
        Point(
            CASES.name,
            "'YJ//OUTCOME//' || outcome_tier",
            "outcome_date",
            "recorded_date",
            "recorded",
            where="outcome_date IS NOT NULL AND outcome_tier IS NOT NULL",
            versions=True,
        ),
    )


def _facts(_delays: DelaySpec) -> tuple[Fact, ...]:
    return (Fact("sex", CASES.name, "sex", "recorded_date"),)


SOURCE = Source("YJ", (CASES,), events=_events, facts=_facts)
