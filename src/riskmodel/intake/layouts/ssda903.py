"""SSDA903: the yearly return on looked-after children (columns: data-to-insight/csc-validator-be-903)."""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

import re
from datetime import date
from functools import partial

from riskmodel.intake.layout import (
    DAY_FIRST,
    ISO,
    Context,
    Derived,
    EventRule,
    Fact,
    Layout,
    Link,
    Point,
    Source,
    Spell,
    born_before,
    code,
    day,
    in_order,
    key,
    number,
    retired,
    yes_no,
)
from riskmodel.intake.layouts.people_codes import ETHNICITY, SEX
from riskmodel.intake.spec import DelaySpec

NEW_EPISODE = "S L P T B U"
LEGAL_STATUS = "C1 C2 D1 E1 V2 V3 V4 L1 L2 L3 J1 J2 J3"
END_REASONS = (
    "X1 E11 E12 E13 E14 E15 E16 E17 E2 E3 E4 E4A E4B E41 E45 E46 E47 E48 E5 E6 E7 E8 E9"  # E4: older returns
)
NEEDS = "N1 N2 N3 N4 N5 N6 N7 N8"
PLACES = "A3 A4 A5 A6 K1 K2 K3 P1 P3 R1 R2 R3 R5 S1 T0 T1 T2 T3 T4 U1 U2 U3 U4 U5 U6 Z1 H5 P2 Z11 Z12 Z13 Z14"
PROVIDERS = "PR0 PR1 PR2 PR3 PR4 PR5"
MOVE_REASONS = "CARPL CLOSE ALLEG STAND APPRR CREQB CREQO CHILD LAREQ PLACE CUSTOD OTHER"
NO_SCORE = "SDQ1 SDQ2 SDQ3 SDQ4 SDQ5"
REVIEWS_ATTENDED = "PN0 PN1 PN2 PN3 PN4 PN5 PN6 PN7"
LINK = Link(agency="CLA", key="CHILD")


def _context(match: re.Match[str]) -> Context:
    return {"year_end": date(int(match["year"]), 3, 31)}


def _file(kind: str) -> str:
    return rf"ssda903/(?P<year>20\d\d)_{kind}\.csv"


_layout = partial(
    Layout, link=LINK, day_formats=(DAY_FIRST, ISO), context=_context, context_types={"year_end": "DATE"}
)
HEADER = _layout(
    name="care_children",
    pattern=_file("header"),
    fields=(key("CHILD"), code("SEX", SEX), day("DOB"), code("ETHNIC", ETHNICITY, required=False)),
    unique=(("CHILD",),),
)
EPISODES = _layout(
    name="care_episodes",
    pattern=_file("episodes"),
    fields=(
        key("CHILD"),
        day("DECOM"),
        code("RNE", NEW_EPISODE),
        code("LS", LEGAL_STATUS, required=False),
        day("DEC", required=False),
        code("REC", END_REASONS, required=False),
        code("CIN", NEEDS, required=False, may_lack=True),
        code("PLACE", PLACES, required=False, may_lack=True),
        code("PLACE_PROVIDER", PROVIDERS, required=False, may_lack=True),
        code("REASON_PLACE_CHANGE", MOVE_REASONS, required=False, may_lack=True),
    ),
    rules=(
        in_order("DECOM", "DEC"),
        retired("PLACE", "H5 P2", where="typed.year_end >= DATE '2025-03-31'"),
        retired("PLACE", "Z11 Z12 Z13 Z14", where="typed.year_end < DATE '2026-03-31'"),
    ),
    unique=(("CHILD", "DECOM"),),
    tells=("CLA//CARE//", "CLA//PLACEMENT_MOVE"),
    happened="DECOM",
)
MISSING = _layout(
    name="care_missing",
    pattern=_file("missing"),
    fields=(
        key("CHILD"),
        day("DOB", required=False, may_lack=True),
        code("MISSING", {"M": "MISSING", "A": "AWAY"}),
        day("MIS_START"),
        day("MIS_END", required=False),
    ),
    rules=(in_order("MIS_START", "MIS_END"), born_before("DOB", "MIS_START")),
    unique=(("CHILD", "MIS_START"),),
    tells=("CLA//MISSING//", "CLA//AWAY//"),
    happened="MIS_START",
)
HEALTH = _layout(
    name="care_health",
    pattern=_file("oc2"),
    fields=(
        key("CHILD"),
        number("SDQ_SCORE", 0, 40, required=False),
        code("SDQ_REASON", NO_SCORE, required=False, may_lack=True),
        *(
            yes_no(name, required=False, may_lack=True)
            for name in ("CONVICTED", "HEALTH_CHECK", "IMMUNISATIONS")
        ),
        *(yes_no(name, required=False, may_lack=True) for name in ("TEETH_CHECK", "HEALTH_ASSESSMENT")),
        yes_no("SUBSTANCE_MISUSE", required=False),
        yes_no("INTERVENTION_RECEIVED", required=False, may_lack=True),
        yes_no("INTERVENTION_OFFERED", required=False, may_lack=True),
    ),
    unique=(("CHILD",),),
    tells=("CLA//SDQ", "CLA//SUBSTANCE_MISUSE"),
)
REVIEWS = _layout(
    name="care_reviews",
    pattern=_file("reviews"),
    fields=(
        key("CHILD"),
        day("DOB", required=False, may_lack=True),
        day("REVIEW"),
        code("REVIEW_CODE", REVIEWS_ATTENDED),
    ),
    rules=(born_before("DOB", "REVIEW"),),
    unique=(("CHILD", "REVIEW"),),
    tells=("CLA//REVIEW//",),
    happened="REVIEW",
)


def _events(delays: DelaySpec) -> tuple[EventRule, ...]:
    late = delays.ssda903_days
    reported = f"year_end + {late}"

    def missing(kind: str) -> Spell:
        """Return the spells of one kind of absence."""
        return Spell(
            MISSING.name,
            f"CLA//{kind}",
            start="MIS_START",
            end="MIS_END",
            known_start=f"MIS_START + {late}",
            known_end=f"MIS_END + {late}",
            reported=reported,
            basis="declared_delay",
            where=f"MISSING = '{kind}'",
        )

    return (
        Derived(_care_starts(late)),
        Spell(
            f"({_last_days()})",
            "CLA//CARE",
            start="DECOM",
            end="DEC",
            known_start="DECOM",
            known_end=f"DEC + {late}",
            reported=reported,
            basis="declared_delay",
            ends_only=True,
        ),
        Point(
            EPISODES.name,
            "'CLA//PLACEMENT_MOVE'",
            "DECOM",
            f"DECOM + {late}",
            "declared_delay",
            where="RNE IN ('P', 'T', 'B', 'U')",
        ),
        missing("MISSING"),
        missing("AWAY"),
        Point(REVIEWS.name, "'CLA//REVIEW//' || REVIEW_CODE", "REVIEW", f"REVIEW + {late}", "declared_delay"),
        Point(
            HEALTH.name,
            "'CLA//SDQ'",
            "year_end",
            reported,
            "declared_delay",
            number="SDQ_SCORE",
            where="SDQ_SCORE IS NOT NULL",
        ),
        Point(
            HEALTH.name,
            "'CLA//SUBSTANCE_MISUSE'",
            "year_end",
            reported,
            "declared_delay",
            where="SUBSTANCE_MISUSE",
        ),
    )


def _care_starts(late: int) -> str:
    """Return a start where an episode says so, or where no earlier episode reaches it (care began before the files)."""
    return f"""
        WITH episodes AS (
            SELECT subject_id, DECOM, bool_or(RNE = 'S') AS says_so, max(coalesce(DEC, DATE '9999-12-31')) AS until,
                   min(file) AS file
            FROM {EPISODES.name} GROUP BY subject_id, DECOM
        )
        SELECT subject_id, DECOM AS time, DECOM + {late} AS known, 'declared_delay' AS basis,
               'CLA//CARE//START' AS code, NULL AS number, file
        FROM (
            SELECT *, max(until) OVER (PARTITION BY subject_id ORDER BY DECOM
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
            FROM episodes
        )
        WHERE says_so OR reached IS NULL OR reached < DECOM"""


def _last_days() -> str:
    """Return episodes with the end of care as their end: X1 says that the next episode begins on the same day."""
    return f"SELECT subject_id, file, year_end, DECOM, CASE WHEN REC <> 'X1' THEN DEC END AS DEC FROM {EPISODES.name}"


def _facts(delays: DelaySpec) -> tuple[Fact, ...]:
    known = f"year_end + {delays.ssda903_days}"
    return (
        Fact("birth", HEADER.name, "DOB", known),
        Fact("sex", HEADER.name, "SEX", known),
        Fact("ethnicity", HEADER.name, "ETHNIC", known),
    )


SOURCE = Source(
    "CLA", (HEADER, EPISODES, MISSING, HEALTH, REVIEWS), events=_events, facts=_facts, yearly=True
)
