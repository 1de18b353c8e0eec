import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.results import at_capacity, metric, metrics_of, per_100, policies, safe_row

SAFE = Disclosure()


def result(estimate, lower=None, upper=None, n=1000, outcomes=100, status="ok"):
    return {
        "estimate": estimate,
        "lower": lower,
        "upper": upper,
        "n_subjects": n,
        "n_outcomes": outcomes,
        "status": status,
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (result(23.4, 19.2, 27.5), "23 (19 to 28)"),
        (result(9.34, 7.41, 11.29), "9.3 (7.4 to 11.3)"),
        (result(100.0), "100"),
        (result(2.04, None, 3.0), "2"),
        (result(0.0, 0.0, 0.4), "0 (0 to 0.4)"),
    ],
)
def test_of_100_in_words(given, words):
    assert per_100(given, SAFE)["words"] == words


def test_the_record_holds_the_rounded_number_not_the_exact_one():
    shown = per_100(result(23.4567, 19.21, 27.49), SAFE)
    assert (shown["estimate"], shown["lower"], shown["upper"]) == (23.0, 19.0, 27.0)
    assert metric("auroc", result(0.71234, 0.7, 0.73), SAFE) == {
        "estimate": 0.71, "lower": 0.7, "upper": 0.73, "status": "ok", "words": "0.71 (0.70 to 0.73)",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        (None, "missing", "not measured"),
        (result(0.7, 0.6, 0.8, outcomes=9), "suppressed", "not shown: too few young people"),
        (result(0.7, 0.6, 0.8, n=7, outcomes=0), "suppressed", "not shown: too few young people"),
        (result(None, status="undefined"), "undefined", "cannot be worked out from these data"),
        (result(0.7, status="insufficient"), "insufficient", "too few young people to say"),
        (result(None, status="odd"), "missing", "not measured"),
    ],
)
def test_no_number_without_support_and_the_reason_in_words(given, status, words):
    shown = metric("auroc", given, SAFE)
    assert shown == {"estimate": None, "lower": None, "upper": None, "status": status, "words": words}


def test_ten_outcomes_are_enough_and_zero_hides_nothing():
    assert metric("auroc", result(0.7, outcomes=10), SAFE)["status"] == "ok"
    assert metric("brier", result(0.0, n=500, outcomes=0), SAFE)["status"] == "ok"


METRICS = {
    "selected": "logistic",
    "models": {
        "prior": {"test_all": {"precision_at_capacity": result(0.06), "recall_at_capacity": result(0.13)}},
        "count": {"test_all": {}},
        "logistic": {
            "test_all": {
                "precision_at_capacity": result(0.09, 0.07, 0.11),
                "recall_at_capacity": result(0.23, 0.2, 0.3),
            }
        },
    },
}


def test_policies_hold_model_baselines_referral_and_everyone():
    everyone = result(0.02, 0.018, 0.022)
    equal = {"precision": result(0.05), "recall": result(0.06)}
    referral = {
        "offered_share": 0.03,
        "precision": result(0.04),
        "recall": result(0.08),
        "at_capacity": equal,
    }
    rows = policies(METRICS, split="test_all", offered_share=0.05, everyone=everyone, referral=referral)
    found = {
        row["name"]: (
            row["offered_share"],
            row["harmed_per_100_offered"]["estimate"],
            row["offered_per_100_harmed"]["estimate"],
        )
        for row in rows
    }
    assert found == {
        "logistic": (0.05, 9.0, 23.0), "count": (0.05, None, None), "prior": (0.05, 6.0, 13.0),
        "referral_at_capacity": (0.05, 5.0, 6.0), "referral": (0.03, 4.0, 8.0), "everyone": (1.0, 2.0, 100.0),
    }  # fmt: skip
    names = ["logistic", "count", "prior", "referral_at_capacity", "referral", "everyone"]
    assert [row["name"] for row in rows] == names
    assert rows[0]["harmed_per_100_offered"]["lower"] == pytest.approx(7.0)


def test_a_baseline_that_is_selected_stands_once_and_absent_parts_are_left_out():
    chosen = METRICS | {"selected": "count"}
    rows = policies(chosen, split="test_all", offered_share=0.05, everyone=None)
    assert [row["name"] for row in rows] == ["count", "prior"]
    assert rows[0]["harmed_per_100_offered"]["status"] == "missing"


def test_nearly_everybody_is_as_telling_as_hardly_anybody():
    assert metric("auroc", result(0.7, n=100, outcomes=91), SAFE)["status"] == "suppressed"
    assert metric("auroc", result(0.7, n=100, outcomes=90), SAFE)["status"] == "ok"
    assert metric("auroc", result(0.7, n=100, outcomes=100), SAFE)["status"] == "ok"
    assert safe_row({"risk": 0.1, "status": "ok"}, SAFE) == {"risk": 0.1, "status": "ok"}


@pytest.mark.parametrize(
    ("share", "status"),
    [(0.09, "suppressed"), (0.10, "ok"), (0.90, "ok"), (0.91, "suppressed"), (0.0, "ok"), (1.0, "ok")],
)
def test_offers_are_not_told_where_few_were_found_or_few_were_missed(share, status):
    # 100 outcomes: so many of them offered support.
    shown = metrics_of(
        {"precision_at_capacity": result(0.2), "recall_at_capacity": result(share), "auroc": result(0.7)},
        SAFE,
    )
    assert shown["precision_at_capacity"]["status"] == status
    assert shown["recall_at_capacity"]["status"] == status
    assert shown["auroc"]["status"] == "ok"


def test_without_a_recall_nothing_more_can_be_said():
    assert at_capacity(None, None, SAFE) is None
    assert at_capacity(result(0.2), None, SAFE) == result(0.2)
    assert at_capacity(result(0.2), result(None), SAFE) == result(0.2)
