import numpy as np
import pytest

from riskmodel.audit import Structure, privacy
from riskmodel.audit.spec import AuditSpec
from riskmodel.tables.cohort import AuditedAttributes

SPEC = AuditSpec(attributes=("sex",), intersections=())


def report(codes, subject, *, offered=None, sex=None):
    n = len(subject)
    sex = np.where(np.arange(n) % 2, "M", "F") if sex is None else sex
    offers = {"ebm": np.ones(n) if offered is None else offered}
    structure = Structure("ebm", "bin", ("suspended", "missing"), codes)
    return privacy(
        [structure],
        offers,
        AuditedAttributes({"sex": sex}),
        training_subject_id=subject,
        subject_id=subject,
        spec=SPEC,
    )


def test_the_emptiest_place_is_named_with_its_people():
    codes = np.zeros((100, 2), dtype=np.int64)
    codes[:12, 1] = 3
    codes[12:16, 1] = 7
    found = report(codes, np.arange(100)).rows[0]
    assert (found.check, found.where, found.smallest, found.n_below, found.n_places) == (
        "structure",
        "missing: bin 7",
        4,
        1,
        4,
    )
    assert found.verdict == "too_few"


def test_rows_of_one_person_are_one_person():
    codes = np.zeros((200, 2), dtype=np.int64)
    codes[:18, 0] = 1  # 18 rows of 9 people
    found = report(codes, np.arange(200) // 2).rows[0]
    assert (found.where, found.smallest, found.verdict) == ("suspended: bin 1", 9, "too_few")


@pytest.mark.parametrize(("people", "verdict"), [(9, "too_few"), (10, "enough")])
def test_the_threshold_is_ten_people(people, verdict):
    codes = np.zeros((100, 2), dtype=np.int64)
    codes[:people, 0] = 1
    made = report(codes, np.arange(100))
    assert made.rows[0].verdict == verdict
    assert made.threshold == 10


def test_few_offers_in_a_group_are_seen_and_none_is_not_few():
    codes = np.zeros((100, 2), dtype=np.int64)
    offered = np.zeros(100)
    offered[:6:2] = 0.5  # three of group F
    found = report(codes, np.arange(100), offered=offered).rows[1]
    assert (found.check, found.kind, found.where, found.smallest, found.n_places) == (
        "offers",
        "sex",
        "F",
        3,
        1,
    )
    nobody = report(codes, np.arange(100), offered=np.zeros(100))
    assert [row.check for row in nobody.rows] == ["structure"]


def test_the_summary_holds_no_small_count():
    codes = np.zeros((100, 2), dtype=np.int64)
    codes[:4, 0] = 1
    offered = np.zeros(100)
    offered[:6:2] = 1
    summary = report(codes, np.arange(100), offered=offered).to_json()["summary"]
    assert len(summary) == 2
    assert "must not leave the secure environment" in summary[0]
    assert "by sex" in summary[1]
    assert not any(digit in " ".join(summary).replace("10", "") for digit in "0123456789")
    calm = report(np.zeros((100, 2), dtype=np.int64), np.arange(100)).to_json()["summary"]
    assert calm == [
        "At least 10 young people stand behind every part of every model and every group's offers."
    ]
