"""What the card says of the way from score to risk."""

import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.calibration_words import _plain, calibration_check


def curve(kind, loss, behind=0.0, error=0.0):
    return {
        "kind": kind,
        "log_loss": loss,
        "behind": behind,
        "standard_error": error,
        "good_enough": behind <= error,
    }


CURVES = [curve("none", 0.10002, 2e-05, 3e-05), curve("sigmoid", 0.1)]


def group(
    name="Black", *, attribute="ethnicity", metric="observed_to_expected", estimate=1.13, status="ok", n=166
):
    limits = (None, None) if estimate is None else (estimate - 0.2, estimate + 0.2)
    return {
        "attribute": attribute,
        "group": name,
        "metric": metric,
        "estimate": estimate,
        "lower": limits[0],
        "upper": limits[1],
        "n_subjects": 5459,
        "n_outcomes": n,
        "status": status,
    }


def check(*groups, **more):
    own = {
        "asked": "auto",
        "selected": "none",
        "best": "sigmoid",
        "used": "none",
        "curves": CURVES,
        "recalibration": None,
    }
    record = {"families": {"ebm": own | more}, "selected": "ebm", "by_group": groups}
    return calibration_check(record, Disclosure(), past="came to harm")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "The card's model uses the score as it is: it is simpler"),
        ({"selected": "sigmoid", "used": "sigmoid"}, "Of 2 curves, an S-shaped curve foretold best"),
        ({"asked": "isotonic", "used": "isotonic"}, "The study chose the curve beforehand: a staircase"),
        ({"selected": "none", "used": "sigmoid"}, "Everybody gets the same estimate."),
    ],
)
def test_the_answer_is_which_curve_and_why(more, words):
    assert words in check(**more).sentences[0]


@pytest.mark.parametrize(
    ("shift", "way", "n", "rows"), [(0.2, "raised", 12000, "12,000"), (-0.1, "lowered", None, "few")]
)
def test_a_recalibration_is_told(shift, way, n, rows):
    moved = {
        "on": "the latest training index date",
        "n_rows": n,
        "n_outcomes": 40,
        "expected": 0.02,
        "shift": shift,
    }
    text = " ".join(check(recalibration=moved).sentences)
    assert f"All estimates were then {way} together" in text
    assert f"about {rows} rows" in text
    assert "Nobody's place in the order changed." in text


def test_groups_are_named_in_words_and_intersections_left_to_the_file():
    found = check(
        group(),
        group("5 least deprived", attribute="deprivation_fifth"),
        group("Black x Male", attribute="ethnicity x sex"),
        group(metric="calibration_slope"),
    )
    assert [row[:2] for row in found.rows] == [
        ["Ethnicity", "Black"],
        ["Area deprivation", "least deprived fifth"],
    ]
    assert found.rows[0][2:] == ["1.13", "0.93 to 1.33"]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (group(estimate=None, status="suppressed"), "too few people to say"),
        (group(estimate=None, status="undefined"), "cannot be worked out"),
        (group(n=9), "too few people to say"),
    ],
)
def test_what_must_not_or_cannot_be_said(one, said):
    assert check(one).rows[0][2:] == [said, ""]


@pytest.mark.parametrize(
    ("value", "words"), [(2e-05, "0.00002"), (0.034, "0.03"), (0.0, "0"), (-0.0096, "-0.010")]
)
def test_small_numbers_have_no_power_of_ten(value, words):
    assert _plain(value) == words
