"""How names, words, numbers and days are written in queries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date


def named(column: str) -> str:
    """Return a column's name as SQL."""
    return '"' + column.replace('"', '""') + '"'


def said(text: str) -> str:
    """Return text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def listed(words: Iterable[str]) -> str:
    """Return several texts as SQL."""
    return ", ".join(said(word) for word in words)


def sql_literal(value: int | date) -> str:
    """Return a number or a date as SQL."""
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else str(int(value))


def columns(names: Iterable[str], *, of: str = "") -> str:
    """Return names of columns as SQL, all of one table if it is given."""
    prefix = f"{of}." if of else ""
    return ", ".join(prefix + named(name) for name in names)
