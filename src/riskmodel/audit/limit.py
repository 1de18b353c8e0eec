"""A fairness limit for tuning: how far groups differ under some offers. The only place where tuning meets an audited attribute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.models.spec import TuningFairnessSpec
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, FloatArray, IntArray
from riskmodel.validate.metrics import n_people


@dataclass(frozen=True)
class FairnessLimit:
    """Says how far offers exceed a study's tolerance, and nothing about whom they reach.

    Parameters
    ----------
    spec : TuningFairnessSpec
    attributes : AuditedAttributes
        All arrays have one entry per training row.
    outcome : ndarray of int8
    weight : ndarray of float64
    subject_id : ndarray of int64
    """

    spec: TuningFairnessSpec
    attributes: AuditedAttributes
    outcome: npt.NDArray[np.int8]
    weight: FloatArray
    subject_id: IntArray

    def __call__(self, scored: BoolArray, offered: FloatArray) -> float | None:
        """Return the largest difference between a group and everyone else, less the tolerance.

        Parameters
        ----------
        scored : ndarray of bool
            The rows that offers were made to.
        offered : ndarray of float64, shape (scored,)
            Each row's chance of an offer.

        Returns
        -------
        float or None
            At most 0 if the limit is kept; None if no group is large enough to be compared.
        """
        gaps = [gap for name in self.spec.attributes for gap in self._gaps(name, scored, offered)]
        return max(gaps) - self.spec.tolerance if gaps else None

    def _gaps(self, name: str, scored: BoolArray, offered: FloatArray) -> Iterator[float]:
        """Give the difference of each group of an attribute that is large enough, and so is everyone else."""
        group, subject = self.attributes.columns[name][scored], self.subject_id[scored]
        mass, counted = np.ones(len(offered)), np.ones(len(offered), dtype=np.bool_)
        if self.spec.metric == "tpr":
            mass = self.weight[scored]
            counted = (self.outcome[scored] == 1) & (mass > 0)
        for one in np.unique(group):
            own, rest = counted & (group == one), counted & (group != one)
            if min(n_people(subject, own), n_people(subject, rest)) >= self.spec.minimum_people:
                inside, outside = (np.average(offered[side], weights=mass[side]) for side in (own, rest))
                yield abs(float(inside - outside))
