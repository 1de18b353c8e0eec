"""The parts of the simulation, against values worked out by hand."""

from __future__ import annotations

import dataclasses
import inspect
import math
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from riskmodel.simulate import SimulateSpec, equations, population
from riskmodel.simulate.clock import CENSUS_DATE, ISO, NOT_YET, UK, DayText, Window, terms, year_ends
from riskmodel.simulate.equations import PROCESSES, Process, age_curve, expected_jump, standing_level
from riskmodel.simulate.extracts.press import TWICE, KeyRing, Press, pick
from riskmodel.simulate.hazard import chance_of_harm
from riskmodel.simulate.lives import Living, State, live, truancy_factor
from riskmodel.simulate.population import Adversity, People, settle
from riskmodel.simulate.recording import Recording, suspect_chance
from riskmodel.simulate.spells import Spells, apart, first_of_owner, last_of_owner, merge, until_next
from riskmodel.tables.days import to_day

WINDOW = Window.of(SimulateSpec())


def people_like(n, *, born=420, **fields):
    """Return n average people born in one month, always here."""
    zero = np.zeros(n, np.float32)
    base = {
        "household": np.arange(n), "birth_month": np.full(n, born), "from_day": np.zeros(n, np.int32),
        "to_day": np.full(n, NOT_YET), "male": np.zeros(n, bool), "poverty": zero, "conduct": zero, "frailty": zero,
        "learning": zero, "young_mother": np.zeros(n, bool),
    }  # fmt: skip
    return People(**{**base, **fields})


def calm_homes(n, *, count=0, mean=0.0):
    """Return homes where so many adversities run in every month."""
    none = np.zeros(0, np.int32)
    current = np.full((n, 700), count, np.int8)
    return Adversity(Spells(none, none, none, none), current, np.full(n, mean, np.float32), 300)


def test_window_ends_with_the_last_day_and_has_whole_years():
    window = Window.of(SimulateSpec(years=3, last_day=date(2024, 2, 29)))
    assert window.first_day == to_day(date(2021, 3, 1))
    assert (window.first_month, window.last_month) == ((2021 - 1970) * 12 + 2, (2024 - 1970) * 12 + 1)
    assert window.covers(np.array([window.first_day - 1, window.first_day, window.last_day, window.last_day + 1])).tolist() == [
        False, True, True, False,
    ]  # fmt: skip


def test_terms_lie_inside_the_window_in_order():
    found = terms(WINDOW)
    assert [term.label for term in found][:4] == ["2015_autumn", "2016_spring", "2016_summer", "2016_autumn"]
    assert len(found) == 30
    assert [term.number for term in found] == list(range(30))
    assert {term.academic_year for term in found[:3]} == {2015}
    assert all(term.start < term.census < term.end for term in found)
    assert sum(term.sessions for term in found[:3]) == 380


def test_social_care_years_tile_the_window():
    years = year_ends(WINDOW)
    assert years[0] == (2016, to_day(date(2015, 9, 1)), to_day(date(2016, 3, 31)))
    assert years[-1] == (2026, to_day(date(2025, 4, 1)), to_day(date(2025, 8, 31)))
    assert all(a[2] + 1 == b[1] for a, b in pairwise(years))


def test_days_are_written_in_three_styles_and_blank_when_not_yet():
    days = np.array([to_day(date(2020, 2, 29)), NOT_YET])
    assert DayText(ISO).of(days).to_pylist() == ["2020-02-29", None]
    assert DayText(CENSUS_DATE).of(days)[0].as_py() == "2020-Feb-29 00:00:00"
    assert DayText(UK).of(days)[0].as_py() == "29/02/2020"


def test_merge_joins_touching_spells_of_one_owner():
    spells = Spells(
        *(
            np.array(part, np.int32)
            for part in ([1, 1, 1, 2, 2], [0, 3, 9, 1, 5], [4, 9, 12, 2, 5], [7, 8, 9, 1, 2])
        )
    )
    joined = merge(spells)
    assert joined.owner.tolist() == [1, 2]
    assert joined.start.tolist() == [0, 1]
    assert joined.end.tolist() == [12, 2]  # the empty spell 5 to 5 is dropped
    assert joined.kind.tolist() == [7, 1]


def test_merge_of_nothing_is_nothing():
    none = np.zeros(0, np.int32)
    assert len(merge(Spells(none, none, none, none)).owner) == 0


def test_rows_of_one_owner_are_found_by_their_neighbours():
    owner = np.array([1, 1, 4, 5, 5, 5])
    assert first_of_owner(owner).tolist() == [True, False, True, True, False, False]
    assert last_of_owner(owner).tolist() == [False, True, True, False, False, True]
    start = np.array([3, 8, 1, 2, 5, 9])
    assert until_next(owner, start, np.full(6, 99)).tolist() == [8, 99, 99, 5, 9, 99]
    assert apart(owner, start, np.array([8, 9, 2, 9, 6, 10])).tolist() == [
        0,
        2,
        3,
    ]  # 8 and 9 start as another ends
    for none in (first_of_owner(owner[:0]), last_of_owner(owner[:0]), apart(owner[:0], start[:0], start[:0])):
        assert len(none) == 0


def test_ethnic_group_is_in_no_field_that_a_life_can_read():
    readable = {
        field.name for kind in (Process, People, Adversity, State) for field in dataclasses.fields(kind)
    }
    assert not {name for name in readable if "ethnic" in name or "group" in name or "race" in name}
    parameters = inspect.signature(live).parameters
    assert set(parameters) == {"people", "adversity", "spec", "window", "rng", "at_month"}
    assert "group" not in inspect.getsource(equations).replace("ethnic group", "")


def test_rate_is_the_product_that_the_equations_say(monkeypatch):
    process = Process(
        0.6,
        ((0, 1.0), (10, 2.0)),
        poverty=0.2,
        conduct=0.3,
        frailty=0.4,
        male=0.5,
        adversity=0.7,
        momentum=0.8,
        eased=True,
    )
    monkeypatch.setitem(PROCESSES, "harm", process)
    one = np.ones(1, np.float32)
    people = people_like(1, poverty=one, conduct=2 * one, frailty=-one, male=np.array([True]))
    living = Living(people, calm_homes(1, count=2), SimulateSpec(prevalence=0.02, support_effect=0.25))
    calm = np.zeros(1, np.float32)
    state = State(np.array([1.5], np.float32), calm, np.array([61]), calm)
    by_hand = 0.6 / 12 * 1.5 * math.exp(0.2 + 0.6 - 0.4 + 0.5) * math.exp(2 * 0.7) * (1 + 0.8 * 1.5) * 0.75
    standing = living.now(state, 60, 1)
    assert living.rate("harm", 60, slice(0, 1), standing)[0] == pytest.approx(by_hand, rel=1e-5)
    ended = living.now(replace(state, support_ends=np.array([60])), 60, 1)
    assert living.rate("harm", 60, slice(0, 1), ended)[0] == pytest.approx(by_hand / 0.75, rel=1e-5)


def test_school_things_stop_in_august_and_grow_with_truancy():
    people = people_like(2, born=np.array([420, 420]))
    living = Living(people, calm_homes(2), SimulateSpec())
    calm = np.zeros(2, np.float32)
    state = State(calm, np.array([0.0, 0.5], np.float32), np.zeros(2, np.int32), calm)
    in_term = living.rate("suspension", 160, slice(0, 2), living.now(state, 160, 2))
    assert in_term[1] / in_term[0] == pytest.approx(2.5)  # the most that truancy can do
    august = 7 + 12 * 12  # born in January
    assert living.rate("suspension", august, slice(0, 2), living.now(state, august, 2)).tolist() == [0, 0]
    assert truancy_factor(np.array([0.1], np.float32))[0] == pytest.approx(1.6)


def test_expected_jump_adds_what_follows(monkeypatch):
    monkeypatch.setattr(equations, "FOLLOWS", {
        ("violence", "placement"): (0.2, 0.0), ("violence", "care"): (0.1, 0.5), ("missing", "care"): (0.3, 0.0),
    })  # fmt: skip
    monkeypatch.setattr(equations, "JUMPS", {"placement": 0.3, "care": 0.4})
    monkeypatch.setitem(PROCESSES, "violence", Process(0.1, ((0, 1.0),), jump=0.25))
    people = people_like(3, conduct=np.array([0.0, 2.0, 9.0], np.float32))
    by_hand = [
        0.25 + 0.2 * 0.3 + chance * 0.4 for chance in (0.1, 0.1 * math.e, 0.9)
    ]  # 0.9 is the most likely
    assert expected_jump("violence", people) == pytest.approx(by_hand)
    assert expected_jump("distress", people).tolist() == [0, 0, 0]


def test_age_curve_is_a_monthly_rate():
    curve = age_curve(Process(1.2, ((1, 0.0), (3, 1.0))))
    assert curve[[0, 12, 24, 36, 200]].tolist() == pytest.approx([0, 0, 0.05, 0.1, 0.1])


def test_standing_level_of_an_average_girl_is_one():
    assert standing_level(PROCESSES["violence"], people_like(3)).tolist() == [1, 1, 1]


def test_hazard_by_hand_when_nothing_moves(monkeypatch):
    for name in PROCESSES:
        monkeypatch.setitem(PROCESSES, name, Process(0.0, ((0, 1.0),)))
    monkeypatch.setitem(
        PROCESSES, "harm", Process(0.24, ((0, 1.0),), momentum=0.5, eased=True, adversity=0.3)
    )
    living = Living(people_like(1), calm_homes(1, count=1, mean=0.4), SimulateSpec(support_effect=0.5))
    calm = np.zeros(1, np.float32)
    state = State(np.array([2.0], np.float32), calm, np.array([154]), calm)  # four months of support left
    alive, momentum = 1.0, 2.0
    for month in range(12):
        stays = math.exp(-month / 24)
        # A spell lasts or not; new ones are Poisson: both generating functions at exp(0.3).
        home = (1 - stays + stays * math.exp(0.3)) * math.exp(0.4 * (1 - stays) * (math.exp(0.3) - 1))
        alive *= 1 - 0.02 * home * (1 + 0.5 * momentum) * (0.5 if month < 4 else 1.0)
        momentum *= 0.93
    assert chance_of_harm(living, state, 150, np.array([0]))[0] == pytest.approx(1 - alive, rel=1e-5)


def test_hazard_halves_with_the_prevalence_and_falls_with_support():
    rng = np.random.default_rng(1)
    fields = {name: rng.standard_normal(50).astype(np.float32) for name in ("poverty", "conduct", "frailty")}
    people, state = people_like(50, **fields), State.at_birth(50)
    everyone = np.arange(50)
    full = chance_of_harm(Living(people, calm_homes(50), SimulateSpec()), state, 168, everyone)
    half = chance_of_harm(Living(people, calm_homes(50), SimulateSpec(prevalence=0.01)), state, 168, everyone)
    assert half / full == pytest.approx(np.full(50, 0.5), abs=0.03)
    supported = replace(state, support_ends=np.full(50, 200))
    eased = chance_of_harm(
        Living(people, calm_homes(50), SimulateSpec(support_effect=0.3)), supported, 168, everyone
    )
    assert eased / full == pytest.approx(np.full(50, 0.7), abs=0.03)


def test_suspect_chance_grows_with_exposure_only():
    assert suspect_chance(0.1, np.array([0.0, 1.0, 2.45]))[:2] == pytest.approx([0, 0.1])
    assert suspect_chance(0.1, np.array([2.45]))[0] == pytest.approx(1 - 0.9**2.45, rel=1e-5)


def test_exposure_is_black_to_white_in_an_equal_area(small_spec):
    place = settle(small_spec, Window.of(small_spec), np.random.default_rng(5))
    exposure = Recording(exposure_ratio=2.45, faulty_rows=0).exposure(place)
    level = exposure / np.exp(0.20 * place.deprivation)
    assert level[place.group == 1] / level[place.group == 0].mean() == pytest.approx(
        np.full((place.group == 1).sum(), 2.45)
    )
    same = Recording(exposure_ratio=1.0, faulty_rows=0).exposure(place) / np.exp(0.20 * place.deprivation)
    assert same == pytest.approx(np.ones(len(same)))


def test_size_is_residents_of_5_to_17_at_both_ends():
    spec = SimulateSpec(size=6000)
    window = Window.of(spec)
    people = settle(spec, window, np.random.default_rng(3)).people
    for day in (window.first_day, window.last_day):
        month = int(np.array(day).astype("datetime64[D]").astype("datetime64[M]").astype(int))
        age = month - people.birth_month
        here = people.here(np.arange(len(people)), np.full(len(people), day))
        assert (here & (age >= 60) & (age < 216)).sum() == pytest.approx(6000, rel=0.05)
    assert (np.diff(people.birth_month) >= 0).all()


def test_adversity_is_a_stationary_poisson_count():
    spec = SimulateSpec(size=8000)
    window = Window.of(spec)
    adversity = settle(spec, window, np.random.default_rng(4)).adversity
    for month in (0, 150, adversity.current.shape[1] - 2):
        counts = adversity.current[:, month]
        assert counts.mean() == pytest.approx(adversity.mean.mean(), rel=0.06), month
    assert population.ADVERSITY_MONTHS == 24.0


def test_spoilt_rows_have_one_fault_each(tmp_path):
    press = Press(tmp_path, faulty=0.2, rng=np.random.default_rng(1))
    faults = (("date", "never"), TWICE)
    press.write("t.csv", {"key": np.arange(1000), "date": pa.array(["2020-01-01"] * 1000)}, faults)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "key,date"
    never = sum(line.endswith(",never") for line in lines)
    twice = len(lines) - 1001
    assert 150 < never + twice < 250
    assert len(set(lines)) == 1001
    assert press.rows == {"t.csv": len(lines) - 1}


def test_keys_are_distinct_and_say_nothing_about_order():
    ring = KeyRing(500, np.random.default_rng(2))
    assert len(set(ring.subject_id.tolist())) == 500
    assert len(set(ring.of("EDU", np.arange(500)).to_pylist())) == 500
    assert abs(np.corrcoef(np.arange(500), ring.number("EDU", np.arange(500)))[0, 1]) < 0.15
    assert abs(np.corrcoef(np.arange(500), ring.subject_id)[0, 1]) < 0.15
    spine = ring.spine(unlinked=0.5, rng=np.random.default_rng(3))
    assert 200 < len(spine["key"]) < 300


def test_pick_follows_the_weights_and_blank_is_null():
    text, index = pick({"A": 3.0, "": 1.0}, 4000, np.random.default_rng(1))
    assert (index == 0).mean() == pytest.approx(0.75, abs=0.03)
    assert text.null_count == (index == 1).sum()
