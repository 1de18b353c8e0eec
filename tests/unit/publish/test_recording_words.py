"""Unequal records in words: what falls, what is not shown, and which pictures are drawn."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from riskmodel.audit.equal_need import EqualNeedRow
from riskmodel.audit.groups import Grouping
from riskmodel.audit.label_bounds import BoundsRow
from riskmodel.audit.lens import InformedRange, Lens, Look
from riskmodel.audit.records import RecordsReport
from riskmodel.audit.spec import RecordingSpec, StopSearchSpec
from riskmodel.audit.tipping import TippingRow
from riskmodel.disclosure import Disclosure
from riskmodel.publish.recording_words import (
    bounds_figures,
    equal_need_check,
    recording_check,
    tipping_figures,
)

SAFE = Disclosure()
PAST = "came to harm"
AT = {
    "group": {"detection": 0.46, "false_recording": 0.0, "gamma": 0.67},
    "others": {"detection": 1.0, "false_recording": 0.0, "gamma": 0.67},
}
SEX = Grouping("sex", (("Female",), ("Male",)), np.zeros(2, dtype=np.int64))
BOTH = Grouping("sex x care", (("Female", "yes"), ("Male", "yes")), np.zeros(2, dtype=np.int64))


def bound(group="Male", metric="fnr", attribute="sex", few=40, status="ok"):
    numbers = (0.85, 0.743, 0.912, 0.701, 0.943) if status == "ok" else (None,) * 5
    return BoundsRow(attribute, group, metric, *numbers, False, 9000, 200, few, status)


def tip(
    group="Male",
    metric="fnr",
    verdict="within",
    at=0.4,
    itself=0.5,
    path="anything",
    attribute="sex",
    lower=0.2,
    upper=0.7,
):
    words = (attribute, group, metric, verdict, path)
    if at is None:
        return TippingRow(*words, None, None, lower, None, None, None, "none")
    return TippingRow(*words, at, itself, lower, upper, 0.46, AT, "ok")


def need(group="Male", where="highest tenth", estimate=0.02, half=0.01, n_outcomes=60, attribute="sex"):
    return EqualNeedRow(
        attribute,
        group,
        where,
        0.06,
        0.06 - estimate,
        estimate,
        estimate - half / 2,
        estimate + half / 2,
        estimate - half,
        estimate + half,
        900,
        n_outcomes,
        "ok",
    )


def report(bounds=(), tips=(), needs=(), name="harm_health", spec=None, groupings=(SEX, BOTH)):
    spec = RecordingSpec() if spec is None else spec
    return RecordsReport(spec, "logistic", groupings, tuple(bounds), tuple(tips), name, tuple(needs))


BOUNDS = [bound(group, metric) for metric in ("fnr", "ppv", "fpr", "tpr") for group in ("Female", "Male")]


def words(check):
    return " ".join(check.sentences)


def test_statements_that_fall_first_come_first():
    tips = [
        tip("Female", at=None, lower=0.9), tip("Male", "ppv", "exceeds", at=0.8, itself=None, upper=None), tip("Male"),
        tip("Male", path="detection"), tip("Male", "tpr"), tip("Male x yes", attribute="sex x care"),
    ]  # fmt: skip
    check = recording_check(report(BOUNDS, tips), SAFE, past=PAST)
    assert check.sentences[0].startswith("2 of 3 firm statements that rest on these records would fall")
    assert [row[1] for row in check.rows] == ["Male", "Male", "Female"]
    first, second, last = check.rows
    assert first[2:4] == ["how many are missed: close to everyone else's", "40%"]
    assert first[4] == "50% (20% to 70%)"
    assert first[5] == (
        "46 of 100 on record in this group, 100 of 100 elsewhere; those missed in it have higher scores"
    )
    assert second[2:5] == [
        "how many offers are right: clearly unlike everyone else's",
        "80%",
        "beyond the range (20% to beyond the range)",
    ]
    assert last[3:] == ["nowhere in the range", "beyond the range (90% to beyond the range)", ""]
    assert "40 to 100 are on record; of 1,000 others, up to 1 are" in words(check)
    assert "by 0.625 to 1.6" in words(check)
    assert not re.search(r"None|nan|_", words(check))


def test_nothing_falls_and_nothing_firm_are_said():
    nothing = recording_check(report(BOUNDS, [tip(at=None, lower=None)]), SAFE, past=PAST)
    assert nothing.sentences[0].startswith("None of 1 firm")
    assert nothing.rows[0][3:5] == ["nowhere in the range", "beyond the range"]
    silent = recording_check(report(BOUNDS), SAFE, past=PAST)
    assert "no firm statement" in silent.sentences[0]
    assert (silent.head, list(silent.rows)) == ((), [])
    one = RecordingSpec(detection=(0.5, 0.5), gamma=(1, 1))
    plain = words(recording_check(report(BOUNDS, spec=one), SAFE, past=PAST))
    assert "of 100 young people who came to harm, 50 are" in plain
    assert "standard deviation" not in plain


def test_a_statement_that_falls_at_once_and_one_about_calibration_are_shown():
    tips = [tip("Male", "calibration_intercept", "exceeds", at=0.0004, itself=0.4)]
    without = recording_check(report(BOUNDS, tips), SAFE, past=PAST)
    assert without.rows == []  # how many came to harm for each one expected cannot be shown
    bounds = [bound(group, "observed_to_expected") for group in ("Female", "Male")]
    row = recording_check(report(bounds, tips), SAFE, past=PAST).rows[0]
    assert row[2:5] == [
        "whether estimates are right on average: clearly unlike everyone else's",
        "under 1%",
        "40% (20% to 70%)",
    ]
    assert set(tipping_figures(report(bounds, tips), SAFE)) == {"tipping-calibration-intercept"}


def test_a_small_group_and_the_one_that_would_give_it_away_are_left_out():
    bounds = [bound("Female", few=9), bound("Male"), bound("Female", "ppv", few=12), bound("Male", "ppv")]
    kept = report(bounds, [tip("Male"), tip("Female"), tip("Male", "ppv")])
    assert [row.metric for row in kept.shown_bounds(SAFE)] == ["ppv", "ppv"]
    assert [row[2][:15] for row in recording_check(kept, SAFE, past=PAST).rows] == ["how many offers"]
    hidden = report([bound("Female", status="suppressed"), bound("Male")])
    assert hidden.shown_bounds(SAFE) == []


def test_what_leaves_is_rounded_outwards():
    row = report(BOUNDS).shown_bounds(SAFE)[0]
    assert (row.lower_bound, row.upper_bound, row.lower, row.upper) == (0.74, 0.92, 0.7, 0.95)
    assert row.recorded is None


def test_a_row_without_numbers_cannot_be_shown():
    with pytest.raises(ValueError, match="numbers"):
        report([replace(bound("Female"), lower=None), bound("Male")]).shown_bounds(SAFE)


def test_clear_differences_in_need_are_named():
    rows = [
        need("Male"),
        need("Female", estimate=-0.03),
        need("yes", estimate=0.02, half=0.03, attribute="care"),
        need("no", estimate=-0.02, attribute="care"),
        need("Male", "all scores"),
        need("Female", "all scores", 0.001),
    ]
    care = Grouping("care", (("no",), ("yes",)), np.zeros(2, dtype=np.int64))
    check = equal_need_check(report(needs=rows, groupings=(SEX, care)), SAFE, need="Emergency visits.")
    # Male and Female are one comparison, told once; one's own 95% interval is not what makes a difference clear.
    assert check.sentences[0] == (
        "We looked at 4 groups. Clearly unlike everyone else with the same high scores in how often they need help: "
        "sex: Male (more often); being looked after: no (less often)."
    )
    assert "not told the group can be wrong for it even if everything is recorded" in words(check)
    assert "1 in 20 looks" not in words(check)
    assert "another outcome: Emergency visits." in words(check)
    assert check.rows[0] == ["Sex", "Male", "6", "4", "2 (1 to 3)"]
    assert len(check.rows) == 4


def test_no_difference_few_and_no_measure_of_need_are_said():
    all_scores = [need(group, "all scores", 0.001) for group in ("Male", "Female")]
    same = equal_need_check(report(needs=all_scores), SAFE, need="x")
    assert (
        same.sentences[0]
        == "We looked at 2 groups. None of them clearly needs help more or less often than everyone else with the same scores."
    )
    few = equal_need_check(report(needs=[need("Male"), need("Female", n_outcomes=9)]), SAFE, need="x")
    assert few.sentences == ("There are too few young people in need to say.",)
    none = equal_need_check(report(name=None), SAFE, need=None)
    assert "no second measure" in none.sentences[0]
    alone = Grouping("sex", (("Male",),), np.zeros(1, dtype=np.int64))
    one = equal_need_check(report(needs=[need("Male", estimate=0.001)], groupings=(alone,)), SAFE, need="x")
    assert "We looked at 1 group." in one.sentences[0]


def test_every_metric_has_a_picture_of_whom_may_be_shown():
    bounds = [*BOUNDS, bound("Female", "observed_to_expected"), bound("Male", "observed_to_expected"),
              bound("Female x yes", attribute="sex x care"), bound("Male x yes", attribute="sex x care"),
              bound("Female", "prevalence", few=3), bound("Male", "prevalence")]  # fmt: skip
    drawn = bounds_figures(report(bounds), SAFE, past=PAST)
    assert set(drawn) == {
        "recording",
        "recording-ppv",
        "recording-fpr",
        "recording-tpr",
        "recording-observed-to-expected",
    }
    text = " ".join(ET.fromstring(drawn["recording"]).itertext())  # noqa: S314 - our own
    assert "Sex, Male: 74 to 92" in text
    assert "yes" not in text
    assert "0.74 to 0.92" in drawn["recording-observed-to-expected"]
    assert bounds_figures(report(), SAFE, past=PAST) == {}


def test_tipping_points_have_a_picture_for_each_metric_with_a_firm_statement():
    tips = [tip("Female"), tip("Male", at=None, lower=0.9), tip("Female", "ppv", "exceeds", at=0.8, itself=None, upper=None),
            tip("Male", "ppv", at=None, lower=None), tip("Female x yes", attribute="sex x care")]  # fmt: skip
    drawn = tipping_figures(report(BOUNDS, tips), SAFE)
    assert set(drawn) == {"tipping-fnr", "tipping-ppv"}
    missed, right = (" ".join(ET.fromstring(drawn[f"tipping-{one}"]).itertext()) for one in ("fnr", "ppv"))  # noqa: S314 - our own
    assert (
        "Sex: Female (close): falls at 40 of 100 (the difference itself at 50); Sex: Male (close): stands within the range"
        in missed
    )
    assert "Sex: Female (unlike): falls at 80 of 100 (the difference itself beyond the range)" in right
    assert right.count("stands throughout") == 1
    assert "stands throughout" not in missed  # chance could still overturn it: its interval is drawn
    assert tipping_figures(report(BOUNDS), SAFE) == {}


LOOK = Look("Black", 4.5, 3.9, 5.2)


def informed(maker="police", **stated):
    spec = StopSearchSpec(report=Path("folder/report.json"))
    measured = Lens(spec, "0" * 64, "searches placed in Anytown", "White", (LOOK,))
    return InformedRange(RecordingSpec(**stated), measured, maker)


@pytest.mark.parametrize(
    ("lens", "said"),
    [
        (informed(), "lowered from 40 to 19.2 of 100"),
        (informed("police_in_part"), "write down a part of the outcome"),
        (informed("not_said"), "does not say who writes the outcome down"),
        (informed("others"), "searches say little about who is on record. The range stays as it was"),
        (informed(detection=(0.1, 1.0)), "already allows a ratio of 10.0 between two groups"),
    ],
)
def test_measured_looking_is_said_with_its_range_its_place_and_its_limits(lens, said):
    found = words(recording_check(replace(report(BOUNDS), spec=lens.spec, lens=lens), SAFE, past=PAST))
    assert said in found
    assert (
        "Stop and search was measured (report.json; searches placed in Anytown; against residents). For their numbers, Black "
        "people were searched 4.5 times as often as White people, and the ratio may be up to 5.2."
    ) in found
    assert "cannot say how recording goes with the score" in found
    assert ("lowered from" in found) == lens.widened
    assert "Stop and search" not in words(recording_check(report(BOUNDS), SAFE, past=PAST))
