"""The splits of a study as later stages read them: which rows, with which labels, scored how."""

from __future__ import annotations

from dataclasses import dataclass

from riskmodel import models as modelling
from riskmodel import validate as validating
from riskmodel.audit.uncertainty import Ranges
from riskmodel.models.training import MIN_OUTCOMES
from riskmodel.stages.fitting import Fitted
from riskmodel.stages.front import Population
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, FloatArray, Labels
from riskmodel.validate import Resamples, ScoredRows, Split

CROSSFIT = "crossfit"
MOST_RESAMPLES = 20_000
CHECK_RESAMPLES = 400
"""For the checks of ranges and of worse data: they are many, and their intervals are read at a glance."""


@dataclass(frozen=True)
class Part:
    """One split: which cohort rows, with which labels, scored out of fold or not."""

    name: str
    rows: BoolArray
    labels: Labels

    def of(self, family: str, fitted: Fitted) -> tuple[FloatArray, FloatArray]:
        """Return a family's raw scores and risk estimates on these rows."""
        if self.name == CROSSFIT:
            return fitted.crossfit[family][self.rows], fitted.crossfit_risk[family][self.rows]
        raw = fitted.raw[family][self.rows]
        return raw, fitted.models[family].risk(raw)

    def ranges(self, family: str, fitted: Fitted) -> Ranges:
        """Return what is said beside a family's estimates on these rows: limits, and nothing where the record is too thin."""
        raw, risk = self.of(family, fitted)
        model = fitted.models[family]
        limits = model.around(risk, raw) if self.name == CROSSFIT else model.interval(raw)
        return Ranges(*limits, fitted.thin[family][self.rows])


def parts(population: Population, split: Split) -> list[Part]:
    """Return the splits that a study has, in the order of the run folder's contract."""
    outcomes = population.outcomes
    learned, final = outcomes.training[outcomes.chosen], outcomes.test[outcomes.chosen]
    found = [Part("train", split.train, learned), Part(CROSSFIT, split.judged, learned)]
    tests = [Part("test_new", split.test_new, final), Part("test_all", split.test_all, final)]
    return [Part(p.name, p.rows, p.labels.take(p.rows)) for p in (*found, *tests) if p.rows.any()]


def audit_part(population: Population, split: Split) -> Part:
    """Return the audit's population: everyone at the latest dates, or all out of fold where nobody was kept for a test."""
    return parts(population, split)[-1]


def scored(part: Part, family: str, *, fitted: Fitted, population: Population, study: Study) -> ScoredRows:
    """Return what a family says about one split, with the offers that capacity allows."""
    cohort, (raw, risk) = population.cohort.take(part.rows), part.of(family, fitted)
    return ScoredRows(
        raw=raw,
        risk=risk,
        outcome=part.labels.outcome,
        weight=part.labels.weight,
        offered=modelling.offers(raw, cohort, study.capacity, withheld=fitted.thin[family][part.rows]),
        subject_id=cohort.subject_id,
    )


def enough_outcomes(labels: Labels) -> bool:
    """Return whether there are enough rows with and without the outcome for a model to learn from."""
    happened = labels.outcome[labels.weight > 0] == 1
    return min(int(happened.sum()), int((~happened).sum())) >= MIN_OUTCOMES


def resamples(
    study: Study, part: Part, population: Population, *, at_most: int = MOST_RESAMPLES
) -> Resamples:
    """Return resamples of people, or of a survey's units within strata, for the rows of a part."""
    sampling, replicates = population.sampling.take(part.rows), min(study.validation.replicates, at_most)
    return validating.resample(
        sampling.unit, replicates=replicates, seed=study.seed, stratum=sampling.stratum
    )
