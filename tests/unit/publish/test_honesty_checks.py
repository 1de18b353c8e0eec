"""The card's sections about the number of people and about leaks."""

import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.leak_hunt import leak_check
from riskmodel.publish.sample_size import sample_size_check
from riskmodel.tables.features import FeatureInfo
from riskmodel.validate.leaks import LeakCheck, LeakReport
from riskmodel.validate.sample_size import FamilySize, SampleSizeReport, Supply, needed
from riskmodel.validate.spec import SampleSizeSpec

SPEC = SampleSizeSpec()


def report(people=12_003, outcomes=252, verdict="open"):
    least, most = (needed(n, 0.02, 0.0267, SPEC) for n in (29, 300))
    families = (
        FamilySize("logistic", least, least, verdict),
        FamilySize("ebm", least, most, verdict),
        FamilySize("xgboost", least, None, verdict),
    )
    return SampleSizeReport(
        Supply(3 * people, people, outcomes, people, 0.02), 0.0267, 0.15, 0.8, 0.004, families
    )


def shown(reached=0.85, **changed):
    return sample_size_check(report(**changed), Disclosure(), reached=reached, spec=SPEC)


def test_counts_are_rounded_and_every_family_has_its_row():
    check = shown()
    text = " ".join(check.sentences)
    assert "about 12,005, 250 of them" in text
    assert "12,003" not in text
    assert "80 times out of 100" in text
    assert check.rows[0] == ("Logistic regression", "29", "9,700", "the formula cannot tell")
    assert check.rows[1][1:3] == ("29 to 300", "9,700 to 100,000")
    assert check.rows[2][1:3] == ("29 or more", "at least 9,700")


@pytest.mark.parametrize(
    ("verdict", "first"),
    [("enough", "There are enough"), ("too_small", "There are too few"), ("open", "No model has too few")],
)
def test_the_first_sentence_is_the_verdict(verdict, first):
    assert shown(verdict=verdict).sentences[0].startswith(first)


def test_small_counts_are_hidden():
    text = " ".join(shown(people=403, outcomes=7).sentences)
    assert "too few to say" in text
    assert "405" not in text


def test_what_would_have_been_needed_is_told_when_the_model_is_weaker_than_trusted():
    assert len(shown().sentences) == len(shown(reached=None).sentences) == 3
    assert "In hindsight: the chosen model does so 68 times" in shown(reached=0.68).sentences[3]
    assert "29 numbers would have needed 31,000 young people" in shown(reached=0.68).sentences[3]
    assert "coin toss" in shown(reached=0.48).sentences[3]


def leaks(verdict):
    names = ("single_feature", "permuted_outcome", "shuffled_time", "last_event", "early_outcomes")
    return LeakReport((), tuple(LeakCheck(name, verdict, f"About {name}.", {}) for name in names))


@pytest.mark.parametrize(
    ("verdict", "first", "answer"),
    [
        ("clear", "Nothing", "no sign of it"),
        ("suspect", "Something", "look at this"),
        ("insufficient", "Nothing", "too few to say"),
        ("not_applicable", "Nothing", "cannot be asked of these data"),
    ],
)
def test_the_leak_hunt_prints_verdict_and_evidence(verdict, first, answer):
    check = leak_check(leaks(verdict))
    assert check.sentences[0].startswith(first)
    assert [row[1] for row in check.rows] == [answer] * 5
    assert check.rows[2][2] == "About shuffled_time."


def test_the_board_reads_what_a_feature_means_and_not_its_name():
    found = LeakReport(
        (),
        (
            LeakCheck(
                "single_feature", "clear", "Strongest: edu_x__count__365d (AUROC 0.62), y__any__ever.", {}
            ),
        ),
    )
    info = FeatureInfo(
        "edu_x__count__365d", "times late", "school", "EDU", "times", 1, "count", "365d", ("EDU//X",)
    )
    assert leak_check(found, [info]).rows[0][2] == "Strongest: “times late” (AUROC 0.62), y__any__ever."


def test_a_suspect_check_of_the_study_is_a_warning_once():
    found = leaks("suspect").run_warnings
    assert [one.code for one in found] == ["leak_check"] * 4
    assert leaks("suspect").to_json()["summary"] == [one.words for one in found]
