import pytest

from riskmodel.audit.words import attribute_words, group_words


@pytest.mark.parametrize(
    ("attribute", "words"),
    [("sen", "special educational needs"), ("age_band", "age"), ("ethnicity x sex", "ethnicity and sex"), ("own_list", "own list")],
)  # fmt: skip
def test_attributes(attribute, words):
    assert attribute_words(attribute) == words


@pytest.mark.parametrize(
    ("attribute", "group", "words"),
    [
        ("sen", "EHCP", "education, health and care plan (EHCP)"),
        ("deprivation_fifth", "1 most deprived", "most deprived fifth"),
        ("ethnicity", "Unknown", "not known"),
        ("ethnicity x sex", "Black x Male", "Black, male"),
        ("ethnicity x sex", "Unknown x Male", "ethnicity not known, male"),
        ("ethnicity", "A x B", "A x B"),
    ],
)
def test_groups(attribute, group, words):
    assert group_words(attribute, group) == words
