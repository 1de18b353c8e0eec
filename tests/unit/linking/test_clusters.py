"""Joining records into people: what joins, and what must not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_kit import NHS, NHS_2, UPN, UPN_2, person, write_folder

from riskmodel.linking.clusters import Clusters
from riskmodel.linking.identities import read_identities
from riskmodel.linking.linkage import Pairs
from riskmodel.linking.rules import link_by_rules, pairs_within


def ruled(folder, **agencies):
    """Return how the rules group the records, and the joins of each."""
    records = read_identities(write_folder(folder, **agencies))
    clusters = Clusters(records)
    joins = link_by_rules(records, clusters)
    return clusters.labels().tolist(), joins


def likely(folder, pairs, *, threshold=0.9, **agencies):
    """Return how the model's pairs group the records: (left, right, log2 odds, forenames alike)."""
    clusters = Clusters(read_identities(write_folder(folder, **agencies)))
    left, right, weight, alike = (np.array(part) for part in zip(*pairs, strict=True))
    probability = 1 / (1 + 2.0**-weight)
    made = clusters.join_likely(Pairs(left, right, probability, weight, alike), threshold=threshold)
    assert made <= len(pairs)
    return clusters.labels().tolist()


def test_a_shared_upn_joins_a_child_whose_surname_changed(tmp_path):
    labels, joins = ruled(tmp_path, EDU=[person("e", upn=UPN)], CSC=[person("c", surname="Wanaji", upn=UPN)])
    assert labels == [0, 0]
    assert joins == {"upn": 1, "nhs_number": 0, "exact": 0}


def test_a_shared_nhs_number_joins_whatever_the_address(tmp_path):
    other = person("c", surname="Belfort", postcode="", nhs_number=NHS)
    labels, joins = ruled(tmp_path, HEALTH=[person("h", nhs_number=NHS)], CSC=[other])
    assert labels == [0, 0]
    assert joins["nhs_number"] == 1


def test_a_brothers_number_does_not_join(tmp_path):
    brother = person("c", "Holden", birth_date="2012-06-01", sex="M", upn=UPN)
    assert ruled(tmp_path, EDU=[person("e", upn=UPN)], CSC=[brother])[0] == [0, 1]


def test_equality_of_every_field_joins(tmp_path):
    labels, joins = ruled(tmp_path, HOUSING=[person("r", "TAMSA")], POLICE=[person("p")])
    assert labels == [0, 0]
    assert joins == {"upn": 0, "nhs_number": 0, "exact": 1}


@pytest.mark.parametrize("blank", ["forename", "surname", "birth_date", "sex", "postcode"])
def test_equality_needs_every_field(tmp_path, blank):
    rows = [person("r", **{blank: ""}), person("s", **{blank: ""})]
    assert ruled(tmp_path, HOUSING=rows)[0] == [0, 1]


def test_rules_do_not_join_twins(tmp_path):
    rows = [person("r"), person("s", "Ronola")]
    assert ruled(tmp_path, HOUSING=rows, POLICE=rows)[0] == [0, 1, 0, 1]


def test_a_likely_pair_joins_and_an_unlikely_one_does_not(tmp_path):
    agencies = {"HOUSING": [person("r"), person("s", "Ronola")], "POLICE": [person("p", "Tamsah")]}
    assert likely(tmp_path, [(0, 2, 5.0, True), (1, 2, 1.0, True)], **agencies) == [0, 1, 0]


def test_forenames_that_are_not_alike_never_join_by_the_model(tmp_path):
    agencies = {"HOUSING": [person("r")], "POLICE": [person("p", "Ronola")]}
    assert likely(tmp_path, [(0, 1, 30.0, False)], **agencies) == [0, 1]


@pytest.mark.parametrize(("weight", "labels"), [(9.1, [0, 1]), (9.3, [0, 0])])
def test_two_keys_of_one_agency_need_six_more_bits(tmp_path, weight, labels):
    # Probability .9 is log2(9) = 3.17 bits, so two keys of one agency need 9.17.
    assert likely(tmp_path, [(0, 1, weight, True)], POLICE=[person("p"), person("q", "Tamsah")]) == labels


@pytest.mark.parametrize("twin", [person("q", "Tamara"), person("q", "Tamsah", sex="M")])
def test_two_names_or_two_sexes_at_one_agency_are_two_people_however_alike(tmp_path, twin):
    assert likely(tmp_path, [(0, 1, 40.0, True)], HOUSING=[person("p"), twin]) == [0, 1]


def test_twins_with_like_names_are_not_joined_through_another_agency(tmp_path):
    # Housing knows both (places 1 and 2); the police record (place 0) is like both, and nearer to the second.
    agencies = {"HOUSING": [person("p"), person("q", "Tamara")], "POLICE": [person("r", "Tamarra")]}
    pairs = [(1, 2, 25.0, True), (0, 2, 30.0, True), (0, 1, 20.0, True)]
    assert likely(tmp_path, pairs, **agencies) == [0, 1, 0]


def test_nobody_has_three_keys_at_one_agency(tmp_path):
    rows = [person("p"), person("q", "Tamsah"), person("r", "Tamsar")]
    pairs = [(0, 1, 20.0, True), (1, 2, 19.0, True), (0, 2, 18.0, True)]
    assert likely(tmp_path, pairs, POLICE=rows) == [0, 0, 2]


@pytest.mark.parametrize(
    ("mine", "theirs"), [({"upn": UPN}, {"upn": UPN_2}), ({"nhs_number": NHS}, {"nhs_number": NHS_2})]
)
def test_two_numbers_of_a_kind_keep_records_apart(tmp_path, mine, theirs):
    agencies = {"CSC": [person("c", **mine)], "CLA": [person("l", "Tamsah", **theirs)]}
    assert likely(tmp_path, [(0, 1, 30.0, True)], **agencies) == [0, 1]


def test_a_chain_does_not_pull_in_somebody_whose_name_and_birth_date_both_differ(tmp_path):
    # The middle record is like both ends; the ends contradict each other and the middle has two fellows.
    agencies = {
        "EDU": [person("e")],
        "CSC": [person("c")],
        "YJ": [person("y")],
        "POLICE": [person("p", "Ronola", birth_date="2011-01-01")],
    }
    pairs = [(0, 1, 30.0, True), (1, 2, 29.0, True), (2, 3, 8.0, True)]
    assert likely(tmp_path, pairs, **agencies)[3] == 3


def test_joins_are_made_from_the_likeliest_down(tmp_path):
    # One police record, two candidates with numbers that differ: the likelier one has it.
    agencies = {"EDU": [person("e", upn=UPN), person("f", upn=UPN_2)], "POLICE": [person("p", "Tamsah")]}
    assert likely(tmp_path, [(0, 2, 6.0, True), (1, 2, 7.0, True)], **agencies) == [0, 1, 1]


@given(st.lists(st.integers(-1, 6), max_size=25))
def test_pairs_within_are_all_pairs_of_equal_codes(codes):
    left, right = pairs_within(np.array(codes, np.int64))
    expected = [
        (i, j) for i in range(len(codes)) for j in range(i + 1, len(codes)) if codes[i] == codes[j] >= 0
    ]
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == expected
