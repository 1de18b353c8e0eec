"""Points by name: which may be chosen, what they change, and what is said of those that do not exist."""

import numpy as np
import pytest

from riskmodel.audit.plans import (
    Plan,
    as_chosen,
    choice_faults,
    chosen_capacity,
    chosen_plan,
    selectable,
    without,
)
from riskmodel.audit.spec import AuditSpec, ChosenSpec, MitigationSpec
from riskmodel.errors import StudyError
from riskmodel.study import load_study, resolved_yaml
from riskmodel.tables.features import FeatureInfo, FeatureMatrix

WHO = {"by": "the ethics board", "reason": "It misses fewer of the group that is worst off."}


def spec(point=None, **mitigation):
    chosen = None if point is None else ChosenSpec(point=point, **WHO)
    return AuditSpec(mitigation=MitigationSpec(chosen=chosen, **mitigation))


def matrix(*made):
    infos = tuple(
        FeatureInfo(f"f{j}", "d", "c", "A", "times", 0, "count", "365d", (), enforcement_made=one)
        for j, one in enumerate(made)
    )
    return FeatureMatrix(np.arange(2.0 * len(made), dtype=np.float32).reshape(2, -1), infos)


def test_what_may_be_chosen():
    assert selectable(spec(), ("victim",)) == (
        "as_is", "reweighing", "without_enforcement", "label:victim", "capacity:0.02", "capacity:0.03", "capacity:0.05",
    )  # fmt: skip
    nobody = AuditSpec(attributes=(), intersections=())
    assert "reweighing" not in selectable(nobody, ())


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ("reweihing", "did you mean reweighing?"),
        ("label:victm", "did you mean label:victim?"),
        ("capacity:0.04", "did you mean capacity:0.0"),
        ("thresholds_by_group", "need legal advice (Equality Act 2010)"),
        ("exponentiated_gradient", "no one explanation holds"),
        ("residual:ethnicity", "need everybody's group each time somebody is scored"),
        ("residual:ethnicity", "legal advice (Equality Act 2010)"),
    ],
)
def test_a_point_that_cannot_be_chosen_is_refused_with_the_reason_or_the_nearest_name(point, words):
    (fault,) = choice_faults(spec(point), ("victim",))
    assert point in fault
    assert words in fault


def test_a_point_that_can_be_chosen_is_not_refused():
    for point in selectable(spec(), ("victim",)):
        assert choice_faults(spec(point), ("victim",)) == []


def test_what_a_choice_changes_in_learning():
    assert chosen_plan(spec()) == chosen_plan(spec("as_is")) == chosen_plan(spec("capacity:0.03")) == Plan()
    assert chosen_plan(spec("reweighing")) == Plan(reweigh="ethnicity")
    assert chosen_plan(spec("reweighing", attribute="sex")) == Plan(reweigh="sex")
    assert chosen_plan(spec("label:victim")) == Plan(label="victim")
    assert chosen_capacity(spec("capacity:0.03")) == 0.03
    assert chosen_capacity(spec("reweighing")) is None


def test_enforcement_made_inputs_leave_only_when_chosen():
    features = matrix(True, False, True)
    assert as_chosen(features, spec()) is features
    kept = as_chosen(features, spec("without_enforcement"))
    assert kept.names == ("f1",)
    assert kept.values.tolist() == [[1.0], [4.0]]


@pytest.mark.parametrize(
    ("features", "found"), [(matrix(False, False), "none"), (matrix(True), "nothing else")]
)
def test_there_must_be_something_to_leave_out_and_something_to_keep(features, found):
    with pytest.raises(StudyError, match=f"there is {found} among the features"):
        as_chosen(features, spec("without_enforcement"))


def test_nothing_dropped_is_the_matrix_itself():
    features = matrix(False)
    assert without(features, ()) is features


def chosen(point, *more):
    written = f"{{point: '{point}', by: the ethics board, reason: It misses fewer of the group worst off.}}"
    return load_study(None, settings=[f"audit.mitigation.chosen={written}", *more])


def test_a_study_that_chooses_a_capacity_has_it():
    study = chosen("capacity:0.05")
    assert study.capacity.share == 0.05
    assert "share: 0.05" in resolved_yaml(study)
    assert chosen("reweighing").capacity.share == 0.02


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("reweihing",), "did you mean reweighing"),
        (("label:harm",), "did you mean label:harm_health"),
        (("reweighing", "models.uncertainty.method=bagged"), "use monotone"),
        (("label:victim", "split.design=rolling_origin"), "under a rolling origin"),
    ],
)
def test_a_study_with_a_wrong_choice_is_refused(settings, words):
    with pytest.raises(StudyError) as caught:
        chosen(*settings)
    assert words in "\n".join(caught.value.faults)


def test_an_attribute_to_mitigate_must_be_audited():
    with pytest.raises(StudyError) as caught:
        load_study(None, settings=["audit.mitigation.attribute=ethnicty"])
    assert "did you mean ethnicity" in "\n".join(caught.value.faults)


def test_a_choice_names_its_chooser_and_a_reason():
    with pytest.raises(StudyError) as caught:
        load_study(None, settings=["audit.mitigation.chosen={point: reweighing}"])
    faults = "\n".join(caught.value.faults)
    assert "audit.mitigation.chosen.by" in faults
    assert "audit.mitigation.chosen.reason" in faults
