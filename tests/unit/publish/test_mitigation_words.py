"""What the board reads about choices and about inputs: plain, complete, and nothing that may not leave."""

import re
from dataclasses import replace

import pytest

from riskmodel.audit.frontier import FrontierReport, Gap, Missed, Point
from riskmodel.audit.inputs import SHOWN, Block, BlockResult, InputAudit, Selection, Told
from riskmodel.audit.spec import AuditSpec, ChosenSpec, MitigationSpec
from riskmodel.disclosure import Disclosure
from riskmodel.publish import figures
from riskmodel.publish.input_audit import block_words, input_check
from riskmodel.publish.mitigation import choice_words, frontier_rows, mitigation_check, short_label
from riskmodel.validate.estimate import Estimate

DOOR, PAST = Disclosure(), "came to harm"
OUTCOMES = {"victim": "being a victim of violence"}
NAMES = ("as_is", "reweighing", "without_enforcement", "label:victim", "exponentiated_gradient", "capacity:0.05",
         "thresholds_by_group")  # fmt: skip


def number(value, *, reach=0.02, people=4000, outcomes=400):
    return Estimate(value, value - reach, value + reach, people, outcomes, "ok")


def gap(metric="fnr", *, attribute="ethnicity", group="Black", value=0.12, public=0.12, verdict="exceeds"):
    ends = (None, None, None) if group is None else (value, value - 0.02, value + 0.02)
    return Gap(attribute, metric, group, *ends, 0.05, verdict, public, number(-0.04))


def point(name, *, recall=0.3, public=(0.75, 0.7, 0.8), gaps=None):
    worst = Missed("ethnicity", "Black", number(0.75), number(-0.03), public)
    never = name in ("exponentiated_gradient", "thresholds_by_group")
    gaps = (
        (gap(), gap("selection_rate", value=-0.013, public=-0.013), gap(attribute="sex"))
        if gaps is None
        else gaps
    )
    return Point(
        name, not never, "because" if never else None, 0.02, 0.1,
        {"auroc": number(0.7), "precision_at_capacity": number(0.2), "recall_at_capacity": number(recall)},
        {"auroc": number(0.0), "precision_at_capacity": number(0.0), "recall_at_capacity": number(0.01)},
        gaps, (worst,),
    )  # fmt: skip


def report(*points, **changed):
    whole = FrontierReport(
        "logistic", "ethnicity", "as_is", {"label:rare": "too few"}, points or tuple(map(point, NAMES))
    )
    return replace(whole, **changed)


def check(found, spec=None):
    return mitigation_check(found, spec or AuditSpec(), DOOR, past=PAST, outcomes=OUTCOMES)


def chose(name):
    chosen = ChosenSpec(point=name, by="the ethics board", reason="It misses fewer of the worst off.")
    return AuditSpec(mitigation=MitigationSpec(chosen=chosen))


def test_without_a_choice_the_card_says_that_nothing_was_mitigated():
    found = check(None)
    assert found.sentences[0].startswith("Nothing was mitigated")
    assert found.rows == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "as_is",
            "The ethics board chose to leave the model as it is; nothing was mitigated. The reason given: It misses",
        ),
        (
            "reweighing",
            "The ethics board chose other weights in training, under which groups by ethnicity",
        ),
        (
            "label:victim",
            "The ethics board chose learning from another outcome, being a victim of violence. This model was",
        ),
        (
            "capacity:0.05",
            "The ethics board chose offers to 5 of 100 young people. This model was trained, or makes its offers",
        ),
        ("without_enforcement", "The ethics board chose leaving out inputs made by enforcement."),
    ],
)
def test_a_choice_is_told_with_its_chooser_and_reason(name, words):
    sentences = check(None, chose(name)).sentences
    assert sentences[0].startswith(words)
    assert "It misses fewer of the worst off." in sentences[0]
    assert any("still speak of the outcome" in one for one in sentences) == (name == "label:victim")


def test_every_point_has_a_row_and_the_two_for_looking_only_say_so():
    found = check(report())
    firsts = [row[0] for row in found.rows]
    assert firsts[0] == "As it is"
    assert len(firsts) == len(NAMES)
    assert [one for one in firsts if "cannot be chosen" in one] == [
        "Exponentiated gradient (cannot be chosen)",
        "Thresholds by group (needs legal advice: Equality Act 2010; cannot be chosen)",
    ]
    assert any("Why: too few." in one for one in found.sentences)


def test_numbers_come_with_intervals_changes_and_verdicts():
    row = dict(zip(check(report()).head, check(report()).rows[1], strict=True))
    assert row[f"Found, of 100 who {PAST}"] == "30 (28 to 32); change +1 (-1 to +3)"
    assert (
        row["Missed, of 100 in the group worst off as it is (by ethnicity)"]
        == "75 (70 to 80); change -3 (-5 to -1)"
    )
    assert row["Largest gap in who is missed (by ethnicity)"] == "Black: 12 more of 100; too large"
    assert row["Largest gap in who is offered (by ethnicity)"] == "Black: 1.3 fewer of 100; too large"
    assert row["Other attributes with a gap that is clearly too large"] == (
        "missed: 1 of the 1 that could be judged; offered: 0 of the 0 that could be judged"
    )
    first = check(report()).rows[0]
    assert not any("change" in cell for cell in first)


def test_a_hidden_number_is_not_given_away_by_a_change():
    """As it is few are found in the worst-off group; at another point enough are."""
    found = check(report(point("as_is", public=None), point("reweighing")))
    cell = found.rows[1][4]
    assert cell == "75 (70 to 80)"
    assert "not shown" in found.rows[0][4]
    few = check(report(point("as_is", recall=0.01), point("reweighing")))
    assert "change" not in few.rows[1][1]
    assert "not shown" in few.rows[0][1]


def test_offers_within_offers_that_find_a_few_more_are_left_out():
    found = check(report(point("as_is"), point("capacity:0.05", recall=0.31)))
    assert [row[0] for row in found.rows] == ["As it is"]
    apart = check(report(point("as_is"), point("capacity:0.05", recall=0.4)))
    assert len(apart.rows) == 2


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (gap(group=None, verdict="insufficient", public=None), "too few to say"),
        (gap(public=None), "not shown; too few to say"),
        (gap(verdict="within", value=0.01, public=0.01), "Black: 1 more of 100; within the tolerance"),
        (gap(verdict="within", value=0.0001, public=0.0), "Black: about as many; within the tolerance"),
        (gap(verdict="inconclusive"), "Black: 12 more of 100; cannot tell"),
    ],
)
def test_gaps_in_words(one, words):
    assert check(report(point("as_is", gaps=(one,)))).rows[0][5] == words


def test_a_study_that_is_too_small_gets_a_sentence_and_no_table():
    found = check(report(point("as_is", public=None), point("reweighing", public=None)))
    assert not found.rows
    assert found.sentences[-1].startswith("Other choices were measured, but too few")


def test_a_measure_without_groups_still_reads():
    found = check(report(replace(point("as_is", gaps=()), worst=()), attribute=None))
    assert found.rows[0][4:] == (
        "too few young people to say", "not measured", "not measured", "no other is audited",
    )  # fmt: skip
    assert choice_words("thresholds_by_group", None, {}) == "a threshold of its own for each of the groups"


def test_after_a_choice_the_table_says_what_as_it_is_means():
    assert any("with what was chosen in it" in one for one in check(report(chosen="reweighing")).sentences)


def test_words_stay_plain():
    text = " ".join((*check(report()).sentences, *check(None, chose("reweighing")).sentences))
    assert not re.search(r"unbiased|fair\s+model|offend|high-risk", text, re.IGNORECASE)
    assert short_label("label:proven_violence") == "Learned from: proven violence"


def test_the_figure_shows_every_choice_that_may_be_shown():
    rows = frontier_rows(report(), DOOR)
    assert [row["label"] for row in rows][:2] == ["As it is", "Reweighing"]
    svg = figures.frontier(rows, past=PAST)
    assert svg == figures.frontier(rows, past=PAST)
    said = " ".join(re.sub(r"<[^>]+>", " ", svg).split())
    for words in ("Thresholds by group", "so many missed", "so many found", "cannot be chosen", "(Black)"):
        assert words in said
    hidden = [
        {**rows[0], "missed": {"estimate": None, "lower": None, "upper": None, "words": "not shown: too few"}}
    ]
    assert "not shown" in figures.frontier([*hidden, rows[1]], past=PAST)


def test_without_a_number_to_show_there_is_no_figure():
    assert frontier_rows(None, DOOR) == []
    assert frontier_rows(report(point("as_is", public=None)), DOOR) == []


def result(kind="agency", what="EDU", group=None, *, auroc=0.0, told=None, selection=(), recall=0.3):
    metrics = {name: number(0.3) for name in SHOWN} | {"recall_at_capacity": number(recall)}
    change = {name: number(0.0) for name in SHOWN} | {"auroc": number(auroc)}
    return BlockResult(Block(kind, what, group, ("a", "b")), metrics, change, 0.2, tuple(selection), told)


def audit(*results):
    return InputAudit("logistic", {name: number(0.3) for name in SHOWN}, results)


def test_inputs_that_were_not_asked_about():
    assert input_check(None, DOOR).sentences[0].startswith("Not asked in this run")


def test_what_is_clearly_worse_or_better_leads():
    found = input_check(audit(result(auroc=-0.1), result(what="POLICE", auroc=0.05)), DOOR)
    assert found.sentences[0].startswith(
        "It would put young people in order clearly less well without: everything from"
    )
    assert "in order clearly better without: everything from the police" in found.sentences[1]
    assert found.sentences[2].startswith("2 blocks were tried")
    nothing = input_check(audit(result()), DOOR)
    assert nothing.sentences[0].startswith("No block clearly changes")


def test_of_many_blocks_one_that_is_clear_by_itself_is_not_called_clear():
    alone = number(-0.024)  # -.044 to -.004
    assert alone.clear_among(1)
    assert not alone.clear_among(12)
    many = input_check(audit(*(result(auroc=-0.024) for _ in range(12))), DOOR)
    assert many.sentences[0].startswith("No block clearly changes")


def test_a_residual_is_said_to_be_for_comparison_and_to_need_legal_advice():
    (said,) = [
        one for one in input_check(audit(result("residual", "sex", "Male")), DOOR).sentences if "Act" in one
    ]
    assert "for comparison only and can never be chosen" in said
    assert "needs legal advice (Equality Act 2010)" in said
    assert not any(
        "Act" in one for one in input_check(audit(result("carriers", "sex", "Male")), DOOR).sentences
    )


def test_rows_of_blocks():
    some = Selection("sex", "Male", number(0.2), number(0.1), number(-0.1), -0.101, 2000)
    small = replace(some, group="Female", change=number(0.2), public=0.2, rows=100)
    hidden = replace(some, group="Unknown", change=number(0.5), public=None)
    rows = input_check(
        audit(
            result(selection=(some, hidden)),
            result("enforcement", "", selection=(small, some)),
            result("carriers", "sex", "Male", told=Told(0.7, 0.6, -0.12, -0.08)),
            result("carriers", "care", "yes", recall=0.01),
            result("residual", "sex", "Male", told=Told(0.7, 0.65, -0.08, -0.02)),
        ),
        DOOR,
    ).rows
    assert rows[0][5] == "sex, Male: -10.1 (-12.0 to -8.0) of 100"
    assert rows[1][0] == "everything made by enforcement"
    assert rows[1][5] == "sex, Female: +20 (+18 to +22) of 100"
    assert rows[2][0] == "2 inputs that give away most about sex (above all: Male)"
    assert rows[2][6] == "70 before, 60 after (change -12 to -8)"
    assert (rows[3][2], rows[3][5], rows[3][6]) == ("not shown", "none that is clear", "not shown")
    assert rows[4][0] == "what sex explains of the 2 inputs that give away most about it (above all: Male)"
    assert rows[4][6] == "70 before, 65 after (change -8 to -2)"
    assert block_words(result("carriers", "sex")) == "2 inputs that give away most about sex"
