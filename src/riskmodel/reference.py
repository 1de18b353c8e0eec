"""Reference pages made from the code itself, so that they cannot go out of date."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from riskmodel.features.columns import Column, columns_of
from riskmodel.publish.pages import capital
from riskmodel.settings import models_in
from riskmodel.study import Study, data_kinds, load_study
from riskmodel.tables.catalogue import load_catalogue

_USE = resources.files("riskmodel.features").joinpath("library/use.json")
_SIGNS = {1: "+", -1: "−", 0: ""}
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
    """Return the list of the default study's features, by concept, as Markdown; how they are filled was measured once."""
    study = load_study(None)
    assert study.features is not None  # noqa: S101 - the default study reads events
    columns = columns_of(study.features, load_catalogue(None))
    measured = json.loads(_USE.read_text(encoding="utf-8"))
    use = {one["name"]: one for one in measured["features"]}
    head = (
        f"# Features\n\nThe {len(columns)} features of the default study, by concept. *Direction* is what the evidence says: + means more goes with\n"
        "more harm, − with less, and nothing that the evidence gives no direction. Models that can be monotone follow it.\n"
        f"*Known* is the share of rows in which a feature is not missing, *not zero* the share of these in which it is not zero, on the\n"
        f"simulated borough of the default study ({measured['rows']:,} rows). `riskmodel features list --measure` says the same for a study of\n"
        "your own; *few* stands for a share with fewer than ten people on one side. Effect sizes are about serious violence or violent crime, most of them crude, and not about this borough.\n"
        "This page is made from the code by `make docs`; `python docs/measure_features.py` measures again.\n"
    )
    concepts = dict.fromkeys(column.info.concept for column in columns)
    sections = [
        _concept(concept, [c for c in columns if c.info.concept == concept], use) for concept in concepts
    ]
    return "\n".join([head, *sections])


def _concept(concept: str, columns: Sequence[Column], use: Mapping[str, Any]) -> str:
    table = ["| feature | direction | known | not zero |", "|---|---|---|---|"]
    for column in columns:
        info, found = column.info, use.get(column.info.name, {})
        shares = " | ".join(_share(found.get(name)) for name in ("coverage", "prevalence"))
        table.append(
            f"| {capital(info.description)}<br>`{info.name}` ({info.unit}) | {_SIGNS[info.direction]} | {shares} |"
        )
    evidence = dict.fromkeys(column.evidence for column in columns if column.evidence)
    return "\n".join([f"## {capital(concept)}\n", *table, "", *(f"- {words}" for words in evidence), ""])


def _share(value: float | None) -> str:
    return "few" if value is None else f"{value:.1%}" if value < 0.1 else f"{value:.0%}"


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
