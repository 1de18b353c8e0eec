"""Police records of young people as victims and as suspects. An officer's guess of ethnicity is never read."""

from __future__ import annotations

from riskmodel.intake.layout import (
    EventRule,
    Layout,
    Link,
    Point,
    Source,
    code,
    day,
    in_order,
    key,
    record_key,
)
from riskmodel.intake.spec import DelaySpec

OFFENCES = "VIOLENCE_INJURY VIOLENCE_NO_INJURY ROBBERY SEXUAL DOMESTIC THEFT OTHER"

PEOPLE = Layout(
    name="police_people",
    pattern=r"police/people\.csv",
    fields=(
        key("nominal"),
        code("role", "VICTIM SUSPECT"),
        code("offence_class", OFFENCES),
        day("incident_date"),
        day("recorded_date"),
        record_key(),
    ),
    link=Link(agency="POLICE", key="nominal"),
    rules=(in_order("incident_date", "recorded_date"),),
    tells=("POLICE//",),
    happened="incident_date",
    unique=(("nominal", "role", "offence_class", "incident_date", "recorded_date"),),
)


def _events(_delays: DelaySpec) -> tuple[EventRule, ...]:
    return (
        Point(
            PEOPLE.name,
            "'POLICE//' || role || '//' || offence_class",
            "incident_date",
            "recorded_date",
            "recorded",
            versions=True,
        ),
    )


SOURCE = Source("POLICE", (PEOPLE,), events=_events)
