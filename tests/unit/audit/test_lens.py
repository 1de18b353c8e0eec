"""A measurement of stop and search and what it does to the range: the bound itself, which ratio is read, and every refusal."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression

from riskmodel.audit.lens import InformedRange, read_lens
from riskmodel.audit.spec import AuditSpec, RecordingSpec, StopSearchSpec
from riskmodel.errors import DataError, StudyError

BLACK, ASIAN, OTHER = (4.0, 3.0, 5.0), (1.2, 0.9, 1.5), (0.5, 0.4, 0.8)


def rate(group, numbers=(None, None, None), status="ok", **more):
    row = {"benchmark": "residents", "definition": "officer_defined", "dimension": "all", "level": "all"}
    ratio, lower, upper = numbers
    return {**row, "group": group, "ratio": ratio, "lower": lower, "upper": upper, "status": status, **more}


def rows(black=BLACK):
    return [
        rate("White", status="reference"), rate("Black", black), rate("Asian", ASIAN), rate("Other", OTHER),
        rate("Mixed", status="undefined"), rate("Black", (9.0, 8.0, 10.0), dimension="object"),
        rate("Black", (7.0, 6.0, 8.0), benchmark="suspects"),
        rate("Black", (3.5, 3.0, 4.0), definition="self_defined"),
    ]  # fmt: skip


def written(folder, *scopes, **more):
    scopes = scopes or (rows((2.0, 1.9, 2.1)), rows())
    value = {
        "reference": "White",
        "scopes": [{"name": f"scope {n}", "rates": one} for n, one in enumerate(scopes)],
        "months": [],
    }
    path = folder / "report.json"
    path.write_text(json.dumps({**value, **more}))
    return path


def lens(folder, *scopes, **spec):
    return read_lens(StopSearchSpec(report=written(folder, *scopes), **spec))


@given(
    once=st.floats(0.001, 3),
    more=st.floats(1, 20),
    others=st.floats(0, 1),
    reach=st.floats(0.01, 1),
)
def test_looking_more_raises_detection_by_no_more_than_the_ratio_of_looking(once, more, others, reach):
    """The formula on which the range rests: somebody else's record, or a look that finds something, among those in reach."""

    def detection(looks):
        return 1 - (1 - others) * (1 - reach * (1 - np.exp(-looks)))

    low, high = detection(once), detection(more * once)
    assert low <= high * (1 + 1e-12)
    assert high <= more * low * (1 + 1e-12)


@pytest.mark.parametrize(("r", "low", "high"), [(0.3, 1.3, 1.4), (0.5, 1.6, 1.7)])
def test_gamma_of_a_trait_that_looking_goes_with_is_below_what_the_page_says(r, low, high):
    rng = np.random.default_rng(11)
    trait = rng.integers(0, 2, 400_000)
    score = r * (2 * trait - 1) + np.sqrt(1 - r**2) * rng.normal(size=len(trait))
    noticed = rng.random(len(trait)) < 1 / (1 + np.exp(4 - np.log(15.6) * trait))
    gamma = np.exp(LogisticRegression(C=np.inf).fit(score[:, None], noticed).coef_[0, 0])
    assert low < gamma < high < 15.6 ** (r / 2)


def test_the_leading_group_of_the_smallest_scope_is_read_unless_the_study_names_others(tmp_path):
    found = lens(tmp_path)
    assert (found.scope, found.groups) == ("scope 1", ("Black", "White"))
    assert found.highest_over_lowest == 5.0
    assert [one.ratio for one in found.widest] == [4.0, 1.0]
    assert lens(tmp_path, scope="all").highest_over_lowest == 2.1
    assert lens(tmp_path, benchmark="suspects").highest_over_lowest == 8.0
    assert lens(tmp_path, definition="self_defined").highest_over_lowest == 4.0


def test_several_groups_are_compared_with_each_other_too(tmp_path):
    several = lens(tmp_path, groups=["Other", "Black", "White"])
    assert several.groups == ("Other", "Black", "White")
    assert several.highest_over_lowest == 5.0 / 0.4
    assert [one.group for one in several.widest] == ["Black", "Other"]
    # A group cannot be looked at more than itself: 1.5 over .9 is not a pair.
    assert lens(tmp_path, groups=["Asian"]).highest_over_lowest == 1.5
    assert lens(tmp_path, groups=["Other"]).highest_over_lowest == 1 / 0.4


def test_what_was_measured_is_written_down(tmp_path):
    found = lens(tmp_path)
    value = InformedRange(RecordingSpec(), found, "police").to_json()
    path = tmp_path / "report.json"
    digest = hashlib.sha256(b"." + hashlib.sha256(path.read_bytes()).digest()).hexdigest()
    assert value == {
        "report": str(path), "digest": digest, "attribute": "ethnicity", "scope": "scope 1", "benchmark": "residents",
        "definition": "officer_defined", "reference": "White",
        "groups": [{"group": "Black", "ratio": 4.0, "lower": 3.0, "upper": 5.0}],
        "highest_over_lowest": {"ratio": 4.0, "upper": 5.0},
        "record_made_by": "police", "detection_stated": [0.4, 1.0], "widened": True,
    }  # fmt: skip


@pytest.mark.parametrize("maker", ["police", "police_in_part", "not_said", "others"])
@pytest.mark.parametrize(
    ("stated", "used"),
    [((0.4, 1.0), (0.2, 1.0)), ((0.3, 0.5), (0.1, 0.5)), ((0.1, 1.0), (0.1, 1.0)), ((1.0, 1.0), (0.2, 1.0))],
)
def test_a_range_is_widened_where_the_police_may_make_the_record_and_never_narrowed(
    tmp_path, maker, stated, used
):
    found = InformedRange(RecordingSpec(detection=stated), lens(tmp_path), maker)
    expected = stated if maker == "others" else used
    assert found.spec.detection == pytest.approx(expected)
    assert found.widened == (expected != stated)
    assert (found.spec.gamma, found.spec.false_recording) == ((0.625, 1.6), (0.0, 0.001))


def test_a_range_that_leaves_a_record_without_meaning_is_refused(tmp_path):
    found = InformedRange(RecordingSpec(false_recording=(0, 0.2)), lens(tmp_path), "police")
    with pytest.raises(StudyError, match="not above false_recording"):
        _ = found.spec


def test_groups_that_nobody_in_the_study_has_are_refused(tmp_path):
    found = lens(tmp_path)
    found.require_groups({"Black", "White", "Unknown"})
    with pytest.raises(
        StudyError, match=r"'White'.*no young person's ethnicity is 'White'.*did you mean"
    ) as told:
        found.require_groups({"Black", "White British"})
    assert len(told.value.faults) == 1


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"groups": ["Blak"]}, "no group 'Blak'; did you mean Black"),
        ({"benchmark": "suspect"}, "no 'suspect'; did you mean suspects"),
        ({"benchmark": "suspects", "definition": "self_defined"}, "does not set 'self_defined' against 'suspects'"),
    ],
)  # fmt: skip
def test_names_that_the_report_does_not_have(tmp_path, spec, said):
    with pytest.raises(StudyError, match=said):
        lens(tmp_path, **spec)


@pytest.mark.parametrize(
    ("scopes", "spec", "said"),
    [
        ([[]], {}, "no rate"),
        ([[rate("Black", (4.0, None, None), "few")]], {}, "no group with a ratio that has an interval"),
        ([rows()], {"groups": ["Mixed"]}, "group 'Mixed' \\(status 'undefined'\\)"),
        ([[rate("Black", (0.0, 0.0, 0.0))]], {}, "group 'Black'"),
    ],
)
def test_reports_without_the_ratio(tmp_path, scopes, spec, said):
    with pytest.raises(DataError, match=said):
        lens(tmp_path, *scopes, **spec)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"reference": "White"}', "\x00", '{"scopes": 3, "reference": 1}']
)
def test_files_that_are_no_report(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"expected report\.json of 'riskmodel stop-search --out'"):
        read_lens(StopSearchSpec(report=path))
    with pytest.raises(StudyError, match="there is no file"):
        read_lens(StopSearchSpec(report=tmp_path / "none.json"))


def test_a_study_may_name_the_file_alone_and_must_audit_the_attribute():
    spec = AuditSpec.model_validate({"recording": {"stop_search": "a/report.json"}})
    assert spec.recording.stop_search == StopSearchSpec.model_validate({"report": "a/report.json"})
    with pytest.raises(ValidationError, match="'heritage' is not audited"):
        AuditSpec.model_validate({"recording": {"stop_search": {"report": "a", "attribute": "heritage"}}})
