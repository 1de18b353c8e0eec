"""Settings written as YAML: what they say, on which line, and every fault with file and line."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from riskmodel.errors import StudyError, did_you_mean

Place = Sequence[object]
_SHOWN = 60


@dataclass(frozen=True)
class Settings:
    """A YAML text.

    Parameters
    ----------
    file : str
        As the reader would name it.
    value : object
        What it says.
    node : Node
        Where it says it.
    """

    file: str
    value: Any
    node: yaml.Node

    def at(self, place: Place) -> str:
        """Return file and line of a setting; of what holds it, if it is not there.

        Parameters
        ----------
        place : sequence of str and int
            Keys and positions from the top; what is neither (the name of a kind of data) is passed over.
        """
        lines = [self.node.start_mark.line, *(line for _, line in self._found(place))]
        return f"{self.file}:{lines[-1] + 1}"

    def holds(self, place: Place) -> bool:
        """Return whether the text itself says something at a place."""
        return any(depth == len(place) for depth, _ in self._found(place))

    def _found(self, place: Place) -> Iterator[tuple[int, int]]:
        """Give the depth and the line of each part of a place that is there."""
        node = self.node
        for depth, part in enumerate(place, start=1):
            for name, begins, below in _parts(node):
                if name == part:
                    node = below
                    yield depth, begins


def _parts(node: yaml.Node) -> Iterator[tuple[object, int, yaml.Node]]:
    """Give the name or position, the line and the node of everything directly below a node."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.value, key.start_mark.line, value
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield position, value.start_mark.line, value


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key may stand only once."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise yaml.MarkedYAMLError(
                problem=f"'{key}' is written twice", problem_mark=node.value[number][0].start_mark
            )
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_text(path: Path, *, where: str) -> str:
    """Return the text of a settings file.

    Raises
    ------
    StudyError
        If it cannot be read as UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            [f"'{path}' cannot be read as UTF-8 text ({type(error).__name__})"], where=where
        ) from None


def named_at(fault: str, file: str, line: str) -> str:
    """Return a fault in a file that settings name: with the line that names it, unless it says where in the file it is."""
    return fault if fault.startswith(f"{file}:") else f"{line}: {fault}"


def read_settings(text: str, file: str, *, kind: type[dict[Any, Any] | list[Any]]) -> Settings:
    """Read a YAML text that is a mapping or a list at the top.

    Raises
    ------
    StudyError
        If it is no YAML, or not of the kind, with the line.
    """
    loader = _StrictLoader(text) if _is_text(text) else None
    try:
        node = None if loader is None else loader.get_single_node()
        value = None if loader is None or node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise StudyError([f"{file}{line}: not valid YAML: {error.problem}"], where=file) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise StudyError(
            [f"{file}:1: not valid YAML: a value that no YAML reader understands ({type(error).__name__})"],
            where=file,
        ) from None
    if loader is None:
        raise StudyError(
            [f"{file}:1: not valid YAML: it holds characters that YAML does not allow"], where=file
        )
    if node is None or not isinstance(value, kind):
        top = "a mapping of names to values" if kind is dict else "a list"
        raise StudyError([f"{file}:1: expected {top} at the top, such as {_SUCH_AS[kind]}"], where=file)
    return Settings(file, value, node)


_SUCH_AS: Mapping[type, str] = {dict: "'name: my-study'", list: "'- stem: own_suspension'"}


def _is_text(text: str) -> bool:
    return yaml.reader.Reader.NON_PRINTABLE.search(text) is None


def faults_in(
    error: ValidationError, model: type[BaseModel], at: Callable[[Place], str], *, whole: str = "the study"
) -> list[str]:
    """Return every fault in a sentence: where, expected, found, nearest valid.

    Parameters
    ----------
    error : ValidationError
    model : type
        What the settings were read as.
    at : callable
        Returns where the setting at a place is written.
    whole : str
        What to call the settings as a whole.
    """
    return [f"{at(_place_of(item))}: {_fault(item, model, whole)}" for item in _causes(error)]


def _place_of(item: Mapping[str, Any]) -> Place:
    place = tuple(item["loc"])
    return (*place, "kind") if item["type"] in ("union_tag_invalid", "union_tag_not_found") else place


def _causes(error: ValidationError) -> list[Mapping[str, Any]]:
    """Return the faults without those that only follow from a fault within."""
    found: list[Mapping[str, Any]] = list(error.errors())
    places = [tuple(item["loc"]) for item in found]
    return [
        item
        for item, place in zip(found, places, strict=True)
        if not place or not any(len(o) > len(place) and o[: len(place)] == place for o in places)
    ]


def _fault(item: Mapping[str, Any], model: type[BaseModel], whole: str) -> str:
    place, found, more = _place_of(item), item.get("input"), item.get("ctx", {})
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "value_error" and not place:
        return message
    sentences: Mapping[str, Callable[[], str]] = {
        "extra_forbidden": lambda: (
            f" is not a setting; {did_you_mean(str(place[-1]), fields_at(model, place[:-1]))}"
        ),
        "union_tag_invalid": lambda: f": {_instead(more['tag'], more['expected_tags'])}",
        "union_tag_not_found": lambda: f" is missing; valid: {', '.join(_tags_at(model, place[:-1]))}",
        "missing": lambda: " is missing",
        "value_error": lambda: f": {message}",
        "literal_error": lambda: f": {_instead(found, more['expected'])}",
        **dict.fromkeys(
            ("model_type", "dict_type", "mapping_type"),
            lambda: f": expected a mapping of names to values; found {_short(found)}",
        ),
    }
    say = sentences.get(item["type"], lambda: f": {message[0].lower()}{message[1:]}; found {_short(found)}")
    shown = ".".join(str(part) for part in without_tags(model, place)) or whole
    return f"'{shown}'{say()}"


def _instead(found: object, valid: str) -> str:
    return f"found {_short(found)}; {did_you_mean(str(found), _quoted(valid))}"


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the settings classes that a field's annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, tuple, list, dict, Annotated) or get_args(
        annotation
    ):
        return [kind for part in get_args(annotation) for kind in models_in(part)]
    return []


def tag_of(model: type[BaseModel]) -> str | None:
    """Return what ``kind`` must be for these settings; None if they have none."""
    field = model.model_fields.get("kind")
    values = get_args(field.annotation) if field is not None else ()
    return str(values[0]) if len(values) == 1 else None


def fields_at(model: type[BaseModel], place: Place) -> list[str]:
    """Return the names of settings that are valid at a place."""
    found = list(dict.fromkeys(name for kind in _models_at([model], place) for name in kind.model_fields))
    return found or list(model.model_fields)


def _models_at(models: Sequence[type[BaseModel]], place: Place) -> Sequence[type[BaseModel]]:
    for part in place:
        tagged = [kind for kind in models if tag_of(kind) == part]
        below = [
            inner
            for kind in models
            if part in kind.model_fields
            for inner in models_in(kind.model_fields[str(part)].annotation)
        ]
        # A position, or the key of a mapping of settings, leads to the same settings.
        models = tagged or below or models
    return models


def _tags_at(model: type[BaseModel], place: Place) -> list[str]:
    return [tag for kind in _models_at([model], place) if (tag := tag_of(kind)) is not None]


def without_tags(model: type[BaseModel], place: Place) -> list[object]:
    """Return a place without the names of alternatives, which pydantic puts in and nobody wrote."""
    kept = []
    for number, part in enumerate(place):
        models = _models_at([model], place[:number])
        if number == 0 or part not in {"str", *map(tag_of, models), *(kind.__name__ for kind in models)}:
            kept.append(part)
    return kept
