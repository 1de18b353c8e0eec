"""Simulated boroughs in which support is common and strong, lived twice: as they are, and with no new support after the index date.

Both lives go through the package's own recording, intake, cohort and features. A model learns from the first; its rates in the second are
what the audit of the first is meant to find.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from riskmodel.audit import Followed, NoSupportReport, audit_fairness, audit_no_support
from riskmodel.audit.recording import Recording, true_label_metrics
from riskmodel.audit.spec import AuditSpec
from riskmodel.models import RiskModel, fit
from riskmodel.pipeline import run_stages
from riskmodel.simulate import equations, lives
from riskmodel.simulate.clock import IntArray
from riskmodel.stages import front_end
from riskmodel.stages.front import Population
from riskmodel.study import Study, load_study
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, FloatArray
from riskmodel.tables.days import to_day
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.records import EventLog
from riskmodel.validate import ScoredRows, resample

LEARN, INDEX = date(2022, 11, 1), date(2024, 3, 1)
HORIZON = 365
SHARE = 0.05  # offered support by the model
SPEC = AuditSpec(attributes=("ethnicity",), intersections=())
_LEAD = 28  # days from what leads to a referral to the offer: about a month


@dataclass(frozen=True)
class Support:
    """How support goes in a borough; the first is the package's own.

    Parameters
    ----------
    times : float
        How many times as often as in the package something leads to a referral.
    offered, taken_up : float
        Of those referred, and of those offered.
    effect : float
        Share by which it lowers harm while it lasts.
    months : int
        How long it lasts.
    """

    words: str
    times: float = 1.0
    offered: float = equations.OFFERED
    taken_up: float = equations.TAKEN_UP
    effect: float = 0.21
    months: int = equations.SUPPORT_MONTHS


USUAL = Support("support as the package simulates it")
MUCH = Support("much support that works", times=10.0, offered=0.75, taken_up=0.95, effect=0.8, months=12)


@dataclass(frozen=True)
class Borough:
    """One life of a borough, as its records tell it."""

    events: EventLog
    population: Population
    features: FeatureMatrix

    @property
    def test(self) -> BoolArray:
        """Rows of the index date."""
        own: BoolArray = self.population.cohort.index_day == to_day(INDEX)
        return own


def lived(support: Support, *, size: int, seed: int, new_support: bool) -> Borough:
    """Simulate a borough and take in its records."""
    study = _study(support, size=size, seed=seed)
    with _as_supported(support, new_support=new_support), tempfile.TemporaryDirectory() as store:
        done = run_stages(front_end(study), study, store=Path(store), progress=lambda *_: None)
    found = done.results
    return Borough(found["intake"].records.events, found["population"], found["features"])


def _study(support: Support, *, size: int, seed: int) -> Study:
    settings = {
        "data.size": size, "data.years": 6, "data.prevalence": 0.04, "data.support_effect": support.effect, "seed": seed,
        "cohort.train": f"[{LEARN}]", "cohort.test": f"[{INDEX}]", "audit.attributes": "[ethnicity]", "audit.intersections": "[]",
    }  # fmt: skip
    return load_study(None, settings=[f"{key}={value}" for key, value in settings.items()])


@contextmanager
def _as_supported(support: Support, *, new_support: bool) -> Iterator[None]:
    """Put other numbers into the simulator, and, in the second life, take the effect from all support that is new."""
    often = {name: min(support.times * chance, 0.9) for name, chance in equations.SUPPORT_AFTER.items()}
    refer = lives._refer_for_support  # noqa: SLF001 - only here does a life learn of support
    with (
        mock.patch.object(lives, "SUPPORT_AFTER", often),
        mock.patch.object(lives, "OFFERED", support.offered),
        mock.patch.object(lives, "TAKEN_UP", support.taken_up),
        mock.patch.object(lives, "SUPPORT_MONTHS", support.months),
        mock.patch.object(lives, "_refer_for_support", _referring(refer, new_support=new_support)),
        mock.patch.object(lives, "step", _own_chances(lives.step)),
    ):
        yield


def _referring(refer: Callable[..., None], *, new_support: bool) -> Callable[..., None]:
    def referred(
        name: str, hit: IntArray, day: IntArray, age: int, *, living: Any, state: Any, **rest: Any
    ) -> None:
        before = state.support_ends.copy()
        refer(name, hit, day, age, living=living, state=state, **rest)
        if not new_support:
            # What leads to an offer comes about four weeks before it.
            late = hit[day + _LEAD >= to_day(INDEX)]
            state.support_ends[late] = before[late]

    return referred


def _own_chances(step: Callable[..., None]) -> Callable[..., None]:
    """Give each month of age its own chances, so that two lives differ where support made a difference, and little elsewhere."""

    def stepped(living: Any, state: Any, age: int, **rest: Any) -> None:
        own = np.random.default_rng([age, len(living.people), int(living.people.birth_month.sum()) % 2**31])
        step(living, state, age, **{**rest, "rng": own})

    return stepped


def learned(borough: Borough, *, seed: int) -> RiskModel:
    """Fit the logistic family to the earlier date."""
    study = _study(USUAL, size=500, seed=seed)
    rows = borough.population.cohort.index_day == to_day(LEARN)
    labels = borough.population.outcomes.training["harm"].take(rows)
    return fit(
        "logistic", borough.features.take(rows), labels.outcome, labels.weight, spec=study.models, seed=seed, threads=1,
        person=borough.population.cohort.subject_id[rows],
    )  # fmt: skip


def scored(borough: Borough, model: RiskModel, cut: float) -> ScoredRows:
    """Return what the model says at the index date; everyone above the cut is offered support."""
    rows = borough.test
    raw = model.raw_score(borough.features.take(rows))
    labels = borough.population.outcomes.test["harm"].take(rows)
    risk = 1 / (1 + np.exp(-raw))
    offered = (raw > cut).astype(np.float64)
    return ScoredRows(
        raw, risk, labels.outcome, labels.weight, offered, borough.population.cohort.subject_id[rows]
    )


def compare(support: Support, *, size: int, seed: int) -> dict[str, Any]:
    """Return the audit of one borough beside the rates of its second life, by group and metric."""
    first = lived(support, size=size, seed=seed, new_support=True)
    second = lived(support, size=size, seed=seed, new_support=False)
    model = learned(first, seed=seed)
    cut = float(np.quantile(model.raw_score(first.features.take(first.test)), 1 - SHARE))
    report = audited(first, scored(first, model, cut), seed=seed)
    truth = by_group(scored(second, model, cut), second.population.audited.take(second.test))
    return {
        "n_rows": int(first.test.sum()),
        "n_offered": report.overlap[0].n_offered if report.overlap else None,
        "status": report.status,
        "reason": report.reason,
        "stood_for": report.overlap[0].stood_for if report.overlap else None,
        "effect": None if report.effect is None else report.effect.ratio,
        "rows": [
            {
                "group": one.group, "metric": one.metric, "recorded": one.recorded, "without": one.without, "lower": one.lower,
                "upper": one.upper, "truth": truth[one.group][one.metric],
            }
            for one in report.rows
            if one.status == "ok"
        ],
    }  # fmt: skip


def audited(borough: Borough, rows: ScoredRows, *, seed: int) -> NoSupportReport:
    """Run the audit without new support on the index date."""
    cohort, own = borough.population.cohort.take(borough.test), borough.population.audited.take(borough.test)
    labels = borough.population.outcomes.test["harm"].take(borough.test)
    draws = resample(cohort.subject_id, replicates=400, seed=seed)
    fairness = audit_fairness({"logistic": rows}, own, draws, SPEC, threads=1)
    followed = Followed(borough.events, cohort, labels, own, HORIZON)
    return audit_no_support(followed, rows, draws, fairness, family="logistic", checks=400, threads=1)


def by_group(rows: ScoredRows, attributes: AuditedAttributes) -> Mapping[str, Mapping[str, float]]:
    """Return plain rates of everyone and of each ethnic group."""
    ethnicity = attributes.columns["ethnicity"]
    sets = {"everyone": np.ones(len(rows), dtype=np.bool_)} | {
        str(one): ethnicity == one for one in np.unique(ethnicity)
    }
    fields = ScoredRows.__dataclass_fields__
    return {
        name: true_label_metrics(
            replace(rows, **{field: getattr(rows, field)[own] for field in fields}), Recording()
        )
        for name, own in sets.items()
    }


def spread(values: FloatArray) -> float:
    """Return the standard error of a mean over boroughs."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))
