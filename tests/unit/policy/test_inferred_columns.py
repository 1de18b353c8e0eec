"""What a column that nobody declared may stand for."""

import pytest

from riskmodel.policy.inferred import may_stand_for, sounds_enforcement_made


@pytest.mark.parametrize(
    ("column", "attribute"),
    [
        ("Race", "ethnicity"),
        ("RACEETH", "ethnicity"),
        ("is_hispanic", "ethnicity"),
        ("pct.white", "ethnicity"),
        ("q5_religion", "religion"),
        ("ChurchVisits", "religion"),
        ("citizenship", "nationality or language"),
        ("country_of_birth", "nationality or language"),
        ("HomeLanguage", "nationality or language"),
        ("eal", "nationality or language"),
        ("times_stopped", "stop and search"),
        ("StopSearch12m", "stop and search"),
        ("gender", "sex"),
        ("is_woman", "sex"),
    ],
)
def test_names(column, attribute):
    assert may_stand_for(column, {}) == attribute


@pytest.mark.parametrize(
    "column", ["age", "trace", "really", "management", "dropped_out", "stopwatch", "research", "roman", "grace", "many"]
)  # fmt: skip
def test_names_that_only_look_alike(column):
    assert may_stand_for(column, {}) is None
    assert not sounds_enforcement_made(column)


@pytest.mark.parametrize(
    ("shares", "attribute"),
    [
        ({"African-American": 0.5, "Caucasian": 0.4}, "ethnicity"),
        ({"Muslim": 0.1, "Christian": 0.5, "None": 0.4}, "religion"),
        ({"Polish": 0.3, "Somali": 0.3, "Other": 0.4}, "nationality or language"),
        ({"Male": 0.8, "Female": 0.2}, "sex"),
        ({"m": 0.6, "w": 0.4}, "sex"),
        ({"A": 0.5, "F": 0.5}, None),
        ({"black": 0.2, "red": 0.8}, None),
        ({"White bread": 0.2, "Black bread": 0.2, "None": 0.6}, None),
    ],
)
def test_texts(shares, attribute):
    assert may_stand_for("column", shares) == attribute


@pytest.mark.parametrize(
    "column",
    [
        "prior_arrests",
        "ConvictionsCount",
        "juv_fel_count",
        "priors",
        "PoliceContact",
        "age.at.sentence",
        "bail",
    ],
)
def test_names_that_sound_made_by_enforcement(column):
    assert sounds_enforcement_made(column)
