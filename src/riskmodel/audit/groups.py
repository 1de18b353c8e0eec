"""The groups an audit looks at: one attribute, or several looked at together. Unknown is a group of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskmodel.audit.spec import AuditSpec
from riskmodel.errors import StudyError, did_you_mean
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, IntArray, TextArray

TOGETHER = " x "


@dataclass(frozen=True)
class Grouping:
    """Every row's group under one attribute.

    Parameters
    ----------
    attribute : str
        Such as ``ethnicity``, or ``ethnicity x sex``.
    labels : tuple of tuples of str
        One per group, sorted; one value per attribute looked at together.
    code : ndarray of int64, shape (n,)
        Group of a row, from 0.
    """

    attribute: str
    labels: tuple[tuple[str, ...], ...]
    code: IntArray

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, such as ``Black`` or ``Black x F``."""
        return tuple(TOGETHER.join(label) for label in self.labels)

    def families(self) -> tuple[tuple[int, ...], ...]:
        """Return sets of groups that add up to something shown elsewhere: all of them, and each margin."""
        sets = [tuple(range(len(self.labels)))]
        if len(self.labels[0]) > 1:
            for part in range(len(self.labels[0])):
                values = sorted({label[part] for label in self.labels})
                sets += [
                    tuple(i for i, label in enumerate(self.labels) if label[part] == value)
                    for value in values
                ]
        return tuple(sets)


def groupings(attributes: AuditedAttributes, spec: AuditSpec) -> tuple[Grouping, ...]:
    """Return the groupings a study asks for, in its order, intersections last.

    Raises
    ------
    StudyError
        If an attribute was not prepared for this cohort.
    """
    wanted = [(name,) for name in spec.attributes] + list(spec.intersections)
    known = attributes.columns
    absent = sorted({name for names in wanted for name in names if name not in known})
    if absent:
        raise StudyError(
            [
                f"audit: there is no attribute '{name}' in these data; {did_you_mean(name, known)}"
                for name in absent
            ]
        )
    return tuple(_grouping(names, [known[name] for name in names]) for names in wanted)


def _grouping(names: tuple[str, ...], columns: list[TextArray]) -> Grouping:
    codes, values = [], []
    for column in columns:
        found, code = np.unique(column.astype(str), return_inverse=True)
        values.append(found)
        codes.append(code.reshape(-1))
    present, code = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
    labels = tuple(tuple(str(values[part][one]) for part, one in enumerate(row)) for row in present)
    return Grouping(TOGETHER.join(names), labels, code.reshape(-1).astype(np.int64))


class PeopleCounter:
    """Counts different people by group, quickly and for many conditions."""

    def __init__(self, grouping: Grouping, subject_id: IntArray) -> None:
        person = np.unique(subject_id, return_inverse=True)[1].reshape(-1)
        n_people = int(person.max()) + 1
        pairs, self._pair = np.unique(grouping.code * n_people + person, return_inverse=True)
        self._group_of_pair = pairs // n_people
        self._n_groups = len(grouping.labels)

    def count(self, rows: BoolArray) -> IntArray:
        """Return the number of different people with at least one of the rows, shape (groups,)."""
        met = np.zeros(len(self._group_of_pair), dtype=np.bool_)
        met[self._pair[rows]] = True
        return np.bincount(self._group_of_pair[met], minlength=self._n_groups)
