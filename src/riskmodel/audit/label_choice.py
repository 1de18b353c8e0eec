"""What another choice of outcome would change: who is missed, who would be added, group by group.

The chosen outcome stands for a need that nobody can see whole. For every other outcome at hand the report says how
often it happens in each group, how many of those to whom it happened are offered support by the model as it is, and,
where offers ranked by a score for that outcome are given, how many would be added and how many would lose their offer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from riskmodel.audit.groups import Grouping, PeopleCounter, groupings
from riskmodel.audit.spec import AuditSpec
from riskmodel.tables.cohort import AuditedAttributes, FloatArray, IntArray, Labels
from riskmodel.validate.estimate import Estimate, Status, ratio
from riskmodel.validate.resample import Resamples

EVERYONE = "everyone"
METRICS = ("outcome_rate", "recall", "selection_rate", "added", "lost")


@dataclass(frozen=True)
class LabelChoiceRow:
    """One number about one outcome in one group.

    ``metric``: ``outcome_rate`` (share to whom it happened), ``recall`` (share of those who are offered support by the
    model as it is), ``selection_rate`` (share offered if offers were ranked by a score for this outcome), ``added`` and
    ``lost`` (share of the group who would gain or lose an offer).
    """

    outcome: str
    attribute: str
    group: str
    metric: str
    n_subjects: int
    n_outcomes: int
    estimate: float | None
    lower: float | None
    upper: float | None
    status: Status


@dataclass(frozen=True)
class LabelChoiceReport:
    """Every row, and the outcome that the study chose."""

    chosen: str
    rows: tuple[LabelChoiceRow, ...]
    words: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return ``label_bias.json``: ``chosen``, ``rows`` and ``summary`` in plain words."""
        return {"chosen": self.chosen, "rows": [asdict(row) for row in self.rows], "summary": self._summary()}

    def _summary(self) -> list[str]:
        whole = {
            (row.outcome, row.metric): row
            for row in self.rows
            if row.attribute == EVERYONE and row.estimate is not None
        }
        sentences = []
        for outcome in dict.fromkeys(row.outcome for row in self.rows):
            recall, added, offers = (
                whole.get((outcome, metric)) for metric in ("recall", "added", "selection_rate")
            )
            named = (
                f"this outcome: {self.words[outcome]}"
                if outcome in self.words
                else f"the outcome '{outcome}'"
            )
            if recall is not None and recall.estimate is not None:
                sentences.append(
                    f"Of 100 young people with {named}, the model's offers reach {_of_100(recall.estimate)}."
                )
            if added is not None and offers is not None and added.estimate is not None and offers.estimate:
                share = _of_100(added.estimate / offers.estimate)
                sentences.append(
                    f"If offers went by {named} instead, {share} of 100 offers would go to other young people."
                )
        return sentences


def label_choice(
    offered: FloatArray,
    outcomes: Mapping[str, Labels],
    alternative_offers: Mapping[str, FloatArray],
    attributes: AuditedAttributes,
    *,
    chosen: str,
    subject_id: IntArray,
    resamples: Resamples,
    spec: AuditSpec,
    words: Mapping[str, str] | None = None,
    threads: int = 2,
) -> LabelChoiceReport:
    """Compare the chosen outcome with every other.

    Parameters
    ----------
    offered : ndarray of float64, shape (n,)
        Chance of being offered support by the selected model.
    outcomes : mapping of name to Labels
        Test labels of the chosen outcome and of the alternatives, aligned with the rows.
    alternative_offers : mapping of name to ndarray, shape (n,)
        For some outcomes, the offers that a score for that outcome would lead to.
    attributes : AuditedAttributes
    chosen : str
    subject_id : ndarray of int64, shape (n,)
    resamples : Resamples
        Of people, aligned with the rows.
    spec : AuditSpec
    words : mapping of str to str, optional
        Plain words of each outcome, for the summary.
    threads : int
        The result does not depend on it.

    Returns
    -------
    LabelChoiceReport
        ``suppressed`` below the minimum cell, ``undefined`` where nobody had the outcome. Where offers are uncertain
        (ties), people who could be exchanged for each other are.
    """
    everyone = Grouping(EVERYONE, ((EVERYONE,),), np.zeros(len(offered), dtype=np.int64))
    measures = [
        _Measure(name, labels, metric, *columns)
        for name, labels in outcomes.items()
        for metric, columns in _columns(offered, labels, alternative_offers.get(name)).items()
    ]
    rows: list[LabelChoiceRow] = []
    for grouping in (everyone, *groupings(attributes, spec)):
        rows += _rows(
            measures,
            grouping,
            PeopleCounter(grouping, subject_id),
            resamples=resamples,
            spec=spec,
            threads=threads,
        )
    return LabelChoiceReport(chosen, tuple(rows), words or {})


@dataclass(frozen=True)
class _Measure:
    """One metric of one outcome: what it divides, row by row."""

    outcome: str
    labels: Labels
    metric: str
    top: FloatArray
    bottom: FloatArray


def _columns(
    offered: FloatArray, labels: Labels, alternative: FloatArray | None
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return numerator and denominator of each metric, row by row."""
    happened, one = labels.weight * labels.outcome, np.ones(len(offered))
    columns = {"outcome_rate": (happened, labels.weight), "recall": (happened * offered, happened)}
    if alternative is not None:
        columns["selection_rate"] = (alternative, one)
        columns["added"] = (np.maximum(alternative - offered, 0.0), one)
        columns["lost"] = (np.maximum(offered - alternative, 0.0), one)
    return columns


def _rows(
    measures: Sequence[_Measure],
    grouping: Grouping,
    counter: PeopleCounter,
    *,
    resamples: Resamples,
    spec: AuditSpec,
    threads: int,
) -> list[LabelChoiceRow]:
    n_groups = len(grouping.labels)
    stacked = np.column_stack([part for one in measures for part in (one.top, one.bottom)])
    total = np.stack([stacked[grouping.code == g].sum(axis=0) for g in range(n_groups)])
    drawn = resamples.sums_by_group(stacked, grouping.code, n_groups, threads=threads)
    values, draws = ratio(total[:, ::2], total[:, 1::2]), ratio(drawn[..., ::2], drawn[..., 1::2])
    everyone = counter.count(np.ones(len(stacked), dtype=np.bool_))
    rows = []
    for k, one in enumerate(measures):
        seen = one.labels.weight > 0
        with_outcome = counter.count(seen & (one.labels.outcome == 1))
        people = counter.count(seen) if one.metric in ("outcome_rate", "recall") else everyone
        basis = with_outcome if one.metric == "recall" else people
        for g, group in enumerate(grouping.groups):
            counts = {"n_subjects": int(people[g]), "n_outcomes": int(with_outcome[g])}
            if 0 < basis[g] < spec.minimum_cell:
                found = Estimate.without_value("suppressed", **counts)
            else:
                found = Estimate.from_draws(float(values[g, k]), draws[:, g, k], **counts)
            rows.append(LabelChoiceRow(one.outcome, grouping.attribute, group, one.metric, **found.to_json()))
    return rows


def _of_100(share: float) -> str:
    return "fewer than 1" if 0 < share < 0.005 else f"{100 * share:.0f}"
