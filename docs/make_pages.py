"""Writes the reference pages that come from code and from the spec tables; a test compares them with the committed ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from riskmodel.reference import PAGES

REFERENCE = Path(__file__).parent / "reference"
SPEC = Path(__file__).parents[1] / "tests" / "spec"


def spec_tables_page() -> str:
    """Return the spec tables as Markdown: what each feature is worth in each case."""
    head = (
        "# Spec tables\n\nSmall tables of events, one feature, and the value worked out by hand. Each is run as a test on the compiled kernel and on the\n"
        "plain-Python reference engine (`tests/spec`). `S` stands for a suspension, whose value is the number of sessions; `B` and `E` for\n"
        "the beginning and the end of a spell as a child in need. An empty *known* is the day itself. This page is made by `make docs`.\n"
    )
    sections = [
        f"## {path.stem.capitalize()}\n\n"
        + "\n".join(_case(case) for case in yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(SPEC.glob("*.yaml"))
    ]
    return "\n".join([head, *sections])


def _case(case: Mapping[str, Any]) -> str:
    feature = ", ".join(f"{key}: {value}" for key, value in case["feature"].items())
    events = case["events"].strip() or "(no event)"
    expected = "missing" if case["expect"] is None else case["expect"]
    return (
        f"### {case['case'].capitalize()}\n\nFeature `{feature}` on {case['index']} is **{expected}**.\n\n"
        f"```\ntime | known | superseded | code | value\n{events}\n```\n"
    )


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    return {**{name: page() for name, page in PAGES.items()}, "spec-tables.md": spec_tables_page()}


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
