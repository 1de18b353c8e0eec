"""Made-up young people whose lives with and without support are both known.

Day by day: trouble comes, more often to some; it is on record. For four weeks after it, support may be offered, in one group twice as often
as in the other. For two months after it, harm is more likely, and support makes it less likely from the next day on. So what leads to an
offer leads to harm as well, and most of it comes after the index date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy.special import expit

from riskmodel.audit import Followed, NoSupportReport, audit_fairness, audit_no_support
from riskmodel.audit.recording import Recording, true_label_metrics
from riskmodel.audit.spec import AuditSpec
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, Cohort, FloatArray, IntArray, Labels
from riskmodel.tables.days import NEVER, to_timestamps
from riskmodel.tables.records import EventLog
from riskmodel.validate import Resamples, ScoredRows, resample

INDEX = 19_000  # day of the index date
HORIZON = 365
BURN_IN = 60  # days lived before it
GROUPS = np.array(["more offers", "fewer offers"])
SPEC = AuditSpec(attributes=("group",), intersections=())
CUT = 1.56  # of the score; above it the model offers support


@dataclass(frozen=True)
class World:
    """How lives go.

    Parameters
    ----------
    effect : float
        By what share support lowers harm.
    hidden : float
        Standard deviation of what raises offers and harm alike and is on no record, in log rates.
    offers : float
        Chance of an offer on each of the 28 days after trouble, in the group with fewer.
    """

    effect: float = 0.7
    hidden: float = 0.0
    offers: float = 0.012


@dataclass(frozen=True)
class Lives:
    """What happened; days count from the index date, and ``HORIZON`` stands for never."""

    group: IntArray
    score: FloatArray
    harm: IntArray
    offer: IntArray
    trouble: tuple[IntArray, IntArray]  # person, day


def live(world: World, n: int, *, seed: int, offers: bool = True) -> Lives:
    """Live through the days before and after the index date."""
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.5).astype(np.int64)
    frail, hidden = rng.normal(size=n), world.hidden * rng.normal(size=n)
    score = frail + 0.7 * rng.normal(size=n)
    last = np.full(n, -10_000)
    harm, offer = np.full(n, HORIZON), np.full(n, HORIZON)
    who, when = [], []
    chance = np.where(group == 0, 2.0, 1.0) * world.offers * np.exp(hidden)
    for day in range(-BURN_IN, HORIZON):
        since = day - last
        if day >= 0:
            rate = 0.00012 * np.exp(0.7 * frail + hidden) * np.where(since <= 60, 8.0, 1.0)
            rate = rate * np.where(offer < day, 1 - world.effect, 1.0)
            harm[(harm == HORIZON) & (rng.random(n) < rate)] = day
            likely = np.where(since <= 28, chance, 0.0001)
            offer[offers & (offer == HORIZON) & (rng.random(n) < likely)] = day
        hit = np.flatnonzero(rng.random(n) < 0.0009 * np.exp(0.8 * frail))
        last[hit] = day
        who.append(hit)
        when.append(np.full(len(hit), day))
    return Lives(group, score, harm, offer, (np.concatenate(who), np.concatenate(when)))


def event_log(lives: Lives) -> EventLog:
    """Return what is on record: troubles and offers."""
    person, day = lives.trouble
    offered = np.flatnonzero(lives.offer < HORIZON)
    subject = np.concatenate([person, offered])
    days = INDEX + np.concatenate([day, lives.offer[offered]])
    code = np.where(
        np.arange(len(subject)) < len(person), "EDU//SUSPENSION//OTHER", "SUPPORT//OFFERED//MENTOR"
    )
    time = to_timestamps(days)
    columns = {
        "subject_id": subject, "time": time, "known_time": time,
        "superseded_time": pa.nulls(len(days), time.type), "known_basis": np.full(len(days), "recorded"), "code": code,
        "numeric_value": pa.nulls(len(days), pa.float32()), "agency": np.where(code == "EDU//SUSPENSION//OTHER", "EDU", "SUPPORT"),
    }  # fmt: skip
    return EventLog.build(pa.table({name: pa.array(one) for name, one in columns.items()}))


def labels(lives: Lives) -> Labels:
    """Return the outcome, of which nothing is censored."""
    happened = lives.harm < HORIZON
    first = np.where(happened, INDEX + lives.harm, NEVER).astype(np.int32)
    n = len(happened)
    return Labels(happened.astype(np.int8), first, np.zeros(n, dtype=np.bool_), np.ones(n))


def cohort(lives: Lives) -> Cohort:
    """Return everyone at the index date."""
    n = len(lives.group)
    who = np.arange(n)
    return Cohort(who, np.full(n, INDEX, np.int32), who, np.full(n, "E01"), np.full(n, 14, np.int16))


def scored(lives: Lives) -> ScoredRows:
    """Return what the model says, with offers above a fixed cut."""
    own, offered = labels(lives), (lives.score > CUT).astype(np.float64)
    return ScoredRows(
        lives.score,
        expit(-2.7 + 0.6 * lives.score),
        own.outcome,
        own.weight,
        offered,
        np.arange(len(offered)),
    )


def truth(
    world: World, *, people: int = 250_000, times: int = 4, seed: int = 99
) -> dict[str, dict[str, float]]:
    """Return each group's metrics in a life without support, and everyone's: counted in many, by none of the audit's weights."""
    parts = [live(world, people, seed=seed + one, offers=False) for one in range(times)]
    rows, group = joined([scored(one) for one in parts]), np.concatenate([one.group for one in parts])
    return metrics_by_group(rows, group)


def recorded(
    world: World, *, people: int = 250_000, times: int = 4, seed: int = 99
) -> dict[str, dict[str, float]]:
    """Return the same rates in the life with support, as records show it."""
    parts = [live(world, people, seed=seed + one) for one in range(times)]
    return metrics_by_group(
        joined([scored(one) for one in parts]), np.concatenate([one.group for one in parts])
    )


def metrics_by_group(rows: ScoredRows, group: IntArray) -> dict[str, dict[str, float]]:
    """Return plain rates against the outcomes as they are, of everyone and of each group."""
    sets = {"everyone": np.ones(len(group), dtype=np.bool_)}
    sets |= {str(name): group == g for g, name in enumerate(GROUPS)}
    return {name: true_label_metrics(_take(rows, own), Recording()) for name, own in sets.items()}


def joined(parts: Sequence[ScoredRows]) -> ScoredRows:
    """Put rows one after another, as of different people."""
    one = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ScoredRows.__dataclass_fields__
    }
    return ScoredRows(**{**one, "subject_id": np.arange(len(one["raw"]))})


def _take(rows: ScoredRows, own: BoolArray) -> ScoredRows:
    return replace(rows, **{name: getattr(rows, name)[own] for name in ScoredRows.__dataclass_fields__})


def audited(lives: Lives, *, replicates: int = 200, seed: int = 1, spec: AuditSpec = SPEC) -> NoSupportReport:
    """Run the package's audit without new support on some people."""
    rows, groups = scored(lives), AuditedAttributes({"group": GROUPS[lives.group]})
    draws: Resamples = resample(rows.subject_id, replicates=replicates, seed=seed)
    fairness = audit_fairness({"model": rows}, groups, draws, spec, threads=1)
    followed = Followed(event_log(lives), cohort(lives), labels(lives), groups, HORIZON)
    return audit_no_support(followed, rows, draws, fairness, family="model", checks=replicates, threads=1)
