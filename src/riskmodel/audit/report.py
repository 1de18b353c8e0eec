"""The fairness report: its rows, exact for the secure environment, and the form that may leave it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from riskmodel.audit.groups import Grouping
from riskmodel.audit.pooling import PooledRate
from riskmodel.audit.release import coarse_interval, hide, protect
from riskmodel.audit.spec import AuditSpec, Metric
from riskmodel.audit.unknown import UnknownBounds
from riskmodel.disclosure import Disclosure
from riskmodel.validate.estimate import Status

Verdict = Literal["within", "exceeds", "inconclusive", "insufficient", "none"]

# Why a number is hidden: too few people behind it, or another group's number would follow from it.
Hidden = Literal["few", "protects"]

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
    unknown : tuple of UnknownBounds
        For every verdict about a rate, where an attribute was not recorded for some.
    pooled : tuple of PooledRate
        Groups of several attributes.
    """

    rows: tuple[FairnessRow, ...]
    differences: tuple[Difference, ...]
    bases: tuple[Basis, ...]
    groupings: tuple[Grouping, ...]
    spec: AuditSpec
    unknown: tuple[UnknownBounds, ...] = ()
    pooled: tuple[PooledRate, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return ``fairness.json``: exact, for the secure environment."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "differences": [asdict(one) for one in self.differences],
            "unknown": [asdict(one) for one in self.unknown],
            "pooled": [asdict(one) for one in self.pooled],
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
        rows = [row for block in self._blocks() for row in self._release(block, disclosure)]
        return {
            "rows": rows,
            "groups": [row for one in self.groupings for row in self._groups(one, disclosure)],
            "detectable_gaps": self._gaps(selected, rows),
            "hidden_exceeds": self._hidden_exceeds(selected, rows),
            "unknown": self._unknown(selected, rows),
            "method": self._method(),
        }

    def _method(self) -> dict[str, Any]:
        return {
            "comparison": "each group with everyone else under the same attribute",
            "intervals": "95%, bootstrap over people; differences hold for all statements about a model at once (max-t)",
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
            None in map(disclosure.count, (size, basis.top_people, basis.rest_people))
            for size, basis in zip(sizes, bases, strict=True)
        ]
        hidden = hide(
            [small or shown is None for small, shown in zip(few, people, strict=True)], sizes, families
        )
        return [
            {
                **_public_row(rows[i], bases[i], disclosure, hidden=_why(few=few[i], hidden=hidden[i])),
                "direction": None,
                "n_subjects": people[i],
                "n_outcomes": outcomes[i],
            }
            | self._direction(members[i], hidden=hidden[i])
            for i in range(len(rows))
        ]

    def _direction(self, i: int, *, hidden: bool) -> dict[str, str]:
        """Return on which side of everyone else a group lies, where it is shown and larger than the tolerance."""
        found = self.differences[i]
        if hidden or found.verdict != "exceeds" or found.estimate is None:
            return {}
        return {"direction": "above" if found.estimate > 0 else "below"}

    def _groups(self, grouping: Grouping, disclosure: Disclosure) -> list[dict[str, Any]]:
        """Return each group's people, and the share of its rows with the outcome; the same for every model."""
        found = {
            (row.group, row.metric): (row, basis)
            for row, basis in reversed(list(zip(self.rows, self.bases, strict=True)))
            if row.attribute == grouping.attribute
        }
        if not found:
            return []
        rows = [found[group, "selection_rate"][0] for group in grouping.groups]
        families, sizes = grouping.families(), [row.n_subjects or 0 for row in rows]
        people = protect(sizes, families, disclosure)
        outcomes = protect([row.n_outcomes or 0 for row in rows], families, disclosure)
        rates = [
            _outcome_rate(found[group, "fnr"][1], found[group, "fpr"][1], disclosure)
            for group in grouping.groups
        ]
        few = [
            rate is None or disclosure.count(size) is None for rate, size in zip(rates, sizes, strict=True)
        ]
        hidden = hide(
            [few[i] or people[i] is None or outcomes[i] is None for i in range(len(rows))], sizes, families
        )
        return [
            {
                "attribute": grouping.attribute,
                "group": row.group,
                "n_subjects": people[i],
                "outcome_rate": None if hidden[i] else rates[i],
                "hidden": _why(few=few[i], hidden=hidden[i]),
            }
            for i, row in enumerate(rows)
        ]

    def _gaps(self, selected: str | None, public: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [] if selected is None else [self._gap(selected, one, public) for one in self.groupings]

    def _gap(self, selected: str, grouping: Grouping, public: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the gaps in who is missed that would have been found, for the groups measured worst and best.

        The width says something about the rate itself: a group whose rate is hidden is not named, and where all are
        hidden one number stands for them, rounded up to the next 5 of 100.
        """
        place = (selected, grouping.attribute, "fnr")
        found = {
            one.group: one.detectable
            for one in self.differences
            if (one.model, one.attribute, one.metric) == place and one.detectable is not None
        }
        shown = {
            row["group"]
            for row in public
            if (row["model"], row["attribute"], row["metric"]) == place and row["estimate"] is not None
        }
        named = sorted((round(gap, 2), group) for group, gap in found.items() if group in shown)
        (smallest, best), (gap, worst) = (named[0], named[-1]) if named else ((None, None), (None, None))
        if found and not named:
            gap = math.ceil(20 * max(found.values())) / 20
        return {
            "attribute": grouping.attribute,
            "metric": "fnr",
            "gap": gap,
            "group": worst,
            "smallest": smallest,
            "smallest_group": best,
            "n_judged": len(found),
            "n_groups": len(grouping.groups),
        }

    def _unknown(self, selected: str | None, public: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return, by attribute, how many of the selected model's shown verdicts might not stand; tpr mirrors fnr."""
        shown = {(row["attribute"], row["group"], row["metric"]): row["verdict"] for row in public
                 if row["model"] == selected and row["estimate"] is not None}  # fmt: skip
        found: dict[str, list[bool]] = {}
        for one in self.unknown:
            place = (one.attribute, one.group, one.metric)
            if one.model == selected and one.metric != "tpr" and shown.get(place) in ("within", "exceeds"):
                found.setdefault(one.attribute, []).append(one.verdict == "could_change")
        return [
            {"attribute": name, "verdicts": len(some), "could_change": sum(some)}
            for name, some in found.items()
        ]

    def _hidden_exceeds(self, selected: str | None, public: Sequence[Mapping[str, Any]]) -> int | None:
        """Return how many differences of the selected model exceed the tolerance and cannot be shown; tpr mirrors fnr."""
        if selected is None:
            return None
        exact = {(one.attribute, one.group, one.metric) for one in self.differences
                 if one.model == selected and one.verdict == "exceeds" and one.metric != "tpr"}  # fmt: skip
        shown = {(row["attribute"], row["group"], row["metric"]) for row in public
                 if row["model"] == selected and row["verdict"] == "exceeds"}  # fmt: skip
        return len(exact - shown)


def _why(*, few: bool, hidden: bool) -> Hidden | None:
    if not hidden:
        return None
    return "few" if few else "protects"


def _outcome_rate(with_outcome: Basis, without: Basis, disclosure: Disclosure) -> float | None:
    happened, others = (one.top_rows + one.rest_rows for one in (with_outcome, without))
    return disclosure.rate(happened, happened + others)


def _public_row(
    row: FairnessRow, basis: Basis, disclosure: Disclosure, *, hidden: Hidden | None
) -> dict[str, Any]:
    record = {**asdict(row), "hidden": hidden}
    numbers = dict.fromkeys(("estimate", "lower", "upper"))
    if row.estimate is None or row.lower is None or row.upper is None:
        few = row.status == "suppressed"
        return {**record, **numbers, "hidden": (hidden or "few") if few else None}
    if row.metric in RATES:
        value = disclosure.rate(basis.top_rows, basis.top_rows + basis.rest_rows)
    else:
        value = round(row.estimate, 2)
    if hidden or value is None:
        return {
            **record,
            **numbers,
            "hidden": hidden or "few",
            "status": "suppressed",
            "verdict": "insufficient" if row.verdict != "none" else "none",
        }
    lower, upper = coarse_interval(row.lower, value, row.upper)
    return {**record, "estimate": value, "lower": lower, "upper": upper}
