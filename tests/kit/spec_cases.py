"""The text tables of tests/spec as records, for every engine that must agree with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SPEC = Path(__file__).parents[1] / "spec"
SHORT = {"S": "EDU//SUSPENSION//DB", "B": "CSC//CIN//START", "E": "CSC//CIN//END"}
AGENCIES = ("EDU", "CSC", "CLA", "YJ", "HEALTH", "POLICE", "SUPPORT", "HOME")
CASES: dict[str, dict[str, Any]] = {
    f"{path.stem}: {case['case']}": case
    for path in sorted(SPEC.glob("*.yaml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
}


def cells(text: str, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        values = [cell.strip() or None for cell in line.split("|")]
        yield dict(zip(names, values, strict=True))


def event_rows(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in cells(case["events"], ("time", "known_time", "superseded_time", "code", "numeric_value")):
        value = row.pop("numeric_value")
        known = row.pop("known_time") or row["time"]
        code = row.pop("code")
        code = SHORT.get(code, code)
        yield {
            **row,
            "code": code,
            "known_time": known,
            "numeric_value": None if value is None else float(value),
        }


def observation_rows(case: dict[str, Any]) -> list[dict[str, Any]]:
    if "observed" not in case:
        return [{"agency": agency, "start": "2000-01-01"} for agency in AGENCIES]
    rows = cells(case["observed"], ("agency", "start", "end", "known_time", "superseded_time"))
    return [{**row, "known_time": row["known_time"] or row["start"]} for row in rows]
