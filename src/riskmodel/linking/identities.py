"""What the agencies hand to the linking party, read and brought into one form."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskmodel.errors import DataError
from riskmodel.intake.reading import read_rows
from riskmodel.linking.phonetics import letters, sound

AGENCIES = ("EDU", "CSC", "CLA", "YJ", "HEALTH", "POLICE", "HOUSING", "SUPPORT")
COLUMNS = ("key", "forename", "surname", "birth_date", "sex", "postcode", "upn", "nhs_number")

_UPN = re.compile(r"[A-HJ-NP-RT-Z]\d{12}")
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_NHS = re.compile(r"\d{10}")
_POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}")
_SEXES = {"M": "M", "MALE": "M", "1": "M", "F": "F", "FEMALE": "F", "2": "F"}


@dataclass(frozen=True)
class Records:
    """Every record of every agency; a record is known by its place from here on.

    Parameters
    ----------
    table : pyarrow.Table
        Text columns ``agency``, ``key``, ``forename``, ``surname``, ``birth_date`` (ISO), ``sex`` (M or F),
        ``postcode`` (without the space), ``upn``, ``nhs_number`` (both with a right check), ``forename_sound``,
        ``surname_sound``; null where an agency does not say. Sorted by agency and key.
    unusable : dict
        For each agency and column, how many values were filled in but cannot be used, such as an impossible date.
    """

    table: pa.Table
    unusable: dict[str, dict[str, int]]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def codes(self, column: str) -> npt.NDArray[np.int64]:
        """Return the values of a column as numbers, the same for the same value; -1 where there is none."""
        found = self.table[column].combine_chunks().dictionary_encode().indices.fill_null(-1)
        return np.asarray(found).astype(np.int64)

    def texts(self, column: str) -> list[str]:
        """Return the values of a column; empty where there is none."""
        return [value or "" for value in self.table[column].to_pylist()]


def read_identities(folder: Path) -> Records:
    """Read ``<AGENCY>.csv`` of every agency in a folder.

    Raises
    ------
    DataError
        If the folder holds no agency's file, or a file cannot be used: unreadable, empty, without a column, with
        rows that do not fit the header, or with a key that is missing or there twice. The message names the file and
        the column, never a value.
    """
    present = [agency for agency in AGENCIES if (folder / f"{agency}.csv").is_file()]
    if not present:
        raise DataError(
            expected="the file of at least one agency, such as EDU.csv",
            found="none",
            where=str(folder),
            next_step=f"Name the files after the agencies: {', '.join(AGENCIES)}.",
        )
    unusable: dict[str, dict[str, int]] = {}
    tables = [_read_agency(folder, agency, unusable) for agency in present]
    return Records(pa.concat_tables(tables).combine_chunks(), unusable)


def _read_agency(folder: Path, agency: str, unusable: dict[str, dict[str, int]]) -> pa.Table:
    """Return one agency's records in the one form, sorted by key."""
    name = f"{agency}.csv"
    rows = read_rows(folder / name, where=name, columns=COLUMNS)
    if rows.ragged:
        raise _fault(name, "rows with as many values as the header", f"{len(rows.ragged)} others")
    if not rows.table.num_rows:
        raise _fault(name, "at least one row", "a header only")
    table = rows.table.sort_by("key")
    keys = table["key"]
    _check_keys(name, keys)
    columns: dict[str, Any] = {"agency": pa.repeat(agency, len(keys)), "key": keys}
    for column, form in _FORMS.items():
        given = table[column].to_pylist()
        columns[column], lost = _formed(given, form)
        if lost:
            unusable.setdefault(agency, {})[column] = lost
    for column in ("forename", "surname"):
        columns[f"{column}_sound"] = _formed(columns[column].to_pylist(), sound)[0]
    return pa.table(columns)


def _check_keys(name: str, keys: pa.ChunkedArray) -> None:
    texts = np.array([key.strip() for key in keys.to_pylist()])
    blank = int((texts == "").sum())
    if blank:
        raise _fault(name, "a key in every row (column key)", f"{blank} rows without")
    twice = len(texts) - len(np.unique(texts))
    if twice:
        raise _fault(name, "every key once (column key)", f"{twice} rows with a key that is there already")


def _formed(values: list[str | None], form: Callable[[str], str]) -> tuple[pa.Array, int]:
    """Return the values in one form, each distinct one formed once, and how many were lost by it."""
    forms = {value: form(value) or None for value in dict.fromkeys(values) if value}
    formed = [forms[value] if value else None for value in values]
    lost = sum(1 for value in values if value and value.strip() and forms[value] is None)
    return pa.array(formed, pa.string()), lost


def _birth_date(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        return ""


def _sex(text: str) -> str:
    return _SEXES.get(text.strip().upper(), "")


def _postcode(text: str) -> str:
    compact = text.replace(" ", "").upper()
    return compact if _POSTCODE.fullmatch(compact) else ""


def valid_upn(text: str) -> str:
    """Return a unique pupil number whose check letter is right, else nothing; temporary ones are not shared."""
    number = text.strip().upper()
    if not _UPN.fullmatch(number):
        return ""
    total = sum(int(digit) * weight for weight, digit in enumerate(number[1:], start=2))
    return number if _UPN_LETTERS[total % 23] == number[0] else ""


def valid_nhs_number(text: str) -> str:
    """Return an NHS number whose modulus-11 check digit is right, without spaces, else nothing."""
    number = text.replace(" ", "").replace("-", "")
    if not _NHS.fullmatch(number):
        return ""
    total = sum(int(digit) * weight for weight, digit in zip(range(10, 1, -1), number[:9], strict=True))
    return number if (11 - total % 11) % 11 == int(number[9]) else ""


_FORMS: dict[str, Callable[[str], str]] = {
    "forename": letters,
    "surname": letters,
    "birth_date": _birth_date,
    "sex": _sex,
    "postcode": _postcode,
    "upn": valid_upn,
    "nhs_number": valid_nhs_number,
}


def _fault(where: str, expected: str, found: str) -> DataError:
    return DataError(
        expected=expected, found=found, where=where, next_step="Ask the agency to send the file again."
    )
