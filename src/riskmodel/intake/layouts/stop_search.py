"""Published stop-and-search records (data.police.uk). Counted and kept apart: never linked, never an event."""

from __future__ import annotations

from riskmodel.intake.layout import Field, Kind, Layout, Source, code, number, text

# Older files write a false outcome as the word False.
STOPS = Layout(
    name="stop_search_stops",
    pattern=r"stop_search/\d{4}-\d{2}-.+-stop-and-search\.csv",
    fields=(
        code(
            "Type",
            {
                "Person search": "Person search",
                "Vehicle search": "Vehicle search",
                "Person and Vehicle search": "Person and Vehicle search",
            },
        ),
        Field("Date", Kind.INSTANT),
        text("Part of a policing operation"),
        text("Policing operation"),
        number("Latitude", -90, 90, required=False),
        number("Longitude", -180, 180, required=False),
        text("Gender"),
        code(
            "Age range",
            {age: age for age in ("under 10", "10-17", "18-24", "25-34", "over 34")},
            required=False,
        ),
        text("Self-defined ethnicity"),
        code("Officer-defined ethnicity", "White Black Asian Mixed Other", required=False),
        text("Legislation"),
        text("Object of search"),
        text("Outcome"),
        text("Outcome linked to object of search"),
        text("Removal of more than just outer clothing"),
    ),
    link=None,
)

SOURCE = Source("STOP_SEARCH", (STOPS,))
