"""What a scenario changes, and what it leaves alone."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from riskmodel.files import digest_path
from riskmodel.simulate import SimulateSpec, simulate
from riskmodel.simulate.clock import Window
from riskmodel.simulate.extracts.stop_search import _OBJECTS, _draw_object
from riskmodel.simulate.population import GROUPS, settle
from riskmodel.simulate.recording import EXPOSURE_BY_AREA, LOWER_BAR, Recording
from riskmodel.study import SimulatedData, load_study

STUDIES = Path(__file__).parents[3] / "configs" / "studies"
SCENARIOS = (
    "bias-none",
    "bias-strong",
    "label-shift",
    "service-closed",
    "new-school",
    "prevalence-1",
    "prevalence-3",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give a small borough of each scenario file, simulated when it is first asked for."""
    folder, done = tmp_path_factory.mktemp("scenarios"), {}

    def of(name):
        if name not in done:
            spec = SimulateSpec() if name == "default" else scenario(name)
            spec = spec.model_copy(update={"size": 4000, "faulty_rows": 0.0})
            simulate(spec, seed=6, out=folder / name)
            done[name] = folder / name
        return done[name]

    return of


def scenario(name):
    data = load_study(STUDIES / f"{name}.yaml").data
    assert isinstance(data, SimulatedData)
    return data.borough()


def truth(root):
    """Return the recording table with the group and area of each subject."""
    people = pq.read_table(root / "truth/people.parquet", columns=["subject_id", "ethnicity", "deprivation"])
    return pq.read_table(root / "truth/recording.parquet").join(people, "subject_id")


def chances(root, agency, kind, group=None):
    table = truth(root)
    kept = pc.and_(pc.equal(table["agency"], agency), pc.equal(table["kind"], kind))
    if group:
        kept = pc.and_(kept, pc.equal(table["ethnicity"], group))
    return table.filter(kept)


def rows(root, name):
    return list(csv.DictReader((root / "extracts" / name).read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_loads_and_differs_from_the_default_in_one_thing(name):
    ours, default = scenario(name).model_dump(), load_study(None).data.borough().model_dump()
    assert len([field for field in ours if ours[field] != default[field]]) == 1
    assert load_study(STUDIES / f"{name}.yaml").name == name


def test_without_bias_the_police_record_acts_of_all_groups_and_areas_alike(made):
    layer = Recording.of(SimulateSpec(bias=0))
    for kind, base in (("violence", layer.suspect_violence), ("offence", layer.suspect_offence)):
        table = chances(made("bias-none"), "POLICE", kind)
        recorded = {round(value, 6) for value in table["probability"].to_pylist()} - {0.0}  # 0: under ten
        assert len(recorded) == 1, kind
        assert recorded.pop() == pytest.approx(base, rel=1e-5)


def test_strong_bias_records_black_suspects_more_often_for_the_same_acts(made):
    def mean(name, group):
        table = chances(made(name), "POLICE", "offence", group)
        return float(np.mean([p for p in table["probability"].to_pylist() if p > 0]))

    ratio = {
        name: mean(name, "Black") / mean(name, "White") for name in ("bias-none", "default", "bias-strong")
    }
    assert ratio["bias-none"] == pytest.approx(1, abs=1e-6)
    assert 1.8 < ratio["default"] < 3.0 < ratio["bias-strong"] < 4.8


def test_bias_changes_no_life_and_nothing_but_the_records_of_enforcement(made):
    for name in ("harm.parquet", "violence.parquet", "hazard.parquet"):
        assert digest_path(made("bias-none") / "truth" / name) == digest_path(
            made("bias-strong") / "truth" / name
        )
    changed = {
        path.relative_to(made("bias-none") / "extracts").parts[0]
        for path in sorted((made("bias-none") / "extracts").rglob("*.*"))
        if digest_path(path) != digest_path(made("bias-strong") / path.relative_to(made("bias-none")))
    }
    assert changed == {"police", "youth_justice", "stop_search", "spine.csv"}


def test_bias_scales_ratio_area_bar_and_objects_of_searches():
    layers = {bias: Recording.of(SimulateSpec(bias=bias)) for bias in (0, 1, 2)}
    assert [layers[bias].exposure_ratio for bias in (0, 1, 2)] == pytest.approx([1, 2.45, 3.9])
    area, bar = EXPOSURE_BY_AREA, LOWER_BAR
    assert [layers[bias].exposure_by_area for bias in (0, 1, 2)] == pytest.approx([0, area, 2 * area])
    assert [layers[bias].lower_bar for bias in (0, 1, 2)] == pytest.approx([0, bar, 2 * bar])
    spec = SimulateSpec(size=500)
    place = settle(spec, Window.of(spec), np.random.default_rng(1))
    assert set(layers[0].exposure(place).tolist()) == {1.0}
    weapons = {}
    for bias in (0, 1, 2):
        for group in ("White", "Black"):
            drawn = _draw_object(np.full(20_000, GROUPS.index(group)), bias, np.random.default_rng(2))
            weapons[bias, group] = (drawn == 1).mean()
    assert weapons[0, "Black"] == weapons[0, "White"] == weapons[2, "White"]
    _, white, black = _OBJECTS["Offensive weapons"]
    assert weapons[1, "Black"] == pytest.approx(black, abs=0.01)
    assert weapons[2, "Black"] == pytest.approx(
        white + 2 * (black - white), abs=0.03
    )  # no share falls below nought


def test_searches_differ_by_group_and_area_only_with_bias(made):
    def stops(name):
        folder = made(name) / "extracts/stop_search"
        return [
            row
            for path in sorted(folder.glob("*.csv"))
            for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        ]

    ratios = {}
    for name in ("bias-none", "bias-strong"):
        seen = [row["Officer-defined ethnicity"] for row in stops(name)]
        ratios[name] = seen.count("Black") / 0.150 / (seen.count("White") / 0.528)
    assert ratios["bias-none"] == pytest.approx(1, abs=0.2)
    assert ratios["bias-strong"] == pytest.approx(3.9, abs=0.7)


def test_label_shift_lowers_the_chance_from_its_day_only(made):
    for agency, factor in (("HEALTH", 0.6), ("POLICE", 0.9)):
        plain = chances(made("default"), agency, "harm").sort_by(
            [("subject_id", "ascending"), ("time", "ascending")]
        )
        shifted = chances(made("label-shift"), agency, "harm").sort_by(
            [("subject_id", "ascending"), ("time", "ascending")]
        )
        assert plain["time"] == shifted["time"]
        late = pc.greater_equal(plain["time"], date(2024, 1, 1)).to_numpy()
        ratio = shifted["probability"].to_numpy() / plain["probability"].to_numpy()
        assert late.sum() > 20
        assert ratio[late] == pytest.approx(np.full(late.sum(), factor), rel=1e-6)
        assert ratio[~late] == pytest.approx(np.ones((~late).sum()), rel=1e-6)


def test_a_closed_service_records_and_offers_nothing_and_says_so(made):
    root = made("service-closed")
    gap = json.loads((root / "extracts/manifest.json").read_text())["gaps"]
    assert gap == [{"agency": "SUPPORT", "from": "2021-09-01", "to": "2022-09-01"}]
    offers = rows(root, "support/offers.csv")
    for column in ("referral_date", "offered_date", "recorded_date"):
        assert not [row for row in offers if "2021-09-01" <= row[column] <= "2022-08-31"], column
    assert [row for row in offers if row["referral_date"] < "2021-09-01"]
    assert [row for row in offers if row["referral_date"] > "2022-08-31"]
    assert [row for row in rows(made("default"), "support/offers.csv") if row["offered_date"][:4] == "2022"]
    assert "gaps" not in json.loads((made("default") / "extracts/manifest.json").read_text())


@pytest.mark.parametrize(
    ("agency", "files"),
    [
        ("HEALTH", {"health/emergency.csv": "arrival_date", "health/camhs.csv": "referral_date"}),
        ("POLICE", {"police/people.csv": "incident_date"}),
        ("YJ", {"youth_justice/cases.csv": "offence_date"}),
    ],
)
def test_any_of_four_services_can_be_closed(tmp_path, agency, files):
    closed = {"agency": agency, "first_day": "2023-01-01", "last_day": "2023-12-31"}
    spec = SimulateSpec(size=2500, years=4, faulty_rows=0, corrections=0, closed_service=closed)
    simulate(spec, seed=2, out=tmp_path / "b")
    for name, column in files.items():
        found = rows(tmp_path / "b", name)
        assert not [row for row in found if row[column][:4] == "2023"], name
        assert not [row for row in found if row["recorded_date"][:4] == "2023"], name
        assert [row for row in found if row[column] < "2023"]
        assert [row for row in found if row[column] > "2024"]
    table = pq.read_table(tmp_path / "b/truth/recording.parquet")
    inside = table.filter(pc.and_(pc.equal(table["agency"], agency), pc.equal(pc.year(table["time"]), 2023)))
    assert set(inside["probability"].to_pylist()) == {0.0}
    assert set(inside["recorded"].to_pylist()) == {False}


def test_what_was_recorded_agrees_with_the_probabilities(made):
    table = pq.read_table(made("default") / "truth/recording.parquet")
    table = table.filter(pc.less(table["time"], date(2024, 6, 1)))  # later ones may be recorded after the end
    pairs = set(zip(table["kind"].to_pylist(), table["agency"].to_pylist(), strict=True))
    assert pairs == {
        ("harm", "HEALTH"), ("harm", "POLICE"), ("self_harm", "HEALTH"), ("other_victim", "POLICE"),
        ("violence", "POLICE"), ("offence", "POLICE"), ("violence", "YJ"), ("offence", "YJ"),
    }  # fmt: skip
    for kind, agency in sorted(pairs):
        part = table.filter(pc.and_(pc.equal(table["kind"], kind), pc.equal(table["agency"], agency)))
        chance = part["probability"].to_numpy()
        recorded = part["recorded"].to_numpy(zero_copy_only=False)
        assert not recorded[chance == 0].any()
        spread = np.sqrt((chance * (1 - chance)).sum())
        assert abs(recorded.sum() - chance.sum()) < 4 * spread, (kind, agency)


def test_recorded_harm_is_what_the_extract_counts(made):
    table = pq.read_table(made("default") / "truth/recording.parquet")
    health = table.filter(pc.and_(pc.equal(table["kind"], "harm"), pc.equal(table["agency"], "HEALTH")))
    last = {}
    for row in rows(made("default"), "health/emergency.csv"):
        last[row["record_id"]] = row["injury_intent"]
    assert sum(intent == "ASSAULT" for intent in last.values()) == pc.sum(health["recorded"]).as_py()
    harm = pq.read_table(made("default") / "truth/harm.parquet")
    assert harm.num_rows == health.num_rows


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"bias": 2.5}, "bias"),
        ({"corrections": 0.5}, "corrections"),
        ({"shards": 200, "size": 2000}, "shards"),
        ({"shards": 5, "size": 2000}, "at most 4"),
        ({"new_school": "2031-09-01"}, "new_school 2031-09-01 is outside the extracts"),
        ({"label_shift": {"day": "1999-01-01"}}, "label_shift.day 1999-01-01 is outside"),
        ({"label_shift": {"day": "2020-01-01", "police": 3}}, "police"),
        (
            {"closed_service": {"agency": "SUPPORT", "first_day": "2020-02-01", "last_day": "2020-01-01"}},
            "comes after last_day",
        ),
        (
            {"closed_service": {"agency": "SUPPORT", "first_day": "2020-02-01", "last_day": "2030-01-01"}},
            "closed_service.last_day 2030-01-01 is outside",
        ),
        (
            {"closed_service": {"agency": "EDU", "first_day": "2020-02-01", "last_day": "2020-03-01"}},
            "SUPPORT",
        ),
        ({"exposure_ratio": 2.0}, "exposure_ratio"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        SimulateSpec.model_validate(wrong)


def test_a_study_takes_in_one_district():
    with pytest.raises(ValueError, match="a study takes in one district"):
        SimulatedData(size=4000, shards=2)
    assert SimulatedData(size=400_000).borough().districts == 1
    assert SimulateSpec(size=400_000).districts == 4
