"""A study of real records: whether models predict reoffending better than SAVRY, and at whose cost.

``python experiments/catalonia/run.py`` writes ``results.json`` and ``README.md`` beside itself: aggregates only.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from checks import leaks, permuted_outcome, planted_leak_is_named, reversed_rows, single_features
from claims import judge
from compare import (
    Pair,
    Population,
    Scores,
    advantage,
    advantage_by_group,
    base_rates,
    by_group,
    gap_advantage,
    gaps,
    performance,
)
from measure import People
from page import LEARNED, write_page
from repeats import Fitting, Question
from sources import groups_of, savry, table_of

from riskmodel.console import guarded
from riskmodel.errors import StudyError
from riskmodel.features import TableData, TableSpec
from riskmodel.files import read_json, write_json
from riskmodel.policy import check_features, check_outcome
from riskmodel.study import Study, load_study
from riskmodel.tables.cohort import BoolArray, FloatArray
from riskmodel.validate.resample import resample

HERE = Path(__file__).parent
STUDIES = {"any": "study_any.yaml", "violent": "study_violent.yaml"}
AUDITED = ("sex", "foreign")
PAIRS = (Pair("foreign", "foreign", "Spanish"), Pair("sex", "male", "female"))
AGES = ("age_at_offence", "age_at_end")
ADULT = 18
SAVRY_TOTAL, SAVRY_RATING = "savry_total", "savry_rating"
WITH_ITEMS = "_with_savry"


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    repeats: int
    families: tuple[str, ...] | None
    replicates: int | None
    data: Path | None
    out: Path


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="experiments/catalonia/run.py", description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="deals of the five folds (default: 10)")
    parser.add_argument("--families", default=None, help="comma-separated; default: those of the studies")
    parser.add_argument(
        "--replicates", type=int, default=None, help="resamples of people; default: those of the studies"
    )
    parser.add_argument(
        "--data", type=Path, default=None, help="the CSV file; default: the path in the studies"
    )
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and README.md")
    parser.add_argument("--page-only", action="store_true", help="make README.md again from results.json")
    arguments = parser.parse_args(argv)
    if arguments.page_only:
        return guarded(lambda: _page_again(arguments.out))
    families = tuple(arguments.families.split(",")) if arguments.families else None
    options = Options(arguments.repeats, families, arguments.replicates, arguments.data, arguments.out)
    return guarded(lambda: run(options))


def _page_again(folder: Path) -> int:
    write_page(read_json(folder / "results.json"), folder / "README.md")
    return 0


def run(options: Options) -> int:
    """Answer both questions and write the results."""
    started = time.perf_counter()
    studies = {name: _load(HERE / file, options) for name, file in STUDIES.items()}
    results = {
        "protocol": _protocol(next(iter(studies.values())), options),
        "outcomes": {name: answer(study, options.repeats) for name, study in studies.items()},
    }
    learned = [family for family in results["protocol"]["families"] if family in LEARNED]
    results["claims"] = {name: judge(one, learned) for name, one in results["outcomes"].items()}
    write_json(options.out / "results.json", results)
    write_page(results, options.out / "README.md")
    print(f"wrote results.json and README.md to {options.out} in {time.perf_counter() - started:.0f} s")
    return 0


def answer(study: Study, repeats: int) -> dict[str, Any]:
    """Return everything that is said about one outcome, as it may be shown."""
    spec = _table_spec(study)
    table = table_of(spec)
    _check_policy(study, table)
    question = Question.of(table)
    fitting = Fitting(study.models, repeats, study.seed, study.threads)
    instrument = savry(spec)
    assessed = np.isfinite(instrument.column(SAVRY_TOTAL))
    fitted = fitting.scores(question, study.models.families)
    everyone = _population("everyone", table, question, study, np.ones(len(assessed), dtype=np.bool_))
    few = _population("assessed", table, question, study, assessed)
    among_few = {family: values[:, assessed] for family, values in fitted.items()}
    among_few |= _instrument_scores(question.with_columns(instrument).take(assessed), fitting)
    return {
        "name": table.outcomes.chosen,
        "share_offered": study.capacity.share,
        "features": [
            {"feature": i.name, "description": i.description, "concept": i.concept}
            for i in table.features.infos
        ],
        **_compared([(everyone, fitted), (few, among_few)]),
        **_against_savry(few, among_few),
        "age": _age(everyone, question, fitted, fitting),
        "checks": _checks(study, question, fitting, fitted),
    }


def _check_policy(study: Study, table: TableData) -> None:
    check_features(table.features.infos, study.policy)
    chosen = _table_spec(study).outcomes[table.outcomes.chosen]
    justice = chosen.kind == "justice"
    check_outcome(table.outcomes.chosen, (), enforcement_made=justice, spec=study.policy, used_for="training")


def _compared(sides: Sequence[tuple[Population, Scores]]) -> dict[str, Any]:
    """Return base rates, performance and error rates, of everyone and of those assessed."""
    return {
        "base_rates": [row for population, _ in sides for row in base_rates(population)],
        "performance": [row for population, scores in sides for row in performance(population, scores)],
        "groups": [row for population, scores in sides for row in by_group(population, scores)],
        "gaps": [
            row for population, scores in sides for pair in PAIRS for row in gaps(population, scores, pair)
        ],
    }


def _against_savry(few: Population, scores: Scores) -> dict[str, Any]:
    """Return how each scorer differs from SAVRY's total, among those assessed."""
    wider = [gap_advantage(few, scores, pair, over=SAVRY_TOTAL) for pair in PAIRS]
    return {
        "advantage": advantage(few, scores, over=SAVRY_TOTAL),
        "advantage_by_group": advantage_by_group(few, scores, over=SAVRY_TOTAL),
        "gap_advantage": [row for rows in wider for row in rows],
    }


def _instrument_scores(assessed: Question, fitting: Fitting) -> dict[str, FloatArray]:
    """Return SAVRY's own scores, and those of models that learned from SAVRY's items as well."""
    ready = (SAVRY_TOTAL, SAVRY_RATING)
    own = {name: assessed.features.column(name)[None, :].astype(np.float64) for name in ready}
    learned = [family for family in fitting.spec.families if family in LEARNED]
    by_items = fitting.scores(assessed.without(ready), learned)
    return {**own, **{family + WITH_ITEMS: values for family, values in by_items.items()}}


def _age(everyone: Population, question: Question, fitted: Scores, fitting: Fitting) -> dict[str, Any]:
    """Return how much of the performance is age, and how well models do before and after 18.

    After 18 a new offence counts only once an adult court has sentenced it; before, every case of the juvenile
    courts counts. Age therefore says how an offence would be seen, and not only whether there was one.
    """
    younger = question.features.column("age_at_end") < ADULT
    by_age = replace(everyone, groups={"age at the end": {"under 18": younger, "18 or over": ~younger}})
    ageless = fitting.scores(question.without(AGES), list(fitted))
    return {
        "base_rates": [row for row in base_rates(by_age) if row["attribute"] in by_age.groups],
        "without_age": performance(everyone, ageless),
        "groups": [row for row in by_group(by_age, fitted) if row["metric"] == "auroc"],
    }


def _checks(study: Study, question: Question, fitting: Fitting, fitted: Scores) -> dict[str, Any]:
    first = {family: np.ascontiguousarray(values[0]) for family, values in fitted.items()}
    spec, hunt = _table_spec(study), study.validation.leaks
    return {
        "reversed_rows_same_bytes": reversed_rows(spec, fitting, first),
        "permuted_outcome_auroc": permuted_outcome(question, fitting, list(fitted)),
        "single_features": single_features(question),
        "suspected_leaks": list(leaks(question, fitting, hunt)),
        "planted_leak_is_named": planted_leak_is_named(question, spec, fitting, hunt),
    }


def _population(name: str, table: TableData, question: Question, study: Study, rows: BoolArray) -> Population:
    groups = {
        a: {g: mask[rows] for g, mask in masks.items()} for a, masks in groups_of(table, AUDITED).items()
    }
    return Population(
        name=name,
        cohort=table.cohort.take(rows),
        people=People(question.outcome[rows], question.weight[rows]),
        groups=groups,
        resamples=resample(question.person[rows], replicates=study.validation.replicates, seed=study.seed),
        capacity=study.capacity,
        disclosure=study.disclosure,
    )


def _load(path: Path, options: Options) -> Study:
    settings = []
    if options.families:
        if not set(options.families) & set(LEARNED):
            raise StudyError(
                [f"--families: name at least one of {', '.join(LEARNED)}: the page compares a learned model"]
            )
        settings.append(f"models.families=[{','.join(options.families)}]")
    if options.replicates:
        settings.append(f"validation.replicates={options.replicates}")
    if options.data:
        settings.append(f"data.path={options.data.resolve()}")
    return load_study(path, settings=settings)


def _table_spec(study: Study) -> TableSpec:
    if not isinstance(study.data, TableSpec):
        raise TypeError("the studies of this experiment read a flat table")
    return study.data


def _protocol(study: Study, options: Options) -> dict[str, Any]:
    return {
        "repeats": options.repeats,
        "folds": study.models.folds,
        "replicates": study.validation.replicates,
        "families": list(study.models.families),
        "seed": study.seed,
        "threshold": study.disclosure.threshold,
        "rounding": study.disclosure.rounding,
    }


if __name__ == "__main__":
    sys.exit(main())
