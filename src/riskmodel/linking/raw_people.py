"""What the linking party knows of the agencies' keys while it pseudonymises: birth dates, pupil numbers, areas."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.errors import DataError
from riskmodel.intake.identifiers import has_upn_form
from riskmodel.intake.layout import ISO
from riskmodel.intake.reading import read_rows
from riskmodel.intake.sources import SPINE
from riskmodel.linking.raw_values import each_distinct, read_day
from riskmodel.linking.secret import Secret

AGENCIES = tuple(SPINE.fields[0].codes)
_AREA = re.compile(r"[A-Z][0-9]{8}")


@dataclass
class RawPeople:
    """The keys that files use, the earliest birth date that any file gives a key, and its pupil number.

    Attributes
    ----------
    births : mapping of str to mapping of str to int
        By agency and key: days since 1970.
    upns : mapping of str to mapping of str to str
        By agency and key.
    keys : mapping of str to set of str
        By agency.
    parents : mapping of str to mapping of str to int
        By a table that others link through, and by the key that they share, for the file read last: birth dates.
    """

    births: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    upns: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    parents: dict[str, dict[str, int]] = field(default_factory=dict)

    def add_births(self, agency: str, born: Iterable[tuple[str, int | None]]) -> None:
        """Note birth dates; of several for one key the earliest stays, so that no row is set aside in doubt."""
        known = self.births[agency]
        for key, day in born:
            if day is not None:
                known[key] = min(day, known.get(key, day))

    def add_upns(self, agency: str, numbers: Iterable[tuple[str, str]]) -> None:
        """Note pupil numbers; of several for one key the first in the alphabet stays."""
        known = self.upns[agency]
        for key, upn in numbers:
            if key and has_upn_form(upn):
                known[key] = min(upn.upper(), known.get(key, upn.upper()))

    def spine(self, secret: Secret) -> list[tuple[str, str, int]]:
        """Return agency, pseudonym and person of every key: one person a key, but one for all keys of a UPN."""
        rows = []
        for agency, keys in self.keys.items():
            for key in keys:
                upn = self.upns[agency].get(key)
                subject = secret.subject("UPN", upn) if upn else secret.subject(agency, key)
                rows.append((agency, secret.pseudonym(agency, key), subject))
        return sorted(rows)


def add_identities(people: RawPeople, folder: Path) -> None:
    """Note birth dates and pupil numbers from the files ``<AGENCY>.csv`` that agencies hand over for linking.

    Raises
    ------
    DataError
        If the folder holds none, or one cannot be used.
    """
    found = [path for path in sorted(folder.glob("*.csv")) if path.stem in AGENCIES]
    if not found:
        raise DataError(
            expected="files such as EDU.csv with key, birth_date and upn",
            found="none",
            where="--identities",
            next_step="Name the folder that agencies hand over for linking.",
        )
    for path in found:
        rows = read_rows(path, where=path.name, columns=("key", "birth_date"), optional=("upn",)).table
        keys = _texts(rows.column("key"))
        days = each_distinct(rows.column("birth_date"), lambda text: day_number(text, (ISO,)), pa.int32())
        people.add_births(path.stem, zip(keys, days.to_pylist(), strict=True))
        people.add_upns(path.stem, zip(keys, _texts(rows.column("upn")), strict=True))


def _texts(column: pa.ChunkedArray) -> list[str]:
    texts: list[str] = pc.utf8_trim_whitespace(column).to_pylist()
    return texts


def day_number(text: str, formats: tuple[str, ...]) -> int | None:
    """Return a day as days since 1970, or nothing if the text is no day."""
    day = read_day(text, formats)
    return None if day is None else day.toordinal() - date(1970, 1, 1).toordinal()


class Areas:
    """Postcodes and the small areas (LSOA) that they lie in.

    Parameters
    ----------
    file : Path, optional
        CSV with ``postcode`` and ``lsoa``, such as from the ONS postcode directory. Without it no postcode is known.

    Raises
    ------
    DataError
        If it cannot be used.
    """

    def __init__(self, file: Path | None) -> None:
        self.known = 0
        self.unknown = 0
        self._postcodes, self._areas = pa.array([], pa.string()), pa.array([], pa.string())
        if file is not None:
            rows = read_rows(file, where=file.name, columns=("postcode", "lsoa")).table
            self._postcodes = _plain(rows.column("postcode").combine_chunks())
            self._areas = pc.utf8_trim_whitespace(rows.column("lsoa").combine_chunks())

    def of(self, column: pa.ChunkedArray) -> pa.Array:
        """Return the area of each postcode, and areas as they are; what is unknown becomes blank and is counted."""
        texts = column.combine_chunks()
        found = pc.take(self._areas, pc.index_in(_plain(texts), value_set=self._postcodes))
        areas = each_distinct(
            pa.chunked_array([texts]), lambda t: t if _AREA.fullmatch(t) else None, pa.string()
        )
        result = pc.coalesce(areas, found, "")
        self.known += int(pc.sum(pc.not_equal(result, "")).as_py() or 0)
        blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
        self.unknown += int(pc.sum(pc.and_(pc.equal(result, ""), pc.invert(blank))).as_py() or 0)
        return result


def _plain(postcodes: pa.Array) -> pa.Array:
    return pc.utf8_upper(pc.replace_substring_regex(postcodes, r"\s", ""))


def upn_groups(numbers: Mapping[str, Mapping[str, str]]) -> int:
    """Return how many pupil numbers stand at more than one agency."""
    agencies: dict[str, set[str]] = defaultdict(set)
    for agency, held in numbers.items():
        for upn in held.values():
            agencies[upn].add(agency)
    return sum(len(at) > 1 for at in agencies.values())
