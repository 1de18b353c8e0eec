"""Published stop-and-search records (data.police.uk). Counted and kept apart: never linked, never an event."""

from __future__ import annotations

from riskmodel.intake.layout import Field, Kind, Layout, Source, code, number, text

PERSON_TYPES = ("Person search", "Person and Vehicle search")
VEHICLE_TYPE = "Vehicle search"
AGES = ("under 10", "10-17", "18-24", "25-34", "over 34")
OFFICER_GROUPS = ("White", "Black", "Asian", "Mixed", "Other")
# The present labels, the older ones, and the word that older files write where there was no outcome.
OUTCOMES = (
    "A no further action disposal", "Arrest", "Community resolution", "Summons / charged by post",
    "Penalty Notice for Disorder", "Khat or Cannabis warning", "Caution (simple or conditional)",
    "Suspect arrested", "Offender given drugs possession warning", "Offender given penalty notice",
    "Offender cautioned", "Suspect summonsed to court", "Local resolution",
    "Article found - Detailed outcome unavailable",
    "Suspected psychoactive substances seized - No further action", "Nothing found - no further action", "False",
)  # fmt: skip
STOPS = Layout(
    name="stop_search_stops",
    pattern=r"stop_search/\d{4}-\d{2}-.+-stop-and-search\.csv",
    fields=(
        code("Type", {kind: kind for kind in (*PERSON_TYPES, VEHICLE_TYPE)}),
        Field("Date", Kind.INSTANT),
        text("Part of a policing operation"),
        text("Policing operation"),
        number("Latitude", -90, 90, required=False),
        number("Longitude", -180, 180, required=False),
        text("Gender"),
        code("Age range", {age: age for age in AGES}, required=False),
        text("Self-defined ethnicity"),
        code("Officer-defined ethnicity", " ".join(OFFICER_GROUPS), required=False),
        text("Legislation"),
        text("Object of search"),
        code("Outcome", {outcome: outcome for outcome in OUTCOMES}, required=False),
        code("Outcome linked to object of search", "True False", required=False),
        text("Removal of more than just outer clothing"),
    ),
    link=None,
)

SOURCE = Source("STOP_SEARCH", (STOPS,))
