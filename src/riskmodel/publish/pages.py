"""Templates to text: HTML with autoescape, Markdown with its own escaping, no script anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_INTERVAL = re.compile(r"\(\S+ to \S+\)")
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_<>|\[\]#~])")


def render_html(template: str, values: Mapping[str, Any]) -> str:
    """Return one self-contained HTML page; every value is escaped unless the template trusts our own SVG."""
    return _html().get_template(template).render(values)


def render_markdown(template: str, values: Mapping[str, Any]) -> str:
    """Return Markdown in which no value can open markup, a link or a table cell."""
    text = _markdown().get_template(template).render(values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def markdown_text(value: object) -> object:
    """Escape a string for Markdown; other values pass."""
    if not isinstance(value, str):
        return value
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(value.split()))


def capital(text: str) -> str:
    """Return text with its first letter large."""
    return text[:1].upper() + text[1:]


def whole(text: str) -> str:
    """Keep an interval in brackets on one line."""
    return _INTERVAL.sub(lambda found: found[0].replace(" ", "\u00a0"), text)


@cache
def _html() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = Environment(
        loader=PackageLoader("riskmodel.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page.filters.update({"capital": capital, "whole": whole})
    return page


@cache
def _markdown() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    text = Environment(
        loader=PackageLoader("riskmodel.publish"),
        autoescape=False,  # noqa: S701 - Markdown, not HTML; finalize escapes every value
        finalize=markdown_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text.filters.update({"capital": capital})
    return text
