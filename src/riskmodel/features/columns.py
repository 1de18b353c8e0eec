"""From what a study asks for to one column after another: its name, its meaning, and what it reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from riskmodel.errors import StudyError, did_you_mean
from riskmodel.features.libraries import DEFAULT, LIBRARIES, Written, read_library, read_written
from riskmodel.features.spec import OF_SPELLS, SINCE, FeatureSpec, FeaturesSpec
from riskmodel.features.windows import EVER, NOW, Window, read_window
from riskmodel.settings import Place, named_at
from riskmodel.tables.catalogue import Catalogue, CodeInfo
from riskmodel.tables.features import FeatureInfo

__all__ = ["DEFAULT", "LIBRARIES", "Column", "columns_of", "describe", "read_library"]

_YES_NO = ("any", "in_spell")
_UNITS = {
    "count": "times",
    "distinct": "kinds",
    "spell_days": "days",
    "moves": "times",
    "ratio": "share",
} | dict.fromkeys(SINCE, "days")


@dataclass(frozen=True)
class Column:
    """One column: what it reads and how, and what it means.

    Parameters
    ----------
    aggregation : str
    window : Window
        ``in_spell`` looks at the day before the index date.
    events : tuple of str
        Code patterns of the events that are aggregated; the numerator of a ratio.
    start, end, denominator : tuple of str
    recorded_by : tuple of str
        Agencies whose events are read; empty for any.
    value_least, value_below : float or None
        Range of the values that are read, half-open.
    complement : bool
        One minus the value.
    observed_by : tuple of str
        Agencies of which each must have observed for at least ``min_observed`` of the window.
    info : FeatureInfo
    evidence : str or None
        Where its association with harm is reported. Words only: they decide no value and no hash.
    """

    aggregation: str
    window: Window
    events: tuple[str, ...]
    start: tuple[str, ...]
    end: tuple[str, ...]
    denominator: tuple[str, ...]
    recorded_by: tuple[str, ...]
    value_least: float | None
    value_below: float | None
    complement: bool
    observed_by: tuple[str, ...]
    min_observed: float
    info: FeatureInfo
    evidence: str | None = None


def _place(place: Place) -> str:
    return ".".join(str(part) for part in ("features", *place))


def columns_of(
    spec: FeaturesSpec, catalogue: Catalogue | None, *, at: Callable[[Place], str] = _place
) -> tuple[Column, ...]:
    """Return every column of a study, in the order of its libraries and features.

    Parameters
    ----------
    spec : FeaturesSpec
    catalogue : Catalogue or None
        None only looks for faults that need none, and returns nothing.
    at : callable
        Returns where a setting of the features is written.

    Raises
    ------
    StudyError
        With every fault: unknown libraries and codes with the nearest valid ones, names that stand twice,
        ``leave_out`` patterns that fit nothing.
    """
    written, faults = _requested(spec, at)
    if catalogue is None:
        return _told(faults)
    unread = bool(faults)
    described = []
    for one in written:
        unknown = [pattern for pattern in one.patterns if not catalogue.match(pattern)]
        faults += [f"{one.where}: '{one.stem}': {catalogue.unknown(pattern)}" for pattern in unknown]
        described += [] if unknown or one.spec is None else [(one.spec, one.where)]
    columns = [(column, where) for spec, where in described for column in _columns(spec, catalogue)]
    places: dict[str, list[str]] = {}
    for column, where in columns:
        places.setdefault(column.info.name, []).append(where)
    faults += [
        f"{', '.join(dict.fromkeys(found))}: column '{name}' is made {len(found)} times"
        for name, found in places.items()
        if len(found) > 1
    ]
    if not unread:
        faults += [
            f"{at(('leave_out', i))}: 'leave_out': nothing is called '{p}'; {did_you_mean(p, places)}"
            for i, p in enumerate(spec.leave_out)
            if not any(fnmatchcase(name, p) for name in places)
        ]
    _told(faults)
    return tuple(c for c, _ in columns if not any(fnmatchcase(c.info.name, p) for p in spec.leave_out))


def _told(faults: Sequence[str]) -> tuple[Column, ...]:
    if faults:
        raise StudyError(faults, where="the features")
    return ()


def describe(spec: FeaturesSpec, catalogue: Catalogue) -> tuple[FeatureInfo, ...]:
    """Return what every column of a study means, without reading any record.

    Raises
    ------
    StudyError
        As ``columns_of``.
    """
    return tuple(column.info for column in columns_of(spec, catalogue))


def _requested(spec: FeaturesSpec, at: Callable[[Place], str]) -> tuple[list[Written], list[str]]:
    features: list[Written] = []
    faults: list[str] = []
    read: set[str] = set()
    for number, asked in enumerate(spec.libraries):
        for name in LIBRARIES if asked == DEFAULT else (asked,):
            if name in read:
                faults.append(
                    f"{at(('libraries', number))}: library '{name}' is asked for twice; once is enough"
                )
                continue
            read.add(name)
            try:
                library = read_written(name)
            except StudyError as error:
                faults += [named_at(fault, name, at(("libraries", number))) for fault in error.faults]
                continue
            features += library.features
            faults += library.faults
    own = [Written.of(one, at(("own", i))) for i, one in enumerate(spec.own)]
    return features + own, faults


def _columns(spec: FeatureSpec, catalogue: Catalogue) -> Iterator[Column]:
    for aggregation in spec.aggregations:
        for window in (NOW,) if aggregation == "in_spell" else spec.windows:
            yield _column(spec, aggregation, window, catalogue)


def _column(spec: FeatureSpec, aggregation: str, window: str, catalogue: Catalogue) -> Column:
    spell, ratio = aggregation in OF_SPELLS, aggregation == "ratio"
    events = () if spell else spec.numerator if ratio else spec.events
    start, end = (spec.start, spec.end) if spell else ((), ())
    # What the column is about; the end of a spell and what a share is measured against only bound it.
    about = [catalogue.lookup(code) for p in events + start for code in catalogue.match(p)]
    return Column(
        aggregation=aggregation,
        window=read_window(window, expires=spec.ever_expires if window == EVER else None),
        events=events,
        start=start,
        end=end,
        denominator=spec.denominator if ratio else (),
        recorded_by=spec.recorded_by,
        value_least=spec.value_least,
        value_below=spec.value_below,
        complement=spec.complement,
        observed_by=spec.observed_by or tuple(dict.fromkeys(one.agency for one in about)),
        min_observed=spec.min_observed,
        info=_info(
            spec,
            aggregation,
            window,
            about=about,
            safe=all(_safe_to_share(p, catalogue) for p in events + start),
            codes=events + start + end + (spec.denominator if ratio else ()),
        ),
        evidence=spec.evidence,
    )


def _safe_to_share(pattern: str, catalogue: Catalogue) -> bool:
    # A feature of a whole family does not tell which member it was, so what the catalogue says of the family holds.
    if pattern in catalogue.families:
        return catalogue.families[pattern].safe_to_share
    return all(catalogue.lookup(code).safe_to_share for code in catalogue.match(pattern))


def _info(
    spec: FeatureSpec,
    aggregation: str,
    window: str,
    *,
    about: Sequence[CodeInfo],
    safe: bool,
    codes: tuple[str, ...],
) -> FeatureInfo:
    first = about[0]
    return FeatureInfo(
        name=f"{spec.stem}__{aggregation}__{window}",
        description=_description(spec, aggregation, window),
        concept=spec.concept or first.concept,
        agency=first.agency,
        unit=spec.unit or _unit(aggregation, first.unit),
        direction=_direction(spec, aggregation, about),
        aggregation=aggregation,
        window=window,
        codes=codes,
        details=_details(spec, aggregation, window),
        enforcement_made=any(one.enforcement_made for one in about),
        police_recorded=any(one.police_recorded for one in about),
        safe_to_share=safe,
    )


def _details(spec: FeatureSpec, aggregation: str, window: str) -> str:
    """Return what else decides the value, beside name and codes, so that the hash of the columns knows of it."""
    said = {
        "complement": spec.complement,
        "end": spec.end if aggregation in OF_SPELLS else (),
        "denominator": spec.denominator if aggregation == "ratio" else (),
        "expires": spec.ever_expires if window == EVER else None,
        "min_observed": spec.min_observed,
        "observed_by": spec.observed_by,
        "recorded_by": spec.recorded_by,
        "value_below": spec.value_below,
        "value_least": spec.value_least,
    }
    usual = {"complement": False, "min_observed": 0.5}
    return json.dumps({k: v for k, v in said.items() if v not in (None, (), usual.get(k))}, sort_keys=True)


def _unit(aggregation: str, of_code: str) -> str:
    if aggregation in _YES_NO:
        return "yes or no"
    return f"{of_code} a year" if aggregation == "trend" else _UNITS.get(aggregation, of_code)


def _direction(spec: FeatureSpec, aggregation: str, about: Sequence[CodeInfo]) -> int:
    found = {one.direction for one in about}
    base = found.pop() if len(found) == 1 else 0
    base = -base if spec.complement else base
    if spec.direction is not None:
        base = spec.direction
    # Long ago speaks against what lately speaks for; how long ago something first happened says neither.
    return {"days_since_last": -base, "days_since_first": 0}.get(aggregation, base)


def _description(spec: FeatureSpec, aggregation: str, window: str) -> str:
    if aggregation == "in_spell":
        return f"whether {spec.words} now"
    if aggregation in SINCE:
        first = f"days since the {aggregation.removeprefix('days_since_')} {spec.noun}"
        within = f" within {_length(int(window[:-1]))}" if _is_lookback(window) else _when(window)
        return first if window == EVER else first + within
    lead = {"count": "times ", "any": "whether ", "spell_days": "days ", "moves": "times moved while "}
    text = f"{lead.get(aggregation, '')}{spec.words}"
    # A fact that holds needs no "ever"; an amount does.
    return text if window == EVER and aggregation in ("any", "last") else text + _when(window)


def _is_lookback(window: str) -> bool:
    found = read_window(window)
    return found.far is not None and found.near == 0


def _when(window: str) -> str:
    """Return when something happened, in words that end a phrase."""
    found = read_window(window)
    if found.near and found.far:
        return f" between {_length(found.near)} and {_length(found.far)} ago"
    if found.far:
        return f" in the past {_length(found.far).removeprefix('1 ')}"
    if found.from_age and found.to_age:
        return f" between the {_ordinal(found.from_age)} and the {_ordinal(found.to_age)} birthday"
    if found.to_age:
        return f" before the {_ordinal(found.to_age)} birthday"
    return " so far" if window == EVER else " since birth"


def _ordinal(number: int) -> str:
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number in (11, 12, 13) else last}"


def _length(days: int) -> str:
    if days % 365 == 0:
        return "1 year" if days == 365 else f"{days // 365} years"
    months = {30: 1, 31: 1, 90: 3, 91: 3, 180: 6, 182: 6, 183: 6}.get(days)
    return f"{days} days" if months is None else "1 month" if months == 1 else f"{months} months"
