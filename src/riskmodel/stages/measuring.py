"""The stage that measures: every family on every split, and what other policies would reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from riskmodel import models as modelling
from riskmodel import validate as validating
from riskmodel.stages.fitting import Fitted
from riskmodel.stages.front import Population
from riskmodel.stages.parts import CROSSFIT, Part, audit_part, parts, resamples, scored
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray, IntArray
from riskmodel.tables.predictions import Predictions
from riskmodel.validate import Drawn, Estimate, Resamples, ScoredRows, Split

Inputs = Mapping[str, Any]
Json = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """Metrics of every family on every split, curves of the selected one, and comparisons with other policies.

    ``heterogeneity`` is None where the design holds out no areas, schools or dates.
    """

    metrics: Json
    optimism: Json
    curves: Json
    heterogeneity: Json | None
    everyone: Estimate
    referral: Json | None
    predictions: Predictions
    row_id: IntArray


def measure(study: Study, inputs: Inputs, _folder: Path) -> Measured:
    """Measure every family on every split, with the same resamples where the rows are the same."""
    population, split, fitted = inputs["population"], inputs["split"], inputs["models"]
    by_family: dict[str, Json] = {family: {} for family in fitted.models}
    draws: dict[str, Resamples] = {}
    said: dict[tuple[str, str], ScoredRows] = {}
    measured: dict[tuple[str, str], Drawn] = {}
    for part in parts(population, split):
        same_rows = part.name == "train" and np.array_equal(split.train, split.judged)
        key = CROSSFIT if same_rows else part.name  # the same rows, so the same resamples
        draws.setdefault(key, resamples(study, part, population))
        for family in fitted.models:
            rows = scored(part, family, fitted=fitted, population=population, study=study)
            found = validating.draw_metrics(rows, draws[key], study.validation, threads=study.threads)
            by_family[family][part.name] = _as_json(validating.summarise(rows, found))
            said[family, part.name], measured[family, part.name] = rows, found
    last, ids = audit_part(population, split), row_ids(study, population)
    selected = fitted.selection.selected
    chosen = said[selected, last.name]
    return Measured(
        metrics={"models": by_family, "selected": selected},
        optimism={"models": _optimism(study, inputs, said, measured), "selected": selected},
        curves={
            "family": selected,
            "split": last.name,
            "own_capacity": study.capacity.share,
            **_curves(
                study,
                chosen,
                fitted.thin[selected][last.rows],
                population.cohort.take(last.rows),
                draws[last.name],
            ),
        },
        heterogeneity=_by_held_out(study, split, selected, said[selected, CROSSFIT], draws[CROSSFIT]),
        everyone=_policy(chosen, np.ones(len(chosen)), draws[last.name], study)["precision_at_capacity"],
        referral=_referral(chosen, population, last, draws[last.name], study),
        predictions=_predictions(ids, population, split, said, fitted),
        row_id=ids,
    )


def _as_json(found: Mapping[str, Estimate]) -> Json:
    return {name: one.to_json() for name, one in found.items()}


def _optimism(
    study: Study,
    inputs: Inputs,
    said: dict[tuple[str, str], ScoredRows],
    measured: dict[tuple[str, str], Drawn],
) -> Json:
    """Compare apparent with corrected performance on the rows that were both learned from and judged out of fold."""
    population, split, fitted = inputs["population"], inputs["split"], inputs["models"]
    if not np.array_equal(split.train, split.judged):
        said, measured = {}, {}
        both = split.train & split.judged
        labels = population.outcomes.training[population.outcomes.chosen].take(both)
        sides = [Part(name, both, labels) for name in ("train", CROSSFIT)]
        draws = resamples(study, sides[0], population)
        for part, family in product(sides, fitted.models):
            rows = scored(part, family, fitted=fitted, population=population, study=study)
            said[family, part.name] = rows
            measured[family, part.name] = validating.draw_metrics(
                rows, draws, study.validation, threads=study.threads
            )
    found = {
        family: validating.optimism(
            said[family, CROSSFIT], measured[family, "train"], measured[family, CROSSFIT]
        )
        for family in fitted.models
    }
    return {family: {name: _as_json(one) for name, one in own.items()} for family, own in found.items()}


def _by_held_out(
    study: Study, split: Split, selected: str, rows: ScoredRows, draws: Resamples
) -> Json | None:
    """Measure the selected family in each held-out area, school or date, where the design has them."""
    kind = validating.HELD_OUT.get(study.split.design)
    if kind is None:
        return None
    found = validating.heterogeneity(
        rows,
        split.group[split.judged],
        draws,
        kind=kind,
        members=split.members,
        seed=study.seed,
        threads=study.threads,
    )
    return {"family": selected, **found.to_json()}


def _curves(study: Study, rows: ScoredRows, thin: BoolArray, cohort: Cohort, draws: Resamples) -> Json:
    """Measure the curves; whom the model says nothing about is offered nothing at any capacity."""
    offered = {
        share: modelling.offers(
            rows.raw, cohort, study.capacity.model_copy(update={"share": share}), withheld=thin
        )
        for share in {study.capacity.share, *study.validation.capacities}
    }
    return validating.all_curves(rows, offered, draws, study.validation)


def _policy(rows: ScoredRows, offered: FloatArray, draws: Resamples, study: Study) -> dict[str, Estimate]:
    policy = ScoredRows(offered, offered, rows.outcome, rows.weight, offered, rows.subject_id)
    return validating.evaluate(policy, draws, study.validation, threads=study.threads)


def _referral(
    rows: ScoredRows, population: Population, part: Part, draws: Resamples, study: Study
) -> Json | None:
    """Measure the present route, where the data hold it: young people referred in the year before the index date.

    As it is, and with as many offers as the models make: those referred first, chance among equals.
    """
    if population.referred is None:
        return None
    referred = population.referred[part.rows].astype(np.float64)
    first = modelling.offers(referred, population.cohort.take(part.rows), study.capacity)

    def measured(offered: FloatArray) -> Json:
        found = _policy(rows, offered, draws, study)
        return {
            "offered_share": float(offered.mean()),
            "precision": found["precision_at_capacity"].to_json(),
            "recall": found["recall_at_capacity"].to_json(),
        }

    return {**measured(referred), "at_capacity": measured(first)}


def _predictions(
    ids: IntArray,
    population: Population,
    split: Split,
    said: Mapping[tuple[str, str], ScoredRows],
    fitted: Fitted,
) -> Predictions:
    by_name = {part.name: part for part in parts(population, split)}
    rows = {name: ids[part.rows] for name, part in by_name.items()}
    kept = [(family, name, one) for (family, name), one in said.items() if name != "train"]
    beside = [by_name[name].ranges(family, fitted) for family, name, _ in kept]
    thin = np.concatenate([one.thin for one in beside])
    risk, lower, upper = (
        np.where(thin, np.nan, np.concatenate(values))
        for values in (
            [one.risk for _, _, one in kept],
            [one.lower for one in beside],
            [one.upper for one in beside],
        )
    )
    columns = {
        "row_id": np.concatenate([rows[name] for _, name, _ in kept]),
        "family": np.concatenate([np.full(len(one), family) for family, _, one in kept]),
        "split": np.concatenate([np.full(len(one), name) for _, name, one in kept]),
        "raw_score": np.concatenate([one.raw for _, _, one in kept]),
        "risk_estimate": risk,
        "lower": lower,
        "upper": upper,
        "abstained": thin,
        "offered": np.concatenate([one.offered for _, _, one in kept]),
    }
    order = np.lexsort((columns["row_id"], columns["split"], columns["family"]))
    return Predictions(**{name: column[order] for name, column in columns.items()})


def row_ids(study: Study, population: Population) -> IntArray:
    """Return a number for each cohort row.

    Simulated young people keep their place in the cohort, so that a page can be made for one. For real people the
    numbers are drawn from the system's own randomness and kept nowhere: there is no way back.
    """
    n = len(population.cohort)
    if study.simulated:
        return np.arange(n, dtype=np.int64)
    return np.random.default_rng().permutation(n).astype(np.int64)
