"""What a declared column of a flat table means, and its values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from riskmodel.features.spec import TableFeature
from riskmodel.features.texts import TextColumn, slugs
from riskmodel.tables.cohort import BoolArray
from riskmodel.tables.features import FeatureInfo, Float32Array

DECLARED = "declared"
ANY_OTHER = "any other"

Faulty = Iterator[tuple[BoolArray, str]]


def infos_of_feature(name: str, spec: TableFeature) -> Iterator[FeatureInfo]:
    """Yield what each column of a feature means, without reading the file."""
    if spec.kind != "category":
        yield _info(name, spec)
    for words, slug in slugs(_groups(spec)):
        yield _info(f"{name}__{slug}", spec, words=words)


def values_of_feature(
    spec: TableFeature, text: TextColumn, missing: BoolArray, decimal: str
) -> Iterator[Float32Array]:
    """Yield the values of each column, in the order of ``infos_of_feature``; NaN where nothing is known."""
    if spec.kind == "number":
        yield _numbers(spec, text, missing, decimal)
    elif spec.kind == "yes_no":
        yield _flags(text.isin(spec.yes), missing | ~text.isin((*spec.yes, *spec.no)))
    for words in _groups(spec):
        members = [value for value, said in spec.values.items() if said == words]
        yield _flags(text.isin(members) if members else ~text.isin(spec.values), missing)


def faults_of_feature(
    name: str, spec: TableFeature, text: TextColumn, missing: BoolArray, decimal: str
) -> Faulty:
    """Yield the rows with a text that the study does not declare, and what was expected."""
    if spec.other:
        return
    if spec.kind == "number":
        wrong = text.where(lambda one: one not in spec.values and _value(one, spec, decimal) is None)
        yield (
            wrong & ~missing,
            f"a number, or a text that feature '{name}' declares as a level, a value or missing",
        )
    elif spec.kind == "yes_no":
        yes, no = text.isin(spec.yes), text.isin(spec.no)
        yield ~(yes ^ no) & ~missing, f"a text that feature '{name}' declares as yes, no or missing"
    else:
        yield ~text.isin(spec.values) & ~missing, f"a text that feature '{name}' declares"


def read_number(text: str, decimal: str) -> float | None:
    """Return a finite number written with a sign before its decimals, or None."""
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in text else None


def _value(text: str, spec: TableFeature, decimal: str) -> float | None:
    return spec.levels[text] if text in spec.levels else read_number(text, decimal)


def _groups(spec: TableFeature) -> tuple[str, ...]:
    """Return the words of each yes-or-no column: two texts with the same words are one group."""
    words = dict.fromkeys(spec.values.values())
    rest = (ANY_OTHER,) if spec.kind == "category" and spec.other else ()
    return (*words, *rest)


def _flags(yes: BoolArray, missing: BoolArray) -> Float32Array:
    return np.where(missing, np.nan, yes).astype(np.float32)


def _numbers(spec: TableFeature, text: TextColumn, missing: BoolArray, decimal: str) -> Float32Array:
    values = text.numbers(lambda one: None if one in spec.values else _value(one, spec, decimal))
    return np.where(missing, np.nan, values).astype(np.float32)


def _info(name: str, spec: TableFeature, *, words: str | None = None) -> FeatureInfo:
    yes_no = words is not None or spec.kind == "yes_no"
    described = spec.description if words is None else f"{spec.description}: {words}"
    return FeatureInfo(
        name=name,
        description=f"whether {described}" if yes_no and words is None else described,
        concept=spec.concept,
        agency=spec.agency,
        unit="yes or no" if yes_no else spec.unit,
        direction=spec.direction if words is None else 0,
        aggregation=DECLARED,
        window=DECLARED,
        codes=(spec.column,),
        enforcement_made=spec.enforcement_made,
        police_recorded=spec.police_recorded,
        safe_to_share=spec.safe_to_share,
    )
