"""Every agency's delivery in the order in which its facts are believed, and the spine that links them."""

from __future__ import annotations

from riskmodel.intake.layout import Field, Kind, Layout, Rule, Source, code, key
from riskmodel.intake.layouts import (
    cin_census,
    health,
    housing,
    police,
    school_census,
    ssda903,
    support,
    youth_justice,
)

# Facts about a person are believed in this order.
SOURCES: tuple[Source, ...] = (
    school_census.SOURCE,
    cin_census.SOURCE,
    ssda903.SOURCE,
    youth_justice.SOURCE,
    health.SOURCE,
    police.SOURCE,
    support.SOURCE,
    housing.SOURCE,
)
SPINE = Layout(
    name="spine",
    pattern=r"spine\.csv",
    fields=(
        code("agency", "EDU CSC CLA YJ HEALTH POLICE HOUSING SUPPORT"),
        key("key"),
        Field("subject_id", Kind.WHOLE),
    ),
    link=None,
    rules=(
        Rule(
            "min(typed.subject_id) OVER (PARTITION BY typed.agency, typed.key) <> "
            "max(typed.subject_id) OVER (PARTITION BY typed.agency, typed.key)",
            "one key of an agency is given to two people",
        ),
    ),
    unique=(("agency", "key"),),
)
