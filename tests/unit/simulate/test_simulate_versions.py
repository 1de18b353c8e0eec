"""Corrected records: two versions under one number, the wrong one first."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date

import pytest

from riskmodel.files import digest_path
from riskmodel.simulate import SimulateSpec, simulate

FILES = {
    "police/people.csv": ("nominal", "incident_date", ("offence_class",), "P1"),
    "health/emergency.csv": ("person_key", "arrival_date", ("injury_intent",), "H1"),
    "health/camhs.csv": ("person_key", "referral_date", ("accepted",), "H2"),
    "youth_justice/cases.csv": ("ypid", "offence_date", ("offence_category",), "Y1"),
}
SPEC = SimulateSpec(size=3000, years=5, faulty_rows=0, corrections=0.2)


@pytest.fixture(scope="module")
def often(tmp_path_factory):
    out = tmp_path_factory.mktemp("versions") / "b"
    simulate(SPEC, seed=3, out=out)
    return out


@pytest.fixture(scope="module")
def never(tmp_path_factory):
    out = tmp_path_factory.mktemp("versions") / "b"
    simulate(SPEC.model_copy(update={"corrections": 0.0}), seed=3, out=out)
    return out


def records(root, name):
    found = defaultdict(list)
    for row in csv.DictReader((root / "extracts" / name).read_text(encoding="utf-8").splitlines()):
        found[row["record_id"]].append(row)
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_share_of_records_has_two_versions_and_the_wrong_one_came_first(often, name):
    key, day, codes, prefix = FILES[name]
    found = records(often, name)
    assert all(number.startswith(prefix) and len(number) == 10 for number in found)
    assert {len(versions) for versions in found.values()} == {1, 2}
    share = sum(len(versions) == 2 for versions in found.values()) / len(found)
    assert share == pytest.approx(0.19, abs=0.05)  # a few would have been corrected too late to be seen
    by_code = by_day = 0
    for first, last in (versions for versions in found.values() if len(versions) == 2):
        assert first["recorded_date"] < last["recorded_date"] <= "2025-08-31"
        assert first[day] <= first["recorded_date"]
        differs = {column for column in first if first[column] != last[column]} - {"recorded_date"}
        assert len(differs) <= 1
        by_code += differs == set(codes)
        off = (date.fromisoformat(last[day]) - date.fromisoformat(first[day])).days
        by_day += differs == {day}
        assert 0 <= off <= 9
        assert first[key] == last[key]
    assert by_code > 0
    assert by_day > 0


@pytest.mark.parametrize("name", FILES)
def test_the_last_version_is_what_an_extract_without_corrections_says(often, never, name):
    def last(root):
        whole = records(root, name)
        return sorted(
            tuple(text for column, text in versions[-1].items() if column != "recorded_date")
            for versions in whole.values()
        )

    assert last(often) == last(never)
    assert all(len(versions) == 1 for versions in records(never, name).values())


def test_corrections_change_no_other_file(often, never):
    same = [path.relative_to(often) for path in sorted((often / "extracts").rglob("*.*"))]
    assert len(same) > 100
    for path in same:
        if path.relative_to("extracts").as_posix() not in FILES:
            assert digest_path(often / path) == digest_path(never / path), path
    for name in ("harm.parquet", "hazard.parquet", "violence.parquet", "recording.parquet"):
        assert digest_path(often / "truth" / name) == digest_path(never / "truth" / name), name


def test_a_record_is_numbered_as_it_is_first_made(never):
    found = [
        (number, rows[0]["recorded_date"])
        for number, rows in sorted(records(never, "police/people.csv").items())
    ]
    days = [day for _, day in found]
    assert days == sorted(days)
