"""Whether a model's file or its offers could give away facts about few people.

Structural checks only, after the tools that clear models from secure environments (SACRO-ML): every bin of an
EBM, every pattern of a logistic model's indicators and every leaf of a tree was filled by somebody; where few people
did, the number stored there is nearly theirs. Attacks by a trained adversary are not simulated here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from riskmodel.audit.groups import PeopleCounter, groupings
from riskmodel.audit.spec import AuditSpec
from riskmodel.audit.words import attribute_words
from riskmodel.tables.cohort import AuditedAttributes, FloatArray, IntArray

Check = Literal["structure", "offers"]
Verdict = Literal["enough", "too_few"]


@dataclass(frozen=True)
class Structure:
    """The places of a model that training rows fell into.

    Parameters
    ----------
    model : str
        Family.
    kind : str
        What a place is: ``bin``, ``pattern``, ``leaf``.
    names : tuple of str, length m
        One per part, such as a feature (bins) or a tree (leaves).
    codes : ndarray of int64, shape (n, m)
        The place of each training row in each part, from 0.
    """

    model: str
    kind: str
    names: tuple[str, ...]
    codes: IntArray


@dataclass(frozen=True)
class PrivacyRow:
    """The smallest number of people behind anything of one kind.

    ``check`` is ``structure`` (a place in a model) or ``offers`` (people offered support in one group);
    ``where`` names the smallest; ``n_below`` counts places with fewer people than the threshold.
    """

    check: Check
    model: str
    kind: str
    where: str
    smallest: int
    n_below: int
    n_places: int
    verdict: Verdict


@dataclass(frozen=True)
class PrivacyReport:
    """Every check."""

    rows: tuple[PrivacyRow, ...]
    threshold: int

    def to_json(self) -> dict[str, Any]:
        """Return ``privacy.json``: exact, for the secure environment; ``summary`` holds no small count."""
        return {
            "threshold": self.threshold,
            "rows": [asdict(row) for row in self.rows],
            "summary": self._summary(),
        }

    def _summary(self) -> list[str]:
        sentences = [
            f"The {row.model} model holds places (each a {row.kind}) that fewer than {self.threshold} young people filled: "
            f"its file must not leave the secure environment."
            for row in self.rows
            if row.check == "structure" and row.verdict == "too_few"
        ]
        small = sorted({row.kind for row in self.rows if row.check == "offers" and row.verdict == "too_few"})
        if small:
            sentences.append(
                f"In some groups by {', by '.join(map(attribute_words, small))}, few young people are offered support; numbers "
                "about so few are hidden on this page."
            )
        return sentences or [
            f"At least {self.threshold} young people stand behind every part of every model and every group's offers."
        ]


def privacy(
    structures: Sequence[Structure],
    offered: Mapping[str, FloatArray],
    attributes: AuditedAttributes,
    *,
    training_subject_id: IntArray,
    subject_id: IntArray,
    spec: AuditSpec,
) -> PrivacyReport:
    """Count the people behind the parts of models and behind the offers of each group.

    Parameters
    ----------
    structures : sequence of Structure
        Rows aligned with ``training_subject_id``.
    offered : mapping of family to ndarray, shape (n,)
    attributes : AuditedAttributes
        Aligned with the offers.
    training_subject_id, subject_id : ndarray of int64
        The person of each training row, and of each row with offers.
    spec : AuditSpec
        ``minimum_cell`` is the threshold.

    Returns
    -------
    PrivacyReport
        A group without any offer is not small: there is nobody to find.
    """
    rows = [_structure_row(one, training_subject_id, spec.minimum_cell) for one in structures]
    for grouping in groupings(attributes, spec):
        counter = PeopleCounter(grouping, subject_id)
        for family, chance in offered.items():
            people = counter.count(chance > 0)
            filled = np.flatnonzero(people > 0)
            if len(filled):
                names = [grouping.groups[g] for g in filled]
                rows.append(
                    _row(("offers", family, grouping.attribute), names, people[filled], spec.minimum_cell)
                )
    return PrivacyReport(tuple(rows), spec.minimum_cell)


def _structure_row(structure: Structure, subject_id: IntArray, threshold: int) -> PrivacyRow:
    names: list[str] = []
    people: list[int] = []
    for name, codes in zip(structure.names, structure.codes.T, strict=True):
        for place, count in _people_by_place(codes, subject_id, threshold).items():
            names.append(f"{name}: {structure.kind} {place}")
            people.append(count)
    return _row(("structure", structure.model, structure.kind), names, np.array(people), threshold)


def _people_by_place(codes: IntArray, subject_id: IntArray, threshold: int) -> dict[int, int]:
    """Return the people in every filled place; a place with very many rows is given its rows divided by the most of one."""
    rows = np.bincount(codes)
    most = int(np.unique(subject_id, return_counts=True)[1].max())
    people = {}
    for place in np.flatnonzero(rows):
        few = rows[place] < threshold * most
        people[int(place)] = len(np.unique(subject_id[codes == place])) if few else int(rows[place] // most)
    return people


def _row(place: tuple[Check, str, str], names: Sequence[str], people: IntArray, threshold: int) -> PrivacyRow:
    smallest, below = int(people.argmin()), int((people < threshold).sum())
    verdict: Verdict = "too_few" if below else "enough"
    return PrivacyRow(*place, names[smallest], int(people[smallest]), below, len(people), verdict)
