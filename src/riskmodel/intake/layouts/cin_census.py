"""Children in need census: one XML file a year, read as a stream (elements: liia ``CIN_schema_2025.xsd``).

Each kind of element is a table of its own, so that one broken date sets aside one row and not a child.
"""

# ruff: noqa: S608 - queries are made of our own words; a study's words pass through named() and said()

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa

from riskmodel.errors import DataError
from riskmodel.intake.layout import (
    Context,
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
    yes_no,
)
from riskmodel.intake.layouts.people_codes import ETHNICITY, SEX
from riskmodel.intake.reading import ROW, TextRows
from riskmodel.intake.spec import DelaySpec

REFERRERS = "1A 1B 1C 1D 2A 2B 3A 3B 3C 3D 3E 3F 4 5A 5B 5C 5D 6 7 8 9 10"
NEEDS = "N1 N2 N3 N4 N5 N6 N7 N8 N9 N0"
ABUSE = "NEG PHY SAB EMO MUL"
CLOSURES = "RC1 RC2 RC3 RC4 RC5 RC6 RC7 RC8 RC9"
FACTORS = (
    "1A 1B 1C 2A 2B 2C 3A 3B 3C 4A 4B 4C 5A 5B 5C 6A 6B 6C 7A 8B 8C 8D 8E 8F 9A 10A 11A 12A 13A 14A 15A 16A 17A "
    "18A 18B 18C 19A 19B 19C 20 21 22A 23A 24A"
)
CHILD_NUMBER = "child_number"
_WAITING_ROWS = 20_000
PATTERN = r"cin_census/.*cin_(?P<year>\d{4})\.xml"


def _context(match: re.Match[str]) -> Context:
    return {"year_end": date(int(match["year"]), 3, 31)}


_layout = partial(Layout, context=_context, context_types={"year_end": "DATE"})
_CHILD = Link(
    parent="need_children",
    on=("year_end", CHILD_NUMBER),
    orphan="its Child element was set aside",
)
CHILDREN = _layout(
    name="need_children",
    pattern=f"{PATTERN}#Child",
    fields=(
        key(CHILD_NUMBER),
        key("LAchildID"),
        day("PersonBirthDate", required=False),
        code("Sex", SEX, required=False),
        code("Ethnicity", ETHNICITY, required=False),
    ),
    link=Link(agency="CSC", key="LAchildID"),
    unique=(("LAchildID",),),
)
REFERRALS = _layout(
    name="need_referrals",
    pattern=f"{PATTERN}#CINdetails",
    fields=(
        key(CHILD_NUMBER),
        day("CINreferralDate"),
        code("ReferralSource", REFERRERS, required=False),
        code("PrimaryNeedCode", NEEDS, required=False),
        day("CINclosureDate", required=False),
        code("ReasonForClosure", CLOSURES, required=False),
        day("DateOfInitialCPC", required=False),
        yes_no("ReferralNFA", required=False),
    ),
    link=_CHILD,
    rules=(in_order("CINreferralDate", "CINclosureDate"),),
    unique=((CHILD_NUMBER, "CINreferralDate"),),
    tells=("CSC//REFERRAL//", "CSC//NEED//", "CSC//CIN//"),
)
ASSESSMENT_FACTORS = _layout(
    name="need_factors",
    pattern=f"{PATTERN}#AssessmentFactors",
    fields=(
        key(CHILD_NUMBER),
        day("AssessmentActualStartDate", required=False),
        day("AssessmentAuthorisationDate"),
        code("AssessmentFactors", FACTORS),
    ),
    link=_CHILD,
    rules=(in_order("AssessmentActualStartDate", "AssessmentAuthorisationDate"),),
    tells=("CSC//FACTOR//",),
    unique=((CHILD_NUMBER, "AssessmentAuthorisationDate", "AssessmentFactors"),),
)
ENQUIRIES = _layout(
    name="need_enquiries",
    pattern=f"{PATTERN}#Section47",
    fields=(key(CHILD_NUMBER), day("S47ActualStartDate")),
    link=_CHILD,
    unique=((CHILD_NUMBER, "S47ActualStartDate"),),
    tells=("CSC//S47",),
)
# The referrals of a file are read before its plans.
_INSIDE_AN_EPISODE = Rule(
    f"""linked.subject_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM {REFERRALS.name} AS episode
        WHERE episode.year_end = typed.year_end AND episode.{CHILD_NUMBER} = typed.{CHILD_NUMBER}
            AND episode.CINreferralDate <= typed.CPPstartDate
            AND coalesce(episode.CINclosureDate, DATE '9999-12-31') >= typed.CPPstartDate)""",
    "the plan does not start within an accepted CIN episode of the child",
)
PLANS = _layout(
    name="need_plans",
    pattern=f"{PATTERN}#ChildProtectionPlans",
    fields=(
        key(CHILD_NUMBER),
        day("CPPstartDate"),
        day("CPPendDate", required=False),
        code("InitialCategoryOfAbuse", ABUSE),
        code("LatestCategoryOfAbuse", ABUSE, required=False),
    ),
    link=_CHILD,
    rules=(in_order("CPPstartDate", "CPPendDate"), _INSIDE_AN_EPISODE),
    unique=((CHILD_NUMBER, "CPPstartDate"),),
    tells=("CSC//CPP//",),
)
LAYOUTS = (CHILDREN, REFERRALS, ASSESSMENT_FACTORS, ENQUIRIES, PLANS)


def read_elements(path: Path, where: str) -> dict[str, TextRows]:
    """Read a census file as a stream into one table of text for each kind of element.

    Only a few thousand elements are Python objects at any time; the rest are columns of text.

    Parameters
    ----------
    path : Path
        The XML file.
    where : str
        What messages call it.

    Returns
    -------
    dict
        By the element's name, such as ``CINdetails``.

    Raises
    ------
    DataError
        If the file is empty, cut off, wrongly encoded, not XML, holds no ``Children``, or holds elements where no
        census has them.
    """
    gathered = {_element(layout): _Rows(layout) for layout in LAYOUTS}
    found = dict.fromkeys(gathered, 0)
    for number, child in enumerate(children_of(path, found, where=where), start=1):
        for element, rows in gathered.items():
            rows.add(str(number), elements_of(child, element))
    tables = {element: rows.table() for element, rows in gathered.items()}
    if any(found[element] != table.num_rows for element, table in tables.items()):
        raise DataError(
            expected="each element inside its Child, and each factor inside its assessment",
            found="an element in another place",
            where=where,
            next_step="Ask the sender to check the file against the schema and send it again.",
        )
    return {element: TextRows(table) for element, table in tables.items()}


class _Rows:
    """The rows of one kind of element, kept as columns."""

    def __init__(self, layout: Layout) -> None:
        self._columns = [field.column for field in layout.fields]
        self._waiting: list[tuple[str, ...]] = []
        self._parts: list[pa.Table] = []

    def add(self, child: str, elements: Iterable[Mapping[str, str]]) -> None:
        """Add the elements of one child."""
        for values in elements:
            self._waiting.append((child, *(values.get(name, "") for name in self._columns[1:])))
        if len(self._waiting) >= _WAITING_ROWS:
            self._keep()

    def table(self) -> pa.Table:
        """Return all rows, numbered."""
        self._keep()
        whole = pa.concat_tables(self._parts)
        return whole.add_column(0, ROW, pa.array(np.arange(1, whole.num_rows + 1, dtype=np.int32)))

    def _keep(self) -> None:
        columns = zip(*self._waiting, strict=True) if self._waiting else ((),) * len(self._columns)
        arrays = [pa.array(column, pa.string()) for column in columns]
        self._parts.append(pa.table(arrays, names=self._columns))
        self._waiting = []


def _element(layout: Layout) -> str:
    element: str = layout.pattern.rpartition("#")[2]
    return element


def children_of(path: Path, found: dict[str, int], *, where: str) -> Iterator[ET.Element]:
    """Yield each child, and count the elements of each kind wherever they stand."""
    _refuse_declarations(path, where=where)
    try:
        yield from _each_child(path, found)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise DataError(
            expected="a whole, well-formed XML file in the encoding it declares",
            found="a file that is cut off, damaged or wrongly encoded",
            where=where,
            next_step="Ask the sender to send it again.",
        ) from error
    if not found.get("Children"):
        raise DataError(
            expected="a Message with Children",
            found="no Children element",
            where=where,
            next_step="Check that this is a CIN census.",
        )


def _each_child(path: Path, found: dict[str, int]) -> Iterator[ET.Element]:
    around: ET.Element | None = None
    for happened, element in ET.iterparse(path, events=("start", "end")):  # noqa: S314 - declarations are refused
        if happened == "start":
            around = element if element.tag.endswith("Children") else around
            continue
        if "}" in element.tag:
            element.tag = element.tag.rpartition("}")[2]
        found[element.tag] = found.get(element.tag, 0) + 1
        if element.tag == "Child":
            yield element
            element.clear()
            if around is not None:
                del around[:]  # else a million empty elements would stay


def _refuse_declarations(path: Path, *, where: str) -> None:
    """Refuse a document type, which no census has: it could make the parser expand the file without end."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if not start.strip():
        raise DataError(
            expected="a Message with Children",
            found="an empty file",
            where=where,
            next_step="Ask the sender to send it again.",
        )
    if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
        raise DataError(
            expected="plain XML",
            found="a document type declaration",
            where=where,
            next_step="Ask the sender for an export without it.",
        )


def elements_of(child: ET.Element, kind: str) -> Iterator[Mapping[str, str]]:
    """Yield the values of each element of a kind in one child."""
    if kind == "Child":
        yield _values(
            child.findall("./ChildIdentifiers/*") + child.findall("./ChildCharacteristics/Ethnicity")
        )
    elif kind == "AssessmentFactors":
        for assessment in child.iter("Assessments"):
            days = _values(assessment)
            for factor in assessment.iter("AssessmentFactors"):
                yield {**days, "AssessmentFactors": factor.text or ""}
    else:
        for element in child.iter(kind):
            yield _values(element)


def _values(elements: Iterable[ET.Element]) -> dict[str, str]:
    values = {element.tag: (element.text or "").strip() for element in elements}
    if "GenderCurrent" in values:  # its name up to 2023
        values.setdefault("Sex", values["GenderCurrent"])
    return values


def _events(delays: DelaySpec) -> tuple[EventRule, ...]:
    late = delays.cin_days
    reported = f"year_end + {late}"

    def at(table: str, code_sql: str, time: str, where: str = "TRUE") -> Point:
        """Return the rule for events on a day."""
        return Point(table, code_sql, time, f"{time} + {late}", "declared_delay", where=where)

    def spell(table: str, stem: str, start: str, end: str, *, detail: str = "", where: str = "TRUE") -> Spell:
        """Return the rule for what lasts."""
        return Spell(
            table,
            stem,
            start=start,
            end=end,
            known_start=f"{start} + {late}",
            known_end=f"{end} + {late}",
            reported=reported,
            basis="declared_delay",
            detail=detail,
            where=where,
        )

    needed = "PrimaryNeedCode NOT IN ('N0', 'N9')"
    return (
        at("need_referrals", "'CSC//REFERRAL//' || coalesce(ReferralSource, '10')", "CINreferralDate"),
        at("need_referrals", "'CSC//NEED//' || PrimaryNeedCode", "CINreferralDate", needed),
        spell(
            "need_referrals",
            "CSC//CIN",
            "CINreferralDate",
            "CINclosureDate",
            where="NOT coalesce(ReferralNFA, FALSE)",
        ),
        at("need_factors", "'CSC//FACTOR//' || AssessmentFactors", "AssessmentAuthorisationDate"),
        at("need_enquiries", "'CSC//S47'", "S47ActualStartDate"),
        spell("need_plans", "CSC//CPP", "CPPstartDate", "CPPendDate", detail="InitialCategoryOfAbuse"),
    )


def _facts(delays: DelaySpec) -> tuple[Fact, ...]:
    known = f"year_end + {delays.cin_days}"
    return (
        Fact("birth", CHILDREN.name, "PersonBirthDate", known),
        Fact("sex", CHILDREN.name, "Sex", known),
        Fact("ethnicity", CHILDREN.name, "Ethnicity", known),
    )


SOURCE = Source("CSC", LAYOUTS, events=_events, facts=_facts, yearly=True, read_elements=read_elements)
