"""What each block of inputs does: the model beside the same family fitted again without the block.

A block is everything from one agency, everything that enforcement makes, or the few features that carry most of what gives
away an audited group (``proxies``). These last are also kept, and only what the groups explain of them is taken out (``residual``); that
would need everybody's group in service and is for comparison only. For both, the report also says how well the score alone tells that
group before and after, which is what they would be for. Everything is in pairs, on the same people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from riskmodel.audit.frontier import moved, public_rate
from riskmodel.audit.groups import Grouping, PeopleCounter, groupings
from riskmodel.audit.plans import Plan, enforcement_made
from riskmodel.audit.proxies import ProxyRow
from riskmodel.audit.residual import Residual
from riskmodel.audit.spec import AuditSpec
from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import UNKNOWN, AuditedAttributes
from riskmodel.tables.features import FeatureInfo
from riskmodel.validate.estimate import Estimate, ratio
from riskmodel.validate.metrics import Drawn, ScoredRows, draw_metrics
from riskmodel.validate.probe import influence, standard_error
from riskmodel.validate.resample import Resamples
from riskmodel.validate.spec import ValidateSpec

SHOWN = (
    "auroc",
    "precision_at_capacity",
    "recall_at_capacity",
    "calibration_intercept",
    "calibration_slope",
)
_Z95 = 1.959963984540054

Kind = Literal["agency", "enforcement", "carriers", "residual"]
_CARRIED: tuple[Kind, ...] = ("carriers", "residual")


@dataclass(frozen=True)
class Block:
    """Inputs that are left out together, or from which the same is taken.

    Parameters
    ----------
    kind : str
        ``agency``, ``enforcement``, ``carriers`` or ``residual`` (carriers that stay, without what the groups explain of them).
    what : str
        The agency, or the attribute that carriers give away; empty for enforcement.
    group : str or None
        The group that carriers tell best.
    features : tuple of str
    """

    kind: Kind
    what: str
    group: str | None
    features: tuple[str, ...]

    @property
    def name(self) -> str:
        """Kind and what, such as ``agency:EDU``."""
        return f"{self.kind}:{self.what}" if self.what else self.kind

    def changes(self, plan: Plan) -> Plan:
        """Return a plan of learning with this block changed."""
        if self.kind == "residual":
            return replace(plan, residual=Residual(self.what, self.features))
        return replace(plan, drop=self.features)


@dataclass(frozen=True)
class Selection:
    """How many of a group would be offered support, as it is and with the block changed.

    ``public`` is the change that may leave, from rounded counts; None where it may not. ``rows`` is rounded.
    """

    attribute: str
    group: str
    before: Estimate
    after: Estimate
    change: Estimate
    public: float | None
    rows: int | None


@dataclass(frozen=True)
class Told:
    """How well the score alone tells a group (AUROC; .5 is a guess), before and after; the interval is of the change."""

    before: float
    after: float
    lower: float
    upper: float


@dataclass(frozen=True)
class BlockResult:
    """What follows where a block is left out, or the groups' part is taken from it.

    Parameters
    ----------
    block : Block
    metrics, change : mapping of str to Estimate
        Every name of ``SHOWN`` with the block changed, and less the value as it is.
    offers_moved : float
        Share of offers that would go to somebody else.
    selection : tuple of Selection
        Every group of every single attribute.
    told : Told or None
        For carriers only, left out or residual.
    """

    block: Block
    metrics: Mapping[str, Estimate]
    change: Mapping[str, Estimate]
    offers_moved: float
    selection: tuple[Selection, ...]
    told: Told | None


@dataclass(frozen=True)
class InputAudit:
    """The selected family as it is, and with each block changed.

    Parameters
    ----------
    family : str
    as_is : mapping of str to Estimate
    blocks : tuple of BlockResult
    """

    family: str
    as_is: Mapping[str, Estimate]
    blocks: tuple[BlockResult, ...]

    def to_json(self) -> dict[str, Any]:
        """Return ``input_audit.json``: exact, for the secure environment."""
        return asdict(self)


def blocks_of(
    infos: Sequence[FeatureInfo], proxies: Sequence[ProxyRow | Mapping[str, Any]], *, carriers: int
) -> tuple[Block, ...]:
    """Return every block that can be left out, so that something is left to learn from, and every residual.

    Parameters
    ----------
    infos : sequence of FeatureInfo
    proxies : sequence of mappings
        Rows of ``proxies.json``.
    carriers : int
        Features of a group that are changed together; 0 changes none.
    """
    agencies = dict.fromkeys(info.agency for info in infos)
    found = [
        Block("agency", one, None, tuple(info.name for info in infos if info.agency == one))
        for one in agencies
    ]
    found.append(Block("enforcement", "", None, enforcement_made(infos)))
    told = [
        row
        for row in map(_as_mapping, proxies)
        if row["source"] == "features" and row["estimate"] is not None
    ]
    for attribute in dict.fromkeys(row["attribute"] for row in told) if carriers else ():
        every = [row for row in told if row["attribute"] == attribute]
        # Whose group nobody recorded is told by what else is missing: that is about records, not about a group.
        rows = [row for row in every if row["group"] != UNKNOWN] or every
        best = max(rows, key=lambda row: max(row["estimate"], 1 - row["estimate"]))
        names = tuple(one["feature"] for one in best["carriers"][:carriers])
        found += [Block(kind, attribute, best["group"], names) for kind in _CARRIED]
    most = {"residual": len(infos)}
    return tuple(one for one in found if 0 < len(one.features) <= most.get(one.kind, len(infos) - 1))


def _as_mapping(row: ProxyRow | Mapping[str, Any]) -> Mapping[str, Any]:
    return asdict(row) if isinstance(row, ProxyRow) else row


def audit_inputs(
    as_is: ScoredRows,
    changed: Mapping[Block, ScoredRows],
    attributes: AuditedAttributes,
    resamples: Resamples,
    *,
    family: str,
    audit: AuditSpec,
    validate: ValidateSpec,
    disclosure: Disclosure,
    threads: int = 2,
) -> InputAudit:
    """Lay the model beside each refit.

    Parameters
    ----------
    as_is : ScoredRows
    changed : mapping of Block to ScoredRows
        The same rows, scored with a block changed.
    attributes : AuditedAttributes
        Aligned with the rows.
    resamples : Resamples
        Of people, aligned with the rows.
    family : str
    audit : AuditSpec
        Single attributes are looked at.
    validate : ValidateSpec
    disclosure : Disclosure
        Decides what is marked as hidden.
    threads : int
        The result does not depend on it.

    Returns
    -------
    InputAudit
    """
    single = groupings(attributes, audit.model_copy(update={"intersections": ()}))
    before = draw_metrics(as_is, resamples, validate, threads=threads)
    results = []
    for block, rows in changed.items():
        after = draw_metrics(rows, resamples, validate, threads=threads)
        results.append(
            BlockResult(
                block,
                _estimates(after, rows),
                _estimates(after.less(before), rows),
                moved(as_is.offered, rows.offered),
                tuple(
                    found
                    for grouping in single
                    for found in _selection(as_is, rows, grouping, resamples, disclosure, threads=threads)
                ),
                _told(as_is, rows, block, single, least=audit.minimum_outcomes),
            )
        )
    return InputAudit(family, _estimates(before, as_is), tuple(results))


def _estimates(drawn: Drawn, rows: ScoredRows) -> dict[str, Estimate]:
    people = {"n_subjects": rows.n_subjects, "n_outcomes": rows.n_outcomes}
    return {name: Estimate.from_draws(drawn.points[name], drawn.draws[name], **people) for name in SHOWN}


def _selection(
    as_is: ScoredRows,
    rows: ScoredRows,
    grouping: Grouping,
    resamples: Resamples,
    disclosure: Disclosure,
    *,
    threads: int,
) -> list[Selection]:
    n_groups = len(grouping.labels)
    columns = np.column_stack([as_is.offered, rows.offered, np.ones(len(rows))])
    point = np.stack([columns[grouping.code == g].sum(axis=0) for g in range(n_groups)])
    draws = resamples.sums_by_group(columns, grouping.code, n_groups, threads=threads)
    rate, drawn = ratio(point[:, :2], point[:, 2:]), ratio(draws[..., :2], draws[..., 2:])
    counter = PeopleCounter(grouping, rows.subject_id)
    people, outcomes = (
        counter.count(np.ones(len(rows), dtype=np.bool_)),
        counter.count(rows.known & (rows.outcome == 1)),
    )
    found = []
    for g, group in enumerate(grouping.groups):
        of = {"n_subjects": int(people[g]), "n_outcomes": int(outcomes[g])}
        before, after = (Estimate.from_draws(float(rate[g, k]), drawn[:, g, k], **of) for k in (0, 1))
        change = Estimate.from_draws(float(rate[g, 1] - rate[g, 0]), drawn[:, g, 1] - drawn[:, g, 0], **of)
        member = grouping.code == g
        public = [public_rate(one, member, disclosure) for one in (as_is, rows)]
        shown = None if public[0] is None or public[1] is None else public[1] - public[0]
        rounded = disclosure.count(int(member.sum()))
        found.append(Selection(grouping.attribute, group, before, after, change, shown, rounded))
    return found


def _told(
    as_is: ScoredRows, rows: ScoredRows, block: Block, single: Sequence[Grouping], *, least: int
) -> Told | None:
    """Return how well both scores tell the group of a block of carriers, with DeLong's interval over people."""
    if block.group is None:
        return None
    grouping = next(one for one in single if one.attribute == block.what)
    member = grouping.code == grouping.groups.index(block.group)
    person = np.unique(rows.subject_id, return_inverse=True)[1].astype(np.int64)
    if min(len(np.unique(person[member])), len(np.unique(person[~member]))) < least:
        return None
    (before, moves), (after, moves_after) = (influence(one.raw, member, ~member) for one in (as_is, rows))
    reach = _Z95 * standard_error(moves_after - moves, person)
    return Told(before, after, after - before - reach, after - before + reach)
