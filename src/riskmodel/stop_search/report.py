"""Everything that is measured about a set of searches, as one record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from riskmodel.stop_search.benchmarks import AREA, Benchmark, Population, force_authorities
from riskmodel.stop_search.headline import by_ethnicity
from riskmodel.stop_search.labels import BLANK
from riskmodel.stop_search.limits import cannot_say
from riskmodel.stop_search.missing import bounds, by_month, gaps, months_without
from riskmodel.stop_search.outcomes import combined_rule, found_by_stratum, outcome_tests
from riskmodel.stop_search.places import NOWHERE, Places
from riskmodel.stop_search.question import Question
from riskmodel.stop_search.rates import ALL, rates
from riskmodel.stop_search.reading import NO_MONTH, Duplicates, Reading
from riskmodel.stop_search.threshold_test import threshold_test as run_threshold_test

Json = dict[str, Any]


@dataclass(frozen=True)
class Against:
    """What searches are set against.

    Parameters
    ----------
    population : Population
        Residents by authority.
    authorities : tuple of str
        Those that the files as a whole speak of, by name, code, or ``E09*``; by default those of the force, if known.
    benchmarks : tuple of Benchmark
        Other counts; they are set against the searches of the area where there is one, else against all.
    places : Places
        The area, as polygons.
    """

    population: Population = field(default_factory=Population)
    authorities: tuple[str, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    places: Places = field(default_factory=Places)


@dataclass(frozen=True)
class Scope:
    """Searches that are looked at together, and what they are set against.

    Parameters
    ----------
    name : str
        For a reader.
    searches : DataFrame
        Person searches.
    codes : tuple of str
        Authorities whose residents they are set against.
    benchmarks : tuple of Benchmark
        What they are set against.
    left_out : tuple of str
        Months that could not be used.
    question : Question
        How groups are compared.
    """

    name: str
    searches: pd.DataFrame
    codes: tuple[str, ...]
    benchmarks: tuple[Benchmark, ...]
    left_out: tuple[str, ...]
    question: Question

    def measure(self) -> Json:
        """Return everything measured about these searches."""
        searches, question = self.searches, self.question
        return {
            "name": self.name,
            "n_searches": len(searches),
            "authorities": list(self.codes),
            "months": sorted(set(searches["month"]) - {NO_MONTH}),
            "months_left_out": list(self.left_out),
            "by_ethnicity": _headline(searches, question),
            "benchmarks": [_benchmark(one) for one in self.benchmarks],
            "rates": rates(searches, self.benchmarks, question),
            "outcome_tests": outcome_tests(searches, question),
            "found": found_by_stratum(searches, question),
            "combined": combined_rule(searches, self.benchmarks, question),
            "bounds": bounds(searches, self.benchmarks, question),
        }


def measure(
    reading: Reading,
    against: Against,
    question: Question,
    *,
    threshold_test: bool = False,
    sensitivity: bool = False,
) -> Json:
    """Measure the lens: who is searched, how often, for what, and what comes of it.

    Parameters
    ----------
    reading : Reading
        Person searches.
    against : Against
        Residents, other benchmarks, and the area.
    question : Question
        How groups are compared.
    threshold_test : bool
        Whether to run the threshold test, on all searches; it takes a minute or two.
    sensitivity : bool
        Whether to run it again with other numbers of people who could have been searched.

    Returns
    -------
    dict
        ``report.json``; its schema is ``publish/schemas/stop_search.schema.json``.
    """
    searches = reading.searches
    missing = gaps(searches)
    located = Counter(against.places.locate(searches).tolist())
    asked = scopes(reading, against, question)
    areas = _areas(located, against.places, question)
    return {
        "n_searches": len(searches),
        "by_ethnicity": by_ethnicity(searches),
        "reading": reading.report.to_json(),
        "duplicates": _duplicates(reading),
        "months": by_month(searches, question),
        "gaps": missing,
        "scopes": [scope.measure() for scope in asked],
        "areas": areas,
        "deciles": _deciles(areas, located, against.places, question),
        "threshold_test": _threshold_test(asked, question, sensitivity=sensitivity)
        if threshold_test or sensitivity
        else {"status": "not_asked"},
        "cannot_say": cannot_say(reading.report, missing, ages=_by_age(asked)),
        "reference": question.reference,
        "cluster": question.cluster,
        "threshold": question.disclosure.threshold,
    }


def scopes(reading: Reading, against: Against, question: Question) -> list[Scope]:
    """Return all searches of the files, and those of the area if there is one with searches in it."""
    searches = reading.searches
    where = against.places.locate(searches)
    names = [place.authority for place in against.places.places]
    placed = searches.assign(**{AREA: [names[one] if one != NOWHERE else BLANK for one in where]})
    population = against.population
    codes = population.codes(against.authorities) or force_authorities(reading.report.files, population)
    inside = _area_scope(placed[where != NOWHERE], searches, against, question)
    everywhere = Scope(
        name="all searches in the files",
        searches=placed if len(set(names)) > 1 else searches,
        codes=codes,
        benchmarks=(*population.benchmarks(codes), *(() if inside else against.benchmarks)),
        left_out=(),
        question=question,
    )
    return [everywhere, *inside]


def _area_scope(
    placed: pd.DataFrame, searches: pd.DataFrame, against: Against, question: Question
) -> list[Scope]:
    """Return the scope of the area: searches with a point in it, of months in which points are written down."""
    if placed.empty:
        return []
    blank = months_without(searches, "latitude")
    kept = placed[~placed["month"].isin(blank)].reset_index(drop=True)
    if kept.empty:
        return []
    known = {name.casefold(): code for code, name in against.population.names.items()}
    areas = list(dict.fromkeys(place.authority for place in against.places.places))
    codes = tuple(known[name.casefold()] for name in areas if name.casefold() in known)
    return [
        Scope(
            name=f"searches placed in {_named(areas)}",
            searches=kept if len(areas) > 1 else kept.drop(columns=AREA),
            codes=codes,
            benchmarks=(*against.population.benchmarks(codes), *against.benchmarks),
            left_out=tuple(blank),
            question=replace(question, exact_totals=False),
        )
    ]


def _named(areas: Sequence[str]) -> str:
    return areas[0] if len(areas) == 1 else f"the {len(areas)} areas of the map"


def _threshold_test(asked: Sequence[Scope], question: Question, *, sensitivity: bool) -> Json:
    """Return the threshold test of the largest scope that has residents to set searches against."""
    scope = next((one for one in asked if one.benchmarks), asked[0])
    return run_threshold_test(scope.searches, scope.benchmarks, question, sensitivity=sensitivity)


def _headline(searches: pd.DataFrame, question: Question) -> Json:
    shown = by_ethnicity(searches)
    if question.exact_totals:
        return shown
    return {
        definition: {group: _without_small(row, question) for group, row in groups.items()}
        for definition, groups in shown.items()
    }


def _without_small(row: Mapping[str, Any], question: Question) -> Json:
    """Hide shares that rest on a small count, and the small count."""
    count = question.disclosure.count
    hidden = {
        "weapon_share": (row["n_weapon"], row["n"] - row["n_weapon"]),
        "positive_share": (row["n_positive"], row["n"] - row["n_outcome_blank"] - row["n_positive"]),
        "positive_share_weapon": (row["n_weapon"],),
        "share": (row["n"],),
    }
    shown = dict(row)
    for share, counts in hidden.items():
        if any(count(n) is None for n in counts):
            shown[share] = None
    return shown | {name: count(row[name]) for name in ("n", "n_weapon", "n_positive", "n_outcome_blank")}


def _benchmark(one: Benchmark) -> Json:
    people = one.counts.groupby(one.attribute)["count"].sum()
    return {
        "name": one.name,
        "words": one.words,
        "attribute": one.attribute,
        "people": {str(group): float(count) for group, count in people.items()},
        "only": {
            name: sorted(one.counts[name].unique())
            for name in ("sex", "age")
            if name in one.counts and name != one.attribute
        },
    }


def _by_age(asked: Sequence[Scope]) -> bool:
    """Say whether a benchmark counts ethnic groups by age."""
    return any({"ethnicity", "age"} <= set(one.counts) for scope in asked for one in scope.benchmarks)


def _duplicates(reading: Reading) -> Json:
    rules: tuple[Duplicates, ...] = ("keep", "drop")
    under: Json = {}
    for rule in rules:
        searches = reading.under(rule)
        groups = by_ethnicity(searches)["officer_defined"]
        under[rule] = {
            "n_searches": len(searches),
            "share": {group: row["share"] for group, row in groups.items()},
            "positive_share": {group: row["positive_share"] for group, row in groups.items()},
        }
    return {"rule": reading.report.duplicates, "n": reading.report.n_duplicates, **under}


def _areas(located: Mapping[int, int], places: Places, question: Question) -> list[Json]:
    """Return the number of searches in each area of the map, small ones hidden."""
    return [
        {
            "code": place.code,
            "name": place.name,
            "decile": place.decile,
            "n": question.disclosure.count(located.get(number, 0)),
        }
        for number, place in enumerate(places.places)
    ]


def _deciles(
    areas: Sequence[Json], located: Mapping[int, int], places: Places, question: Question
) -> list[Json]:
    """Return the number of areas and of searches by decile of deprivation."""
    rows = []
    for decile in sorted({place.decile for place in places.places if place.decile is not None}):
        mine = [number for number, area in enumerate(areas) if area["decile"] == decile]
        n = sum(located.get(number, 0) for number in mine)
        rows.append({"decile": decile, "areas": len(mine), "n": question.disclosure.count(n)})
    return rows


def in_short(record: Mapping[str, Any]) -> Json:
    """Return the record without its long tables, as ``--json`` prints it."""
    long = ("found", "outcome_tests")
    short = [
        {
            **{name: value for name, value in scope.items() if name not in long},
            "rates": [row for row in scope["rates"] if row["dimension"] == ALL],
        }
        for scope in record["scopes"]
    ]
    return {**{name: value for name, value in record.items() if name != "areas"}, "scopes": short}
