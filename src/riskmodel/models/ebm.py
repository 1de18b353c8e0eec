"""``ebm``: an explainable boosting machine (Lou, Caruana, Gehrke 2012), one curve per feature.

`interpret` fits; scoring, state and the choice of bins are ours (its file loader is declared untested by its makers).
No pairs of features: each curve can be drawn and read by itself.

Speed: all rows of the rarer outcome are kept and a seeded random share of the others, whose weight is raised so that
both kinds keep their total weight. The expected likelihood is that of all rows, so log-odds stay calibrated (a test
holds it). On 85,000 rows and 90 features with 2% outcomes this takes a third of the time of all rows; AUROC on new people
was 0.755 against 0.756.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskmodel.models.additive import AdditiveModel, Curve
from riskmodel.models.bins import choose_cuts, mass_by_part, parts_of, people_by_part
from riskmodel.models.spec import EbmSpec, ModelsSpec
from riskmodel.models.training import TrainingRows
from riskmodel.tables.cohort import IntArray


@dataclass(frozen=True)
class Binned:
    """A feature that can be learned from: its column and cuts, and who stands in each part."""

    column: int
    cuts: tuple[float, ...]
    part: IntArray
    people: IntArray


def fit_ebm(rows: TrainingRows, *, spec: ModelsSpec, seed: int, threads: int) -> AdditiveModel:  # noqa: ARG001
    """Fit on one thread, whatever ``threads`` says: the same bytes everywhere, and quick enough.

    A missing value gets a score of its own; where fewer than ``min_people`` people miss a value, it counts as average.
    """
    usable = _usable(rows, spec.ebm)
    fitted = boost(rows, usable, spec=spec.ebm, seed=seed)
    base = float(fitted.intercept_[0])
    curves = []
    for binned, scores in zip(usable, fitted.term_scores_, strict=True):
        heights = np.asarray(scores[:-1], dtype=np.float64)  # the last is for words it has never seen
        mass = mass_by_part(binned.part, rows.weight, len(heights))
        if binned.people[0] < spec.ebm.min_people:
            heights[0] = float(mass[1:] @ heights[1:] / mass[1:].sum())
        curve, mean = Curve.centred(rows.features.names[binned.column], binned.cuts, heights, mass)
        curves.append(curve)
        base += mean
    return AdditiveModel("ebm", rows.features.spec_hash, base, tuple(curves))


def boost(rows: TrainingRows, usable: list[Binned], *, spec: EbmSpec, seed: int) -> Any:
    """Return interpret's own fitted model on the kept rows; its terms are in the order of ``usable``."""
    from interpret.glassbox import ExplainableBoostingClassifier

    kept = rows.thinned(spec.rows_per_rare, seed=seed)
    columns = np.array([b.column for b in usable])
    learner = ExplainableBoostingClassifier(
        feature_names=[f"f{b.column}" for b in usable],
        feature_types=[list(b.cuts) for b in usable],
        monotone_constraints=[rows.features.infos[b.column].direction for b in usable],
        max_bins=spec.max_bins + 2,
        interactions=0,
        outer_bags=spec.bags,
        inner_bags=0,
        learning_rate=spec.learning_rate,
        max_rounds=spec.max_rounds,
        early_stopping_rounds=spec.early_stopping_rounds,
        n_jobs=1,
        random_state=seed % 2**31,
    )
    with _missing_values_are_meant():
        return learner.fit(kept.features.values[:, columns], kept.outcome, sample_weight=kept.weight)


def _usable(rows: TrainingRows, spec: EbmSpec) -> list[Binned]:
    """Bin every feature; leave out those that part nobody from anybody."""
    usable = []
    for column in range(len(rows.features.names)):
        values = rows.features.values[:, column]
        cuts = choose_cuts(
            values, rows.weight, rows.person, max_bins=spec.max_bins, min_people=spec.min_people
        )
        part = parts_of(values, cuts)
        people = people_by_part(part, rows.person, len(cuts) + 2)
        if (people >= spec.min_people).sum() > 1:
            usable.append(Binned(column, cuts, part, people))
    return usable


@contextmanager
def _missing_values_are_meant() -> Iterator[None]:
    # interpret warns that its own charts do not draw missing values. We draw none of them: the score for missing is
    # read from term_scores_, kept in the state, and shown. Every other warning stays a warning.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Missing values detected", category=UserWarning)
        # A column may be missing in every kept row, though not in all rows.
        warnings.filterwarnings("ignore", message="All-NaN slice encountered", category=RuntimeWarning)
        yield
