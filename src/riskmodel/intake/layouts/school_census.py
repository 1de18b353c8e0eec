"""School census: the roll each term, attendance, suspensions, special educational needs, free meals.

Field and code names: the tables of github.com/SocialFinanceDigitalLabs/liia-tools-pipeline; attendance codes of the
2024/25 guidance, with the older ones. ``language``, names and every other official column are never read.
"""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import partial

from riskmodel.intake.layout import (
    ISO,
    SCHOOL,
    Context,
    Derived,
    EventRule,
    Fact,
    Layout,
    Link,
    Point,
    Rule,
    Source,
    Spell,
    code,
    day,
    in_order,
    key,
    moves,
    number,
    retired,
    text,
)
from riskmodel.intake.layouts.people_codes import ETHNICITY, SEX
from riskmodel.intake.spec import DelaySpec

# First day, census month and its which-th Thursday, last day. The census days are the official ones; terms are
# rounded to these days, as no file says when a school broke up.
TERMS = {
    "spring": (0, (1, 1), (1, 3), (3, 31)),
    "summer": (1, (4, 1), (5, 3), (7, 20)),
    "autumn": (2, (9, 1), (10, 1), (12, 20)),
}
CONTEXT_TYPES = {"term": "INTEGER", "starts": "DATE", "census": "DATE", "ends": "DATE"}

SEN = {"N": "N", "E": "E", "K": "K", "S": "K", "A": "K", "P": "K"}
SEN_TYPES = "SPLD MLD SLD PMLD SEMH SLCN HI VI MSI PD ASD OTH NSA"
EXCLUSION = {"SUSP": "SUSPENSION", "FIXD": "SUSPENSION", "PERM": "EXCLUSION", "LNCH": "LUNCH_EXCLUSION"}
REASONS = "PP PA VP VA OW BU RA LG DS SM DA DM TH DB MT PH OT"  # OT (other): to summer 2020
_REASON_COLUMNS = ("reason1", "reason2", "reason3")
_MAIN_SCHOOL = "CASE WHEN coalesce(enrolstatus, 'C') IN ('C', 'M') THEN nullif(\"NativeId\", '') END"
_FIRST_WITHOUT_OTHER = 3 * 2020 + TERMS["autumn"][0]


def _codes(listed: str, meaning: str) -> dict[str, str]:
    return dict.fromkeys(listed.split(), meaning)


ATTENDANCE = {
    **_codes("/ \\ B J J1 K L P Q V W D X Y Y1 Y2 Y3 Y4 Y5 Y6 Y7 Z #", "NONE"),
    **_codes("C C1 C2 H I M R S T", "AUTHORISED"),
    **_codes("G N O U", "UNAUTHORISED"),
    "E": "EXCLUDED",
}


def term_days(year: int, season: str) -> Context:
    """Return a term's number (three a year, without gaps), first day, census day and last day.

    Raises
    ------
    KeyError
        If the season is none of spring, summer, autumn.
    """
    order, first, (month, which), last = TERMS[season]
    thursday = (3 - date(year, month, 1).weekday()) % 7 + 7 * (which - 1)
    return {
        "term": year * 3 + order,
        "starts": date(year, *first),
        "census": date(year, month, 1) + timedelta(days=thursday),
        "ends": date(year, *last),
    }


def term_period(year: int, season: str) -> tuple[date, date]:
    """Return the first day of a term and of the next: holidays belong to the term before them."""
    nexts = {"spring": ("summer", 0), "summer": ("autumn", 0), "autumn": ("spring", 1)}
    following, later = nexts[season]
    return date(year, *TERMS[season][1]), date(year + later, *TERMS[following][1])


def _context(match: re.Match[str]) -> Context:
    return term_days(int(match["year"]), match["season"])


def _file(kind: str) -> str:
    return rf"school_census/(?P<year>\d{{4}})_(?P<season>autumn|spring|summer)_{kind}\.csv"


_layout = partial(Layout, day_formats=(SCHOOL, ISO), context=_context, context_types=CONTEXT_TYPES)
_PUPIL = Link(
    parent="school_roll",
    on=("term", "pupilonrolltableid"),
    orphan="no accepted row of the roll of this term has this pupil",
)


def _born_first(happened: str) -> Rule:
    """Return the rule that something did not happen before the month of birth that the roll gives."""
    return Rule(f"typed.{happened} < date_trunc('month', linked.dob)", f"{happened} is before dob")


ROLL = _layout(
    name="school_roll",
    pattern=_file("pupilonroll"),
    fields=(
        key("pupilonrolltableid"),
        text("NativeId"),
        day("dob"),
        key("upn"),
        code("sex", SEX),
        day("entrydate"),
        number("termlysessionspossible", 0, 400, required=False),
        code("ethnicity", ETHNICITY, required=False, may_lack=True),
        code("enrolstatus", "C M S F O G", required=False),
        code("senprovision", SEN, required=False),
    ),
    link=Link(agency="EDU", key="upn"),
    rules=(in_order("dob", "entrydate"),),
    unique=(("pupilonrolltableid",), ("upn", "NativeId")),
    tells=("EDU//ENROL", "EDU//SCHOOL_MOVE", "EDU//SESSIONS//", "EDU//SEN_SUPPORT//", "EDU//EHCP//"),
)
FREE_MEALS = _layout(
    name="school_free_meals",
    pattern=_file("fsmperiodsonroll"),
    fields=(key("pupilonrolltableid"), day("fsmstartdate"), day("fsmenddate", required=False)),
    link=_PUPIL,
    rules=(in_order("fsmstartdate", "fsmenddate"), _born_first("fsmstartdate")),
    unique=(("pupilonrolltableid", "fsmstartdate", "fsmenddate"),),
    tells=("EDU//FSM//",),
)
NEEDS = _layout(
    name="school_needs",
    pattern=_file("senneeds"),
    fields=(
        key("pupilonrolltableid"),
        number("sentyperank", 1, 20, required=False),
        code("sentype", SEN_TYPES),
    ),
    link=_PUPIL,
    unique=(("pupilonrolltableid", "sentype"),),
    tells=("EDU//SEN_NEED//",),
)
ATTENDANCE_ROWS = _layout(
    name="school_attendance",
    pattern=_file("termlysessiondetailsonroll"),
    fields=(key("pupilonrolltableid"), number("sessions", 0, 400), code("attendancereason", ATTENDANCE)),
    link=_PUPIL,
    tells=("EDU//ABSENCE//",),
)
EXCLUSIONS = _layout(
    name="school_exclusions",
    pattern=_file("termlyexclusionsonroll"),
    fields=(
        key("pupilonrolltableid"),
        day("startdate"),
        number("sessions", 0, 400, required=False),
        code("reason1", REASONS),
        *(code(reason, REASONS, required=False, may_lack=True) for reason in _REASON_COLUMNS[1:]),
        code("category", EXCLUSION),
    ),
    link=_PUPIL,
    rules=(
        *(retired(reason, "OT", where=f"typed.term >= {_FIRST_WITHOUT_OTHER}") for reason in _REASON_COLUMNS),
        _born_first("startdate"),
    ),
    unique=(("pupilonrolltableid", "startdate", "category"),),
    tells=("EDU//SUSPENSION//", "EDU//EXCLUSION//", "EDU//LUNCH_EXCLUSION//"),
)
ELSEWHERE = _layout(
    name="school_elsewhere",
    pattern=_file("apdetail"),
    fields=(key("pupilonrolltableid"), day("apentrydate"), day("apleavingdate", required=False)),
    link=_PUPIL,
    rules=(in_order("apentrydate", "apleavingdate"), _born_first("apentrydate")),
    unique=(("pupilonrolltableid", "apentrydate"),),
    tells=("EDU//AP//",),
)


def _events(delays: DelaySpec) -> tuple[EventRule, ...]:
    at_census = f"census + {delays.school_roll_days}"
    after_term = f"ends + {delays.school_term_days}"
    entered = f"greatest({at_census}, entrydate)"
    return (
        Point("school_roll", "'EDU//ENROL'", "entrydate", at_census, "declared_delay"),
        moves(
            "school_roll",
            place="NativeId",
            start="entrydate",
            known=entered,
            code="EDU//SCHOOL_MOVE",
            basis="declared_delay",
        ),
        Derived(_possible_sessions(after_term), once=True),
        Derived(_absence(after_term), once=True),
        Derived(_support_changes(at_census), once=True),
        Derived(_first_listed_needs(at_census)),
        Spell(
            "school_free_meals",
            "EDU//FSM",
            start="fsmstartdate",
            end="fsmenddate",
            known_start=at_census,
            known_end=at_census,
            reported=at_census,
            basis="declared_delay",
        ),
        Point(
            "school_exclusions",
            "'EDU//' || category || '//' || reason1",
            "startdate",
            after_term,
            "declared_delay",
            number="sessions",
        ),
        Spell(
            "school_elsewhere",
            "EDU//AP",
            start="apentrydate",
            end="apleavingdate",
            known_start=after_term,
            known_end=after_term,
            reported=after_term,
            basis="declared_delay",
        ),
    )


def _possible_sessions(known: str) -> str:
    return f"""
        SELECT subject_id, ends AS time, {known} AS known, 'declared_delay' AS basis,
               'EDU//SESSIONS//POSSIBLE' AS code, sum(termlysessionspossible) AS number, min(file) AS file
        FROM school_roll WHERE termlysessionspossible IS NOT NULL GROUP BY subject_id, ends"""


def _absence(known: str) -> str:
    return f"""
        SELECT subject_id, ends AS time, {known} AS known, 'declared_delay' AS basis,
               'EDU//ABSENCE//' || attendancereason AS code, sum(sessions) AS number, min(file) AS file
        FROM school_attendance WHERE attendancereason <> 'NONE' AND sessions > 0
        GROUP BY subject_id, ends, attendancereason"""


def _support_changes(known: str) -> str:
    """Return starts and ends of SEN support (K) and EHC plans (E): a change between two censuses, at the later."""
    return f"""
        WITH said AS (
            -- A pupil at two schools: the current or main one speaks.
            SELECT subject_id, term, census,
                   arg_min(senprovision, (coalesce(enrolstatus, 'C') NOT IN ('C', 'M'))::INTEGER * 1000000000 + row)
                       AS provision, min(file) AS file
            FROM school_roll WHERE senprovision IS NOT NULL GROUP BY subject_id, term, census
        ),
        changes AS (
            SELECT *, coalesce(lag(provision) OVER (PARTITION BY subject_id ORDER BY term), 'N') AS before FROM said
        ),
        edges AS (
            SELECT subject_id, census, file, before AS provision, 'END' AS edge FROM changes WHERE provision <> before
            UNION ALL
            SELECT subject_id, census, file, provision, 'START' AS edge FROM changes WHERE provision <> before
        )
        SELECT subject_id, census AS time, {known} AS known, 'declared_delay' AS basis,
               CASE provision WHEN 'K' THEN 'EDU//SEN_SUPPORT//' ELSE 'EDU//EHCP//' END || edge AS code,
               NULL AS number, file
        FROM edges WHERE provision <> 'N'"""


def _first_listed_needs(known: str) -> str:
    return f"""
        SELECT subject_id, census AS time, {known} AS known, 'declared_delay' AS basis,
               'EDU//SEN_NEED//' || sentype AS code, NULL AS number, file
        FROM (
            SELECT subject_id, sentype, min(census) AS census, min(file) AS file
            FROM school_needs WHERE sentype <> 'NSA' GROUP BY subject_id, sentype
        )"""


def _facts(delays: DelaySpec) -> tuple[Fact, ...]:
    known = f"census + {delays.school_roll_days}"
    return (
        Fact("birth", "school_roll", "dob", known),
        Fact("sex", "school_roll", "sex", known),
        Fact("ethnicity", "school_roll", "ethnicity", known),
        # A pupil at two schools: the current or main one speaks.
        Fact("school", "school_roll", _MAIN_SCHOOL, known),
    )


SOURCE = Source(
    "EDU", (ROLL, FREE_MEALS, NEEDS, ATTENDANCE_ROWS, EXCLUSIONS, ELSEWHERE), events=_events, facts=_facts
)
