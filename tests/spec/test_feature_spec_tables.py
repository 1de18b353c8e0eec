"""Every text table on both engines: events of one subject, one feature, the value worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from records_kit import CATALOGUE, cohort, columns, records

from riskmodel.features.matrix import build_columns
from riskmodel.features.reference import reference_features

SHORT = {"S": "EDU//SUSPENSION//DB", "B": "CSC//CIN//START", "E": "CSC//CIN//END"}
AGENCIES = ("EDU", "CSC", "CLA", "YJ", "HEALTH", "POLICE", "SUPPORT", "HOME")
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['case']}")
    for path in sorted(Path(__file__).parent.glob("*.yaml"))
    for case in yaml.safe_load(path.read_text())
]


def cells(text, names):
    for line in text.splitlines():
        values = [cell.strip() or None for cell in line.split("|")]
        yield dict(zip(names, values, strict=True))


def event_rows(case):
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


def observation_rows(case):
    if "observed" not in case:
        return [{"agency": agency, "start": "2000-01-01"} for agency in AGENCIES]
    rows = cells(case["observed"], ("agency", "start", "end", "known_time", "superseded_time"))
    return [{**row, "known_time": row["known_time"] or row["start"]} for row in rows]


@pytest.mark.parametrize("engine", ["kernel", "reference"])
@pytest.mark.parametrize("case", CASES)
def test_value_worked_out_by_hand(case, engine):
    data = records(events_rows=event_rows(case), observation_rows=observation_rows(case))
    rows, wanted = cohort([(1, str(case["index"]))]), columns(case["feature"])
    assert len(wanted) == 1
    if engine == "kernel":
        found = build_columns(data, rows, wanted, CATALOGUE, threads=1)
    else:
        found = reference_features(data, rows, wanted)
    np.testing.assert_allclose(found, [[float(case["expect"])]], rtol=1e-6)


def test_there_are_enough_cases_and_no_two_share_a_name():
    names = [case.id for case in CASES]
    assert len(names) >= 80
    assert len(set(names)) == len(names)
