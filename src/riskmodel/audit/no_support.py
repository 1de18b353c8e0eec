"""What the audit's rates would be if nobody had been offered new support after the index date.

Support keeps some young people safe, who then look as if they had not needed it (the treatment paradox; Coston and others 2020,
arXiv:1909.00066). So the first offer after the index date ends what a row says about a life without new support, and rows to which nothing
was offered also stand for those that were like them on the day before the offer (``offer_hazard``).

Every rate is then one more weighted sum over rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from riskmodel.audit.fairness import audit_fairness
from riskmodel.audit.groups import Grouping
from riskmodel.audit.histories import FollowUp, follow_up, stretches
from riskmodel.audit.label_bounds import PeopleBehind, TrueMetric, bounds_interval
from riskmodel.audit.offer_hazard import OfferHazard, design, fit_offers
from riskmodel.audit.recording import TRUE_METRICS, raw_metrics
from riskmodel.audit.release import hide
from riskmodel.audit.report import FairnessReport, Verdict
from riskmodel.audit.spec import Metric, NoSupportSpec
from riskmodel.audit.without_offers import (
    Balance,
    Effect,
    Overlap,
    Reason,
    Weighted,
    balance,
    everyone,
    overlaps,
)
from riskmodel.disclosure import Disclosure
from riskmodel.features.visible import select_events
from riskmodel.tables.cohort import AuditedAttributes, Cohort, FloatArray, Labels
from riskmodel.tables.records import EventLog
from riskmodel.validate.estimate import percentile_interval
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

Status = Literal["ok", "off", "no_dates", "no_offers", "insufficient"]
RowStatus = Literal["ok", "suppressed", "insufficient", "undefined"]
LIMITS = (
    "A reason for an offer that nobody wrote down is not in this, and a help that nobody recorded as an offer is not either.",
    (
        "Young people who were referred and offered nothing stand for those who were offered something. If they were offered nothing "
        "because they needed less, the change shown is too small."
    ),
    "Support offered before the index date is left as it was.",
)

_AIM = 0.96  # as for bounds: aimed at 95%, intervals of rare outcomes hold the truth a little less often
_STATEMENTS: tuple[tuple[Metric, TrueMetric], ...] = (
    ("tpr", "tpr"), ("fnr", "fnr"), ("fpr", "fpr"), ("ppv", "ppv"),
    ("calibration_intercept", "observed_to_expected"), ("calibration_slope", "observed_to_expected"),
)  # fmt: skip


@dataclass(frozen=True)
class NoSupportRow:
    """One metric of one group, as recorded and without new support.

    Parameters
    ----------
    attribute, group, metric : str
    recorded, without : float or None
    lower, upper : float or None
        95% interval of ``without``.
    change, change_lower, change_upper : float or None
        ``without`` less ``recorded``, with its interval: paired, over the same resamples.
    few : int
        Different people on the smaller side of the metric among those followed without new support, or those offered it if they are fewer.
    status : str
        ``ok``; ``suppressed`` (fewer people than the audit's smallest cell on a side); ``insufficient``; ``undefined``.
    reason : str or None
        Why it is insufficient.
    """

    attribute: str
    group: str
    metric: TrueMetric
    recorded: float | None
    without: float | None
    lower: float | None
    upper: float | None
    change: float | None
    change_lower: float | None
    change_upper: float | None
    few: int
    status: RowStatus
    reason: Reason | None


@dataclass(frozen=True)
class ChangedVerdict:
    """A statement of the fairness table, as recorded and without new support."""

    attribute: str
    group: str
    metric: Metric
    recorded: Verdict
    without: Verdict


@dataclass(frozen=True)
class NoSupportReport:
    """The audit's rates if nobody had been offered new support, or why they cannot be given.

    Parameters
    ----------
    status : str
        ``ok``; ``off`` (the study does not ask); ``no_dates`` (the data hold no dated events); ``no_offers`` (none in the data);
        ``insufficient``.
    family : str
    reason : str or None
        Why it is insufficient.
    groupings : tuple of Grouping
        That of everyone first.
    rows : tuple of NoSupportRow
    verdicts : tuple of ChangedVerdict
    overlap : tuple of Overlap
    balance : tuple of Balance
    effect : Effect or None
    rate_ratios : dict of str to float
        Of the model of offers.
    """

    status: Status
    family: str
    reason: Reason | None = None
    groupings: tuple[Grouping, ...] = ()
    rows: tuple[NoSupportRow, ...] = ()
    verdicts: tuple[ChangedVerdict, ...] = ()
    overlap: tuple[Overlap, ...] = ()
    balance: tuple[Balance, ...] = ()
    effect: Effect | None = None
    rate_ratios: dict[str, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return ``no_support.json``: exact, for the secure environment."""
        return {
            "status": self.status,
            "reason": self.reason,
            "family": self.family,
            "rows": [asdict(one) for one in self.rows],
            "verdicts": [asdict(one) for one in self.verdicts],
            "overlap": [asdict(one) for one in self.overlap],
            "balance": [asdict(one) for one in self.balance],
            "effect": None if self.effect is None else asdict(self.effect),
            "rate_ratios": self.rate_ratios,
            "limits": list(LIMITS),
        }

    def shown(self, metric: TrueMetric, disclosure: Disclosure) -> list[NoSupportRow]:
        """Return the rows of a metric that may leave: enough people behind each, and no other group's number follows from them."""
        size = {(one.attribute, one.group): one.n_subjects for one in self.overlap}
        found = {(one.attribute, one.group): one for one in self.rows if one.metric == metric}
        kept = []
        for grouping in self.groupings:
            own = [found[grouping.attribute, group] for group in grouping.groups]
            small = [one.status != "ok" or one.few < disclosure.threshold for one in own]
            hidden = hide(small, [size[one.attribute, one.group] for one in own], grouping.families())
            kept += [one for one, out in zip(own, hidden, strict=True) if not out]
        return kept


@dataclass(frozen=True)
class Followed:
    """The audited rows, what happened to them, and the records that say when support was offered; all aligned.

    Parameters
    ----------
    log : EventLog
    cohort : Cohort
    labels : Labels
    attributes : AuditedAttributes
    horizon : int
        Days in which the outcome is looked for.
    """

    log: EventLog
    cohort: Cohort
    labels: Labels
    attributes: AuditedAttributes
    horizon: int


def audit_no_support(
    followed: Followed,
    rows: ScoredRows,
    resamples: Resamples,
    fairness: FairnessReport,
    *,
    family: str,
    checks: int,
    seed: int = 0,
    threads: int = 2,
) -> NoSupportReport:
    """Ask what one model's audit would say if nobody had been offered new support after the index date.

    Parameters
    ----------
    followed : Followed
    rows : ScoredRows
        What the model says; the rows of the report.
    resamples : Resamples
        Of people, those of the report.
    fairness : FairnessReport
        Its groups, its statements, and the study's rules.
    family : str
    checks : int
        So many resamples serve the intervals of rates; statements take all.
    seed, threads : int
        As in ``audit_fairness``.
    """
    spec = fairness.spec
    if not len(select_events(followed.log, spec.no_support.offers).subject):
        return NoSupportReport("no_offers", family)
    follow = _follow_up(followed, spec.no_support)
    groupings = (everyone(len(rows)), *fairness.groupings)
    if len(np.unique(rows.subject_id[follow.offered])) < spec.no_support.minimum_offered:
        return NoSupportReport("insufficient", family, "few_offered", groupings)
    hazard = _hazard(followed, follow, rows, fairness)
    weighted = Weighted(rows, follow.offered, hazard, resamples.first(checks), threads=threads)
    overlap = [
        one
        for grouping in groupings
        for one in overlaps(weighted, grouping, spec.no_support, least=spec.minimum_outcomes)
    ]
    if overlap[0].reason is not None:
        return NoSupportReport("insufficient", family, overlap[0].reason, groupings, overlap=tuple(overlap))
    why = {(one.attribute, one.group): one for one in overlap}
    found = [one for grouping in groupings for one in _rows(weighted, grouping, why, cell=spec.minimum_cell)]
    # It takes the weights for known, which errs on the wide side.
    again = audit_fairness(
        {family: weighted.rows}, followed.attributes, resamples, spec, seed=seed, threads=threads
    )
    return NoSupportReport(
        "ok",
        family,
        groupings=groupings,
        rows=tuple(found),
        verdicts=tuple(_verdicts(fairness, again, found, family)),
        overlap=tuple(overlap),
        balance=tuple(balance(weighted, fairness.groupings, followed.cohort)),
        effect=weighted.effect(),
        rate_ratios=hazard.rate_ratios,
    )


def _follow_up(followed: Followed, spec: NoSupportSpec) -> FollowUp:
    return follow_up(
        followed.log, followed.cohort, followed.labels, offers=spec.offers, horizon=followed.horizon
    )


def _hazard(followed: Followed, follow: FollowUp, rows: ScoredRows, fairness: FairnessReport) -> OfferHazard:
    cut, offers = followed.horizon // 2, fairness.spec.no_support.offers
    cuts = stretches(followed.log, followed.cohort, follow, offers=offers, cut=cut)
    single = tuple(one for one in fairness.groupings if len(one.labels[0]) == 1)
    return fit_offers(design(cuts, followed.cohort, rows.raw, single, cut=cut), cuts, rows.weight)


def _columns(rows: ScoredRows) -> FloatArray:
    plain = np.column_stack(
        [np.ones(len(rows)), rows.offered, rows.outcome, rows.outcome * rows.offered, rows.risk]
    )
    found: FloatArray = plain * rows.weight[:, None]
    return found


def _rows(
    weighted: Weighted, grouping: Grouping, overlaps: dict[tuple[str, str], Overlap], *, cell: int
) -> Iterator[NoSupportRow]:
    before, after = weighted.sums(_columns(weighted.recorded), _columns(weighted.rows), grouping)
    recorded, without = raw_metrics(before), raw_metrics(after)
    few = PeopleBehind(weighted.rows, grouping).few
    for k, metric in enumerate(TRUE_METRICS):
        for g, group in enumerate(grouping.groups):
            own = overlaps[grouping.attribute, group]
            behind = min(int(few[g, k]), own.n_offered)
            yield _row(
                (grouping.attribute, group, metric),
                recorded[:, g, k],
                without[:, g, k],
                behind,
                own.reason,
                cell=cell,
            )


def _row(
    place: tuple[str, str, Any],
    recorded: FloatArray,
    without: FloatArray,
    few: int,
    reason: Reason | None,
    *,
    cell: int,
) -> NoSupportRow:
    change = without - recorded
    share = place[2] != "observed_to_expected"
    ends = (*bounds_interval(without, without, share=share), *_change_interval(change))
    nothing = (None,) * 7
    if reason is not None:
        return NoSupportRow(*place, *nothing, few, "insufficient", reason)
    if few < cell:
        return NoSupportRow(*place, *nothing, few, "suppressed", None)
    if not np.isfinite([recorded[0], without[0], *ends]).all():
        return NoSupportRow(*place, *nothing, few, "undefined", None)
    values = (float(recorded[0]), float(without[0]), ends[0], ends[1], float(change[0]), ends[2], ends[3])
    return NoSupportRow(*place, *values, few, "ok", None)


def _change_interval(change: FloatArray) -> tuple[float, float]:
    """Return the interval of a change: the tails of its resamples, or standard errors where these reach further, as ``bounds_interval`` does."""
    low, high = percentile_interval(change[1:], confidence=_AIM)
    if not np.isfinite([low, high]).all():
        return low, high
    reach = NormalDist().inv_cdf((1 + _AIM) / 2) * float(np.nanstd(change[1:]))
    return min(low, float(change[0]) - reach), max(high, float(change[0]) + reach)


def _verdicts(
    recorded: FairnessReport, without: FairnessReport, rows: Sequence[NoSupportRow], family: str
) -> Iterator[ChangedVerdict]:
    """Return each statement of the recorded audit beside the one without new support; insufficient where the rate is."""
    fine = {(one.attribute, one.group, one.metric) for one in rows if one.status == "ok"}
    again = {(one.attribute, one.group, one.metric): one.verdict for one in without.differences}
    needed = dict(_STATEMENTS)
    for one in recorded.differences:
        if one.model != family or one.metric not in needed:
            continue
        place = (one.attribute, one.group, one.metric)
        usable = (one.attribute, one.group, needed[one.metric]) in fine
        said: Verdict = again[place] if usable or again[place] == "none" else "insufficient"
        yield ChangedVerdict(*place, one.verdict, said)
