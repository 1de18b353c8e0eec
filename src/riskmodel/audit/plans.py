"""The points of the frontier by name: how a model could learn, or offers be made, instead of as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riskmodel.audit.residual import Residual
from riskmodel.audit.spec import AuditSpec
from riskmodel.errors import StudyError, did_you_mean
from riskmodel.tables.features import FeatureInfo, FeatureMatrix

AS_IS = "as_is"
REWEIGHING = "reweighing"
WITHOUT_ENFORCEMENT = "without_enforcement"
EXPONENTIATED_GRADIENT = "exponentiated_gradient"
THRESHOLDS = "thresholds_by_group"
LABEL, CAPACITY, RESIDUAL = "label:", "capacity:", "residual:"

NEVER = {
    THRESHOLDS: "thresholds by group treat people by their group and need legal advice (Equality Act 2010)",
    EXPONENTIATED_GRADIENT: "it draws lots among several models, so that no one explanation holds",
    RESIDUAL: (
        "it would need everybody's group each time somebody is scored, which this package does not allow, and treating people by "
        "their group needs legal advice (Equality Act 2010)"
    ),
}
"""What is shown and cannot be chosen, and why; what ends in a colon goes before a name."""


@dataclass(frozen=True)
class Plan:
    """How a model learns where it does not learn as it is.

    Parameters
    ----------
    reweigh : str, optional
        Attribute from which the outcome is made independent by weights.
    label : str, optional
        Outcome to learn from. The model is calibrated and judged by the study's own outcome all the same.
    drop : tuple of str
        Features that are left out.
    residual : Residual, optional
        Features that stay, without what an attribute's groups explain of them.
    """

    reweigh: str | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()
    residual: Residual | None = None


def chosen_point(spec: AuditSpec) -> str:
    """Return the point that people chose; ``as_is`` where they chose none."""
    return AS_IS if spec.mitigation.chosen is None else spec.mitigation.chosen.point


def chosen_plan(spec: AuditSpec) -> Plan:
    """Return how ``train`` learns; features that people chose to leave out are gone before."""
    point = chosen_point(spec)
    label = point.removeprefix(LABEL) if point.startswith(LABEL) else None
    return Plan(reweigh=spec.mitigated if point == REWEIGHING else None, label=label)


def chosen_capacity(spec: AuditSpec) -> float | None:
    """Return the share of offers that people chose; None where they left it."""
    point = chosen_point(spec)
    return float(point.removeprefix(CAPACITY)) if point.startswith(CAPACITY) else None


def selectable(spec: AuditSpec, outcomes: Sequence[str]) -> tuple[str, ...]:
    """Return the points that may be chosen, given the outcomes to learn from instead."""
    groups = () if spec.mitigated is None else (REWEIGHING,)
    labels = (f"{LABEL}{name}" for name in outcomes)
    capacities = (f"{CAPACITY}{share:g}" for share in spec.mitigation.capacities)
    return (AS_IS, *groups, WITHOUT_ENFORCEMENT, *labels, *capacities)


def choice_faults(spec: AuditSpec, outcomes: Sequence[str]) -> list[str]:
    """Return what is wrong with the point that people chose, with the nearest valid names."""
    point, valid = chosen_point(spec), selectable(spec, outcomes)
    kind = RESIDUAL if point.startswith(RESIDUAL) else point
    if kind in NEVER:
        return [f"audit.mitigation.chosen.point: '{point}' cannot be chosen: {NEVER[kind]}"]
    if point not in valid:
        return [f"audit.mitigation.chosen.point: there is no point '{point}'; {did_you_mean(point, valid)}"]
    return []


def enforcement_made(infos: Sequence[FeatureInfo]) -> tuple[str, ...]:
    """Return the names of features that are made by enforcement."""
    return tuple(info.name for info in infos if info.enforcement_made)


def without(features: FeatureMatrix, dropped: Sequence[str]) -> FeatureMatrix:
    """Return the features that are not dropped; itself if none is."""
    if not dropped:
        return features
    return features.select(tuple(name for name in features.names if name not in set(dropped)))


def as_chosen(features: FeatureMatrix, spec: AuditSpec) -> FeatureMatrix:
    """Return the features without those that people chose to leave out.

    Raises
    ------
    StudyError
        If they chose to leave out enforcement-made features and there is none, or nothing else.
    """
    if chosen_point(spec) != WITHOUT_ENFORCEMENT:
        return features
    dropped = enforcement_made(features.infos)
    if len(dropped) in (0, len(features.infos)):
        found = "none" if not dropped else "nothing else"
        raise StudyError(
            [
                (
                    f"audit.mitigation.chosen.point: '{WITHOUT_ENFORCEMENT}' leaves out enforcement-made features, and there is "
                    f"{found} among the features of this study; choose another point, or {AS_IS}"
                )
            ]
        )
    return without(features, dropped)
