import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter, groupings
from riskmodel.audit.spec import AuditSpec
from riskmodel.tables.cohort import AuditedAttributes

ATTRIBUTES = AuditedAttributes(
    {
        "sex": np.array(["M", "F", "F", "M"]),
        "care": np.array(["yes", "no", "yes", "yes"]),
        "sen": np.array(["a", "b", "a", "a"]),
    }
)


def test_groups_are_sorted_and_intersections_come_last():
    sex, both = groupings(ATTRIBUTES, AuditSpec(attributes=("sex",), intersections=(("sex", "care"),)))
    assert (sex.attribute, sex.groups, sex.code.tolist()) == ("sex", ("F", "M"), [1, 0, 0, 1])
    assert (both.attribute, both.groups) == ("sex x care", ("F x no", "F x yes", "M x yes"))
    assert both.code.tolist() == [2, 0, 1, 2]


def test_three_together():
    (three,) = groupings(ATTRIBUTES, AuditSpec(attributes=(), intersections=(("sex", "care", "sen"),)))
    assert three.groups == ("F x no x b", "F x yes x a", "M x yes x a")


def test_families_are_everyone_and_the_margins():
    sex, both = groupings(ATTRIBUTES, AuditSpec(attributes=("sex",), intersections=(("sex", "care"),)))
    assert sex.families() == ((0, 1),)
    assert both.families() == ((0, 1, 2), (0, 1), (2,), (0,), (1, 2))


def test_people_are_counted_once_however_many_rows_they_have():
    grouping = Grouping("sex", (("F",), ("M",)), np.array([0, 0, 1, 1, 1]))
    counter = PeopleCounter(grouping, np.array([7, 7, 8, 9, 7]))
    assert counter.count(np.ones(5, dtype=bool)).tolist() == [1, 3]
    assert counter.count(np.array([True, True, False, True, False])).tolist() == [1, 1]
    assert counter.count(np.zeros(5, dtype=bool)).tolist() == [0, 0]
