"""What searches are counted against: residents, or any other counts that a user names.

A rate depends on its benchmark, and no benchmark is right: residents are not those who are about in the street, and
counts of suspects are made by the police. Several stand beside each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from riskmodel.errors import DataError, StudyError, did_you_mean
from riskmodel.stop_search.labels import GROUPS, KNOWN, UNKNOWN, ethnic_group
from riskmodel.stop_search.reading import DEFINITIONS

AREA = "area"
# By what a benchmark may be divided, in the order in which it is compared.
ATTRIBUTES = ("ethnicity", "sex", "age")
# How an officer may see people of Mixed background, where officers' lists have no such group.
_SEEN = {"White and Black": "Black", "White and Asian": "Asian", "Other Mixed": "Other"}
_CENSUS = {"ltla21_code", "ltla21_name", "ethnic_group", "value"}
_SEXES = {"ltla21_code", "total_females", "total_males"}
# Which authorities a force polices, for the two whose name does not say it and whose residents are at hand.
_FORCES = {"metropolitan": ("E09*", "E09000001"), "city-of-london": ("E09000001", "")}


@dataclass(frozen=True)
class Benchmark:
    """Counts to set searches against.

    Parameters
    ----------
    name : str
        Short, such as ``residents``.
    words : str
        What was counted, for a reader.
    counts : DataFrame
        ``count`` and at least one of ``ethnicity``, ``sex``, ``age``; ``area`` where it knows the authority.
    as_seen : bool
        Its ethnicity is what an officer may see, so it is set against officer-defined ethnicity only.
    """

    name: str
    words: str
    counts: pd.DataFrame
    as_seen: bool = False

    @property
    def attribute(self) -> str:
        """Return what its groups differ by: ethnicity if it knows it, else sex, else age."""
        return next(name for name in ATTRIBUTES if name in self.counts)

    @property
    def definitions(self) -> tuple[str, ...]:
        """Return the columns of searches in which its groups are found."""
        if self.as_seen:
            return ("officer_defined",)
        return DEFINITIONS if self.attribute == "ethnicity" else (self.attribute,)

    def people(self, group: str, *, dimension: str = "", level: str = "") -> float:
        """Return how many belong to a group, and to a level of a dimension that the benchmark knows."""
        inside = self.counts[self.attribute] == group
        if dimension != self.attribute and dimension in self.counts:
            inside &= self.counts[dimension] == level
        return float(self.counts.loc[inside, "count"].sum())

    def comparable(self, searches: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Say which searches are of people whom the benchmark counts: of its ages and sexes, where it has them."""
        inside = np.ones(len(searches), dtype=bool)
        for name in ("sex", "age"):
            if name in self.counts and name != self.attribute:
                inside &= searches[name].isin(self.counts[name].unique()).to_numpy()
        return inside


@dataclass(frozen=True)
class Population:
    """Residents by local authority.

    Parameters
    ----------
    ethnicity : DataFrame or None
        ``code``, ``area`` (the authority), ``ethnicity``, ``seen`` (the group that an officer may see), ``count``.
    sex : DataFrame or None
        ``code``, ``sex``, ``count``.
    """

    ethnicity: pd.DataFrame | None = None
    sex: pd.DataFrame | None = None

    @property
    def names(self) -> Mapping[str, str]:
        """Return authorities' names by code."""
        if self.ethnicity is None:
            return {}
        pairs = self.ethnicity[["code", AREA]].drop_duplicates()
        return dict(zip(pairs["code"], pairs[AREA], strict=True))

    def codes(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Return codes of authorities by name, code, or the beginning of a code with a star, such as ``E09*``.

        Raises
        ------
        StudyError
            If there is no such authority.
        """
        found: list[str] = []
        for one in wanted:
            hits = [code for code, name in self.names.items() if _is_meant(one, code, name)]
            if not hits:
                hint = (
                    did_you_mean(one, self.names.values()) if self.names else "no --population file was given"
                )
                raise StudyError([f"no authority '{one}': {hint}"], where="the command")
            found += hits
        return tuple(dict.fromkeys(found))

    def benchmarks(self, codes: Sequence[str]) -> tuple[Benchmark, ...]:
        """Return the residents of authorities as benchmarks."""
        made = []
        if self.ethnicity is not None and codes:
            mine = self.ethnicity[self.ethnicity["code"].isin(codes)]
            seen = mine.assign(ethnicity=mine["seen"])
            made = [
                Benchmark("residents", "residents (Census 2021)", _summed(mine, "ethnicity", AREA)),
                Benchmark(
                    "residents-as-seen",
                    "residents (Census 2021); people of Mixed White and Black background counted as Black, of Mixed White and "
                    "Asian as Asian, of other Mixed background as Other, as an officer may see them",
                    _summed(seen, "ethnicity", AREA),
                    as_seen=True,
                ),
            ]
        if self.sex is not None and codes:
            mine = self.sex[self.sex["code"].isin(codes)]
            made.append(
                Benchmark("residents-by-sex", "residents (Census 2021), by sex", _summed(mine, "sex"))
            )
        return tuple(made)


def read_population(paths: Sequence[Path]) -> tuple[Population, tuple[Benchmark, ...]]:
    """Read files of residents.

    Parameters
    ----------
    paths : sequence of Path
        The census by ethnic group (``ltla21_code, ltla21_name, ethnic_group, value``) and by sex (``total_females``,
        ``total_males``), or a benchmark file (``read_benchmark``).

    Returns
    -------
    Population
        Residents by authority.
    tuple of Benchmark
        Of files that are benchmarks as they stand.

    Raises
    ------
    StudyError, DataError
        If a file does not exist, or is none of these.
    """
    ethnicity, sex, others = None, None, []
    for path in paths:
        table = _csv(path)
        if set(table) >= _CENSUS:
            ethnicity = _census(table, path)
        elif set(table) >= _SEXES:
            sex = _by_sex(table, path)
        else:
            others.append(read_benchmark("residents", path))
    return Population(ethnicity, sex), tuple(others)


def read_benchmark(name: str, path: Path) -> Benchmark:
    """Read any counts to set searches against.

    Parameters
    ----------
    name : str
        What the report calls it.
    path : Path
        A CSV file with ``count`` and at least one of ``ethnicity``, ``sex``, ``age``, in the words of the published
        searches, such as ``Black``, ``Male``, ``10-17``. Searches of other ages or sexes are left out of its rates.

    Raises
    ------
    StudyError, DataError
        If there is no such file, or it is not one of these.
    """
    table = _csv(path)
    table.columns = table.columns.str.strip().str.casefold()
    known = [column for column in ATTRIBUTES if column in table]
    if "count" not in table or not known:
        raise _wrong(
            path,
            "the columns count and ethnicity, sex or age",
            f"columns {', '.join(map(str, table.columns))}",
        )
    counts = pd.DataFrame({column: _labels(table[column], column, path) for column in known})
    counts["count"] = _numbers(table["count"], path)
    return Benchmark(name, name, _summed(counts, *known))


def force_authorities(files: Iterable[str], population: Population) -> tuple[str, ...]:
    """Return the authorities that the forces of some files police, where the file names say it; else none."""
    codes: set[str] = set()
    for name in files:
        force = next((one for one in _FORCES if f"-{one}-" in name), None)
        if force is None:
            return ()
        pattern, but = _FORCES[force]
        codes |= {code for code, words in population.names.items() if _is_meant(pattern, code, words)} - {but}
    return tuple(sorted(codes))


def _is_meant(words: str, code: str, name: str) -> bool:
    if words.endswith("*"):
        return code.startswith(words[:-1])
    return words.casefold() in {code.casefold(), name.casefold()}


def _csv(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise StudyError([f"no such file: {path}"], where="the command")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise _wrong(path, "a CSV file in UTF-8", "something else") from None


def _wrong(path: Path, expected: str, found: str) -> DataError:
    return DataError(
        expected=expected,
        found=found,
        where=path.name,
        next_step="docs/how-to/stop-search.md shows the files that are understood.",
    )


def _numbers(values: pd.Series[str], path: Path) -> pd.Series[float]:
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.isna().any() or (numbers < 0).any():
        raise _wrong(path, "counts of people", "a value that is no count")
    return numbers.astype(float)


def _census(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    mine = table[table["ethnic_group"].str.endswith("(number)")]
    words = mine["ethnic_group"].str.removesuffix("(number)").str.strip()
    head = words.str.partition(":")[0].str.partition(",")[0].str.partition(" ")[0]
    if mine.empty or not head.isin(GROUPS).all():
        raise _wrong(path, "the census's groups, such as 'White: Irish (number)'", "other words")
    detail = words.str.partition(":")[2].str.strip()
    seen = detail.map(
        {
            words: group
            for words in detail.unique()
            for start, group in _SEEN.items()
            if words.startswith(start)
        }
    )
    return pd.DataFrame(
        {
            "code": mine["ltla21_code"],
            AREA: mine["ltla21_name"],
            "ethnicity": head,
            "seen": seen.where(head == "Mixed", head),
            "count": _numbers(mine["value"], path),
        }
    )


def _by_sex(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return residents by sex. The file's age bands are left alone: its header does not say where they begin or end."""
    return pd.concat(
        pd.DataFrame({"code": table["ltla21_code"], "sex": sex, "count": _numbers(table[column], path)})
        for sex, column in (("Female", "total_females"), ("Male", "total_males"))
    )


def _labels(values: pd.Series[str], column: str, path: Path) -> pd.Series[str]:
    spell = {one: _label(one, column) for one in values.unique()}
    strange = sorted(one for one, label in spell.items() if label is None)
    if strange:
        words = GROUPS if column == "ethnicity" else tuple(KNOWN[column].values())
        raise _wrong(path, f"in the column {column} one of {', '.join(words)}", ", ".join(strange))
    return values.map(spell)


def _label(words: str, column: str) -> str | None:
    if column != "ethnicity":
        return KNOWN[column].get(words.strip().casefold())
    group = ethnic_group(words)
    return None if group == UNKNOWN else group


def _summed(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return table.groupby(list(columns))["count"].sum().reset_index()
