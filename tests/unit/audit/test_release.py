from dataclasses import replace

import numpy as np
import pytest

from riskmodel.audit import audit_fairness
from riskmodel.audit.groups import groupings
from riskmodel.audit.release import coarse_interval, protect
from riskmodel.audit.spec import AuditSpec
from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import AuditedAttributes

RULES = Disclosure()


@pytest.mark.parametrize(
    ("counts", "families", "shown"),
    [
        ([12, 43, 100], [[0, 1, 2]], [10, 45, 100]),
        ([12, 3, 100], [[0, 1, 2]], [None, None, 100]),  # the smallest other is hidden too
        ([12, 3, 4, 100], [[0, 1, 2, 3]], [10, None, None, 100]),  # two hidden protect each other
        ([0, 3, 100], [[0, 1, 2]], [0, None, None]),  # a zero protects nobody
        ([3, 0], [[0, 1]], [None, 0]),  # nothing left to hide it behind
        # A 2 x 2 table with margins: hiding one hides a rectangle.
        ([3, 20, 30, 40], [[0, 1, 2, 3], [0, 1], [2, 3], [0, 2], [1, 3]], [None, None, None, None]),
    ],
)
def test_secondary_suppression(counts, families, shown):
    assert protect(counts, families, RULES) == shown


def test_an_interval_is_rounded_outwards_and_holds_the_estimate():
    assert coarse_interval(0.123, 0.15, 0.171) == (0.12, 0.18)
    assert coarse_interval(0.151, 0.14, 0.171) == (0.14, 0.18)


@pytest.fixture(scope="module")
def report(borough):
    return audit_fairness(
        {"logistic": borough.rows},
        borough.attributes,
        borough.resamples,
        AuditSpec(attributes=("ethnicity", "sex")),
    )


def test_public_rates_come_from_rounded_counts(borough, report):
    public = report.public(RULES)
    rows = borough.rows
    found = {(r["attribute"], r["group"], r["metric"]): r for r in public["rows"]}
    for group in ("White", "Black"):
        inside = (borough.attributes.columns["ethnicity"] == group) & rows.known & (rows.outcome == 1)
        expected = RULES.count(int((inside & (rows.offered == 1)).sum())) / RULES.count(int(inside.sum()))
        row = found["ethnicity", group, "tpr"]
        assert row["estimate"] == pytest.approx(expected)
        assert row["lower"] <= row["estimate"] <= row["upper"]
    # Too few of the Unknown had the outcome; the smallest other group is hidden with them.
    assert {found["ethnicity", group, "tpr"]["status"] for group in ("Unknown", "Asian")} == {"suppressed"}
    assert found["ethnicity", "Asian", "tpr"]["n_subjects"] is not None


def test_public_numbers_are_coarse(report):
    for row in report.public(RULES)["rows"]:
        for name in ("n_subjects", "n_outcomes"):
            assert row[name] is None or row[name] % 5 == 0
        if row["status"] == "ok":
            for end in ("lower", "upper"):
                assert row[end] == row["estimate"] or round(100 * row[end], 6) % 1 == 0
        else:
            assert row["estimate"] is row["lower"] is row["upper"] is None
            assert row["verdict"] in ("insufficient", "none")


def test_no_hidden_cell_follows_from_the_shown_ones(borough):
    """In every set whose total is shown, none or at least two cells of each kind are hidden."""
    tiny = borough.attributes.columns["ethnicity"].astype("<U10")
    tiny[borough.rows.subject_id < 6] = "Tiny"
    attributes = AuditedAttributes({**borough.attributes.columns, "ethnicity": tiny})
    spec = AuditSpec(attributes=("ethnicity", "sex"))
    report = audit_fairness({"m": borough.rows}, attributes, borough.resamples, spec)
    public = {(r["attribute"], r["metric"], r["group"]): r for r in report.public(RULES)["rows"]}
    hidden_somewhere = 0
    for grouping in groupings(attributes, spec):
        for family in grouping.families():
            cells = [public[grouping.attribute, "selection_rate", grouping.groups[g]] for g in family]
            hidden = [c for c in cells if c["n_subjects"] is None]
            hidden_somewhere += len(hidden)
            # A set of one hidden group has no other group to hide it behind: its margin is hidden instead.
            assert len(hidden) != 1 or len(cells) == 1
    assert hidden_somewhere >= 4
    assert public["ethnicity", "selection_rate", "Tiny"]["n_subjects"] is None


def test_exact_rows_keep_their_counts(report):
    assert all(isinstance(row["n_subjects"], int) for row in report.to_json()["rows"])


def test_fewer_than_ten_behind_a_rate_hide_it(borough):
    rows = borough.rows
    reached = np.flatnonzero(
        (rows.outcome == 1) & rows.known & (borough.attributes.columns["ethnicity"] == "Asian")
    )
    offered = np.zeros(len(rows))
    offered[(rows.raw > 1.2) & (borough.attributes.columns["ethnicity"] != "Asian")] = 1
    offered[reached[:4]] = 1
    spec = AuditSpec(attributes=("ethnicity",), intersections=())
    report = audit_fairness(
        {"m": replace(rows, offered=offered)}, borough.attributes, borough.resamples, spec
    )
    exact = {(r.group, r.metric): r for r in report.rows}
    public = {(r["group"], r["metric"]): r for r in report.public(RULES)["rows"]}
    assert exact["Asian", "tpr"].estimate is not None
    assert public["Asian", "tpr"]["status"] == "suppressed"
    assert public["Asian", "fnr"]["status"] == "suppressed"
    assert public["Asian", "ppv"]["status"] == "suppressed"
    assert public["White", "calibration_slope"]["estimate"] == round(
        exact["White", "calibration_slope"].estimate, 2
    )


def test_gaps_that_could_not_have_been_seen_are_those_of_the_selected_model(report):
    assert report.public(RULES)["detectable_gaps"] == []
    gaps = report.public(RULES, selected="logistic")["detectable_gaps"]
    assert [one["attribute"] for one in gaps] == ["ethnicity", "sex", "ethnicity x sex"]
    widest = max(d.detectable for d in report.differences if d.attribute == "sex" and d.metric == "fnr")
    assert (gaps[1]["gap"], gaps[1]["n_judged"], gaps[1]["n_groups"]) == (round(widest, 2), 2, 2)


def test_a_gap_names_no_group_whose_rate_is_hidden(report):
    exact = {(d.attribute, d.group): d.detectable for d in report.differences if d.metric == "fnr"}
    public = report.public(RULES, selected="logistic")
    for one in public["detectable_gaps"]:
        shown = {
            row["group"]: row
            for row in public["rows"]
            if (row["attribute"], row["metric"]) == (one["attribute"], "fnr") and row["status"] == "ok"
        }
        if one["group"] is None:
            assert one["gap"] is None or round(20 * one["gap"], 6) % 1 == 0
            continue
        known = [exact[one["attribute"], g] for g in shown if exact[one["attribute"], g] is not None]
        assert (one["smallest"], one["gap"]) == (round(min(known), 2), round(max(known), 2))
        assert {one["group"], one["smallest_group"]} <= set(shown)
    strict = report.public(Disclosure(threshold=5000), selected="logistic")["detectable_gaps"]
    widest = max(v for (attribute, _), v in exact.items() if attribute == "sex" and v is not None)
    assert (strict[1]["group"], strict[1]["smallest"]) == (None, None)
    assert widest <= strict[1]["gap"] < widest + 0.05


def test_too_few_and_hidden_for_another_s_sake_are_told_apart(borough, report):
    found = {
        (r["group"], r["metric"]): r for r in report.public(RULES)["rows"] if r["attribute"] == "ethnicity"
    }
    # Too few of the Unknown had the outcome; Asian, the smallest other group, is hidden with them.
    assert found["Unknown", "tpr"]["hidden"] == "few"
    assert found["Asian", "tpr"]["hidden"] == "protects"
    assert found["White", "tpr"]["hidden"] is None
    groups = {r["group"]: r for r in report.public(RULES)["groups"] if r["attribute"] == "ethnicity"}
    assert groups["Unknown"]["outcome_rate"] is None
    assert groups["Unknown"]["hidden"] == "few"
    assert groups["Asian"]["hidden"] == "protects"
    rows, inside = borough.rows, borough.attributes.columns["ethnicity"] == "White"
    seen = inside & rows.known
    assert groups["White"]["outcome_rate"] == pytest.approx(
        RULES.count(int((seen & (rows.outcome == 1)).sum())) / RULES.count(int(seen.sum()))
    )
    assert groups["White"]["n_subjects"] == RULES.count(len(np.unique(rows.subject_id[inside])))


def test_a_shown_difference_has_a_direction_and_a_hidden_one_is_only_counted(report):
    differences = {(d.attribute, d.group, d.metric): d for d in report.differences}
    public = report.public(RULES, selected="logistic")
    shown = [row for row in public["rows"] if row["verdict"] == "exceeds"]
    for row in public["rows"]:
        gap = differences[row["attribute"], row["group"], row["metric"]]
        expected = None
        if row["verdict"] == "exceeds":
            expected = "above" if gap.estimate > 0 else "below"
        assert row["direction"] == expected
    exact = sum(d.verdict == "exceeds" and d.metric != "tpr" for d in report.differences)
    assert public["hidden_exceeds"] == exact - sum(row["metric"] != "tpr" for row in shown)
    assert report.public(RULES)["hidden_exceeds"] is None
    everything = report.public(Disclosure(threshold=5000), selected="logistic")
    assert everything["hidden_exceeds"] == exact
