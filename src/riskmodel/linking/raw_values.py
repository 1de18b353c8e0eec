"""What may leave the linking party: for each kind of field, only a value that this kind can have.

It is a list of what is allowed, not of what is forbidden. A name in the column of a code, as after a slip of the
columns, becomes ``?``: intake sets that row aside for the same reason as it would have with the name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.intake.identifiers import is_nhs_number, is_postcode, is_upn
from riskmodel.intake.layout import Field, Kind, Layout, Source
from riskmodel.intake.spec import DelaySpec
from riskmodel.linking.secret import Secret

WITHHELD = "?"
BIRTH_COLUMNS = ("DOB", "dob", "birth_date", "date_of_birth", "PersonBirthDate")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?")
_CODE_LIKE = re.compile(r"(?=.*\d)[A-Za-z0-9 _./-]{1,16}")  # a school or an area; no name has a digit
_TRUTHS = {"1", "true", "y", "yes", "0", "false", "n", "no"}

Clean = Callable[[str], str]


def birth_fields(source: Source, layout: Layout) -> frozenset[str]:
    """Return the columns of a layout that hold a birth date: those that give the fact, and those called so."""
    facts = {
        fact.value for fact in source.facts(DelaySpec()) if fact.table == layout.name and fact.what == "birth"
    }
    named = {field.column for field in layout.fields if field.column in BIRTH_COLUMNS}
    return frozenset(facts | named)


def cleaner(field: Field, *, source: Source, layout: Layout, agency: str, secret: Secret) -> Clean:
    """Return the function from a field's text to what may leave.

    Keys become pseudonyms, birth dates the first of their month; what the field cannot hold becomes ``?``.
    """
    if field.kind is Kind.KEY:
        is_person = layout.link is not None and field.column == layout.link.key
        whose = agency if is_person else f"{agency}.{field.column}"
        return lambda text: secret.pseudonym(whose, text)
    if field.kind is Kind.DAY:
        if field.column in birth_fields(source, layout):
            return lambda text: first_of_month(text, layout.day_formats)
        return lambda text: text if not text or read_day(text, layout.day_formats) else WITHHELD
    allowed: dict[Kind, Callable[[str], bool]] = {
        Kind.CODE: lambda text: text in field.codes,
        Kind.NUMBER: lambda text: _is_number(text, field),
        Kind.YES_NO: lambda text: text.lower() in _TRUTHS,
        Kind.TEXT: is_code_like,
    }
    if field.kind not in allowed:
        return lambda text: text and WITHHELD
    may = allowed[field.kind]
    return lambda text: text if not text or may(text) else WITHHELD


def read_day(text: str, formats: tuple[str, ...]) -> date | None:
    """Return the day that a text says in one of some formats, or nothing."""
    read = _read_day(text, formats)
    return None if read is None else read[0]


def _read_day(text: str, formats: tuple[str, ...]) -> tuple[date, str] | None:
    for day_format in formats:
        try:
            return datetime.strptime(text, day_format).date(), day_format  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None


def first_of_month(text: str, formats: tuple[str, ...]) -> str:
    """Return the first of a day's month, as the day was written; what is no day becomes ``?``."""
    if not text:
        return ""
    read = _read_day(text, formats)
    return WITHHELD if read is None else read[0].replace(day=1).strftime(read[1])


def _is_number(text: str, field: Field) -> bool:
    return bool(_NUMBER.fullmatch(text)) and field.low <= float(text) <= field.high


def is_code_like(text: str) -> bool:
    """Return whether a text can be a school's or an area's code and is no direct identifier."""
    return bool(_CODE_LIKE.fullmatch(text)) and not (is_postcode(text) or is_upn(text) or is_nhs_number(text))


def each_distinct(column: pa.ChunkedArray, function: Callable[[str], object], kind: pa.DataType) -> pa.Array:
    """Return a column with a function applied, once to each different text; blanks around texts do not count."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    values = pa.array([function(text.strip()) for text in encoded.dictionary.to_pylist()], kind)
    return values.take(encoded.indices)
