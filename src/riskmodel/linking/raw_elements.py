"""Turns a raw children in need census into one that may leave, child by child, so that memory stays bounded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree as ET

from riskmodel.errors import DataError
from riskmodel.intake.layout import Kind, Layout
from riskmodel.intake.layouts import cin_census
from riskmodel.linking.raw_account import RawAccount
from riskmodel.linking.raw_files import RawFile
from riskmodel.linking.raw_people import RawPeople, day_number
from riskmodel.linking.raw_rows import BEFORE_BIRTH
from riskmodel.linking.raw_values import WITHHELD, birth_fields, cleaner, first_of_month
from riskmodel.linking.secret import Secret

_ALIASES = {"GenderCurrent": "Sex"}  # its name up to 2023
_NUMBERS = ("UPN", "FormerUPN")


def _element(layout: Layout) -> str:
    return layout.pattern.rpartition("#")[2]


_LAYOUTS = {_element(layout): layout for layout in cin_census.LAYOUTS}
# Elements that hold others, and the table whose fields may stand in them.
_HOLDERS = {
    **_LAYOUTS,
    "ChildIdentifiers": cin_census.CHILDREN,
    "ChildCharacteristics": cin_census.CHILDREN,
    "Assessments": cin_census.ASSESSMENT_FACTORS,
    "FactorsIdentifiedAtAssessment": cin_census.ASSESSMENT_FACTORS,
}
_REPEATED = {"AssessmentFactors"}  # a row of its own without elements inside


@dataclass
class _Census:
    """One census under way."""

    file: RawFile
    people: RawPeople
    secret: Secret
    rows_in: Counter[str] = field(default_factory=Counter)
    rows_out: Counter[str] = field(default_factory=Counter)
    set_aside: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    withheld: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    birthdays: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    cleaners: dict[tuple[str, str], Callable[[str], str]] = field(default_factory=dict)
    born: int | None = None

    def child(self, child: ET.Element) -> ET.Element:
        """Return what may leave of a child."""
        self._know(child)
        before = Counter(self.rows_in)
        copied = ET.Element("Child")
        self.rows_in["Child"] += 1
        copied.extend(self._allowed(child, cin_census.CHILDREN))
        for kind in _LAYOUTS:
            found = sum(1 for _ in cin_census.elements_of(child, kind))
            if found != self.rows_in[kind] - before[kind]:
                raise _misplaced(self.file.name)
            self.rows_out[kind] += sum(1 for _ in cin_census.elements_of(copied, kind))
        return copied

    def _know(self, child: ET.Element) -> None:
        identifiers = {
            element.tag: (element.text or "").strip() for element in child.iterfind("./ChildIdentifiers/*")
        }
        key = identifiers.get("LAchildID", "")
        if key:
            self.people.keys[self.file.agency].add(key)
            self.people.add_upns(self.file.agency, [(key, identifiers.get("UPN", ""))])
        own = day_number(identifiers.get("PersonBirthDate", ""), cin_census.CHILDREN.day_formats)
        self.born = self.people.births[self.file.agency].get(key) if own is None else own

    def _allowed(self, holder: ET.Element, layout: Layout) -> Iterator[ET.Element]:
        """Yield what may leave of the elements inside one."""
        fields = {field.column for field in layout.fields}
        for element in holder:
            column = _ALIASES.get(element.tag, element.tag)
            if element.tag in _HOLDERS and element.tag not in _REPEATED:
                yield from self._held(element)
            elif column in fields:
                self.rows_in[element.tag] += element.tag in _REPEATED
                yield self._leaf(element, column, layout)

    def _held(self, element: ET.Element) -> Iterator[ET.Element]:
        """Yield a copy of an element that holds others; of one that is set aside, only the rows inside it."""
        layout = _HOLDERS[element.tag]
        is_row = element.tag in _LAYOUTS
        self.rows_in[element.tag] += is_row
        reason = self._before_birth(element, layout)
        if reason and is_row:
            self.set_aside[element.tag].append((self.rows_in[element.tag], reason))
            for inside in element:
                if inside.tag in _HOLDERS and inside.tag not in _REPEATED:
                    yield from self._held(inside)
        elif reason:
            for repeated in _REPEATED:
                for _ in element.iter(repeated):
                    self.rows_in[repeated] += 1
                    self.set_aside[repeated].append((self.rows_in[repeated], reason))
        else:
            copied = ET.Element(element.tag)
            copied.extend(self._allowed(element, layout))
            yield copied

    def _before_birth(self, element: ET.Element, layout: Layout) -> str:
        for column in self._event_days(layout):
            day = day_number((element.findtext(column) or "").strip(), layout.day_formats)
            if day is not None and self.born is not None and day < self.born:
                return f"{column} {BEFORE_BIRTH}"
        return ""

    def _event_days(self, layout: Layout) -> list[str]:
        births = birth_fields(self.file.source, layout)
        return [one.column for one in layout.fields if one.kind is Kind.DAY and one.column not in births]

    def _is_birthday(self, text: str, layout: Layout) -> bool:
        return self.born is not None and day_number(text, layout.day_formats) == self.born

    def _leaf(self, element: ET.Element, column: str, layout: Layout) -> ET.Element:
        clean = self.cleaners.get((layout.name, column))
        if clean is None:
            found = next(field for field in layout.fields if field.column == column)
            clean = cleaner(
                found, source=self.file.source, layout=layout, agency=self.file.agency, secret=self.secret
            )
            self.cleaners[layout.name, column] = clean
        text = (element.text or "").strip()
        copied = ET.Element(element.tag)
        copied.text = clean(text)
        if column in self._event_days(layout) and self._is_birthday(text, layout):
            copied.text = first_of_month(text, layout.day_formats)
            self.birthdays[_element(layout)][column] += 1
        self.withheld[_element(layout)][column] += copied.text == WITHHELD
        return copied

    def accounts(self) -> dict[str, RawAccount]:
        """Return the account of each kind of element."""
        return {
            kind: RawAccount(
                self.rows_in[kind],
                self.rows_out[kind],
                tuple(self.set_aside[kind]),
                self.withheld[kind],
                self.birthdays[kind],
            )
            for kind in _LAYOUTS
        }


def write_elements(file: RawFile, out: Path, *, people: RawPeople, secret: Secret) -> dict[str, RawAccount]:
    """Write what may leave of a census as XML, and return the account of each kind of element.

    Raises
    ------
    DataError
        If the file cannot be used, or holds an element where no census has it.
    """
    census = _Census(file, people, secret)
    found = dict.fromkeys([*_LAYOUTS, "Children"], 0)
    with out.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write("<?xml version='1.0' encoding='UTF-8'?>\n<Message>\n<Children>\n")
        for child in cin_census.children_of(file.path, found, where=file.name):
            _write(census.child(child), stream)
        stream.write("</Children>\n</Message>\n")
    if any(found[kind] != census.rows_in[kind] for kind in _LAYOUTS):
        raise _misplaced(file.name)
    return census.accounts()


def _write(child: ET.Element, stream: TextIO) -> None:
    ET.indent(child)
    stream.write(ET.tostring(child, encoding="unicode") + "\n")


def _misplaced(where: str) -> DataError:
    return DataError(
        expected="each element inside its Child, and each factor inside its assessment",
        found="an element in another place",
        where=where,
        next_step="Ask the sender to check the file against the schema and send it again.",
    )
