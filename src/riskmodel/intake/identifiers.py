"""What a direct identifier looks like: by the name of its column, and by its values.

Values are judged on a share, not one by one: one in eleven random ten-digit numbers has the check digit of an NHS
number, and one in 23 random pupil numbers has the right check letter.

References
----------
UPN: data standard "Unique Pupil Number" 2.0 of the e-Government data standards catalogue (weights 2 to 13, modulus
23, letters without I, O and S; the last character of a temporary number is a letter that counts as its place).
NHS number: NHS data dictionary, "NHS NUMBER" (weights 10 to 2, modulus 11).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from math import comb

_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_UPN = re.compile(rf"^[{_LETTERS}][0-9]{{11}}[0-9{_LETTERS}]$", re.MULTILINE | re.IGNORECASE)
_NHS = re.compile(r"^[0-9]{3}([ -]?)[0-9]{3}\1[0-9]{4}$", re.MULTILINE)
_OUTWARD = "(?:[A-PR-UWYZ][0-9]{1,2}|[A-PR-UWYZ][A-HK-Y][0-9]{1,2}|[A-PR-UWYZ][0-9][A-HJKPS-UW]|[A-PR-UWYZ][A-HK-Y][0-9][ABEHMNPRV-Y])"
_INWARD = "[0-9][ABD-HJLNP-UW-Z]{2}"
# A postcode without a space counts only if it is the whole value; with one, also at the end of an address.
_POSTCODE = re.compile(
    rf"^{_OUTWARD}{_INWARD}$|(?:^|[ ,]){_OUTWARD} {_INWARD}$", re.MULTILINE | re.IGNORECASE
)
_UPN_BY_CHANCE = 1 / len(_LETTERS)
_NHS_BY_CHANCE = 1 / 11
_CHANCE = 0.001  # of refusing a column of so few random numbers
_SHARE_VALID = 0.3  # of numbers of the right form: several times what chance gives, however many there are
_MANY = 50  # of which that share is never chance
_SHARE_POSTCODES = 0.1
_FEW = 3

# What the last words of a column's name say. "name" alone is judged apart: events, files and schools have names.
_WORDS = {
    "a name": "surname surnames forename forenames firstname firstnames lastname middlename middlenames fullname "
    "familyname givenname givennames preferredname preferredsurname preferredforename formersurname formerforename "
    "previoussurname maidenname birthname nickname knownas alias aliases",
    "an address": "address addresses addressline homeaddress fulladdress streetname housenumber housename uprn",
    "a postcode": "postcode postcodes homepostcode postalcode zipcode",
    "a telephone number": "phone telephone mobile phonenumber telephonenumber mobilenumber contactnumber landline",
    "an email address": "email emails emailaddress",
    "an NHS number": "nhsnumber nhsno nhsnum nhsid",
    "a pupil or learner number": "formerupn previousupn uniquelearnernumber uln",
    "a national number": "nino nationalinsurancenumber nationalinsuranceno passportnumber passportno pncid pncnumber "
    "pncno drivinglicencenumber",
}
_SAID = {word: what for what, words in _WORDS.items() for word in words.split()}
_PERSONS = {
    *("child", "childs", "pupil", "pupils", "student", "person", "patient", "client", "customer", "resident"),
    *("mother", "father", "parent", "carer", "guardian", "sibling", "victim", "suspect", "subject", "user"),
}


def named_identifier(column: str) -> str:
    """Return what a column's name says that it holds, such as ``a postcode``, or nothing.

    Upper and lower case, blanks, underscores and a number at the end make no difference.
    """
    words = _words(column)
    if words and words[-1] in ("name", "names") and (len(words) == 1 or words[-2] in _PERSONS):
        return "a name"
    endings = ("".join(words[i:]) for i in range(len(words)))
    return next((_SAID[ending] for ending in endings if ending in _SAID), "")


def names_pupil_number(column: str) -> bool:
    """Return whether a column's name says that it holds a UPN, which may have become a pseudonym."""
    return _words(column)[-1:] == ["upn"]


def _words(column: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).lower().replace("'", "")
    return [word for word in re.split(r"[^a-z]+", spaced) if word]


def valued_identifier(values: Collection[str], *, column: str = "") -> str:
    """Return what different values look like, such as ``NHS numbers``, or nothing.

    Parameters
    ----------
    values : collection of str
        Different values of one column, a sample of them.
    column : str
        Its name: where it says UPN, the form alone is enough.
    """
    # A program that took a number for a measurement writes ".0" after it.
    text = "\n".join({value.strip().removesuffix(".0") for value in values if value.strip()})
    known = text.count("\n") + 1 if text else 0
    upns = [match.group() for match in _UPN.finditer(text)]
    if _too_many(sum(map(is_upn, upns)), len(upns), by_chance=_UPN_BY_CHANCE):
        return "pupil numbers (UPN)"
    if names_pupil_number(column) and 2 * len(upns) >= max(known, 1):
        return "pupil numbers (UPN)"
    numbers = [match.group() for match in _NHS.finditer(text)]
    if _too_many(sum(map(is_nhs_number, numbers)), len(numbers), by_chance=_NHS_BY_CHANCE):
        return "NHS numbers"
    postcodes = sum(1 for _ in _POSTCODE.finditer(text))
    if postcodes >= _FEW and postcodes >= _SHARE_POSTCODES * known:
        return "full postcodes"
    return ""


def _too_many(valid: int, of: int, *, by_chance: float) -> bool:
    """Return whether more numbers are valid than random ones would be, both as a share and beyond chance."""
    if not valid or valid < _SHARE_VALID * of:
        return False
    if of > _MANY:
        return True
    at_least = sum(comb(of, k) * by_chance**k * (1 - by_chance) ** (of - k) for k in range(valid, of + 1))
    return at_least < _CHANCE


def has_upn_form(text: str) -> bool:
    """Return whether a text has the form of a unique pupil number, whatever its check letter."""
    return bool(_UPN.fullmatch(text))


def is_upn(text: str) -> bool:
    """Return whether a text is a unique pupil number, permanent or temporary, with the right check letter."""
    text = text.strip().upper()
    if not _UPN.fullmatch(text):
        return False
    digits = [int(character) for character in text[1:12]]
    last = text[12]
    digits.append(int(last) if last.isdigit() else _LETTERS.index(last))
    total = sum(weight * digit for weight, digit in enumerate(digits, start=2))
    return _LETTERS[total % 23] == text[0]


def is_nhs_number(text: str) -> bool:
    """Return whether a text is ten digits, spaced or not, of which the last is the modulus-11 check digit."""
    digits = [int(character) for character in text if character.isdigit()]
    if not _NHS.fullmatch(text.strip()) or len(set(digits)) == 1:
        return False
    check = 11 - sum(weight * digit for weight, digit in zip(range(10, 1, -1), digits, strict=False)) % 11
    return check != 10 and check % 11 == digits[9]


def is_postcode(text: str) -> bool:
    """Return whether a text is a full postcode, or ends in one."""
    return bool(_POSTCODE.search(text.strip()))


def coded_identifier(codes: Collection[str]) -> str:
    """Return what the parts of event codes (``AGENCY//WHAT//DETAIL``) say or look like, or nothing."""
    parts = [code.split("//") for code in codes]
    for part in {part for several in parts for part in several[:-1]}:
        if named_identifier(part):
            return named_identifier(part)
    return valued_identifier({part for several in parts for part in several})


def undeclared(found: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, str]:
    """Return the columns for which nobody has written down why they are no direct identifiers."""
    return {column: what for column, what in found.items() if not declared.get(column, "").strip()}
