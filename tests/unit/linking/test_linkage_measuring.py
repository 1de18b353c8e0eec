"""Counts of right and wrong pairs, by hand."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_kit import NHS, NHS_2, UPN, person, write_folder
from pyarrow import parquet

from riskmodel.errors import DataError
from riskmodel.linking.estimates import expect
from riskmodel.linking.groups import by_person, read_groups
from riskmodel.linking.identities import read_identities
from riskmodel.linking.link import Linkage
from riskmodel.linking.linkage import Pairs
from riskmodel.linking.measuring import Causes, measured, rates, read_truth, tally
from riskmodel.linking.report import for_board
from riskmodel.linking.spec import LinkSpec

RNG = np.random.default_rng(5)


def test_tally_by_hand():
    # Truth: records 0, 1, 2 are A; 3, 4 are B. Linked: {0, 1}, {2, 3}, {4}.
    counts = tally(np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 1]))
    assert counts.found.tolist() == [1.0, 0.0]
    assert counts.missed.tolist() == [2.0, 1.0]
    assert counts.wrong.tolist() == [0.5, 0.5]


codes = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20)


@given(codes)
def test_tally_equals_a_count_of_all_pairs(both):
    person = np.array([one for one, _ in both])
    truth = np.unique([other for _, other in both], return_inverse=True)[1]
    counts = tally(person, truth)
    pairs = [(i, j) for i in range(len(both)) for j in range(i)]
    linked = [person[i] == person[j] for i, j in pairs]
    true = [truth[i] == truth[j] for i, j in pairs]
    found = sum(a and b for a, b in zip(linked, true, strict=True))
    assert counts.found.sum() == found
    assert counts.wrong.sum() == sum(linked) - found
    assert counts.missed.sum() == sum(true) - found


def test_rates_and_their_interval():
    # 400 people with one pair each, of which 40 are missed: recall .9, standard error .015.
    truth = np.repeat(np.arange(400), 2)
    linked = truth.copy()
    linked[1:80:2] = 1000 + np.arange(40)
    row = rates(tally(linked, truth), np.ones(400, np.bool_), rng=RNG)
    assert (row["people"], row["true_pairs"], row["missed_pairs"], row["wrong_pairs"]) == (
        400,
        400.0,
        40.0,
        0.0,
    )
    assert row["recall"]["value"] == 0.9
    assert row["recall"]["low"] == pytest.approx(0.9 - 1.96 * 0.015, abs=0.006)
    assert row["recall"]["high"] == pytest.approx(0.9 + 1.96 * 0.015, abs=0.006)
    # No false pair was seen: the rule of three, 1 - 3 / 400.
    assert row["precision"] == {"value": 1.0, "low": 0.9925, "high": 1.0}


def test_rates_of_nobody_are_not_numbers():
    counts = tally(np.array([0, 0]), np.array([0, 0]))
    row = rates(counts, np.array([False]), rng=RNG)
    assert row["people"] == 0
    assert row["recall"] == {"value": None, "low": None, "high": None}


def test_a_person_is_in_the_group_that_most_of_its_records_say():
    group, names = by_person(np.array([0, 0, 0, 1, 1, 2]), ["White", "Black", "White", "Black", "Asian", ""])
    assert names == ("Asian", "Black", "White", "unknown")
    assert [names[code] for code in group] == ["White", "White", "White", "Asian", "Asian", "unknown"]


def test_groups_are_read_by_key(tmp_path):
    records = read_identities(write_folder(tmp_path, EDU=[person("a"), person("b")]))
    path = tmp_path / "groups.csv"
    path.write_text("agency,key,ethnicity,deprivation_fifth\nEDU,b,Asian,2\nYJ,a,White,1\n", encoding="utf-8")
    assert read_groups(path, records) == {"ethnicity": ["", "Asian"], "deprivation_fifth": ["", "2"]}


@pytest.mark.parametrize(
    ("rows", "found"),
    [("EDU,a,x,1\nEDU,a,x,1\n", "every agency and key once"), ("EDU,z,x,1\n", "none of them")],
)
def test_groups_that_do_not_fit_are_refused(tmp_path, rows, found):
    records = read_identities(write_folder(tmp_path, EDU=[person("a")]))
    path = tmp_path / "groups.csv"
    path.write_text("agency,key,ethnicity,deprivation_fifth\n" + rows, encoding="utf-8")
    with pytest.raises(DataError, match=found):
        read_groups(path, records)


def write_truth(path, rows):
    agency, key, subject = zip(*rows, strict=True)
    table = pa.table({"agency": list(agency), "key": list(key), "subject_id": list(subject)})
    parquet.write_table(table, path)
    return path


def test_truth_is_read_by_key(tmp_path):
    records = read_identities(write_folder(tmp_path, EDU=[person("a"), person("b")], YJ=[person("a")]))
    path = write_truth(tmp_path / "t.parquet", [("YJ", "a", 70), ("EDU", "b", 50), ("EDU", "a", 70)])
    assert read_truth(path, records).tolist() == [1, 0, 1]


def test_truth_that_does_not_fit_is_refused(tmp_path):
    records = read_identities(write_folder(tmp_path, EDU=[person("a"), person("b")]))
    path = write_truth(tmp_path / "t.parquet", [("EDU", "b", 50)])
    with pytest.raises(DataError, match="none for 1 records"):
        read_truth(path, records)
    with pytest.raises(DataError, match="no file"):
        read_truth(tmp_path / "nowhere.parquet", records)
    parquet.write_table(pa.table({"agency": ["EDU"]}), path)
    with pytest.raises(DataError, match="another file"):
        read_truth(path, records)


def test_causes_of_a_missed_pair(tmp_path):
    rows = {
        "EDU": [person("a"), person("b", "Kassim", postcode="")],
        "YJ": [person("a", "Ronola"), person("b", "Qasim", surname="Belfort", birth_date="2010-03-18")],
    }
    records = read_identities(write_folder(tmp_path, **rows))
    # Places: EDU a, EDU b, YJ a, YJ b. The pair a is missed, the pair b is found.
    causes = Causes.of(records, np.array([0, 1, 2, 1]), np.array([0, 1, 0, 1]))
    found = causes.over(np.array([True, True]))
    assert found["forename sounds different"] == {"of_missed": 1.0, "of_all": 0.5, "missed_if": 1.0}
    assert found["forename spelt differently, sounds the same"] == {
        "of_missed": 0.0,
        "of_all": 0.5,
        "missed_if": 0.0,
    }
    assert found["surname spelt differently, sounds the same"]["of_all"] == 0.5
    assert found["birth date differs"]["of_all"] == 0.5
    assert found["postcode missing"]["of_all"] == 0.5
    assert found["sex differs"] == {"of_missed": 0.0, "of_all": 0.0, "missed_if": None}


def linkage(tmp_path, linked, pairs, **agencies):
    records = read_identities(write_folder(tmp_path, **agencies))
    left, right, probability, alike = (np.array(part) for part in zip(*pairs, strict=True))
    scored = Pairs(left, right, probability, np.log2(probability / (1 - probability)), alike)
    return Linkage(LinkSpec(seed=1), records, np.array(linked), {}, scored)


def test_expected_errors_are_sums_of_probabilities(tmp_path):
    agencies = {
        "CSC": [person("a", upn=UPN), person("b"), person("c", nhs_number=NHS)],
        "YJ": [person("a", upn=UPN), person("b"), person("c", nhs_number=NHS_2), person("d", "Ronola")],
    }
    pairs = [
        (0, 3, 0.2, True),  # linked by UPN: right, whatever the model says
        (1, 4, 0.9, True),  # linked, doubted by a tenth
        (2, 5, 0.8, True),  # not linked, NHS numbers differ: not hoped for
        (1, 6, 0.99, False),  # not linked, forenames plainly differ: maybe a twin
        (0, 4, 0.25, True),  # not linked, hoped for by a quarter
    ]
    expected = expect(linkage(tmp_path, [0, 1, 2, 0, 1, 3, 4], pairs, **agencies))
    everybody = np.ones(7, np.bool_)
    row = expected.over(everybody)
    assert row == {
        "linked_pairs": 2.0,
        "false_pairs": 0.1,
        "missed_pairs": 0.2,  # a quarter, rounded to one digit
        "precision": 0.95,
        "recall": round(1.9 / 2.15, 4),
    }
    assert expected.missed.tolist() == [0.125, 0, 0, 0, 0.125, 0, 0]


def test_nothing_linked_has_no_precision(tmp_path):
    row = expect(linkage(tmp_path, [0, 1], [(0, 1, 0.5, False)], EDU=[person("a")], YJ=[person("b")])).over(
        np.ones(2, np.bool_)
    )
    assert (row["precision"], row["recall"]) == (None, None)


def test_measured_says_how_its_intervals_were_made(tmp_path):
    records = read_identities(write_folder(tmp_path, EDU=[person("a")], YJ=[person("a", sex="M")]))
    found = measured(records, np.array([0, 0]), np.array([0, 0]), {"sex": ["Female", "Male"]}, seed=3)
    assert found["interval"] == "95%, bootstrap over people, 1000 draws"
    assert found["by"]["sex"]["Female"]["people"] == 1  # tied: the first in the alphabet
    assert found["by"]["sex"]["Male"]["people"] == 0
    assert found["causes"]["overall"]["sex differs"]["of_all"] == 1.0


def test_the_board_sees_no_small_count_and_cannot_work_it_out():
    row = {"linked_pairs": 1_000.0, "false_pairs": 12.4, "missed_pairs": 3.2}
    told = for_board(
        {
            "records": 1_237,
            "people": 700,
            "agencies": {
                "EDU": {"keys": 1_200, "linked": 1_000},
                "CSC": {"keys": 30, "linked": 28},
                "YJ": {"keys": 7, "linked": 7},
            },
            "estimated": {"status": "ok", "overall": row, "by": {"sex": {"Male": row}}},
        }
    )
    # YJ's 7 keys are hidden, and CSC's 30 with them: 1,235 less 1,200 and 30 would give them back.
    assert told["agencies"] == {
        "EDU": {"keys": 1_200, "match_rate": 0.833},
        "CSC": {"keys": None, "match_rate": None},
        "YJ": {"keys": None, "match_rate": None},
    }
    assert told["records"] == 1_235
    assert told["estimated"]["by"]["sex"]["Male"] == {"false_links": 0.01, "missed_links": None}
