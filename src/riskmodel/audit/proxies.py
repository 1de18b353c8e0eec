"""Whether the records, or the score alone, give away a group that the model is never told.

Features and score are put to a small cross-fitted probe (``validate.probe``), grouped by household. .5 is guessing. A
group that can be told from the features is no fault in itself; a score that gives it away means that the groups
are scored differently, whether with cause or not. The probe is linear in ranks: it finds at least this much.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter, groupings
from riskmodel.audit.spec import AuditSpec
from riskmodel.audit.words import attribute_words, group_words
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate.estimate import Status
from riskmodel.validate.folds import grouped_folds
from riskmodel.validate.probe import RankDesign, auroc_interval, crossfit, separation, solve

Source = Literal["features", "score"]

_TOP = 5
# Above this a person would say that the group can be told: 3 of 4 comparisons right.
_TELLING = 0.75


@dataclass(frozen=True)
class Carrier:
    """A feature, and its share of what the probe found about a group."""

    feature: str
    share: float


@dataclass(frozen=True)
class ProxyRow:
    """How well one group can be told from everyone else.

    ``source`` is ``features`` or ``score``; ``estimate`` the AUROC with its 95% interval (Hanley and McNeil 1982, over
    people); ``carriers`` the five features that carry most of it, none for the score.
    """

    attribute: str
    group: str
    source: Source
    n_subjects: int
    estimate: float | None
    lower: float | None
    upper: float | None
    status: Status
    carriers: tuple[Carrier, ...]


@dataclass(frozen=True)
class ProxyReport:
    """Every group of every single attribute, from the features and from the score."""

    rows: tuple[ProxyRow, ...]

    def to_json(self) -> dict[str, Any]:
        """Return ``proxies.json``: ``rows`` and ``summary`` in plain words."""
        return {
            "rows": [{**asdict(row), "carriers": [asdict(c) for c in row.carriers]} for row in self.rows],
            "summary": self._summary(),
        }

    def _summary(self) -> list[str]:
        return [self._sentence("features", "the records"), self._sentence("score", "the estimate alone")]

    def _sentence(self, source: Source, words: str) -> str:
        told: dict[str, list[str]] = {}
        for row in self.rows:
            if row.source == source and row.estimate is not None and _telling(row.estimate):
                told.setdefault(row.attribute, []).append(group_words(row.attribute, row.group))
        if not told:
            return (
                f"Of two young people, one from a group and one not, {words} would not show which is which three times "
                "in four, for any group looked at."
            )
        named = "; by ".join(f"{attribute_words(name)}: {', '.join(groups)}" for name, groups in told.items())
        return (
            f"Of two young people, one from a group and one not, {words} would show which is which at least three times "
            f"in four (a guess: two in four), for these groups. By {named}."
        )


def proxies(
    features: FeatureMatrix,
    score: FloatArray,
    attributes: AuditedAttributes,
    *,
    household_id: IntArray,
    subject_id: IntArray,
    spec: AuditSpec,
    folds: int = 5,
    seed: int = 0,
) -> ProxyReport:
    """Ask how well each audited group can be predicted.

    Parameters
    ----------
    features : FeatureMatrix
        n rows, as the selected model sees them.
    score : ndarray of float64, shape (n,)
    attributes : AuditedAttributes
    household_id, subject_id : ndarray of int64, shape (n,)
        No household or person is in two folds of the probe.
    spec : AuditSpec
        Single attributes only; a group with fewer than ``minimum_outcomes`` people, inside or outside, is suppressed.
    folds, seed : int

    Returns
    -------
    ProxyReport
    """
    single = groupings(attributes, spec.model_copy(update={"intersections": ()}))
    if not single:
        return ProxyReport(())
    design = RankDesign.of(features)
    targets = np.concatenate([_members(grouping) for grouping in single], axis=1)
    fold = grouped_folds(household_id, subject_id, folds=folds, seed=seed)
    guesses = crossfit(design.values, targets, fold)
    gram = design.values.T @ design.values
    coefficients = solve(gram, design.values.T @ (targets - targets.mean(axis=0)))
    groups = [(grouping, g) for grouping in single for g in range(len(grouping.labels))]
    counts = {
        one.attribute: PeopleCounter(one, subject_id).count(np.ones(len(score), dtype=np.bool_))
        for one in single
    }
    rows: list[ProxyRow] = []
    for column, (grouping, g) in enumerate(groups):
        inside = int(counts[grouping.attribute][g])
        one = _Group(
            grouping.attribute,
            grouping.groups[g],
            grouping.code == g,
            inside,
            int(counts[grouping.attribute].sum()) - inside,
        )
        rows.append(
            one.row(
                "features",
                guesses[:, column],
                spec,
                _carriers(features.names, design.feature, gram, coefficients[:, column]),
            )
        )
        rows.append(one.row("score", score, spec, ()))
    return ProxyReport(tuple(rows))


def _members(grouping: Grouping) -> FloatArray:
    return np.eye(len(grouping.labels))[grouping.code]


@dataclass(frozen=True)
class _Group:
    """One group, who is in it, and how many people are inside and outside."""

    attribute: str
    group: str
    member: BoolArray
    inside: int
    outside: int

    def row(
        self, source: Source, values: FloatArray, spec: AuditSpec, carriers: tuple[Carrier, ...]
    ) -> ProxyRow:
        """Measure how well values separate the group from everyone else."""
        place = (self.attribute, self.group, source, self.inside)
        least = min(self.inside, self.outside)
        if least < spec.minimum_outcomes:
            return ProxyRow(*place, None, None, None, "suppressed" if least else "undefined", ())
        auroc = separation(values, self.member)
        return ProxyRow(*place, auroc, *auroc_interval(auroc, self.inside, self.outside), "ok", carriers)


def _carriers(
    names: tuple[str, ...], feature: IntArray, gram: FloatArray, coefficients: FloatArray
) -> tuple[Carrier, ...]:
    """Return each feature's part in the variance of the fitted values (Pratt 1987), largest first."""
    with_fitted = gram @ coefficients
    total = float(coefficients @ with_fitted)
    if total <= 0:
        return ()
    by_feature = np.bincount(feature, weights=coefficients * with_fitted / total, minlength=len(names))
    order = np.argsort(-by_feature, kind="stable")[:_TOP]
    return tuple(Carrier(names[j], float(by_feature[j])) for j in order if by_feature[j] > 0)


def _telling(auroc: float) -> bool:
    return max(auroc, 1 - auroc) >= _TELLING
