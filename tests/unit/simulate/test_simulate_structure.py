"""Twins, shared addresses, wards, schools that close and open, and keys that nobody can take for real ones."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import date

import numpy as np
import pytest

from riskmodel.simulate import SimulateSpec, simulate
from riskmodel.simulate.clock import Window
from riskmodel.simulate.extracts.press import KeyRing, Numbering
from riskmodel.simulate.population import CHILDREN, settle


@pytest.fixture(scope="module")
def place():
    spec = SimulateSpec(size=20_000)
    return settle(spec, Window.of(spec), np.random.default_rng(8))


@pytest.fixture(scope="module")
def schools(tmp_path_factory):
    out = tmp_path_factory.mktemp("schools") / "b"
    spec = SimulateSpec(size=2500, years=4, faulty_rows=0, new_school=date(2023, 9, 1))
    simulate(spec, seed=5, out=out)
    return out


def rows(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def roll(root, label):
    return rows(root / f"extracts/school_census/{label}_pupilonroll.csv")


def test_fifteen_maternities_in_a_thousand_are_of_twins(place):
    people = place.people
    born = Counter(zip(people.household.tolist(), people.birth_month.tolist(), strict=True))
    several = sum(count > 1 for count in born.values())
    assert several / len(born) == pytest.approx(0.015, abs=0.003)
    assert max(born.values()) <= len(CHILDREN)


def test_some_addresses_are_shared_by_households_of_one_area(place):
    homes = place.homes
    day = 18_000
    now = (homes.start <= day) & (day < homes.end)
    address, lsoa = homes.address[now], homes.lsoa[now]
    unique, count = np.unique(address, return_counts=True)
    shared = count[np.searchsorted(unique, address)] > 1
    assert 0.02 < shared.mean() < 0.08
    assert 2 <= np.median(count[count > 1]) <= 12
    for building in unique[count > 1]:
        assert len(set(lsoa[address == building].tolist())) == 1


def test_shared_addresses_are_more_common_among_the_poor(place):
    homes, people = place.homes, place.people
    poverty = np.zeros(homes.household.max() + 1)
    poverty[people.household] = people.poverty
    shared = homes.address >= len(homes.address)
    assert poverty[homes.household[shared]].mean() > poverty[homes.household[~shared]].mean() + 0.2


def test_wards_are_seven_areas_each_and_not_only_of_one_decile(place):
    areas = Counter(place.ward.tolist())
    assert len(areas) == -(-len(place.decile) // 7)
    assert sorted(areas.values())[1:] == [7] * (len(areas) - 1)
    mixed = sum(len(set(place.decile[place.ward == ward].tolist())) > 1 for ward in areas)
    assert mixed > len(areas) / 3


def test_the_borough_has_about_as_many_wards_as_waltham_forest():
    spec = SimulateSpec(years=2)
    assert settle(spec, Window.of(spec), np.random.default_rng(1)).ward.max() + 1 == 21


def test_each_area_is_in_one_ward(schools):
    areas = rows(schools / "extracts/housing/lsoa.csv")
    assert all(re.fullmatch(r"W\d{3}", area["ward"]) for area in areas)


def test_a_school_closes_and_its_pupils_are_on_another_roll_from_the_next_term(schools):
    before, after = roll(schools, "2023_summer"), roll(schools, "2023_autumn")
    gone = {row["NativeId"] for row in before} - {row["NativeId"] for row in after}
    assert len(gone) == 1
    there = {row["upn"] for row in before if row["NativeId"] in gone and row["ncyearactual"] != "6"}
    now = {row["upn"]: row for row in after}
    followed = [now[key] for key in there if key in now]
    assert len(followed) > 0.9 * len(there) > 20
    entered = Counter(row["entrydate"] for row in followed)
    assert entered["2023-Sep-01 00:00:00"] > 0.9 * len(
        followed
    )  # the others changed school since, for a reason of their own
    assert {day[:4] for day in entered} == {"2023"}
    assert len({row["NativeId"] for row in followed}) >= 2


def test_a_new_school_fills_from_its_first_day_with_those_who_enter_then(schools):
    first, before = roll(schools, "2023_autumn"), roll(schools, "2023_summer")
    (new,) = {row["NativeId"] for row in first} - {row["NativeId"] for row in before}
    sizes = []
    for label in ("2023_autumn", "2024_autumn"):
        there = [row for row in roll(schools, label) if row["NativeId"] == new]
        assert all(row["ncyearactual"] not in {"R", *map(str, range(1, 7))} for row in there)
        assert {row["entrydate"][:4] for row in there} <= {"2023", "2024"}
        sizes.append(len(there))
    assert 0 < sizes[0] < sizes[1]


def test_leave_in_term_time_changes_its_code_in_2024(schools):
    codes = {
        label: {
            row["attendancereason"]
            for row in rows(schools / f"extracts/school_census/{label}_termlysessiondetailsonroll.csv")
        }
        for label in ("2024_summer", "2024_autumn")
    }
    assert "H" in codes["2024_summer"]
    assert "C" not in codes["2024_summer"]
    assert "C" in codes["2024_autumn"]
    assert "H" not in codes["2024_autumn"]


def test_no_key_looks_like_a_pupil_number_or_an_nhs_number(schools):
    numbers = re.compile(r"[A-Z]\d{11}[A-Z0-9]|\d{10}")
    keys = [row["key"] for row in rows(schools / "extracts/spine.csv")]
    assert all(re.fullmatch(r"[A-Z]\d{8}", key) for key in keys)
    for path in sorted((schools / "extracts").rglob("*.csv")):
        if "stop_search" not in path.parts:
            assert not numbers.search(path.read_text(encoding="utf-8").replace("-", " ")), path.name


def test_districts_number_apart_from_each_other():
    rings = [KeyRing(200, np.random.default_rng(4), Numbering(district, 3)) for district in range(3)]
    for agency in ("EDU", "CLA", "HOUSING"):
        keys = [set(ring.of(agency, np.arange(200)).to_pylist()) for ring in rings]
        assert len(set().union(*keys)) == 600
    assert len(set().union(*(set(ring.subject_id.tolist()) for ring in rings))) == 600
    assert Numbering(2, 5).of(np.array([0, 1, 7])).tolist() == [2, 7, 37]
    assert Numbering().text("Q", np.array([0, 41]), digits=4).to_pylist() == ["Q0001", "Q0042"]
    assert Numbering(1, 2).text("Q", np.array([0, 41]), digits=4).to_pylist() == ["Q0002", "Q0084"]
