"""Ways to find out that the numbers are wrong: row order, an outcome without meaning, columns that know the future."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measure import People, auroc
from repeats import Fitting, Question
from sources import columns, reversed_copy, table_of

from riskmodel.features import TableSpec
from riskmodel.tables.cohort import FloatArray
from riskmodel.validate.leaks import hunt_leaks
from riskmodel.validate.resample import Resamples
from riskmodel.validate.spec import LeakSpec

PLANTED = {
    "later_cases": {
        "column": "V104_nombre_reincidencies_2015",
        "description": "new cases by 2015: known only years later, planted here to see that the hunt names it",
        "concept": "the outcome itself",
        "kind": "number",
        "unit": "times",
        "missing": ["nan"],
        "enforcement_made": True,
    }
}


def reversed_rows(spec: TableSpec, fitting: Fitting, expected: Mapping[str, FloatArray]) -> dict[str, bool]:
    """Return for each family whether the file read from last row to first gives the same scores, to the byte.

    Parameters
    ----------
    spec : TableSpec
    fitting : Fitting
    expected : mapping of family to ndarray, shape (n,)
        Scores of the first repeat from the file as it is.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = reversed_copy(Path(spec.path), Path(folder))
        question = Question.of(table_of(spec.model_copy(update={"path": path})))
    return {
        family: fitting.once(question, family).tobytes() == scores.tobytes()
        for family, scores in expected.items()
    }


def permuted_outcome(question: Question, fitting: Fitting, families: Sequence[str]) -> dict[str, float]:
    """Return the AUROC of each family when outcomes are dealt out at random: about one half, or something leaks."""
    meaningless = question.permuted(fitting.seed)
    return {family: round(_auroc(fitting.once(meaningless, family), meaningless), 4) for family in families}


def single_features(question: Question) -> list[dict[str, Any]]:
    """Return the AUROC of each feature alone, whichever way round, the strongest first; missing ranks lowest."""
    rows = []
    for info, values in zip(question.features.infos, question.features.values.T, strict=True):
        alone = _auroc(np.nan_to_num(values.astype(np.float64), nan=-np.inf), question)
        best = round(max(alone, 1 - alone), 3)
        rows.append({"feature": info.name, "description": info.description, "auroc": best})
    return sorted(rows, key=lambda row: (-row["auroc"], row["feature"]))


def leaks(question: Question, fitting: Fitting, spec: LeakSpec) -> tuple[str, ...]:
    """Return the features that the leak hunt names."""
    found = hunt_leaks(
        question.features,
        question.outcome,
        weight=question.weight,
        subject_id=question.person,
        fold=fitting.fold(question, seed=fitting.seed),
        spec=spec,
    )
    return found.suspects


def planted_leak_is_named(question: Question, table: TableSpec, fitting: Fitting, spec: LeakSpec) -> bool:
    """Whether the hunt names a column from after the end of the programme that is put among the features."""
    planted = question.with_columns(columns(table, PLANTED))
    return PLANTED.keys() <= set(leaks(planted, fitting, spec))


def _auroc(scores: FloatArray, question: Question) -> float:
    """Return an AUROC that is shown without an interval."""
    n = len(question.outcome)
    as_they_are = Resamples(np.arange(n, dtype=np.int64), np.ones((1, n), dtype=np.uint8))
    return auroc(scores[None, :], People(question.outcome, question.weight), as_they_are).value
