"""Feature libraries: YAML lists of features, with every fault told by file and line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from riskmodel.errors import StudyError, did_you_mean
from riskmodel.features.spec import SELECTIONS, FeatureSpec
from riskmodel.settings import faults_in, read_settings, read_text

LIBRARIES = ("education", "social_care", "health", "home", "harm", "support")
DEFAULT = "default"


@dataclass(frozen=True)
class Written:
    """A feature and where it is written: ``education.yaml:12``, or its place in the study.

    Parameters
    ----------
    stem : str
    patterns : tuple of str
        The code patterns that it names, also where the rest of it has a fault, so that unknown codes are told with the rest.
    where : str
    spec : FeatureSpec or None
        None if it has a fault.
    """

    stem: str
    patterns: tuple[str, ...]
    where: str
    spec: FeatureSpec | None

    @classmethod
    def of(cls, spec: FeatureSpec, where: str) -> Self:
        """Return a feature without a fault."""
        return cls(spec.stem, spec.patterns, where, spec)


@dataclass(frozen=True)
class Library:
    """The features of a library, and every fault in it."""

    features: tuple[Written, ...]
    faults: tuple[str, ...] = ()


def read_library(name: str) -> tuple[FeatureSpec, ...]:
    """Return the features of a packaged library, or of a YAML file of one's own.

    Raises
    ------
    StudyError
        If there is no such library, or with every fault in it.
    """
    library = read_written(name)
    if library.faults:
        raise StudyError(library.faults, where=f"feature library '{name}'")
    return tuple(one.spec for one in library.features if one.spec is not None)


def read_written(name: str) -> Library:
    """Return the features of a library, each with its file and line, and the faults of those that have one.

    Raises
    ------
    StudyError
        If there is no such library, or it is no YAML list.
    """
    return _packaged(name) if name in LIBRARIES else _read(name)


@cache
def _packaged(name: str) -> Library:
    return _read(name)


def _read(name: str) -> Library:
    library = read_settings(_library_text(name), f"{name}.yaml" if name in LIBRARIES else name, kind=list)
    features: list[Written] = []
    faults: list[str] = []
    for number, raw in enumerate(library.value):
        where = library.at((number,))
        try:
            features.append(Written.of(FeatureSpec.model_validate(raw), where))
        except ValidationError as error:
            features.append(Written(_stem(raw), _patterns(raw), where, None))
            faults += faults_in(
                error,
                FeatureSpec,
                lambda place, number=number: library.at((number, *place)),  # type: ignore[misc]
                whole=_stem(raw),
            )
    return Library(tuple(features), tuple(faults))


def _stem(raw: object) -> str:
    return str(raw.get("stem", "the feature")) if isinstance(raw, dict) else "the feature"


def _patterns(raw: object) -> tuple[str, ...]:
    """Return the code patterns that a feature with a fault names, as far as they can be read."""
    if not isinstance(raw, dict):
        return ()
    named = [raw.get(part, ()) for part in SELECTIONS]
    texts = [
        text
        for one in named
        for text in ([one] if isinstance(one, str) else one if isinstance(one, list) else ())
    ]
    return tuple(text for text in texts if isinstance(text, str) and text)


def _library_text(name: str) -> str:
    if name in LIBRARIES:
        packaged = resources.files("riskmodel.features").joinpath(f"library/{name}.yaml")
        return packaged.read_text(encoding="utf-8")
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        raise StudyError(
            [f"there is no feature library '{name}'; {did_you_mean(name, (DEFAULT, *LIBRARIES))}"],
            where="the features",
        )
    return read_text(path, where="the features")
