"""What the card says about a life without new support, and what it keeps to itself."""

from dataclasses import replace

import numpy as np
import pytest

from riskmodel.audit.groups import Grouping
from riskmodel.audit.no_support import ChangedVerdict, NoSupportReport, NoSupportRow
from riskmodel.audit.without_offers import EVERYONE, Effect, Overlap
from riskmodel.disclosure import Disclosure
from riskmodel.publish.no_support_words import no_support_check

SAFE = Disclosure()
PAST = "came to harm"
ALL = Grouping(EVERYONE, ((EVERYONE,),), np.zeros(2, dtype=np.int64))
SEX = Grouping("sex", (("Female",), ("Male",)), np.zeros(2, dtype=np.int64))
PLACES = ((EVERYONE, EVERYONE), ("sex", "Female"), ("sex", "Male"))
EFFECT = Effect(40.0, 80.0, 0.5, 0.4, 0.7, 3.41, 2.21)


def row(place, metric, few=40, status="ok"):
    numbers = {
        "fnr": (0.801, 0.744, 0.70, 0.79, -0.057, -0.104, -0.012),
        "prevalence": (0.0214, 0.0257, 0.0239, 0.0281, 0.0043, 0.0021, 0.0062),
    }.get(metric, (0.1, 0.12, 0.1, 0.14, 0.02, 0.0, 0.04))
    reason = "few_outcomes" if status == "insufficient" else None
    return NoSupportRow(*place, metric, *(numbers if status == "ok" else (None,) * 7), few, status, reason)


def report(**changes):
    found = NoSupportReport(
        "ok",
        "xgboost",
        groupings=(ALL, SEX),
        rows=tuple(row(place, metric) for place in PLACES for metric in ("tpr", "fnr", "fpr", "ppv", "prevalence", "observed_to_expected")),
        verdicts=(
            ChangedVerdict("sex", "Male", "fnr", "within", "within"),
            ChangedVerdict("sex", "Female", "fnr", "exceeds", "within"),
            ChangedVerdict("sex", "Male", "ppv", "within", "inconclusive"),
            ChangedVerdict("sex", "Male", "fpr", "inconclusive", "within"),
            ChangedVerdict("sex", "Male", "tpr", "within", "exceeds"),
        ),
        overlap=tuple(Overlap(*place, 9000, 400, 200, 8000.0, 150.0, 9.0, 0.0, 1.0, None) for place in PLACES),
        effect=EFFECT,
        rate_ratios={},
    )  # fmt: skip
    return replace(found, **changes)


def said(found, **more):
    return no_support_check(found, SAFE, **{"past": PAST, "justice": False, **more})


def test_the_answer_comes_first():
    check = said(report())
    assert check.name == "no_support"
    assert (
        check.sentences[0]
        == "Of 1,000 young people, 21 came to harm. Without new support it would have been about 26 (24 to 28)."
    )
    assert check.rows == [
        ["Everyone", "", "80", "74", "-6 (-10 to -1)"],
        ["Sex", "Female", "80", "74", "-6 (-10 to -1)"],
        ["Sex", "Male", "80", "74", "-6 (-10 to -1)"],
    ]


def test_statements_that_fall_are_counted_once_each():
    """Who is reached mirrors who is missed; what was not firm cannot fall."""
    text = " ".join(said(report()).sentences)
    assert (
        "Of 3 firm statements about groups in the audit, 1 would be the opposite without new support, and 1 could not be made."
        in text
    )
    none = report(verdicts=(ChangedVerdict("sex", "Male", "fnr", "within", "within"),))
    assert "none would be the opposite without new support, and none could not be made" in " ".join(
        said(none).sentences
    )
    assert "firm statements" not in " ".join(said(report(verdicts=())).sentences)


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (EFFECT, "0.5 times as often as expected without it (0.4 to 0.7)"),
        (EFFECT, "each at least 2.2 times"),
        (Effect(4, 5, 0.8, 0.4, 1.7, 1.8, 1.0), "cannot be told from these records"),
        (Effect(9, 5, 1.8, 1.4, 2.7, 3.0, 2.1), "more at risk than their records say"),
    ],
)
def test_what_support_seems_to_have_done(effect, words):
    assert words in " ".join(said(report(effect=effect)).sentences)


def test_nothing_is_said_of_an_effect_that_could_not_be_worked_out():
    text = " ".join(said(report(effect=Effect(0, 5, None, None, None, None, None))).sentences)
    assert "expected without it" not in text


def test_a_small_group_and_one_that_protects_it_are_not_shown():
    rows = tuple(replace(one, few=7) if one.group == "Male" else one for one in report().rows)
    check = said(report(rows=rows))
    assert [cells[0] for cells in check.rows] == ["Everyone"]
    assert "firm statements" not in " ".join(check.sentences)
    few = tuple(replace(one, few=7) for one in report().rows)
    hidden = said(report(rows=few))
    assert hidden.sentences[0] == "There are too few young people to show a number."
    assert hidden.rows == []
    assert hidden.head == ()


def test_intersections_stay_off_the_card():
    both = Grouping("sex x care", (("Male", "yes"),), np.zeros(2, dtype=np.int64))
    place = ("sex x care", "Male x yes")
    more = report(
        groupings=(ALL, SEX, both),
        rows=(*report().rows, *(row(place, metric) for metric in ("fnr", "fpr", "ppv", "prevalence"))),
        overlap=(*report().overlap, replace(report().overlap[0], attribute=place[0], group=place[1])),
    )
    assert len(said(more).rows) == 3


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        ("off", None, "does not ask"),
        ("no_dates", None, "do not say when support was offered"),
        ("no_offers", None, "hold no offers of support"),
        ("insufficient", "few_offered", "Too few young people were offered new support"),
        ("insufficient", "few_outcomes", "no new support and came to harm"),
        ("insufficient", "little_overlap", "too unlike"),
    ],
)
def test_a_reason_stands_where_there_is_no_number(status, reason, words):
    check = said(NoSupportReport(status, "xgboost", reason))
    assert words in check.sentences[0]
    assert "look as if they had not needed it" in check.sentences[1]
    assert check.rows == ()


@pytest.mark.parametrize("found", [report(), NoSupportReport("off", "xgboost")])
def test_outcomes_of_police_and_courts_have_a_limit_that_no_weight_mends(found):
    assert "No weights can mend that" in said(found, justice=True).sentences[-1]
    assert "police" not in " ".join(said(found).sentences)
