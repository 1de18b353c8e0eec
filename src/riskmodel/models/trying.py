"""How useful some settings of a family are: fitted on some rows, scored on others, measured by utility at capacity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from riskmodel.models.abstention import measure_reliance
from riskmodel.models.capacity import offers
from riskmodel.models.families import fit
from riskmodel.models.spec import CapacitySpec, ModelsSpec
from riskmodel.models.training import Timeline
from riskmodel.models.tuning import GoOn, Judged
from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray
from riskmodel.tables.features import FeatureMatrix

BAND = (0.5, 0.7, 1.0, 1.4, 2.0)
"""Multiples of the capacity over which utility is averaged: at one capacity it jumps with every single person at the cut."""

Limit = Callable[[BoolArray, FloatArray], float | None]
"""How far offers to some rows exceed a limit: at most 0 if they keep it, None if it cannot be judged."""


class Step(NamedTuple):
    """Learn from some rows, score others of other households; masks over all rows."""

    learn: BoolArray
    score: BoolArray


@dataclass(frozen=True)
class Trials:
    """What all trials of one search share.

    Parameters
    ----------
    family : str
    features : FeatureMatrix
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
    cohort : Cohort
    steps : sequence of Step
        No row is scored twice.
    capacity : CapacitySpec
    seed : int
    limit : callable, optional
        A fairness limit. It is given offers and returns a number: nothing here knows whom it is about.
    """

    family: str
    features: FeatureMatrix
    outcome: npt.NDArray[np.int8]
    weight: FloatArray
    cohort: Cohort
    steps: Sequence[Step]
    capacity: CapacitySpec
    seed: int
    limit: Limit | None = None

    def judge(self, spec: ModelsSpec, go_on: GoOn = lambda _step, _so_far: True) -> Judged | None:
        """Fit and score step by step.

        Parameters
        ----------
        spec : ModelsSpec
        go_on : callable, optional
            See ``search``.

        Returns
        -------
        Judged or None
            None if given up.
        """
        score = np.full(len(self.outcome), np.nan)
        thin = np.zeros(len(score), dtype=np.bool_)
        for number, step in enumerate(self.steps):
            score[step.score], thin[step.score] = self._scored(step, spec)
            if number + 1 < len(self.steps) and not go_on(
                number, self._measured(score, thin, band=BAND).utility
            ):
                return None
        return self._measured(score, thin, band=BAND, limit=self.limit)

    def _scored(self, step: Step, spec: ModelsSpec) -> tuple[FloatArray, BoolArray]:
        learn, cohort = self.features.take(step.learn), self.cohort
        model = fit(
            self.family,
            learn,
            self.outcome[step.learn],
            self.weight[step.learn],
            spec=spec,
            seed=self.seed,
            threads=1,
            person=cohort.subject_id[step.learn],
            timeline=Timeline(cohort.index_day.astype(np.int64), cohort.household_id).take(step.learn),
        )
        asked = self.features.take(step.score)
        relied = measure_reliance(model, learn, most_missing=spec.abstain.most_missing)
        return model.raw_score(asked), relied.too_thin(asked)

    def _measured(
        self, score: FloatArray, thin: BoolArray, *, band: Sequence[float], limit: Limit | None = None
    ) -> Judged:
        """Measure the rows scored so far; offers are made at each index date among them."""
        rows = np.isfinite(score)
        score, outcome, weight = score[rows], self.outcome[rows], self.weight[rows]
        cohort, harmed = self.cohort.take(rows), (outcome == 1) & (weight > 0)

        def offered(times: float) -> FloatArray:
            share = min(times * self.capacity.share, 1.0)
            capacity = self.capacity.model_copy(update={"share": share})
            return offers(score, cohort, capacity, withheld=thin[rows])

        reached = weight[harmed] * np.mean([offered(times)[harmed] for times in band], axis=0)
        return Judged(
            utility=float(reached.sum() / weight[harmed].sum()) if harmed.any() else 0.0,
            log_loss=float(np.average(np.logaddexp(0.0, score) - outcome * score, weights=weight)),
            excess=None if limit is None else limit(rows, offered(1.0)),
            reached=reached,
            weight=weight[harmed],
        )
