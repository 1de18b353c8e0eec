"""The card's sections about ranges, abstention and worse data: words, and no small count."""

import pytest

from riskmodel.audit.uncertainty import EVERYONE, AbstentionRow, CoverageRow, UncertaintyReport
from riskmodel.disclosure import Disclosure
from riskmodel.publish.robustness import MOST_ROWS, robustness_check, shift_words
from riskmodel.publish.uncertainty import abstention_check, uncertainty_check
from riskmodel.validate.estimate import Estimate
from riskmodel.validate.robustness import SHOWN, RobustnessReport, Shift


def band(attribute=EVERYONE, group=EVERYONE, number=1, verdict="inside", *, people=2003, observed=0.0312):
    return CoverageRow(
        attribute, group, number, people, round(people * observed), 0.03, 0.0214, 0.0451, observed, 0.025, 0.04, verdict
    )  # fmt: skip


def empty(attribute, group, number=1):
    return CoverageRow(attribute, group, number, 40, 3, *[None] * 6, "insufficient")


def silent(attribute, group, n, of, missed=0):
    share = Estimate(n / of, 0.0, 1.0, of, 50, "ok")
    return AbstentionRow(attribute, group, n, missed, share)


def report(coverage=(), abstention=(), **changed):
    fields = {"method": "monotone", "most_missing": 0.75, "apparent": False}
    return UncertaintyReport(**(fields | changed), coverage=tuple(coverage), abstention=tuple(abstention))


def words(check):
    return " ".join(check.sentences)


def test_bands_are_counted_and_rates_come_from_rounded_counts():
    check = uncertainty_check(
        report([band(), band(number=2, verdict="outside", observed=0.0612)]), Disclosure()
    )
    assert "we looked at 2 bands" in words(check)
    assert "inside the mean range in 1" in words(check)
    assert "clearly outside it in 1." in words(check)
    # 0.0312 of 2,003 is 62, shown as 60 of 2,005: 30 of 1,000; 123 becomes 125: 62.
    assert check.rows == [
        ("30", "21 to 45", "30", "inside the range"),
        ("30", "21 to 45", "62", "clearly outside it"),
    ]


def test_a_rate_that_rests_on_few_is_hidden():
    check = uncertainty_check(report([band(people=300, observed=0.02)]), Disclosure())
    assert check.rows[0][2] == "not shown"
    assert uncertainty_check(report([empty(EVERYONE, EVERYONE)]), Disclosure()).rows[0] == (
        *["not shown"] * 3,
        "too few to say",
    )


def test_groups_whose_range_fails_are_named_with_the_side():
    groups = [
        band("sex", "Male", 4, "outside", observed=0.07), band("sex", "Female", 4, "outside", observed=0.01),
        band("ethnicity", "Black", 1, "chance"), empty("care", "never looked after"),
    ]  # fmt: skip
    text = words(uncertainty_check(report([band(), *groups]), Disclosure()))
    assert "sex: Male (more had the outcome than the range says)" in text
    assert "sex: Female (fewer had it than the range says)" in text
    assert "Black" not in text
    assert "we looked at 3 bands" in text
    assert "do not promise to be right for one group" in text
    many = [band("school", f"S{i}", 1, "outside", observed=0.07) for i in range(7)]
    assert " and others." in words(uncertainty_check(report([band(), *many]), Disclosure()))
    assert "Clearly outside in at least" not in words(
        uncertainty_check(report([band(), band("sex", "Male")]), Disclosure())
    )


def test_too_few_and_apparent_and_no_ranges_are_said():
    assert "too few young people to say" in words(
        uncertainty_check(report([empty(EVERYONE, EVERYONE)]), Disclosure())
    )
    assert "proves little" in words(uncertainty_check(report([band()], apparent=True), Disclosure()))
    none = uncertainty_check(report(method="none"), Disclosure())
    assert none.sentences == ("The estimates carry no ranges.",)
    assert (list(none.head), none.rows) == ([], [])


def test_abstention_by_group_is_rounded_and_a_single_small_group_takes_another_with_it():
    rows = [
        silent(EVERYONE, EVERYONE, 123, 6003, missed=14),
        silent("sex", "Female", 51, 3001), silent("sex", "Male", 72, 3002),
        silent("care", "never looked after", 121, 5800), silent("care", "looked after now or before", 2, 203),
        silent("sex x care", "Female x never looked after", 51, 2900),
    ]  # fmt: skip
    check = abstention_check(report(abstention=rows), Disclosure())
    assert "nothing of 125 in 6,005 young people (2%). Of them, about 15 had the outcome." in words(check)
    assert "more than 75%" in words(check)
    assert "A referral never needs a score." in words(check)
    assert check.rows == [
        ("sex", "Male: 2%", "Female: 2%"),
        ("being looked after", "not shown", "not shown"),
    ]


@pytest.mark.parametrize(
    ("n", "missed", "said"),
    [(4, 0, "a few young people, too few to give a number"), (0, 0, "enough to read about everybody"), (50, 3, "too few to give a number had")],
)  # fmt: skip
def test_small_numbers_of_abstentions_are_not_told(n, missed, said):
    rows = [silent(EVERYONE, EVERYONE, n, 6003, missed=missed), silent("sex", "Female", n, 6003)]
    assert said in words(abstention_check(report(abstention=rows), Disclosure()))


def test_one_group_alone_is_not_shown_twice():
    rows = [silent(EVERYONE, EVERYONE, 40, 1000), silent("sex", "Female", 40, 1000)]
    assert abstention_check(report(abstention=rows), Disclosure()).rows == [
        ("sex", "Female: 4%", "not shown")
    ]


def test_a_study_that_never_abstains_says_so():
    check = abstention_check(report(most_missing=None), Disclosure())
    assert "gives everyone an estimate" in words(check)
    assert check.rows == ()


def estimate(value, half=0.01, outcomes=300, status="ok"):
    return Estimate(value, value - half, value + half, 9000, outcomes, status)


def shift(kind, what, change=-0.05, **changed):
    half, outcomes = changed.get("half", 0.01), changed.get("outcomes", 300)
    return Shift(
        kind, what, {name: estimate(0.2, outcomes=outcomes) for name in SHOWN},
        {name: estimate(change, half, outcomes) for name in SHOWN}, offers_moved=0.33, abstained=0.004,
    )  # fmt: skip


def robust(*shifts, apparent=False):
    as_is = {name: estimate(0.25) for name in SHOWN}
    return robustness_check(RobustnessReport(as_is, apparent, shifts), Disclosure())


def test_each_way_has_its_line_and_what_is_sure_is_said():
    check = robust(shift("missing", "EDU"), shift("codes", "0.1", -0.005))
    assert check.rows[0][0] == "the data as they are"
    assert check.rows[1] == ("nothing came from school", "0.20", "20", "-5 (-6 to -4)", "20", "0.20", "33%", "less than 1%")  # fmt: skip
    assert "It would clearly find fewer if nothing came from school." in words(check)
    assert "Nothing tried here" in words(robust(shift("codes", "0.1", 0.0)))


def test_at_most_ten_lines_and_few_outcomes_are_hidden():
    many = [shift("codes", str(0.1 + i / 100)) for i in range(12)]
    check = robust(*many)
    assert len(check.rows) == MOST_ROWS
    assert "robustness.json has all of it" in words(check)
    hidden = robust(shift("missing", "EDU", outcomes=7), apparent=True)
    assert hidden.rows[1][1:6] == ("not shown",) * 5
    assert "clearly find fewer" not in words(hidden)
    assert "too good" in words(hidden)


@pytest.mark.parametrize(
    ("kind", "what", "said"),
    [
        ("missing", "HEALTH", "nothing came from health services"),
        ("late", "POLICE", "records of the police came a year late, unnoticed"),
        ("codes", "0.1", "codes were wrong for 10% of young people"),
        ("prevalence", "0.5", "the outcome were half as common"),
        ("prevalence", "2", "the outcome were twice as common"),
        ("prevalence", "3", "the outcome were 3 times as common"),
    ],
)
def test_ways_in_words(kind, what, said):
    assert shift_words(shift(kind, what)) == said
