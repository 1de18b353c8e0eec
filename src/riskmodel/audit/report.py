"""The fairness report: its rows, exact for the secure environment, and the form that may leave it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from riskmodel.audit.groups import Grouping
from riskmodel.audit.release import coarse_interval, hide, protect
from riskmodel.audit.spec import AuditSpec, Metric
from riskmodel.disclosure import Disclosure
from riskmodel.validate.estimate import Status

Verdict = Literal["within", "exceeds", "inconclusive", "insufficient", "none"]

RATES: tuple[Metric, ...] = ("selection_rate", "tpr", "fnr", "fpr", "ppv")


@dataclass(frozen=True)
class FairnessRow:
    """One metric of one model in one group: the row of ``fairness.json``."""

    model: str
    attribute: str
    group: str
    metric: Metric
    n_subjects: int | None
    n_outcomes: int | None
    estimate: float | None
    lower: float | None
    upper: float | None
    status: Status
    verdict: Verdict


@dataclass(frozen=True)
class Difference:
    """A group less everyone else, with the interval that the verdict is read from.

    ``detectable`` is the smallest true difference that would have been found to exceed the tolerance nine times in ten.
    """

    model: str
    attribute: str
    group: str
    metric: Metric
    estimate: float | None
    lower: float | None
    upper: float | None
    tolerance: float | None
    detectable: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Basis:
    """What a rate rests on: people and rows that count for it (``top``), against it (``rest``); None for calibration."""

    top_people: int
    rest_people: int
    top_rows: int
    rest_rows: int


@dataclass(frozen=True)
class FairnessReport:
    """Everything the audit found.

    Parameters
    ----------
    rows : tuple of FairnessRow
    differences : tuple of Difference
        One per row.
    bases : tuple of Basis
        One per row; they never leave except through ``public``.
    groupings : tuple of Grouping
    spec : AuditSpec
    """

    rows: tuple[FairnessRow, ...]
    differences: tuple[Difference, ...]
    bases: tuple[Basis, ...]
    groupings: tuple[Grouping, ...]
    spec: AuditSpec

    def to_json(self) -> dict[str, Any]:
        """Return ``fairness.json``: exact, for the secure environment."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "differences": [asdict(one) for one in self.differences],
            "method": self._method(),
        }

    def public(self, disclosure: Disclosure, *, selected: str | None = None) -> dict[str, Any]:
        """Return ``fairness.public.json``: rates from rounded counts, small cells hidden, coarse intervals.

        Parameters
        ----------
        disclosure : Disclosure
        selected : str, optional
            The model for which ``detectable_gaps`` is given.
        """
        return {
            "rows": [row for block in self._blocks() for row in self._release(block, disclosure)],
            "detectable_gaps": self._gaps(selected),
            "method": self._method(),
        }

    def _method(self) -> dict[str, Any]:
        return {
            "comparison": "each group with everyone else under the same attribute",
            "intervals": "95%, bootstrap over people; differences hold for all groups of an attribute at once (max-t)",
            "tolerance": self.spec.tolerance.model_dump(),
            "tolerance_chosen_by": self.spec.chosen_by,
            "minimum_cell": self.spec.minimum_cell,
            "minimum_outcomes": self.spec.minimum_outcomes,
            "minimum_people": self.spec.minimum_people,
        }

    def _blocks(self) -> list[tuple[Grouping, list[int]]]:
        """Return the rows of one model, attribute and metric together, in the order of the groups."""
        by_name = {one.attribute: one for one in self.groupings}
        blocks: dict[tuple[str, str, str], list[int]] = {}
        for i, row in enumerate(self.rows):
            blocks.setdefault((row.model, row.attribute, row.metric), []).append(i)
        return [(by_name[attribute], rows) for (_, attribute, _), rows in blocks.items()]

    def _release(self, block: tuple[Grouping, list[int]], disclosure: Disclosure) -> list[dict[str, Any]]:
        grouping, members = block
        families = grouping.families()
        rows, bases = [self.rows[i] for i in members], [self.bases[i] for i in members]
        sizes = [row.n_subjects or 0 for row in rows]
        people = protect(sizes, families, disclosure)
        outcomes = protect([row.n_outcomes or 0 for row in rows], families, disclosure)
        few = [
            None in (people[i], disclosure.count(basis.top_people), disclosure.count(basis.rest_people))
            for i, basis in enumerate(bases)
        ]
        hidden = hide(few, sizes, families)
        return [
            {
                **_public_row(rows[i], bases[i], disclosure, hidden=hidden[i]),
                "n_subjects": people[i],
                "n_outcomes": outcomes[i],
            }
            for i in range(len(rows))
        ]

    def _gaps(self, selected: str | None) -> list[dict[str, Any]]:
        gaps = []
        for grouping in self.groupings:
            found = [
                one.detectable
                for one in self.differences
                if (one.model, one.attribute, one.metric) == (selected, grouping.attribute, "fnr")
                and one.detectable is not None
            ]
            if found:
                gaps.append({"attribute": grouping.attribute, "metric": "fnr", "gap": round(max(found), 2)})
        return gaps


def _public_row(row: FairnessRow, basis: Basis, disclosure: Disclosure, *, hidden: bool) -> dict[str, Any]:
    record = asdict(row)
    numbers = dict.fromkeys(("estimate", "lower", "upper"))
    if row.estimate is None or row.lower is None or row.upper is None:
        return {**record, **numbers}
    if row.metric in RATES:
        value = disclosure.rate(basis.top_rows, basis.top_rows + basis.rest_rows)
    else:
        value = round(row.estimate, 2)
    if hidden or value is None:
        return {
            **record,
            **numbers,
            "status": "suppressed",
            "verdict": "insufficient" if row.verdict != "none" else "none",
        }
    lower, upper = coarse_interval(row.lower, value, row.upper)
    return {**record, "estimate": value, "lower": lower, "upper": upper}
