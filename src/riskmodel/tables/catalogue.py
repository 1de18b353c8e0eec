"""What each code of the event log means, from the packaged YAML and, where a study has one, a file of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from riskmodel.errors import StudyError, did_you_mean
from riskmodel.settings import Settings, faults_in, read_settings, read_text

FAMILY = "//*"
RETENTION_BASIS = "assumed"


@dataclass(frozen=True)
class CodeInfo:
    """What one code, or one open family of codes, means.

    Parameters
    ----------
    code : str
        Such as ``EDU//SUSPENSION//DB``; an open family ends in ``//*``.
    description : str
        Plain words that follow "the young person", such as "suspended from school".
    agency, unit, concept : str
    direction : int
        1, -1 or 0; see ``FeatureInfo``.
    enforcement_made, police_recorded, safe_to_share : bool
    lawful_basis : str
        A note for the board, not legal advice.
    retention_years : int
    retention_basis : str
        ``assumed`` until a borough writes down its own schedule.
    """

    code: str
    description: str
    agency: str
    unit: str
    concept: str
    direction: int
    enforcement_made: bool
    police_recorded: bool
    safe_to_share: bool
    lawful_basis: str
    retention_years: int
    retention_basis: str = RETENTION_BASIS


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Direction = Literal[-1, 0, 1]
Words = Annotated[str, Field(min_length=3)]


class _Detail(_Strict):
    """What differs for one member of a family."""

    description: Words
    unit: Words | None = None
    concept: Words | None = None
    direction: Direction | None = None
    enforcement_made: bool | None = None
    police_recorded: bool | None = None
    safe_to_share: bool | None = None


class _Entry(_Strict):
    code: Words
    agency: Annotated[str, Field(min_length=1)]
    description: Words
    unit: Words
    concept: Words
    direction: Direction
    enforcement_made: bool = False
    police_recorded: bool = False
    safe_to_share: bool = True
    retention_years: int | None = Field(default=None, ge=0)
    details: Mapping[str, Words | _Detail] = {}


class _Agency(_Strict):
    lawful_basis: Words
    retention_years: int = Field(ge=0)


class _File(_Strict):
    agencies: Mapping[str, _Agency] = {}
    codes: tuple[_Entry, ...]


@dataclass(frozen=True)
class Catalogue:
    """Every code that may be read, in the order of the files.

    Parameters
    ----------
    codes : mapping of str to CodeInfo
        Single codes and open families.
    families : mapping of str to CodeInfo
        What is said of any code of a family, also one that its details do not list.
    """

    codes: Mapping[str, CodeInfo]
    families: Mapping[str, CodeInfo]

    def knows(self, code: str) -> bool:
        """Return whether a code of an event log is described, by itself or by its family."""
        return code in self.codes or any(fnmatchcase(code, family) for family in self.families)

    def lookup(self, code: str) -> CodeInfo:
        """Return what a code means; a code that its family's details do not list is described as the family.

        Raises
        ------
        StudyError
            If neither the code nor a family of it is described.
        """
        if code in self.codes:
            return self.codes[code]
        fitting = [family for family in self.families if fnmatchcase(code, family)]
        if not fitting:
            raise StudyError([self.unknown(code)], where="the code catalogue")
        return replace(self.families[max(fitting, key=len)], code=code)

    def match(self, pattern: str) -> tuple[str, ...]:
        """Return the described codes that a pattern selects; ``*`` stands for any text.

        An open family is returned by its own name when the pattern lies within it or covers it.
        """
        if pattern not in self._matched:
            self._matched[pattern] = tuple(code for code in self.codes if self._selects(pattern, code))
        return self._matched[pattern]

    def unknown(self, pattern: str) -> str:
        """Return a sentence that says that nothing fits a pattern and names the nearest that does."""
        return f"no code is described as '{pattern}'; {did_you_mean(pattern, self._names)}"

    def _selects(self, pattern: str, code: str) -> bool:
        return fnmatchcase(code, pattern) or (code.endswith(FAMILY) and fnmatchcase(pattern, code))

    @cached_property
    def _matched(self) -> dict[str, tuple[str, ...]]:
        return {}  # what was asked before: a library asks for the same codes again and again

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return (*self.codes, *self.families)


def load_catalogue(extra: Path | None = None) -> Catalogue:
    """Read the packaged catalogue and, if given, a study's own file, whose entries replace packaged ones.

    Parameters
    ----------
    extra : Path, optional
        YAML of the same shape as the packaged ``catalogue.yaml``.

    Raises
    ------
    StudyError
        With every fault of the file.
    """
    packaged, faults = _packaged(), []
    files = [packaged.said]
    if extra is not None:
        own = _read(read_text(extra, where="the catalogue"), str(extra))
        files.append(own.said)
        listed = {**packaged.said.agencies, **own.said.agencies}
        faults = [
            f"{own.written.at(('codes', number, 'agency'))}: '{entry.code}': agency '{entry.agency}' is not listed"
            f" under 'agencies'; {did_you_mean(entry.agency, listed)}"
            for number, entry in enumerate(own.said.codes)
            if entry.agency not in listed
        ]
    if faults:
        raise StudyError(faults, where=str(extra))
    agencies = {name: agency for file in files for name, agency in file.agencies.items()}
    entries = [entry for file in files for entry in file.codes]
    codes = {info.code: info for entry in entries for info in _members(entry, agencies[entry.agency])}
    families = {e.code: _info(e, agencies[e.agency]) for e in entries if e.code.endswith(FAMILY)}
    return Catalogue(codes=codes, families=families)


class _Read(NamedTuple):
    written: Settings
    said: _File


@cache
def _packaged() -> _Read:
    text = resources.files("riskmodel.tables").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    return _read(text, "catalogue.yaml")


def _read(text: str, file: str) -> _Read:
    written = read_settings(text, file, kind=dict)
    try:
        return _Read(written, _File.model_validate(written.value))
    except ValidationError as error:
        raise StudyError(faults_in(error, _File, written.at, whole="the catalogue"), where=file) from None


def _members(entry: _Entry, agency: _Agency) -> Iterator[CodeInfo]:
    base = _info(entry, agency)
    if not entry.details:
        yield base
    for detail, said in entry.details.items():
        fields = {"description": said} if isinstance(said, str) else said.model_dump(exclude_none=True)
        yield replace(base, code=entry.code.removesuffix("*") + detail, **fields)


def _info(entry: _Entry, agency: _Agency) -> CodeInfo:
    fields = entry.model_dump(exclude={"details", "retention_years"})
    years = agency.retention_years if entry.retention_years is None else entry.retention_years
    return CodeInfo(**fields, lawful_basis=agency.lawful_basis, retention_years=years)
