"""Flat files as they come: made with known truth, or shipped with scikit-learn, each with the one YAML that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

SUBJECT, OUTCOME = "id", "again"
REFUSED, UNKNOWN = "Refused", "Unknown"


@dataclass(frozen=True)
class FlatFile:
    """A table and what a study must say of it.

    Parameters
    ----------
    name, says : str
        ``says`` in plain words what is hard about it.
    table : DataFrame
        With the outcome in ``again``.
    data : mapping
        What the study says under ``data`` beside path, outcome and ``features_from``.
    design : str
        Of the split.
    csv : mapping
        How the file is written.
    """

    name: str
    says: str
    table: pd.DataFrame
    data: Mapping[str, Any] = field(default_factory=dict)
    design: str = "cross_validation"
    csv: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the file and its study, and return where the study is."""
        folder.mkdir(parents=True, exist_ok=True)
        self.table.to_csv(folder / f"{self.name}.csv", index=False, **self.csv)
        study = folder / f"{self.name}.yaml"
        study.write_text(yaml.safe_dump(self.study(), sort_keys=False), encoding="utf-8")
        return study

    def study(self) -> dict[str, Any]:
        """Return the whole study: nothing of it depends on what the columns hold."""
        outcome = {
            "column": OUTCOME,
            "description": "the outcome that the file records",
            "phrase": "had the outcome",
            "yes": ["1"],
            "no": ["0"],
        }
        return {
            "name": self.name,
            "purpose": "To compare models on a flat file. It decides about nobody.",
            "seed": 20260101,
            "threads": 2,
            "data": {
                "kind": "table",
                "path": f"{self.name}.csv",
                "subject": SUBJECT,
                "chosen": OUTCOME,
                "outcomes": {OUTCOME: outcome},
                "features_from": {"columns": ["*"]},
                **self.data,
            },
            "split": {
                "design": self.design,
                "reason": "The file has no dates, so nothing can be tested on a later time.",
            },
            "audit": {"attributes": [], "intersections": []},
            "tracking": {"enabled": False},
        }


def make_file(name: str, seed: int) -> FlatFile:
    """Return one of ``FILES``; each that is made has its own stream of random numbers."""
    make = _FILES[name]
    return _with_subjects(make(np.random.default_rng([seed, FILES.index(name)])), seed)


def _with_subjects(file: FlatFile, seed: int) -> FlatFile:
    """Return the file with a number for each row that says nothing of its place."""
    numbers = np.random.default_rng(seed).permutation(len(file.table))
    return replace(file, table=file.table.assign(**{SUBJECT: numbers}))


def _chance(log_odds: Floats, rate: float, rng: Rng) -> npt.NDArray[np.int64]:
    """Return outcomes with these log-odds, moved so that the mean risk is ``rate``."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if (1 / (1 + np.exp(-(log_odds + middle)))).mean() < rate else (low, middle)
        )
    return (rng.random(len(log_odds)) < 1 / (1 + np.exp(-(log_odds + low)))).astype(np.int64)


def _numbers(n: int, count: int, rng: Rng, *, alike: float = 0.3) -> Floats:
    """Return columns with a common cause, as risk factors have."""
    common = rng.normal(size=(n, 1))
    values: Floats = np.sqrt(1 - alike) * rng.normal(size=(n, count)) + np.sqrt(alike) * common
    return values


def _with_gaps(values: Floats, share: float, rng: Rng) -> Floats:
    return np.where(rng.random(values.shape) < share, np.nan, values)


def _table(values: Floats, **more: Any) -> pd.DataFrame:
    named = {f"item_{j + 1}": np.round(values[:, j], 3) for j in range(values.shape[1])}
    return pd.DataFrame({**named, **more})


def _rare(rng: Rng) -> FlatFile:
    x = _numbers(2_000, 12, rng)
    y = _chance(x[:, :4] @ np.array([0.8, 0.6, 0.5, 0.4]), 0.01, rng)
    return FlatFile(
        "rare", "2,000 rows, 1% with the outcome, linear", _table(_with_gaps(x, 0.05, rng), again=y)
    )


def _linear(rng: Rng) -> FlatFile:
    x = _numbers(3_000, 15, rng)
    y = _chance(x[:, :6] @ np.array([0.6, 0.5, 0.4, -0.4, 0.3, 0.2]), 0.15, rng)
    return FlatFile(
        "linear",
        "3,000 rows, 15%, linear, a tenth of all fields empty",
        _table(_with_gaps(x, 0.1, rng), again=y),
    )


def _common(rng: Rng) -> FlatFile:
    n = 5_000
    x, kind = _numbers(n, 10, rng), rng.choice(["a", "b", "c", "d"], n, p=[0.4, 0.3, 0.2, 0.1])
    y = _chance(
        x[:, :5] @ np.array([0.7, 0.5, 0.5, 0.3, -0.3]) + (kind == "c") - 0.8 * (kind == "d"), 0.6, rng
    )
    return FlatFile(
        "common", "5,000 rows, 60%, numbers and a category", _table(x, kind_of_case=kind, again=y)
    )


def _survey(rng: Rng) -> FlatFile:
    clusters, strata = 160, 8
    cluster = np.repeat(np.arange(clusters), 50)
    stratum, place = cluster % strata, rng.normal(size=clusters)
    n = len(cluster)
    x = _numbers(n, 14, rng)
    x[:, 0] += 0.5 * place[cluster]
    asked = rng.integers(1, 6, n)
    log_odds = x[:, :4] @ np.array([0.6, 0.4, 0.4, 0.3]) + 0.4 * place[cluster] + 0.25 * asked
    y = _chance(log_odds, 0.1, rng)
    weight = np.round(rng.gamma(2, 0.5, n) * (1 + 2 * (stratum % 3)), 4)
    table = _table(
        _with_gaps(x, 0.08, rng), agrees=asked, weight=weight, stratum=stratum, psu=cluster // strata, again=y
    )
    says = "8,000 rows, 10%, survey weights, 8 strata, 160 clusters numbered within strata"
    return FlatFile("survey", says, table, {"weight": "weight", "stratum": "stratum", "cluster": "psu"})


def _many_levels(rng: Rng) -> FlatFile:
    n = 20_000
    level = np.minimum(rng.zipf(1.3, n), 400) - 1
    effect, x = rng.normal(size=400), _numbers(n, 8, rng)
    y = _chance(x[:, :3] @ np.array([0.5, 0.4, 0.3]) + 0.7 * effect[level], 0.08, rng)
    table = _table(x, unit=np.char.add("U", level.astype(str)), again=y)
    return FlatFile("many_levels", "20,000 rows, 8%, a category of 400 texts that matters", table)


def _interactions(rng: Rng) -> FlatFile:
    x = _numbers(20_000, 10, rng, alike=0.1)
    log_odds = 1.1 * x[:, 0] * x[:, 1] + 0.9 * (x[:, 2] > 0) * (x[:, 3] > 0.3) + 0.4 * x[:, 4]
    y = _chance(log_odds, 0.2, rng)
    return FlatFile("interactions", "20,000 rows, 20%, strong interactions of two", _table(x, again=y))


def _curves(rng: Rng) -> FlatFile:
    x = _numbers(10_000, 12, rng)
    log_odds = (
        0.6 * np.abs(x[:, 0])
        - 0.9 * (x[:, 1] > 0.8)
        + 0.8 * np.sin(1.5 * x[:, 2])
        + 0.5 * np.maximum(x[:, 3], 0)
    )
    y = _chance(log_odds, 0.12, rng)
    return FlatFile(
        "curves", "10,000 rows, 12%, curved and stepped effects", _table(_with_gaps(x, 0.05, rng), again=y)
    )


def _sorted(rng: Rng) -> FlatFile:
    n = 6_000
    x = _numbers(n, 8, rng)
    visits = np.maximum(0, np.round(x[:, 0] * 1.5 + 2)).astype(int)
    kind = rng.choice(["Él", "Ça", "Größe", "plain"], n, p=[0.4, 0.3, 0.2, 0.1])
    y = _chance(0.5 * visits + x[:, 1:4] @ np.array([0.5, 0.4, 0.3]) + 0.6 * (kind == "Größe"), 0.05, rng)
    told = visits.astype(str).astype(object)
    told[rng.random(n) < 0.08] = REFUSED
    told[rng.random(n) < 0.02] = UNKNOWN
    table = _table(x[:, 1:], visits=told, kind=kind, record=np.arange(n), again=y)
    table = table.sort_values(OUTCOME, kind="stable").assign(row_number=np.arange(n))
    says = "6,000 rows, 5%, sorted by outcome, with a running number; texts among numbers; cp1252, ';' and decimal comma"
    how = {"delimiter": ";", "encoding": "cp1252", "decimal": ","}
    return FlatFile("sorted", says, table, how, csv={"sep": ";", "encoding": "cp1252", "decimal": ","})


def _official(rng: Rng) -> FlatFile:
    n = 12_000
    x, kind = _numbers(n, 16, rng), rng.choice(list("abcdefgh"), n)
    y = _chance(x[:, :5] @ np.array([0.6, 0.5, 0.4, 0.3, 0.3]) + 0.5 * np.isin(kind, ["a", "b"]), 0.25, rng)
    side = np.where(rng.random(n) < 0.7, "training", "holdout")
    table = _table(_with_gaps(x, 0.1, rng), kind=kind, sample=side, again=y)
    sides = {"side": {"column": "sample", "train": ["training"], "test": ["holdout"]}}
    return FlatFile(
        "official", "12,000 rows, 25%, official training and test rows", table, sides, design="declared"
    )


def _wide(rng: Rng) -> FlatFile:
    n = 5_000
    x = _numbers(n, 300, rng, alike=0.2)
    y = _chance(x[:, :10] @ np.linspace(0.6, 0.15, 10), 0.1, rng)
    table = _table(_with_gaps(x, 0.05, rng), again=y)
    table["nothing"], table["same"], table["twice"] = "", "k", table["item_1"]
    says = "5,000 rows, 10%, 303 columns: most are noise, one is empty, one constant, one a copy"
    return FlatFile("wide", says, table)


def _half_missing(rng: Rng) -> FlatFile:
    n = 15_000
    x = _numbers(n, 14, rng)
    gaps = rng.random(x.shape) < 1 / (1 + np.exp(-(x - 0.4)))
    log_odds = x[:, :5] @ np.array([0.6, 0.5, 0.4, 0.3, 0.3]) + 0.7 * gaps[:, 5]
    y = _chance(log_odds, 0.25, rng)
    return FlatFile(
        "half_missing",
        "15,000 rows, 25%, two fifths missing, and more often where values are high",
        _table(np.where(gaps, np.nan, x), again=y),
    )


def _large(rng: Rng) -> FlatFile:
    n = 100_000
    x = _numbers(n, 44, rng, alike=0.2)
    kinds = {f"kind_{j}": rng.choice([f"k{i}" for i in range(4 + 3 * j)], n) for j in range(10)}
    flags = {f"flag_{j}": np.where(rng.random(n) < 0.2, "Yes", "No") for j in range(6)}
    log_odds = (
        x[:, :8] @ np.linspace(0.5, 0.1, 8)
        + 0.5 * (kinds["kind_0"] == "k1")
        + 0.6 * (flags["flag_0"] == "Yes")
    )
    y = _chance(log_odds + 0.3 * x[:, 0] * (x[:, 1] > 0), 0.03, rng)
    return FlatFile(
        "large",
        "100,000 rows, 3%, 60 columns of all kinds",
        _table(_with_gaps(x, 0.05, rng), **kinds, **flags, again=y),
    )


def _cancer(_rng: Rng) -> FlatFile:
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return _of("cancer", "shipped with scikit-learn: 569 rows, 63%, breast cancer", found.data, found.target)


def _digits(_rng: Rng) -> FlatFile:
    from sklearn.datasets import load_digits

    found = load_digits()
    return _of(
        "digits", "shipped with scikit-learn: 1,797 rows, 10%, is a digit an 8", found.data, found.target == 8
    )


def _diabetes(_rng: Rng) -> FlatFile:
    from sklearn.datasets import load_diabetes

    found = load_diabetes()
    high = found.target > np.quantile(found.target, 0.75)
    return _of(
        "diabetes",
        "shipped with scikit-learn: 442 rows, 25%, diabetes in the highest quarter",
        found.data,
        high,
    )


def _of(name: str, says: str, values: Floats, outcome: npt.NDArray[np.generic]) -> FlatFile:
    named = {f"item_{j + 1}": values[:, j] for j in range(values.shape[1])}
    return FlatFile(name, says, pd.DataFrame({**named, OUTCOME: outcome.astype(np.int64)}))


_FILES: Mapping[str, Callable[[Rng], FlatFile]] = {
    make.__name__.removeprefix("_"): make
    for make in (
        _rare, _linear, _common, _survey, _many_levels, _interactions, _curves, _sorted, _official, _wide, _half_missing,
        _large, _cancer, _digits, _diabetes,
    )
}  # fmt: skip
FILES = tuple(_FILES)
