"""The card's section about tuning: words, and no small count."""

import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.tuning_words import tuning_check


def estimate(value, *, half=0.02, n=400, status="ok"):
    ends = (value, value - half, value + half) if status == "ok" else (None, None, None)
    return {**dict(zip(("estimate", "lower", "upper"), ends, strict=True)), "n_subjects": 5000, "n_outcomes": n, "status": status}  # fmt: skip


def one_search(**changes):
    plain = {"status": "tuned", "design": "time_ordered", "limit_judged": False, "complete": 7, "pruned": 3}
    return {**plain, **changes}


def report(*searches, before=0.20, after=0.25, n=400, minutes=None, fairness=None, status="ok"):
    gain = {
        "before": estimate(before, n=n),
        "after": estimate(after, n=n),
        "difference": estimate(after - before, n=n, status=status),
    }
    return {
        "budget": {"trials": 10, "minutes": minutes, "searches": 6},
        "fairness": fairness,
        "families": {"xgboost": {"gain": gain, "searches": list(searches) or [one_search(), one_search()]}},
    }


def check(*searches, **changes):
    return tuning_check(report(*searches, **changes), Disclosure(), past="came to harm from violence")


def words(*searches, **changes):
    return " ".join(check(*searches, **changes).sentences)


def test_the_budget_and_what_it_was_worth_are_said():
    found = check()
    assert "6 searches, each with at most 10 tries." in found.sentences[0]
    assert "came to harm from violence" in found.sentences[0]
    assert found.rows == [("Boosted trees (XGBoost)", "20", "25", "+5.0 (+3.0 to +7.0)")]
    assert "10 tries and 2.5 minutes in all." in words(minutes=2.5)


@pytest.mark.parametrize("after", [0.21, 0.19])
def test_a_difference_of_few_people_is_not_given_away(after):
    (row,) = check(after=after).rows
    assert row[3] == "about the same: fewer than 10 young people more or fewer"


@pytest.mark.parametrize(
    "changes", [{"n": 30}, {"status": "undefined"}, {"before": 0.01}, {"after": 0.99}], ids=str
)
def test_what_rests_on_few_is_hidden(changes):
    (row,) = check(**changes).rows
    assert row[2:] == ("too few to say", "too few to say")


def test_how_settings_were_tried_is_said():
    assert "learned from earlier dates, judged on later ones" in words()
    assert "mixed dates" not in words()
    assert "mixed dates" in words(one_search(), one_search(design="all_dates"))
    assert "too few young people with the outcome" in words(
        one_search(status="too_few_outcomes", design=None)
    )


def test_the_limit_is_said_and_where_it_could_not_be_judged_or_kept():
    limit = {"attributes": ["ethnicity", "sex"], "metric": "tpr", "tolerance": 0.05, "minimum_people": 50}
    judged = one_search(limit_judged=True)
    assert "fairness" not in words()
    assert "groups (ethnicity, sex) differed by more than 5 of 100 were not used" in words(
        judged, fairness=limit
    )
    assert "too small to judge" not in words(judged, fairness=limit)
    assert "too small to judge" in words(judged, one_search(), fairness=limit)
    over = one_search(limit_judged=True, status="none_within_limit")
    assert "no settings kept groups within the limit" in words(over, fairness=limit)
