"""The audit in at most 200 words."""

from hypothesis import given
from hypothesis import strategies as st

from riskmodel.publish.fairness_words import in_short

METRICS = ("fnr", "selection_rate", "fpr", "ppv", "calibration_intercept", "calibration_slope")
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "attribute": st.sampled_from(("ethnicity", "sen", "deprivation_fifth", "ethnicity x sex x care")),
            "group": st.sampled_from(
                ("EHCP", "Black x Female x looked after now or before", "1 most deprived", "Unknown")
            ),
            "metric": st.sampled_from(METRICS),
            "verdict": st.sampled_from(("within", "exceeds", "inconclusive", "insufficient")),
            "direction": st.sampled_from(("above", "below", None)),
            "status": st.just("ok"),
            "hidden": st.sampled_from((None, "few", "protects")),
            "estimate": st.just(0.5),
        }
    ),
    max_size=80,
)
GAP = {"smallest": 0.21, "gap": 0.4}


@given(ROWS, st.lists(st.just(GAP), max_size=7), st.sampled_from([None, 40.0, 95.0]))
def test_never_more_than_two_hundred_words(rows, gaps, missed):
    text = in_short({"detectable_gaps": gaps}, rows, past="came to harm from violence", missed=missed)
    assert 0 < len(text.split()) <= 200


def row(group, metric, verdict, direction=None):
    return {
        "attribute": "ethnicity",
        "group": group,
        "metric": metric,
        "verdict": verdict,
        "direction": direction,
        "status": "ok",
        "hidden": None,
        "estimate": 0.9,
    }


def test_who_is_missed_comes_first_and_what_could_not_be_seen_last():
    text = in_short(
        {"detectable_gaps": [GAP, {"smallest": None, "gap": 0.15}]},
        [
            row("Asian", "selection_rate", "exceeds", "below"),
            row("Black", "fnr", "exceeds", "above"),
            row("White", "fnr", "inconclusive"),
            row("Mixed", "calibration_intercept", "exceeds", "above"),
        ],
        past="came to harm",
        missed=93.0,
    )
    assert text.removesuffix(
        " As 93 of 100 are missed among everyone, hardly any group could be missed so much more often: "
        "“cannot say” does not mean that there is no gap."
    ) == (
        "Of those who came to harm, more are missed than the limit allows in: ethnicity: Black. "
        "For 1 of 2 groups it cannot say whether too many are missed, or must not show it. "
        "Support would be offered more rarely than the limit allows to: ethnicity: Asian. "
        "Estimates are too high or too low on average for: ethnicity: Mixed. "
        "This audit could not be relied on to see a gap smaller than 15 of 100 in who is missed."
    )
    assert "hardly any group" in text


def test_where_there_is_room_for_the_gap_nothing_more_is_said():
    gaps = {"detectable_gaps": [{"smallest": None, "gap": 0.15}]}
    for missed in (None, 85.0):
        assert in_short(gaps, [row("White", "fnr", "within")], past="fell", missed=missed).endswith(
            "in who is missed."
        )


def test_no_finding_is_not_called_proof():
    text = in_short(
        {"detectable_gaps": [{"smallest": None, "gap": None}]}, [row("Black", "fnr", "within")], past="fell"
    )
    assert "That is not proof that there is none." in text
    assert "could not be relied on to see a gap of any size" in text


def test_many_groups_are_named_in_part():
    rows = [row(f"group {i}", "fnr", "exceeds", "above") for i in range(7)]
    assert "; and 3 more." in in_short({}, rows, past="fell")
