"""From what a study asks for to one column after another: its name, its meaning, and what it reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from riskmodel.errors import StudyError, did_you_mean
from riskmodel.features.spec import EVER, NOW, OF_SPELLS, SINCE, FeatureSpec, FeaturesSpec, window_days
from riskmodel.tables.catalogue import Catalogue, CodeInfo
from riskmodel.tables.features import FeatureInfo

LIBRARIES = ("education", "social_care", "health", "home", "harm", "support")
DEFAULT = "default"

_YES_NO = ("any", "in_spell")
_UNITS = {"count": "times", "distinct": "kinds", "spell_days": "days", "ratio": "share"} | dict.fromkeys(
    SINCE, "days"
)


@dataclass(frozen=True)
class Column:
    """One column: what it reads and how, and what it means.

    Parameters
    ----------
    aggregation : str
    length : int or None
        Lookback in days; None for ``ever``. ``in_spell`` looks at the day before the index date.
    events : tuple of str
        Code patterns of the events that are aggregated; the numerator of a ratio.
    start, end, denominator : tuple of str
    complement : bool
        One minus the value.
    observed_by : tuple of str
        Agencies of which each must have observed for at least ``min_observed`` of the window.
    info : FeatureInfo
    """

    aggregation: str
    length: int | None
    events: tuple[str, ...]
    start: tuple[str, ...]
    end: tuple[str, ...]
    denominator: tuple[str, ...]
    complement: bool
    observed_by: tuple[str, ...]
    min_observed: float
    info: FeatureInfo


def columns_of(spec: FeaturesSpec, catalogue: Catalogue) -> tuple[Column, ...]:
    """Return every column of a study, in the order of its libraries and features.

    Raises
    ------
    StudyError
        With every fault: unknown libraries and codes with the nearest valid ones, names that stand twice,
        ``leave_out`` patterns that fit nothing.
    """
    features, faults = _requested(spec)
    faults += [
        f"'{one.stem}': {catalogue.unknown(p)}"
        for one in features
        for p in one.patterns
        if not catalogue.match(p)
    ]
    if faults:
        raise StudyError(faults, where="the features")
    columns = [column for one in features for column in _columns(one, catalogue)]
    names = [column.info.name for column in columns]
    faults = [f"column '{name}' is made {times} times" for name, times in Counter(names).items() if times > 1]
    faults += [
        f"'leave_out': {did_you_mean(p, names)}"
        for p in spec.leave_out
        if not any(fnmatchcase(n, p) for n in names)
    ]
    if faults:
        raise StudyError(faults, where="the features")
    return tuple(c for c in columns if not any(fnmatchcase(c.info.name, p) for p in spec.leave_out))


def describe(spec: FeaturesSpec, catalogue: Catalogue) -> tuple[FeatureInfo, ...]:
    """Return what every column of a study means, without reading any record.

    Raises
    ------
    StudyError
        As ``columns_of``.
    """
    return tuple(column.info for column in columns_of(spec, catalogue))


def read_library(name: str) -> tuple[FeatureSpec, ...]:
    """Return the features of a packaged library, or of a YAML file of one's own.

    Raises
    ------
    StudyError
        If there is no such library, or with every fault in it.
    """
    text = _library_text(name)
    try:
        items = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise StudyError([f"not valid YAML: {error}"], where=f"feature library '{name}'") from None
    if not isinstance(items, list):
        raise StudyError(["expected a list of features"], where=f"feature library '{name}'")
    features, faults = [], []
    for position, item in enumerate(items, start=1):
        try:
            features.append(FeatureSpec.model_validate(item))
        except ValidationError as error:
            faults += [f"feature {position}: {_fault(item, one)}" for one in error.errors()]
    if faults:
        raise StudyError(faults, where=f"feature library '{name}'")
    return tuple(features)


def _fault(item: object, error: object) -> str:
    assert isinstance(error, dict)  # noqa: S101 - pydantic's own type
    where = ".".join(map(str, error["loc"]))
    text = str(error["msg"]).removeprefix("Value error, ")
    stem = item.get("stem", "") if isinstance(item, dict) else ""
    if error["type"] == "extra_forbidden":
        text = f"is not a setting; {did_you_mean(where, FeatureSpec.model_fields)}"
    return f"'{where or stem}': {text}"


def _library_text(name: str) -> str:
    if name in LIBRARIES:
        return (
            resources.files("riskmodel.features").joinpath(f"library/{name}.yaml").read_text(encoding="utf-8")
        )
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        raise StudyError(
            [f"there is no feature library '{name}'; {did_you_mean(name, (DEFAULT, *LIBRARIES))}"],
            where="the features",
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            [f"'{name}' cannot be read as UTF-8 text ({type(error).__name__})"], where="the features"
        ) from None


def _requested(spec: FeaturesSpec) -> tuple[list[FeatureSpec], list[str]]:
    features: list[FeatureSpec] = []
    faults: list[str] = []
    for asked in spec.libraries:
        for name in LIBRARIES if asked == DEFAULT else (asked,):
            try:
                features += read_library(name)
            except StudyError as error:
                faults += error.faults
    return features + list(spec.own), faults


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
        length=1 if window == NOW else window_days(window),
        events=events,
        start=start,
        end=end,
        denominator=spec.denominator if ratio else (),
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
        enforcement_made=any(one.enforcement_made for one in about),
        police_recorded=any(one.police_recorded for one in about),
        safe_to_share=safe,
    )


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
    if aggregation in SINCE:
        within = "" if window == EVER else f" within {_length(window)}"
        return f"days since the {aggregation.removeprefix('days_since_')} {spec.noun}{within}"
    if aggregation == "in_spell":
        return f"whether {spec.words} now"
    lead = {"count": "times ", "any": "whether ", "spell_days": "days "}.get(aggregation, "")
    if window != EVER:
        return f"{lead}{spec.words} in the past {_length(window).removeprefix('1 ')}"
    # A fact that holds needs no "ever"; an amount does.
    return f"{lead}{spec.words}" if aggregation in ("any", "last") else f"{lead}{spec.words} so far"


def _length(window: str) -> str:
    days = window_days(window)
    assert days is not None  # noqa: S101 - only asked of lookbacks
    if days % 365 == 0:
        return "1 year" if days == 365 else f"{days // 365} years"
    months = {30: 1, 31: 1, 90: 3, 91: 3, 180: 6, 182: 6, 183: 6}.get(days)
    return f"{days} days" if months is None else "1 month" if months == 1 else f"{months} months"
