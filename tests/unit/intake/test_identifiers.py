"""Direct identifiers are told from numbers and codes that only look a little like them."""

from __future__ import annotations

import random

import pytest

from riskmodel.intake.identifiers import (
    coded_identifier,
    is_nhs_number,
    is_postcode,
    is_upn,
    named_identifier,
    undeclared,
    valued_identifier,
)

# Check digits worked out by hand. UPN 801200005001: 8x2 + 0x3 + 1x4 + 2x5 + 5x10 + 1x13 = 93 = 4x23 + 1, so B.
# UPN 80120000500A (temporary, A counts 0): 16 + 4 + 10 + 50 = 80 = 3x23 + 11, so M.
# NHS 943476591: 9x10 + 4x9 + 3x8 + 4x7 + 7x6 + 6x5 + 5x4 + 9x3 + 1x2 = 299 = 27x11 + 2, so 11 - 2 = 9.
UPNS = ["B801200005001", "M80120000500A"]


@pytest.mark.parametrize("text", [*UPNS, " b801200005001 "])
def test_a_pupil_number_with_the_right_letter(text: str) -> None:
    assert is_upn(text)


@pytest.mark.parametrize(
    "text",
    ["A801200005001", "B801200005002", "B80120000500", "I801200005001", "M80120000500B", "", "8012000050011"],
)
def test_no_pupil_number(text: str) -> None:
    assert not is_upn(text)


@pytest.mark.parametrize("text", ["9434765919", "943 476 5919", "943-476-5919"])
def test_an_nhs_number(text: str) -> None:
    assert is_nhs_number(text)


@pytest.mark.parametrize(
    "text",
    ["9434765918", "943476591", "94347659190", "943 4765919", "0000000000", "1111111111", "", "943476591x"],
)
def test_no_nhs_number(text: str) -> None:
    assert not is_nhs_number(text)


def test_a_remainder_of_ten_is_never_valid_and_eleven_is_nought() -> None:
    # 100000001: 1x10 + 1x2 = 12 = 11 + 1, so the check would be 10: no such number exists.
    assert not any(is_nhs_number(f"100000001{last}") for last in range(10))
    # 000000014: 1x3 + 4x2 = 11, remainder 0, so 11, which is written 0.
    assert is_nhs_number("0000000140")


@pytest.mark.parametrize(
    "text", ["E17 4PP", "e17 4pp", "E174PP", "SW1A 1AA", "M1 1AE", "12 High St, London N1C 4AG"]
)
def test_a_full_postcode(text: str) -> None:
    assert is_postcode(text)


@pytest.mark.parametrize(
    "text", ["E17", "E01004321", "S01000001", "SCH12", "2024-01-01", "E17 4PC", "N4", "V2", "R101"]
)
def test_no_postcode(text: str) -> None:
    assert not is_postcode(text)


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("surname", "a name"),
        ("SURNAME", "a name"),
        ("middlenames", "a name"),
        ("preferredsurname", "a name"),
        ("First Name", "a name"),
        ("FirstName", "a name"),
        ("name", "a name"),
        ("pupil_name", "a name"),
        ("child's name", "a name"),
        ("mother_forename", "a name"),
        ("address_line_1", "an address"),
        ("HomeAddress", "an address"),
        ("UPRN", "an address"),
        ("home_postcode", "a postcode"),
        ("postcode2", "a postcode"),
        ("Email", "an email address"),
        ("email_address", "an email address"),
        ("mobile", "a telephone number"),
        ("NHS Number", "an NHS number"),
        ("nhs_no", "an NHS number"),
        ("FormerUPN", "a pupil or learner number"),
        ("uniquelearnernumber", "a pupil or learner number"),
        ("ni_no", "a national number"),
        ("NINO", "a national number"),
    ],
)
def test_what_a_name_says(column: str, what: str) -> None:
    assert named_identifier(column) == what


@pytest.mark.parametrize(
    "column",
    [
        "upn", "NativeId", "uprn_key", "person_key", "school_name", "event_name", "missingaddress", "postcode_district",
        "HOME_POST", "UPNunknown", "Policing operation", "lsoa", "subject_id", "names_known", "", "123",
    ],
)  # fmt: skip
def test_names_that_say_nothing_of_the_kind(column: str) -> None:
    assert named_identifier(column) == ""


def valid_nhs(count: int, seed: int = 1) -> list[str]:
    draw, found = random.Random(seed), []
    while len(found) < count:
        text = f"{draw.randrange(10**9, 10**10)}"
        if is_nhs_number(text):
            found.append(text)
    return found


def test_numbers_with_valid_check_digits_are_found() -> None:
    assert valued_identifier(valid_nhs(3)) == "NHS numbers"
    assert valued_identifier(valid_nhs(500)) == "NHS numbers"
    assert valued_identifier([f"{text}.0" for text in valid_nhs(20)]) == "NHS numbers"
    assert valued_identifier(["B801200005001", *["x"] * 3]) == ""  # one may be chance
    assert valued_identifier(["B801200005001", "M80120000500A", "H801200001001"]) == "pupil numbers (UPN)"


def test_pseudonyms_among_real_numbers_do_not_hide_them() -> None:
    hidden = [f"{n:032x}" for n in range(900)]
    assert valued_identifier([*hidden, *valid_nhs(100)]) == "NHS numbers"


def test_random_digits_do_not_trip_it() -> None:
    tripped = 0
    for seed in range(400):
        draw = random.Random(seed)
        count = draw.choice([1, 2, 3, 4, 6, 10, 30, 200])
        numbers = [str(draw.randrange(10**9, 10**10)) for _ in range(count)]
        letters = [
            f"{draw.choice('ABCDEFGHJKLMNPQRTUVWXYZ')}{draw.randrange(10**12):012}" for _ in range(count)
        ]
        tripped += bool(valued_identifier(numbers)) + bool(valued_identifier(letters))
    assert tripped <= 4  # one in a thousand by design, of 800 columns


def test_a_column_called_upn_is_judged_by_its_form() -> None:
    assert valued_identifier(["A123456789123"], column="upn") == "pupil numbers (UPN)"
    assert valued_identifier(["A123456789123"], column="sample") == ""
    assert valued_identifier(["E0012345", "E0012346"], column="upn") == ""
    assert valued_identifier([], column="upn") == ""


def test_postcodes_are_found_among_areas() -> None:
    areas = [f"E010{n:05}" for n in range(20)]
    postcodes = ["E17 4PP", "E17 4QR", "N1C 4AG"]
    assert valued_identifier([*areas, *postcodes]) == "full postcodes"
    assert valued_identifier([*areas, *postcodes[:2]]) == ""
    assert valued_identifier(areas) == ""


def test_event_codes_are_judged_by_their_parts() -> None:
    assert coded_identifier(["EDU//SURNAME//ZARQUON"]) == "a name"
    assert coded_identifier([f"NHS//{text}" for text in valid_nhs(5)]) == "NHS numbers"
    assert coded_identifier(["EDU//SUSPENSION//DB", "MEDS_BIRTH", "HEALTH//ED//ASSAULT"]) == ""


def test_a_reason_must_be_written_down() -> None:
    found = {"name": "a name", "email": "an email address"}
    assert undeclared(found, {"name": "of the school", "email": " "}) == {"email": "an email address"}
