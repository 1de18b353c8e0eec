"""Feature libraries: YAML lists of features, with every fault told by file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from riskmodel.errors import StudyError, did_you_mean
from riskmodel.features.spec import AGGREGATIONS, FeatureSpec

LIBRARIES = ("education", "social_care", "health", "home", "harm", "support")
DEFAULT = "default"

_NEAREST: Mapping[str, tuple[str, ...]] = {"aggregations": AGGREGATIONS}


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
    file = f"{name}.yaml" if name in LIBRARIES else name
    node = _parsed(_library_text(name), name, file)
    features, faults = [], []
    for position, item in enumerate(node.value, start=1):
        raw, line = yaml.SafeLoader("").construct_document(item), item.start_mark.line + 1
        try:
            features.append(Written(FeatureSpec.model_validate(raw), f"{file}:{line}"))
        except ValidationError as error:
            faults += [
                f"{file}:{_line(item, one)}: feature {position}: {_fault(raw, one)}" for one in _own(error)
            ]
    if faults:
        raise StudyError(faults, where=f"feature library '{name}'")
    return tuple(features)


def _parsed(text: str, name: str, file: str) -> yaml.SequenceNode:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{file}:{mark.line + 1}: " if mark else ""
        raise StudyError([f"{line}not valid YAML: {error}"], where=f"feature library '{name}'") from None
    if not isinstance(node, yaml.SequenceNode):
        raise StudyError([f"{file}:1: expected a list of features"], where=f"feature library '{name}'")
    return node


def _own(error: ValidationError) -> list[ErrorDetails]:
    """Return the faults without those that only follow from a fault within."""
    found = error.errors()
    return [
        one
        for one in found
        if not any(
            len(o["loc"]) > len(one["loc"]) > 0 and o["loc"][: len(one["loc"])] == one["loc"] for o in found
        )
    ]


def _line(item: yaml.Node, error: ErrorDetails) -> int:
    """Return the line of the setting that is at fault, or of the feature."""
    lines = {}
    if isinstance(item, yaml.MappingNode):
        lines = {key.value: key.start_mark.line + 1 for key, _ in item.value}
    return int(lines.get(error["loc"][0] if error["loc"] else None, item.start_mark.line + 1))


def _fault(item: object, error: ErrorDetails) -> str:
    where = ".".join(map(str, error["loc"]))
    text = str(error["msg"]).removeprefix("Value error, ")
    stem = item.get("stem", "") if isinstance(item, dict) else ""
    if error["type"] == "extra_forbidden":
        text = f"is not a setting; {did_you_mean(where, FeatureSpec.model_fields)}"
    elif error["type"] == "literal_error":
        valid = _NEAREST.get(str(error["loc"][0]), ())
        near = f"; {did_you_mean(str(error['input']), valid)}" if valid else ""
        text = f"{text}, found '{error['input']}'{near}"
    elif error["type"] not in ("value_error", "missing"):
        text = f"{text}, found '{error['input']}'"
    return text if text.startswith(f"'{stem}': ") and not where else f"'{where or stem}': {text}"


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
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            [f"'{name}' cannot be read as UTF-8 text ({type(error).__name__})"], where="the features"
        ) from None
