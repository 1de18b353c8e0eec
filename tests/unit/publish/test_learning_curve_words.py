import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish import figures
from riskmodel.publish.learning_curve import learning_curve_check, learning_curve_lines
from riskmodel.validate import Estimate
from riskmodel.validate.learning_curve import FamilyCurve, LearningCurve, Step


def value(estimate, *, people=800, outcomes=90):
    return Estimate(estimate, estimate - 0.02, estimate + 0.02, people, outcomes, "ok")


NONE = Estimate.without_value("undefined", n_subjects=800, n_outcomes=90)


def report(verdict="helps", *, gain=None, aurocs=None, people=(4, 700)):
    one = FamilyCurve(
        auroc=aurocs or [value(0.61), value(0.64)],
        recall_at_capacity=[value(0.05), value(0.25)],
        auroc_gain=gain or value(0.03),
        recall_gain=value(0.2),
        verdict=verdict,
    )
    steps = [Step(share, n, n // 10) for share, n in zip((0.75, 1.0), people, strict=True)]
    return LearningCurve(0.01, 3, steps, {"ebm": one, "xgboost": one})


def check(found):
    return learning_curve_check(found, past="came to harm", disclosure=Disclosure())


@pytest.mark.parametrize(
    ("verdict", "words"),
    [("helps", "Yes, it seems."), ("little", "Hardly."), ("cannot_tell", "It cannot be told.")],
)
def test_each_family_has_a_verdict_with_its_interval(verdict, words):
    said = check(report(verdict)).sentences
    assert said[0].startswith(f"Additive curves (EBM): {words}")
    assert f"Boosted trees (XGBoost): {words}" in said[0]
    assert ("by less than 0.01," in said[0]) == (verdict == "little")
    assert "changed by +0.030 (+0.010 to +0.050)" in said[0]
    assert "drawn 3 times. The last step is from 75% of the households" in said[1]


@pytest.mark.parametrize(
    ("gain", "why"),
    [(NONE, "cannot be worked out"), (value(0.03, outcomes=4), "not shown: too few young people")],
)
def test_a_gain_that_may_not_be_shown_has_no_verdict(gain, why):
    said = check(report("helps", gain=gain)).sentences[0]
    assert "It cannot be told" in said
    assert why in said
    assert "Yes" not in said
    assert "0.03" not in said


def test_small_counts_stay_in_the_house():
    rows = check(report()).rows
    assert [row[1] for row in rows] == ["too few to show", "about 700"] * 2
    assert [row[3] for row in rows[:2]] == ["not shown: too few young people", "25 (23 to 27)"]
    assert [row[2] for row in rows[:2]] == ["0.61 (0.59 to 0.63)", "0.64 (0.62 to 0.66)"]


def test_the_figure_leaves_out_what_has_no_number():
    lines = learning_curve_lines(report(aurocs=[NONE, value(0.64)]), Disclosure())
    assert [[one["share"] for one in line["points"]] for line in lines] == [[1.0], [1.0]]
    drawn = figures.learning_curves(lines)
    assert "Additive curves (EBM): 0.64 (0.62 to 0.66) from 100%" in drawn
    assert learning_curve_lines(report(aurocs=[NONE, NONE]), Disclosure()) == []
