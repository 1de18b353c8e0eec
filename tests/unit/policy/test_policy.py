import pytest

from riskmodel.errors import PolicyError
from riskmodel.policy import PolicySpec, check_features, check_outcome
from riskmodel.tables.features import FeatureInfo

BASIS = "Article 6(1)(e) and the equality analysis of May, section 3."


def info(name="edu_suspension__count__365d", codes=("EDU//SUSPENSION//*",), **changes):
    values = {
        "description": "d",
        "concept": "c",
        "agency": "EDU",
        "unit": "times",
        "direction": 0,
        "aggregation": "count",
        "window": "365d",
    }
    return FeatureInfo(**{**values, "name": name, "codes": codes, **changes})


@pytest.mark.parametrize(
    ("name", "codes", "rule"),
    [
        ("police_stops__count__365d", ("POLICE//X",), "stop and search"),
        ("x__count__365d", ("POLICE//STOP_SEARCH//DRUGS",), "stop and search"),
        ("stop_and_search__any__90d", (), "stop and search"),
        ("times_searched", (), "stop and search"),
        ("ethnicity", (), "ethnicity is audited"),
        ("ethnic_group_black", (), "ethnicity is audited"),
        ("race", (), "ethnicity is audited"),
        ("religion", (), "religion"),
        ("first_language_english", (), "language"),
        ("eal", (), "language"),
        ("nationality", (), "nationality"),
        ("foreign", (), "nationality"),
        ("country_of_birth", (), "nationality"),
        ("surname_length", (), "name"),
    ],
)
def test_barred_features_are_refused_whatever_the_study_says(name, codes, rule):
    everything = PolicySpec(sex=BASIS, enforcement=BASIS, other_person=BASIS)
    with pytest.raises(PolicyError, match=rule) as caught:
        check_features([info(), info(name, codes)], everything)
    assert name in str(caught.value)
    assert "edu_suspension" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["edu_suspension__count__365d", "sextant", "days_stopwatch", "namesake_x", "traced", "health_ed_asexual"],
)
def test_words_that_only_contain_a_barred_word_pass(name):
    check_features([info(name)], PolicySpec())


@pytest.mark.parametrize(
    ("refused", "key"),
    [
        (info("sex"), "sex"),
        (info("male"), "sex"),
        (info("yj_offence__count__365d", ("YJ//OFFENCE//*",), enforcement_made=True), "enforcement"),
        (info("x__any__ever", ("CSC//PARENT//PRISON",)), "other_person"),
    ],
)
def test_features_that_need_a_lawful_basis_are_off_until_it_is_written(refused, key):
    with pytest.raises(PolicyError, match=f"policy.{key}"):
        check_features([refused], PolicySpec())
    check_features([refused], PolicySpec(**{key: BASIS}))


def test_all_breaches_are_listed_at_once():
    with pytest.raises(PolicyError, match="refuses 2 features"):
        check_features([info("religion"), info("ethnicity")], PolicySpec())


def test_a_stop_is_never_an_outcome_not_even_for_the_audit():
    with pytest.raises(PolicyError, match="stop and search"):
        check_outcome(
            "x",
            ["POLICE//STOP_SEARCH"],
            enforcement_made=True,
            spec=PolicySpec(enforcement=BASIS),
            used_for="audit",
        )


def test_an_enforcement_made_outcome_needs_a_basis_for_training_only():
    codes = ["YJ//OFFENCE//VIOLENCE"]
    check_outcome("proven", codes, enforcement_made=True, spec=PolicySpec(), used_for="audit")
    check_outcome(
        "proven", codes, enforcement_made=True, spec=PolicySpec(enforcement=BASIS), used_for="training"
    )
    with pytest.raises(PolicyError, match="lawful basis"):
        check_outcome("proven", codes, enforcement_made=True, spec=PolicySpec(), used_for="training")
