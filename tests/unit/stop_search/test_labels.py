import pytest

from riskmodel.intake.layouts.stop_search import OUTCOMES
from riskmodel.stop_search.labels import ethnic_group, is_positive, is_weapon_search


@pytest.mark.parametrize(
    ("label", "group"),
    [
        ("White - English/Welsh/Scottish/Northern Irish/British", "White"),
        ("White - Gypsy or Irish Traveller", "White"),
        ("Black/African/Caribbean/Black British - African", "Black"),
        ("Asian/Asian British - Chinese", "Asian"),
        ("Other ethnic group - Chinese", "Asian"),
        ("Mixed/Multiple ethnic groups - White and Asian", "Mixed"),
        ("Other ethnic group - Any other ethnic group", "Other"),
        ("Other ethnic group - Not stated", "Not stated"),
        ("  black ", "Black"),
        ("White British (W1)", "White"),
        ("B9", "Black"),
        ("O1", "Asian"),
        ("O9 - Any other", "Other"),
        ("NS", "Not stated"),
        ("White - Irish (England / Wales)", "White"),
        ("White: Irish", "White"),
        ("Black, Black British, Black Welsh, Caribbean or African: African", "Black"),
        ("Chinese or Other - Chinese", "Asian"),
        ("Asian: Chinese (England / Wales)", "Asian"),
        ("White British", "White"),
        ("White and Black Caribbean", "Mixed"),
        ("White & Asian", "Mixed"),
        ("Mixed (White & Black African)", "Mixed"),
        ("Any other ethnic group", "Other"),
        ("Not Stated (NS)", "Not stated"),
        ("Prefer not to say", "Not stated"),
        ("Blackpool", None),
        ("", "Unknown"),
        ("Martian", None),
    ],
)
def test_an_ethnicity_is_read_however_it_is_written(label, group):
    assert ethnic_group(label) == group


def test_every_published_outcome_is_either_something_or_nothing():
    nothing = {label for label in OUTCOMES if not is_positive(label)}
    assert nothing == {
        "A no further action disposal",
        "Nothing found - no further action",
        "Suspected psychoactive substances seized - No further action",
        "False",
    }
    assert is_positive("") is None
    assert is_positive("A new kind of disposal") is True


@pytest.mark.parametrize(
    ("what", "law", "weapon"),
    [
        ("Offensive weapons", "", True),
        ("Firearms", "Firearms Act 1968 (section 47)", True),
        ("Anything to threaten or harm anyone", "", True),
        ("(blank)", "Criminal Justice and Public Order Act 1994 (section 60)", True),
        ("(blank)", "Criminal Justice and Public Order Act 1994 (section 60AA)", False),
        ("(blank)", "CJPOA 1994 (s60)", True),
        ("(blank)", "CJPOA 1994 (s.60)", True),
        ("(blank)", "CJPOA 1994 (s60AA)", False),
        ("(blank)", "Criminal Justice Act 1988 (section 139B)", False),
        ("Controlled drugs", "Misuse of Drugs Act 1971 (section 23)", False),
        ("Stolen goods", "Police and Criminal Evidence Act 1984 (section 1)", False),
    ],
)
def test_a_search_for_weapons(what, law, weapon):
    assert is_weapon_search(what, law) is weapon
