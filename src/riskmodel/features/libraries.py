"""Feature libraries: YAML lists of features, with every fault told by file and line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from riskmodel.errors import StudyError, did_you_mean
from riskmodel.features.spec import FeatureSpec
from riskmodel.settings import faults_in, read_settings, read_text

LIBRARIES = ("education", "social_care", "health", "home", "harm", "support")
DEFAULT = "default"


@dataclass(frozen=True)
class Written:
    """A feature and where it is written: ``education.yaml:12``, or its place in the study."""

    spec: FeatureSpec
    where: str


def read_library(name: str) -> tuple[FeatureSpec, ...]:
    """Return the features of a packaged library, or of a YAML file of one's own.

    Raises
    ------
    StudyError
        If there is no such library, or with every fault in it.
    """
    return tuple(one.spec for one in read_written(name))


def read_written(name: str) -> tuple[Written, ...]:
    """Return the features of a library, each with its file and line.

    Raises
    ------
    StudyError
        As ``read_library``.
    """
    return _packaged(name) if name in LIBRARIES else _read(name)


@cache
def _packaged(name: str) -> tuple[Written, ...]:
    return _read(name)


def _read(name: str) -> tuple[Written, ...]:
    library = read_settings(_library_text(name), f"{name}.yaml" if name in LIBRARIES else name, kind=list)
    features: list[Written] = []
    faults: list[str] = []
    for number, raw in enumerate(library.value):
        try:
            features.append(Written(FeatureSpec.model_validate(raw), library.at((number,))))
        except ValidationError as error:
            faults += faults_in(
                error,
                FeatureSpec,
                lambda place, number=number: library.at((number, *place)),  # type: ignore[misc]
                whole=_stem(raw),
            )
    if faults:
        raise StudyError(faults, where=f"feature library '{name}'")
    return tuple(features)


def _stem(raw: object) -> str:
    return str(raw.get("stem", "the feature")) if isinstance(raw, dict) else "the feature"


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
