"""Identities: names nobody chose, numbers with right checks, errors at the rates that are written down."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv, parquet

from riskmodel.simulate import SimulateSpec, simulate
from riskmodel.simulate.desks import DESKS, Errors
from riskmodel.simulate.extracts.press import AGENCIES
from riskmodel.simulate.identities import COLUMNS, postcodes
from riskmodel.simulate.names import TRADITIONS, forenames, misspell, respell, shorten, surnames
from riskmodel.simulate.selves import nhs_numbers, unique_pupil_numbers

RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def borough(tmp_path_factory):
    out = tmp_path_factory.mktemp("identities") / "made"
    simulate(SimulateSpec(size=4_000, years=4), seed=2, out=out, identities=True)
    return out


@pytest.fixture(scope="module")
def records(borough):
    text = csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=True)
    return {
        name: csv.read_csv(borough / "identities" / f"{name}.csv", convert_options=text) for name in AGENCIES
    }


@pytest.fixture(scope="module")
def truth(borough):
    table = parquet.read_table(borough / "truth" / "identities.parquet")
    keys = zip(table["agency"].to_pylist(), table["key"].to_pylist(), strict=True)
    return dict(zip(keys, table["subject_id"].to_pylist(), strict=True))


def share_blank(table, column):
    return table[column].null_count / table.num_rows


def subjects(truth, name, table):
    return [truth[name, key] for key in table["key"].to_pylist()]


def test_every_key_of_the_extracts_has_an_identity(borough, records):
    spine = csv.read_csv(borough / "extracts" / "spine.csv")
    for name, table in records.items():
        assert table.column_names == list(COLUMNS)
        used = set(spine.filter(pc.equal(spine["agency"], name))["key"].to_pylist())
        assert used <= set(table["key"].to_pylist())


def test_the_truth_agrees_with_the_spine(borough, truth):
    spine = csv.read_csv(borough / "extracts" / "spine.csv").to_pylist()
    assert all(truth[row["agency"], row["key"]] == row["subject_id"] for row in spine)


def test_one_row_a_key_in_order(records):
    for table in records.values():
        keys = table["key"].to_pylist()
        assert keys == sorted(set(keys))


def test_the_extracts_are_the_same_with_and_without_identities(tmp_path):
    spec = SimulateSpec(size=500, years=2)
    simulate(spec, seed=6, out=tmp_path / "with", identities=True)
    simulate(spec, seed=6, out=tmp_path / "without")
    for path in (tmp_path / "without").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "with" / path.relative_to(tmp_path / "without")).read_bytes()
    assert not (tmp_path / "without" / "identities").exists()


def test_same_seed_same_identities(borough, tmp_path):
    simulate(SimulateSpec(size=4_000, years=4), seed=2, out=tmp_path / "again", identities=True)
    for path in (borough / "identities").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / "identities" / path.name).read_bytes()


def test_numbers_are_held_as_the_desks_say(records):
    assert share_blank(records["EDU"], "upn") == 0
    assert share_blank(records["POLICE"], "upn") == share_blank(records["POLICE"], "nhs_number") == 1
    assert share_blank(records["HOUSING"], "upn") == 1
    csc = records["CSC"]
    assert share_blank(csc, "nhs_number") == pytest.approx(1 - DESKS["CSC"].nhs, abs=0.05)
    # Nine in ten, of those old enough to have a UPN.
    old = csc.filter(pc.less(csc["birth_date"], "2015-01-01"))
    assert share_blank(old, "upn") == pytest.approx(1 - DESKS["CSC"].upn, abs=0.05)
    young = csc.filter(pc.greater(csc["birth_date"], "2022-01-01"))
    assert share_blank(young, "upn") > 0.99
    assert share_blank(records["HEALTH"], "nhs_number") < 0.01


def test_some_are_registered_twice(records, truth):
    for name in ("HEALTH", "POLICE"):
        people = subjects(truth, name, records[name])
        twice = len(people) - len(set(people))
        expected = DESKS[name].twice * len(set(people))
        assert abs(twice - expected) < 4 * expected**0.5
    for name in ("EDU", "HOUSING", "CSC"):
        assert len(set(subjects(truth, name, records[name]))) == records[name].num_rows


def test_errors_are_as_common_as_the_desks_say(records, truth):
    school = dict(zip(subjects(truth, "EDU", records["EDU"]), records["EDU"].to_pylist(), strict=True))
    pairs = [
        (school[subject], row)
        for subject, row in zip(
            subjects(truth, "HOUSING", records["HOUSING"]), records["HOUSING"].to_pylist(), strict=True
        )
        if subject in school and row["birth_date"]
    ]
    assert len(pairs) > 4_000
    differ = {
        column: sum((a[column] or "").upper() != (b[column] or "").upper() for a, b in pairs) / len(pairs)
        for column in ("forename", "surname", "birth_date", "sex", "postcode")
    }
    # Slips, short forms and other spellings on either side: 1 to 2% of each, other spellings up to 9% of some groups.
    assert 0.04 < differ["forename"] < 0.15
    assert 0.02 < differ["surname"] < 0.15
    assert 0.008 < differ["birth_date"] < 0.03
    assert 0.015 < differ["sex"] < 0.04  # mostly missing at housing
    assert 0.005 < differ["postcode"] < 0.10


def test_siblings_share_a_surname_and_twins_a_birthday(borough, records, truth):
    people = parquet.read_table(borough / "truth" / "people.parquet").to_pylist()
    household = {row["subject_id"]: row["household"] for row in people}
    month = {row["subject_id"]: row["birth_month"] for row in people}
    rows = records["EDU"].to_pylist()
    by_home: dict[int, list[tuple[int, dict[str, str]]]] = {}
    for subject, row in zip(subjects(truth, "EDU", records["EDU"]), rows, strict=True):
        by_home.setdefault(household[subject], []).append((subject, row))
    pairs = [(h[0], h[1]) for h in by_home.values() if len(h) > 1]
    same = sum(a[1]["surname"] == b[1]["surname"] for a, b in pairs) / len(pairs)
    assert 0.70 < same < 0.95
    twins = [(a, b) for a, b in pairs if month[a[0]] == month[b[0]]]
    assert len(twins) > 5
    assert sum(a[1]["birth_date"] == b[1]["birth_date"] for a, b in twins) / len(twins) > 0.9
    assert all(a[1]["forename"] != b[1]["forename"] for a, b in twins)


def test_groups_hold_what_identities_do_not(borough, records):
    groups = csv.read_csv(borough / "identities" / "groups.csv").to_pylist()
    assert len(groups) == sum(table.num_rows for table in records.values())
    assert {row["ethnicity"] for row in groups} == {"White", "Black", "Mixed", "Asian", "Other", ""}
    assert {row["deprivation_fifth"] for row in groups} <= {1, 2, 3, 4, 5, None}


def test_twice_the_trouble_is_twice_the_errors_and_the_same_numbers_held():
    one, two = Errors.of(1.0), Errors.of(2.0)
    for name in AGENCIES:
        assert two.desks[name].slip == pytest.approx(2 * one.desks[name].slip)
        assert 1 - two.desks[name].keeps_up == pytest.approx(2 * (1 - one.desks[name].keeps_up))
        assert (two.desks[name].upn, two.desks[name].youngest) == (
            one.desks[name].upn,
            one.desks[name].youngest,
        )
    assert two.respelt.tolist() == pytest.approx((2 * one.respelt).tolist())
    assert Errors.of(1000.0).desks["EDU"].slip == 1.0
    assert Errors.of(0.0).other_forename == 0.0


def test_check_letter_by_hand():
    # 099000000001: 0x2 + 9x3 + 9x4 + ... + 1x13 = 76, and 76 modulo 23 is 7: the eighth letter, H.
    assert unique_pupil_numbers(np.array([1])).tolist() == ["H099000000001"]


def test_check_digit_of_every_number():
    numbers = nhs_numbers(np.arange(5_000))
    assert len(set(numbers.tolist())) == 5_000
    for number in numbers[:500].tolist():
        total = sum(int(digit) * weight for digit, weight in zip(number, range(10, 0, -1), strict=True))
        assert total % 11 == 0
        assert number.startswith("9")
        assert len(number) == 10


def test_postcodes_have_the_form_of_real_ones_in_areas_that_do_not_exist():
    place = np.arange(11_520)  # far more areas than the largest borough has
    made = postcodes(place, place % 40)
    assert len(set(made.tolist())) == len(place)
    assert made[0] == "ZZ1 1AL"
    assert set(pc.match_substring_regex(pa.array(made), r"^Z[A-Z]\d{1,2} [1-8][A-Z]{2}$").to_pylist()) == {
        True
    }
    assert not any(text.startswith("ZE") for text in made.tolist())  # Shetland


@pytest.mark.parametrize("tradition", TRADITIONS)
def test_a_few_names_are_common_and_many_are_rare(tradition):
    drawn = surnames(tradition).draw(20_000, RNG).tolist()
    count = Counter(drawn).most_common()
    assert 0.005 < count[0][1] / len(drawn) < 0.06
    assert len(count) > 1_000
    assert not set(forenames(tradition, male=True).names) & set(forenames(tradition, male=False).names)


def test_names_of_the_east_are_more_often_shared():
    def meet(tradition):
        share = np.diff(surnames(tradition).reach, prepend=0.0)
        return float((share**2).sum())

    assert meet("east") > 3 * meet("north")


def test_changes_change_a_little():
    assert shorten(np.array(["haroldo", "tam", "tamsa"])).tolist() == ["hary", "tam", "tamy"]
    assert respell("kassim", RNG) != "kassim"
    assert respell("", RNG) == ""
    assert misspell("t", RNG) == "t"
    changed = {misspell("belford", RNG) for _ in range(200)}
    assert all(abs(len(name) - 7) <= 2 for name in changed)
    assert len(changed) > 20
