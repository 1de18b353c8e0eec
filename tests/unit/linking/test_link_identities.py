"""Reading what agencies hand over: one form, and refusals that name no value."""

import pytest
from identity_kit import NHS, UPN, person, write_folder

from riskmodel.errors import DataError
from riskmodel.linking.identities import read_identities, valid_nhs_number, valid_upn
from riskmodel.linking.phonetics import letters, sound


def test_records_are_brought_into_one_form(tmp_path):
    row = person(
        "b",
        " Zo\u00eb-Ann ",
        "O'Nerri",
        birth_date=" 2010-03-17",
        sex="female",
        postcode="zz1 1al",
        upn=UPN.lower(),
    )
    folder = write_folder(tmp_path, EDU=[row, person("a")], HEALTH=[person("h", nhs_number="943 476 5919")])
    records = read_identities(folder)
    assert records.table["agency"].to_pylist() == ["EDU", "EDU", "HEALTH"]
    assert records.table["key"].to_pylist() == ["a", "b", "h"]
    assert records.table.slice(1, 1).to_pylist()[0] == {
        "agency": "EDU",
        "key": "b",
        "forename": "ZOEANN",
        "surname": "ONERRI",
        "birth_date": "2010-03-17",
        "sex": "F",
        "postcode": "ZZ11AL",
        "upn": UPN,
        "nhs_number": None,
        "forename_sound": "SN",
        "surname_sound": "NR",
    }
    assert records.texts("nhs_number") == ["", "", NHS]
    assert records.codes("sex").tolist() == [0, 0, 0]
    assert records.codes("upn").tolist() == [-1, 0, -1]
    assert records.unusable == {}


def test_values_that_cannot_be_used_are_counted_not_kept(tmp_path):
    rows = [
        person("a", birth_date="2010-02-31", sex="?", postcode="nowhere", upn="A099000000001"),
        person("b", birth_date="", nhs_number="9434765918"),
    ]
    records = read_identities(write_folder(tmp_path, CSC=rows))
    assert records.unusable == {"CSC": {"birth_date": 1, "sex": 1, "postcode": 1, "upn": 1, "nhs_number": 1}}
    assert records.texts("birth_date") == ["", ""]


@pytest.mark.parametrize(
    ("number", "valid"),
    [(UPN, True), ("A099000000001", False), ("H09900000001A", False), ("I099000000001", False), ("", False)],
)
def test_check_letter_of_a_upn(number, valid):
    assert valid_upn(number) == (number if valid else "")


@pytest.mark.parametrize(
    ("number", "valid"),
    [(NHS, True), ("9434765910", False), ("943476591", False), ("94347659I9", False), ("", False)],
)
def test_check_digit_of_an_nhs_number(number, valid):
    assert valid_nhs_number(number) == (number if valid else "")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Kassim", "Qasim"), ("Philo", "Filo"), ("Vojek", "Wojeck"), ("Sharoo", "Saru"), ("Axel", "Aksel")],
)
def test_two_spellings_of_one_sound_share_a_code(one, other):
    assert sound(letters(one)) == sound(letters(other))


@pytest.mark.parametrize(("one", "other"), [("Tamsa", "Belden"), ("Rona", "Lona"), ("Mara", "Marten")])
def test_names_that_sound_different_do_not(one, other):
    assert sound(letters(one)) != sound(letters(other))


def test_the_sound_of_nothing_is_nothing_and_of_vowels_a():
    assert (sound(""), sound("AI")) == ("", "A")


def refused(folder) -> str:
    with pytest.raises(DataError) as error:
        read_identities(folder)
    assert error.value.exit_code == 5
    return str(error.value)


def test_a_folder_without_agencies_is_refused(tmp_path):
    assert "expected the file of at least one agency" in refused(tmp_path)


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "EDU.csv").write_text("key,forename\nSECRET,Tamsa\n", encoding="utf-8")
    message = refused(tmp_path)
    assert "EDU.csv" in message
    assert "birth_date" in message
    assert "SECRET" not in message


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_refused(tmp_path, text):
    (tmp_path / "EDU.csv").write_text(text, encoding="utf-8")
    assert "EDU.csv" in refused(tmp_path)


def test_a_header_only_is_refused(tmp_path):
    assert "a header only" in refused(write_folder(tmp_path, EDU=[]))


def test_a_row_without_a_key_is_refused_and_counted(tmp_path):
    message = refused(write_folder(tmp_path, POLICE=[person("a"), person(" ", "Secreto")]))
    assert "POLICE.csv" in message
    assert "column key" in message
    assert "1 rows without" in message
    assert "Secreto" not in message


def test_a_key_that_is_there_twice_is_refused(tmp_path):
    message = refused(write_folder(tmp_path, POLICE=[person("SAME"), person("SAME")]))
    assert "every key once" in message
    assert "SAME" not in message


def test_a_row_that_does_not_fit_the_header_is_refused(tmp_path):
    folder = write_folder(tmp_path, EDU=[person("a"), person("b")])
    path = folder / "EDU.csv"
    path.write_text(path.read_text(encoding="utf-8") + "c,Secreto\n", encoding="utf-8")
    message = refused(folder)
    assert "Secreto" not in message
    assert "EDU.csv" in message


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "EDU.csv").write_bytes(b"key\xff\xfe\n")
    assert "EDU.csv" in refused(tmp_path)
