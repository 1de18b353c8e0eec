"""Reference pages made from the code itself, so that they cannot go out of date."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from riskmodel.features import describe
from riskmodel.study import Study, data_kinds, load_study, models_in
from riskmodel.tables.catalogue import load_catalogue

_PARAMETER = re.compile(r"^([\w, ]+) : (.+)$")


def study_page() -> str:
    """Return the reference of everything a study's YAML may say, as Markdown."""
    intro = (
        "# Study\n\nEverything a study's YAML may say. A key that is not listed is refused with the nearest valid ones, all faults at\n"
        "once. `--set part.key=value` changes one setting. This page is made from the code by `make docs`.\n"
    )
    parts = [_section(kind, title) for title, kind in _parts()]
    return "\n".join([intro, *parts])


def features_page() -> str:
    """Return the list of the default study's features, as Markdown."""
    study = load_study(None)
    assert study.features is not None  # noqa: S101 - the default study reads events
    infos = describe(study.features, load_catalogue(None))
    head = (
        f"# Features\n\nThe {len(infos)} features of the default study. *Direction* is what the evidence says: + means more goes with more harm,\n"
        "− with less, and an empty cell that the evidence gives no direction. Models that can be monotone follow it.\n"
        "This page is made from the code by `make docs`.\n\n| column | in words | concept | unit | direction |\n|---|---|---|---|---|"
    )
    signs = {1: "+", -1: "−", 0: ""}
    rows = [
        f"| `{i.name}` | {i.description} | {i.concept} | {i.unit} | {signs[i.direction]} |" for i in infos
    ]
    return "\n".join([head, *rows]) + "\n"


PAGES = {"study.md": study_page, "features.md": features_page}


def _parts() -> Iterator[tuple[str, type[BaseModel]]]:
    yield "The top", Study
    for kind in data_kinds():
        yield f"data, kind: {kind.model_fields['kind'].default}", kind
    for name, field in Study.model_fields.items():
        if name != "data":
            for kind in models_in(field.annotation):
                yield from _below(name, kind)


def _below(name: str, kind: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    yield name, kind
    for inner, field in kind.model_fields.items():
        for below in models_in(field.annotation):
            yield from _below(f"{name}.{inner}", below)


def _section(kind: type[BaseModel], title: str) -> str:
    words = _parameters(kind)
    rows = [_row(name, field, words) for name, field in kind.model_fields.items() if name != "kind"]
    first = inspect.getdoc(kind) or ""
    return (
        f"## {title}\n\n{first.split(chr(10) + chr(10))[0].replace(chr(10), ' ')}\n\n| key | default | meaning |\n|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _row(name: str, field: FieldInfo, words: dict[str, str]) -> str:
    return f"| `{name}` | {_default(field)} | {words.get(name, '').replace('|', chr(92) + '|')} |"


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "*required*"
    if isinstance(value, BaseModel):
        return "see below"
    text = str(list(value) if isinstance(value, tuple) else value)
    return f"`{text}`" if len(text) <= 60 else "see the code"


def _parameters(kind: type[BaseModel]) -> dict[str, str]:
    """Return the words that numpydoc docstrings of the class and its parents give each field."""
    words: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if issubclass(one, BaseModel) and one.__doc__:
            words |= _numpydoc(inspect.cleandoc(one.__doc__))
    return words


def _numpydoc(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        match = _PARAMETER.match(line)
        if match and not line.startswith(" "):
            names = [name.strip() for name in match.group(1).split(",")]
        elif line.startswith("    ") and names:
            for name in names:
                found[name] = f"{found.get(name, '')} {line.strip()}".strip()
        elif line.strip():
            names = []
    return found
